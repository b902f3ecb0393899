//! A session while it can still change: it runs, or its end may be told again.

use super::event::{Start, Told};
use super::meter::SessionMeter;
use crate::calendar::Timestamp;
use crate::record::{ChargePointKey, Transaction, TransactionId};

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The charge point said so.
    Told,
    /// Its stop was lost: the charge point started anew, or its connector was free again. A late stop still counts.
    Assumed,
}

/// A session with what is needed to carry it on.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The session as everybody sees it.
    pub transaction: Transaction,
    /// The connector, from 1.
    pub connector: i32,
    /// The register of energy at its start, Wh, as it was told.
    pub register: i64,
    /// The start, by the charge point's own clock too.
    pub start: Told,
    /// Its energy.
    pub meter: SessionMeter,
    /// How it ended; `None` while it runs.
    pub end: Option<End>,
    /// The end, by the charge point's own clock too.
    pub stop: Option<Told>,
    /// The register of energy at its end, Wh, as it was told.
    pub register_stop: Option<i64>,
    /// Why it ended, by the protocol's name.
    pub reason: Option<String>,
    /// When its start, and when its stop arrived.
    pub received: (Timestamp, Option<Timestamp>),
}

impl Session {
    /// A session that begins.
    pub(super) fn begin(
        charge_point: ChargePointKey,
        id: TransactionId,
        cycle: i32,
        start: Start,
        queued_at: Timestamp,
        arrival: Timestamp,
    ) -> Self {
        let meter = SessionMeter::begin(start.register, start.time);
        let transaction = Transaction {
            id,
            charge_point,
            cycle: Some(cycle),
            queued_at: Some(queued_at.min(start.time.at)),
            started_at: Some(start.time.at),
            planned_finish: None,
            finished_at: None,
            energy: meter.energy(),
            id_tag: Some(start.id_tag),
        };
        Self {
            transaction,
            connector: start.connector,
            register: start.register,
            start: start.time,
            meter,
            end: None,
            stop: None,
            register_stop: None,
            reason: None,
            received: (arrival, None),
        }
    }

    /// Whether this is the session that a repeated start began.
    pub fn is_begun_by(&self, start: &Start) -> bool {
        self.connector == start.connector
            && self.register == start.register
            && self.start.own() == start.time.own()
            && self.transaction.id_tag.as_deref().is_some_and(|tag| tag.eq_ignore_ascii_case(&start.id_tag))
    }

    /// Ends it. Never before it began.
    pub(super) fn finish(&mut self, end: End, time: Told, reason: Option<String>, arrival: Timestamp) {
        let at = self.transaction.started_at.map_or(time.at, |started| time.at.max(started));
        self.transaction.finished_at = Some(at);
        self.transaction.planned_finish = Some(at);
        self.transaction.energy = self.meter.energy();
        self.end = Some(end);
        self.stop = Some(time);
        self.reason = reason;
        self.received.1 = Some(arrival);
    }
}
