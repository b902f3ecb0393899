//! The routes of a random site against a plain model: sums, orders, percentages.

use axum::Router;
use axum::body::Body;
use bmw_app::api;
use bmw_app::state::{AppState, FeedTimes, Shutdown};
use bmw_domain::calendar::{Day, LocalTime, Period};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::record::{ChargePoint, ChargePointState, Identity, TransactionId};
use bmw_domain::status;
use bmw_site::{Access, Commands, Site, SiteOptions};
use bmw_store::site_file::{SessionRow, SiteFile, StateRow};
use bmw_store::{ImportMode, OpenOptions, Role, Zone};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt as _;

/// Noon of the day that is today on every random site.
fn now() -> LocalTime {
    LocalTime::parse("2024-03-01T12:00:00").unwrap()
}

const IDENTITIES: [&str; 6] = ["B", "a", "A-1", "桩", "\u{10000}", "\u{ffff}\"\\"];
const STATES: [&str; 7] = ["Charging", "bootup", "AVAILABLE", "SuspendedEVSE", "2", "Other", ""];

prop_compose! {
    fn state()(
        charger in 0..IDENTITIES.len(),
        name in prop::option::of(prop::sample::select(&STATES[..])),
        contact in prop::option::of(-5_i64..5),
    ) -> (usize, Option<&'static str>, Option<i64>) {
        (charger, name, contact)
    }
}

prop_compose! {
    /// Times up to three years back, some in the future; half of them close to midnights.
    fn time()(day in -1100_i64..3, ms in prop_oneof![Just(0_i64), Just(86_399_000), 0_i64..86_400_000]) -> LocalTime {
        let midnight = now().0 - 12 * 3_600_000;
        LocalTime(midnight + day * 86_400_000 + ms / 1000 * 1000)
    }
}

prop_compose! {
    fn session()(
        charger in 0..IDENTITIES.len(),
        times in prop::array::uniform4(prop::option::of(time())),
        wh in prop_oneof![Just(0_i64), 1_i64..50_000],
        cycle in prop::option::of(0_i32..100),
    ) -> (usize, [Option<LocalTime>; 4], i64, Option<i32>) {
        (charger, times, wh, cycle)
    }
}

#[derive(Debug)]
struct RandomSite {
    file: SiteFile,
}

prop_compose! {
    fn site()(
        totals in prop::collection::vec((prop::option::of(0_i64..9_999_999), prop::option::of(0_i64..99_999_999)), IDENTITIES.len()),
        states in prop::collection::vec(state(), 0..8),
        sessions in prop::collection::vec(session(), 0..60),
    ) -> RandomSite {
        let identity = |index: usize| Identity::new(IDENTITIES[index]).unwrap();
        let charge_points = totals.iter().enumerate().map(|(index, (wh, ms))| ChargePoint {
            identity: identity(index),
            model_id: String::new(),
            vendor: None,
            serial_number: None,
            firmware_version: None,
            total_energy: wh.map(Energy::from_wh),
            total_time: ms.map(ChargingTime::from_ms),
            ip: None,
            mac: None,
        });
        let by_charger: BTreeMap<usize, _> = states.into_iter().map(|state| (state.0, state)).collect();
        let states = by_charger.into_values().map(|(index, name, contact)| StateRow {
            charge_point: identity(index),
            state: ChargePointState { state: name.map(str::to_owned), ..ChargePointState::default() },
            last_contact: contact.map(|seconds| LocalTime(now().0 + seconds * 1000)),
        });
        let sessions = sessions.into_iter().zip(1..).map(|((index, times, wh, cycle), id)| SessionRow {
            id: TransactionId(id),
            charge_point: Arc::new(identity(index)),
            cycle,
            queued_at: times[0],
            started_at: times[1],
            planned_finish: times[2],
            finished_at: times[3],
            energy: Energy::from_wh(wh),
            id_tag: None,
        });
        RandomSite { file: SiteFile {
            settings: None,
            models: None,
            charge_points: Some(charge_points.collect()),
            states: Some(states.collect()),
            sessions: Some(sessions.collect()),
        } }
    }
}

