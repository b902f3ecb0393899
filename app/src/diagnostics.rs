//! The download of diagnostics: as the charge point sent them, and never taken for anything but a file.

use crate::access::Asking;
use crate::api::ApiError;
use crate::download;
use crate::state::AppState;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_site::Caller;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method};
use serde_json::json;
use std::io;

/// `/details/diagnostics/{id}`.
pub async fn download(
    State(state): State<AppState>,
    Asking(caller): Asking,
    method: Method,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse::<i64>() else { return ApiError::NOT_FOUND.into_response() };
    match state.site.diagnostics_file(id, &caller).await {
        Ok(Some(file)) => {
            let charger = state.site.present().get(file.charge_point).map(|now| now.charge_point.identity.to_string());
            let what = json!({ "file": file.name.as_str(), "id": file.id });
            let charger = charger.unwrap_or_default();
            match state.note_download("export.diagnostics", &charger, &what, (&method, &caller)).await {
                Ok(()) => answer(&state, caller, &file),
                Err(error) => ApiError::from(error).into_response(),
            }
        }
        Ok(None) => ApiError::NOT_FOUND.into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

fn answer(state: &AppState, caller: Caller, file: &DiagnosticsFile) -> Response {
    let (id, size) = (file.id, file.size);
    let asked = (state.clone(), caller.clone());
    let parts = futures::stream::try_unfold((0, 0_i64), move |(number, sent)| {
        let (state, caller) = asked.clone();
        async move {
            let part = state.site.diagnostics_part(id, number, &caller).await.map_err(|error| {
                tracing::error!(%error, "a download of diagnostics");
                io::Error::other("the store failed")
            })?;
            match part {
                Some(part) => {
                    let sent = sent.saturating_add(i64::try_from(part.len()).unwrap_or(i64::MAX));
                    Ok(Some((Bytes::from(part), (number + 1, sent))))
                }
                None if sent == size => Ok(None),
                // It was forgotten meanwhile: what was sent must not pass for the whole.
                None => Err(io::Error::other("the file is gone")),
            }
        }
    });
    let mut response = download::body(state, caller, parts).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(CONTENT_DISPOSITION, disposition(&file.name));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// A file of this name, to be saved (RFC 6266): in ASCII for those who know no better, and as it is.
fn disposition(name: &FileName) -> HeaderValue {
    let plain: String = name.as_str().chars().map(|sign| if sign.is_ascii() { sign } else { '_' }).collect();
    let encoded: String = name
        .as_str()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    // A name has no signs that a header cannot have.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_both_ways() {
        for (name, expected) in [
            ("diag.zip", "attachment; filename=\"diag.zip\"; filename*=UTF-8''diag.zip"),
            ("a b.log", "attachment; filename=\"a b.log\"; filename*=UTF-8''a%20b.log"),
            ("诊断.log", "attachment; filename=\"__.log\"; filename*=UTF-8''%E8%AF%8A%E6%96%AD.log"),
        ] {
            assert_eq!(disposition(&FileName::of(name).unwrap()), expected);
        }
    }
}
