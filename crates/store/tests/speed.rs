//! How fast a large site is brought in and taken out. Not part of the usual run:
//! `cargo test --release -p bmw-store --test speed -- --ignored --nocapture`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::record::TransactionId;
use bmw_store::site_file::{SessionRow, SiteFile};
use bmw_store::{ImportMode, Role, SessionFilter};
use common::{Site, charge_point, identity, run, written};
use std::sync::Arc;
use std::time::Instant;

const SESSIONS: i32 = 1_000_000;
const CHARGE_POINTS: usize = 50;

/// 50 charge points over three years, each session with a card.
fn large_site() -> SiteFile {
    let identities: Vec<_> = (0..CHARGE_POINTS).map(|number| format!("CP{number:03}")).collect();
    let shared: Vec<_> = identities.iter().map(|name| Arc::new(identity(name))).collect();
    let cards: Vec<Arc<str>> = (0..2_000).map(|number| format!("CARD{number:06}").into()).collect();
    let begin = LocalTime::parse("2021-01-01T00:00:00").unwrap().0;
    let sessions = (0..SESSIONS).map(|number| {
        let index = usize::try_from(number).unwrap();
        let start = begin + i64::from(number) * 94_608;
        let finish = start + 600_000 + i64::from(number % 7_919) * 1_000;
        SessionRow {
            id: TransactionId(number + 1),
            charge_point: Arc::clone(&shared[index * 7 % CHARGE_POINTS]),
            cycle: Some(number / 50 + 1),
            queued_at: Some(LocalTime(start / 1000 * 1000)),
            started_at: Some(LocalTime(start / 1000 * 1000)),
            planned_finish: Some(LocalTime(finish / 1000 * 1000)),
            finished_at: Some(LocalTime(finish / 1000 * 1000)),
            energy: Energy::from_wh(1_000 + i64::from(number % 60_000)),
            id_tag: Some(Arc::clone(&cards[index * 31 % cards.len()])),
        }
    });
    SiteFile {
        settings: None,
        models: None,
        charge_points: Some(identities.iter().map(|name| charge_point(name)).collect()),
        states: None,
        sessions: Some(sessions.collect()),
    }
}

/// Seconds that this process has worked, whatever else the machine does.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|field| fields[*field].parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

#[test]
#[ignore = "takes a minute, and says something only in a release build"]
fn import_and_export_of_a_large_site() {
    let text = written(&large_site());
    println!("{} MB", text.len() / 1_000_000);
    for site in Site::each() {
        run(async {
            let store = site.open("Europe/Berlin").await;
            let begin = Instant::now();
            let before = processor_time();
            let file = SiteFile::parse(text.as_bytes()).unwrap();
            let parsed = begin.elapsed();
            println!("{}: {:.1} s of processor time for parsing", site.name, processor_time() - before);
            store.import(&file, ImportMode::Replace).await.unwrap();
            let imported = begin.elapsed();
            println!(
                "{}: parsed in {parsed:?}, stored after {imported:?}: {:.0} sessions/s ({:.1} s of processor time)",
                site.name,
                f64::from(SESSIONS) / imported.as_secs_f64(),
                processor_time() - before
            );
            let begin = Instant::now();
            let back = store.export().await.unwrap();
            println!("{}: exported in {:?}", site.name, begin.elapsed());
            assert_eq!(back.sessions.unwrap().len(), file.sessions.as_ref().unwrap().len());
            let page = store.find_sessions(&SessionFilter::default(), None, 50).await.unwrap();
            assert_eq!(page.count, u64::try_from(SESSIONS).unwrap());
            for filter in filters() {
                let begin = Instant::now();
                let page = store.find_sessions(&filter, None, 50).await.unwrap();
                println!(
                    "{}: {} of {} in {:?}: {filter:?}",
                    site.name,
                    page.sessions.len(),
                    page.count,
                    begin.elapsed()
                );
            }
            let begin = Instant::now();
            store.close().await;
            println!("{}: closed in {:?}", site.name, begin.elapsed());
            let begin = Instant::now();
            let (store, _) = site.try_open(None, Role::Owner).await.unwrap();
            println!("{}: opened in {:?}", site.name, begin.elapsed());
            let begin = Instant::now();
            store.inventory().await.unwrap();
            let sums = store.energy_by_day().await.unwrap().len();
            println!("{}: inventory and {sums} sums in {:?}", site.name, begin.elapsed());
            store.close().await;
            let begin = Instant::now();
            let (store, _) = site.try_open(Some("Asia/Shanghai"), Role::Owner).await.unwrap();
            println!("{}: zone changed in {:?}", site.name, begin.elapsed());
            store.close().await;
        });
    }
}

fn filters() -> Vec<SessionFilter> {
    use bmw_domain::calendar::Day;
    use bmw_domain::record::ChargePointKey;
    let all = SessionFilter::default();
    let day = |text| Day::parse(text);
    vec![
        all.clone(),
        SessionFilter { charge_point: Some(ChargePointKey(7)), ..all.clone() },
        SessionFilter { from: day("2021-03-01"), to: day("2021-03-31"), ..all.clone() },
        SessionFilter { from: day("2021-03-01"), ..all.clone() },
        SessionFilter { id_tag: Some("card000500".to_owned()), ..all.clone() },
        SessionFilter { finished: Some(false), ..all.clone() },
        SessionFilter { finished: Some(true), to: day("2021-03-31"), charge_point: Some(ChargePointKey(3)), ..all },
    ]
}
