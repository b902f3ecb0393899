//! Tells another program of alerts, by HTTP.
//!
//! What begins, is acknowledged or ends within a few seconds by one cause is one message. Messages are sent one after the other, each
//! of them a few times if need be. Nothing waits for that: who is told too slowly misses the oldest, which is logged. The address may
//! hold a secret: no more than its host is logged and shown.

use crate::Failure;
use bmw_app::api::{AlertLine, alert_line};
use bmw_app::state::{Delivery, Ending, Webhook};
use bmw_domain::alert::{Alert, AlertKind};
use bmw_site::{AlertTurn, Clock, Site};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use ring::hmac;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto};

/// What becomes of alerts of one cause in this time is one message.
const TOGETHER: Duration = Duration::from_secs(2);
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses between the attempts.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
/// The most alerts that a message names.
const NAMED_MOST: usize = 100;
/// The most alerts of which is waited for more.
const WAITING_MOST: usize = 10_000;
/// The header with the signature of the body: `sha256=` and the HMAC-SHA256 in hexadecimal digits.
const SIGNATURE: &str = "bmw-signature";
/// The header with a number that the attempts of one message have in common.
const DELIVERY: &str = "bmw-delivery";

/// Where alerts are told to.
#[derive(Clone)]
pub struct Target {
    address: Uri,
    host: String,
    port: u16,
    is_by_tls: bool,
    secret: Option<String>,
}

impl fmt::Debug for Target {
    /// Without the secret, and without the path, which may be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Target {
    /// Reads an address such as `https://example.com/hook?key=1`.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn read(address: &str, secret: Option<String>) -> Result<Self, &'static str> {
        let wrong = "it is no address such as https://example.com/hook";
        let address: Uri = address.parse().map_err(|_| wrong)?;
        let is_by_tls = match address.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(wrong),
        };
        let authority = address.authority().filter(|authority| !authority.host().is_empty()).ok_or(wrong)?;
        if authority.as_str().contains('@') {
            return Err("it must not hold a name and a password; the secret signs what is sent");
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if is_by_tls { 443 } else { 80 });
        Ok(Self { address, host, port, is_by_tls, secret })
    }

    /// What is shown of it.
    pub fn state(&self) -> Webhook {
        Webhook::new(self.host.clone())
    }
}

/// What is sent.
#[derive(Serialize)]
struct Body {
    event: &'static str,
    cause: &'static str,
    code: String,
    /// How many alerts it is about.
    count: usize,
    /// How many are open that nobody has acknowledged.
    unacknowledged: u64,
    time: String,
    utc_ms: i64,
    /// Those alerts, at most 100.
    alerts: Vec<AlertLine>,
}

/// Alerts of one cause of which the same has become.
struct Message {
    turn: AlertTurn,
    kind: AlertKind,
    code: String,
    alerts: Vec<Arc<Alert>>,
}

/// Begins to tell, until the end of the program.
///
/// # Errors
/// There is no TLS to be had.
pub fn start(site: Arc<Site>, state: Arc<Webhook>, target: Target, mut ending: Ending) -> Result<(), Failure> {
    let tls = if target.is_by_tls { Some(connector().map_err(Failure::failed)?) } else { None };
    let mut news = site.subscribe_alerts();
    let sender = Sender { tls, target, number: Clock::real().0 };
    tokio::spawn(async move {
        tokio::select! {
            () = sender.work(&site, &state, &mut news) => {}
            () = ending.begun() => {}
        }
    });
    Ok(())
}

/// With the roots that the machine trusts: the certificate of a receiver in the site's own network is signed by one of these, often.
fn connector() -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a root certificate of this machine cannot be read");
    }
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        tracing::warn!("this machine has no root certificates: the webhook cannot be reached by HTTPS");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within 10 s")]
    TooSlow,
    #[error("HTTP {0}")]
    Status(StatusCode),
    #[error("{0}")]
    Request(#[from] http::Error),
    #[error("its name is none that a certificate can have")]
    Name,
}

