//! What the running site writes in one step.

use super::meter::{self, Journal};
use super::{Connection, Database, alerts, counted_day, listed_day};
use crate::rows::{self, TransactionRow};
use crate::{Batch, FramePart, Result, StoreError, Zone, sql};
use bmw_domain::charger::limit::Limits;
use bmw_domain::charger::{Connector, End, Finding, Happening, Session, SessionChange};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::{Peak, Peaks};
use bmw_domain::record::{ChargePoint, ChargePointKey, ChargePointState, Transaction};
use sqlx::QueryBuilder;
use sqlx::query_builder::Separated;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The most rows in one statement, and by how many their number rises where there are many.
const ROWS: usize = 256;
const STEP: usize = 16;

/// Writes a batch; `false` when it was written before.
pub(super) async fn write(connection: &mut Connection, zone: &Zone, journal: &Journal, batch: &Batch) -> Result<bool> {
    let begun = sqlx::query(sql::BEGIN_BATCH).bind(batch.number).execute(&mut *connection).await?;
    if begun.rows_affected() == 0 {
        return Ok(false);
    }
    change_charge_points(connection, &batch.charge_points).await?;
    put_limits(connection, &batch.limits).await?;
    put_states(connection, &batch.states).await?;
    put_connectors(connection, &batch.connectors).await?;
    put_sessions(connection, zone, &batch.sessions).await?;
    meter::add(connection, journal, batch.number, &batch.values).await?;
    add_findings(connection, &batch.findings).await?;
    add_happenings(connection, &batch.happenings).await?;
    alerts::put(connection, &batch.alerts).await?;
    put_peaks(connection, batch.peaks.unwrap_or_default()).await?;
    Ok(true)
}

type ChangedChargePoint = (ChargePointKey, Arc<ChargePoint>, i32);

async fn change_charge_points(connection: &mut Connection, points: &[ChangedChargePoint]) -> Result<()> {
    let bind = |row: &mut Row<'_>, (key, point, last_cycle): &ChangedChargePoint| {
        row.push_bind(key.0)
            .push_bind(point.model_id.clone())
            .push_bind(point.vendor.clone())
            .push_bind(point.serial_number.clone())
            .push_bind(point.firmware_version.clone())
            .push_bind(point.total_energy.map(Energy::wh))
            .push_bind(point.total_time.map(ChargingTime::ms))
            .push_bind(point.ip.clone())
            .push_bind(point.mac.clone())
            .push_bind(*last_cycle);
    };
    let changed = change_rows(connection, sql::CHANGE_CHARGE_POINTS, points, bind).await?;
    if changed == points.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::Unknown("a charge point that has changed".to_owned()))
    }
}

async fn put_limits(connection: &mut Connection, limits: &[(ChargePointKey, Arc<Limits>)]) -> Result<()> {
    put_rows(connection, sql::PUT_LIMITS, limits, sql::OR_REPLACE_LIMITS, |row, (key, limits)| {
        row.push_bind(key.0).push_bind(rows::written_limits(limits));
    })
    .await
}

