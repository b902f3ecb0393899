//! A token for name and password, as the predecessor gave it.

use super::error::{ApiError, Detail};
use super::settings::content_length;
use super::{Shared, WRITE, body, json_body, refuse_method, reply, to_json};
use crate::access::{Asking, visitor};
use crate::data::Query;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use bmw_domain::field::FieldError;
use bmw_site::access::AccessError;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa::ToSchema;

/// `Allow` of the route.
/// What the body may be.
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
/// Where it is.
pub(super) const PATH: &str = "/api-token-auth/";

pub(super) fn route() -> MethodRouter<Shared> {
    post(give).options(async || describe()).fallback(async |request: Request| refuse_method(&request, &WRITE))
}

/// The answer to `OPTIONS`, as the predecessor's framework gives it for this route, with the field that it does not have.
fn describe() -> Response {
    let field = |label: &str, required: bool, read_only: bool| serde_json::json!({ "type": "string", "required": required, "read_only": read_only, "label": label });
    let body = serde_json::json!({
        "name": "Obtain Auth Token",
        "description": "",
        "renders": [JSON],
        "parses": [FORM, MULTIPART, JSON],
        "actions": { "POST": {
            "username": field("Username", true, false),
            "password": field("Password", true, false),
            "otp": field("One-time password", false, false),
            "token": field("Token", false, true),
        } },
    });
    reply(WRITE, Ok(body.to_string().into()))
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
    /// The code of its second factor, or a recovery code, where it has one.
    #[schema(required = false, example = "123456")]
    otp: Option<String>,
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
/// Others are made and revoked on the account's page. An account with a second factor needs a code as `otp`, too.
#[utoipa::path(
    post, path = "/api-token-auth/", tag = "access",
    request_body(content(
        (Login = "application/json"),
        (Login = "application/x-www-form-urlencoded"),
        (Login = "multipart/form-data"),
    )),
    responses(
        (status = 200, body = TokenAnswer, description = "The token"),
        (status = 400, body = super::error::FieldErrorsOrDetail, description = "Name and password are not those of an account, the code is wrong, something is missing, or the body cannot be read"),
        (status = 408, body = Detail, description = "The body came too slowly"),
        (status = 413, body = Detail, description = "The body is larger than 1 MiB"),
        (status = 415, body = Detail, description = "Neither JSON nor a form"),
        (status = 503, body = Detail, description = "Too many are signing in at this moment"),
    ),
)]
pub(super) async fn give(State(api): State<Shared>, request: Request) -> Response {
    let given = token(&api, request).await;
    let is_given = given.is_ok();
    let mut response = reply(WRITE, given);
    if is_given {
        response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

async fn token(api: &Shared, request: Request) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    let (name, password, code) = read(&parts.headers, body).await?.complete()?;
    let caller = Asking::of(&parts.extensions);
    let visitor = visitor(&parts.headers, &caller);
    let secret = api.app.access.fetch_token(&name, &password, code.as_deref(), visitor).await.map_err(refused)?;
    to_json(&TokenAnswer { token: secret.as_str().to_owned() })
}

fn refused(error: AccessError) -> ApiError {
    let text = error.to_string();
    let named = |name: &str, text: String| ApiError::Named(vec![(name.to_owned(), text)]);
    match error {
        AccessError::Wait(wait) => ApiError::Throttled(wait),
        AccessError::Busy => ApiError::detail(StatusCode::SERVICE_UNAVAILABLE, text),
        AccessError::Store(error) => ApiError::Inside(error),
        AccessError::Inside => ApiError::detail(StatusCode::INTERNAL_SERVER_ERROR, text),
        AccessError::WrongCode => named("otp", text),
        _ => named("non_field_errors", text),
    }
}

/// The fields of a body, as far as they are there.
struct Given {
    name: Result<String, FieldError>,
    password: Result<String, FieldError>,
    code: Result<Option<String>, FieldError>,
}

impl Given {
    const NOTHING: Self = Self { name: Err(FieldError::Required), password: Err(FieldError::Required), code: Ok(None) };

    fn put(&mut self, name: &str, text: Result<String, FieldError>) {
        match name {
            "username" => self.name = text,
            "password" => self.password = text,
            "otp" => self.code = text.map(Some),
            _ => {}
        }
    }

    /// Name, password and code. The name is trimmed, the password is not: so the predecessor's framework has it.
    fn complete(self) -> Result<(String, String, Option<String>), ApiError> {
        let filled = |text: String| if text.is_empty() { Err(FieldError::Blank) } else { Ok(text) };
        let name = self.name.map(|name| name.trim().to_owned()).and_then(filled);
        let code = self.code.map(|code| code.filter(|code| !code.trim().is_empty()));
        match (name, self.password.and_then(filled), code) {
            (Ok(name), Ok(password), Ok(code)) => Ok((name, password, code)),
            (name, password, code) => {
                let wrong = [("username", name.err()), ("password", password.err()), ("otp", code.err())];
                Err(ApiError::Fields(wrong.into_iter().filter_map(|(name, error)| Some((name, error?))).collect()))
            }
        }
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Given, ApiError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if ![JSON, FORM, MULTIPART].contains(&essence.as_str()) {
        let text = format!("Unsupported media type \"{essence}\" in request.");
        return Err(ApiError::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let bytes = body::read(body, content_length(headers), headers.contains_key(EXPECT)).await?;
    match essence.as_str() {
        JSON => from_json(&bytes),
        FORM => from_form(&bytes),
        _ => from_parts(kind, bytes).await,
    }
}

fn from_json(bytes: &[u8]) -> Result<Given, ApiError> {
    let mut given = Given::NOTHING;
    for (name, value) in json_body::object(bytes)? {
        // Who has no code may say so.
        if name == "otp" && value.get() == "null" {
            continue;
        }
        let text = json_body::text(value.get()).map(std::borrow::Cow::into_owned);
        given.put(&name, text.ok_or(FieldError::NotText));
    }
    Ok(given)
}

fn from_form(bytes: &[u8]) -> Result<Given, ApiError> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| ApiError::detail(StatusCode::BAD_REQUEST, "The form is not UTF-8."))?;
    let mut given = Given::NOTHING;
    let fields = Query::parse(text);
    for name in ["username", "password", "otp"] {
        if let Some(text) = fields.raw(name) {
            given.put(name, Ok(text.to_owned()));
        }
    }
    Ok(given)
}

async fn from_parts(kind: &str, bytes: Bytes) -> Result<Given, ApiError> {
    let malformed = |error: multer::Error| {
        ApiError::detail(StatusCode::BAD_REQUEST, format!("Multipart form parse error - {error}."))
    };
    let boundary = multer::parse_boundary(kind).map_err(malformed)?;
    let whole = futures::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut given = Given::NOTHING;
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        // What is uploaded as a file is no field.
        let is_file = part.file_name().is_some();
        let bytes = part.bytes().await.map_err(malformed)?;
        if !is_file {
            let text = String::from_utf8(bytes.into());
            let text = text.map_err(|_| ApiError::detail(StatusCode::BAD_REQUEST, "The form is not UTF-8."))?;
            given.put(&name, Ok(text));
        }
    }
    Ok(given)
}
