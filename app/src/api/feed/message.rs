//! The messages of the feed: the types that the documents describe, and how they become bytes.
//!
//! What a message tells is the same for all who read it, and is written once. Only its number on the connection and the
//! time differ: they stand at the front, and are put there for each reader.

use crate::api::json::JsonWriter;
use axum::extract::ws::{Message, Utf8Bytes};
use bmw_domain::alert::Alert;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::phase::Phase;
use bmw_domain::record::ChargePointKey;
use bmw_site::{AlertNews, ChargePointNow, Plan, Present, SessionNews};
use serde::Serialize;
use utoipa::ToSchema;

/// Times are told in whole minutes, half of one up, as pages show them.
const HALF_MINUTE_MS: i64 = 30_000;

/// A message of the feed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[allow(clippy::large_enum_variant)] // one is made, written and dropped
pub(in crate::api) enum FeedMessage {
    /// A charger, first and whenever a value changes.
    State {
        /// Counts up by one with each message of the connection, from 1.
        #[schema(minimum = 1)]
        seq: u64,
        /// When the message was sent: the site's local time, `2015-11-24T15:09:47`.
        #[schema(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]
        time: String,
        /// The charger's id.
        vchchargerid: String,
        /// Its state by its documented name, such as `Charging`; null when it never had one.
        #[schema(required)]
        vchstate: Option<String>,
        /// The last message or command, such as `MeterValues`; null when there was none.
        #[schema(required)]
        vchcommand: Option<String>,
        /// The most that the charger may draw now, A; null when unknown.
        #[schema(required)]
        intcurrent: Option<i32>,
        /// The current that it draws, A: the highest of its phases, 0 without a session; null when unknown.
        #[schema(required)]
        intchargingcurrent: Option<i32>,
        /// Energy of the running session, or of the last one, Wh; null when unknown.
        #[schema(required)]
        intconsumedenergy: Option<i32>,
        /// Length of the running session, or of the last one, whole minutes; null when unknown.
        #[schema(required)]
        #[serde(rename = "intElapsedTime")]
        session_minutes: Option<i32>,
        /// How many phases carry current; null when unknown.
        #[schema(required)]
        intchargingphase: Option<i32>,
        /// Whether the charger is connected.
        online: bool,
        /// What its lines draw. Sent to those only who ask for it by `totals`, who are told when it changes.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(inline, nullable = false)]
        lines: Option<Lines>,
    },
    /// The load of the site's phases, first and when it changes.
    Phases {
        /// Counts up by one with each message of the connection, from 1.
        #[schema(minimum = 1)]
        seq: u64,
        /// When the message was sent: the site's local time, `2015-11-24T15:09:47`.
        #[schema(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]
        time: String,
        /// Load of phase A, A; null when nothing known contributes.
        #[schema(required)]
        a: Option<f64>,
        /// Load of phase B, A; null when nothing known contributes.
        #[schema(required)]
        b: Option<f64>,
        /// Load of phase C, A; null when nothing known contributes.
        #[schema(required)]
        c: Option<f64>,
    },
    /// Nothing has changed, and the connection is alive. Sent to those only who ask for it by `alive`.
    Alive {
        /// Counts up by one with each message of the connection, from 1.
        #[schema(minimum = 1)]
        seq: u64,
        /// When the message was sent: the site's local time, `2015-11-24T15:09:47`.
        #[schema(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]
        time: String,
    },
    /// Counts and sums over the whole site, first and when they change. Sent to those only who ask for it by `totals`.
    Totals {
        /// Counts up by one with each message of the connection, from 1.
        #[schema(minimum = 1)]
        seq: u64,
        /// When the message was sent: the site's local time, `2015-11-24T15:09:47`.
        #[schema(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]
        time: String,
        /// Chargers that have a state.
        chargers: u64,
        /// Chargers in use.
        in_use: u64,
        /// Energy over the life of all chargers, Wh.
        energy: i64,
        /// Charging time over the life of all chargers, whole minutes.
        minutes: i64,
        /// Sessions, with those that run.
        sessions: u64,
        /// Grows by one with each session that ends. `ended` holds the newest of these, the last one of this number. Where it does not
        /// reach back to a number that is known, the routes know more: many have ended at once, one that had ended has changed, or
        /// the site was started again.
        number: i64,
        /// The sessions that have ended last, at most 8, oldest first.
        #[schema(inline, max_items = 8)]
        ended: Vec<EndedSession>,
        /// Alerts that are open and that nobody has acknowledged.
        alerts: u64,
        /// Grows with each change of an alert: the routes know more then.
        alerts_number: i64,
        /// The newest of them, at most 8, newest first.
        #[schema(inline, max_items = 8)]
        newest_alerts: Vec<NewAlert>,
        /// Grows with each plan by which the site's current is distributed: `/api/distribution/` knows more then.
        plan_number: i64,
        /// Grows when a charger that nobody knows asks to join, and when one that did is taken in.
        joining_number: i64,
        /// What phase A may carry, and its peak.
        #[schema(inline)]
        phase_a: PhaseOfDay,
        /// What phase B may carry, and its peak.
        #[schema(inline)]
        phase_b: PhaseOfDay,
        /// What phase C may carry, and its peak.
        #[schema(inline)]
        phase_c: PhaseOfDay,
        /// The site's phases that the lines L1, L2 and L3 of chargers are wired to, such as `ABC`.
        #[schema(pattern = "^[ABC]{3}$")]
        vchpowersequence: String,
    },
}

