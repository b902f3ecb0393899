//! The desk, where the store is in trouble: nothing is answered that is not stored, nothing is stored twice, and when the trouble
//! is over all goes on.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use async_trait::async_trait;
use bmw_domain::account::AccountKey;
use bmw_domain::alert::Alert;
use bmw_domain::calendar::{Day, Timestamp};
use bmw_domain::charger::card::{Card, IdTag};
use bmw_domain::charger::event::{Event, Meter, Reading, Start, Status, Stop, Told};
use bmw_domain::charger::{Answer, Finding, Happening, Session};
use bmw_domain::command::Command;
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_domain::distribution::{Distribution, Wiring};
use bmw_domain::phase::LineCurrents;
use bmw_domain::record::{ChargePoint, ChargePointKey, Identity, MeterValue, Transaction, TransactionId};
use bmw_domain::settings::Settings;
use bmw_site::{Caller, Clock, Counter, NotStored, Site, SiteOptions};
use bmw_store::site_file::SiteFile;
use bmw_store::{
    AccountInventory, AlertFilter, AlertInventory, AlertPlace, AuditEntry, AuditFilter, AuditPlace, Batch, DayEnergy,
    FramePart, ImportMode, Inventory, NewAccount, NewCommand, NewSecondFactor, NewSignIn, NewToken, OpenOptions,
    Result, Role, SecretHash, SessionFilter, SessionPage, Store, StoreError, StoredAccount, StoredAudit,
    StoredChargerPassword, Zone,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Nothing is written.
    Refuses,
    /// All is written, and it says that it is not: its word was lost.
    Forgets,
    /// It says nothing as long as this lasts.
    Hangs,
    /// It writes, and answers no question.
    IsDumb,
}

/// A register that the store never takes.
const POISON: i64 = 4_711;

/// A store that fails as it is told to.
struct Shaky {
    inner: Arc<dyn Store>,
    trouble: watch::Sender<Trouble>,
    /// Counts the writes that were tried.
    tried: watch::Sender<u32>,
}

impl Shaky {
    fn trouble(&self) -> Trouble {
        *self.trouble.borrow()
    }

    fn error() -> StoreError {
        StoreError::InUse
    }

    fn question(&self) -> Result<()> {
        if self.trouble() == Trouble::IsDumb { Err(Self::error()) } else { Ok(()) }
    }
}

/// A store whose methods are those of the one inside, but for those that fail.
macro_rules! shaky {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        #[async_trait]
        impl Store for Shaky {
            fn zone(&self) -> &Zone {
                self.inner.zone()
            }

            async fn write(&self, batch: &Batch) -> Result<()> {
                if batch.values.iter().any(|measured| measured.register == Some(POISON)) {
                    return Err(StoreError::Corrupt("poison".to_owned()));
                }
                self.tried.send_modify(|tried| *tried += 1);
                match self.trouble() {
                    Trouble::Refuses => return Err(Self::error()),
                    Trouble::Forgets => {
                        self.inner.write(batch).await?;
                        return Err(Self::error());
                    }
                    Trouble::Hangs => {
                        self.trouble.subscribe().wait_for(|trouble| *trouble != Trouble::Hangs).await.unwrap();
                    }
                    Trouble::None | Trouble::IsDumb => {}
                }
                self.inner.write(batch).await
            }

            async fn add_moment(&self, at: Timestamp, moment: &[u8], forget: Timestamp) -> Result<()> {
                self.tried.send_modify(|tried| *tried += 1);
                if self.trouble() == Trouble::Refuses {
                    return Err(Self::error());
                }
                self.trouble.subscribe().wait_for(|trouble| *trouble != Trouble::Hangs).await.unwrap();
                self.inner.add_moment(at, moment, forget).await
            }

            async fn session_begun(&self, charge_point: ChargePointKey, start: &Start) -> Result<Option<Session>> {
                self.question()?;
                self.inner.session_begun(charge_point, start).await
            }

            async fn whole_session(&self, id: TransactionId) -> Result<Option<Session>> {
                self.question()?;
                self.inner.whole_session(id).await
            }

            async fn close(&self) {
                self.inner.close().await;
            }

            $(async fn $name(&self, $($argument: $type),*) -> Result<$output> {
                self.inner.$name($($argument),*).await
            })*
        }
    };
}

