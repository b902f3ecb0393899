//! How a charge point comes in: its identity in the path, the subprotocol, whether it is known, and whether it is itself.

use crate::proof::Proof;
use crate::stream::Stream;
use crate::{Central, connection, upload};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bmw_domain::charger::event::Event;
use bmw_domain::charger::password::can_be_password;
use bmw_domain::record::{ChargePointKey, Identity};
use bmw_site::{Admission, Clock, Coming, Demand, NotDone, NotLetIn, Peer, UPLOAD_PATH, whole_seconds};
use bmw_store::StoreError;
use futures::SinkExt as _;
use http::header::{CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, UPGRADE, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::upgrade::OnUpgrade;
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

/// The one subprotocol that is spoken here.
const SUBPROTOCOL: &str = "ocpp1.6";
/// The longest identity, characters (OCPP 1.6, 4.2 `CiString20Type`; longer ones are common).
const IDENTITY_MOST: usize = 48;
/// A larger frame ends the connection, bytes.
const FRAME_MOST: usize = 64 * 1024;
/// What a connection holds while it idles, bytes: the usual 128 KiB would make many charge points expensive. It grows to the frame
/// that comes, and what comes is read by way of a buffer of the thread.
const BUFFER: usize = 128;

/// What is asked of a charge point that must prove who it is.
const CHALLENGE: &str = "Basic realm=\"bmw\"";
/// The status of what is asked in the clear and is to be had by TLS alone: at another address (RFC 9110, 15.5.20).
const PLAIN: StatusCode = StatusCode::MISDIRECTED_REQUEST;
/// How long to wait where too many come at once.
const BUSY: Duration = Duration::from_secs(5);

/// The socket of a charge point.
pub(crate) type Socket = WebSocketStream<Stream>;

/// What the router knows: what is below [`UPLOAD_PATH`] among it.
const ROUTE: &str = "/ocpp/{*id}";

/// The paths of all that is served here.
pub const PATHS: [&str; 2] = [ROUTE, "/ocpp/upload/{*token}"];

/// `/ocpp/{id}`, and where diagnostics are uploaded to.
pub fn router(central: Central) -> Router {
    Router::new().route(ROUTE, any(connect)).fallback(async || refuse(StatusCode::NOT_FOUND.into())).with_state(central)
}

async fn connect(State(central): State<Central>, request: Request) -> Response {
    // No identity has a slash: what is below this name is none.
    if request.uri().path().strip_prefix(UPLOAD_PATH).is_some_and(|below| !below.is_empty()) {
        return upload::receive(central, request).await;
    }
    match accept(central, request).await {
        Ok(response) => response,
        Err(refused) => refuse(refused),
    }
}

/// Why somebody is not let in, as far as he is told.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    /// When it is worth to come again.
    wait: Option<Duration>,
}

impl From<StatusCode> for Refused {
    fn from(status: StatusCode) -> Self {
        Self { status, wait: None }
    }
}

fn refuse(Refused { status, wait }: Refused) -> Response {
    let text = match status {
        StatusCode::UNAUTHORIZED => "This charge point comes in with its password alone.",
        StatusCode::TOO_MANY_REQUESTS => "There were too many tries.",
        PLAIN => "Charge points come in by TLS alone.",
        StatusCode::NOT_FOUND => "Not found.",
        StatusCode::FORBIDDEN => "Pages of other sites may not pretend to be charge points.",
        StatusCode::UPGRADE_REQUIRED => "This is a WebSocket, version 13, of OCPP 1.6.",
        StatusCode::BAD_REQUEST => "The WebSocket's handshake cannot be read.",
        _ => "Something went wrong inside.",
    };
    let mut response = Response::new(Body::from(format!(r#"{{"detail":"{text}"}}"#)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::UPGRADE_REQUIRED {
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    }
    response
}

async fn accept(central: Central, mut request: Request) -> Result<Response, Refused> {
    let from = request.extensions().get::<Peer>().copied();
    let is_secure = from.is_some_and(|peer| peer.is_secure);
    let from = from.map(|peer| peer.address);
    let peer = from.map(|address| address.to_string());
    if is_of_another_page(request.headers()) {
        return Err(StatusCode::FORBIDDEN.into());
    }
    // Before anything is looked at: what is sent in the clear proves nothing.
    if !central.options.profile.takes(is_secure) {
        return Err(PLAIN.into());
    }
    let identity = identity(request.uri().path()).ok_or(StatusCode::NOT_FOUND)?;
    let is_upgrade = request.headers().get(UPGRADE).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !is_upgrade {
        return Err(StatusCode::UPGRADE_REQUIRED.into());
    }
    let offer = Offer::of(request.headers());
    let is_spoken = offer.is_spoken(central.options.needs_subprotocol);
    let mut response = create_response_with_body(&request, Body::empty).map_err(|_| StatusCode::BAD_REQUEST)?;
    let proof = Proof::of(request.headers(), identity.as_str(), written(request.uri().path()));
    let key = charge_point(&central, identity, from, &proof).await?;
    let coming = Coming { charge_point: key, brought: proof.brought(), address: from, is_encrypted: is_secure };
    let admission = prove(&central, coming).await?;
    let address = address(request.headers(), is_secure);
    if matches!(offer, Offer::Ours) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    central.runtime.clone().spawn(async move {
        // What is done once is boxed: it would have its place in the task of the connection for as long as that idles.
        let Some(socket) = Box::pin(socket(&central, upgrade)).await else { return };
        if is_spoken {
            connection::run(socket, central, admission, peer, address).await;
        } else {
            Box::pin(say_no(socket)).await;
        }
    });
    Ok(response)
}

/// The socket, once the answer to the handshake has gone.
async fn socket(central: &Central, upgrade: OnUpgrade) -> Option<Socket> {
    // Who went away before that is nothing.
    let upgraded = upgrade.await.inspect_err(|error| tracing::debug!(%error, "a charge point went away")).ok()?;
    let Some(taken) = (central.take_over)(upgraded) else {
        tracing::error!("the stream of a charge point cannot be taken over");
        return None;
    };
    let stream =
        Stream::new(taken).inspect_err(|error| tracing::warn!(%error, "a charge point cannot be served")).ok()?;
    Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await)
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(FRAME_MOST))
        .max_frame_size(Some(FRAME_MOST))
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
}

