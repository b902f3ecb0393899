//! One story of a charging site that both databases tell alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::alert::{Alert, AlertKind, Cause};
use bmw_domain::calendar::{Day, Timestamp};
use bmw_domain::charger::limit::{Begin, Limit, Limits, Purpose};
use bmw_domain::charger::password::PasswordOrigin;
use bmw_domain::charger::{Finding, FindingKind, Happening, HappeningKind};
use bmw_domain::command::{Action, CommandState};
use bmw_domain::distribution::{Distribution, Wiring};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::{LineCurrents, Peak, Peaks, Phase, PhaseSequence};
use bmw_domain::record::{ChargePoint, ChargePointKey, ChargePointState, MeterValue, Transaction, TransactionId};
use bmw_domain::settings::Settings;
use bmw_store::site_file::SiteFile;
use bmw_store::{
    AlertFilter, AlertInventory, AlertPlace, AuditEntry, DayEnergy, ImportMode, NewCommand, Role, SessionFilter, Store,
    StoreError, StoredChargerPassword,
};
use common::{
    Finished, SessionStart, Site, add_meter_values, at, charge_point, finish_session, local, put_state, run, session,
    start_session, write, written,
};
use std::sync::Arc;

const ZONE: &str = "Europe/Berlin";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn ids(sessions: &[Transaction]) -> Vec<i32> {
    sessions.iter().map(|session| session.id.0).collect()
}

async fn sums(store: &dyn Store) -> Vec<(i32, String, i64)> {
    let mut sums: Vec<DayEnergy> = store.energy_by_day().await.unwrap();
    sums.sort_by_key(|sum| (sum.charge_point, sum.day));
    sums.iter().map(|sum| (sum.charge_point.0, sum.day.to_string(), sum.energy.wh())).collect()
}

async fn start(store: &dyn Store, charge_point: ChargePointKey, text: &str, card: Option<&str>) -> Transaction {
    let start = SessionStart {
        charge_point,
        queued_at: at(store.zone(), text).plus(-60_000),
        started_at: at(store.zone(), text),
        id_tag: card.map(str::to_owned),
    };
    start_session(store, &start).await.unwrap()
}

async fn finish(store: &dyn Store, id: TransactionId, text: &str, wh: i64) -> Finished {
    finish_session(store, id, at(store.zone(), text), Energy::from_wh(wh)).await.unwrap()
}

#[test]
fn the_story_of_a_site() {
    for site in Site::each() {
        println!("{}", site.name);
        run(async {
            let (store, opened) =
                site.try_open(Some(ZONE), Role::Owner).await.unwrap_or_else(|error| panic!("{}: {error}", site.name));
            assert!(opened.created);
            assert_eq!(opened.zone_changed_from, None);
            a_new_site_is_empty(&*store).await;
            charge_points_are_added(&*store).await;
            settings_are_saved_with_their_audit(&*store).await;
            sessions_run_and_are_counted(&*store).await;
            lists_of_sessions_know_their_totals(&*store).await;
            meter_values_are_kept(&*store).await;
            the_newest_that_happened_is_kept(&*store).await;
            the_newest_that_was_found_is_kept(&*store).await;
            limits_are_kept(&*store).await;
            peaks_are_kept(&*store).await;
            the_distribution_is_kept(&*store).await;
            the_last_answers_are_found(&*store).await;
            passwords_of_charge_points_are_replaced_as_a_whole(&*store).await;
            alerts_begin_are_seen_and_end(&*store).await;
            only_one_serves_it(&site).await;
            store.close().await;
            assert!(store.ping().await.is_err(), "a closed store answers nothing");
            it_is_all_there_after_a_restart(&site).await;
            another_zone_moves_the_days(&site).await;
        });
    }
}

async fn a_new_site_is_empty(store: &dyn Store) {
    store.ping().await.unwrap();
    assert_eq!(store.zone().name(), ZONE);
    assert!(store.is_empty().await.unwrap());
    let inventory = store.inventory().await.unwrap();
    assert_eq!(inventory.settings, Settings::default());
    assert!(inventory.models.is_empty() && inventory.charge_points.is_empty());
    assert_eq!(store.session_count().await.unwrap(), 0);
    assert!(store.recent_sessions(7).await.unwrap().is_empty());
    assert_eq!(store.session(TransactionId(1)).await.unwrap(), None);
}

