//! The live feed (2.3): each change of a charger, over a WebSocket.
//!
//! Nothing is queued for a reader: each message is made from the newest state at the moment it can be sent, so that a
//! slow reader misses what was in between and nothing else.

use super::error::{ApiError, Detail};
use super::json::JsonWriter;
use super::params::Params;
use super::{READ, Shared, options, refuse_method};
use crate::state::{AppState, Ending};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse, Response};
use bmw_domain::record::ChargePointKey;
use bmw_site::ChargePointNow;
use http::header::{ALLOW, CONNECTION, HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::ToSchema;

/// Further changes of a charger are joined to one message in this time.
const JOINED: Duration = Duration::from_secs(1);
/// How often is looked at what changes by time alone: which currents are known.
const LOOK: Duration = Duration::from_secs(5);
/// How long one message may take to be sent.
const SEND: Duration = Duration::from_secs(10);
/// How often a reader is asked for a sign of life, and how long none may come.
const PING: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_mins(2);
/// The most that a reader may send at once, bytes; it has nothing to say.
const MOST_RECEIVED: usize = 16 * 1024;

/// A message of the feed.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[allow(dead_code)] // what `JsonWriter` writes
pub(super) enum FeedMessage {
    /// A charger, first and whenever a value changes.
    State {
        #[schema(minimum = 1)]
        seq: u64,
        vchchargerid: String,
        /// Local, `2015-11-24T15:09:47`.
        time: String,
        #[schema(required)]
        vchstate: Option<String>,
        #[schema(required)]
        vchcommand: Option<String>,
        #[schema(required)]
        intcurrent: Option<i32>,
        #[schema(required)]
        intchargingcurrent: Option<i32>,
        #[schema(required)]
        intconsumedenergy: Option<i32>,
        #[schema(required)]
        #[serde(rename = "intElapsedTime")]
        session_minutes: Option<i32>,
        #[schema(required)]
        intchargingphase: Option<i32>,
        online: bool,
    },
    /// The load of the site's phases in A, first and when it changes; null when unknown.
    Phases {
        #[schema(minimum = 1)]
        seq: u64,
        /// Local, `2015-11-24T15:09:47`.
        time: String,
        #[schema(required)]
        a: Option<f64>,
        #[schema(required)]
        b: Option<f64>,
        #[schema(required)]
        c: Option<f64>,
    },
}

/// The live feed (2.3), a WebSocket
///
/// Each message is one JSON object of the schema `FeedMessage`: a `state` for each followed charger and the `phases` at
/// first, then whenever a value changes (the first change at once, further ones of a charger joined to one a second), and in
/// any case a `state` every 3 minutes. `seq` counts up by one on each connection. Messages of the client are ignored.
#[utoipa::path(
    get, path = "/ws/charger/details/", tag = "chargers",
    params(("charger_id" = Option<String>, Query, description = "Which charger; all of them when it is absent.")),
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
        Method::GET | Method::HEAD => upgrade(&api.app, request).await.unwrap_or_else(IntoResponse::into_response),
        _ => return refuse_method(&request, &READ),
    };
    if response.status() == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    response.headers_mut().insert(ALLOW, READ);
    response
}

async fn upgrade(app: &AppState, request: Request) -> Result<Response, ApiError> {
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
    params.finish()?;
    let only = match charger {
        Some(identity) => Some(app.site.charge_point(Some(&identity)).ok_or(ApiError::NOT_FOUND)?.key),
        None => None,
    };
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|rejection| match rejection {
        WebSocketUpgradeRejection::InvalidConnectionHeader(_)
        | WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_)
        | WebSocketUpgradeRejection::ConnectionNotUpgradable(_) => upgrade_required(),
        other => ApiError::detail(StatusCode::BAD_REQUEST, other.body_text()),
    })?;
    let app = app.clone();
    Ok(upgrade
        .max_message_size(MOST_RECEIVED)
        .max_frame_size(MOST_RECEIVED)
        .on_upgrade(move |socket| Feed::new(app, socket, only).run()))
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether the request is not of another site's page. Only browsers send `Origin`, and no browser hides a WebSocket's
/// messages from the page that opened it. Behind a proxy the host that the browser knows may come as X-Forwarded-Host,
/// which no page can set.
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

/// What was last sent about a charger.
struct Sent {
    version: u64,
    /// Of the values.
    hash: u64,
    at: Instant,
    /// When a change was last told; the first message tells none.
    change_at: Option<Instant>,
    /// When it is looked at again, whatever happens.
    again: Instant,
}

/// When something is to be sent.
enum Due {
    Now { is_change: bool },
    At(Instant),
}

