//! `bmw demo`: a believable site to look at, the same for the same seed and relative to now.

mod cars;
mod history;

use anyhow::{Result, bail};
use bmw_domain::calendar::LocalTime;
use bmw_domain::charger::Measured;
use bmw_domain::charger::limit::{Begin, Limit, Limits, Purpose};
use bmw_domain::distribution::SAFE_ID;
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::record::{ChargePoint, ChargePointKey, ChargePointState, Identity, MeterValue, Model};
use bmw_domain::settings::Settings;
use bmw_store::site_file::{SiteFile, StateRow};
use bmw_store::{Batch, ImportMode, Store, Zone};
use history::{History, Session};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Meter values are kept for so many days back: enough for the curves that a visitor opens.
const METERED_DAYS: i32 = 7;

/// Meter values stored in one go.
const BATCH: usize = 5_000;

/// What was filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Charge points.
    pub charge_points: usize,
    /// Sessions.
    pub sessions: usize,
    /// Meter values.
    pub meter_values: usize,
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { charge_points, sessions, meter_values } = self;
        write!(f, "{charge_points} charge points, {sessions} sessions and {meter_values} meter values")
    }
}

/// Fills an empty database.
///
/// # Errors
/// When the database is not empty, or what the store says.
pub async fn fill(store: &dyn Store, seed: u64, now: LocalTime) -> Result<Filled> {
    if !store.is_empty().await? {
        bail!("the database is not empty; the demo site fills only an empty one");
    }
    let mut random = StdRng::seed_from_u64(seed);
    let history = History::of(&CHARGE_POINTS, now, &mut random);
    let file = site_file(&history, now)?;
    let told = crate::commands::told(&file).to_string();
    let audit = bmw_site::Caller::terminal().entry("site.demo", "null".to_owned(), told);
    store.import_by(&file, ImportMode::Merge, Some(&audit)).await?;
    store_limits(store).await?;
    let meter_values = store_meter_values(store, &history, now).await?;
    Ok(Filled { charge_points: CHARGE_POINTS.len(), sessions: history.sessions.len(), meter_values })
}

/// What a charge point of the demo is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Charging a car that came so many minutes ago.
    Charging(i64),
    /// The car that came so many minutes ago takes no more.
    Suspended(i64),
    /// Free, last heard of so many minutes ago.
    Free(i64),
    /// In the named state, without a session.
    In(&'static str),
    /// Known to the site, and never heard of.
    NeverSeen,
}

/// A charge point of the demo.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// Its identity, as in the document.
    pub identity: &'static str,
    model: &'static str,
    firmware: &'static str,
    /// Phases that it charges on.
    pub phases: u32,
    /// Sessions on a busy working day, on average.
    pub sessions_a_day: f64,
    /// What it is doing now.
    pub doing: Doing,
}

const fn unit(identity: &'static str, kind: Kind, sessions_a_day: f64, doing: Doing) -> Unit {
    let (model, firmware, phases) = match kind {
        Kind::Amos => ("Amos_EVG-32N", "2", 1),
        Kind::Evc => ("EVC32N", "3.1", 3),
        Kind::Unknown(firmware) => ("", firmware, 1),
    };
    Unit { identity, model, firmware, phases, sessions_a_day, doing }
}

enum Kind {
    Amos,
    Evc,
    Unknown(&'static str),
}

/// The 18 charge points of the document, in its order of 2.14.
const CHARGE_POINTS: [Unit; 18] = [
    unit("00504001", Kind::Unknown("271015 "), 0.5, Doing::Free(0)),
    unit("60303001", Kind::Unknown("HKMB19167 "), 0.6, Doing::In("BootUp")),
    unit("10245001", Kind::Evc, 2.4, Doing::Charging(47)),
    unit("10245002", Kind::Evc, 2.2, Doing::Free(0)),
    unit("10245003", Kind::Evc, 1.9, Doing::Charging(18)),
    unit("10245005", Kind::Evc, 1.4, Doing::In("Faulted")),
    unit("10245006", Kind::Evc, 2.6, Doing::Suspended(235)),
    unit("10245007", Kind::Evc, 2.0, Doing::In("PreParing")),
    unit("10245008", Kind::Evc, 1.7, Doing::Free(1)),
    unit("10245004", Kind::Evc, 1.2, Doing::In("Unavailable")),
    unit("21509001", Kind::Amos, 1.6, Doing::Charging(126)),
    unit("21509002", Kind::Amos, 1.5, Doing::Charging(63)),
    unit("21509003", Kind::Amos, 1.3, Doing::Free(0)),
    unit("21509004", Kind::Amos, 1.1, Doing::Free(2)),
    unit("21509005", Kind::Amos, 1.8, Doing::Charging(9)),
    unit("21509006", Kind::Amos, 0.9, Doing::Free(196)),
    unit("21509007", Kind::Amos, 1.4, Doing::In("Finishing")),
    unit("21509008", Kind::Amos, 0.0, Doing::NeverSeen),
];

fn site_file(history: &History, now: LocalTime) -> Result<SiteFile> {
    let mut charge_points = Vec::new();
    let mut states = Vec::new();
    for unit in &CHARGE_POINTS {
        let identity = Identity::new(unit.identity)?;
        let sessions = || history.sessions.iter().filter(|session| session.charge_point.as_str() == unit.identity);
        charge_points.push(charge_point(unit, &identity, sessions()));
        states.extend(state(unit, identity, sessions().next_back(), now));
    }
    Ok(SiteFile {
        settings: Some(Settings {
            installation_year: 2015,
            installation_month: 9,
            max_current: [125; 3],
            current_distribution: true,
            ..Settings::default()
        }),
        models: Some(models()),
        charge_points: Some(charge_points),
        states: Some(states),
        sessions: Some(history.sessions.iter().map(Session::row).collect()),
    })
}

fn models() -> Vec<Model> {
    [("Amos_EVG-32N", 8.0, 1), ("EVC32N", 6.0, 3)]
        .map(|(id, min_current, phases)| Model {
            id: id.to_owned(),
            max_current: Some(32.0),
            min_current: Some(min_current),
            phases: Some(phases),
        })
        .into()
}

fn charge_point<'a>(unit: &Unit, identity: &Identity, sessions: impl Iterator<Item = &'a Session>) -> ChargePoint {
    let (mut energy, mut ms) = (Energy::ZERO, 0);
    for (session, finished_at) in sessions.filter_map(|session| Some((session, session.finished_at?))) {
        energy += session.energy;
        ms += finished_at.0 - session.started_at.0;
    }
    ChargePoint {
        identity: identity.clone(),
        model_id: unit.model.to_owned(),
        vendor: Some("evpower".to_owned()),
        serial_number: Some(unit.identity.to_owned()),
        firmware_version: Some(unit.firmware.to_owned()),
        total_energy: Some(energy),
        total_time: Some(ChargingTime::from_ms(ms)),
        ip: None,
        mac: Some("0".to_owned()),
    }
}

