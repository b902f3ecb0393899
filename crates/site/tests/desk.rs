//! The desk: what charge points tell is stored before it is answered, also over the death of the site.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Answer;
use bmw_domain::charger::event::{Accepted, Boot, Event, Meter, Reading, Start, Status, Stop, Told};
use bmw_domain::charger::limit::{Begin, Limit, Purpose, Which};
use bmw_domain::phase::LineCurrents;
use bmw_domain::record::{ChargePointKey, Identity, TransactionId};
use bmw_site::{Clock, Counter, Site, SiteOptions};
use bmw_store::{OpenOptions, Role, Store, Zone};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A site on a database that outlives it.
struct Running {
    site: Arc<Site>,
    counter: Counter,
    desk: JoinHandle<()>,
    store: Arc<dyn Store>,
}

impl Running {
    async fn start(folder: &std::path::Path) -> Self {
        let url = format!("sqlite://{}", folder.join("site.db").display());
        let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        let (site, counter, desk) = Site::start(Arc::clone(&store), SiteOptions::default()).await.unwrap();
        Self { site, counter, desk: tokio::spawn(desk.work()), store }
    }

    async fn end(self) {
        drop(self.counter);
        self.desk.await.unwrap();
        self.store.close().await;
    }

    async fn tell(&self, event: Event) -> Answer {
        self.counter.tell(ChargePointKey(1), event, Clock::real()).await.unwrap()
    }

    async fn energy(&self, id: TransactionId) -> i64 {
        self.store.session(id).await.unwrap().unwrap().energy.wh()
    }
}

fn ago(minutes: i64) -> Told {
    Told::ours(Clock::real().plus(-minutes * 60_000))
}

fn start(register: i64, time: Told) -> Event {
    Event::Start(Start { connector: 1, id_tag: "CARD".to_owned(), register, time })
}

fn meter(id: TransactionId, register: i64, time: Told) -> Event {
    let reading =
        Reading { time, register: Some(register), currents: LineCurrents::default(), offered: None, power: None };
    Event::Meter(Meter { connector: 1, transaction: Some(id.0.into()), readings: vec![reading] })
}

fn stop(id: TransactionId, register: i64, time: Told) -> Event {
    let transaction = id.0.into();
    Event::Stop(Stop { transaction, id_tag: None, register, time, reason: None, readings: Vec::new() })
}

