//! What bit other central systems, one test for each line of it, and that nothing at all can upset the machine.

use super::card::{Card, IdTag, Permission};
use super::limit::{Begin, Which};
use super::*;
use crate::record::Identity;
use proptest::prelude::*;

const NOW: i64 = 1_790_000_000_000;
const MINUTE: i64 = 60_000;

/// A charge point and all that it has caused.
struct Story {
    charger: ChargePointNow,
    cards: Cards,
    last_id: i32,
    changes: Changes,
    arrival: Timestamp,
    history: History,
}

impl Story {
    fn new() -> Self {
        let point = ChargePoint::unknown(Identity::new("A").unwrap());
        Self {
            charger: ChargePointNow::new(ChargePointKey(1), point, None),
            cards: Cards::new([], true),
            last_id: 0,
            changes: Changes::default(),
            arrival: Timestamp(NOW),
            history: History::default(),
        }
    }

    /// Some minutes later.
    fn later(&mut self, minutes: i64) -> &mut Self {
        self.arrival = self.arrival.plus(minutes * MINUTE);
        self
    }

    fn hear(&mut self, event: Event) -> Answer {
        let mut context = Context {
            arrival: self.arrival,
            cards: &self.cards,
            models: &HashMap::new(),
            history: std::mem::take(&mut self.history),
            last_id: &mut self.last_id,
            changes: &mut self.changes,
        };
        self.charger.hear(event, &mut context)
    }

    fn time(&self) -> Told {
        Told::ours(self.arrival)
    }

    fn boot(&mut self) {
        self.hear(Event::Boot(Boot::default()));
    }

    fn status(&mut self, connector: i32, name: &str) {
        let status = Status { name: name.to_owned(), error: None, info: None, time: self.time() };
        self.hear(Event::Status(connector, status));
    }

    fn start_of(&self, register: i64) -> Start {
        Start { connector: 1, id_tag: "CARD".to_owned(), register, time: self.time() }
    }

    fn start(&mut self, register: i64) -> i64 {
        let start = self.start_of(register);
        match self.hear(Event::Start(start)) {
            Answer::Started(id, _) => id.0.into(),
            other => panic!("{other:?}"),
        }
    }

    fn stop_of(&self, transaction: i64, register: i64) -> Stop {
        Stop { transaction, id_tag: None, register, time: self.time(), reason: None, readings: Vec::new() }
    }

    fn stop(&mut self, transaction: i64, register: i64) {
        let stop = self.stop_of(transaction, register);
        self.hear(Event::Stop(stop));
    }

    fn meter(&mut self, transaction: Option<i64>, register: i64, amperes: f64) {
        let reading = Reading {
            time: self.time(),
            register: Some(register),
            currents: LineCurrents([Some(amperes), None, None]),
            offered: Some(32.0),
            power: None,
        };
        self.hear(Event::Meter(Meter { connector: 1, transaction, readings: vec![reading] }));
    }

    fn state(&self) -> &str {
        self.charger.state_name().unwrap_or("")
    }

    fn found(&self) -> Vec<FindingKind> {
        self.changes.findings.iter().map(|finding| finding.kind).collect()
    }

    /// The sessions as they are stored in the end.
    fn stored(&self) -> HashMap<i32, Transaction> {
        self.changes
            .sessions
            .iter()
            .map(|change| (change.after.transaction.id.0, change.after.transaction.clone()))
            .collect()
    }
}

