//! How much of the program one client may take: requests in a time, and what is open at once.
//!
//! Who has proven who he is counts as that, by his account or his token, and all tokens of an account together as well; all
//! others by their address, of IPv6 by its first 64 bits, as one customer has all of these.
//!
//! The rule is the generic cell rate algorithm (ITU-T I.371, A.1): for each client one instant is kept, at which he has all
//! that he may at once again. A client of whom nothing is known has all of it, so whoever has recovered can be forgotten.
//! `governor` 0.10.4 has the same rule, but one rate for all, a table that grows until somebody sweeps it, and a table of
//! shards, a lock and a clock of its own to bring along; here the table has a bound, and who owes least makes room.

use crate::guard::is_reading;
use bmw_domain::account::AccountKey;
use bmw_site::Caller;
use bmw_site::access::{By, network};
use bmw_site::holds::{Hold, Holds};
use http::Method;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many requests may come at once, in seconds' worth.
const BURST_SECONDS: u32 = 10;
/// What counts as so many requests: to change something, or to download what the audit log notes; to sign in and what else
/// has passwords in it, which costs a hash made to be slow; and to ask to join as a charge point that nobody knows.
const CHANGE: u32 = 10;
const SIGN_IN: u32 = 40;
const JOIN: u32 = 20;
/// As how many clients all programs of an account count together.
const PROGRAMS: u32 = 4;
/// How many charge points may connect for one request of others: all of a site may be behind one address, and all come back
/// at once when the program has been restarted.
const CHARGE_POINTS: u32 = 10;
/// Of the connections of an address this part may follow the feed.
const FEED_PART: u32 = 10;
/// How many bodies an address may be sending at once: each is held until it is complete.
const MOST_BODIES: u32 = 64;

/// The bounds that an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests of a client in a second; 0 is without a bound.
    pub requests: u32,
    /// Connections of an address at once, charge points aside; 0 is without a bound, of those and of followers of the feed.
    pub connections: u32,
}

impl Bounds {
    /// No more than a program has a use for.
    pub const MOST: u32 = 1_000_000;
    /// None at all.
    pub const NONE: Self = Self { requests: 0, connections: 0 };
}

impl Default for Bounds {
    fn default() -> Self {
        Self { requests: 200, connections: 2_000 }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// A person, wherever he has signed in.
    Account(AccountKey),
    /// A program, by the number of its token, and whose it is.
    Token(i64, AccountKey),
    /// All programs of a person.
    Programs(AccountKey),
    /// Who has proven nothing.
    Address(IpAddr),
    /// The charge points behind an address.
    ChargePoints(IpAddr),
    /// Those behind an address that nobody knows.
    Joining(IpAddr),
}

impl Client {
    /// Who asks, as far as he has proven it.
    pub fn of(caller: Option<&Caller>, address: IpAddr) -> Self {
        match caller.and_then(Caller::who).map(|who| (who.account, &who.by)) {
            Some((account, By::Token(id, _))) => Self::Token(*id, account),
            Some((account, By::SignIn(_))) => Self::Account(account),
            Some((_, By::Terminal)) | None => Self::Address(network(address)),
        }
    }
}

/// As how many requests one counts.
pub fn weight(method: &Method, path: &str) -> u32 {
    let path = path.trim_end_matches('/');
    let is_reading = is_reading(method);
    match path {
        _ if is_reading && is_noted(path) => CHANGE,
        _ if is_reading => 1,
        "/log_in"
        | "/log_in/code"
        | "/api-token-auth"
        | "/account"
        | "/users"
        | "/charger_password"
        | "/api/charger/password" => SIGN_IN,
        _ => CHANGE,
    }
}

/// Whether the audit log notes who reads that.
fn is_noted(path: &str) -> bool {
    ["/records/export.csv", "/cards/export.csv", "/audit/export.csv", "/details/frames.txt"].contains(&path)
        || path.starts_with("/details/diagnostics/")
}

/// A rate: one more after each `every`, and as many at once as fit into `most`, ns.
#[derive(Debug, Clone, Copy)]
struct Rate {
    every: u64,
    most: u64,
}

impl Rate {
    fn new(per_second: u32) -> Self {
        let every = 1_000_000_000 / u64::from(per_second.max(1));
        Self { every, most: every * u64::from(per_second) * u64::from(BURST_SECONDS) }
    }

    /// When a client has all again that has taken so much more, if he may. What counts more than all is as much as all.
    ///
    /// # Errors
    /// How long to wait, ns.
    fn take(self, full_at: u64, weight: u32, now: u64) -> Result<u64, u64> {
        let next = full_at.max(now).saturating_add(self.taken(weight));
        match next.saturating_sub(now).checked_sub(self.most) {
            None | Some(0) => Ok(next),
            Some(wait) => Err(wait),
        }
    }

