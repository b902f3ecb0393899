//! The distribution of the site's current, for programs: what is planned and why, what an operator says of it, and what a meter tells.

use super::commands::check_type;
use super::error::{ApiError, Detail, FieldErrorsOrDetail};
use super::settings::content_length;
use super::{READ_AND_WRITE, Shared, WRITE, body, json_body, keep_apart, options, refuse_method, reply, to_json};
use crate::access::Asking;
use crate::text::Lang;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use bmw_domain::account::Right;
use bmw_domain::distribution::{Distribution, DistributionField, Standing, Wiring};
use bmw_domain::field::FieldError;
use bmw_domain::phase::Phase;
use bmw_site::{Caller, Site};
use bytes::Bytes;
use http::header::EXPECT;
use std::borrow::Cow;
use utoipa::ToSchema;

/// The most that a meter can tell, A.
const METER_MOST: f64 = 100_000.0;

pub(super) fn route() -> MethodRouter<Shared> {
    get(show)
        .post(save)
        .options(async || options(&READ_AND_WRITE))
        .fallback(async |request: Request| refuse_method(&request, &READ_AND_WRITE))
}

pub(super) fn wiring_route() -> MethodRouter<Shared> {
    post(save_wiring)
        .options(async || options(&WRITE))
        .fallback(async |request: Request| refuse_method(&request, &WRITE))
}

pub(super) fn meter_route() -> MethodRouter<Shared> {
    post(tell_meter)
        .options(async || options(&WRITE))
        .fallback(async |request: Request| refuse_method(&request, &WRITE))
}

/// How the site's current is distributed now.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DistributionAnswer {
    /// Whether it is (`blncurrentdistribution`).
    on: bool,
    #[serde(flatten)]
    settings: DistributionSettings,
    phases: Vec<PhaseAnswer>,
    chargers: Vec<ChargerShare>,
}

/// What an operator says of the distribution.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(super) struct DistributionSettings {
    /// What is never given, on each phase, A.
    #[schema(minimum = 0, maximum = 100, example = 1)]
    headroom: u16,
    /// What a session may draw on each phase while the site does not speak to its charger, A: 0, or from 6 on.
    #[schema(minimum = 0, maximum = 80, example = 0)]
    safe: u16,
    /// How long a turn is where there are more cars than minima, minutes.
    #[schema(minimum = 5, maximum = 1440, example = 15)]
    turn: u16,
    /// Whether a meter tells what the site draws beside its chargers: 0 or 1.
    #[schema(minimum = 0, maximum = 1, example = 0)]
    has_meter: u8,
}

impl DistributionSettings {
    fn of(settings: Distribution) -> Self {
        let Distribution { headroom, safe, turn, has_meter } = settings;
        Self { headroom, safe, turn, has_meter: has_meter.into() }
    }
}

/// A phase of the site.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseAnswer {
    #[schema(pattern = "^[ABC]$", example = "A")]
    phase: String,
    /// A
    limit: f64,
    /// What the site draws beside its chargers, A; `null` where a meter should tell and does not: all of the limit counts then.
    #[schema(required)]
    others: Option<f64>,
    /// What chargers that charge were told that they may draw, A.
    allocated: f64,
    /// What is kept free beside that: for chargers out of reach, not verified, or by their safe current, A.
    reserved: f64,
}

/// A charger and its share.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargerShare {
    vchchargerid: String,
    /// What is planned on each phase that it uses, A.
    planned: f64,
    /// What it was told last, A; `null` while it does not charge.
    #[schema(required)]
    told: Option<f64>,
    /// The most that it may draw now as far as anything is known, A.
    may: f64,
    /// Its priority.
    priority: u32,
    /// The phases that it uses.
    #[schema(example = "ABC")]
    phases: String,
    /// Why it gets no more.
    reason: String,
    #[serde(flatten)]
    wiring: WiringAnswer,
}

/// How a charger is connected.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(super) struct WiringAnswer {
    /// The site phases of its L1, L2, L3; empty: those of the settings.
    #[schema(example = "")]
    sequence: String,
    /// Whether what it reports is of the site's phases already: 0 or 1.
    reports_rotated: u8,
    /// The most that its cable bears, A.
    #[schema(required)]
    cable: Option<u16>,
    /// The most that it may have, as a person has said, A.
    #[schema(required)]
    most: Option<u16>,
    /// Whether it draws nothing from this supply: it is left alone, and counts for nothing. 0 or 1.
    is_apart: u8,
}

impl WiringAnswer {
    fn of(wiring: &Wiring) -> Self {
        Self {
            sequence: wiring.text_of("sequence"),
            reports_rotated: wiring.reports_rotated.into(),
            cable: wiring.cable,
            most: wiring.most,
            is_apart: wiring.is_apart.into(),
        }
    }
}

