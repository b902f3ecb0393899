//! Commands to chargers (reading guide, "Commands").

use super::error::{ApiError, Detail, FieldErrorsOrDetail};
use super::settings::content_length;
use super::{Shared, WRITE, body, json_body, keep_apart, options, refuse_method, reply, reply_read, to_json};
use crate::access::Asking;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use bmw_domain::account::Right;
use bmw_domain::command::{Action, Command};
use bmw_domain::field::FieldError;
use bmw_site::{Arguments, Ask, Caller, Refusal};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use utoipa::ToSchema;

/// The most characters of a key.
const KEY_MOST: usize = 200;

pub(super) fn route() -> MethodRouter<Shared> {
    post(give).options(async || options(&WRITE)).fallback(async |request: Request| refuse_method(&request, &WRITE))
}

/// A command to be given.
#[derive(ToSchema)]
#[allow(dead_code)] // what `read` reads
pub(super) struct CommandBody {
    /// The charger.
    #[schema(example = "10245006")]
    vchchargerid: String,
    /// The name of an OCPP 1.6 action.
    #[schema(
        pattern = "^(CancelReservation|ChangeAvailability|ChangeConfiguration|ClearCache|ClearChargingProfile|DataTransfer|GetCompositeSchedule|GetConfiguration|GetDiagnostics|GetLocalListVersion|RemoteStartTransaction|RemoteStopTransaction|ReserveNow|Reset|SendLocalList|SetChargingProfile|TriggerMessage|UnlockConnector|UpdateFirmware)$",
        example = "RemoteStartTransaction"
    )]
    command: String,
    /// Its payload. What is left out is filled in where there is one sensible value.
    #[schema(value_type = Option<Object>, example = json!({"connectorId": 1}))]
    arguments: Option<Value>,
}

/// A command that was given.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandGiven {
    /// By which it can be followed.
    id: i64,
}

/// A command and its life so far.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandAnswer {
    id: i64,
    vchchargerid: String,
    command: &'static str,
    /// The payload as it was sent.
    #[schema(value_type = Object)]
    arguments: Value,
    state: &'static str,
    /// What the charger replied.
    #[schema(required, value_type = Option<Object>)]
    result: Value,
    history: Vec<CommandStep>,
}

/// A state of a command.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandStep {
    /// `queued`, `sent`, then `accepted`, `rejected`, `failed`, `timed_out` or `offline`, and after `accepted`
    /// `effective` or `no_effect`.
    state: &'static str,
    /// Local, `2015-11-24T15:09:47`.
    time: String,
}

/// Gives a command to a charger
///
/// It is stored and carried out; follow it by its id. Asking again with the same `Idempotency-Key` gives the same command and
/// does nothing twice. A command with a secret, such as a password in a configuration or in an address, is stored without it, so that
/// asking again with its key is refused (409). An operator's token, or session, is needed.
#[utoipa::path(
    post, path = "/api/charger/command/", tag = "commands",
    security(("token" = []), ("session" = [])),
    params((
        "Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]{1,200}$",
        description = "Up to 200 visible characters"
    )),
    request_body = CommandBody,
    responses(
        (status = 202, body = CommandGiven, description = "The command is queued"),
        (status = 400, body = FieldErrorsOrDetail, description = "Fields are wrong or missing, or the body cannot be read"),
        (status = 404, body = Detail, description = "There is no such charger"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 409, body = Detail, description = "One of that kind is pending for that charger, or the key was used for another command or for one with a secret"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Not JSON"),
    ),
)]
pub(super) async fn give(State(api): State<Shared>, request: Request) -> Response {
    match give_body(&api, request).await {
        Ok(json) => {
            let mut response = reply(WRITE, Ok(json));
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Err(error) => reply(WRITE, Err(error)),
    }
}

async fn give_body(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = Asking::of(&parts.extensions);
    // Before the body is looked at: who may not is told that first.
    caller.check(Right::Command)?;
    check_type(&parts.headers)?;
    let key = key(&parts.headers)?;
    let bytes = body::read(body, content_length(&parts.headers), parts.headers.contains_key(EXPECT)).await?;
    let (charger, action, arguments) = read(&bytes)?;
    let charge_point = api.app.site.charge_point(Some(&charger)).ok_or(ApiError::NOT_FOUND)?.key;
    let ask = Ask { charge_point, action, arguments, key };
    let command = api.app.commands.give(ask, &caller).await.map_err(|refusal| refused(refusal, action))?;
    to_json(&CommandGiven { id: command.id })
}

fn refused(refusal: Refusal, action: Action) -> ApiError {
    match refusal {
        Refusal::Field(field, fault) => ApiError::Named(vec![(field, fault.to_string())]),
        Refusal::Pending => {
            let text = format!("A {} is pending for this charger.", action.name());
            ApiError::detail(StatusCode::CONFLICT, text)
        }
        Refusal::KeyUsed => ApiError::detail(
            StatusCode::CONFLICT,
            "The Idempotency-Key was used for another command, or for one with a secret.",
        ),
        Refusal::Denied(denied) => denied.into(),
        Refusal::Store(error) => ApiError::Inside(error),
    }
}

pub(super) fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let text = format!("Unsupported media type \"{essence}\" in request. Use application/json.");
    Err(ApiError::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let wrong = |text: &str| ApiError::Named(vec![("Idempotency-Key".to_owned(), text.to_owned())]);
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(wrong(&FieldError::Repeated.to_string()));
    }
    let text = value.to_str().map_err(|_| wrong("Only visible ASCII characters are allowed."))?;
    if text.is_empty() || text.len() > KEY_MOST {
        return Err(wrong("Ensure this field has 1 to 200 characters."));
    }
    Ok(Some(text.to_owned()))
}

