//! Alerts: what an operator must hear of, and when it is one.
//!
//! Three causes last: a fault, lost contact, a phase at its limit. They are an alert once they have lasted for a while, see
//! [`Watch`], and end by themselves. One has no end of its own: a session that was stopped by nobody. It ends by being
//! acknowledged.

mod watch;

pub use watch::{AGAIN_MS, Step, Times, Watch};

use crate::calendar::Timestamp;
use crate::charger::{ChargePointNow, End, SessionChange};
use crate::phase::Phase;
use crate::record::{ChargePointKey, TransactionId};
use serde::{Deserialize, Serialize};

/// The part of its limit, in percent, below which a phase is no longer overloaded. One that hovers at its limit is one alert.
const OVERLOAD_ENDS_PERCENT: f64 = 95.0;
/// The status of a connector that cannot charge for a fault (OCPP 1.6, 7.7 `ChargePointStatus`).
const FAULTED: &str = "Faulted";
/// A fault without a code (7.6 `ChargePointErrorCode`).
const NO_ERROR: &str = "NoError";
/// The status of a connector that is out of service.
const UNAVAILABLE: &str = "Unavailable";
/// The most characters of a code or a detail that are kept: charge points may say anything.
const TEXT_MOST: usize = 200;

/// The kinds of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AlertKind {
    /// A charge point says that it is faulted.
    Fault,
    /// There is no contact with a charge point.
    Offline,
    /// A session was stopped by nobody who may.
    Stopped,
    /// A phase of the site is at its limit or over it.
    Overload,
}

impl AlertKind {
    /// All, with the words that they are stored and told by.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Fault, "fault"), (Self::Offline, "offline"), (Self::Stopped, "stopped"), (Self::Overload, "overload")];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(kind, _)| kind)
    }
}

/// What an alert is about. While one of a cause is open there is no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A charge point is faulted, by the code that it gives; empty where it gives none. Another code is another cause.
    Fault(ChargePointKey, String),
    /// There is no contact with a charge point.
    Offline(ChargePointKey),
    /// A session was stopped for this reason.
    Stopped(ChargePointKey, TransactionId, String),
    /// A phase is at its limit or over it.
    Overload(Phase),
}

impl Cause {
    /// Its kind.
    pub const fn kind(&self) -> AlertKind {
        match self {
            Self::Fault(..) => AlertKind::Fault,
            Self::Offline(_) => AlertKind::Offline,
            Self::Stopped(..) => AlertKind::Stopped,
            Self::Overload(_) => AlertKind::Overload,
        }
    }

    /// What is one cause to a person: alerts of one kind and code are shown and told together.
    pub fn code(&self) -> &str {
        match self {
            Self::Fault(_, code) | Self::Stopped(_, _, code) => code,
            Self::Offline(_) | Self::Overload(_) => "",
        }
    }

    /// The charge point, where it is about one.
    pub const fn charge_point(&self) -> Option<ChargePointKey> {
        match self {
            Self::Fault(key, _) | Self::Offline(key) | Self::Stopped(key, ..) => Some(*key),
            Self::Overload(_) => None,
        }
    }

    /// The session, where it is about one.
    pub const fn session(&self) -> Option<TransactionId> {
        if let Self::Stopped(_, id, _) = self { Some(*id) } else { None }
    }

    /// The phase, where it is about one.
    pub const fn phase(&self) -> Option<Phase> {
        if let Self::Overload(phase) = self { Some(*phase) } else { None }
    }
}

/// Who has seen an alert, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who: the account, with the name of the token where it was a program.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its number: higher than that of each before.
    pub id: i64,
    /// What it is about.
    pub cause: Cause,
    /// What else is known of it; empty for nothing.
    pub detail: String,
    /// Since when its cause lasts. It became an alert later.
    pub since: Timestamp,
    /// How often it has begun: more than once where its cause came again soon after it had gone.
    pub times: i32,
    /// When its cause was gone; `None` while it is open.
    pub ended_at: Option<Timestamp>,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledged>,
}

impl Alert {
    /// Whether it lasts, or waits to be seen.
    pub const fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether somebody should look at it.
    pub const fn is_pressing(&self) -> bool {
        self.is_open() && self.acknowledged.is_none()
    }

    /// The same, seen by somebody. A stopped session has no other end.
    #[must_use]
    pub fn seen(&self, by: &str, at: Timestamp) -> Self {
        let ended_at = self.ended_at.or_else(|| self.cause.session().map(|_| at));
        Self { acknowledged: Some(Acknowledged { by: by.to_owned(), at }), ended_at, ..self.clone() }
    }
}

/// A cause that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasting {
    /// What.
    pub cause: Cause,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// What else is known of it.
    pub detail: String,
}

