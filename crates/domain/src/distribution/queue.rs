//! The queue: whose minimum comes first.

use super::Taker;
use crate::calendar::Timestamp;
use crate::energy::Energy;
use crate::record::ChargePointKey;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// A car that wants to charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Since when it waits, or waited: when it was plugged in.
    pub since: Timestamp,
    /// Whether it is given current now.
    pub is_served: bool,
    /// When it was last given current after none, or none after some; `None` where it never was.
    pub switched: Option<Timestamp>,
    /// What it has charged so far.
    pub energy: Energy,
    /// Whether it has taken nothing for a while though it might: it is full, or waits for something of its own.
    pub is_sated: bool,
}

/// How turns are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// How long a turn is, ms, where there are more cars than minima.
    pub turn: i64,
    /// How long a car is left as it is after it was switched, ms.
    pub rest: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { turn: 900_000, rest: 300_000 }
    }
}

/// Where somebody stands in the queue: the smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Was switched on a short while ago: he stays on, whoever comes.
    is_free_to_go: bool,
    is_sated: bool,
    priority: Reverse<u32>,
    /// Waits, or has had his turn.
    waits: bool,
    since: Timestamp,
    /// Of those who have waited alike, who has had less: turns begin and end together, and so would always the same come first.
    energy: Energy,
    key: ChargePointKey,
}

impl Session {
    /// When he was switched last, if at all.
    fn has_rested(&self, now: Timestamp, rules: Rules) -> bool {
        self.switched.is_none_or(|switched| now.since(switched) >= rules.rest)
    }

    /// Until when he may not be given current again, as he was paused a short while ago.
    pub(super) fn rests_until(&self, now: Timestamp, rules: Rules) -> Option<Timestamp> {
        let switched = self.switched.filter(|_| !self.is_served && !self.has_rested(now, rules))?;
        Some(switched.plus(rules.rest))
    }

    /// When his turn ends, of one who has current.
    pub(super) fn turn_ends(&self, rules: Rules) -> Option<Timestamp> {
        self.is_served.then(|| self.switched.unwrap_or(self.since).plus(rules.turn))
    }

    /// Since when he waits: since he was plugged in, since he was paused, or since his turn ended.
    fn waits_since(&self, rules: Rules) -> Timestamp {
        self.turn_ends(rules).or(self.switched).unwrap_or(self.since)
    }
}

/// Where a car stands.
pub(super) fn place(taker: &Taker, session: &Session, now: Timestamp, rules: Rules) -> Place {
    let has_turn = session.turn_ends(rules).is_some_and(|end| now < end);
    Place {
        is_free_to_go: !session.is_served || session.is_sated || session.has_rested(now, rules),
        is_sated: session.is_sated,
        priority: Reverse(taker.priority),
        waits: !has_turn,
        since: if has_turn { session.since } else { session.waits_since(rules) },
        energy: session.energy,
        key: taker.key,
    }
}
