//! The store's methods, for one database. This module is compiled twice, as a child of `sqlite` and of `postgres`: what
//! `super` gives is all that differs (types, how a transaction begins, how many rows are put in at once).

mod accounts;
mod alerts;
mod audit;
mod batch;
mod charger_passwords;
mod diagnostics;
mod import;
pub(crate) mod meter;
#[cfg(test)]
mod plans;

use super::{BEGIN_SNAPSHOT, BEGIN_WRITE, Connection, Database, MIGRATOR, ThisStore};
use crate::accounts::{AccountRow, sql as account_sql};
use crate::rows::{
    self, CardRow, ChargePointRow, CommandRow, ConnectorRow, DayEnergyRow, DistributionRow, FindingRow, HappeningRow,
    LimitsRow, ModelRow, SessionRow, SettingsRow, StateRow, TotalsRow, TransactionRow, WiringRow,
};
use crate::site_file::SiteFile;
use crate::sql;
use crate::{
    AccountInventory, AlertFilter, AlertInventory, AlertPlace, AuditEntry, AuditFilter, AuditPlace, Batch, DayEnergy,
    FramePart, ImportMode, Inventory, NewAccount, NewCommand, NewSecondFactor, NewSignIn, NewToken, OpenOptions,
    Opened, Result, Role, SecretHash, SessionFilter, SessionPage, Store, StoreError, StoredAccount, StoredAudit,
    StoredChargePoint, StoredChargerPassword, Zone,
};
use async_trait::async_trait;
use audit::add as add_audit;
use bmw_domain::account::AccountKey;
use bmw_domain::alert::Alert;
use bmw_domain::calendar::{Day, Timestamp};
use bmw_domain::charger::card::{Card, IdTag};
use bmw_domain::charger::event::Start;
use bmw_domain::charger::limit::Limits;
use bmw_domain::charger::{Connector, Finding, Happening, Session};
use bmw_domain::command::{Command, CommandState};
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_domain::distribution::{Distribution, Wiring};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::{Peak, Peaks};
use bmw_domain::record::{
    ChargePoint, ChargePointKey, ChargePointState, MeterValue, Model, Transaction, TransactionId,
};
use bmw_domain::settings::Settings;
use sqlx::QueryBuilder;
use sqlx::migrate::MigrateError;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

type DatabaseTransaction = sqlx::Transaction<'static, Database>;

/// Brings a database to the present schema, makes the site if there is none, and settles its zone.
pub(crate) async fn prepare(connection: &mut Connection, options: &OpenOptions) -> Result<(Zone, Opened)> {
    MIGRATOR.run(&mut *connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::Newer(version),
        error => StoreError::Migration(error),
    })?;
    let created = create_site(connection, options.zone.as_ref()).await?;
    if options.role == Role::Owner {
        let mut tx = begin_write_on(connection).await?;
        meter::move_old(&mut tx).await?;
        tx.commit().await?;
    }
    let name: String = sqlx::query_scalar(sql::ZONE).fetch_one(&mut *connection).await?;
    let stored = Zone::named(&name)?;
    let wanted = options.zone.as_ref().filter(|wanted| **wanted != stored && options.role == Role::Owner);
    let Some(wanted) = wanted else {
        return Ok((stored, Opened { created, zone_changed_from: None }));
    };
    change_zone(connection, &stored, wanted).await?;
    Ok((wanted.clone(), Opened { created, zone_changed_from: Some(name) }))
}

