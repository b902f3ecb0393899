//! The second factor of an account: its owner turns it on and off, and an administrator takes it away where it was lost.

use super::entering::Arriving;
use super::people::told;
use super::places::Whose;
use super::{Access, AccessError, Caller, Denied, RecoveryCode, SignedIn, Visitor, factor, secret};
use crate::Clock;
use bmw_domain::account::{Account, AccountKey};
use bmw_store::{FactorSecret, NewSecondFactor, SecretHash};
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Recovery codes of an account.
const CODES: usize = 10;
/// How long a second factor may take to be set up.
const PATIENCE: Duration = Duration::from_mins(15);
/// The most that are being set up at once: the oldest make room.
const SETUPS_MOST: usize = 100;

/// What somebody who has signed in proves himself by once more.
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// His password.
    pub password: &'a str,
    /// The code of his second factor, or a recovery code; of no use where he has none.
    pub code: &'a str,
    /// From where.
    pub visitor: Visitor<'a>,
}

/// One's own second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnFactor {
    /// There is none.
    Off,
    /// It is being set up.
    Begun(Setup),
    /// It is asked for.
    On {
        /// How many recovery codes are left.
        codes_left: i64,
    },
}

/// What an app needs to know of a second factor that is being set up.
#[derive(Clone, PartialEq, Eq)]
pub struct Setup {
    /// All of it, as an address.
    pub address: String,
    /// The secret, to be typed in.
    pub secret: String,
}

impl std::fmt::Debug for Setup {
    /// Without the secret: it may be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Setup")
    }
}

/// Second factors that are being set up, by the sign-in that does.
#[derive(Debug, Default)]
pub(super) struct Setups(HashMap<i64, (FactorSecret, Instant)>);

impl Setups {
    fn begin(&mut self, sign_in: i64, secret: FactorSecret) {
        let now = Instant::now();
        self.0.retain(|_, (_, begun)| now.saturating_duration_since(*begun) < PATIENCE);
        if self.0.len() >= SETUPS_MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, (_, begun))| *begun).map(|(id, _)| *id)
        {
            self.0.remove(&oldest);
        }
        self.0.insert(sign_in, (secret, now));
    }

    fn find(&self, sign_in: i64) -> Option<FactorSecret> {
        let (secret, begun) = self.0.get(&sign_in)?;
        (begun.elapsed() < PATIENCE).then_some(*secret)
    }
}

impl Access {
    /// One's own second factor.
    ///
    /// # Errors
    /// For those who are no person that has signed in, as of all that follow; the store's.
    pub async fn second_factor(&self, caller: &Caller) -> Result<OwnFactor, AccessError> {
        let (who, sign_in) = caller.person()?;
        if let Some(factor) = self.stored(who.account).await?.second_factor {
            return Ok(OwnFactor::On { codes_left: factor.codes_left });
        }
        Ok(self.setups().find(sign_in).map_or(OwnFactor::Off, |secret| {
            let address = factor::address(&secret, &who.name);
            OwnFactor::Begun(Setup { address, secret: factor::base32(&secret) })
        }))
    }

    /// Begins to set up a second factor. Nothing changes until it is confirmed. Its secret is shown to the sign-in that a new one
    /// takes the place of here, for as long: who has copied the cookie before does not see it.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] where there is one.
    pub async fn begin_second_factor(
        self: &Arc<Self>,
        caller: &Caller,
        visitor: Visitor<'_>,
    ) -> Result<SignedIn, AccessError> {
        let (who, sign_in) = caller.person()?;
        let secret = factor::random().ok_or(AccessError::Inside)?;
        let own = self.sign_ins(caller)?.into_iter().find(|own| own.id == sign_in).ok_or(Denied::NotSignedIn)?;
        let arriving = Arriving::new(visitor).ok_or(AccessError::Inside)?.until(own.expires_at);
        let (caller, key) = (caller.clone(), who.account);
        self.in_step(async move |access| {
            access.check_still(&caller)?;
            let stored = access.stored(key).await?;
            if stored.second_factor.is_some() {
                return Err(AccessError::Unknown);
            }
            access.end_ids(&caller, &[sign_in]).await?;
            let signed_in = access.begin(&stored.account, arriving).await?;
            access.setups().begin(signed_in.id, secret);
            Ok(signed_in)
        })
        .await
    }

    /// Sets up none.
    ///
    /// # Errors
    /// See [`Access::second_factor`].
    pub fn leave_second_factor(&self, caller: &Caller) -> Result<(), AccessError> {
        let (_, sign_in) = caller.person()?;
        self.setups().0.remove(&sign_in);
        Ok(())
    }

    /// Turns on the second factor that is being set up. One's sign-ins end: they have proven less. The browser in which it is done
    /// is signed in anew. The recovery codes are told this once.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] and [`AccessError::WrongCode`]; [`AccessError::Unknown`] when none is being set up any more.
    pub async fn turn_on_second_factor(
        self: &Arc<Self>,
        caller: &Caller,
        proof: Proof<'_>,
    ) -> Result<(Vec<RecoveryCode>, SignedIn), AccessError> {
        let (who, sign_in) = caller.person()?;
        let secret = self.setups().find(sign_in).ok_or(AccessError::Unknown)?;
        let proven = self.prove(who.name.as_str(), proof.password, proof.visitor).await?;
        self.succeeded(&proven);
        // Who knows the secret is shown it: his code is no guess.
        let last_step = factor::step_of(&secret, proof.code, Clock::real()).ok_or(AccessError::WrongCode)?;
        let (codes, hashes) = self.new_codes(secret).await?;
        let arriving = Arriving::new(proof.visitor).ok_or(AccessError::Inside)?;
        let (caller, key) = (caller.clone(), who.account);
        self.in_step(async move |access| {
            access.check_still(&caller)?;
            let stored = access.stored(key).await?;
            if stored.second_factor.is_some() {
                return Err(AccessError::Unknown);
            }
            let new = NewSecondFactor { secret, last_step, codes: hashes };
            let account = access.put_factor(&caller, stored.account, Some(&new)).await?;
            access.setups().0.remove(&sign_in);
            Ok((codes, access.begin(&account, arriving).await?))
        })
        .await
    }

