//! How often somebody has failed, and how long he waits for it: twice as long from failure to failure, up to a bound.
//!
//! Time is one that nobody sets, not that of the clock. What is remembered is bounded: who failed least makes room.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A wait in whole seconds, as `Retry-After` has it (RFC 9110, 10.2.3): whoever comes then does not come too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Failures without a wait.
pub(crate) const FREE: usize = 5;
/// The first wait.
pub(crate) const FIRST: Duration = Duration::from_secs(1);
/// Failures are forgotten so long after the last one.
pub(crate) const FORGOTTEN: Duration = Duration::from_hours(1);
/// As many failures as make the longest wait, with one to be taken back: more say no more.
pub(crate) const COUNTED: usize = FREE + 12;
/// The most that is remembered: those who failed least are forgotten first, of them those who failed longest ago.
pub(crate) const MOST: usize = 10_000;

/// When somebody failed, the newest last; never empty, see [`COUNTED`].
#[derive(Debug, Clone, Default)]
struct Failures(Vec<Instant>);

impl Failures {
    /// How often he failed, and when for the last time: who is forgotten first.
    fn rank(&self) -> (usize, Option<Instant>) {
        (self.0.len(), self.0.last().copied())
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.0.last().is_none_or(|last| now.saturating_duration_since(*last) >= FORGOTTEN)
    }

    fn add(&mut self, now: Instant) {
        if self.0.len() >= COUNTED {
            self.0.remove(0);
        }
        self.0.push(now);
    }
}

/// Those who have failed.
#[derive(Debug)]
pub(crate) struct Tries<K>(HashMap<K, Failures>);

impl<K> Default for Tries<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Tries<K> {
    /// How long somebody waits after his last failure, if he must, where that is at most so long.
    pub(crate) fn length(&self, who: &K, longest: Duration, now: Instant) -> Option<Duration> {
        let beyond = u32::try_from(self.known(who, now)?.0.len().checked_sub(FREE)?).ok()?;
        Some(FIRST.saturating_mul(1 << beyond.min(20)).min(longest))
    }

    /// What is left of a wait of that length since his last failure.
    pub(crate) fn left_of(&self, who: &K, length: Duration, now: Instant) -> Option<Duration> {
        let last = self.known(who, now)?.0.last()?;
        let left = length.checked_sub(now.saturating_duration_since(*last))?;
        (!left.is_zero()).then_some(left)
    }

    /// What is left of his wait.
    pub(crate) fn left(&self, who: &K, longest: Duration, now: Instant) -> Option<Duration> {
        self.left_of(who, self.length(who, longest, now)?, now)
    }

    /// Counts a try as failed until it is taken back.
    pub(crate) fn add(&mut self, who: K, now: Instant) {
        self.make_room(now);
        let failures = self.0.entry(who).or_default();
        if failures.is_forgotten(now) {
            failures.0.clear();
        }
        failures.add(now);
    }

    /// The try of that instant was none.
    pub(crate) fn take_back(&mut self, who: &K, at: Instant) {
        let Some(Failures(failures)) = self.0.get_mut(who) else { return };
        if let Some(place) = failures.iter().rposition(|failure| *failure == at) {
            failures.remove(place);
        }
        if failures.is_empty() {
            self.0.remove(who);
        }
    }

    /// Forgets his failures.
    pub(crate) fn forget(&mut self, who: &K) {
        self.0.remove(who);
    }

    /// Forgets the failures of all but these.
    pub(crate) fn keep(&mut self, is_kept: impl Fn(&K) -> bool) {
        self.0.retain(|who, _| is_kept(who));
    }

    fn known(&self, who: &K, now: Instant) -> Option<&Failures> {
        self.0.get(who).filter(|failures| !failures.is_forgotten(now))
    }

    fn make_room(&mut self, now: Instant) {
        if self.0.len() < MOST {
            return;
        }
        self.0.retain(|_, failures| !failures.is_forgotten(now));
        if self.0.len() >= MOST {
            // Those with few failures first: many addresses do not make forgotten who has failed often.
            let mut ranks: Vec<_> = self.0.values().map(Failures::rank).collect();
            let (_, middle, _) = ranks.select_nth_unstable(MOST / 10);
            let least = *middle;
            self.0.retain(|_, failures| failures.rank() > least);
        }
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_after_the_wait_that_he_is_told_does_not_come_too_early() {
        for (ms, seconds) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds, "{ms}");
        }
    }
}
