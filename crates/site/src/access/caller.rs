//! Who asks, and what he may. All that changes something or gives something sensitive takes a [`Caller`] and asks him for
//! his right.

use crate::Clock;
use crate::secrets::masked_in_audit;
use bmw_domain::account::{AccountKey, AccountName, Right, Role, TERMINAL};
use bmw_store::{AuditEntry, StoreError};
use std::net::IpAddr;
use std::sync::Arc;

/// Who asks. Cheap to clone. One of whom nothing is known may nothing.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    who: Option<Arc<Who>>,
    address: Option<IpAddr>,
    /// Whether everybody may read.
    public_read: bool,
}

/// Somebody who has proven who he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// His account.
    pub account: AccountKey,
    /// Its name.
    pub name: AccountName,
    /// What he may.
    pub role: Role,
    /// By what he has proven it.
    pub by: By,
}

/// By what somebody has proven who he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A person's sign-in, by its number.
    SignIn(i64),
    /// A program's token: its number and its name.
    Token(i64, String),
    /// The program itself, at the terminal.
    Terminal,
}

/// Why something is refused to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody has signed in.
    #[error("Authentication credentials were not provided.")]
    NotSignedIn,
    /// The token is none, was revoked, or has expired.
    #[error("Invalid token.")]
    BadToken,
    /// He may not do that.
    #[error("You do not have permission to perform this action.")]
    NotAllowed,
}

/// Why something was not done for a caller.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// He may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Caller {
    /// One who has not proven who he is.
    pub const fn nobody(address: IpAddr, public_read: bool) -> Self {
        Self { who: None, address: Some(address), public_read }
    }

    /// One who has.
    pub(super) fn known(who: Who, address: IpAddr, public_read: bool) -> Self {
        Self { who: Some(Arc::new(who)), address: Some(address), public_read }
    }

    /// The program itself, which may everything.
    ///
    /// # Panics
    /// Never: the name is a constant that fits.
    pub fn terminal() -> Self {
        let who = AccountName::new(TERMINAL)
            .ok()
            .map(|name| Arc::new(Who { account: AccountKey(0), name, role: Role::Administrator, by: By::Terminal }));
        Self { who, address: None, public_read: true }
    }

    /// The same, who has lost what he had proven.
    #[must_use]
    pub fn lost(self) -> Self {
        Self { who: None, ..self }
    }

    /// One who may read, if this one may, and nothing else: he sees what everybody sees where reading is open.
    #[must_use]
    pub fn only_reading(self) -> Self {
        let public_read = self.may(Right::Read);
        Self { who: None, public_read, ..self }
    }

    /// Who he is, if he has proven it.
    pub fn who(&self) -> Option<&Who> {
        self.who.as_deref()
    }

    /// What he is, if he has proven it.
    pub fn role(&self) -> Option<Role> {
        self.who().map(|who| who.role)
    }

    /// From where he asks.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Whether he may do this.
    pub fn may(&self, right: Right) -> bool {
        self.role().is_some_and(|role| role.may(right)) || right == Right::Read && self.public_read
    }

    /// Refuses what he may not do.
    ///
    /// # Errors
    /// [`Denied::NotSignedIn`] or [`Denied::NotAllowed`].
    pub fn check(&self, right: Right) -> Result<(), Denied> {
        match self.who() {
            _ if self.may(right) => Ok(()),
            None => Err(Denied::NotSignedIn),
            Some(_) => Err(Denied::NotAllowed),
        }
    }

    /// The person at a browser: what is a person's own is no matter of his programs.
    ///
    /// # Errors
    /// [`Denied::NotSignedIn`] or [`Denied::NotAllowed`].
    pub(super) fn person(&self) -> Result<(&Who, i64), Denied> {
        let who = self.who().ok_or(Denied::NotSignedIn)?;
        match who.by {
            By::SignIn(id) => Ok((who, id)),
            By::Token(..) | By::Terminal => Err(Denied::NotAllowed),
        }
    }

    /// The entry of the audit log for what is being done: its kind, and JSON before and after. What it is done on is added by
    /// [`AuditEntry::on`]. One of whom nothing is known stands for the site itself.
    pub fn entry(&self, action: &str, before: String, after: String) -> AuditEntry {
        let actor = match self.who() {
            None => String::new(),
            Some(Who { name, by: By::Token(_, token), .. }) => format!("{name} ({token})"),
            Some(who) => who.name.to_string(),
        };
        let origin = self.address.map(|address| address.to_canonical().to_string());
        let origin = origin.or_else(|| self.who.as_ref().map(|_| TERMINAL.to_owned())).unwrap_or_default();
        let (before, after) = (masked_in_audit(&before), masked_in_audit(&after));
        let (action, subject) = (action.to_owned(), String::new());
        AuditEntry { at: Clock::real(), actor, origin, action, subject, before, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: Option<Role>, public_read: bool) -> Caller {
        let address = IpAddr::from([10, 0, 0, 1]);
        let name = AccountName::new("anna").unwrap();
        match role {
            None => Caller::nobody(address, public_read),
            Some(role) => {
                Caller::known(Who { account: AccountKey(1), name, role, by: By::SignIn(1) }, address, public_read)
            }
        }
    }

    #[test]
    fn nobody_may_read_where_everybody_may_and_nothing_else() {
        for right in Right::ALL {
            assert_eq!(of(None, true).may(right), right == Right::Read, "{right:?}");
            assert!(!of(None, false).may(right) && !Caller::default().may(right), "{right:?}");
            assert!(of(Some(Role::Administrator), false).may(right), "{right:?}");
        }
        assert_eq!(of(None, true).check(Right::Command), Err(Denied::NotSignedIn));
        assert_eq!(of(Some(Role::Viewer), true).check(Right::Command), Err(Denied::NotAllowed));
        assert_eq!(of(Some(Role::Operator), false).check(Right::Command), Ok(()));
    }

    #[test]
    fn the_audit_log_tells_programs_from_people() {
        let mut caller = of(Some(Role::Viewer), true);
        assert_eq!(caller.entry("x", String::new(), String::new()).actor, "anna");
        let who = Who { by: By::Token(1, "meter".to_owned()), ..caller.who().unwrap().clone() };
        caller.who = Some(Arc::new(who));
        let entry = caller.entry("x", String::new(), String::new());
        assert_eq!((entry.actor.as_str(), entry.origin.as_str()), ("anna (meter)", "10.0.0.1"));
        assert!(caller.person().is_err(), "a program is no person");
        let of = |caller: &Caller| {
            let entry = caller.entry("x", String::new(), String::new());
            (entry.actor, entry.origin)
        };
        assert_eq!(of(&Caller::terminal()), ("terminal".to_owned(), "terminal".to_owned()));
        assert_eq!(of(&Caller::default()), (String::new(), String::new()), "the site itself");
        assert_eq!(of(&caller.lost()), (String::new(), "10.0.0.1".to_owned()));
    }
}