shaky! {
    fn ping() -> ();
    fn inventory() -> Inventory;
    fn save_settings(settings: &Settings, audit: &AuditEntry) -> ();
    fn save_distribution(settings: &Distribution, audit: &AuditEntry) -> ();
    fn save_wiring(charge_point: ChargePointKey, wiring: &Wiring, audit: &AuditEntry) -> ();
    fn moments(from: Timestamp, to: Timestamp, limit: u32) -> Vec<(Timestamp, Vec<u8>)>;
    fn last_moment() -> Option<Vec<u8>>;
    fn energy_by_day() -> Vec<DayEnergy>;
    fn rebuild_energy_by_day() -> ();
    fn sessions_of_day(day: Day) -> Vec<Transaction>;
    fn days_with_sessions(charge_point: Option<ChargePointKey>, from: Day, to: Day) -> Vec<Day>;
    fn recent_sessions(limit: u32) -> Vec<Transaction>;
    fn session_count() -> u64;
    fn session(id: TransactionId) -> Option<Transaction>;
    fn find_sessions(filter: &SessionFilter, before: Option<TransactionId>, limit: u32) -> SessionPage;
    fn running_sessions() -> Vec<Transaction>;
    fn meter_values(charge_point: ChargePointKey, from: Timestamp, to: Timestamp, limit: u32) -> Vec<MeterValue>;
    fn meter_values_of(transaction: TransactionId) -> Vec<MeterValue>;
    fn latest_meter_values(since: Timestamp) -> Vec<MeterValue>;
    fn add_charge_point(charge_point: &ChargePoint, audit: Option<&AuditEntry>) -> ChargePointKey;
    fn happenings(charge_point: ChargePointKey, limit: u32) -> Vec<Happening>;
    fn last_answers(charge_point: ChargePointKey) -> Vec<Command>;
    fn begin_diagnostics(charge_point: ChargePointKey, command: i64) -> i64;
    fn add_diagnostics_part(file: i64, number: i32, bytes: &[u8]) -> ();
    fn finish_diagnostics(file: i64, name: &FileName, at: Timestamp) -> ();
    fn diagnostics_of(charge_point: ChargePointKey) -> Vec<DiagnosticsFile>;
    fn diagnostics_file(file: i64) -> Option<DiagnosticsFile>;
    fn diagnostics_part(file: i64, number: i32) -> Option<Vec<u8>>;
    fn diagnostics_beyond(files: i64, bytes: i64) -> Vec<i64>;
    fn drop_diagnostics(files: &[i64]) -> ();
    fn drop_unfinished_diagnostics() -> ();
    fn sweep_diagnostics(parts: u32) -> bool;
    fn findings(charge_point: Option<ChargePointKey>, limit: u32) -> Vec<Finding>;
    fn add_frames(parts: &[FramePart]) -> ();
    fn prune_frames(charge_point: ChargePointKey, frames: i64) -> i64;
    fn drop_oldest_frames(parts: u32) -> i64;
    fn frame_bytes() -> i64;
    fn frames(charge_point: ChargePointKey, before: Option<i64>, parts: u32) -> Vec<(i64, FramePart)>;
    fn put_cards(cards: &[Card], audit: &AuditEntry) -> ();
    fn remove_card(tag: &IdTag, audit: &AuditEntry) -> ();
    fn add_command(command: &NewCommand, audit: &AuditEntry) -> Command;
    fn update_command(command: &Command, audit: Option<&AuditEntry>) -> ();
    fn command(id: i64) -> Option<Command>;
    fn command_by_key(key: &str) -> Option<Command>;
    fn commands_of(charge_point: ChargePointKey, limit: u32) -> Vec<Command>;
    fn open_commands() -> Vec<Command>;
    fn import_by(file: &SiteFile, mode: ImportMode, audit: Option<&AuditEntry>) -> ();
    fn export() -> SiteFile;
    fn is_empty() -> bool;
    fn audit_log_page(filter: &AuditFilter, before: Option<AuditPlace>, limit: u32) -> Vec<StoredAudit>;
    fn add_audit(audit: &AuditEntry) -> ();
    fn accounts() -> AccountInventory;
    fn account(key: &str) -> Option<StoredAccount>;
    fn add_account(account: &NewAccount, audit: &AuditEntry) -> AccountKey;
    fn change_account(account: &StoredAccount, end: &[i64], revoke: &[i64], audit: &AuditEntry) -> ();
    fn set_second_factor(account: AccountKey, factor: Option<&NewSecondFactor>, end: &[i64], audit: &AuditEntry) -> ();
    fn set_recovery_codes(account: AccountKey, codes: &[SecretHash], audit: &AuditEntry) -> ();
    fn take_step(account: AccountKey, step: i64) -> bool;
    fn take_recovery_code(account: AccountKey, code: SecretHash, audit: &AuditEntry) -> bool;
    fn add_sign_in(sign_in: &NewSignIn, audit: &AuditEntry) -> i64;
    fn touch_sign_in(id: i64, at: Timestamp) -> ();
    fn end_sign_ins(ids: &[i64], audit: &AuditEntry) -> ();
    fn forget_sign_ins(ids: &[i64]) -> ();
    fn add_token(token: &NewToken, audit: &AuditEntry) -> i64;
    fn touch_token(id: i64, at: Timestamp) -> ();
    fn remove_tokens(ids: &[i64], audit: &AuditEntry) -> ();
    fn alerts_to_watch(since: Timestamp) -> AlertInventory;
    fn put_alerts(alerts: &[Alert], audit: Option<&AuditEntry>) -> ();
    fn ended_alerts(filter: AlertFilter, before: Option<AlertPlace>, limit: u32) -> Vec<Alert>;
    fn charger_passwords() -> Vec<(ChargePointKey, StoredChargerPassword)>;
    fn put_charger_passwords(charge_point: ChargePointKey, passwords: &[StoredChargerPassword], audit: &AuditEntry) -> ();
}

