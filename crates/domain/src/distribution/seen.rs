//! What the governor sees of a charge point.

use super::{Bound, Current, Phases, Way, priority};
use crate::calendar::Timestamp;
use crate::charger::ChargePointNow;
use crate::charger::limit::{Limit, Purpose};
use crate::energy::ChargingTime;
use crate::phase::{LineCurrents, Phase, PhaseSequence};
use crate::record::{ChargePointKey, TransactionId};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};

/// The numbers of the charging profiles that are ours: the permanent one, and the first of those that are renewed (one for each
/// connector from 0 on). No person would choose them.
pub const SAFE_ID: i32 = 761_000_000;
/// See [`SAFE_ID`].
pub const LIVE_ID: i32 = 761_000_001;
/// How many connectors can have one.
const LIVE_IDS: i32 = 1_000;
/// How old a reading of the site's meter may be, ms: an older one counts as if others drew all.
pub const OTHERS_MS: i64 = 30_000;
/// What a charge point of an unknown model is taken to be able to give, A.
pub const DEFAULT_MAX: f64 = 32.0;
/// The least that a car charges by (IEC 61851-1), A.
const DEFAULT_MIN: f64 = 6.0;

/// Whether a charging profile is one of ours.
pub const fn is_ours(id: i32) -> bool {
    SAFE_ID <= id && id < LIVE_ID + LIVE_IDS
}

/// What an operator says of how a charge point is connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// The site phases of its L1, L2, L3, where they are others than those of the site's settings.
    pub sequence: Option<PhaseSequence>,
    /// Whether what it reports is of the site's phases already: L1 is A, L2 is B, L3 is C.
    pub reports_rotated: bool,
    /// The most that its cable bears, A: 6–1000.
    pub cable: Option<u16>,
    /// The most that it may have, as a person has said, A: 0–1000.
    pub most: Option<u16>,
    /// Whether it draws nothing from this supply: it is left alone, and counts for nothing.
    pub is_apart: bool,
}

impl Wiring {
    /// The site phases of its lines.
    pub fn sequence(&self, settings: &Settings) -> PhaseSequence {
        self.sequence.unwrap_or(settings.phase_sequence)
    }

    /// The site phases of the lines that it reports.
    pub fn reported(&self, settings: &Settings) -> PhaseSequence {
        if self.reports_rotated { PhaseSequence::ABC } else { self.sequence(settings) }
    }
}

/// A session that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub transaction: TransactionId,
    /// Its connector.
    pub connector: i32,
}

/// A charge point at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Whose.
    pub key: ChargePointKey,
    /// The number of its connection; `None` while it has none.
    pub link: Option<u64>,
    /// When it last started.
    pub booted: Option<Timestamp>,
    /// Whether it was ever heard of.
    pub is_known: bool,
    /// Whether it is left alone.
    pub is_apart: bool,
    /// The phases that it could draw on.
    pub wired: Phases,
    /// The least that a car charges by.
    pub min: Current,
    /// The most that it may be given.
    pub max: Current,
    /// Which bound that is.
    pub bound: Bound,
    /// The most that it can draw whatever it is told.
    pub most: Current,
    /// How many cars can charge at once.
    pub connectors: usize,
    /// The sessions that run, by connector.
    pub running: Vec<Running>,
    /// Since when the first of them waits.
    pub since: Timestamp,
    /// What they have charged so far.
    pub energy: crate::energy::Energy,
    /// What is left of their priority.
    pub priority: u32,
    /// What was measured last on the site's phases, and when.
    pub measured: Option<(Timestamp, [Option<Current>; 3])>,
    /// What it said that it offers in all, and when.
    pub offered: Option<(Timestamp, Current)>,
    /// The safe current that it has accepted, as far as that is remembered.
    pub kept_safe: Option<Current>,
    /// By which kind of profile it was held then.
    pub kept_way: Option<Way>,
    /// Whether it has accepted any limit of ours.
    pub keeps_ours: bool,
    /// What its sessions were told last, for each, and until when that holds.
    pub kept_live: Option<(Current, Timestamp)>,
}

