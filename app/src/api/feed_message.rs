//! The messages of the live feed (`/ws/charger/details/`) as the browser reads them: what it shows, and no more.
//!
//! The server writes them with the documented names. The browser's own JSON reads them: one of Rust's would weigh more
//! in the bundle than all that is done with the messages.

use crate::data::{Lines, Peak, PhaseShare, Value};
use bmw_domain::alert::AlertKind;
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::PhaseSequence;
use js_sys::{Array, Date, JSON, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedMessage {
    /// Its number on the connection.
    pub seq: Option<i32>,
    /// What it tells.
    pub content: FeedContent,
}

/// What a message tells.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedContent {
    /// A charge point by its identity, as it is now, and when that was by the site's clock.
    Charger(String, ChargerMessage, LocalTime),
    /// The load of the phases A, B, C, in A; `None` where it is not known.
    Phases([Option<f64>; 3]),
    /// Counts and sums over the site.
    Totals(Totals),
    /// That the connection is alive, or something that is not known here.
    Nothing,
}

/// A charge point as the feed tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChargerMessage {
    /// Its state's name.
    pub state: Option<String>,
    /// The last message or command.
    pub command: Option<String>,
    /// The most that it may draw now, A.
    pub limit: Option<i32>,
    /// The current that it draws, A.
    pub current: Option<i32>,
    /// Energy of the session, Wh.
    pub energy: Option<i32>,
    /// Minutes of the session.
    pub minutes: Option<i32>,
    /// Phases that carry current.
    pub phases: Option<i32>,
    /// What its lines draw.
    pub lines: Lines,
    /// Whether it is in contact.
    pub online: bool,
    /// What the messages up to this one have measured, oldest first (see [`ChargerMessage::follow`]).
    pub trail: Vec<Value>,
}

/// Counts and sums over the site, and what has ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Energy over the life of all charge points.
    pub energy: Energy,
    /// Charging time over the life of all.
    pub time: ChargingTime,
    /// Sessions.
    pub sessions: u64,
    /// The number of the session that has ended last.
    pub number: i64,
    /// Those that have ended up to it, oldest first (see [`Totals::follow`]).
    pub ended: Vec<Ended>,
    /// The phases of the site, where they were told.
    pub phases: Option<PhasesOfDay>,
    /// Alerts that are open and seen by nobody.
    pub alerts: u64,
    /// The number of the last change of an alert.
    pub alerts_number: i64,
    /// The newest of them, newest first.
    pub newest_alerts: Vec<NewAlert>,
    /// The number of the plan by which the current is distributed.
    pub plan_number: i64,
    /// The number of the last change of those that ask to join.
    pub joining_number: i64,
}

/// An alert in short.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlert {
    /// Its number.
    pub id: i64,
    /// The kind of its cause.
    pub kind: AlertKind,
    /// What the charge point calls it.
    pub code: String,
    /// The charge point, or the letter of the phase.
    pub subject: String,
}

/// What the phases A, B and C of the site may carry, and their peaks.
#[derive(Debug, Clone, PartialEq)]
pub struct PhasesOfDay {
    /// The most that the site may draw, A.
    pub limits: [u32; 3],
    /// The highest load of the day.
    pub peaks: [Option<Peak>; 3],
    /// What is allocated, and what is kept free beside it, where the current is distributed.
    pub shares: [Option<PhaseShare>; 3],
    /// The phases that the lines of charge points are wired to.
    pub sequence: PhaseSequence,
}

/// A session that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Its id.
    pub id: i32,
    /// Its charge point.
    pub charger: String,
    /// When it finished.
    pub finish: LocalTime,
    /// Its energy.
    pub energy: Energy,
}

