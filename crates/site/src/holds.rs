//! How many of something each has at once: it counts as long as what was given for it is held.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is held, by whom.
#[derive(Debug)]
pub struct Holds<K>(Arc<Mutex<HashMap<K, u32>>>);

impl<K> Clone for Holds<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Holds<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Holds<K> {
    /// One more, until what is given is dropped; `None` for one who has as many as he may.
    pub fn take(&self, who: K, most: u32) -> Option<Hold<K>> {
        let mut held = self.lock();
        let count = held.get(&who).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        held.insert(who.clone(), count + 1);
        drop(held);
        Some(Hold { all: self.clone(), who })
    }

    /// Whether nobody has any.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

impl<K> Holds<K> {
    /// What is counted stays right whatever happened to who counted.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is held.
#[derive(Debug)]
pub struct Hold<K: Eq + Hash> {
    all: Holds<K>,
    who: K,
}

impl<K: Eq + Hash> Drop for Hold<K> {
    fn drop(&mut self) {
        let mut held = self.all.lock();
        if let Some(count) = held.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_and_nothing_is_left_of_what_is_dropped() {
        let holds = Holds::default();
        let held: Vec<_> = (0..5).filter_map(|_| holds.take("one", 3)).collect();
        assert_eq!(held.len(), 3);
        assert!(holds.take("another", 1).is_some() && holds.take("nobody", 0).is_none());
        drop(held);
        assert!(holds.is_empty());
    }
}
