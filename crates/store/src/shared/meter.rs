//! Meter values in the database: first as they come, all of a batch in one row of the journal; now and then laid together by
//! charge point. The journal is small: whoever asks reads it whole.

use super::Connection;
use super::batch::put_rows;
use crate::meter::{PART_SPAN_MS, Part, pack, unpack};
use crate::rows::OldMeterValueRow;
use crate::{Result, sql};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::{Measured, Session};
use bmw_domain::record::{ChargePointKey, MeterValue};
use futures::TryStreamExt as _;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How large the journal may become, bytes, and how old, before its values are laid together.
const JOURNAL_MOST: usize = 2 << 20;
const JOURNAL_OLD: Duration = Duration::from_mins(15);
/// Values of one message arrive together, and were measured within this time, ms.
const MESSAGE_MS: i64 = 3_600_000;

/// How much the journal holds. Only a hint: what is not known to be stored counts as well.
#[derive(Debug)]
pub(crate) struct Journal(Mutex<(usize, Instant)>);

impl Default for Journal {
    /// What the last run of the program has left there is laid together with the first write: until then it is what may be told
    /// once more.
    fn default() -> Self {
        Self(Mutex::new((JOURNAL_MOST, Instant::now())))
    }
}

impl Journal {
    fn is_due(&self) -> bool {
        let (bytes, since) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes > 0 && (bytes >= JOURNAL_MOST || since.elapsed() >= JOURNAL_OLD)
    }

    fn grown(&self, bytes: usize) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 == 0 {
            held.1 = Instant::now();
        }
        held.0 += bytes;
    }

    fn emptied(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = 0;
    }
}

/// Adds the values of a batch.
pub(super) async fn add(connection: &mut Connection, journal: &Journal, batch: i64, values: &[Measured]) -> Result<()> {
    if journal.is_due() {
        lay_together(connection).await?;
        journal.emptied();
    }
    if values.is_empty() {
        return Ok(());
    }
    let readings = pack(values)?;
    journal.grown(readings.len());
    sqlx::query(sql::ADD_TO_JOURNAL).bind(batch).bind(readings).execute(connection).await?;
    Ok(())
}

/// Empties the journal into parts.
async fn lay_together(connection: &mut Connection) -> Result<()> {
    let values = journal(connection).await?;
    if values.is_empty() {
        return Ok(());
    }
    add_parts(connection, &Part::of(values)?).await?;
    sqlx::query(sql::CLEAR_JOURNAL).execute(connection).await?;
    Ok(())
}

async fn add_parts(connection: &mut Connection, parts: &[Part]) -> Result<()> {
    put_rows(connection, sql::ADD_METER_PARTS, parts, "", |row, part| {
        row.push_bind(part.charge_point.0).push_bind(part.first.0).push_bind(part.last.0);
        row.push_bind(part.readings.as_slice());
    })
    .await
}

/// What an earlier version of the program has stored, a row for each value, becomes parts.
pub(super) async fn move_old(connection: &mut Connection) -> Result<()> {
    let keys: Vec<i32> = sqlx::query_scalar(sql::OLD_METER_CHARGE_POINTS).fetch_all(&mut *connection).await?;
    for key in &keys {
        let rows: Vec<OldMeterValueRow> =
            sqlx::query_as(sql::OLD_METER_VALUES).bind(key).fetch_all(&mut *connection).await?;
        add_parts(connection, &Part::of(rows.into_iter().map(Measured::from).collect())?).await?;
    }
    if !keys.is_empty() {
        sqlx::query(sql::CLEAR_OLD_METER_VALUES).execute(connection).await?;
    }
    Ok(())
}

/// All values that are not laid together yet, in the order in which they came.
pub(super) async fn journal(connection: &mut Connection) -> Result<Vec<Measured>> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(sql::JOURNAL).fetch_all(connection).await?;
    let mut values = Vec::new();
    for row in rows {
        values.append(&mut unpack(&row)?);
    }
    Ok(values)
}

/// Which values are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) charge_point: ChargePointKey,
    /// Inclusive, and exclusive.
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Span {
    fn has(&self, measured: &Measured) -> bool {
        let value = &measured.value;
        value.charge_point == self.charge_point && (self.from..self.to).contains(&value.at)
    }
}