async fn put_peaks(connection: &mut Connection, peaks: Peaks) -> Result<()> {
    let known: Vec<(i32, Peak)> = (0..).zip(peaks.0).filter_map(|(phase, peak)| Some((phase, peak?))).collect();
    put_rows(connection, sql::PUT_PEAKS, &known, sql::OR_REPLACE_PEAK, |row, (phase, peak)| {
        row.push_bind(*phase).push_bind(peak.amperes).push_bind(peak.at.0);
    })
    .await
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

/// Stores sessions that have begun, then those that have ended; the sums by day follow.
async fn put_sessions(connection: &mut Connection, zone: &Zone, changes: &[SessionChange]) -> Result<()> {
    let mut sums = Sums::default();
    let begun: Vec<&Session> = changes.iter().filter(|it| it.before.is_none()).map(|it| &it.after).collect();
    begin_sessions(connection, zone, &begun).await?;
    for session in &begun {
        sums.add(zone, &session.transaction);
    }
    // One that ends more than once in a batch ends as it did last.
    let ended: BTreeMap<i32, &Session> =
        changes.iter().filter(|it| it.before.is_some()).map(|it| (it.after.transaction.id.0, &it.after)).collect();
    // As they are stored: while a session runs, its energy is in its meter values only.
    let ids: Vec<i32> = ended.keys().copied().collect();
    let before = stored(connection, &ids).await?;
    let ended: Vec<&Session> = ended.into_values().collect();
    for session in &ended {
        let id = session.transaction.id.0;
        let before = before.get(&id).ok_or_else(|| StoreError::Unknown(format!("transaction {id}")))?;
        sums.take(zone, before);
        sums.add(zone, &session.transaction);
    }
    end_sessions(connection, zone, &ended).await?;
    sums.put(connection).await
}

async fn begin_sessions(connection: &mut Connection, zone: &Zone, begun: &[&Session]) -> Result<()> {
    put_rows(connection, sql::ADD_SESSIONS, begun, "", |row, session| {
        let transaction = &session.transaction;
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

/// Sessions by their numbers.
async fn stored(connection: &mut Connection, ids: &[i32]) -> Result<HashMap<i32, Transaction>> {
    let mut found = HashMap::with_capacity(ids.len());
    for part in parts(ids) {
        let mut query = QueryBuilder::<Database>::new(sql::SESSIONS_IN);
        let mut row = query.separated(", ");
        for id in part {
            row.push_bind(*id);
        }
        row.push_unseparated(")");
        let rows: Vec<TransactionRow> = query.build_query_as().fetch_all(&mut *connection).await?;
        found.extend(rows.into_iter().map(Transaction::from).map(|session| (session.id.0, session)));
    }
    Ok(found)
}

async fn end_sessions(connection: &mut Connection, zone: &Zone, ended: &[&Session]) -> Result<()> {
    let bind = |row: &mut Row<'_>, session: &&Session| {
        let after = &session.transaction;
        row.push_bind(after.id.0)
            .push_bind(after.finished_at.map(|at| at.0))
            .push_bind(after.energy.wh())
            .push_bind(counted_day(zone, after))
            .push_bind(session.stop.map(|stop| stop.own().0))
            .push_bind(session.received.1.map(|at| at.0))
            .push_bind(session.register_stop)
            .push_bind(session.reason.clone())
            .push_bind(session.end == Some(End::Assumed));
    };
    change_rows(connection, sql::FINISH_SESSIONS, ended, bind).await?;
    Ok(())
}

/// What a batch changes in the sums by day, each key once.
#[derive(Default)]
struct Sums {
    /// Sessions and energy by charge point and day.
    counted: BTreeMap<(i32, i32), (i64, i64)>,
    /// Sessions, energy and time by day, charge point and whether they are finished, with the ids that were added.
    listed: BTreeMap<(i32, i32, bool), Listed>,
}

#[derive(Default)]
struct Listed {
    sessions: i64,
    energy_wh: i64,
    time_ms: i64,
    ids: Option<(i32, i32)>,
}

impl Sums {
    fn add(&mut self, zone: &Zone, session: &Transaction) {
        let id = session.id.0;
        let listed = self.change(zone, session, 1);
        listed.ids = Some(listed.ids.map_or((id, id), |(first, last)| (first.min(id), last.max(id))));
    }

    fn take(&mut self, zone: &Zone, session: &Transaction) {
        self.change(zone, session, -1);
    }

    fn change(&mut self, zone: &Zone, session: &Transaction, sign: i64) -> &mut Listed {
        let charge_point = session.charge_point.0;
        let energy = session.energy.wh() * sign;
        if let Some(day) = counted_day(zone, session) {
            let (sessions, sum) = self.counted.entry((charge_point, day)).or_default();
            *sessions += sign;
            *sum += energy;
        }
        let day = listed_day(zone, session).unwrap_or(sql::NO_DAY);
        let listed = self.listed.entry((day, charge_point, session.finished_at.is_some())).or_default();
        listed.sessions += sign;
        listed.energy_wh += energy;
        listed.time_ms += session.duration().unwrap_or_default().ms() * sign;
        listed
    }

    async fn put(self, connection: &mut Connection) -> Result<()> {
        // Where something is taken, there is a row; it may be empty afterwards.
        let (more, less): (Vec<_>, Vec<_>) =
            self.counted.into_iter().partition(|(_, (sessions, energy))| *sessions > 0 && *energy >= 0);
        put_rows(connection, sql::PUT_ENERGY_BY_DAY, &more, sql::AND_COUNT_ENERGY, |row, (key, sum)| {
            row.push_bind(key.0).push_bind(key.1).push_bind(sum.0).push_bind(sum.1);
        })
        .await?;
        change_rows(connection, sql::UNCOUNT_ENERGY, &less, |row, ((charge_point, day), (sessions, energy))| {
            row.push_bind(*charge_point).push_bind(*day).push_bind(*sessions).push_bind(*energy);
        })
        .await?;
        change_rows(connection, sql::SWEEP_ENERGY, &less, |row, ((charge_point, day), _)| {
            row.push_bind(*charge_point).push_bind(*day);
        })
        .await?;
        let (more, less): (Vec<_>, Vec<_>) = self
            .listed
            .into_iter()
            .partition(|(_, sum)| sum.sessions > 0 && sum.energy_wh >= 0 && sum.time_ms >= 0 && sum.ids.is_some());
        put_rows(connection, sql::PUT_SESSION_BY_DAY, &more, sql::AND_LIST_SESSION, |row, (key, sum)| {
            let (first, last) = sum.ids.unwrap_or_default();
            row.push_bind(key.0).push_bind(key.1).push_bind(key.2).push_bind(sum.sessions);
            row.push_bind(sum.energy_wh).push_bind(sum.time_ms).push_bind(first).push_bind(last);
        })
        .await?;
        change_rows(connection, sql::UNLIST_SESSIONS, &less, |row, (key, sum)| {
            // Ids that bound nothing new leave those that are there.
            let (first, last) = sum.ids.unwrap_or((i32::MAX, i32::MIN));
            row.push_bind(key.0).push_bind(key.1).push_bind(key.2).push_bind(sum.sessions);
            row.push_bind(sum.energy_wh).push_bind(sum.time_ms).push_bind(first).push_bind(last);
        })
        .await?;
        change_rows(connection, sql::SWEEP_SESSIONS, &less, |row, (key, _)| {
            row.push_bind(key.0).push_bind(key.1).push_bind(key.2);
        })
        .await?;
        Ok(())
    }
}

pub(super) async fn add_frames(connection: &mut Connection, parts: &[FramePart]) -> Result<()> {
    put_rows(connection, sql::ADD_FRAMES, parts, "", |row, part| {
        row.push_bind(part.charge_point.0).push_bind(part.frames).push_bind(part.lines.as_slice());
    })
    .await
}

async fn add_findings(connection: &mut Connection, findings: &[Finding]) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    put_rows(connection, sql::ADD_FINDINGS, findings, "", |row, finding| {
        row.push_bind(finding.charge_point.0)
            .push_bind(finding.at.0)
            .push_bind(finding.kind.word())
            .push_bind(finding.connector)
            .push_bind(finding.transaction.map(|id| id.0))
            .push_bind(finding.detail.as_str());
    })
    .await?;
    let charge_points = findings.iter().map(|finding| finding.charge_point);
    prune(connection, sql::LAST_FINDING, sql::PRUNE_FINDINGS, charge_points).await
}

/// The newest of a charge point's happenings, and of its findings, that are kept.
const KEPT: i64 = 1_000;
/// The oldest are forgotten at each so many rows, of the charge point of that row: what happens often is looked at often.
const PRUNED: i64 = 256;

async fn add_happenings(connection: &mut Connection, happenings: &[Happening]) -> Result<()> {
    if happenings.is_empty() {
        return Ok(());
    }
    put_rows(connection, sql::ADD_HAPPENINGS, happenings, "", |row, happening| {
        row.push_bind(happening.charge_point.0)
            .push_bind(happening.at.0)
            .push_bind(happening.kind.word())
            .push_bind(happening.connector)
            .push_bind(happening.status.as_deref())
            .push_bind(happening.detail.as_str());
    })
    .await?;
    let charge_points = happenings.iter().map(|happening| happening.charge_point);
    prune(connection, sql::LAST_HAPPENING, sql::PRUNE_HAPPENINGS, charge_points).await
}

/// Forgets the oldest rows of the charge points that rows were just added of, each when its turn comes.
async fn prune(
    connection: &mut Connection,
    last: &'static str,
    prune: &'static str,
    added: impl DoubleEndedIterator<Item = ChargePointKey>,
) -> Result<()> {
    let last: i64 = sqlx::query_scalar(last).fetch_one(&mut *connection).await?;
    for (charge_point, id) in added.rev().zip((0..=last).rev()) {
        if id % PRUNED == 0 {
            sqlx::query(prune).bind(charge_point.0).bind(KEPT).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// A row of values on its way into a statement.
pub(super) type Row<'q> = Separated<'q, Database, &'static str>;

/// Parts of a few lengths: the database meets only so many texts of a statement, and keeps each of them prepared, and a list needs
/// few statements, each of which is a way to the database and back.
fn parts<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let length = match left.len() {
            0 => return None,
            few @ 1..STEP => few,
            many => (many - many % STEP).min(ROWS),
        };
        let (part, rest) = left.split_at(length);
        left = rest;
        Some(part)
    })
}

/// Puts in rows, many in one statement.
pub(super) async fn put_rows<'a, T>(
    connection: &mut Connection,
    head: &'static str,
    rows: &'a [T],
    tail: &'static str,
    bind: impl for<'q> Fn(&mut Row<'q>, &'a T),
) -> Result<()> {
    for part in parts(rows) {
        let mut query = QueryBuilder::<Database>::new(head);
        query.push_values(part, |mut row, value| bind(&mut row, value));
        query.push(tail);
        run(connection, query).await?;
    }
    Ok(())
}

/// Changes rows, many in one statement, and says how many: what stands before the values, and what follows them.
async fn change_rows<T>(
    connection: &mut Connection,
    (head, tail): (&'static str, &'static str),
    rows: &[T],
    bind: impl for<'q> Fn(&mut Row<'q>, &T),
) -> Result<u64> {
    let mut changed = 0;
    for part in parts(rows) {
        let mut query = QueryBuilder::<Database>::new(head);
        query.push_values(part, |mut row, value| bind(&mut row, value));
        query.push(tail);
        changed += run(connection, query).await?;
    }
    Ok(changed)
}

async fn run(connection: &mut Connection, mut query: QueryBuilder<Database>) -> Result<u64> {
    let outcome = query.build().execute(connection).await;
    let done = outcome.map_err(|error| super::unknown_parent(error, "what a row refers to"))?;
    Ok(done.rows_affected())
}