/// What lasts at a charge point. Nothing of one that was never in contact: it may not even be put up yet.
pub fn lasting(now: &ChargePointNow) -> Vec<Lasting> {
    let mut found: Vec<Lasting> = Vec::new();
    for connector in now.connectors.iter().filter(|connector| connector.status.as_deref() == Some(FAULTED)) {
        let code = connector.error.as_deref().filter(|code| *code != NO_ERROR).unwrap_or_default();
        let cause = Cause::Fault(now.key, cut(code));
        let said = cut(connector.info.as_deref().unwrap_or_default());
        match found.iter_mut().find(|known| known.cause == cause) {
            // Where several connectors have the same fault, it is one of the charge point.
            Some(known) => {
                known.since = known.since.min(connector.since);
                if known.detail.is_empty() {
                    known.detail = said;
                }
            }
            None => found.push(Lasting { cause, since: connector.since, detail: said }),
        }
    }
    if !now.is_online()
        && let Some(last) = now.last_contact()
    {
        found.push(Lasting { cause: Cause::Offline(now.key), since: Some(last), detail: String::new() });
    }
    found
}

/// Whether a charge point last said that it is out of service as a whole. Why it is, is not said by that.
pub fn is_unavailable(now: &ChargePointNow) -> bool {
    let is_so = |status: Option<&str>| status == Some(UNAVAILABLE);
    let mut connectors = now.connectors.iter().filter(|connector| connector.number > 0).peekable();
    let is_each = connectors.peek().is_some() && connectors.all(|connector| is_so(connector.status.as_deref()));
    is_each || now.connectors.iter().any(|connector| connector.number == 0 && is_so(connector.status.as_deref()))
}

/// What lasts on a phase that carries this load, A; `was` is whether it was overloaded before. One without a limit, and one of
/// which nothing is known, is not.
pub fn lasting_on(phase: Phase, load: Option<f64>, limit: u32, was: bool) -> Option<Lasting> {
    let load = load.filter(|load| *load > 0.0)?;
    let limit = f64::from(limit);
    let least = if was { limit * OVERLOAD_ENDS_PERCENT / 100.0 } else { limit };
    let detail = || format!("{load:.1} / {limit} A");
    (load >= least).then(|| Lasting { cause: Cause::Overload(phase), since: None, detail: detail() })
}

/// Why nobody stopped a session who may, where its end was told so (OCPP 1.6, 7.36 `Reason`).
///
/// `EmergencyStop`, `PowerLoss` and `Reboot` (by itself, such as by its watchdog) are trouble at the charge point, and `Other` is
/// what has no better word. `Local`, `Remote` and `EVDisconnected` are people and cars. `HardReset`, `SoftReset` and
/// `UnlockCommand` follow from what an operator has ordered, `DeAuthorized` from what he has said of a card: he knows. What the
/// protocol does not know is as good as `Other`.
pub fn stopped_by_nobody(reason: &str) -> bool {
    const KNOWN: [&str; 7] =
        ["Local", "Remote", "EVDisconnected", "HardReset", "SoftReset", "UnlockCommand", "DeAuthorized"];
    !reason.is_empty() && !KNOWN.contains(&reason)
}