async fn begun(site: &Running, register: i64) -> TransactionId {
    match site.tell(start(register, ago(120))).await {
        Answer::Started(id, _) => id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::start(folder.path()).await;
    site.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    let id = begun(&site, 1_000).await;
    site.tell(meter(id, 6_000, ago(60))).await;
    let again = start(1_000, site.site.present().charge_points()[0].running[0].start);
    site.end().await;

    let site = Running::start(folder.path()).await;
    let now = site.site.present().charge_points()[0].clone();
    assert_eq!(now.running[0].transaction.energy.wh(), 5_000);
    assert!(matches!(site.tell(again).await, Answer::Started(same, _) if same == id));
    site.tell(meter(id, 6_500, ago(30))).await;
    site.tell(stop(id, 7_000, ago(1))).await;
    assert_eq!(site.energy(id).await, 6_000);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peaks_of_the_phases_are_followed_and_go_on_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::start(folder.path()).await;
    site.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    let id = begun(&site, 0).await;
    let flows = async |site: &Running, amperes: [Option<f64>; 3], seconds: i64| {
        let time = Told::ours(Clock::real().plus(-seconds * 1000));
        let currents = LineCurrents(amperes);
        let reading = Reading { time, register: None, currents, offered: None, power: None };
        let told = Meter { connector: 1, transaction: Some(id.0.into()), readings: vec![reading] };
        site.tell(Event::Meter(told)).await;
    };
    let peaks = |site: &Running| site.site.peaks().0.map(|peak| peak.map(|peak| peak.amperes));
    let wait_for = async |site: &Running, expected: [Option<f64>; 3]| {
        let mut changed = site.site.subscribe();
        while peaks(site) != expected {
            changed.changed().await.unwrap();
        }
    };
    flows(&site, [Some(10.0), Some(20.0), None], 30).await;
    wait_for(&site, [Some(10.0), Some(20.0), None]).await;
    // Shortly after: it is looked at though nothing more is told.
    flows(&site, [Some(12.0), Some(4.0), None], 20).await;
    wait_for(&site, [Some(12.0), Some(20.0), None]).await;
    site.end().await;

    let site = Running::start(folder.path()).await;
    assert_eq!(peaks(&site), [Some(12.0), Some(20.0), None]);
    flows(&site, [Some(1.0), Some(21.0), None], 10).await;
    wait_for(&site, [Some(12.0), Some(21.0), None]).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_repeated_are_stored_once_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::start(folder.path()).await;
    site.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    let id = begun(&site, 1_000).await;
    let told = meter(id, 6_000, ago(60));
    site.tell(told.clone()).await;
    site.tell(told.clone()).await;
    site.end().await;

    let site = Running::start(folder.path()).await;
    site.tell(told).await;
    assert_eq!(site.store.meter_values_of(id).await.unwrap().len(), 1);
    site.tell(meter(id, 6_500, ago(30))).await;
    assert_eq!(site.store.meter_values_of(id).await.unwrap().len(), 2);
    // Also those that belong to no session.
    let mut alone = meter(id, 7_000, ago(20));
    if let Event::Meter(meter) = &mut alone {
        (meter.transaction, meter.connector) = (None, 3);
    }
    site.tell(alone.clone()).await;
    site.end().await;
    let site = Running::start(folder.path()).await;
    site.tell(alone).await;
    let key = site.site.present().charge_points()[0].key;
    let all = site.store.meter_values(key, Timestamp(0), Timestamp(i64::MAX), 10).await.unwrap();
    assert_eq!(all.len(), 3);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_stop_is_booked_once_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::start(folder.path()).await;
    site.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    let id = begun(&site, 1_000).await;
    site.tell(meter(id, 6_000, ago(60))).await;
    site.tell(Event::Boot(Boot::default())).await;
    assert_eq!(site.energy(id).await, 5_000);
    site.end().await;

    let site = Running::start(folder.path()).await;
    site.tell(stop(id, 6_500, ago(50))).await;
    assert_eq!(site.energy(id).await, 5_500);
    let total = site.site.present().charge_points()[0].charge_point.total_energy;
    assert_eq!(total.unwrap().wh(), 5_500);
    site.tell(stop(id, 6_500, ago(50))).await;
    assert_eq!(site.energy(id).await, 5_500);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_covers_the_states_of_connectors_and_what_limits_them_goes_on_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for (told, state) in [
        (Event::Firmware("Installing".to_owned()), "Updating"),
        (Event::Firmware("Installed".to_owned()), "Available"),
        (Event::DataTransfer, "SendMessage"),
        (Event::Accepted(Accepted::Reset), "Reboot"),
        (Event::Boot(Boot::default()), "BootUp"),
    ] {
        let site = Running::start(folder.path()).await;
        if site.site.present().charge_points().is_empty() {
            site.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
            let status = Status { name: "Available".to_owned(), error: None, info: None, time: ago(1) };
            site.tell(Event::Status(1, status)).await;
            site.tell(Event::Accepted(Accepted::Limit(Box::new(limit(10.0))))).await;
        }
        site.tell(told).await;
        site.end().await;

        let site = Running::start(folder.path()).await;
        site.tell(Event::Heartbeat).await;
        let now = site.site.present().charge_points()[0].clone();
        assert_eq!(now.state_name(), Some(state));
        assert_eq!(now.state.as_ref().unwrap().current_limit, Some(10));
        site.end().await;
    }
    let site = Running::start(folder.path()).await;
    site.tell(Event::Accepted(Accepted::NoLimit(Which::default()))).await;
    site.end().await;
    let site = Running::start(folder.path()).await;
    assert_eq!(site.site.present().charge_points()[0].state.as_ref().unwrap().current_limit, None);
    site.end().await;
}

fn limit(amperes: f64) -> Limit {
    Limit {
        id: 1,
        connector: 1,
        stack_level: 0,
        purpose: Purpose::TxDefault,
        transaction: None,
        valid: (None, None),
        begin: Begin::Session,
        duration: None,
        periods: vec![(0, amperes)],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_stored_however_many_tell_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let site = Running::start(folder.path()).await;
    for number in 1..=20 {
        site.site.register_charge_point(Identity::new(&format!("CP{number}")).unwrap(), None).await.unwrap();
    }
    let mut telling = tokio::task::JoinSet::new();
    for number in 1..=20_i32 {
        let counter = site.counter.clone();
        telling.spawn(async move {
            let key = ChargePointKey(number);
            let mut ids = Vec::new();
            for session in 0..10_i64 {
                let time = Told::ours(Timestamp(1_700_000_000_000 + session * 3_600_000));
                let Answer::Started(id, _) =
                    counter.tell(key, start(session * 1_000, time), Clock::real()).await.unwrap()
                else {
                    panic!()
                };
                let end = Told::ours(time.at.plus(1_800_000));
                counter.tell(key, stop(id, session * 1_000 + 500, end), Clock::real()).await.unwrap();
                ids.push(id);
            }
            ids
        });
    }
    let mut ids: Vec<i32> = Vec::new();
    while let Some(told) = telling.join_next().await {
        ids.extend(told.unwrap().into_iter().map(|id| id.0));
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>(), "each number once");
    let sums = site.store.energy_by_day().await.unwrap();
    assert_eq!(sums.iter().map(|sum| sum.energy.wh()).sum::<i64>(), 200 * 500);
    assert_eq!(site.store.session_count().await.unwrap(), 200);
    site.end().await;
}