#[test]
fn states_follow_the_table_of_the_guide() {
    let mut story = Story::new();
    story.boot();
    assert_eq!(story.state(), "BootUp");
    for (status, state) in [
        ("Available", "Available"),
        ("Preparing", "PreParing"),
        ("Charging", "Charging"),
        ("SuspendedEV", "SupsendedEV"),
        ("SuspendedEVSE", "SuspendedEVSE"),
        ("Finishing", "Finishing"),
        ("Reserved", "Reserved"),
        ("Unavailable", "Unavailable"),
        ("Faulted", "Faulted"),
        ("Sleeping", "Sleeping"),
    ] {
        story.status(1, status);
        assert_eq!((story.state(), story.charger.command()), (state, Some("StatusNotification")));
    }
    story.hear(Event::Heartbeat);
    assert_eq!((story.state(), story.charger.command()), ("Sleeping", Some("Heartbeat")));
    story.hear(Event::DataTransfer);
    assert_eq!(story.state(), "SendMessage");
    story.status(1, "Available");
    story.hear(Event::Accepted(Accepted::RemoteStart(1)));
    assert_eq!((story.state(), story.charger.command()), ("RemoteCharging", Some("RemoteStartTransaction")));
    let id = story.start(0);
    assert_eq!(story.state(), "Charging");
    story.status(1, "SuspendedEV");
    story.later(1).meter(Some(id), 10, 0.0);
    assert_eq!(story.state(), "SupsendedEV", "meter values do not say that it charges again");
    story.hear(Event::Accepted(Accepted::RemoteStop(id)));
    assert_eq!(story.state(), "RemoteStopCharging");
    story.stop(id, 20);
    assert_eq!(story.state(), "StopCharging");
    story.status(1, "Available");
    story.hear(Event::Firmware("Downloading".to_owned()));
    assert_eq!(story.state(), "Updating");
    story.status(1, "Unavailable");
    assert_eq!(story.state(), "Updating");
    story.hear(Event::Firmware("Installed".to_owned()));
    assert_eq!(story.state(), "Unavailable");
    story.hear(Event::Accepted(Accepted::Reset));
    assert_eq!(story.state(), "Reboot");
    story.hear(Event::Disconnected { link: 1 });
    assert_eq!(story.state(), "Reboot", "losing the connection does not change the state");
}

#[test]
fn meter_values_in_a_session_say_that_it_charges() {
    let mut story = Story::new();
    let id = story.start(0);
    for status in ["Available", "Preparing"] {
        let connector = story.charger.connector_mut(1);
        connector.state = Some(documented(status));
        story.later(1).meter(Some(id), 10, 16.0);
        assert_eq!(story.state(), "Charging");
    }
    story.hear(Event::DataTransfer);
    story.later(1).meter(Some(id), 20, 16.0);
    assert_eq!(story.state(), "Charging");
}

#[test]
fn of_several_connectors_the_most_active_speaks_and_zero_only_of_the_whole() {
    let mut story = Story::new();
    story.status(1, "Available");
    story.status(2, "Charging");
    assert_eq!(story.state(), "Charging");
    story.status(0, "Faulted");
    assert_eq!(story.state(), "Charging");
    story.status(2, "Available");
    assert_eq!(story.state(), "Faulted");
    story.status(0, "Available");
    story.status(1, "Finishing");
    assert_eq!(story.state(), "Finishing");
    let mut whole = Story::new();
    whole.status(0, "Available");
    assert_eq!(whole.state(), "Available", "where nothing else is known");
}

#[test]
fn the_same_start_gives_the_same_number() {
    let mut story = Story::new();
    let start = story.start_of(100);
    let first = story.hear(Event::Start(start.clone()));
    assert_eq!(story.hear(Event::Start(start.clone())), first);
    let same_in_capitals = Start { id_tag: "card".to_owned(), ..start.clone() };
    assert_eq!(story.hear(Event::Start(same_in_capitals)), first, "idTags are equal ignoring case");
    story.later(1).stop(1, 200);
    assert_eq!(story.hear(Event::Start(start.clone())), first, "also when it has ended");
    assert_eq!(story.changes.sessions.len(), 2);
    let other = Start { register: 200, ..start };
    assert_ne!(story.hear(Event::Start(other)), first);
}

#[test]
fn a_start_from_before_the_servers_own_start_is_asked_about() {
    let mut story = Story::new();
    story.charger.newest_start = Some(Timestamp(NOW));
    let start = story.start_of(0);
    assert!(story.charger.needs_history(&Event::Start(start.clone())));
    let newer = Start { time: Told::ours(Timestamp(NOW + 1)), ..start.clone() };
    assert!(!story.charger.needs_history(&Event::Start(newer)));
    let id = TransactionId(77);
    let begun = Session::begin(ChargePointKey(1), id, 1, start.clone(), Timestamp(NOW), Timestamp(NOW));
    story.history.begun = Some(begun);
    assert!(matches!(story.hear(Event::Start(start)), Answer::Started(TransactionId(77), _)));
}

#[test]
fn the_same_stop_is_answered_again_and_changes_nothing() {
    let mut story = Story::new();
    let id = story.start(0);
    story.later(60);
    let stop = story.stop_of(id, 5_000);
    story.hear(Event::Stop(stop.clone()));
    let (stored, totals) = (story.changes.sessions.len(), story.charger.charge_point.total_energy);
    assert_eq!(story.later(5).hear(Event::Stop(stop)), Answer::Stopped(None));
    assert_eq!((story.changes.sessions.len(), story.charger.charge_point.total_energy), (stored, totals));
    assert_eq!(story.found(), []);
    story.stop(id, 9_999);
    assert_eq!(story.found(), [FindingKind::SecondStop]);
    assert_eq!(story.stored()[&1].energy.wh(), 5_000);
}

