//! What a charge point tells once more because it has lost the answer: meter values and orphaned stops.
//!
//! Starts and stops are known by their sessions. Values are known by what they say: the same session, connector, moment by the
//! charge point's own clock, and quantities. Only the last few are remembered, since a message is repeated before the next
//! one is sent.

use super::Measured;
use super::event::Stop;
use std::hash::{DefaultHasher, Hasher as _};

/// How many are remembered: a message may hold several moments.
const REMEMBERED: usize = 16;

/// The last few things that were told, each by a number that stands for all of what it says; the newest comes last.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    marks: [u64; REMEMBERED],
}

impl Recent {
    /// Whether this was not told before. It has been told then: just now, whether it was new or not.
    pub(super) fn is_new(&mut self, mark: Mark) -> bool {
        let known = self.marks.iter().position(|known| *known == mark.0);
        self.marks[known.unwrap_or(0)..].rotate_left(1);
        self.marks[REMEMBERED - 1] = mark.0;
        known.is_none()
    }
}

/// Stands for what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    /// That of a meter value. `told` is the session's number as the charge point has it, where it is none of ours.
    pub(super) fn of_value(measured: &Measured, told: Option<i64>) -> Self {
        let value = &measured.value;
        let own = measured.claimed.unwrap_or(value.at);
        let bits = |number: Option<f64>| number.map(f64::to_bits);
        let [l1, l2, l3] = value.currents.0.map(bits);
        let session = value.transaction.map(|id| i64::from(id.0)).or(told);
        Self::of(&(
            session,
            value.connector,
            own.0,
            measured.register,
            [l1, l2, l3, bits(value.offered), bits(value.power)],
        ))
    }

    /// That of a stop.
    pub(super) fn of_stop(stop: &Stop) -> Self {
        Self::of(&("stop", stop.transaction, stop.register, stop.time.own().0))
    }

    fn of(what: &impl std::hash::Hash) -> Self {
        // The same numbers in every run of the program.
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        // 0 stands for none.
        Self(hasher.finish().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_again_is_remembered_from_then_on() {
        let mut recent = Recent::default();
        assert!(recent.is_new(Mark(1)) && !recent.is_new(Mark(1)));
        for mark in 2..=REMEMBERED as u64 {
            assert!(recent.is_new(Mark(mark)));
        }
        assert!(!recent.is_new(Mark(1)), "the oldest of those that are remembered");
        assert!(recent.is_new(Mark(100)) && !recent.is_new(Mark(1)), "it was told again just now");
        assert!(recent.is_new(Mark(2)), "now this was the oldest, and is forgotten");
    }
}
