//! What people do with accounts: administrators with all, everybody with his own.

use super::entering::Arriving;
use super::places::Whose;
use super::second::Proof;
use super::{
    Access, AccessError, By, Caller, DAY_MS, Denied, FETCHED, LiveToken, SignedIn, TOKENS_MOST, Visitor, password,
};
use crate::Clock;
use bmw_domain::account::{Account, AccountFault, AccountKey, AccountName, ProgramToken, Right, Role, SignIn};
use bmw_domain::calendar::Timestamp;
use bmw_store::{NewAccount, StoreError, StoredAccount};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The most days that a token is made for.
const TOKEN_DAYS_MOST: i64 = 3_650;

/// What is cut off when an account changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing: what it may is looked up each time.
    Nothing,
    /// All sign-ins and tokens.
    All,
}

/// A token that somebody wants for a program.
#[derive(Debug, Clone, Copy)]
pub struct NewOwnToken<'a> {
    /// What it is for.
    pub name: &'a str,
    /// The most that it may.
    pub role: Role,
    /// How long it holds; `None` for one that does not end.
    pub days: Option<i64>,
}

/// What the audit log keeps of an account.
pub(super) fn told(account: &Account) -> String {
    json!({
        "name": account.name.as_str(),
        "role": account.role.word(),
        "disabled": account.is_disabled,
        "second_factor": account.has_second_factor,
    })
    .to_string()
}

impl Access {
    /// All accounts, in the order in which they were added.
    ///
    /// # Errors
    /// For those who may not change accounts; the store's.
    pub async fn accounts(&self, caller: &Caller) -> Result<Vec<Account>, AccessError> {
        caller.check(Right::Users)?;
        Ok(self.store.accounts().await?.accounts.into_iter().map(|stored| stored.account).collect())
    }

    /// Adds an account.
    ///
    /// # Errors
    /// For those who may not; a name or password that cannot be one; a name that is taken.
    pub async fn add_account(
        self: &Arc<Self>,
        caller: &Caller,
        name: &str,
        password: &str,
        role: Role,
    ) -> Result<AccountKey, AccessError> {
        Self::check_users(caller)?;
        let name = AccountName::of_new(name)?;
        let password_hash = self.new_hash(&name, password).await?;
        let caller = caller.clone();
        self.in_step(async move |access| {
            access.check_still(&caller)?;
            let at = Clock::real();
            let new = NewAccount { name, role, password_hash, at };
            let mut account = Account {
                key: AccountKey(0),
                name: new.name.clone(),
                role,
                is_disabled: false,
                has_second_factor: false,
                created_at: at,
            };
            let entry = caller.entry("account.add", "null".to_owned(), told(&account)).on(account.name.as_str());
            account.key = access.store.add_account(&new, &entry).await.map_err(|error| match error {
                StoreError::Exists(_) => AccessError::Exists,
                error => error.into(),
            })?;
            let key = account.key;
            access.known_mut().accounts.insert(key, Arc::new(account));
            Ok(key)
        })
        .await
    }

    /// Gives an account another role.
    ///
    /// # Errors
    /// For those who may not, and for one's own account.
    pub async fn set_role(self: &Arc<Self>, caller: &Caller, key: AccountKey, role: Role) -> Result<(), AccessError> {
        Self::check_other(caller, key)?;
        self.change(caller, key, "account.role", move |stored| stored.account.role = role, Cut::Nothing).await
    }

    /// Lets nobody in by an account any more, or again.
    ///
    /// # Errors
    /// For those who may not, and for one's own account.
    pub async fn set_disabled(
        self: &Arc<Self>,
        caller: &Caller,
        key: AccountKey,
        is_disabled: bool,
    ) -> Result<(), AccessError> {
        Self::check_other(caller, key)?;
        let action = if is_disabled { "account.disable" } else { "account.enable" };
        let cut = if is_disabled { Cut::All } else { Cut::Nothing };
        self.change(caller, key, action, move |stored| stored.account.is_disabled = is_disabled, cut).await
    }

    /// Gives an account another password; who was in by it is out.
    ///
    /// # Errors
    /// For those who may not, and for a password that cannot be one.
    pub async fn reset_password(
        self: &Arc<Self>,
        caller: &Caller,
        key: AccountKey,
        password: &str,
    ) -> Result<(), AccessError> {
        // One's own is changed by who knows the old one.
        Self::check_other(caller, key)?;
        let hash = self.hash_for(key, password).await?;
        self.change(caller, key, "account.password", move |stored| stored.password_hash = hash, Cut::All).await
    }