/// One reader.
struct Feed {
    app: AppState,
    socket: WebSocket,
    /// One charger, or all.
    only: Option<ChargePointKey>,
    changed: broadcast::Receiver<Arc<[ChargePointKey]>>,
    ending: Ending,
    seq: u64,
    /// The chargers that have changed since they were last looked at, in the order of the first message.
    dirty: Vec<ChargePointKey>,
    sent: HashMap<ChargePointKey, Sent>,
    /// When each is looked at again.
    schedule: BTreeSet<(Instant, ChargePointKey)>,
    phases: Option<([Option<f64>; 3], Instant)>,
    heard_at: Instant,
    ping_at: Instant,
}

/// The connection is over.
struct Over;

impl Feed {
    fn new(app: AppState, socket: WebSocket, only: Option<ChargePointKey>) -> Self {
        let now = Instant::now();
        // First subscribed, then looked: nothing is missed in between.
        let changed = app.site.subscribe_keys();
        let mut feed = Self {
            changed,
            ending: app.shutdown.subscribe(),
            app,
            socket,
            only,
            seq: 0,
            dirty: Vec::new(),
            sent: HashMap::new(),
            schedule: BTreeSet::new(),
            phases: None,
            heard_at: now,
            ping_at: now + PING,
        };
        feed.look_at_all();
        feed
    }

    async fn run(mut self) {
        loop {
            let Ok(next) = self.tell().await else {
                return;
            };
            if self.wait(next).await.is_break() {
                return;
            }
        }
    }

    /// All chargers that are followed may have changed.
    fn look_at_all(&mut self) {
        self.dirty = match self.only {
            Some(key) => vec![key],
            None => self.app.site.present().by_identity().map(|now| now.key).collect(),
        };
    }

    /// Sends all that is due, and says when something will be again.
    async fn tell(&mut self) -> Result<Instant, Over> {
        let mut keys = std::mem::take(&mut self.dirty);
        let now = Instant::now();
        while let Some((at, key)) = self.schedule.first().copied().filter(|(at, _)| *at <= now) {
            self.schedule.remove(&(at, key));
            keys.push(key);
        }
        for key in keys {
            // The newest, as sending the one before may have taken long.
            let Some(now) = self.app.site.present().get(key).cloned() else {
                continue;
            };
            let again = match self.due(&now) {
                Due::Now { is_change } => {
                    self.send_state(&now, is_change).await?;
                    Instant::now() + self.app.feed_interval
                }
                Due::At(at) => at,
            };
            if let Some(sent) = self.sent.get_mut(&key) {
                self.schedule.remove(&(sent.again, key));
                sent.again = again;
                self.schedule.insert((again, key));
            }
        }
        let next = self.tell_phases().await?;
        Ok(self.schedule.first().map_or(next, |(at, _)| next.min(*at)))
    }

    fn due(&mut self, now: &ChargePointNow) -> Due {
        let Some(sent) = self.sent.get_mut(&now.key) else {
            return Due::Now { is_change: false };
        };
        let moment = Instant::now();
        let again = sent.at + self.app.feed_interval;
        let is_changed = sent.version != now.version && sent.hash != hash(&values(now));
        let at = if is_changed {
            sent.change_at.map_or(moment, |change_at| change_at + JOINED).min(again)
        } else {
            sent.version = now.version;
            again
        };
        if at <= moment { Due::Now { is_change: is_changed } } else { Due::At(at) }
    }

