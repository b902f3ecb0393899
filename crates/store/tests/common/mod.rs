//! What the tests of the store have in common: both databases, and small sites.
#![allow(dead_code)] // each test uses its part

use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::charger::event::Told;
use bmw_domain::charger::{End, Measured, Session, SessionChange, SessionMeter};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::record::{
    ChargePoint, ChargePointKey, ChargePointState, Identity, MeterValue, Transaction, TransactionId,
};
use bmw_store::site_file::{SessionRow, SiteFile};
use bmw_store::{Batch, Inventory, OpenOptions, Opened, Role, Store, StoreError, Zone};
use std::sync::Arc;

/// An empty database, and what keeps it.
pub struct Site {
    pub name: &'static str,
    pub url: String,
    /// Where a SQLite database lies.
    pub folder: Option<tempfile::TempDir>,
}

impl Site {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("new folder/site.db").display());
        Self { name: "SQLite", url, folder: Some(folder) }
    }

    /// `None`, after a line that says so, where PostgreSQL is not installed.
    pub fn postgres() -> Option<Self> {
        let url = bmw_testkit::postgres_database().unwrap()?;
        Some(Self { name: "PostgreSQL", url, folder: None })
    }

    /// One of each database that there is.
    pub fn each() -> Vec<Self> {
        [Some(Self::sqlite()), Self::postgres()].into_iter().flatten().collect()
    }

    pub async fn try_open(&self, zone: Option<&str>, role: Role) -> Result<(Arc<dyn Store>, Opened), StoreError> {
        let zone = zone.map(|name| Zone::named(name).unwrap());
        bmw_store::open(&OpenOptions { url: self.url.clone(), zone, role }).await
    }

    /// Opened by the one who serves it.
    pub async fn open(&self, zone: &str) -> Arc<dyn Store> {
        self.try_open(Some(zone), Role::Owner).await.unwrap().0
    }
}

/// Runs a future to its end on several threads, as the program does.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

pub fn identity(text: &str) -> Identity {
    Identity::new(text).unwrap()
}

pub fn charge_point(text: &str) -> ChargePoint {
    ChargePoint::unknown(identity(text))
}

pub fn local(text: &str) -> LocalTime {
    LocalTime::parse(text).unwrap()
}

/// A finished session of a site file.
pub fn session(id: i32, charge_point: &str, start: &str, finish: &str, wh: i64) -> SessionRow {
    SessionRow {
        id: TransactionId(id),
        charge_point: Arc::new(identity(charge_point)),
        cycle: Some(id),
        queued_at: Some(local(start)),
        started_at: Some(local(start)),
        planned_finish: Some(local(finish)),
        finished_at: Some(local(finish)),
        energy: Energy::from_wh(wh),
        id_tag: None,
    }
}

pub fn written(file: &SiteFile) -> String {
    let mut bytes = Vec::new();
    file.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

pub fn at(zone: &Zone, text: &str) -> Timestamp {
    zone.instant(local(text))
}

/// What a session begins with.
pub struct SessionStart {
    pub charge_point: ChargePointKey,
    pub queued_at: Timestamp,
    pub started_at: Timestamp,
    pub id_tag: Option<String>,
}

/// What came of an end.
pub struct Finished {
    pub before: Transaction,
    pub after: Transaction,
    pub total_energy: Energy,
    pub total_time: ChargingTime,
}

/// Writes the next batch.
pub async fn write(store: &dyn Store, fill: impl FnOnce(&mut Batch, &Inventory)) -> Result<(), StoreError> {
    let inventory = store.inventory().await?;
    let mut batch = Batch { number: inventory.last_batch + 1, ..Batch::default() };
    fill(&mut batch, &inventory);
    store.write(&batch).await
}

pub async fn put_state(
    store: &dyn Store,
    charge_point: ChargePointKey,
    state: &ChargePointState,
) -> Result<(), StoreError> {
    write(store, |batch, _| batch.states.push((charge_point, state.clone()))).await
}

pub async fn add_meter_values(store: &dyn Store, values: &[MeterValue]) -> Result<(), StoreError> {
    let measured =
        |value: &MeterValue| Measured { value: value.clone(), register: None, claimed: None, received: value.at };
    write(store, |batch, _| batch.values.extend(values.iter().map(measured))).await
}

fn point(inventory: &Inventory, key: ChargePointKey) -> (ChargePoint, i32) {
    let stored = inventory.charge_points.iter().find(|stored| stored.key == key);
    stored.map_or_else(|| (charge_point("none"), 0), |stored| (stored.charge_point.clone(), stored.last_cycle))
}

/// Begins a session on connector 1, its register at 0.
pub async fn start_session(store: &dyn Store, start: &SessionStart) -> Result<Transaction, StoreError> {
    let mut begun = None;
    write(store, |batch, inventory| {
        let (point, last_cycle) = point(inventory, start.charge_point);
        let time = Told::ours(start.started_at);
        let transaction = Transaction {
            id: TransactionId(inventory.last_session + 1),
            charge_point: start.charge_point,
            cycle: Some(last_cycle + 1),
            queued_at: Some(start.queued_at),
            started_at: Some(start.started_at),
            planned_finish: None,
            finished_at: None,
            energy: Energy::ZERO,
            id_tag: start.id_tag.clone(),
        };
        begun = Some(transaction.clone());
        let after = Session {
            transaction,
            connector: 1,
            register: 0,
            start: time,
            meter: SessionMeter::begin(0, time),
            end: None,
            stop: None,
            register_stop: None,
            reason: None,
            received: (start.started_at, None),
        };
        batch.charge_points.push((start.charge_point, Arc::new(point), last_cycle + 1));
        batch.sessions.push(SessionChange { before: None, after });
    })
    .await?;
    Ok(begun.unwrap())
}

/// Ends a session, also one that has ended before.
pub async fn finish_session(
    store: &dyn Store,
    id: TransactionId,
    finished_at: Timestamp,
    energy: Energy,
) -> Result<Finished, StoreError> {
    let mut session =
        store.whole_session(id).await?.ok_or_else(|| StoreError::Unknown(format!("transaction {}", id.0)))?;
    let before = session.transaction.clone();
    session.transaction =
        Transaction { planned_finish: Some(finished_at), finished_at: Some(finished_at), energy, ..before.clone() };
    session.stop = Some(Told::ours(finished_at));
    session.end = Some(End::Told);
    let after = session.transaction.clone();
    let mut totals = (Energy::ZERO, ChargingTime::default());
    write(store, |batch, inventory| {
        let (mut point, last_cycle) = point(inventory, before.charge_point);
        let counted = |session: &Transaction| match session.finished_at {
            Some(_) => (session.energy, session.duration().unwrap_or_default().ms()),
            None => (Energy::ZERO, 0),
        };
        let ((old_energy, old_time), (energy, time)) = (counted(&before), counted(&after));
        totals.0 = (point.total_energy.unwrap_or_default() + energy - old_energy).max(Energy::ZERO);
        totals.1 = ChargingTime::from_ms((point.total_time.unwrap_or_default().ms() + time - old_time).max(0));
        (point.total_energy, point.total_time) = (Some(totals.0), Some(totals.1));
        batch.charge_points.push((before.charge_point, Arc::new(point), last_cycle));
        batch.sessions.push(SessionChange { before: Some(before.clone()), after: session });
    })
    .await?;
    Ok(Finished { before, after, total_energy: totals.0, total_time: totals.1 })
}
