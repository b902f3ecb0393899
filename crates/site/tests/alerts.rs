//! Alerts over the life of a site, by a clock that the tests move.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use bmw_domain::alert::{Alert, AlertKind, Cause};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Answer;
use bmw_domain::charger::event::{Event, Meter, Reading, Start, Status, Stop, Told};
use bmw_domain::command::{Action, CommandState};
use bmw_domain::phase::{LineCurrents, Phase};
use bmw_domain::record::{ChargePointKey, Identity};
use bmw_site::{AlertChoice, AlertTurn, Caller, Clock, Counter, NotDone, Site, SiteOptions, Ticker};
use bmw_store::{AlertFilter, NewCommand, OpenOptions, Role, Store, Zone};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// In ms.
const MINUTE: u64 = 60_000;
const ONE: ChargePointKey = ChargePointKey(1);

/// A site on a database that outlives it, with a clock that stands still.
struct Running {
    site: Arc<Site>,
    counter: Counter,
    desk: JoinHandle<()>,
    store: Arc<dyn Store>,
    ticker: Ticker,
}

impl Running {
    async fn start(folder: &std::path::Path) -> Self {
        let url = format!("sqlite://{}", folder.join("site.db").display());
        let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        let ticker = Ticker::still();
        let options = SiteOptions { ticker: ticker.clone(), ..SiteOptions::default() };
        let (site, counter, desk) = Site::start(Arc::clone(&store), options).await.unwrap();
        Self { site, counter, desk: tokio::spawn(desk.work()), store, ticker }
    }

    /// A new site with so many charge points, all of them in contact.
    async fn with(folder: &std::path::Path, charge_points: i32) -> Self {
        let site = Self::start(folder).await;
        for number in 1..=charge_points {
            site.site.register_charge_point(Identity::new(&format!("CP{number}")).unwrap(), None).await.unwrap();
            site.connect(ChargePointKey(number)).await;
        }
        site
    }

    async fn end(self) {
        drop(self.counter);
        self.desk.await.unwrap();
        self.store.close().await;
    }

    async fn tell(&self, key: ChargePointKey, event: Event) -> Answer {
        self.counter.tell(key, event, Clock::real()).await.unwrap()
    }

    async fn connect(&self, key: ChargePointKey) {
        self.tell(key, Event::Connected { link: 1, address: None }).await;
    }

    async fn lose(&self, key: ChargePointKey) {
        self.tell(key, Event::Disconnected { link: 1 }).await;
    }

    async fn status(&self, name: &str, error: &str) {
        let time = Told::ours(Clock::real());
        let status = Status { name: name.to_owned(), error: Some(error.to_owned()), info: None, time };
        self.tell(ONE, Event::Status(1, status)).await;
    }

    async fn session(&self, reason: &str) {
        let time = Told::ours(Clock::real());
        let start = Start { connector: 1, id_tag: "CARD".to_owned(), register: 0, time };
        let Answer::Started(id, _) = self.tell(ONE, Event::Start(start)).await else { panic!() };
        let stop = Stop {
            transaction: id.0.into(),
            id_tag: None,
            register: 1,
            time,
            reason: Some(reason.to_owned()),
            readings: Vec::new(),
        };
        self.tell(ONE, Event::Stop(stop)).await;
    }

    /// Lets so many ms pass.
    async fn pass(&self, ms: u64) {
        self.ticker.pass(Duration::from_millis(ms));
        self.site.settle_alerts().await.unwrap();
    }

    /// What is open, newest first.
    fn open(&self) -> Vec<Arc<Alert>> {
        self.site.open_alerts(&Caller::terminal()).unwrap().0
    }

    fn causes(&self) -> Vec<Cause> {
        self.open().iter().map(|alert| alert.cause.clone()).collect()
    }

