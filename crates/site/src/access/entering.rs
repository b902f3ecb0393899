//! How somebody gets in: by name and password, and the code of his second factor where he has one.

use super::lockout::{Attempt, Step};
use super::places::Whose;
use super::{
    ABSOLUTE_MS, Access, AccessError, By, Caller, FAMILIAR_MS, FETCHED, FETCHED_MOST, FETCHED_MS, LiveSignIn,
    SIGN_INS_MOST, Secret, Visitor, Who, factor, password, random_password, secret,
};
use crate::Clock;
use bmw_domain::account::{Account, AccountKey, AccountName, SignIn};
use bmw_domain::calendar::Timestamp;
use bmw_store::{NewSignIn, SecretHash, StoredAccount, StoredSignIn};
use serde_json::json;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a sign-in waits for its code.
const PATIENCE: Duration = Duration::from_mins(5);
/// How many codes may be tried in one.
const TRIES: u32 = 5;
/// The most sign-ins of an account that wait: the oldest make room.
const WAITING_MOST: usize = 20;
/// The most characters of what a browser calls itself.
const USER_AGENT_MOST: usize = 200;

/// What came of name and password.
#[derive(Debug)]
pub enum Entered {
    /// He is in.
    In(SignedIn),
    /// They are right, and the code is awaited.
    Code(Awaited),
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct SignedIn {
    /// What the browser proves itself by from now on.
    pub secret: Secret,
    /// What the device is known by the next time.
    pub device: Secret,
    /// How long it holds at most, s.
    pub seconds: i64,
    /// Its number.
    pub(super) id: i64,
}

/// A sign-in that waits for its code.
#[derive(Debug)]
pub struct Awaited {
    /// What the browser sends along with the code; it is good for nothing else.
    pub secret: Secret,
    /// How long it waits, s.
    pub seconds: u64,
}

/// Somebody who knows the password. The try counts as failed until he is in.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    pub(super) stored: StoredAccount,
    attempt: Attempt,
    at: Instant,
}

/// What somebody has given as his code.
enum Given {
    /// The code of a step, of his app.
    Step(i64),
    /// A recovery code.
    Recovery(SecretHash),
}

/// Those who wait for their codes.
#[derive(Debug, Default)]
pub(super) struct Waiting(HashMap<SecretHash, (Proven, u32)>);

impl Waiting {
    fn add(&mut self, secret: SecretHash, proven: Proven) {
        let now = Instant::now();
        self.0.retain(|_, (waiting, tries)| waiting.is_awaited(now) && *tries < TRIES);
        let key = proven.stored.account.key;
        let own = self.0.iter().filter(|(_, (waiting, _))| waiting.stored.account.key == key);
        let mut own: Vec<_> = own.map(|(secret, (waiting, _))| (waiting.at, *secret)).collect();
        own.sort_by_key(|(at, _)| *at);
        for (_, secret) in own.iter().take((own.len() + 1).saturating_sub(WAITING_MOST)) {
            self.0.remove(secret);
        }
        self.0.insert(secret, (proven, 0));
    }

    fn find(&self, secret: SecretHash) -> Option<&Proven> {
        let (proven, tries) = self.0.get(&secret)?;
        (*tries < TRIES && proven.is_awaited(Instant::now())).then_some(proven)
    }

    fn count(&mut self, secret: SecretHash) {
        if let Some((_, tries)) = self.0.get_mut(&secret) {
            *tries += 1;
        }
    }
}

impl Proven {
    fn is_awaited(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < PATIENCE
    }
}

/// Who comes in, as his browser is remembered.
pub(super) struct Arriving {
    address: IpAddr,
    secret: Secret,
    device: Secret,
    /// The sign-in that this one takes the place of, whoever has begun it.
    before: Option<SecretHash>,
    user_agent: String,
    /// When his sign-in ends in any case, where that is said: who has proven nothing again gets no longer one.
    until: Option<Timestamp>,
}

impl Arriving {
    pub(super) fn new(visitor: Visitor<'_>) -> Option<Self> {
        let device = match visitor.device.and_then(Secret::told) {
            Some(device) => device,
            None => Secret::random()?,
        };
        let user_agent = visitor.user_agent.chars().filter(|it| !it.is_control()).take(USER_AGENT_MOST);
        Some(Self {
            address: visitor.address,
            secret: Secret::random()?,
            device,
            before: visitor.before.and_then(secret::read),
            user_agent: user_agent.collect(),
            until: None,
        })
    }

    /// The same, whose sign-in ends at that time in any case.
    pub(super) fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until), ..self }
    }
}