async fn charge_points_are_added(store: &dyn Store) {
    // Numbers follow the order of adding, whatever the names sort like.
    for (number, name) in (1..).zip(["b", "B", "a", "ä", "充电桩"]) {
        let key = store.add_charge_point(&charge_point(name), None).await.unwrap();
        assert_eq!(key, ChargePointKey(number));
    }
    let again = store.add_charge_point(&charge_point("a"), None).await.unwrap_err();
    assert_eq!(again.to_string(), "charge point a exists already");
    let state = ChargePointState {
        state: Some("Available".to_owned()),
        current_limit: Some(32),
        last_contact: Some(Timestamp(1_700_000_000_123)),
        ..ChargePointState::default()
    };
    put_state(store, ChargePointKey(2), &ChargePointState::default()).await.unwrap();
    put_state(store, ChargePointKey(2), &state).await.unwrap();
    let unknown = put_state(store, ChargePointKey(99), &state).await.unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown(_)), "{unknown}");
    let inventory = store.inventory().await.unwrap();
    let names: Vec<_> = inventory.charge_points.iter().map(|stored| stored.charge_point.identity.as_str()).collect();
    assert_eq!(names, ["b", "B", "a", "ä", "充电桩"]);
    assert_eq!(inventory.charge_points[1].state, Some(state));
    assert_eq!(inventory.charge_points[0].state, None);
    assert!(!store.is_empty().await.unwrap());
}

async fn settings_are_saved_with_their_audit(store: &dyn Store) {
    let settings = Settings {
        card_reader_port: " /dev/ttyUSB0 ".to_owned(),
        current_distribution: true,
        energy_per_count: 0.1 + 0.2,
        time_step: 2_147_483_647,
        ..Settings::default()
    };
    for (number, actor) in ["first", "second"].into_iter().enumerate() {
        let entry = AuditEntry {
            at: Timestamp(i64::try_from(number).unwrap()),
            actor: actor.to_owned(),
            origin: "127.0.0.1".to_owned(),
            action: "settings.save".to_owned(),
            subject: String::new(),
            before: "{}".to_owned(),
            after: "{\"a\":1}".to_owned(),
        };
        store.save_settings(&settings, &entry).await.unwrap();
    }
    assert_eq!(store.inventory().await.unwrap().settings, settings);
    let log = store.audit_log(1).await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.actor.as_str()).collect::<Vec<_>>(), ["second"]);
}

async fn the_distribution_is_kept(store: &dyn Store) {
    let before = store.inventory().await.unwrap();
    assert_eq!((before.distribution, before.wirings), (Distribution::default(), Vec::new()));
    let settings = Distribution { headroom: 2, safe: 6, turn: 20, has_meter: true };
    let (one, two) = (ChargePointKey(1), ChargePointKey(2));
    let whole = Wiring {
        sequence: PhaseSequence::parse("BCA"),
        reports_rotated: true,
        cable: Some(16),
        most: Some(0),
        is_apart: true,
    };
    for number in 0..2 {
        let settings = Distribution { turn: settings.turn + number, ..settings };
        store.save_distribution(&settings, &distribution_entry()).await.unwrap();
        assert_eq!(store.inventory().await.unwrap().distribution, settings);
    }
    store.save_wiring(two, &whole, &distribution_entry()).await.unwrap();
    store.save_wiring(one, &whole, &distribution_entry()).await.unwrap();
    store.save_wiring(one, &Wiring::default(), &distribution_entry()).await.unwrap();
    assert_eq!(store.inventory().await.unwrap().wirings, [(one, Wiring::default()), (two, whole)]);
    assert!(store.save_wiring(ChargePointKey(99), &whole, &distribution_entry()).await.is_err(), "there is none");
    assert_eq!(store.last_moment().await.unwrap(), None);
    for at in 1..=4 {
        let bytes = [u8::try_from(at).unwrap(); 3];
        store.add_moment(Timestamp(at * 10), &bytes, Timestamp(20)).await.unwrap();
    }
    let moments = |from, to, limit| store.moments(Timestamp(from), Timestamp(to), limit);
    let times =
        |found: Vec<(Timestamp, Vec<u8>)>| found.into_iter().map(|(at, bytes)| (at.0, bytes)).collect::<Vec<_>>();
    assert_eq!(times(moments(0, 40, 9).await.unwrap()), [(20, vec![2; 3]), (30, vec![3; 3])]);
    assert_eq!(times(moments(0, 99, 1).await.unwrap()), [(20, vec![2; 3])]);
    assert_eq!(store.last_moment().await.unwrap(), Some(vec![4; 3]));
}

fn distribution_entry() -> AuditEntry {
    AuditEntry {
        at: Timestamp(2),
        actor: "operator".to_owned(),
        origin: "::1".to_owned(),
        action: "distribution.save".to_owned(),
        subject: String::new(),
        before: "{}".to_owned(),
        after: "{}".to_owned(),
    }
}

