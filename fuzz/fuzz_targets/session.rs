//! Whatever a charge point tells, in whatever order: nothing panics, and the books stay right.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::card::{Card, Cards, IdTag};
use bmw_domain::charger::event::{Accepted, Boot, Event, Meter, Reading, Start, Status, Stop, Told};
use bmw_domain::charger::{Answer, Changes, ChargePointNow, Context, End, History, Session};
use bmw_domain::energy::Energy;
use bmw_domain::phase::LineCurrents;
use bmw_domain::record::{ChargePoint, ChargePointKey, Identity, Transaction};
use libfuzzer_sys::fuzz_target;
use std::collections::{BTreeMap, HashMap};

const NOW: i64 = 1_790_000_000_000;
const KEY: ChargePointKey = ChargePointKey(1);

/// What comes next.
#[derive(Debug, Arbitrary)]
enum Step {
    /// So many seconds pass.
    Wait(u16),
    Tell(What),
    /// What was told last is told again.
    Again,
    /// The site starts anew: only what is stored is left.
    Restart,
}

#[derive(Debug, Arbitrary)]
enum What {
    Connected(u8),
    Disconnected(u8),
    Boot(bool),
    Heartbeat,
    Authorize(Tag),
    Status(Connector, StatusName, Moment),
    Start(Connector, Tag, Register, Moment),
    Stop(Number, Register, Moment, Vec<Value>),
    Meter(Connector, Option<Number>, Vec<Value>),
    Data,
    Firmware(bool),
    Diagnostics,
    RemoteStart(Connector),
    RemoteStop(Number),
    Reset,
}

#[derive(Debug, Arbitrary)]
enum StatusName {
    Available,
    Preparing,
    Charging,
    SuspendedEv,
    Finishing,
    Faulted,
    Unavailable,
    Odd,
}

#[derive(Debug, Arbitrary)]
enum Tag {
    One,
    OneInCapitals,
    Blocked,
    TooLong,
}

#[derive(Debug)]
struct Connector(i32);

impl<'a> Arbitrary<'a> for Connector {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(bytes.int_in_range(0..=3)?))
    }
}

/// The number of a session, as the charge point has it.
#[derive(Debug, Arbitrary)]
enum Number {
    Small(u8),
    Minus,
    Any(i64),
}

#[derive(Debug, Arbitrary)]
enum Register {
    Small(u16),
    Unknown,
    /// As the reader of frames gives it: at most 10¹⁵.
    Any(i64),
}

#[derive(Debug, Arbitrary)]
enum Moment {
    /// Seconds before the present.
    Before(u16),
    Now,
    /// Seconds after the present.
    Ahead(u16),
    Day,
    /// Seconds after 1970.
    Never(u16),
    Any(i64),
}

#[derive(Debug, Arbitrary)]
struct Value {
    moment: Moment,
    register: Option<Register>,
    amperes: Option<i16>,
}

impl Register {
    fn wh(&self) -> i64 {
        match self {
            Self::Small(wh) => i64::from(*wh),
            Self::Unknown => -1,
            Self::Any(wh) => (*wh).clamp(-1, 1_000_000_000_000_000),
        }
    }
}

impl Moment {
    fn told(&self, arrival: Timestamp) -> Told {
        let claimed = match self {
            Self::Before(seconds) => arrival.plus(-i64::from(*seconds) * 1000),
            Self::Now => arrival,
            Self::Ahead(seconds) => arrival.plus(i64::from(*seconds) * 1000),
            Self::Day => arrival.plus(86_400_000),
            Self::Never(seconds) => Timestamp(i64::from(*seconds) * 1000),
            Self::Any(ms) => Timestamp(*ms),
        };
        Told::judge(claimed, arrival)
    }
}

impl Number {
    fn number(&self) -> i64 {
        match self {
            Self::Small(number) => i64::from(*number),
            Self::Minus => -1,
            Self::Any(number) => *number,
        }
    }
}

impl Tag {
    fn text(&self) -> String {
        match self {
            Self::One => "card".to_owned(),
            Self::OneInCapitals => "CARD".to_owned(),
            Self::Blocked => "blocked".to_owned(),
            Self::TooLong => "x".repeat(30),
        }
    }
}

