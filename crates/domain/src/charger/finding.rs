//! What an operator should see: things that a charge point told and that cannot be quite right.

use crate::calendar::Timestamp;
use crate::record::{ChargePointKey, TransactionId};
use serde::{Deserialize, Serialize};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FindingKind {
    /// The stop of a session that nobody knows.
    OrphanStop,
    /// Meter values of a session that nobody knows.
    OrphanValues,
    /// The register of energy jumped: not booked.
    MeterJump,
    /// The register of energy went backwards.
    MeterBack,
    /// The charge point's clock cannot be right: the time of arrival counts.
    WrongClock,
    /// A session lost its stop: its end is assumed.
    LostStop,
    /// A session was stopped twice, and differently: the first stop counts.
    SecondStop,
}

impl FindingKind {
    /// All, with the words that they are stored by.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::OrphanStop, "orphan_stop"),
        (Self::OrphanValues, "orphan_values"),
        (Self::MeterJump, "meter_jump"),
        (Self::MeterBack, "meter_back"),
        (Self::WrongClock, "wrong_clock"),
        (Self::LostStop, "lost_stop"),
        (Self::SecondStop, "second_stop"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(kind, _)| kind)
    }
}

/// Something that an operator should see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// When it was found.
    pub at: Timestamp,
    /// What.
    pub kind: FindingKind,
    /// The connector, where one was named.
    pub connector: Option<i32>,
    /// The session, where it is one of ours.
    pub transaction: Option<TransactionId>,
    /// The values that say more: numbers and names, no sentence.
    pub detail: String,
}
