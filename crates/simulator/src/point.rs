//! A charge point with one connector: what it is, what it does each second, and what it wants to tell.

use crate::Deed;
use crate::car::{self, Car, VOLTS};
use jiff::Timestamp;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Faults a day, on average.
const FAULTS_A_DAY: f64 = 0.4;
/// Lost connections a day, on average.
const LOSSES_A_DAY: f64 = 1.0;
const SECONDS_A_DAY: f64 = 86_400.0;
/// How soon after its start a session is measured, s.
const FIRST_SAMPLE: u32 = 3;
/// The most messages that are kept while there is no connection.
const KEPT: usize = 5_000;

/// A charge point to be simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Its identity.
    pub identity: String,
    /// Its model.
    pub model: String,
    /// Its vendor.
    pub vendor: String,
    /// Its firmware.
    pub firmware: String,
    /// The phases that it has.
    pub phases: u32,
    /// The most that it gives, A.
    pub amperes: f64,
    /// Cars on a day, on average.
    pub cars_a_day: f64,
    /// How likely a car is there at the start, 0–1.
    pub busy: f64,
}

/// What a charge point wants to tell.
#[derive(Debug, Clone)]
pub enum Tell {
    Boot,
    Heartbeat,
    Status,
    Authorize(String),
    Start { session: u64, card: String, register: i64, at: Timestamp },
    Meter { session: Option<u64>, at: Timestamp, register: i64, amperes: [f64; 3], offered: f64, power: f64 },
    Stop { session: u64, card: String, register: i64, at: Timestamp, reason: &'static str },
    Firmware(&'static str),
    Diagnostics(&'static str),
}

impl Tell {
    /// Whether it must not be lost while there is no connection (OCPP 1.6, 3.7.1).
    const fn is_kept(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Meter { .. } | Self::Stop { .. })
    }
}

/// A session that runs.
#[derive(Debug, Clone)]
pub struct Running {
    pub number: u64,
    card: String,
    /// The charge point was asked to stop.
    pub is_to_stop: Option<&'static str>,
}

/// Something that happens after a while.
#[derive(Debug, Clone)]
pub enum Later {
    Tell(Tell),
    Boot,
}

/// What a car wants whose session was begun once more, Wh.
const CARD_WH: f64 = 10_000.0;

/// A charge point.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct Point {
    pub unit: Unit,
    pub random: StdRng,
    pub car: Option<Car>,
    pub running: Option<Running>,
    /// Sessions by the numbers that they have here, with those that they were given.
    pub given: HashMap<u64, i32>,
    last_session: u64,
    /// The register of energy, Wh.
    register: f64,
    /// Limits of charging profiles by their ids, A.
    pub limits: BTreeMap<i64, f64>,
    pub is_available: bool,
    pub is_reserved: bool,
    pub is_faulted: bool,
    /// Mends by itself after so many s.
    fault_left: u32,
    /// Without a connection for so many s.
    pub loss_left: u32,
    pause_left: u32,
    /// What is to be told, oldest first.
    pub to_tell: VecDeque<Tell>,
    /// What happens after so many s.
    pub later: Vec<(u32, Later)>,
    pub configuration: BTreeMap<String, String>,
    pub local_list_version: i64,
    told_status: &'static str,
    since_sample: u32,
    since_heartbeat: u32,
    /// A second of its own time, for the hour of the day.
    second: u64,
    start_hour: f64,
    pub is_online: bool,
    /// A person drives it: no car comes or goes by itself until the present one is gone.
    is_driven: bool,
}

impl Point {
    pub fn new(unit: Unit, mut random: StdRng, start_hour: f64) -> Self {
        let configuration =
            [("HeartbeatInterval", "60"), ("MeterValueSampleInterval", "60"), ("NumberOfConnectors", "1")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into();
        let register = random.random_range(100_000.0..9_000_000.0);
        let is_busy = random.random_bool(unit.busy.clamp(0.0, 1.0));
        let car = is_busy.then(|| Car::arriving(&mut random, unit.phases));
        Self {
            unit,
            random,
            car,
            running: None,
            given: HashMap::new(),
            last_session: 0,
            register,
            limits: BTreeMap::new(),
            is_available: true,
            is_reserved: false,
            is_faulted: false,
            fault_left: 0,
            loss_left: 0,
            pause_left: 0,
            to_tell: VecDeque::new(),
            later: Vec::new(),
            configuration,
            local_list_version: 0,
            told_status: "",
            since_sample: 0,
            since_heartbeat: 0,
            second: 0,
            start_hour,
            is_online: false,
            is_driven: false,
        }
    }

    /// It has started: after switching on, a reset or an update.
    pub fn boot(&mut self) {
        self.told_status = "";
        self.tell(Tell::Boot);
    }

    /// Tells something as soon as that is possible. Only sessions are kept while there is no connection.
    pub fn tell(&mut self, tell: Tell) {
        if (self.is_online || tell.is_kept()) && self.to_tell.len() < KEPT {
            self.to_tell.push_back(tell);
        }
    }

    /// What a person does.
    pub fn suffer(&mut self, deed: Deed) {
        match deed {
            Deed::PlugIn if self.car.is_none() => {
                self.car = Some(Car::arriving(&mut self.random, self.unit.phases));
                self.is_driven = true;
            }
            Deed::PlugIn => {}
            Deed::PullOut => self.leave("EVDisconnected"),
            Deed::Card => self.hold_card(),
            Deed::Break => {
                self.is_faulted = true;
                self.fault_left = u32::MAX;
                self.end("Other");
            }
            Deed::Mend => self.is_faulted = false,
            Deed::Unplug => self.loss_left = 60,
        }
        self.tell_status();
    }

    /// The card of the car that is there is held to the reader.
    fn hold_card(&mut self) {
        if self.running.is_some() {
            return self.end("Local");
        }
        if let Some(car) = self.car.as_mut().filter(|_| !self.is_faulted && self.is_available) {
            car.wanted = car.taken + CARD_WH;
            let card = car.card.clone();
            self.tell(Tell::Authorize(card.clone()));
            self.begin(card);
        }
    }

    /// A second of its own time passes.
    pub fn tick(&mut self) {
        self.second += 1;
        self.happen();
        self.come_and_go();
        self.charge();
        self.sample();
        self.tell_status();
        self.since_heartbeat += 1;
        if self.since_heartbeat >= self.seconds("HeartbeatInterval") {
            self.since_heartbeat = 0;
            self.tell(Tell::Heartbeat);
        }
    }

    fn seconds(&self, key: &str) -> u32 {
        self.configuration.get(key).and_then(|value| value.parse().ok()).filter(|s| *s > 0).unwrap_or(60)
    }

    /// What was to happen after a while, faults, and lost connections.
    fn happen(&mut self) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.later).into_iter().partition(|(left, _)| *left == 0);
        self.later = later.into_iter().map(|(left, what)| (left - 1, what)).collect();
        for (_, what) in due {
            match what {
                Later::Tell(tell) => self.tell(tell),
                Later::Boot => self.boot(),
            }
        }
        self.loss_left = self.loss_left.saturating_sub(1);
        if self.fault_left != u32::MAX {
            self.fault_left = self.fault_left.saturating_sub(1);
            self.is_faulted &= self.fault_left > 0;
        }
        if self.random.random_bool(FAULTS_A_DAY / SECONDS_A_DAY) {
            self.is_faulted = true;
            self.fault_left = self.random.random_range(120..1_800);
            self.end("Other");
        }
        if self.random.random_bool(LOSSES_A_DAY / SECONDS_A_DAY) {
            self.loss_left = self.random.random_range(30..1_200);
        }
    }