/// The state of a charge point, which agrees with its newest session. None for one that was never seen.
fn state(unit: &Unit, identity: Identity, newest: Option<&Session>, now: LocalTime) -> Option<StateRow> {
    let (name, command, silent_minutes) = match unit.doing {
        Doing::NeverSeen => return None,
        Doing::Charging(_) => ("Charging", "MeterValues", 0),
        Doing::Suspended(_) => ("SupsendedEV", "StatusNotification", 0),
        Doing::Free(minutes) => ("Available", if minutes == 0 { "Heartbeat" } else { "StatusNotification" }, minutes),
        Doing::In("BootUp") => ("BootUp", "BootNotification", 0),
        Doing::In(name) => (name, "StatusNotification", 0),
    };
    let amperes = newest.filter(|session| session.finished_at.is_none()).map_or(0.0, |session| session.current(now));
    let running_minutes = newest.map(|session| (session.finished_at.unwrap_or(now).0 - session.started_at.0) / 60_000);
    let state = ChargePointState {
        state: Some(name.to_owned()),
        command: Some(command.to_owned()),
        socket: Some(if unit.phases == 3 { "GBT" } else { "Type1" }.to_owned()),
        current_offered: Some(if amperes > 0.0 { 32 } else { 0 }),
        current_limit: Some(32),
        current: Some(cars::whole(amperes)),
        session_energy: newest.and_then(|session| i32::try_from(session.energy.wh()).ok()),
        session_minutes: running_minutes.and_then(|minutes| i32::try_from(minutes).ok()),
        phases: i32::try_from(unit.phases).ok(),
        last_contact: None,
    };
    // Not all at the same second: the list of chargers sorts by it.
    let seconds = i64::try_from(unit.identity.bytes().map(usize::from).sum::<usize>() % 50).unwrap_or(0);
    let last_contact = LocalTime(now.0 / 1000 * 1000 - (silent_minutes * 60 + seconds) * 1000);
    Some(StateRow { charge_point: identity, state, last_contact: Some(last_contact) })
}

/// The current is distributed here, and has been: each charge point that was ever seen has accepted its safe current, nothing.
async fn store_limits(store: &dyn Store) -> Result<()> {
    let safe = Limit {
        id: SAFE_ID,
        connector: 0,
        stack_level: 0,
        purpose: Purpose::TxDefault,
        transaction: None,
        valid: (None, None),
        begin: Begin::Session,
        duration: None,
        periods: vec![(0, 0.0)],
    };
    let mut limits = Limits::default();
    limits.put(safe);
    let (inventory, limits) = (store.inventory().await?, Arc::new(limits));
    let seen = inventory.charge_points.iter().filter(|stored| stored.state.is_some());
    let limits = seen.map(|stored| (stored.key, Arc::clone(&limits))).collect();
    store.write(&Batch { number: inventory.last_batch + 1, limits, ..Batch::default() }).await?;
    Ok(())
}

async fn store_meter_values(store: &dyn Store, history: &History, now: LocalTime) -> Result<usize> {
    let keys: HashMap<Identity, ChargePointKey> =
        bmw_store::identities(&store.inventory().await?).into_iter().map(|(key, identity)| (identity, key)).collect();
    let oldest = LocalTime::midnight(now.day().plus(-METERED_DAYS));
    let zone = store.zone();
    let mut values = Vec::new();
    for session in history.sessions.iter().filter(|session| session.started_at >= oldest) {
        let key = keys.get(session.charge_point.as_ref()).copied();
        values.extend(key.into_iter().flat_map(|key| meter_values(session, key, zone, now)));
    }
    let mut number = store.inventory().await?.last_batch;
    let count = values.len();
    while !values.is_empty() {
        number += 1;
        let values: Vec<Measured> = values.drain(..values.len().min(BATCH)).collect();
        store.write(&Batch { number, values, ..Batch::default() }).await?;
    }
    Ok(count)
}

fn meter_values(session: &Session, key: ChargePointKey, zone: &Zone, now: LocalTime) -> Vec<Measured> {
    session
        .samples(now)
        .map(|sample| {
            let at = zone.instant(sample.at);
            let value = MeterValue {
                charge_point: key,
                connector: 1,
                transaction: Some(session.id),
                at,
                energy: Some(sample.energy),
                currents: sample.currents,
                offered: Some(32.0),
                power: Some(sample.power),
            };
            Measured { value, register: Some(sample.energy.wh()), claimed: None, received: at }
        })
        .collect()
}
