//! Current distribution: who may draw how much, so that no phase of the site carries more than its limit.
//!
//! [`plan`] is a function of what is known at one moment: the same moment gives the same plan. All sums are whole tenths of an
//! ampere, and what is given is rounded down.
//!
//! What is left for cars is, on each phase, the limit less the headroom, less what others draw, less what charge points may
//! draw whatever we say (see [`Hold`]), less the safe current of each, which it may draw as soon as it hears nothing of us. Of that
//! everybody in the order of the queue gets his minimum on all phases that he uses, or nothing; then those of the highest priority
//! are raised alike until a phase is full, then those of the next one.
//!
//! [`Governor`] brings charge points to what is planned: step by step, so that at no moment more may flow than there is.

mod governor;
mod ladder;
#[cfg(test)]
mod properties;
mod queue;
mod rules;
mod seen;
mod share;
#[cfg(test)]
mod world;

pub use governor::{Governor, LIVE_MS, Moment, Order, Outcome, Standing, Way, taken_up};
pub use ladder::{FIRST_PRIORITY, priority};
pub use queue::{Rules, Session};
pub use rules::{Distribution, DistributionField};
pub use seen::{DEFAULT_MAX, LIVE_ID, OTHERS_MS, Running, SAFE_ID, Seen, Wiring, is_ours, see};
pub use share::plan;

use crate::calendar::Timestamp;
use crate::phase::{Phase, PhaseSequence};
use crate::record::ChargePointKey;
use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// The rules with their example, which holds.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/current-distribution.md")]
pub struct Rulebook;

/// A current in tenths of an ampere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Current(i32);

/// The most that is counted, A: beyond all that a site has, and far from where sums end.
const MOST: f64 = 100_000.0;

impl Current {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many tenths of an ampere.
    pub const fn tenths(tenths: i32) -> Self {
        Self(tenths)
    }

    /// Amperes, rounded down: of what may be drawn. What is no number is nothing.
    pub fn at_most(amperes: f64) -> Self {
        Self::of(amperes, f64::floor)
    }

    /// Amperes, rounded up: of what is drawn. What is no number is nothing.
    pub fn at_least(amperes: f64) -> Self {
        Self::of(amperes, f64::ceil)
    }

    fn of(amperes: f64, round: fn(f64) -> f64) -> Self {
        let bounded = if amperes.is_nan() { 0.0 } else { amperes.clamp(-MOST, MOST) };
        // A measured 16.1 is 16.1 and not 16.100000000000001.
        let tenths = (bounded * 10_000.0).round() / 1000.0;
        #[allow(clippy::cast_possible_truncation)] // bounded
        let tenths = round(tenths) as i32;
        Self(tenths)
    }

    /// In amperes.
    pub fn amperes(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// As much for each of so many.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self(self.0.saturating_mul(i32::try_from(count).unwrap_or(i32::MAX)))
    }

    /// What each of so many gets of it, rounded down.
    #[must_use]
    pub fn parted(self, count: usize) -> Self {
        Self(self.0 / i32::try_from(count.max(1)).unwrap_or(i32::MAX))
    }
}

impl Add for Current {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Current {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Current {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Current {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// Some of the site's phases: a bit for each, A the lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phases(u8);

impl Phases {
    /// All three.
    pub const ALL: Self = Self(0b111);

    /// Those that the first `count` lines of a charge point are wired to: L1 alone of one with one phase.
    pub fn wired(count: usize, sequence: PhaseSequence) -> Self {
        sequence.phases().into_iter().take(count).collect()
    }

    /// Whether a phase is one of them.
    pub const fn has(self, phase: Phase) -> bool {
        self.0 & (1 << phase.index()) != 0
    }

