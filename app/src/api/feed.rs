//! The live feed (2.3): each change of a charger, over a WebSocket.
//!
//! [`board`] decides what is told, once for all; [`reader`] is one who is told. Nothing queues up for a reader: a slow one is
//! sent the newest state, misses what was in between, and nothing else.

mod board;
mod message;
mod reader;

pub(super) use board::Board;
pub(super) use message::FeedMessage;

use super::error::{ApiError, Detail};
use super::params::Params;
use super::{Api, READ, Shared, options, refuse_method};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONNECTION, HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reader::{Reader, Wanted};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// The most that a reader may send at once, bytes; it has nothing to say.
const MOST_RECEIVED: usize = 16 * 1024;
/// What is read and written at once, bytes: little comes in, and a message is a few hundred.
const BUFFER: usize = 1024;
/// Where the feed is.
pub(super) const PATH: &str = "/ws/charger/details/";
/// The bounds of `alive`, s.
pub(super) const ALIVE: RangeInclusive<i64> = 1..=300;

/// The live feed (2.3), a WebSocket
///
/// Each message is one JSON object of the schema `FeedMessage`: a `state` for each followed charger and the `phases` at
/// first, then whenever a value changes (the first change at once, further ones of a charger joined to one a second), and in
/// any case a `state` every 3 minutes. `seq` counts up by one on each connection. Messages of the client are ignored. A page of
/// a browser sees no pings: it asks by `alive` to hear something in any case. Who asks for it by `totals` is also told counts and
/// sums over the site and which sessions have ended, at first and when they change. `/api/asyncapi.json` describes it for programs.
#[utoipa::path(
    get, path = "/ws/charger/details/", tag = "chargers",
    params(
        ("charger_id" = Option<String>, Query, description = "Which charger; all of them when it is absent."),
        ("alive" = Option<u32>, Query, minimum = 1, maximum = 300, description = "Send an `alive` message whenever nothing else was sent for so many seconds."),
        ("totals" = Option<bool>, Query, description = "Send a `totals` message, too, at first and whenever it changes."),
    ),
    responses(
        (status = 101, description = "The connection is a WebSocket now"),
        (status = 400, body = super::error::FieldErrorsOrDetail, description = "`charger_id` or the handshake is wrong"),
        (status = 403, body = Detail, description = "From a page of another site"),
        (status = 404, body = Detail, description = "There is no such charger"),
        (status = 426, body = Detail, description = "Not an upgrade to a WebSocket"),
    ),
)]
pub(super) async fn connect(State(api): State<Shared>, request: Request) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => return options(&READ),
        Method::GET | Method::HEAD => upgrade(&api, request).await.unwrap_or_else(IntoResponse::into_response),
        _ => return refuse_method(&request, &READ),
    };
    if response.status() == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    response.headers_mut().insert(ALLOW, READ);
    response
}

async fn upgrade(api: &Api, request: Request) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let upgrade_required = || ApiError::detail(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket, version 13.");
    if parts.method != Method::GET || !asks_for_websocket(&parts.headers) {
        return Err(upgrade_required());
    }
    if !is_same_site(&parts.headers) {
        return Err(ApiError::detail(StatusCode::FORBIDDEN, "Pages of other sites may not follow the feed."));
    }
    let mut params = Params::new(&parts.uri);
    let charger = params.text("charger_id").map(std::borrow::Cow::into_owned);
    let alive = params.whole("alive", ALIVE).map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
    let totals = params.flag("totals");
    params.finish()?;
    let only = match charger {
        Some(identity) => Some(api.app.site.charge_point(Some(&identity)).ok_or(ApiError::NOT_FOUND)?.key),
        None => None,
    };
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|rejection| match rejection {
        WebSocketUpgradeRejection::InvalidConnectionHeader(_)
        | WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_)
        | WebSocketUpgradeRejection::ConnectionNotUpgradable(_) => upgrade_required(),
        other => ApiError::detail(StatusCode::BAD_REQUEST, other.body_text()),
    })?;
    let caller = crate::access::Asking::of(&parts.extensions);
    let (app, board) = (api.app.clone(), Arc::clone(&api.feed));
    Ok(upgrade
        .max_message_size(MOST_RECEIVED)
        .max_frame_size(MOST_RECEIVED)
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .on_upgrade(async move |socket| {
            let reader = Reader::new(&app, Arc::clone(&board), socket, Wanted { only, totals, alive }, caller);
            if let Err(error) = board.start(&app, reader) {
                tracing::error!(%error, "the feed has no thread");
            }
        }))
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether the request is not of another site's page. Only browsers send `Origin`, and no browser hides a WebSocket's
/// messages from the page that opened it. Behind a proxy the host that the browser knows may come as X-Forwarded-Host,
/// which no page can set and which the front lets through from trusted proxies alone.
fn is_same_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let host_of_origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    [HOST.as_str(), "x-forwarded-host"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .any(|host| host_of_origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        assert!(is_same_site(&headers(&[("host", "a:1")])));
        assert!(is_same_site(&headers(&[("host", "a:1"), ("origin", "http://a:1")])));
        assert!(is_same_site(&headers(&[("host", "up:1"), ("x-forwarded-host", "a"), ("origin", "https://a")])));
        assert!(!is_same_site(&headers(&[("host", "a:1"), ("origin", "http://a:2")])));
        assert!(!is_same_site(&headers(&[("host", "a:1"), ("origin", "null")])));
        assert!(!is_same_site(&headers(&[("origin", "http://a")])));
    }
}