/// The charger, the action and the payload of a body.
fn read(bytes: &[u8]) -> Result<(String, Action, Arguments), ApiError> {
    let (mut charger, mut action, mut arguments) = (None, None, Ok(Arguments::new()));
    for (name, value) in json_body::object(bytes)? {
        match name.as_str() {
            "vchchargerid" => charger = Some(json_body::text(value.get()).ok_or(FieldError::NotText)),
            "command" => {
                let named = json_body::text(value.get()).ok_or(FieldError::NotText);
                action = Some(named.and_then(|name| Action::from_name(&name).ok_or(FieldError::NotAChoice)));
            }
            "arguments" => {
                arguments = match serde_json::from_str(value.get()) {
                    Ok(Value::Object(map)) => Ok(map),
                    Ok(Value::Null) => Ok(Arguments::new()),
                    Ok(_) | Err(_) => Err("Not a JSON object.".to_owned()),
                };
            }
            _ => {}
        }
    }
    let mut errors = Vec::new();
    let charger = charger.unwrap_or(Err(FieldError::Required)).map_err(|error| error.to_string());
    let action = action.unwrap_or(Err(FieldError::Required)).map_err(|error| error.to_string());
    for (name, error) in [
        ("vchchargerid", charger.as_ref().err()),
        ("command", action.as_ref().err()),
        ("arguments", arguments.as_ref().err()),
    ] {
        errors.extend(error.map(|error| (name.to_owned(), error.clone())));
    }
    match (charger, action, arguments) {
        (Ok(charger), Ok(action), Ok(arguments)) => Ok((charger.into_owned(), action, arguments)),
        _ => Err(ApiError::Named(errors)),
    }
}

/// A command and its life so far
///
/// A token, or session, is needed.
#[utoipa::path(
    get, path = "/api/charger/command/{id}/", tag = "commands",
    security(("token" = []), ("session" = [])),
    params(("id" = i64, Path, description = "As it was given")),
    responses(
        (status = 200, body = CommandAnswer, description = "The command"),
        (status = 404, body = Detail, description = "There is no such command"),
    ),
)]
pub(super) async fn show(State(api): State<Shared>, Asking(caller): Asking, Path(id): Path<String>) -> Response {
    let mut response = reply_read(find(&api, &id, &caller).await);
    keep_apart(&mut response);
    response
}

async fn find(api: &Shared, id: &str, caller: &Caller) -> Result<Bytes, ApiError> {
    // Whether there is such a command is no matter of those who may not see it.
    caller.check(Right::ReadSensitive)?;
    let id: i64 = id.parse().map_err(|_| ApiError::NOT_FOUND)?;
    let command = api.app.commands.find(id, caller).await?.ok_or(ApiError::NOT_FOUND)?;
    to_json(&answer(api, command))
}

fn answer(api: &Shared, command: Command) -> CommandAnswer {
    let site = &api.app.site;
    let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let charger = site.present().get(command.charge_point).map(|now| now.charge_point.identity.to_string());
    CommandAnswer {
        id: command.id,
        vchchargerid: charger.unwrap_or_default(),
        command: command.action.name(),
        arguments: json(&command.arguments),
        state: command.state.word(),
        result: command.result.as_deref().map(json).unwrap_or_default(),
        history: command
            .history
            .iter()
            .map(|(state, at)| CommandStep { state: state.word(), time: site.clock().zone().local(*at).with_t() })
            .collect(),
    }
}