/// A site with one charge point, on a store that fails.
struct Running {
    site: Arc<Site>,
    counter: Counter,
    store: Arc<Shaky>,
    _desk: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// How long the desk bears trouble here; and for tests in which it is never to be too much.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(1);

impl Running {
    async fn start(patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("site.db").display());
        let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
        let (inner, _) = bmw_store::open(&options).await.unwrap();
        let store = Arc::new(Shaky { inner, trouble: watch::Sender::new(Trouble::None), tried: watch::Sender::new(0) });
        let (site, counter, desk) = Site::start(store.clone(), SiteOptions::default()).await.unwrap();
        site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
        let desk = tokio::spawn(desk.with_patience(patience).work());
        Self { site, counter, store, _desk: desk, _folder: folder }
    }

    fn begin(&self, trouble: Trouble) {
        self.store.tried.send_replace(0);
        self.store.trouble.send_replace(trouble);
    }

    fn end(&self) {
        self.begin(Trouble::None);
    }

    /// Waits until the store has been asked to write so often since the trouble began.
    async fn tried(&self, times: u32) {
        self.store.tried.subscribe().wait_for(|tried| *tried >= times).await.unwrap();
    }

    async fn tell(&self, event: Event) -> Result<Answer, NotStored> {
        self.counter.tell(ChargePointKey(1), event, Clock::real()).await
    }

    /// Tells it until it is stored, as a charge point does: under load a sound store, too, may take longer than [`SHORT`].
    async fn tell_until_stored(&self, event: Event) -> Answer {
        loop {
            if let Ok(answer) = self.tell(event.clone()).await {
                return answer;
            }
        }
    }

    /// Tells it in the background.
    fn telling(&self, event: Event) -> JoinHandle<Result<Answer, NotStored>> {
        let counter = self.counter.clone();
        tokio::spawn(async move { counter.tell(ChargePointKey(1), event, Clock::real()).await })
    }

    async fn sessions(&self) -> u64 {
        self.store.inner.session_count().await.unwrap()
    }

    async fn values(&self) -> usize {
        let all = (Timestamp(0), Timestamp(i64::MAX));
        self.store.inner.meter_values(ChargePointKey(1), all.0, all.1, 1_000).await.unwrap().len()
    }

    /// What is stored is what is in memory, and each number is given once.
    async fn agrees(&self) {
        let stored = self.store.inner.inventory().await.unwrap();
        let present = self.site.present().clone();
        assert_eq!(stored.charge_points.len(), present.charge_points().len());
        for (stored, now) in stored.charge_points.iter().zip(present.charge_points()) {
            assert_eq!(&stored.charge_point, now.charge_point.as_ref());
        }
        let running: Vec<i32> = stored.running.iter().map(|session| session.transaction.id.0).collect();
        let now: Vec<i32> =
            present.charge_points().iter().flat_map(|it| &it.running).map(|session| session.transaction.id.0).collect();
        assert_eq!(running, now);
        let kept_up: i64 = self.store.inner.energy_by_day().await.unwrap().iter().map(|sum| sum.energy.wh()).sum();
        let totals = present.charge_points().iter().filter_map(|now| now.charge_point.total_energy);
        assert_eq!(kept_up, totals.map(bmw_domain::energy::Energy::wh).sum::<i64>());
    }
}

fn at(minute: i64) -> Told {
    Told::ours(Timestamp(1_750_000_000_000 + minute * 60_000))
}