/// Whether the site was made: there was none.
async fn create_site(connection: &mut Connection, zone: Option<&Zone>) -> Result<bool> {
    let exists: Option<String> = sqlx::query_scalar(sql::ZONE).fetch_optional(&mut *connection).await?;
    if exists.is_some() {
        return Ok(false);
    }
    let zone = zone.cloned().unwrap_or_else(Zone::of_machine);
    // The one clock that the store reads: it only says when the database came to be.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut tx = begin_write_on(connection).await?;
    let made = sqlx::query(sql::CREATE_SITE)
        .bind(zone.name())
        .bind(i64::try_from(now).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await?
        .rows_affected();
    if made > 0 {
        put_settings(&mut tx, &Settings::default()).await?;
    }
    tx.commit().await?;
    Ok(made > 0)
}

/// Moves every session to its days in another zone, and the sums with them.
async fn change_zone(connection: &mut Connection, old: &Zone, zone: &Zone) -> Result<()> {
    const PART: usize = 5_000;
    let mut tx = begin_write_on(connection).await?;
    let mut last = 0_i32;
    loop {
        let part: Vec<Transaction> = sqlx::query_as::<_, TransactionRow>(sql::SESSIONS_AFTER)
            .bind(last)
            .bind(i64::try_from(PART).unwrap_or(i64::MAX))
            .fetch_all(&mut *tx)
            .await?
            .into_iter()
            .map(Transaction::from)
            .collect();
        let Some(newest) = part.last() else { break };
        last = newest.id.0;
        let moved = part.iter().filter(|session| {
            listed_day(old, session) != listed_day(zone, session)
                || counted_day(old, session) != counted_day(zone, session)
        });
        let mut moved = moved.peekable();
        if moved.peek().is_none() {
            continue;
        }
        let mut update = QueryBuilder::<Database>::new("WITH moved (id, listed_day, counted_day) AS (");
        update.push_values(moved, |mut row, session| {
            row.push_bind(session.id.0);
            row.push_bind(listed_day(zone, session));
            row.push_bind(counted_day(zone, session));
        });
        update.push(
            ") UPDATE \"transaction\" SET listed_day = moved.listed_day, counted_day = moved.counted_day \
             FROM moved WHERE \"transaction\".id = moved.id",
        );
        update.build().execute(&mut *tx).await?;
    }
    rebuild_sums(&mut tx).await?;
    sqlx::query(sql::SET_ZONE).bind(zone.name()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn begin_write_on(connection: &mut Connection) -> Result<sqlx::Transaction<'_, Database>> {
    use sqlx::Connection as _;
    Ok(connection.begin_with(BEGIN_WRITE).await?)
}

async fn rebuild_sums(connection: &mut Connection) -> Result<()> {
    for statement in sql::REBUILD_SUMS {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

fn listed_day(zone: &Zone, session: &Transaction) -> Option<i32> {
    session.listed_at().map(|at| zone.day(at).0)
}

fn counted_day(zone: &Zone, session: &Transaction) -> Option<i32> {
    session.counted_at().map(|at| zone.day(at).0)
}

async fn settings(connection: &mut Connection) -> Result<Settings> {
    sqlx::query_as::<_, SettingsRow>(sql::SETTINGS).fetch_one(connection).await?.try_into()
}

async fn put_settings(connection: &mut Connection, settings: &Settings) -> Result<()> {
    sqlx::query(sql::PUT_SETTINGS)
        .bind(&settings.card_reader_port)
        .bind(i32::from(settings.installation_year))
        .bind(i32::from(settings.installation_month))
        .bind(settings.current_distribution)
        .bind(&settings.meter_port)
        .bind(settings.phase_sequence.to_string())
        .bind(i32::from(settings.currency))
        .bind(settings.energy_step)
        .bind(rows::stored_setting(settings.time_step))
        .bind(rows::stored_setting(settings.priority_per_energy_step))
        .bind(rows::stored_setting(settings.priority_per_time_step))
        .bind(settings.energy_per_count)
        .bind(settings.internal_testing)
        .bind(rows::stored_setting(settings.max_current[0]))
        .bind(rows::stored_setting(settings.max_current[1]))
        .bind(rows::stored_setting(settings.max_current[2]))
        .execute(connection)
        .await?;
    Ok(())
}

/// Where nobody has said anything, what usually holds.
async fn distribution(connection: &mut Connection) -> Result<Distribution> {
    let row = sqlx::query_as::<_, DistributionRow>(sql::DISTRIBUTION).fetch_optional(connection).await?;
    row.map_or_else(|| Ok(Distribution::default()), TryInto::try_into)
}

async fn wirings(connection: &mut Connection) -> Result<Vec<(ChargePointKey, Wiring)>> {
    let rows = sqlx::query_as::<_, WiringRow>(sql::WIRINGS).fetch_all(connection).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

async fn put_distribution(connection: &mut Connection, settings: &Distribution) -> Result<()> {
    sqlx::query(sql::PUT_DISTRIBUTION)
        .bind(i32::from(settings.headroom))
        .bind(i32::from(settings.safe))
        .bind(i32::from(settings.turn))
        .bind(settings.has_meter)
        .execute(connection)
        .await?;
    Ok(())
}

async fn put_wiring(connection: &mut Connection, key: ChargePointKey, wiring: &Wiring) -> Result<()> {
    sqlx::query(sql::PUT_WIRING)
        .bind(key.0)
        .bind(wiring.sequence.map(|sequence| sequence.to_string()))
        .bind(wiring.reports_rotated)
        .bind(wiring.cable.map(i32::from))
        .bind(wiring.most.map(i32::from))
        .bind(wiring.is_apart)
        .execute(connection)
        .await?;
    Ok(())
}

/// Runs one of the statements that put in a charge point, and gives its number.
async fn put_charge_point(
    connection: &mut Connection,
    statement: &'static str,
    charge_point: &ChargePoint,
) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar(statement)
        .bind(charge_point.identity.as_str())
        .bind(&charge_point.model_id)
        .bind(&charge_point.vendor)
        .bind(&charge_point.serial_number)
        .bind(&charge_point.firmware_version)
        .bind(charge_point.total_energy.map(Energy::wh))
        .bind(charge_point.total_time.map(ChargingTime::ms))
        .bind(&charge_point.ip)
        .bind(&charge_point.mac)
        .fetch_one(connection)
        .await
}

async fn inventory(connection: &mut Connection) -> Result<Inventory> {
    let models = sqlx::query_as::<_, ModelRow>(sql::MODELS).fetch_all(&mut *connection).await?;
    let states = sqlx::query_as::<_, StateRow>(sql::STATES).fetch_all(&mut *connection).await?;
    let mut states: HashMap<i32, ChargePointState> =
        states.into_iter().map(|row| (row.charge_point, row.into())).collect();
    let mut connectors: HashMap<i32, Vec<Connector>> = HashMap::new();
    for row in sqlx::query_as::<_, ConnectorRow>(sql::CONNECTORS).fetch_all(&mut *connection).await? {
        connectors.entry(row.charge_point).or_default().push(row.into());
    }
    let mut limits: HashMap<i32, Limits> = HashMap::new();
    for row in sqlx::query_as::<_, LimitsRow>(sql::LIMITS).fetch_all(&mut *connection).await? {
        limits.insert(row.charge_point, row.try_into()?);
    }
    let charge_points = sqlx::query_as::<_, ChargePointRow>(sql::CHARGE_POINTS).fetch_all(&mut *connection).await?;
    let charge_points = charge_points
        .into_iter()
        .map(|row| {
            Ok(StoredChargePoint {
                key: ChargePointKey(row.id),
                state: states.remove(&row.id),
                connectors: connectors.remove(&row.id).unwrap_or_default(),
                limits: limits.remove(&row.id).unwrap_or_default(),
                has_sessions: row.has_sessions,
                last_cycle: row.last_cycle,
                newest_start: row.newest_start.map(Timestamp),
                charge_point: row.try_into()?,
            })
        })
        .collect::<Result<_>>()?;
    let cards = sqlx::query_as::<_, CardRow>(sql::CARDS).fetch_all(&mut *connection).await?;
    let running = whole_running(&mut *connection).await?;
    let newest_readings = meter::journal(&mut *connection).await?;
    let last_session: Option<i32> = sqlx::query_scalar(sql::LAST_SESSION).fetch_one(&mut *connection).await?;
    Ok(Inventory {
        models: models.into_iter().map(Model::from).collect(),
        charge_points,
        settings: settings(&mut *connection).await?,
        cards: cards.into_iter().map(Card::try_from).collect::<Result<_>>()?,
        running,
        newest_readings,
        last_session: last_session.unwrap_or(0),
        peaks: peaks(&mut *connection).await?,
        distribution: distribution(&mut *connection).await?,
        wirings: wirings(&mut *connection).await?,
        last_batch: sqlx::query_scalar(sql::LAST_BATCH).fetch_one(connection).await?,
    })
}

async fn peaks(connection: &mut Connection) -> Result<Peaks> {
    let mut peaks = Peaks::default();
    for (phase, amperes, at) in sqlx::query_as::<_, (i32, f64, i64)>(sql::PEAKS).fetch_all(connection).await? {
        let place = usize::try_from(phase).ok().and_then(|phase| peaks.0.get_mut(phase));
        let place = place.ok_or_else(|| StoreError::Corrupt(format!("a peak of phase number {phase}")))?;
        *place = Some(Peak { amperes, at: Timestamp(at) });
    }
    Ok(peaks)
}

/// The running sessions, each from its newest reading on.
async fn whole_running(connection: &mut Connection) -> Result<Vec<Session>> {
    let rows = sqlx::query_as::<_, SessionRow>(sql::WHOLE_RUNNING).fetch_all(&mut *connection).await?;
    let mut sessions: Vec<Session> = rows.into_iter().map(Session::from).collect();
    // Each carries its session on a little further.
    for reading in &meter::newest_of_running(connection, &sessions).await? {
        let place = reading
            .value
            .transaction
            .and_then(|id| sessions.binary_search_by_key(&id, |session| session.transaction.id).ok());
        if let Some(place) = place {
            rows::carry_on(&mut sessions[place], reading);
        }
    }
    Ok(sessions)
}

/// What narrows a list of sessions in both of its forms: the totals by day, and the sessions themselves.
fn filter_days(
    query: &mut QueryBuilder<Database>,
    filter: &SessionFilter,
    day: &'static str,
    finished: [&'static str; 2],
) {
    if let Some(ChargePointKey(key)) = filter.charge_point {
        query.push(" AND charge_point = ").push_bind(key);
    }
    if filter.from.is_some() || filter.to.is_some() {
        let from = filter.from.unwrap_or(*Day::RANGE.start()).max(*Day::RANGE.start());
        let to = filter.to.unwrap_or(*Day::RANGE.end());
        query.push(" AND ").push(day).push(" BETWEEN ").push_bind(from.0).push(" AND ").push_bind(to.0);
    }
    if let Some(wanted) = filter.finished {
        query.push(" AND ").push(finished[usize::from(wanted)]);
    }
}

/// As [`filter_days`], for the sessions. The plus keeps both databases from walking the index of days, in which
/// the ids are in no order.
fn filter_sessions(query: &mut QueryBuilder<Database>, filter: &SessionFilter) {
    filter_days(query, filter, "+listed_day", ["finished_at IS NULL", "finished_at IS NOT NULL"]);
    if let Some(tag) = &filter.id_tag {
        query.push(" AND id_tag IS NOT NULL AND lower(id_tag) = ").push_bind(tag.to_ascii_lowercase());
    }
}

/// Asks for the totals of a list of sessions: of the sums by day, or for one card of its sessions.
fn push_totals(query: &mut QueryBuilder<Database>, filter: &SessionFilter) {
    const SUMS: &str = "CAST(coalesce(sum(energy_wh), 0) AS BIGINT) AS energy_wh, ";
    if filter.id_tag.is_some() {
        query.push("SELECT count(*) AS sessions, ").push(SUMS).push(
            "CAST(coalesce(sum(CASE WHEN finished_at > started_at THEN finished_at - started_at ELSE 0 END), 0) \
             AS BIGINT) AS time_ms, min(id) AS first_id, max(id) AS last_id FROM \"transaction\" WHERE true",
        );
        filter_sessions(query, filter);
    } else {
        query.push("SELECT CAST(coalesce(sum(sessions), 0) AS BIGINT) AS sessions, ").push(SUMS).push(
            "CAST(coalesce(sum(time_ms), 0) AS BIGINT) AS time_ms, min(first_id) AS first_id, \
             max(last_id) AS last_id FROM session_by_day WHERE true",
        );
        filter_days(query, filter, "day", ["NOT finished", "finished"]);
    }
}

/// Asks for a list of sessions between two ids, newest first.
fn push_page(
    query: &mut QueryBuilder<Database>,
    filter: &SessionFilter,
    ids: std::ops::RangeInclusive<i32>,
    limit: u32,
) {
    query.push(concat!("SELECT ", sql::transaction_columns!(), " FROM \"transaction\" WHERE id BETWEEN "));
    query.push_bind(*ids.start()).push(" AND ").push_bind(*ids.end());
    filter_sessions(query, filter);
    query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
}

/// A statement that failed because a row which it refers to is not there.
fn unknown_parent(error: sqlx::Error, what: &str) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_foreign_key_violation() => StoreError::Unknown(what.to_owned()),
        _ => StoreError::Database(error),
    }
}

impl ThisStore {
    async fn begin_write(&self) -> Result<DatabaseTransaction> {
        Ok(self.writer.begin_with(BEGIN_WRITE).await?)
    }

    /// A transaction that reads one state of the database, whatever is written meanwhile.
    async fn begin_snapshot(&self) -> Result<DatabaseTransaction> {
        Ok(self.readers.begin_with(BEGIN_SNAPSHOT).await?)
    }

    /// The sessions that a query without parameters, or with one, selects.
    async fn sessions(&self, statement: &'static str, parameter: Option<i64>) -> Result<Vec<Transaction>> {
        let mut query = sqlx::query_as::<_, TransactionRow>(statement);
        if let Some(parameter) = parameter {
            query = query.bind(parameter);
        }
        Ok(query.fetch_all(&self.readers).await?.into_iter().map(Transaction::from).collect())
    }
}

#[async_trait]
impl Store for ThisStore {
    async fn ping(&self) -> Result<()> {
        sqlx::query(sql::ZONE).fetch_one(&self.readers).await?;
        self.check_ownership().await
    }

    fn zone(&self) -> &Zone {
        &self.zone
    }

    async fn inventory(&self) -> Result<Inventory> {
        let mut tx = self.begin_snapshot().await?;
        let found = inventory(&mut tx).await?;
        tx.commit().await?;
        Ok(found)
    }

    async fn save_settings(&self, settings: &Settings, audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        put_settings(&mut tx, settings).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save_distribution(&self, settings: &Distribution, audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        put_distribution(&mut tx, settings).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn save_wiring(&self, charge_point: ChargePointKey, wiring: &Wiring, audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        put_wiring(&mut tx, charge_point, wiring).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn add_moment(&self, at: Timestamp, moment: &[u8], forget: Timestamp) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql::ADD_MOMENT).bind(at.0).bind(moment).execute(&mut *tx).await?;
        sqlx::query(sql::FORGET_MOMENTS).bind(forget.0).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn moments(&self, from: Timestamp, to: Timestamp, limit: u32) -> Result<Vec<(Timestamp, Vec<u8>)>> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql::MOMENTS)
            .bind(from.0)
            .bind(to.0)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(|(at, moment)| (Timestamp(at), moment)).collect())
    }

    async fn last_moment(&self) -> Result<Option<Vec<u8>>> {
        Ok(sqlx::query_scalar(sql::LAST_MOMENT).fetch_optional(&self.readers).await?)
    }

    async fn energy_by_day(&self) -> Result<Vec<DayEnergy>> {
        let sums = sqlx::query_as::<_, DayEnergyRow>(sql::ENERGY_BY_DAY).fetch_all(&self.readers).await?;
        Ok(sums.into_iter().map(DayEnergy::from).collect())
    }

    async fn rebuild_energy_by_day(&self) -> Result<()> {
        let mut tx = self.begin_write().await?;
        rebuild_sums(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn sessions_of_day(&self, day: Day) -> Result<Vec<Transaction>> {
        self.sessions(sql::SESSIONS_OF_DAY, Some(day.0.into())).await
    }

    async fn days_with_sessions(&self, charge_point: Option<ChargePointKey>, from: Day, to: Day) -> Result<Vec<Day>> {
        // The days that can be written, without the mark of those sessions that are listed on none.
        let from = from.max(*Day::RANGE.start());
        let statement = charge_point.map_or(sql::DAYS_WITH_SESSIONS, |_| sql::DAYS_WITH_SESSIONS_OF);
        let mut query = sqlx::query_scalar::<_, i32>(statement).bind(from.0).bind(to.0);
        if let Some(ChargePointKey(key)) = charge_point {
            query = query.bind(key);
        }
        Ok(query.fetch_all(&self.readers).await?.into_iter().map(Day).collect())
    }

    async fn recent_sessions(&self, limit: u32) -> Result<Vec<Transaction>> {
        self.sessions(sql::RECENT_SESSIONS, Some(limit.into())).await
    }

    async fn session_count(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(sql::SESSION_COUNT).fetch_one(&self.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn session(&self, id: TransactionId) -> Result<Option<Transaction>> {
        Ok(self.sessions(sql::SESSION, Some(id.0.into())).await?.pop())
    }

    async fn find_sessions(
        &self,
        filter: &SessionFilter,
        before: Option<TransactionId>,
        limit: u32,
    ) -> Result<SessionPage> {
        let mut tx = self.begin_snapshot().await?;
        let mut query = QueryBuilder::default();
        push_totals(&mut query, filter);
        let totals: TotalsRow = query.build_query_as().fetch_one(&mut *tx).await?;
        let mut sessions = Vec::new();
        if let (Some(first), Some(last)) = (totals.first_id, totals.last_id) {
            let last = before.map_or(last, |before| last.min(before.0.saturating_sub(1)));
            let mut query = QueryBuilder::default();
            push_page(&mut query, filter, first..=last, limit);
            let found: Vec<TransactionRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            sessions = found.into_iter().map(Transaction::from).collect();
        }
        tx.commit().await?;
        Ok(SessionPage {
            sessions,
            count: u64::try_from(totals.sessions).unwrap_or(0),
            energy: Energy::from_wh(totals.energy_wh),
            time: ChargingTime::from_ms(totals.time_ms),
        })
    }

    async fn running_sessions(&self) -> Result<Vec<Transaction>> {
        self.sessions(sql::RUNNING_SESSIONS, None).await
    }

    async fn meter_values(
        &self,
        charge_point: ChargePointKey,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<MeterValue>> {
        let mut tx = self.begin_snapshot().await?;
        let span = meter::Span { charge_point, from, to };
        meter::newest(&mut tx, span, usize::try_from(limit).unwrap_or(usize::MAX)).await
    }

    async fn meter_values_of(&self, transaction: TransactionId) -> Result<Vec<MeterValue>> {
        let mut tx = self.begin_snapshot().await?;
        let row = sqlx::query_as::<_, SessionRow>(sql::WHOLE_SESSION).bind(transaction.0);
        match row.fetch_optional(&mut *tx).await? {
            Some(row) => meter::of_session(&mut tx, &row.into()).await,
            None => Ok(Vec::new()),
        }
    }

    async fn latest_meter_values(&self, since: Timestamp) -> Result<Vec<MeterValue>> {
        let mut tx = self.begin_snapshot().await?;
        meter::latest(&mut tx, since).await
    }

    async fn add_charge_point(&self, charge_point: &ChargePoint, audit: Option<&AuditEntry>) -> Result<ChargePointKey> {
        let mut tx = self.begin_write().await?;
        let key = put_charge_point(&mut tx, sql::ADD_CHARGE_POINT, charge_point).await.map_err(|error| match error
            .as_database_error()
        {
            Some(database) if database.is_unique_violation() => {
                StoreError::Exists(format!("charge point {}", charge_point.identity))
            }
            _ => StoreError::Database(error),
        })?;
        if let Some(audit) = audit {
            add_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(ChargePointKey(key))
    }

    async fn write(&self, batch: &Batch) -> Result<()> {
        let mut tx = self.begin_write().await?;
        if batch::write(&mut tx, &self.zone, &self.journal, batch).await? {
            tx.commit().await?;
        }
        Ok(())
    }

    async fn session_begun(&self, charge_point: ChargePointKey, start: &Start) -> Result<Option<Session>> {
        let row = sqlx::query_as::<_, SessionRow>(sql::SESSION_BEGUN)
            .bind(charge_point.0)
            .bind(start.time.own().0)
            .bind(start.register)
            .bind(start.connector)
            .bind(start.id_tag.to_ascii_lowercase());
        Ok(row.fetch_optional(&self.readers).await?.map(Session::from))
    }

    async fn whole_session(&self, id: TransactionId) -> Result<Option<Session>> {
        let row = sqlx::query_as::<_, SessionRow>(sql::WHOLE_SESSION).bind(id.0);
        Ok(row.fetch_optional(&self.readers).await?.map(Session::from))
    }

    async fn findings(&self, charge_point: Option<ChargePointKey>, limit: u32) -> Result<Vec<Finding>> {
        let statement = charge_point.map_or(sql::FINDINGS, |_| sql::FINDINGS_OF);
        let mut query = sqlx::query_as::<_, FindingRow>(statement).bind(i64::from(limit));
        if let Some(ChargePointKey(key)) = charge_point {
            query = query.bind(key);
        }
        query.fetch_all(&self.readers).await?.into_iter().map(Finding::try_from).collect()
    }

    async fn happenings(&self, charge_point: ChargePointKey, limit: u32) -> Result<Vec<Happening>> {
        let rows = sqlx::query_as::<_, HappeningRow>(sql::HAPPENINGS).bind(charge_point.0).bind(i64::from(limit));
        rows.fetch_all(&self.readers).await?.into_iter().map(Happening::try_from).collect()
    }

    async fn add_frames(&self, parts: &[FramePart]) -> Result<()> {
        let mut tx = self.begin_write().await?;
        batch::add_frames(&mut tx, parts).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn prune_frames(&self, charge_point: ChargePointKey, frames: i64) -> Result<i64> {
        let mut tx = self.begin_write().await?;
        let newest_over: Option<i64> =
            sqlx::query_scalar(sql::NEWEST_FRAMES_OVER).bind(charge_point.0).bind(frames).fetch_one(&mut *tx).await?;
        let gone: Vec<i64> = match newest_over {
            Some(id) => sqlx::query_scalar(sql::PRUNE_FRAMES).bind(charge_point.0).bind(id).fetch_all(&mut *tx).await?,
            None => Vec::new(),
        };
        tx.commit().await?;
        Ok(gone.iter().sum())
    }

    async fn drop_oldest_frames(&self, parts: u32) -> Result<i64> {
        let mut tx = self.begin_write().await?;
        let gone: Vec<i64> =
            sqlx::query_scalar(sql::DROP_OLDEST_FRAMES).bind(i64::from(parts)).fetch_all(&mut *tx).await?;
        tx.commit().await?;
        Ok(gone.iter().sum())
    }

    async fn frame_bytes(&self) -> Result<i64> {
        Ok(sqlx::query_scalar(sql::FRAME_BYTES).fetch_one(&self.readers).await?)
    }

    async fn frames(
        &self,
        charge_point: ChargePointKey,
        before: Option<i64>,
        parts: u32,
    ) -> Result<Vec<(i64, FramePart)>> {
        let rows: Vec<(i64, i32, i32, Vec<u8>)> = sqlx::query_as(sql::FRAMES)
            .bind(charge_point.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(parts))
            .fetch_all(&self.readers)
            .await?;
        let part = |(id, key, frames, lines)| (id, FramePart { charge_point: ChargePointKey(key), frames, lines });
        Ok(rows.into_iter().map(part).collect())
    }

    async fn put_cards(&self, cards: &[Card], audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        for card in cards {
            sqlx::query(sql::PUT_CARD)
                .bind(card.tag.key())
                .bind(card.tag.as_str())
                .bind(card.group.as_ref().map(IdTag::as_str))
                .bind(card.is_blocked)
                .bind(card.expires_at.map(|at| at.0))
                .bind(&card.note)
                .execute(&mut *tx)
                .await?;
        }
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn remove_card(&self, tag: &IdTag, audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql::REMOVE_CARD).bind(tag.key()).execute(&mut *tx).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn add_command(&self, command: &NewCommand, audit: &AuditEntry) -> Result<Command> {
        let mut tx = self.begin_write().await?;
        let history = vec![(CommandState::Queued, command.at)];
        let id = sqlx::query_scalar(sql::ADD_COMMAND)
            .bind(command.charge_point.0)
            .bind(command.action.name())
            .bind(&command.arguments)
            .bind(CommandState::Queued.word())
            .bind(&command.key)
            .bind(command.at.0)
            .bind(rows::written_history(&history))
            .fetch_one(&mut *tx)
            .await
            .map_err(|error| match error.as_database_error() {
                Some(database) if database.is_unique_violation() => {
                    StoreError::Exists(format!("a pending {}", command.action.name()))
                }
                _ => unknown_parent(error, &format!("charge point number {}", command.charge_point.0)),
            })?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(Command {
            id,
            charge_point: command.charge_point,
            action: command.action,
            arguments: command.arguments.clone(),
            state: CommandState::Queued,
            result: None,
            history,
        })
    }

    async fn update_command(&self, command: &Command, audit: Option<&AuditEntry>) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql::UPDATE_COMMAND)
            .bind(command.id)
            .bind(command.state.word())
            .bind(&command.result)
            .bind(rows::written_history(&command.history))
            .bind(command.history.last().map_or(0, |(_, at)| at.0))
            .execute(&mut *tx)
            .await?;
        if let Some(audit) = audit {
            add_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn command(&self, id: i64) -> Result<Option<Command>> {
        let row = sqlx::query_as::<_, CommandRow>(sql::COMMAND).bind(id);
        row.fetch_optional(&self.readers).await?.map(Command::try_from).transpose()
    }

    async fn command_by_key(&self, key: &str) -> Result<Option<Command>> {
        let row = sqlx::query_as::<_, CommandRow>(sql::COMMAND_BY_KEY).bind(key);
        row.fetch_optional(&self.readers).await?.map(Command::try_from).transpose()
    }

    async fn commands_of(&self, charge_point: ChargePointKey, limit: u32) -> Result<Vec<Command>> {
        let rows = sqlx::query_as::<_, CommandRow>(sql::COMMANDS_OF).bind(charge_point.0).bind(i64::from(limit));
        rows.fetch_all(&self.readers).await?.into_iter().map(Command::try_from).collect()
    }

    async fn last_answers(&self, charge_point: ChargePointKey) -> Result<Vec<Command>> {
        let rows = sqlx::query_as::<_, CommandRow>(sql::LAST_ANSWERS).bind(charge_point.0);
        rows.fetch_all(&self.readers).await?.into_iter().map(Command::try_from).collect()
    }

    async fn open_commands(&self) -> Result<Vec<Command>> {
        let rows = sqlx::query_as::<_, CommandRow>(sql::OPEN_COMMANDS).fetch_all(&self.readers).await?;
        rows.into_iter().map(Command::try_from).collect()
    }

    async fn begin_diagnostics(&self, charge_point: ChargePointKey, command: i64) -> Result<i64> {
        diagnostics::begin(&mut *self.writer.acquire().await?, charge_point, command).await
    }

    async fn add_diagnostics_part(&self, file: i64, number: i32, bytes: &[u8]) -> Result<()> {
        let mut tx = self.begin_write().await?;
        diagnostics::add_part(&mut tx, file, number, bytes).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn finish_diagnostics(&self, file: i64, name: &FileName, at: Timestamp) -> Result<()> {
        diagnostics::finish(&mut *self.writer.acquire().await?, file, name, at).await
    }

    async fn diagnostics_of(&self, charge_point: ChargePointKey) -> Result<Vec<DiagnosticsFile>> {
        diagnostics::files(&self.readers, sql::DIAGNOSTICS_OF, charge_point.0.into()).await
    }

    async fn diagnostics_file(&self, file: i64) -> Result<Option<DiagnosticsFile>> {
        Ok(diagnostics::files(&self.readers, sql::DIAGNOSTICS_FILE, file).await?.pop())
    }

    async fn diagnostics_part(&self, file: i64, number: i32) -> Result<Option<Vec<u8>>> {
        let part = sqlx::query_scalar(sql::DIAGNOSTICS_PART).bind(file).bind(number);
        Ok(part.fetch_optional(&self.readers).await?)
    }

    async fn diagnostics_beyond(&self, files: i64, bytes: i64) -> Result<Vec<i64>> {
        let beyond = sqlx::query_scalar(sql::DIAGNOSTICS_BEYOND).bind(files).bind(bytes);
        Ok(beyond.fetch_all(&self.readers).await?)
    }

    async fn drop_diagnostics(&self, files: &[i64]) -> Result<()> {
        let mut tx = self.begin_write().await?;
        for file in files {
            sqlx::query(sql::DROP_DIAGNOSTICS).bind(*file).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn drop_unfinished_diagnostics(&self) -> Result<()> {
        sqlx::query(sql::DROP_UNFINISHED_DIAGNOSTICS).execute(&self.writer).await?;
        Ok(())
    }

    async fn sweep_diagnostics(&self, parts: u32) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let is_more = diagnostics::sweep(&mut tx, parts).await?;
        tx.commit().await?;
        Ok(is_more)
    }

    async fn import_by(&self, file: &SiteFile, mode: ImportMode, audit: Option<&AuditEntry>) -> Result<()> {
        let mut tx = self.begin_write().await?;
        import::bring_in(&mut tx, &self.zone, file, mode).await?;
        if let Some(audit) = audit {
            add_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn export(&self) -> Result<SiteFile> {
        let mut tx = self.begin_snapshot().await?;
        let file = import::take_out(&mut tx, &self.zone).await?;
        tx.commit().await?;
        Ok(file)
    }

    async fn is_empty(&self) -> Result<bool> {
        Ok(sqlx::query_scalar(sql::IS_EMPTY).fetch_one(&self.readers).await?)
    }

    async fn audit_log_page(
        &self,
        filter: &AuditFilter,
        before: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<StoredAudit>> {
        let mut connection = self.readers.acquire().await?;
        audit::page(&mut connection, filter, before, limit).await
    }

    async fn add_audit(&self, audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn accounts(&self) -> Result<AccountInventory> {
        let mut tx = self.begin_snapshot().await?;
        let inventory = accounts::inventory(&mut tx).await?;
        tx.commit().await?;
        Ok(inventory)
    }

    async fn account(&self, key: &str) -> Result<Option<StoredAccount>> {
        let row = sqlx::query_as::<_, AccountRow>(account_sql::ACCOUNT).bind(key);
        row.fetch_optional(&self.readers).await?.map(StoredAccount::try_from).transpose()
    }

    async fn add_account(&self, account: &NewAccount, audit: &AuditEntry) -> Result<AccountKey> {
        let mut tx = self.begin_write().await?;
        let key = accounts::add(&mut tx, account, audit).await?;
        tx.commit().await?;
        Ok(key)
    }

    async fn change_account(
        &self,
        account: &StoredAccount,
        end: &[i64],
        revoke: &[i64],
        audit: &AuditEntry,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        accounts::change(&mut tx, account, audit).await?;
        accounts::end_sign_ins(&mut tx, end, audit.at).await?;
        accounts::remove_tokens(&mut tx, revoke).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn set_second_factor(
        &self,
        account: AccountKey,
        factor: Option<&NewSecondFactor>,
        end: &[i64],
        audit: &AuditEntry,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        accounts::set_second_factor(&mut tx, account, factor).await?;
        accounts::end_sign_ins(&mut tx, end, audit.at).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn set_recovery_codes(&self, account: AccountKey, codes: &[SecretHash], audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        accounts::set_recovery_codes(&mut tx, account, codes).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn take_step(&self, account: AccountKey, step: i64) -> Result<bool> {
        let taken = sqlx::query(account_sql::TAKE_STEP).bind(account.0).bind(step).execute(&self.writer).await?;
        Ok(taken.rows_affected() > 0)
    }

    async fn take_recovery_code(&self, account: AccountKey, code: SecretHash, audit: &AuditEntry) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let is_taken = accounts::take_recovery_code(&mut tx, account, code).await?;
        if is_taken {
            add_audit(&mut tx, audit).await?;
            tx.commit().await?;
        }
        Ok(is_taken)
    }

    async fn add_sign_in(&self, sign_in: &NewSignIn, audit: &AuditEntry) -> Result<i64> {
        let mut tx = self.begin_write().await?;
        let id = accounts::add_sign_in(&mut tx, sign_in, audit).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn touch_sign_in(&self, id: i64, at: Timestamp) -> Result<()> {
        sqlx::query(account_sql::TOUCH_SIGN_IN).bind(id).bind(at.0).execute(&self.writer).await?;
        Ok(())
    }

    async fn end_sign_ins(&self, ids: &[i64], audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        accounts::end_sign_ins(&mut tx, ids, audit.at).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn forget_sign_ins(&self, ids: &[i64]) -> Result<()> {
        let mut tx = self.begin_write().await?;
        for id in ids {
            sqlx::query(account_sql::FORGET_SIGN_IN).bind(*id).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn add_token(&self, token: &NewToken, audit: &AuditEntry) -> Result<i64> {
        let mut tx = self.begin_write().await?;
        let id = accounts::add_token(&mut tx, token, audit).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn touch_token(&self, id: i64, at: Timestamp) -> Result<()> {
        sqlx::query(account_sql::TOUCH_TOKEN).bind(id).bind(at.0).execute(&self.writer).await?;
        Ok(())
    }

    async fn remove_tokens(&self, ids: &[i64], audit: &AuditEntry) -> Result<()> {
        let mut tx = self.begin_write().await?;
        accounts::remove_tokens(&mut tx, ids).await?;
        add_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn charger_passwords(&self) -> Result<Vec<(ChargePointKey, StoredChargerPassword)>> {
        charger_passwords::all(self).await
    }

    async fn put_charger_passwords(
        &self,
        charge_point: ChargePointKey,
        passwords: &[StoredChargerPassword],
        audit: &AuditEntry,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        charger_passwords::put(&mut tx, charge_point, passwords, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn alerts_to_watch(&self, since: Timestamp) -> Result<AlertInventory> {
        let mut tx = self.begin_snapshot().await?;
        alerts::to_watch(&mut tx, since).await
    }

    async fn put_alerts(&self, alerts: &[Alert], audit: Option<&AuditEntry>) -> Result<()> {
        let mut tx = self.begin_write().await?;
        alerts::put(&mut tx, alerts).await?;
        if let Some(audit) = audit {
            add_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn ended_alerts(&self, filter: AlertFilter, before: Option<AlertPlace>, limit: u32) -> Result<Vec<Alert>> {
        let mut connection = self.readers.acquire().await?;
        alerts::ended(&mut connection, filter, before, limit).await
    }

    async fn close(&self) {
        // The writer last: it is the one that tidies up.
        self.readers.close().await;
        self.writer.close().await;
        self.release().await;
    }
}
