//! Passwords: how they are kept, and which ones are too weak.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use bmw_domain::account::{self, AccountFault};
use zxcvbn::Score;

/// What one hash costs: KiB, rounds and lanes, as OWASP's cheat sheet on password storage has them for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Words that everybody tries here.
const OWN_WORDS: [&str; 6] = ["bmw", "charger", "charging", "ocpp", "evse", "site"];

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password, as a PHC string. `None`, after a line in the log, when that cannot be. Takes a while.
pub fn hash(password: &str) -> Option<String> {
    match argon2()?.hash_password(password.as_bytes()) {
        Ok(hash) => Some(hash.to_string()),
        Err(error) => {
            tracing::error!(%error, "a password cannot be hashed");
            None
        }
    }
}

/// Whether a password is the one of a hash. Takes a while, as long for any password.
pub fn is_right(password: &str, hash: &str) -> bool {
    argon2().is_some_and(|argon2| argon2.verify_password(password.as_bytes(), hash).is_ok())
}

/// Hashes what is looked up by its hash, with a salt that only its owner has. `None`, after a line in the log, when that cannot
/// be. Takes as long as a password.
pub fn lookup_hash(text: &str, salt: &[u8]) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    match argon2()?.hash_password_into(text.as_bytes(), salt, &mut hash) {
        Ok(()) => Some(hash),
        Err(error) => {
            tracing::error!(%error, "a code cannot be hashed");
            None
        }
    }
}

/// Checks a password for an account of this name. Takes a moment.
///
/// # Errors
/// Too short, too long, or too easily guessed.
pub fn check(password: &str, name: &str) -> Result<(), AccountFault> {
    account::check_length(password)?;
    let mut known = OWN_WORDS.to_vec();
    known.push(name);
    if zxcvbn::zxcvbn(password, &known).score() < Score::Three { Err(AccountFault::Weak) } else { Ok(()) }
}

/// Whether a password of a charge point of this identity is so strong that it may be tried at for long. Takes a moment.
pub fn is_strong(password: &str, identity: &str) -> bool {
    let mut known = OWN_WORDS.to_vec();
    known.push(identity);
    zxcvbn::zxcvbn(password, &known).score() == Score::Four
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_easily_guessed_is_refused() {
        for password in
            ["password12", "1234567890", "qwertyuiop", "aaaaaaaaaaaaaaa", "chargingbmw", "anna.schmidt1", "2015-12-28"]
        {
            assert_eq!(check(password, "anna.schmidt"), Err(AccountFault::Weak), "{password}");
        }
        assert_eq!(check("short", "anna"), Err(AccountFault::Short));
        for password in ["correct horse battery staple", "kF9-wuz2-pQx", "电桩在院子里左边第三个"] {
            assert_eq!(check(password, "anna"), Ok(()), "{password}");
        }
    }

    #[test]
    fn a_hash_is_of_one_password_and_never_the_same() {
        let (one, two) = (hash("correct horse").unwrap(), hash("correct horse").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(is_right("correct horse", &one) && is_right("correct horse", &two));
        assert!(!is_right("correct horsE", &one) && !is_right("", &one) && !is_right("x", "no hash"));
    }
}
