//! A token for name and password, as the predecessor gave it.

use super::error::{ApiError, Detail};
use super::settings::content_length;
use super::{Shared, body, json_body, options, refuse_method, reply, to_json};
use crate::access::{Asking, visitor};
use crate::data::Query;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use bmw_domain::field::FieldError;
use bmw_site::access::AccessError;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, EXPECT, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use utoipa::ToSchema;

/// `Allow` of the route.
const WRITE: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
/// Where it is.
pub(super) const PATH: &str = "/api-token-auth/";

pub(super) fn route() -> MethodRouter<Shared> {
    post(give).options(async || options(&WRITE)).fallback(async |request: Request| refuse_method(&request, &WRITE))
}

/// Name and password.
#[derive(ToSchema)]
#[allow(dead_code)] // what `read` reads
pub(super) struct Login {
    /// The account's name.
    #[schema(min_length = 1, example = "operator")]
    username: String,
    /// Its password.
    #[schema(min_length = 1, example = "correct horse battery staple")]
    password: String,
}

/// A token.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenAnswer {
    /// To be sent as `Authorization: Bearer …` or `Authorization: Token …`.
    token: String,
}

/// A token for name and password
///
/// It may what the account may, and holds for a year; of the tokens that an account was given like this the newest ten hold.
/// Others are made and revoked on the account's page.
#[utoipa::path(
    post, path = "/api-token-auth/", tag = "access",
    request_body(content((Login = "application/json"), (Login = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, body = TokenAnswer, description = "The token"),
        (status = 400, body = super::error::FieldErrorsOrDetail, description = "Name and password are not those of an account, are missing, or the body cannot be read"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Neither JSON nor a form"),
        (status = 503, body = Detail, description = "Too many are signing in at this moment"),
    ),
)]
pub(super) async fn give(State(api): State<Shared>, request: Request) -> Response {
    match token(&api, request).await {
        Ok(json) => {
            let mut response = reply(WRITE, Ok(json));
            response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err((error, wait)) => {
            let mut response = reply(WRITE, Err(error));
            if let Some(seconds) = wait {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

type Refused = (ApiError, Option<i64>);

async fn token(api: &Shared, request: Request) -> Result<Bytes, Refused> {
    let (parts, body) = request.into_parts();
    let given = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let waits = parts.headers.contains_key(EXPECT);
    let bytes = async { body::read(body, content_length(&parts.headers), waits).await.map_err(|error| (error, None)) };
    let (name, password) = match essence.as_str() {
        "application/json" => from_json(&bytes.await?),
        "application/x-www-form-urlencoded" => from_form(&bytes.await?),
        _ => {
            let text = format!("Unsupported media type \"{essence}\" in request.");
            Err(ApiError::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
    }
    .map_err(|error| (error, None))?;
    let caller = Asking::of(&parts.extensions);
    let fetched = api.app.access.fetch_token(&name, &password, visitor(&parts.headers, &caller)).await;
    let secret = fetched.map_err(refused)?;
    to_json(&TokenAnswer { token: secret.as_str().to_owned() }).map_err(|error| (error, None))
}

fn refused(error: AccessError) -> Refused {
    let text = error.to_string();
    match error {
        AccessError::Wait(ms) => {
            (ApiError::detail(StatusCode::TOO_MANY_REQUESTS, text), Some(ms.div_euclid(1000).saturating_add(1)))
        }
        AccessError::Busy => (ApiError::detail(StatusCode::SERVICE_UNAVAILABLE, text), None),
        AccessError::Store(error) => (ApiError::Inside(error), None),
        AccessError::Inside => (ApiError::detail(StatusCode::INTERNAL_SERVER_ERROR, text), None),
        _ => (ApiError::Named(vec![("non_field_errors".to_owned(), text)]), None),
    }
}

type Given = (Result<String, FieldError>, Result<String, FieldError>);

fn from_json(bytes: &[u8]) -> Result<(String, String), ApiError> {
    let mut given: Given = (Err(FieldError::Required), Err(FieldError::Required));
    for (name, value) in json_body::object(bytes)? {
        let text = || json_body::text(value.get()).map(std::borrow::Cow::into_owned).ok_or(FieldError::NotText);
        match name.as_str() {
            "username" => given.0 = text(),
            "password" => given.1 = text(),
            _ => {}
        }
    }
    both(given)
}

fn from_form(bytes: &[u8]) -> Result<(String, String), ApiError> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| ApiError::detail(StatusCode::BAD_REQUEST, "The form is not UTF-8."))?;
    let fields = Query::parse(text);
    let named = |name| fields.raw(name).map(ToOwned::to_owned).ok_or(FieldError::Required);
    both((named("username"), named("password")))
}

fn both((name, password): Given) -> Result<(String, String), ApiError> {
    let filled = |text: String| if text.is_empty() { Err(FieldError::Blank) } else { Ok(text) };
    match (name.and_then(filled), password.and_then(filled)) {
        (Ok(name), Ok(password)) => Ok((name, password)),
        (name, password) => {
            let wrong = [("username", name.err()), ("password", password.err())];
            Err(ApiError::Fields(wrong.into_iter().filter_map(|(name, error)| Some((name, error?))).collect()))
        }
    }
}
