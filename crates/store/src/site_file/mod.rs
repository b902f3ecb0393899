//! The site file: a whole site as JSON, with the field names of the documented interface.
//!
//! Everything in it is checked before anything is stored. Times are local and without zone here; the store turns them
//! into instants with the site's zone when it brings them in.

mod read;
mod write;

use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePoint, ChargePointState, Identity, Model, TransactionId};
use bmw_domain::settings::Settings;
use std::sync::Arc;

/// What a site file holds. `None`: the file does not have that object or list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteFile {
    /// `settings`
    pub settings: Option<Settings>,
    /// `charger_models`
    pub models: Option<Vec<Model>>,
    /// `chargers`, in the order in which they were added.
    pub charge_points: Option<Vec<ChargePoint>>,
    /// `charger_states`
    pub states: Option<Vec<StateRow>>,
    /// `charging_records`
    pub sessions: Option<Vec<SessionRow>>,
}

/// A row of `charger_states`.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRow {
    /// Whose state.
    pub charge_point: Identity,
    /// All of it but [`ChargePointState::last_contact`], which is not used here.
    pub state: ChargePointState,
    /// The newest frame of any kind.
    pub last_contact: Option<LocalTime>,
}

/// A row of `charging_records`. Texts that many rows have in common are shared between them.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// Its number.
    pub id: TransactionId,
    /// The charge point.
    pub charge_point: Arc<Identity>,
    /// The charge point's own running number of sessions.
    pub cycle: Option<i32>,
    /// When the session asked for current.
    pub queued_at: Option<LocalTime>,
    /// Start.
    pub started_at: Option<LocalTime>,
    /// Planned finish.
    pub planned_finish: Option<LocalTime>,
    /// Real finish.
    pub finished_at: Option<LocalTime>,
    /// Energy.
    pub energy: Energy,
    /// The card that started it.
    pub id_tag: Option<Arc<str>>,
}

/// Why a site file cannot be taken: one line that names the list, the row and the field as far as there are such.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SiteFileError(String);

impl SiteFile {
    /// Reads and checks a site file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, SiteFileError> {
        read::site_file(bytes)
    }

    /// Writes it in the fixed order and style of the format.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: impl std::io::Write) -> std::io::Result<()> {
        write::site_file(self, out)
    }
}