#[test]
fn a_stop_or_values_of_an_unknown_session_are_kept_for_the_operator() {
    let mut story = Story::new();
    let id = story.start(0);
    for unknown in [-1, 0, id + 1, i64::MAX] {
        story.stop(unknown, 10);
        story.meter(Some(unknown), 10, 5.0);
        story.meter(Some(unknown), 11, 5.0);
    }
    let found = story.found();
    assert_eq!(found.iter().filter(|kind| **kind == FindingKind::OrphanStop).count(), 4);
    assert_eq!(found.iter().filter(|kind| **kind == FindingKind::OrphanValues).count(), 4, "said once");
    assert_eq!(story.charger.running.len(), 1, "no connector is guessed");
    assert_eq!(story.changes.values.iter().filter(|it| it.value.transaction.is_none()).count(), 8);
}

#[test]
fn a_rejected_card_still_gets_a_session() {
    let mut story = Story::new();
    let tag = IdTag::new("CARD").unwrap();
    let card = Card { tag, group: None, is_blocked: true, expires_at: None, note: String::new() };
    story.cards.put(card);
    let start = story.start_of(0);
    let Answer::Started(id, verdict) = story.hear(Event::Start(start)) else { panic!() };
    assert_eq!((id.0, verdict.permission), (1, Permission::Blocked));
    assert_eq!(story.stored().len(), 1);
}

#[test]
fn a_boot_of_its_own_ends_a_session_that_lost_its_stop_and_a_late_stop_overwrites_that() {
    let mut story = Story::new();
    let id = story.start(1_000);
    story.later(30).meter(Some(id), 4_000, 16.0);
    let measured_at = story.arrival;
    story.later(10).boot();
    assert!(story.charger.running.is_empty());
    assert_eq!(story.stored()[&1].finished_at, Some(measured_at));
    assert_eq!(story.charger.charge_point.total_energy, Some(Energy::from_wh(3_000)));
    let stop = Stop { time: Told::ours(measured_at.plus(5 * MINUTE)), ..story.stop_of(id, 4_500) };
    story.later(1).hear(Event::Stop(stop));
    let session = &story.stored()[&1];
    assert_eq!((session.energy.wh(), session.finished_at), (3_500, Some(measured_at.plus(5 * MINUTE))));
    assert_eq!(story.charger.charge_point.total_energy, Some(Energy::from_wh(3_500)));
    assert_eq!(story.found(), [FindingKind::LostStop]);
}

#[test]
fn a_boot_that_we_triggered_ends_nothing_and_leaves_the_state_alone() {
    let mut story = Story::new();
    story.start(0);
    story.hear(Event::Boot(Boot { is_triggered: true, vendor: "V".to_owned(), ..Boot::default() }));
    assert_eq!((story.state(), story.charger.running.len()), ("Charging", 1));
    assert_eq!(story.charger.charge_point.vendor.as_deref(), Some("V"));
}

#[test]
fn available_ends_only_the_session_of_its_own_connector_and_only_one_that_began_before() {
    let mut story = Story::new();
    story.start(0);
    story.later(1).status(2, "Available");
    assert_eq!(story.charger.running.len(), 1);
    let before =
        Status { name: "Available".to_owned(), error: None, info: None, time: Told::ours(Timestamp(NOW - MINUTE)) };
    story.hear(Event::Status(1, before));
    assert_eq!(story.charger.running.len(), 1);
    story.later(1).status(1, "Available");
    assert_eq!(story.charger.running.len(), 0);
    assert_eq!(story.found(), [FindingKind::LostStop]);
}

