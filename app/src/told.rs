//! What follows from what the live feed has told: counts over all charge points, the trail of one, and when a page must ask
//! for what the feed does not carry.

use crate::data::Value;
use crate::feed_message::{ChargerMessage, Ended, Totals};
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::status::{STATE_NAMES, is_in_use, state_index};
use std::collections::BTreeMap;

/// The most points of a trail: one a second bridges the time until the page's data is asked for again.
const MOST: usize = 256;
/// The most sessions that are remembered to have ended: far more than end until the page's data is asked for again.
const MOST_ENDED: usize = 256;
/// Messages that come again and again, and say nothing that the feed does not carry.
const ROUTINE: [&str; 3] = ["Heartbeat", "MeterValues", "StatusNotification"];
/// Messages of a session: of what they say, the feed carries all that some pages show.
const OF_SESSIONS: [&str; 3] = ["Authorize", "StartTransaction", "StopTransaction"];

/// Counts over all charge points that have a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// How many there are.
    pub chargers: u64,
    /// How many are in use.
    pub in_use: u64,
    /// How many are in each state that occurs, in the documented order.
    pub states: Vec<(String, u64)>,
    /// How many are out of contact.
    pub lost: u64,
}

/// Counts what the feed has told; `None` where it has told nothing.
pub fn counts(chargers: &BTreeMap<String, ChargerMessage>) -> Option<Counts> {
    if chargers.is_empty() {
        return None;
    }
    let mut by_state = [0; STATE_NAMES.len()];
    let (mut in_use, mut lost) = (0, 0);
    for told in chargers.values().filter(|told| told.has_state()) {
        by_state[state_index(told.state.as_deref())] += 1;
        in_use += u64::from(is_in_use(told.state.as_deref()));
        lost += u64::from(!told.online);
    }
    let states = STATE_NAMES.iter().zip(by_state).filter(|(_, count)| *count > 0);
    let states = states.map(|(name, count)| ((*name).to_owned(), count)).collect();
    Some(Counts { chargers: by_state.iter().sum(), in_use, states, lost })
}

/// Whether the feed knows more of a charge point than that it was in this state and in contact: a session has begun or ended
/// since, or contact was made or lost.
pub fn is_news_of(
    chargers: &BTreeMap<String, ChargerMessage>,
    (id, state, online): (&str, Option<&str>, bool),
) -> bool {
    let is_news = |told: &ChargerMessage| told.online != online || is_in_use(told.state.as_deref()) != is_in_use(state);
    chargers.get(id).is_some_and(is_news)
}

/// Whether contact was made with one of these charge points, or lost.
pub fn is_contact_news<'a>(
    chargers: &BTreeMap<String, ChargerMessage>,
    known: impl IntoIterator<Item = (&'a str, bool)>,
) -> bool {
    known.into_iter().any(|(id, online)| chargers.get(id).is_some_and(|told| told.online != online))
}

/// Whether a session runs in this state.
fn is_charging(state: Option<&str>) -> bool {
    is_in_use(state) && state.is_none_or(|state| !state.eq_ignore_ascii_case("Finishing"))
}

/// Whether a session runs, of a charge point that had this state and a session or none, and has this one now. That a session
/// has ended is certain, that one has begun is told by the state.
pub fn charges_now(known: (Option<&str>, bool), now: Option<&str>, has_ended: bool) -> bool {
    let (before, was_charging) = known;
    match (was_charging, has_ended) {
        (true, false) => true,
        (true, true) => is_charging(now),
        (false, _) => is_charging(now) && !is_charging(before),
    }
}

impl Totals {
    /// Takes over what had ended before, as far as it joins on.
    pub fn follow(&mut self, before: Option<Self>) {
        let Some(mut before) = before else { return };
        let more = usize::try_from(self.number - before.number).ok().filter(|more| *more <= self.ended.len());
        if let Some(more) = more {
            before.ended.extend(self.ended.drain(self.ended.len() - more..));
            before.ended.drain(..before.ended.len().saturating_sub(MOST_ENDED));
            self.ended = before.ended;
        }
    }

