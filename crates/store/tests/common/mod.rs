//! What the tests of the store have in common: both databases, and small sites.
#![allow(dead_code)] // each test uses its part

use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePoint, Identity, TransactionId};
use bmw_store::site_file::{SessionRow, SiteFile};
use bmw_store::{OpenOptions, Opened, Role, Store, StoreError, Zone};
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
    ChargePoint {
        identity: identity(text),
        model_id: String::new(),
        vendor: None,
        serial_number: None,
        firmware_version: None,
        total_energy: None,
        total_time: None,
        ip: None,
        mac: None,
    }
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