    async fn ended(&self) -> Vec<Arc<Alert>> {
        self.site.ended_alerts(AlertFilter::default(), None, 100, &Caller::terminal()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_contact_is_an_alert_after_four_minutes_and_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 3).await;
    site.site.register_charge_point(Identity::new("NEVER").unwrap(), None).await.unwrap();
    let mut told = site.site.subscribe_alerts();
    for number in 1..=3 {
        site.lose(ChargePointKey(number)).await;
    }
    site.pass(3 * MINUTE).await;
    site.connect(ChargePointKey(3)).await;
    site.pass(MINUTE - 1).await;
    assert_eq!(site.causes(), []);
    let news = site.site.alert_news();
    site.pass(1).await;
    assert_eq!(site.causes(), [2, 1].map(|number| Cause::Offline(ChargePointKey(number))));
    let (turn, together) = told.recv().await.unwrap();
    assert_eq!((turn, together.len()), (AlertTurn::Begun, 2), "what begins at once is told at once");
    let now = site.site.alert_news();
    assert_eq!((now.pressing, now.newest.len()), (2, 2));
    assert!(now.number > news.number);
    site.pass(60 * MINUTE).await;
    assert_eq!(site.open().len(), 2, "each is there once");
    site.connect(ONE).await;
    site.pass(0).await;
    assert_eq!(site.causes(), [Cause::Offline(ChargePointKey(2))]);
    assert_eq!(site.ended().await.iter().map(|alert| alert.cause.clone()).collect::<Vec<_>>(), [Cause::Offline(ONE)]);
    assert_eq!(told.recv().await.unwrap().0, AlertTurn::Ended);
    // Again, soon after.
    site.lose(ONE).await;
    site.pass(4 * MINUTE).await;
    assert_eq!(site.open().iter().map(|alert| alert.times).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(site.ended().await, []);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_was_down_counts_from_its_start_and_goes_on_with_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 3).await;
    site.lose(ONE).await;
    site.lose(ChargePointKey(2)).await;
    site.pass(4 * MINUTE).await;
    let before = site.open();
    assert_eq!(before.len(), 2);
    site.end().await;

    let site = Running::start(folder.path()).await;
    assert_eq!(site.open(), before, "they stay open");
    site.connect(ONE).await;
    site.pass(4 * MINUTE - 1).await;
    assert_eq!(site.open(), before[..1], "none is raised twice; one whose cause is gone has ended");
    site.pass(1).await;
    assert_eq!(site.causes(), [3, 2].map(|number| Cause::Offline(ChargePointKey(number))));
    let since = site.open()[0].since;
    assert_eq!(Some(since), site.site.present().get(ChargePointKey(3)).unwrap().last_contact());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_an_alert_after_two_minutes_by_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 1).await;
    site.status("Faulted", "GroundFailure").await;
    site.pass(2 * MINUTE - 1).await;
    assert_eq!(site.causes(), []);
    site.pass(1).await;
    assert_eq!(site.causes(), [Cause::Fault(ONE, "GroundFailure".to_owned())]);
    site.status("Faulted", "OverVoltage").await;
    site.pass(2 * MINUTE).await;
    assert_eq!(site.causes(), [Cause::Fault(ONE, "OverVoltage".to_owned())], "another code is another cause");
    site.end().await;
    let site = Running::start(folder.path()).await;
    site.pass(2 * MINUTE).await;
    assert_eq!(site.open().len(), 1);
    site.connect(ONE).await;
    site.status("Available", "NoError").await;
    site.pass(0).await;
    assert_eq!(site.causes(), []);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_session_is_an_alert_until_somebody_has_seen_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 1).await;
    site.session("Local").await;
    site.session("PowerLoss").await;
    site.session("EmergencyStop").await;
    assert_eq!(site.site.pressing_alerts(), 2, "at once");
    site.end().await;
    let site = Running::start(folder.path()).await;
    site.pass(60 * MINUTE).await;
    let open = site.open();
    let codes: Vec<&str> = open.iter().map(|alert| alert.cause.code()).filter(|code| !code.is_empty()).collect();
    assert_eq!(codes, ["EmergencyStop", "PowerLoss"], "they were stored with their sessions");
    let choice = AlertChoice { kind: Some(AlertKind::Stopped), code: Some("PowerLoss".to_owned()), ..<_>::default() };
    assert_eq!(site.site.acknowledge_alerts(&choice, &Caller::terminal()).await.unwrap(), 1);
    let ended = site.ended().await;
    assert_eq!((ended[0].cause.code(), ended[0].acknowledged.as_ref().unwrap().by.as_str()), ("PowerLoss", "terminal"));
    let entry = &site.store.audit_log(1).await.unwrap()[0];
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("alert.acknowledge", "CP1"));
    assert!(entry.after.contains(r#""code":"PowerLoss""#), "{}", entry.after);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_seen_what_lasts_is_kept_and_what_came_since_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 2).await;
    site.lose(ONE).await;
    site.pass(4 * MINUTE).await;
    let until = site.open()[0].id;
    site.lose(ChargePointKey(2)).await;
    site.pass(4 * MINUTE).await;
    let nobody = Caller::nobody([10, 0, 0, 1].into(), true);
    let all = AlertChoice { until: Some(until), ..AlertChoice::default() };
    let refused = site.site.acknowledge_alerts(&all, &nobody).await;
    assert!(matches!(refused, Err(NotDone::Denied(_))), "{refused:?}");
    assert_eq!(site.site.acknowledge_alerts(&all, &Caller::terminal()).await.unwrap(), 1);
    assert_eq!(site.site.acknowledge_alerts(&all, &Caller::terminal()).await.unwrap(), 0, "once is enough");
    assert_eq!(site.site.pressing_alerts(), 1);
    let by = |caller: &Caller| {
        let (open, _) = site.site.open_alerts(caller).unwrap();
        open.last().unwrap().acknowledged.as_ref().unwrap().by.clone()
    };
    assert_eq!((by(&Caller::terminal()).as_str(), by(&nobody).as_str()), ("terminal", ""));
    assert!(site.site.open_alerts(&Caller::nobody([10, 0, 0, 1].into(), false)).is_err());
    site.connect(ONE).await;
    site.pass(0).await;
    assert!(site.ended().await[0].acknowledged.is_some());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_an_operator_has_taken_out_of_service_may_be_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 1).await;
    site.status("Unavailable", "NoError").await;
    site.lose(ONE).await;
    site.pass(4 * MINUTE).await;
    assert_eq!(site.open().len(), 1, "it said so by itself, and has not come back");
    site.connect(ONE).await;
    site.pass(20 * MINUTE).await;
    let action = Action::ChangeAvailability;
    let arguments = r#"{"connectorId":0,"type":"Inoperative"}"#.to_owned();
    let command = NewCommand { charge_point: ONE, action, arguments, key: None, at: Timestamp(1) };
    let audit = Caller::terminal().entry("command.ChangeAvailability", String::new(), String::new());
    let mut command = site.store.add_command(&command, &audit).await.unwrap();
    command.enter(CommandState::Accepted, Timestamp(2));
    command.result = Some(r#"{"status":"Accepted"}"#.to_owned());
    site.store.update_command(&command, None).await.unwrap();
    site.lose(ONE).await;
    site.pass(60 * MINUTE).await;
    assert_eq!(site.causes(), []);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_at_its_limit_is_an_alert_after_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::with(folder.path(), 1).await;
    let measure = async |amperes| {
        let currents = LineCurrents([Some(10.0), Some(amperes), None]);
        let time = Told::ours(Clock::real());
        let reading = Reading { time, register: None, currents, offered: None, power: None };
        site.tell(ONE, Event::Meter(Meter { connector: 1, transaction: None, readings: vec![reading] })).await;
        site.pass(0).await;
    };
    measure(33.0).await;
    site.pass(MINUTE - 1).await;
    assert_eq!(site.causes(), []);
    site.pass(1).await;
    assert_eq!(site.causes(), [Cause::Overload(Phase::B)]);
    assert_eq!(site.open()[0].detail, "33.0 / 32 A");
    measure(31.0).await;
    assert_eq!(site.open().len(), 1, "it is still near its limit");
    measure(20.0).await;
    assert_eq!(site.causes(), []);
    site.end().await;
}
