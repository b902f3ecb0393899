//! A charge point as the site sees it, and what follows from what it tells.
//!
//! The one way in is [`ChargePointNow::hear`]: an event in, an answer out, and in [`Changes`] what must be stored before the
//! answer may leave. The rules are those of the reading guide, "From OCPP to the documented fields".

pub mod card;
pub mod event;
mod finding;
mod happening;
pub mod limit;
mod meter;
pub mod password;
mod repeat;
mod session;
#[cfg(test)]
mod tests;

pub use finding::{Finding, FindingKind};
pub use happening::{Happening, HappeningKind, NO_PASSWORD, WRONG_PASSWORD};
pub use meter::{MeterFlaw, SessionMeter};
pub use session::{End, Session};

use crate::calendar::Timestamp;
use crate::energy::{ChargingTime, Energy};
use crate::phase::LineCurrents;
use crate::record::{ChargePoint, ChargePointKey, ChargePointState, MeterValue, Model, Transaction, TransactionId};
use card::{Cards, Verdict};
use event::{Accepted, Boot, Event, Meter, Reading, Start, Status, Stop, Told};
use limit::{Limit, Limits, Purpose};
use repeat::{Mark, Recent};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// How long a measured current counts as known, ms (reading guide, "Load of the site's phases").
const MEASURED_MS: i64 = 300_000;
/// How long before a start its Preparing or Authorize counts as the time when it asked for current, ms.
const QUEUED_MS: i64 = 600_000;
/// A message that is older than this when it arrives was kept while there was no connection, ms.
const LATE_MS: i64 = 60_000;
/// A phase carries current from here on, A.
const CARRIES_A: f64 = 0.5;
/// How many sessions that have ended are remembered: more than a charge point may have on its way at once.
const ENDED: usize = 16;
/// How many unknown sessions are remembered: more than one for each of its connectors is rare.
const ORPHANS: usize = 8;

/// A charge point now.
#[derive(Debug, Clone)]
pub struct ChargePointNow {
    /// The store's number of it.
    pub key: ChargePointKey,
    /// Who it is.
    pub charge_point: Arc<ChargePoint>,
    /// Its model, where it is a known one.
    pub model: Option<Arc<Model>>,
    /// Its last known state; `None` when it never had one.
    pub state: Option<ChargePointState>,
    /// What is known of its connectors, by number.
    pub connectors: Vec<Connector>,
    /// The sessions that run, by number.
    pub running: Vec<Session>,
    /// Whether it ever had a session.
    pub has_sessions: bool,
    /// Counts the changes of this charge point: who remembers it knows whether something is new.
    pub version: u64,
    /// The highest running number that one of its sessions ever had.
    pub last_cycle: i32,
    /// The latest start of a session by its own clock.
    pub newest_start: Option<Timestamp>,
    /// When each kind of message was last heard.
    pub heard: Vec<(&'static str, Timestamp)>,
    /// When it last started; a boot that we asked for says nothing about a start.
    pub booted_at: Option<Timestamp>,
    /// How far the last update of its firmware is, by the protocol's name, and since when.
    pub firmware: Option<(String, Timestamp)>,
    /// How far the last upload of diagnostics is, by the protocol's name, and since when.
    pub diagnostics: Option<(String, Timestamp)>,
    /// The limits of current that it has accepted.
    pub limits: Arc<Limits>,
    /// The most that it may draw as far as none of them says so, A.
    unlimited: Option<i32>,
    link: Link,
    /// The number of the last connection.
    link_number: u64,
    /// Whether its firmware is being updated.
    is_updating: bool,
    /// What covers the states of all connectors until one tells another.
    over: Option<Over>,
    authorized_at: Option<Timestamp>,
    ended: Arc<VecDeque<Arc<Session>>>,
    /// The unknown sessions that it last sent values of, and whether its clock was found wrong: said once.
    orphans: Orphans,
    is_clock_flagged: bool,
    /// What it told last, to know what it repeats.
    recent: Recent,
}

/// The connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// There was none since the site started.
    NeverSeen,
    Online,
    Offline,
}

/// A state of the whole charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    BootUp,
    Reboot,
    SendMessage,
}

impl Over {
    const ALL: [Self; 3] = [Self::BootUp, Self::Reboot, Self::SendMessage];

    /// The documented name.
    const fn name(self) -> &'static str {
        match self {
            Self::BootUp => "BootUp",
            Self::Reboot => "Reboot",
            Self::SendMessage => "SendMessage",
        }
    }
}

/// The documented name of the state while the firmware is updated.
const UPDATING: &str = "Updating";

/// The last few unknown sessions, by the numbers that the charge point has for them.
#[derive(Debug, Clone, Copy, Default)]
struct Orphans {
    told: [Option<i64>; ORPHANS],
    next: usize,
}

impl Orphans {
    fn has(&self, told: i64) -> bool {
        self.told.contains(&Some(told))
    }

    /// Whether it was not known. It is then.
    fn is_new(&mut self, told: i64) -> bool {
        let is_new = !self.has(told);
        if is_new {
            self.told[self.next] = Some(told);
            self.next = (self.next + 1) % ORPHANS;
        }
        is_new
    }
}

