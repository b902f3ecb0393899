//! The device list.

use super::{CommandLine, FindingLine, JoiningLine, Lines, Moment, Phases, Tiles, Told};
#[cfg(feature = "ssr")]
use super::{DataError, Query, has_simulator, lines, moment, now, phases, role, site, tiles};
use crate::text::Both;
use serde::{Deserialize, Serialize};

/// What the devices page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Devices {
    /// When this was.
    pub now: Moment,
    /// The four tiles.
    pub tiles: Tiles,
    /// The phase gauges.
    pub phases: Phases,
    /// The charge points that draw current.
    pub currents: Vec<CurrentLine>,
    /// The number of the session that has ended last: the feed tells those that have ended since.
    pub number: i64,
    /// The charge points that the filter lets through, sorted.
    pub chargers: Vec<DeviceLine>,
    /// How many there are in all.
    pub count: usize,
    /// The states that occur, for the filter.
    pub states: Vec<String>,
    /// The choices.
    pub search: String,
    /// Only charge points in this state.
    pub state: String,
    /// What they are sorted by.
    pub sort: DeviceSort,
    /// What came of giving commands.
    pub told: Told,
    /// Charge points that nobody knows and that asked to come in.
    pub joining: Vec<JoiningLine>,
    /// The number of their last change: the feed tells when there is a newer one.
    pub joining_number: i64,
    /// What an operator should see, newest first.
    pub findings: Vec<FindingLine>,
    /// Whether there is a page to play with simulated charge points.
    pub has_simulator: bool,
    /// The commands for several at once, as markup.
    pub bulk: Both,
}

/// The current of one charge point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentLine {
    /// Its identity.
    pub id: String,
    /// What its lines draw.
    pub lines: Lines,
    /// The most that it may draw, A.
    pub limit: Option<i32>,
    /// How many phases it has.
    pub phases: Option<i32>,
}

/// A charge point in the device list (2.14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceLine {
    /// Its identity.
    pub id: String,
    /// Firmware version.
    pub firmware: String,
    /// Model.
    pub model: String,
    /// Its state's name.
    pub state: Option<String>,
    /// When it was last heard of.
    pub contact: Option<Moment>,
    /// Whether it is in contact.
    pub online: bool,
    /// Whether a session runs.
    pub is_charging: bool,
    /// Its newest command since the site was started.
    pub command: Option<CommandLine>,
}

/// What the device list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceSort {
    /// The order in which they were added, as in 2.14.
    Added,
    /// Identity.
    Id,
    /// State.
    State,
    /// Newest contact first.
    Contact,
}

impl DeviceSort {
    /// All, with their words in the address.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Added, ""), (Self::Id, "id"), (Self::State, "state"), (Self::Contact, "contact")];
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::caller;
    use crate::data::commands::on_server::{findings, joining, line};
    use crate::pages::still;
    use bmw_domain::calendar::Timestamp;
    use bmw_site::ChargePointNow;
    use std::cmp::Reverse;
    use std::sync::Arc;

    /// Everything that the page shows, by its query string.
    pub async fn devices(query: &Query) -> Result<Devices, DataError> {
        let site = site()?;
        let news = site.session_news().await?;
        let present = site.present().clone();
        let now = now(&site);
        let search = query.get("search").unwrap_or_default().trim().to_lowercase();
        let state = query.get("state").unwrap_or_default();
        let sort = query
            .get("sort")
            .and_then(|word| DeviceSort::ALL.into_iter().find(|(_, known)| *known == word))
            .map_or(DeviceSort::Added, |(sort, _)| sort);
        let mut chosen: Vec<&Arc<ChargePointNow>> = present
            .charge_points()
            .iter()
            .filter(|charger| {
                state.is_empty() || charger.state_name().is_some_and(|name| name.eq_ignore_ascii_case(state))
            })
            .filter(|charger| search.is_empty() || is_found(charger, &search))
            .collect();
        match sort {
            DeviceSort::Added => {}
            DeviceSort::Id => chosen.sort_by(|a, b| a.charge_point.identity.cmp(&b.charge_point.identity)),
            DeviceSort::State => chosen.sort_by_key(|charger| charger.state_name().map(str::to_ascii_lowercase)),
            DeviceSort::Contact => chosen.sort_by_key(|charger| Reverse(charger.last_contact())),
        }
        let mut states: Vec<String> =
            present.charge_points().iter().filter_map(|charger| charger.state_name().map(ToOwned::to_owned)).collect();
        states.sort_by_key(|state| state.to_ascii_lowercase());
        states.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        let commands = site.newest_commands_for(&caller());
        // First the number: those that ask are never older.
        let joining_number = site.joining_number();
        let mut devices = Devices {
            now,
            tiles: tiles(&present, news.sessions),
            number: news.number,
            phases: phases(&site, &present, now.at),
            currents: present.by_identity().filter_map(|charger| current(charger, now.at)).collect(),
            chargers: chosen
                .into_iter()
                .map(|charger| DeviceLine {
                    id: charger.charge_point.identity.to_string(),
                    firmware: charger.charge_point.firmware_version.clone().unwrap_or_default(),
                    model: charger.charge_point.model_id.clone(),
                    state: charger.state_name().map(ToOwned::to_owned),
                    contact: charger.last_contact().map(|at| moment(&site, at)),
                    online: charger.is_online(),
                    is_charging: !charger.running.is_empty(),
                    command: commands.get(&charger.key).map(|command| line(&site, command)),
                })
                .collect(),
            count: present.charge_points().len(),
            states,
            search: query.get("search").unwrap_or_default().to_owned(),
            state: state.to_owned(),
            sort,
            told: Told::of(query, &site),
            joining: joining(&site),
            joining_number,
            findings: findings(&site, None).await?,
            has_simulator: has_simulator(),
            bulk: Both::Same(String::new()),
        };
        let role = role();
        devices.bulk = Both::of(|lang| still::bulk(lang, &devices, role).into_string());
        Ok(devices)
    }

    fn is_found(charger: &ChargePointNow, search: &str) -> bool {
        let point = &charger.charge_point;
        [point.identity.as_str(), &point.model_id, point.firmware_version.as_deref().unwrap_or_default()]
            .iter()
            .any(|text| text.to_lowercase().contains(search))
    }

    /// A charge point that draws current, or might.
    fn current(charger: &ChargePointNow, now: Timestamp) -> Option<CurrentLine> {
        let lines = Some(lines(charger, now)).filter(Lines::is_live)?;
        let state = charger.state.as_ref();
        Some(CurrentLine {
            id: charger.charge_point.identity.to_string(),
            lines,
            limit: state.and_then(|state| state.current_limit),
            phases: state.and_then(|state| state.phases),
        })
    }
}