    /// Changes one's own password. One's sign-ins end, and one's tokens: whoever knew the old one may have made some. The browser
    /// in which it is done is signed in anew: who has copied its cookie has nothing any more.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] when the old one is not that; a new one that cannot be one.
    pub async fn change_password(
        self: &Arc<Self>,
        caller: &Caller,
        old: &str,
        new: &str,
        visitor: Visitor<'_>,
    ) -> Result<SignedIn, AccessError> {
        let (who, _) = caller.person()?;
        bmw_domain::account::check_length(new)?;
        let proven = self.prove(who.name.as_str(), old, visitor).await?;
        self.succeeded(&proven);
        let hash = self.hash_for(who.account, new).await?;
        let change = move |stored: &mut StoredAccount| stored.password_hash = hash;
        let arriving = Arriving::new(visitor).ok_or(AccessError::Inside)?;
        let (caller, key) = (caller.clone(), who.account);
        self.in_step(async move |access| {
            let account = access.change_now(&caller, key, "account.password", change, Cut::All).await?;
            access.begin(&account, arriving).await
        })
        .await
    }

    /// One's own sign-ins that hold, newest first.
    ///
    /// # Errors
    /// For those who are no person that has signed in, as of all that follow.
    pub fn sign_ins(&self, caller: &Caller) -> Result<Vec<SignIn>, Denied> {
        let (who, _) = caller.person()?;
        let (known, now) = (self.known(), Clock::real());
        let own = known.sign_ins_of(who.account).into_iter().rev().filter(|live| live.holds(now));
        Ok(own.map(|live| SignIn { last_seen: live.last_seen(), ..live.stored.sign_in.clone() }).collect())
    }

    /// Ends one of one's own sign-ins.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] for one that is none.
    pub async fn end_sign_in(self: &Arc<Self>, caller: &Caller, id: i64) -> Result<(), AccessError> {
        if !self.sign_ins(caller)?.iter().any(|sign_in| sign_in.id == id) {
            return Err(AccessError::Unknown);
        }
        self.end(caller, vec![id]).await
    }