/// A connector; 0 is the whole charge point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Connector {
    /// Its number.
    pub number: i32,
    /// Its state by the documented name.
    pub state: Option<String>,
    /// Its status as it last told, by the protocol's name.
    pub status: Option<String>,
    /// The error's code.
    pub error: Option<String>,
    /// What else was said of it.
    pub info: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The newest measured currents, and when they were measured.
    pub measured: Option<(Timestamp, LineCurrents)>,
    /// Current offered to the car, A.
    pub offered: Option<f64>,
    /// When a car was last plugged in.
    pub prepared_at: Option<Timestamp>,
}

/// A meter value with what is kept beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub value: MeterValue,
    /// The register as it was told, Wh.
    pub register: Option<i64>,
    /// The time that the charge point gave, where it is not believed.
    pub claimed: Option<Timestamp>,
    /// When it arrived.
    pub received: Timestamp,
}

/// A session that has begun, ended, or ended differently.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionChange {
    /// As it was; `None` for a new one.
    pub before: Option<Transaction>,
    /// As it is.
    pub after: Session,
}

/// What must be stored before an answer may leave.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Charge points with another state. Their connectors' go with it.
    pub states: BTreeSet<ChargePointKey>,
    /// Charge points that said something else about themselves, or whose totals grew.
    pub charge_points: BTreeSet<ChargePointKey>,
    /// Charge points with other limits of current.
    pub limits: BTreeSet<ChargePointKey>,
    /// Sessions, in the order of what happened.
    pub sessions: Vec<SessionChange>,
    /// Meter values.
    pub values: Vec<Measured>,
    /// What an operator should see.
    pub findings: Vec<Finding>,
    /// What happened.
    pub happenings: Vec<Happening>,
}

/// What only the store remembers of the sessions that an event is about.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The session that this very start has begun before.
    pub begun: Option<Session>,
    /// The charge point's session of the number that is told.
    pub told: Option<Session>,
}

/// What stands around an event.
pub struct Context<'a> {
    /// When it arrived.
    pub arrival: Timestamp,
    /// Who may charge.
    pub cards: &'a Cards,
    /// All models.
    pub models: &'a HashMap<String, Arc<Model>>,
    /// What only the store remembers.
    pub history: History,
    /// The number of the last session of all.
    pub last_id: &'a mut i32,
    /// What must be stored.
    pub changes: &'a mut Changes,
}

/// The answer to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was noted; there is no more to say.
    Noted,
    /// Whether a card may charge.
    Card(Verdict),
    /// The number of a session that has begun, and whether its card may charge.
    Started(TransactionId, Verdict),
    /// Whether the card that ended a session is one of ours; `None` when there was none.
    Stopped(Option<Verdict>),
    /// There is no number left for another session.
    NoNumberLeft,
}

impl ChargePointNow {
    /// A charge point as the store knows it, without connection.
    pub fn new(key: ChargePointKey, charge_point: ChargePoint, model: Option<Arc<Model>>) -> Self {
        Self {
            key,
            charge_point: Arc::new(charge_point),
            model,
            state: None,
            connectors: Vec::new(),
            running: Vec::new(),
            has_sessions: false,
            version: 0,
            last_cycle: 0,
            newest_start: None,
            heard: Vec::new(),
            booted_at: None,
            firmware: None,
            diagnostics: None,
            limits: Arc::default(),
            unlimited: None,
            link: Link::NeverSeen,
            link_number: 0,
            is_updating: false,
            over: None,
            authorized_at: None,
            ended: Arc::default(),
            orphans: Orphans::default(),
            is_clock_flagged: false,
            recent: Recent::default(),
        }
    }

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

    /// Whether it is connected.
    pub fn is_online(&self) -> bool {
        self.link == Link::Online
    }

    /// The number of its connection; `None` while it has none.
    pub fn link(&self) -> Option<u64> {
        self.is_online().then_some(self.link_number)
    }

    /// The currents on its lines, unless they are too old to be known or it has gone. Stored ones count until it connects.
    pub fn currents(&self, now: Timestamp) -> Option<LineCurrents> {
        if self.link == Link::Offline {
            return None;
        }
        let fresh = |connector: &Connector| {
            connector.measured.filter(|(at, _)| now.since(*at) <= MEASURED_MS).map(|(_, currents)| currents)
        };
        let whole = self.connectors.iter().find(|connector| connector.number == 0).and_then(fresh);
        whole.or_else(|| {
            self.connectors.iter().filter(|connector| connector.number > 0).filter_map(fresh).reduce(|sum, more| {
                LineCurrents(std::array::from_fn(|line| match (sum.0[line], more.0[line]) {
                    (Some(a), Some(b)) => Some(a + b),
                    (a, b) => a.or(b),
                }))
            })
        })
    }

    /// When [`Self::currents`] changes by time alone, as something is too old then.
    pub fn currents_change_at(&self, now: Timestamp) -> Option<Timestamp> {
        let too_old = self.connectors.iter().filter_map(|connector| Some(connector.measured?.0.plus(MEASURED_MS + 1)));
        too_old.filter(|at| *at > now).min()
    }

    /// The current that is offered to the cars which charge, A; `None` where it has not told, or has gone.
    pub fn offered(&self) -> Option<f64> {
        let is_charging =
            |connector: &&Connector| self.running.iter().any(|session| session.connector == connector.number);
        let charging = self.connectors.iter().filter(|_| self.link != Link::Offline).filter(is_charging);
        charging.filter_map(|connector| connector.offered).reduce(|sum, more| sum + more)
    }