    /// The sessions that have ended after the one of this number; `None` when not all of them are known.
    pub fn since(&self, number: i64) -> Option<&[Ended]> {
        // A page may know more than the feed has told.
        let more = usize::try_from((self.number - number).max(0)).ok()?;
        self.ended.get(self.ended.len().checked_sub(more)?..)
    }
}

impl ChargerMessage {
    /// Whether it ever had a state: nothing is told of one that had none.
    fn has_state(&self) -> bool {
        let is_known = [self.limit, self.current, self.energy, self.minutes, self.phases].iter().any(Option::is_some);
        is_known || self.state.is_some() || self.command.is_some()
    }

    /// Whether something has happened since `before` that the feed tells only in part: a command was given, it was booted, or
    /// contact was made or lost; a session has begun or ended, for pages that show more of it than the totals tell.
    pub fn is_news(&self, before: &Self, of_sessions: bool) -> bool {
        let is_routine = self
            .command
            .as_deref()
            .is_none_or(|command| ROUTINE.contains(&command) || (!of_sessions && OF_SESSIONS.contains(&command)));
        let has_session_changed =
            || is_in_use(self.state.as_deref()) != is_in_use(before.state.as_deref()) || self.energy < before.energy;
        self.online != before.online
            || (self.command != before.command && !is_routine)
            || (of_sessions && has_session_changed())
    }

    /// Takes over the trail of what was told before, and adds what this tells.
    pub fn follow(&mut self, before: Option<Self>, at: LocalTime) {
        let is_measured = self.command.as_deref() == Some("MeterValues")
            || before.as_ref().is_some_and(|before| (before.current, before.energy) != (self.current, self.energy));
        self.trail = before.map(|before| before.trail).unwrap_or_default();
        let amperes = self.current.filter(|_| self.online).map(f64::from);
        let energy = self.energy.filter(|_| self.online).map(|wh| Energy::from_wh(wh.into()));
        let value = Value { at, current: amperes, energy, power: None };
        // Times are to the second, and the site's clock may be set back.
        let kept = self.trail.partition_point(|older| older.at < at);
        let is_gap_already = self.trail.last().is_some_and(Value::is_gap);
        if if self.online { is_measured } else { !is_gap_already } {
            self.trail.truncate(kept);
            self.trail.push(value);
        }
        if self.trail.len() > MOST {
            self.trail.remove(0);
        }
    }
}

impl Value {
    /// Whether it says that nothing was measured.
    pub fn is_gap(&self) -> bool {
        self.current.is_none() && self.energy.is_none() && self.power.is_none()
    }
}