/// Whether a browser connects on behalf of another site's page. Charge points send no `Origin`, or that of the address itself.
fn is_of_another_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host_of = |origin: &str| origin.split_once("://").map(|(_, host)| host.trim_end_matches('/').to_owned());
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin = origin.to_str().ok().and_then(host_of);
    !origin.zip(text(HOST)).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
}

/// Where the charge point reaches the site by HTTP: where it has just come in, perhaps through a proxy that speaks TLS.
fn address(headers: &HeaderMap, is_secure: bool) -> Option<Box<str>> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_host = !host.contains('@') && host.parse::<Authority>().is_ok_and(|it| !it.host().is_empty());
    let scheme = if is_secure { "https" } else { "http" };
    is_host.then(|| format!("{scheme}://{host}").into())
}

/// No common subprotocol: the handshake is finished without one, then the connection is closed (OCPP-J 1.6, 3.1.2).
async fn say_no(mut socket: Socket) {
    let frame = CloseFrame { code: CloseCode::Protocol, reason: "only ocpp1.6 is spoken here".into() };
    if let Err(error) = socket.send(Message::Close(Some(frame))).await {
        tracing::debug!(%error, "a charge point of another protocol went away");
    }
}

/// The subprotocols that a charge point offers.
enum Offer {
    /// Ours is among them.
    Ours,
    /// Others only.
    Others,
    /// None: taken as ours, unless the setting says otherwise.
    Nothing,
}

impl Offer {
    fn of(headers: &HeaderMap) -> Self {
        let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        let mut names = offered.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
        match names.next() {
            None => Self::Nothing,
            Some(first) if first == SUBPROTOCOL || names.any(|name| name == SUBPROTOCOL) => Self::Ours,
            Some(_) => Self::Others,
        }
    }

    /// Whether it is spoken here.
    const fn is_spoken(&self, needs_subprotocol: bool) -> bool {
        match self {
            Self::Ours => true,
            Self::Nothing => !needs_subprotocol,
            Self::Others => false,
        }
    }
}

/// Lets a charge point in that proves who it is, where it must. What it is told is the same whatever was wrong.
async fn prove(central: &Central, coming: Coming<'_>) -> Result<Admission, Refused> {
    let options = &central.options;
    let demand = Demand { needs_password: options.profile.needs_password(), first_use: options.first_use };
    match central.site.let_in(coming, demand).await {
        Ok(admission) => {
            tracing::debug!(
                charge_point = coming.charge_point.0,
                profile = admission.security.profile(),
                "a charge point comes in"
            );
            Ok(admission)
        }
        Err(NotLetIn::Wrong { was_brought, is_news }) => {
            if is_news {
                note_refusal(central, coming.charge_point, coming.address, was_brought).await;
            }
            Err(StatusCode::UNAUTHORIZED.into())
        }
        Err(NotLetIn::Wait(wait)) => Err(Refused { status: StatusCode::TOO_MANY_REQUESTS, wait: Some(wait) }),
        Err(NotLetIn::Busy) => Err(Refused { status: StatusCode::SERVICE_UNAVAILABLE, wait: Some(BUSY) }),
        Err(error @ (NotLetIn::Inside | NotLetIn::Store(_))) => {
            tracing::error!(%error, charge_point = coming.charge_point.0, "a charge point cannot be let in");
            Err(StatusCode::SERVICE_UNAVAILABLE.into())
        }
    }
}

/// Notes in a charge point's history that somebody was refused under its name. Nobody waits until it is stored.
async fn note_refusal(central: &Central, key: ChargePointKey, address: Option<IpAddr>, is_wrong: bool) {
    let address = address.map(|address| address.to_string());
    tracing::info!(charge_point = key.0, address, is_wrong, "somebody was refused under the name of a charge point");
    if central.counter.hand_in(key, Event::Refused { address, is_wrong }, Clock::real()).await.is_err() {
        tracing::debug!(charge_point = key.0, "that somebody was refused could not be noted");
    }
}

