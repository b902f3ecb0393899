//! The settings: 2.4, 2.5 and 2.13.

use super::error::{ApiError, Detail, FieldErrorsOrDetail};
use super::params::{decode, pairs};
use super::{READ_AND_WRITE, Shared, body, options, refuse_method, reply, reply_read, to_json};
use crate::state::LOCAL_OPERATOR;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bmw_domain::field::FieldError;
use bmw_domain::settings::{Input, SettingField, Settings};
use bmw_site::Author;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
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
/// numbers or text. Until there are accounts, only from the machine itself.
#[utoipa::path(
    post, path = "/api/basic/settings/", tag = "settings",
    request_body(content(
        (super::openapi::SettingsBody = "application/json"),
        (super::openapi::SettingsForm = "application/x-www-form-urlencoded"),
    ), description = "All 16 fields"),
    responses(
        (status = 200, body = SettingsAnswer, description = "The saved settings"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 403, body = Detail, description = "Not from this machine, or from another site's page"),
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
    let format = Format::of(&parts.headers)?;
    let origin = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    let bytes = body::read(body, content_length(&parts.headers), parts.headers.contains_key(EXPECT)).await?;
    let settings = match format {
        Format::Json => from_json(&bytes)?,
        Format::Form => from_form(&bytes)?,
    };
    let answer = to_json(&SettingsAnswer::of(&settings))?;
    let author = Author { actor: LOCAL_OPERATOR.to_owned(), origin: origin.unwrap_or_default() };
    api.app.site.save_settings(settings, author).await?;
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

/// How deep a JSON body may be nested.
const MOST_DEPTH: usize = 64;

fn from_json(bytes: &[u8]) -> Result<Settings, ApiError> {
    let bad = |text: &'static str| ApiError::detail(StatusCode::BAD_REQUEST, text);
    let text = std::str::from_utf8(bytes).map_err(|_| bad("JSON parse error: not UTF-8."))?;
    check_depth(text).map_err(bad)?;
    let malformed =
        |error: serde_json::Error| ApiError::detail(StatusCode::BAD_REQUEST, format!("JSON parse error: {error}."));
    let whole: &RawValue = serde_json::from_str(text).map_err(malformed)?;
    if !whole.get().starts_with('{') {
        return Err(bad("The body must be a JSON object."));
    }
    check_keys(text).map_err(bad)?;
    let object: Object<'_> = serde_json::from_str(text).map_err(malformed)?;
    let mut fields = [const { None }; 16];
    for (key, value) in object.0 {
        if let Some(field) = field_of(&key) {
            fields[field as usize] = Some(field_value(value.get()));
        }
    }
    read_settings(&fields)
}

fn field_value(json: &str) -> Field<'_> {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(json).map_or(Field::Other, |text| Field::Text(text.0)),
        Some(b'-' | b'0'..=b'9') => Field::Number(json),
        _ => Field::Other,
    }
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a JSON object as they stand.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Whether brackets are nested no deeper than [`MOST_DEPTH`], in text that need not be JSON.
fn check_depth(text: &str) -> Result<(), &'static str> {
    let mut depth = 0_usize;
    for token in tokens(text) {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::String(_) | Token::Comma => {}
        }
        if depth > MOST_DEPTH {
            return Err("JSON parse error: nested too deeply.");
        }
    }
    Ok(())
}

/// Whether no object has a key twice, at any depth, in text that is JSON.
fn check_keys(text: &str) -> Result<(), &'static str> {
    /// The keys of an object; `None` in a list.
    type Keys<'a> = Option<HashSet<Cow<'a, str>>>;
    let mut open: Vec<Keys<'_>> = Vec::new();
    // A string is a key when it is the first thing after `{` or, in an object, after a comma.
    let mut key_is_next = false;
    for token in tokens(text) {
        let at_key = std::mem::replace(&mut key_is_next, false);
        match token {
            Token::Open(b'{') => {
                open.push(Some(HashSet::new()));
                key_is_next = true;
            }
            Token::Open(_) => open.push(None),
            Token::Close => drop(open.pop()),
            Token::Comma => key_is_next = matches!(open.last(), Some(Some(_))),
            Token::String(json) => {
                let Some(Some(keys)) = open.last_mut().filter(|_| at_key) else {
                    continue;
                };
                let key = serde_json::from_str::<Text<'_>>(json).map_err(|_| "JSON parse error: a key is no text.")?;
                if !keys.insert(key.0) {
                    return Err("JSON parse error: a key is there twice.");
                }
            }
        }
    }
    Ok(())
}

/// What matters for the structure of JSON.
enum Token<'a> {
    Open(u8),
    Close,
    Comma,
    /// With its quotes.
    String(&'a str),
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            at += 1;
            match byte {
                b'{' | b'[' => return Some(Token::Open(byte)),
                b'}' | b']' => return Some(Token::Close),
                b',' => return Some(Token::Comma),
                b'"' => {
                    while let Some(&inner) = bytes.get(at) {
                        at += if inner == b'\\' { 2 } else { 1 };
                        if inner == b'"' {
                            break;
                        }
                    }
                    // Both ends are quotes, or the text ends within the string and is no JSON.
                    return text.get(start..at.min(bytes.len())).map(Token::String);
                }
                _ => {}
            }
        }
        None
    })
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

        #[test]
        fn keys_are_checked_like_serde_reads_them(text in r#"[\[\]{}",:\\a1]{0,14}"#) {
            // Whatever serde takes for JSON without doubles has as many keys as it says.
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
                let count = count_keys(&value);
                let colons = serde_json::from_str::<&RawValue>(&text).map(|_| key_count(&text)).unwrap_or_default();
                prop_assert_eq!(check_keys(&text).is_ok(), count == colons, "{}", text);
            }
        }
    }

    fn count_keys(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Object(map) => map.len() + map.values().map(count_keys).sum::<usize>(),
            serde_json::Value::Array(list) => list.iter().map(count_keys).sum(),
            _ => 0,
        }
    }

    /// Colons outside strings: one for each key.
    fn key_count(text: &str) -> usize {
        let strings: usize =
            tokens(text).map(|token| if let Token::String(text) = token { text.matches(':').count() } else { 0 }).sum();
        text.matches(':').count() - strings
    }
}
