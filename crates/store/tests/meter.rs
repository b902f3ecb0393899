//! Meter values, which both databases keep alike: in the journal, laid together, and those of an earlier version.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Measured;
use bmw_domain::energy::Energy;
use bmw_domain::phase::LineCurrents;
use bmw_domain::record::{ChargePointKey, MeterValue, TransactionId};
use bmw_store::{Role, Store};
use common::{SessionStart, Site, charge_point, run, start_session, write};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

const ONE: ChargePointKey = ChargePointKey(1);
const TWO: ChargePointKey = ChargePointKey(2);
const BEGIN: Timestamp = Timestamp(1_700_000_000_000);
const DAY: i64 = 86_400_000;

fn measured(charge_point: ChargePointKey, ms: i64, wh: i64) -> Measured {
    let value = MeterValue {
        charge_point,
        connector: 1,
        transaction: (charge_point == ONE).then_some(TransactionId(1)),
        at: BEGIN.plus(ms),
        energy: Some(Energy::from_wh(wh)),
        currents: LineCurrents([Some(16.25), None, Some(0.0)]),
        offered: Some(32.0),
        power: None,
    };
    Measured { value, register: Some(1_000 + wh), claimed: None, received: BEGIN.plus(ms + 7) }
}

async fn add(store: &dyn Store, values: Vec<Measured>) {
    write(store, |batch, _| batch.values = values).await.unwrap();
}

/// The energies, Wh, of the newest values of a span.
async fn energies(store: &dyn Store, charge_point: ChargePointKey, from: i64, to: i64, limit: u32) -> Vec<i64> {
    let values = store.meter_values(charge_point, BEGIN.plus(from), BEGIN.plus(to), limit).await.unwrap();
    values.iter().map(|value| value.energy.unwrap().wh()).collect()
}

async fn with_a_session(site: &Site) -> std::sync::Arc<dyn Store> {
    let store = site.open("UTC").await;
    for name in ["one", "two"] {
        store.add_charge_point(&charge_point(name), None).await.unwrap();
    }
    let start = SessionStart { charge_point: ONE, queued_at: BEGIN, started_at: BEGIN, id_tag: None };
    start_session(&*store, &start).await.unwrap();
    store
}

#[test]
fn values_are_found_before_and_after_they_are_laid_together() {
    for site in Site::each() {
        run(async {
            let store = with_a_session(&site).await;
            // Two of the first are of one moment; the last was kept offline.
            add(&*store, vec![measured(ONE, 1_000, 1), measured(TWO, 1_500, 2), measured(ONE, 1_000, 3)]).await;
            add(&*store, vec![measured(ONE, 3_000, 4), measured(ONE, -2 * DAY, 5)]).await;
            for round in 0..3 {
                let store = if round == 0 { store.clone() } else { site.open("UTC").await };
                let told_last = store.inventory().await.unwrap().newest_readings.len();
                if round == 2 {
                    // The first write lays them together.
                    write(&*store, |_, _| {}).await.unwrap();
                    assert_eq!(store.inventory().await.unwrap().newest_readings, []);
                }
                let name = site.name;
                assert_eq!(energies(&*store, ONE, 1_000, 3_000, 9).await, [1, 3], "{name} {round}");
                assert_eq!(energies(&*store, ONE, 0, 3_001, 2).await, [3, 4], "{name} {round}");
                assert_eq!(energies(&*store, ONE, -9 * DAY, 9 * DAY, 9).await, [5, 1, 3, 4], "{name} {round}");
                assert_eq!(energies(&*store, ONE, -9 * DAY, 0, 9).await, [5], "{name} {round}");
                assert_eq!(energies(&*store, TWO, 0, DAY, 9).await, [2], "{name} {round}");
                assert!(energies(&*store, TWO, 2_000, DAY, 9).await.is_empty(), "{name} {round}");
                // The one of two days before belongs to no session that began later.
                let of_session = store.meter_values_of(TransactionId(1)).await.unwrap();
                assert_eq!(of_session.len(), 3, "{name} {round}");
                let latest = store.latest_meter_values(BEGIN).await.unwrap();
                assert_eq!(latest, [measured(ONE, 3_000, 4).value, measured(TWO, 1_500, 2).value], "{name} {round}");
                let latest = store.latest_meter_values(BEGIN.plus(2_000)).await.unwrap();
                assert_eq!(latest, [measured(ONE, 3_000, 4).value], "{name} {round}");
                // What was told last may be told again; a running session goes on from its newest reading.
                assert_eq!(told_last, 5, "{name} {round}");
                let inventory = store.inventory().await.unwrap();
                assert_eq!(inventory.running[0].transaction.energy, Energy::from_wh(4), "{name} {round}");
                store.close().await;
            }
        });
    }
}

#[test]
fn a_full_journal_is_laid_together_and_loses_nothing() {
    const VALUES: i64 = 60_000;
    for site in Site::each() {
        run(async {
            let store = with_a_session(&site).await;
            for first in (0..VALUES).step_by(4_000) {
                let key = |number| if number % 2 == 0 { ONE } else { TWO };
                add(
                    &*store,
                    (first..first + 4_000).map(|number| measured(key(number), number * 1_000, number)).collect(),
                )
                .await;
            }
            let all = energies(&*store, ONE, 0, i64::from(i32::MAX), u32::MAX).await;
            assert!(all.into_iter().eq((0..VALUES).step_by(2)), "{}", site.name);
            let newest = energies(&*store, TWO, 0, 40_000_000, 3).await;
            assert_eq!(newest, [39_995, 39_997, 39_999], "{}", site.name);
            store.close().await;
            let count = "SELECT count(*) FROM meter_part";
            let parts: i64 = if let Some(mut connection) = sqlite(&site).await {
                sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
            } else {
                let mut connection = PgConnection::connect(&site.url).await.unwrap();
                sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
            };
            assert!((10..1_000).contains(&parts), "{} {parts}", site.name);
        });
    }
}

async fn sqlite(site: &Site) -> Option<SqliteConnection> {
    site.folder.as_ref()?;
    Some(SqliteConnection::connect(&site.url).await.unwrap())
}

#[test]
fn what_an_earlier_version_stored_is_still_there() {
    const OLD: &str = "INSERT INTO meter_value (charge_point, connector, transaction_id, measured_at, energy_wh, \
         current_l1, current_l3, offered, register_wh, received_at) VALUES \
         (1, 1, 1, 1700000003000, 4, 16.25, 0.0, 32.0, 1004, 1700000003007), \
         (1, 1, 1, 1700000001000, 1, 16.25, 0.0, 32.0, NULL, NULL)";
    for site in Site::each() {
        run(async {
            with_a_session(&site).await.close().await;
            if let Some(mut connection) = sqlite(&site).await {
                sqlx::query(AssertSqlSafe(OLD)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            } else {
                let mut connection = PgConnection::connect(&site.url).await.unwrap();
                sqlx::query(AssertSqlSafe(OLD)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            // Who only reads leaves it where it is.
            site.try_open(None, Role::Reader).await.unwrap().0.close().await;
            for _ in 0..2 {
                let store = site.open("UTC").await;
                assert_eq!(energies(&*store, ONE, 0, DAY, 9).await, [1, 4], "{}", site.name);
                assert_eq!(store.inventory().await.unwrap().running[0].transaction.energy, Energy::from_wh(4));
                store.close().await;
            }
        });
    }
}
