//! Charge points now: 2.1, 2.6, 2.8, 2.9, 2.12, 2.14.

use super::error::{ApiError, Detail, FieldErrors};
use super::params::Params;
use super::sessions::{self, DayRecords};
use super::{Shared, reply_read, to_json};
use axum::extract::{Request, State};
use axum::response::Response;
use bmw_domain::status::{self, STATE_NAMES};
use bmw_site::{ChargePointNow, Present, Statistics};
use bytes::Bytes;
use http::Uri;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use std::sync::Arc;
use utoipa::ToSchema;

/// A charger with its state and model (2.1). What the state or the model would give is null when there is none.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChargerDetails)]
pub(super) struct ChargerDetails<'a> {
    #[schema(example = "10245006")]
    vchchargerid: &'a str,
    #[serde(rename = "vchModelID")]
    model_id: &'a str,
    #[schema(required)]
    vchvenderid: Option<&'a str>,
    #[serde(rename = "vchSerialNo")]
    #[schema(required)]
    serial_number: Option<&'a str>,
    #[serde(rename = "vchFirmwareVer")]
    #[schema(required)]
    firmware_version: Option<&'a str>,
    /// kWh, exact to the Wh.
    #[serde(rename = "dblAccumlatedPower")]
    #[schema(required)]
    total_energy: Option<f64>,
    /// Minutes.
    #[serde(rename = "dblAccumlatedMinute")]
    #[schema(required)]
    total_minutes: Option<f64>,
    #[serde(rename = "vchIP")]
    #[schema(required)]
    ip: Option<&'a str>,
    #[serde(rename = "vchMac")]
    #[schema(required)]
    mac: Option<&'a str>,
    #[serde(rename = "vchSoket")]
    #[schema(required)]
    socket: Option<&'a str>,
    #[schema(required)]
    vchstate: Option<&'a str>,
    #[schema(required)]
    intcurrentfeedback: Option<i32>,
    #[schema(required)]
    intcurrent: Option<i32>,
    #[schema(required)]
    intchargingcurrent: Option<i32>,
    /// Wh of the running or the last session.
    #[schema(required)]
    intconsumedenergy: Option<i32>,
    /// Whole minutes of the running or the last session.
    #[serde(rename = "intElapsedTime")]
    #[schema(required)]
    session_minutes: Option<i32>,
    #[schema(required)]
    intchargingphase: Option<i32>,
    #[schema(required)]
    vchcommand: Option<&'a str>,
    #[schema(required)]
    dblmaxcurrent: Option<f64>,
    #[schema(required)]
    dblmincurrent: Option<f64>,
    #[serde(rename = "intMaxPhase")]
    #[schema(required)]
    max_phases: Option<i32>,
}

impl<'a> ChargerDetails<'a> {
    fn of(now: &'a ChargePointNow) -> Self {
        let charge_point = &now.charge_point;
        let state = now.state.as_ref();
        let model = now.model.as_deref();
        Self {
            vchchargerid: charge_point.identity.as_str(),
            model_id: &charge_point.model_id,
            vchvenderid: charge_point.vendor.as_deref(),
            serial_number: charge_point.serial_number.as_deref(),
            firmware_version: charge_point.firmware_version.as_deref(),
            total_energy: charge_point.total_energy.map(bmw_domain::energy::Energy::kwh),
            total_minutes: charge_point.total_time.map(bmw_domain::energy::ChargingTime::minutes),
            ip: charge_point.ip.as_deref(),
            mac: charge_point.mac.as_deref(),
            socket: state.and_then(|state| state.socket.as_deref()),
            vchstate: now.state_name(),
            intcurrentfeedback: state.and_then(|state| state.current_offered),
            intcurrent: state.and_then(|state| state.current_limit),
            intchargingcurrent: state.and_then(|state| state.current),
            intconsumedenergy: state.and_then(|state| state.session_energy),
            session_minutes: state.and_then(|state| state.session_minutes),
            intchargingphase: state.and_then(|state| state.phases),
            vchcommand: now.command(),
            dblmaxcurrent: model.and_then(|model| model.max_current),
            dblmincurrent: model.and_then(|model| model.min_current),
            max_phases: model.and_then(|model| model.phases),
        }
    }
}

/// The answer of 2.1.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChargerDetailsAnswer)]
pub(super) struct ChargerDetailsAnswer<'a> {
    result: ChargerDetails<'a>,
}

