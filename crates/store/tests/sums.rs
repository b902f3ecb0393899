//! Sums, lists and the site file of random sites, against a plain model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::{Day, LocalTime};
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePointKey, Transaction, TransactionId};
use bmw_store::site_file::{SessionRow, SiteFile};
use bmw_store::{ImportMode, SessionFilter, Store, Zone};
use common::{Site, charge_point, finish_session, identity, local, run, written};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Zones whose clocks change, one by half an hour and one where a whole day is missing, with the days where they do.
const CHANGES: [(&str, [&str; 2]); 4] = [
    ("Europe/Berlin", ["2024-03-31T00:00:00", "2024-10-27T00:00:00"]),
    ("America/St_Johns", ["2024-03-10T00:00:00", "2024-11-03T00:00:00"]),
    ("Australia/Lord_Howe", ["2024-04-07T00:00:00", "2024-10-06T00:00:00"]),
    ("Pacific/Apia", ["2011-12-29T00:00:00", "2012-04-01T00:00:00"]),
];
const CHARGE_POINTS: [&str; 4] = ["a", "B", "ä", "充电桩"];
const CARDS: [&str; 3] = ["04A1", "04a1", "Ä"];

#[derive(Debug, Clone)]
struct Plan {
    zone: usize,
    sessions: Vec<SessionRow>,
    /// Which session finishes when (seconds after the change of the clock), with how much.
    finishes: Vec<(prop::sample::Index, i64, i64)>,
    filters: Vec<SessionFilter>,
}

fn time(zone: usize) -> impl Strategy<Value = Option<LocalTime>> {
    let times = (0..2_usize, -90_000_i64..180_000, prop::bool::weighted(0.1)).prop_map(move |(change, seconds, ms)| {
        LocalTime(local(CHANGES[zone].1[change]).0 + seconds * 1000 + i64::from(ms) * 7)
    });
    prop::option::weighted(0.7, times)
}

fn session(zone: usize) -> impl Strategy<Value = SessionRow> {
    let texts = (prop::sample::select(&CHARGE_POINTS[..]), prop::option::of(prop::sample::select(&CARDS[..])));
    let times = (time(zone), time(zone), time(zone), time(zone));
    (1..2_000_i32, prop::option::of(0..50_i32), texts, times, 0..100_000_i64).prop_map(
        |(id, cycle, (charge_point, card), (queued_at, started_at, planned_finish, finished_at), wh)| SessionRow {
            id: TransactionId(id),
            charge_point: Arc::new(identity(charge_point)),
            cycle,
            queued_at,
            started_at,
            planned_finish,
            finished_at,
            energy: Energy::from_wh(wh),
            id_tag: card.map(Arc::from),
        },
    )
}

