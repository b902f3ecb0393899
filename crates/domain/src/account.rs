//! Accounts: who may do what, and what names and passwords must be. How strong a password is, is judged elsewhere.

use crate::calendar::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What somebody is on this site. Each may do all that the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Sees everything.
    Viewer,
    /// Gives commands and keeps the cards.
    Operator,
    /// Keeps settings, accounts and charge points.
    Administrator,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// To see the documented routes, the feed and the pages.
    Read,
    /// To see card numbers, raw frames and logs of commands, and to download.
    ReadSensitive,
    /// To give commands to charge points.
    Command,
    /// To change the cards that may charge.
    Cards,
    /// To take in charge points that asked to join, and to keep their passwords.
    Admit,
    /// To change the settings.
    Settings,
    /// To change accounts.
    Users,
    /// To see who did what.
    Audit,
}

impl Right {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::ReadSensitive,
        Self::Command,
        Self::Cards,
        Self::Admit,
        Self::Settings,
        Self::Users,
        Self::Audit,
    ];

    /// The least role that has it.
    pub const fn least(self) -> Role {
        match self {
            Self::Read | Self::ReadSensitive => Role::Viewer,
            Self::Command | Self::Cards => Role::Operator,
            Self::Admit | Self::Settings | Self::Users | Self::Audit => Role::Administrator,
        }
    }
}

impl Role {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// Its word in forms and in the store.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether it has a right.
    pub fn may(self, right: Right) -> bool {
        self >= right.least()
    }
}

/// The name of the program itself at the terminal, as the audit log has it: no new account has it.
pub const TERMINAL: &str = "terminal";
/// The most characters of a name.
pub const NAME_MOST: usize = 64;
/// The least and the most characters of a password.
pub const PASSWORD_LEAST: usize = 10;
/// See [`PASSWORD_LEAST`].
pub const PASSWORD_MOST: usize = 256;

/// The name of an account: 1–64 letters, digits and `@.+-_`, equal to others ignoring case.
#[derive(Debug, Clone)]
pub struct AccountName(String);

impl AccountName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`AccountFault::Name`].
    pub fn new(text: &str) -> Result<Self, AccountFault> {
        let is_good = |sign: char| sign.is_alphanumeric() || "@.+-_".contains(sign);
        let is_long_enough = (1..=NAME_MOST).contains(&text.chars().count());
        if is_long_enough && text.chars().all(is_good) { Ok(Self(text.to_owned())) } else { Err(AccountFault::Name) }
    }

    /// Reads the name of a new account: none that is the program's own.
    ///
    /// # Errors
    /// [`AccountFault::Name`] or [`AccountFault::Reserved`].
    pub fn of_new(text: &str) -> Result<Self, AccountFault> {
        let name = Self::new(text)?;
        if name.key() == TERMINAL { Err(AccountFault::Reserved) } else { Ok(name) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two that are equal are the same.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for AccountName {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for AccountName {}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a name or a password. `Display` is the English message of the terminal and of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFault {
    /// No name of an account, or of a token.
    Name,
    /// The name is the program's own.
    Reserved,
    /// The password is too short.
    Short,
    /// The password is too long.
    Long,
    /// The password is easily guessed.
    Weak,
}

impl fmt::Display for AccountFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "A name has 1 to {NAME_MOST} letters, digits and @.+-_ characters."),
            Self::Reserved => f.write_str("This name is the program's own."),
            Self::Short => write!(f, "The password must have at least {PASSWORD_LEAST} characters."),
            Self::Long => write!(f, "The password must have no more than {PASSWORD_MOST} characters."),
            Self::Weak => f.write_str("The password is too easily guessed."),
        }
    }
}

impl std::error::Error for AccountFault {}

/// Checks how long a password is.
///
/// # Errors
/// [`AccountFault::Short`] or [`AccountFault::Long`].
pub fn check_length(password: &str) -> Result<(), AccountFault> {
    match password.chars().count() {
        ..PASSWORD_LEAST => Err(AccountFault::Short),
        PASSWORD_LEAST..=PASSWORD_MOST => Ok(()),
        _ => Err(AccountFault::Long),
    }
}

/// The number of an account; no other one ever has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey(pub i64);

/// An account, without what proves that somebody is its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub key: AccountKey,
    /// Its name.
    pub name: AccountName,
    /// What its owner is.
    pub role: Role,
    /// Whether nobody gets in by it.
    pub is_disabled: bool,
    /// Whether a code is asked for besides the password.
    pub has_second_factor: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A sign-in of a person: a browser that needs no password until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub account: AccountKey,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// From where it began.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
}

/// A token of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramToken {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub account: AccountKey,
    /// What it is for.
    pub name: String,
    /// The most that it may; never more than its account.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` for one that does not.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_may() {
        use Right::{Admit, Audit, Cards, Command, Read, ReadSensitive, Settings, Users};
        let rights = |role: Role| Right::ALL.into_iter().filter(|right| role.may(*right)).collect::<Vec<_>>();
        assert_eq!(rights(Role::Viewer), [Read, ReadSensitive]);
        assert_eq!(rights(Role::Operator), [Read, ReadSensitive, Command, Cards]);
        assert_eq!(rights(Role::Administrator), [Read, ReadSensitive, Command, Cards, Admit, Settings, Users, Audit]);
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_word("Administrator"), None);
    }

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "Anna.Schmidt", "张伟", "ops+night@site_1"] {
            assert_eq!(AccountName::new(name).unwrap().as_str(), name);
        }
        for name in ["", " ", "a b", "a\n", "<b>", "a/b", "a\u{200b}", &"x".repeat(65)] {
            assert_eq!(AccountName::new(name), Err(AccountFault::Name), "{name:?}");
        }
        assert_eq!(AccountName::of_new("Terminal"), Err(AccountFault::Reserved));
        assert_eq!(AccountName::of_new("terminal2"), AccountName::new("terminal2"));
        assert!(AccountName::new(TERMINAL).is_ok(), "one that exists goes on");
        assert_eq!(AccountName::new("ÄNNA"), AccountName::new("änna"));
        assert_ne!(AccountName::new("anna"), AccountName::new("anno"));
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(check_length("123456789"), Err(AccountFault::Short));
        assert_eq!(check_length("一二三四五六七八九十"), Ok(()));
        assert_eq!(check_length(&"x".repeat(PASSWORD_MOST)), Ok(()));
        assert_eq!(check_length(&"x".repeat(PASSWORD_MOST + 1)), Err(AccountFault::Long));
    }
}
