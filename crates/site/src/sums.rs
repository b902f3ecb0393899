//! Sums of energy by charge point and by year, month and day, for the charts and their routes.

use bmw_domain::calendar::{Day, Period};
use bmw_domain::energy::Energy;
use bmw_domain::record::ChargePointKey;
use bmw_store::DayEnergy;
use std::collections::{BTreeMap, HashMap};

/// A run of neighbouring periods, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// What is counted by.
    pub period: Period,
    /// The number of the oldest period (see [`Period::index`]).
    pub first: i32,
    /// How many.
    pub length: usize,
}

impl Window {
    /// The newest `length` periods; the last is the one that `today` is in. `length` is bounded by the routes.
    pub fn newest(period: Period, today: Day, length: usize) -> Self {
        let back = i32::try_from(length).unwrap_or(i32::MAX);
        Self { period, first: period.index(today).saturating_sub(back.saturating_sub(1)), length }
    }

    /// The numbers of its periods.
    pub fn indices(self) -> impl DoubleEndedIterator<Item = i32> + Clone {
        let length = i32::try_from(self.length).unwrap_or(i32::MAX);
        self.first..self.first.saturating_add(length)
    }

    /// The labels of its periods. Years before 1 have none that could be read back; they are written all the same.
    pub fn labels(self) -> impl DoubleEndedIterator<Item = String> {
        self.indices().map(move |index| self.period.label(index))
    }
}

/// One series of sums, by each period.
#[derive(Debug, Clone, Default)]
struct Series {
    years: BTreeMap<i32, Energy>,
    months: BTreeMap<i32, Energy>,
    days: BTreeMap<i32, Energy>,
}

impl Series {
    fn by(&self, period: Period) -> &BTreeMap<i32, Energy> {
        match period {
            Period::Year => &self.years,
            Period::Month => &self.months,
            Period::Day => &self.days,
        }
    }

    fn add(&mut self, day: Day, energy: Energy) {
        *self.years.entry(Period::Year.index(day)).or_default() += energy;
        *self.months.entry(Period::Month.index(day)).or_default() += energy;
        *self.days.entry(Period::Day.index(day)).or_default() += energy;
    }

    fn window(&self, window: Window) -> Vec<Energy> {
        let mut sums = vec![Energy::ZERO; window.length];
        let mut indices = window.indices();
        if let (Some(first), Some(last)) = (indices.next(), indices.next_back().or(Some(window.first))) {
            for (index, energy) in self.by(window.period).range(first..=last) {
                if let Some(sum) = usize::try_from(index - first).ok().and_then(|slot| sums.get_mut(slot)) {
                    *sum = *energy;
                }
            }
        }
        sums
    }
}

/// The sums of a site. They follow each session that is finished; at start they are read from the store.
#[derive(Debug, Clone, Default)]
pub struct EnergySums {
    by_charge_point: HashMap<ChargePointKey, Series>,
    all: Series,
}

impl EnergySums {
    /// From the stored sums by day.
    pub fn new(days: impl IntoIterator<Item = DayEnergy>) -> Self {
        let mut sums = Self::default();
        for day in days {
            sums.add(day.charge_point, day.day, day.energy);
        }
        sums
    }

    /// Adds (or with a negative amount takes away) what was counted on a day.
    pub fn add(&mut self, charge_point: ChargePointKey, day: Day, energy: Energy) {
        self.by_charge_point.entry(charge_point).or_default().add(day, energy);
        self.all.add(day, energy);
    }

    /// The sums of all charge points, one for each period of the window.
    pub fn of_all(&self, window: Window) -> Vec<Energy> {
        self.all.window(window)
    }

    /// The sums of one charge point; zeros when it never had any.
    pub fn of(&self, charge_point: ChargePointKey, window: Window) -> Vec<Energy> {
        self.by_charge_point
            .get(&charge_point)
            .map_or_else(|| vec![Energy::ZERO; window.length], |series| series.window(window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_hold_what_a_plain_sum_holds(
            days in prop::collection::vec((0_i32..3, 19_000_i32..19_800, 0_i64..100_000), 0..200),
            today in 19_000_i32..19_900,
            length in 1_usize..60,
        ) {
            let today = Day(today);
            let sums = EnergySums::new(days.iter().map(|(key, day, wh)| DayEnergy {
                charge_point: ChargePointKey(*key), day: Day(*day), energy: Energy::from_wh(*wh),
            }));
            for period in [Period::Year, Period::Month, Period::Day] {
                let window = Window::newest(period, today, length);
                for (slot, index) in window.indices().enumerate() {
                    let plain = |key: Option<i32>| -> i64 {
                        days.iter()
                            .filter(|(owner, day, _)| key.is_none_or(|key| key == *owner) && period.index(Day(*day)) == index)
                            .map(|(_, _, wh)| wh)
                            .sum()
                    };
                    prop_assert_eq!(sums.of_all(window)[slot].wh(), plain(None));
                    for key in 0..3 {
                        prop_assert_eq!(sums.of(ChargePointKey(key), window)[slot].wh(), plain(Some(key)));
                    }
                }
                prop_assert_eq!(window.labels().next_back(), Some(period.label(period.index(today))));
            }
        }
    }
}