async fn sessions_run_and_are_counted(store: &dyn Store) {
    let (one, two) = (ChargePointKey(1), ChargePointKey(2));
    let first = start(store, one, "2024-03-30T23:00:00", Some("Card")).await;
    assert_eq!((first.id, first.cycle), (TransactionId(1), Some(1)));
    assert_eq!(start(store, two, "2024-03-31T00:30:00", None).await.cycle, Some(1));
    let third = start(store, one, "2024-03-31T01:00:00", Some("CARD")).await;
    assert_eq!((third.id, third.cycle), (TransactionId(3), Some(2)));
    assert_eq!(ids(&store.running_sessions().await.unwrap()), [1, 2, 3]);
    // A running session is listed on the day of its start, and counts for nothing yet.
    assert_eq!(ids(&store.sessions_of_day(day("2024-03-30")).await.unwrap()), [1]);
    assert!(sums(store).await.is_empty());
    // In this night the clock goes from 2 to 3: from 23:00 to 3:30 it is three and a half hours.
    let finished = finish(store, first.id, "2024-03-31T03:30:00", 7_000).await;
    assert_eq!(finished.before, first);
    assert_eq!(finished.after.duration(), Some(ChargingTime::from_ms(3 * 3_600_000 + 1_800_000)));
    assert_eq!((finished.total_energy.wh(), finished.total_time.minutes()), (7_000, 210.0));
    assert_eq!(store.session(first.id).await.unwrap(), Some(finished.after));
    assert!(store.sessions_of_day(day("2024-03-30")).await.unwrap().is_empty());
    assert_eq!(ids(&store.sessions_of_day(day("2024-03-31")).await.unwrap()), [1, 2, 3]);
    assert_eq!(sums(store).await, [(1, "2024-03-31".to_owned(), 7_000)]);
    // The same once more, later and with less energy: sums and totals follow the difference.
    let again = finish(store, first.id, "2024-04-01T00:00:00", 6_000).await;
    assert_eq!((again.total_energy.wh(), again.total_time.minutes()), (6_000, 24.0 * 60.0));
    assert_eq!(sums(store).await, [(1, "2024-04-01".to_owned(), 6_000)]);
    finish(store, third.id, "2024-03-31T12:00:00", 500).await;
    let inventory = store.inventory().await.unwrap();
    assert_eq!(inventory.charge_points[0].charge_point.total_energy, Some(Energy::from_wh(6_500)));
    assert_eq!(
        inventory.charge_points.iter().map(|stored| stored.has_sessions).collect::<Vec<_>>(),
        [true, true, false, false, false]
    );
    assert_eq!(ids(&store.recent_sessions(7).await.unwrap()), [1, 3]);
    assert_eq!(ids(&store.running_sessions().await.unwrap()), [2]);
    let days = [day("2024-03-31"), day("2024-04-01")];
    assert_eq!(store.days_with_sessions(None, day("2024-01-01"), day("2024-12-31")).await.unwrap(), days);
    assert_eq!(store.days_with_sessions(Some(two), days[0], days[1]).await.unwrap(), days[..1]);
    assert_eq!(store.days_with_sessions(None, days[1], days[1]).await.unwrap(), days[1..]);
    let before = sums(store).await;
    store.rebuild_energy_by_day().await.unwrap();
    assert_eq!(sums(store).await, before);
    let nowhere = SessionStart {
        charge_point: ChargePointKey(99),
        queued_at: Timestamp(0),
        started_at: Timestamp(0),
        id_tag: None,
    };
    assert!(matches!(start_session(store, &nowhere).await, Err(StoreError::Unknown(_))));
}

async fn lists_of_sessions_know_their_totals(store: &dyn Store) {
    let all = SessionFilter::default();
    let list = async |filter: &SessionFilter, before: Option<i32>, limit| {
        let page = store.find_sessions(filter, before.map(TransactionId), limit).await.unwrap();
        (ids(&page.sessions), page.count, page.energy.wh())
    };
    assert_eq!(list(&all, None, 10).await, (vec![3, 2, 1], 3, 6_500));
    assert_eq!(list(&all, None, 2).await, (vec![3, 2], 3, 6_500));
    assert_eq!(list(&all, Some(2), 2).await, (vec![1], 3, 6_500));
    assert_eq!(list(&all, Some(1), 2).await, (vec![], 3, 6_500));
    let of_one = SessionFilter { charge_point: Some(ChargePointKey(1)), ..all.clone() };
    assert_eq!(list(&of_one, None, 10).await, (vec![3, 1], 2, 6_500));
    let of_a_day = SessionFilter { from: Some(day("2024-03-31")), to: Some(day("2024-03-31")), ..all.clone() };
    assert_eq!(list(&of_a_day, None, 10).await, (vec![3, 2], 2, 500));
    let of_a_card = SessionFilter { id_tag: Some("cArD".to_owned()), ..all.clone() };
    assert_eq!(list(&of_a_card, None, 10).await, (vec![3, 1], 2, 6_500));
    let of_a_card = SessionFilter { to: Some(day("2024-03-31")), ..of_a_card };
    assert_eq!(list(&of_a_card, None, 10).await, (vec![3], 1, 500));
    let running = SessionFilter { finished: Some(false), ..all.clone() };
    assert_eq!(list(&running, None, 10).await, (vec![2], 1, 0));
    let finished = SessionFilter { finished: Some(true), ..all };
    assert_eq!(list(&finished, None, 10).await, (vec![3, 1], 2, 6_500));
}

