//! What the running site writes in one step.

use super::{Connection, Database, add_to_sums, counted_day, listed_day, take_from_sums};
use crate::rows::TransactionRow;
use crate::{Batch, Result, StoreError, Zone, sql};
use bmw_domain::charger::{Connector, Finding, Measured, Session, SessionChange};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::record::{ChargePoint, ChargePointKey, ChargePointState, Transaction};
use sqlx::QueryBuilder;
use sqlx::query_builder::Separated;
use std::sync::Arc;

/// The most rows in one statement.
const ROWS: usize = 256;

/// Writes a batch; `false` when it was written before.
pub(super) async fn write(connection: &mut Connection, zone: &Zone, batch: &Batch) -> Result<bool> {
    let begun = sqlx::query(sql::BEGIN_BATCH).bind(batch.number).execute(&mut *connection).await?;
    if begun.rows_affected() == 0 {
        return Ok(false);
    }
    for charge_point in &batch.charge_points {
        change_charge_point(connection, charge_point).await?;
    }
    put_states(connection, &batch.states).await?;
    put_connectors(connection, &batch.connectors).await?;
    for change in &batch.sessions {
        put_session(connection, zone, change).await?;
    }
    add_meter_values(connection, &batch.values).await?;
    add_findings(connection, &batch.findings).await?;
    Ok(true)
}

async fn change_charge_point(
    connection: &mut Connection,
    (key, point, last_cycle): &(ChargePointKey, Arc<ChargePoint>, i32),
) -> Result<()> {
    let changed = sqlx::query(sql::CHANGE_CHARGE_POINT)
        .bind(key.0)
        .bind(&point.model_id)
        .bind(&point.vendor)
        .bind(&point.serial_number)
        .bind(&point.firmware_version)
        .bind(point.total_energy.map(Energy::wh))
        .bind(point.total_time.map(ChargingTime::ms))
        .bind(&point.ip)
        .bind(&point.mac)
        .bind(last_cycle)
        .execute(connection)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Unknown(format!("charge point number {}", key.0)));
    }
    Ok(())
}

/// Puts states in the place of the last ones; each charge point at most once.
pub(super) async fn put_states(
    connection: &mut Connection,
    states: &[(ChargePointKey, ChargePointState)],
) -> Result<()> {
    put_rows(connection, sql::PUT_STATES, states, sql::OR_REPLACE_STATE, |row, (key, state)| {
        row.push_bind(key.0)
            .push_bind(state.state.as_deref())
            .push_bind(state.command.as_deref())
            .push_bind(state.socket.as_deref())
            .push_bind(state.current_offered)
            .push_bind(state.current_limit)
            .push_bind(state.current)
            .push_bind(state.session_energy)
            .push_bind(state.session_minutes)
            .push_bind(state.phases)
            .push_bind(state.last_contact.map(|at| at.0));
    })
    .await
}

async fn put_connectors(connection: &mut Connection, connectors: &[(ChargePointKey, Connector)]) -> Result<()> {
    put_rows(connection, sql::PUT_CONNECTORS, connectors, sql::OR_REPLACE_CONNECTOR, |row, (key, connector)| {
        row.push_bind(key.0)
            .push_bind(connector.number)
            .push_bind(connector.state.as_deref())
            .push_bind(connector.status.as_deref())
            .push_bind(connector.error.as_deref())
            .push_bind(connector.info.as_deref())
            .push_bind(connector.since.map(|at| at.0));
    })
    .await
}

async fn put_session(connection: &mut Connection, zone: &Zone, change: &SessionChange) -> Result<()> {
    match &change.before {
        None => begin_session(connection, zone, &change.after).await?,
        Some(_) => end_session(connection, zone, &change.after).await?,
    }
    add_to_sums(connection, zone, &change.after.transaction).await
}