    /// The connector of this number, which is made when it is not known.
    pub fn connector_mut(&mut self, number: i32) -> &mut Connector {
        let place = match self.connectors.binary_search_by_key(&number, |connector| connector.number) {
            Ok(place) => place,
            Err(place) => {
                // Most have one or two, and there are many charge points.
                self.connectors.reserve_exact(1);
                self.connectors.insert(place, Connector { number, ..Connector::default() });
                place
            }
        };
        &mut self.connectors[place]
    }

    /// Carries on from its last known state, that of its connectors, and its limits.
    pub fn restore(&mut self, state: Option<ChargePointState>, connectors: Vec<Connector>, limits: Limits) {
        let name = state.as_ref().and_then(|state| state.state.as_deref());
        self.is_updating = name == Some(UPDATING);
        self.over = Over::ALL.into_iter().find(|over| name == Some(over.name()));
        // What is stored may have come of a limit.
        self.unlimited = state.as_ref().and_then(|state| state.current_limit).filter(|_| limits.is_empty());
        self.limits = Arc::new(limits);
        self.connectors = connectors;
        self.state = state;
    }

    /// Carries on a session that ran when the site was last at work.
    pub fn resume(&mut self, session: Session) {
        self.connector_mut(session.connector);
        self.running.push(session);
        self.running.sort_by_key(|session| session.transaction.id);
    }

    /// Remembers a value that was stored when the site was last at work: its answer may have been lost.
    pub fn remember(&mut self, measured: &Measured) {
        self.recent.is_new(Mark::of_value(measured, None));
    }

    /// Whether an event of this kind needs to be asked about in the store: the start may be a repeated one, or the
    /// session is none that is remembered here.
    pub fn needs_history(&self, event: &Event) -> bool {
        match event {
            Event::Start(start) => {
                self.remembered().all(|session| !session.is_begun_by(start))
                    && self.newest_start.is_some_and(|newest| start.time.own() <= newest)
            }
            Event::Stop(stop) => {
                self.remembered().all(|session| i64::from(session.transaction.id.0) != stop.transaction)
            }
            Event::Meter(Meter { transaction: Some(id), .. }) => {
                !self.orphans.has(*id) && self.remembered().all(|session| i64::from(session.transaction.id.0) != *id)
            }
            _ => false,
        }
    }

    fn remembered(&self) -> impl Iterator<Item = &Session> {
        self.running.iter().chain(self.ended.iter().map(AsRef::as_ref))
    }

    /// Takes over what the charge point tells, and answers.
    pub fn hear(&mut self, event: Event, context: &mut Context<'_>) -> Answer {
        self.version += 1;
        if let Event::Refused { address, is_wrong } = event {
            // Whoever that was: of the charge point itself it says nothing.
            return self.refused(address, is_wrong, context);
        }
        let (before, over) = (self.state_name().map(ToOwned::to_owned), self.over);
        let command = event.name();
        let is_sign_of_life = !matches!(event, Event::Disconnected { .. } | Event::Accepted(_));
        // Neither says more than the next message will: it is stored with it.
        let is_soft = matches!(event, Event::Alive | Event::Heartbeat | Event::Meter(_) | Event::Disconnected { .. });
        let answer = self.follow(event, context);
        let name = self.effective_state(before.as_deref());
        let is_new = self.state.is_none() || name != before || over != self.over;
        let state = self.state.get_or_insert_default();
        state.state = name;
        if let Some(command) = command {
            state.command = Some(command.to_owned());
        }
        if is_sign_of_life {
            state.last_contact = Some(context.arrival);
            if let Some(name) = command {
                self.note_heard(name, context.arrival);
            }
        }
        self.derive(context.arrival);
        if is_new || !is_soft {
            context.changes.states.insert(self.key);
        }
        answer
    }

    fn note_heard(&mut self, name: &'static str, at: Timestamp) {
        match self.heard.iter_mut().find(|(known, _)| *known == name) {
            Some((_, last)) => *last = at,
            None => self.heard.push((name, at)),
        }
    }

    fn follow(&mut self, event: Event, context: &mut Context<'_>) -> Answer {
        match event {
            Event::Connected { link, address } => self.connected(link, address, context),
            Event::Disconnected { link } if link < self.link_number => {}
            Event::Disconnected { .. } => self.lost(context),
            Event::Boot(boot) => self.booted(boot, context),
            Event::Alive | Event::Heartbeat => {}
            Event::Diagnostics(status) => {
                if is_other(self.diagnostics.as_ref(), &status) {
                    self.happen(context, HappeningKind::Diagnostics, Some(status.clone()));
                }
                self.diagnostics = Some((status, context.arrival));
            }
            Event::Authorize(tag) => {
                self.authorized_at = Some(context.arrival);
                return Answer::Card(context.cards.judge(&tag, context.arrival));
            }
            Event::Status(connector, status) => self.told_status(connector, status, context),
            Event::Start(start) => return self.started(start, context),
            Event::Stop(stop) => return self.stopped(stop, context),
            Event::Meter(meter) => self.metered(meter, context),
            Event::DataTransfer => self.over = Some(Over::SendMessage),
            Event::Firmware(status) => {
                if is_other(self.firmware.as_ref(), &status) {
                    self.happen(context, HappeningKind::Firmware, Some(status.clone()));
                }
                self.is_updating = matches!(status.as_str(), "Downloading" | "Downloaded" | "Installing");
                self.firmware = Some((status, context.arrival));
            }
            Event::Accepted(accepted) => self.accepted(accepted, context),
            Event::Refused { address, is_wrong } => return self.refused(address, is_wrong, context),
        }
        Answer::Noted
    }