    async fn send_state(&mut self, now: &ChargePointNow, is_change: bool) -> Result<(), Over> {
        let values = values(now);
        let mut json = JsonWriter::with_capacity(320);
        self.begin(&mut json, "state");
        json.raw(r#","vchchargerid":"#);
        json.string(now.charge_point.identity.as_str());
        json.raw_bytes(&values);
        self.send(json).await?;
        let moment = Instant::now();
        let before = self.sent.get(&now.key).and_then(|sent| sent.change_at);
        let change_at = if is_change { Some(moment) } else { before };
        let again = moment + self.app.feed_interval;
        let sent = Sent { version: now.version, hash: hash(&values), at: moment, change_at, again };
        if let Some(before) = self.sent.insert(now.key, sent) {
            self.schedule.remove(&(before.again, now.key));
        }
        Ok(())
    }

    /// Sends the load of the phases where it changed, and says when to look again.
    async fn tell_phases(&mut self) -> Result<Instant, Over> {
        let site = &self.app.site;
        // A thousandth of an ampere: sums of decimals are not exact.
        let load =
            site.present().phase_load(site.clock().now()).map(|load| load.map(|a| (a * 1000.0).round() / 1000.0));
        let moment = Instant::now();
        match self.phases {
            Some((known, _)) if known == load => return Ok(moment + LOOK),
            Some((_, at)) if at + JOINED > moment => return Ok(at + JOINED),
            _ => {}
        }
        let mut json = JsonWriter::with_capacity(96);
        self.begin(&mut json, "phases");
        for (key, load) in [r#","a":"#, r#","b":"#, r#","c":"#].into_iter().zip(load) {
            json.raw(key);
            match load {
                Some(amperes) => json.raw(&format!("{amperes:?}")),
                None => json.raw("null"),
            }
        }
        json.raw("}");
        self.send(json).await?;
        self.phases = Some((load, Instant::now()));
        Ok(moment + LOOK)
    }

    /// What every message begins with.
    fn begin(&mut self, json: &mut JsonWriter, kind: &str) {
        self.seq += 1;
        json.raw(r#"{"type":"#);
        json.string(kind);
        json.raw(r#","seq":"#);
        json.int(i64::try_from(self.seq).unwrap_or(i64::MAX));
        json.raw(r#","time":"#);
        json.time(self.app.site.clock().local_now(), b'T');
    }

    async fn send(&mut self, json: JsonWriter) -> Result<(), Over> {
        let text = String::from_utf8(json.finish()).map_err(|_| Over)?;
        match timeout(SEND, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            // The reader is gone, or reads nothing any more.
            Ok(Err(_)) | Err(_) => Err(Over),
        }
    }

    /// Waits until there may be something to tell.
    async fn wait(&mut self, next: Instant) -> ControlFlow<()> {
        tokio::select! {
            changed = self.changed.recv() => match changed {
                Ok(keys) => self.note(&keys),
                // Too much has happened meanwhile to be told one by one.
                Err(RecvError::Lagged(_)) => self.look_at_all(),
                Err(RecvError::Closed) => return ControlFlow::Break(()),
            },
            () = sleep_until(next.min(self.ping_at)) => return self.keep_alive().await,
            () = self.ending.begun() => {
                self.close(close_code::AWAY, "the server ends").await;
                return ControlFlow::Break(());
            }
            received = self.socket.recv() => match received {
                // Answers to pings are on their way when this returns.
                Some(Ok(_)) => self.heard_at = Instant::now(),
                Some(Err(_)) => {
                    self.close(close_code::POLICY, "nothing is expected").await;
                    return ControlFlow::Break(());
                }
                None => return ControlFlow::Break(()),
            },
        }
        ControlFlow::Continue(())
    }

    /// Notes which chargers have changed.
    fn note(&mut self, keys: &[ChargePointKey]) {
        self.dirty.extend(keys.iter().filter(|key| self.only.is_none_or(|only| only == **key)));
    }

    async fn keep_alive(&mut self) -> ControlFlow<()> {
        let now = Instant::now();
        if now < self.ping_at {
            return ControlFlow::Continue(());
        }
        if now - self.heard_at > SILENCE {
            return ControlFlow::Break(());
        }
        self.ping_at = now + PING;
        match timeout(SEND, self.socket.send(Message::Ping(bytes::Bytes::new()))).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(_)) | Err(_) => ControlFlow::Break(()),
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        // Whoever does not take it is gone anyway.
        drop(timeout(Duration::from_secs(1), self.socket.send(Message::Close(Some(frame)))).await);
    }
}

/// The values of a state message, from after the id to the end.
fn values(now: &ChargePointNow) -> Vec<u8> {
    let state = now.state.as_ref();
    let mut json = JsonWriter::with_capacity(200);
    let text = |json: &mut JsonWriter, text: Option<&str>| match text {
        Some(text) => json.string(text),
        None => json.raw("null"),
    };
    json.raw(r#","vchstate":"#);
    text(&mut json, now.state_name());
    json.raw(r#","vchcommand":"#);
    text(&mut json, now.command());
    json.raw(r#","intcurrent":"#);
    json.int_or_null(state.and_then(|state| state.current_limit));
    json.raw(r#","intchargingcurrent":"#);
    json.int_or_null(state.and_then(|state| state.current));
    json.raw(r#","intconsumedenergy":"#);
    json.int_or_null(state.and_then(|state| state.session_energy));
    json.raw(r#","intElapsedTime":"#);
    json.int_or_null(state.and_then(|state| state.session_minutes));
    json.raw(r#","intchargingphase":"#);
    json.int_or_null(state.and_then(|state| state.phases));
    json.raw(if now.is_online() { r#","online":true}"# } else { r#","online":false}"# });
    json.finish()
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
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