impl Access {
    /// Signs a person in, or waits for the code of his second factor.
    ///
    /// # Errors
    /// [`AccessError::Wrong`], [`AccessError::Wait`], [`AccessError::Busy`], the store's.
    pub async fn sign_in(
        self: &Arc<Self>,
        name: &str,
        password: &str,
        visitor: Visitor<'_>,
    ) -> Result<Entered, AccessError> {
        let proven = self.prove(name, password, visitor).await?;
        if proven.stored.second_factor.is_some() {
            let secret = Secret::random().ok_or(AccessError::Inside)?;
            self.note_half(&proven, visitor.address).await;
            self.awaiting().add(secret.hash(), proven);
            return Ok(Entered::Code(Awaited { secret, seconds: PATIENCE.as_secs() }));
        }
        self.succeeded(&proven);
        let arriving = Arriving::new(visitor).ok_or(AccessError::Inside)?;
        let signed_in = self.in_step(async move |access| {
            access.check_unchanged(&proven.stored).await?;
            access.begin(&proven.stored.account, arriving).await
        });
        signed_in.await.map(Entered::In)
    }

    /// Whether a code is awaited from who has this secret.
    pub fn awaits_code(&self, secret: &str) -> bool {
        secret::read(secret).is_some_and(|secret| self.awaiting().find(secret).is_some())
    }

    /// Signs a person in whose code was awaited: that of his app, or a recovery code.
    ///
    /// # Errors
    /// [`AccessError::WrongCode`], [`AccessError::Wait`]; [`AccessError::Again`] when it is awaited no more; the store's.
    pub async fn enter_code(
        self: &Arc<Self>,
        secret: &str,
        code: &str,
        visitor: Visitor<'_>,
    ) -> Result<SignedIn, AccessError> {
        let secret = secret::read(secret).ok_or(AccessError::Again)?;
        let proven = self.awaiting().find(secret).ok_or(AccessError::Again)?.clone();
        let arriving = Arriving::new(visitor).ok_or(AccessError::Inside)?;
        let (stored, address) = (proven.stored.clone(), visitor.address);
        let outcome = self.with_code(&proven, code, address, Some(secret), async move |access, given| {
            access.check_unchanged(&stored).await.map_err(|error| match error {
                AccessError::Wrong => AccessError::Again,
                error => error,
            })?;
            access.take_code(&stored.account, given, address).await?;
            access.begin(&stored.account, arriving).await
        });
        let outcome = outcome.await;
        if matches!(outcome, Ok(_) | Err(AccessError::Again)) {
            self.awaiting().0.remove(&secret);
        }
        outcome
    }

    /// Gives a program a token for name and password, as the predecessor did, and the code of a second factor.
    ///
    /// # Errors
    /// Those of [`Access::sign_in`]; [`AccessError::NeedsCode`] and [`AccessError::WrongCode`] where there is a second factor.
    pub async fn fetch_token(
        self: &Arc<Self>,
        name: &str,
        password: &str,
        code: Option<&str>,
        visitor: Visitor<'_>,
    ) -> Result<Secret, AccessError> {
        let proven = self.prove(name, password, visitor).await?;
        if proven.stored.second_factor.is_some() {
            let Some(code) = code else {
                self.note_half(&proven, visitor.address).await;
                self.lockout().taken_back(&proven.attempt, proven.at);
                return Err(AccessError::NeedsCode);
            };
            self.try_code(&proven, code, visitor.address).await?;
        } else {
            self.succeeded(&proven);
        }
        let address = visitor.address;
        self.in_step(async move |access| {
            access.check_unchanged(&proven.stored).await?;
            access.put_fetched(&proven.stored.account, address).await
        })
        .await
    }

    /// Checks name and password, as slowly for names that nobody has as for others, and lets nobody try without end. Who proves
    /// nothing more by it is to be told to [`Access::succeeded`].
    pub(super) async fn prove(&self, name: &str, password: &str, visitor: Visitor<'_>) -> Result<Proven, AccessError> {
        let outcome = self.try_to_prove(name, password, visitor).await;
        self.note_failure(&outcome, name, visitor.address).await;
        outcome
    }