    /// Each of them, in the order A, B, C.
    pub fn iter(self) -> impl Iterator<Item = Phase> {
        Phase::ALL.into_iter().filter(move |phase| self.has(*phase))
    }
}

impl FromIterator<Phase> for Phases {
    fn from_iter<I: IntoIterator<Item = Phase>>(phases: I) -> Self {
        Self(phases.into_iter().fold(0, |all, phase| all | (1 << phase.index())))
    }
}

/// What the site may draw, and what others draw of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// The most on each phase.
    pub limits: [Current; 3],
    /// What is never given, on each phase.
    pub headroom: Current,
    /// What the site draws beside its charge points; `None` where a meter should tell and has not for too long: all of it.
    pub others: [Option<Current>; 3],
}

impl Supply {
    /// What is there for charge points.
    pub fn budget(&self) -> [Current; 3] {
        Phase::ALL.map(|phase| {
            let limit = self.limits[phase.index()];
            limit - self.headroom - self.others[phase.index()].unwrap_or(limit)
        })
    }
}

/// What is known of what holds a charge point back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// It has confirmed its last limit, and does what it is told.
    Confirmed,
    /// It was told to draw less than this, and has not confirmed that yet.
    Falling(Current),
    /// It is out of reach, and draws so much at most, by the profiles that it keeps.
    Lost(Current),
    /// It does not keep to limits, or nobody knows whether it does: it may draw its maximum.
    Unverified,
}

/// What bounds the current of a charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// Its model, or what is taken for that of an unknown one.
    Model,
    /// Its cable.
    Cable,
    /// What a person has said.
    Person,
}

/// A charge point, as far as current goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taker {
    /// Whose.
    pub key: ChargePointKey,
    /// The phases that it could draw on.
    pub wired: Phases,
    /// Those that the car uses: fewer, where it has fewer than its charge point.
    pub uses: Phases,
    /// The least that a car charges by, on each phase.
    pub min: Current,
    /// The most that it may be given: of the model, of the cable, of the limit that a person has set the least.
    pub max: Current,
    /// Which of them that is.
    pub bound: Bound,
    /// Its safe current, which is kept free for it: it may draw that as soon as it hears nothing of us. At most `max`.
    pub floor: Current,
    /// The most that the car takes, where it has taken less than it was given for a while, with a margin.
    pub takes: Option<Current>,
    /// Higher comes first.
    pub priority: u32,
    /// Its car; `None` where nobody wants to charge.
    pub session: Option<Session>,
    /// What holds it back.
    pub hold: Hold,
}

impl Taker {
    /// The least that it is given, if anything: no less than its safe current, which is kept free for it anyway.
    fn least(&self) -> Current {
        self.min.max(self.floor)
    }

    /// The most that is of use to it. A car that takes less than the minimum must be offered that all the same.
    fn cap(&self) -> Current {
        self.takes.map_or(self.max, |takes| takes.min(self.max)).max(self.least())
    }

    /// Whether it does what it is told.
    pub fn is_told(&self) -> bool {
        self.hold == Hold::Confirmed
    }

    /// What it may draw on all phases that it is wired to, whatever is planned.
    pub fn reserved(&self) -> Current {
        let holds = match self.hold {
            Hold::Confirmed => Current::ZERO,
            Hold::Falling(from) | Hold::Lost(from) => from,
            Hold::Unverified => self.max,
        };
        holds.max(self.floor)
    }
}

/// Why a charge point gets what it gets, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Nobody wants to charge.
    Nobody,
    /// It is the most that it may have.
    Maximum(Bound),
    /// The car takes no more.
    Taken,
    /// The phase is full.
    Full(Phase),
    /// The phase is full, and others on it come before.
    Outranked(Phase),
    /// The phase is full, and its turn comes at this time.
    Turn(Phase, Timestamp),
    /// It was paused a short while ago, and is not switched again before this time.
    Rest(Timestamp),
    /// It is out of reach, and has its safe current.
    Lost,
    /// Whether it keeps to limits is not known.
    Unverified,
    /// It was told to draw less, and has not confirmed that yet.
    Falling,
    /// It comes to more by and by, as it becomes free.
    Rising,
}

/// What a charge point gets on each phase that it uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Whose.
    pub key: ChargePointKey,
    /// How much; nothing is a pause.
    pub current: Current,
    /// The one reason that binds.
    pub reason: Reason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_drawn_is_rounded_down_and_what_is_drawn_up() {
        let both = |amperes| (Current::at_most(amperes).0, Current::at_least(amperes).0);
        assert_eq!(both(16.0), (160, 160));
        assert_eq!(both(16.1), (161, 161), "no binary fraction");
        assert_eq!(both(16.16), (161, 162));
        assert_eq!(both(-0.04), (-1, 0));
        assert_eq!((both(f64::NAN), both(f64::INFINITY)), ((0, 0), (1_000_000, 1_000_000)));
    }

    #[test]
    fn a_charge_point_draws_where_it_is_wired() {
        let sequence = PhaseSequence::parse("BCA").unwrap();
        let letters = |count| Phases::wired(count, sequence).iter().map(Phase::letter).collect::<String>();
        assert_eq!([0, 1, 2, 3].map(letters), ["", "B", "BC", "ABC"]);
    }
}
