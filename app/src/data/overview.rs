//! The overview.

#[cfg(feature = "ssr")]
use super::{DataError, Query, moment, now, phases, site, tiles};
use super::{Moment, Phases, Tiles};
use bmw_domain::calendar::{LocalTime, Period};
use bmw_domain::energy::Energy;
use serde::{Deserialize, Serialize};

/// What the overview shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// When this was.
    pub now: Moment,
    /// The four tiles.
    pub tiles: Tiles,
    /// The energy chart with the choices that it was made by.
    pub energy: EnergyChart,
    /// The phase gauges.
    pub phases: Phases,
    /// How many charge points are in each state that occurs.
    pub states: Vec<(String, u64)>,
    /// How many of those with a state are out of contact.
    pub lost: u64,
    /// The charge points that were heard of last.
    pub chargers: Vec<ChargerLine>,
    /// The number of the session that was counted last: the feed tells those that have ended since.
    pub number: i64,
    /// The newest sessions.
    pub sessions: Vec<RecentLine>,
    /// How many of them were asked for.
    pub rows: u32,
    /// All identities, for the chart's filter.
    pub identities: Vec<String>,
}

/// Energy by period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnergyChart {
    /// One series for each charge point rather than one for all.
    pub by_charger: bool,
    /// Years, months or days.
    pub period: Period,
    /// How many of them.
    pub count: u32,
    /// Only this charge point.
    pub charger: Option<String>,
    /// The charge points that have a series of their own because that was asked for.
    pub with: Vec<String>,
    /// The series that are switched off, by [`series_word`].
    pub off: Vec<String>,
    /// The periods, oldest first.
    pub labels: Vec<String>,
    /// The series. One without name holds the sum of all, or of all that have no series of their own.
    pub series: Vec<EnergySeries>,
    /// The charge points that have no series of their own, each with its energy, the largest first.
    pub others: Vec<(String, Energy)>,
    /// The sum of all.
    pub total: Energy,
}

/// The word of a series in an address: the identity of its charge point, or what no identity is like.
pub fn series_word(name: Option<&str>) -> &str {
    name.unwrap_or(OTHERS)
}

/// Of all that have none: identities hold no control characters.
const OTHERS: &str = "\u{1}";
/// Between words in an address.
const BETWEEN: char = '\t';

/// Words as an address has them.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(BETWEEN);
        }
        out.push_str(word);
    }
    out
}

/// Reads them.
pub fn unlisted(text: &str) -> Vec<String> {
    text.split(BETWEEN).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

/// The energy of one charge point, or of several, by period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnergySeries {
    /// Whose.
    pub name: Option<String>,
    /// One for each period.
    pub energies: Vec<Energy>,
}

/// A charge point in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargerLine {
    /// Its identity.
    pub id: String,
    /// Its state's name.
    pub state: Option<String>,
    /// The last message or command.
    pub command: Option<String>,
    /// When it was last heard of.
    pub contact: Option<Moment>,
    /// Whether it is in contact.
    pub online: bool,
}

/// A session among the newest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecentLine {
    /// Its number.
    pub id: i32,
    /// When it finished.
    pub finish: LocalTime,
    /// Its energy.
    pub energy: Energy,
}

/// How many rows of sessions can be chosen.
pub const ROWS: [u32; 3] = [7, 10, 20];

/// The most charge points that have a series because that was asked for: all colours are used then.
pub const MOST_WITH: usize = 10;

/// The most periods that the chart shows.
pub const fn most_periods(period: Period) -> u32 {
    match period {
        Period::Year => 50,
        Period::Month => 120,
        Period::Day => 366,
    }
}