fn readings(values: &[Value], arrival: Timestamp) -> Vec<Reading> {
    let reading = |value: &Value| Reading {
        time: value.moment.told(arrival),
        register: value.register.as_ref().map(Register::wh),
        currents: LineCurrents([value.amperes.map(|amperes| f64::from(amperes) / 10.0), None, None]),
        offered: value.amperes.map(f64::from),
        power: None,
    };
    values.iter().take(8).map(reading).collect()
}

fn event(what: &What, arrival: Timestamp) -> Event {
    match what {
        What::Connected(link) => Event::Connected { link: u64::from(*link), address: None },
        What::Disconnected(link) => Event::Disconnected { link: u64::from(*link) },
        What::Boot(is_triggered) => Event::Boot(Boot { is_triggered: *is_triggered, ..Boot::default() }),
        What::Heartbeat => Event::Heartbeat,
        What::Authorize(tag) => Event::Authorize(tag.text()),
        What::Status(connector, name, moment) => {
            let name = match name {
                StatusName::SuspendedEv => "SuspendedEV".to_owned(),
                other => format!("{other:?}"),
            };
            Event::Status(connector.0, Status { name, error: None, info: None, time: moment.told(arrival) })
        }
        What::Start(connector, tag, register, moment) => Event::Start(Start {
            connector: connector.0.max(1),
            id_tag: tag.text(),
            register: register.wh(),
            time: moment.told(arrival),
        }),
        What::Stop(number, register, moment, values) => Event::Stop(Stop {
            transaction: number.number(),
            id_tag: None,
            register: register.wh(),
            time: moment.told(arrival),
            reason: None,
            readings: readings(values, arrival),
        }),
        What::Meter(connector, number, values) => Event::Meter(Meter {
            connector: connector.0,
            transaction: number.as_ref().map(Number::number),
            readings: readings(values, arrival),
        }),
        What::Data => Event::DataTransfer,
        What::Firmware(is_on) => Event::Firmware(if *is_on { "Downloading" } else { "Installed" }.to_owned()),
        What::Diagnostics => Event::Diagnostics("Uploading".to_owned()),
        What::RemoteStart(connector) => Event::Accepted(Accepted::RemoteStart(connector.0)),
        What::RemoteStop(number) => Event::Accepted(Accepted::RemoteStop(number.number())),
        What::Reset => Event::Accepted(Accepted::Reset),
    }
}

/// A charge point, and what a store would hold of it.
struct Books {
    now: ChargePointNow,
    cards: Cards,
    last_id: i32,
    arrival: Timestamp,
    /// Sessions as they were stored last.
    stored: BTreeMap<i32, Session>,
    changes: Changes,
}

impl Books {
    fn new() -> Self {
        let blocked = Card {
            tag: IdTag::new("blocked").unwrap(),
            group: None,
            is_blocked: true,
            expires_at: None,
            note: String::new(),
        };
        let point = ChargePoint::unknown(Identity::new("A").unwrap());
        Self {
            now: ChargePointNow::new(KEY, point, None),
            cards: Cards::new([blocked], true),
            last_id: 0,
            arrival: Timestamp(NOW),
            stored: BTreeMap::new(),
            changes: Changes::default(),
        }
    }

    /// What the store would say to what the desk would ask it.
    fn history(&self, event: &Event) -> History {
        let mut history = History::default();
        let ended = |id: i64| {
            let session = i32::try_from(id).ok().and_then(|id| self.stored.get(&id)).cloned();
            session.filter(|session| session.end.is_some())
        };
        if self.now.needs_history(event) {
            match event {
                Event::Start(start) => {
                    history.begun = self.stored.values().rev().find(|session| session.is_begun_by(start)).cloned();
                }
                Event::Stop(stop) => history.told = ended(stop.transaction),
                Event::Meter(Meter { transaction: Some(id), .. }) => history.told = ended(*id),
                _ => {}
            }
        }
        history
    }

    fn hear(&mut self, event: Event) -> Answer {
        let history = self.history(&event);
        let seen = self.changes.sessions.len();
        let mut context = Context {
            arrival: self.arrival,
            cards: &self.cards,
            models: &HashMap::new(),
            history,
            last_id: &mut self.last_id,
            changes: &mut self.changes,
        };
        let answer = self.now.hear(event, &mut context);
        for change in &self.changes.sessions[seen..] {
            let id = change.after.transaction.id.0;
            let before = self.stored.insert(id, change.after.clone());
            assert_eq!(before.is_some(), change.before.is_some(), "a number is given once");
            assert_ne!(
                before.and_then(|before| before.end),
                Some(End::Told),
                "what the charge point has ended stays so"
            );
        }
        answer
    }