async fn meter_values_are_kept(store: &dyn Store) {
    let start = store.session(TransactionId(1)).await.unwrap().unwrap().started_at.unwrap();
    let value = |charge_point, transaction: Option<i32>, ms, wh| MeterValue {
        charge_point: ChargePointKey(charge_point),
        connector: 1,
        transaction: transaction.map(TransactionId),
        at: start.plus(ms),
        energy: Some(Energy::from_wh(wh)),
        currents: LineCurrents([Some(16.25), None, Some(0.0)]),
        offered: Some(32.0),
        power: None,
    };
    let values = [value(1, Some(1), 1_000, 5), value(2, None, 1_500, 6), value(1, Some(1), 3_000, 8)];
    let late = value(1, Some(3), 2_000, 7);
    add_meter_values(store, &values).await.unwrap();
    add_meter_values(store, std::slice::from_ref(&late)).await.unwrap();
    let of_one = store.meter_values(ChargePointKey(1), start.plus(1_000), start.plus(3_000), 10).await.unwrap();
    assert_eq!(of_one, [values[0].clone(), late.clone()]);
    let newest = store.meter_values(ChargePointKey(1), Timestamp(0), Timestamp(i64::MAX), 2).await.unwrap();
    assert_eq!(newest, [late, values[2].clone()]);
    let of_first = [values[0].clone(), values[2].clone()];
    assert_eq!(store.meter_values_of(TransactionId(1)).await.unwrap(), of_first);
    let latest = store.latest_meter_values(Timestamp(0)).await.unwrap();
    assert_eq!(latest, [values[2].clone(), values[1].clone()]);
    assert_eq!(store.latest_meter_values(start.plus(3_000)).await.unwrap(), [values[2].clone()]);
}

async fn the_newest_that_happened_is_kept(store: &dyn Store) {
    let happening = |charge_point, ms| Happening {
        charge_point: ChargePointKey(charge_point),
        at: Timestamp(ms),
        kind: HappeningKind::Status,
        connector: Some(1),
        status: Some("Faulted".to_owned()),
        detail: "GroundFailure".to_owned(),
    };
    let add = async |happenings: Vec<Happening>| write(store, |batch, _| batch.happenings = happenings).await;
    add(vec![happening(2, 5), happening(1, 6)]).await.unwrap();
    assert_eq!(store.happenings(ChargePointKey(2), 10).await.unwrap(), [happening(2, 5)]);
    assert!(matches!(add(vec![happening(99, 7)]).await, Err(StoreError::Unknown(_))));
    for part in 0..5 {
        add((0..500).map(|ms| happening(1, part * 500 + ms)).collect()).await.unwrap();
    }
    let kept = store.happenings(ChargePointKey(1), 5_000).await.unwrap();
    assert!((1_000..1_300).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0], happening(1, 2_499), "newest first");
    assert_eq!(store.happenings(ChargePointKey(2), 10).await.unwrap().len(), 1, "of others nothing is lost");
}

async fn the_newest_that_was_found_is_kept(store: &dyn Store) {
    let finding = |charge_point, ms| Finding {
        charge_point: ChargePointKey(charge_point),
        at: Timestamp(ms),
        kind: FindingKind::OrphanValues,
        connector: Some(1),
        transaction: Some(TransactionId(1)),
        detail: "transactionId -1".to_owned(),
    };
    let add = async |findings: Vec<Finding>| write(store, |batch, _| batch.findings = findings).await;
    add(vec![finding(2, 5), finding(1, 6)]).await.unwrap();
    assert_eq!(store.findings(None, 10).await.unwrap(), [finding(1, 6), finding(2, 5)]);
    assert!(matches!(add(vec![finding(99, 7)]).await, Err(StoreError::Unknown(_))));
    for part in 0..5 {
        add((0..500).map(|ms| finding(1, part * 500 + ms)).collect()).await.unwrap();
    }
    let kept = store.findings(Some(ChargePointKey(1)), 5_000).await.unwrap();
    assert!((1_000..1_300).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0], finding(1, 2_499), "newest first");
    assert_eq!(
        store.findings(Some(ChargePointKey(2)), 10).await.unwrap(),
        [finding(2, 5)],
        "of others nothing is lost"
    );
}

fn limits(amperes: f64) -> Limits {
    let mut limits = Limits::default();
    limits.put(Limit {
        id: 1,
        connector: 1,
        stack_level: 2,
        purpose: Purpose::Tx,
        transaction: Some(TransactionId(1)),
        valid: (None, Some(Timestamp(1_700_000_000_000))),
        begin: Begin::Daily(Timestamp(1_600_000_000_000)),
        duration: Some(3_600_000),
        periods: vec![(0, amperes), (60_000, 6.5)],
    });
    limits
}

async fn limits_are_kept(store: &dyn Store) {
    let put =
        async |key, limits| write(store, |batch, _| batch.limits = vec![(ChargePointKey(key), Arc::new(limits))]).await;
    let kept = async || -> Vec<Limits> {
        store.inventory().await.unwrap().charge_points.into_iter().map(|stored| stored.limits).take(2).collect()
    };
    assert_eq!(kept().await, [Limits::default(), Limits::default()]);
    put(1, limits(10.0)).await.unwrap();
    put(2, limits(12.0)).await.unwrap();
    put(1, limits(16.0)).await.unwrap();
    assert_eq!(kept().await, [limits(16.0), limits(12.0)]);
    put(1, Limits::default()).await.unwrap();
    assert_eq!(kept().await, [Limits::default(), limits(12.0)]);
    assert!(matches!(put(99, limits(1.0)).await, Err(StoreError::Unknown(_))));
}

