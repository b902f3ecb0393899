//! The settings: 2.4, 2.5 and 2.13.

use super::error::{ApiError, Detail, FieldErrorsOrDetail};
use super::params::{decode, pairs};
use super::{READ_AND_WRITE, Shared, body, json_body, options, refuse_method, reply, reply_read, to_json};
use crate::access::Asking;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bmw_domain::account::Right;
use bmw_domain::field::FieldError;
use bmw_domain::settings::{Input, SettingField, Settings};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use std::borrow::Cow;
use utoipa::ToSchema;

/// The settings of the site (2.4).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsAnswer {
    #[schema(min_length = 1, max_length = 64, example = "Com10")]
    vchcardreadercom: String,
    #[schema(pattern = "^[0-9]{4}$", example = "2013")]
    yeainstallyear: String,
    #[schema(minimum = 0, maximum = 1200, example = 100)]
    intinstallmonth: u16,
    #[schema(minimum = 0, maximum = 1, example = 1)]
    blncurrentdistribution: u8,
    #[schema(min_length = 1, max_length = 64, example = "Com4")]
    vchpowermetercom: String,
    #[schema(pattern = "^(ABC|ACB|BAC|BCA|CAB|CBA)$", example = "ABC")]
    vchpowersequence: String,
    #[schema(minimum = 0, maximum = 999, example = 86)]
    intcurrency: u16,
    /// kWh
    #[schema(minimum = 0, example = 3.0)]
    dblchargingdeductionpower: f64,
    /// Minutes
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 120)]
    intchargingdeductionminute: u32,
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 2)]
    intdeductionprioritypower: u32,
    #[schema(minimum = 0, maximum = 2_147_483_647, example = 1)]
    intdeductionpriorityminute: u32,
    /// kWh per count
    #[schema(exclusive_minimum = 0, example = 0.001)]
    dblpowercoefficient: f64,
    #[schema(minimum = 0, maximum = 1, example = 1)]
    blninternaltesting: u8,
    /// A
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    intmaxcurrenta: u32,
    /// A
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    intmaxcurrentb: u32,
    /// A
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    intmaxcurrentc: u32,
}

impl SettingsAnswer {
    fn of(settings: &Settings) -> Self {
        let [a, b, c] = settings.max_current;
        Self {
            vchcardreadercom: settings.card_reader_port.clone(),
            yeainstallyear: settings.installation_year.to_string(),
            intinstallmonth: settings.installation_month,
            blncurrentdistribution: settings.current_distribution.into(),
            vchpowermetercom: settings.meter_port.clone(),
            vchpowersequence: settings.phase_sequence.to_string(),
            intcurrency: settings.currency,
            dblchargingdeductionpower: settings.energy_step,
            intchargingdeductionminute: settings.time_step,
            intdeductionprioritypower: settings.priority_per_energy_step,
            intdeductionpriorityminute: settings.priority_per_time_step,
            dblpowercoefficient: settings.energy_per_count,
            blninternaltesting: settings.internal_testing.into(),
            intmaxcurrenta: a,
            intmaxcurrentb: b,
            intmaxcurrentc: c,
        }
    }
}

/// The document's name of a setting.
const fn name(field: SettingField) -> &'static str {
    match field {
        SettingField::CardReaderPort => "vchcardreadercom",
        SettingField::InstallationYear => "yeainstallyear",
        SettingField::InstallationMonth => "intinstallmonth",
        SettingField::CurrentDistribution => "blncurrentdistribution",
        SettingField::MeterPort => "vchpowermetercom",
        SettingField::PhaseSequence => "vchpowersequence",
        SettingField::Currency => "intcurrency",
        SettingField::EnergyStep => "dblchargingdeductionpower",
        SettingField::TimeStep => "intchargingdeductionminute",
        SettingField::PriorityPerEnergyStep => "intdeductionprioritypower",
        SettingField::PriorityPerTimeStep => "intdeductionpriorityminute",
        SettingField::EnergyPerCount => "dblpowercoefficient",
        SettingField::InternalTesting => "blninternaltesting",
        SettingField::MaxCurrentA => "intmaxcurrenta",
        SettingField::MaxCurrentB => "intmaxcurrentb",
        SettingField::MaxCurrentC => "intmaxcurrentc",
    }
}

pub(super) fn route() -> MethodRouter<Shared> {
    get(show)
        .post(save)
        .options(async || options(&READ_AND_WRITE))
        .fallback(async |request: Request| refuse_method(&request, &READ_AND_WRITE))
}

/// The settings (2.4)
#[utoipa::path(
    get, path = "/api/basic/settings/", tag = "settings",
    responses((status = 200, body = SettingsAnswer, description = "The settings")),
)]
pub(super) async fn show(State(api): State<Shared>) -> Response {
    let settings = api.app.site.present().settings().clone();
    reply(READ_AND_WRITE, to_json(&SettingsAnswer::of(&settings)))
}

