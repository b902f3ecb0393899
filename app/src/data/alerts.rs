//! Alerts as the pages show them.

#[cfg(feature = "ssr")]
use super::{DataError, Query, caller, moment, now, site};
use super::{Moment, Told};
use bmw_domain::alert::AlertKind;
use serde::{Deserialize, Serialize};

/// What the alerts page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertsPage {
    /// When this was.
    pub now: Moment,
    /// The number of the last change of an alert: the feed tells of later ones.
    pub number: i64,
    /// What is open, by cause: first what nobody has seen, then the newest.
    pub open: Vec<AlertGroup>,
    /// A part of those that have ended, the one that ended last first.
    pub ended: Vec<AlertEntry>,
    /// Whether this is not the first part.
    pub is_later_part: bool,
    /// Where the next part begins.
    pub next: Option<String>,
    /// Where alerts are told to, for those who have signed in; the inner one is `None` where that is nowhere.
    pub webhook: Option<Option<WebhookLine>>,
    /// What came of an acknowledgement.
    pub told: Told,
}

/// Alerts of one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertGroup {
    /// The kind of the cause.
    pub kind: AlertKind,
    /// What the charge points call it; empty for nothing.
    pub code: String,
    /// How many there are.
    pub count: u32,
    /// How many of them nobody has seen.
    pub pressing: u32,
    /// The number of the newest: what has begun since, a press does not acknowledge.
    pub until: i64,
    /// The newest of them.
    pub alerts: Vec<AlertEntry>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEntry {
    /// Its number.
    pub id: i64,
    /// The kind of its cause.
    pub kind: AlertKind,
    /// What the charge point calls it.
    pub code: String,
    /// The charge point, or the letter of the phase.
    pub subject: String,
    /// The session that was stopped.
    pub record: Option<i32>,
    /// What else is known.
    pub detail: String,
    /// Since when its cause lasts.
    pub since: Moment,
    /// How often it has begun.
    pub times: i32,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Who has seen it, and when; nobody's name for those who have not signed in.
    pub seen: Option<(String, Moment)>,
}

/// Where alerts are told to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookLine {
    /// The host.
    pub host: String,
    /// When it was told last, and why it did not take that.
    pub last: Option<(Moment, Option<String>)>,
}

/// The word of the form by which alerts are acknowledged, in the place of a command's.
pub const ACKNOWLEDGE: &str = "acknowledge";

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::audit::{place, place_text};
    use crate::data::refused::Refused;
    use crate::data::settings::Typed;
    use crate::state::{AppState, Webhook};
    use bmw_domain::account::Right;
    use bmw_domain::alert::Alert;
    use bmw_site::{AlertChoice, Caller, Site, place_of_alert};
    use bmw_store::{AlertFilter, AlertPlace, AuditPlace};
    use leptos::prelude::use_context;
    use std::sync::Arc;

    /// Rows of one part of the history.
    const ROWS: usize = 30;
    /// Alerts of a group that are shown: where a thousand have lost contact, nobody reads them one by one.
    const SHOWN: usize = 50;

    /// Everything that the page shows, by its query string.
    pub async fn alerts(query: &Query) -> Result<AlertsPage, DataError> {
        let (site, caller) = (site()?, caller());
        let (open, number) = site.open_alerts(&caller)?;
        let before = query.get("before").and_then(place).map(|AuditPlace { at, id }| AlertPlace { at, id });
        // One more than is shown tells whether there is another part.
        let limit = u32::try_from(ROWS + 1).unwrap_or(u32::MAX);
        let mut ended = site.ended_alerts(AlertFilter::default(), before, limit, &caller).await?;
        let is_more = ended.len() > ROWS;
        ended.truncate(ROWS);
        let next = ended.last().filter(|_| is_more).map(|last| place_of_alert(last));
        let webhook = use_context::<AppState>().and_then(|state| state.webhook);
        Ok(AlertsPage {
            now: now(&site),
            number,
            open: groups(&site, &open),
            ended: ended.iter().map(|alert| entry(&site, alert)).collect(),
            is_later_part: before.is_some(),
            next: next.map(|AlertPlace { at, id }| place_text(AuditPlace { at, id })),
            webhook: caller.may(Right::ReadSensitive).then(|| webhook.map(|webhook| line(&site, &webhook))),
            told: Told::of(query, &site),
        })
    }

    /// Puts together what has one cause, the newest first as it came.
    fn groups(site: &Site, open: &[Arc<Alert>]) -> Vec<AlertGroup> {
        let mut groups: Vec<AlertGroup> = Vec::new();
        for alert in open {
            let (kind, code) = (alert.cause.kind(), alert.cause.code());
            let known = groups.iter().position(|group| group.kind == kind && group.code == code);
            let place = known.unwrap_or_else(|| {
                let (code, alerts) = (code.to_owned(), Vec::new());
                groups.push(AlertGroup { kind, code, count: 0, pressing: 0, until: alert.id, alerts });
                groups.len() - 1
            });
            let group = &mut groups[place];
            group.count += 1;
            group.pressing += u32::from(alert.is_pressing());
            if group.alerts.len() < SHOWN {
                group.alerts.push(entry(site, alert));
            }
        }
        // Stable: of two that are alike the newer one stays first.
        groups.sort_by_key(|group| group.pressing == 0);
        groups
    }

    fn entry(site: &Site, alert: &Alert) -> AlertEntry {
        let charger = alert.cause.charge_point().map(|key| {
            let present = site.present();
            present.get(key).map(|now| now.charge_point.identity.to_string()).unwrap_or_default()
        });
        let phase = || alert.cause.phase().map(|phase| phase.letter().to_string());
        AlertEntry {
            id: alert.id,
            kind: alert.cause.kind(),
            code: alert.cause.code().to_owned(),
            subject: charger.or_else(phase).unwrap_or_default(),
            record: alert.cause.session().map(|id| id.0),
            detail: alert.detail.clone(),
            since: moment(site, alert.since),
            times: alert.times,
            ended: alert.ended_at.map(|at| moment(site, at)),
            seen: alert.acknowledged.as_ref().map(|seen| (seen.by.clone(), moment(site, seen.at))),
        }
    }

    fn line(site: &Site, webhook: &Webhook) -> WebhookLine {
        let last = webhook.last().map(|delivery| (moment(site, delivery.at), delivery.failed));
        WebhookLine { host: webhook.host.clone(), last }
    }

    /// Acknowledges what a form names: how many there were, or what is wrong.
    pub async fn acknowledge(site: &Site, values: &Typed, caller: &Caller) -> Result<Result<u32, Refused>, DataError> {
        // Before anything is looked at: who may not is told that first.
        caller.check(Right::Command)?;
        let number = |name: &str| values.get(name).and_then(|text| text.parse().ok());
        let choice = AlertChoice {
            id: number("id"),
            until: number("until"),
            kind: values.get("cause").and_then(|word| AlertKind::from_word(word)),
            code: values.get("code").cloned(),
        };
        if choice.id.is_none() && choice.until.is_none() {
            return Ok(Err(Refused::NoAlert));
        }
        let count = site.acknowledge_alerts(&choice, caller).await?;
        Ok(Ok(u32::try_from(count).unwrap_or(u32::MAX)))
    }
}
