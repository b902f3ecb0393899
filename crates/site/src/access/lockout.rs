//! How often somebody may try to sign in.
//!
//! Each try counts as failed until it has succeeded, so that many at once gain nothing. After some failures the next try must
//! wait, twice as long each time, up to a bound. A stranger's failures count for his address and for the account that he tries;
//! neither holds for a device on which the account's owner has signed in before: it has a count of its own. And an account that
//! many guess at makes those wait alone who have failed themselves, shortly, and each from his own last failure: so strangers
//! can keep the owner out neither of a device that he knows, nor of another one. Who has many networks has one try of each.

use crate::tries::Tries;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The longest wait; that which comes of the failures of others at the same account is short.
const LONGEST: Duration = Duration::from_mins(15);
const LONGEST_OF_ACCOUNT: Duration = Duration::from_secs(30);

/// What somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A password.
    Password,
    /// The code of a second factor. Only who knows the password comes so far: no stranger can keep the owner out.
    Code,
}

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// An address, as far as a provider gives it to one customer.
    Address(IpAddr),
    /// The most that a provider gives to one customer, of IPv6: it is told when he failed, and makes him wait for nothing else.
    Around(IpAddr),
    /// An account, by the key of its name, whether there is one or not.
    Account(String),
    /// The codes of an account, apart for each device that it is known by.
    Codes(String, Option<String>),
    /// A device that the account is known by.
    Familiar(String, String),
}

impl Counted {
    /// By whose last failure somebody waits who tries an account that others have failed at.
    fn of_himself(address: IpAddr) -> Self {
        match around(address) {
            address @ IpAddr::V4(_) => Self::Address(address),
            address @ IpAddr::V6(_) => Self::Around(address),
        }
    }

    /// Whether its failures make it wait by themselves.
    const fn waits(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Codes(..) | Self::Familiar(..))
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
    /// What he tries.
    pub step: Step,
}

impl Attempt {
    /// The same who tries the code.
    pub fn of_code(&self) -> Self {
        Self { step: Step::Code, ..self.clone() }
    }

