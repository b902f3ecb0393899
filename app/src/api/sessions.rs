//! Charging sessions: 2.2 and 2.7.

use super::error::{ApiError, FieldErrors};
use super::json::JsonWriter;
use super::params::Params;
use super::{Shared, reply_read};
use axum::extract::{Request, State};
use axum::response::Response;
use bmw_domain::calendar::Day;
use bmw_domain::record::ChargePointKey;
use bmw_site::{ChargePointNow, Present};
use bytes::Bytes;
use http::Uri;
use std::sync::Arc;
use utoipa::ToSchema;

/// A session of a day (2.2). Times are local, `2015-11-24T15:09:47`.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DayRecord {
    #[schema(minimum = 1, maximum = 2_147_483_647, example = 1)]
    intrecordid: i32,
    #[schema(required, example = 2)]
    intchargingcode: Option<i32>,
    #[schema(example = "21509001")]
    vchchargerid: String,
    #[schema(required, example = "2015-11-24T15:09:47")]
    dttstartqueue: Option<String>,
    #[schema(required, example = "2015-11-24T15:09:47")]
    dttstarttime: Option<String>,
    #[schema(required, example = "2015-11-26T15:09:47")]
    dttfinishtime: Option<String>,
    #[schema(required, example = "2015-11-24T15:14:59")]
    dttrealfinish: Option<String>,
}

/// The answer of 2.2.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DayRecords {
    result: Vec<DayRecord>,
}

/// The sessions of a day (2.2)
///
/// Sorted by id. A session belongs to the day it really finished; while it has not, to the day it started (else was queued).
#[utoipa::path(
    get, path = "/api/charging/record/details/", tag = "sessions",
    params(
        ("date" = String, Query, format = Date, description = "Which day, `YYYY-MM-DD`.", example = "2015-11-24"),
        ("charger_id" = Option<String>, Query, description = "Only of this charger.", example = "21509005"),
    ),
    responses(
        (status = 200, body = DayRecords, description = "The sessions"),
        (status = 400, body = FieldErrors, description = "`date` is missing, or a parameter is wrong"),
    ),
)]
pub(super) async fn of_day(State(api): State<Shared>, request: Request) -> Response {
    reply_read(day_answer(&api, request.uri()).await)
}

async fn day_answer(api: &Shared, uri: &Uri) -> Result<Bytes, ApiError> {
    let mut params = Params::new(uri);
    let charger = params.text("charger_id");
    let day = params.day("date");
    params.require("date", day.as_ref());
    params.finish()?;
    lines(api, day.unwrap_or(*Day::RANGE.start()), charger.as_deref()).await
}

/// The answer of 2.2, of all chargers or of one.
pub(super) async fn lines(api: &Shared, day: Day, charger: Option<&str>) -> Result<Bytes, ApiError> {
    let lines = api.app.site.sessions_of_day(day).await?;
    let present = api.app.site.present();
    let only = charger.map(|identity| present.find(identity).map(|now| now.key));
    let mut identities = Identities::new(&present);
    let chosen = lines.iter().filter(|line| only.is_none_or(|only| only == Some(line.charge_point)));
    let expected = if only.is_none() { lines.iter().len() } else { 16 };
    let mut json = JsonWriter::with_capacity(230 * expected + 16);
    json.raw(r#"{"result":"#);
    json.list(chosen, |json, line| {
        json.raw(r#"{"intrecordid":"#);
        json.int(line.id.0.into());
        json.raw(r#","intchargingcode":"#);
        json.int_or_null(line.cycle);
        json.raw(r#","vchchargerid":"#);
        json.string(identities.of(line.charge_point));
        json.raw(r#","dttstartqueue":"#);
        json.time_or_null(line.queued_at);
        json.raw(r#","dttstarttime":"#);
        json.time_or_null(line.started_at);
        json.raw(r#","dttfinishtime":"#);
        json.time_or_null(line.planned_finish);
        json.raw(r#","dttrealfinish":"#);
        json.time_or_null(line.finished_at);
        json.raw("}");
    });
    json.raw("}");
    Ok(json.finish().into())
}

/// How many charge points are remembered while a list is written.
const PLACES: usize = 128;

/// Finds identities by key; neighbours in a list are often of few charge points, whose places are remembered.
struct Identities<'a> {
    present: &'a Present,
    known: [Option<&'a Arc<ChargePointNow>>; PLACES],
}

impl<'a> Identities<'a> {
    const fn new(present: &'a Present) -> Self {
        Self { present, known: [None; PLACES] }
    }

    fn of(&mut self, key: ChargePointKey) -> &'a str {
        let place = &mut self.known[key.0.unsigned_abs() as usize % PLACES];
        match *place {
            Some(now) if now.key == key => now.charge_point.identity.as_str(),
            _ => {
                *place = self.present.get(key);
                place.map_or("", |now| now.charge_point.identity.as_str())
            }
        }
    }
}

/// A session in the list of the newest (2.7).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct RecentRecord {
    #[schema(minimum = 1, maximum = 2_147_483_647, example = 1406)]
    intrecordid: i32,
    /// Local, `2016-11-25 14:11:55`.
    #[schema(example = "2016-11-25 14:11:55")]
    dttfinishtime: String,
    /// kWh
    #[schema(minimum = 0, example = 2.458)]
    dblenergy: f64,
}

/// The answer of 2.7.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) struct RecentRecords {
    /// As asked.
    #[schema(minimum = 1, maximum = 1000, example = 7)]
    num: i64,
    result: Vec<RecentRecord>,
}

/// The newest sessions (2.7)
///
/// Newest `dttfinishtime` first, then the higher id; sessions without one are left out.
#[utoipa::path(
    get, path = "/api/recent/charging/record/list/", tag = "sessions",
    params(("num" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many; 7 when it is absent.", example = 7)),
    responses(
        (status = 200, body = RecentRecords, description = "The sessions"),
        (status = 400, body = FieldErrors, description = "`num` is wrong"),
    ),
)]
pub(super) async fn recent(State(api): State<Shared>, request: Request) -> Response {
    reply_read(recent_answer(&api, request.uri()).await)
}

async fn recent_answer(api: &Shared, uri: &Uri) -> Result<Bytes, ApiError> {
    let mut params = Params::new(uri);
    let num = params.whole("num", 1..=1000).unwrap_or(7);
    params.finish()?;
    let recent = api.app.site.recent_sessions().await?;
    let count = usize::try_from(num).unwrap_or_default().min(recent.len());
    let mut json = JsonWriter::with_capacity(90 * count + 32);
    json.raw(r#"{"num":"#);
    json.int(num);
    json.raw(r#","result":"#);
    json.list(&recent[..count], |json, session| {
        json.raw(r#"{"intrecordid":"#);
        json.int(session.id.0.into());
        json.raw(r#","dttfinishtime":"#);
        json.time(session.planned_finish, b' ');
        json.raw(r#","dblenergy":"#);
        json.kwh(session.energy);
        json.raw("}");
    });
    json.raw("}");
    Ok(json.finish().into())
}
