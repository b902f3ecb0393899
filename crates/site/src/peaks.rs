//! The peaks of the site's phases, followed as the load moves.
//!
//! The load is a sum over all charge points, so it is looked at once in a second at most. What was found goes to the store with
//! what the desk writes anyway, or by itself half a minute later: no more than that is lost when the program is killed.

use bmw_domain::phase::Peaks;
use std::time::Duration;
use tokio::time::Instant;

/// How often the load is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long peaks may wait to be stored.
const STORE: Duration = Duration::from_secs(30);

/// When the load is to be looked at, and when peaks are to be stored.
#[derive(Debug, Default)]
pub(crate) struct PeakTimes {
    looked: Option<Instant>,
    /// Whether something has happened since.
    is_unseen: bool,
    /// Since when peaks wait that are not stored.
    waiting: Option<Instant>,
}

/// What came of looking.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PeaksSeen {
    /// The peaks, where there are others than before.
    pub changed: Option<Peaks>,
    /// Whether they are stored with this batch.
    pub is_stored: bool,
}

impl PeakTimes {
    /// When to look, or to store, whatever comes; `None` where there is nothing to do.
    pub fn wake_at(&self) -> Option<Instant> {
        let look = self.looked.filter(|_| self.is_unseen).map(|looked| looked + LOOK);
        look.into_iter().chain(self.waiting.map(|since| since + STORE)).min()
    }

    /// Something has happened.
    pub const fn stir(&mut self) {
        self.is_unseen = true;
    }

    /// Whether the load is to be looked at now; it is, then.
    pub fn looks(&mut self, now: Instant) -> bool {
        let looks = self.is_unseen && self.looked.is_none_or(|looked| now >= looked + LOOK);
        if looks {
            (self.looked, self.is_unseen) = (Some(now), false);
        }
        looks
    }

    /// Other peaks were found.
    pub fn found(&mut self, now: Instant) {
        self.waiting.get_or_insert(now);
    }

    /// Whether peaks are to be stored now: their time has come, or something is stored anyway.
    pub fn stores(&self, now: Instant, anyway: bool) -> bool {
        self.waiting.is_some_and(|since| anyway || now >= since + STORE)
    }

    /// They are stored.
    pub const fn stored(&mut self) {
        self.waiting = None;
    }

    /// They could not be stored: they are tried again later, lest nothing else is stored for them.
    pub fn put_off(&mut self, now: Instant) {
        self.waiting = self.waiting.map(|_| now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_looked_at_once_in_a_second_and_not_missed() {
        let mut times = PeakTimes::default();
        let now = Instant::now();
        assert!(!times.looks(now), "nothing has happened");
        times.stir();
        assert!(times.looks(now));
        assert_eq!(times.wake_at(), None);
        times.stir();
        assert!(!times.looks(now + LOOK / 2));
        assert_eq!(times.wake_at(), Some(now + LOOK), "it is looked at though nothing more happens");
        assert!(times.looks(now + LOOK));
    }

    #[test]
    fn peaks_wait_half_a_minute_at_most() {
        let mut times = PeakTimes::default();
        let now = Instant::now();
        assert!(!times.stores(now, true), "there is nothing to store");
        times.found(now);
        times.found(now + STORE / 2);
        assert!(!times.stores(now + STORE / 2, false));
        assert!(times.stores(now + STORE / 2, true), "with what is stored anyway");
        assert_eq!(times.wake_at(), Some(now + STORE));
        assert!(times.stores(now + STORE, false));
        times.put_off(now + STORE);
        assert!(!times.stores(now + STORE, false));
        times.stored();
        assert_eq!(times.wake_at(), None);
    }
}
