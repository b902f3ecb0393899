//! The second factor: codes of six digits that change every 30 s (RFC 6238, with SHA-1: all apps know that and some nothing else).

use super::{password, secret};
use bmw_domain::account::AccountName;
use bmw_domain::calendar::Timestamp;
use bmw_store::{FactorSecret, SecretHash};
use std::fmt::Write as _;
use totp_rs::{Algorithm, Builder, Totp};

/// How long a code holds, s; one step before and after are taken as well, as clocks differ.
const STEP_SECONDS: u64 = 30;
const SKEW: u16 = 1;
const DIGITS: u8 = 6;
/// Who asks for the code, as apps show it.
const ISSUER: &str = "BMW";

/// A new secret; `None`, after a line in the log, when the system gives no random bytes.
pub fn random() -> Option<FactorSecret> {
    secret::random().map(FactorSecret)
}

/// Codes by this secret. `None`, after a line in the log, when that cannot be.
fn totp(secret: &FactorSecret) -> Option<Totp> {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_skew(SKEW);
    match builder.with_step_duration(STEP_SECONDS).with_secret(secret.0).build() {
        Ok(totp) => Some(totp),
        Err(error) => {
            tracing::error!(%error, "a second factor cannot be used");
            None
        }
    }
}

/// The step of a code, if it holds now. Digits may be set apart.
pub fn step_of(secret: &FactorSecret, code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|sign| !sign.is_whitespace()).take(usize::from(DIGITS) + 1).collect();
    let seconds = u64::try_from(now.0).ok()? / 1000;
    totp(secret)?.check(&digits, seconds).and_then(|step| i64::try_from(step).ok())
}

/// The hash of a recovery code's digits, salted by the secret that it stands in for: that is random and its account's alone.
/// `None`, after a line in the log, when that cannot be. Takes as long as a password.
pub fn recovery_hash(secret: &FactorSecret, digits: &str) -> Option<SecretHash> {
    password::lookup_hash(digits, &secret.0).map(SecretHash)
}

/// The secret as it is typed into an app.
pub fn base32(secret: &FactorSecret) -> String {
    totp_rs::Secret::from(secret.0).to_base32()
}

/// The address by which an app takes the secret over (Google Authenticator's key URI format).
pub fn address(secret: &FactorSecret, account: &AccountName) -> String {
    let mut label = String::new();
    for byte in account.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            label.push(char::from(byte));
        } else if write!(label, "%{byte:02X}").is_err() {
            // Writing to a string does not fail.
            break;
        }
    }
    let secret = base32(secret);
    format!(
        "otpauth://totp/{ISSUER}:{label}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    const SECRET: FactorSecret = FactorSecret(*b"12345678901234567890");

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000 + 999)
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // Its codes have eight digits; ours are the last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(&SECRET, code, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_holds_one_step_before_and_after_its_own() {
        let (step, code) = (1_111_111_111 / 30, "050471");
        for (distance, holds) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let now = at((step + distance) * 30);
            assert_eq!(step_of(&SECRET, code, now), holds.then_some(step), "{distance}");
        }
        for (text, is_read) in
            [("050 471", true), (" 050471\n", true), ("50471", false), ("0504711", false), ("", false)]
        {
            assert_eq!(step_of(&SECRET, text, at(1_111_111_111)).is_some(), is_read, "{text:?}");
        }
        for text in ["05047x", "０５０４７１", "-50471", "+50471"] {
            assert_eq!(step_of(&SECRET, text, at(1_111_111_111)), None, "{text}");
        }
        assert_eq!(step_of(&SECRET, code, Timestamp(-1)), None, "before 1970 there are none");
    }

    #[test]
    fn a_recovery_code_is_hashed_for_its_account_alone() {
        let hash = recovery_hash(&SECRET, "1234567890123456");
        assert!(hash.is_some() && hash == recovery_hash(&SECRET, "1234567890123456"));
        assert_ne!(hash, recovery_hash(&SECRET, "1234567890123457"));
        assert_ne!(hash, recovery_hash(&FactorSecret([7; 20]), "1234567890123456"));
    }

    #[test]
    fn apps_take_the_secret_over() {
        assert_eq!(base32(&SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let name = AccountName::new("Änna+1@x").unwrap();
        let address = address(&SECRET, &name);
        let expected = "otpauth://totp/BMW:%C3%84nna%2B1%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=BMW\
                        &algorithm=SHA1&digits=6&period=30";
        assert_eq!(address, expected);
        assert_ne!(random(), random());
    }
}
