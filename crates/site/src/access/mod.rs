//! Who may do what: accounts, sign-ins, tokens. The one place that decides.
//!
//! All of it is in memory, so that a request costs a look into a table and what was revoked is so at once; a change is stored
//! first, then memory follows. Passwords are hashed beside the threads that answer, a few at a time.

mod caller;
mod entering;
mod factor;
mod failures;
pub(crate) mod lockout;
pub(crate) mod password;
mod people;
mod places;
mod second;
mod secret;

pub use caller::{By, Caller, Denied, NotDone, Who};
pub use entering::{Awaited, Entered, SignedIn};
pub use lockout::network;
pub use people::NewOwnToken;
pub use second::{OwnFactor, Proof, Setup};
pub use secret::{RecoveryCode, Secret, random_password};

use crate::Clock;
use bmw_domain::account::{Account, AccountFault, AccountKey, Role, SignIn};
use bmw_domain::calendar::Timestamp;
use bmw_store::{AccountInventory, NewToken, SecretHash, Store, StoreError, StoredSignIn, StoredToken};
use entering::Waiting;
use failures::Failures;
use lockout::Lockout;
use places::Places;
use second::Setups;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{OnceCell, watch};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// A sign-in ends when it was not used for so long, and after so long in any case.
const IDLE_MS: i64 = 7 * DAY_MS;
const ABSOLUTE_MS: i64 = 30 * DAY_MS;
/// A device is known so long after its last sign-in has ended.
const FAMILIAR_MS: i64 = 90 * DAY_MS;
/// The most sign-ins of an account, with those that have ended: the oldest make room.
const SIGN_INS_MOST: usize = 50;
/// The most tokens of an account.
const TOKENS_MOST: usize = 50;
/// Tokens that programs got by name and password: what they are called, how many an account has, and how long they hold.
const FETCHED: &str = "api-token-auth";
const FETCHED_MOST: usize = 10;
const FETCHED_MS: i64 = 365 * DAY_MS;

/// Why something about accounts was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// He may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Name or password is wrong; which of them is not told.
    #[error("Unable to log in with provided credentials.")]
    Wrong,
    /// There were too many tries: how long to wait.
    #[error("Too many tries. Wait a little.")]
    Wait(Duration),
    /// The account has a second factor, and its code was not sent.
    #[error("This account has a second factor. Send its code as \"otp\", or make a token on the account's page.")]
    NeedsCode,
    /// The code of the second factor is wrong, or was used before.
    #[error("The code is wrong.")]
    WrongCode,
    /// A sign-in that waited for its code does so no more.
    #[error("That took too long, or there were too many tries. Begin again.")]
    Again,
    /// Too many are signing in at this moment.
    #[error("Too many are signing in at this moment. Try again.")]
    Busy,
    /// A name or a password that cannot be one.
    #[error("{0}")]
    Fault(AccountFault),
    /// What was chosen is none of what is offered.
    #[error("{}: This is none of the choices.", .0.name())]
    Choice(Choice),
    /// An account of that name exists.
    #[error("An account of this name exists already.")]
    Exists,
    /// There is no such account, sign-in or token.
    #[error("There is no such thing.")]
    Unknown,
    /// Nobody changes what he himself is: the last administrator could shut himself out.
    #[error("Nobody changes his own role or disables himself.")]
    Own,
    /// There are too many tokens.
    #[error("There are too many tokens.")]
    TooMany,
    /// The system has no random bytes, or no memory for a hash.
    #[error("Something went wrong inside.")]
    Inside,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is chosen of a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The role of an account or of a token.
    Role,
    /// How long a token holds.
    Days,
}

impl Choice {
    const fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Days => "days",
        }
    }
}

impl From<AccountFault> for AccessError {
    fn from(fault: AccountFault) -> Self {
        Self::Fault(fault)
    }
}

/// What a request proves itself by.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    /// By nothing.
    None,
    /// By a browser's cookie; an old one is as good as none.
    Cookie(&'a str),
    /// By a program's token; one that does not hold is refused.
    Token(&'a str),
}

/// Who wants to sign in, as far as his request tells.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// From where.
    pub address: IpAddr,
    /// What his device was told to remember.
    pub device: Option<&'a str>,
    /// The sign-in that the new one takes the place of.
    pub before: Option<&'a str>,
    /// What his browser calls itself.
    pub user_agent: &'a str,
}

/// A sign-in in memory.
#[derive(Debug)]
struct LiveSignIn {
    stored: StoredSignIn,
    last_seen: AtomicI64,
}