/// What is stored of the time until `asked_at`, gaps and all, and what the feed has told since.
pub fn joined(stored: &[Value], asked_at: LocalTime, trail: &[Value]) -> Vec<Value> {
    // The feed tells times to the second.
    let second = LocalTime(asked_at.0 - asked_at.0.rem_euclid(1000));
    let mut values = stored.to_vec();
    for value in &trail[trail.partition_point(|value| value.at < second)..] {
        let at = values.last().map_or(value.at, |last| last.at.max(value.at));
        values.push(Value { at, ..*value });
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &str, command: &str, wh: i32) -> ChargerMessage {
        ChargerMessage {
            state: Some(state.to_owned()),
            command: Some(command.to_owned()),
            current: Some(16),
            energy: Some(wh),
            online: true,
            ..ChargerMessage::default()
        }
    }

    /// The trail after these messages, each so many seconds after midnight: seconds, ampere, Wh.
    fn trail(messages: impl IntoIterator<Item = (i64, ChargerMessage)>) -> Vec<(i64, Option<f64>, Option<i64>)> {
        let mut before = None;
        for (second, mut message) in messages {
            message.follow(before.take(), LocalTime(second * 1000));
            before = Some(message);
        }
        let trail = before.map(|message| message.trail).unwrap_or_default();
        trail.iter().map(|value| (value.at.0 / 1000, value.current, value.energy.map(Energy::wh))).collect()
    }

    #[test]
    fn what_is_measured_leaves_a_trail() {
        let messages = [
            (0, told("Charging", "MeterValues", 100)),
            (20, told("Charging", "Heartbeat", 100)),
            (60, told("Charging", "MeterValues", 200)),
            // Joined with a message that measures nothing.
            (120, told("Charging", "Heartbeat", 300)),
            (300, told("Charging", "MeterValues", 300)),
        ];
        let amperes = Some(16.0);
        let expected = [(0, 100), (60, 200), (120, 300), (300, 300)].map(|(at, wh)| (at, amperes, Some(wh)));
        assert_eq!(trail(messages), expected);
    }

    #[test]
    fn the_time_without_contact_is_a_gap() {
        let gone = |wh| ChargerMessage { online: false, ..told("Charging", "MeterValues", wh) };
        let messages = [
            (0, told("Charging", "MeterValues", 100)),
            (10, gone(100)),
            (190, gone(100)),
            (200, told("Charging", "MeterValues", 900)),
        ];
        assert_eq!(trail(messages), [(0, Some(16.0), Some(100)), (10, None, None), (200, Some(16.0), Some(900))]);
    }

    #[test]
    fn a_trail_is_bounded_and_its_times_go_on() {
        let messages = (0..10_000).map(|second| (second, told("Charging", "MeterValues", 1)));
        assert_eq!(trail(messages).len(), MOST);
        let set_back = [(5, told("Charging", "MeterValues", 1)), (5, told("Charging", "MeterValues", 2))];
        assert_eq!(trail(set_back), [(5, Some(16.0), Some(2))]);
        let set_back = [(5, told("Charging", "MeterValues", 1)), (3, told("Charging", "MeterValues", 2))];
        assert_eq!(trail(set_back), [(3, Some(16.0), Some(2))]);
    }

    #[test]
    fn stored_values_are_carried_on_by_the_trail() {
        let value = |ms| Value { at: LocalTime(ms), current: Some(1.0), energy: None, power: None };
        let values = joined(&[value(0), value(60_400)], LocalTime(60_900), &[value(0), value(60_000), value(120_000)]);
        assert_eq!(values.iter().map(|value| value.at.0).collect::<Vec<_>>(), [0, 60_400, 60_400, 120_000]);
        assert_eq!(joined(&[], LocalTime(0), &[]), []);
        let gap = |ms| Value { current: None, ..value(ms) };
        let values = joined(&[value(0), gap(30_000), value(60_000)], LocalTime(90_000), &[gap(31_000), gap(91_000)]);
        assert_eq!(
            values.iter().map(|value| (value.at.0, value.is_gap())).collect::<Vec<_>>(),
            [(0, false), (30_000, true), (60_000, false), (91_000, true)]
        );
    }

    #[test]
    fn a_page_asks_only_for_what_it_is_not_told() {
        let before = told("Charging", "MeterValues", 100);
        for (message, is_news, is_news_of_sessions) in [
            (told("Charging", "Heartbeat", 100), false, false),
            (told("Charging", "MeterValues", 200), false, false),
            (told("SupsendedEV", "StatusNotification", 200), false, false),
            (told("StopCharging", "StopTransaction", 200), false, true),
            // A session has ended, and another begun.
            (told("Available", "StatusNotification", 200), false, true),
            (told("Charging", "MeterValues", 5), false, true),
            (told("Charging", "StartTransaction", 100), false, true),
            (told("Charging", "Reset", 100), true, true),
            (told("Charging", "BootNotification", 100), true, true),
            (ChargerMessage { online: false, ..before.clone() }, true, true),
        ] {
            assert_eq!(message.is_news(&before, false), is_news, "{message:?}");
            assert_eq!(message.is_news(&before, true), is_news_of_sessions, "{message:?}");
        }
    }

    #[test]
    fn a_page_that_was_made_too_early_asks_anew() {
        let chargers = BTreeMap::from([("1".to_owned(), told("Available", "StatusNotification", 100))]);
        let is_news = |id, state, online| is_news_of(&chargers, (id, state, online));
        assert!(is_news("1", Some("Charging"), true), "a session has ended");
        assert!(is_news("1", Some("Available"), false));
        assert!(!is_news("1", Some("PreParing"), true));
        assert!(!is_news("another", Some("Charging"), true));
        assert!(is_contact_news(&chargers, [("another", false), ("1", false)]));
        assert!(!is_contact_news(&chargers, [("another", false), ("1", true)]));
    }

    /// Totals of a number, with what ended up to it.
    fn totals(number: i64, ended: std::ops::Range<i32>) -> Totals {
        let ended = ended.map(|id| Ended { id, charger: String::new(), finish: LocalTime(0), energy: Energy::ZERO });
        Totals { number, ended: ended.collect(), ..Totals::default() }
    }

    fn ids(totals: &Totals, number: i64) -> Option<Vec<i32>> {
        Some(totals.since(number)?.iter().map(|ended| ended.id).collect())
    }

    #[test]
    fn what_has_ended_since_is_known_or_there_is_a_gap() {
        let known = totals(1009, 2..10);
        assert_eq!(ids(&known, 1009), Some(vec![]));
        assert_eq!(ids(&known, 1006), Some(vec![7, 8, 9]));
        assert_eq!(ids(&known, 1001), Some((2..10).collect()));
        assert_eq!(ids(&known, 1000), None, "more than is told");
        assert_eq!(ids(&known, 5), None, "before the site was started");
        assert_eq!(ids(&known, 1010), Some(vec![]), "the page is newer");
        assert_eq!(ids(&totals(1009, 0..0), 1008), None, "one has changed");
    }

    #[test]
    fn what_has_ended_is_joined_as_long_as_nothing_is_missing() {
        let mut known = totals(1008, 1..9);
        for (number, ended, since, expected) in [
            (1009, 2..10, 1000, Some((1..10).collect())),
            // Nothing has ended; a session has begun.
            (1009, 2..10, 1000, Some((1..10).collect())),
            (1013, 6..14, 1007, Some((8..14).collect())),
            // Too many have ended at once.
            (1030, 23..31, 1022, Some((23..31).collect())),
            (1030, 23..31, 1013, None),
            // One that had ended has changed; then another one has ended.
            (1031, 0..0, 1030, None),
            (1032, 32..33, 1031, Some(vec![32])),
            (1032, 32..33, 1030, None),
            // The site was started again.
            (5000, 0..0, 1032, None),
        ] {
            let mut newer = totals(number, ended);
            newer.follow(Some(known));
            assert_eq!(ids(&newer, since), expected, "{number}");
            known = newer;
        }
        for number in 0..1000_i32 {
            let mut newer = totals(5000 + i64::from(number), (number - 3).max(1)..number + 1);
            newer.follow(Some(known));
            known = newer;
        }
        assert_eq!(known.ended.len(), MOST_ENDED);
    }

    #[test]
    fn whether_a_session_runs_follows_from_what_was_told() {
        let was = |state| (Some(state), true);
        assert!(charges_now(was("Charging"), Some("Faulted"), false), "it has not ended");
        assert!(charges_now(was("Charging"), Some("Charging"), true), "another one has begun");
        assert!(!charges_now(was("Charging"), Some("Finishing"), true));
        let was = |state| (Some(state), false);
        assert!(charges_now(was("Available"), Some("Charging"), false));
        assert!(charges_now(was("Finishing"), Some("SuspendedEV"), true));
        assert!(!charges_now(was("Available"), Some("Finishing"), false));
        assert!(!charges_now(was("Charging"), Some("Charging"), false), "without a session, as before");
    }

    #[test]
    fn all_that_have_a_state_are_counted() {
        assert_eq!(counts(&BTreeMap::new()), None);
        let chargers = [
            ("1", told("Charging", "", 0)),
            ("2", told("supsendedev", "", 0)),
            ("3", told("Anything", "", 0)),
            ("4", ChargerMessage::default()),
            ("5", ChargerMessage { phases: Some(1), ..ChargerMessage::default() }),
        ];
        let counts = counts(&chargers.map(|(id, told)| (id.to_owned(), told)).into()).unwrap();
        let states = [("Charging", 1), ("SupsendedEV", 1), ("Other", 2)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(counts, Counts { chargers: 4, in_use: 2, states: states.into(), lost: 1 });
    }
}
