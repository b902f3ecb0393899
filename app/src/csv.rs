//! CSV that is safe in spreadsheets.

use std::borrow::Cow;

/// A mark of byte order makes spreadsheets read UTF-8.
pub(crate) const MARK: &str = "\u{feff}";

/// The signs that a formula begins with, for one spreadsheet or another: also as Chinese and Japanese keyboards write them.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Stands before a text that would else be taken for a formula.
const GUARD: &str = "'";

/// A text that no spreadsheet takes for a formula.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    // One that begins with the guard itself has another before it, so that what is read again is what was written.
    if text.starts_with(FORMULA) || text.starts_with(GUARD) {
        Cow::Owned([GUARD, text].concat())
    } else {
        Cow::Borrowed(text)
    }
}

/// What [`guarded`] was given.
#[cfg(feature = "ssr")]
pub(crate) fn unguarded(text: &str) -> &str {
    text.strip_prefix(GUARD).filter(|rest| rest.starts_with(FORMULA) || rest.starts_with(GUARD)).unwrap_or(text)
}

/// A field of text: quoted where CSV needs it, and never taken for a formula.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let text = guarded(text);
    if text.contains(['"', ',', '\n', '\r']) || text.starts_with(GUARD) {
        return Cow::Owned(["\"", &text.replace('"', "\"\""), "\""].concat());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn csv_fields_are_safe() {
        for (text, field) in [
            ("04A1", "04A1"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("＝1+1", "\"'＝1+1\""),
            ("-1", "\"'-1\""),
            ("'=1", "\"''=1\""),
            ("", ""),
        ] {
            assert_eq!(quoted(text), field);
        }
    }

    proptest! {
        #[test]
        fn what_is_guarded_is_read_as_it_was(text in "['=+@＝a-]{0,4}|.{0,8}") {
            let safe = guarded(&text);
            prop_assert!(!safe.starts_with(FORMULA));
            prop_assert_eq!(unguarded(&safe), text.as_str());
        }
    }
}
