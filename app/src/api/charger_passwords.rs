//! Passwords of chargers, for programs that put many of them up.

use super::commands::check_type;
use super::error::{ApiError, Detail, FieldErrorsOrDetail};
use super::params::Params;
use super::settings::content_length;
use super::{READ_AND_WRITE, Shared, body, json_body, keep_apart, options, refuse_method, reply, to_json};
use crate::access::Asking;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bmw_domain::account::Right;
use bmw_domain::field::FieldError;
use bmw_site::{Caller, ChargePointNow, PasswordError, Refusal};
use bytes::Bytes;
use http::StatusCode;
use http::header::EXPECT;
use std::sync::Arc;
use utoipa::ToSchema;

pub(super) fn route() -> MethodRouter<Shared> {
    get(show)
        .post(change)
        .options(async || options(&READ_AND_WRITE))
        .fallback(async |request: Request| refuse_method(&request, &READ_AND_WRITE))
}

/// What is known of a charger's password.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargerPassword {
    vchchargerid: String,
    /// Where the one comes from that it must bring: `typed` by a person, `random`, or its `first_use`; `null` where it comes without.
    #[schema(required)]
    origin: Option<&'static str>,
    /// Since when, local.
    #[schema(required)]
    since: Option<String>,
    /// When a newer one was sent to it that it has not used yet, local.
    #[schema(required)]
    sent: Option<String>,
    /// The OCPP security profile of its connection, 0 to 2; `null` while it has none.
    #[schema(required)]
    profile: Option<u8>,
}

/// What becomes of a charger's password.
#[derive(ToSchema)]
#[allow(dead_code)] // what `read` reads
pub(super) struct ChargerPasswordBody {
    /// The charger.
    #[schema(example = "10245006")]
    vchchargerid: String,
    /// `set` the one that is given, make a `random` one, `send` a random one to the charger, or `remove` what there is.
    #[schema(pattern = "^(set|random|send|remove)$", example = "random")]
    action: String,
    /// With `set`: 16 to 40 visible ASCII characters, and not easily guessed.
    password: Option<String>,
}

/// What became of it.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargerPasswordChanged {
    vchchargerid: String,
    /// The `random` one, told this once. The charger's user name is its id.
    #[schema(required)]
    password: Option<String>,
    /// The id of the command that carries the one that is sent. Those before hold until the charger has come with it.
    #[schema(required)]
    command: Option<i64>,
}

/// What is known of a charger's password
///
/// Never the password itself. An administrator's token, or session, is needed.
#[utoipa::path(
    get, path = "/api/charger/password/", tag = "chargers",
    security(("token" = []), ("session" = [])),
    params(("charger_id" = String, Query, description = "Which charger.", example = "10245006")),
    responses(
        (status = 200, body = ChargerPassword, description = "What is known of it"),
        (status = 400, body = super::error::FieldErrors, description = "The parameter is missing or repeated"),
        (status = 404, body = Detail, description = "There is no such charger"),
    ),
)]
pub(super) async fn show(State(api): State<Shared>, request: Request) -> Response {
    not_kept(reply(READ_AND_WRITE, state(&api, &request)))
}

/// It is meant for one person alone.
fn not_kept(mut response: Response) -> Response {
    keep_apart(&mut response);
    response
}

fn state(api: &Shared, request: &Request) -> Result<Bytes, ApiError> {
    let caller = Asking::of(request.extensions());
    caller.check(Right::Admit)?;
    let mut params = Params::new(request.uri());
    let charger = params.text("charger_id");
    params.require("charger_id", charger.as_ref());
    params.finish()?;
    let now = find(api, &charger.unwrap_or_default())?;
    let state = api.app.site.charger_password(now.key, &caller)?;
    let local = |at| api.app.site.clock().zone().local(at).with_t();
    to_json(&ChargerPassword {
        vchchargerid: now.charge_point.identity.to_string(),
        origin: state.holds.map(|(origin, _)| origin.word()),
        since: state.holds.map(|(_, at)| local(at)),
        sent: state.sent.map(local),
        profile: state.security.map(bmw_domain::charger::password::Security::profile),
    })
}

fn find(api: &Shared, identity: &str) -> Result<Arc<ChargePointNow>, ApiError> {
    api.app.site.charge_point(Some(identity)).ok_or(ApiError::NOT_FOUND)
}