    async fn try_to_prove(&self, name: &str, password: &str, visitor: Visitor<'_>) -> Result<Proven, AccessError> {
        // What is no name is one that nobody has; of a long one a part is enough to count it by.
        let key: String = AccountName::new(name)
            .map_or_else(|_| name.chars().take(bmw_domain::account::NAME_MOST + 1).collect(), |name| name.key());
        let familiar = self.known().familiar(&key, &visitor, Clock::real());
        let is_known = familiar.is_some() || self.is_signed_in(&key, visitor);
        let whose = if is_known { Whose::Known } else { Whose::Stranger(visitor.address) };
        let attempt = Attempt { account: key, address: visitor.address, familiar, step: Step::Password };
        let at = Instant::now();
        self.lockout().begin(&attempt, at).map_err(AccessError::Wait)?;
        match self.verify(&attempt.account, password, whose).await {
            Ok(stored) => Ok(Proven { stored, attempt, at }),
            Err(AccessError::Wrong) => {
                tracing::info!(address = %visitor.address, "a sign-in failed");
                Err(AccessError::Wrong)
            }
            Err(error) => {
                self.lockout().taken_back(&attempt, at);
                Err(error)
            }
        }
    }

    /// Whether the browser is one in which that account is signed in.
    fn is_signed_in(&self, key: &str, visitor: Visitor<'_>) -> bool {
        let secret = visitor.before.and_then(secret::read);
        let found = secret.and_then(|secret| self.known().by_cookie(secret, Clock::real()));
        found.is_some_and(|(who, _)| who.name.key() == key)
    }

    /// Tells the audit log that somebody knows a password, and was asked for a code: he may come no further, and its owner may
    /// want to know. Of many only some are told.
    async fn note_half(&self, proven: &Proven, address: IpAddr) {
        let account = &proven.stored.account;
        let told = {
            let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
            halves.add(address, Some(account.key), Clock::real())
        };
        let Some((count, since)) = told else { return };
        let after = json!({ "times": count, "since": since.0 }).to_string();
        let entry = Caller::nobody(address, false).entry("sign_in.half", "null".to_owned(), after);
        if let Err(error) = self.store.add_audit(&entry.on(account.name.as_str())).await {
            tracing::warn!(%error, "that a code was asked for could not be stored");
        }
    }

    /// Tells the audit log of a sign-in that failed, where it is not one of many. A name that is none of ours is not told: somebody
    /// may have typed his password there.
    async fn note_failure<T>(&self, outcome: &Result<T, AccessError>, name: &str, address: IpAddr) {
        if !matches!(outcome, Err(AccessError::Wrong | AccessError::WrongCode | AccessError::Wait(_))) {
            return;
        }
        let told = self.failures.lock().unwrap_or_else(PoisonError::into_inner).add(address, None, Clock::real());
        let Some((count, since)) = told else { return };
        let key = name.to_lowercase();
        let known = self.known().accounts.values().find(|it| it.name.key() == key).map(|it| it.name.to_string());
        let after = json!({ "failures": count, "since": since.0 }).to_string();
        let entry = Caller::nobody(address, false).entry("sign_in.fail", "null".to_owned(), after);
        if let Err(error) = self.store.add_audit(&entry.on(known.unwrap_or_default())).await {
            tracing::warn!(%error, "that a sign-in failed could not be stored");
        }
    }

    /// He has proven all that is asked for.
    pub(super) fn succeeded(&self, proven: &Proven) {
        self.lockout().succeeded(&proven.attempt, proven.at);
    }

    /// Checks the code of somebody who knows the password; it can be used once. He has proven all then.
    pub(super) async fn try_code(
        self: &Arc<Self>,
        proven: &Proven,
        code: &str,
        address: IpAddr,
    ) -> Result<(), AccessError> {
        let stored = proven.stored.clone();
        self.with_code(proven, code, address, None, async move |access, given| {
            access.check_unchanged(&stored).await?;
            access.take_code(&stored.account, given, address).await
        })
        .await
    }

    /// Tries a code, which counts as failed until the step has succeeded that takes it. One that is `awaited` counts there as well.
    async fn with_code<T, F>(
        self: &Arc<Self>,
        proven: &Proven,
        code: &str,
        address: IpAddr,
        awaited: Option<SecretHash>,
        step: impl FnOnce(Arc<Self>, Given) -> F + Send,
    ) -> Result<T, AccessError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AccessError>> + Send + 'static,
    {
        let (attempt, at) = (proven.attempt.of_code(), Instant::now());
        let tried = async {
            self.lockout().begin(&attempt, at).map_err(AccessError::Wait)?;
            if let Some(secret) = awaited {
                self.awaiting().count(secret);
            }
            let given = self.given(&proven.stored, code).await?;
            self.in_step(|access| step(access, given)).await
        };
        let outcome = tried.await;
        match &outcome {
            Ok(_) => {
                self.lockout().succeeded(&attempt, at);
                self.succeeded(proven);
            }
            // Somebody knows the password: its owner may want to know.
            Err(AccessError::WrongCode) => tracing::warn!(%address, "a right password with a wrong code"),
            // One that had to wait has not begun: there is none of this instant.
            Err(_) => self.lockout().taken_back(&attempt, at),
        }
        self.note_failure(&outcome, proven.stored.account.name.as_str(), address).await;
        outcome
    }