impl RandomSite {
    fn sessions(&self) -> &[SessionRow] {
        self.file.sessions.as_deref().unwrap()
    }

    /// Sessions in the windows' terms: who, which day, how much.
    fn counted(&self) -> impl Iterator<Item = (&str, Day, i64)> {
        self.sessions().iter().filter_map(|session| {
            let day = session.finished_at.or(session.planned_finish)?.day();
            Some((session.charge_point.as_str(), day, session.energy.wh()))
        })
    }

    /// Wh of a charger, or of all, in each period of a window, oldest first.
    fn sums(&self, charger: Option<&str>, period: Period, length: i32) -> Vec<i64> {
        let last = period.index(now().day());
        let sum = |index: i32| {
            self.counted()
                .filter(|(id, day, _)| charger.is_none_or(|charger| charger == *id) && period.index(*day) == index)
                .map(|(_, _, wh)| wh)
                .sum()
        };
        (last - length + 1..=last).map(sum).collect()
    }
}

/// All of them by code point: UTF-8 sorts like that.
fn identities() -> Vec<&'static str> {
    let mut identities = IDENTITIES.to_vec();
    identities.sort_unstable();
    identities
}

#[allow(clippy::cast_precision_loss)]
fn kwh(wh: i64) -> f64 {
    wh as f64 / 1000.0
}

fn kwhs(wh: &[i64]) -> Value {
    wh.iter().map(|wh| kwh(*wh)).collect::<Vec<f64>>().into()
}

fn labels(period: Period, length: i32) -> Vec<String> {
    let last = period.index(now().day());
    (last - length + 1..=last).map(|index| period.label(index)).collect()
}

/// The routes of a site, without a socket.
struct Routes {
    router: Router,
    _folder: tempfile::TempDir,
}

