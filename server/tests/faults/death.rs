//! The program dies under load, again and again.

use crate::fleet::Fleet;
use crate::program::{Database, Program};
use std::hash::{BuildHasher as _, Hasher as _};

/// A new number in each run: hashing is seeded by the system.
fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

async fn killed_again_and_again(database: Database, chargers: usize, times: u32) {
    let mut fleet = Fleet::start(chargers);
    for _ in 0..times {
        let program = Program::start(&database);
        fleet.meets(program.address);
        fleet.is_answered(50 + random() % 400).await;
        // In the middle of everything.
        program.kill();
        fleet.is_alone();
        let store = database.open().await;
        fleet.agrees_with(&*store).await;
        store.close().await;
    }
    let program = Program::start(&database);
    fleet.meets(program.address);
    fleet.is_answered(50).await;
    fleet.end().await;
    program.terminate();
    let store = database.open().await;
    fleet.agrees_with(&*store).await;
    store.close().await;
    println!("{} answers, {} messages told again, over {times} deaths", fleet.answers(), fleet.repeated());
    assert!(fleet.repeated() > 0, "something must have been on its way");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_missing_or_double_after_a_kill() {
    killed_again_and_again(Database::sqlite(), 12, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_missing_or_double_after_a_kill_on_postgres() {
    if let Some(database) = Database::postgres() {
        killed_again_and_again(database, 12, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, see cargo xtask faults"]
async fn nothing_that_was_answered_is_missing_or_double_after_40_kills() {
    killed_again_and_again(Database::sqlite(), 40, 40).await;
    if let Some(database) = Database::postgres() {
        killed_again_and_again(database, 40, 20).await;
    }
}