impl NotTaken {
    /// Whether it may be taken another time.
    fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => {
                status.is_server_error()
                    || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(status)
            }
            Self::Io(_) | Self::Http(_) | Self::TooSlow => true,
            Self::Request(_) | Self::Name => false,
        }
    }
}

type News = Receiver<(AlertTurn, Arc<[Arc<Alert>]>)>;

struct Sender {
    target: Target,
    tls: Option<TlsConnector>,
    /// What the numbers of messages begin with: no two runs of the program have the same.
    number: i64,
}

impl Sender {
    async fn work(&self, site: &Site, state: &Webhook, news: &mut News) {
        let mut sent = 0_u64;
        while let Some(messages) = gather(news).await {
            for message in messages {
                sent += 1;
                let number = [self.number.to_string(), sent.to_string()].join("-");
                let body = match serde_json::to_vec(&body(site, &message)) {
                    Ok(body) => Bytes::from(body),
                    Err(error) => {
                        tracing::error!(%error, "a message of alerts");
                        continue;
                    }
                };
                let failed = self.deliver(&number, &body).await.err().map(|error| error.to_string());
                if let Some(error) = &failed {
                    tracing::warn!(host = self.target.host, error, "alerts could not be told by the webhook");
                }
                state.tried(Delivery { at: Clock::real(), failed });
            }
        }
    }

    /// Sends a message, several times if need be.
    async fn deliver(&self, number: &str, body: &Bytes) -> Result<(), NotTaken> {
        for pause in PAUSES {
            match self.attempt(number, body).await {
                Err(error) if error.is_passing() => {
                    tracing::debug!(host = self.target.host, %error, "the webhook; it is tried again");
                    sleep(pause).await;
                }
                outcome => return outcome,
            }
        }
        self.attempt(number, body).await
    }

    async fn attempt(&self, number: &str, body: &Bytes) -> Result<(), NotTaken> {
        timeout(PATIENCE, self.send(number, body)).await.unwrap_or(Err(NotTaken::TooSlow))
    }

    async fn send(&self, number: &str, body: &Bytes) -> Result<(), NotTaken> {
        let stream = TcpStream::connect((self.target.host.as_str(), self.target.port)).await?;
        let status = match &self.tls {
            None => self.ask(stream, number, body).await?,
            Some(tls) => {
                let name = ServerName::try_from(self.target.host.clone()).map_err(|_| NotTaken::Name)?;
                self.ask(tls.connect(name, stream).await?, number, body).await?
            }
        };
        if status.is_success() { Ok(()) } else { Err(NotTaken::Status(status)) }
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        number: &str,
        body: &Bytes,
    ) -> Result<StatusCode, NotTaken> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let asked = sender.send_request(self.request(number, body)?);
        // What comes after the answer's head is of no interest: the connection goes with it.
        tokio::select! {
            answer = asked => Ok(answer?.status()),
            Err(error) = connection => Err(error.into()),
        }
    }

    fn request(&self, number: &str, body: &Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let Target { address, secret, .. } = &self.target;
        let path = address.path_and_query().map_or("/", |path| path.as_str());
        let host = address.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, concat!("bmw/", env!("CARGO_PKG_VERSION")))
            .header(DELIVERY, number);
        if let Some(secret) = secret {
            request = request.header(SIGNATURE, signature(secret, body));
        }
        request.body(Full::new(body.clone()))
    }
}

/// The signature of a body.
fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    ["sha256=", &HEXLOWER.encode(hmac::sign(&key, body).as_ref())].concat()
}

/// Waits until something becomes of alerts, and for what comes right after; `None` at the end of the site.
async fn gather(news: &mut News) -> Option<Vec<Message>> {
    let mut messages = Vec::new();
    let mut count = 0;
    let mut until = None;
    loop {
        let next = match until {
            None => news.recv().await,
            Some(until) => match timeout_at(until, news.recv()).await {
                Ok(next) => next,
                Err(_) => return Some(messages),
            },
        };
        match next {
            Ok((turn, alerts)) => {
                count += alerts.len();
                put(&mut messages, turn, &alerts);
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the webhook is too slow: it was not told all that became of alerts");
                continue;
            }
            Err(RecvError::Closed) => return Some(messages).filter(|messages| !messages.is_empty()),
        }
        if count >= WAITING_MOST {
            return Some(messages);
        }
        until.get_or_insert_with(|| Instant::now() + TOGETHER);
    }
}