/// A field of a message.
fn value(message: &JsValue, name: &str) -> JsValue {
    Reflect::get(message, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// A whole number; 0 for what is none.
#[allow(clippy::cast_possible_truncation)] // saturates, and below 2⁵³ it is exact
fn count(message: &JsValue, name: &str) -> i64 {
    value(message, name).as_f64().unwrap_or_default() as i64
}

/// The site's local time, read as if it were UTC: that is how it is counted.
#[allow(clippy::cast_possible_truncation)] // saturates, and what is no time is 0
fn time(message: &JsValue, name: &str) -> Option<LocalTime> {
    Some(LocalTime(Date::parse(&(value(message, name).as_string()? + "Z")) as i64))
}

/// What lines draw; nothing is known where it was not told.
fn lines(told: &JsValue) -> Lines {
    let amperes = |name| value(told, name).as_f64();
    Lines { measured: ["l1", "l2", "l3"].map(amperes), offered: amperes("offered") }
}

impl Totals {
    fn read(message: &JsValue) -> Self {
        let list = |name| value(message, name).dyn_into::<Array>().unwrap_or_default();
        Self {
            energy: Energy::from_wh(count(message, "energy")),
            time: ChargingTime::from_ms(count(message, "minutes") * 60_000),
            sessions: count(message, "sessions").unsigned_abs(),
            number: count(message, "number"),
            ended: list("ended").iter().filter_map(|session| Ended::read(&session)).collect(),
            alerts: count(message, "alerts").unsigned_abs(),
            alerts_number: count(message, "alerts_number"),
            newest_alerts: list("newest_alerts").iter().filter_map(|alert| NewAlert::read(&alert)).collect(),
            plan_number: count(message, "plan_number"),
            joining_number: count(message, "joining_number"),
            phases: PhasesOfDay::read(message),
        }
    }
}

impl NewAlert {
    fn read(message: &JsValue) -> Option<Self> {
        Some(Self {
            id: count(message, "id"),
            kind: AlertKind::from_word(&value(message, "cause").as_string()?)?,
            code: value(message, "code").as_string()?,
            subject: value(message, "subject").as_string()?,
        })
    }
}

impl PhasesOfDay {
    fn read(message: &JsValue) -> Option<Self> {
        let sequence = PhaseSequence::parse(&value(message, "vchpowersequence").as_string()?)?;
        let phases = ["phase_a", "phase_b", "phase_c"].map(|name| value(message, name));
        let peak =
            |phase: &JsValue| Some(Peak { amperes: value(phase, "peak").as_f64()?, at: time(phase, "peak_time")? });
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // settings are smaller
        let limit = |phase: &JsValue| count(phase, "limit") as u32;
        let share = |phase: &JsValue| {
            let (allocated, reserved) = (value(phase, "allocated").as_f64()?, value(phase, "reserved").as_f64()?);
            Some(PhaseShare { allocated, reserved })
        };
        let (limits, peaks) = (phases.each_ref().map(limit), phases.each_ref().map(peak));
        Some(Self { limits, peaks, shares: phases.each_ref().map(share), sequence })
    }
}

impl Ended {
    #[allow(clippy::cast_possible_truncation)] // ids are whole
    fn read(message: &JsValue) -> Option<Self> {
        Some(Self {
            id: count(message, "intrecordid") as i32,
            charger: value(message, "vchchargerid").as_string()?,
            finish: time(message, "dttfinishtime")?,
            energy: Energy::from_wh(count(message, "energy")),
        })
    }
}

impl FeedMessage {
    /// Reads a message; `None` for what is no JSON. What a message lacks, or has of another type, is `None` in it.
    pub fn read(text: &str) -> Option<Self> {
        let message = JSON::parse(text).ok()?;
        let value = |name| value(&message, name);
        let text = |name| value(name).as_string();
        let number = |name| value(name).as_f64();
        #[allow(clippy::cast_possible_truncation)] // saturates
        let whole = |name| number(name).map(|number| number as i32);
        let content = match (text("vchchargerid"), text("type").as_deref()) {
            (Some(id), _) => {
                let told = ChargerMessage {
                    state: text("vchstate"),
                    command: text("vchcommand"),
                    limit: whole("intcurrent"),
                    current: whole("intchargingcurrent"),
                    energy: whole("intconsumedenergy"),
                    minutes: whole("intElapsedTime"),
                    phases: whole("intchargingphase"),
                    lines: lines(&value("lines")),
                    online: value("online").is_truthy(),
                    trail: Vec::new(),
                };
                FeedContent::Charger(id, told, time(&message, "time")?)
            }
            (None, Some("phases")) => FeedContent::Phases([number("a"), number("b"), number("c")]),
            (None, Some("totals")) => FeedContent::Totals(Totals::read(&message)),
            _ => FeedContent::Nothing,
        };
        Some(Self { seq: whole("seq"), content })
    }
}