    fn refused(&self, address: Option<String>, is_wrong: bool, context: &mut Context<'_>) -> Answer {
        let status = if is_wrong { happening::WRONG_PASSWORD } else { happening::NO_PASSWORD };
        let happening = self.happening(HappeningKind::Refused, context.arrival);
        let (status, detail) = (Some(status.to_owned()), address.unwrap_or_default());
        context.changes.happenings.push(Happening { status, detail, ..happening });
        Answer::Noted
    }

    fn lost(&mut self, context: &mut Context<'_>) {
        if self.is_online() {
            self.happen(context, HappeningKind::Lost, None);
        }
        self.link = Link::Offline;
    }

    fn connected(&mut self, link: u64, address: Option<String>, context: &mut Context<'_>) {
        let happening = self.happening(HappeningKind::Connected, context.arrival);
        context.changes.happenings.push(Happening { detail: address.clone().unwrap_or_default(), ..happening });
        self.link = Link::Online;
        self.link_number = link;
        self.is_clock_flagged = false;
        if address.is_some() && self.charge_point.ip != address {
            Arc::make_mut(&mut self.charge_point).ip = address;
            context.changes.charge_points.insert(self.key);
        }
    }

    fn booted(&mut self, boot: Boot, context: &mut Context<'_>) {
        self.introduce(&boot, context);
        if boot.is_triggered {
            return;
        }
        self.booted_at = Some(context.arrival);
        let said = [Some(boot.vendor), Some(boot.model), boot.firmware_version].into_iter().flatten();
        let detail = said.filter(|said| !said.is_empty()).collect::<Vec<_>>().join(", ");
        let happening = self.happening(HappeningKind::Boot, context.arrival);
        context.changes.happenings.push(Happening { detail, ..happening });
        for session in std::mem::take(&mut self.running) {
            self.assume_end(session, Told::ours(context.arrival), context);
        }
        // What they said before the start no longer holds.
        for connector in &mut self.connectors {
            *connector = Connector { number: connector.number, ..Connector::default() };
        }
        self.is_updating = false;
        self.over = Some(Over::BootUp);
    }

    fn introduce(&mut self, boot: &Boot, context: &mut Context<'_>) {
        let known = self.charge_point.as_ref();
        // A model that is known says what the charge point can give; a name that is not says nothing.
        let keeps_model = boot.model.is_empty()
            || context.models.contains_key(&known.model_id) && !context.models.contains_key(&boot.model);
        let told = ChargePoint {
            model_id: if keeps_model { known.model_id.clone() } else { boot.model.clone() },
            vendor: Some(boot.vendor.clone()).filter(|vendor| !vendor.is_empty()).or_else(|| known.vendor.clone()),
            serial_number: boot.serial_number.clone().or_else(|| known.serial_number.clone()),
            firmware_version: boot.firmware_version.clone().or_else(|| known.firmware_version.clone()),
            ..known.clone()
        };
        if told != *known {
            self.model = context.models.get(&told.model_id).cloned();
            self.charge_point = Arc::new(told);
            context.changes.charge_points.insert(self.key);
        }
    }

    fn told_status(&mut self, number: i32, status: Status, context: &mut Context<'_>) {
        self.check_clock(status.time, context);
        let at = status.time.at;
        let connector = self.connector_mut(number);
        let is_late = context.arrival.since(at) > LATE_MS;
        if is_late && connector.since.is_some_and(|since| since > at) {
            return;
        }
        let name = documented(&status.name);
        let is_new = connector.status.as_ref() != Some(&status.name)
            || connector.error != status.error
            || connector.info != status.info;
        let said = [status.error.as_deref(), status.info.as_deref()].into_iter().flatten();
        let detail = said.collect::<Vec<_>>().join(", ");
        let state = Some(name.clone());
        let is_available = name == "Available";
        connector.prepared_at = if name == "PreParing" { Some(at) } else { connector.prepared_at };
        connector.state = Some(name);
        connector.status = Some(status.name);
        connector.error = status.error;
        connector.info = status.info;
        connector.since = Some(at);
        if is_available {
            // Nothing flows where no car is.
            still(connector, at);
        }
        if is_new {
            let happening = self.happening(HappeningKind::Status, at);
            let happening = Happening { connector: Some(number), status: state, detail, ..happening };
            context.changes.happenings.push(happening);
        }
        self.over = None;
        if is_available && number > 0 {
            self.end_lost(number, status.time, context);
        }
    }

    /// Ends the sessions of a connector that began before it was free again.
    fn end_lost(&mut self, connector: i32, time: Told, context: &mut Context<'_>) {
        let is_lost = |session: &Session| session.connector == connector && session.start.at < time.at;
        let (lost, running) = std::mem::take(&mut self.running).into_iter().partition(is_lost);
        self.running = running;
        for session in lost {
            self.assume_end(session, time, context);
        }
    }