/// What is said of how a charger is connected; what is left out is as if nothing were said.
#[derive(ToSchema)]
#[allow(dead_code)] // what `read_wiring` reads
pub(super) struct WiringBody {
    #[schema(example = "10245006")]
    vchchargerid: String,
    /// The site phases of its L1, L2, L3: a permutation of `ABC`, or empty.
    #[schema(pattern = "^(|ABC|ACB|BAC|BCA|CAB|CBA)$", example = "BCA")]
    sequence: Option<String>,
    #[schema(minimum = 0, maximum = 1)]
    reports_rotated: Option<u8>,
    /// A
    #[schema(minimum = 6, maximum = 1000, example = 16)]
    cable: Option<u16>,
    /// A
    #[schema(minimum = 0, maximum = 1000)]
    most: Option<u16>,
    #[schema(minimum = 0, maximum = 1)]
    is_apart: Option<u8>,
}

/// What the site draws beside its chargers.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(super) struct OthersBody {
    /// A
    #[schema(minimum = 0, maximum = 100_000, example = 12.5)]
    a: f64,
    /// A
    #[schema(minimum = 0, maximum = 100_000, example = 9.0)]
    b: f64,
    /// A
    #[schema(minimum = 0, maximum = 100_000, example = 0.0)]
    c: f64,
}

/// How the site's current is distributed now, and why
///
/// Chargers that were never heard of, or are said to be apart from this supply, have no share and are not listed.
#[utoipa::path(
    get, path = "/api/distribution/", tag = "settings",
    responses((status = 200, body = DistributionAnswer, description = "The plan of this moment")),
)]
pub(super) async fn show(State(api): State<Shared>, Asking(caller): Asking) -> Response {
    reply(READ_AND_WRITE, answer(&api.app.site, &caller))
}

fn answer(site: &Site, caller: &Caller) -> Result<Bytes, ApiError> {
    caller.check(Right::Read)?;
    let plan = site.plan();
    let phase = |phase: Phase| {
        let standings = || plan.standings.iter();
        let all: f64 = standings().map(|standing| standing.reserves(phase).amperes()).sum();
        let allocated: f64 = standings().map(|standing| standing.allocated(phase).amperes()).sum();
        PhaseAnswer {
            phase: phase.letter().to_string(),
            limit: plan.supply.limits[phase.index()].amperes(),
            others: plan.supply.others[phase.index()].map(bmw_domain::distribution::Current::amperes),
            allocated: tenths(allocated),
            reserved: tenths(all - allocated),
        }
    };
    let present = site.present();
    let share = |standing: &Standing| {
        let now = present.get(standing.share.key)?;
        let phases: String = standing.taker.uses.iter().map(Phase::letter).collect();
        Some(ChargerShare {
            vchchargerid: now.charge_point.identity.to_string(),
            planned: standing.share.current.amperes(),
            told: standing.told.map(bmw_domain::distribution::Current::amperes),
            may: standing.may.amperes(),
            priority: standing.taker.priority,
            phases,
            reason: Lang::En.reason(standing, |at| site.clock().zone().local(at)),
            wiring: WiringAnswer::of(&present.wiring(standing.share.key)),
        })
    };
    to_json(&DistributionAnswer {
        on: plan.is_on,
        settings: DistributionSettings::of(site.distribution()),
        phases: Phase::ALL.map(phase).into(),
        chargers: plan.standings.iter().filter_map(share).collect(),
    })
}

/// Sums of tenths are tenths.
fn tenths(amperes: f64) -> f64 {
    (amperes * 10.0).round() / 10.0
}

/// Saves the settings of the distribution
///
/// All four are needed. Refused where the safe currents of all chargers and the headroom are more than a phase's limit. An
/// administrator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/distribution/", tag = "settings",
    security(("token" = []), ("session" = [])),
    request_body = DistributionSettings,
    responses(
        (status = 200, body = DistributionSettings, description = "The saved settings"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Not JSON"),
    ),
)]
pub(super) async fn save(State(api): State<Shared>, request: Request) -> Response {
    reply(READ_AND_WRITE, save_body(&api, request).await)
}

async fn save_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (bytes, caller) = body_of(request, Right::Settings).await?;
    let mut settings = Distribution::default();
    let mut missing = DistributionField::ALL.to_vec();
    let mut errors = Vec::new();
    for (name, value) in json_body::object(&bytes)? {
        let Some(field) = DistributionField::ALL.into_iter().find(|field| field.name() == name) else { continue };
        missing.retain(|known| *known != field);
        let outcome = text(value.get()).and_then(|text| field.set(&mut settings, &text));
        errors.extend(outcome.err().map(|error| (field.name(), error)));
    }
    errors.extend(missing.into_iter().map(|field| (field.name(), FieldError::Required)));
    if !errors.is_empty() {
        return Err(ApiError::Fields(errors));
    }
    api.app.site.save_distribution(settings, &caller).await.map_err(|error| ApiError::not_saved(error, |_| "safe"))?;
    to_json(&DistributionSettings::of(settings))
}

