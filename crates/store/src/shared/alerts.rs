//! Alerts, into the database and out of it.

use super::super::{Connection, Database};
use super::batch::put_rows;
use crate::alerts::{AlertFilter, AlertInventory, AlertPlace, AlertRow, sql};
use crate::{Result, StoreError};
use bmw_domain::alert::Alert;
use bmw_domain::calendar::Timestamp;
use sqlx::QueryBuilder;

/// Of the alerts that have ended, those of the newest numbers are kept.
const KEPT: i64 = 10_000;
/// The oldest are forgotten at each so many numbers.
const PRUNED: i64 = 256;

/// Within the transaction that `connection` is in.
pub(super) async fn put(connection: &mut Connection, alerts: &[Alert]) -> Result<()> {
    put_rows(connection, sql::PUT_ALERTS, alerts, sql::OR_CHANGE_ALERT, |row, alert| {
        row.push_bind(alert.id)
            .push_bind(alert.cause.kind().word())
            .push_bind(alert.cause.code())
            .push_bind(alert.cause.charge_point().map(|key| key.0))
            .push_bind(alert.cause.session().map(|id| id.0))
            .push_bind(alert.cause.phase().map(|phase| phase.letter().to_string()))
            .push_bind(alert.detail.as_str())
            .push_bind(alert.since.0)
            .push_bind(alert.times)
            .push_bind(alert.ended_at.map(|at| at.0))
            .push_bind(alert.acknowledged.as_ref().map(|it| it.at.0))
            .push_bind(alert.acknowledged.as_ref().map(|it| it.by.as_str()));
    })
    .await?;
    if alerts.iter().any(|alert| alert.id % PRUNED == 0) {
        let last = alerts.iter().map(|alert| alert.id).max().unwrap_or_default();
        sqlx::query(sql::PRUNE_ALERTS).bind(last - KEPT).execute(connection).await?;
    }
    Ok(())
}

fn read(rows: Vec<AlertRow>) -> Result<Vec<Alert>, StoreError> {
    rows.into_iter().map(Alert::try_from).collect()
}

pub(super) async fn to_watch(connection: &mut Connection, since: Timestamp) -> Result<AlertInventory> {
    let rows = sqlx::query_as(sql::ALERTS_TO_WATCH).bind(since.0).fetch_all(&mut *connection).await?;
    let last_id: Option<i64> = sqlx::query_scalar(sql::LAST_ALERT).fetch_one(connection).await?;
    Ok(AlertInventory { alerts: read(rows)?, last_id: last_id.unwrap_or(0) })
}

pub(super) async fn ended(
    connection: &mut Connection,
    filter: AlertFilter,
    before: Option<AlertPlace>,
    limit: u32,
) -> Result<Vec<Alert>> {
    let mut query = QueryBuilder::<Database>::new(sql::ENDED_ALERTS);
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.word());
    }
    if let Some(charge_point) = filter.charge_point {
        query.push(" AND charge_point = ").push_bind(charge_point.0);
    }
    if let Some(AlertPlace { at, id }) = before {
        query.push(" AND (ended_at, id) < (").push_bind(at.0).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY ended_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
    read(query.build_query_as().fetch_all(connection).await?)
}