#[test]
fn sessions_queued_offline_arrive_later_and_their_own_times_count() {
    let mut story = Story::new();
    let now = story.later(600).start(50_000);
    story.later(1).meter(Some(now), 50_100, 10.0);
    for hour in 0..3 {
        let began = Timestamp(NOW + hour * 60 * MINUTE);
        let start = Start { time: Told::ours(began), ..story.start_of(hour * 7_000) };
        let Answer::Started(id, _) = story.hear(Event::Start(start)) else { panic!() };
        let stop = Stop { time: Told::ours(began.plus(50 * MINUTE)), ..story.stop_of(id.0.into(), (hour + 1) * 7_000) };
        story.hear(Event::Stop(stop));
        let session = &story.stored()[&id.0];
        assert_eq!((session.started_at, session.energy.wh()), (Some(began), 7_000));
        assert_eq!(session.finished_at, Some(began.plus(50 * MINUTE)));
    }
    assert_eq!((story.state(), story.charger.running.len()), ("Charging", 1), "the present goes on");
    assert_eq!(story.charger.state.as_ref().unwrap().session_energy, Some(100));
    let received = story.changes.sessions.last().unwrap().after.received;
    assert_eq!(received, (story.arrival, Some(story.arrival)));
}

#[test]
fn what_was_kept_offline_does_not_take_the_present_over() {
    let mut story = Story::new();
    story.later(600).status(1, "Available");
    let began = Timestamp(NOW);
    let start = Start { time: Told::ours(began), ..story.start_of(0) };
    let Answer::Started(id, _) = story.hear(Event::Start(start)) else { panic!() };
    assert_eq!(story.state(), "Available");
    let stop = Stop { time: Told::ours(began.plus(60 * MINUTE)), ..story.stop_of(id.0.into(), 5_000) };
    story.hear(Event::Stop(stop));
    assert_eq!((story.state(), story.stored()[&id.0].energy.wh()), ("Available", 5_000));
}

#[test]
fn the_end_of_an_old_connection_says_nothing_of_the_new_one() {
    let mut story = Story::new();
    for link in [1, 2] {
        story.hear(Event::Connected { link, address: None });
    }
    story.hear(Event::Disconnected { link: 1 });
    assert!(story.charger.is_online());
    story.hear(Event::Disconnected { link: 2 });
    assert!(!story.charger.is_online());
}

#[test]
fn a_clock_of_1970_or_a_day_ahead_is_flagged_and_the_arrival_counts() {
    for wrong in [0, NOW + 86_400_000] {
        let mut story = Story::new();
        let time = Told::judge(Timestamp(wrong), story.arrival);
        let start = Start { time, ..story.start_of(0) };
        story.hear(Event::Start(start.clone()));
        assert_eq!(story.stored()[&1].started_at, Some(Timestamp(NOW)));
        assert_eq!(story.changes.sessions[0].after.start.claimed, Some(Timestamp(wrong)));
        assert_eq!(story.found(), [FindingKind::WrongClock]);
        let repeated = Start { time: Told::judge(Timestamp(wrong), story.later(3).arrival), ..start };
        assert!(matches!(story.hear(Event::Start(repeated)), Answer::Started(TransactionId(1), _)));
    }
}

#[test]
fn values_without_a_number_are_of_the_session_on_their_connector() {
    let mut story = Story::new();
    story.start(100);
    story.later(1).meter(None, 400, 12.0);
    assert_eq!(story.changes.values[0].value.transaction, Some(TransactionId(1)));
    assert_eq!(story.charger.running[0].transaction.energy.wh(), 300);
}

#[test]
fn the_documented_numbers_follow() {
    let mut story = Story::new();
    story.hear(Event::Authorize("CARD".to_owned()));
    let authorized = story.arrival;
    let id = story.later(2).start(0);
    assert_eq!(story.stored()[&1].queued_at, Some(authorized));
    let reading = Reading {
        time: story.later(10).time(),
        register: Some(1_500),
        currents: LineCurrents([Some(15.6), Some(0.2), Some(9.0)]),
        offered: Some(16.4),
        power: Some(5_000.0),
    };
    story.hear(Event::Meter(Meter { connector: 1, transaction: Some(id), readings: vec![reading] }));
    let state = story.charger.state.clone().unwrap();
    assert_eq!((state.current, state.current_offered, state.phases), (Some(16), Some(16), Some(2)));
    assert_eq!((state.session_energy, state.session_minutes), (Some(1_500), Some(10)));
    assert_eq!(story.charger.currents(story.arrival).unwrap().0[0], Some(15.6));
    story.later(5).stop(id, 2_000);
    let state = story.charger.state.clone().unwrap();
    assert_eq!((state.current, state.current_offered), (Some(0), Some(0)));
    assert_eq!((state.session_energy, state.session_minutes), (Some(2_000), Some(15)));
    assert_eq!(story.charger.currents(story.arrival).unwrap().0, [Some(0.0), Some(0.0), Some(0.0)]);
    story.hear(Event::Disconnected { link: 1 });
    assert_eq!(story.charger.currents(story.arrival), None);
}

