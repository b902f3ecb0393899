//! What lasts: SQLite and PostgreSQL behind one trait, and the site file.
//!
//! Architecture invariants: SQL lives here and nowhere else. Instants are stored as ms since the epoch in UTC, energy
//! as whole Wh. What a method returned `Ok` for survives a crash at any moment after. No method knows a clock.

mod accounts;
mod alerts;
mod audit;
mod charger_passwords;
mod error;
mod meter;
pub mod site_file;
pub mod zone;

mod postgres;
mod rows;
mod sql;
mod sqlite;

pub use accounts::{
    AccountInventory, FactorSecret, NewAccount, NewSecondFactor, NewSignIn, NewToken, SecondFactor, SecretHash,
    StoredAccount, StoredSignIn, StoredToken,
};
pub use alerts::{AlertFilter, AlertInventory, AlertPlace};
pub use audit::{AuditEntry, AuditFilter, AuditPlace, StoredAudit};
pub use charger_passwords::StoredChargerPassword;
pub use error::StoreError;
pub use zone::Zone;

use async_trait::async_trait;
use bmw_domain::account::AccountKey;
use bmw_domain::alert::Alert;
use bmw_domain::calendar::{Day, Timestamp};
use bmw_domain::charger::card::{Card, IdTag};
use bmw_domain::charger::event::Start;
use bmw_domain::charger::limit::Limits;
use bmw_domain::charger::{Connector, Finding, Happening, Measured, Session, SessionChange};
use bmw_domain::command::{Action, Command};
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_domain::distribution::{Distribution, Wiring};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::Peaks;
use bmw_domain::record::{
    ChargePoint, ChargePointKey, ChargePointState, Identity, MeterValue, Model, Transaction, TransactionId,
};
use bmw_domain::settings::Settings;
use std::sync::Arc;

/// The result of every method of the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A charge point with what the store remembers of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredChargePoint {
    /// The store's number of it.
    pub key: ChargePointKey,
    /// Who it is.
    pub charge_point: ChargePoint,
    /// Its last known state; `None` when it never had one.
    pub state: Option<ChargePointState>,
    /// Whether it ever had a session (2.11 lists it then).
    pub has_sessions: bool,
    /// The highest running number that one of its sessions ever had.
    pub last_cycle: i32,
    /// The latest start of a session by its own clock.
    pub newest_start: Option<Timestamp>,
    /// Its connectors, by number, as they last told.
    pub connectors: Vec<Connector>,
    /// The limits of current that it has accepted.
    pub limits: Limits,
}

/// Everything about the present, in one consistent reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// All models, by id.
    pub models: Vec<Model>,
    /// All charge points, in the order in which they were added.
    pub charge_points: Vec<StoredChargePoint>,
    /// The settings.
    pub settings: Settings,
    /// All cards.
    pub cards: Vec<Card>,
    /// The sessions that run, by number.
    pub running: Vec<Session>,
    /// The meter values that arrived last, in the order in which they came: their answers may have been lost.
    pub newest_readings: Vec<Measured>,
    /// The number of the last session of all; 0 when there is none.
    pub last_session: i32,
    /// The number of the last batch.
    pub last_batch: i64,
    /// The peaks of the site's phases on the day that they were last measured.
    pub peaks: Peaks,
    /// What an operator says of the distribution.
    pub distribution: Distribution,
    /// How charge points are connected, where it is said.
    pub wirings: Vec<(ChargePointKey, Wiring)>,
}

/// Energy of one charge point's sessions that were counted on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayEnergy {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// The day, by [`Transaction::counted_at`] in the site's zone.
    pub day: Day,
    /// The sum.
    pub energy: Energy,
}

/// What the records page asks for. Absent parts do not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this charge point.
    pub charge_point: Option<ChargePointKey>,
    /// On or after this day, by [`Transaction::listed_at`].
    pub from: Option<Day>,
    /// On or before this day.
    pub to: Option<Day>,
    /// Started with this card, ignoring case.
    pub id_tag: Option<String>,
    /// Finished (`true`) or still running (`false`).
    pub finished: Option<bool>,
}

/// A part of the sessions that a filter lets through, newest id first.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<Transaction>,
    /// How many the filter lets through in all.
    pub count: u64,
    /// Their energy.
    pub energy: Energy,
    /// Their charging time, where it is known.
    pub time: ChargingTime,
}

