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
use std::collections::HashSet;
use std::sync::Arc;

/// The names of the file's object and lists.
const LISTS: [&str; 5] = ["settings", "charger_models", "chargers", "charger_states", "charging_records"];
/// The names of the settings, in the order of `SettingField::ALL`.
const SETTING_FIELDS: [&str; 16] = [
    "vchcardreadercom",
    "yeainstallyear",
    "intinstallmonth",
    "blncurrentdistribution",
    "vchpowermetercom",
    "vchpowersequence",
    "intcurrency",
    "dblchargingdeductionpower",
    "intchargingdeductionminute",
    "intdeductionprioritypower",
    "intdeductionpriorityminute",
    "dblpowercoefficient",
    "blninternaltesting",
    "intmaxcurrenta",
    "intmaxcurrentb",
    "intmaxcurrentc",
];
const MODEL_FIELDS: [&str; 4] = ["vchmodelid", "dblmaxcurrent", "dblmincurrent", "intmaxphase"];
const CHARGE_POINT_FIELDS: [&str; 9] = [
    "vchchargerid",
    "vchmodelid",
    "vchvenderid",
    "vchserialno",
    "vchfirmwarever",
    "dblaccumlatedpower",
    "dblaccumlatedminute",
    "vchip",
    "vchmac",
];
const STATE_FIELDS: [&str; 11] = [
    "vchchargerid",
    "vchstate",
    "vchcommand",
    "vchsocket",
    "intcurrentfeedback",
    "intcurrent",
    "intchargingcurrent",
    "intconsumedenergy",
    "intelapsedtime",
    "intchargingphase",
    "dttlastconntime",
];
const SESSION_FIELDS: [&str; 9] = [
    "intrecordid",
    "intchargingcode",
    "vchchargerid",
    "dttstartqueue",
    "dttstarttime",
    "dttfinishtime",
    "dttrealfinish",
    "dblenergy",
    "vchcardid",
];

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

    /// Checks that every state and session is of a charge point that is known.
    pub(crate) fn check_references(&self, known: impl Fn(&Identity) -> bool) -> Result<(), SiteFileError> {
        let unknown = |list, row, key: String, field, identity: &Identity| {
            let row = row + 1;
            SiteFileError(format!("{list}[{row}] ({key}): {field}: There is no charger {:?}.", identity.as_str()))
        };
        for (row, state) in self.states.iter().flatten().enumerate() {
            if !known(&state.charge_point) {
                let key = format!("{} {}", STATE_FIELDS[0], state.charge_point);
                return Err(unknown(LISTS[3], row, key, STATE_FIELDS[0], &state.charge_point));
            }
        }
        for (row, session) in self.sessions.iter().flatten().enumerate() {
            if !known(&session.charge_point) {
                let key = format!("{} {}", SESSION_FIELDS[0], session.id.0);
                return Err(unknown(LISTS[4], row, key, SESSION_FIELDS[2], &session.charge_point));
            }
        }
        Ok(())
    }
}

/// The shared copy of a text.
pub(crate) fn shared(texts: &mut HashSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(shared) = texts.get(text) {
        return Arc::clone(shared);
    }
    let shared: Arc<str> = Arc::from(text);
    texts.insert(Arc::clone(&shared));
    shared
}