    /// By how much later he has all again, ns.
    fn taken(self, weight: u32) -> u64 {
        (self.every * u64::from(weight)).min(self.most)
    }
}

/// How many sets the table has, and how many clients each of them.
const SETS: usize = 4_096;
const SET: usize = 16;

/// A client and when he has all again, ns.
#[derive(Debug, Clone, Copy)]
struct Debt {
    client: Client,
    full_at: u64,
}

/// The clients that have not recovered yet, and others that nobody has pushed out. No more than [`SETS`] times [`SET`]: in a
/// set that is full the one who owes least makes room. So many addresses cannot fill the memory, and one that owes much is
/// not forgotten for them.
struct Table {
    /// Secret, so that nobody chooses whom he pushes out.
    hasher: RandomState,
    sets: Box<[Mutex<Vec<Debt>>]>,
}

impl Table {
    fn new() -> Self {
        Self { hasher: RandomState::new(), sets: (0..SETS).map(|_| Mutex::default()).collect() }
    }

    fn take(&self, client: Client, rate: Rate, weight: u32, now: u64) -> Result<(), u64> {
        let mut set = self.set(client);
        if let Some(debt) = set.iter_mut().find(|debt| debt.client == client) {
            debt.full_at = rate.take(debt.full_at, weight, now)?;
            return Ok(());
        }
        let debt = Debt { client, full_at: rate.take(0, weight, now)? };
        if set.len() < SET {
            set.push(debt);
        } else if let Some(least) = set.iter_mut().min_by_key(|debt| debt.full_at) {
            *least = debt;
        }
        Ok(())
    }

    /// Gives back what was taken for nothing.
    fn give_back(&self, client: Client, rate: Rate, weight: u32) {
        let mut set = self.set(client);
        if let Some(debt) = set.iter_mut().find(|debt| debt.client == client) {
            debt.full_at = debt.full_at.saturating_sub(rate.taken(weight));
        }
    }

    fn set(&self, client: Client) -> MutexGuard<'_, Vec<Debt>> {
        #[allow(clippy::cast_possible_truncation)] // the lowest bits are wanted
        let place = self.hasher.hash_one(client) as usize % SETS;
        lock(&self.sets[place])
    }
}

/// What is open as long as somebody holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Open {
    /// A connection that is not a charge point's.
    Connection,
    /// One of a proxy that is trusted: it is many clients', and each of them is counted by what he asks.
    OfProxy,
    /// The live feed.
    Feed,
    /// A body that is being read.
    Body,
}

/// What an address has open.
pub type Held = Hold<(Open, IpAddr)>;

/// The limits, and what is counted by them.
pub struct Limits {
    bounds: Bounds,
    start: Instant,
    rate: Rate,
    rate_of_programs: Rate,
    rate_of_charge_points: Rate,
    table: Table,
    /// By what and address; no more of these than there are connections.
    open: Holds<(Open, IpAddr)>,
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl Limits {
    /// Limits within which nobody has taken anything yet.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let requests = bounds.requests.min(Bounds::MOST);
        Arc::new(Self {
            bounds,
            start: Instant::now(),
            rate: Rate::new(requests),
            rate_of_programs: Rate::new(requests * PROGRAMS),
            rate_of_charge_points: Rate::new(requests * CHARGE_POINTS),
            table: Table::new(),
            open: Holds::default(),
        })
    }

    /// Counts a request of such a weight: of a program, that of its account as well.
    ///
    /// # Errors
    /// How long to wait.
    pub fn request(&self, client: Client, weight: u32) -> Result<(), Duration> {
        self.count(client, self.rate, weight)?;
        let Client::Token(_, account) = client else { return Ok(()) };
        let together = self.count(Client::Programs(account), self.rate_of_programs, weight);
        if together.is_err() {
            self.table.give_back(client, self.rate, weight);
        }
        together
    }

    /// Counts a charge point that connects.
    ///
    /// # Errors
    /// How long to wait.
    pub fn charge_point(&self, address: IpAddr) -> Result<(), Duration> {
        self.count(Client::ChargePoints(network(address)), self.rate_of_charge_points, 1)
    }

    /// Counts a charge point that nobody knows and that wants to come in.
    ///
    /// # Errors
    /// How long to wait.
    pub fn joining(&self, address: IpAddr) -> Result<(), Duration> {
        self.count(Client::Joining(network(address)), self.rate, JOIN)
    }

    fn count(&self, client: Client, rate: Rate, weight: u32) -> Result<(), Duration> {
        if self.bounds.requests == 0 {
            return Ok(());
        }
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.table.take(client, rate, weight, now).map_err(Duration::from_nanos)
    }