/// What one step of the running site writes, all or nothing.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Its number: the next after that of the batch before. One whose outcome was not known is given again with the same
    /// number, and is not written twice.
    pub number: i64,
    /// What charge points said about themselves, their totals, and the highest running number of their sessions.
    pub charge_points: Vec<(ChargePointKey, Arc<ChargePoint>, i32)>,
    /// Limits of current, in the place of all that were there.
    pub limits: Vec<(ChargePointKey, Arc<Limits>)>,
    /// States, in the place of the last ones.
    pub states: Vec<(ChargePointKey, ChargePointState)>,
    /// Connectors, in the place of what they were.
    pub connectors: Vec<(ChargePointKey, Connector)>,
    /// Sessions that have begun, ended, or ended differently, in this order; the sums by day follow.
    pub sessions: Vec<SessionChange>,
    /// Meter values.
    pub values: Vec<Measured>,
    /// What an operator should see.
    pub findings: Vec<Finding>,
    /// What happened.
    pub happenings: Vec<Happening>,
    /// Alerts of sessions that were stopped.
    pub alerts: Vec<Alert>,
    /// The peaks of the site's phases; those that are there take the place of the last ones.
    pub peaks: Option<Peaks>,
}

impl Batch {
    /// Whether there is nothing to be written.
    pub fn is_empty(&self) -> bool {
        self.charge_points.is_empty()
            && self.limits.is_empty()
            && self.states.is_empty()
            && self.connectors.is_empty()
            && self.sessions.is_empty()
            && self.values.is_empty()
            && self.findings.is_empty()
            && self.happenings.is_empty()
            && self.alerts.is_empty()
            && self.peaks.is_none()
    }
}

/// Some raw frames of one charge point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramePart {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// How many frames.
    pub frames: i32,
    /// Their lines, as whoever keeps the log has packed them.
    pub lines: Vec<u8>,
}

/// A command to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// What is asked.
    pub action: Action,
    /// The payload, JSON.
    pub arguments: String,
    /// Asking again with the same key gives the same command.
    pub key: Option<String>,
    /// When it was given.
    pub at: Timestamp,
}

/// How a site file is brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Rows of the file stand for whole rows of their keys; all others stay.
    Merge,
    /// The file is the whole site afterwards; accounts and the audit log stay.
    Replace,
}