    /// Ends a session that lost its stop: when it was last measured, or else when that was noticed.
    fn assume_end(&mut self, mut session: Session, noticed: Told, context: &mut Context<'_>) {
        let before = session.transaction.clone();
        let read = session.meter.read_at();
        let end = if read.at > session.start.at { read } else { noticed };
        session.finish(End::Assumed, end, None, context.arrival);
        self.find(context, FindingKind::LostStop, Some(session.connector), Some(session.transaction.id), String::new());
        self.settle(Some(before), session, context);
    }

    /// Takes over a session that has ended: totals, memory, and what is stored.
    fn settle(&mut self, before: Option<Transaction>, after: Session, context: &mut Context<'_>) {
        self.grow_totals(before.as_ref(), &after.transaction);
        context.changes.charge_points.insert(self.key);
        if self.limits.has_of(after.transaction.id) {
            Arc::make_mut(&mut self.limits).end(after.transaction.id);
            context.changes.limits.insert(self.key);
        }
        let ended = Arc::make_mut(&mut self.ended);
        ended.retain(|session| session.transaction.id != after.transaction.id);
        ended.push_back(Arc::new(after.clone()));
        while ended.len() > ENDED {
            ended.pop_front();
        }
        context.changes.sessions.push(SessionChange { before, after });
    }

    /// `dblAccumlatedPower` and `dblAccumlatedMinute` grow at a stop; one that is told anew, by the difference.
    fn grow_totals(&mut self, before: Option<&Transaction>, after: &Transaction) {
        let counted = |session: &Transaction| match session.finished_at {
            Some(_) => (session.energy.wh(), session.duration().unwrap_or_default().ms()),
            None => (0, 0),
        };
        let (old_energy, old_time) = before.map_or((0, 0), counted);
        let (new_energy, new_time) = counted(after);
        let point = Arc::make_mut(&mut self.charge_point);
        let energy = point.total_energy.unwrap_or_default().wh().saturating_add(new_energy - old_energy);
        let time = point.total_time.unwrap_or_default().ms().saturating_add(new_time - old_time);
        point.total_energy = Some(Energy::from_wh(energy.max(0)));
        point.total_time = Some(ChargingTime::from_ms(time.max(0)));
    }

    fn started(&mut self, start: Start, context: &mut Context<'_>) -> Answer {
        self.check_clock(start.time, context);
        let verdict = context.cards.judge(&start.id_tag, context.arrival);
        let known = self.remembered().find(|session| session.is_begun_by(&start)).map(|session| session.transaction.id);
        let known = known.or_else(|| context.history.begun.as_ref().map(|session| session.transaction.id));
        if let Some(id) = known {
            return Answer::Started(id, verdict);
        }
        let Some(id) = context.last_id.checked_add(1) else {
            return Answer::NoNumberLeft;
        };
        *context.last_id = id;
        self.last_cycle = self.last_cycle.saturating_add(1);
        let number = start.connector;
        // Who is there to charge has plugged out the one before. A session that was kept offline disturbs none.
        self.end_lost(number, start.time, context);
        let is_newest = self.is_present(number, start.time.at, start.time.at, context.arrival);
        let queued = self.queued_at(number, start.time.at);
        self.newest_start = self.newest_start.max(Some(start.time.own()));
        let id = TransactionId(id);
        let session = Session::begin(self.key, id, self.last_cycle, start, queued, context.arrival);
        self.has_sessions = true;
        self.over = None;
        let connector = self.connector_mut(number);
        connector.prepared_at = None;
        if is_newest {
            connector.state = Some("Charging".to_owned());
            connector.offered = None;
        }
        context.changes.sessions.push(SessionChange { before: None, after: session.clone() });
        context.changes.charge_points.insert(self.key);
        self.running.push(session);
        Answer::Started(id, verdict)
    }

    /// Whether what happened at a moment in a session is the present of its connector: no later session has begun there, and
    /// nothing newer was told while this was kept for lack of a connection.
    fn is_present(&self, connector: i32, start: Timestamp, at: Timestamp, arrival: Timestamp) -> bool {
        let is_newest = self.remembered().all(|session| session.connector != connector || session.start.at <= start);
        let since = self.connectors.iter().find(|it| it.number == connector).and_then(|it| it.since);
        let is_overtaken = arrival.since(at) > LATE_MS && since.is_some_and(|since| since > at);
        is_newest && !is_overtaken
    }

    fn queued_at(&self, number: i32, start: Timestamp) -> Timestamp {
        let prepared = self.connectors.iter().find(|connector| connector.number == number);
        let prepared = prepared.and_then(|connector| connector.prepared_at);
        let asked = [prepared, self.authorized_at].into_iter().flatten();
        asked.filter(|at| (0..=QUEUED_MS).contains(&start.since(*at))).max().unwrap_or(start)
    }