    /// Notes that an address has something open, until what is given is dropped; `None` when it has as many as it may.
    pub fn hold(&self, what: Open, address: IpAddr) -> Option<Held> {
        let what = (what, network(address));
        let most = match what.0 {
            // Each is held in memory, whatever an operator allows otherwise.
            Open::Body => MOST_BODIES,
            _ if self.bounds.connections == 0 => u32::MAX,
            Open::OfProxy => u32::MAX,
            Open::Connection => self.bounds.connections,
            Open::Feed => self.bounds.connections.div_ceil(FEED_PART),
        };
        self.open.take(what, most)
    }
}

/// What is counted stays right whatever happened to who counted.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn address(number: u32) -> Client {
        Client::Address(IpAddr::from(number.to_be_bytes()))
    }

    /// How many requests pass that come one after the other at one instant.
    fn pass(table: &Table, client: Client, rate: Rate, weight: u32, now: u64) -> (u32, u64) {
        let mut passed = 0;
        loop {
            match table.take(client, rate, weight, now) {
                Ok(()) => passed += 1,
                Err(wait) => return (passed, wait),
            }
        }
    }

    #[test]
    fn so_many_pass_at_once_and_then_one_after_the_other() {
        let (table, rate, client) = (Table::new(), Rate::new(100), address(1));
        assert_eq!(pass(&table, client, rate, 1, 0), (1_000, SECOND / 100));
        assert_eq!(table.take(client, rate, 1, SECOND / 100 - 1), Err(1), "not a moment earlier");
        assert_eq!(table.take(client, rate, 1, SECOND / 100), Ok(()));
        assert_eq!(pass(&table, address(2), rate, 1, 0).0, 1_000, "another one is not held up");
        assert_eq!(pass(&table, client, rate, 1, 2 * SECOND).0, 199, "what was refused costs nothing");
        assert_eq!(pass(&table, client, rate, 1, 100 * SECOND).0, 1_000, "no more than all");
    }

    #[test]
    fn what_costs_more_counts_more() {
        let (table, rate, client) = (Table::new(), Rate::new(100), address(1));
        assert_eq!(pass(&table, client, rate, SIGN_IN, 0).0, 1_000 / SIGN_IN);
        // Also where it counts more than all that passes at once.
        let slow = Rate::new(1);
        let other = address(2);
        assert_eq!(pass(&table, other, slow, SIGN_IN, 0), (1, 10 * SECOND));
        assert_eq!(table.take(other, slow, SIGN_IN, 10 * SECOND), Ok(()));
        for (method, path, expected) in [
            (Method::GET, "/log_in/", 1),
            (Method::HEAD, "/overview/", 1),
            (Method::POST, "/log_in/", SIGN_IN),
            (Method::POST, "/log_in", SIGN_IN),
            (Method::POST, "/api-token-auth/", SIGN_IN),
            (Method::POST, "/log_in/code", SIGN_IN),
            (Method::POST, "/log_in/code/", SIGN_IN),
            (Method::GET, "/log_in/code/", 1),
            (Method::POST, "/account/", SIGN_IN),
            (Method::POST, "/users/", SIGN_IN),
            (Method::GET, "/users/", 1),
            (Method::POST, "/charger_password/", SIGN_IN),
            (Method::POST, "/api/charger/password/", SIGN_IN),
            // What the audit log notes.
            (Method::GET, "/records/export.csv", CHANGE),
            (Method::HEAD, "/records/export.csv/", CHANGE),
            (Method::GET, "/cards/export.csv", CHANGE),
            (Method::GET, "/audit/export.csv", CHANGE),
            (Method::GET, "/audit/", 1),
            (Method::GET, "/details/frames.txt", CHANGE),
            (Method::GET, "/details/diagnostics/7", CHANGE),
            (Method::GET, "/details/", 1),
            (Method::POST, "/fn/command", CHANGE),
            (Method::DELETE, "/", CHANGE),
        ] {
            assert_eq!(weight(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn all_charge_points_of_a_large_site_come_back_at_once() {
        let limits = Limits::new(Bounds::default());
        let behind = IpAddr::from([10, 0, 0, 1]);
        assert!((0..20_000).all(|_| limits.charge_point(behind).is_ok()));
        assert_eq!(limits.request(Client::of(None, behind), 1), Ok(()), "who looks at them is not held up");
        let (table, rate) = (Table::new(), Rate::new(Bounds::default().requests));
        assert_eq!(pass(&table, Client::Joining(behind), rate, JOIN, 0), (100, SECOND / 10), "unknown ones are few");
    }

    #[test]
    fn the_addresses_of_one_customer_are_one() {
        let of = |text: &str| Client::of(None, text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn many_programs_of_one_account_take_no_more_than_a_few() {
        // To sign in is all that may be at once, and the next time comes after ten seconds.
        let limits = Limits::new(Bounds { requests: 1, connections: 0 });
        let token = |id| Client::Token(id, AccountKey(1));
        let may = |client| limits.request(client, SIGN_IN).is_ok();
        let passed = (0..50).filter(|id| may(token(*id))).count();
        assert!((1..5).contains(&passed), "{passed}");
        assert!(may(Client::Token(99, AccountKey(2))), "those of others are not held up");
        assert!(may(Client::Account(AccountKey(1))), "nor is the person");
        assert!(!may(token(49)));
        let owes = limits.table.set(token(49)).iter().find(|debt| debt.client == token(49)).map(|debt| debt.full_at);
        assert!(u128::from(owes.unwrap()) <= limits.start.elapsed().as_nanos(), "what is refused costs nothing");
    }

    #[test]
    fn programs_together_have_a_few_times_as_much() {
        let limits = Limits::new(Bounds { requests: 100, connections: 0 });
        let (table, client) = (Table::new(), Client::Programs(AccountKey(1)));
        assert_eq!(pass(&table, client, limits.rate_of_programs, 1, 0).0, 4_000);
        table.give_back(client, limits.rate_of_programs, 40);
        assert_eq!(pass(&table, client, limits.rate_of_programs, 40, 0).0, 1);
    }

    #[test]
    fn zero_is_without_a_bound() {
        let limits = Limits::new(Bounds::NONE);
        let somebody = IpAddr::from([10, 0, 0, 1]);
        assert!((0..100_000).all(|_| limits.request(Client::of(None, somebody), SIGN_IN).is_ok()));
        let held: Vec<Held> = (0..10_000).filter_map(|_| limits.hold(Open::Feed, somebody)).collect();
        assert_eq!(held.len(), 10_000);
        let bodies: Vec<Held> = (0..10_000).filter_map(|_| limits.hold(Open::Body, somebody)).collect();
        assert_eq!(bodies.len(), 64, "they are held in memory");
    }

    #[test]
    fn what_is_open_is_bounded_by_address_and_free_again_when_it_is_closed() {
        let limits = Limits::new(Bounds { requests: 0, connections: 25 });
        let (first, second) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for (what, most) in [(Open::Connection, 25), (Open::Feed, 3), (Open::Body, 64)] {
            let mut held: Vec<Held> = (0..100).filter_map(|_| limits.hold(what, first)).collect();
            assert_eq!(held.len(), most, "{what:?}");
            assert!(limits.hold(what, second).is_some(), "{what:?}");
            drop(held.pop());
            let again = limits.hold(what, first);
            assert!(again.is_some() && limits.hold(what, first).is_none(), "{what:?}");
        }
        assert!(limits.open.is_empty(), "nothing is remembered of what is closed");
    }

    #[test]
    fn nobody_fills_the_memory_and_who_owes_much_is_not_forgotten_for_many_others() {
        let (table, rate) = (Table::new(), Rate::new(100));
        let often = address(u32::MAX);
        pass(&table, often, rate, 1, 0);
        for number in 0..200_000 {
            assert_eq!(table.take(address(number), rate, 1, u64::from(number)), Ok(()));
        }
        let mut known = 0;
        for set in &table.sets {
            let set = lock(set);
            assert!(set.len() <= SET && set.capacity() <= SET);
            known += set.len();
        }
        assert!(known > SETS * SET / 2, "{known}");
        assert!(table.take(often, rate, 1, SECOND / 200).is_err());
        assert!(size_of::<Debt>() <= 32, "2 MiB in all");
    }

    proptest! {
        #[test]
        fn never_more_pass_than_at_once_and_in_the_time(
            per_second in 1_u32..100,
            steps in proptest::collection::vec((0_u64..3 * SECOND, 1_u32..60, 0_u32..40), 1..20),
        ) {
            let (table, rate) = (Table::new(), Rate::new(per_second));
            let (mut now, mut passed) = (0_u64, Vec::new());
            for (pause, weight, tries) in steps {
                now += pause;
                for _ in 0..tries {
                    match table.take(address(1), rate, weight, now) {
                        Ok(()) => passed.push((now, (u64::from(weight) * rate.every).min(rate.most))),
                        Err(wait) => {
                            // Whoever waits as long as he is told passes, and no moment earlier.
                            prop_assert!(table.take(address(1), rate, weight, now + wait - 1).is_err());
                            break;
                        }
                    }
                }
            }
            // In any stretch of time, counted by the time that each would need.
            for (first, (begin, _)) in passed.iter().enumerate() {
                let mut taken = 0;
                for (end, needs) in &passed[first..] {
                    taken += needs;
                    prop_assert!(taken <= rate.most + (end - begin));
                }
            }
        }
    }
}
