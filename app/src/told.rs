//! What follows from what the live feed has told: counts over all charge points, the trail of one, and when a page must ask
//! for what the feed does not carry.

use crate::data::Value;
use crate::feed_message::ChargerMessage;
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::status::{STATE_NAMES, is_in_use, state_index};
use std::collections::BTreeMap;

/// The most points of a trail: one a second bridges the time until the page's data is asked for again.
const MOST: usize = 256;
/// Messages that come again and again, and say nothing that the feed does not carry.
const ROUTINE: [&str; 3] = ["Heartbeat", "MeterValues", "StatusNotification"];

/// Counts over all charge points that have a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// How many there are.
    pub chargers: u64,
    /// How many are in use.
    pub in_use: u64,
    /// How many are in each state that occurs, in the documented order.
    pub states: Vec<(String, u64)>,
}

/// Counts what the feed has told; `None` where it has told nothing.
pub fn counts(chargers: &BTreeMap<String, ChargerMessage>) -> Option<Counts> {
    if chargers.is_empty() {
        return None;
    }
    let mut by_state = [0; STATE_NAMES.len()];
    let mut in_use = 0;
    for told in chargers.values().filter(|told| told.has_state()) {
        by_state[state_index(told.state.as_deref())] += 1;
        in_use += u64::from(is_in_use(told.state.as_deref()));
    }
    let states = STATE_NAMES.iter().zip(by_state).filter(|(_, count)| *count > 0);
    let states = states.map(|(name, count)| ((*name).to_owned(), count)).collect();
    Some(Counts { chargers: by_state.iter().sum(), in_use, states })
}

/// Whether the feed knows more of charge points than that they were in these states and in contact: a session has begun or ended
/// since, or contact was made or lost.
pub fn is_news_of<'a>(
    chargers: &BTreeMap<String, ChargerMessage>,
    known: impl IntoIterator<Item = (&'a str, Option<&'a str>, bool)>,
) -> bool {
    known.into_iter().any(|(id, state, online)| {
        let is_news =
            |told: &ChargerMessage| told.online != online || is_in_use(told.state.as_deref()) != is_in_use(state);
        chargers.get(id).is_some_and(is_news)
    })
}

impl ChargerMessage {
    /// Whether it ever had a state: nothing is told of one that had none.
    fn has_state(&self) -> bool {
        let is_known = [self.limit, self.current, self.energy, self.minutes, self.phases].iter().any(Option::is_some);
        is_known || self.state.is_some() || self.command.is_some()
    }

    /// Whether something has happened since `before` that the feed tells only in part: a session has begun or ended, a
    /// command was given, it was booted, or contact was made or lost.
    pub fn is_news(&self, before: &Self) -> bool {
        let is_routine = self.command.as_deref().is_none_or(|command| ROUTINE.contains(&command));
        self.online != before.online
            || (self.command != before.command && !is_routine)
            || is_in_use(self.state.as_deref()) != is_in_use(before.state.as_deref())
            || self.energy < before.energy
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
        assert!(!told("Charging", "Heartbeat", 100).is_news(&before));
        assert!(!told("Charging", "MeterValues", 200).is_news(&before));
        assert!(!told("SupsendedEV", "StatusNotification", 200).is_news(&before));
        assert!(told("StopCharging", "StopTransaction", 200).is_news(&before));
        assert!(told("Available", "StatusNotification", 200).is_news(&before), "a session has ended");
        assert!(told("Charging", "MeterValues", 5).is_news(&before), "another session");
        assert!(told("Charging", "Reset", 100).is_news(&before));
        assert!(ChargerMessage { online: false, ..before.clone() }.is_news(&before));
    }

    #[test]
    fn a_page_that_was_made_too_early_asks_anew() {
        let chargers = BTreeMap::from([("1".to_owned(), told("Available", "StatusNotification", 100))]);
        let is_news = |id, state, online| is_news_of(&chargers, [(id, state, online)]);
        assert!(is_news("1", Some("Charging"), true), "a session has ended");
        assert!(is_news("1", Some("Available"), false));
        assert!(!is_news("1", Some("PreParing"), true));
        assert!(!is_news("another", Some("Charging"), true));
        assert!(!is_news_of(&chargers, []));
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
        assert_eq!(counts, Counts { chargers: 4, in_use: 2, states: states.into() });
    }
}
