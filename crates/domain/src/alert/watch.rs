//! When what lasts is an alert: not before it has lasted for a while, and once, however often it comes and goes.
//!
//! Ticks are ms of a clock that only goes forward: to set the site's clock raises nothing and ends nothing.

use super::{Alert, AlertKind, Cause, Lasting};
use crate::calendar::Timestamp;
use crate::phase::Phase;
use crate::record::ChargePointKey;
use std::collections::{BTreeMap, BTreeSet};

/// A cause that comes again this soon after its end goes on with the same alert, ms.
pub const AGAIN_MS: i64 = 900_000;

/// How long each kind of cause must last to be an alert, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// A fault.
    pub fault: i64,
    /// Lost contact.
    pub offline: i64,
    /// A phase at its limit.
    pub overload: i64,
}

impl Default for Times {
    /// A fault that a charge point mends by itself, a restart of one and a car that draws much for a moment are no alerts.
    fn default() -> Self {
        Self { fault: 120_000, offline: 240_000, overload: 60_000 }
    }
}

impl Times {
    const fn of(self, kind: AlertKind) -> i64 {
        match kind {
            AlertKind::Fault => self.fault,
            AlertKind::Offline => self.offline,
            AlertKind::Overload => self.overload,
            AlertKind::Stopped => 0,
        }
    }
}

/// Where causes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    ChargePoint(ChargePointKey),
    Phase(Phase),
}

impl Place {
    const fn of(cause: &Cause) -> Self {
        match cause {
            Cause::Fault(key, _) | Cause::Offline(key) | Cause::Stopped(key, ..) => Self::ChargePoint(*key),
            Cause::Overload(phase) => Self::Phase(*phase),
        }
    }
}

/// A cause that lasts, or has lasted a short while ago.
#[derive(Debug)]
struct Trouble {
    cause: Cause,
    detail: String,
    /// Since when, by the site's clock.
    since: Timestamp,
    /// Since which tick; `None` when it is gone.
    lasts_from: Option<i64>,
    alert: Option<Known>,
    /// There is a reason for it: it is no alert however long it lasts.
    is_excused: bool,
}

/// The alert of a cause.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: i64,
    /// The tick at which it ended; `None` while it is open.
    ended: Option<i64>,
}

#[derive(Debug, Default)]
struct Watched {
    troubles: Vec<Trouble>,
    /// When it is looked at again, as the agenda has it.
    next: Option<i64>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An alert begins.
    Begin(Cause, Timestamp, String),
    /// An alert that had ended goes on.
    Again(i64, Cause, String),
    /// An alert ends.
    End(i64, Cause),
}

/// What lasts, and what has become of it. Of charge points at which nothing lasts it holds nothing.
#[derive(Debug, Default)]
pub struct Watch {
    times: Times,
    places: BTreeMap<Place, Watched>,
    agenda: BTreeSet<(i64, Place)>,
}

impl Trouble {
    fn is_open(&self) -> bool {
        self.alert.is_some_and(|known| known.ended.is_none())
    }

    /// When something is to be done about it.
    fn next(&self, times: Times) -> Option<i64> {
        match (self.lasts_from, self.alert) {
            (Some(_), Some(Known { ended: None, .. })) => None,
            (Some(_), _) if self.is_excused => None,
            (Some(from), _) => Some(from.saturating_add(times.of(self.cause.kind()))),
            (None, Some(Known { ended: Some(ended), .. })) => Some(ended.saturating_add(AGAIN_MS)),
            (None, _) => Some(i64::MIN),
        }
    }

    fn step(&self) -> Option<Step> {
        let cause = self.cause.clone();
        match (self.lasts_from, self.alert) {
            (Some(_), None) => Some(Step::Begin(cause, self.since, self.detail.clone())),
            (Some(_), Some(Known { id, ended: Some(_) })) => Some(Step::Again(id, cause, self.detail.clone())),
            (None, Some(Known { id, ended: None })) => Some(Step::End(id, cause)),
            _ => None,
        }
    }

    /// Whether nothing is left to be remembered of it.
    fn is_over(&self, at: i64) -> bool {
        let is_old = |known: Known| known.ended.is_some_and(|ended| ended.saturating_add(AGAIN_MS) <= at);
        self.lasts_from.is_none() && self.alert.is_none_or(is_old)
    }
}

impl Watch {
    /// One that knows of nothing.
    pub fn new(times: Times) -> Self {
        Self { times, ..Self::default() }
    }

