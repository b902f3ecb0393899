//! What is given out as a file: bodies that end with the right to them, and CSV that is safe in spreadsheets.

use crate::state::AppState;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use bmw_site::Caller;
use futures::{Stream, StreamExt as _};
use http::header::{self, HeaderValue};
use std::borrow::Cow;
use std::io;

/// A mark of byte order makes spreadsheets read UTF-8.
pub(crate) const MARK: &str = "\u{feff}";

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

/// The signs that a formula begins with, for one spreadsheet or another: also as Chinese and Japanese keyboards write them.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Stands before a text that would else be taken for a formula.
const GUARD: char = '\'';

/// A text that no spreadsheet takes for a formula.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    // One that begins with the guard itself has another before it, so that what is read again is what was written.
    if text.starts_with(FORMULA) || text.starts_with(GUARD) {
        Cow::Owned(format!("{GUARD}{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What [`guarded`] was given.
pub(crate) fn unguarded(text: &str) -> &str {
    text.strip_prefix(GUARD).filter(|rest| rest.starts_with(FORMULA) || rest.starts_with(GUARD)).unwrap_or(text)
}

/// A field of text: quoted where CSV needs it, and never taken for a formula.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    let text = guarded(text);
    if text.contains(['"', ',', '\n', '\r']) || text.starts_with(GUARD) {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn csv_fields_are_safe() {
        for (text, field) in [
            ("04A1", "04A1"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("＝1+1", "\"'＝1+1\""),
            ("-1", "\"'-1\""),
            ("'=1", "\"''=1\""),
            ("", ""),
        ] {
            assert_eq!(quoted(text), field);
        }
    }

    proptest! {
        #[test]
        fn what_is_guarded_is_read_as_it_was(text in "['=+@＝a-]{0,4}|.{0,8}") {
            let safe = guarded(&text);
            prop_assert!(!safe.starts_with(FORMULA));
            prop_assert_eq!(unguarded(&safe), text.as_str());
        }
    }
}