/// What the lines of a charger draw.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Lines {
    /// Current of L1, A; null when it was not measured within 5 minutes.
    #[schema(required)]
    l1: Option<f64>,
    /// Current of L2, A; null when it was not measured within 5 minutes.
    #[schema(required)]
    l2: Option<f64>,
    /// Current of L3, A; null when it was not measured within 5 minutes.
    #[schema(required)]
    l3: Option<f64>,
    /// Current offered to the car on each of its lines, A; null when unknown, or when no car charges.
    #[schema(required)]
    offered: Option<f64>,
}

/// A phase of the site.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PhaseOfDay {
    /// The most that the site may draw, A.
    limit: u32,
    /// The highest load of the day, A; null when nothing was known.
    #[schema(required)]
    peak: Option<f64>,
    /// When it was that high first: the site's local time, `2015-11-24T15:09:47`; null when nothing was known.
    #[schema(required, pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]
    peak_time: Option<String>,
    /// What chargers that charge were told that they may draw, A; null while the current is not distributed.
    #[schema(required)]
    allocated: Option<f64>,
    /// What is kept free beside that, A; null while the current is not distributed.
    #[schema(required)]
    reserved: Option<f64>,
}

impl Lines {
    fn of(now: &ChargePointNow, at: Timestamp) -> Self {
        // A tenth of an ampere: more moves no bar, and every change is a message.
        let tenths = |amperes: Option<f64>| amperes.map(|amperes| (amperes * 10.0).round() / 10.0);
        let [l1, l2, l3] = now.currents(at).unwrap_or_default().0.map(tenths);
        Self { l1, l2, l3, offered: tenths(now.offered()) }
    }
}

/// A peak and when it was, by the site's clock.
pub(super) type LocalPeak = Option<(f64, LocalTime)>;

impl PhaseOfDay {
    fn new(limit: u32, peak: LocalPeak, share: Option<(f64, f64)>) -> Self {
        let amperes = peak.map(|(amperes, _)| (amperes * 1000.0).round() / 1000.0);
        let (allocated, reserved) = share.unzip();
        Self { limit, peak: amperes, peak_time: peak.map(|(_, at)| at.with_t()), allocated, reserved }
    }
}

/// A session that has ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EndedSession {
    /// Its id.
    #[schema(minimum = 1)]
    intrecordid: i32,
    /// Its charger's id.
    vchchargerid: String,
    /// When it finished: the site's local time, `2015-11-24T15:14:59`. Its energy counts on that day.
    #[schema(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]
    dttfinishtime: String,
    /// Its energy, Wh.
    energy: i64,
}

/// An alert in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewAlert {
    /// Its id: higher than that of each before.
    id: i64,
    /// `fault`, `offline`, `stopped` or `overload`.
    cause: &'static str,
    /// The code of a fault, or the reason of a stop; empty for none.
    code: String,
    /// The charger's id, or the phase of the site: `A`, `B` or `C`.
    subject: String,
}

impl FeedMessage {
    /// The state of a charge point, still without number and time.
    pub(super) fn state(now: &ChargePointNow) -> Self {
        let state = now.state.as_ref();
        Self::State {
            seq: 0,
            time: String::new(),
            vchchargerid: now.charge_point.identity.to_string(),
            vchstate: now.state_name().map(ToOwned::to_owned),
            vchcommand: now.command().map(ToOwned::to_owned),
            intcurrent: state.and_then(|state| state.current_limit),
            intchargingcurrent: state.and_then(|state| state.current),
            intconsumedenergy: state.and_then(|state| state.session_energy),
            session_minutes: state.and_then(|state| state.session_minutes),
            intchargingphase: state.and_then(|state| state.phases),
            online: now.is_online(),
            lines: None,
        }
    }

