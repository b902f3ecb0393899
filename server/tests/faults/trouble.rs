//! The database is in trouble for a while: charge points wait, or are let go without an answer.

use crate::fleet::Fleet;
use crate::program::{Database, Program};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// As short as it can be seen: the trouble is over as soon as the program has noticed it.
const NOTICED: Duration = Duration::ZERO;
/// Longer than the 30 s for which everything is borne; and longer than the 60 s after which connections are closed.
const LONG: Duration = Duration::from_secs(35);
const TOO_LONG: Duration = Duration::from_secs(75);
/// The pause before a server is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// Charge points at work.
const CHARGERS: usize = 12;

/// A fleet at work and its trouble, which must have upset nothing afterwards. How many messages were told again.
async fn survives(database: &Database, trouble: impl AsyncFnOnce(&Program, &mut Fleet)) -> u64 {
    let program = Program::start(database);
    let mut fleet = Fleet::start(CHARGERS);
    fleet.meets(program.address);
    fleet.is_answered(100).await;
    trouble(&program, &mut fleet).await;
    fleet.is_answered(100).await;
    fleet.end().await;
    println!("{} answers, {} messages told again", fleet.answers(), fleet.repeated());
    program.terminate();
    let store = database.open().await;
    fleet.agrees_with(&*store).await;
    store.close().await;
    fleet.repeated()
}

/// From the first failure on nothing is answered, as nothing is stored.
async fn is_silent_for(program: &Program, fleet: &Fleet, time: Duration) {
    program.warns(1).await;
    if time > NOTICED {
        // By the second one, what was answered before the first has come in: until then silence cannot be told.
        program.warns(1).await;
        let before = fleet.answers();
        tokio::time::sleep(time).await;
        assert_eq!(fleet.answers(), before, "what cannot be stored is not answered");
    }
}

/// Another process has the database to itself for a while.
async fn survives_a_lock_of(time: Duration) -> u64 {
    let database = Database::sqlite();
    survives(&database, async |program, fleet| {
        let mut other = SqliteConnection::connect(&database.url).await.unwrap();
        other.execute("PRAGMA busy_timeout = 60000").await.unwrap();
        other.execute("BEGIN EXCLUSIVE").await.unwrap();
        is_silent_for(program, fleet, time).await;
        other.execute("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    })
    .await
}

/// No file of the program can grow for a while.
async fn survives_full_files_for(time: Duration) -> u64 {
    let database = Database::sqlite();
    survives(&database, async |program, fleet| {
        let log = database.path().with_extension("db-wal");
        program.limit_files(Some(log.metadata().unwrap().len()));
        is_silent_for(program, fleet, time).await;
        program.limit_files(None);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_makes_charge_points_wait() {
    assert_eq!(survives_a_lock_of(NOTICED).await, 0, "nobody is let go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_charge_points_wait() {
    assert_eq!(survives_full_files_for(NOTICED).await, 0, "nobody is let go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_drops_its_connections_makes_charge_points_wait() {
    let Some(database) = Database::postgres() else { return };
    let repeated = survives(&database, async |_, fleet| {
        for _ in 0..10 {
            let mut other = PgConnection::connect(&database.url).await.unwrap();
            let ended: Vec<bool> = sqlx::query_scalar(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bmw'",
            )
            .fetch_all(&mut other)
            .await
            .unwrap();
            assert!(!ended.is_empty());
            other.close().await.unwrap();
            fleet.is_answered(30).await;
        }
    })
    .await;
    assert_eq!(repeated, 0, "nobody is let go");
}

/// A lock on its tables is no failure to a server: who asks waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_whose_tables_are_locked_makes_charge_points_wait() {
    let Some(database) = Database::postgres() else { return };
    let repeated = survives(&database, async |_, fleet| {
        let mut other = PgConnection::connect(&database.url).await.unwrap();
        let mut lock = other.begin().await.unwrap();
        // One table, so that nobody waits for somebody who waits for him.
        lock.execute("LOCK TABLE charge_point_state IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'bmw' AND datname = current_database() AND NOT granted";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut *lock).await.unwrap() == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        // Of each charge point one answer may be on its way; all that is told then waits.
        let before = fleet.answers();
        for _ in 0..10 {
            tokio::time::sleep(PAUSE).await;
            assert_ne!(sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut *lock).await.unwrap(), 0);
        }
        assert!(fleet.answers() <= before + CHARGERS as u64, "what cannot be stored is not answered");
        lock.rollback().await.unwrap();
        other.close().await.unwrap();
    })
    .await;
    assert_eq!(repeated, 0, "nobody is let go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_locked_for_35_s_makes_charge_points_wait() {
    assert_eq!(survives_a_lock_of(LONG).await, 0, "nobody is let go");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, see cargo xtask faults"]
async fn a_database_that_is_locked_for_75_s_lets_charge_points_go_without_an_answer() {
    assert!(survives_a_lock_of(TOO_LONG).await >= CHARGERS as u64, "each keeps its message");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_grow_for_35_s_make_charge_points_wait() {
    assert_eq!(survives_full_files_for(LONG).await, 0, "nobody is let go");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, see cargo xtask faults"]
async fn a_file_system_that_is_full_for_35_s_makes_charge_points_wait() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mounted) = Mounted::at(folder.path()) else {
        eprintln!("SKIPPED: a small file system can be mounted by root only");
        return;
    };
    let database = Database::sqlite_in(mounted.0);
    let repeated = survives(&database, async |program, fleet| {
        let ballast = folder.path().join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        is_silent_for(program, fleet, LONG).await;
        std::fs::remove_file(&ballast).unwrap();
    })
    .await;
    assert_eq!(repeated, 0, "nobody is let go");
}

/// A small file system in memory. Gone when it is dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn at(folder: &'a Path) -> Option<Self> {
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(folder).status().ok()?;
        status.success().then_some(Self(folder))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.0).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}