/// Sets, makes, sends or removes a charger's password
///
/// A charger that has one must bring it by HTTP Basic, with its id as the user's name (OCPP 1.6 security profiles 1 and 2). With
/// `set`, `random` and `remove` the charger is disconnected and must come with what holds then; with `send` it goes on, and the old
/// password holds until it has come with the new one. An administrator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/charger/password/", tag = "chargers",
    security(("token" = []), ("session" = [])),
    request_body = ChargerPasswordBody,
    responses(
        (status = 200, body = ChargerPasswordChanged, description = "It is done; of `send`, that it is on its way"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 404, body = Detail, description = "There is no such charger"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 409, body = Detail, description = "Another change of its configuration is pending, or too many passwords are on their way to it"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Not JSON"),
        (status = 503, body = Detail, description = "Too many passwords are looked at in this moment"),
    ),
)]
pub(super) async fn change(State(api): State<Shared>, request: Request) -> Response {
    not_kept(reply(READ_AND_WRITE, change_body(&api, request).await))
}

async fn change_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = Asking::of(&parts.extensions);
    // Before the body is looked at: who may not is told that first.
    caller.check(Right::Admit)?;
    check_type(&parts.headers)?;
    let bytes = body::read(body, content_length(&parts.headers), parts.headers.contains_key(EXPECT)).await?;
    let (charger, action, password) = read(&bytes)?;
    let now = find(api, &charger)?;
    let (password, command) = carry_out(api, &now, &action, password.as_deref(), &caller).await?;
    to_json(&ChargerPasswordChanged { vchchargerid: now.charge_point.identity.to_string(), password, command })
}

async fn carry_out(
    api: &Shared,
    now: &ChargePointNow,
    action: &str,
    password: Option<&str>,
    caller: &Caller,
) -> Result<(Option<String>, Option<i64>), ApiError> {
    let site = &api.app.site;
    match action {
        "random" => {
            let made = site.make_charger_password(now.key, caller).await;
            Ok((Some(made.map_err(not_set)?), None))
        }
        "send" => match api.app.commands.send_password(now.key, caller).await.map_err(not_set)? {
            Ok(command) => Ok((None, Some(command.id))),
            Err(Refusal::Pending | Refusal::KeyUsed | Refusal::Field(..)) => {
                Err(ApiError::detail(StatusCode::CONFLICT, "A ChangeConfiguration is pending for this charger."))
            }
            Err(Refusal::Denied(denied)) => Err(denied.into()),
            Err(Refusal::Store(error)) => Err(error.into()),
        },
        "remove" => {
            site.remove_charger_password(now.key, caller).await.map_err(not_set)?;
            Ok((None, None))
        }
        _ => {
            site.set_charger_password(now.key, password.unwrap_or_default(), caller).await.map_err(not_set)?;
            Ok((None, None))
        }
    }
}

fn not_set(error: PasswordError) -> ApiError {
    let text = error.to_string();
    match error {
        PasswordError::Denied(denied) => denied.into(),
        PasswordError::Fault(_) => ApiError::Named(vec![("password".to_owned(), text)]),
        PasswordError::Unknown => ApiError::NOT_FOUND,
        PasswordError::TooMany => ApiError::detail(StatusCode::CONFLICT, text),
        PasswordError::Busy => ApiError::detail(StatusCode::SERVICE_UNAVAILABLE, text),
        PasswordError::Inside => ApiError::detail(StatusCode::INTERNAL_SERVER_ERROR, text),
        PasswordError::Store(error) => error.into(),
    }
}

/// The charger, what is to be done, and the password where one is given.
fn read(bytes: &[u8]) -> Result<(String, String, Option<String>), ApiError> {
    let (mut charger, mut action) = (Err(FieldError::Required), Err(FieldError::Required));
    let mut password = Ok(None);
    for (name, value) in json_body::object(bytes)? {
        let text = || json_body::text(value.get()).map(std::borrow::Cow::into_owned).ok_or(FieldError::NotText);
        match name.as_str() {
            "vchchargerid" => charger = text(),
            "action" => {
                let is_known = |word: &String| ["set", "random", "send", "remove"].contains(&word.as_str());
                action = text().and_then(|word| if is_known(&word) { Ok(word) } else { Err(FieldError::NotAChoice) });
            }
            "password" => password = if value.get() == "null" { Ok(None) } else { text().map(Some) },
            _ => {}
        }
    }
    if action.as_deref() == Ok("set") && password == Ok(None) {
        password = Err(FieldError::Required);
    }
    match (charger, action, password) {
        (Ok(charger), Ok(action), Ok(password)) => Ok((charger, action, password)),
        (charger, action, password) => {
            let wrong = [("vchchargerid", charger.err()), ("action", action.err()), ("password", password.err())];
            Err(ApiError::Fields(wrong.into_iter().filter_map(|(name, error)| Some((name, error?))).collect()))
        }
    }
}
