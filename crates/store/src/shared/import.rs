//! The site file on its way into the database and out of it.

use super::super::{AFTER_MANY, BEFORE_MANY, Connection, Database, SESSION_INDEXES, SESSIONS_AT_ONCE, insert_sessions};
use super::{inventory, put_charge_point, put_settings, rebuild_sums};
use crate::rows::{self, NewSession, TransactionRow};
use crate::site_file::{SessionRow, SiteFile, StateRow};
use crate::{ImportMode, Result, StoreError, Zone, sql};
use bmw_domain::calendar::Timestamp;
use bmw_domain::record::{ChargePointKey, ChargePointState, Identity, Model};
use bmw_domain::settings::Settings;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, QueryBuilder};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Brings in a site file, within the transaction that `connection` is in.
pub(super) async fn bring_in(
    connection: &mut Connection,
    zone: &Zone,
    file: &SiteFile,
    mode: ImportMode,
) -> Result<()> {
    if mode == ImportMode::Replace {
        for statement in sql::CLEAR {
            sqlx::query(statement).execute(&mut *connection).await?;
        }
    }
    match (&file.settings, mode) {
        (Some(settings), _) => put_settings(connection, settings).await?,
        (None, ImportMode::Replace) => put_settings(connection, &Settings::default()).await?,
        (None, ImportMode::Merge) => {}
    }
    for model in file.models.iter().flatten() {
        put_model(connection, model).await?;
    }
    for charge_point in file.charge_points.iter().flatten() {
        put_charge_point(connection, sql::PUT_CHARGE_POINT, charge_point).await?;
    }
    let known: HashMap<Identity, i32> = sqlx::query_as::<_, (i32, String)>(sql::CHARGE_POINT_IDS)
        .fetch_all(&mut *connection)
        .await?
        .into_iter()
        .map(|(id, text)| Ok((rows::identity(&text)?, id)))
        .collect::<Result<_>>()?;
    file.check_references(|identity| known.contains_key(identity))?;
    let states = file.states.iter().flatten().map(|row| {
        let last_contact = row.last_contact.map(|local| zone.instant(local));
        let state = ChargePointState { last_contact, ..row.state.clone() };
        Ok((ChargePointKey(key_of(&known, &row.charge_point)?), state))
    });
    super::batch::put_states(connection, &states.collect::<Result<Vec<_>>>()?).await?;
    let Some(sessions) = &file.sessions else {
        return rebuild_sums(connection).await;
    };
    let before: i64 = sqlx::query_scalar(sql::SESSION_COUNT).fetch_one(&mut *connection).await?;
    let many = usize::try_from(before).is_ok_and(|before| sessions.len() > before / 4);
    // Making an index anew is faster than putting in many rows one by one.
    let indexes = if many { drop_indexes(connection).await? } else { Vec::new() };
    let sums = put_sessions(connection, zone, &known, sessions, before > 0).await?;
    for index in indexes {
        sqlx::query(index).execute(&mut *connection).await?;
    }
    if before > 0 {
        // What the rows took the place of is not known.
        rebuild_sums(connection).await?;
    } else {
        sums.put(connection).await?;
    }
    if many {
        sqlx::query(AFTER_MANY).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Drops the indexes of the sessions, and gives the statements that make them again.
async fn drop_indexes(connection: &mut Connection) -> Result<Vec<AssertSqlSafe<String>>> {
    sqlx::query(BEFORE_MANY).execute(&mut *connection).await?;
    let indexes: Vec<(String, String)> = sqlx::query_as(SESSION_INDEXES).fetch_all(&mut *connection).await?;
    let mut again = Vec::new();
    for (name, statement) in indexes {
        // Safe: both come from our own migrations.
        sqlx::query(AssertSqlSafe(format!("DROP INDEX {name}"))).execute(&mut *connection).await?;
        again.push(AssertSqlSafe(statement));
    }
    Ok(again)
}

fn key_of(known: &HashMap<Identity, i32>, identity: &Identity) -> Result<i32> {
    known.get(identity).copied().ok_or_else(|| StoreError::Unknown(format!("charge point {identity}")))
}

async fn put_model(connection: &mut Connection, model: &Model) -> Result<()> {
    sqlx::query(sql::PUT_MODEL)
        .bind(&model.id)
        .bind(model.max_current)
        .bind(model.min_current)
        .bind(model.phases)
        .execute(connection)
        .await?;
    Ok(())
}

async fn put_sessions<'a>(
    connection: &mut Connection,
    zone: &Zone,
    known: &HashMap<Identity, i32>,
    sessions: &'a [SessionRow],
    replace: bool,
) -> Result<Sums> {
    let mut sums = Sums::default();
    let mut last_cycles: HashMap<i32, i32> = HashMap::new();
    let mut parts = sessions.chunks(SESSIONS_AT_ONCE);
    let mut next_part = || {
        let convert = |row: &'a SessionRow| {
            let charge_point = key_of(known, &row.charge_point)?;
            let last = last_cycles.entry(charge_point).or_default();
            *last = (*last).max(row.cycle.unwrap_or(0));
            let session = new_session(zone, charge_point, row);
            sums.add(&session);
            Ok(session)
        };
        parts.next().map(|part| part.iter().map(convert).collect::<Result<Vec<_>>>()).transpose()
    };
    let mut part = next_part()?;
    while let Some(sessions) = part {
        // While the database works on one part, the next one is made.
        let (stored, next) = futures::join!(insert_sessions(connection, &sessions, replace), async { next_part() });
        stored?;
        part = next?;
    }
    for (charge_point, cycle) in last_cycles {
        sqlx::query(sql::RAISE_LAST_CYCLE).bind(charge_point).bind(cycle).execute(&mut *connection).await?;
    }
    Ok(sums)
}

