//! Sums of energy for the charts: 2.10, 2.11, 3.1, 3.2.

use super::error::{ApiError, FieldErrors};
use super::json::JsonWriter;
use super::params::Params;
use super::{Shared, reply_read};
use axum::extract::{Request, State};
use axum::response::Response;
use bmw_domain::calendar::Period;
use bmw_domain::energy::Energy;
use bmw_domain::field::{self, FieldError};
use bmw_site::{EnergySums, Window};
use bytes::Bytes;
use http::Uri;
use std::sync::Arc;
use utoipa::ToSchema;

/// Energy by month (2.10).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct MonthlyEnergy {
    /// Months, newest first.
    #[schema(min_items = 6, max_items = 6, example = json!(["2015-12", "2015-11"]))]
    x: Vec<String>,
    /// kWh
    #[schema(min_items = 6, max_items = 6, example = json!([60.931, 91.871]))]
    y: Vec<f64>,
}

/// Energy of one charger by month (2.11).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct ChargerMonths {
    #[schema(example = "21509001")]
    charger_id: String,
    /// kWh
    #[schema(min_items = 12, max_items = 12)]
    y: Vec<f64>,
    /// Months, oldest first.
    #[schema(min_items = 12, max_items = 12)]
    x: Vec<String>,
}

/// The answer of 2.11.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct ChargersMonths {
    data: Vec<ChargerMonths>,
}

/// Energy by year, month or day (3.1).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct TotalEnergy {
    /// `2019`, `2019-06` or `2019-06-15`, oldest first.
    x: Vec<String>,
    /// kWh
    y: Vec<f64>,
    /// The sum of `y`.
    total: f64,
}

/// Energy of one charger by year, month or day (3.2).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct ChargerEnergy {
    #[schema(example = "05010210")]
    charger_id: String,
    /// `2019`, `2019-06` or `2019-06-15`, oldest first.
    x: Vec<String>,
    /// kWh
    y: Vec<f64>,
    /// The sum of `y`.
    total: f64,
}

/// Energy of the 6 newest months (2.10)
///
/// Of all chargers or of one, newest month first. An unknown charger has zeros.
#[utoipa::path(
    get, path = "/api/monthly/energy/", tag = "energy",
    params(("charger_id" = Option<String>, Query, description = "Only of this charger.", example = "21509005")),
    responses(
        (status = 200, body = MonthlyEnergy, description = "The energy by month"),
        (status = 400, body = FieldErrors, description = "`charger_id` is wrong"),
    ),
)]
pub(super) async fn months(State(api): State<Shared>, request: Request) -> Response {
    reply_read(months_answer(&api, request.uri()).await)
}

async fn months_answer(api: &Shared, uri: &Uri) -> Result<Bytes, ApiError> {
    let mut params = Params::new(uri);
    let charger = params.text("charger_id");
    params.finish()?;
    let window = Window::newest(Period::Month, api.app.site.clock().today(), 6);
    let sums = sums_of(api, window, charger.as_deref()).await?;
    let mut json = JsonWriter::with_capacity(192);
    json.raw(r#"{"x":"#);
    json.list(window.indices().rev(), |json, index| json.label(window.period, index));
    json.raw(r#","y":"#);
    json.kwhs(sums.iter().rev());
    json.raw("}");
    Ok(json.finish().into())
}

/// The sums of a window, of all chargers or of one; an unknown one has zeros.
async fn sums_of(api: &Shared, window: Window, charger: Option<&str>) -> Result<Vec<Energy>, ApiError> {
    let key = charger.map(|identity| api.app.site.present().find(identity).map(|now| now.key));
    Ok(api
        .app
        .site
        .with_sums(|sums| match key {
            None => sums.of_all(window),
            Some(None) => vec![Energy::ZERO; window.length],
            Some(Some(key)) => sums.of(key, window),
        })
        .await?)
}

/// Energy of the 12 newest months by charger (2.11)
///
/// Each charger that ever had a session, by id; oldest month first.
#[utoipa::path(
    get, path = "/api/monthly/energy/list/", tag = "energy",
    responses((status = 200, body = ChargersMonths, description = "The energy by charger and month")),
)]
pub(super) async fn months_by_charger(State(api): State<Shared>) -> Response {
    reply_read(months_by_charger_answer(&api).await)
}

