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
    /// The periods, oldest first.
    pub labels: Vec<String>,
    /// The series. One without name holds the sum of all, or of all that have no series of their own.
    pub series: Vec<EnergySeries>,
    /// The sum of all.
    pub total: Energy,
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

    /// Colours that can be told apart; the rest is shown as one series.
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
            phases: phases(&present, now.at),
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
        let (series, number) = site
            .with_numbered_sums(|sums| match &charger {
                // An unknown charge point has charged nothing (reading guide, 3.1).
                Some(id) => {
                    let energies = present.find(id).map(|charger| sums.of(charger.key, window));
                    let energies = energies.unwrap_or_else(|| vec![Energy::ZERO; window.length]);
                    vec![EnergySeries { name: Some(id.clone()), energies }]
                }
                None if by_charger => stacked(sums, present, window),
                None => vec![EnergySeries { name: None, energies: sums.of_all(window) }],
            })
            .await?;
        let total = series.iter().flat_map(|series| series.energies.iter().copied()).sum();
        let labels = window.labels().collect();
        Ok((EnergyChart { by_charger, period, count, charger, labels, series, total }, number))
    }

    /// The charge points that charged most, each with a series of its own, by identity; the others joined.
    fn stacked(sums: &EnergySums, present: &Present, window: Window) -> Vec<EnergySeries> {
        let mut series: Vec<(Energy, EnergySeries)> = present
            .by_identity()
            .map(|charger| {
                let energies = sums.of(charger.key, window);
                let name = Some(charger.charge_point.identity.to_string());
                (energies.iter().copied().sum(), EnergySeries { name, energies })
            })
            .filter(|(total, _)| *total > Energy::ZERO)
            .collect();
        if series.len() > SERIES + 1 {
            series.sort_by_key(|(total, _)| Reverse(*total));
            let rest = series.split_off(SERIES);
            let mut joined = vec![Energy::ZERO; window.length];
            for (_, other) in &rest {
                joined.iter_mut().zip(&other.energies).for_each(|(sum, energy)| *sum += *energy);
            }
            series.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
            series.push((Energy::ZERO, EnergySeries { name: None, energies: joined }));
        }
        series.into_iter().map(|(_, series)| series).collect()
    }
}