/// The sums by day of sessions on their way into an empty table: what `sql::REBUILD_SUMS` would find there.
#[derive(Default)]
struct Sums {
    /// Sessions and energy by charge point and day.
    counted: HashMap<(i32, i32), (i64, i64)>,
    /// By day, charge point, and whether they are finished.
    listed: HashMap<(i32, i32, bool), Listed>,
}

struct Listed {
    sessions: i64,
    energy_wh: i64,
    time_ms: i64,
    first_id: i32,
    last_id: i32,
}

impl Sums {
    fn add(&mut self, session: &NewSession<'_>) {
        if let Some(day) = session.counted_day {
            let (sessions, energy) = self.counted.entry((session.charge_point, day)).or_default();
            *sessions += 1;
            *energy += session.energy_wh;
        }
        let time = match (session.started_at, session.finished_at) {
            (Some(start), Some(finish)) => finish.saturating_sub(start).max(0),
            _ => 0,
        };
        let day = session.listed_day.unwrap_or(sql::NO_DAY);
        let listed = self.listed.entry((day, session.charge_point, session.finished_at.is_some())).or_insert(Listed {
            sessions: 0,
            energy_wh: 0,
            time_ms: 0,
            first_id: session.id,
            last_id: session.id,
        });
        listed.sessions += 1;
        listed.energy_wh += session.energy_wh;
        listed.time_ms += time;
        listed.first_id = listed.first_id.min(session.id);
        listed.last_id = listed.last_id.max(session.id);
    }

    async fn put(self, connection: &mut Connection) -> Result<()> {
        const AT_ONCE: usize = 1_000;
        let mut counted: Vec<_> = self.counted.into_iter().collect();
        counted.sort_unstable();
        for part in counted.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Database>::new(sql::PUT_ENERGY_BY_DAY);
            query.push_values(part, |mut row, ((charge_point, day), (sessions, energy))| {
                row.push_bind(*charge_point).push_bind(*day).push_bind(*sessions).push_bind(*energy);
            });
            query.build().persistent(false).execute(&mut *connection).await?;
        }
        let mut listed: Vec<_> = self.listed.into_iter().collect();
        listed.sort_unstable_by_key(|(key, _)| *key);
        for part in listed.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Database>::new(sql::PUT_SESSION_BY_DAY);
            query.push_values(part, |mut row, ((day, charge_point, finished), sum)| {
                row.push_bind(*day).push_bind(*charge_point).push_bind(*finished).push_bind(sum.sessions);
                row.push_bind(sum.energy_wh).push_bind(sum.time_ms).push_bind(sum.first_id).push_bind(sum.last_id);
            });
            query.build().persistent(false).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

fn new_session<'a>(zone: &Zone, charge_point: i32, row: &'a SessionRow) -> NewSession<'a> {
    let [queued_at, started_at, planned_finish, finished_at] =
        [row.queued_at, row.started_at, row.planned_finish, row.finished_at]
            .map(|local| local.map(|local| zone.instant(local)));
    let day = |at: Option<Timestamp>| at.map(|at| zone.day(at).0);
    NewSession {
        id: row.id.0,
        charge_point,
        cycle: row.cycle,
        queued_at: queued_at.map(|at| at.0),
        started_at: started_at.map(|at| at.0),
        planned_finish: planned_finish.map(|at| at.0),
        finished_at: finished_at.map(|at| at.0),
        energy_wh: row.energy.wh(),
        id_tag: row.id_tag.as_ref(),
        listed_day: day(finished_at.or(started_at).or(queued_at)),
        counted_day: day(finished_at.or(planned_finish)),
    }
}

/// Everything that a site file holds, within the transaction that `connection` is in.
pub(super) async fn take_out(connection: &mut Connection, zone: &Zone) -> Result<SiteFile> {
    let found = inventory(connection).await?;
    let mut identities: HashMap<ChargePointKey, Arc<Identity>> = HashMap::new();
    let mut charge_points = Vec::new();
    let mut states = Vec::new();
    for stored in found.charge_points {
        let identity = stored.charge_point.identity.clone();
        if let Some(mut state) = stored.state {
            let last_contact = state.last_contact.take().map(|at| zone.local(at));
            states.push(StateRow { charge_point: identity.clone(), state, last_contact });
        }
        identities.insert(stored.key, Arc::new(identity));
        charge_points.push(stored.charge_point);
    }
    let mut sessions = Vec::new();
    let mut tags: HashSet<Arc<str>> = HashSet::new();
    let mut stored = sqlx::query_as::<_, TransactionRow>(sql::ALL_SESSIONS).fetch(connection);
    while let Some(row) = stored.try_next().await? {
        let session = bmw_domain::record::Transaction::from(row);
        let identity = identities.get(&session.charge_point).ok_or_else(|| {
            StoreError::Corrupt(format!("transaction {} of a charge point that does not exist", session.id.0))
        })?;
        let local = |at: Option<Timestamp>| at.map(|at| zone.local(at));
        sessions.push(SessionRow {
            id: session.id,
            charge_point: Arc::clone(identity),
            cycle: session.cycle,
            queued_at: local(session.queued_at),
            started_at: local(session.started_at),
            planned_finish: local(session.planned_finish),
            finished_at: local(session.finished_at),
            energy: session.energy,
            id_tag: session.id_tag.as_deref().map(|tag| crate::site_file::shared(&mut tags, tag)),
        });
    }
    drop(stored);
    Ok(SiteFile {
        settings: Some(found.settings),
        models: Some(found.models),
        charge_points: Some(charge_points),
        states: Some(states),
        sessions: Some(sessions),
    })
}
