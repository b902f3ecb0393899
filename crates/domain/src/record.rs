//! What a site consists of and remembers: models, charge points, their last known state, transactions, meter values.

use crate::calendar::Timestamp;
use crate::energy::{ChargingTime, Energy};
use crate::field::{self, FieldError};
use crate::phase::LineCurrents;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The identity of a charge point (`vchchargerid`; the last part of the address that it connects to):
/// 1–64 characters, no control characters. Identities sort by code point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity(String);

impl Identity {
    /// Reads an identity.
    ///
    /// # Errors
    /// [`FieldError::Blank`], [`FieldError::TooLong`] or [`FieldError::NotPrintable`].
    pub fn new(text: &str) -> Result<Self, FieldError> {
        field::printable(text, 64).map(Self)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Identity {
    type Error = FieldError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.0
    }
}

/// The store's own number of a charge point: small, stable, in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChargePointKey(pub i32);

/// The number of a transaction (`intrecordid`, OCPP transactionId): 1–2 147 483 647, given in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionId(pub i32);

/// A model of charge point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name (`vchmodelid`), as charge points refer to it.
    pub id: String,
    /// The most current that it can give, A.
    pub max_current: Option<f64>,
    /// The least current that it can give, A.
    pub min_current: Option<f64>,
    /// The number of phases that it has.
    pub phases: Option<i32>,
}

/// A charge point as it is known to the site, whether or not it was ever heard of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargePoint {
    /// Its identity.
    pub identity: Identity,
    /// The name of its model; may be empty, and the model may be unknown.
    pub model_id: String,
    /// Vendor.
    pub vendor: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Firmware version, as it was reported (trailing spaces included).
    pub firmware_version: Option<String>,
    /// Energy over its life, grows at each stop.
    pub total_energy: Option<Energy>,
    /// Charging time over its life, grows at each stop.
    pub total_time: Option<ChargingTime>,
    /// Network address.
    pub ip: Option<String>,
    /// Hardware address.
    pub mac: Option<String>,
}

impl ChargePoint {
    /// One of which nothing is known but who it is.
    pub const fn unknown(identity: Identity) -> Self {
        Self {
            identity,
            model_id: String::new(),
            vendor: None,
            serial_number: None,
            firmware_version: None,
            total_energy: None,
            total_time: None,
            ip: None,
            mac: None,
        }
    }
}

/// The last known state of a charge point, by the documented fields (reading guide, "From OCPP to the documented fields").
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChargePointState {
    /// State name.
    pub state: Option<String>,
    /// The last message or command.
    pub command: Option<String>,
    /// Kind of socket, such as `GBT`.
    pub socket: Option<String>,
    /// Current that the charge point offers the car, A (`intcurrentfeedback`, OCPP Current.Offered).
    pub current_offered: Option<i32>,
    /// The most that it may draw now, A (`intcurrent`).
    pub current_limit: Option<i32>,
    /// The highest phase's current, A (`intchargingcurrent`, OCPP Current.Import).
    pub current: Option<i32>,
    /// Energy of the running session, after it of the last one, Wh.
    pub session_energy: Option<i32>,
    /// Time of the running session, after it of the last one, whole minutes.
    pub session_minutes: Option<i32>,
    /// Phases that carry current.
    pub phases: Option<i32>,
    /// The newest frame of any kind.
    pub last_contact: Option<Timestamp>,
}

/// A charging session (`charging_records`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its number.
    pub id: TransactionId,
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// The charge point's own running number of sessions (`intchargingcode`).
    pub cycle: Option<i32>,
    /// When the session asked for current.
    pub queued_at: Option<Timestamp>,
    /// Start.
    pub started_at: Option<Timestamp>,
    /// Planned finish (`dttfinishtime`).
    pub planned_finish: Option<Timestamp>,
    /// Real finish (`dttrealfinish`); `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// Energy so far; final at the stop.
    pub energy: Energy,
    /// The card that started it (`vchcardid`, OCPP idTag).
    pub id_tag: Option<String>,
}

impl Transaction {
    /// When it finished for the sums of energy: really, else as planned; `None`: it is not counted (reading guide, 2.10).
    pub fn counted_at(&self) -> Option<Timestamp> {
        self.finished_at.or(self.planned_finish)
    }

    /// The time by which it belongs to a day (reading guide, 2.2): real finish, else start, else queued.
    pub fn listed_at(&self) -> Option<Timestamp> {
        self.finished_at.or(self.started_at).or(self.queued_at)
    }

    /// From start to real finish, never negative; `None` while it runs.
    pub fn duration(&self) -> Option<ChargingTime> {
        let (start, finish) = (self.started_at?, self.finished_at?);
        Some(ChargingTime::from_ms(finish.since(start).max(0)))
    }
}

/// What was measured at one moment on one connector (OCPP `MeterValue`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeterValue {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// The connector, from 1; 0 is the whole charge point.
    pub connector: i32,
    /// The session that it belongs to.
    pub transaction: Option<TransactionId>,
    /// When it was measured.
    pub at: Timestamp,
    /// Energy of the session so far.
    pub energy: Option<Energy>,
    /// Current drawn on the charge point's own lines, A.
    pub currents: LineCurrents,
    /// Current offered to the car, A.
    pub offered: Option<f64>,
    /// Power drawn, W.
    pub power: Option<f64>,
}
