//! Passwords of charge points: what they prove by who they are.
//!
//! How they are kept: one that the site has made itself has 160 random bits, which nobody guesses however fast he hashes, and is kept
//! as SHA-256. One that a person has thought of, or that a charge point brought, may be weak, and is kept by Argon2id. That takes 20 to
//! 50 ms, so it is done beside the threads that answer, a few at a time, and once: a password that was right is remembered as a hash
//! with a key that this run of the program alone has. So charge points that all come anew after their network was gone are let in at once;
//! after a restart of the program they wait for each other, and only those of weak passwords.
//!
//! Who may try: a wrong password never keeps the charge point itself out. From the address from which it has last come with a right
//! password, since this run of the program began, it may always come, and by a password of the site's own from everywhere. For everybody
//! else, each charge point from each address waits longer from failure to failure.
//!
//! Who is in: a connection goes on while what it has proven holds. When somebody sets or removes the password, one that has not proven
//! the password that holds from then on ends.

use crate::Clock;
use crate::access::lockout::network;
use crate::access::{Caller, Denied, password};
use crate::holds::Holds;
use crate::lane::Lane;
use crate::links::LinkEnd;
use crate::running::Site;
use crate::tries::Tries;
use bmw_domain::account::Right;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::password::{PasswordFault, PasswordOrigin, Security, can_be_password, check_form, meaning};
use bmw_domain::record::ChargePointKey;
use bmw_store::{AuditEntry, Store, StoreError, StoredChargerPassword};
use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Random bytes of a password that the site makes: as many as fit into 40 hexadecimal digits, the most that the whitepaper has.
const RANDOM_BYTES: usize = 20;
/// What the hash of such a one begins with.
const FAST: &str = "$sha256$";
/// The most passwords of a charge point, with those that were sent to it and not used yet.
const PASSWORDS_MOST: usize = 4;
/// Passwords that are hashed slowly at once, and that may wait for it: some seconds of work, which is as long as charge points wait.
const HASHED_AT_ONCE: usize = 2;
const HASHES_WAITING: usize = 1_024;

/// The longest wait of who has failed.
const LONGEST: Duration = Duration::from_mins(1);
/// How often it is noted that somebody was refused under a charge point's name, ms: its history shall not consist of that.
const NOTED_MS: i64 = 10 * 60_000;
/// So many times in a row without a password are noted: some clients come without one first, and then with it.
const MISSES: u32 = 3;

/// What a site demands of its charge points.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand {
    /// Whether each must prove who it is, also one that has no password yet.
    pub needs_password: bool,
    /// Whether one that has none keeps what it brings.
    pub first_use: bool,
}

/// What somebody brings to prove who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought<'a> {
    /// Nothing.
    Nothing,
    /// A password.
    Password(&'a [u8]),
    /// Something else, which proves nothing.
    Unreadable,
}

/// Who wants to come in.
#[derive(Debug, Clone, Copy)]
pub struct Coming<'a> {
    /// Under the name of which charge point.
    pub charge_point: ChargePointKey,
    /// What was brought.
    pub brought: Brought<'a>,
    /// From where.
    pub address: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
}

/// That somebody was let in, until his connection is open, see [`Site::open_link`].
#[derive(Debug, Clone)]
pub struct Admission {
    /// As which charge point.
    pub charge_point: ChargePointKey,
    /// By what the connection is secured.
    pub security: Security,
    /// The password that was proven.
    by: Option<Arc<Held>>,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum NotLetIn {
    /// With a wrong password, or without one.
    #[error("a wrong password, or none")]
    Wrong {
        /// Whether one was brought.
        was_brought: bool,
        /// Whether that belongs into the charge point's history.
        is_news: bool,
    },
    /// After too many of these: how long to wait.
    #[error("too many tries")]
    Wait(Duration),
    /// Too many come at this moment.
    #[error("too many come at this moment")]
    Busy,
    /// The system has no random bytes, or no memory for a hash.
    #[error("something went wrong inside")]
    Inside,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password is not set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// He may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It cannot be one.
    #[error("{0}")]
    Fault(PasswordFault),
    /// There is no such charge point.
    #[error("There is no such charge point.")]
    Unknown,
    /// Too many were sent that the charge point has not used.
    #[error("Too many passwords were sent to it that it has not used yet. Remove them first.")]
    TooMany,
    /// Too many are hashed at this moment.
    #[error("Too many passwords are looked at in this moment. Try again.")]
    Busy,
    /// The system has no random bytes, or no memory for a hash.
    #[error("Something went wrong inside.")]
    Inside,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of a charge point's password, without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PasswordState {
    /// Where the one comes from that it must bring, and since when; `None` where it comes without.
    pub holds: Option<(PasswordOrigin, Timestamp)>,
    /// When a newer one was sent to it that it has not used yet.
    pub sent: Option<Timestamp>,
    /// By what its connection is secured; `None` while it has none.
    pub security: Option<Security>,
}

/// A hash by this run's own key. Whoever learned how alike two of them are would know nothing: he cannot make one.
type Quick = [u8; 32];

/// A password in memory.
#[derive(Debug)]
pub(crate) struct Held {
    stored: StoredChargerPassword,
    /// Once it was brought, or set by this run.
    quick: OnceLock<Quick>,
}

impl Held {
    fn new(stored: StoredChargerPassword, quick: Option<Quick>) -> Arc<Self> {
        let held = Self { stored, quick: OnceLock::new() };
        if let Some(quick) = quick {
            held.quick.get_or_init(|| quick);
        }
        Arc::new(held)
    }