async fn peaks_are_kept(store: &dyn Store) {
    let put = async |peaks| write(store, |batch, _| batch.peaks = Some(Peaks(peaks))).await.unwrap();
    let kept = async || store.inventory().await.unwrap().peaks.0;
    let peak = |amperes, at| Some(Peak { amperes, at: Timestamp(at) });
    assert_eq!(kept().await, [None; 3]);
    put([peak(0.0, -5), None, peak(31.25, 1_700_000_000_123)]).await;
    assert_eq!(kept().await, [peak(0.0, -5), None, peak(31.25, 1_700_000_000_123)]);
    put([peak(12.5, 7), peak(1.0, 8), None]).await;
    write(store, |_, _| ()).await.unwrap();
    assert_eq!(kept().await, [peak(12.5, 7), peak(1.0, 8), peak(31.25, 1_700_000_000_123)]);
}

async fn the_last_answers_are_found(store: &dyn Store) {
    let audit = AuditEntry {
        at: Timestamp(1),
        actor: "operator".to_owned(),
        origin: "::1".to_owned(),
        action: "command".to_owned(),
        subject: String::new(),
        before: "null".to_owned(),
        after: "null".to_owned(),
    };
    let give = async |charge_point, action, state| {
        let new = NewCommand {
            charge_point: ChargePointKey(charge_point),
            action,
            arguments: "{}".to_owned(),
            key: None,
            at: Timestamp(1),
        };
        let mut command = store.add_command(&new, &audit).await.unwrap();
        command.enter(state, Timestamp(2));
        store.update_command(&command, None).await.unwrap();
        command.id
    };
    give(1, Action::GetConfiguration, CommandState::Effective).await;
    let second = give(1, Action::GetConfiguration, CommandState::Accepted).await;
    give(1, Action::GetConfiguration, CommandState::Rejected).await;
    let reset = give(1, Action::Reset, CommandState::NoEffect).await;
    give(1, Action::ClearCache, CommandState::TimedOut).await;
    give(2, Action::GetConfiguration, CommandState::Effective).await;
    let mut found: Vec<i64> =
        store.last_answers(ChargePointKey(1)).await.unwrap().iter().map(|command| command.id).collect();
    found.sort_unstable();
    assert_eq!(found, [second, reset]);
}

async fn passwords_of_charge_points_are_replaced_as_a_whole(store: &dyn Store) {
    let key = store.inventory().await.unwrap().charge_points[0].key;
    let password = |number: i32, origin, is_pending| StoredChargerPassword {
        number,
        hash: format!("$sha256$aa{number:02}"),
        origin,
        at: Timestamp(i64::from(number)),
        is_pending,
    };
    let entry = |action: &str| AuditEntry {
        at: Timestamp(3),
        actor: "boss".to_owned(),
        origin: "::1".to_owned(),
        action: action.to_owned(),
        subject: String::new(),
        before: "null".to_owned(),
        after: "{}".to_owned(),
    };
    assert_eq!(store.charger_passwords().await.unwrap(), []);
    let all = [password(1, PasswordOrigin::FirstUse, false), password(2, PasswordOrigin::Random, true)];
    store.put_charger_passwords(key, &all, &entry("set")).await.unwrap();
    let expected: Vec<_> = all.iter().map(|it| (key, it.clone())).collect();
    assert_eq!(store.charger_passwords().await.unwrap(), expected);
    let one = password(2, PasswordOrigin::Typed, false);
    store.put_charger_passwords(key, std::slice::from_ref(&one), &entry("used")).await.unwrap();
    assert_eq!(store.charger_passwords().await.unwrap(), [(key, one.clone())]);
    let unknown = store.put_charger_passwords(ChargePointKey(4_711), &all, &entry("unknown")).await.unwrap_err();
    assert_eq!(unknown.to_string(), "the charge point does not exist");
    assert_eq!(store.charger_passwords().await.unwrap(), [(key, one)], "nothing of what is refused is stored");
    store.put_charger_passwords(key, &[], &entry("removed")).await.unwrap();
    assert_eq!(store.charger_passwords().await.unwrap(), []);
    let log = store.audit_log(3).await.unwrap();
    assert_eq!(log.iter().map(|it| it.action.as_str()).collect::<Vec<_>>(), ["removed", "used", "set"]);
    assert!(!format!("{all:?}").contains("sha256"), "nothing of it is written into a log");
    // It is there when the site is replaced, and goes with it.
    store.put_charger_passwords(key, &all, &entry("set")).await.unwrap();
    assert!(!written(&store.export().await.unwrap()).contains("sha256"), "it is in no site file");
}