fn filter(zone: usize) -> impl Strategy<Value = SessionFilter> {
    let day = move || time(zone).prop_map(|time| time.map(LocalTime::day));
    let card = prop::option::weighted(0.3, prop::sample::select(&CARDS[..]));
    (prop::option::of(1..=4), day(), day(), card, prop::option::of(any::<bool>())).prop_map(
        |(charge_point, from, to, card, finished)| SessionFilter {
            charge_point: charge_point.map(ChargePointKey),
            from,
            to,
            id_tag: card.map(str::to_owned),
            finished,
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    (0..CHANGES.len()).prop_flat_map(|zone| {
        let sessions = prop::collection::vec(session(zone), 0..40);
        let finishes =
            prop::collection::vec((any::<prop::sample::Index>(), -90_000..180_000_i64, 0..100_000_i64), 0..8);
        let filters = prop::collection::vec(filter(zone), 6);
        (sessions, finishes, filters).prop_map(move |(sessions, finishes, filters)| {
            let by_id: BTreeMap<_, _> = sessions.into_iter().map(|session| (session.id, session)).collect();
            Plan { zone, sessions: by_id.into_values().collect(), finishes, filters }
        })
    })
}

/// The sessions as they ought to be, by id.
type Sessions = BTreeMap<TransactionId, Transaction>;

fn expected_sessions(zone: &Zone, rows: &[SessionRow]) -> Sessions {
    let instant = |time: Option<LocalTime>| time.map(|time| zone.instant(time));
    let key = |row: &SessionRow| {
        let place = CHARGE_POINTS.iter().position(|name| *name == row.charge_point.as_str()).unwrap();
        ChargePointKey(i32::try_from(place).unwrap() + 1)
    };
    rows.iter()
        .map(|row| {
            let session = Transaction {
                id: row.id,
                charge_point: key(row),
                cycle: row.cycle,
                queued_at: instant(row.queued_at),
                started_at: instant(row.started_at),
                planned_finish: instant(row.planned_finish),
                finished_at: instant(row.finished_at),
                energy: row.energy,
                id_tag: row.id_tag.as_deref().map(str::to_owned),
            };
            (row.id, session)
        })
        .collect()
}

async fn holds(store: &dyn Store, plan: &Plan) -> Result<(), TestCaseError> {
    let zone = store.zone();
    let file = SiteFile {
        charge_points: Some(CHARGE_POINTS.iter().map(|name| charge_point(name)).collect()),
        sessions: Some(plan.sessions.clone()),
        ..SiteFile::default()
    };
    store.import(&file, ImportMode::Replace).await.unwrap();
    let mut expected = expected_sessions(zone, &plan.sessions);
    sums_are_right(store, &expected).await?;
    for (which, seconds, wh) in &plan.finishes {
        if expected.is_empty() {
            continue;
        }
        let session = expected.values_mut().nth(which.index(plan.sessions.len())).unwrap();
        let finished_at = zone.instant(LocalTime(local(CHANGES[plan.zone].1[0]).0 + seconds * 1000));
        let energy = Energy::from_wh(*wh);
        let done = finish_session(store, session.id, finished_at, energy).await.unwrap();
        prop_assert_eq!(&done.before, &*session);
        session.finished_at = Some(finished_at);
        session.planned_finish = Some(finished_at);
        session.energy = energy;
        prop_assert_eq!(&done.after, &*session);
    }
    sums_are_right(store, &expected).await?;
    for filter in &plan.filters {
        list_is_right(store, filter, &expected).await?;
    }
    round_trip(store).await?;
    store.rebuild_energy_by_day().await.unwrap();
    sums_are_right(store, &expected).await?;
    for filter in &plan.filters {
        list_is_right(store, filter, &expected).await?;
    }
    Ok(())
}

async fn sums_are_right(store: &dyn Store, sessions: &Sessions) -> Result<(), TestCaseError> {
    let zone = store.zone();
    let mut expected: BTreeMap<(ChargePointKey, Day), Energy> = BTreeMap::new();
    let mut days: BTreeMap<Day, Vec<Transaction>> = BTreeMap::new();
    for session in sessions.values() {
        if let Some(counted) = session.counted_at() {
            *expected.entry((session.charge_point, zone.day(counted))).or_default() += session.energy;
        }
        if let Some(listed) = session.listed_at() {
            days.entry(zone.day(listed)).or_default().push(session.clone());
        }
    }
    let stored = store.energy_by_day().await.unwrap();
    let stored: BTreeMap<_, _> = stored.iter().map(|sum| ((sum.charge_point, sum.day), sum.energy)).collect();
    prop_assert_eq!(stored, expected);
    let listed = store.days_with_sessions(None, *Day::RANGE.start(), *Day::RANGE.end()).await.unwrap();
    prop_assert_eq!(listed, days.keys().copied().collect::<Vec<_>>());
    for (day, sessions) in days {
        prop_assert_eq!(store.sessions_of_day(day).await.unwrap(), sessions);
    }
    let mut recent: Vec<&Transaction> = sessions.values().filter(|session| session.planned_finish.is_some()).collect();
    recent.sort_by_key(|session| std::cmp::Reverse((session.planned_finish, session.id)));
    recent.truncate(7);
    let stored = store.recent_sessions(7).await.unwrap();
    prop_assert_eq!(stored.iter().collect::<Vec<_>>(), recent);
    let with_sessions: BTreeSet<_> = sessions.values().map(|session| session.charge_point).collect();
    for stored in store.inventory().await.unwrap().charge_points {
        prop_assert_eq!(stored.has_sessions, with_sessions.contains(&stored.key));
    }
    prop_assert_eq!(store.session_count().await.unwrap(), sessions.len() as u64);
    Ok(())
}

async fn list_is_right(store: &dyn Store, filter: &SessionFilter, sessions: &Sessions) -> Result<(), TestCaseError> {
    let zone = store.zone();
    let day = |session: &Transaction| session.listed_at().map(|at| zone.day(at));
    let through: Vec<&Transaction> = sessions
        .values()
        .rev()
        .filter(|session| filter.charge_point.is_none_or(|key| key == session.charge_point))
        .filter(|session| filter.from.is_none_or(|from| day(session).is_some_and(|day| day >= from)))
        .filter(|session| filter.to.is_none_or(|to| day(session).is_some_and(|day| day <= to)))
        .filter(|session| filter.finished.is_none_or(|finished| finished == session.finished_at.is_some()))
        .filter(|session| {
            let same = |tag: &String| session.id_tag.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(tag));
            filter.id_tag.as_ref().is_none_or(same)
        })
        .collect();
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let page = store.find_sessions(filter, before, 5).await.unwrap();
        prop_assert_eq!(page.count, through.len() as u64);
        prop_assert_eq!(page.energy, through.iter().map(|session| session.energy).sum::<Energy>());
        prop_assert_eq!(page.time, through.iter().filter_map(|session| session.duration()).sum());
        let Some(last) = page.sessions.last() else { break };
        before = Some(last.id);
        seen.extend(page.sessions);
    }
    prop_assert_eq!(seen.iter().collect::<Vec<_>>(), through);
    Ok(())
}

async fn round_trip(store: &dyn Store) -> Result<(), TestCaseError> {
    let first = written(&store.export().await.unwrap());
    let file = SiteFile::parse(first.as_bytes()).unwrap();
    for mode in [ImportMode::Merge, ImportMode::Replace] {
        store.import(&file, mode).await.unwrap();
        prop_assert_eq!(&written(&store.export().await.unwrap()), &first);
    }
    Ok(())
}

/// One database for each zone, used for every case.
fn random_sites(sites: impl Fn() -> Option<Site>, cases: u32) {
    let Some(sites) = CHANGES.iter().map(|_| sites()).collect::<Option<Vec<_>>>() else { return };
    run(async {
        let mut stores = Vec::new();
        for (site, (zone, _)) in sites.iter().zip(CHANGES) {
            stores.push(site.open(zone).await);
        }
        let handle = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            proptest!(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }, |(plan in plan())| {
                handle.block_on(holds(&*stores[plan.zone], &plan))?;
            });
        });
        for store in stores {
            store.close().await;
        }
    });
}

#[test]
fn random_sites_add_up_in_sqlite() {
    random_sites(|| Some(Site::sqlite()), 48);
}

#[test]
fn random_sites_add_up_in_postgres() {
    random_sites(Site::postgres, 12);
}