    /// What a code is: that of the app, or a recovery code.
    async fn given(&self, stored: &StoredAccount, code: &str) -> Result<Given, AccessError> {
        let Some(secret) = stored.second_factor.as_ref().map(|factor| factor.secret) else {
            return Err(AccessError::WrongCode);
        };
        if let Some(step) = factor::step_of(&secret, code, Clock::real()) {
            return Ok(Given::Step(step));
        }
        let digits = secret::code_digits(code).ok_or(AccessError::WrongCode)?;
        // Only who knows the password comes so far.
        let hash = self.beside(Whose::Known, move || factor::recovery_hash(&secret, &digits)).await?;
        hash.map(Given::Recovery).ok_or(AccessError::Inside)
    }

    /// Takes a code, so that nobody can use it again. Only under `step`.
    async fn take_code(&self, account: &Account, given: Given, address: IpAddr) -> Result<(), AccessError> {
        let is_taken = match given {
            Given::Step(step) => self.store.take_step(account.key, step).await?,
            Given::Recovery(code) => {
                let caller = self.entering(account, address);
                let entry = caller.entry("sign_in.recovery_code", "null".to_owned(), "null".to_owned());
                let entry = entry.on(account.name.as_str());
                self.store.take_recovery_code(account.key, code, &entry).await?
            }
        };
        if is_taken { Ok(()) } else { Err(AccessError::WrongCode) }
    }

    /// Somebody who is about to get in.
    fn entering(&self, account: &Account, address: IpAddr) -> Caller {
        let who = Who { account: account.key, name: account.name.clone(), role: account.role, by: By::SignIn(0) };
        Caller::known(who, address, self.public_read)
    }

    /// Begins a sign-in. Only under `step`.
    pub(super) async fn begin(&self, account: &Account, arriving: Arriving) -> Result<SignedIn, AccessError> {
        let now = Clock::real();
        let caller = self.entering(account, arriving.address);
        let before = arriving.before.and_then(|secret| {
            let known = self.known();
            known.sign_ins.get(&secret).filter(|live| live.holds(now)).map(|live| live.stored.sign_in.id)
        });
        self.end_ids(&caller, &Vec::from_iter(before)).await?;
        self.make_room(account, now).await?;
        let new = NewSignIn {
            account: account.key,
            secret: arriving.secret.hash(),
            device: arriving.device.hash(),
            at: now,
            expires_at: arriving.until.unwrap_or(now.plus(ABSOLUTE_MS)),
            address: arriving.address.to_canonical().to_string(),
            user_agent: arriving.user_agent,
        };
        let entry = caller.entry("sign_in.begin", "null".to_owned(), "null".to_owned()).on(account.name.as_str());
        let id = self.store.add_sign_in(&new, &entry).await?;
        let sign_in = SignIn {
            id,
            account: new.account,
            created_at: now,
            last_seen: now,
            expires_at: new.expires_at,
            address: new.address,
            user_agent: new.user_agent,
        };
        let seconds = sign_in.expires_at.since(now) / 1000;
        let stored = StoredSignIn { sign_in, secret: new.secret, device: new.device, ended_at: None };
        self.known_mut().sign_ins.insert(new.secret, Arc::new(LiveSignIn::new(stored)));
        Ok(SignedIn { secret: arriving.secret, device: arriving.device, seconds, id })
    }

    /// Who has proven himself by what was changed meanwhile has not. Only under `step`.
    async fn check_unchanged(&self, proven: &StoredAccount) -> Result<(), AccessError> {
        let now = self.store.account(&proven.account.name.key()).await?;
        let secret = |stored: &StoredAccount| stored.second_factor.as_ref().map(|factor| factor.secret);
        let is_same = now.is_some_and(|now| {
            let is_same = now.password_hash == proven.password_hash && secret(&now) == secret(proven);
            is_same && !now.account.is_disabled
        });
        if is_same { Ok(()) } else { Err(AccessError::Wrong) }
    }