impl Routes {
    async fn of(site: &RandomSite) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/bmw.db", folder.path().display());
        let options = OpenOptions { url, zone: Some(Zone::named("Asia/Shanghai").unwrap()), role: Role::Owner };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        store.import(&site.file, ImportMode::Merge).await.unwrap();
        let options = SiteOptions { now: Some(now()), ..SiteOptions::default() };
        let (site, ..) = Site::start(store.clone(), options).await.unwrap();
        let shutdown = Shutdown::default();
        let access = Access::start(store, true).await.unwrap();
        let commands = Commands::new(site.clone(), "OPERATOR", shutdown.sender());
        let state = AppState {
            site,
            access,
            commands,
            feed: FeedTimes::default(),
            has_simulator: false,
            public_url: None,
            webhook: None,
            shutdown,
        };
        Self { router: api::router(state), _folder: folder }
    }

    async fn get(&self, path: &str) -> Value {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

async fn check(site: RandomSite, length: i32) -> Result<(), TestCaseError> {
    let routes = Routes::of(&site).await;
    check_energy(&routes, &site, length).await?;
    check_present(&routes, &site).await?;
    check_sessions(&routes, &site, length).await
}

async fn check_energy(routes: &Routes, site: &RandomSite, length: i32) -> Result<(), TestCaseError> {
    for (mode, period) in [(1, Period::Year), (2, Period::Month), (3, Period::Day)] {
        let x = labels(period, length);
        let all = site.sums(None, period, length);
        let total = routes.get(&format!("/bmw/chart/getAllRecentChargerRecords?mode={mode}&offset={length}")).await;
        prop_assert_eq!(total, json!({"x": x, "y": kwhs(&all), "total": kwh(all.iter().sum())}));
        let mut rows = Vec::new();
        let mut shown = Vec::new();
        for charger in identities() {
            let sums = site.sums(Some(charger), period, length);
            let total: i64 = sums.iter().sum();
            let one = routes
                .get(&format!(
                    "/bmw/chart/getAllRecentChargerRecords?mode={mode}&offset={length}&charger_id={}",
                    escaped(charger)
                ))
                .await;
            prop_assert_eq!(one, json!({"x": x, "y": kwhs(&sums), "total": kwh(total)}));
            let row = json!({"charger_id": charger, "x": x, "y": kwhs(&sums), "total": kwh(total)});
            if total > 0 {
                shown.push(row.clone());
            }
            rows.push(row);
        }
        let path = format!("/bmw/chart/getRecentChargerRecords?mode={mode}&offset={length}");
        prop_assert_eq!(routes.get(&path).await, Value::Array(shown));
        prop_assert_eq!(routes.get(&format!("{path}&show_all=1")).await, Value::Array(rows));
    }
    let newest_first = |mut values: Vec<i64>| {
        values.reverse();
        kwhs(&values)
    };
    let months: Vec<String> = labels(Period::Month, 6).into_iter().rev().collect();
    let all = routes.get("/api/monthly/energy/").await;
    prop_assert_eq!(all, json!({"x": months, "y": newest_first(site.sums(None, Period::Month, 6))}));
    let of_one = routes.get(&format!("/api/monthly/energy/?charger_id={}", escaped(IDENTITIES[3]))).await;
    prop_assert_eq!(of_one, json!({"x": months, "y": newest_first(site.sums(Some(IDENTITIES[3]), Period::Month, 6))}));
    let with_sessions: Vec<Value> = identities()
        .into_iter()
        .filter(|charger| site.sessions().iter().any(|session| session.charge_point.as_str() == *charger))
        .map(|charger| {
            let y = kwhs(&site.sums(Some(charger), Period::Month, 12));
            json!({"charger_id": charger, "x": labels(Period::Month, 12), "y": y})
        })
        .collect();
    prop_assert_eq!(routes.get("/api/monthly/energy/list/").await, json!({"data": with_sessions}));
    Ok(())
}

async fn check_present(routes: &Routes, site: &RandomSite) -> Result<(), TestCaseError> {
    let states = site.file.states.as_deref().unwrap();
    let chargers = site.file.charge_points.as_deref().unwrap();
    let named = |state: &StateRow| state.state.state.clone().unwrap_or_default().to_ascii_lowercase();
    let in_use = ["charging", "suspendedev", "supsendedev", "suspendedevse", "finishing", "precharging"];
    let wh: i64 = chargers.iter().filter_map(|charger| charger.total_energy).map(Energy::wh).sum();
    let ms: i64 = chargers.iter().filter_map(|charger| charger.total_time).map(ChargingTime::ms).sum();
    let overview = routes.get("/api/charger/info/statistic/").await;
    prop_assert_eq!(&overview["total_charger"], states.len());
    prop_assert_eq!(
        &overview["total_charging"],
        states.iter().filter(|state| in_use.contains(&named(state).as_str())).count()
    );
    for (field, exact, unit) in [("accumulate_power", wh, 1000), ("accumulate_minutes", ms, 60_000)] {
        // Half up to two decimals: value × 100 lies within [exact − ½, exact + ½).
        #[allow(clippy::cast_possible_truncation)]
        let hundredths = (overview[field].as_f64().unwrap() * 100.0).round() as i64;
        let twice = 2 * exact * 100 - 2 * hundredths * unit;
        prop_assert!((-unit..unit).contains(&twice), "{} of {}", overview[field], exact);
    }

    let shares = routes.get("/api/charger/state/statistic/").await;
    let shares = shares["result"].as_array().unwrap();
    let mut hundredths = 0;
    for (share, name) in shares.iter().zip(status::STATE_NAMES) {
        let value = share[name].as_f64().unwrap();
        let count = states
            .iter()
            .filter(|state| {
                let known = status::STATE_NAMES.iter().find(|known| known.to_ascii_lowercase() == named(state));
                known.copied().unwrap_or("Other") == name
            })
            .count();
        #[allow(clippy::cast_precision_loss)]
        let exact = if states.is_empty() { 0.0 } else { count as f64 * 100.0 / states.len() as f64 };
        prop_assert!((value - exact).abs() < 0.01, "{name}: {value}, exactly {exact}");
        #[allow(clippy::cast_possible_truncation)]
        {
            hundredths += (value * 100.0).round() as i64;
        }
    }
    prop_assert_eq!(hundredths, if states.is_empty() { 0 } else { 10_000 });

    let mut by_contact: Vec<&StateRow> = states.iter().collect();
    by_contact
        .sort_by(|a, b| (b.last_contact, b.charge_point.as_str()).cmp(&(a.last_contact, a.charge_point.as_str())));
    for num in [1, 3, 10] {
        let listed = routes.get(&format!("/api/recent/charger/state/list/?num={num}")).await;
        let expected: Vec<Value> = by_contact
            .iter()
            .take(num)
            .map(|state| json!({"vchchargerid": state.charge_point.as_str(), "vchstate": state.state.state, "vchcommand": null}))
            .collect();
        prop_assert_eq!(listed, json!({"result": expected}));
    }
    prop_assert_eq!(routes.get("/api/charger/id/list/").await, json!({"chargers": identities()}));
    let list = routes.get("/api/charger/list/").await;
    let added: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|row| row["vch_charger_id"].as_str().unwrap()).collect();
    prop_assert_eq!(added, IDENTITIES);
    let newest = by_contact.first().filter(|state| state.last_contact.is_some());
    let shown = newest.map_or_else(|| identities()[0], |state| state.charge_point.as_str());
    prop_assert_eq!(&routes.get("/api/charger/details/").await["result"]["vchchargerid"], shown);
    Ok(())
}

