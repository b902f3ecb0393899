//! Files that charge points upload when they are asked for diagnostics.

use crate::calendar::Timestamp;
use crate::record::ChargePointKey;
use std::fmt;

/// The most characters of a name.
const MOST: usize = 100;

/// The name of a file, safe to be shown and to be given to a file on any system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// The name where a charge point gave none.
    pub fn unnamed() -> Self {
        Self("diagnostics".to_owned())
    }

    /// The last part of what a charge point calls a file, a path or an address perhaps. What a name should not have becomes
    /// `_`; of one that is too long its end is kept, as the kind of the file stands there. `None` where nothing is left.
    pub fn of(text: &str) -> Option<Self> {
        let last = text.split(['/', '\\']).rfind(|part| !part.trim().is_empty())?;
        let is_good = |sign: char| sign.is_alphanumeric() || "-_.,+=@()[] ".contains(sign);
        let signs: Vec<char> = last.chars().map(|sign| if is_good(sign) { sign } else { '_' }).collect();
        let kept: String = signs[signs.len().saturating_sub(MOST)..].iter().collect();
        // A dot in front would hide the file, dots and spaces at the end are taken away by some systems.
        let name = kept.trim_matches(['.', ' ']);
        name.contains(char::is_alphanumeric).then(|| Self(name.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file that a charge point has uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiagnosticsFile {
    /// Its number; no other file ever has it.
    pub id: i64,
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// The number of the command that asked for it.
    pub command: i64,
    /// Its name.
    pub name: FileName,
    /// Bytes.
    pub size: i64,
    /// When all of it had come.
    pub received_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (text, expected) in [
            ("diag.zip", Some("diag.zip")),
            ("/var/log/diag 1 (2).tar.gz", Some("diag 1 (2).tar.gz")),
            ("C:\\logs\\diag.txt", Some("diag.txt")),
            ("http://10.0.0.1/a/diag.txt/", Some("diag.txt")),
            ("../../etc/passwd", Some("passwd")),
            ("诊断.log", Some("诊断.log")),
            (".hidden.", Some("hidden")),
            ("a\"b\r\nSet-Cookie: x;\u{202e}gpj", Some("a_b__Set-Cookie_ x__gpj")),
            ("", None),
            ("///", None),
            ("..", None),
            ("???", None),
        ] {
            assert_eq!(FileName::of(text).as_ref().map(FileName::as_str), expected, "{text:?}");
        }
        let long = FileName::of(&format!("{}.zip", "充".repeat(300))).unwrap();
        assert_eq!(long.as_str().chars().count(), MOST);
        assert!(long.as_str().ends_with("充.zip"));
        assert_eq!(FileName::of(long.as_str()), Some(long));
    }
}