/// Saves the settings (2.5)
///
/// Needs all 16 fields and saves all or nothing; unknown fields are ignored. Whole numbers and decimals may be JSON
/// numbers or text. An administrator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/basic/settings/", tag = "settings",
    security(("token" = []), ("session" = [])),
    request_body(content(
        (super::openapi::SettingsBody = "application/json"),
        (super::openapi::SettingsForm = "application/x-www-form-urlencoded"),
    ), description = "All 16 fields"),
    responses(
        (status = 200, body = SettingsAnswer, description = "The saved settings"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Neither JSON nor a form"),
    ),
)]
pub(super) async fn save(State(api): State<Shared>, request: Request) -> Response {
    reply(READ_AND_WRITE, save_body(&api, request).await)
}

async fn save_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = Asking::of(&parts.extensions);
    // Before the body is looked at: who may not is told that first.
    caller.check(Right::Settings)?;
    let format = Format::of(&parts.headers)?;
    let bytes = body::read(body, content_length(&parts.headers), parts.headers.contains_key(EXPECT)).await?;
    let settings = match format {
        Format::Json => from_json(&bytes)?,
        Format::Form => from_form(&bytes)?,
    };
    let answer = to_json(&SettingsAnswer::of(&settings))?;
    let saved = api.app.site.save_settings(settings, &caller).await;
    saved.map_err(|error| ApiError::not_saved(error, |phase| name(SettingField::MAX_CURRENT[phase.index()])))?;
    Ok(answer)
}

/// What `Content-Length` says.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How the fields come.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Form,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let unsupported = |given: &str| {
            let text = format!(
                "Unsupported media type \"{given}\" in request. Use application/json or application/x-www-form-urlencoded."
            );
            ApiError::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        };
        let mut given = headers.get_all(CONTENT_TYPE).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return Err(unsupported(""));
        };
        let value = value.to_str().map_err(|_| unsupported(""))?;
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Self::Form)
        } else {
            Err(unsupported(essence))
        }
    }
}

/// A field as it came.
enum Field<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Other,
    Wrong(FieldError),
}

/// Checks the fields that came.
fn read_settings(fields: &[Option<Field<'_>>; 16]) -> Result<Settings, ApiError> {
    let input = |field: SettingField| match fields[field as usize].as_ref()? {
        Field::Text(text) => Some(Input::Text(text)),
        Field::Number(text) => Some(Input::Number(text)),
        Field::Other => Some(Input::Other),
        Field::Wrong(_) => None,
    };
    Settings::from_inputs(input).map_err(|errors| {
        let named = |(field, error): (SettingField, FieldError)| match &fields[field as usize] {
            Some(Field::Wrong(wrong)) => (name(field), wrong.clone()),
            _ => (name(field), error),
        };
        ApiError::Fields(errors.into_iter().map(named).collect())
    })
}

fn field_of(key: &str) -> Option<SettingField> {
    SettingField::ALL.into_iter().find(|field| name(*field) == key)
}

fn from_form(bytes: &[u8]) -> Result<Settings, ApiError> {
    // Bytes beyond ASCII stand for themselves where they are UTF-8; else their field is wrong, not the whole.
    let text = String::from_utf8_lossy(bytes);
    let is_broken = matches!(text, Cow::Owned(_));
    let mut fields = [const { None }; 16];
    for (key, value) in pairs(&text) {
        let Some(field) = decode(key).ok().and_then(|key| field_of(&key)) else {
            continue;
        };
        let slot = &mut fields[field as usize];
        *slot = Some(match decode(value) {
            _ if slot.is_some() => Field::Wrong(FieldError::Repeated),
            Ok(value) if is_broken && value.contains('\u{fffd}') => Field::Wrong(FieldError::NotUtf8),
            Ok(value) => Field::Text(value),
            Err(error) => Field::Wrong(error),
        });
    }
    read_settings(&fields)
}

fn from_json(bytes: &[u8]) -> Result<Settings, ApiError> {
    let mut fields = [const { None }; 16];
    for (key, value) in json_body::object(bytes)? {
        if let Some(field) = field_of(&key) {
            fields[field as usize] = Some(field_value(value.get()));
        }
    }
    read_settings(&fields)
}

fn field_value(json: &str) -> Field<'_> {
    match json.as_bytes().first() {
        Some(b'"') => json_body::text(json).map_or(Field::Other, Field::Text),
        Some(b'-' | b'0'..=b'9') => Field::Number(json),
        _ => Field::Other,
    }
}

/// The limits of the site's phases (2.13).
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names)] // the document's
struct MaxCurrents {
    /// A
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    int_max_current_a: u32,
    /// A
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    int_max_current_b: u32,
    /// A
    #[schema(minimum = 0, maximum = 10000, example = 32)]
    int_max_current_c: u32,
}