    /// Whether nobody guesses it, however often he tries.
    fn is_strong(&self) -> bool {
        self.stored.hash.starts_with(FAST)
    }

    /// Whether this is it; `None` where only the slow hash can tell.
    fn is_at_once(&self, meant: &[u8], quick: &Quick) -> Option<bool> {
        match self.stored.hash.strip_prefix(FAST) {
            Some(digits) => Some(digits == HEXLOWER.encode(&Sha256::digest(meant))),
            None => self.quick.get().map(|known| known == quick),
        }
    }
}

/// All passwords of a charge point, by their numbers.
type All = Arc<[Arc<Held>]>;

/// Who has failed: each charge point from each address.
type Who = (ChargePointKey, Option<IpAddr>);

/// What was wrong under a charge point's name.
#[derive(Debug, Clone, Copy, Default)]
struct Refusals {
    /// Times in a row without a password.
    misses: u32,
    noted_at: Option<Timestamp>,
}

/// The passwords of all charge points.
pub(crate) struct ChargerPasswords {
    known: RwLock<HashMap<ChargePointKey, All>>,
    /// Those whose connections are secured in any way.
    secured: Mutex<HashMap<ChargePointKey, Security>>,
    /// The network from which each has last come with a right password.
    homes: Mutex<HashMap<ChargePointKey, IpAddr>>,
    /// Those that are about to keep what they have brought first: of each only one at a time.
    first_uses: Holds<ChargePointKey>,
    tries: Mutex<Tries<Who>>,
    refusals: Mutex<HashMap<ChargePointKey, Refusals>>,
    /// The key of [`Quick`].
    secret: [u8; 32],
    hashing: Lane,
}

impl ChargerPasswords {
    /// Those that are stored.
    pub(crate) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut known: HashMap<ChargePointKey, Vec<Arc<Held>>> = HashMap::new();
        for (charge_point, stored) in store.charger_passwords().await? {
            known.entry(charge_point).or_default().push(Held::new(stored, None));
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| StoreError::Corrupt(format!("the system gives no random bytes: {error}")))?;
        Ok(Self::of_all(known, secret))
    }

    fn of_all(known: HashMap<ChargePointKey, Vec<Arc<Held>>>, secret: [u8; 32]) -> Self {
        Self {
            known: RwLock::new(known.into_iter().map(|(charge_point, all)| (charge_point, all.into())).collect()),
            secured: Mutex::default(),
            homes: Mutex::default(),
            first_uses: Holds::default(),
            tries: Mutex::default(),
            refusals: Mutex::default(),
            secret,
            hashing: Lane::new(HASHED_AT_ONCE, HASHES_WAITING),
        }
    }

