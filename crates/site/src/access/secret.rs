//! What browsers and programs prove themselves by: random, kept as a hash alone.

use bmw_store::SecretHash;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

/// Random bytes of a secret.
const BYTES: usize = 32;
/// Its digits.
const DIGITS: usize = 2 * BYTES;

/// Random bytes; `None`, after a line in the log, when the system gives none.
pub(super) fn random<const LENGTH: usize>() -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system gives no random bytes");
        return None;
    }
    Some(bytes)
}

/// A secret, as its holder has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one; `None`, after a line in the log, when the system gives no random bytes.
    pub(crate) fn random() -> Option<Self> {
        let bytes = random::<BYTES>()?;
        let mut text = String::with_capacity(DIGITS);
        for byte in bytes {
            // Writing to a string does not fail.
            write!(text, "{byte:02x}").ok()?;
        }
        Some(Self(text))
    }

    /// What somebody was told before; `None` for what cannot be one.
    pub(crate) fn told(text: &str) -> Option<Self> {
        read(text).map(|_| Self(text.to_owned()))
    }

    /// What its holder is told, once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> SecretHash {
        hash_of(&self.0)
    }
}

impl fmt::Debug for Secret {
    /// Without its digits: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The hash of what somebody says is a secret; `None` for what cannot be one.
pub(crate) fn read(text: &str) -> Option<SecretHash> {
    let is_one = text.len() == DIGITS && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    is_one.then(|| hash_of(text))
}

fn hash_of(text: &str) -> SecretHash {
    SecretHash(Sha256::digest(text.as_bytes()).into())
}

/// A password that nobody chose: five groups of four letters and digits that are not taken for each other.
pub fn random_password() -> Option<String> {
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = random::<20>()?;
    Some(grouped(bytes.iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)]))))
}

/// In groups of four.
fn grouped(signs: impl Iterator<Item = char>) -> String {
    let signs: Vec<char> = signs.collect();
    let groups: Vec<String> = signs.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The digits of a recovery code: 53 bits, which is why it is hashed like a password. Digits alone, as a phone that is asked for
/// a code offers nothing else.
const CODE_DIGITS: usize = 16;

/// A code that stands in for a second factor, once.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// A new one; `None`, after a line in the log, when the system gives no random bytes.
    pub(super) fn random() -> Option<Self> {
        // There are 1 844 times as many numbers as codes: none is noticeably more likely than another.
        let number = u64::from_le_bytes(random()?) % 10_u64.pow(16);
        Some(Self(grouped(format!("{number:0CODE_DIGITS$}").chars())))
    }

    /// What its owner is told, once.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    /// Without its digits: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

/// The digits of what somebody says is a recovery code, however they are set apart; `None` for what cannot be one.
pub(super) fn code_digits(text: &str) -> Option<String> {
    let signs = text.chars().filter(|sign| !sign.is_whitespace() && *sign != '-').take(CODE_DIGITS + 1);
    let digits: String = signs.collect();
    (digits.len() == CODE_DIGITS && digits.bytes().all(|sign| sign.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_they_were_told_and_no_others() {
        let secret = Secret::random().unwrap();
        assert_ne!(secret, Secret::random().unwrap());
        assert_eq!(read(secret.as_str()), Some(secret.hash()));
        for text in ["", "x", &secret.as_str().to_uppercase(), &secret.as_str()[1..], &"g".repeat(DIGITS)] {
            assert!(read(text).is_none(), "{text}");
        }
        assert_eq!(format!("{secret:?}{:?}", secret.hash()), "SecretSecretHash");
    }

    #[test]
    fn recovery_codes_are_read_however_they_are_written() {
        let code = RecoveryCode::random().unwrap();
        assert_eq!((code.as_str().len(), format!("{code:?}").as_str()), (19, "RecoveryCode"));
        assert_ne!(RecoveryCode::random().unwrap(), code);
        let plain = code.as_str().replace('-', "");
        for text in [code.as_str(), &plain, &format!(" {}\n", code.as_str().replace('-', " "))] {
            assert_eq!(code_digits(text), Some(plain.clone()), "{text}");
        }
        for text in ["", "123456", &plain[1..], &format!("{plain}0"), &format!("{}x", &plain[1..]), &"１".repeat(16)] {
            assert!(code_digits(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_random_password_is_strong() {
        let password = random_password().unwrap();
        assert_eq!(super::super::password::check(&password, "demo"), Ok(()));
        assert_ne!(Some(password), random_password());
    }
}