    #[allow(clippy::cast_precision_loss)] // seconds of a demo
    fn hour(&self) -> f64 {
        self.start_hour + self.second as f64 / 3_600.0
    }

    fn come_and_go(&mut self) {
        let chance = self.unit.cars_a_day * car::arrivals(self.hour()) / 3_600.0;
        let comes = self.random.random_bool(chance.clamp(0.0, 1.0));
        let is_free = self.car.is_none() && self.is_available && !self.is_faulted && !self.is_reserved;
        if comes && is_free {
            self.car = Some(Car::arriving(&mut self.random, self.unit.phases));
        }
        if let Some(car) = &mut self.car {
            car.stays = car.stays.saturating_sub(1);
            let goes = !self.is_driven && car.stays == 0;
            if goes {
                return self.leave("EVDisconnected");
            }
            if self.running.is_none() && !self.is_faulted && self.is_available && car.share() < 1.0 {
                let card = car.card.clone();
                self.tell(Tell::Authorize(card.clone()));
                self.begin(card);
            }
        }
        if let Some(reason) = self.running.as_ref().and_then(|running| running.is_to_stop) {
            self.end(reason);
        }
    }

    /// Begins a session with a car that is there.
    pub fn begin(&mut self, card: String) {
        self.last_session += 1;
        let session = self.last_session;
        self.tell_as("Preparing");
        self.running = Some(Running { number: session, card: card.clone(), is_to_stop: None });
        // The first values come soon after the start.
        self.since_sample = self.seconds("MeterValueSampleInterval").saturating_sub(FIRST_SAMPLE);
        self.tell(Tell::Start { session, card, register: self.whole_register(), at: Timestamp::now() });
    }