/// The alert that a change of a session is, with this number.
pub fn of_session(change: &SessionChange, id: impl FnOnce() -> i64) -> Option<Alert> {
    let session = &change.after;
    let reason = session.reason.as_deref().filter(|reason| stopped_by_nobody(reason))?;
    if session.end != Some(End::Told) {
        return None;
    }
    let transaction = &session.transaction;
    let since = transaction.finished_at.or(session.received.1).unwrap_or(session.received.0);
    let cause = Cause::Stopped(transaction.charge_point, transaction.id, cut(reason));
    let detail = String::new();
    Some(Alert { id: id(), cause, detail, since, times: 1, ended_at: None, acknowledged: None })
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charger::event::{Event, Start, Status, Stop, Told};
    use crate::charger::{Answer, Changes, Context, History, card::Cards};
    use crate::record::{ChargePoint, Identity};
    use std::collections::HashMap;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const KEY: ChargePointKey = ChargePointKey(1);

    fn charge_point() -> ChargePointNow {
        ChargePointNow::new(KEY, ChargePoint::unknown(Identity::new("A").unwrap()), None)
    }

    fn hear(now: &mut ChargePointNow, event: Event) -> (Answer, Changes) {
        let mut changes = Changes::default();
        let mut last_id = 6;
        let (cards, models) = (Cards::new([], true), HashMap::new());
        let answer = now.hear(
            event,
            &mut Context {
                arrival: NOW,
                cards: &cards,
                models: &models,
                history: History::default(),
                last_id: &mut last_id,
                changes: &mut changes,
            },
        );
        (answer, changes)
    }

    fn status(now: &mut ChargePointNow, connector: i32, name: &str, error: &str, info: Option<&str>) {
        let status = Status {
            name: name.to_owned(),
            error: Some(error.to_owned()),
            info: info.map(ToOwned::to_owned),
            time: Told::ours(NOW),
        };
        hear(now, Event::Status(connector, status));
    }

    fn causes(now: &ChargePointNow) -> Vec<Cause> {
        lasting(now).into_iter().map(|lasting| lasting.cause).collect()
    }

    #[test]
    fn contact_is_lost_by_one_that_had_it() {
        let mut now = charge_point();
        assert_eq!(causes(&now), [], "it was never in contact");
        hear(&mut now, Event::Connected { link: 1, address: None });
        assert_eq!(causes(&now), []);
        hear(&mut now, Event::Disconnected { link: 1 });
        assert_eq!(causes(&now), [Cause::Offline(KEY)]);
        assert_eq!(lasting(&now)[0].since, Some(NOW), "since it was last heard of");
    }

    #[test]
    fn a_fault_is_the_charge_points_whichever_connectors_have_it() {
        let mut now = charge_point();
        hear(&mut now, Event::Connected { link: 1, address: None });
        status(&mut now, 0, "Faulted", "GroundFailure", None);
        status(&mut now, 1, "Faulted", "GroundFailure", Some("relay 3"));
        status(&mut now, 2, "Faulted", "NoError", None);
        let found = lasting(&now);
        let causes = [Cause::Fault(KEY, "GroundFailure".to_owned()), Cause::Fault(KEY, String::new())];
        assert_eq!(found.iter().map(|it| it.cause.clone()).collect::<Vec<_>>(), causes);
        assert_eq!(found[0].detail, "relay 3");
        for connector in 0..3 {
            status(&mut now, connector, "Available", "NoError", None);
        }
        assert_eq!(lasting(&now), []);
    }

    #[test]
    fn a_charge_point_is_out_of_service_as_a_whole() {
        let mut now = charge_point();
        assert!(!is_unavailable(&now));
        status(&mut now, 1, "Unavailable", "NoError", None);
        assert!(is_unavailable(&now));
        status(&mut now, 2, "Available", "NoError", None);
        assert!(!is_unavailable(&now));
        status(&mut now, 0, "Unavailable", "NoError", None);
        assert!(is_unavailable(&now));
    }

    #[test]
    fn a_phase_is_overloaded_at_its_limit_and_until_it_is_well_below() {
        let is_so = |load, was| lasting_on(Phase::B, load, 32, was).is_some();
        assert!(!is_so(Some(31.9), false) && is_so(Some(32.0), false));
        assert!(is_so(Some(30.4), true) && !is_so(Some(30.3), true));
        assert!(!is_so(None, true), "nothing is known");
        assert_eq!(lasting_on(Phase::A, Some(0.0), 0, true), None, "nothing flows");
        assert_eq!(lasting_on(Phase::A, Some(33.44), 32, false).unwrap().detail, "33.4 / 32 A");
    }

    #[test]
    fn an_operator_hears_of_sessions_that_nobody_stopped() {
        for (reason, is_alert) in [
            (Some("EmergencyStop"), true),
            (Some("PowerLoss"), true),
            (Some("Reboot"), true),
            (Some("Other"), true),
            (Some("Überspannung"), true),
            (Some("Local"), false),
            (Some("Remote"), false),
            (Some("EVDisconnected"), false),
            (Some("HardReset"), false),
            (Some("SoftReset"), false),
            (Some("UnlockCommand"), false),
            (Some("DeAuthorized"), false),
            (Some(""), false),
            (None, false),
        ] {
            let mut now = charge_point();
            let time = Told::ours(NOW);
            let (started, _) =
                hear(&mut now, Event::Start(Start { connector: 1, id_tag: "CARD".to_owned(), register: 0, time }));
            let Answer::Started(id, _) = started else { panic!("{started:?}") };
            let stop = Stop {
                transaction: id.0.into(),
                id_tag: None,
                register: 10,
                time,
                reason: reason.map(ToOwned::to_owned),
                readings: Vec::new(),
            };
            let (_, changes) = hear(&mut now, Event::Stop(stop.clone()));
            let alerts: Vec<Alert> = changes.sessions.iter().filter_map(|change| of_session(change, || 5)).collect();
            assert_eq!(alerts.len(), usize::from(is_alert), "{reason:?}");
            if let Some(alert) = alerts.first() {
                assert_eq!(alert.cause, Cause::Stopped(KEY, id, reason.unwrap().to_owned()));
                assert!(alert.is_pressing());
                let seen = alert.seen("anna", NOW.plus(1));
                assert_eq!(seen.ended_at, Some(NOW.plus(1)), "it has no other end");
            }
            let (_, again) = hear(&mut now, Event::Stop(stop));
            assert!(again.sessions.is_empty(), "one that is told again is no other");
        }
    }

    #[test]
    fn to_be_seen_is_no_end_of_what_lasts() {
        let cause = Cause::Offline(KEY);
        let alert =
            Alert { id: 1, cause, detail: String::new(), since: NOW, times: 1, ended_at: None, acknowledged: None };
        let seen = alert.seen("anna", NOW);
        assert!(alert.is_pressing() && !seen.is_pressing() && seen.is_open());
    }

    #[test]
    fn kinds_have_words() {
        for (kind, word) in AlertKind::ALL {
            assert_eq!((kind.word(), AlertKind::from_word(word)), (word, Some(kind)));
        }
        assert_eq!(AlertKind::from_word("x"), None);
    }
}
