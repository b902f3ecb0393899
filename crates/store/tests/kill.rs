//! What was answered survives the death of the process at any moment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::Timestamp;
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePointKey, TransactionId};
use bmw_store::{Role, Store, StoreError};
use common::{SessionStart, Site, charge_point, finish_session, run, start_session};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const DATABASE: &str = "BMW_TEST_KILL_DATABASE";
const NOON: i64 = 1_700_000_000_000;

/// Not a test of its own: the process that is killed. It writes until then, and says what was answered.
#[test]
#[ignore = "only the test below runs it"]
fn child_writes() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let site = Site { name: "child", url, folder: None };
    run(async {
        let store = open(&site).await;
        let mut out = std::io::stdout();
        for number in 0.. {
            let charge_point = ChargePointKey(number % 3 + 1);
            let started_at = Timestamp(NOON + i64::from(number) * 50_000_000);
            let start = SessionStart { charge_point, queued_at: started_at, started_at, id_tag: None };
            let id = start_session(&*store, &start).await.unwrap().id;
            writeln!(out, "started {}", id.0).unwrap();
            let wh = i64::from(id.0) * 3 + 1;
            finish_session(&*store, id, started_at.plus(3_600_000), Energy::from_wh(wh)).await.unwrap();
            writeln!(out, "finished {} {wh}", id.0).unwrap();
        }
    });
}

/// The server notices only after a moment that the killed process let go of the site.
async fn open(site: &Site) -> Arc<dyn Store> {
    for _ in 0..100 {
        match site.try_open(Some("Europe/Berlin"), Role::Owner).await {
            Ok((store, _)) => return store,
            Err(StoreError::InUse) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the site is still in use");
}

/// A new number in each run: hashing is seeded by the system.
fn random() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// What the child was answered before it was killed after that time: the energy of each session, once it is finished.
fn answered_until_killed(url: &str, after: Duration) -> BTreeMap<i32, Option<i64>> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_writes", "--exact", "--ignored", "--nocapture"])
        .env(DATABASE, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        // SIGKILL
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let mut answered = BTreeMap::new();
    for line in lines.lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["started", id] => {
                answered.insert(id.parse().unwrap(), None);
            }
            ["finished", id, wh] => {
                answered.insert(id.parse().unwrap(), Some(wh.parse().unwrap()));
            }
            _ => {}
        }
    }
    killer.join().unwrap();
    answered
}

async fn sums(store: &dyn Store) -> Vec<(i32, i32, i64)> {
    let mut sums: Vec<_> = store
        .energy_by_day()
        .await
        .unwrap()
        .iter()
        .map(|sum| (sum.charge_point.0, sum.day.0, sum.energy.wh()))
        .collect();
    sums.sort_unstable();
    sums
}

async fn nothing_is_lost(store: &dyn Store, answered: &BTreeMap<i32, Option<i64>>) {
    for (id, wh) in answered {
        let session = store.session(TransactionId(*id)).await.unwrap().expect("an answered session is there");
        if let Some(wh) = wh {
            assert_eq!(session.energy, Energy::from_wh(*wh));
            assert!(session.finished_at.is_some());
        }
    }
    let kept_up = sums(store).await;
    store.rebuild_energy_by_day().await.unwrap();
    assert_eq!(sums(store).await, kept_up);
    let of_charge_points: i64 = store
        .inventory()
        .await
        .unwrap()
        .charge_points
        .iter()
        .map(|stored| stored.charge_point.total_energy.unwrap_or_default().wh())
        .sum();
    assert_eq!(of_charge_points, kept_up.iter().map(|sum| sum.2).sum::<i64>());
}

fn killed_again_and_again(site: &Site, times: u32) {
    run(async {
        let store = open(site).await;
        for name in ["a", "b", "c"] {
            store.add_charge_point(&charge_point(name), None).await.unwrap();
        }
        store.close().await;
        let mut all = BTreeMap::new();
        for round in 0..times {
            let after = Duration::from_millis(300 + random() % 1_200);
            let answered = answered_until_killed(&site.url, after);
            println!("{}: killed after {after:?} and {} sessions", site.name, answered.len());
            all.extend(answered);
            let store = open(site).await;
            nothing_is_lost(&*store, &all).await;
            store.close().await;
            assert!(round < times - 1 || !all.is_empty(), "the child never got to write");
        }
    });
}

#[test]
fn nothing_that_was_answered_is_lost_in_sqlite() {
    killed_again_and_again(&Site::sqlite(), 6);
}

#[test]
fn nothing_that_was_answered_is_lost_in_postgres() {
    if let Some(site) = Site::postgres() {
        killed_again_and_again(&site, 4);
    }
}
