//! The present: an immutable picture of all charge points, replaced as a whole at each change.

use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::ChargePointNow;
use bmw_domain::distribution::Wiring;
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase;
use bmw_domain::record::{ChargePointKey, Identity};
use bmw_domain::settings::Settings;
use bmw_domain::status;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

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

/// All charge points, in the order in which they were added. A copy shares what is alike: where few of many have changed, the
/// next picture costs little.
pub type ChargePoints = imbl::Vector<Arc<ChargePointNow>>;

/// How charge points are connected, where it is said.
pub type Wirings = HashMap<ChargePointKey, Wiring>;

/// All charge points and the settings at one moment.
#[derive(Debug, Clone)]
pub struct Present {
    charge_points: ChargePoints,
    settings: Arc<Settings>,
    wirings: Arc<Wirings>,
    directory: Arc<Directory>,
    /// Made when somebody asks: most pictures are replaced before.
    statistics: OnceLock<Statistics>,
    /// Places of those with a state: newest contact first (none last), then the higher identity. Made like the statistics.
    by_contact: OnceLock<Vec<usize>>,
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
    fn new(charge_points: &ChargePoints) -> Self {
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

fn identity(charge_points: &ChargePoints, place: usize) -> &Identity {
    &charge_points[place].charge_point.identity
}

impl Present {
    /// The picture of these charge points, in the order in which they were added.
    pub fn new(charge_points: ChargePoints, settings: Arc<Settings>, wirings: Arc<Wirings>) -> Self {
        let directory = Arc::new(Directory::new(&charge_points));
        let (statistics, by_contact) = (OnceLock::new(), OnceLock::new());
        Self { charge_points, settings, wirings, directory, statistics, by_contact }
    }

    /// The picture with other states of the same charge points, in the same order.
    #[must_use]
    pub(crate) fn with_states(&self, charge_points: ChargePoints) -> Self {
        let (statistics, by_contact) = (OnceLock::new(), OnceLock::new());
        Self { charge_points, statistics, by_contact, ..self.clone() }
    }

    /// The picture with one charge point more.
    #[must_use]
    pub(crate) fn with_added(&self, charge_point: ChargePointNow) -> Self {
        let mut charge_points = self.charge_points.clone();
        charge_points.push_back(Arc::new(charge_point));
        Self::new(charge_points, self.settings.clone(), self.wirings.clone())
    }

    /// The picture with other settings.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    /// The picture with one that is connected in another way.
    #[must_use]
    pub(crate) fn with_wiring(&self, key: ChargePointKey, wiring: Wiring) -> Self {
        let mut wirings = Wirings::clone(&self.wirings);
        wirings.insert(key, wiring);
        Self { wirings: Arc::new(wirings), ..self.clone() }
    }

    /// All, in the order in which they were added (2.14).
    pub const fn charge_points(&self) -> &ChargePoints {
        &self.charge_points
    }

    /// All, by identity (2.12).
    pub fn by_identity(&self) -> impl ExactSizeIterator<Item = &Arc<ChargePointNow>> {
        self.directory.sorted.iter().map(|place| &self.charge_points[*place])
    }

    /// Those with a state: newest contact first, none last, then the higher identity (2.8).
    pub fn by_contact(&self) -> impl ExactSizeIterator<Item = &Arc<ChargePointNow>> {
        let places = self.by_contact.get_or_init(|| {
            let points = &self.charge_points;
            let mut places: Vec<usize> = (0..points.len()).filter(|place| points[*place].state.is_some()).collect();
            places.sort_by(|a, b| {
                let rank = |place: usize| Reverse((points[place].last_contact(), identity(points, place)));
                rank(*a).cmp(&rank(*b))
            });
            places
        });
        places.iter().map(|place| &self.charge_points[*place])
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

    /// Where the one of a key stands.
    pub(crate) fn place(&self, key: ChargePointKey) -> Option<usize> {
        self.directory.by_key.get(&key).copied()
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

    /// How a charge point is connected.
    pub fn wiring(&self, key: ChargePointKey) -> Wiring {
        self.wirings.get(&key).copied().unwrap_or_default()
    }

    /// Counts and sums.
    pub fn statistics(&self) -> &Statistics {
        self.statistics.get_or_init(|| count(&self.charge_points))
    }

    /// The load of the site's phases A, B, C in A; `None` where nothing is known.
    pub fn phase_load(&self, now: Timestamp) -> [Option<f64>; 3] {
        self.load_of(&self.charge_points, now)
    }

    /// The load that the same charge points in other states put on the site's phases.
    pub(crate) fn load_of(&self, charge_points: &ChargePoints, now: Timestamp) -> [Option<f64>; 3] {
        let currents = |charge_point: &Arc<ChargePointNow>| {
            let wiring = self.wiring(charge_point.key);
            let currents = charge_point.currents(now).filter(|_| !wiring.is_apart)?;
            Some((currents, wiring.reported(&self.settings)))
        };
        phase::site_load(charge_points.iter().filter_map(currents))
    }
}

fn count(charge_points: &ChargePoints) -> Statistics {
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
