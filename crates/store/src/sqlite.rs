//! SQLite: one file in WAL mode, one writing connection, a few that only read.

use crate::rows::NewSession;
use crate::{OpenOptions, Opened, Result, Role, StoreError, Zone, sql};
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Pool};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[path = "shared/mod.rs"]
#[allow(clippy::duplicate_mod)] // on purpose: compiled once for each database
mod shared;

type Connection = sqlx::SqliteConnection;
type Database = sqlx::Sqlite;
type ThisStore = SqliteStore;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Takes the write lock at once: a transaction that reads first could not get it later.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
const BEGIN_SNAPSHOT: &str = "BEGIN";

/// Prepared statements that a connection keeps: those of the lists of a batch come in 32 lengths each, see `shared/batch.rs`.
const STATEMENTS: usize = 512;

/// Sessions in one `INSERT`. More of them are no faster, and 32 766 parameters are the most.
const SESSIONS_AT_ONCE: usize = 500;

/// The indexes of the sessions but that of the primary key: names, and statements that make them.
const SESSION_INDEXES: &str =
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'transaction' AND sql IS NOT NULL";

/// Room for the whole table of a large site: it is read again for each of its indexes.
const BEFORE_MANY: &str = "PRAGMA cache_size = -200000";
const AFTER_MANY: &str = "PRAGMA cache_size = -4096";

/// A site in a file.
pub(crate) struct SqliteStore {
    writer: Pool<Database>,
    readers: Pool<Database>,
    zone: Zone,
    journal: shared::meter::Journal,
    /// Held while the store lives; the system lets go of it however the process ends.
    lock: Mutex<Option<File>>,
}

impl SqliteStore {
    pub(crate) async fn open(options: &OpenOptions) -> Result<(Self, Opened)> {
        let path = path(&options.url)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
        }
        // By whatever link it is named: the lock stands beside the file itself.
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let lock = match options.role {
            Role::Owner => Some(lock(&path)?),
            Role::Reader => None,
        };
        let connect = SqliteConnectOptions::new()
            .filename(&path)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let write = connect
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered is on the disk.
            .synchronous(SqliteSynchronous::Full)
            // Seldom: a checkpoint holds up those who wait for an answer.
            .pragma("wal_autocheckpoint", "8000")
            // After an import the log is as large as the database.
            .pragma("journal_size_limit", "67108864")
            .pragma("cache_size", "-4096")
            .optimize_on_close(true, 400);
        let read = connect.read_only(true).pragma("cache_size", "-1024");
        let writer = pool(1).connect_with(write).await?;
        let (zone, opened) = shared::prepare(&mut *writer.acquire().await?, options).await?;
        let readers = pool(4).connect_lazy_with(read);
        Ok((Self { writer, readers, zone, journal: shared::meter::Journal::default(), lock: Mutex::new(lock) }, opened))
    }

    /// The lock on a file cannot be lost.
    async fn check_ownership(&self) -> Result<()> {
        std::future::ready(Ok(())).await
    }

    async fn release(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        std::future::ready(()).await;
    }
}

/// Connections to a file do not go stale, and their prepared statements are worth keeping.
///
/// Where the disk is full, SQLite itself takes a transaction back, and the rollback that follows fails. The connection then
/// believes for ever that it is in a transaction: it is replaced.
fn pool(connections: u32) -> PoolOptions<Database> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection: &mut Connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// The file of `sqlite://PATH`: the path as it stands there, relative or absolute.
fn path(url: &str) -> Result<PathBuf> {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(StoreError::Url("must name a file: sqlite://PATH"));
    }
    Ok(PathBuf::from(path))
}

fn file_error(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::File { path: path.display().to_string(), source }
}

/// Takes the site for this process. The lock is on a file of its own: SQLite locks the database's by other rules.
fn lock(database: &Path) -> Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| file_error(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(std::fs::TryLockError::Error(source)) => Err(file_error(&path, source)),
    }
}

/// Puts in sessions of a site file; with `replace`, in the place of those with the same ids.
async fn insert_sessions(connection: &mut Connection, sessions: &[NewSession<'_>], replace: bool) -> Result<()> {
    const ROW: &str = "(?,?,?,?,?,?,?,?,?,?,?)";
    let mut statement = String::with_capacity(sessions.len() * (ROW.len() + 1) + 1_000);
    statement.push_str(
        "INSERT INTO \"transaction\" (id, charge_point, cycle, queued_at, started_at, planned_finish, finished_at, \
         energy_wh, id_tag, listed_day, counted_day) VALUES ",
    );
    for index in 0..sessions.len() {
        if index > 0 {
            statement.push(',');
        }
        statement.push_str(ROW);
    }
    if replace {
        statement.push_str(sql::OR_REPLACE_SESSION);
    }
    // Safe: placeholders alone.
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for session in sessions {
        query = query
            .bind(session.id)
            .bind(session.charge_point)
            .bind(session.cycle)
            .bind(session.queued_at)
            .bind(session.started_at)
            .bind(session.planned_finish)
            .bind(session.finished_at)
            .bind(session.energy_wh)
            .bind(session.id_tag)
            .bind(session.listed_day)
            .bind(session.counted_day);
    }
    query.execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod testing {
    /// Asks how a statement would be run.
    pub(super) const EXPLAIN: &str = "EXPLAIN QUERY PLAN ";
    /// The column of the answer that says it.
    pub(super) const PLAN: usize = 3;
    pub(super) const PREPARE: &str = "SELECT 1";

    #[allow(clippy::unnecessary_wraps)] // the other database may not be installed
    pub(super) fn database(folder: &std::path::Path) -> Option<String> {
        Some(format!("sqlite://{}", folder.join("site.db").display()))
    }

    /// Whether a line of a plan reads rows that nobody asked for, or sorts them.
    pub(super) fn is_costly(line: &str) -> bool {
        let scans = ["transaction", "m", "l", "audit"].iter().any(|table| line.starts_with(&format!("SCAN {table}")));
        scans && !line.contains(" INDEX ") || line.contains("TEMP B-TREE FOR ORDER BY")
    }

    #[test]
    fn paths_are_taken_as_they_stand() {
        for (url, path) in [
            ("sqlite://bmw.db", "bmw.db"),
            ("sqlite:bmw.db", "bmw.db"),
            ("sqlite:///var/lib/bmw/a b%20?.db", "/var/lib/bmw/a b%20?.db"),
        ] {
            assert_eq!(super::path(url).unwrap(), std::path::Path::new(path));
        }
    }
}