/// A limit for sessions, from now on.
fn limit(id: i32, purpose: Purpose, amperes: f64) -> Limit {
    Limit {
        id,
        connector: i32::from(purpose != Purpose::ChargePointMax),
        stack_level: 0,
        purpose,
        transaction: None,
        valid: (None, None),
        begin: Begin::At(Timestamp(NOW)),
        duration: None,
        periods: vec![(0, amperes)],
    }
}

impl Story {
    fn limit(&mut self, limit: Limit) {
        self.hear(Event::Accepted(Accepted::Limit(Box::new(limit))));
    }

    /// The documented intcurrent.
    fn most(&mut self) -> Option<i32> {
        self.hear(Event::Heartbeat);
        self.charger.state.as_ref().unwrap().current_limit
    }
}

#[test]
fn the_most_that_it_may_draw_is_the_lowest_of_the_model_and_the_limits() {
    let mut story = Story::new();
    let model = Model { id: "M".to_owned(), max_current: Some(32.0), min_current: None, phases: None };
    story.charger.model = Some(Arc::new(model));
    assert_eq!(story.most(), Some(32));
    story.limit(limit(1, Purpose::ChargePointMax, 63.0));
    assert_eq!((story.most(), story.charger.command()), (Some(32), Some("Heartbeat")));
    story.limit(limit(2, Purpose::TxDefault, 16.0));
    assert_eq!(story.charger.command(), Some("SetChargingProfile"));
    assert_eq!(story.most(), Some(16));
    story.limit(limit(1, Purpose::ChargePointMax, 10.0));
    assert_eq!(story.most(), Some(10));
    story.hear(Event::Accepted(Accepted::NoLimit(Which { id: Some(1), ..Which::default() })));
    assert_eq!(story.charger.command(), Some("ClearChargingProfile"));
    assert_eq!(story.most(), Some(16));
    story.boot();
    assert_eq!(story.most(), Some(16), "a start takes no limit away");
    let soon = Limit { valid: (None, Some(story.arrival.plus(MINUTE))), ..limit(3, Purpose::ChargePointMax, 6.0) };
    story.limit(soon);
    assert_eq!(story.most(), Some(6));
    assert_eq!(story.later(1).most(), Some(16));
    story.hear(Event::Accepted(Accepted::NoLimit(Which::default())));
    assert_eq!(story.most(), Some(32));
    assert_eq!(story.changes.limits, BTreeSet::from([ChargePointKey(1)]), "they are stored");
}

#[test]
fn a_limit_of_a_session_ends_with_it() {
    let mut story = Story::new();
    story.limit(limit(1, Purpose::Tx, 6.0));
    assert_eq!(story.most(), None, "there is no session");
    let id = story.start(0);
    story.limit(limit(1, Purpose::TxDefault, 16.0));
    story.limit(limit(2, Purpose::Tx, 20.0));
    assert_eq!(story.most(), Some(20), "that of the session counts before that of all of them");
    story.changes.limits.clear();
    story.later(1).stop(id, 10);
    assert_eq!((story.most(), story.changes.limits.len()), (Some(16), 1));
    let other = story.start(10);
    story.limit(Limit { transaction: Some(TransactionId(1)), ..limit(3, Purpose::Tx, 8.0) });
    assert_eq!(story.most(), Some(16), "it is for one that has ended");
    let named = TransactionId(i32::try_from(other).unwrap());
    story.limit(Limit { transaction: Some(named), ..limit(3, Purpose::Tx, 8.0) });
    assert_eq!(story.most(), Some(8));
    story.boot();
    story.hear(Event::Accepted(Accepted::NoLimit(Which::default())));
    assert_eq!(story.most(), None, "what came of a limit goes with it");
    let known = ChargePointState { current_limit: Some(25), ..ChargePointState::default() };
    story.charger.restore(Some(known), Vec::new(), Limits::default());
    story.limit(limit(1, Purpose::ChargePointMax, 10.0));
    assert_eq!(story.most(), Some(10));
    story.hear(Event::Accepted(Accepted::NoLimit(Which::default())));
    assert_eq!(story.most(), Some(25), "what was known before comes back");
}