/// With `date` the sessions of that day (2.2), without it the charger (2.1).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DetailsOrSessions)]
#[allow(dead_code, clippy::large_enum_variant)] // for the OpenAPI document
enum DetailsOrSessions<'a> {
    /// 2.1
    Charger(ChargerDetailsAnswer<'a>),
    /// 2.2
    Sessions(DayRecords),
}

/// Charger details (2.1), or with `date` the sessions of a day (2.2)
///
/// Without `charger_id` the answer is about the configured default charger, else the one with the newest contact, else
/// the one with the lowest id. With `date` it lists sessions by id, of all chargers or of `charger_id`; a session belongs to the
/// day it really finished, while it has not to the day it started, else was queued.
#[utoipa::path(
    get, path = "/api/charger/details/", tag = "chargers",
    params(
        ("charger_id" = Option<String>, Query, description = "Which charger.", example = "10245006"),
        ("date" = Option<String>, Query, format = Date, description = "Which day, `YYYY-MM-DD`: the answer is that of 2.2 then.",
            example = "2015-11-24"),
    ),
    responses(
        (status = 200, body = DetailsOrSessions<'static>, description = "The charger, or the day's sessions"),
        (status = 400, body = FieldErrors, description = "A parameter is wrong"),
        (status = 404, body = Detail, description = "Without `date`: there is no such charger, or no charger at all"),
    ),
)]
pub(super) async fn details(State(api): State<Shared>, request: Request) -> Response {
    reply_read(details_or_sessions(&api, request.uri()).await)
}

async fn details_or_sessions(api: &Shared, uri: &Uri) -> Result<Bytes, ApiError> {
    let mut params = Params::new(uri);
    let charger = params.text("charger_id");
    let day = params.day("date");
    params.finish()?;
    if let Some(day) = day {
        return sessions::lines(api, day, charger.as_deref()).await;
    }
    let now = api.app.site.charge_point(charger.as_deref()).ok_or(ApiError::NOT_FOUND)?;
    to_json(&ChargerDetailsAnswer { result: ChargerDetails::of(&now) })
}

/// Counts and sums over all chargers (2.6).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Overview {
    /// Chargers that have a state.
    #[schema(minimum = 0, example = 13)]
    total_charger: u64,
    /// kWh over the life of all chargers, 2 decimals.
    #[schema(example = 12214.54)]
    accumulate_power: f64,
    /// Minutes of charging over the life of all chargers, 2 decimals.
    #[schema(example = 4230.0)]
    accumulate_minutes: f64,
    /// Chargers that are in use.
    #[schema(minimum = 0, example = 0)]
    total_charging: u64,
}

/// Counts and sums over all chargers (2.6)
#[utoipa::path(
    get, path = "/api/charger/info/statistic/", tag = "chargers",
    responses((status = 200, body = Overview, description = "Counts and sums")),
)]
pub(super) async fn overview(State(api): State<Shared>) -> Response {
    let statistics = *api.app.site.present().statistics();
    reply_read(to_json(&Overview {
        total_charger: statistics.with_state,
        accumulate_power: statistics.energy.kwh_2(),
        accumulate_minutes: statistics.time.minutes_2(),
        total_charging: statistics.in_use,
    }))
}

/// A charger with its state (2.8).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecentState)]
pub(super) struct RecentState<'a> {
    #[schema(example = "60303001")]
    vchchargerid: &'a str,
    #[schema(required, example = "BootUp")]
    vchstate: Option<&'a str>,
    #[schema(required, example = "BootNotification")]
    vchcommand: Option<&'a str>,
}

impl<'a> RecentState<'a> {
    pub(super) fn of(now: &'a ChargePointNow) -> Self {
        Self { vchchargerid: now.charge_point.identity.as_str(), vchstate: now.state_name(), vchcommand: now.command() }
    }
}

/// The answer of 2.8.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecentStates)]
#[allow(dead_code)] // for the OpenAPI document: the answer is cut out of one that is kept
struct RecentStates<'a> {
    result: Vec<RecentState<'a>>,
}

