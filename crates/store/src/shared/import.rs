//! The site file on its way into the database and out of it.

use super::super::{AFTER_MANY, BEFORE_MANY, Connection, SESSION_INDEXES, SESSIONS_AT_ONCE, insert_sessions};
use super::{inventory, put_charge_point, put_settings, put_state, rebuild_sums};
use crate::rows::{self, NewSession, TransactionRow};
use crate::site_file::{SessionRow, SiteFile, StateRow};
use crate::{ImportMode, Result, StoreError, Zone, sql};
use bmw_domain::calendar::Timestamp;
use bmw_domain::record::{ChargePointKey, ChargePointState, Identity, Model};
use bmw_domain::settings::Settings;
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;
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
    for row in file.states.iter().flatten() {
        let last_contact = row.last_contact.map(|local| zone.instant(local));
        let state = ChargePointState { last_contact, ..row.state.clone() };
        put_state(connection, key_of(&known, &row.charge_point)?, &state).await?;
    }
    if let Some(sessions) = &file.sessions {
        let before: i64 = sqlx::query_scalar(sql::SESSION_COUNT).fetch_one(&mut *connection).await?;
        if usize::try_from(before).is_ok_and(|before| sessions.len() > before / 4) {
            // Making an index anew is faster than putting in many rows one by one.
            sqlx::query(BEFORE_MANY).execute(&mut *connection).await?;
            let indexes = drop_indexes(connection).await?;
            put_sessions(connection, zone, &known, sessions).await?;
            for index in indexes {
                sqlx::query(index).execute(&mut *connection).await?;
            }
            rebuild_sums(connection).await?;
            sqlx::query(AFTER_MANY).execute(&mut *connection).await?;
            return Ok(());
        }
        put_sessions(connection, zone, &known, sessions).await?;
    }
    rebuild_sums(connection).await
}

/// Drops the indexes of the sessions, and gives the statements that make them again.
async fn drop_indexes(connection: &mut Connection) -> Result<Vec<AssertSqlSafe<String>>> {
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
) -> Result<()> {
    let mut last_cycles: HashMap<i32, i32> = HashMap::new();
    let mut parts = sessions.chunks(SESSIONS_AT_ONCE);
    let mut next_part = || {
        let convert = |row: &'a SessionRow| {
            let charge_point = key_of(known, &row.charge_point)?;
            let last = last_cycles.entry(charge_point).or_default();
            *last = (*last).max(row.cycle.unwrap_or(0));
            Ok(new_session(zone, charge_point, row))
        };
        parts.next().map(|part| part.iter().map(convert).collect::<Result<Vec<_>>>()).transpose()
    };
    let mut part = next_part()?;
    while let Some(sessions) = part {
        // While the database works on one part, the next one is made.
        let (stored, next) = futures::join!(insert_sessions(connection, &sessions), async { next_part() });
        stored?;
        part = next?;
    }
    for (charge_point, cycle) in last_cycles {
        sqlx::query(sql::RAISE_LAST_CYCLE).bind(charge_point).bind(cycle).execute(&mut *connection).await?;
    }
    Ok(())
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