fn put(messages: &mut Vec<Message>, turn: AlertTurn, alerts: &[Arc<Alert>]) {
    for alert in alerts {
        let (kind, code) = (alert.cause.kind(), alert.cause.code());
        let is_it = |message: &&mut Message| (message.turn, message.kind, message.code.as_str()) == (turn, kind, code);
        match messages.iter_mut().find(is_it) {
            Some(message) => message.alerts.push(Arc::clone(alert)),
            None => messages.push(Message { turn, kind, code: code.to_owned(), alerts: vec![Arc::clone(alert)] }),
        }
    }
}

fn body(site: &Site, message: &Message) -> Body {
    let now = Clock::real();
    Body {
        event: match message.turn {
            AlertTurn::Begun => "begun",
            AlertTurn::Acknowledged => "acknowledged",
            AlertTurn::Ended => "ended",
        },
        cause: message.kind.word(),
        code: message.code.clone(),
        count: message.alerts.len(),
        unacknowledged: site.pressing_alerts(),
        time: site.clock().zone().local(now).with_t(),
        utc_ms: now.0,
        alerts: message.alerts.iter().take(NAMED_MOST).map(|alert| alert_line(site, alert)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::alert::Cause;
    use bmw_domain::calendar::Timestamp;
    use bmw_domain::record::ChargePointKey;

    #[test]
    fn addresses_are_read_and_say_no_more_than_their_host() {
        let read = |address: &str| Target::read(address, Some("s3cret".to_owned()));
        let target = read("https://hooks.example.com/T0/B1?key=abc").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.is_by_tls), ("hooks.example.com", 443, true));
        assert_eq!(format!("{target:?}"), "Target { host: \"hooks.example.com\", .. }");
        let target = read("http://[::1]:9000/").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.is_by_tls), ("::1", 9000, false));
        for wrong in
            ["", "example.com/hook", "/hook", "ftp://example.com/", "https://", "https://user:pass@example.com/"]
        {
            let error = read(wrong).unwrap_err();
            assert!(!error.contains("pass@"), "{wrong}");
        }
    }

    #[test]
    fn bodies_are_signed_as_others_do_it() {
        // RFC 4231, test case 2.
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn what_has_one_cause_is_one_message() {
        let alert = |id, cause| {
            let (since, detail) = (Timestamp(0), String::new());
            Arc::new(Alert { id, cause, detail, since, times: 1, ended_at: None, acknowledged: None })
        };
        let mut messages = Vec::new();
        let key = ChargePointKey;
        let fault = |key, code: &str| Cause::Fault(key, code.to_owned());
        put(&mut messages, AlertTurn::Begun, &[alert(1, Cause::Offline(key(1))), alert(2, fault(key(1), "A"))]);
        put(&mut messages, AlertTurn::Ended, &[alert(1, Cause::Offline(key(1)))]);
        put(&mut messages, AlertTurn::Begun, &[alert(3, Cause::Offline(key(2))), alert(4, fault(key(2), "B"))]);
        let counts: Vec<_> = messages.iter().map(|it| (it.turn, it.code.as_str(), it.alerts.len())).collect();
        let (begun, ended) = (AlertTurn::Begun, AlertTurn::Ended);
        assert_eq!(counts, [(begun, "", 2), (begun, "A", 1), (ended, "", 1), (begun, "B", 1)]);
    }

    #[test]
    fn what_cannot_be_taken_later_is_not_tried_again() {
        let is_passing = |status| NotTaken::Status(StatusCode::from_u16(status).unwrap()).is_passing();
        assert!(is_passing(500) && is_passing(503) && is_passing(429) && is_passing(408));
        assert!(!is_passing(400) && !is_passing(404) && !is_passing(301));
    }
}