/// The limits of the site's phases (2.13)
#[utoipa::path(
    get, path = "/api/max/current/list/", tag = "settings",
    responses((status = 200, body = MaxCurrents, description = "The most that the site may draw on each phase")),
)]
pub(super) async fn max_currents(State(api): State<Shared>) -> Response {
    let [a, b, c] = api.app.site.present().settings().max_current;
    reply_read(to_json(&MaxCurrents { int_max_current_a: a, int_max_current_b: b, int_max_current_c: c }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = r#"{"vchcardreadercom":"Com10","yeainstallyear":"2013","intinstallmonth":100,"blncurrentdistribution":1,"vchpowermetercom":"Com4","vchpowersequence":"ABC","intcurrency":86,"dblchargingdeductionpower":3.0,"intchargingdeductionminute":120,"intdeductionprioritypower":2,"intdeductionpriorityminute":1,"dblpowercoefficient":0.001,"blninternaltesting":1,"intmaxcurrenta":32,"intmaxcurrentb":32,"intmaxcurrentc":32}"#;

    fn example() -> Settings {
        Settings { current_distribution: true, internal_testing: true, ..Settings::default() }
    }

    fn detail(json: &str) -> String {
        match from_json(json.as_bytes()) {
            Err(ApiError::Detail(StatusCode::BAD_REQUEST, text)) => text.into_owned(),
            other => panic!("{json}: {other:?}"),
        }
    }

    fn errors(outcome: Result<Settings, ApiError>) -> Vec<(&'static str, FieldError)> {
        match outcome {
            Err(ApiError::Fields(errors)) => errors,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_documented_example_is_read_and_written() {
        assert_eq!(from_json(EXAMPLE.as_bytes()).unwrap(), example());
        assert_eq!(serde_json::to_string(&SettingsAnswer::of(&example())).unwrap(), EXAMPLE);
    }

    #[test]
    fn a_form_is_read() {
        let read: serde_json::Map<String, serde_json::Value> = serde_json::from_str(EXAMPLE).unwrap();
        let texts = read.iter().map(|(key, value)| format!("{key}={}", value.to_string().replace('"', "")));
        let form = texts.collect::<Vec<_>>().join("&");
        assert_eq!(from_form(form.as_bytes()).unwrap(), example());
        let repeated = format!("{form}&intcurrency=86&unknown=1&unknown=2");
        assert_eq!(errors(from_form(repeated.as_bytes())), [("intcurrency", FieldError::Repeated)]);
        let broken = [form.replace("Com4", "%ff").as_bytes(), b""].concat();
        assert_eq!(errors(from_form(&broken)), [("vchpowermetercom", FieldError::NotUtf8)]);
        let (before, after) = form.split_once("Com4").unwrap();
        let raw = [before.as_bytes(), &[0xff], after.as_bytes()].concat();
        assert_eq!(errors(from_form(&raw)), [("vchpowermetercom", FieldError::NotUtf8)]);
        assert_eq!(errors(from_form(b"")).len(), 16);
    }

    #[test]
    fn what_is_no_object_is_refused_as_a_whole() {
        for json in ["", "{", "[]", "null", "1", "\"x\"", "{}x", "{\"a\":1,}", "{'a':1}", "\u{feff}{}", "{\"a\":1e}"] {
            detail(json);
        }
        assert_eq!(errors(from_json(b"{}")).len(), 16);
    }

    #[test]
    fn keys_that_are_there_twice_are_refused() {
        for json in [
            r#"{"intcurrency":86,"intcurrency":86}"#,
            r#"{"intcurrency":86,"intcurrenc\u0079":86}"#,
            r#"{"x":[{"a":1,"b":{"c":1},"a":2}]}"#,
        ] {
            assert!(detail(json).contains("twice"), "{json}");
        }
        assert_eq!(errors(from_json(br#"{"a":{"a":["a","a",{"a":1}]},"b":{"a":1},"c":"a"}"#)).len(), 16);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        for open in ["[", "{\"a\":"] {
            let json = format!("{{\"x\":{}", open.repeat(100_000));
            assert!(detail(&json).contains("deeply"));
        }
        assert!(detail(&"[".repeat(1 << 20)).contains("deeply"));
    }

    #[test]
    fn numbers_are_taken_by_their_text() {
        let with = |value: &str| {
            from_json(EXAMPLE.replace("\"intmaxcurrenta\":32", &format!("\"intmaxcurrenta\":{value}")).as_bytes())
        };
        assert_eq!(with("\"16\"").unwrap().max_current[0], 16);
        for value in ["1.5", "1e3", "32.0", "true", "null", "\"\"", "[]", "{}", "\"1.5\"", "\" 1\"", "\"\\ud800\""] {
            assert_eq!(errors(with(value)), [("intmaxcurrenta", FieldError::NotWhole)], "{value}");
        }
        assert_eq!(errors(with("-1")), [("intmaxcurrenta", FieldError::TooSmall(0))]);
        assert_eq!(errors(with("99999999999999999999")), [("intmaxcurrenta", FieldError::TooLarge(10_000))]);
        let coefficient = EXAMPLE.replace("0.001", "1e999");
        assert_eq!(errors(from_json(coefficient.as_bytes())), [("dblpowercoefficient", FieldError::NotDecimal)]);
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{}\",:\\\\a1 ]{0,40}") {
            let _outcome = (from_json(&bytes), from_form(&bytes), from_json(text.as_bytes()));
        }
    }
}
