//! Where passwords of people wait for being hashed.
//!
//! People whom an account knows have places of their own, so that strangers, as many as they are, take none of theirs; and of
//! strangers one network holds a few places at most.

use super::lockout::around;
use crate::holds::{Hold, Holds};
use crate::lane::{self, Lane};
use std::net::IpAddr;

/// Passwords of strangers that are hashed at once, and that may wait for it with them.
const STRANGERS_AT_ONCE: usize = 2;
const STRANGERS_MOST: usize = 64;
/// How many of these places one network may have.
const OF_NETWORK_MOST: u32 = 4;
/// The same of people who are known.
const KNOWN_AT_ONCE: usize = 1;
const KNOWN_MOST: usize = 32;

/// Who wants something hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of somebody who has signed in, or whose device the account knows.
    Known,
    /// Of anybody else, from there.
    Stranger(IpAddr),
}

/// All places.
pub struct Places {
    known: Lane,
    strangers: Lane,
    /// The places of strangers that each network has.
    networks: Holds<IpAddr>,
}

/// A place, until it is dropped.
pub struct Place {
    place: lane::Place,
    network: Option<Hold<IpAddr>>,
}

impl Place {
    /// Works when its turn has come; `None` when the work itself breaks down.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.place.work(self.network, work).await
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            known: Lane::new(KNOWN_AT_ONCE, KNOWN_MOST),
            strangers: Lane::new(STRANGERS_AT_ONCE, STRANGERS_MOST),
            networks: Holds::default(),
        }
    }
}

impl Places {
    /// A place, if there is one.
    pub fn take(&self, whose: Whose) -> Option<Place> {
        let (lane, network) = match whose {
            Whose::Known => (&self.known, None),
            Whose::Stranger(address) => (&self.strangers, Some(self.networks.take(around(address), OF_NETWORK_MOST)?)),
        };
        Some(Place { place: lane.take()?, network })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(number: u32) -> Whose {
        Whose::Stranger(IpAddr::from(number.to_be_bytes()))
    }

    #[tokio::test]
    async fn strangers_take_no_place_of_people_who_are_known() {
        let places = Places::default();
        let taken: Vec<Place> = (0..1_000).filter_map(|number| places.take(stranger(number))).collect();
        assert_eq!(taken.len(), STRANGERS_MOST);
        let turns = places.strangers.working.acquire_many(u32::try_from(STRANGERS_AT_ONCE).unwrap()).await.unwrap();
        let known = places.take(Whose::Known).unwrap();
        assert_eq!(known.work(|| 7).await, Some(7), "nor does it wait behind them");
        drop((taken, turns));
        assert!(places.take(stranger(2_000)).is_some(), "places are given back");
    }

    #[test]
    fn a_network_holds_a_few_places() {
        let places = Places::default();
        let taken: Vec<Place> = (0..100).filter_map(|_| places.take(stranger(1))).collect();
        assert_eq!(taken.len(), OF_NETWORK_MOST as usize);
        assert!(places.take(stranger(2)).is_some());
        let customer = |number: u16| Whose::Stranger(IpAddr::from([0x2001, 0xdb8, 0, number, 0, 0, 0, 1]));
        let of_one: Vec<Place> = (0..100).filter_map(|number| places.take(customer(number))).collect();
        assert_eq!(of_one.len(), OF_NETWORK_MOST as usize, "what one customer may be given is one network");
        drop((taken, of_one));
        assert!(places.networks.is_empty(), "nothing is left of them");
    }
}
