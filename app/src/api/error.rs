//! The one place where errors become HTTP: what is logged, and what is shown.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bmw_domain::field::FieldError;
use bmw_domain::phase::Phase;
use bmw_site::{Denied, NotDone, NotSaved, whole_seconds};
use bmw_store::StoreError;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use utoipa::ToSchema;

/// The header that carries the id under which an error inside was logged.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request is not answered as asked (reading guide, "Rules for the routes").
#[derive(Debug)]
pub enum ApiError {
    /// Parameters or fields are wrong or missing: 400 with each by its name.
    Fields(Vec<(&'static str, FieldError)>),
    /// As [`ApiError::Fields`], with names and messages that are not ours: those of a protocol's payload.
    Named(Vec<(String, String)>),
    /// Anything else that the caller can mend.
    Detail(StatusCode, Cow<'static, str>),
    /// It is one of too many; worth another try after this time.
    Throttled(Duration),
    /// What went wrong inside: logged, and not shown.
    Inside(StoreError),
}

/// One wrong field or parameter, or several: each name with its messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"num": ["A valid integer is required."]}))]
pub struct FieldErrors(pub BTreeMap<String, Vec<String>>);

/// Any other error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// What is wrong, in English.
    #[schema(example = "Not found.")]
    pub detail: String,
}

/// A refused body of the settings: by field, or as a whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // for the OpenAPI document
pub(super) enum FieldErrorsOrDetail {
    /// By field.
    Fields(FieldErrors),
    /// As a whole.
    Detail(Detail),
}

impl ApiError {
    /// 404 as the document's framework words it.
    pub const NOT_FOUND: Self = Self::Detail(StatusCode::NOT_FOUND, Cow::Borrowed("Not found."));

    /// Why something of the distribution was not saved. The field is that of a phase where its limit is too low.
    pub(super) fn not_saved(error: NotSaved, field: impl Fn(Phase) -> &'static str) -> Self {
        match error {
            NotSaved::NotDone(error) => error.into(),
            NotSaved::TooMuch(phase, needed) => Self::Fields(vec![(field(phase), FieldError::UnderSafe(needed))]),
        }
    }

    /// An error with a text.
    pub fn detail(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Detail(status, text.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Inside(error)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::NotSignedIn | Denied::BadToken => StatusCode::UNAUTHORIZED,
            Denied::NotAllowed => StatusCode::FORBIDDEN,
        };
        Self::detail(status, denied.to_string())
    }
}

impl From<NotDone> for ApiError {
    fn from(error: NotDone) -> Self {
        match error {
            NotDone::Denied(denied) => denied.into(),
            NotDone::Store(error) => error.into(),
        }
    }
}

/// What an answer depends on that is not the same for all who ask.
pub const BY_WHO_ASKS: HeaderValue = HeaderValue::from_static("Accept, Authorization, Cookie");

/// Marks an answer as one for who asked alone: no cache keeps it, or gives it to somebody else.
pub fn keep_apart(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(VARY, BY_WHO_ASKS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// How a program proves who it is.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"bmw\"");

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Fields(errors) => {
                by_name(errors.into_iter().map(|(name, error)| (name.to_owned(), error.to_string())))
            }
            Self::Named(errors) => by_name(errors.into_iter()),
            Self::Detail(status, text) => {
                let mut response = json(status, &Detail { detail: text.into_owned() });
                if status == StatusCode::UNAUTHORIZED {
                    response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
                }
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                    keep_apart(&mut response);
                }
                response
            }
            Self::Throttled(wait) => throttled(wait),
            Self::Inside(error) => inside(&error),
        }
    }
}

fn by_name(errors: impl Iterator<Item = (String, String)>) -> Response {
    let mut by_name = BTreeMap::<_, Vec<String>>::new();
    for (name, error) in errors {
        by_name.entry(name).or_default().push(error);
    }
    json(StatusCode::BAD_REQUEST, &FieldErrors(by_name))
}

/// 429 as the document's framework words it.
fn throttled(wait: Duration) -> Response {
    let seconds = whole_seconds(wait);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let detail = format!("Request was throttled. Expected available in {seconds} {unit}.");
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, &Detail { detail });
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The answer to a request that failed inside: 500 with the id under which `error` is in the log.
pub fn inside(error: &dyn fmt::Display) -> Response {
    let id = RequestId::next();
    tracing::error!(request_id = %id, %error, "a request failed inside");
    let detail = Detail { detail: format!("Something went wrong inside; the log tells more under {id}.") };
    let mut response = json(StatusCode::INTERNAL_SERVER_ERROR, &detail);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// The id of a request in the log: unlike those of other runs, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    run: u32,
    number: u64,
}

impl RequestId {
    /// The next id.
    pub fn next() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        static RUN: LazyLock<u32> = LazyLock::new(|| {
            let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            since_1970.subsec_nanos() ^ std::process::id().rotate_left(16)
        });
        Self { run: *RUN, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.run, self.number)
    }
}

/// A small JSON answer with the headers that every one of them has.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => with_status(status, bytes),
        // Strings and maps of strings always serialize; this is for a type that one day does not.
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            with_status(StatusCode::INTERNAL_SERVER_ERROR, r#"{"detail":"Something went wrong inside."}"#)
        }
    }
}

fn with_status(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, super::POLICY);
    response
}

/// 405 with the methods that there are.
pub(crate) fn method_not_allowed(method: &http::Method, allow: &HeaderValue) -> Response {
    let text = format!("Method \"{method}\" not allowed.");
    let mut response = ApiError::detail(StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    response.headers_mut().insert(ALLOW, allow.clone());
    response
}
