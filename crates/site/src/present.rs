//! The present: an immutable picture of all charge points, replaced as a whole at each change.

use bmw_domain::calendar::Timestamp;
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::{self, LineCurrents};
use bmw_domain::record::{ChargePoint, ChargePointKey, ChargePointState, Identity, Model};
use bmw_domain::settings::Settings;
use bmw_domain::status;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

/// How long a charge point that was heard of counts as online, ms: 3 heartbeats of 60 s.
pub const ONLINE_MS: i64 = 180_000;

/// How long a measured current counts as known, ms (reading guide, "Load of the site's phases").
const MEASURED_MS: i64 = 300_000;

/// A charge point now.
#[derive(Debug, Clone)]
pub struct ChargePointNow {
    /// The store's number of it.
    pub key: ChargePointKey,
    /// Who it is.
    pub charge_point: ChargePoint,
    /// Its model, where it is a known one.
    pub model: Option<Arc<Model>>,
    /// Its last known state; `None` when it never had one.
    pub state: Option<ChargePointState>,
    /// The newest measured currents, and when they were measured.
    pub measured: Option<(Timestamp, LineCurrents)>,
    /// Whether it ever had a session.
    pub has_sessions: bool,
    /// Counts the changes of this charge point: who remembers it knows whether something is new.
    pub version: u64,
}

impl ChargePointNow {
    /// The state's name.
    pub fn state_name(&self) -> Option<&str> {
        self.state.as_ref()?.state.as_deref()
    }

    /// The last message or command.
    pub fn command(&self) -> Option<&str> {
        self.state.as_ref()?.command.as_deref()
    }

    /// When it was last heard of.
    pub fn last_contact(&self) -> Option<Timestamp> {
        self.state.as_ref()?.last_contact
    }

    /// Whether it is in contact. Until charge points connect, that is a contact within [`ONLINE_MS`].
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.last_contact().is_some_and(|contact| now.since(contact) <= ONLINE_MS)
    }

    /// The currents on its lines, unless they are too old to be known.
    pub fn currents(&self, now: Timestamp) -> Option<LineCurrents> {
        self.measured.filter(|(at, _)| now.since(*at) <= MEASURED_MS).map(|(_, currents)| currents)
    }
}

/// Counts and sums over all charge points (2.6, 2.9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Charge points that have a state.
    pub with_state: u64,
    /// Energy over the life of all.
    pub energy: Energy,
    /// Charging time over the life of all.
    pub time: ChargingTime,
    /// Charge points in use.
    pub in_use: u64,
    /// How many are in each state, by the index of [`status::STATE_NAMES`].
    pub by_state: [u64; 16],
}

/// All charge points and the settings at one moment.
#[derive(Debug, Clone)]
pub struct Present {
    charge_points: Vec<Arc<ChargePointNow>>,
    settings: Arc<Settings>,
    statistics: Statistics,
    directory: Arc<Directory>,
    /// Places of those with a state: newest contact first (none last), then the higher identity.
    by_contact: Vec<usize>,
}

/// Where each charge point stands; changes only when one is added.
#[derive(Debug, Default)]
struct Directory {
    by_identity: HashMap<Identity, usize>,
    by_key: HashMap<ChargePointKey, usize>,
    /// Places in the order of identities.
    sorted: Vec<usize>,
}

impl Directory {
    fn new(charge_points: &[Arc<ChargePointNow>]) -> Self {
        let mut sorted: Vec<usize> = (0..charge_points.len()).collect();
        sorted.sort_by(|a, b| identity(charge_points, *a).cmp(identity(charge_points, *b)));
        let places = || charge_points.iter().enumerate();
        Self {
            by_identity: places().map(|(place, now)| (now.charge_point.identity.clone(), place)).collect(),
            by_key: places().map(|(place, now)| (now.key, place)).collect(),
            sorted,
        }
    }
}

fn identity(charge_points: &[Arc<ChargePointNow>], place: usize) -> &Identity {
    &charge_points[place].charge_point.identity
}