async fn check_sessions(routes: &Routes, site: &RandomSite, num: i32) -> Result<(), TestCaseError> {
    let mut finishing: Vec<&SessionRow> =
        site.sessions().iter().filter(|session| session.planned_finish.is_some()).collect();
    finishing.sort_by_key(|session| std::cmp::Reverse((session.planned_finish, session.id)));
    let expected: Vec<Value> = finishing
        .iter()
        .take(usize::try_from(num).unwrap())
        .map(|session| {
            let finish = session.planned_finish.map(LocalTime::with_space);
            json!({"intrecordid": session.id.0, "dttfinishtime": finish, "dblenergy": kwh(session.energy.wh())})
        })
        .collect();
    let recent = routes.get(&format!("/api/recent/charging/record/list/?num={num}")).await;
    prop_assert_eq!(recent, json!({"num": num, "result": expected}));

    let mut by_day: BTreeMap<Day, Vec<&SessionRow>> = BTreeMap::new();
    for session in site.sessions() {
        if let Some(time) = session.finished_at.or(session.started_at).or(session.queued_at) {
            by_day.entry(time.day()).or_default().push(session);
        }
    }
    for (day, sessions) in by_day.iter().take(12) {
        let row = |session: &&SessionRow| {
            let time = |time: Option<LocalTime>| time.map(LocalTime::with_t);
            json!({
                "intrecordid": session.id.0, "intchargingcode": session.cycle, "vchchargerid": session.charge_point.as_str(),
                "dttstartqueue": time(session.queued_at), "dttstarttime": time(session.started_at),
                "dttfinishtime": time(session.planned_finish), "dttrealfinish": time(session.finished_at),
            })
        };
        let all: Vec<Value> = sessions.iter().map(row).collect();
        prop_assert_eq!(routes.get(&format!("/api/charger/details/?date={day}")).await, json!({"result": all}));
        let of_one: Vec<Value> =
            sessions.iter().filter(|session| session.charge_point.as_str() == IDENTITIES[5]).map(row).collect();
        let path = format!("/api/charging/record/details/?date={day}&charger_id={}", escaped(IDENTITIES[5]));
        prop_assert_eq!(routes.get(&path).await, json!({"result": of_one}));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_route_says_what_the_model_says(site in site(), length in 1_i32..40) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(check(site, length))?;
    }
}
