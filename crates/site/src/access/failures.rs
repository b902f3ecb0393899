//! Sign-ins that failed, or went no further than the password, on their way into the audit log.
//!
//! Who guesses must not fill it: of those from one network within an hour the first is written, then the tenth, the hundredth
//! and so on, each with how many there were; and those of many networks are written as those of one. Where it is known at whose
//! account they were, each account counts by itself.

use super::lockout::network;
use bmw_domain::account::AccountKey;
use bmw_domain::calendar::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;

/// How long failures are counted together, ms.
const TOGETHER_MS: i64 = 60 * 60_000;
/// The most networks, and accounts there, that are told apart within that time.
const MOST: usize = 50;

/// The failures of the hour.
#[derive(Debug, Default)]
pub struct Failures {
    began: Option<Timestamp>,
    of: HashMap<(IpAddr, Option<AccountKey>), u64>,
    /// Those of all other networks.
    elsewhere: u64,
}

impl Failures {
    /// Counts a failure, at an account if that is told apart. How many there were since when, where that is to be written.
    pub fn add(&mut self, address: IpAddr, account: Option<AccountKey>, now: Timestamp) -> Option<(u64, Timestamp)> {
        let began = self.began.filter(|began| (0..TOGETHER_MS).contains(&now.since(*began)));
        let began = began.unwrap_or_else(|| {
            *self = Self { began: Some(now), ..Self::default() };
            now
        });
        let of = (network(address), account);
        let count = if self.of.len() < MOST || self.of.contains_key(&of) {
            self.of.entry(of).or_default()
        } else {
            &mut self.elsewhere
        };
        *count += 1;
        is_power_of_ten(*count).then_some((*count, began))
    }
}

const fn is_power_of_ten(mut number: u64) -> bool {
    while number >= 10 && number.is_multiple_of(10) {
        number /= 10;
    }
    number == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn repeated_failures_are_one_entry_for_each_power_of_ten() {
        let mut failures = Failures::default();
        let written: Vec<u64> = (0..12_345).filter_map(|_| Some(failures.add(address(1), None, NOW)?.0)).collect();
        assert_eq!(written, [1, 10, 100, 1_000, 10_000]);
        assert_eq!(failures.add(address(2), None, NOW.plus(5)), Some((1, NOW)), "another network");
        assert_eq!(failures.add(address(1), Some(AccountKey(1)), NOW), Some((1, NOW)), "at an account");
        let later = NOW.plus(TOGETHER_MS);
        assert_eq!(failures.add(address(1), None, later.plus(-1)), None);
        assert_eq!(failures.add(address(1), None, later), Some((1, later)), "another hour");
        // The clock was set back.
        assert_eq!(failures.add(address(1), None, NOW), Some((1, NOW)));
    }

    #[test]
    fn many_networks_do_not_fill_the_log() {
        let mut failures = Failures::default();
        let written = (0..100_000).filter(|number| failures.add(address(*number), None, NOW).is_some()).count();
        assert_eq!(written, MOST + 5);
        assert!(failures.of.len() <= MOST);
        // The addresses of one customer are one.
        let mut failures = Failures::default();
        let customer = (0..9_u16).map(|number| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, number]));
        assert_eq!(customer.filter(|address| failures.add(*address, None, NOW).is_some()).count(), 1);
    }
}
