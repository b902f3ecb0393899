//! Sessions of the past.

#[cfg(feature = "ssr")]
use super::{DataError, Query, caller, site};
use bmw_domain::calendar::{Day, LocalTime};
use bmw_domain::energy::{ChargingTime, Energy};
use serde::{Deserialize, Serialize};

/// What the records page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// All identities, for the filter.
    pub identities: Vec<String>,
    /// The choices.
    pub filter: RecordsFilter,
    /// A day that could not be read, as it was typed.
    pub wrong_day: Option<String>,
    /// A part of the sessions, newest id first.
    pub sessions: Vec<RecordLine>,
    /// How many there are in all.
    pub count: u64,
    /// Their energy.
    pub energy: Energy,
    /// Their charging time.
    pub time: ChargingTime,
    /// Whether this is not the first part.
    pub is_later_part: bool,
    /// Where the next part begins.
    pub next: Option<i32>,
}

/// Which sessions are asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordsFilter {
    /// Of this charge point.
    pub charger: String,
    /// On or after this day.
    pub from: Day,
    /// On or before this day.
    pub to: Day,
    /// Started with this card.
    pub card: String,
    /// Finished or still running.
    pub finished: Option<bool>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Its number.
    pub id: i32,
    /// The charge point's own running number.
    pub cycle: Option<i32>,
    /// Its charge point.
    pub charger: String,
    /// Start.
    pub start: Option<LocalTime>,
    /// Real finish; `None` while it runs.
    pub finish: Option<LocalTime>,
    /// How long it took.
    pub time: Option<ChargingTime>,
    /// Its energy.
    pub energy: Energy,
    /// The card that started it.
    pub card: Option<String>,
}

#[cfg(feature = "ssr")]
pub(crate) use on_server::{RecordsQuestion, line};

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use bmw_domain::account::Right;
    use bmw_domain::record::{Transaction, TransactionId};
    use bmw_site::{Present, Site};
    use bmw_store::SessionFilter;

    /// Rows of one part.
    const ROWS: u32 = 50;
    /// Days that are shown when none were chosen.
    const USUAL_DAYS: i32 = 30;

    /// What a query string asks for.
    pub struct RecordsQuestion {
        pub filter: RecordsFilter,
        pub wrong_day: Option<String>,
        /// `None`: a charge point that does not exist, so nothing can be found.
        pub store_filter: Option<SessionFilter>,
    }

    impl RecordsQuestion {
        pub fn read(query: &Query, site: &Site, present: &Present) -> Self {
            let today = site.clock().today();
            let day = |name: &str| query.get(name).map(|text| Day::parse(text).ok_or(text));
            let (from, to) = (day("from"), day("to"));
            let wrong_day = [from, to].into_iter().flatten().find_map(Result::err).map(ToOwned::to_owned);
            let to = to.and_then(Result::ok).unwrap_or(today);
            let from = from.and_then(Result::ok).unwrap_or_else(|| to.plus(1 - USUAL_DAYS));
            let filter = RecordsFilter {
                charger: query.get("charger").unwrap_or_default().to_owned(),
                from,
                to,
                card: query.get("card").unwrap_or_default().to_owned(),
                finished: match query.get("state") {
                    Some("finished") => Some(true),
                    Some("running") => Some(false),
                    _ => None,
                },
            };
            let charge_point = match filter.charger.as_str() {
                "" => Some(None),
                id => present.find(id).map(|charger| Some(charger.key)),
            };
            // No card has a NUL in its number, and PostgreSQL knows no such text.
            let charge_point = charge_point.filter(|_| !filter.card.contains('\0'));
            let store_filter = charge_point.map(|charge_point| SessionFilter {
                charge_point,
                // The other way round is meant the right way round.
                from: Some(from.min(to)),
                to: Some(from.max(to)),
                id_tag: Some(filter.card.clone()).filter(|card| !card.is_empty()),
                finished: filter.finished,
            });
            Self { filter, wrong_day, store_filter }
        }
    }

    /// Everything that the page shows, by its query string. Those who may not see cards ask for none.
    pub async fn records(query: &Query) -> Result<Records, DataError> {
        let site = site()?;
        let present = site.present().clone();
        let is_open = caller().may(Right::ReadSensitive);
        let query = &if is_open { query.clone() } else { query.clone().without("card") };
        let question = RecordsQuestion::read(query, &site, &present);
        let before = query.get("before").and_then(|text| text.parse().ok()).map(TransactionId);
        let (mut found, mut totals) = (Vec::new(), (0, Energy::ZERO, ChargingTime::default()));
        if let Some(filter) = &question.store_filter {
            // One more than is shown tells whether there is another part.
            let page = site.find_sessions(filter, before, ROWS + 1, &caller()).await?;
            found = page.sessions;
            totals = (page.count, page.energy, page.time);
        }
        let is_more = found.len() > ROWS as usize;
        found.truncate(ROWS as usize);
        Ok(Records {
            identities: present.by_identity().map(|charger| charger.charge_point.identity.to_string()).collect(),
            filter: question.filter,
            wrong_day: question.wrong_day,
            next: found.last().filter(|_| is_more).map(|session| session.id.0),
            sessions: found.iter().map(|session| line(&site, &present, session)).collect(),
            count: totals.0,
            energy: totals.1,
            time: totals.2,
            is_later_part: before.is_some(),
        })
    }

    pub fn line(site: &Site, present: &Present, session: &Transaction) -> RecordLine {
        let local = |at: Option<_>| at.map(|at| site.clock().zone().local(at));
        let charger = present.get(session.charge_point);
        RecordLine {
            id: session.id.0,
            cycle: session.cycle,
            charger: charger.map(|charger| charger.charge_point.identity.to_string()).unwrap_or_default(),
            start: local(session.started_at),
            finish: local(session.finished_at),
            time: session.duration(),
            // While it runs, its energy is known to memory.
            energy: charger
                .and_then(|charger| charger.running.iter().find(|running| running.transaction.id == session.id))
                .map_or(session.energy, |running| running.transaction.energy),
            card: session.id_tag.clone(),
        }
    }
}
