//! What is given out as a file: bodies that end with the right to them, and CSV.

pub(crate) use crate::csv::{MARK, guarded, quoted, unguarded};
use crate::state::AppState;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use bmw_site::Caller;
use futures::{Stream, StreamExt as _};
use http::header::{self, HeaderValue};
use std::io;

/// Bytes of what is at hand that are sent at once.
const PIECE: usize = 64 << 10;

/// A body in parts, which is broken off as soon as who asked for it may no more what he might: he may read slowly, for days.
pub(crate) fn body(
    state: &AppState,
    caller: Caller,
    parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Body {
    let access = state.access.clone();
    Body::from_stream(parts.map(move |part| {
        if access.still_holds(&caller) { part } else { Err(io::Error::other("who asked for it may no more have it")) }
    }))
}

/// A file that is at hand as a whole, given out like [`body`].
pub(crate) fn whole(state: &AppState, caller: Caller, bytes: impl Into<Bytes>) -> Response {
    let bytes = bytes.into();
    let length = bytes.len();
    let pieces = futures::stream::unfold(bytes, |mut rest| async {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((Ok(piece), rest))
    });
    let mut response = body(state, caller, pieces).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Says that an answer is a file to be saved, of this type and name.
pub(crate) fn as_file(mut response: Response, media_type: &'static str, name: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The type of CSV.
pub(crate) const CSV: &str = "text/csv; charset=utf-8";