/// The word for a period in an address.
pub const fn period_word(period: Period) -> &'static str {
    match period {
        Period::Year => "year",
        Period::Month => "month",
        Period::Day => "day",
    }
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use bmw_domain::status::STATE_NAMES;
    use bmw_site::{EnergySums, Present, Site, Window};
    use std::cmp::Reverse;
    use std::collections::BTreeSet;

    /// Colours that are easily told apart; the rest is shown as one series.
    const SERIES: usize = 9;
    /// Charge points on the overview, as many as fill the space; the others are a link away.
    const CHARGERS: usize = 15;

    /// Everything that the page shows, by its query string.
    pub async fn overview(query: &Query) -> Result<Overview, DataError> {
        let site = site()?;
        let sessions = site.session_news().await?.sessions;
        let recent = site.recent_sessions().await?;
        let present = site.present().clone();
        let rows = query.number("rows", 1..=100).unwrap_or(ROWS[0]);
        let now = now(&site);
        let statistics = present.statistics();
        let states = STATE_NAMES.iter().zip(statistics.by_state);
        let (energy, number) = energy(&site, &present, query).await?;
        Ok(Overview {
            now,
            tiles: tiles(&present, sessions),
            energy,
            number,
            phases: phases(&site, &present, now.at),
            states: states.filter(|(_, count)| *count > 0).map(|(name, count)| ((*name).to_owned(), count)).collect(),
            lost: present.by_contact().map(|charger| u64::from(!charger.is_online())).sum(),
            chargers: present
                .by_contact()
                .take(CHARGERS)
                .map(|charger| ChargerLine {
                    id: charger.charge_point.identity.to_string(),
                    state: charger.state_name().map(ToOwned::to_owned),
                    command: charger.command().map(ToOwned::to_owned),
                    contact: charger.last_contact().map(|at| moment(&site, at)),
                    online: charger.is_online(),
                })
                .collect(),
            sessions: recent
                .iter()
                .take(rows as usize)
                .map(|session| RecentLine { id: session.id.0, finish: session.planned_finish, energy: session.energy })
                .collect(),
            rows,
            identities: present.by_identity().map(|charger| charger.charge_point.identity.to_string()).collect(),
        })
    }

    async fn energy(site: &Site, present: &Present, query: &Query) -> Result<(EnergyChart, i64), DataError> {
        let (period, usual) = match query.get("by") {
            Some("year") => (Period::Year, 5),
            Some("day") => (Period::Day, 30),
            _ => (Period::Month, 12),
        };
        let count = query.number("count", 1..=u32::MAX).unwrap_or(usual).min(most_periods(period));
        let by_charger = query.get("show") == Some("chargers");
        let charger = query.get("charger").map(ToOwned::to_owned);
        let window = Window::newest(period, site.clock().today(), count as usize);
        let with: Vec<String> = unlisted(query.get("with").unwrap_or_default()).into_iter().take(MOST_WITH).collect();
        let off = unlisted(query.get("off").unwrap_or_default());
        let ((series, others), number) = site
            .with_numbered_sums(|sums| match &charger {
                // An unknown charge point has charged nothing (reading guide, 3.1).
                Some(id) => {
                    let energies = present.find(id).map(|charger| sums.of(charger.key, window));
                    let energies = energies.unwrap_or_else(|| vec![Energy::ZERO; window.length]);
                    (vec![EnergySeries { name: Some(id.clone()), energies }], Vec::new())
                }
                None if by_charger => stacked(by_identity(sums, present, window), &with),
                None => (vec![EnergySeries { name: None, energies: sums.of_all(window) }], Vec::new()),
            })
            .await?;
        let total = series.iter().flat_map(|series| series.energies.iter().copied()).sum();
        let labels = window.labels().collect();
        Ok((EnergyChart { by_charger, period, count, charger, with, off, labels, series, others, total }, number))
    }

    /// The energies of all charge points that have charged, by identity.
    fn by_identity(sums: &EnergySums, present: &Present, window: Window) -> Vec<(Energy, EnergySeries)> {
        let series = present.by_identity().map(|charger| {
            let energies = sums.of(charger.key, window);
            let name = Some(charger.charge_point.identity.to_string());
            (energies.iter().copied().sum(), EnergySeries { name, energies })
        });
        series.filter(|(total, _)| *total > Energy::ZERO).collect()
    }

    /// The charge points that charged most, each with a series of its own, by identity; then those that were asked for; the
    /// others joined, and each with its sum.
    fn stacked(all: Vec<(Energy, EnergySeries)>, with: &[String]) -> (Vec<EnergySeries>, Vec<(String, Energy)>) {
        if all.len() <= SERIES + 1 {
            return (all.into_iter().map(|(_, series)| series).collect(), Vec::new());
        }
        let mut by_energy: Vec<usize> = (0..all.len()).collect();
        by_energy.sort_by_key(|place| Reverse(all[*place].0));
        let largest: BTreeSet<usize> = by_energy.into_iter().take(SERIES).collect();
        let mut series = Vec::new();
        let mut asked: Vec<Option<EnergySeries>> = vec![None; with.len()];
        let mut joined = vec![Energy::ZERO; all[0].1.energies.len()];
        let mut others = Vec::new();
        for (place, (total, one)) in all.into_iter().enumerate() {
            let name = one.name.clone().unwrap_or_default();
            if largest.contains(&place) {
                series.push(one);
            } else if let Some(place) = with.iter().position(|asked| *asked == name) {
                asked[place] = Some(one);
            } else {
                joined.iter_mut().zip(&one.energies).for_each(|(sum, energy)| *sum += *energy);
                others.push((name, total));
            }
        }
        others.sort_by_key(|(_, total)| Reverse(*total));
        series.extend(asked.into_iter().flatten());
        if !others.is_empty() {
            series.push(EnergySeries { name: None, energies: joined });
        }
        (series, others)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn one(number: i64) -> (Energy, EnergySeries) {
            let energy = Energy::from_wh(number);
            (energy, EnergySeries { name: Some(format!("{number:02}")), energies: vec![energy] })
        }

        fn names(series: &[EnergySeries]) -> Vec<&str> {
            series.iter().map(|series| series.name.as_deref().unwrap_or("others")).collect()
        }

        #[test]
        fn the_largest_have_a_series_and_so_have_those_that_are_asked_for() {
            let all = || (1..=13).map(one).collect::<Vec<_>>();
            let (series, others) = stacked(all(), &[]);
            assert_eq!(names(&series), ["05", "06", "07", "08", "09", "10", "11", "12", "13", "others"]);
            assert_eq!(series[SERIES].energies, [Energy::from_wh(1 + 2 + 3 + 4)]);
            assert_eq!(others.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["04", "03", "02", "01"]);
            let with = ["03", "07", "none", "01"].map(ToOwned::to_owned);
            let (series, others) = stacked(all(), &with);
            assert_eq!(names(&series)[SERIES..], ["03", "01", "others"]);
            assert_eq!(others, [("04".to_owned(), Energy::from_wh(4)), ("02".to_owned(), Energy::from_wh(2))]);
            // Nobody is left.
            let with = ["01", "02", "03", "04"].map(ToOwned::to_owned);
            assert_eq!(names(&stacked(all(), &with).0)[SERIES..], ["01", "02", "03", "04"]);
            // Where there are few, all have one.
            assert_eq!(stacked((1..=10).map(one).collect(), &[]).0.len(), 10);
            assert_eq!(stacked(Vec::new(), &[]), (vec![], vec![]));
        }

        #[test]
        fn words_in_an_address_are_read_as_they_were_written() {
            let words = ["a", "b, c", series_word(None)];
            assert_eq!(unlisted(&listed(words)), words);
            assert!(unlisted("").is_empty());
        }
    }
}