    fn counted(&self) -> Vec<Counted> {
        let account = || self.account.clone();
        match (self.step, &self.familiar) {
            // The password before it counts until all has succeeded: for the address as well.
            (Step::Code, known) => vec![Counted::Codes(account(), known.clone())],
            (Step::Password, Some(known)) => vec![Counted::Familiar(account(), known.clone())],
            (Step::Password, None) => {
                let address = Counted::Address(network(self.address));
                let mut counted = vec![Counted::of_himself(self.address), Counted::Account(account())];
                if !counted.contains(&address) {
                    counted.push(address);
                }
                counted
            }
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

/// An address as far as it may be one customer's at most: of IPv6 the first 48 bits.
pub(super) fn around(address: IpAddr) -> IpAddr {
    match network(address) {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 80 << 80).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// The failures that are remembered.
#[derive(Debug, Default)]
pub struct Lockout {
    failures: Tries<Counted>,
}

impl Lockout {
    /// Begins a try, which counts as failed from here on.
    ///
    /// # Errors
    /// How long to wait.
    pub fn begin(&mut self, attempt: &Attempt, now: Instant) -> Result<(), Duration> {
        let counted = attempt.counted();
        let own = counted.iter().filter(|it| it.waits()).filter_map(|it| self.failures.left(it, LONGEST, now));
        if let Some(wait) = own.max().max(self.wait_for_others(&counted, attempt.address, now)) {
            return Err(wait);
        }
        for it in counted {
            self.failures.add(it, now);
        }
        Ok(())
    }

    /// How long somebody waits as the account that he tries was failed at, by whomever: not at all who has not failed himself.
    fn wait_for_others(&self, counted: &[Counted], address: IpAddr, now: Instant) -> Option<Duration> {
        let account = counted.iter().find(|it| matches!(it, Counted::Account(_)))?;
        let length = self.failures.length(account, LONGEST_OF_ACCOUNT, now)?;
        self.failures.left_of(&Counted::of_himself(address), length, now)
    }

    /// The try of this instant has succeeded: it and those before are no failures any more of that account's owner. His address
    /// has one less: who has an account could else try others without end.
    pub fn succeeded(&mut self, attempt: &Attempt, at: Instant) {
        for it in attempt.counted() {
            match it {
                // The tries of others stay counted: who signs in now is known by his device the next time.
                Counted::Address(_) | Counted::Around(_) | Counted::Account(_) | Counted::Codes(_, None) => {
                    self.failures.take_back(&it, at);
                }
                Counted::Familiar(..) | Counted::Codes(_, Some(_)) => self.failures.forget(&it),
            }
        }
    }

    /// The try of this instant has come to nothing through no fault of who tried: it is as if it had never been.
    pub fn taken_back(&mut self, attempt: &Attempt, at: Instant) {
        for it in attempt.counted() {
            self.failures.take_back(&it, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tries::{COUNTED, FIRST, FORGOTTEN, FREE, MOST};

    const MS: Duration = Duration::from_millis(1);

    fn stranger(account: &str, address: &str) -> Attempt {
        Attempt { account: account.to_owned(), address: address.parse().unwrap(), familiar: None, step: Step::Password }
    }

    fn owner(account: &str, address: &str) -> Attempt {
        Attempt { familiar: Some("device".to_owned()), ..stranger(account, address) }
    }

    /// Fails until it must wait, and says how often that was.
    fn fail(lockout: &mut Lockout, attempt: &Attempt, now: Instant) -> (usize, Duration) {
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
        let mut now = Instant::now();
        let mut lockout = Lockout::default();
        let attempt = stranger("anna", "10.0.0.1");
        assert_eq!(fail(&mut lockout, &attempt, now), (FREE, FIRST));
        let mut waits = Vec::new();
        for _ in 0..12 {
            let (_, wait) = fail(&mut lockout, &attempt, now);
            assert_eq!(lockout.begin(&attempt, now + wait.checked_sub(MS).unwrap()), Err(MS), "not a moment earlier");
            now += wait;
            waits.push(wait);
        }
        assert_eq!(waits[..4], [1, 2, 4, 8].map(Duration::from_secs));
        let another = stranger("anna", "10.0.0.2");
        let (_, wait) = fail(&mut lockout, &another, now);
        assert_eq!(wait, LONGEST_OF_ACCOUNT, "from elsewhere its owner waits shortly");
        assert_eq!(waits[11], LONGEST);
        assert_eq!(lockout.begin(&attempt, now + FORGOTTEN), Ok(()), "it is forgotten in the end");
    }

    #[test]
    fn an_account_is_guarded_from_many_addresses_and_an_address_from_many_accounts() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        let of_all = |lockout: &mut Lockout, now: Instant| {
            (0..40).filter(|it| lockout.begin(&stranger("anna", &format!("10.0.0.{it}")), now).is_ok()).count()
        };
        assert_eq!(of_all(&mut lockout, now), 40, "each has one try");
        assert_eq!(of_all(&mut lockout, now), 0, "and no other before it has waited");
        assert_eq!(of_all(&mut lockout, now + LONGEST_OF_ACCOUNT.checked_sub(MS).unwrap()), 0);
        assert_eq!(of_all(&mut lockout, now + LONGEST_OF_ACCOUNT), 40);
        // All networks that one customer may have are one here.
        let mut lockout = Lockout::default();
        for number in 0..FREE {
            lockout.begin(&stranger("anna", &format!("10.0.0.{number}")), now).unwrap();
        }
        let tries = (0..40).filter(|it| lockout.begin(&stranger("anna", &format!("2001:db8:0:{it}::1")), now).is_ok());
        assert_eq!(tries.count(), 1);
        assert_eq!(lockout.begin(&stranger("anna", "2001:db8:1::1"), now), Ok(()));
        let mut lockout = Lockout::default();
        let tries = (0..40).filter(|it| lockout.begin(&stranger(&format!("name{it}"), "10.0.0.1"), now).is_ok());
        assert_eq!(tries.count(), FREE);
        // The addresses of one customer are one.
        let mut lockout = Lockout::default();
        let tries = (0..40)
            .filter(|it| lockout.begin(&stranger(&format!("name{it}"), &format!("2001:db8::{it}")), now).is_ok());
        assert_eq!(tries.count(), FREE);
        assert_eq!(lockout.begin(&stranger("other", "2001:db8:0:1::1"), now), Ok(()));
    }

    #[test]
    fn strangers_do_not_keep_the_owner_out() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        // Also where he shares the stranger's address.
        for address in ["10.0.0.1", "10.0.0.2"] {
            fail(&mut lockout, &stranger("anna", address), now);
        }
        let owner = owner("anna", "10.0.0.1");
        assert_eq!(lockout.begin(&owner, now), Ok(()));
        lockout.succeeded(&owner, now);
        assert!(lockout.begin(&stranger("anna", "10.0.0.2"), now).is_err(), "the strangers' failures stay counted");
        assert_eq!(fail(&mut lockout, &owner, now).0, FREE, "a stolen device has its bound, too");
    }

    #[test]
    fn strangers_of_many_networks_keep_the_owner_out_of_no_new_device() {
        let mut now = Instant::now();
        let mut lockout = Lockout::default();
        let guess = |lockout: &mut Lockout, now: Instant| {
            // Whoever of them may, does.
            (0..40).filter(|it| lockout.begin(&stranger("anna", &format!("10.0.1.{it}")), now).is_ok()).count()
        };
        assert_eq!(guess(&mut lockout, now), 40);
        for number in 0..100 {
            now += Duration::from_secs(1);
            guess(&mut lockout, now);
            let owner = stranger("anna", &format!("10.0.2.{number}"));
            assert_eq!(lockout.begin(&owner, now), Ok(()), "from an address that has not failed");
            lockout.succeeded(&owner, now);
        }
        // Who mistypes waits once, whatever they do meanwhile.
        let owner = stranger("anna", "10.0.3.1");
        lockout.begin(&owner, now).unwrap();
        for _ in 0..29 {
            now += Duration::from_secs(1);
            guess(&mut lockout, now);
            assert!(lockout.begin(&owner, now).is_err());
        }
        now += Duration::from_secs(1);
        guess(&mut lockout, now);
        assert_eq!(lockout.begin(&owner, now), Ok(()));
    }

    #[test]
    fn success_clears_nothing_but_its_own() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        let (own, other) = (stranger("mallory", "10.0.0.1"), stranger("anna", "10.0.0.1"));
        for _ in 0..FREE - 1 {
            lockout.begin(&other, now).unwrap();
        }
        lockout.begin(&own, now).unwrap();
        lockout.succeeded(&own, now);
        lockout.begin(&other, now).unwrap();
        assert!(lockout.begin(&other, now).is_err());
        // What came to nothing does not count.
        let mut lockout = Lockout::default();
        for _ in 0..100 {
            lockout.begin(&other, now).unwrap();
            lockout.taken_back(&other, now);
        }
    }

    #[test]
    fn what_is_taken_back_makes_nobody_wait_longer() {
        let mut lockout = Lockout::default();
        let begun = Instant::now();
        let attempt = stranger("anna", "10.0.0.1");
        let (_, wait) = fail(&mut lockout, &attempt, begun);
        // Two at once, of which the one comes to nothing later than the other begins.
        let (one, two) = (begun + wait, begun + wait + 2 * wait);
        lockout.begin(&attempt, one).unwrap();
        lockout.begin(&attempt, two).unwrap();
        lockout.taken_back(&attempt, one);
        assert_eq!(lockout.begin(&attempt, two), Err(2 * wait), "the other one is as it was");
        lockout.taken_back(&attempt, two);
        assert_eq!(lockout.begin(&attempt, begun), Err(wait), "it is as if there had been none");
        lockout.begin(&attempt, one).unwrap();
        lockout.succeeded(&attempt, one);
        assert_eq!(lockout.begin(&attempt, begun), Err(wait), "nor did a success");
    }

    #[test]
    fn codes_have_a_count_of_their_own() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        let code = |address: &str| Attempt { step: Step::Code, ..stranger("anna", address) };
        for number in 0..FREE {
            lockout.begin(&code(&format!("10.0.0.{number}")), now).unwrap();
        }
        assert!(lockout.begin(&code("10.0.0.99"), now).is_err(), "from many addresses");
        assert_eq!(lockout.begin(&stranger("anna", "10.0.0.99"), now), Ok(()), "passwords are another matter");
        let mut later = now;
        for _ in 0..COUNTED + 3 {
            later += fail(&mut lockout, &code("10.0.1.1"), later).1;
        }
        assert_eq!(fail(&mut lockout, &code("10.0.1.2"), later).1, LONGEST, "nobody guesses on for days");
    }

    #[test]
    fn nobody_fills_the_memory() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        for number in 0..3 * MOST {
            let address = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            let attempt = Attempt { account: format!("n{number}"), address, familiar: None, step: Step::Password };
            lockout.begin(&attempt, now + MS * u32::try_from(number).unwrap()).unwrap();
            assert!(lockout.failures.len() <= MOST);
        }
        // Who has failed often is not forgotten for them.
        let often = stranger("anna", "10.0.0.1");
        fail(&mut lockout, &often, now);
        for number in 0..3 * MOST {
            let address = IpAddr::from((1 << 30 | u32::try_from(number).unwrap()).to_be_bytes());
            let attempt = Attempt { account: format!("m{number}"), address, familiar: None, step: Step::Password };
            lockout.begin(&attempt, now).unwrap();
        }
        assert!(lockout.begin(&often, now).is_err());
    }
}
