//! What happened at a charge point, newest first: connections, starts, status, sessions, and what cannot be quite right.

use super::Moment;
use crate::text::Both;
use bmw_domain::charger::{FindingKind, HappeningKind};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// When.
    pub at: Moment,
    /// What.
    pub what: EventWhat,
    /// The connector, where it is about one; 0 is the whole charge point.
    pub connector: Option<i32>,
    /// What else is known of it.
    pub detail: Both,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EventWhat {
    /// The charge point told it, or was noticed to be gone; with a status where it has one.
    Happened(HappeningKind, Option<String>),
    /// A session has begun.
    Begun(i32),
    /// A session has ended.
    Ended(i32),
    /// Something cannot be quite right.
    Found(FindingKind),
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::{DataError, moment};
    use crate::text::format::{kwh_3, with_unit};
    use bmw_domain::calendar::Timestamp;
    use bmw_domain::record::ChargePointKey;
    use bmw_site::{Caller, Site};
    use bmw_store::SessionFilter;
    use std::cmp::Reverse;

    /// The newest events of a charge point, newest first.
    pub async fn events(
        site: &Site,
        charger: ChargePointKey,
        most: u32,
        caller: &Caller,
    ) -> Result<Vec<EventLine>, DataError> {
        let filter = SessionFilter { charge_point: Some(charger), ..SessionFilter::default() };
        let (happenings, findings, sessions) = (
            site.happenings(charger, most, caller).await?,
            site.findings(Some(charger), most, caller).await?,
            site.find_sessions(&filter, None, most, caller).await?.sessions,
        );
        let line = |at: Timestamp, what, connector, detail| EventLine { at: moment(site, at), what, connector, detail };
        let mut events: Vec<EventLine> = Vec::new();
        for it in happenings {
            let detail = Both::of(|lang| lang.happening_detail(&it));
            events.push(line(it.at, EventWhat::Happened(it.kind, it.status), it.connector, detail));
        }
        for it in findings {
            let detail = Both::of(|lang| lang.finding_values(&it.detail));
            events.push(line(it.at, EventWhat::Found(it.kind), it.connector, detail));
        }
        for it in sessions {
            let card = it.id_tag.unwrap_or_default();
            events.extend(it.started_at.map(|at| line(at, EventWhat::Begun(it.id.0), None, Both::Same(card))));
            let energy = with_unit(kwh_3(it.energy), "kWh");
            events.extend(it.finished_at.map(|at| line(at, EventWhat::Ended(it.id.0), None, Both::Same(energy))));
        }
        // Of one moment, the later told one comes first.
        events.sort_by_key(|event| Reverse(event.at.at));
        events.truncate(most as usize);
        Ok(events)
    }
}