impl LiveSignIn {
    fn new(stored: StoredSignIn) -> Self {
        Self { last_seen: AtomicI64::new(stored.sign_in.last_seen.0), stored }
    }

    fn last_seen(&self) -> Timestamp {
        Timestamp(self.last_seen.load(Ordering::Relaxed))
    }

    /// When it ended, or will.
    fn end(&self) -> Timestamp {
        let by_itself = self.stored.sign_in.expires_at.min(self.last_seen().plus(IDLE_MS));
        self.stored.ended_at.map_or(by_itself, |ended| ended.min(by_itself))
    }

    fn holds(&self, now: Timestamp) -> bool {
        // What was there later than now was there before the clock was set back: it would last longer than it may.
        let last = self.stored.sign_in.created_at.max(self.last_seen());
        self.stored.ended_at.is_none() && now < self.end() && last <= now.plus(MINUTE_MS)
    }
}

/// A token in memory.
#[derive(Debug)]
struct LiveToken {
    stored: StoredToken,
    last_used: AtomicI64,
}

impl LiveToken {
    fn new(stored: StoredToken) -> Self {
        Self { last_used: AtomicI64::new(stored.token.last_used.map_or(0, |at| at.0)), stored }
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.stored.token.expires_at.is_none_or(|at| now < at)
    }

    fn last_used(&self) -> Timestamp {
        Timestamp(self.last_used.load(Ordering::Relaxed))
    }
}