    /// Goes on with an alert of an earlier run; `now` is what the site's clock shows at this tick. What lasts must be told after it.
    pub fn resume(&mut self, alert: &Alert, at: i64, now: Timestamp) {
        if alert.cause.session().is_some() {
            return;
        }
        let ended = alert.ended_at.map(|ended_at| at.saturating_sub(now.since(ended_at).max(0)));
        let place = Place::of(&alert.cause);
        let watched = self.places.entry(place).or_default();
        // Of two alerts of a cause the newer one goes on.
        watched.troubles.retain(|trouble| trouble.cause != alert.cause);
        watched.troubles.push(Trouble {
            cause: alert.cause.clone(),
            detail: alert.detail.clone(),
            since: alert.since,
            lasts_from: None,
            alert: Some(Known { id: alert.id, ended }),
            is_excused: false,
        });
        self.plan(place, at);
    }

    /// Takes over all that lasts at a charge point. Whether there is something to be done earlier than was known.
    pub fn tell(&mut self, key: ChargePointKey, lasting: Vec<Lasting>, at: i64, now: Timestamp) -> bool {
        self.tell_of(Place::ChargePoint(key), lasting, at, now)
    }

    /// The same for a phase of the site.
    pub fn tell_phase(&mut self, phase: Phase, lasting: Option<Lasting>, at: i64, now: Timestamp) -> bool {
        self.tell_of(Place::Phase(phase), lasting.into_iter().collect(), at, now)
    }

    fn tell_of(&mut self, place: Place, lasting: Vec<Lasting>, at: i64, now: Timestamp) -> bool {
        if lasting.is_empty() && !self.places.contains_key(&place) {
            return false;
        }
        let watched = self.places.entry(place).or_default();
        for trouble in &mut watched.troubles {
            if !lasting.iter().any(|lasting| lasting.cause == trouble.cause) {
                trouble.lasts_from = None;
                trouble.is_excused = false;
            }
        }
        for Lasting { cause, since, detail } in lasting {
            // Nothing lasts since a time that is to come.
            let since = since.map_or(now, |since| since.min(now));
            match watched.troubles.iter_mut().find(|trouble| trouble.cause == cause) {
                Some(trouble) => {
                    if trouble.lasts_from.is_none() {
                        (trouble.lasts_from, trouble.since) = (Some(at), since);
                        trouble.alert = trouble
                            .alert
                            .filter(|known| known.ended.is_none_or(|ended| at.saturating_sub(ended) < AGAIN_MS));
                    }
                    trouble.detail = detail;
                }
                None => watched.troubles.push(Trouble {
                    cause,
                    detail,
                    since,
                    lasts_from: Some(at),
                    alert: None,
                    is_excused: false,
                }),
            }
        }
        let before = self.next();
        self.plan(place, at);
        self.next() < before || before.is_none() && self.next().is_some()
    }

    /// Whether a phase is at its limit, as was told.
    pub fn lasts_on(&self, phase: Phase) -> bool {
        let watched = self.places.get(&Place::Phase(phase));
        watched.is_some_and(|watched| watched.troubles.iter().any(|trouble| trouble.lasts_from.is_some()))
    }

    /// There is a reason for a cause: as long as it lasts, it is no alert.
    pub fn excuse(&mut self, cause: &Cause, at: i64) {
        let place = Place::of(cause);
        let troubles = self.places.get_mut(&place).map(|watched| &mut watched.troubles);
        for trouble in troubles.into_iter().flatten().filter(|trouble| trouble.cause == *cause) {
            trouble.is_excused = trouble.lasts_from.is_some();
        }
        self.plan(place, at);
    }

    /// When there is something to be done next; what is to be done at once comes first.
    pub fn next(&self) -> Option<i64> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// What is to be done at a tick. It is due until [`Watch::done`] says that it is done.
    pub fn steps(&self, at: i64) -> Vec<Step> {
        let due = self.agenda.iter().take_while(|(next, _)| *next <= at);
        due.filter_map(|(_, place)| self.places.get(place))
            .flat_map(|watched| watched.troubles.iter())
            .filter(|trouble| trouble.next(self.times).is_some_and(|next| next <= at))
            .filter_map(Trouble::step)
            .collect()
    }

    /// A step was done, as this alert; `at` is the tick of it.
    pub fn done(&mut self, cause: &Cause, alert: &Alert, at: i64) {
        let place = Place::of(cause);
        let troubles = self.places.get_mut(&place).map(|watched| &mut watched.troubles);
        for trouble in troubles.into_iter().flatten().filter(|trouble| trouble.cause == *cause) {
            trouble.alert = Some(Known { id: alert.id, ended: alert.ended_at.map(|_| at) });
        }
        self.plan(place, at);
    }