    fn of(&self, charge_point: ChargePointKey) -> Option<All> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&charge_point).cloned()
    }

    fn replace(&self, charge_point: ChargePointKey, all: Vec<Arc<Held>>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            known.remove(&charge_point);
        } else {
            known.insert(charge_point, all.into());
        }
    }

    fn quick(&self, charge_point: ChargePointKey, meant: &[u8]) -> Quick {
        let mut hash = Sha256::new();
        hash.update(self.secret);
        hash.update(charge_point.0.to_le_bytes());
        hash.update(meant);
        hash.finalize().into()
    }

    /// Does something slow beside the threads that answer, a few at a time; `None` when too much of it waits.
    async fn beside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.hashing.take()?.work((), work).await
    }

    /// The password that this is.
    async fn find(
        &self,
        charge_point: ChargePointKey,
        all: &All,
        brought: &[u8],
    ) -> Result<Option<Arc<Held>>, NotLetIn> {
        let meant = meaning(brought);
        let quick = self.quick(charge_point, &meant);
        let mut unsure = Vec::new();
        for held in all.iter() {
            match held.is_at_once(&meant, &quick) {
                Some(true) => return Ok(Some(Arc::clone(held))),
                Some(false) => {}
                None => unsure.push(Arc::clone(held)),
            }
        }
        for held in unsure {
            let (digits, tried) = (HEXLOWER.encode(&meant), Arc::clone(&held));
            // It is remembered also where the charge point does not wait for it: the next time it is let in at once.
            let work = move || {
                let is_right = password::is_right(&digits, &tried.stored.hash);
                if is_right {
                    tried.quick.get_or_init(|| quick);
                }
                is_right
            };
            if self.beside(work).await.ok_or(NotLetIn::Busy)? {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// Whether a password still is one of the charge point's. Two that are alike have different salts.
    fn still_has(&self, charge_point: ChargePointKey, held: &Held) -> bool {
        self.of(charge_point).is_some_and(|all| all.iter().any(|now| now.stored.hash == held.stored.hash))
    }

    /// Whether somebody who has proven this, or nothing, would still be let in.
    fn holds(&self, charge_point: ChargePointKey, by: Option<&Held>) -> bool {
        match by {
            Some(held) => self.still_has(charge_point, held),
            None => self.of(charge_point).is_none_or(|all| !is_needed(&all)),
        }
    }

    /// Whether somebody comes from where the charge point has last proven who it is.
    fn is_at_home(&self, coming: &Coming<'_>) -> bool {
        let homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        let home = homes.get(&coming.charge_point);
        coming.address.is_some_and(|address| home == Some(&network(address)))
    }

    fn tries(&self) -> MutexGuard<'_, Tries<Who>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a try, which counts as failed until it has succeeded.
    fn begin(&self, who: Who, now: Instant) -> Result<(), NotLetIn> {
        let mut tries = self.tries();
        if let Some(left) = tries.left(&who, LONGEST, now) {
            return Err(NotLetIn::Wait(left));
        }
        tries.add(who, now);
        Ok(())
    }

    /// A try was right. Those of others stay counted.
    fn succeeded(&self, who: Who) {
        self.tries().forget(&who);
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = refusals.get_mut(&who.0) {
            known.misses = 0;
        }
    }

    /// Who has failed under a charge point's name may try again: it has another password now. Who knew the old one is nobody special.
    fn forget_failures(&self, charge_point: ChargePointKey) {
        self.tries().keep(|(known, _)| *known != charge_point);
        self.homes.lock().unwrap_or_else(PoisonError::into_inner).remove(&charge_point);
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).remove(&charge_point);
    }

    /// Somebody is refused.
    fn refuse(&self, charge_point: ChargePointKey, was_brought: bool, now: Timestamp) -> NotLetIn {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let known = refusals.entry(charge_point).or_default();
        known.misses = if was_brought { 0 } else { known.misses.saturating_add(1) };
        let is_due = known.noted_at.is_none_or(|at| now.since(at) >= NOTED_MS || now < at);
        let is_news = is_due && (was_brought || known.misses >= MISSES);
        if is_news {
            known.noted_at = Some(now);
        }
        NotLetIn::Wrong { was_brought, is_news }
    }

    fn let_in(&self, coming: &Coming<'_>, by: Option<Arc<Held>>) -> Admission {
        let security = Security { is_proven: by.is_some(), is_encrypted: coming.is_encrypted };
        if let Some(address) = coming.address.filter(|_| by.is_some()) {
            let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
            homes.insert(coming.charge_point, network(address));
        }
        let mut secured = self.secured.lock().unwrap_or_else(PoisonError::into_inner);
        // Most come without anything: for them nothing is kept.
        if security == Security::default() {
            secured.remove(&coming.charge_point);
        } else {
            secured.insert(coming.charge_point, security);
        }
        Admission { charge_point: coming.charge_point, security, by }
    }
}

/// What the audit log keeps of passwords.
fn told(identity: &str, all: &[Arc<Held>]) -> String {
    let password = |held: &Arc<Held>| {
        let stored = &held.stored;
        json!({ "origin": stored.origin.word(), "since": stored.at.0, "pending": stored.is_pending })
    };
    json!({ "charger": identity, "passwords": all.iter().map(password).collect::<Vec<_>>() }).to_string()
}

/// Whether the charge point must bring one of these.
fn is_needed(all: &[Arc<Held>]) -> bool {
    all.iter().any(|held| !held.stored.is_pending)
}

impl Site {
    /// Decides whether somebody is let in as a charge point.
    ///
    /// # Errors
    /// See [`NotLetIn`].
    pub async fn let_in(&self, coming: Coming<'_>, demand: Demand) -> Result<Admission, NotLetIn> {
        let passwords = &self.charger_passwords;
        let all = passwords.of(coming.charge_point);
        match (&all, coming.brought) {
            (Some(all), Brought::Password(brought)) => return self.check(coming, all, brought, demand).await,
            (None, Brought::Password(brought)) if demand.first_use && can_be_password(brought) => {
                return self.keep(coming, brought).await;
            }
            (_, Brought::Password(_) | Brought::Nothing | Brought::Unreadable) => {}
        }
        if demand.needs_password || all.is_some_and(|all| is_needed(&all)) {
            let was_brought = coming.brought != Brought::Nothing;
            return Err(passwords.refuse(coming.charge_point, was_brought, Clock::real()));
        }
        Ok(passwords.let_in(&coming, None))
    }

    /// Checks a password that was brought.
    async fn check(
        &self,
        coming: Coming<'_>,
        all: &All,
        brought: &[u8],
        demand: Demand,
    ) -> Result<Admission, NotLetIn> {
        let (passwords, charge_point, now) = (&self.charger_passwords, coming.charge_point, Clock::real());
        let who = (charge_point, coming.address.map(network));
        let is_counted = !all.iter().all(|held| held.is_strong()) && !passwords.is_at_home(&coming);
        let begun = Instant::now();
        if is_counted {
            passwords.begin(who, begun)?;
        }
        let found = if brought.len() > bmw_domain::charger::password::BROUGHT_MOST {
            Ok(None)
        } else {
            passwords.find(charge_point, all, brought).await
        };
        match found {
            // It may have been taken away while it was hashed.
            Ok(Some(held)) if passwords.still_has(charge_point, &held) => {
                passwords.succeeded(who);
                self.used(coming, held.stored.number).await;
                Ok(passwords.let_in(&coming, Some(held)))
            }
            // One that it had to bring is wrong; where none is needed it is let in as before.
            Ok(None) if !is_needed(all) && !demand.needs_password => Ok(passwords.let_in(&coming, None)),
            Ok(Some(_) | None) => Err(passwords.refuse(charge_point, true, now)),
            Err(error) => {
                if is_counted {
                    passwords.tries().take_back(&who, begun);
                }
                Err(error)
            }
        }
    }

    /// A charge point that has no password brings one: from here on it is its own. It counts as a try before anything is hashed.
    async fn keep(&self, coming: Coming<'_>, brought: &[u8]) -> Result<Admission, NotLetIn> {
        let (passwords, charge_point) = (&self.charger_passwords, coming.charge_point);
        let who = (charge_point, coming.address.map(network));
        let begun = Instant::now();
        passwords.begin(who, begun)?;
        match self.keep_first(coming, brought).await {
            Ok(Some(held)) => {
                passwords.succeeded(who);
                Ok(passwords.let_in(&coming, Some(held)))
            }
            Ok(None) => {
                passwords.tries().take_back(&who, begun);
                let all = passwords.of(charge_point).ok_or(NotLetIn::Busy)?;
                self.check(coming, &all, brought, Demand::default()).await
            }
            Err(error) => {
                passwords.tries().take_back(&who, begun);
                Err(error)
            }
        }
    }

    /// Keeps what a charge point has brought first; `None` where somebody was before it.
    async fn keep_first(&self, coming: Coming<'_>, brought: &[u8]) -> Result<Option<Arc<Held>>, NotLetIn> {
        let (passwords, charge_point) = (&self.charger_passwords, coming.charge_point);
        let first = Arc::new(passwords.first_uses.take(charge_point, 1).ok_or(NotLetIn::Busy)?);
        if passwords.of(charge_point).is_some() {
            return Ok(None);
        }
        let meant = meaning(brought).into_owned();
        let (digits, quick) = (HEXLOWER.encode(&meant), passwords.quick(charge_point, &meant));
        // The work goes on where nobody waits for it any more: it holds the place of the first.
        let working = Arc::clone(&first);
        let work = move || {
            let hash = password::hash(&digits);
            drop(working);
            hash
        };
        let hash = passwords.beside(work).await.ok_or(NotLetIn::Busy)?.ok_or(NotLetIn::Inside)?;
        let _step = self.step().await;
        // Somebody has set one meanwhile.
        if passwords.of(charge_point).is_some() {
            return Ok(None);
        }
        let origin = PasswordOrigin::FirstUse;
        let stored = StoredChargerPassword { number: 1, hash, origin, at: Clock::real(), is_pending: false };
        let held = Held::new(stored, Some(quick));
        self.store_passwords(charge_point, vec![Arc::clone(&held)], |before, after| {
            self.own_entry(coming, "charger.password.first_use", before, after)
        })
        .await?;
        drop(first);
        Ok(Some(held))
    }

    /// Opens the link of a connection that was let in; `address` as for [`crate::Links`]. It is let go of at once where the charge
    /// point has another password since.
    pub fn open_link(&self, admission: Admission, address: Option<Box<str>>) -> LinkEnd {
        let Admission { charge_point, by, .. } = admission;
        let end = self.links().open(charge_point, address, by);
        self.let_go_of_unproven(charge_point);
        end
    }

    /// Ends a charge point's connection unless what it has proven holds.
    fn let_go_of_unproven(&self, charge_point: ChargePointKey) {
        self.links().let_go_unless(charge_point, |by| self.charger_passwords.holds(charge_point, by));
    }

    /// A charge point has come with one of its passwords: those before it hold no more, and if it was sent to it, it has arrived.
    async fn used(&self, coming: Coming<'_>, number: i32) {
        let is_settled = |all: &[Arc<Held>]| {
            all.first().is_none_or(|first| first.stored.number == number && !first.stored.is_pending)
        };
        let passwords = &self.charger_passwords;
        if passwords.of(coming.charge_point).is_none_or(|all| is_settled(&all)) {
            return;
        }
        let _step = self.step().await;
        let Some(all) = passwords.of(coming.charge_point).filter(|all| !is_settled(all)) else { return };
        let kept = all.iter().filter(|held| held.stored.number >= number).map(|held| {
            let is_pending = held.stored.is_pending && held.stored.number != number;
            Held::new(StoredChargerPassword { is_pending, ..held.stored.clone() }, held.quick.get().copied())
        });
        let kept: Vec<_> = kept.collect();
        // It was removed meanwhile.
        if kept.first().is_none_or(|first| first.stored.number != number) {
            return;
        }
        let outcome = self
            .store_passwords(coming.charge_point, kept, |before, after| {
                self.own_entry(coming, "charger.password.used", before, after)
            })
            .await;
        if let Err(error) = outcome {
            // All hold as before, and it is tried again when it comes the next time.
            tracing::warn!(%error, "that a charge point has another password could not be stored");
        }
    }

    fn identity_of(&self, charge_point: ChargePointKey) -> Option<String> {
        self.present().get(charge_point).map(|now| now.charge_point.identity.to_string())
    }

    /// The entry of the audit log for what a charge point has done itself. Nobody is named as who did it: an identity is what somebody
    /// claims, and may be spelled as an account's name.
    fn own_entry(&self, coming: Coming<'_>, action: &str, before: String, after: String) -> AuditEntry {
        AuditEntry {
            at: Clock::real(),
            actor: String::new(),
            origin: coming.address.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
            action: action.to_owned(),
            subject: self.identity_of(coming.charge_point).unwrap_or_default(),
            before,
            after,
        }
    }

    /// Puts passwords in the place of those that were there, in the store and then in memory. Only under `step`.
    async fn store_passwords(
        &self,
        charge_point: ChargePointKey,
        all: Vec<Arc<Held>>,
        entry: impl FnOnce(String, String) -> AuditEntry,
    ) -> Result<(), StoreError> {
        let identity = self.identity_of(charge_point);
        let identity =
            identity.ok_or_else(|| StoreError::Unknown(format!("charge point number {}", charge_point.0)))?;
        let before = self.charger_passwords.of(charge_point);
        let audit = entry(told(&identity, before.as_deref().unwrap_or_default()), told(&identity, &all));
        let stored: Vec<StoredChargerPassword> = all.iter().map(|held| held.stored.clone()).collect();
        self.store().put_charger_passwords(charge_point, &stored, &audit).await?;
        self.charger_passwords.replace(charge_point, all);
        self.tell();
        Ok(())
    }

    /// What is known of a charge point's password.
    ///
    /// # Errors
    /// For those who may not.
    pub fn charger_password(&self, charge_point: ChargePointKey, caller: &Caller) -> Result<PasswordState, Denied> {
        caller.check(Right::Admit)?;
        let all = self.charger_passwords.of(charge_point);
        let all = all.as_deref().unwrap_or_default();
        let is_online = self.present().get(charge_point).is_some_and(|now| now.is_online());
        let secured = self.charger_passwords.secured.lock().unwrap_or_else(PoisonError::into_inner);
        let security = secured.get(&charge_point).copied().unwrap_or_default();
        Ok(PasswordState {
            holds: all.iter().rfind(|held| !held.stored.is_pending).map(|it| (it.stored.origin, it.stored.at)),
            sent: all.iter().rfind(|held| held.stored.is_pending).map(|it| it.stored.at),
            security: is_online.then_some(security),
        })
    }

    /// Sets a charge point's password, in the place of all that it had. Its connection ends, unless it has proven this one: the charge
    /// point must come with it.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn set_charger_password(
        &self,
        charge_point: ChargePointKey,
        typed: &str,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        caller.check(Right::Admit)?;
        let identity = self.identity_of(charge_point).ok_or(PasswordError::Unknown)?;
        check_form(typed).map_err(PasswordError::Fault)?;
        let meant = meaning(typed.as_bytes()).into_owned();
        let (digits, text) = (HEXLOWER.encode(&meant), typed.to_owned());
        let work = move || {
            if password::is_strong(&text, &identity) { Ok(password::hash(&digits)) } else { Err(PasswordFault::Weak) }
        };
        let outcome = self.charger_passwords.beside(work).await.ok_or(PasswordError::Busy)?;
        let hash = outcome.map_err(PasswordError::Fault)?.ok_or(PasswordError::Inside)?;
        let quick = self.charger_passwords.quick(charge_point, &meant);
        self.put(charge_point, (hash, PasswordOrigin::Typed, Some(quick)), caller).await
    }

    /// Makes a random password for a charge point, in the place of all that it had, and gives it, once. Its connection ends.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn make_charger_password(
        &self,
        charge_point: ChargePointKey,
        caller: &Caller,
    ) -> Result<String, PasswordError> {
        caller.check(Right::Admit)?;
        let (password, hash) = random().ok_or(PasswordError::Inside)?;
        self.put(charge_point, (hash, PasswordOrigin::Random, None), caller).await?;
        Ok(password)
    }

    async fn put(
        &self,
        charge_point: ChargePointKey,
        (hash, origin, quick): (String, PasswordOrigin, Option<Quick>),
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        let _step = self.step().await;
        let number = self.next_number(charge_point);
        let stored = StoredChargerPassword { number, hash, origin, at: Clock::real(), is_pending: false };
        let all = vec![Held::new(stored, quick)];
        self.store_by(charge_point, all, "charger.password.set", caller).await?;
        self.charger_passwords.forget_failures(charge_point);
        self.let_go_of_unproven(charge_point);
        Ok(())
    }

    async fn store_by(
        &self,
        charge_point: ChargePointKey,
        all: Vec<Arc<Held>>,
        action: &str,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        let outcome = self
            .store_passwords(charge_point, all, |before, after| {
                caller.entry(action, before, after).on(self.identity_of(charge_point).unwrap_or_default())
            })
            .await;
        outcome.map_err(|error| match error {
            StoreError::Unknown(_) => PasswordError::Unknown,
            error => PasswordError::Store(error),
        })
    }

    fn next_number(&self, charge_point: ChargePointKey) -> i32 {
        let all = self.charger_passwords.of(charge_point);
        all.as_deref().and_then(<[_]>::last).map_or(1, |last| last.stored.number.saturating_add(1))
    }

    /// Removes all passwords of a charge point: it comes in without one, where the site lets it. A connection that has proven one of them
    /// ends.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn remove_charger_password(
        &self,
        charge_point: ChargePointKey,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        caller.check(Right::Admit)?;
        let _step = self.step().await;
        if self.charger_passwords.of(charge_point).is_some() {
            self.store_by(charge_point, Vec::new(), "charger.password.remove", caller).await?;
            self.charger_passwords.forget_failures(charge_point);
            self.let_go_of_unproven(charge_point);
        }
        Ok(())
    }

    /// Makes a random password that is about to be sent to a charge point: its number, and the password. Those that it had hold until it
    /// has come with this one.
    pub(crate) async fn propose_charger_password(
        &self,
        charge_point: ChargePointKey,
        caller: &Caller,
    ) -> Result<(i32, String), PasswordError> {
        caller.check(Right::Admit)?;
        let (password, hash) = random().ok_or(PasswordError::Inside)?;
        let _step = self.step().await;
        let number = self.next_number(charge_point);
        let mut all = self.charger_passwords.of(charge_point).map(|all| all.to_vec()).unwrap_or_default();
        if all.len() >= PASSWORDS_MOST {
            return Err(PasswordError::TooMany);
        }
        let origin = PasswordOrigin::Random;
        all.push(Held::new(StoredChargerPassword { number, hash, origin, at: Clock::real(), is_pending: true }, None));
        self.store_by(charge_point, all, "charger.password.send", caller).await?;
        Ok((number, password))
    }

    /// A password that was to be sent has not become the charge point's: it never left, or was refused.
    pub(crate) async fn withdraw_charger_password(&self, charge_point: ChargePointKey, number: i32) {
        let _step = self.step().await;
        let Some(all) = self.charger_passwords.of(charge_point) else { return };
        let is_it = |held: &Arc<Held>| held.stored.number == number && held.stored.is_pending;
        if !all.iter().any(is_it) {
            return;
        }
        let kept = all.iter().filter(|held| !is_it(held)).cloned().collect();
        let coming = Coming { charge_point, brought: Brought::Nothing, address: None, is_encrypted: false };
        let entry = |before, after| self.own_entry(coming, "charger.password.refused", before, after);
        if let Err(error) = self.store_passwords(charge_point, kept, entry).await {
            // It holds, and nobody has it.
            tracing::warn!(%error, "a password that a charge point did not take could not be forgotten");
        }
    }
}

