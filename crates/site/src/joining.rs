//! Charge points that nobody knows and that asked to come in.

use bmw_domain::calendar::Timestamp;
use bmw_domain::record::Identity;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are remembered: who asks last pushes out who has not asked for the longest time.
const MOST: usize = 100;

/// A charge point that asked to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// Who it says it is.
    pub identity: Identity,
    /// From where it asked last.
    pub peer: Option<String>,
    /// When it asked first.
    pub first_at: Timestamp,
    /// When it asked last.
    pub last_at: Timestamp,
}

/// Those that asked, the one that asked last at the end. They ask again and again: after a restart they are here soon.
#[derive(Debug, Default)]
pub(crate) struct JoinList(Mutex<Vec<Joining>>);

impl JoinList {
    pub(crate) fn add(&self, identity: Identity, peer: Option<&str>, now: Timestamp) {
        let mut list = self.lock();
        let known = list.iter().position(|joining| joining.identity == identity).map(|place| list.remove(place));
        let first_at = known.map_or(now, |known| known.first_at);
        if list.len() >= MOST {
            list.remove(0);
        }
        list.push(Joining { identity, peer: peer.map(ToOwned::to_owned), first_at, last_at: now });
    }

    pub(crate) fn remove(&self, identity: &Identity) {
        self.lock().retain(|joining| joining.identity != *identity);
    }

    pub(crate) fn all(&self) -> Vec<Joining> {
        self.lock().iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Joining>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_counts_each_once() {
        let list = JoinList::default();
        let identity = |number: i64| Identity::new(&format!("CP{number}")).unwrap();
        for number in 0..150 {
            list.add(identity(number), None, Timestamp(number));
        }
        list.add(identity(60), Some("10.0.0.9"), Timestamp(500));
        let all = list.all();
        assert_eq!((all.len(), all[0].identity.as_str()), (MOST, "CP60"));
        assert_eq!((all[0].first_at, all[0].last_at), (Timestamp(60), Timestamp(500)));
        assert!(!all.iter().any(|joining| joining.identity == identity(49)));
        list.remove(&identity(60));
        assert_eq!(list.all().len(), MOST - 1);
    }
}