#[test]
fn of_several_connectors_the_one_counts_that_may_draw_the_most() {
    let mut story = Story::new();
    for connector in 0..3 {
        story.status(connector, "Available");
    }
    story.limit(limit(1, Purpose::TxDefault, 10.0));
    assert_eq!(story.most(), None, "the other one has no limit");
    story.limit(Limit { connector: 2, ..limit(2, Purpose::TxDefault, 20.0) });
    assert_eq!(story.most(), Some(20));
    story.later(1).start(0);
    assert_eq!(story.most(), Some(10), "only the first one charges");
}

#[test]
fn what_was_known_goes_on_and_so_does_what_covers_it() {
    for (name, after) in [
        ("Updating", "Updating"),
        ("Reboot", "Reboot"),
        ("SendMessage", "SendMessage"),
        ("BootUp", "BootUp"),
        ("Charging", "Available"),
    ] {
        let state = ChargePointState { state: Some(name.to_owned()), ..ChargePointState::default() };
        let connector = Connector { number: 1, state: Some("Available".to_owned()), ..Connector::default() };
        let mut story = Story::new();
        story.charger.restore(Some(state), vec![connector], Limits::default());
        story.hear(Event::Heartbeat);
        assert_eq!(story.state(), after, "{name}");
        story.status(1, "Preparing");
        assert_eq!(story.state(), if name == "Updating" { "Updating" } else { "PreParing" });
        story.hear(Event::Firmware("Installed".to_owned()));
        assert_eq!(story.state(), "PreParing");
    }
}

#[test]
fn what_flows_in_a_session_that_nobody_knows_flows_on_the_sites_lines() {
    let mut story = Story::new();
    story.meter(Some(-1), 10, 13.0);
    assert_eq!(story.charger.currents(story.arrival).unwrap().0[0], Some(13.0));
    let id = story.later(1).start(0);
    story.later(1).stop(id, 10);
    story.meter(Some(id), 10, 7.0);
    assert_eq!(story.charger.currents(story.arrival).unwrap().0[0], Some(0.0), "one that has ended is over");
}

#[test]
fn what_is_offered_is_known_while_a_car_charges_and_it_is_in_contact() {
    let mut story = Story::new();
    story.hear(Event::Connected { link: 1, address: None });
    assert_eq!(story.charger.offered(), None);
    let id = story.start(0);
    assert_eq!(story.charger.offered(), None, "it has not told, which is not 0");
    story.meter(Some(id), 10, 13.0);
    assert_eq!(story.charger.offered(), Some(32.0));
    // What was measured is known for 5 minutes, and no longer.
    let until = story.charger.currents_change_at(story.arrival).unwrap();
    assert_eq!(until.since(story.arrival), 5 * MINUTE + 1);
    assert!(story.charger.currents(until.plus(-1)).is_some() && story.charger.currents(until).is_none());
    assert_eq!(story.charger.currents_change_at(until), None);
    story.hear(Event::Disconnected { link: 1 });
    assert_eq!(story.charger.offered(), None);
    story.hear(Event::Connected { link: 2, address: None });
    story.stop(id, 20);
    assert_eq!(story.charger.offered(), None);
}

#[test]
fn what_is_found_again_and_again_is_told_once() {
    let mut story = Story::new();
    for unknown in [-1, 77, -1, 77, -1, 77] {
        story.later(1).meter(Some(unknown), 10, 1.0);
    }
    assert_eq!(story.found(), [FindingKind::OrphanValues; 2]);
    assert!(!story.charger.needs_history(&Event::Meter(Meter {
        connector: 1,
        transaction: Some(-1),
        readings: Vec::new()
    })));
    let mut story = Story::new();
    let id = story.start(0);
    for register in [10, 5, 900_000_000, 10, 900_000_000, 20] {
        story.later(1).meter(Some(id), register, 1.0);
    }
    assert_eq!(story.found(), [FindingKind::MeterBack, FindingKind::MeterJump]);
    story.stop(id, 0);
    let id = story.later(1).start(100);
    story.later(1).meter(Some(id), 50, 1.0);
    assert_eq!(story.found()[2..], [FindingKind::MeterBack], "of another session it is told");
}

#[test]
fn any_frame_is_a_contact_and_changes_nothing_else() {
    let mut story = Story::new();
    story.status(1, "Available");
    story.changes = Changes::default();
    story.later(1).hear(Event::Alive);
    assert_eq!(story.charger.last_contact(), Some(story.arrival));
    assert_eq!((story.state(), story.charger.command()), ("Available", Some("StatusNotification")));
    assert!(story.changes.states.is_empty(), "it is stored with what comes next");
}