    fn stopped(&mut self, stop: Stop, context: &mut Context<'_>) -> Answer {
        self.check_clock(stop.time, context);
        let verdict = stop.id_tag.as_deref().map(|tag| context.cards.judge(tag, context.arrival));
        let is_told = |session: &Session| i64::from(session.transaction.id.0) == stop.transaction;
        let running = self.running.iter().position(is_told).map(|place| self.running.remove(place));
        let ended = || self.ended.iter().find(|session| is_told(session)).map(|session| session.as_ref().clone());
        let Some(mut session) = running.or_else(ended).or_else(|| context.history.told.take()) else {
            if !self.recent.is_new(Mark::of_stop(&stop)) {
                return Answer::Stopped(verdict);
            }
            let detail = format!(
                "transactionId {}, meterStop {} Wh, {}",
                stop.transaction,
                stop.register,
                stop.reason.as_deref().unwrap_or("-")
            );
            self.find(context, FindingKind::OrphanStop, None, None, detail);
            self.store_readings(&stop.readings, (0, None, Some(stop.transaction)), context);
            return Answer::Stopped(verdict);
        };
        if session.end == Some(End::Told) {
            self.stopped_again(&session, &stop, context);
            return Answer::Stopped(verdict);
        }
        let before = session.transaction.clone();
        let number = session.connector;
        for reading in &stop.readings {
            self.store_reading(reading, &mut session, context);
        }
        let flaw = session.meter.end(stop.register, stop.time);
        self.tell_flaw(flaw, &mut session, context);
        session.register_stop = Some(stop.register);
        session.finish(End::Told, stop.time, stop.reason, context.arrival);
        if self.is_present(number, session.start.at, stop.time.at, context.arrival) {
            self.over = None;
            let connector = self.connector_mut(number);
            connector.state = Some("StopCharging".to_owned());
            still(connector, stop.time.at);
            let until = session.transaction.finished_at.unwrap_or(context.arrival);
            self.remember_last(session.transaction.energy, session.start.at, until);
        }
        self.settle(Some(before), session, context);
        Answer::Stopped(verdict)
    }

    /// The same stop is answered again and changes nothing; another one is only noted.
    fn stopped_again(&mut self, session: &Session, stop: &Stop, context: &mut Context<'_>) {
        if session.stop.is_some_and(|told| told.own() != stop.time.own()) {
            let detail = format!("meterStop {} Wh, {}", stop.register, stop.reason.as_deref().unwrap_or("-"));
            self.find(context, FindingKind::SecondStop, Some(session.connector), Some(session.transaction.id), detail);
        }
    }

    fn metered(&mut self, meter: Meter, context: &mut Context<'_>) {
        if let Some(first) = meter.readings.first() {
            self.check_clock(first.time, context);
        }
        let place = match meter.transaction {
            Some(told) => self.running.iter().position(|session| i64::from(session.transaction.id.0) == told),
            // Without a number they are of the session that runs on their connector.
            None => meter.readings.first().and_then(|reading| {
                self.running
                    .iter()
                    .rposition(|session| session.connector == meter.connector && session.start.at <= reading.time.at)
            }),
        };
        if let Some(place) = place {
            let mut session = self.running.remove(place);
            for reading in &meter.readings {
                self.store_reading(reading, &mut session, context);
            }
            self.flow(&session, &meter.readings, context.arrival);
            self.running.insert(place, session);
            return;
        }
        let ended = meter.transaction.and_then(|told| self.of_ended(told, &context.history));
        if let (Some(told), None) = (meter.transaction, ended)
            && self.orphans.is_new(told)
        {
            let detail = format!("transactionId {told}");
            self.find(context, FindingKind::OrphanValues, Some(meter.connector), None, detail);
        }
        self.store_readings(&meter.readings, (meter.connector, ended, meter.transaction), context);
        // What flows, flows, whatever the charge point takes for the session.
        if ended.is_none() {
            self.measure(meter.connector, &meter.readings);
        }
    }

    /// The number of a session of this charge point that has ended.
    fn of_ended(&self, told: i64, history: &History) -> Option<TransactionId> {
        let known = self.ended.iter().map(AsRef::as_ref).chain(history.told.as_ref());
        known.map(|session| session.transaction.id).find(|id| i64::from(id.0) == told)
    }

    /// Current flows in a session.
    fn flow(&mut self, session: &Session, readings: &[Reading], arrival: Timestamp) {
        let newest = readings.iter().map(|reading| reading.time.at).max().unwrap_or(arrival);
        if !self.is_present(session.connector, session.start.at, newest, arrival) {
            return;
        }
        self.measure(session.connector, readings);
        if matches!(self.over, Some(Over::BootUp | Over::SendMessage)) {
            self.over = None;
        }
        let connector = self.connector_mut(session.connector);
        if matches!(connector.state.as_deref(), None | Some("Available" | "PreParing" | "RemoteCharging")) {
            connector.state = Some("Charging".to_owned());
        }
    }

    /// Takes over measured currents, unless newer ones are there.
    fn measure(&mut self, number: i32, readings: &[Reading]) {
        let connector = self.connector_mut(number);
        for reading in readings {
            if connector.measured.is_some_and(|(newest, _)| newest > reading.time.at) {
                continue;
            }
            if reading.currents.is_known() {
                connector.measured = Some((reading.time.at, reading.currents));
            }
            connector.offered = reading.offered.or(connector.offered);
        }
    }

    /// Stores values outside of a running session: on a connector, of a session of ours, or of one that only the charge point
    /// knows.
    fn store_readings(
        &mut self,
        readings: &[Reading],
        (connector, transaction, told): (i32, Option<TransactionId>, Option<i64>),
        context: &mut Context<'_>,
    ) {
        for reading in readings {
            let measured = self.measured(reading, connector, transaction, context.arrival);
            if self.recent.is_new(Mark::of_value(&measured, told)) {
                context.changes.values.push(measured);
            }
        }
    }