impl Present {
    /// The picture of these charge points, in the order in which they were added.
    pub fn new(charge_points: Vec<Arc<ChargePointNow>>, settings: Arc<Settings>) -> Self {
        let directory = Arc::new(Directory::new(&charge_points));
        Self::with_directory(charge_points, settings, directory)
    }

    fn with_directory(
        charge_points: Vec<Arc<ChargePointNow>>,
        settings: Arc<Settings>,
        directory: Arc<Directory>,
    ) -> Self {
        let mut by_contact: Vec<usize> =
            (0..charge_points.len()).filter(|place| charge_points[*place].state.is_some()).collect();
        by_contact.sort_by(|a, b| {
            let rank = |place: usize| Reverse((charge_points[place].last_contact(), identity(&charge_points, place)));
            rank(*a).cmp(&rank(*b))
        });
        let statistics = count(&charge_points);
        Self { charge_points, settings, statistics, directory, by_contact }
    }

    /// The picture after one charge point changed.
    #[must_use]
    pub fn with_change(&self, key: ChargePointKey, change: impl FnOnce(&mut ChargePointNow)) -> Self {
        let mut charge_points = self.charge_points.clone();
        if let Some(place) = self.directory.by_key.get(&key) {
            let now = Arc::make_mut(&mut charge_points[*place]);
            change(now);
            now.version += 1;
        }
        Self::with_directory(charge_points, self.settings.clone(), self.directory.clone())
    }

    /// The picture with other settings.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    /// All, in the order in which they were added (2.14).
    pub fn charge_points(&self) -> &[Arc<ChargePointNow>] {
        &self.charge_points
    }

    /// All, by identity (2.12).
    pub fn by_identity(&self) -> impl ExactSizeIterator<Item = &Arc<ChargePointNow>> {
        self.directory.sorted.iter().map(|place| &self.charge_points[*place])
    }

    /// Those with a state: newest contact first, none last, then the higher identity (2.8).
    pub fn by_contact(&self) -> impl ExactSizeIterator<Item = &Arc<ChargePointNow>> {
        self.by_contact.iter().map(|place| &self.charge_points[*place])
    }

    /// One by its identity.
    pub fn find(&self, identity: &str) -> Option<&Arc<ChargePointNow>> {
        // Only an identity can be found; what is none is not there.
        let identity = Identity::new(identity).ok()?;
        self.directory.by_identity.get(&identity).map(|place| &self.charge_points[*place])
    }

    /// One by its key.
    pub fn get(&self, key: ChargePointKey) -> Option<&Arc<ChargePointNow>> {
        self.directory.by_key.get(&key).map(|place| &self.charge_points[*place])
    }

    /// The one to show when none was chosen: the given default, else the one with the newest contact, else the lowest
    /// identity (reading guide, 2.1).
    pub fn default_charge_point(&self, configured: Option<&str>) -> Option<&Arc<ChargePointNow>> {
        if let Some(configured) = configured {
            return self.find(configured);
        }
        self.by_contact().next().filter(|now| now.last_contact().is_some()).or_else(|| self.by_identity().next())
    }

    /// The settings.
    pub const fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Counts and sums.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The load of the site's phases A, B, C in A; `None` where nothing is known.
    pub fn phase_load(&self, now: Timestamp) -> [Option<f64>; 3] {
        let currents = self.charge_points.iter().filter_map(|charge_point| charge_point.currents(now));
        phase::site_load(currents, self.settings.phase_sequence)
    }
}

fn count(charge_points: &[Arc<ChargePointNow>]) -> Statistics {
    let mut statistics = Statistics::default();
    for now in charge_points {
        statistics.energy += now.charge_point.total_energy.unwrap_or_default();
        statistics.time += now.charge_point.total_time.unwrap_or_default();
        if now.state.is_some() {
            statistics.with_state += 1;
            statistics.by_state[status::state_index(now.state_name())] += 1;
            statistics.in_use += u64::from(status::is_in_use(now.state_name()));
        }
    }
    statistics
}
