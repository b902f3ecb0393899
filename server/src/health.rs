//! `/healthz`, for whoever watches over the program.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bmw_app::state::AppState;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use std::time::Duration;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// 200 when the database answers, else 503.
pub async fn healthz(State(app): State<AppState>) -> Response {
    let (status, body) = match tokio::time::timeout(PATIENCE, app.site.store().ping()).await {
        Ok(Ok(())) => (StatusCode::OK, r#"{"status":"ok"}"#),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"the database does not answer"}"#)
        }
        Err(_) => {
            tracing::warn!("the database does not answer in time");
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"the database does not answer in time"}"#)
        }
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}