/// What lasts. One story of tests (`tests/story.rs`) holds for both databases.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;

    /// The zone that the sums by day are kept in.
    fn zone(&self) -> &Zone;

    /// The present, in one consistent reading.
    async fn inventory(&self) -> Result<Inventory>;

    /// Saves all settings and the audit entry, or nothing.
    async fn save_settings(&self, settings: &Settings, audit: &AuditEntry) -> Result<()>;

    /// Saves what an operator says of the distribution, and the audit entry, or nothing.
    async fn save_distribution(&self, settings: &Distribution, audit: &AuditEntry) -> Result<()>;

    /// Saves how a charge point is connected, and the audit entry, or nothing.
    async fn save_wiring(&self, charge_point: ChargePointKey, wiring: &Wiring, audit: &AuditEntry) -> Result<()>;

    /// Keeps a moment of the distribution, as its owner has packed it, and forgets those before a time.
    async fn add_moment(&self, at: Timestamp, moment: &[u8], forget: Timestamp) -> Result<()>;

    /// The moments of the distribution between two instants (inclusive, exclusive), oldest first, at most `limit`.
    async fn moments(&self, from: Timestamp, to: Timestamp, limit: u32) -> Result<Vec<(Timestamp, Vec<u8>)>>;

    /// The last moment of the distribution.
    async fn last_moment(&self) -> Result<Option<Vec<u8>>>;

    /// All sums of energy by charge point and day, in no particular order.
    async fn energy_by_day(&self) -> Result<Vec<DayEnergy>>;

    /// Makes the sums by day anew from the sessions. They are kept up by every write; this mends what a person did by hand.
    async fn rebuild_energy_by_day(&self) -> Result<()>;

    /// The sessions of a day by [`Transaction::listed_at`], by id.
    async fn sessions_of_day(&self, day: Day) -> Result<Vec<Transaction>>;

    /// The days between two (inclusive) that have sessions, ascending; of one charge point or of all.
    async fn days_with_sessions(&self, charge_point: Option<ChargePointKey>, from: Day, to: Day) -> Result<Vec<Day>>;

    /// The sessions with the newest planned finish (`dttfinishtime`), then the higher id; those without one are left out (2.7).
    async fn recent_sessions(&self, limit: u32) -> Result<Vec<Transaction>>;

    /// How many sessions there are.
    async fn session_count(&self) -> Result<u64>;

    /// One session.
    async fn session(&self, id: TransactionId) -> Result<Option<Transaction>>;

    /// Sessions for the records page, newest id first: `limit` of them below `before`, with the totals of all.
    async fn find_sessions(
        &self,
        filter: &SessionFilter,
        before: Option<TransactionId>,
        limit: u32,
    ) -> Result<SessionPage>;

    /// The running sessions (started, not finished), by id.
    async fn running_sessions(&self) -> Result<Vec<Transaction>>;

    /// A charge point's meter values between two instants (inclusive, exclusive), oldest first, at most `limit` (the newest of them).
    async fn meter_values(
        &self,
        charge_point: ChargePointKey,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<MeterValue>>;

    /// A session's meter values, oldest first.
    async fn meter_values_of(&self, transaction: TransactionId) -> Result<Vec<MeterValue>>;

    /// Each charge point's newest meter value at or after an instant.
    async fn latest_meter_values(&self, since: Timestamp) -> Result<Vec<MeterValue>>;

    /// Adds a charge point, and the audit entry where a person did it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when its identity is taken.
    async fn add_charge_point(&self, charge_point: &ChargePoint, audit: Option<&AuditEntry>) -> Result<ChargePointKey>;

    /// Writes a batch, all or nothing, and nothing when it was written before.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for what refers to a charge point or a session that is not there; meter values are not asked.
    async fn write(&self, batch: &Batch) -> Result<()>;

    /// The session of a charge point that began at this time by its own clock, with this register; the newest of them.
    async fn session_begun(&self, charge_point: ChargePointKey, start: &Start) -> Result<Option<Session>>;

    /// A session with what is needed to carry it on.
    async fn whole_session(&self, id: TransactionId) -> Result<Option<Session>>;

    /// What an operator should see, newest first; of one charge point or of all. At least the newest 1 000 of each charge point are
    /// kept, and not many more.
    async fn findings(&self, charge_point: Option<ChargePointKey>, limit: u32) -> Result<Vec<Finding>>;

    /// What happened at a charge point, newest first. At least the newest 1 000 are kept, and not many more.
    async fn happenings(&self, charge_point: ChargePointKey, limit: u32) -> Result<Vec<Happening>>;

    /// Adds raw frames to their log.
    async fn add_frames(&self, parts: &[FramePart]) -> Result<()>;

    /// Forgets the oldest parts of a charge point until no more than so many frames are left. Says how many bytes of parts went.
    async fn prune_frames(&self, charge_point: ChargePointKey, frames: i64) -> Result<i64>;

    /// Forgets so many of the oldest parts of all charge points' frames. Says how many bytes went; 0 when there was none.
    async fn drop_oldest_frames(&self, parts: u32) -> Result<i64>;

    /// The bytes of all parts of frames.
    async fn frame_bytes(&self) -> Result<i64>;

    /// The newest parts of a charge point's log before one, newest first, each with its number.
    async fn frames(
        &self,
        charge_point: ChargePointKey,
        before: Option<i64>,
        parts: u32,
    ) -> Result<Vec<(i64, FramePart)>>;

    /// Puts cards in the place of those of their names, and the audit entry with them, all or nothing.
    async fn put_cards(&self, cards: &[Card], audit: &AuditEntry) -> Result<()>;

    /// Takes a card away, and adds the audit entry.
    async fn remove_card(&self, tag: &IdTag, audit: &AuditEntry) -> Result<()>;

    /// Stores a command as queued, and the audit entry with it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] while one of that kind is pending for that charge point, or its key is used.
    async fn add_command(&self, command: &NewCommand, audit: &AuditEntry) -> Result<Command>;

    /// Stores how far a command is, and the audit entry where that is its end.
    async fn update_command(&self, command: &Command, audit: Option<&AuditEntry>) -> Result<()>;

    /// A command.
    async fn command(&self, id: i64) -> Result<Option<Command>>;

    /// The command that was given with a key.
    async fn command_by_key(&self, key: &str) -> Result<Option<Command>>;

    /// The newest commands of a charge point, newest first.
    async fn commands_of(&self, charge_point: ChargePointKey, limit: u32) -> Result<Vec<Command>>;

    /// The newest command of each kind that a charge point has accepted, in no particular order.
    async fn last_answers(&self, charge_point: ChargePointKey) -> Result<Vec<Command>>;

    /// The commands that may still come further.
    async fn open_commands(&self) -> Result<Vec<Command>>;

    /// A charge point begins to upload diagnostics for a command. Gives the file's number.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for a command or a charge point that is not there.
    async fn begin_diagnostics(&self, charge_point: ChargePointKey, command: i64) -> Result<i64>;

    /// Adds the next part of a file that is on its way; the first has the number 0.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when no such file is on its way.
    async fn add_diagnostics_part(&self, file: i64, number: i32, bytes: &[u8]) -> Result<()>;

    /// A file that was on its way is whole: from here on it is listed.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when no such file is on its way.
    async fn finish_diagnostics(&self, file: i64, name: &FileName, at: Timestamp) -> Result<()>;

    /// The files that a charge point has uploaded, newest first.
    async fn diagnostics_of(&self, charge_point: ChargePointKey) -> Result<Vec<DiagnosticsFile>>;

    /// A file that is whole.
    async fn diagnostics_file(&self, file: i64) -> Result<Option<DiagnosticsFile>>;

    /// A part of a file that is whole; `None` behind the last one, and when the file is gone.
    async fn diagnostics_part(&self, file: i64, number: i32) -> Result<Option<Vec<u8>>>;

    /// The files beyond so many of each charge point, and beyond so many bytes of all: the oldest.
    async fn diagnostics_beyond(&self, files: i64, bytes: i64) -> Result<Vec<i64>>;

    /// Gives up files, whole ones or those on their way. Nobody sees them any more; their parts go by
    /// [`Store::sweep_diagnostics`], so that no write takes long.
    async fn drop_diagnostics(&self, files: &[i64]) -> Result<()>;

    /// Gives up all files that are on their way: who was receiving them is no more.
    async fn drop_unfinished_diagnostics(&self) -> Result<()>;

    /// Takes away so many parts of files that were given up. `true` while there are more.
    async fn sweep_diagnostics(&self, parts: u32) -> Result<bool>;

    /// Brings in a checked site file, all or nothing, and makes the sums by day anew.
    ///
    /// # Errors
    /// [`StoreError::SiteFile`] for a row that refers to a charge point that neither the file nor the database has.
    async fn import(&self, file: &site_file::SiteFile, mode: ImportMode) -> Result<()> {
        self.import_by(file, mode, None).await
    }

    /// The same, with the audit entry where a person did it.
    ///
    /// # Errors
    /// Those of [`Store::import`].
    async fn import_by(&self, file: &site_file::SiteFile, mode: ImportMode, audit: Option<&AuditEntry>) -> Result<()>;

    /// Everything that the site file holds, in one consistent reading.
    async fn export(&self) -> Result<site_file::SiteFile>;

    /// Whether the site has neither charge points nor sessions (`bmw demo` fills only such a one).
    async fn is_empty(&self) -> Result<bool>;

    /// The newest entries of the audit log, newest first.
    async fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let page = self.audit_log_page(&AuditFilter::default(), None, limit).await?;
        Ok(page.into_iter().map(|stored| stored.entry).collect())
    }

    /// The entries of the audit log that a filter lets through, newest first: `limit` of them below a place.
    async fn audit_log_page(
        &self,
        filter: &AuditFilter,
        before: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<StoredAudit>>;

    /// Adds an entry to the audit log, for what changes nothing else that is stored. None is ever changed or taken away: the
    /// database itself refuses that.
    async fn add_audit(&self, audit: &AuditEntry) -> Result<()>;

    /// Who may do what, in one consistent reading.
    async fn accounts(&self) -> Result<AccountInventory>;

    /// The account of a name, by its key.
    async fn account(&self, key: &str) -> Result<Option<StoredAccount>>;

    /// Adds an account and the audit entry.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when its name is taken.
    async fn add_account(&self, account: &NewAccount, audit: &AuditEntry) -> Result<AccountKey>;

    /// Puts an account's role, password and state in the place of what they were, ends sign-ins and removes tokens, and adds
    /// the audit entry: all or nothing. Its second factor stays.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such account.
    async fn change_account(
        &self,
        account: &StoredAccount,
        end: &[i64],
        revoke: &[i64],
        audit: &AuditEntry,
    ) -> Result<()>;

    /// Puts a second factor with its recovery codes in the place of what there was, or none, ends sign-ins, and adds the audit
    /// entry: all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such account.
    async fn set_second_factor(
        &self,
        account: AccountKey,
        factor: Option<&NewSecondFactor>,
        end: &[i64],
        audit: &AuditEntry,
    ) -> Result<()>;

    /// Puts recovery codes in the place of those that there were, and adds the audit entry.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when the account has no second factor.
    async fn set_recovery_codes(&self, account: AccountKey, codes: &[SecretHash], audit: &AuditEntry) -> Result<()>;

    /// Takes the code of a step; whether it is later than all that were taken before.
    async fn take_step(&self, account: AccountKey, step: i64) -> Result<bool>;

    /// Takes a recovery code, and adds the audit entry; whether there was such a one.
    async fn take_recovery_code(&self, account: AccountKey, code: SecretHash, audit: &AuditEntry) -> Result<bool>;

    /// Adds a sign-in, and the audit entry with it.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such account.
    async fn add_sign_in(&self, sign_in: &NewSignIn, audit: &AuditEntry) -> Result<i64>;

    /// A sign-in was used.
    async fn touch_sign_in(&self, id: i64, at: Timestamp) -> Result<()>;

    /// Ends sign-ins, and adds the audit entry.
    async fn end_sign_ins(&self, ids: &[i64], audit: &AuditEntry) -> Result<()>;

    /// Forgets sign-ins that ended long ago.
    async fn forget_sign_ins(&self, ids: &[i64]) -> Result<()>;

    /// Adds a token, and the audit entry with it.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such account.
    async fn add_token(&self, token: &NewToken, audit: &AuditEntry) -> Result<i64>;

    /// A token was used.
    async fn touch_token(&self, id: i64, at: Timestamp) -> Result<()>;

    /// Removes tokens, and adds the audit entry.
    async fn remove_tokens(&self, ids: &[i64], audit: &AuditEntry) -> Result<()>;

    /// The passwords of all charge points, by charge point and number.
    async fn charger_passwords(&self) -> Result<Vec<(ChargePointKey, StoredChargerPassword)>>;

    /// Puts passwords of a charge point in the place of all that it had, and adds the audit entry: all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such charge point.
    async fn put_charger_passwords(
        &self,
        charge_point: ChargePointKey,
        passwords: &[StoredChargerPassword],
        audit: &AuditEntry,
    ) -> Result<()>;

    /// The alerts that are open, those that have ended at or after an instant, and the number of the last one, in one consistent
    /// reading.
    async fn alerts_to_watch(&self, since: Timestamp) -> Result<AlertInventory>;

    /// Puts alerts in the place of those of their numbers, and adds the audit entry where a person did it: all or nothing. Of those
    /// that have ended, at least the newest 10 000 are kept, and not many more.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for a charge point that is not there.
    async fn put_alerts(&self, alerts: &[Alert], audit: Option<&AuditEntry>) -> Result<()>;

    /// The alerts that have ended and that a filter lets through, the one that ended last first: `limit` of them below a place.
    async fn ended_alerts(&self, filter: AlertFilter, before: Option<AlertPlace>, limit: u32) -> Result<Vec<Alert>>;

    /// Closes all connections; later calls fail.
    async fn close(&self);
}