    /// Forgets the sign-ins of an account that ended long ago, and the oldest where there are too many.
    async fn make_room(&self, account: &Account, now: Timestamp) -> Result<(), AccessError> {
        let ids: Vec<i64> = {
            let known = self.known();
            let mut all = known.sign_ins_of(account.key);
            // Those that have ended go first, then those that were not seen for the longest time.
            all.sort_by_key(|live| (live.holds(now), live.last_seen()));
            let beyond = all.len().saturating_sub(SIGN_INS_MOST - 1);
            let old = all.iter().enumerate();
            let old = old.filter(|(place, live)| *place < beyond || now.since(live.end()) >= FAMILIAR_MS);
            old.map(|(_, live)| live.stored.sign_in.id).collect()
        };
        if !ids.is_empty() {
            self.store.forget_sign_ins(&ids).await?;
            self.known_mut().sign_ins.retain(|_, live| !ids.contains(&live.stored.sign_in.id));
            self.revoked.send_replace(());
        }
        Ok(())
    }

    /// Puts a token that was fetched in the place of the oldest of its kind. Only under `step`.
    async fn put_fetched(&self, account: &Account, address: IpAddr) -> Result<Secret, AccessError> {
        let caller = self.entering(account, address);
        let old: Vec<i64> = {
            let known = self.known();
            let fetched = known.tokens_of(account.key);
            let mut fetched: Vec<_> = fetched.iter().filter(|live| live.stored.token.name == FETCHED).collect();
            // Those that hold no more go first, then those that were not used for the longest time.
            fetched.sort_by_key(|live| (live.holds(Clock::real()), live.last_used().max(live.stored.token.created_at)));
            let beyond = (fetched.len() + 1).saturating_sub(FETCHED_MOST);
            fetched.iter().take(beyond).map(|live| live.stored.token.id).collect()
        };
        if !old.is_empty() {
            self.remove_ids(&caller, &old).await?;
        }
        let expires_at = Some(Clock::real().plus(FETCHED_MS));
        self.put_token(&caller, account.key, FETCHED, account.role, expires_at).await
    }

    /// The account of a name, if the password is its own. The store is asked each time: the terminal may have added one.
    async fn verify(&self, key: &str, password: &str, whose: Whose) -> Result<StoredAccount, AccessError> {
        let stored = if key.contains('\0') { None } else { self.store.account(key).await? };
        let nobodys = self.nobodys.get_or_try_init(nobodys).await?;
        let hash = stored.as_ref().map_or_else(|| nobodys.clone(), |stored| stored.password_hash.clone());
        // None that is longer was ever accepted; it costs as much.
        let password: String = password.chars().take(bmw_domain::account::PASSWORD_MOST + 1).collect();
        let is_right = self.beside(whose, move || password::is_right(&password, &hash)).await?;
        match stored {
            Some(stored) if is_right && !stored.account.is_disabled => {
                // What memory knows is newer than what was read, if it knows anything.
                let account = || Arc::new(stored.account.clone());
                let known = Arc::clone(self.known_mut().accounts.entry(stored.account.key).or_insert_with(account));
                if known.has_second_factor && !stored.account.has_second_factor {
                    self.take_notice(stored.account.key).await?;
                }
                Ok(stored)
            }
            _ => Err(AccessError::Wrong),
        }
    }

    /// Takes notice of what the terminal has done to an account: its second factor is gone, and its sign-ins have ended.
    async fn take_notice(&self, key: AccountKey) -> Result<(), AccessError> {
        let _step = self.step.lock().await;
        let inventory = self.store.accounts().await?;
        let ended = inventory.sign_ins.iter().filter(|it| it.sign_in.account == key && it.ended_at.is_some());
        let ended: Vec<i64> = ended.map(|it| it.sign_in.id).collect();
        let mut known = self.known_mut();
        known.end(&ended, Clock::real());
        for stored in inventory.accounts.into_iter().filter(|stored| stored.account.key == key) {
            known.accounts.insert(key, Arc::new(stored.account));
        }
        drop(known);
        self.revoked.send_replace(());
        Ok(())
    }

    /// Does something slow beside the threads that answer, a few at a time.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        whose: Whose,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccessError> {
        let place = self.places.take(whose).ok_or(AccessError::Busy)?;
        place.work(work).await.ok_or(AccessError::Inside)
    }

    fn awaiting(&self) -> MutexGuard<'_, Waiting> {
        self.awaiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of a password that nobody has.
async fn nobodys() -> Result<String, AccessError> {
    let hash = tokio::task::spawn_blocking(|| random_password().and_then(|password| password::hash(&password))).await;
    hash.ok().flatten().ok_or(AccessError::Inside)
}
