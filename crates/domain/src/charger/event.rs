//! What a charge point tells, in the site's own words: whatever the protocol, its spellings and its gaps are left behind.

use super::limit::{Limit, Which};
use crate::calendar::Timestamp;
use crate::phase::LineCurrents;

/// The earliest time that a clock which was ever set can show: 2015-01-01.
const FIRST_BELIEVED: Timestamp = Timestamp(1_420_070_400_000);
/// How far a clock may be ahead, ms.
const AHEAD_MS: i64 = 300_000;

/// A time that a charge point gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The time that counts.
    pub at: Timestamp,
    /// What the charge point said, where that is not believed: its clock was never set, or is far ahead.
    pub claimed: Option<Timestamp>,
}

impl Told {
    /// Judges a time by when it arrived. A time of the past is believed: sessions queued offline arrive later.
    pub fn judge(claimed: Timestamp, arrival: Timestamp) -> Self {
        if claimed < FIRST_BELIEVED || claimed.since(arrival) > AHEAD_MS {
            Self { at: arrival, claimed: Some(claimed) }
        } else {
            Self { at: claimed, claimed: None }
        }
    }

    /// A time that we took ourselves.
    pub const fn ours(at: Timestamp) -> Self {
        Self { at, claimed: None }
    }

    /// The time by the charge point's own clock, believed or not: a message that it repeats has the same one.
    pub fn own(self) -> Timestamp {
        self.claimed.unwrap_or(self.at)
    }

    /// The longer of the two times that have passed since another one, by either clock, ms.
    pub(super) fn since(self, earlier: Self) -> i64 {
        self.at.since(earlier.at).max(self.own().since(earlier.own())).max(0)
    }
}

/// What was measured at one moment on one connector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When.
    pub time: Told,
    /// The register of imported energy, Wh; it may count from the charge point's first day, its boot or the session.
    pub register: Option<i64>,
    /// Current drawn on the charge point's own lines, A. One that comes without a phase is that of L1.
    pub currents: LineCurrents,
    /// Current offered to the car, A.
    pub offered: Option<f64>,
    /// Power drawn, W.
    pub power: Option<f64>,
}

/// The status of a connector (OCPP 1.6, 7.7 `ChargePointStatus`). Others than these are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name in the protocol.
    pub name: String,
    /// The error's code; `NoError` is none.
    pub error: Option<String>,
    /// What else was said of it.
    pub info: Option<String>,
    /// Since when.
    pub time: Told,
}

/// What a charge point says about itself when it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// Vendor.
    pub vendor: String,
    /// Model.
    pub model: String,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Firmware version.
    pub firmware_version: Option<String>,
    /// Whether we had asked for it: then it says nothing about a start.
    pub is_triggered: bool,
}

/// What a session begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The connector, from 1.
    pub connector: i32,
    /// The card.
    pub id_tag: String,
    /// The register of energy then, Wh.
    pub register: i64,
    /// When.
    pub time: Told,
}

/// What a session ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// The session's number as the charge point has it: any number.
    pub transaction: i64,
    /// The card that ended it.
    pub id_tag: Option<String>,
    /// The register of energy then, Wh.
    pub register: i64,
    /// When.
    pub time: Told,
    /// Why.
    pub reason: Option<String>,
    /// What was measured in the session.
    pub readings: Vec<Reading>,
}

/// What was measured on a connector.
#[derive(Debug, Clone, PartialEq)]
pub struct Meter {
    /// The connector, from 1; 0 is the whole charge point.
    pub connector: i32,
    /// The session that it belongs to, as the charge point has it.
    pub transaction: Option<i64>,
    /// What was measured, in the order in which it came.
    pub readings: Vec<Reading>,
}

/// What a charge point told, or what was noticed of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It is connected.
    Connected {
        /// The connection's number; later ones are higher.
        link: u64,
        /// From where.
        address: Option<String>,
    },
    /// A connection of it is gone.
    Disconnected {
        /// Which: a later one may be there already.
        link: u64,
    },
    /// It has started.
    Boot(Boot),
    /// It has sent something that says no more than that it lives.
    Alive,
    /// A sign of life.
    Heartbeat,
    /// May this card charge?
    Authorize(String),
    /// A connector's status; 0 is the whole charge point.
    Status(i32, Status),
    /// A session has begun.
    Start(Start),
    /// A session has ended.
    Stop(Stop),
    /// It has measured.
    Meter(Meter),
    /// Something of its vendor's own.
    DataTransfer,
    /// How far an update of its firmware is, by the protocol's name.
    Firmware(String),
    /// How far an upload of diagnostics is, by the protocol's name.
    Diagnostics(String),
    /// It has accepted a command.
    Accepted(Accepted),
    /// Somebody came under its name and was refused.
    Refused {
        /// From where.
        address: Option<String>,
        /// Whether a password was brought, and a wrong one.
        is_wrong: bool,
    },
}

/// A command that a charge point has accepted, as far as that changes its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// To start a session on a connector.
    RemoteStart(i32),
    /// To stop a session.
    RemoteStop(i64),
    /// To start anew.
    Reset,
    /// A limit of current.
    Limit(Box<Limit>),
    /// That limits are taken away.
    NoLimit(Which),
    /// Any other, by the protocol's name.
    Other(&'static str),
}

impl Event {
    /// The name that the documented field `vchcommand` has for it; `None` where it leaves that alone.
    pub const fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connected { .. } | Self::Disconnected { .. } | Self::Alive | Self::Refused { .. } => return None,
            Self::Boot(_) => "BootNotification",
            Self::Heartbeat => "Heartbeat",
            Self::Authorize(_) => "Authorize",
            Self::Status(..) => "StatusNotification",
            Self::Start(_) => "StartTransaction",
            Self::Stop(_) => "StopTransaction",
            Self::Meter(_) => "MeterValues",
            Self::DataTransfer => "DataTransfer",
            Self::Firmware(_) => "FirmwareStatusNotification",
            Self::Diagnostics(_) => "DiagnosticsStatusNotification",
            Self::Accepted(Accepted::RemoteStart(_)) => "RemoteStartTransaction",
            Self::Accepted(Accepted::RemoteStop(_)) => "RemoteStopTransaction",
            Self::Accepted(Accepted::Reset) => "Reset",
            Self::Accepted(Accepted::Limit(_)) => "SetChargingProfile",
            Self::Accepted(Accepted::NoLimit(_)) => "ClearChargingProfile",
            Self::Accepted(Accepted::Other(name)) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_clocks_that_cannot_be_right_are_those_of_the_arrival() {
        let arrival = Timestamp(1_790_000_000_000);
        for (claimed, is_believed) in [
            (arrival.0, true),
            (arrival.0 - 30 * 86_400_000, true),
            (arrival.0 + AHEAD_MS, true),
            (arrival.0 + AHEAD_MS + 1, false),
            (arrival.0 + 86_400_000, false),
            (0, false),
            (FIRST_BELIEVED.0 - 1, false),
        ] {
            let told = Told::judge(Timestamp(claimed), arrival);
            assert_eq!(told.claimed.is_none(), is_believed, "{claimed}");
            assert_eq!(told.own().0, claimed);
            assert_eq!(told.at.0, if is_believed { claimed } else { arrival.0 });
        }
    }
}