    /// The load of the phases, still without number and time.
    pub(super) fn phases(load: [Option<f64>; 3]) -> Self {
        // A thousandth of an ampere: sums of decimals are not exact.
        let [a, b, c] = load.map(|load| load.map(|a| (a * 1000.0).round() / 1000.0));
        Self::Phases { seq: 0, time: String::new(), a, b, c }
    }

    /// A sign of life, still without number and time.
    pub(super) const fn alive() -> Self {
        Self::Alive { seq: 0, time: String::new() }
    }

    /// Counts and sums, still without number and time.
    pub(super) fn totals(
        present: &Present,
        news: &SessionNews,
        peaks: [LocalPeak; 3],
        (alerts, plan, joining_number): (&AlertNews, &Plan, i64),
    ) -> Self {
        let (statistics, settings) = (present.statistics(), present.settings());
        let ([limit_a, limit_b, limit_c], [peak_a, peak_b, peak_c]) = (settings.max_current, peaks);
        let ended = news.ended.iter().map(|session| EndedSession {
            intrecordid: session.id.0,
            vchchargerid: present
                .get(session.charge_point)
                .map_or_else(String::new, |now| now.charge_point.identity.to_string()),
            dttfinishtime: session.planned_finish.with_t(),
            energy: session.energy.wh(),
        });
        Self::Totals {
            seq: 0,
            time: String::new(),
            chargers: statistics.with_state,
            in_use: statistics.in_use,
            energy: statistics.energy.wh(),
            minutes: (statistics.time.ms() + HALF_MINUTE_MS).div_euclid(2 * HALF_MINUTE_MS),
            sessions: news.sessions,
            number: news.number,
            ended: ended.collect(),
            alerts: alerts.pressing,
            alerts_number: alerts.number,
            newest_alerts: alerts.newest.iter().map(|alert| NewAlert::new(present, alert)).collect(),
            plan_number: plan.number,
            joining_number,
            phase_a: PhaseOfDay::new(limit_a, peak_a, plan.shares(Phase::A)),
            phase_b: PhaseOfDay::new(limit_b, peak_b, plan.shares(Phase::B)),
            phase_c: PhaseOfDay::new(limit_c, peak_c, plan.shares(Phase::C)),
            vchpowersequence: settings.phase_sequence.to_string(),
        }
    }

    /// One message of each kind, for the documents.
    pub(in crate::api) fn examples() -> [Self; 4] {
        let time = || "2015-11-24T15:09:47".to_owned();
        [
            Self::State {
                seq: 1,
                time: time(),
                vchchargerid: "10245006".to_owned(),
                vchstate: Some("Charging".to_owned()),
                vchcommand: Some("MeterValues".to_owned()),
                intcurrent: Some(32),
                intchargingcurrent: Some(16),
                intconsumedenergy: Some(1200),
                session_minutes: Some(34),
                intchargingphase: Some(1),
                online: true,
                lines: Some(Lines { l1: Some(15.9), l2: None, l3: None, offered: Some(16.0) }),
            },
            Self::Phases { seq: 2, time: time(), a: Some(16.2), b: Some(0.0), c: None },
            Self::Alive { seq: 3, time: time() },
            Self::Totals {
                seq: 4,
                time: time(),
                chargers: 13,
                in_use: 2,
                energy: 12_214_540,
                minutes: 4230,
                sessions: 1406,
                number: 1_448_348_987_001,
                ended: vec![EndedSession {
                    intrecordid: 1406,
                    vchchargerid: "10245006".to_owned(),
                    dttfinishtime: time(),
                    energy: 2458,
                }],
                alerts: 1,
                alerts_number: 1_448_348_987_002,
                newest_alerts: vec![NewAlert {
                    id: 17,
                    cause: "fault",
                    code: "GroundFailure".to_owned(),
                    subject: "10245006".to_owned(),
                }],
                plan_number: 1_448_348_987_003,
                joining_number: 1_448_348_987_004,
                phase_a: PhaseOfDay::new(100, Some((48.2, LocalTime(1_448_377_787_000))), Some((32.0, 6.0))),
                phase_b: PhaseOfDay::new(100, Some((0.0, LocalTime(1_448_377_787_000))), Some((0.0, 6.0))),
                phase_c: PhaseOfDay::new(100, None, None),
                vchpowersequence: "ABC".to_owned(),
            },
        ]
    }
}