/// What is seen of a charge point now.
pub fn see(now: &ChargePointNow, wiring: &Wiring, settings: &Settings, at: Timestamp) -> Seen {
    let model = now.model.as_deref();
    let lines = model.and_then(|model| model.phases).map_or(3, |phases| if phases == 1 { 1 } else { 3 });
    let most = Current::at_most(model.and_then(|model| model.max_current).unwrap_or(DEFAULT_MAX));
    let (max, bound) = max(now, wiring, most, at);
    let running: Vec<Running> = now
        .running
        .iter()
        .map(|session| Running { transaction: session.transaction.id, connector: session.connector })
        .collect();
    let first = now.running.iter().min_by_key(|session| session.start.at);
    let energy = now.running.iter().map(|session| session.transaction.energy).max().unwrap_or_default();
    let time = first.map_or(0, |session| at.since(session.start.at).max(0));
    Seen {
        key: now.key,
        link: now.link(),
        booted: now.booted_at,
        is_known: now.last_contact().is_some() || now.is_online(),
        is_apart: wiring.is_apart,
        wired: wired(lines, wiring, settings),
        min: Current::at_least(model.and_then(|model| model.min_current).unwrap_or(DEFAULT_MIN)),
        max,
        bound,
        most,
        connectors: now.connectors.iter().filter(|connector| connector.number > 0).count().max(1),
        since: first.and_then(|session| session.transaction.queued_at).unwrap_or(at),
        energy,
        priority: priority(energy, ChargingTime::from_ms(time), settings),
        measured: measured(now, wiring.reported(settings)),
        offered: offered(now),
        kept_safe: safe(now),
        kept_way: way(now),
        keeps_ours: now.limits.iter().any(|limit| is_ours(limit.id)),
        kept_live: live(now),
        running,
    }
}

/// One of a single line that tells the site's phases itself may be wired to any of them.
fn wired(lines: usize, wiring: &Wiring, settings: &Settings) -> Phases {
    if lines == 1 && wiring.reports_rotated && wiring.sequence.is_none() {
        return Phases::ALL;
    }
    Phases::wired(lines, wiring.sequence(settings))
}

/// The least of all bounds. Limits that people have set for the whole charge point count for what they say now.
fn max(now: &ChargePointNow, wiring: &Wiring, most: Current, at: Timestamp) -> (Current, Bound) {
    let amperes = |amperes: u16| Current::tenths(i32::from(amperes) * 10);
    let of_person = now.limits.of_people(at).map(Current::at_most);
    let bounds = [
        Some((most, Bound::Model)),
        wiring.cable.map(|cable| (amperes(cable), Bound::Cable)),
        wiring.most.map(|most| (amperes(most), Bound::Person)),
        of_person.map(|limit| (limit, Bound::Person)),
    ];
    bounds.into_iter().flatten().min_by_key(|(current, _)| *current).unwrap_or((most, Bound::Model))
}

fn measured(now: &ChargePointNow, reported: PhaseSequence) -> Option<(Timestamp, [Option<Current>; 3])> {
    let mut newest: Option<Timestamp> = None;
    let mut on = [None; 3];
    let whole = now.connectors.iter().find(|connector| connector.number == 0 && connector.measured.is_some());
    let of_each = now.connectors.iter().filter(|connector| connector.number > 0 && whole.is_none());
    for (at, LineCurrents(lines)) in whole.into_iter().chain(of_each).filter_map(|connector| connector.measured) {
        newest = newest.max(Some(at));
        for (amperes, phase) in lines.into_iter().zip(reported.phases()) {
            if let Some(amperes) = amperes {
                *on[phase.index()].get_or_insert(Current::ZERO) += Current::at_least(amperes);
            }
        }
    }
    Some((newest?, on))
}

fn offered(now: &ChargePointNow) -> Option<(Timestamp, Current)> {
    let charging = now.connectors.iter().filter(|it| now.running.iter().any(|session| session.connector == it.number));
    let told = charging.filter_map(|connector| Some((connector.measured?.0, connector.offered?)));
    let (at, amperes) = told.reduce(|(at, sum), (later, more)| (at.min(later), sum + more))?;
    Some((at, Current::at_most(amperes)))
}

fn amperes(limit: &Limit) -> Option<Current> {
    limit.periods.first().map(|(_, amperes)| Current::at_most(*amperes))
}

fn safe(now: &ChargePointNow) -> Option<Current> {
    now.limits.iter().find(|limit| limit.id == SAFE_ID).and_then(amperes)
}

/// What it accepted tells how it takes limits.
fn way(now: &ChargePointNow) -> Option<Way> {
    let ours = || now.limits.iter().filter(|limit| is_ours(limit.id));
    let has = |purpose, is_live: bool| ours().any(|it| it.purpose == purpose && (it.id != SAFE_ID) == is_live);
    ours().next()?;
    Some(match () {
        () if has(Purpose::ChargePointMax, false) => Way::ChargePointMax,
        () if has(Purpose::TxDefault, true) => Way::TxDefault,
        () => Way::Tx,
    })
}

/// The highest of those that still hold, and the latest end.
fn live(now: &ChargePointNow) -> Option<(Current, Timestamp)> {
    let live = now.limits.iter().filter(|limit| is_ours(limit.id) && limit.id != SAFE_ID);
    let held = live.filter_map(|limit| Some((amperes(limit)?, limit.ends()?)));
    held.reduce(|(most, last), (more, later)| (most.max(more), last.max(later)))
}

/// The phases that something flows on.
pub(super) fn carrying(measured: &[Option<Current>; 3]) -> Phases {
    const CARRIES: Current = Current::tenths(5);
    Phase::ALL.into_iter().filter(|phase| measured[phase.index()].is_some_and(|current| current > CARRIES)).collect()
}