async fn alerts_begin_are_seen_and_end(store: &dyn Store) {
    let key = store.inventory().await.unwrap().charge_points[0].key;
    let causes = [
        Cause::Offline(key),
        Cause::Fault(key, "地故障".to_owned()),
        Cause::Stopped(key, TransactionId(7), "PowerLoss".to_owned()),
        Cause::Overload(Phase::C),
    ];
    assert_eq!(store.alerts_to_watch(Timestamp(0)).await.unwrap(), AlertInventory::default());
    let open: Vec<Alert> = causes
        .into_iter()
        .zip(1..)
        .map(|(cause, id)| {
            let (detail, since) = (format!("detail {id}"), Timestamp(id * 1_000));
            Alert { id, cause, detail, since, times: 1, ended_at: None, acknowledged: None }
        })
        .collect();
    // One comes with what a charge point told, the others by themselves.
    write(store, |batch, _| batch.alerts.push(open[2].clone())).await.unwrap();
    store.put_alerts(&open, None).await.unwrap();
    assert_eq!(store.alerts_to_watch(Timestamp(0)).await.unwrap(), AlertInventory { alerts: open.clone(), last_id: 4 });
    let entry = AuditEntry {
        at: Timestamp(9_000),
        actor: "anna".to_owned(),
        origin: "::1".to_owned(),
        action: "alert.acknowledge".to_owned(),
        subject: String::new(),
        before: "null".to_owned(),
        after: "{}".to_owned(),
    };
    let seen: Vec<Alert> = open.iter().map(|alert| alert.seen("anna", Timestamp(9_000))).collect();
    store.put_alerts(&seen, Some(&entry)).await.unwrap();
    assert_eq!(store.audit_log(1).await.unwrap(), [entry]);
    let unknown = Alert { id: 5, cause: Cause::Offline(ChargePointKey(9_999)), ..open[0].clone() };
    let refused = store.put_alerts(&[Alert { times: 9, ..seen[0].clone() }, unknown], None).await;
    assert!(matches!(refused, Err(StoreError::Unknown(_))), "{refused:?}");
    let watched = store.alerts_to_watch(Timestamp(9_001)).await.unwrap().alerts;
    assert_eq!(watched, [&seen[..2], &seen[3..]].concat(), "a stopped session ends when it is seen");
    let ended = |alert: &Alert, at| Alert { ended_at: Some(Timestamp(at)), ..alert.clone() };
    let (offline, fault) = (ended(&seen[0], 20_000), ended(&seen[1], 20_000));
    store.put_alerts(&[offline.clone(), fault.clone()], None).await.unwrap();
    let page = async |filter, before, limit| store.ended_alerts(filter, before, limit).await.unwrap();
    let all = AlertFilter::default();
    assert_eq!(page(all, None, 10).await, [fault.clone(), offline.clone(), seen[2].clone()]);
    let place = AlertPlace { at: Timestamp(20_000), id: fault.id };
    assert_eq!(page(all, Some(place), 1).await, std::slice::from_ref(&offline));
    let faults = AlertFilter { kind: Some(AlertKind::Fault), charge_point: Some(key) };
    assert_eq!(page(faults, None, 10).await, [fault]);
    let elsewhere = AlertFilter { charge_point: Some(ChargePointKey(9_999)), ..all };
    assert_eq!(page(elsewhere, None, 10).await, []);
    // It comes again.
    let again = Alert { times: 2, ended_at: None, ..offline };
    store.put_alerts(std::slice::from_ref(&again), None).await.unwrap();
    assert_eq!(store.alerts_to_watch(Timestamp(20_001)).await.unwrap().alerts, [again, seen[3].clone()]);
    // The newest are kept.
    let many: Vec<Alert> = (5..11_000).map(|id| Alert { id, ..seen[2].clone() }).collect();
    store.put_alerts(&many, None).await.unwrap();
    let kept = page(all, None, 20_000).await.len();
    assert!((10_000..10_600).contains(&kept), "{kept}");
}

async fn only_one_serves_it(site: &Site) {
    let second = site.try_open(None, Role::Owner).await;
    assert!(matches!(second, Err(StoreError::InUse)), "{}", site.name);
    let (reader, opened) = site.try_open(Some("Asia/Tokyo"), Role::Reader).await.unwrap();
    assert!(!opened.created);
    assert_eq!(reader.zone().name(), ZONE, "one who only reads does not change the zone");
    assert_eq!(reader.export().await.unwrap().sessions.unwrap().len(), 3);
    reader.close().await;
}

async fn it_is_all_there_after_a_restart(site: &Site) {
    let (store, opened) = site.try_open(None, Role::Owner).await.unwrap();
    assert_eq!((opened.created, opened.zone_changed_from), (false, None));
    assert_eq!(store.zone().name(), ZONE);
    assert_eq!(store.session_count().await.unwrap(), 3);
    assert_eq!(store.charger_passwords().await.unwrap().len(), 2);
    assert_eq!(store.inventory().await.unwrap().peaks.0[0].map(|peak| peak.amperes), Some(12.5));
    let fourth = start(&*store, ChargePointKey(1), "2024-04-02T00:00:00", None).await;
    assert_eq!((fourth.id, fourth.cycle), (TransactionId(4), Some(3)));
    store.close().await;
}

