//! Alerts for programs, and how they are told to others: by this route and by the webhook alike.

use super::commands::check_type;
use super::error::{ApiError, Detail, FieldErrors, FieldErrorsOrDetail};
use super::params::Params;
use super::settings::content_length;
use super::{READ_AND_WRITE, Shared, body, json_body, keep_apart, options, refuse_method, reply, to_json};
use crate::access::Asking;
use crate::audit::{place, place_text};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bmw_domain::account::Right;
use bmw_domain::alert::{Alert, AlertKind};
use bmw_domain::field::FieldError;
use bmw_site::{AlertChoice, Caller, Site, place_of_alert};
use bmw_store::{AlertFilter, AlertPlace, AuditPlace};
use bytes::Bytes;
use http::Uri;
use http::header::EXPECT;
use std::sync::Arc;
use utoipa::ToSchema;

/// Alerts when nothing was said, and the most.
const USUAL: i64 = 100;
const MOST: i64 = 1_000;

pub(super) fn route() -> MethodRouter<Shared> {
    get(list)
        .post(acknowledge)
        .options(async || options(&READ_AND_WRITE))
        .fallback(async |request: Request| refuse_method(&request, &READ_AND_WRITE))
}

/// A part of the alerts.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertsAnswer {
    /// How many are open that nobody has acknowledged, whatever was asked for.
    unacknowledged: u64,
    /// The alerts: of those that are open the newest first, of those that have ended the one that ended last.
    alerts: Vec<AlertLine>,
    /// `before` of the next part; `null` when there is none.
    #[schema(required)]
    next: Option<String>,
}

/// An alert.
#[derive(Debug, Clone, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertLine {
    id: i64,
    /// `fault`: the charger says that it is faulted; `offline`: there is no contact with it; `stopped`: a session was stopped by
    /// nobody; `overload`: a phase of the site is at its limit.
    cause: &'static str,
    /// The code of a fault, or the reason of a stop, by the protocol's name; empty for none.
    #[schema(example = "GroundFailure")]
    code: String,
    /// The charger; `null` where it is about a phase.
    #[schema(required)]
    vchchargerid: Option<String>,
    /// The session that was stopped.
    #[schema(required)]
    intrecordid: Option<i32>,
    /// The phase that is at its limit: `A`, `B` or `C`.
    #[schema(required)]
    phase: Option<String>,
    /// What else is known, such as what the charger's vendor says of it; empty for nothing.
    detail: String,
    /// Since when its cause lasts, local; it became an alert later.
    since: String,
    /// The same in ms since 1970 in UTC.
    since_utc_ms: i64,
    /// How often it has begun: more than once where its cause came again within 15 minutes of its end.
    times: i32,
    /// When it ended, local; `null` while it is open.
    #[schema(required)]
    ended: Option<String>,
    /// When somebody acknowledged it, local.
    #[schema(required)]
    acknowledged: Option<String>,
    /// Who; empty for those who have not signed in.
    #[schema(required)]
    acknowledged_by: Option<String>,
}

/// What is acknowledged: of all that are open, those for which each part holds that is given.
#[derive(ToSchema)]
#[allow(dead_code)] // what `read` reads
pub(super) struct AlertsBody {
    /// The one of this id. This or `until` is needed.
    #[schema(example = 17)]
    id: Option<i64>,
    /// Those up to this id: what has begun since nobody has seen.
    until: Option<i64>,
    /// Those of this cause.
    #[schema(pattern = "^(fault|offline|stopped|overload)$")]
    cause: Option<String>,
    /// Those of this code.
    code: Option<String>,
}

/// What came of it.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertsAcknowledged {
    /// How many were acknowledged: 0 where somebody else was faster.
    acknowledged: usize,
}

/// An alert as it is told.
pub fn alert_line(site: &Site, alert: &Alert) -> AlertLine {
    let local = |at| site.clock().zone().local(at).with_t();
    let charger = alert.cause.charge_point();
    let acknowledged = alert.acknowledged.as_ref();
    AlertLine {
        id: alert.id,
        cause: alert.cause.kind().word(),
        code: alert.cause.code().to_owned(),
        vchchargerid: charger.and_then(|key| Some(site.present().get(key)?.charge_point.identity.to_string())),
        intrecordid: alert.cause.session().map(|id| id.0),
        phase: alert.cause.phase().map(|phase| phase.letter().to_string()),
        detail: alert.detail.clone(),
        since: local(alert.since),
        since_utc_ms: alert.since.0,
        times: alert.times,
        ended: alert.ended_at.map(local),
        acknowledged: acknowledged.map(|it| local(it.at)),
        acknowledged_by: acknowledged.map(|it| it.by.clone()),
    }
}