    /// Stores what was measured in a session, and books it. What is repeated changes nothing.
    fn store_reading(&mut self, reading: &Reading, session: &mut Session, context: &mut Context<'_>) {
        let mut measured = self.measured(reading, session.connector, Some(session.transaction.id), context.arrival);
        if !self.recent.is_new(Mark::of_value(&measured, None)) {
            return;
        }
        if let Some(register) = reading.register {
            let flaw = session.meter.read(register, reading.time);
            session.transaction.energy = session.meter.energy();
            measured.value.energy = Some(session.meter.energy());
            self.tell_flaw(flaw, session, context);
        }
        context.changes.values.push(measured);
    }

    fn measured(
        &self,
        reading: &Reading,
        connector: i32,
        transaction: Option<TransactionId>,
        received: Timestamp,
    ) -> Measured {
        let value = MeterValue {
            charge_point: self.key,
            connector,
            transaction,
            at: reading.time.at,
            energy: None,
            currents: reading.currents,
            offered: reading.offered,
            power: reading.power,
        };
        Measured { value, register: reading.register, claimed: reading.time.claimed, received }
    }

    /// Each kind of flaw is told once of a session: a register that goes to and fro would hide everything else.
    fn tell_flaw(&self, flaw: Option<MeterFlaw>, session: &mut Session, context: &mut Context<'_>) {
        let Some(flaw) = flaw.filter(|flaw| session.meter.is_news(*flaw)) else { return };
        let (kind, from, to) = match flaw {
            MeterFlaw::Jump(from, to) => (FindingKind::MeterJump, from, to),
            MeterFlaw::Back(from, to) => (FindingKind::MeterBack, from, to),
        };
        let detail = format!("{from} → {to} Wh");
        self.find(context, kind, Some(session.connector), Some(session.transaction.id), detail);
    }

    fn check_clock(&mut self, time: Told, context: &mut Context<'_>) {
        if let Some(claimed) = time.claimed
            && !std::mem::replace(&mut self.is_clock_flagged, true)
        {
            let detail = format!("{} s", claimed.since(context.arrival) / 1000);
            self.find(context, FindingKind::WrongClock, None, None, detail);
        }
    }

    fn find(
        &self,
        context: &mut Context<'_>,
        kind: FindingKind,
        connector: Option<i32>,
        transaction: Option<TransactionId>,
        detail: String,
    ) {
        let (charge_point, at) = (self.key, context.arrival);
        context.changes.findings.push(Finding { charge_point, at, kind, connector, transaction, detail });
    }

    fn happening(&self, kind: HappeningKind, at: Timestamp) -> Happening {
        Happening { charge_point: self.key, at, kind, connector: None, status: None, detail: String::new() }
    }

    fn happen(&self, context: &mut Context<'_>, kind: HappeningKind, status: Option<String>) {
        let happening = self.happening(kind, context.arrival);
        context.changes.happenings.push(Happening { status, ..happening });
    }

    fn accepted(&mut self, accepted: Accepted, context: &mut Context<'_>) {
        match accepted {
            Accepted::RemoteStart(number) => {
                // The start may be told before the command is answered.
                if self.running.iter().all(|session| session.connector != number) {
                    self.connector_mut(number).state = Some("RemoteCharging".to_owned());
                    self.over = None;
                }
            }
            Accepted::RemoteStop(told) => {
                let session = self.running.iter().find(|session| i64::from(session.transaction.id.0) == told);
                if let Some(number) = session.map(|session| session.connector) {
                    self.connector_mut(number).state = Some("RemoteStopCharging".to_owned());
                }
            }
            Accepted::Reset => self.over = Some(Over::Reboot),
            Accepted::Limit(limit) => self.limit(*limit, context),
            Accepted::NoLimit(which) => {
                Arc::make_mut(&mut self.limits).clear(which);
                context.changes.limits.insert(self.key);
            }
            Accepted::Other(_) => {}
        }
    }

    /// Takes a limit in. One for a session is that of its connector, and ends with it: it may have ended before.
    fn limit(&mut self, mut limit: Limit, context: &mut Context<'_>) {
        if limit.purpose == Purpose::Tx {
            let is_meant = |session: &&Session| match limit.transaction {
                Some(id) => session.transaction.id == id,
                None => session.connector == limit.connector,
            };
            let Some(session) = self.running.iter().find(is_meant) else { return };
            limit.transaction = Some(session.transaction.id);
        } else {
            limit.transaction = None;
        }
        Arc::make_mut(&mut self.limits).put(limit);
        context.changes.limits.insert(self.key);
    }

    /// The most that its limits let it draw now, A: that of the connector which may draw the most. Those that charge count, or
    /// all when none does.
    fn limited(&self, now: Timestamp) -> Option<f64> {
        if self.limits.is_empty() {
            return None;
        }
        let newest = self.running.iter().map(|session| session.start.at).max().unwrap_or(now);
        let running = self
            .running
            .iter()
            .map(|session| self.limits.of(session.connector, Some((session.transaction.id, session.start.at)), now));
        let idle = self.connectors.iter().map(|connector| connector.number).filter(|number| *number > 0);
        let idle = idle.map(|number| self.limits.of(number, None, now));
        let highest = |one: Option<f64>, other: Option<f64>| Some(one?.max(other?));
        // One of which nothing is known has one connector.
        let most =
            running.reduce(highest).or_else(|| idle.reduce(highest)).unwrap_or_else(|| self.limits.of(1, None, now));
        most.into_iter().chain(self.limits.of_all(now, newest)).reduce(f64::min)
    }