async fn another_zone_moves_the_days(site: &Site) {
    let (store, opened) = site.try_open(Some("America/New_York"), Role::Owner).await.unwrap();
    assert_eq!(opened.zone_changed_from.as_deref(), Some(ZONE));
    // Midnight in Berlin is the evening before in New York.
    assert_eq!(sums(&*store).await, [(1, "2024-03-31".to_owned(), 6_500)]);
    assert_eq!(ids(&store.sessions_of_day(day("2024-04-01")).await.unwrap()), [4]);
    store.close().await;
    let (store, opened) = site.try_open(Some(ZONE), Role::Owner).await.unwrap();
    assert_eq!(opened.zone_changed_from.as_deref(), Some("America/New_York"));
    assert_eq!(sums(&*store).await, [(1, "2024-03-31".to_owned(), 500), (1, "2024-04-01".to_owned(), 6_000)]);
    store.close().await;
}

#[test]
fn a_site_file_is_merged_and_replaces() {
    for site in Site::each() {
        println!("{}", site.name);
        run(async {
            let store = site.open("Asia/Shanghai").await;
            let file = SiteFile {
                charge_points: Some(vec![charge_point("b"), charge_point("a")]),
                sessions: Some(vec![
                    session(7, "a", "2019-02-06T10:00:00", "2019-02-06T13:00:00", 2_800),
                    session(5, "b", "2019-02-06T10:00:00", "2019-02-07T00:00:00", 1),
                ]),
                ..SiteFile::default()
            };
            store.import(&file, ImportMode::Merge).await.unwrap();
            assert_eq!(ids(&store.sessions_of_day(day("2019-02-06")).await.unwrap()), [7]);
            let third = start(&*store, ChargePointKey(2), "2019-02-08T00:00:00", None).await;
            assert_eq!((third.id, third.cycle), (TransactionId(8), Some(8)), "numbers go on after those of the file");
            merging_puts_whole_rows_in_place(&*store).await;
            replacing_leaves_nothing_but_the_audit(&*store).await;
            store.close().await;
        });
    }
}

async fn merging_puts_whole_rows_in_place(store: &dyn Store) {
    let with_model = ChargePoint { model_id: "EVC32N".to_owned(), ..charge_point("a") };
    let file = SiteFile {
        charge_points: Some(vec![charge_point("c"), with_model.clone()]),
        // Of a charge point that only the database has.
        sessions: Some(vec![session(7, "b", "2019-02-09T10:00:00", "2019-02-09T13:00:00", 300)]),
        ..SiteFile::default()
    };
    store.import(&file, ImportMode::Merge).await.unwrap();
    let inventory = store.inventory().await.unwrap();
    let stored: Vec<_> = inventory.charge_points.iter().map(|stored| &stored.charge_point).collect();
    assert_eq!(stored, [&charge_point("b"), &with_model, &charge_point("c")], "order and number stay");
    assert_eq!(sums(store).await, [(1, "2019-02-07".to_owned(), 1), (1, "2019-02-09".to_owned(), 300)]);
    let empty = SiteFile { sessions: Some(Vec::new()), ..SiteFile::default() };
    store.import(&empty, ImportMode::Merge).await.unwrap();
    assert_eq!(store.session_count().await.unwrap(), 3, "a merge takes nothing away");
}

async fn replacing_leaves_nothing_but_the_audit(store: &dyn Store) {
    let settings = Settings { currency: 978, ..Settings::default() };
    let entry = AuditEntry {
        at: Timestamp(1),
        actor: "operator".to_owned(),
        origin: "::1".to_owned(),
        action: "settings.save".to_owned(),
        subject: String::new(),
        before: "{}".to_owned(),
        after: "{}".to_owned(),
    };
    store.save_settings(&settings, &entry).await.unwrap();
    let before = written(&store.export().await.unwrap());
    let dangling = SiteFile {
        charge_points: Some(vec![charge_point("z")]),
        sessions: Some(vec![session(9, "a", "2019-02-06T10:00:00", "2019-02-06T13:00:00", 1)]),
        ..SiteFile::default()
    };
    let error = store.import(&dangling, ImportMode::Replace).await.unwrap_err();
    assert_eq!(error.to_string(), "charging_records[1] (intrecordid 9): vchchargerid: There is no charger \"a\".");
    assert_eq!(written(&store.export().await.unwrap()), before, "nothing is changed by what is refused");
    // What hangs on a charge point goes with it.
    let key = store.inventory().await.unwrap().charge_points[0].key;
    let (hash, origin, at) = ("$sha256$aa".to_owned(), PasswordOrigin::Random, Timestamp(1));
    let password = StoredChargerPassword { number: 1, hash, origin, at, is_pending: false };
    store.put_charger_passwords(key, &[password], &entry).await.unwrap();
    store.import(&SiteFile::default(), ImportMode::Replace).await.unwrap();
    assert!(store.is_empty().await.unwrap());
    assert_eq!(store.charger_passwords().await.unwrap(), []);
    assert_eq!(store.inventory().await.unwrap().settings, Settings::default());
    assert!(sums(store).await.is_empty());
    assert_eq!(store.audit_log(10).await.unwrap(), [entry.clone(), entry]);
    assert_eq!(start_error(store).await, "a charge point that has changed does not exist");
}

