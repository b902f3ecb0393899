//! What happened at a charge point, for its history: connections, starts, changes of status, firmware and diagnostics.
//!
//! Only what is new happens: a status that is told again is none. Sessions and findings are stored by themselves.

use crate::calendar::Timestamp;
use crate::record::ChargePointKey;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HappeningKind {
    /// It has connected; the detail is the address.
    Connected,
    /// Its connection was lost, or it was silent for three heartbeats.
    Lost,
    /// It has started; the detail is vendor, model and firmware.
    Boot,
    /// A connector has another status, or another error; the detail is the error's code and what else was said.
    Status,
    /// An update of its firmware has come further.
    Firmware,
    /// An upload of diagnostics has come further.
    Diagnostics,
    /// Somebody came under its name and was refused, with a wrong password or without one; the detail is the address.
    Refused,
}

/// The statuses of [`HappeningKind::Refused`].
pub const WRONG_PASSWORD: &str = "wrong password";
/// See [`WRONG_PASSWORD`].
pub const NO_PASSWORD: &str = "no password";

impl HappeningKind {
    /// All, with the words that they are stored by.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Connected, "connected"),
        (Self::Lost, "lost"),
        (Self::Boot, "boot"),
        (Self::Status, "status"),
        (Self::Firmware, "firmware"),
        (Self::Diagnostics, "diagnostics"),
        (Self::Refused, "refused"),
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

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: HappeningKind,
    /// The connector, where it is about one; 0 is the whole charge point.
    pub connector: Option<i32>,
    /// The status that it has now: of a connector by the documented name, of firmware and diagnostics by the protocol's.
    pub status: Option<String>,
    /// What else is known of it; empty for nothing.
    pub detail: String,
}