impl NewAlert {
    fn new(present: &Present, alert: &Alert) -> Self {
        let charger = alert.cause.charge_point().and_then(|key| present.get(key));
        let charger = charger.map(|now| now.charge_point.identity.to_string());
        let phase = || alert.cause.phase().map(|phase| phase.letter().to_string());
        Self {
            id: alert.id,
            cause: alert.cause.kind().word(),
            code: alert.cause.code().to_owned(),
            subject: charger.or_else(phase).unwrap_or_default(),
        }
    }
}

/// A message as it is shared by all who read it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Whose; none for what is no charge point's.
    pub charge_point: Option<ChargePointKey>,
    /// Whether it tells counts and sums.
    pub is_totals: bool,
    kind: &'static str,
    /// All that follows the time, with the closing brace.
    rest: Box<[u8]>,
    /// What is put before that brace for those who have asked for more.
    more: Box<[u8]>,
}

impl Told {
    /// Writes a message that has no number and no time yet.
    pub fn new(charge_point: Option<ChargePointKey>, message: &FeedMessage) -> Self {
        let (kind, front): (_, &[u8]) = match message {
            FeedMessage::State { .. } => ("state", br#"{"type":"state","seq":0,"time":"""#),
            FeedMessage::Phases { .. } => ("phases", br#"{"type":"phases","seq":0,"time":"""#),
            FeedMessage::Alive { .. } => ("alive", br#"{"type":"alive","seq":0,"time":"""#),
            FeedMessage::Totals { .. } => ("totals", br#"{"type":"totals","seq":0,"time":"""#),
        };
        // Numbers, text and nothing else: it can be written, and begins like this.
        let whole = serde_json::to_vec(message).unwrap_or_default();
        let rest = whole.strip_prefix(front).unwrap_or(b"}");
        let is_totals = matches!(message, FeedMessage::Totals { .. });
        Self { charge_point, is_totals, kind, rest: rest.into(), more: Box::default() }
    }

    /// Writes the state of a charge point, and for those who ask for it what its lines draw.
    pub fn state(now: &ChargePointNow, at: Timestamp) -> Self {
        let mut more = br#","lines":"#.to_vec();
        // Numbers: they can be written.
        more.append(&mut serde_json::to_vec(&Lines::of(now, at)).unwrap_or_default());
        Self { more: more.into(), ..Self::new(Some(now.key), &FeedMessage::state(now)) }
    }

    /// Whether it tells nothing else than another one, with all that some ask for or without.
    pub fn is_like(&self, other: &Self, with_more: bool) -> bool {
        self.rest == other.rest && (!with_more || self.more == other.more)
    }

    /// The message as one reader gets it, with all that some ask for or without.
    pub fn message(&self, seq: u64, time: LocalTime, with_more: bool) -> Option<Message> {
        let more: &[u8] = if with_more { &self.more } else { &[] };
        let (last, rest) = self.rest.split_last()?;
        let mut json = JsonWriter::with_capacity(64 + self.rest.len() + more.len());
        json.raw(r#"{"type":"#);
        json.string(self.kind);
        json.raw(r#","seq":"#);
        json.int(i64::try_from(seq).unwrap_or(i64::MAX));
        json.raw(r#","time":"#);
        json.time(time, b'T');
        json.raw_bytes(rest);
        json.raw_bytes(more);
        json.raw_bytes(&[*last]);
        Utf8Bytes::try_from(json.finish()).ok().map(Message::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_and_what_is_not_make_the_whole_message() {
        let time = LocalTime::parse("2015-11-24T15:09:47").unwrap();
        for (index, mut message) in FeedMessage::examples().into_iter().enumerate() {
            let whole = serde_json::to_string(&message).unwrap();
            match &mut message {
                FeedMessage::State { seq, time, .. }
                | FeedMessage::Phases { seq, time, .. }
                | FeedMessage::Totals { seq, time, .. }
                | FeedMessage::Alive { seq, time } => (*seq, *time) = (0, String::new()),
            }
            let told = Told::new(None, &message);
            assert_eq!(told.message(index as u64 + 1, time, index % 2 == 0).unwrap().to_text().unwrap(), whole);
        }
    }

    #[test]
    fn sums_of_decimals_are_told_as_they_are_meant() {
        let FeedMessage::Phases { a, b, c, .. } = FeedMessage::phases([Some(0.1 + 0.2), Some(16.0), None]) else {
            panic!("another message");
        };
        assert_eq!((a, b, c), (Some(0.3), Some(16.0), None));
    }
}
