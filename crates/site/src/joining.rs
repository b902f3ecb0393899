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

/// Those that asked. They ask again and again: after a restart they are here soon.
#[derive(Debug)]
pub(crate) struct JoinList(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// The one that asked last at the end.
    list: Vec<Joining>,
    /// Grows whenever one comes or goes.
    number: i64,
}

impl JoinList {
    pub(crate) fn new(now: Timestamp) -> Self {
        // Fewer come and go than ms pass: none of the numbers of an earlier start come again.
        Self(Mutex::new(Inner { list: Vec::new(), number: now.0 }))
    }

    pub(crate) fn add(&self, identity: Identity, peer: Option<&str>, now: Timestamp) {
        let mut inner = self.lock();
        let Inner { list, number } = &mut *inner;
        let known = list.iter().position(|joining| joining.identity == identity).map(|place| list.remove(place));
        *number += i64::from(known.is_none());
        let first_at = known.map_or(now, |known| known.first_at);
        if list.len() >= MOST {
            list.remove(0);
        }
        list.push(Joining { identity, peer: peer.map(ToOwned::to_owned), first_at, last_at: now });
    }

    pub(crate) fn remove(&self, identity: &Identity) {
        let mut inner = self.lock();
        let before = inner.list.len();
        inner.list.retain(|joining| joining.identity != *identity);
        inner.number += i64::from(inner.list.len() != before);
    }

    pub(crate) fn all(&self) -> Vec<Joining> {
        self.lock().list.iter().rev().cloned().collect()
    }

    pub(crate) fn number(&self) -> i64 {
        self.lock().number
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_counts_each_once() {
        let list = JoinList::new(Timestamp(0));
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

    #[test]
    fn the_number_grows_when_one_comes_or_goes() {
        let list = JoinList::new(Timestamp(1000));
        let identity = |name| Identity::new(name).unwrap();
        list.add(identity("CP1"), None, Timestamp(1001));
        list.add(identity("CP2"), None, Timestamp(1002));
        assert_eq!(list.number(), 1002);
        list.add(identity("CP1"), Some("10.0.0.9"), Timestamp(1003));
        list.remove(&identity("CP3"));
        assert_eq!(list.number(), 1002, "it is waiting already, or never was");
        list.remove(&identity("CP2"));
        assert_eq!(list.number(), 1003);
    }
}