    /// Ends the session, if one runs; the car stays, and wants no more.
    pub fn end(&mut self, reason: &'static str) {
        if let Some(running) = self.running.take() {
            let stop = Tell::Stop {
                session: running.number,
                card: running.card,
                register: self.whole_register(),
                at: Timestamp::now(),
                reason,
            };
            self.tell(stop);
            if let Some(car) = &mut self.car {
                car.wanted = car.taken.max(1.0);
                car.taken = car.wanted;
                // Its owner will notice.
                car.stays = car.stays.min(600);
            }
        }
    }

    /// The car goes.
    fn leave(&mut self, reason: &'static str) {
        if self.car.is_none() {
            return;
        }
        self.end(reason);
        self.tell_as("Finishing");
        self.car = None;
        self.is_driven = false;
    }

    /// What is offered to the car on each phase, A.
    pub fn offered(&self) -> f64 {
        self.limits.values().copied().fold(self.unit.amperes, f64::min)
    }

    fn flowing(&self) -> f64 {
        if self.running.is_none() || self.is_faulted || self.pause_left > 0 {
            return 0.0;
        }
        self.car.as_ref().map_or(0.0, |car| car.current(self.offered()))
    }

    fn charge(&mut self) {
        let amperes = self.flowing();
        self.pause_left = self.pause_left.saturating_sub(1);
        if let Some(car) = &mut self.car {
            self.register += car.second(amperes);
            if let Some((from, seconds)) = car.pause.filter(|(from, _)| car.share() >= *from) {
                tracing::trace!(from, "the car makes a pause");
                car.pause = None;
                self.pause_left = seconds;
            }
        }
    }

    fn sample(&mut self) {
        self.since_sample += 1;
        if self.running.is_some() && self.since_sample >= self.seconds("MeterValueSampleInterval") {
            self.since_sample = 0;
            self.measure();
        }
    }

    /// Tells what is measured now.
    pub fn measure(&mut self) {
        let flowing = (self.flowing() * 10.0).round() / 10.0;
        let phases = self.car.as_ref().map_or(0, |car| car.phases);
        let meter = Tell::Meter {
            session: self.running.as_ref().map(|running| running.number),
            at: Timestamp::now(),
            register: self.whole_register(),
            amperes: [1, 2, 3].map(|line| if line <= phases { flowing } else { 0.0 }),
            offered: if self.running.is_some() { self.offered() } else { 0.0 },
            power: (flowing * VOLTS * f64::from(phases)).round(),
        };
        self.tell(meter);
    }

