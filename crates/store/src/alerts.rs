//! Alerts as they are stored.

use crate::{Result, StoreError};
use bmw_domain::alert::{Acknowledged, Alert, AlertKind, Cause};
use bmw_domain::calendar::Timestamp;
use bmw_domain::phase::Phase;
use bmw_domain::record::{ChargePointKey, TransactionId};
use sqlx::FromRow;

/// The alerts that a site goes on with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertInventory {
    /// Those that are open, and those that have ended since an instant, by number.
    pub alerts: Vec<Alert>,
    /// The number of the last alert of all; 0 when there is none.
    pub last_id: i64,
}

/// What is asked for of the alerts that have ended. Absent parts do not filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Of this kind.
    pub kind: Option<AlertKind>,
    /// Of this charge point.
    pub charge_point: Option<ChargePointKey>,
}

/// Where an alert that has ended stands: by its end, those of one time by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertPlace {
    /// Its end.
    pub at: Timestamp,
    /// Its number.
    pub id: i64,
}

#[derive(FromRow)]
pub(crate) struct AlertRow {
    id: i64,
    kind: String,
    code: String,
    charge_point: Option<i32>,
    transaction_id: Option<i32>,
    phase: Option<String>,
    detail: String,
    since: i64,
    times: i32,
    ended_at: Option<i64>,
    acknowledged_at: Option<i64>,
    acknowledged_by: Option<String>,
}

impl TryFrom<AlertRow> for Alert {
    type Error = StoreError;
    fn try_from(row: AlertRow) -> Result<Self> {
        let phase = row.phase.as_deref();
        let phase = Phase::ALL.into_iter().find(|known| phase == Some(&*known.letter().to_string()));
        let charge_point = row.charge_point.map(ChargePointKey);
        let cause = match (AlertKind::from_word(&row.kind), charge_point, row.transaction_id, phase) {
            (Some(AlertKind::Fault), Some(key), ..) => Cause::Fault(key, row.code),
            (Some(AlertKind::Offline), Some(key), ..) => Cause::Offline(key),
            (Some(AlertKind::Stopped), Some(key), Some(id), _) => Cause::Stopped(key, TransactionId(id), row.code),
            (Some(AlertKind::Overload), .., Some(phase)) => Cause::Overload(phase),
            _ => return Err(StoreError::Corrupt(format!("the cause of alert {}", row.id))),
        };
        let acknowledged = row.acknowledged_by.zip(row.acknowledged_at);
        Ok(Self {
            id: row.id,
            cause,
            detail: row.detail,
            since: Timestamp(row.since),
            times: row.times,
            ended_at: row.ended_at.map(Timestamp),
            acknowledged: acknowledged.map(|(by, at)| Acknowledged { by, at: Timestamp(at) }),
        })
    }
}

/// The text of the queries, which both databases share.
pub(crate) mod sql {
    macro_rules! select_alerts {
        ($rest:literal) => {
            concat!(
                "SELECT id, kind, code, charge_point, transaction_id, phase, detail, since, times, ended_at, \
                 acknowledged_at, acknowledged_by FROM alert ",
                $rest
            )
        };
    }
    /// More follows.
    pub(crate) const ENDED_ALERTS: &str = select_alerts!("WHERE ended_at IS NOT NULL");
    pub(crate) const ALERTS_TO_WATCH: &str = select_alerts!("WHERE ended_at IS NULL OR ended_at >= $1 ORDER BY id");
    pub(crate) const LAST_ALERT: &str = "SELECT max(id) FROM alert";
    /// Rows follow.
    pub(crate) const PUT_ALERTS: &str = "INSERT INTO alert (id, kind, code, charge_point, transaction_id, phase, \
         detail, since, times, ended_at, acknowledged_at, acknowledged_by) ";
    /// Of what has begun, its end, how often, and who has seen it change, and what is known of it.
    pub(crate) const OR_CHANGE_ALERT: &str = " ON CONFLICT (id) DO UPDATE SET detail = excluded.detail, \
         times = excluded.times, ended_at = excluded.ended_at, acknowledged_at = excluded.acknowledged_at, \
         acknowledged_by = excluded.acknowledged_by";
    pub(crate) const PRUNE_ALERTS: &str = "DELETE FROM alert WHERE ended_at IS NOT NULL AND id <= $1";
}