async fn start_error(store: &dyn Store) -> String {
    let start = SessionStart {
        charge_point: ChargePointKey(1),
        queued_at: Timestamp(0),
        started_at: Timestamp(0),
        id_tag: None,
    };
    start_session(store, &start).await.unwrap_err().to_string()
}

#[test]
fn the_same_bytes_come_back() {
    let odd = r#"{"chargers": [
        {"vchchargerid": "充电桩", "vchmodelid": "", "vchvenderid": "a\tb\"\\", "dblaccumlatedpower": 606.3120000000001, "dblaccumlatedminute": 3.0333333333333333}
      ],
      "charger_models": [{"vchmodelid": "ä", "dblmaxcurrent": 1e21}, {"vchmodelid": "Z"}],
      "charger_states": [{"vchchargerid": "充电桩"}],
      "charging_records": [
        {"intrecordid": 4, "vchchargerid": "充电桩", "dblenergy": 1.0005, "dttstarttime": "2024-10-27T02:30:00.25", "dttrealfinish": "9999-12-31T23:59:59.999"},
        {"intrecordid": 3, "vchchargerid": "充电桩", "dblenergy": 215, "dttstarttime": "2024-03-31 02:30", "dttfinishtime": "0001-01-01T00:00:00"},
        {"intrecordid": 2, "vchchargerid": "充电桩", "dblenergy": 0}
      ]}"#;
    for site in Site::each() {
        for zone in ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Shanghai"] {
            run(async {
                let store = site.open(zone).await;
                let file = SiteFile::parse(odd.as_bytes()).unwrap();
                store.import(&file, ImportMode::Replace).await.unwrap();
                let first = written(&store.export().await.unwrap());
                let again = SiteFile::parse(first.as_bytes()).unwrap();
                store.import(&again, ImportMode::Replace).await.unwrap();
                assert_eq!(written(&store.export().await.unwrap()), first, "{} {zone}", site.name);
                store.import(&again, ImportMode::Merge).await.unwrap();
                assert_eq!(written(&store.export().await.unwrap()), first, "{} {zone}", site.name);
                assert!(first.contains("\"dblaccumlatedpower\": 606.312,") && first.contains("\"dblenergy\": 215.0,"));
                assert!(first.contains("\n   \"vchchargerid\": \"充电桩\",\n"), "{first}");
                assert!(first.contains("T23:59:59.999\"") && first.ends_with("}\n"));
                let last = store.session(TransactionId(4)).await.unwrap().unwrap();
                assert_eq!(store.zone().local(last.finished_at.unwrap()), local("9999-12-31T23:59:59.999"));
                store.close().await;
            });
        }
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let no_database = folder.path().join("text.db");
        std::fs::write(&no_database, "this is a letter, not a database, and long enough to be seen as such".repeat(99))
            .unwrap();
        let cases = [
            ("mysql://localhost/x".to_owned(), "the database URL must begin with sqlite:// or postgres://"),
            ("sqlite://".to_owned(), "the database URL must name a file: sqlite://PATH"),
            ("sqlite::memory:".to_owned(), "the database URL must name a file: sqlite://PATH"),
            (format!("sqlite://{}", no_database.display()), "file is not a database"),
            (format!("sqlite://{}/below/site.db", no_database.display()), "text.db/below: "),
            ("postgres://user:secret@127.0.0.1:1/site".to_owned(), "Connection refused"),
            ("postgres://user:secret@127.0.0.1:port/site".to_owned(), "invalid port"),
        ];
        for (url, expected) in cases {
            let site = Site { name: "none", url, folder: None };
            let error = site.try_open(None, Role::Owner).await.map(|_| ()).unwrap_err();
            let line = error.to_string();
            assert!(line.contains(expected) && !line.contains('\n'), "{}: {line}", site.url);
            assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
        }
    });
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    use sqlx::Connection;
    for site in Site::each() {
        run(async {
            site.open(ZONE).await.close().await;
            let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                         SELECT 9001, 'of tomorrow', success, checksum, 0 FROM _sqlx_migrations LIMIT 1";
            if site.folder.is_some() {
                let mut connection = sqlx::SqliteConnection::connect(&site.url).await.unwrap();
                sqlx::query(newer).execute(&mut connection).await.unwrap();
            } else {
                let mut connection = sqlx::PgConnection::connect(&site.url).await.unwrap();
                sqlx::query(newer).execute(&mut connection).await.unwrap();
            }
            for role in [Role::Owner, Role::Reader] {
                let refused = site.try_open(None, role).await.map(|_| ());
                assert!(matches!(refused, Err(StoreError::Newer(9001))), "{}: {refused:?}", site.name);
            }
        });
    }
}