async fn begin_session(connection: &mut Connection, zone: &Zone, session: &Session) -> Result<()> {
    let transaction = &session.transaction;
    put_rows(connection, sql::ADD_SESSIONS, std::slice::from_ref(session), "", |row, session| {
        row.push_bind(transaction.id.0)
            .push_bind(transaction.charge_point.0)
            .push_bind(session.connector)
            .push_bind(transaction.cycle)
            .push_bind(transaction.queued_at.map(|at| at.0))
            .push_bind(transaction.started_at.map(|at| at.0))
            .push_bind(transaction.energy.wh())
            .push_bind(transaction.id_tag.as_deref())
            .push_bind(listed_day(zone, transaction))
            .push_bind(session.start.own().0)
            .push_bind(session.received.0.0)
            .push_bind(session.register);
    })
    .await
}

async fn end_session(connection: &mut Connection, zone: &Zone, session: &Session) -> Result<()> {
    let after = &session.transaction;
    // As it is stored: while it runs, its energy is in its meter values only.
    let before: Option<TransactionRow> =
        sqlx::query_as(sql::SESSION).bind(after.id.0).fetch_optional(&mut *connection).await?;
    let before = before.ok_or_else(|| StoreError::Unknown(format!("transaction {}", after.id.0)))?;
    sqlx::query(sql::FINISH_SESSION)
        .bind(after.id.0)
        .bind(after.finished_at.map(|at| at.0))
        .bind(after.energy.wh())
        .bind(counted_day(zone, after))
        .bind(session.stop.map(|stop| stop.own().0))
        .bind(session.received.1.map(|at| at.0))
        .bind(session.register_stop)
        .bind(&session.reason)
        .bind(session.end == Some(bmw_domain::charger::End::Assumed))
        .execute(&mut *connection)
        .await?;
    take_from_sums(connection, zone, &Transaction::from(before)).await
}

async fn add_meter_values(connection: &mut Connection, values: &[Measured]) -> Result<()> {
    put_rows(connection, sql::ADD_METER_VALUES, values, "", |row, measured| {
        let value = &measured.value;
        let [l1, l2, l3] = value.currents.0;
        row.push_bind(value.charge_point.0)
            .push_bind(value.connector)
            .push_bind(value.transaction.map(|id| id.0))
            .push_bind(value.at.0)
            .push_bind(value.energy.map(Energy::wh))
            .push_bind(l1)
            .push_bind(l2)
            .push_bind(l3)
            .push_bind(value.offered)
            .push_bind(value.power)
            .push_bind(measured.register)
            .push_bind(measured.received.0)
            .push_bind(measured.claimed.map(|at| at.0));
    })
    .await
}

async fn add_findings(connection: &mut Connection, findings: &[Finding]) -> Result<()> {
    put_rows(connection, sql::ADD_FINDINGS, findings, "", |row, finding| {
        row.push_bind(finding.charge_point.0)
            .push_bind(finding.at.0)
            .push_bind(finding.kind.word())
            .push_bind(finding.connector)
            .push_bind(finding.transaction.map(|id| id.0))
            .push_bind(finding.detail.as_str());
    })
    .await
}

/// Puts in rows, many in one statement. Their number is always a power of two: so the database meets only a few texts, and
/// keeps each of them prepared.
async fn put_rows<'a, T>(
    connection: &mut Connection,
    head: &'static str,
    rows: &'a [T],
    tail: &'static str,
    bind: impl for<'q> Fn(&mut Separated<'q, Database, &'static str>, &'a T),
) -> Result<()> {
    let mut left = rows;
    while !left.is_empty() {
        let largest = 1 << left.len().ilog2();
        let (part, rest) = left.split_at(largest.min(ROWS));
        left = rest;
        let mut query = QueryBuilder::<Database>::new(head);
        query.push_values(part, |mut row, value| bind(&mut row, value));
        query.push(tail);
        query
            .build()
            .execute(&mut *connection)
            .await
            .map_err(|error| super::unknown_parent(error, "what a row refers to"))?;
    }
    Ok(())
}