#[test]
fn heartbeats_and_values_alone_are_no_change_of_state_to_be_stored() {
    let mut story = Story::new();
    let id = story.start(0);
    story.changes = Changes::default();
    story.later(1).meter(Some(id), 1, 1.0);
    story.hear(Event::Heartbeat);
    assert!(story.changes.states.is_empty());
    assert_eq!(story.changes.values.len(), 1);
}

#[test]
fn values_that_are_repeated_are_stored_once() {
    let mut story = Story::new();
    let id = story.start(0);
    let reading = |minutes: i64, register, amperes| Reading {
        time: Told::ours(Timestamp(NOW + minutes * MINUTE)),
        register: Some(register),
        currents: LineCurrents([Some(amperes), None, None]),
        offered: None,
        power: None,
    };
    let meter =
        |readings: &[Reading]| Event::Meter(Meter { connector: 1, transaction: Some(id), readings: readings.to_vec() });
    let two = [reading(1, 100, 16.0), reading(2, 200, 16.0)];
    story.later(2).hear(meter(&two));
    story.later(1).hear(meter(&two));
    assert_eq!(story.changes.values.len(), 2, "its answer was lost");
    assert_eq!(story.charger.running[0].transaction.energy.wh(), 200);
    story.hear(meter(&[reading(3, 200, 16.0)]));
    story.hear(meter(&[reading(3, 200, 0.0)]));
    story.hear(meter(&[reading(3, 300, 0.0)]));
    assert_eq!(story.changes.values.len(), 5, "another moment, current or register is another value");
    let end = Stop { readings: two.to_vec(), ..story.stop_of(id, 300) };
    story.hear(Event::Stop(end));
    assert_eq!(story.changes.values.len(), 5, "the stop says once more what was measured");
    assert_eq!(story.stored()[&1].energy.wh(), 300);
    story.hear(meter(&[reading(3, 300, 0.0)]));
    assert_eq!(story.changes.values.len(), 5, "also after its end");
}

#[test]
fn values_of_a_wrong_clock_that_are_repeated_are_stored_once() {
    let mut story = Story::new();
    let id = story.start(0);
    for _ in 0..2 {
        let reading = Reading {
            time: Told::judge(Timestamp(5_000), story.later(1).arrival),
            register: Some(100),
            currents: LineCurrents::default(),
            offered: None,
            power: None,
        };
        story.hear(Event::Meter(Meter { connector: 1, transaction: Some(id), readings: vec![reading] }));
    }
    assert_eq!(story.changes.values.len(), 1);
}

#[test]
fn values_that_were_stored_before_the_sites_own_start_are_not_stored_again() {
    let mut story = Story::new();
    let id = story.start(0);
    story.later(1).meter(Some(id), 100, 16.0);
    let mut again = Story::new();
    again.arrival = story.arrival;
    again.charger.resume(story.charger.running[0].clone());
    again.charger.remember(&story.changes.values[0]);
    again.meter(Some(id), 100, 16.0);
    assert!(again.changes.values.is_empty());
    again.later(1).meter(Some(id), 200, 16.0);
    assert_eq!(again.changes.values.len(), 1);
}

#[test]
fn an_orphaned_stop_that_is_repeated_is_found_once() {
    let mut story = Story::new();
    let stop = story.stop_of(77, 10);
    story.hear(Event::Stop(stop.clone()));
    assert_eq!(story.later(3).hear(Event::Stop(stop)), Answer::Stopped(None));
    assert_eq!(story.found(), [FindingKind::OrphanStop]);
}

#[test]
fn only_what_is_new_happens() {
    let mut story = Story::new();
    story.hear(Event::Connected { link: 1, address: Some("10.0.0.7".to_owned()) });
    let boot = Boot { vendor: "V".to_owned(), firmware_version: Some("1.2".to_owned()), ..Boot::default() };
    story.hear(Event::Boot(boot.clone()));
    story.hear(Event::Boot(Boot { is_triggered: true, ..boot }));
    for _ in 0..2 {
        story.later(1).status(1, "Preparing");
        story.hear(Event::Heartbeat);
        story.hear(Event::Firmware("Downloading".to_owned()));
        story.hear(Event::Diagnostics("Uploading".to_owned()));
    }
    let id = story.start(0);
    story.later(1).meter(Some(id), 10, 16.0);
    let fault = Status {
        name: "Faulted".to_owned(),
        error: Some("GroundFailure".to_owned()),
        info: Some("V12".to_owned()),
        time: story.time(),
    };
    story.hear(Event::Status(1, fault.clone()));
    story.hear(Event::Status(1, Status { info: None, ..fault }));
    story.hear(Event::Disconnected { link: 1 });
    story.hear(Event::Disconnected { link: 1 });
    let told: Vec<_> = story
        .changes
        .happenings
        .iter()
        .map(|it| (it.kind.word(), it.connector, it.status.as_deref().unwrap_or_default(), it.detail.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("connected", None, "", "10.0.0.7"),
            ("boot", None, "", "V, 1.2"),
            ("status", Some(1), "PreParing", ""),
            ("firmware", None, "Downloading", ""),
            ("diagnostics", None, "Uploading", ""),
            ("status", Some(1), "Faulted", "GroundFailure, V12"),
            ("status", Some(1), "Faulted", "GroundFailure"),
            ("lost", None, "", ""),
        ]
    );
}