/// Chargers by their newest contact (2.8)
///
/// Chargers that have a state, newest contact first (none last), then the higher id.
#[utoipa::path(
    get, path = "/api/recent/charger/state/list/", tag = "chargers",
    params(("num" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many; 10 when it is absent.", example = 10)),
    responses(
        (status = 200, body = RecentStates<'static>, description = "The chargers"),
        (status = 400, body = FieldErrors, description = "`num` is wrong"),
    ),
)]
pub(super) async fn recent_states(State(api): State<Shared>, request: Request) -> Response {
    let answer = || {
        let mut params = Params::new(request.uri());
        let num = params.whole("num", 1..=1000).unwrap_or(10);
        params.finish()?;
        kept(api.rendered().recent_states(usize::try_from(num).unwrap_or_default()))
    };
    reply_read(answer())
}

/// The share of each state in percent (2.9): 16 objects of one key, in the documented order.
#[derive(Debug)]
pub(super) struct StateShares([u32; 16]);

impl StateShares {
    pub(super) fn of(statistics: &Statistics) -> Self {
        Self(status::percentages(statistics.by_state))
    }
}

impl Serialize for StateShares {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Share(&'static str, u32);
        impl Serialize for Share {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(self.0, &(f64::from(self.1) / 100.0))?;
                map.end()
            }
        }
        let shares: Vec<_> = STATE_NAMES.into_iter().zip(self.0).map(|(name, share)| Share(name, share)).collect();
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("result", &shares)?;
        map.end()
    }
}

/// The share of each state in percent (2.9)
///
/// Of the chargers that have a state. The shares have 2 decimals and add up to 100 exactly; without any state all are 0.
#[utoipa::path(
    get, path = "/api/charger/state/statistic/", tag = "chargers",
    responses((status = 200, body = inline(super::openapi::StateSharesAnswer), description = "16 objects of one key each")),
)]
pub(super) async fn state_shares(State(api): State<Shared>) -> Response {
    reply_read(kept(api.rendered().state_shares()))
}

/// The ids of all chargers (2.12).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IdentityList)]
pub(super) struct IdentityList<'a> {
    #[schema(example = json!(["21509005"]))]
    chargers: Vec<&'a str>,
}

impl<'a> IdentityList<'a> {
    pub(super) fn of(present: &'a Present) -> Self {
        Self { chargers: present.by_identity().map(|now| now.charge_point.identity.as_str()).collect() }
    }
}

/// The ids of all chargers (2.12)
///
/// Sorted by code point.
#[utoipa::path(
    get, path = "/api/charger/id/list/", tag = "chargers",
    responses((status = 200, body = IdentityList<'static>, description = "The ids")),
)]
pub(super) async fn identities(State(api): State<Shared>) -> Response {
    reply_read(kept(api.rendered().identities()))
}

/// A charger in the list of devices (2.14).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ListedCharger)]
#[allow(clippy::struct_field_names)] // the document's
pub(super) struct ListedCharger<'a> {
    #[schema(example = "00504001")]
    vch_charger_id: &'a str,
    #[schema(required, example = "271015 ")]
    vch_firmware_ver: Option<&'a str>,
    vch_model_id: &'a str,
    #[schema(required, example = "BootUp")]
    vch_state: Option<&'a str>,
}

/// The answer of 2.14.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChargerList)]
pub(super) struct ChargerList<'a> {
    data: Vec<ListedCharger<'a>>,
}

impl<'a> ListedCharger<'a> {
    pub(super) fn all(present: &'a Present) -> ChargerList<'a> {
        let listed = |now: &'a Arc<ChargePointNow>| Self {
            vch_charger_id: now.charge_point.identity.as_str(),
            vch_firmware_ver: now.charge_point.firmware_version.as_deref(),
            vch_model_id: &now.charge_point.model_id,
            vch_state: now.state_name(),
        };
        ChargerList { data: present.charge_points().iter().map(listed).collect() }
    }
}

/// All chargers (2.14)
///
/// In the order in which they were added.
#[utoipa::path(
    get, path = "/api/charger/list/", tag = "chargers",
    responses((status = 200, body = ChargerList<'static>, description = "The chargers")),
)]
pub(super) async fn list(State(api): State<Shared>) -> Response {
    reply_read(kept(api.rendered().list()))
}

/// An answer that is kept. Serde does not fail for these types.
fn kept(answer: Option<Bytes>) -> Result<Bytes, ApiError> {
    answer.ok_or_else(|| ApiError::detail(http::StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong inside."))
}
