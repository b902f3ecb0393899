//! Where passwords wait for being hashed: a few at a time, as each costs memory and a processor.
//!
//! People whom an account knows have places of their own, so that strangers, as many as they are, take none of theirs; and of
//! strangers one network holds a few places at most.

use super::lockout::around;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Passwords of strangers that are hashed at once, and that may wait for it with them.
const STRANGERS_AT_ONCE: usize = 2;
const STRANGERS_MOST: usize = 64;
/// How many of these places one network may have.
const OF_NETWORK_MOST: usize = 4;
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

/// Places of one kind.
struct Lane {
    waiting: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
}

impl Lane {
    fn new(at_once: usize, most: usize) -> Self {
        Self { waiting: Arc::new(Semaphore::new(most)), hashing: Arc::new(Semaphore::new(at_once)) }
    }
}

/// All places.
pub struct Places {
    known: Lane,
    strangers: Lane,
    /// How many places of strangers each network has.
    networks: Networks,
}

type Networks = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A place, until it is dropped.
pub struct Place {
    _waiting: OwnedSemaphorePermit,
    hashing: Arc<Semaphore>,
    _network: Option<OfNetwork>,
}

impl Place {
    /// Waits for its turn, which lasts as long as what is given back; `None` never comes, as the places are never closed.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.hashing).acquire_owned().await.ok()
    }
}

/// One of the places of a network.
struct OfNetwork {
    networks: Networks,
    network: IpAddr,
}

impl OfNetwork {
    fn take(networks: &Networks, network: IpAddr) -> Option<Self> {
        let mut taken = networks.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= OF_NETWORK_MOST {
            return None;
        }
        *count += 1;
        Some(Self { networks: Arc::clone(networks), network })
    }
}

impl Drop for OfNetwork {
    fn drop(&mut self) {
        let mut taken = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            known: Lane::new(KNOWN_AT_ONCE, KNOWN_MOST),
            strangers: Lane::new(STRANGERS_AT_ONCE, STRANGERS_MOST),
            networks: Networks::default(),
        }
    }
}

impl Places {
    /// A place, if there is one.
    pub fn take(&self, whose: Whose) -> Option<Place> {
        let (lane, network) = match whose {
            Whose::Known => (&self.known, None),
            Whose::Stranger(address) => (&self.strangers, Some(OfNetwork::take(&self.networks, around(address))?)),
        };
        let waiting = Arc::clone(&lane.waiting).try_acquire_owned().ok()?;
        Some(Place { _waiting: waiting, hashing: Arc::clone(&lane.hashing), _network: network })
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
        let mut turns = Vec::new();
        for place in taken.iter().take(STRANGERS_AT_ONCE) {
            turns.push(place.turn().await.unwrap());
        }
        let known = places.take(Whose::Known).unwrap();
        assert!(known.turn().await.is_some(), "nor does it wait behind them");
        drop((taken, turns));
        assert!(places.take(stranger(2_000)).is_some(), "places are given back");
    }

    #[test]
    fn a_network_holds_a_few_places() {
        let places = Places::default();
        let taken: Vec<Place> = (0..100).filter_map(|_| places.take(stranger(1))).collect();
        assert_eq!(taken.len(), OF_NETWORK_MOST);
        assert!(places.take(stranger(2)).is_some());
        let customer = |number: u16| Whose::Stranger(IpAddr::from([0x2001, 0xdb8, 0, number, 0, 0, 0, 1]));
        let of_one: Vec<Place> = (0..100).filter_map(|number| places.take(customer(number))).collect();
        assert_eq!(of_one.len(), OF_NETWORK_MOST, "what one customer may be given is one network");
        drop((taken, of_one));
        assert!(places.networks.lock().unwrap().is_empty(), "nothing is left of them");
    }
}