    #[allow(clippy::cast_possible_truncation)] // Wh of a charge point
    const fn whole_register(&self) -> i64 {
        self.register as i64
    }

    /// Its status by the protocol's name.
    fn status(&self) -> &'static str {
        if self.is_faulted {
            return "Faulted";
        }
        match (&self.running, &self.car) {
            (Some(_), Some(car)) if car.share() >= 1.0 || self.pause_left > 0 => "SuspendedEV",
            (Some(_), _) if self.offered() < 6.0 => "SuspendedEVSE",
            (Some(_), _) => "Charging",
            (None, Some(_)) => "Finishing",
            (None, None) if !self.is_available => "Unavailable",
            (None, None) if self.is_reserved => "Reserved",
            (None, None) => "Available",
        }
    }

    /// Tells the status where it has changed.
    pub fn tell_status(&mut self) {
        self.tell_as(self.status());
    }

    fn tell_as(&mut self, status: &'static str) {
        if self.told_status != status && self.is_online {
            self.told_status = status;
            self.tell(Tell::Status);
        }
    }

    /// There is a connection again: what was not told is told.
    pub fn connected(&mut self) {
        self.is_online = true;
        self.told_status = "";
        self.tell_status();
    }

    /// The connection is lost.
    pub fn disconnected(&mut self) {
        self.is_online = false;
        self.to_tell.retain(Tell::is_kept);
    }

    /// A message with its payload; `None` when it is about a session that was never given a number.
    pub fn message(&self, tell: &Tell) -> Option<(&'static str, Value)> {
        let now = || Timestamp::now().to_string();
        let id = |session: &u64| self.given.get(session).copied();
        Some(match tell {
            Tell::Boot => (
                "BootNotification",
                json!({
                    "chargePointVendor": self.unit.vendor, "chargePointModel": self.unit.model,
                    "chargePointSerialNumber": self.unit.identity, "firmwareVersion": self.unit.firmware,
                }),
            ),
            Tell::Heartbeat => ("Heartbeat", json!({})),
            Tell::Status => {
                let error = if self.is_faulted { "OtherError" } else { "NoError" };
                let status = if self.told_status.is_empty() { self.status() } else { self.told_status };
                let body = json!({ "connectorId": 1, "errorCode": error, "status": status, "timestamp": now() });
                ("StatusNotification", body)
            }
            Tell::Authorize(card) => ("Authorize", json!({ "idTag": card })),
            Tell::Start { card, register, at, .. } => (
                "StartTransaction",
                json!({ "connectorId": 1, "idTag": card, "meterStart": register, "timestamp": at.to_string() }),
            ),
            Tell::Meter { session, at, register, amperes, offered, power } => {
                let mut body = json!({
                    "connectorId": 1,
                    "meterValue": [{ "timestamp": at.to_string(), "sampledValue": samples(*register, *amperes, *offered, *power) }],
                });
                if let Some(session) = session {
                    body["transactionId"] = id(session)?.into();
                }
                ("MeterValues", body)
            }
            Tell::Stop { session, card, register, at, reason } => (
                "StopTransaction",
                json!({
                    "transactionId": id(session)?, "idTag": card, "meterStop": register, "timestamp": at.to_string(),
                    "reason": reason,
                }),
            ),
            Tell::Firmware(status) => ("FirmwareStatusNotification", json!({ "status": status })),
            Tell::Diagnostics(status) => ("DiagnosticsStatusNotification", json!({ "status": status })),
        })
    }
}