    /// The most that it may draw now, A: the lowest of the model's maximum and the limits. Where neither says anything, what was
    /// known before counts.
    fn most(&mut self, now: Timestamp) -> Option<i32> {
        let model = self.model.as_deref().and_then(|model| model.max_current);
        self.unlimited = model.map(whole).or(self.unlimited);
        model.into_iter().chain(self.limited(now)).reduce(f64::min).map(whole).or(self.unlimited)
    }

    /// The state of the whole: of several connectors, the most active one's.
    fn effective_state(&self, before: Option<&str>) -> Option<String> {
        if self.is_updating {
            return Some(UPDATING.to_owned());
        }
        if let Some(over) = self.over {
            return Some(over.name().to_owned());
        }
        let is_told = |connector: &&Connector| connector.state.is_some();
        let knows_others = self.connectors.iter().filter(is_told).any(|connector| connector.number > 0);
        let speaks = |connector: &&Connector| {
            // The whole speaks only of what concerns all of them.
            connector.number > 0
                || !knows_others
                || matches!(connector.state.as_deref(), Some("Faulted" | "Unavailable"))
        };
        let states = self.connectors.iter().filter(is_told).filter(speaks).filter_map(|it| it.state.as_deref());
        states.min_by_key(|state| rank(state)).or(before).map(ToOwned::to_owned)
    }

    /// Fills the documented numbers from what is known.
    fn derive(&mut self, now: Timestamp) {
        let most = self.most(now);
        let model = self.model.as_deref();
        let newest = self.running.iter().max_by_key(|session| session.start.at);
        let Some((energy, start)) = newest.map(|session| (session.transaction.energy, session.start.at)) else {
            let state = self.state.get_or_insert_default();
            (state.current, state.current_offered, state.current_limit) = (Some(0), Some(0), most);
            state.phases = model.and_then(|model| model.phases).or(state.phases);
            return;
        };
        let is_charging =
            |connector: &&Connector| self.running.iter().any(|session| session.connector == connector.number);
        let charging: Vec<&Connector> = self.connectors.iter().filter(is_charging).collect();
        let lines = || charging.iter().filter_map(|connector| connector.measured).flat_map(|(_, currents)| currents.0);
        let current = lines().flatten().reduce(f64::max).map_or(0, whole);
        let carrying = charging
            .iter()
            .filter_map(|connector| connector.measured)
            .map(|(_, currents)| currents.0.into_iter().flatten().filter(|amperes| *amperes > CARRIES_A).count())
            .max()
            .filter(|phases| *phases > 0);
        let offered = charging.iter().filter_map(|connector| connector.offered).reduce(f64::max).map_or(0, whole);
        let phases = carrying.and_then(|phases| i32::try_from(phases).ok()).or(model.and_then(|model| model.phases));
        let state = self.state.get_or_insert_default();
        state.current = Some(current);
        state.current_offered = Some(offered);
        state.current_limit = most;
        state.phases = phases.or(state.phases);
        self.remember_last(energy, start, now);
    }

    /// The energy and the time of the running or last session.
    fn remember_last(&mut self, energy: Energy, start: Timestamp, until: Timestamp) {
        let state = self.state.get_or_insert_default();
        state.session_energy = Some(i32::try_from(energy.wh()).unwrap_or(i32::MAX));
        state.session_minutes = Some(i32::try_from(until.since(start).max(0) / 60_000).unwrap_or(i32::MAX));
    }
}

/// Whether a status is another one than the last.
fn is_other(last: Option<&(String, Timestamp)>, status: &str) -> bool {
    last.is_none_or(|(last, _)| last != status)
}

/// No current flows on a connector from here on.
fn still(connector: &mut Connector, at: Timestamp) {
    connector.offered = None;
    if let Some((measured_at, currents)) = connector.measured {
        let zero = LineCurrents(currents.0.map(|line| line.map(|_| 0.0)));
        connector.measured = Some((measured_at.max(at), zero));
    }
}

/// The documented name of a status (reading guide, "From OCPP to the documented fields").
fn documented(status: &str) -> String {
    match status {
        "Preparing" => "PreParing",
        "SuspendedEV" => "SupsendedEV",
        other => other,
    }
    .to_owned()
}

/// How active a state is: 0 is the most.
fn rank(state: &str) -> usize {
    const BY_ACTIVITY: [&[&str]; 11] = [
        &["Charging"],
        &["SupsendedEV", "SuspendedEV", "SuspendedEVSE"],
        &["RemoteCharging"],
        &["RemoteStopCharging"],
        &["Finishing"],
        &["StopCharging"],
        &["PreParing"],
        &["Reserved"],
        &["Faulted"],
        &["Unavailable"],
        &["Available"],
    ];
    // What nobody knows is worth seeing, below all that is.
    BY_ACTIVITY.iter().position(|states| states.contains(&state)).unwrap_or(BY_ACTIVITY.len() - 1)
}

/// Amperes as the documented whole number.
#[allow(clippy::cast_possible_truncation)] // saturates
fn whole(amperes: f64) -> i32 {
    amperes.round() as i32
}