#[test]
fn numbers_end_with_the_last_one() {
    let mut story = Story::new();
    story.last_id = i32::MAX;
    let start = story.start_of(0);
    assert_eq!(story.hear(Event::Start(start)), Answer::NoNumberLeft);
    assert!(story.changes.sessions.is_empty());
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX), NOW - 10_000_000..NOW + 10_000_000]
}

fn any_event() -> impl Strategy<Value = (Event, i64)> {
    let told = || any_time().prop_map(|at| Told::judge(Timestamp(at), Timestamp(NOW)));
    let register = || prop_oneof![Just(-1), Just(i64::MAX), 0_i64..100_000];
    let number = || prop_oneof![Just(-1), Just(i64::MAX), 0_i64..6];
    let reading =
        (told(), prop::option::of(register()), prop::option::of(-1.0..40.0)).prop_map(|(time, register, l1)| Reading {
            time,
            register,
            currents: LineCurrents([l1, None, None]),
            offered: l1,
            power: None,
        });
    let reading = reading.boxed();
    let readings = || prop::collection::vec(reading.clone(), 0..3);
    let name = prop_oneof![Just("Available"), Just("Charging"), Just("Faulted"), Just("Preparing"), Just("x")];
    let event = prop_oneof![
        Just(Event::Connected { link: 1, address: None }),
        Just(Event::Disconnected { link: 1 }),
        any::<bool>().prop_map(|is_triggered| Event::Boot(Boot { is_triggered, ..Boot::default() })),
        Just(Event::Heartbeat),
        Just(Event::Alive),
        Just(Event::Accepted(Accepted::Limit(Box::new(limit(1, Purpose::Tx, 10.0))))),
        Just(Event::DataTransfer),
        (0..3, name, told()).prop_map(|(connector, name, time)| {
            Event::Status(connector, Status { name: name.to_owned(), error: None, info: None, time })
        }),
        (0..3, register(), told()).prop_map(|(connector, register, time)| {
            Event::Start(Start { connector, id_tag: "x".to_owned(), register, time })
        }),
        (number(), register(), told(), readings()).prop_map(|(transaction, register, time, readings)| {
            Event::Stop(Stop { transaction, id_tag: None, register, time, reason: None, readings })
        }),
        (0..3, prop::option::of(number()), readings()).prop_map(|(connector, transaction, readings)| {
            Event::Meter(Meter { connector, transaction, readings })
        }),
        number().prop_map(|id| Event::Accepted(Accepted::RemoteStop(id))),
        (0..3).prop_map(|connector| Event::Accepted(Accepted::RemoteStart(connector))),
    ];
    (event, 0_i64..20)
}

proptest! {
    #[test]
    fn whatever_is_told_the_books_stay_right(events in prop::collection::vec(any_event(), 0..60)) {
        let mut story = Story::new();
        for (event, minutes) in events {
            story.later(minutes).hear(event);
        }
        let stored = story.stored();
        let ended: Vec<&Transaction> = stored.values().filter(|session| session.finished_at.is_some()).collect();
        prop_assert_eq!(ended.len() + story.charger.running.len(), stored.len(), "each runs or has ended");
        for session in &ended {
            prop_assert!(session.energy >= Energy::ZERO);
            prop_assert!(session.finished_at >= session.started_at);
        }
        let total: Energy = ended.iter().map(|session| session.energy).sum();
        prop_assert_eq!(story.charger.charge_point.total_energy.unwrap_or_default(), total);
        let ids: BTreeSet<i32> = stored.keys().copied().collect();
        prop_assert_eq!(ids, (1..=story.last_id).collect());
    }
}