/// Says how a charger is connected
///
/// An administrator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/distribution/wiring/", tag = "settings",
    security(("token" = []), ("session" = [])),
    request_body = WiringBody,
    responses(
        (status = 200, body = WiringAnswer, description = "What is said of it now"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 404, body = Detail, description = "There is no such charger"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Not JSON"),
    ),
)]
pub(super) async fn save_wiring(State(api): State<Shared>, request: Request) -> Response {
    reply(WRITE, wiring_body(&api, request).await)
}

async fn wiring_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (bytes, caller) = body_of(request, Right::Settings).await?;
    let (mut charger, mut wiring) = (Err(FieldError::Required), Wiring::default());
    let mut errors = Vec::new();
    for (name, value) in json_body::object(&bytes)? {
        if name == "vchchargerid" {
            charger = json_body::text(value.get()).map(Cow::into_owned).ok_or(FieldError::NotText);
        }
        let known = Wiring::NAMES.into_iter().find(|known| *known == name);
        if let Some(known) = known.filter(|_| value.get() != "null") {
            let outcome = text(value.get()).and_then(|text| wiring.set(known, &text));
            errors.extend(outcome.err().map(|error| (known, error)));
        }
    }
    let charger = match charger {
        Ok(charger) if errors.is_empty() => charger,
        charger => {
            errors.extend(charger.err().map(|error| ("vchchargerid", error)));
            return Err(ApiError::Fields(errors));
        }
    };
    let now = api.app.site.charge_point(Some(&charger)).ok_or(ApiError::NOT_FOUND)?;
    let saved = api.app.site.save_wiring(now.key, wiring, &caller).await;
    saved.map_err(|error| ApiError::not_saved(error, |_| "vchchargerid"))?;
    to_json(&WiringAnswer::of(&wiring))
}

/// Tells what the site draws beside its chargers
///
/// As a meter has just measured it, on each phase. A reading counts for 30 s; without one all of the limit counts as drawn. It is used
/// where the settings of the distribution say that there is a meter. An operator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/distribution/meter/", tag = "settings",
    security(("token" = []), ("session" = [])),
    request_body = OthersBody,
    responses(
        (status = 200, body = OthersBody, description = "It was heard"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Not JSON"),
    ),
)]
pub(super) async fn tell_meter(State(api): State<Shared>, request: Request) -> Response {
    let mut response = reply(WRITE, meter_body(&api, request).await);
    keep_apart(&mut response);
    response
}

async fn meter_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (bytes, caller) = body_of(request, Right::Command).await?;
    let mut amperes = [Err(FieldError::Required), Err(FieldError::Required), Err(FieldError::Required)];
    for (name, value) in json_body::object(&bytes)? {
        if let Some(phase) = NAMES.into_iter().position(|known| known == name) {
            let read = serde_json::from_str::<f64>(value.get()).map_err(|_| FieldError::NotDecimal);
            amperes[phase] = read.and_then(|amperes| match amperes {
                amperes if amperes < 0.0 => Err(FieldError::TooSmall(0)),
                amperes if amperes > METER_MOST => Err(FieldError::TooLarge(100_000)),
                amperes => Ok(amperes),
            });
        }
    }
    match amperes {
        [Ok(a), Ok(b), Ok(c)] => {
            api.app.site.tell_others([a, b, c], &caller)?;
            to_json(&OthersBody { a, b, c })
        }
        amperes => {
            let wrong = NAMES.into_iter().zip(amperes).filter_map(|(name, outcome)| Some((name, outcome.err()?)));
            Err(ApiError::Fields(wrong.collect()))
        }
    }
}

/// The phases' names in what a meter tells.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// The body of a request of somebody who may.
async fn body_of(request: Request, right: Right) -> Result<(Bytes, Caller), ApiError> {
    let (parts, body) = request.into_parts();
    let caller = Asking::of(&parts.extensions);
    // Before the body is looked at: who may not is told that first.
    caller.check(right)?;
    check_type(&parts.headers)?;
    let bytes = body::read(body, content_length(&parts.headers), parts.headers.contains_key(EXPECT)).await?;
    Ok((bytes, caller))
}

/// A number or a text as it was written.
fn text(json: &str) -> Result<Cow<'_, str>, FieldError> {
    match json.as_bytes().first() {
        Some(b'"') => json_body::text(json).ok_or(FieldError::NotText),
        Some(b'-' | b'0'..=b'9') => Ok(Cow::Borrowed(json)),
        _ => Err(FieldError::NotWhole),
    }
}