    /// Forgets what ended long ago.
    pub fn forget(&mut self, at: i64) {
        let due: Vec<Place> = self.agenda.iter().take_while(|(next, _)| *next <= at).map(|(_, place)| *place).collect();
        for place in due {
            self.plan(place, at);
        }
    }

    /// Whether an alert may still go on, or end.
    pub fn knows(&self, alert: &Alert) -> bool {
        let watched = self.places.get(&Place::of(&alert.cause));
        let is_it = |trouble: &Trouble| trouble.alert.is_some_and(|known| known.id == alert.id);
        watched.is_some_and(|watched| watched.troubles.iter().any(is_it))
    }

    /// Puts a place into the agenda as it stands now.
    fn plan(&mut self, place: Place, at: i64) {
        let Some(watched) = self.places.get_mut(&place) else { return };
        if let Some(next) = watched.next.take() {
            self.agenda.remove(&(next, place));
        }
        watched.troubles.retain(|trouble| trouble.is_open() || !trouble.is_over(at));
        if watched.troubles.is_empty() {
            self.places.remove(&place);
            return;
        }
        watched.next = watched.troubles.iter().filter_map(|trouble| trouble.next(self.times)).min();
        self.agenda.extend(watched.next.map(|next| (next, place)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: ChargePointKey = ChargePointKey(1);
    const NOON: Timestamp = Timestamp(1_790_000_000_000);

    fn offline() -> Vec<Lasting> {
        vec![Lasting { cause: Cause::Offline(KEY), since: None, detail: String::new() }]
    }

    /// A watch with the alerts that came of it.
    #[derive(Default)]
    struct Kept {
        watch: Watch,
        alerts: Vec<Alert>,
        now: i64,
    }

    impl Kept {
        fn time(&self) -> Timestamp {
            NOON.plus(self.now)
        }

        fn tell(&mut self, lasting: Vec<Lasting>) {
            self.watch.tell(KEY, lasting, self.now, self.time());
        }

        /// Lets time pass, and does what is to be done.
        fn pass(&mut self, ms: i64) {
            self.now += ms;
            let now = self.time();
            for step in self.watch.steps(self.now) {
                let (cause, alert) = match step {
                    Step::Begin(cause, since, detail) => {
                        let id = i64::try_from(self.alerts.len()).unwrap();
                        let (ended_at, acknowledged) = (None, None);
                        let alert = Alert { id, cause: cause.clone(), detail, since, times: 1, ended_at, acknowledged };
                        self.alerts.push(alert.clone());
                        (cause, alert)
                    }
                    Step::Again(id, cause, _) => {
                        let alert = &mut self.alerts[usize::try_from(id).unwrap()];
                        (alert.ended_at, alert.times) = (None, alert.times + 1);
                        (cause, alert.clone())
                    }
                    Step::End(id, cause) => {
                        let alert = &mut self.alerts[usize::try_from(id).unwrap()];
                        alert.ended_at = Some(now);
                        (cause, alert.clone())
                    }
                };
                self.watch.done(&cause, &alert, self.now);
            }
            self.watch.forget(self.now);
        }

        /// How often each alert has begun, and whether it is open.
        fn seen(&self) -> Vec<(i32, bool)> {
            self.alerts.iter().map(|alert| (alert.times, alert.is_open())).collect()
        }
    }

    #[test]
    fn what_ends_before_its_time_is_no_alert() {
        let mut kept = Kept::default();
        kept.tell(offline());
        kept.pass(239_999);
        kept.tell(Vec::new());
        kept.pass(1_000_000);
        assert_eq!(kept.seen(), []);
        assert!(kept.watch.places.is_empty() && kept.watch.agenda.is_empty());
    }

    #[test]
    fn what_lasts_is_one_alert_that_ends_with_it() {
        let mut kept = Kept::default();
        kept.tell(offline());
        for _ in 0..10 {
            kept.pass(60_000);
            kept.tell(offline());
        }
        assert_eq!(kept.seen(), [(1, true)]);
        assert_eq!(kept.alerts[0].since, NOON);
        assert_eq!(kept.watch.next(), None, "nothing is to be done while it lasts");
        kept.tell(Vec::new());
        kept.pass(0);
        assert_eq!(kept.seen(), [(1, false)]);
        kept.pass(AGAIN_MS);
        assert!(kept.watch.places.is_empty() && kept.watch.agenda.is_empty());
    }

    #[test]
    fn what_comes_again_soon_is_the_same_alert_and_later_another() {
        let mut kept = Kept::default();
        for _ in 0..3 {
            kept.tell(offline());
            kept.pass(240_000);
            kept.tell(Vec::new());
            kept.pass(60_000);
        }
        assert_eq!(kept.seen(), [(3, false)]);
        // For a moment: no alert, and no end of the old one's time.
        kept.tell(offline());
        kept.pass(1_000);
        kept.tell(Vec::new());
        kept.pass(AGAIN_MS - 62_000);
        kept.tell(offline());
        kept.pass(240_000);
        assert_eq!(kept.seen(), [(4, true)], "it came in time, whenever it was long enough there");
        kept.tell(Vec::new());
        kept.pass(0);
        kept.pass(AGAIN_MS);
        kept.tell(offline());
        kept.pass(240_000);
        assert_eq!(kept.seen(), [(4, false), (1, true)]);
    }

    #[test]
    fn an_alert_goes_on_over_a_restart() {
        let mut kept = Kept::default();
        kept.tell(offline());
        kept.pass(240_000);
        let restart = |kept: &mut Kept| {
            kept.watch = Watch::default();
            for alert in &kept.alerts {
                kept.watch.resume(alert, kept.now, NOON.plus(kept.now));
            }
        };
        restart(&mut kept);
        kept.tell(offline());
        kept.pass(1_000_000);
        assert_eq!(kept.seen(), [(1, true)], "it is not raised twice");
        restart(&mut kept);
        kept.tell(Vec::new());
        kept.pass(0);
        assert_eq!(kept.seen(), [(1, false)], "its cause is gone");
        kept.pass(1_000);
        restart(&mut kept);
        kept.tell(offline());
        kept.pass(240_000);
        assert_eq!(kept.seen(), [(2, true)]);
    }

    #[test]
    fn what_has_a_reason_is_no_alert_until_it_comes_anew() {
        let mut kept = Kept::default();
        kept.tell(offline());
        kept.now += 240_000;
        kept.watch.excuse(&Cause::Offline(KEY), kept.now);
        kept.tell(offline());
        kept.pass(1_000_000);
        assert_eq!(kept.seen(), []);
        kept.tell(Vec::new());
        kept.tell(offline());
        kept.pass(240_000);
        assert_eq!(kept.seen(), [(1, true)]);
    }

    #[test]
    fn it_says_when_something_is_to_be_done_earlier() {
        let mut watch = Watch::default();
        assert!(watch.tell(ChargePointKey(1), offline(), 0, NOON));
        let other = vec![Lasting { cause: Cause::Offline(ChargePointKey(2)), since: None, detail: String::new() }];
        assert!(!watch.tell(ChargePointKey(2), other, 5, NOON), "later than the first");
        assert!(!watch.tell(ChargePointKey(3), Vec::new(), 5, NOON));
        let fault = Cause::Fault(ChargePointKey(4), String::new());
        let fault = vec![Lasting { cause: fault, since: None, detail: String::new() }];
        assert!(watch.tell(ChargePointKey(4), fault, 5, NOON));
        assert_eq!(watch.next(), Some(120_005));
    }

    proptest! {
        /// However contact comes and goes: there is an alert if and only if it was lost for long enough, one at a time, open while
        /// it is lost and no longer.
        #[test]
        fn alerts_follow_what_lasts(spans in prop::collection::vec((1_i64..500_000, 1_i64..1_200_000), 1..20)) {
            let mut kept = Kept::default();
            let mut expected: Vec<i32> = Vec::new();
            let mut ended: Option<i64> = None;
            for (lost, there) in spans {
                kept.tell(offline());
                let came = kept.now;
                // In steps, as the site looks.
                let mut left = lost;
                while left > 0 {
                    kept.pass(left.min(7_000));
                    left -= 7_000;
                }
                let is_long = lost >= 240_000;
                if is_long {
                    match expected.last_mut().filter(|_| ended.is_some_and(|ended| came - ended < AGAIN_MS)) {
                        Some(times) => *times += 1,
                        None => expected.push(1),
                    }
                }
                let open = kept.alerts.iter().filter(|alert| alert.is_open()).count();
                prop_assert_eq!(open, usize::from(is_long));
                kept.tell(Vec::new());
                kept.pass(0);
                if is_long {
                    ended = Some(kept.now);
                }
                prop_assert!(kept.alerts.iter().all(|alert| !alert.is_open()));
                kept.pass(there);
            }
            prop_assert_eq!(kept.alerts.iter().map(|alert| alert.times).collect::<Vec<_>>(), expected);
            kept.pass(AGAIN_MS);
            prop_assert!(kept.watch.places.is_empty() && kept.watch.agenda.is_empty());
        }
    }
}
