//! PostgreSQL: one writing connection, a few that only read, and one that holds the site.

use crate::rows::NewSession;
use crate::{OpenOptions, Opened, Result, Role, StoreError, Zone, sql};
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Pool};
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::Mutex;

#[path = "shared/mod.rs"]
#[allow(clippy::duplicate_mod)] // on purpose: compiled once for each database
mod shared;

type Connection = sqlx::PgConnection;
type Database = sqlx::Postgres;
type ThisStore = PostgresStore;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/postgres");

const BEGIN_WRITE: &str = "BEGIN";
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Prepared statements that a connection keeps: those of the lists of a batch come in 32 lengths each, see `shared/batch.rs`.
const STATEMENTS: usize = 512;

/// Sessions in one `INSERT`: each column travels as one array.
const SESSIONS_AT_ONCE: usize = 5_000;

/// The indexes of the sessions but that of the primary key: names, and statements that make them.
const SESSION_INDEXES: &str = "SELECT indexname::text, indexdef FROM pg_indexes \
     WHERE schemaname = current_schema() AND tablename = 'transaction' AND indexname <> 'transaction_pkey'";

/// Room to sort the keys of a large site.
const BEFORE_MANY: &str = "SET LOCAL maintenance_work_mem = '128MB'";
/// Without it, plans are made for the table as it was.
const AFTER_MANY: &str = "ANALYZE";

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes the site for this session of the database; the second number tells sites in schemas of one database apart.
const LOCK: &str = "SELECT pg_try_advisory_lock(1112364800, hashtext(current_schema()))";

/// How often the lock is tried, and the pause after each time.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A site in a PostgreSQL database.
pub(crate) struct PostgresStore {
    /// One, as with SQLite: numbers are given and sums are moved without a thought of others who write.
    writer: Pool<Database>,
    readers: Pool<Database>,
    zone: Zone,
    journal: shared::meter::Journal,
    /// The connection that holds the lock, and how to make it again.
    owner: Option<Mutex<Option<Connection>>>,
    connect: PgConnectOptions,
}

impl PostgresStore {
    pub(crate) async fn open(options: &OpenOptions) -> Result<(Self, Opened)> {
        let connect = PgConnectOptions::from_str(&options.url)?
            .application_name("bmw")
            // A server that cannot reach us any more lets go of the lock within a minute.
            .options([("tcp_keepalives_idle", "30"), ("tcp_keepalives_interval", "10"), ("tcp_keepalives_count", "3")])
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let mut connection = connect_once(&connect).await?;
        if options.role == Role::Owner {
            take_lock(&mut connection).await?;
        }
        let (zone, opened) = shared::prepare(&mut connection, options).await?;
        let owner = match options.role {
            Role::Owner => Some(Mutex::new(Some(connection))),
            Role::Reader => {
                connection.close().await?;
                None
            }
        };
        let writer = pool(1).connect_lazy_with(connect.clone());
        let readers = pool(4).connect_lazy_with(connect.clone());
        Ok((Self { writer, readers, zone, journal: shared::meter::Journal::default(), owner, connect }, opened))
    }

    /// That the lock is still held; where its connection was lost, it is taken anew.
    async fn check_ownership(&self) -> Result<()> {
        let Some(owner) = &self.owner else { return Ok(()) };
        let mut owner = owner.lock().await;
        if let Some(connection) = owner.as_mut()
            && matches!(tokio::time::timeout(PATIENCE, connection.ping()).await, Ok(Ok(())))
        {
            return Ok(());
        }
        let mut connection = connect_once(&self.connect).await?;
        take_lock(&mut connection).await?;
        *owner = Some(connection);
        Ok(())
    }

    async fn release(&self) {
        let Some(owner) = &self.owner else { return };
        if let Some(connection) = owner.lock().await.take()
            && let Err(error) = connection.close().await
        {
            // The lock goes with the connection in any case.
            tracing::debug!(%error, "closing the connection that held the site");
        }
    }
}

/// One connection, with the reason when there is none: a pool would only say that it waited.
async fn connect_once(connect: &PgConnectOptions) -> Result<Connection> {
    match tokio::time::timeout(PATIENCE, connect.connect()).await {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
    }
}

/// Takes the lock. Tried for a moment: on the server the session of one who has just ended outlives him a little.
async fn take_lock(connection: &mut Connection) -> Result<()> {
    for _ in 0..LOCK_TRIES {
        if sqlx::query_scalar(LOCK).fetch_one(&mut *connection).await? {
            return Ok(());
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Err(StoreError::InUse)
}

fn pool(connections: u32) -> PoolOptions<Database> {
    PoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE).idle_timeout(None)
}

/// Puts in sessions of a site file; with `replace`, in the place of those with the same ids.
async fn insert_sessions(connection: &mut Connection, sessions: &[NewSession<'_>], replace: bool) -> Result<()> {
    fn column<'s, 'a, T>(sessions: &'s [NewSession<'a>], value: impl Fn(&'s NewSession<'a>) -> T) -> Vec<T> {
        sessions.iter().map(value).collect()
    }
    let mut statement = String::from(
        "INSERT INTO \"transaction\" (id, charge_point, cycle, queued_at, started_at, planned_finish, finished_at, \
         energy_wh, id_tag, listed_day, counted_day) SELECT * FROM unnest($1::int[], $2::int[], $3::int[], \
         $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::int[], $11::int[])",
    );
    if replace {
        statement.push_str(sql::OR_REPLACE_SESSION);
    }
    // Safe: constants alone.
    sqlx::query(AssertSqlSafe(statement))
        .bind(column(sessions, |session| session.id))
        .bind(column(sessions, |session| session.charge_point))
        .bind(column(sessions, |session| session.cycle))
        .bind(column(sessions, |session| session.queued_at))
        .bind(column(sessions, |session| session.started_at))
        .bind(column(sessions, |session| session.planned_finish))
        .bind(column(sessions, |session| session.finished_at))
        .bind(column(sessions, |session| session.energy_wh))
        .bind(column(sessions, |session| session.id_tag.map(|tag| &**tag)))
        .bind(column(sessions, |session| session.listed_day))
        .bind(column(sessions, |session| session.counted_day))
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod testing {
    /// Asks how a statement would be run.
    pub(super) const EXPLAIN: &str = "EXPLAIN ";
    /// The column of the answer that says it.
    pub(super) const PLAN: usize = 0;
    /// On a small table it would read everything in any case.
    pub(super) const PREPARE: &str = "SET enable_seqscan = off";

    pub(super) fn database(_: &std::path::Path) -> Option<String> {
        bmw_testkit::postgres_database().unwrap()
    }

    /// Whether a line of a plan reads rows that nobody asked for.
    pub(super) fn is_costly(line: &str) -> bool {
        ["transaction", "meter_part", "audit"].iter().any(|table| line.contains(&format!("Seq Scan on {table}")))
    }
}