    /// The books are right.
    fn check(&self) {
        let ended: Vec<&Transaction> =
            self.stored.values().map(|session| &session.transaction).filter(|it| it.finished_at.is_some()).collect();
        let running: Vec<i32> = self.now.running.iter().map(|session| session.transaction.id.0).collect();
        assert_eq!(ended.len() + running.len(), self.stored.len(), "each runs or has ended");
        assert!(running.iter().all(|id| self.stored[id].end.is_none()));
        for session in &ended {
            assert!((Energy::ZERO..=Energy::MAX).contains(&session.energy));
            assert!(session.finished_at >= session.started_at);
            assert!(session.queued_at <= session.started_at);
        }
        let total: Energy = ended.iter().map(|session| session.energy).sum();
        assert_eq!(self.now.charge_point.total_energy.unwrap_or_default(), total, "the sums add up");
        assert!(self.stored.keys().copied().eq(1..=self.last_id), "numbers are given in order");
        assert_eq!(self.now.last_cycle, self.last_id);
        assert!(self.changes.values.iter().all(|it| it.value.energy.is_none_or(|energy| energy >= Energy::ZERO)));
        let currents = self.now.currents(self.arrival).unwrap_or_default();
        assert!(currents.0.into_iter().flatten().all(f64::is_finite));
    }

    /// Only what is stored is left.
    fn restart(&mut self) {
        let mut now = ChargePointNow::new(KEY, self.now.charge_point.as_ref().clone(), None);
        now.state.clone_from(&self.now.state);
        now.has_sessions = self.now.has_sessions;
        now.last_cycle = self.now.last_cycle;
        now.newest_start = self.now.newest_start;
        for session in &self.now.running {
            now.resume(session.clone());
        }
        // What was told last may be told again.
        for value in &self.changes.values {
            now.remember(value);
        }
        self.now = now;
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut books = Books::new();
    // What was told last, the answer, and whether all of it was new: what was told in an earlier message already may be older than
    // what a restart remembers.
    let mut last: Option<(Event, Answer, bool)> = None;
    for step in steps.iter().take(200) {
        match step {
            Step::Wait(seconds) => books.arrival = books.arrival.plus(i64::from(*seconds) * 1000),
            Step::Tell(what) => {
                let event = event(what, books.arrival);
                let values = books.changes.values.len();
                let answer = books.hear(event.clone());
                let is_new = match &event {
                    Event::Meter(meter) => books.changes.values.len() - values == meter.readings.len(),
                    _ => true,
                };
                last = Some((event, answer, is_new));
            }
            Step::Restart => books.restart(),
            Step::Again => {
                let Some((event, answer, is_new)) = last.clone() else { continue };
                let (sessions, values) = (books.changes.sessions.len(), books.changes.values.len());
                let total = books.now.charge_point.total_energy;
                let is_of_unknown = match &event {
                    Event::Meter(Meter { transaction: Some(id), .. }) => {
                        !i32::try_from(*id).is_ok_and(|id| books.stored.contains_key(&id))
                    }
                    _ => false,
                };
                let again = books.hear(event.clone());
                match event {
                    Event::Start(_) => {
                        assert_eq!(again, answer, "the same start gives the same number");
                        assert_eq!(books.changes.sessions.len(), sessions);
                    }
                    Event::Stop(stop) => {
                        assert_eq!(again, answer);
                        let is_known = i32::try_from(stop.transaction).is_ok_and(|id| books.stored.contains_key(&id));
                        if is_known {
                            assert_eq!(books.changes.sessions.len(), sessions, "the same stop changes nothing");
                            assert_eq!(books.now.charge_point.total_energy, total);
                            assert_eq!(books.changes.values.len(), values);
                        }
                    }
                    // What nobody knows is kept each time: its number is not stored.
                    Event::Meter(_) if is_of_unknown || !is_new => {}
                    Event::Meter(_) => assert_eq!(books.changes.values.len(), values, "values are stored once"),
                    _ => {}
                }
            }
        }
        books.check();
    }
});