async fn months_by_charger_answer(api: &Shared) -> Result<Bytes, ApiError> {
    let window = Window::newest(Period::Month, api.app.site.clock().today(), 12);
    let present = Arc::clone(&api.app.site.present());
    let x = labels(window);
    let write = |sums: &EnergySums| {
        let chosen = present.by_identity().filter(|now| now.has_sessions);
        let mut json = JsonWriter::with_capacity((x.len() + 140) * present.charge_points().len() + 16);
        json.raw(r#"{"data":"#);
        json.list(chosen, |json, now| {
            json.raw(r#"{"charger_id":"#);
            json.string(now.charge_point.identity.as_str());
            json.raw(r#","y":"#);
            json.kwhs(&sums.of(now.key, window));
            json.raw(r#","x":"#);
            json.raw_bytes(&x);
            json.raw("}");
        });
        json.raw("}");
        json.finish()
    };
    Ok(api.app.site.with_sums(write).await?.into())
}

/// `mode` and `offset` of 3.1 and 3.2.
fn period_and_length(params: &mut Params<'_>) -> (Period, usize) {
    let period = params.read("mode", |text| match field::whole(text, i64::MIN..=i64::MAX)? {
        1 => Ok(Period::Year),
        2 => Ok(Period::Month),
        3 => Ok(Period::Day),
        _ => Err(FieldError::NotAChoice),
    });
    params.require("mode", period.as_ref());
    let most = match period {
        Some(Period::Year) => 200,
        Some(Period::Month) => 1200,
        Some(Period::Day) | None => 3660,
    };
    let offset = params.whole("offset", 1..=most).unwrap_or(7);
    (period.unwrap_or(Period::Day), usize::try_from(offset).unwrap_or(7))
}

/// Energy by year, month or day (3.1)
///
/// Of all chargers or of one, oldest first. An unknown charger has zeros.
#[utoipa::path(
    get, path = "/bmw/chart/getAllRecentChargerRecords/", tag = "energy",
    params(
        ("mode" = i64, Query, minimum = 1, maximum = 3, description = "1 by year, 2 by month, 3 by day.", example = 2),
        ("offset" = Option<i64>, Query, minimum = 1, maximum = 3660,
            description = "How many of the newest; 7 when it is absent. At most 200 years, 1200 months or 3660 days.", example = 12),
        ("charger_id" = Option<String>, Query, description = "Only of this charger.", example = "05010210"),
    ),
    responses(
        (status = 200, body = TotalEnergy, description = "The energy"),
        (status = 400, body = FieldErrors, description = "`mode` is missing, or a parameter is wrong"),
    ),
)]
pub(super) async fn total(State(api): State<Shared>, request: Request) -> Response {
    reply_read(total_answer(&api, request.uri()).await)
}

async fn total_answer(api: &Shared, uri: &Uri) -> Result<Bytes, ApiError> {
    let mut params = Params::new(uri);
    let (period, length) = period_and_length(&mut params);
    let charger = params.text("charger_id");
    params.finish()?;
    let window = Window::newest(period, api.app.site.clock().today(), length);
    let sums = sums_of(api, window, charger.as_deref()).await?;
    let mut json = JsonWriter::with_capacity(24 * length + 48);
    json.raw(r#"{"x":"#);
    json.raw_bytes(&labels(window));
    series(&mut json, &sums);
    Ok(json.finish().into())
}

/// Energy by charger and year, month or day (3.2)
///
/// The chargers whose total is above 0, or all of them, by id; oldest first.
#[utoipa::path(
    get, path = "/bmw/chart/getRecentChargerRecords/", tag = "energy",
    params(
        ("mode" = i64, Query, minimum = 1, maximum = 3, description = "1 by year, 2 by month, 3 by day.", example = 2),
        ("offset" = Option<i64>, Query, minimum = 1, maximum = 3660,
            description = "How many of the newest; 7 when it is absent. At most 200 years, 1200 months or 3660 days.", example = 12),
        ("show_all" = Option<bool>, Query, description = "Also chargers whose total is 0; `1` and `0` will do as well."),
    ),
    responses(
        (status = 200, body = Vec<ChargerEnergy>, description = "The energy by charger"),
        (status = 400, body = FieldErrors, description = "`mode` is missing, or a parameter is wrong"),
    ),
)]
pub(super) async fn by_charger(State(api): State<Shared>, request: Request) -> Response {
    reply_read(by_charger_answer(&api, request.uri()).await)
}

async fn by_charger_answer(api: &Shared, uri: &Uri) -> Result<Bytes, ApiError> {
    let mut params = Params::new(uri);
    let (period, length) = period_and_length(&mut params);
    let show_all = params.flag("show_all");
    params.finish()?;
    let window = Window::newest(period, api.app.site.clock().today(), length);
    let present = Arc::clone(&api.app.site.present());
    let x = labels(window);
    let write = |sums: &EnergySums| {
        let shown = present.by_identity().filter_map(|now| {
            let sums = sums.of(now.key, window);
            let total = sums.iter().copied().sum::<Energy>();
            (show_all || total > Energy::ZERO).then_some((now, sums))
        });
        let mut json = JsonWriter::with_capacity((x.len() + 8 * length + 64) * present.charge_points().len() + 16);
        json.list(shown, |json, (now, sums)| {
            json.raw(r#"{"charger_id":"#);
            json.string(now.charge_point.identity.as_str());
            json.raw(r#","x":"#);
            json.raw_bytes(&x);
            series(json, &sums);
        });
        json.finish()
    };
    Ok(api.app.site.with_sums(write).await?.into())
}

/// `y`, `total` and the end of the object.
fn series(json: &mut JsonWriter, sums: &[Energy]) {
    json.raw(r#","y":"#);
    json.kwhs(sums);
    json.raw(r#","total":"#);
    json.kwh(sums.iter().copied().sum());
    json.raw("}");
}

/// The list of a window's labels, written once for all series.
fn labels(window: Window) -> Vec<u8> {
    let mut json = JsonWriter::with_capacity(13 * window.length + 2);
    json.list(window.indices(), |json, index| json.label(window.period, index));
    json.finish()
}