    /// Makes recovery codes anew; those before hold no more. They are told this once.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] and [`AccessError::WrongCode`].
    pub async fn renew_recovery_codes(
        self: &Arc<Self>,
        caller: &Caller,
        proof: Proof<'_>,
    ) -> Result<Vec<RecoveryCode>, AccessError> {
        let (key, secret) = self.prove_both(caller, proof).await?;
        let (codes, hashes) = self.new_codes(secret).await?;
        let caller = caller.clone();
        self.in_step(async move |access| {
            access.check_still(&caller)?;
            // The codes belong to that secret.
            let stored = access.stored(key).await?;
            if stored.second_factor.is_none_or(|factor| factor.secret != secret) {
                return Err(AccessError::Unknown);
            }
            let entry = caller.entry("account.recovery_codes", "null".to_owned(), "null".to_owned());
            let entry = entry.on(stored.account.name.as_str());
            access.store.set_recovery_codes(key, &hashes, &entry).await?;
            Ok(codes)
        })
        .await
    }

    /// Turns off one's own second factor. One's sign-ins end, and the browser in which it is done is signed in anew.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] and [`AccessError::WrongCode`].
    pub async fn turn_off_second_factor(
        self: &Arc<Self>,
        caller: &Caller,
        proof: Proof<'_>,
    ) -> Result<SignedIn, AccessError> {
        let (key, _) = self.prove_both(caller, proof).await?;
        let arriving = Arriving::new(proof.visitor).ok_or(AccessError::Inside)?;
        let caller = caller.clone();
        self.in_step(async move |access| {
            let account = access.take_away(&caller, key).await?;
            access.begin(&account, arriving).await
        })
        .await
    }

    /// Takes away the second factor of another account, whose owner has lost it. His password alone lets him in then, and must:
    /// his sign-ins end.
    ///
    /// # Errors
    /// For those who may not change accounts, and for one's own; [`AccessError::Unknown`] where there is none.
    pub async fn reset_second_factor(self: &Arc<Self>, caller: &Caller, key: AccountKey) -> Result<(), AccessError> {
        Self::check_other(caller, key)?;
        let caller = caller.clone();
        self.in_step(async move |access| access.take_away(&caller, key).await.map(|_| ())).await
    }

    /// Only under `step`.
    async fn take_away(&self, caller: &Caller, key: AccountKey) -> Result<Arc<Account>, AccessError> {
        self.check_still(caller)?;
        let stored = self.stored(key).await?;
        if stored.second_factor.is_none() {
            return Err(AccessError::Unknown);
        }
        self.put_factor(caller, stored.account, None).await
    }

    /// Only under `step`. The sign-ins of the account end; it is given as it is then.
    async fn put_factor(
        &self,
        caller: &Caller,
        account: Account,
        factor: Option<&NewSecondFactor>,
    ) -> Result<Arc<Account>, AccessError> {
        let is_on = factor.is_some();
        let action = if is_on { "account.second_factor.on" } else { "account.second_factor.off" };
        let before = told(&account);
        let account = Arc::new(Account { has_second_factor: is_on, ..account });
        let end = self.sign_ins_that_hold(account.key);
        let entry = caller.entry(action, before, told(&account)).on(account.name.as_str());
        self.store.set_second_factor(account.key, factor, &end, &entry).await?;
        let mut known = self.known_mut();
        known.end(&end, entry.at);
        known.accounts.insert(account.key, Arc::clone(&account));
        drop(known);
        self.revoked.send_replace(());
        Ok(account)
    }

    /// Asks a person for all that he would sign in by: also for a code, where he has a second factor.
    pub(super) async fn prove_person(
        self: &Arc<Self>,
        caller: &Caller,
        proof: Proof<'_>,
    ) -> Result<(AccountKey, Option<FactorSecret>), AccessError> {
        let (who, _) = caller.person()?;
        let proven = self.prove(who.name.as_str(), proof.password, proof.visitor).await?;
        let secret = proven.stored.second_factor.as_ref().map(|factor| factor.secret);
        if secret.is_some() {
            self.try_code(&proven, proof.code, proof.visitor.address).await?;
        } else {
            self.succeeded(&proven);
        }
        Ok((who.account, secret))
    }

    /// The same, of one who has a second factor.
    async fn prove_both(
        self: &Arc<Self>,
        caller: &Caller,
        proof: Proof<'_>,
    ) -> Result<(AccountKey, FactorSecret), AccessError> {
        let (key, secret) = self.prove_person(caller, proof).await?;
        Ok((key, secret.ok_or(AccessError::Unknown)?))
    }

    /// New recovery codes, and their hashes.
    async fn new_codes(&self, secret: FactorSecret) -> Result<(Vec<RecoveryCode>, Vec<SecretHash>), AccessError> {
        let both = move || {
            let code = RecoveryCode::random()?;
            let hash = factor::recovery_hash(&secret, &secret::code_digits(code.as_str())?)?;
            Some((code, hash))
        };
        let codes = self
            .beside(Whose::Known, move || std::iter::repeat_with(both).take(CODES).collect::<Option<Vec<_>>>())
            .await?;
        Ok(codes.ok_or(AccessError::Inside)?.into_iter().unzip())
    }

    fn setups(&self) -> MutexGuard<'_, Setups> {
        self.setups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
