//! How often somebody may try to sign in.
//!
//! Each try counts as failed until it has succeeded, so that many at once gain nothing. After some failures the next try must
//! wait, twice as long each time, up to a bound. A stranger's failures count for his address and for the account that he tries;
//! neither holds for a device on which the account's owner has signed in before: it has a count of its own. And an account waits
//! only shortly: so a stranger can keep the owner out neither of a device that he knows, nor for long of another one.

use bmw_domain::calendar::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Failures without a wait.
const FREE: u32 = 5;
/// The first wait, and the longest, ms; that of an account, which strangers share with its owner, is short.
const FIRST_MS: i64 = 1_000;
const LONGEST_MS: i64 = 15 * 60_000;
const LONGEST_OF_ACCOUNT_MS: i64 = 30_000;
/// Failures are forgotten so long after the last one, ms.
const FORGOTTEN_MS: i64 = 60 * 60_000;
/// The most that is remembered: those who failed least are forgotten first, of them those who failed longest ago.
const MOST: usize = 10_000;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// An address, as far as a provider gives it to one customer.
    Address(IpAddr),
    /// An account, by the key of its name, whether there is one or not.
    Account(String),
    /// A device that the account is known by.
    Familiar(String, String),
}

impl Counted {
    const fn longest_ms(&self) -> i64 {
        match self {
            Self::Account(_) => LONGEST_OF_ACCOUNT_MS,
            Self::Address(_) | Self::Familiar(..) => LONGEST_MS,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    last: Timestamp,
}

impl Count {
    /// When the next try may be made, after a wait of at most so many ms.
    fn next(self, longest_ms: i64) -> Timestamp {
        let doubled = self.failures.checked_sub(FREE).map(|beyond| FIRST_MS << beyond.min(20));
        self.last.plus(doubled.map_or(0, |wait| wait.min(longest_ms)))
    }
}

/// Who tries to sign in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The key of the account's name.
    pub account: String,
    /// From where.
    pub address: IpAddr,
    /// The device that the account knows him by, if it does.
    pub familiar: Option<String>,
}

impl Attempt {
    fn counted(&self) -> Vec<Counted> {
        match &self.familiar {
            Some(known) => vec![Counted::Familiar(self.account.clone(), known.clone())],
            None => vec![Counted::Address(network(self.address)), Counted::Account(self.account.clone())],
        }
    }
}

/// An address as far as it is one customer's: of IPv6 the first 64 bits.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// The failures that are remembered.
#[derive(Debug, Default)]
pub struct Lockout {
    counts: HashMap<Counted, Count>,
}

impl Lockout {
    /// Begins a try, which counts as failed from here on.
    ///
    /// # Errors
    /// How long to wait, ms.
    pub fn begin(&mut self, attempt: &Attempt, now: Timestamp) -> Result<(), i64> {
        let counted = attempt.counted();
        let next = counted.iter().filter_map(|it| Some(self.count(it, now)?.next(it.longest_ms()))).max();
        if let Some(wait) = next.map(|next| next.since(now)).filter(|wait| *wait > 0) {
            return Err(wait);
        }
        for it in counted {
            let failures = self.count(&it, now).map_or(0, |count| count.failures).saturating_add(1);
            self.make_room(now);
            self.counts.insert(it, Count { failures, last: now });
        }
        Ok(())
    }

    /// A try has succeeded: it and those before are no failures any more of that account's owner. His address has one less:
    /// who has an account could else try others without end.
    pub fn succeeded(&mut self, attempt: &Attempt) {
        for it in attempt.counted() {
            match it {
                // The tries of others stay counted: who signs in now is known by his device the next time.
                Counted::Address(_) | Counted::Account(_) => self.take_back(&it),
                Counted::Familiar(..) => drop(self.counts.remove(&it)),
            }
        }
    }

    /// A try has come to nothing through no fault of who tried.
    pub fn taken_back(&mut self, attempt: &Attempt) {
        for it in attempt.counted() {
            self.take_back(&it);
        }
    }

    fn take_back(&mut self, it: &Counted) {
        if let Some(count) = self.counts.get_mut(it) {
            count.failures = count.failures.saturating_sub(1);
            if count.failures == 0 {
                self.counts.remove(it);
            }
        }
    }