/// A new password that the site has made, and its hash; `None`, after a line in the log, when the system gives no random bytes.
fn random() -> Option<(String, String)> {
    let mut bytes = [0; RANDOM_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system gives no random bytes");
        return None;
    }
    Some((HEXLOWER.encode(&bytes), [FAST, &HEXLOWER.encode(&Sha256::digest(bytes))].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tries::{FIRST, FREE, MOST};
    use futures::FutureExt as _;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const ONE: ChargePointKey = ChargePointKey(1);

    fn empty() -> ChargerPasswords {
        ChargerPasswords::of_all(HashMap::new(), [7; 32])
    }

    /// A charge point and an address.
    fn who(charge_point: i32, address: u32) -> Who {
        (ChargePointKey(charge_point), Some(IpAddr::from(address.to_be_bytes())))
    }

    /// Fails until it must wait: how often that was, and how long it waits.
    fn fail(passwords: &ChargerPasswords, it: Who, now: Instant) -> (usize, Duration) {
        let mut tries = 0;
        loop {
            match passwords.begin(it, now) {
                Ok(()) => tries += 1,
                Err(NotLetIn::Wait(wait)) => return (tries, wait),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn each_wait_is_twice_as_long_up_to_a_bound_and_is_of_one_charge_point_and_one_address() {
        let (passwords, begun) = (empty(), Instant::now());
        let one = who(1, 1);
        assert_eq!(fail(&passwords, one, begun), (FREE, FIRST));
        let mut now = begun;
        let waits = [0; 8].map(|_| {
            let (_, wait) = fail(&passwords, one, now);
            now += wait;
            wait
        });
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs));
        for other in [who(1, 2), who(2, 1), (ONE, None)] {
            assert_eq!(fail(&passwords, other, begun).0, FREE, "{other:?}");
        }
        passwords.succeeded(one);
        assert_eq!(fail(&passwords, one, now).0, FREE);
        // Another password is another beginning for everybody, but at another charge point.
        passwords.forget_failures(ONE);
        assert_eq!(fail(&passwords, who(1, 2), begun).0, FREE);
        assert_eq!(fail(&passwords, who(2, 1), begun).0, 0);
    }

    #[test]
    fn nobody_fills_the_memory_and_who_fails_often_is_not_forgotten_for_it() {
        let (passwords, begun) = (empty(), Instant::now());
        let often = who(1, 0);
        fail(&passwords, often, begun);
        for number in 1..u32::try_from(2 * MOST).unwrap() {
            passwords.begin(who(1, number), begun).unwrap();
            assert!(passwords.tries().len() <= MOST);
        }
        assert_eq!(fail(&passwords, often, begun).0, 0);
    }

    #[test]
    fn refusals_are_news_now_and_then() {
        let passwords = empty();
        let is_news = |was_brought, at: i64| {
            matches!(passwords.refuse(ONE, was_brought, NOW.plus(at)), NotLetIn::Wrong { is_news: true, .. })
        };
        assert_eq!(
            [is_news(false, 0), is_news(false, 0), is_news(false, 0), is_news(false, 0)],
            [false, false, true, false]
        );
        assert!(!is_news(true, NOTED_MS - 1) && is_news(true, NOTED_MS) && !is_news(true, NOTED_MS));
        passwords.succeeded((ONE, None));
        assert!(!is_news(false, 3 * NOTED_MS), "it comes without one first");
    }

    #[tokio::test]
    async fn a_slow_hash_is_asked_once() {
        let meant = meaning(b"a password that is text").into_owned();
        let stored = StoredChargerPassword {
            number: 4,
            hash: password::hash(&HEXLOWER.encode(&meant)).unwrap(),
            origin: PasswordOrigin::Typed,
            at: NOW,
            is_pending: false,
        };
        let held = Held::new(stored, None);
        let passwords = ChargerPasswords::of_all(HashMap::from([(ONE, vec![Arc::clone(&held)])]), [7; 32]);
        let all = passwords.of(ONE).unwrap();
        let find =
            async |brought: &[u8]| passwords.find(ONE, &all, brought).await.unwrap().map(|held| held.stored.number);
        assert_eq!(find(b"another one").await, None);
        assert!(held.quick.get().is_none());
        assert_eq!(find(&meant).await, Some(4));
        // From here on nothing is hashed slowly, whatever is brought: not even where nothing could be.
        passwords.hashing.waiting.close();
        assert_eq!(find(&meant).await, Some(4));
        assert_eq!(find(b"another one").await, None);
        assert_ne!(passwords.quick(ONE, &meant), passwords.quick(ChargePointKey(2), &meant), "each has its own");
        assert!(!format!("{held:?}").contains("argon2"));
    }

    #[tokio::test]
    async fn of_each_charge_point_one_first_use_is_hashed_at_a_time_and_each_counts_as_a_try() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("site.db").display());
        let zone = Some(bmw_store::Zone::named("UTC").unwrap());
        let (store, _) =
            bmw_store::open(&bmw_store::OpenOptions { url, zone, role: bmw_store::Role::Owner }).await.unwrap();
        let (site, _, _) = Site::start(store, crate::SiteOptions::default()).await.unwrap();
        for identity in ["A", "B"] {
            let identity = bmw_domain::record::Identity::new(identity).unwrap();
            site.register_charge_point(identity, None).await.unwrap();
        }
        let come = |charge_point: i32, address: u32| {
            let (charge_point, address) = who(charge_point, address);
            let brought = Brought::Password(b"a password that is text");
            let coming = Coming { charge_point, brought, address, is_encrypted: false };
            Box::pin(site.let_in(coming, Demand { needs_password: false, first_use: true }))
        };
        let busy = Arc::clone(&site.charger_passwords.hashing.working).acquire_many_owned(2).await.unwrap();
        let mut first = come(1, 1);
        assert!(first.as_mut().now_or_never().is_none(), "it is to be hashed");
        for address in 2..100 {
            assert!(matches!(come(1, address).now_or_never(), Some(Err(NotLetIn::Busy))), "{address}");
        }
        let mut other = come(2, 1);
        assert!(other.as_mut().now_or_never().is_none(), "another charge point waits for nobody");
        // Who goes away before he is answered has tried nevertheless.
        drop(other);
        let tries = (1..100).take_while(|_| come(2, 1).now_or_never().is_none()).count();
        assert_eq!(tries + 1, FREE);
        assert!(matches!(come(2, 1).now_or_never(), Some(Err(NotLetIn::Wait(_)))));
        drop(busy);
        assert!(first.await.unwrap().security.is_proven);
        assert!(come(1, 2).await.unwrap().security.is_proven, "it has the same");
    }

    #[test]
    fn a_random_password_is_40_digits_and_known_by_a_fast_hash() {
        let (password, hash) = random().unwrap();
        assert!(password.len() == 40 && hash.starts_with(FAST) && !hash.contains(&password));
        let stored =
            StoredChargerPassword { number: 1, hash, origin: PasswordOrigin::Random, at: NOW, is_pending: false };
        let held = Held::new(stored, None);
        assert_eq!(held.is_at_once(&meaning(password.as_bytes()), &[0; 32]), Some(true));
        assert_eq!(held.is_at_once(&meaning(b"0123456789abcdef"), &[0; 32]), Some(false));
    }
}