/// Notes that something is used now; whether that is to be stored, as it was not for a minute.
fn touch(last: &AtomicI64, now: Timestamp) -> bool {
    let before = last.load(Ordering::Relaxed);
    now.0 - before >= MINUTE_MS && last.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// What is known of who may do what.
#[derive(Debug, Default)]
struct Known {
    accounts: HashMap<AccountKey, Arc<Account>>,
    sign_ins: HashMap<SecretHash, Arc<LiveSignIn>>,
    tokens: HashMap<SecretHash, Arc<LiveToken>>,
}

impl Known {
    fn of(inventory: AccountInventory) -> Self {
        let accounts = inventory.accounts.into_iter().map(|stored| (stored.account.key, Arc::new(stored.account)));
        let sign_ins = inventory.sign_ins.into_iter().map(|stored| (stored.secret, Arc::new(LiveSignIn::new(stored))));
        let tokens = inventory.tokens.into_iter().map(|stored| (stored.secret, Arc::new(LiveToken::new(stored))));
        Self { accounts: accounts.collect(), sign_ins: sign_ins.collect(), tokens: tokens.collect() }
    }

    /// An account that somebody gets in by.
    fn open_account(&self, key: AccountKey) -> Option<&Arc<Account>> {
        self.accounts.get(&key).filter(|account| !account.is_disabled)
    }

    fn by_cookie(&self, secret: SecretHash, now: Timestamp) -> Option<(Who, Arc<LiveSignIn>)> {
        let live = self.sign_ins.get(&secret).filter(|live| live.holds(now))?;
        let account = self.open_account(live.stored.sign_in.account)?;
        let by = By::SignIn(live.stored.sign_in.id);
        Some((Who { account: account.key, name: account.name.clone(), role: account.role, by }, Arc::clone(live)))
    }

    fn by_token(&self, secret: SecretHash, now: Timestamp) -> Option<(Who, Arc<LiveToken>)> {
        let live = self.tokens.get(&secret).filter(|live| live.holds(now))?;
        let token = &live.stored.token;
        let account = self.open_account(token.account)?;
        let by = By::Token(token.id, token.name.clone());
        let role = token.role.min(account.role);
        Some((Who { account: account.key, name: account.name.clone(), role, by }, Arc::clone(live)))
    }

    /// The sign-ins of an account, also those that have ended, oldest first.
    fn sign_ins_of(&self, account: AccountKey) -> Vec<&Arc<LiveSignIn>> {
        let mut found: Vec<_> = self.sign_ins.values().filter(|live| live.stored.sign_in.account == account).collect();
        found.sort_by_key(|live| live.stored.sign_in.id);
        found
    }

    /// The tokens of an account, oldest first.
    fn tokens_of(&self, account: AccountKey) -> Vec<&Arc<LiveToken>> {
        let mut found: Vec<_> = self.tokens.values().filter(|live| live.stored.token.account == account).collect();
        found.sort_by_key(|live| live.stored.token.id);
        found
    }

    /// What an account knows a visitor by, if it does: a device on which its owner has signed in. Addresses say nothing: behind
    /// one there may be many, and what is known of it would tell strangers there which accounts exist.
    fn familiar(&self, name: &str, visitor: &Visitor<'_>, now: Timestamp) -> Option<String> {
        let account = self.accounts.values().find(|account| account.name.key() == name)?;
        let device = visitor.device.and_then(secret::read);
        let sign_ins = self.sign_ins_of(account.key);
        let mut known = sign_ins.iter().filter(|live| now.since(live.end()) < FAMILIAR_MS);
        let live = known.find(|live| Some(live.stored.device) == device)?;
        Some(format!("{:?}", live.stored.device.0))
    }

    fn end(&mut self, ids: &[i64], at: Timestamp) {
        for live in self.sign_ins.values_mut().filter(|live| ids.contains(&live.stored.sign_in.id)) {
            let sign_in = SignIn { last_seen: live.last_seen(), ..live.stored.sign_in.clone() };
            let ended_at = Some(live.stored.ended_at.unwrap_or(at));
            *live = Arc::new(LiveSignIn::new(StoredSignIn { sign_in, ended_at, ..live.stored }));
        }
    }
}

/// Who may do what.
pub struct Access {
    store: Arc<dyn Store>,
    public_read: bool,
    known: RwLock<Known>,
    lockout: Mutex<Lockout>,
    failures: Mutex<Failures>,
    /// Right passwords that were not enough.
    halves: Mutex<Failures>,
    /// Sign-ins that wait for the code of a second factor.
    awaiting: Mutex<Waiting>,
    /// Second factors that are being set up.
    setups: Mutex<Setups>,
    /// Held from the write to the store until memory has followed.
    step: tokio::sync::Mutex<()>,
    /// Where passwords wait for being hashed.
    places: Places,
    /// The hash of a password that nobody has: for names that nobody has. Made before the first sign-in is judged.
    nobodys: OnceCell<String>,
    /// Told when somebody may less than before.
    revoked: watch::Sender<()>,
}

impl Access {
    /// Reads who may do what. Everybody may read with `public_read`.
    ///
    /// # Errors
    /// The store's.
    pub async fn start(store: Arc<dyn Store>, public_read: bool) -> Result<Arc<Self>, AccessError> {
        let known = Known::of(store.accounts().await?);
        Ok(Arc::new(Self {
            store,
            public_read,
            known: RwLock::new(known),
            lockout: Mutex::default(),
            failures: Mutex::default(),
            halves: Mutex::default(),
            awaiting: Mutex::default(),
            setups: Mutex::default(),
            step: tokio::sync::Mutex::default(),
            places: Places::default(),
            nobodys: OnceCell::new(),
            revoked: watch::Sender::new(()),
        }))
    }

    /// Whether everybody may read.
    pub const fn public_read(&self) -> bool {
        self.public_read
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lockout(&self) -> MutexGuard<'_, Lockout> {
        self.lockout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a step of writing to its end, also when nobody waits for it any more: else the store might know something that memory
    /// does not. One is done at a time.
    async fn in_step<T, F>(self: &Arc<Self>, step: impl FnOnce(Arc<Self>) -> F) -> Result<T, AccessError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AccessError>> + Send + 'static,
    {
        let (access, work) = (Arc::clone(self), step(Arc::clone(self)));
        let done = tokio::spawn(async move {
            let _step = access.step.lock().await;
            work.await
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of accounts");
            Err(AccessError::Inside)
        })
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`Denied::BadToken`].
    pub fn identify(&self, credentials: Credentials<'_>, address: IpAddr) -> Result<Caller, Denied> {
        let now = Clock::real();
        let nobody = Caller::nobody(address, self.public_read);
        let who = match credentials {
            Credentials::None => return Ok(nobody),
            Credentials::Cookie(text) => {
                let Some(secret) = secret::read(text) else { return Ok(nobody) };
                let Some((who, live)) = self.known().by_cookie(secret, now) else { return Ok(nobody) };
                if touch(&live.last_seen, now) {
                    self.note(live.stored.sign_in.id, now, false);
                }
                who
            }
            Credentials::Token(text) => {
                let found = secret::read(text).and_then(|secret| self.known().by_token(secret, now));
                let (who, live) = found.ok_or(Denied::BadToken)?;
                if touch(&live.last_used, now) {
                    self.note(live.stored.token.id, now, true);
                }
                who
            }
        };
        Ok(Caller::known(who, address, self.public_read))
    }

    /// Stores that a sign-in or a token was used. Nobody waits for it.
    fn note(&self, id: i64, now: Timestamp, is_token: bool) {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            let noted = if is_token { store.touch_token(id, now).await } else { store.touch_sign_in(id, now).await };
            if let Err(error) = noted {
                tracing::warn!(%error, "that somebody was here could not be stored");
            }
        });
    }

    /// Whether a caller may still what he might when he came.
    pub fn still_holds(&self, caller: &Caller) -> bool {
        let Some(who) = caller.who() else { return true };
        let (known, now) = (self.known(), Clock::real());
        let is_there = match &who.by {
            By::Terminal => return true,
            By::SignIn(id) => known.sign_ins.values().any(|live| live.stored.sign_in.id == *id && live.holds(now)),
            By::Token(id, _) => known.tokens.values().any(|live| live.stored.token.id == *id && live.holds(now)),
        };
        is_there && known.open_account(who.account).is_some_and(|account| account.role >= who.role)
    }

    /// A receiver that is told when somebody may less than before.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.revoked.subscribe()
    }

    /// Stores a token. Only under `step`.
    async fn put_token(
        &self,
        caller: &Caller,
        account: AccountKey,
        name: &str,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> Result<Secret, AccessError> {
        let secret = Secret::random().ok_or(AccessError::Inside)?;
        let at = Clock::real();
        let new = NewToken { account, secret: secret.hash(), name: name.to_owned(), role, at, expires_at };
        let after = serde_json::json!({ "name": name, "role": role.word(), "expires": expires_at.map(|at| at.0) });
        let entry = caller.entry("token.add", "null".to_owned(), after.to_string()).on(name);
        let id = self.store.add_token(&new, &entry).await?;
        let token = bmw_domain::account::ProgramToken {
            id,
            account,
            name: new.name,
            role,
            created_at: at,
            expires_at,
            last_used: None,
        };
        let live = Arc::new(LiveToken::new(StoredToken { token, secret: new.secret }));
        self.known_mut().tokens.insert(new.secret, live);
        Ok(secret)
    }

    /// Ends sign-ins, if there are any. Only under `step`.
    async fn end_ids(&self, caller: &Caller, ids: &[i64]) -> Result<(), AccessError> {
        if ids.is_empty() {
            return Ok(());
        }
        let before = serde_json::json!({ "sign_ins": ids }).to_string();
        // Who signs in over another ends his.
        let whose = {
            let known = self.known();
            let ended = known.sign_ins.values().find(|live| ids.contains(&live.stored.sign_in.id));
            let whose = ended.and_then(|live| known.accounts.get(&live.stored.sign_in.account));
            whose.map(|account| account.name.to_string()).unwrap_or_default()
        };
        let entry = caller.entry("sign_in.end", before, "null".to_owned()).on(whose);
        self.store.end_sign_ins(ids, &entry).await?;
        self.known_mut().end(ids, entry.at);
        self.revoked.send_replace(());
        Ok(())
    }

    /// Removes tokens. Only under `step`.
    async fn remove_ids(&self, caller: &Caller, ids: &[i64]) -> Result<(), AccessError> {
        let names: Vec<String> = {
            let known = self.known();
            let chosen = known.tokens.values().filter(|live| ids.contains(&live.stored.token.id));
            chosen.map(|live| live.stored.token.name.clone()).collect()
        };
        let before = serde_json::json!({ "tokens": ids, "names": names }).to_string();
        let subject = if let [name] = names.as_slice() { name.as_str() } else { "" };
        let entry = caller.entry("token.remove", before, "null".to_owned()).on(subject);
        self.store.remove_tokens(ids, &entry).await?;
        self.known_mut().tokens.retain(|_, live| !ids.contains(&live.stored.token.id));
        self.revoked.send_replace(());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::account::{AccountName, ProgramToken};
    use bmw_store::StoredAccount;

    const BEGIN: Timestamp = Timestamp(1_790_000_000_000);
    const ANNA: AccountKey = AccountKey(1);

    fn secret(number: u8) -> SecretHash {
        SecretHash([number; 32])
    }

    /// An account with a sign-in and an administrator's token that holds for a day.
    fn known(change: impl FnOnce(&mut AccountInventory)) -> Known {
        let name = AccountName::new("Anna").unwrap();
        let account = Account {
            key: ANNA,
            name,
            role: Role::Operator,
            is_disabled: false,
            has_second_factor: false,
            created_at: BEGIN,
        };
        let sign_in = SignIn {
            id: 7,
            account: ANNA,
            created_at: BEGIN,
            last_seen: BEGIN,
            expires_at: BEGIN.plus(ABSOLUTE_MS),
            address: "192.168.0.7".to_owned(),
            user_agent: String::new(),
        };
        let token = ProgramToken {
            id: 9,
            account: ANNA,
            name: "meter".to_owned(),
            role: Role::Administrator,
            created_at: BEGIN,
            expires_at: Some(BEGIN.plus(DAY_MS)),
            last_used: None,
        };
        let mut inventory = AccountInventory {
            accounts: vec![StoredAccount { account, password_hash: String::new(), second_factor: None }],
            sign_ins: vec![StoredSignIn { sign_in, secret: secret(1), device: secret(2), ended_at: None }],
            tokens: vec![StoredToken { token, secret: secret(3) }],
        };
        change(&mut inventory);
        Known::of(inventory)
    }

    #[test]
    fn a_sign_in_ends_without_use_and_in_any_case() {
        let known = known(|_| {});
        let holds = |at: Timestamp| known.by_cookie(secret(1), at).is_some();
        assert!(holds(BEGIN) && holds(BEGIN.plus(IDLE_MS - 1)) && !holds(BEGIN.plus(IDLE_MS)));
        let live = &known.sign_ins[&secret(1)];
        let mut now = BEGIN;
        while now < BEGIN.plus(ABSOLUTE_MS) {
            assert!(holds(now) && touch(&live.last_seen, now) == (now > BEGIN), "used each day it holds");
            assert!(!touch(&live.last_seen, now.plus(MINUTE_MS - 1)), "that is stored once a minute at most");
            now = now.plus(DAY_MS);
        }
        assert!(!holds(BEGIN.plus(ABSOLUTE_MS)));
        assert!(known.by_cookie(secret(3), BEGIN).is_none() && known.by_token(secret(1), BEGIN).is_none());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_sign_in_last_longer() {
        let begun = known(|_| {});
        let holds = |known: &Known, at: Timestamp| known.by_cookie(secret(1), at).is_some();
        assert!(holds(&begun, BEGIN.plus(-MINUTE_MS)), "clocks are put right by moments");
        assert!(!holds(&begun, BEGIN.plus(-MINUTE_MS - 1)), "it has not begun yet");
        let used = known(|inventory| inventory.sign_ins[0].sign_in.last_seen = BEGIN.plus(6 * DAY_MS));
        assert!(holds(&used, BEGIN.plus(6 * DAY_MS)) && !holds(&used, BEGIN.plus(5 * DAY_MS)), "it was used later");
    }

    #[test]
    fn what_was_ended_or_disabled_lets_nobody_in() {
        let mut ended = known(|_| {});
        ended.end(&[7], BEGIN);
        assert!(ended.by_cookie(secret(1), BEGIN).is_none());
        let disabled = known(|inventory| inventory.accounts[0].account.is_disabled = true);
        assert!(disabled.by_cookie(secret(1), BEGIN).is_none() && disabled.by_token(secret(3), BEGIN).is_none());
        let gone = known(|inventory| inventory.accounts.clear());
        assert!(gone.by_cookie(secret(1), BEGIN).is_none() && gone.by_token(secret(3), BEGIN).is_none());
    }

    #[test]
    fn a_token_holds_for_its_time_and_may_no_more_than_its_account() {
        let known = known(|_| {});
        let (who, _) = known.by_token(secret(3), BEGIN).unwrap();
        assert_eq!((who.role, who.by), (Role::Operator, By::Token(9, "meter".to_owned())));
        assert!(known.by_token(secret(3), BEGIN.plus(DAY_MS)).is_none());
    }

    #[test]
    fn an_account_knows_its_devices_for_a_while_after_their_end() {
        let mut known = known(|inventory| {
            let other = Account { key: AccountKey(2), ..inventory.accounts[0].account.clone() };
            let other = Account { name: AccountName::new("bob").unwrap(), ..other };
            inventory.accounts.push(StoredAccount { account: other, ..inventory.accounts[0].clone() });
        });
        known.end(&[7], BEGIN);
        let (here, there) = (IpAddr::from([192, 168, 0, 7]), IpAddr::from([10, 0, 0, 1]));
        let visitor = |address| Visitor { address, device: None, before: None, user_agent: "" };
        assert!(known.familiar("anna", &visitor(here), BEGIN).is_none(), "an address says nothing");
        let device = Secret::random().unwrap();
        let live = known.sign_ins.get_mut(&secret(1)).unwrap();
        *live = Arc::new(LiveSignIn::new(StoredSignIn { device: device.hash(), ..live.stored.clone() }));
        let with_device = Visitor { device: Some(device.as_str()), ..visitor(there) };
        assert!(known.familiar("anna", &with_device, BEGIN).is_some());
        assert!(known.familiar("bob", &with_device, BEGIN).is_none(), "each account knows its own");
        assert!(known.familiar("nobody", &with_device, BEGIN).is_none());
        assert!(known.familiar("anna", &with_device, BEGIN.plus(FAMILIAR_MS)).is_none());
    }
}