    fn count(&self, it: &Counted, now: Timestamp) -> Option<Count> {
        self.counts.get(it).copied().filter(|count| now.since(count.last) < FORGOTTEN_MS)
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.counts.len() < MOST {
            return;
        }
        self.counts.retain(|_, count| now.since(count.last) < FORGOTTEN_MS);
        if self.counts.len() >= MOST {
            // Those with few failures first: many addresses do not make forgotten who has failed often.
            let mut ranks: Vec<(u32, Timestamp)> =
                self.counts.values().map(|count| (count.failures, count.last)).collect();
            let (_, middle, _) = ranks.select_nth_unstable(MOST / 10);
            let least = *middle;
            self.counts.retain(|_, count| (count.failures, count.last) > least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn stranger(account: &str, address: &str) -> Attempt {
        Attempt { account: account.to_owned(), address: address.parse().unwrap(), familiar: None }
    }

    fn owner(account: &str, address: &str) -> Attempt {
        Attempt { familiar: Some("device".to_owned()), ..stranger(account, address) }
    }

    /// Fails until it must wait, and says how often that was.
    fn fail(lockout: &mut Lockout, attempt: &Attempt, now: Timestamp) -> (u32, i64) {
        let mut tries = 0;
        loop {
            match lockout.begin(attempt, now) {
                Ok(()) => tries += 1,
                Err(wait) => return (tries, wait),
            }
        }
    }

    #[test]
    fn after_some_failures_each_wait_is_twice_as_long_up_to_a_bound() {
        let mut lockout = Lockout::default();
        let attempt = stranger("anna", "10.0.0.1");
        assert_eq!(fail(&mut lockout, &attempt, NOW), (FREE, FIRST_MS));
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..12 {
            let (_, wait) = fail(&mut lockout, &attempt, now);
            assert_eq!(lockout.begin(&attempt, now.plus(wait - 1)), Err(1), "not a moment earlier");
            now = now.plus(wait);
            waits.push(wait);
        }
        assert_eq!(waits[..4], [1_000, 2_000, 4_000, 8_000]);
        let another = stranger("anna", "10.0.0.2");
        let (_, wait) = fail(&mut lockout, &another, now);
        assert_eq!(wait, LONGEST_OF_ACCOUNT_MS, "from elsewhere its owner waits shortly");
        assert_eq!(waits[11], LONGEST_MS);
        assert_eq!(lockout.begin(&attempt, now.plus(FORGOTTEN_MS)), Ok(()), "it is forgotten in the end");
    }

    #[test]
    fn an_account_is_guarded_from_many_addresses_and_an_address_from_many_accounts() {
        let mut lockout = Lockout::default();
        let tries = (0..40).filter(|it| lockout.begin(&stranger("anna", &format!("10.0.0.{it}")), NOW).is_ok());
        assert_eq!(tries.count(), FREE as usize);
        let mut lockout = Lockout::default();
        let tries = (0..40).filter(|it| lockout.begin(&stranger(&format!("name{it}"), "10.0.0.1"), NOW).is_ok());
        assert_eq!(tries.count(), FREE as usize);
        // The addresses of one customer are one.
        let mut lockout = Lockout::default();
        let tries = (0..40)
            .filter(|it| lockout.begin(&stranger(&format!("name{it}"), &format!("2001:db8::{it}")), NOW).is_ok());
        assert_eq!(tries.count(), FREE as usize);
        assert_eq!(lockout.begin(&stranger("other", "2001:db8:0:1::1"), NOW), Ok(()));
    }

    #[test]
    fn strangers_do_not_keep_the_owner_out() {
        let mut lockout = Lockout::default();
        // Also where he shares the stranger's address.
        for address in ["10.0.0.1", "10.0.0.2"] {
            fail(&mut lockout, &stranger("anna", address), NOW);
        }
        let owner = owner("anna", "10.0.0.1");
        assert_eq!(lockout.begin(&owner, NOW), Ok(()));
        lockout.succeeded(&owner);
        assert!(lockout.begin(&stranger("anna", "10.0.0.3"), NOW).is_err(), "the strangers' failures stay counted");
        assert_eq!(fail(&mut lockout, &owner, NOW).0, FREE, "a stolen device has its bound, too");
    }

    #[test]
    fn success_clears_nothing_but_its_own() {
        let mut lockout = Lockout::default();
        let (own, other) = (stranger("mallory", "10.0.0.1"), stranger("anna", "10.0.0.1"));
        for _ in 0..FREE - 1 {
            lockout.begin(&other, NOW).unwrap();
        }
        lockout.begin(&own, NOW).unwrap();
        lockout.succeeded(&own);
        lockout.begin(&other, NOW).unwrap();
        assert!(lockout.begin(&other, NOW).is_err());
        // What came to nothing does not count.
        let mut lockout = Lockout::default();
        for _ in 0..100 {
            lockout.begin(&other, NOW).unwrap();
            lockout.taken_back(&other);
        }
    }

    #[test]
    fn nobody_fills_the_memory() {
        let mut lockout = Lockout::default();
        for number in 0..3 * MOST {
            let address = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            let attempt = Attempt { account: format!("n{number}"), address, familiar: None };
            lockout.begin(&attempt, NOW.plus(i64::try_from(number).unwrap())).unwrap();
            assert!(lockout.counts.len() <= MOST);
        }
        // Who has failed often is not forgotten for them.
        let often = stranger("anna", "10.0.0.1");
        fail(&mut lockout, &often, NOW);
        for number in 0..3 * MOST {
            let address = IpAddr::from((1 << 30 | u32::try_from(number).unwrap()).to_be_bytes());
            let attempt = Attempt { account: format!("m{number}"), address, familiar: None };
            lockout.begin(&attempt, NOW).unwrap();
        }
        assert!(lockout.begin(&often, NOW).is_err());
    }
}
