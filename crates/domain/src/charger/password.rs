//! Passwords by which charge points prove who they are: HTTP Basic, with the identity as the user's name (OCPP 1.6 security
//! whitepaper, edition 3: profiles 1 and 2, and the key `AuthorizationKey`).

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The configuration key that holds the password. It is written to a charge point and never read from it.
pub const AUTHORIZATION_KEY: &str = "AuthorizationKey";
/// The least and the most characters of a password that a person sets: the whitepaper has 16 to 40 hexadecimal digits, and charge
/// points that take other signs take as many.
pub const TYPED_LEAST: usize = 16;
/// See [`TYPED_LEAST`].
pub const TYPED_MOST: usize = 40;
/// The least and the most bytes that count as a password when a charge point brings them: 16 digits may come as the 8 bytes that
/// they stand for, and later versions of the protocol have 64 signs at most.
pub const BROUGHT_LEAST: usize = 8;
/// See [`BROUGHT_LEAST`].
pub const BROUGHT_MOST: usize = 64;

/// Where a password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PasswordOrigin {
    /// A person has thought of it.
    Typed,
    /// The site has made it, of 160 random bits.
    Random,
    /// The charge point brought it when it had none.
    FirstUse,
}

impl PasswordOrigin {
    /// All, with the words that they are stored by.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Typed, "typed"), (Self::Random, "random"), (Self::FirstUse, "first_use")];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(origin, _)| *origin == self).map_or("", |(_, word)| word)
    }

    /// The origin of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(origin, _)| origin)
    }
}

/// By what a connection is secured, as the whitepaper counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Security {
    /// The charge point has proven who it is.
    pub is_proven: bool,
    /// Nobody reads along.
    pub is_encrypted: bool,
}

impl Security {
    /// The number of the security profile. TLS alone is none: whoever comes is believed.
    pub const fn profile(self) -> u8 {
        match (self.is_proven, self.is_encrypted) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        }
    }
}

/// What is wrong with a password that a person wants to set. `Display` is the English message of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    /// It is too short, too long, or has signs that not every charge point takes.
    Form,
    /// It is easily guessed.
    Weak,
}

impl fmt::Display for PasswordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                write!(f, "The password must have {TYPED_LEAST} to {TYPED_MOST} visible ASCII characters and no space.")
            }
            Self::Weak => f.write_str("The password is too easily guessed."),
        }
    }
}

/// Whether a password that a person wants to set can be one. How strong it is, is judged elsewhere.
///
/// # Errors
/// [`PasswordFault::Form`].
pub fn check_form(password: &str) -> Result<(), PasswordFault> {
    let is_good =
        (TYPED_LEAST..=TYPED_MOST).contains(&password.len()) && password.bytes().all(|it| it.is_ascii_graphic());
    if is_good { Ok(()) } else { Err(PasswordFault::Form) }
}

/// Whether what a charge point brings is long enough to be a password, and not too long.
pub fn can_be_password(brought: &[u8]) -> bool {
    (BROUGHT_LEAST..=BROUGHT_MOST).contains(&brought.len())
}

/// The bytes that a password stands for. Hexadecimal digits stand for bytes, and some charge points send these bytes, others the
/// digits, in either case: all of them mean the same.
pub fn meaning(password: &[u8]) -> Cow<'_, [u8]> {
    let is_hex = (TYPED_LEAST..=TYPED_MOST).contains(&password.len())
        && password.len().is_multiple_of(2)
        && password.iter().all(u8::is_ascii_hexdigit);
    if !is_hex {
        return Cow::Borrowed(password);
    }
    let digit = |sign: u8| char::from(sign).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
    password.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_either_case_and_the_bytes_that_they_stand_for_are_the_same() {
        let bytes = [0x00, 0x1f, 0xab, 0xcd, 0xef, 0x80, 0x7f, 0xff];
        for password in ["001fabcdef807fff", "001FABCDEF807FFF", "001fAbCdEf807fFf"] {
            assert_eq!(*meaning(password.as_bytes()), bytes, "{password}");
        }
        assert_eq!(*meaning(&bytes), bytes);
        // Text is text: too short for a key, an odd number of digits, or other signs.
        for text in ["abcdef", "0123456789abcdef0", "0123456789abcdeg", ""] {
            assert_eq!(*meaning(text.as_bytes()), *text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn what_a_person_sets_can_be_entered_at_every_charge_point() {
        for good in ["0123456789abcdef", &"x".repeat(40), "a:b@c/d?e#f%g&h!"] {
            assert_eq!(check_form(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "short",
            &"x".repeat(15),
            &"x".repeat(41),
            "with a space in it",
            "umläute-are-no-ascii",
            "tab\tin-the-middle-of",
        ] {
            assert_eq!(check_form(bad), Err(PasswordFault::Form), "{bad}");
        }
    }

    #[test]
    fn profiles_are_counted_as_in_the_whitepaper() {
        let profile = |is_proven, is_encrypted| Security { is_proven, is_encrypted }.profile();
        assert_eq!(
            [profile(false, false), profile(false, true), profile(true, false), profile(true, true)],
            [0, 0, 1, 2]
        );
    }

    #[test]
    fn origins_have_words() {
        for (origin, word) in PasswordOrigin::ALL {
            assert_eq!((origin.word(), PasswordOrigin::from_word(word)), (word, Some(origin)));
        }
    }
}