/// How a database is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// The zone asked for; `None`: the stored one, or the machine's for a new site.
    pub zone: Option<Zone>,
    /// What the caller is about to do: holders of the site exclude each other.
    pub role: Role,
}

impl std::fmt::Debug for OpenOptions {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions").field("zone", &self.zone).field("role", &self.role).finish_non_exhaustive()
    }
}

/// What a process does with a database while it has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves the site, or changes it as a whole (import, demo): only one at a time.
    /// [`StoreError::InUse`] while another one has it.
    Owner,
    /// Reads beside a running server (export).
    Reader,
}

/// What opening a database did that a person should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The database was made.
    pub created: bool,
    /// The zone was changed from this one, and the sums by day were made anew.
    pub zone_changed_from: Option<String>,
}

/// Opens a database, makes and migrates it as far as that is needed.
///
/// # Errors
/// One clear line each: a URL that is none, a database that does not answer, one of a newer version, one in use.
pub async fn open(options: &OpenOptions) -> Result<(Arc<dyn Store>, Opened)> {
    if options.url.starts_with("sqlite:") {
        let (store, opened) = sqlite::SqliteStore::open(options).await?;
        Ok((Arc::new(store), opened))
    } else if options.url.starts_with("postgres:") || options.url.starts_with("postgresql:") {
        let (store, opened) = postgres::PostgresStore::open(options).await?;
        Ok((Arc::new(store), opened))
    } else {
        Err(StoreError::Url("must begin with sqlite:// or postgres://"))
    }
}

/// The identity of each charge point by its key, for those who print sessions.
pub fn identities(inventory: &Inventory) -> std::collections::HashMap<ChargePointKey, Identity> {
    inventory.charge_points.iter().map(|stored| (stored.key, stored.charge_point.identity.clone())).collect()
}