    /// Ends all of one's own sign-ins but this one.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_other_sign_ins(self: &Arc<Self>, caller: &Caller) -> Result<(), AccessError> {
        let (_, this) = caller.person()?;
        let others = self.sign_ins(caller)?.into_iter().map(|sign_in| sign_in.id).filter(|id| *id != this);
        self.end(caller, others.collect()).await
    }

    /// Signs out.
    ///
    /// # Errors
    /// The store's.
    pub async fn sign_out(self: &Arc<Self>, caller: &Caller) -> Result<(), AccessError> {
        let (_, this) = caller.person()?;
        self.end(caller, vec![this]).await
    }

    /// One's own tokens, newest first.
    ///
    /// # Errors
    /// For those who are no person that has signed in.
    pub fn tokens(&self, caller: &Caller) -> Result<Vec<ProgramToken>, Denied> {
        let (who, _) = caller.person()?;
        let known = self.known();
        let shown = |live: &Arc<LiveToken>| {
            let last_used = Some(live.last_used.load(Ordering::Relaxed)).filter(|at| *at > 0).map(Timestamp);
            ProgramToken { last_used, ..live.stored.token.clone() }
        };
        Ok(known.tokens_of(who.account).into_iter().rev().map(shown).collect())
    }

    /// Makes a token, which may no more than its owner and holds for so many days. It is told this once. It may outlast the
    /// sign-in, so its owner proves himself again: by his password, and the code of his second factor where he has one.
    ///
    /// # Errors
    /// A name that cannot be one, a role above one's own, too many tokens; [`AccessError::Wrong`] and [`AccessError::WrongCode`].
    pub async fn add_token(
        self: &Arc<Self>,
        caller: &Caller,
        wanted: NewOwnToken<'_>,
        proof: Proof<'_>,
    ) -> Result<super::Secret, AccessError> {
        let (who, _) = caller.person()?;
        let NewOwnToken { name, role, days } = wanted;
        let name = bmw_domain::field::printable(name.trim(), 64).map_err(|_| AccountFault::Name)?;
        // Those of that name come and go by themselves.
        if name == FETCHED {
            return Err(AccountFault::Name.into());
        }
        if role > who.role {
            return Err(Denied::NotAllowed.into());
        }
        let days = days.map(|days| days.clamp(1, TOKEN_DAYS_MOST));
        self.prove_person(caller, proof).await?;
        let (caller, account) = (caller.clone(), who.account);
        self.in_step(async move |access| {
            access.check_still(&caller)?;
            if access.known().tokens_of(account).len() >= TOKENS_MOST {
                return Err(AccessError::TooMany);
            }
            let expires_at = days.map(|days| Clock::real().plus(days * DAY_MS));
            access.put_token(&caller, account, &name, role, expires_at).await
        })
        .await
    }

    /// Revokes one of one's own tokens.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] for one that is none.
    pub async fn remove_token(self: &Arc<Self>, caller: &Caller, id: i64) -> Result<(), AccessError> {
        if !self.tokens(caller)?.iter().any(|token| token.id == id) {
            return Err(AccessError::Unknown);
        }
        let caller = caller.clone();
        self.in_step(async move |access| access.remove_ids(&caller, &[id]).await).await
    }

    async fn end(self: &Arc<Self>, caller: &Caller, ids: Vec<i64>) -> Result<(), AccessError> {
        let caller = caller.clone();
        self.in_step(async move |access| access.end_ids(&caller, &ids).await).await
    }

    /// A stored account, as it is now.
    pub(super) async fn stored(&self, key: AccountKey) -> Result<StoredAccount, AccessError> {
        let stored = self.store.accounts().await?.accounts;
        stored.into_iter().find(|stored| stored.account.key == key).ok_or(AccessError::Unknown)
    }

    async fn hash_for(&self, key: AccountKey, password: &str) -> Result<String, AccessError> {
        let name = self.stored(key).await?.account.name;
        self.new_hash(&name, password).await
    }

    /// The hash of a new password, if it can be one.
    async fn new_hash(&self, name: &AccountName, password: &str) -> Result<String, AccessError> {
        bmw_domain::account::check_length(password)?;
        let (name, password) = (name.as_str().to_owned(), password.to_owned());
        let hash = self
            .beside(Whose::Known, move || password::check(&password, &name).map(|()| password::hash(&password)))
            .await?;
        hash?.ok_or(AccessError::Inside)
    }

    /// Changes an account: stored first, then memory follows.
    async fn change(
        self: &Arc<Self>,
        caller: &Caller,
        key: AccountKey,
        action: &'static str,
        change: impl FnOnce(&mut StoredAccount) + Send + 'static,
        cut: Cut,
    ) -> Result<(), AccessError> {
        let caller = caller.clone();
        self.in_step(async move |access| access.change_now(&caller, key, action, change, cut).await.map(|_| ())).await
    }

    /// Changes an account, and gives it as it is then. Only under `step`.
    async fn change_now(
        &self,
        caller: &Caller,
        key: AccountKey,
        action: &'static str,
        change: impl FnOnce(&mut StoredAccount),
        cut: Cut,
    ) -> Result<Arc<Account>, AccessError> {
        self.check_still(caller)?;
        let mut stored = self.stored(key).await?;
        let before = told(&stored.account);
        change(&mut stored);
        let (end, revoke) = match cut {
            Cut::Nothing => (Vec::new(), Vec::new()),
            Cut::All => (self.sign_ins_that_hold(key), self.tokens_of(key)),
        };
        let entry = caller.entry(action, before, told(&stored.account)).on(stored.account.name.as_str());
        self.store.change_account(&stored, &end, &revoke, &entry).await?;
        let account = Arc::new(stored.account);
        let mut known = self.known_mut();
        known.accounts.insert(key, Arc::clone(&account));
        known.end(&end, entry.at);
        known.tokens.retain(|_, live| !revoke.contains(&live.stored.token.id));
        drop(known);
        self.revoked.send_replace(());
        Ok(account)
    }

    /// The sign-ins of an account that hold.
    pub(super) fn sign_ins_that_hold(&self, key: AccountKey) -> Vec<i64> {
        let (known, now) = (self.known(), Clock::real());
        let hold = known.sign_ins_of(key).into_iter().filter(|live| live.holds(now));
        hold.map(|live| live.stored.sign_in.id).collect()
    }

    fn tokens_of(&self, key: AccountKey) -> Vec<i64> {
        self.known().tokens_of(key).into_iter().map(|live| live.stored.token.id).collect()
    }

    /// Accounts are a matter of people, and of the terminal.
    fn check_users(caller: &Caller) -> Result<(), Denied> {
        caller.check(Right::Users)?;
        match caller.who().map(|who| &who.by) {
            Some(By::Token(..)) => Err(Denied::NotAllowed),
            _ => Ok(()),
        }
    }

    pub(super) fn check_other(caller: &Caller, key: AccountKey) -> Result<(), AccessError> {
        Self::check_users(caller)?;
        if caller.who().is_some_and(|who| who.account == key) { Err(AccessError::Own) } else { Ok(()) }
    }

    /// Refuses one who may no more what he might when he came.
    pub(super) fn check_still(&self, caller: &Caller) -> Result<(), Denied> {
        if self.still_holds(caller) { Ok(()) } else { Err(Denied::NotSignedIn) }
    }
}
