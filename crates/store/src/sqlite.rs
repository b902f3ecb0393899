//! Sqlite.
use crate::*;

pub(crate) struct SqliteStore {
    zone: Zone,
}

impl SqliteStore {
    pub(crate) async fn open(_options: &OpenOptions) -> Result<(Self, Opened)> {
        Err(missing())
    }
}

fn missing() -> StoreError {
    StoreError::Corrupt("not there yet".to_owned())
}

#[async_trait]
#[allow(unused_variables)]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<()> {
        Err(missing())
    }
    fn zone(&self) -> &Zone {
        &self.zone
    }
    async fn inventory(&self) -> Result<Inventory> {
        Err(missing())
    }
    async fn save_settings(&self, settings: &Settings, audit: &AuditEntry) -> Result<()> {
        Err(missing())
    }
    async fn energy_by_day(&self) -> Result<Vec<DayEnergy>> {
        Err(missing())
    }
    async fn rebuild_energy_by_day(&self) -> Result<()> {
        Err(missing())
    }
    async fn sessions_of_day(&self, day: Day) -> Result<Vec<Transaction>> {
        Err(missing())
    }
    async fn days_with_sessions(&self, charge_point: Option<ChargePointKey>, from: Day, to: Day) -> Result<Vec<Day>> {
        Err(missing())
    }
    async fn recent_sessions(&self, limit: u32) -> Result<Vec<Transaction>> {
        Err(missing())
    }
    async fn session_count(&self) -> Result<u64> {
        Err(missing())
    }
    async fn session(&self, id: TransactionId) -> Result<Option<Transaction>> {
        Err(missing())
    }
    async fn find_sessions(
        &self,
        filter: &SessionFilter,
        before: Option<TransactionId>,
        limit: u32,
    ) -> Result<SessionPage> {
        Err(missing())
    }
    async fn running_sessions(&self) -> Result<Vec<Transaction>> {
        Err(missing())
    }
    async fn meter_values(
        &self,
        charge_point: ChargePointKey,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<MeterValue>> {
        Err(missing())
    }
    async fn meter_values_of(&self, transaction: TransactionId) -> Result<Vec<MeterValue>> {
        Err(missing())
    }
    async fn latest_meter_values(&self, since: Timestamp) -> Result<Vec<MeterValue>> {
        Err(missing())
    }
    async fn add_charge_point(&self, charge_point: &ChargePoint) -> Result<ChargePointKey> {
        Err(missing())
    }
    async fn put_state(&self, charge_point: ChargePointKey, state: &ChargePointState) -> Result<()> {
        Err(missing())
    }
    async fn add_meter_values(&self, values: &[MeterValue]) -> Result<()> {
        Err(missing())
    }
    async fn start_session(&self, start: &SessionStart) -> Result<Transaction> {
        Err(missing())
    }
    async fn finish_session(&self, finish: &SessionFinish) -> Result<FinishedSession> {
        Err(missing())
    }
    async fn import(&self, file: &site_file::SiteFile, mode: ImportMode) -> Result<()> {
        Err(missing())
    }
    async fn export(&self) -> Result<site_file::SiteFile> {
        Err(missing())
    }
    async fn is_empty(&self) -> Result<bool> {
        Err(missing())
    }
    async fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        Err(missing())
    }
    async fn close(&self) {}
}