/// Alerts: what is open, or what has ended
///
/// Faults that last for 2 minutes, contact that is lost for 4, sessions that were stopped by nobody, and phases that are at their
/// limit for 1. About the newest 10000 that have ended are kept.
#[utoipa::path(
    get, path = "/api/alerts/", tag = "alerts",
    params(
        ("state" = Option<String>, Query, pattern = "^(open|ended)$", description = "`open`, as when it is absent, or `ended`.", example = "open"),
        ("cause" = Option<String>, Query, pattern = "^(fault|offline|stopped|overload)$", description = "Of this cause.", example = "fault"),
        ("charger_id" = Option<String>, Query, description = "Of this charger.", example = "10245006"),
        ("before" = Option<String>, Query, pattern = "^[0-9]{1,19}-[0-9]{1,18}$", description = "Below this place: `next` of the part before."),
        ("num" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many; 100 when it is absent.", example = 100),
    ),
    responses(
        (status = 200, body = AlertsAnswer, description = "The alerts"),
        (status = 400, body = FieldErrors, description = "A parameter is wrong"),
        (status = 404, body = Detail, description = "There is no such charger"),
    ),
)]
pub(super) async fn list(State(api): State<Shared>, Asking(caller): Asking, request: Request) -> Response {
    let mut response = reply(READ_AND_WRITE, answer(&api.app.site, request.uri(), &caller).await);
    keep_apart(&mut response);
    response
}

async fn answer(site: &Site, uri: &Uri, caller: &Caller) -> Result<Bytes, ApiError> {
    caller.check(Right::Read)?;
    let mut params = Params::new(uri);
    let is_ended = params.read("state", |word| match word {
        "open" => Ok(false),
        "ended" => Ok(true),
        _ => Err(FieldError::NotAChoice),
    });
    let kind = params.read("cause", |word| AlertKind::from_word(word).ok_or(FieldError::NotAChoice));
    let charger = params.text("charger_id");
    let before = params.read("before", |text| place(text).ok_or(FieldError::NotAChoice));
    let num = params.whole("num", 1..=MOST).unwrap_or(USUAL);
    params.finish()?;
    let charge_point = match charger {
        Some(charger) => Some(site.charge_point(Some(&charger)).ok_or(ApiError::NOT_FOUND)?.key),
        None => None,
    };
    let before = before.map(|AuditPlace { at, id }| AlertPlace { at, id });
    let filter = AlertFilter { kind, charge_point };
    let num = usize::try_from(num).unwrap_or_default();
    // One more than is given tells whether there is another part.
    let mut found: Vec<Arc<Alert>> = if is_ended == Some(true) {
        site.ended_alerts(filter, before, u32::try_from(num + 1).unwrap_or(u32::MAX), caller).await?
    } else {
        let is_wanted = |alert: &Arc<Alert>| {
            kind.is_none_or(|kind| kind == alert.cause.kind())
                && (charge_point.is_none() || charge_point == alert.cause.charge_point())
                && before.is_none_or(|before| alert.id < before.id)
        };
        site.open_alerts(caller)?.0.into_iter().filter(is_wanted).take(num + 1).collect()
    };
    let is_more = found.len() > num;
    found.truncate(num);
    let next = found.last().filter(|_| is_more).map(|last| place_of_alert(last));
    to_json(&AlertsAnswer {
        unacknowledged: site.pressing_alerts(),
        alerts: found.iter().map(|alert| alert_line(site, alert)).collect(),
        next: next.map(|AlertPlace { at, id }| place_text(AuditPlace { at, id })),
    })
}

/// Acknowledges alerts
///
/// Somebody has seen them: they are counted and told no more. One whose cause lasts stays open until that is gone; a stopped session
/// ends by it. An operator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/alerts/", tag = "alerts",
    security(("token" = []), ("session" = [])),
    request_body = AlertsBody,
    responses(
        (status = 200, body = AlertsAcknowledged, description = "It is done"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Not JSON"),
    ),
)]
pub(super) async fn acknowledge(State(api): State<Shared>, request: Request) -> Response {
    let mut response = reply(READ_AND_WRITE, acknowledge_body(&api, request).await);
    keep_apart(&mut response);
    response
}

async fn acknowledge_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = Asking::of(&parts.extensions);
    // Before the body is looked at: who may not is told that first.
    caller.check(Right::Command)?;
    check_type(&parts.headers)?;
    let bytes = body::read(body, content_length(&parts.headers), parts.headers.contains_key(EXPECT)).await?;
    let choice = read(&bytes)?;
    let acknowledged = api.app.site.acknowledge_alerts(&choice, &caller).await?;
    to_json(&AlertsAcknowledged { acknowledged })
}

fn read(bytes: &[u8]) -> Result<AlertChoice, ApiError> {
    let mut choice = AlertChoice::default();
    let mut errors = Vec::new();
    for (name, value) in json_body::object(bytes)? {
        let json = value.get();
        if json == "null" {
            continue;
        }
        let whole = || serde_json::from_str(json).map_err(|_| FieldError::NotWhole);
        let text = || json_body::text(json).ok_or(FieldError::NotText);
        let outcome = match name.as_str() {
            "id" => whole().map(|id| choice.id = Some(id)).map_err(|error| ("id", error)),
            "until" => whole().map(|id| choice.until = Some(id)).map_err(|error| ("until", error)),
            "cause" => text()
                .and_then(|word| AlertKind::from_word(&word).ok_or(FieldError::NotAChoice))
                .map(|kind| choice.kind = Some(kind))
                .map_err(|error| ("cause", error)),
            "code" => text().map(|code| choice.code = Some(code.into_owned())).map_err(|error| ("code", error)),
            _ => Ok(()),
        };
        errors.extend(outcome.err());
    }
    if errors.is_empty() && choice.id.is_none() && choice.until.is_none() {
        errors.push(("id", FieldError::Required));
    }
    if errors.is_empty() { Ok(choice) } else { Err(ApiError::Fields(errors)) }
}