fn start(minute: i64) -> Event {
    Event::Start(Start { connector: 1, id_tag: "CARD".to_owned(), register: 0, time: at(minute) })
}

fn stop(id: i32, minute: i64) -> Event {
    let (transaction, time) = (i64::from(id), at(minute));
    Event::Stop(Stop { transaction, id_tag: None, register: 500, time, reason: None, readings: Vec::new() })
}

fn meter(id: i32, minute: i64) -> Event {
    let currents = LineCurrents([Some(16.0), None, None]);
    let reading = Reading { time: at(minute), register: Some(minute), currents, offered: None, power: None };
    Event::Meter(Meter { connector: 1, transaction: Some(id.into()), readings: vec![reading] })
}

fn started(answer: Answer) -> i32 {
    match answer {
        Answer::Started(id, _) => id.0,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_a_while_is_answered_when_it_is_stored_and_stored_once() {
    for trouble in [Trouble::Refuses, Trouble::Forgets] {
        let running = Running::start(LONG).await;
        running.begin(trouble);
        let telling = running.telling(start(0));
        running.tried(3).await;
        assert!(!telling.is_finished(), "{trouble:?}: nothing is answered that is not known to be stored");
        assert!(running.site.present().charge_points()[0].running.is_empty());
        running.end();
        let id = started(telling.await.unwrap().unwrap());
        running.begin(trouble);
        let telling = [running.telling(meter(id, 1)), running.telling(stop(id, 2))];
        running.tried(2).await;
        running.end();
        for telling in telling {
            telling.await.unwrap().unwrap();
        }
        assert_eq!((running.sessions().await, running.values().await), (1, 1), "{trouble:?}");
        running.agrees().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_too_long_is_not_answered_and_told_again_it_is_stored_once() {
    for trouble in [Trouble::Refuses, Trouble::Forgets, Trouble::Hangs] {
        let running = Running::start(SHORT).await;
        running.begin(trouble);
        assert_eq!(running.tell(start(0)).await, Err(NotStored), "{trouble:?}");
        // Whoever comes meanwhile is not answered either.
        assert_eq!(running.tell(Event::Heartbeat).await, Err(NotStored), "{trouble:?}");
        running.end();
        let id = started(running.tell_until_stored(start(0)).await);
        assert_eq!(started(running.tell_until_stored(start(0)).await), id);
        running.begin(trouble);
        assert_eq!(running.tell(meter(id, 1)).await, Err(NotStored), "{trouble:?}");
        running.end();
        running.tell_until_stored(meter(id, 1)).await;
        running.begin(trouble);
        assert_eq!(running.tell(stop(id, 2)).await, Err(NotStored), "{trouble:?}");
        running.end();
        running.tell_until_stored(stop(id, 2)).await;
        running.tell_until_stored(stop(id, 2)).await;
        assert_eq!((running.sessions().await, running.values().await), (1, 1), "{trouble:?}");
        assert_eq!(running.site.present().charge_points()[0].charge_point.total_energy.unwrap().wh(), 500);
        assert!(running.store.inner.findings(None, 10).await.unwrap().is_empty());
        running.agrees().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_will_never_take_stands_in_nobodys_way() {
    let running = Running::start(LONG).await;
    let id = started(running.tell(start(0)).await.unwrap());
    running.begin(Trouble::Hangs);
    let first = running.telling(meter(id, 1));
    running.tried(1).await;
    // They wait, and may go into one batch, which is refused as a whole: told again, each is on its own.
    let waiting = [running.telling(meter(id, 2)), running.telling(meter(id, POISON)), running.telling(meter(id, 3))];
    running.end();
    first.await.unwrap().unwrap();
    let [before, poison, after] = waiting;
    assert_eq!(poison.await.unwrap(), Err(NotStored));
    for (minute, told) in [(2, before), (3, after)] {
        if told.await.unwrap().is_err() {
            running.tell(meter(id, minute)).await.unwrap();
        }
    }
    assert_eq!(running.tell(meter(id, POISON)).await, Err(NotStored));
    running.tell(stop(id, 4)).await.unwrap();
    assert_eq!((running.sessions().await, running.values().await), (1, 3));
    running.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_not_answered_keeps_the_answer_back_as_well() {
    let running = Running::start(LONG).await;
    let id = started(running.tell(start(10)).await.unwrap());
    running.tell(stop(id, 20)).await.unwrap();
    running.begin(Trouble::IsDumb);
    // An earlier start: only the store knows whether it is a repeated one.
    let telling = running.telling(start(0));
    // Long enough for several tries; what matters is that none of them is taken for an answer.
    tokio::time::sleep(SHORT).await;
    assert!(!telling.is_finished());
    running.end();
    assert_eq!(started(telling.await.unwrap().unwrap()), id + 1);

    let running = Running::start(SHORT).await;
    let id = started(running.tell_until_stored(start(10)).await);
    running.begin(Trouble::IsDumb);
    assert_eq!(running.tell(start(0)).await, Err(NotStored));
    running.end();
    assert_eq!(started(running.tell_until_stored(start(0)).await), id + 1);
    running.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_kept_through_trouble() {
    let running = Running::start(LONG).await;
    running.begin(Trouble::Refuses);
    let mut answers = Vec::new();
    for minute in 0..50 {
        let status = Status { name: format!("S{minute}"), error: None, info: None, time: at(minute) };
        for event in [start(minute), Event::Status(1, status)] {
            answers.push(running.counter.hand_in(ChargePointKey(1), event, Clock::real()).await.unwrap());
        }
    }
    running.tried(2).await;
    running.end();
    let mut ids = Vec::new();
    for answer in answers {
        if let Answer::Started(id, _) = answer.await.unwrap() {
            ids.push(id.0);
        }
    }
    assert_eq!(ids, (1..=50).collect::<Vec<_>>());
    assert_eq!(running.site.present().charge_points()[0].connectors[0].status.as_deref(), Some("S49"));
    running.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_later_does_not_wait_for_longer() {
    let running = Running::start(SHORT).await;
    running.begin(Trouble::Hangs);
    let first = running.telling(start(0));
    running.tried(1).await;
    let second = running.counter.hand_in(ChargePointKey(1), Event::Heartbeat, Clock::real()).await.unwrap();
    assert_eq!(first.await.unwrap(), Err(NotStored));
    let tried = *running.store.tried.borrow();
    assert!(second.await.is_err());
    assert_eq!(*running.store.tried.borrow(), tried, "nothing was tried for it alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_in_the_trouble_is_noted_when_that_is_over() {
    for trouble in [Trouble::Refuses, Trouble::Hangs] {
        let running = Running::start(SHORT).await;
        running.tell_until_stored(Event::Connected { link: 1, address: None }).await;
        running.begin(trouble);
        assert_eq!(running.tell(start(0)).await, Err(NotStored));
        // It is let go without an answer; what is told of its end is the last that is heard of it.
        running.begin(trouble);
        let telling = running.telling(Event::Disconnected { link: 1 });
        running.tried(2).await;
        running.end();
        telling.await.unwrap().unwrap();
        assert!(!running.site.present().charge_points()[0].is_online(), "{trouble:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_while_something_could_not_be_stored_stays() {
    for trouble in [Trouble::Refuses, Trouble::Forgets] {
        let running = Running::start(SHORT).await;
        running.begin(trouble);
        assert_eq!(running.tell(start(0)).await, Err(NotStored));
        let key = running.site.register_charge_point(Identity::new("B").unwrap(), None).await.unwrap();
        running.end();
        started(running.tell_until_stored(start(0)).await);
        assert!(running.site.present().find("B").is_some(), "{trouble:?}");
        assert_eq!(running.site.present().by_identity().count(), 2);
        running.counter.tell(key, Event::Heartbeat, Clock::real()).await.unwrap();
        running.agrees().await;
    }
}

/// Waits until a plan was made later than this one. Only what never comes takes a minute.
async fn planned_after(site: &Site, before: Timestamp) -> Timestamp {
    let later = async {
        while site.plan().at <= before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        site.plan().at
    };
    tokio::time::timeout(LONG, later).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_is_distributed_whatever_the_store_does() {
    for trouble in [Trouble::Hangs, Trouble::Refuses] {
        let running = Running::start(LONG).await;
        running.tell(Event::Connected { link: 1, address: None }).await.unwrap();
        let settings = Settings { current_distribution: true, ..Settings::default() };
        running.site.save_settings(settings, &Caller::terminal()).await.unwrap();
        running.begin(trouble);
        let ending = watch::Sender::new(false);
        let distributing = tokio::spawn(running.site.clone().distribute(ending.subscribe()));
        running.tried(1).await;
        let first = running.site.plan().at;
        let second = planned_after(&running.site, first).await;
        planned_after(&running.site, second).await;
        running.end();
        // What could not be stored is stored after all.
        while running.store.inner.last_moment().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ending.send_replace(true);
        distributing.await.unwrap();
    }
}
