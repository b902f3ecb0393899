//! A charge point with one connector: what it is, what it does each second, and what it wants to tell.

use crate::Deed;
use crate::car::{self, Car, VOLTS, Visit};
use crate::cards::{LocalList, Reservation};
use crate::profile::{InSession, Profile, Profiles};
use crate::settings::Settings;
use crate::times::Times;
use crate::upload::Upload;
use jiff::Timestamp;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::iter;

const SECONDS_A_DAY: f64 = 86_400.0;
/// How soon after its start a session is measured, s.
const FIRST_SAMPLE: u32 = 3;
/// The most messages that are kept while there is no connection; beyond it values go, but neither starts nor stops.
const KEPT: usize = 5_000;
/// How long a driver stays whose car gets nothing any more, s.
const NOTICES: u32 = 600;
/// What is left of a fault that only a person mends.
const UNTIL_MENDED: u32 = u32::MAX;

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
    /// Faults on a day, on average.
    pub faults_a_day: f64,
    /// Lost connections on a day, on average.
    pub losses_a_day: f64,
    /// Whether it is faulted from the beginning, until a person mends it.
    pub is_broken: bool,
    /// Whether it accepts limits, says that they hold, and does nothing of it.
    pub ignores_limits: bool,
}

/// What a charge point wants to tell.
#[derive(Debug, Clone)]
pub enum Tell {
    /// That it has started; or how it is, where it was asked for that.
    Boot {
        is_asked: bool,
    },
    Heartbeat,
    Status(&'static str),
    Authorize(String),
    Start {
        session: u64,
        card: String,
        register: i64,
        reservation: Option<i64>,
        at: Timestamp,
    },
    Meter {
        session: Option<u64>,
        at: Timestamp,
        register: i64,
        /// On the lines that it has.
        amperes: [Option<f64>; 3],
        offered: f64,
        power: f64,
    },
    Stop {
        session: u64,
        card: String,
        register: i64,
        at: Timestamp,
        reason: &'static str,
    },
    Firmware(&'static str),
    Diagnostics(&'static str),
}

impl Tell {
    /// Whether it must not be lost while there is no connection (OCPP 1.6, 3.7.1).
    const fn is_kept(&self) -> bool {
        matches!(self, Self::Meter { .. }) || self.is_kept_always()
    }

    /// Whether it must not be lost, however much is kept.
    const fn is_kept_always(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Stop { .. } | Self::Boot { is_asked: false })
    }
}

/// A session that runs.
#[derive(Debug, Clone)]
pub struct Running {
    pub number: u64,
    card: String,
    /// Since when by its own clock, s.
    since: i64,
    /// The charge point was asked to stop.
    pub is_to_stop: Option<&'static str>,
}

/// Something that happens after a while.
#[derive(Debug, Clone, Copy)]
pub enum Later {
    /// The update of its firmware has come so far.
    Firmware(&'static str),
    /// It has started anew.
    Boot,
    /// It says once more that it has started: it was not accepted.
    BootAgain,
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
    pub profiles: Profiles,
    /// By what it proves who it is.
    pub password: Option<String>,
    /// Whether it has another one, with which it comes anew.
    pub comes_anew: bool,
    /// Diagnostics that it was asked for.
    pub to_upload: Option<Upload>,
    pub is_available: bool,
    pub reservation: Option<Reservation>,
    pub is_faulted: bool,
    /// Mends by itself after so many s.
    fault_left: u32,
    /// It is about to start anew: no session begins.
    is_restarting: bool,
    /// Without a connection for so many s.
    pub loss_left: u32,
    pause_left: u32,
    /// What is to be told, oldest first.
    pub to_tell: VecDeque<Tell>,
    /// What happens after so many s.
    pub later: Vec<(u32, Later)>,
    pub settings: Settings,
    pub local_list: LocalList,
    /// The card about which the central system is asked.
    asking: Option<String>,
    /// How far the update of its firmware is, and the upload of its diagnostics, by the protocol's names.
    pub firmware_status: &'static str,
    pub diagnostics_status: &'static str,
    told_status: &'static str,
    since_sample: u32,
    since_heartbeat: u32,
    times: Times,
    start_hour: f64,
    pub is_online: bool,
    /// The central system has accepted it since its start.
    is_accepted: bool,
    /// A person drives it: no car comes or goes by itself until the present one is gone.
    is_driven: bool,
}

impl Point {
    /// One that is switched on at an hour of the day, and whose time goes at a speed.
    pub fn new(unit: Unit, mut random: StdRng, start_hour: f64, speed: f64) -> Self {
        let register = random.random_range(100_000.0..9_000_000.0);
        let is_busy = random.random_bool(unit.busy.clamp(0.0, 1.0));
        let car = is_busy.then(|| Car::arriving(&mut random, unit.phases));
        let fault_left = if unit.is_broken { UNTIL_MENDED } else { 0 };
        Self {
            is_faulted: unit.is_broken,
            unit,
            random,
            car,
            running: None,
            given: HashMap::new(),
            last_session: 0,
            register,
            profiles: Profiles::default(),
            password: None,
            comes_anew: false,
            to_upload: None,
            is_available: true,
            reservation: None,
            fault_left,
            is_restarting: false,
            loss_left: 0,
            pause_left: 0,
            // Before all that happens until there is a connection.
            to_tell: [Tell::Boot { is_asked: false }].into(),
            later: Vec::new(),
            settings: Settings::default(),
            local_list: LocalList::default(),
            asking: None,
            firmware_status: "Idle",
            diagnostics_status: "Idle",
            told_status: "",
            since_sample: 0,
            since_heartbeat: 0,
            times: Times::new(Timestamp::now().as_second(), speed),
            start_hour,
            is_online: false,
            is_accepted: false,
            is_driven: false,
        }
    }

    /// It starts anew soon, and what runs ends before.
    pub fn restart(&mut self, reason: &'static str) {
        self.end(reason);
        self.asking = None;
        self.is_restarting = true;
    }

    /// It has started anew: after a reset or an update.
    fn boot(&mut self) {
        self.is_restarting = false;
        self.told_status = "";
        self.tell(Tell::Boot { is_asked: false });
    }

    /// The central system has answered that it has started.
    pub fn booted(&mut self, is_accepted: bool, seconds: Option<u32>) {
        self.is_accepted = is_accepted;
        let seconds = seconds.filter(|seconds| *seconds > 0);
        if !is_accepted {
            self.later.push((seconds.unwrap_or(60), Later::BootAgain));
        } else if let Some(seconds) = seconds {
            self.settings.change("HeartbeatInterval", &seconds.to_string());
        }
    }

    /// Tells something as soon as that is possible. Only sessions are kept while there is no connection, and that it has started.
    pub fn tell(&mut self, tell: Tell) {
        if !self.is_online && !tell.is_kept() {
            return;
        }
        if self.to_tell.len() >= KEPT {
            // Values in between are the least loss.
            match self.to_tell.iter().position(|tell| matches!(tell, Tell::Meter { .. })) {
                Some(oldest) => drop(self.to_tell.remove(oldest)),
                None if tell.is_kept_always() => {}
                None => return,
            }
        }
        self.to_tell.push_back(tell);
    }

    /// What is to be told next, if anything may be: before it is accepted nothing but that it has started (OCPP 1.6, 4.2).
    pub fn next_to_tell(&mut self) -> Option<Tell> {
        let is_boot = matches!(self.to_tell.front(), Some(Tell::Boot { .. }));
        if self.is_accepted || is_boot { self.to_tell.pop_front() } else { None }
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
                self.fault_left = UNTIL_MENDED;
                self.end("Other");
            }
            Deed::Mend => {
                self.is_faulted = false;
                self.fault_left = 0;
            }
            Deed::Unplug => self.loss_left = 60,
        }
        self.tell_status();
    }

    /// The card of the car that is there is held to the reader.
    fn hold_card(&mut self) {
        if self.running.is_some() {
            return self.end("Local");
        }
        if self.may_begin()
            && let Some(car) = &mut self.car
        {
            car.wanted = car.taken + CARD_WH;
            let card = car.card.clone();
            self.read(card);
        }
    }

    /// Whether a session can begin, whoever wants it.
    pub const fn may_begin(&self) -> bool {
        self.running.is_none() && self.is_available && !self.is_faulted && !self.is_restarting
    }

    /// Whether it is kept free for somebody else than a card of a group.
    pub fn is_kept_from(&self, card: &str, parent: Option<&str>) -> bool {
        self.reservation.as_ref().is_some_and(|reservation| !reservation.is_for(card, parent))
    }

    /// A card is held to the reader: it may charge by what is known here, or the central system is asked (OCPP 1.6, 3.5).
    pub fn read(&mut self, card: String) {
        self.asking = None;
        if let Some(car) = &mut self.car {
            car.visit = Visit::Asked;
        }
        let listed = if self.settings.is_on("LocalAuthListEnabled") { self.local_list.verdict(&card) } else { None };
        let listed = listed.map(|(is_accepted, parent)| (is_accepted, parent.map(ToOwned::to_owned)));
        if !self.is_online {
            let (is_accepted, parent) = match listed {
                Some((is_accepted, parent)) => (is_accepted && self.settings.is_on("LocalAuthorizeOffline"), parent),
                None => (self.settings.is_on("AllowOfflineTxForUnknownId"), None),
            };
            return self.decide(card, parent.as_deref(), is_accepted);
        }
        if let Some((true, parent)) = listed.filter(|_| self.settings.is_on("LocalPreAuthorize")) {
            return self.decide(card, parent.as_deref(), true);
        }
        if self.reservation.as_ref().is_some_and(|it| !it.has_group()) && self.is_kept_from(&card, None) {
            return self.decide(card, None, false);
        }
        self.asking = Some(card.clone());
        self.tell(Tell::Authorize(card));
    }

    /// The central system has said whether a card may charge.
    pub fn authorized(&mut self, card: &str, parent: Option<&str>, is_accepted: bool) {
        if let Some(card) = self.asking.take_if(|asked| asked == card) {
            self.decide(card, parent, is_accepted);
        }
    }

    /// Begins a session for a card, or does not.
    fn decide(&mut self, card: String, parent: Option<&str>, is_accepted: bool) {
        if is_accepted && self.car.is_some() && self.may_begin() && !self.is_kept_from(&card, parent) {
            self.begin(card);
        } else if let Some(car) = &mut self.car {
            tracing::debug!(charge_point = self.unit.identity, card, "the card is refused");
            car.stays = car.stays.min(NOTICES);
        }
    }

    /// A second of its own time passes.
    pub fn tick(&mut self) {
        self.times.tick();
        self.happen();
        self.come_and_go();
        self.charge();
        self.sample();
        self.tell_status();
        self.since_heartbeat += 1;
        if self.since_heartbeat >= self.settings.seconds("HeartbeatInterval") {
            self.since_heartbeat = 0;
            self.tell(Tell::Heartbeat);
        }
    }

    /// What was to happen after a while, faults, and lost connections.
    fn happen(&mut self) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.later).into_iter().partition(|(left, _)| *left == 0);
        self.later = later.into_iter().map(|(left, what)| (left - 1, what)).collect();
        for (_, what) in due {
            match what {
                Later::Firmware(status) => self.update(status),
                Later::Boot => self.boot(),
                // Before all that has waited for it.
                Later::BootAgain => self.to_tell.push_front(Tell::Boot { is_asked: false }),
            }
        }
        if self.reservation.as_ref().is_some_and(Reservation::is_over) {
            self.reservation = None;
        }
        self.loss_left = self.loss_left.saturating_sub(1);
        if self.fault_left != UNTIL_MENDED {
            self.fault_left = self.fault_left.saturating_sub(1);
            self.is_faulted &= self.fault_left > 0;
        }
        let fails = self.happens(self.unit.faults_a_day / SECONDS_A_DAY);
        // What a person broke is broken already, and only a person mends it.
        if fails && !self.is_faulted {
            self.is_faulted = true;
            self.fault_left = self.random.random_range(120..1_800);
            self.end("Other");
        }
        let is_lost = self.happens(self.unit.losses_a_day / SECONDS_A_DAY);
        if is_lost && self.loss_left == 0 {
            self.loss_left = self.random.random_range(30..1_200);
        }
    }

    fn happens(&mut self, chance: f64) -> bool {
        self.random.random_bool(chance.clamp(0.0, 1.0))
    }

    /// The update of its firmware goes on.
    fn update(&mut self, status: &'static str) {
        if status == "Installing" {
            self.restart("Reboot");
            self.unit.firmware = version_after(&self.unit.firmware);
        }
        self.firmware_status = if status == "Installed" { "Idle" } else { status };
        self.tell(Tell::Firmware(status));
    }

    /// The upload of its diagnostics has come so far.
    pub fn uploaded(&mut self, status: &'static str) {
        self.diagnostics_status = if status == "Uploading" { status } else { "Idle" };
        self.tell(Tell::Diagnostics(status));
    }

    fn come_and_go(&mut self) {
        let hour = self.times.hour(self.start_hour);
        let comes = self.happens(self.unit.cars_a_day * car::arrivals(hour) / 3_600.0);
        if comes && self.car.is_none() && self.is_available && !self.is_faulted {
            let mut car = Car::arriving(&mut self.random, self.unit.phases);
            if let Some(reservation) = &self.reservation {
                // Nobody else stops here.
                car.card.clone_from(&reservation.card);
            }
            self.car = Some(car);
        }
        let may_begin = self.may_begin();
        if let Some(car) = &mut self.car {
            car.stays = car.stays.saturating_sub(1);
            let goes = !self.is_driven && car.stays == 0;
            if goes {
                return self.leave("EVDisconnected");
            }
            if may_begin && car.visit == Visit::Come {
                let card = car.card.clone();
                self.read(card);
            }
        }
        if let Some(reason) = self.running.as_ref().and_then(|running| running.is_to_stop) {
            self.end(reason);
        }
    }

    /// Begins a session with a car that is there, by a card that may.
    pub fn begin(&mut self, card: String) {
        self.asking = None;
        self.last_session += 1;
        let session = self.last_session;
        self.tell_as("Preparing");
        if let Some(car) = &mut self.car {
            car.visit = Visit::Served;
        }
        let since = self.times.now();
        self.running = Some(Running { number: session, card: card.clone(), since, is_to_stop: None });
        // The first values come soon after the start.
        self.since_sample = self.settings.seconds("MeterValueSampleInterval").saturating_sub(FIRST_SAMPLE);
        // It was kept for this card: it may begin.
        let reservation = self.reservation.take().map(|reservation| reservation.id);
        let register = self.whole_register();
        self.tell(Tell::Start { session, card, register, reservation, at: Timestamp::now() });
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
            self.profiles.end_session();
            if let Some(car) = &mut self.car {
                car.wanted = car.taken.max(1.0);
                car.taken = car.wanted;
                // Its owner will notice.
                car.stays = car.stays.min(NOTICES);
            }
        }
    }

    /// The car goes.
    fn leave(&mut self, reason: &'static str) {
        if self.car.is_none() {
            return;
        }
        self.end(reason);
        self.asking = None;
        self.tell_as("Finishing");
        self.car = None;
        self.pause_left = 0;
        self.is_driven = false;
    }

    /// The running session, as far as profiles know of it.
    pub fn in_session(&self) -> Option<InSession> {
        let running = self.running.as_ref()?;
        let transaction = self.given.get(&running.number).map(|id| i64::from(*id));
        Some(InSession { transaction, since: running.since })
    }

    /// Takes a profile in; `false` for what cannot be one.
    pub fn put_profile(&mut self, connector: i64, profile: &Value) -> bool {
        let (times, clock) = (self.times, Timestamp::now().as_second());
        let profile =
            Profile::read(connector, profile, self.unit.phases, times.speed(), |instant| times.of(instant, clock));
        let session = self.in_session();
        profile.is_some_and(|profile| self.profiles.put(profile, session))
    }

    /// What its own clock shows, s since 1970.
    pub const fn now(&self) -> i64 {
        self.times.now()
    }

    /// What is offered to the car on each phase, A.
    fn offered(&self) -> f64 {
        if self.unit.ignores_limits { self.unit.amperes } else { self.offered_by_profiles() }
    }

    /// What it says that it offers.
    pub fn offered_by_profiles(&self) -> f64 {
        if self.profiles.is_empty() {
            return self.unit.amperes;
        }
        let now = self.now();
        self.profiles.limit(now, self.unit.amperes, self.in_session(), now)
    }

    fn flowing(&self) -> f64 {
        if self.running.is_none() || self.is_faulted || self.pause_left > 0 {
            return 0.0;
        }
        self.car.as_ref().map_or(0.0, |car| car.current(self.offered()))
    }

    /// What flows on its lines L1, L2, L3, A: as an ammeter has it, whatever the charge point says.
    pub fn lines(&self) -> [f64; 3] {
        let (amperes, phases) = (self.flowing(), self.car.as_ref().map_or(0, |car| car.phases));
        [1, 2, 3].map(|line| if line <= phases { amperes } else { 0.0 })
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
        if self.running.is_some() && self.since_sample >= self.settings.seconds("MeterValueSampleInterval") {
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
            amperes: [1, 2, 3]
                .map(|line| (line <= self.unit.phases).then_some(if line <= phases { flowing } else { 0.0 })),
            offered: if self.running.is_some() { self.offered_by_profiles() } else { 0.0 },
            power: (flowing * VOLTS * f64::from(phases)).round(),
        };
        self.tell(meter);
    }

    #[allow(clippy::cast_possible_truncation)] // Wh of a charge point
    pub const fn whole_register(&self) -> i64 {
        self.register as i64
    }

    /// Its status by the protocol's name.
    pub fn status(&self) -> &'static str {
        if self.is_faulted {
            return "Faulted";
        }
        match (&self.running, &self.car) {
            (Some(_), Some(car)) if car.share() >= 1.0 || self.pause_left > 0 => "SuspendedEV",
            (Some(_), _) if self.offered() < 6.0 => "SuspendedEVSE",
            (Some(_), _) => "Charging",
            (None, _) if !self.is_available => "Unavailable",
            (None, _) if self.reservation.is_some() && self.asking.is_none() => "Reserved",
            (None, Some(car)) if car.visit == Visit::Served => "Finishing",
            (None, Some(_)) => "Preparing",
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
            self.tell(Tell::Status(status));
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
        // There will be no answer.
        if let Some(card) = self.asking.take() {
            self.read(card);
        }
    }

    /// A message with its payload; `None` when it is about a session that was never given a number.
    pub fn message(&self, tell: &Tell) -> Option<(&'static str, Value)> {
        let now = || Timestamp::now().to_string();
        let id = |session: &u64| self.given.get(session).copied();
        Some(match tell {
            Tell::Boot { .. } => (
                "BootNotification",
                json!({
                    "chargePointVendor": self.unit.vendor, "chargePointModel": self.unit.model,
                    "chargePointSerialNumber": self.unit.identity, "firmwareVersion": self.unit.firmware,
                }),
            ),
            Tell::Heartbeat => ("Heartbeat", json!({})),
            Tell::Status(status) => {
                let error = if *status == "Faulted" { "OtherError" } else { "NoError" };
                let body = json!({ "connectorId": 1, "errorCode": error, "status": status, "timestamp": now() });
                ("StatusNotification", body)
            }
            Tell::Authorize(card) => ("Authorize", json!({ "idTag": card })),
            Tell::Start { card, register, reservation, at, .. } => {
                let mut body =
                    json!({ "connectorId": 1, "idTag": card, "meterStart": register, "timestamp": at.to_string() });
                if let Some(reservation) = reservation {
                    body["reservationId"] = (*reservation).into();
                }
                ("StartTransaction", body)
            }
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

/// The version after one: its last number is one more.
fn version_after(version: &str) -> String {
    let version = version.trim_end();
    let parts = version.rsplit_once('.').and_then(|(head, last)| Some((head, last.parse::<u32>().ok()?)));
    parts.map_or_else(|| format!("{version}.1"), |(head, last)| format!("{head}.{}", last.saturating_add(1)))
}

fn samples(register: i64, amperes: [Option<f64>; 3], offered: f64, power: f64) -> Value {
    let sample = |value: String, measurand: &str, unit: &str, phase: Option<&str>| {
        let mut sample = json!({ "value": value, "measurand": measurand, "unit": unit });
        if let Some(phase) = phase {
            sample["phase"] = phase.into();
        }
        sample
    };
    let lines = ["L1", "L2", "L3"].into_iter().zip(amperes);
    let currents =
        lines.filter_map(|(line, amperes)| Some(sample(amperes?.to_string(), "Current.Import", "A", Some(line))));
    let first = sample(register.to_string(), "Energy.Active.Import.Register", "Wh", None);
    let rest = [
        sample(offered.to_string(), "Current.Offered", "A", None),
        sample(power.to_string(), "Power.Active.Import", "W", None),
    ];
    iter::once(first).chain(currents).chain(rest).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::obey::{after, answer};
    use rand::SeedableRng as _;

    /// One at which nothing happens by itself.
    pub fn unit() -> Unit {
        Unit {
            identity: "A".to_owned(),
            model: "M".to_owned(),
            vendor: "V".to_owned(),
            firmware: "1.9".to_owned(),
            phases: 3,
            amperes: 32.0,
            cars_a_day: 0.0,
            busy: 0.0,
            faults_a_day: 0.0,
            losses_a_day: 0.0,
            is_broken: false,
            ignores_limits: false,
        }
    }

    /// One that is connected.
    pub fn point(seed: u64) -> Point {
        let mut point = Point::new(unit(), StdRng::seed_from_u64(seed), 0.0, 1.0);
        point.connected();
        point
    }

    /// Answers what is told, cards with a status, and gives it without its times.
    fn answered_with(point: &mut Point, status: &str) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(tell) = point.next_to_tell() {
            let Some((action, mut payload)) = point.message(&tell) else { continue };
            let number = if let Tell::Start { session, .. } = &tell { session + 100 } else { 0 };
            let info = json!({ "status": status });
            point.told(&tell, &json!({ "status": "Accepted", "idTagInfo": info, "transactionId": number }));
            payload["timestamp"] = Value::Null;
            if let Some(value) = payload.pointer_mut("/meterValue/0/timestamp") {
                *value = Value::Null;
            }
            told.push(format!("{action} {payload}"));
        }
        told
    }

    /// Answers what is told as one who lets everybody charge, and gives it without its times.
    pub fn answered(point: &mut Point) -> Vec<String> {
        answered_with(point, "Accepted")
    }

    /// The names of what is told, once it is answered.
    fn names(point: &mut Point) -> Vec<String> {
        answered(point).into_iter().filter_map(|told| Some(told.split_once(' ')?.0.to_owned())).collect()
    }

    /// Seconds pass, and what is told is answered at once.
    fn pass(point: &mut Point, seconds: u32) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            point.tick();
            told.extend(answered(point));
        }
        told
    }

    /// Asks for something, and gives the status of the answer.
    fn ask(point: &mut Point, action: &str, request: Value) -> String {
        let status =
            answer(point, action, &request).unwrap_or_default()["status"].as_str().unwrap_or_default().to_owned();
        after(point, action, &request);
        status
    }

    fn plugged_in(seed: u64) -> Point {
        let mut point = point(seed);
        point.suffer(Deed::PlugIn);
        pass(&mut point, 1);
        assert_eq!(point.status(), "Charging");
        point
    }

    #[test]
    fn a_day_brings_cars_values_and_heartbeats() {
        let mut point = point(3);
        point.unit = Unit { cars_a_day: 6.0, faults_a_day: 0.4, ..unit() };
        let told = pass(&mut point, 86_400);
        let count = |name: &str| told.iter().filter(|told| told.starts_with(name)).count();
        assert!(count("StartTransaction") >= 2, "{}", count("StartTransaction"));
        assert_eq!(count("StartTransaction"), count("Authorize"));
        assert!(count("StartTransaction") - count("StopTransaction") <= 1);
        assert!(count("MeterValues") > 60 && count("Heartbeat") > 1_000);
    }

    #[test]
    fn more_cars_come_in_busy_hours() {
        let mut point = point(1);
        point.unit.cars_a_day = 200.0;
        let mut by_hour = [0_u32; 24];
        for second in 0..5 * 86_400 {
            point.times.tick();
            point.come_and_go();
            if point.car.take().is_some() {
                by_hour[second / 3_600 % 24] += 1;
            }
        }
        let sum = |hours: std::ops::Range<usize>| by_hour[hours].iter().sum::<u32>();
        assert!((900..1_100).contains(&sum(0..24)), "{by_hour:?}");
        assert!(sum(7..10) > 10 * sum(1..4) && sum(16..19) > 10 * sum(1..4), "{by_hour:?}");
        assert!(sum(7..10) > sum(12..15), "{by_hour:?}");
    }

    #[test]
    fn what_a_person_does_is_seen() {
        let mut point = plugged_in(1);
        point.suffer(Deed::Card);
        pass(&mut point, 1);
        assert!(point.running.is_none() && point.car.is_some());
        assert_eq!(point.status(), "Finishing");
        point.suffer(Deed::Card);
        pass(&mut point, 1);
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
    fn each_status_is_told_as_it_was() {
        let mut point = plugged_in(1);
        point.suffer(Deed::PullOut);
        let told = answered(&mut point);
        let statuses: Vec<bool> =
            ["Finishing", "Available"].map(|status| told.iter().any(|told| told.contains(status))).into();
        assert_eq!(statuses, [true, true], "{told:?}");
    }

    #[test]
    fn what_a_person_broke_is_mended_by_a_person_alone() {
        let mut point = point(1);
        point.suffer(Deed::Break);
        // A fault each second.
        point.unit.faults_a_day = 1e9;
        pass(&mut point, 1);
        point.unit.faults_a_day = 0.0;
        pass(&mut point, 2_000);
        assert_eq!(point.status(), "Faulted");
        point.suffer(Deed::Mend);
        pass(&mut point, 1);
        assert_eq!(point.status(), "Available");
    }

    #[test]
    fn one_that_begins_broken_is_mended_by_a_person_alone() {
        let broken = Unit { is_broken: true, cars_a_day: 0.0, ..unit() };
        let mut point = Point::new(broken, StdRng::seed_from_u64(1), 8.0, 1.0);
        point.connected();
        pass(&mut point, 2_000);
        assert_eq!(point.status(), "Faulted");
        point.suffer(Deed::Mend);
        assert_ne!(point.status(), "Faulted");
    }

    #[test]
    fn sessions_are_kept_while_there_is_no_connection_and_nothing_else() {
        let mut point = point(1);
        answered(&mut point);
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
    fn the_lines_that_it_has_are_measured() {
        for (phases, lines) in [(1, vec!["L1"]), (3, vec!["L1", "L2", "L3"])] {
            let mut point = plugged_in(1);
            point.unit.phases = phases;
            point.measure();
            let meter = point.to_tell.iter().rfind(|tell| matches!(tell, Tell::Meter { .. })).unwrap().clone();
            let (_, payload) = point.message(&meter).unwrap();
            let samples = payload["meterValue"][0]["sampledValue"].as_array().unwrap();
            let measured: Vec<&str> = samples.iter().filter_map(|sample| sample["phase"].as_str()).collect();
            assert_eq!(measured, lines);
        }
    }

    #[test]
    fn the_oldest_values_go_when_too_much_is_kept_and_no_start_or_stop() {
        let mut point = plugged_in(1);
        let first = point.whole_register();
        point.disconnected();
        for _ in 0..KEPT + 10 {
            point.register += 1.0;
            point.measure();
        }
        point.suffer(Deed::PullOut);
        assert_eq!(point.to_tell.len(), KEPT);
        let registers: Vec<i64> = point
            .to_tell
            .iter()
            .filter_map(|tell| if let Tell::Meter { register, .. } = tell { Some(*register) } else { None })
            .collect();
        assert_eq!((registers.len(), registers[0]), (KEPT - 1, first + 12), "the oldest are gone");
        assert!(matches!(point.to_tell.back(), Some(Tell::Stop { .. })));
        // Where there is nothing but starts and stops, all stay.
        point.to_tell.retain(|tell| matches!(tell, Tell::Stop { .. }));
        let stop = point.to_tell[0].clone();
        point.to_tell.resize_with(KEPT, || stop.clone());
        point.measure();
        assert_eq!(point.to_tell.len(), KEPT);
        point.tell(stop);
        assert_eq!(point.to_tell.len(), KEPT + 1);
    }

    #[test]
    fn that_it_has_started_comes_before_what_happened_until_then() {
        let mut point = Point::new(Unit { busy: 1.0, ..unit() }, StdRng::seed_from_u64(1), 0.0, 1.0);
        for _ in 0..10 {
            point.tick();
        }
        assert!(point.running.is_some());
        point.connected();
        let told = names(&mut point);
        assert_eq!(told[..2], ["BootNotification", "StartTransaction"]);
    }

    #[test]
    fn nothing_is_told_until_it_is_accepted() {
        let mut point = point(1);
        let boot = point.next_to_tell().unwrap();
        assert!(matches!(boot, Tell::Boot { is_asked: false }));
        point.told(&boot, &json!({ "status": "Pending", "interval": 5 }));
        point.suffer(Deed::PlugIn);
        for _ in 0..5 {
            point.tick();
            assert!(point.next_to_tell().is_none());
        }
        point.tick();
        assert_eq!(names(&mut point)[0], "BootNotification");
        assert!(names(&mut point).is_empty(), "all is told now");
    }

    #[test]
    fn it_takes_a_password_that_is_one_and_comes_anew_with_it() {
        let mut point = point(1);
        for value in ["0123", "0123456789abcdeg", &"0".repeat(41)] {
            let request = json!({ "key": "AuthorizationKey", "value": value });
            assert_eq!(ask(&mut point, "ChangeConfiguration", request), "Rejected");
            assert!(point.password.is_none() && !point.comes_anew);
        }
        let request = json!({ "key": "AuthorizationKey", "value": "0123456789abcdef" });
        assert_eq!(ask(&mut point, "ChangeConfiguration", request), "Accepted");
        assert!(point.password.as_deref() == Some("0123456789abcdef") && point.comes_anew);
        assert!(!point.settings.told(&json!({})).to_string().contains("0123456789abcdef"), "it is never told");
    }

    #[test]
    fn a_session_ends_before_a_start_anew() {
        for (action, request, reason) in [
            ("Reset", json!({ "type": "Hard" }), "HardReset"),
            ("Reset", json!({ "type": "Soft" }), "SoftReset"),
            ("UpdateFirmware", json!({ "location": "http://x/1.bin" }), "Reboot"),
        ] {
            let mut point = plugged_in(1);
            ask(&mut point, action, request);
            let told = pass(&mut point, 40);
            let place = |name: &str| told.iter().position(|told| told.starts_with(name)).unwrap();
            assert!(told[place("StopTransaction")].contains(reason), "{told:?}");
            assert!(place("StopTransaction") < place("BootNotification"), "{told:?}");
            let is_updated = told[place("BootNotification")].contains(r#""firmwareVersion":"1.10""#);
            assert_eq!(is_updated, action == "UpdateFirmware", "{told:?}");
        }
    }

    #[test]
    fn between_the_end_of_a_session_and_the_start_anew_none_begins() {
        let mut point = plugged_in(1);
        ask(&mut point, "Reset", json!({ "type": "Soft" }));
        point.suffer(Deed::Card);
        assert_eq!(ask(&mut point, "RemoteStartTransaction", json!({ "idTag": "B" })), "Rejected");
        pass(&mut point, 5);
        assert_eq!(ask(&mut point, "RemoteStartTransaction", json!({ "idTag": "B" })), "Accepted");
        assert!(point.running.is_some());
    }

    #[test]
    fn versions_are_counted_on() {
        for (before, after) in [("1.9", "1.10"), ("R7", "R7.1"), ("2.0.3 ", "2.0.4"), ("1.x", "1.x.1")] {
            assert_eq!(version_after(before), after);
        }
    }

    #[test]
    fn what_it_is_triggered_to_tell_it_tells() {
        let mut point = point(1);
        pass(&mut point, 1);
        for name in [
            "BootNotification",
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "StatusNotification",
        ] {
            assert_eq!(ask(&mut point, "TriggerMessage", json!({ "requestedMessage": name })), "Accepted");
            assert_eq!(names(&mut point), [name]);
        }
        let unknown = json!({ "requestedMessage": "LogStatusNotification" });
        assert_eq!(ask(&mut point, "TriggerMessage", unknown), "NotImplemented");
        ask(&mut point, "UpdateFirmware", json!({}));
        pass(&mut point, 5);
        ask(&mut point, "TriggerMessage", json!({ "requestedMessage": "FirmwareStatusNotification" }));
        assert!(answered(&mut point)[0].contains("Downloading"));
    }

    #[test]
    fn a_card_that_is_refused_starts_nothing() {
        for status in ["Blocked", "Expired", "Invalid", "ConcurrentTx"] {
            let mut point = point(1);
            point.suffer(Deed::PlugIn);
            let mut told = Vec::new();
            for _ in 0..100 {
                point.tick();
                told.extend(answered_with(&mut point, status));
            }
            assert!(told.iter().all(|told| !told.starts_with("StartTransaction")), "{told:?}");
            let asked = told.iter().filter(|told| told.starts_with("Authorize")).count();
            assert_eq!((asked, point.status()), (1, "Preparing"), "it is asked once");
            point.suffer(Deed::Card);
            pass(&mut point, 1);
            assert_eq!(point.status(), "Charging", "another time it may");
        }
    }

    #[test]
    fn without_a_connection_the_list_and_the_setting_decide() {
        // The status on the list, the setting that is changed, and whether it charges.
        for (listed, setting, charges) in [
            (None, None, true),
            (None, Some("AllowOfflineTxForUnknownId"), false),
            (Some("Accepted"), None, true),
            (Some("Accepted"), Some("AllowOfflineTxForUnknownId"), true),
            (Some("Accepted"), Some("LocalAuthorizeOffline"), false),
            (Some("Blocked"), None, false),
            (Some("Blocked"), Some("LocalAuthListEnabled"), true),
        ] {
            for is_asking in [false, true] {
                let mut point = point(1);
                answered(&mut point);
                point.suffer(Deed::PlugIn);
                let card = point.car.as_ref().unwrap().card.clone();
                if let Some(status) = listed {
                    let entry = json!({ "idTag": card, "idTagInfo": { "status": status } });
                    let list = json!({ "listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry] });
                    assert_eq!(ask(&mut point, "SendLocalList", list), "Accepted");
                }
                if let Some(key) = setting {
                    ask(&mut point, "ChangeConfiguration", json!({ "key": key, "value": "false" }));
                }
                if is_asking {
                    // The answer is lost with the connection.
                    point.tick();
                    assert!(point.running.is_none());
                }
                point.disconnected();
                point.tick();
                assert_eq!(point.running.is_some(), charges, "{listed:?} {setting:?} {is_asking}");
            }
        }
    }

    #[test]
    fn a_listed_card_is_not_asked_about_where_that_is_set() {
        let mut point = point(1);
        answered(&mut point);
        point.suffer(Deed::PlugIn);
        let card = point.car.as_ref().unwrap().card.clone();
        let entry = json!({ "idTag": card, "idTagInfo": { "status": "Accepted" } });
        let list = json!({ "listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry] });
        ask(&mut point, "SendLocalList", list);
        ask(&mut point, "ChangeConfiguration", json!({ "key": "LocalPreAuthorize", "value": "true" }));
        point.tick();
        let told = names(&mut point);
        assert!(told.iter().all(|name| name != "Authorize") && told.iter().any(|name| name == "StartTransaction"));
    }

    fn reserved(card: &str, expiry: &str) -> Point {
        let mut point = point(1);
        answered(&mut point);
        let request = json!({ "connectorId": 1, "reservationId": 7, "idTag": card, "expiryDate": expiry });
        assert_eq!(ask(&mut point, "ReserveNow", request), "Accepted");
        assert_eq!(point.status(), "Reserved");
        point
    }

    #[test]
    fn only_the_card_that_it_is_reserved_for_may_start() {
        const LATER: &str = "2120-01-01T00:00:00Z";
        let mut point = reserved("MINE", LATER);
        let other = json!({ "connectorId": 1, "reservationId": 8, "idTag": "B", "expiryDate": LATER });
        assert_eq!(ask(&mut point, "ReserveNow", other), "Occupied");
        assert_eq!(ask(&mut point, "RemoteStartTransaction", json!({ "idTag": "B" })), "Rejected");
        point.suffer(Deed::PlugIn);
        let told = pass(&mut point, 10);
        assert!(told.iter().all(|told| !told.starts_with("StartTransaction")), "{told:?}");
        assert_eq!(point.status(), "Reserved");
        point.suffer(Deed::PullOut);
        assert_eq!(ask(&mut point, "RemoteStartTransaction", json!({ "idTag": "mine" })), "Accepted");
        let told = pass(&mut point, 1);
        let start = told.iter().find(|told| told.starts_with("StartTransaction")).unwrap();
        assert!(start.contains(r#""reservationId":7"#), "{start}");
        assert_eq!(ask(&mut point, "CancelReservation", json!({ "reservationId": 7 })), "Rejected", "it is used");

        // Who comes by itself is who reserved it.
        let mut point = reserved("MINE", LATER);
        point.unit.cars_a_day = 1e6;
        let told = pass(&mut point, 20);
        assert!(told.iter().any(|told| told.starts_with("StartTransaction") && told.contains("MINE")), "{told:?}");
    }

    #[test]
    fn a_reservation_is_cancelled_by_its_number_and_ends_by_itself() {
        let mut point = reserved("MINE", "2120-01-01T00:00:00Z");
        assert_eq!(ask(&mut point, "CancelReservation", json!({ "reservationId": 8 })), "Rejected");
        assert_eq!(point.status(), "Reserved");
        assert_eq!(ask(&mut point, "CancelReservation", json!({ "reservationId": 7 })), "Accepted");
        assert_eq!(point.status(), "Available");
        let mut point = reserved("MINE", "2020-01-01T00:00:00Z");
        pass(&mut point, 1);
        assert_eq!(point.status(), "Available");
    }

    #[test]
    fn a_car_may_make_a_pause_and_goes_on() {
        let mut point = plugged_in(1);
        let car = point.car.as_mut().unwrap();
        (car.amperes, car.wanted, car.taken, car.pause) = (16.0, 10_000.0, 2_990.0, Some((0.3, 120)));
        let mut curve = Vec::new();
        for _ in 0..300 {
            pass(&mut point, 1);
            curve.push((point.status(), point.flowing()));
        }
        let pause = curve.iter().position(|(status, _)| *status == "SuspendedEV").unwrap();
        assert!(curve[..pause].iter().all(|(status, amperes)| *status == "Charging" && *amperes > 15.9));
        let length = curve[pause..].iter().take_while(|(status, _)| *status == "SuspendedEV").count();
        assert_eq!(length, 120);
        assert!(curve[pause..pause + 120].iter().all(|(_, amperes)| *amperes < 0.1));
        assert!(curve[pause + 120..].iter().all(|(status, amperes)| *status == "Charging" && *amperes > 15.9));
    }

    fn relative(id: i64, periods: &Value) -> Value {
        json!({
            "connectorId": 1,
            "csChargingProfiles": {
                "chargingProfileId": id, "stackLevel": id, "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": { "chargingRateUnit": "A", "chargingSchedulePeriod": periods },
            },
        })
    }

    #[test]
    fn limits_are_obeyed() {
        let mut point = plugged_in(1);
        let mut limit = |id: i64, amperes: f64| {
            let request = relative(id, &json!([{ "startPeriod": 0, "limit": amperes }]));
            assert_eq!(ask(&mut point, "SetChargingProfile", request), "Accepted");
            (point.flowing(), point.status())
        };
        assert!(limit(1, 10.0).0 <= 10.0);
        assert_eq!(limit(2, 0.0), (0.0, "SuspendedEVSE"));
        point.end("Local");
        assert!(point.profiles.is_empty(), "a session's profiles end with it");
    }

    #[test]
    fn the_periods_of_a_schedule_go_by_its_own_time() {
        let mut point = Point::new(unit(), StdRng::seed_from_u64(1), 0.0, 600.0);
        point.connected();
        point.suffer(Deed::PlugIn);
        pass(&mut point, 1);
        let periods = json!([{ "startPeriod": 0, "limit": 10.0 }, { "startPeriod": 600, "limit": 8.0 }]);
        ask(&mut point, "SetChargingProfile", relative(1, &periods));
        let mut composite = |limits: &[f64]| {
            let request = json!({ "connectorId": 1, "duration": 900 });
            let told = answer(&mut point, "GetCompositeSchedule", &request).unwrap();
            let periods = told["chargingSchedule"]["chargingSchedulePeriod"].as_array().unwrap();
            let told: Vec<f64> = periods.iter().filter_map(|period| period["limit"].as_f64()).collect();
            assert_eq!(told, limits);
            pass(&mut point, 601);
            point.offered()
        };
        // They pass within moments of the clock.
        assert!((composite(&[10.0, 8.0]) - 8.0).abs() < 1e-9);
        assert!((composite(&[8.0]) - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_remote_start_may_bring_its_profile() {
        let mut point = point(1);
        answered(&mut point);
        let profile = &relative(1, &json!([{ "startPeriod": 0, "limit": 7.0 }]))["csChargingProfiles"];
        let request = json!({ "connectorId": 1, "idTag": "B", "chargingProfile": profile });
        assert_eq!(ask(&mut point, "RemoteStartTransaction", request), "Accepted");
        assert!((point.offered() - 7.0).abs() < 1e-9);
    }
}
