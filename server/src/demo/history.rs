//! Three years of sessions: seasons, weekdays, rush hours, regular cards, a few faults.

use super::cars::{self, Sample};
use super::{Doing, Unit};
use bmw_domain::calendar::{Day, LocalTime};
use bmw_domain::energy::Energy;
use bmw_domain::record::{Identity, TransactionId};
use bmw_store::site_file::SessionRow;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use std::sync::Arc;

const YEARS: i32 = 3;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How often a session is metered, ms.
const SAMPLE: i64 = MINUTE;

/// A session of the demo.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its number, in the order of arrival.
    pub id: TransactionId,
    /// The charge point.
    pub charge_point: Arc<Identity>,
    /// Start.
    pub started_at: LocalTime,
    /// Real finish; `None` while it runs.
    pub finished_at: Option<LocalTime>,
    /// Energy so far.
    pub energy: Energy,
    queued_at: LocalTime,
    cycle: i32,
    id_tag: Option<Arc<str>>,
    phases: u32,
    /// Full current of the car, A.
    amperes: f64,
    /// Energy that the car takes in all, and how long that takes, ms.
    wanted: Energy,
    charging_ms: f64,
}

impl Session {
    /// As the site file holds it.
    pub fn row(&self) -> SessionRow {
        SessionRow {
            id: self.id,
            charge_point: self.charge_point.clone(),
            cycle: Some(self.cycle),
            queued_at: Some(self.queued_at),
            started_at: Some(self.started_at),
            planned_finish: self.finished_at,
            finished_at: self.finished_at,
            energy: self.energy,
            id_tag: self.id_tag.clone(),
        }
    }

    /// The current that the car draws on each phase, A.
    pub fn current(&self, at: LocalTime) -> f64 {
        self.amperes * cars::strength(self.share(at))
    }

    /// What was metered from the start until the finish, or until now.
    pub fn samples(&self, now: LocalTime) -> impl Iterator<Item = Sample> + '_ {
        let end = self.finished_at.unwrap_or(now).0;
        let steps = (end - self.started_at.0) / SAMPLE;
        (0..=steps).map(move |step| {
            let at = LocalTime(self.started_at.0 + step * SAMPLE);
            let amperes = self.current(at);
            Sample {
                at,
                energy: self.energy_at(at),
                currents: cars::currents(amperes, self.phases),
                power: cars::power(amperes, self.phases),
            }
        })
    }

    fn energy_at(&self, at: LocalTime) -> Energy {
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // kWh of a car
        Energy::from_wh((self.wanted.wh() as f64 * cars::progress(self.share(at))).round() as i64)
    }

    fn share(&self, at: LocalTime) -> f64 {
        #[allow(clippy::cast_precision_loss)] // hours in ms
        let passed = (at.0 - self.started_at.0) as f64;
        passed / self.charging_ms
    }
}

/// All sessions of the demo, in the order of arrival.
#[derive(Debug)]
pub struct History {
    /// The sessions; their numbers count from 1.
    pub sessions: Vec<Session>,
}

impl History {
    /// The sessions of these charge points until now.
    pub fn of(units: &[Unit], now: LocalTime, random: &mut StdRng) -> Self {
        let now = LocalTime(now.0 / 1000 * 1000);
        let cards = cards(random);
        let mut sessions = Vec::new();
        for unit in units {
            // Identities of the demo are plain digits.
            let Ok(identity) = Identity::new(unit.identity) else { continue };
            sessions.extend(UnitHistory { unit, identity: Arc::new(identity), cards: &cards, now }.sessions(random));
        }
        sessions.sort_by(|a, b| (a.started_at, &a.charge_point).cmp(&(b.started_at, &b.charge_point)));
        for (session, number) in sessions.iter_mut().zip(1..) {
            session.id = TransactionId(number);
        }
        Self { sessions }
    }
}

/// 48 cards; the first are those of daily drivers.
fn cards(random: &mut StdRng) -> Vec<Arc<str>> {
    (0..48).map(|_| Arc::from(format!("{:08X}", random.next_u32()).as_str())).collect()
}

struct UnitHistory<'a> {
    unit: &'a Unit,
    identity: Arc<Identity>,
    cards: &'a [Arc<str>],
    now: LocalTime,
}