fn samples(register: i64, amperes: [f64; 3], offered: f64, power: f64) -> Value {
    let sample = |value: String, measurand: &str, unit: &str, phase: Option<&str>| {
        let mut sample = json!({ "value": value, "measurand": measurand, "unit": unit });
        if let Some(phase) = phase {
            sample["phase"] = phase.into();
        }
        sample
    };
    json!([
        sample(register.to_string(), "Energy.Active.Import.Register", "Wh", None),
        sample(amperes[0].to_string(), "Current.Import", "A", Some("L1")),
        sample(amperes[1].to_string(), "Current.Import", "A", Some("L2")),
        sample(amperes[2].to_string(), "Current.Import", "A", Some("L3")),
        sample(offered.to_string(), "Current.Offered", "A", None),
        sample(power.to_string(), "Power.Active.Import", "W", None),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    fn point(seed: u64) -> Point {
        let unit = Unit {
            identity: "A".to_owned(),
            model: "M".to_owned(),
            vendor: "V".to_owned(),
            firmware: "1".to_owned(),
            phases: 3,
            amperes: 32.0,
            cars_a_day: 6.0,
            busy: 0.0,
        };
        let mut point = Point::new(unit, StdRng::seed_from_u64(seed), 0.0);
        point.connected();
        point
    }

    /// What a day brings, without times.
    fn day(seed: u64) -> Vec<String> {
        let mut point = point(seed);
        let mut told = Vec::new();
        for _ in 0..86_400 {
            point.tick();
            for tell in std::mem::take(&mut point.to_tell) {
                if let Tell::Start { session, .. } = &tell {
                    point.given.insert(*session, 1);
                }
                told.extend(point.message(&tell).map(|(action, _)| action.to_owned()));
            }
        }
        told
    }

    #[test]
    fn the_same_seed_makes_the_same_day() {
        let first = day(3);
        assert_eq!(first, day(3));
        assert_ne!(first, day(4));
        let count = |name: &str| first.iter().filter(|action| *action == name).count();
        assert!(count("StartTransaction") >= 2, "{}", count("StartTransaction"));
        assert!(count("StartTransaction") - count("StopTransaction") <= 1);
        assert!(count("MeterValues") > 60 && count("Heartbeat") > 1_000);
    }

    #[test]
    fn what_a_person_does_is_seen() {
        let mut point = point(1);
        point.unit.cars_a_day = 0.0;
        point.suffer(Deed::PlugIn);
        point.tick();
        assert!(point.running.is_some());
        assert_eq!(point.status(), "Charging");
        point.suffer(Deed::Card);
        point.tick();
        assert!(point.running.is_none() && point.car.is_some());
        assert_eq!(point.status(), "Finishing");
        point.suffer(Deed::Card);
        point.tick();
        assert_eq!((point.running.is_some(), point.status()), (true, "Charging"));
        point.suffer(Deed::PullOut);
        assert!(point.running.is_none() && point.car.is_none());
        assert_eq!(point.status(), "Available");
        point.suffer(Deed::Break);
        assert_eq!(point.status(), "Faulted");
        point.suffer(Deed::Mend);
        assert_eq!(point.status(), "Available");
    }

    #[test]
    fn sessions_are_kept_while_there_is_no_connection_and_nothing_else() {
        let mut point = point(1);
        point.to_tell.clear();
        point.disconnected();
        point.suffer(Deed::PlugIn);
        for _ in 0..200 {
            point.tick();
        }
        point.suffer(Deed::PullOut);
        let is_kept = |tell: &Tell| matches!(tell, Tell::Start { .. } | Tell::Meter { .. } | Tell::Stop { .. });
        assert!(point.to_tell.iter().all(is_kept));
        assert!(matches!(point.to_tell.front(), Some(Tell::Start { .. })));
        assert!(matches!(point.to_tell.back(), Some(Tell::Stop { .. })));
    }

    #[test]
    fn limits_are_obeyed() {
        let mut point = point(1);
        point.suffer(Deed::PlugIn);
        point.tick();
        point.limits.insert(1, 10.0);
        assert!(point.flowing() <= 10.0);
        point.limits.insert(2, 0.0);
        assert_eq!(point.status(), "SuspendedEVSE");
    }
}