/// The identity as it stands in a path.
fn written(path: &str) -> &str {
    let text = path.strip_prefix("/ocpp/").unwrap_or_default();
    text.strip_suffix('/').unwrap_or(text)
}

/// The identity in a path; `None` for what cannot be one.
fn identity(path: &str) -> Option<Identity> {
    let text = percent_decode_str(written(path)).decode_utf8().ok()?;
    if text.chars().count() > IDENTITY_MOST || text.contains('/') {
        return None;
    }
    Identity::new(&text).ok()
}

/// The charge point of an identity. An unknown one is turned away and remembered, or taken in where it would be let in then.
async fn charge_point(
    central: &Central,
    identity: Identity,
    from: Option<IpAddr>,
    proof: &Proof,
) -> Result<ChargePointKey, Refused> {
    let find = || central.site.present().find(identity.as_str()).map(|now| now.key);
    if let Some(key) = find() {
        return Ok(key);
    }
    if let Some((may_join, address)) = central.may_join.as_ref().zip(from)
        && let Err(wait) = may_join(address)
    {
        return Err(Refused { status: StatusCode::TOO_MANY_REQUESTS, wait: Some(wait) });
    }
    let options = &central.options;
    let brings_password = matches!(proof, Proof::Password(password) if can_be_password(password));
    if !options.registers_unknown || options.profile.needs_password() && !(options.first_use && brings_password) {
        central.site.ask_to_join(identity, from.map(|address| address.to_string()).as_deref());
        return Err(StatusCode::NOT_FOUND.into());
    }
    match central.site.register_charge_point(identity.clone(), from).await {
        Ok(key) => Ok(key),
        // It came twice at once.
        Err(NotDone::Store(StoreError::Exists(_))) => find().ok_or_else(|| StatusCode::NOT_FOUND.into()),
        Err(error) => {
            tracing::error!(%error, %identity, "a charge point cannot be taken in");
            Err(StatusCode::SERVICE_UNAVAILABLE.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_percent_decoded_and_bounded() {
        for (path, expected) in [
            ("/ocpp/CP-1_a.b", Some("CP-1_a.b")),
            ("/ocpp/CP%201/", Some("CP 1")),
            ("/ocpp/%E5%85%85", Some("充")),
            ("/ocpp/", None),
            ("/ocpp/a/b", None),
            ("/ocpp/a%2Fb", None),
            ("/ocpp/%00", None),
            ("/ocpp/%ff", None),
        ] {
            assert_eq!(identity(path).as_ref().map(Identity::as_str), expected, "{path}");
        }
        assert!(identity(&format!("/ocpp/{}", "x".repeat(48))).is_some());
        assert!(identity(&format!("/ocpp/{}", "x".repeat(49))).is_none());
    }

    #[test]
    fn a_connection_holds_no_more_than_4_kib_for_its_frames_and_takes_64_kib() {
        let config = config();
        assert!(config.read_buffer_size + config.write_buffer_size <= 4 * 1024);
        assert_eq!((config.max_message_size, config.max_frame_size), (Some(64 * 1024), Some(64 * 1024)));
    }

    #[test]
    fn pages_of_other_sites_are_no_charge_points() {
        let is_refused = |list: &[(http::HeaderName, &'static str)]| {
            let headers = list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
            is_of_another_page(&headers)
        };
        assert!(!is_refused(&[(HOST, "a:1")]));
        assert!(!is_refused(&[(HOST, "a:1"), (ORIGIN, "http://a:1")]));
        assert!(!is_refused(&[(HOST, "a:1"), (ORIGIN, "ws://A:1/")]));
        assert!(is_refused(&[(HOST, "a:1"), (ORIGIN, "http://evil.example")]));
        assert!(is_refused(&[(HOST, "a:1"), (ORIGIN, "null")]));
    }

    #[test]
    fn a_charge_point_is_reached_where_it_came_in() {
        let of = |host: &'static str, is_secure| {
            address(&HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]), is_secure)
        };
        assert_eq!(of("10.0.0.1:9000", false).as_deref(), Some("http://10.0.0.1:9000"));
        assert_eq!(of("[fe80::1]:80", false).as_deref(), Some("http://[fe80::1]:80"));
        assert_eq!(of("site.example", true).as_deref(), Some("https://site.example"));
        for host in ["", "user@host", "a b", "host/path"] {
            assert_eq!(of(host, false), None, "{host}");
        }
        assert_eq!(address(&HeaderMap::new(), false), None);
    }

    #[test]
    fn a_charge_point_that_offers_nothing_is_taken_as_ours() {
        let offer = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(value));
            }
            Offer::of(&headers)
        };
        assert!(matches!(offer(&[]), Offer::Nothing));
        assert!(matches!(offer(&["ocpp2.0.1, ocpp1.6"]), Offer::Ours));
        assert!(matches!(offer(&["ocpp2.0.1", "ocpp1.6"]), Offer::Ours));
        assert!(matches!(offer(&["ocpp1.5"]), Offer::Others));
    }
}