impl UnitHistory<'_> {
    fn sessions(&self, random: &mut StdRng) -> Vec<Session> {
        let today = self.now.day();
        let running = match self.unit.doing {
            Doing::Charging(minutes) | Doing::Suspended(minutes) => Some(LocalTime(self.now.0 - minutes * MINUTE)),
            _ => None,
        };
        // The place is free before the car that is there now.
        let end = running.map_or(self.now.0 - 20 * MINUTE, |start| start.0 - 12 * MINUTE);
        let mut sessions: Vec<Session> = Vec::new();
        let mut free_from = i64::MIN;
        let mut out_of_order_until = Day(i32::MIN);
        for day in (today.0 - YEARS * 365..=today.0).map(Day) {
            // About once in two years a charge point is out of order for some days.
            if random.random_bool(1.0 / 700.0) {
                out_of_order_until = day.plus(random.random_range(2..12));
            }
            if self.unit.sessions_a_day == 0.0 || day < out_of_order_until {
                continue;
            }
            for start in starts(day, self.unit.sessions_a_day * demand(day, today), random) {
                let session = self.session(start, sessions.len(), random);
                let finish = session.finished_at.unwrap_or(start).0;
                if start.0 >= free_from && finish <= end {
                    free_from = finish + 4 * MINUTE;
                    sessions.push(session);
                }
            }
        }
        sessions.extend(running.map(|start| self.running(start, sessions.len(), random)));
        sessions
    }

    fn session(&self, start: LocalTime, before: usize, random: &mut StdRng) -> Session {
        let amperes = f64::from([13_u32, 16, 16, 20, 32, 32][random.random_range(0..6)]);
        let aborted = random.random_bool(0.015);
        let wanted =
            Energy::from_wh(if aborted { random.random_range(3..90) } else { wanted_wh(self.unit.phases, random) });
        let charging_ms = cars::charging_ms(wanted, amperes, self.unit.phases);
        // Many cars stay plugged in for a while after they are full.
        let idle = if aborted || random.random_bool(0.4) { 0 } else { random.random_range(2 * MINUTE..70 * MINUTE) };
        #[allow(clippy::cast_possible_truncation)] // hours in ms
        let finish = start.0 + (charging_ms as i64).max(40_000) + idle;
        Session {
            id: TransactionId(1),
            charge_point: self.identity.clone(),
            cycle: i32::try_from(before + 1).unwrap_or(i32::MAX),
            queued_at: LocalTime(start.0 - random.random_range(5..90) * 1000),
            started_at: start,
            finished_at: Some(LocalTime(finish / 1000 * 1000)),
            energy: wanted,
            id_tag: self.card(random),
            phases: self.unit.phases,
            amperes,
            wanted,
            charging_ms,
        }
    }

    /// The session of the car that is there now.
    fn running(&self, start: LocalTime, before: usize, random: &mut StdRng) -> Session {
        let full = matches!(self.unit.doing, Doing::Suspended(_));
        let amperes = if self.unit.phases == 3 { 16.0 } else { 20.0 };
        #[allow(clippy::cast_precision_loss)] // minutes in ms
        let passed = (self.now.0 - start.0) as f64;
        let mut session = Session { amperes, finished_at: None, ..self.session(start, before, random) };
        session.wanted = Energy::from_wh(if full { 14_380 } else { 38_000 });
        session.charging_ms = cars::charging_ms(session.wanted, amperes, self.unit.phases);
        if full {
            session.charging_ms = session.charging_ms.min(passed * 0.8);
        }
        session.energy = session.energy_at(self.now);
        session
    }

    fn card(&self, random: &mut StdRng) -> Option<Arc<str>> {
        if random.random_bool(0.06) {
            return None;
        }
        // Most come from the few who have their place; each charge point has its regulars.
        let home = self.unit.identity.bytes().map(usize::from).sum::<usize>();
        let card = if random.random_bool(0.7) { home + random.random_range(0..5) } else { random.random_range(0..48) };
        Some(self.cards[card % self.cards.len()].clone())
    }
}

/// How busy a day is against a busy working day: weekdays, seasons, and more electric cars each year.
fn demand(day: Day, today: Day) -> f64 {
    let weekday = [1.0, 1.05, 1.0, 1.0, 0.95, 0.5, 0.35][day.weekday() as usize];
    let (_, month, _) = day.date();
    // Winter takes more energy; holidays empty the yard in summer.
    let season = [1.25, 1.2, 1.08, 0.98, 0.92, 0.88, 0.8, 0.78, 0.95, 1.02, 1.12, 1.22][month as usize - 1];
    let years_ago = f64::from(today.0 - day.0) / 365.0;
    weekday * season * (1.0 - 0.2 * years_ago)
}

/// Arrivals of a day, ascending: mornings before all, then evenings and noon.
fn starts(day: Day, expected: f64, random: &mut StdRng) -> Vec<LocalTime> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few cars a day
    let count = expected as u32 + u32::from(random.random_bool(expected.fract()));
    let mut starts: Vec<LocalTime> = (0..count)
        .map(|_| {
            let (middle, spread) = match random.random_range(0..100) {
                0..45 => (8 * HOUR + 20 * MINUTE, 75 * MINUTE),
                45..60 => (12 * HOUR + 30 * MINUTE, HOUR),
                60..90 => (18 * HOUR, 100 * MINUTE),
                _ => (14 * HOUR, 6 * HOUR),
            };
            // The sum of two makes a peak in the middle.
            let offset = random.random_range(-spread..spread) + random.random_range(-spread..spread);
            LocalTime(LocalTime::midnight(day).0 + (middle + offset / 2) / 1000 * 1000)
        })
        .collect();
    starts.sort_unstable();
    starts
}

fn wanted_wh(phases: u32, random: &mut StdRng) -> i64 {
    let most = if phases == 3 { 26_000 } else { 15_000 };
    // The sum of three is a bell: few want very little or very much.
    (0..3).map(|_| random.random_range(700..most * 2 / 3)).sum()
}