/// The values of a span that a filter lets through, oldest first; those of the same moment as they came. Older ones are not read
/// once `is_enough` says so of those that are newer than all that is not read yet.
async fn values(
    connection: &mut Connection,
    fresh: &[Measured],
    span: Span,
    filter: impl Fn(&Measured) -> bool,
    is_enough: impl Fn(&[Measured], Timestamp) -> bool,
) -> Result<Vec<Measured>> {
    let wanted = |measured: &Measured| span.has(measured) && filter(measured);
    let mut found: Vec<Measured> = fresh.iter().filter(|it| wanted(it)).cloned().collect();
    let reach = span.to.0.saturating_add(PART_SPAN_MS);
    let query = sqlx::query_as(sql::METER_PARTS);
    let mut parts =
        query.bind(span.charge_point.0).bind(span.from.0).bind(span.to.0).bind(reach).fetch(&mut *connection);
    while let Some((last, readings)) = parts.try_next().await? {
        let (last, readings): (i64, Vec<u8>) = (last, readings);
        if is_enough(&found, Timestamp(last)) {
            break;
        }
        // What is older comes before; the sort leaves it there among those of the same moment.
        let mut older: Vec<Measured> = Part::open(&readings)?.into_iter().filter(wanted).collect();
        older.append(&mut found);
        found = older;
    }
    found.sort_by_key(|measured| measured.value.at);
    Ok(found)
}

/// The newest values of a span, oldest first.
pub(super) async fn newest(connection: &mut Connection, span: Span, limit: usize) -> Result<Vec<MeterValue>> {
    let fresh = journal(connection).await?;
    let newer = |found: &[Measured], last| found.iter().filter(|it| it.value.at > last).count() >= limit;
    let mut found = values(connection, &fresh, span, |_| true, newer).await?;
    found.drain(..found.len().saturating_sub(limit));
    Ok(found.into_iter().map(|measured| measured.value).collect())
}

/// The values of a session, oldest first: those between a day before it began and a day after its end.
pub(super) async fn of_session(connection: &mut Connection, session: &Session) -> Result<Vec<MeterValue>> {
    let transaction = &session.transaction;
    let fresh = journal(connection).await?;
    let is_own = |measured: &Measured| measured.value.transaction == Some(transaction.id);
    let found = values(connection, &fresh, around(session), is_own, |_, _| false).await?;
    Ok(found.into_iter().map(|measured| measured.value).collect())
}

/// When values of a session may have been measured.
fn around(session: &Session) -> Span {
    let transaction = &session.transaction;
    Span {
        charge_point: transaction.charge_point,
        from: Timestamp(transaction.started_at.map_or(i64::MIN, |at| at.0.saturating_sub(PART_SPAN_MS))),
        to: Timestamp(transaction.finished_at.map_or(i64::MAX, |at| at.0.saturating_add(PART_SPAN_MS))),
    }
}

/// Each charge point's newest value at or after an instant, by charge point.
pub(super) async fn latest(connection: &mut Connection, since: Timestamp) -> Result<Vec<MeterValue>> {
    let mut newest: HashMap<ChargePointKey, MeterValue> = HashMap::new();
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar(sql::LATEST_METER_PARTS).bind(since.0).fetch_all(&mut *connection).await?;
    let parts: Result<Vec<_>> = rows.iter().map(|readings| Part::open(readings)).collect();
    for measured in parts?.into_iter().flatten().chain(journal(connection).await?) {
        let value = measured.value;
        let is_newer = newest.get(&value.charge_point).is_none_or(|known| known.at <= value.at);
        if value.at >= since && is_newer {
            newest.insert(value.charge_point, value);
        }
    }
    let mut newest: Vec<MeterValue> = newest.into_values().collect();
    newest.sort_by_key(|value| value.charge_point);
    Ok(newest)
}

/// The newest readings of the energy of running sessions, oldest first: of each session those that came last, together.
pub(super) async fn newest_of_running(connection: &mut Connection, running: &[Session]) -> Result<Vec<Measured>> {
    let fresh = journal(connection).await?;
    let mut readings = Vec::new();
    for session in running {
        let is_reading = |measured: &Measured| {
            measured.value.transaction == Some(session.transaction.id)
                && measured.value.energy.is_some()
                && measured.register.is_some_and(|register| register >= 0)
        };
        let newer = |found: &[Measured], last: Timestamp| {
            found.iter().any(|measured| measured.value.at.since(last) > MESSAGE_MS)
        };
        let found = values(connection, &fresh, around(session), is_reading, newer).await?;
        let Some((at, received)) = found.last().map(|newest| (newest.value.at, newest.received)) else { continue };
        let is_of_it = |measured: &Measured| measured.received == received && at.since(measured.value.at) <= MESSAGE_MS;
        readings.extend(found.into_iter().filter(is_of_it));
    }
    readings.sort_by_key(|measured| measured.value.at);
    Ok(readings)
}
