//! By TLS: pages, routes, the feed and charge points; who comes without it; a certificate that changes.

use crate::client::{PASSWORD, Served};
use crate::diagnostics::{Simulated, command, command_now, until};
use bmw::config::Config;
use bmw::tls::{Files, Options};
use bmw_domain::record::Identity;
use bmw_simulator::Roots;
use bmw_testkit::charger::{Charger, Wire};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

const STRICT: &str = "strict-transport-security";
const YEAR: &str = "max-age=31536000";

const fn options(files: Files) -> Options {
    Options { files, redirect_listen: None, ocpp_plain: false }
}

/// One who gives certificates, and where those of the site lie.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, folder: tempfile::tempdir().unwrap() };
        authority.renew();
        authority
    }

    fn files(&self) -> Files {
        let in_folder = |name| self.folder.path().join(name);
        Files { certificate: in_folder("cert.pem"), key: in_folder("key.pem") }
    }

    /// A new certificate in the place of the one before: what connections show when they begin with it.
    fn renew(&self) -> Vec<u8> {
        let names = ["localhost", "127.0.0.1"].map(ToOwned::to_owned);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        fs::write(self.files().certificate, certificate.pem()).unwrap();
        fs::write(self.files().key, key.serialize_pem()).unwrap();
        certificate.der().to_vec()
    }

    /// Who believes this one alone.
    fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config).into()
    }

    async fn site(&self, change: impl FnOnce(&mut Config)) -> Served {
        let site = Served::start(None, |config| {
            config.tls = Some(options(self.files()));
            config.ocpp.pause = Duration::from_mins(10);
            change(config);
        });
        site.await.by_tls(self.client(&[&TLS13, &TLS12]))
    }

    async fn connect(&self, address: SocketAddr) -> Box<dyn Wire> {
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Box::new(self.client(&[&TLS12]).connect(name, socket).await.unwrap())
    }
}

async fn add(site: &Served, identity: &str) {
    site.running.site.register_charge_point(Identity::new(identity).unwrap(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_spoken_and_http_1_1_over_them() {
    let authority = Authority::new();
    let site = authority.site(|_| {}).await;
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = authority.client(&[version]).connect(name, site.connect().await).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!((session.protocol_version(), session.alpn_protocol()), (Some(expected), Some(&b"http/1.1"[..])));
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_browsers_to_come_back_by_tls() {
    let authority = Authority::new();
    let site = authority.site(|_| {}).await;
    for (path, status) in [
        ("/overview/", 200),
        ("/api/basic/settings/", 200),
        ("/healthz", 200),
        ("/nowhere", 404),
        ("/api/nowhere", 404),
        ("/ocpp/NEW", 426),
        ("/ocpp/upload/x", 405),
        ("/ws/charger/details/", 426),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.header(STRICT)), (status, YEAR), "{path}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded"), ("cookie", ""), ("accept", "text/html")];
    let body = format!("username=boss&password={PASSWORD}");
    let answer = site.ask("POST", "/log_in/", &form, body.as_bytes()).await;
    assert_eq!((answer.status, answer.cookies.len()), (303, 2), "{answer:?}");
    let chosen = site.get("/preferences?lang=en&back=/overview/").await;
    assert_eq!((chosen.status, chosen.cookies.len()), (303, 1));
    for cookie in answer.cookies.iter().chain(&chosen.cookies) {
        assert_eq!(cookie.matches("; Secure").count(), 1, "{cookie}");
    }
    site.end().await;

    let plain = Served::empty().await;
    let answers = [plain.get("/overview/").await, plain.get("/preferences?lang=en&back=/overview/").await];
    assert!(answers.iter().all(|answer| !answer.headers.contains_key(STRICT)));
    assert!(!answers[1].cookies[0].contains("Secure"), "{:?}", answers[1].cookies);
    plain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_read_by_tls() {
    let authority = Authority::new();
    let site = authority.site(|_| {}).await;
    add(&site, "CP").await;
    let mut stream = site.wire().await;
    let head = "GET /ws/charger/details/?charger_id=CP HTTP/1.1\r\nhost: localhost\r\norigin: https://localhost\r\n\
        connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    // The head of the answer, and behind it the first message.
    while !String::from_utf8_lossy(&received).contains(r#""vchchargerid":"CP""#) {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0, "{}", String::from_utf8_lossy(&received));
    }
    assert!(received.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&received));
    drop(stream);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charge_points_connect_by_tls_and_upload_by_it() {
    let authority = Authority::new();
    let site = authority.site(|config| config.ocpp_listen = Some("127.0.0.1:0".to_owned())).await;
    for (identity, address) in [("A", site.addr()), ("B", site.running.ocpp_addr.unwrap())] {
        add(&site, identity).await;
        let wire = authority.connect(address).await;
        let mut charger = Charger::over(wire, &address.to_string(), identity, "").await.unwrap();
        let booted = charger.call("BootNotification", &bmw_testkit::charger::frames::boot()).await.unwrap();
        assert_eq!(booted["status"], "Accepted");
        // More than one record, and more than is read at once.
        let long = json!({ "vendorId": "x".repeat(60_000) });
        charger.say(json!([2, "long", "DataTransfer", long]).to_string()).await.unwrap();
        let answer = charger.answer().await.unwrap();
        assert_eq!(answer, r#"[3,"long",{"status":"Accepted"}]"#);
        charger.replies.insert("GetDiagnostics".to_owned(), json!({}));
        assert_eq!(command(&site, identity, "GetDiagnostics", json!({})).await.status, 202);
        let location = loop {
            let (action, payload) = charger.to_be_asked().await.unwrap();
            if action == "GetDiagnostics" {
                break payload["location"].as_str().unwrap().to_owned();
            }
        };
        assert!(location.starts_with(&format!("https://{address}/ocpp/upload/")), "{location}");
        charger.pull_out().await.unwrap();
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_charge_points_connect_by_tls() {
    let authority = Authority::new();
    let site = authority.site(|_| {}).await;
    add(&site, "CP").await;
    assert!(Roots::read(b"nothing").is_err());
    let roots = Roots::read(authority.issuer.pem().as_bytes()).unwrap();
    let charge_point = Simulated::connect_by(format!("wss://{}/ocpp", site.addr()), Some(roots), "CP");
    until("it is connected", async || site.running.site.charge_point(Some("CP")).unwrap().is_online()).await;
    let given = command(&site, "CP", "GetDiagnostics", json!({})).await;
    let id = given.json()["id"].as_i64().unwrap();
    until("its upload is seen", async || command_now(&site, id).await["state"] == "effective").await;
    drop(charge_point);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_own_simulated_charge_points_need_no_certificate() {
    let authority = Authority::new();
    let file = crate::client::SITE_2015;
    let site = Served::start(Some(file), |config| {
        config.tls = Some(options(authority.files()));
        config.simulator = true;
    });
    let site = site.await.by_tls(authority.client(&[&TLS13]));
    let online = || site.running.site.present().by_identity().filter(|now| now.is_online()).count();
    until("they are connected", async || online() > 3).await;
    site.end().await;
}

/// Sends a request without TLS, and gives the status of the answer, where it leads, and whether it says more than that.
async fn in_the_clear(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    let answer = crate::client::Answer::parse(&received);
    assert!(!answer.headers.contains_key(STRICT) && answer.cookies.is_empty(), "{answer:?}");
    (answer.status, answer.header("location").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_without_tls_is_led_there() {
    let authority = Authority::new();
    let site = authority.site(|config| {
        config.ocpp_listen = Some("127.0.0.1:0".to_owned());
        config.tls.as_mut().unwrap().redirect_listen = Some("127.0.0.1:0".to_owned());
    });
    let site = site.await;
    add(&site, "CP").await;
    let (all, ocpp) = (site.addr(), site.running.ocpp_addr.unwrap());
    let redirect = site.running.redirect_addr.unwrap();
    let port = all.port();
    for (address, request, expected) in [
        (
            all,
            "GET /overview/?a=b HTTP/1.1\r\nhost: site.example:8443\r\n\r\n",
            "https://site.example:8443/overview/?a=b",
        ),
        (
            all,
            "POST /log_in/ HTTP/1.1\r\nhost: site.example\r\ncontent-length: 3\r\n\r\na=b",
            "https://site.example/log_in/",
        ),
        (ocpp, "GET /ocpp/CP HTTP/1.1\r\nhost: site.example:9000\r\n\r\n", "https://site.example:9000/ocpp/CP"),
        (redirect, "GET /x HTTP/1.1\r\nhost: site.example\r\n\r\n", &format!("https://site.example:{port}/x")),
        (redirect, "GET /x HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", &format!("https://[::1]:{port}/x")),
    ] {
        assert_eq!(in_the_clear(address, request).await, (308, expected.to_owned()), "{request}");
    }
    assert_eq!(in_the_clear(all, "GET / HTTP/1.0\r\n\r\n").await, (400, String::new()));
    for address in [all, ocpp, redirect] {
        assert_eq!(Charger::turned_away(address, "CP").await.unwrap(), "status 308");
    }
    // Who says nothing, and what is no certificate's business, holds nobody up.
    let silent = TcpStream::connect(all).await.unwrap();
    let mut garbled = TcpStream::connect(all).await.unwrap();
    garbled.write_all(&[0x16; 100]).await.unwrap();
    let mut answer = Vec::new();
    garbled.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    site.end().await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_network_of_charge_points_may_do_without_tls() {
    let authority = Authority::new();
    let site = authority.site(|config| {
        config.ocpp_listen = Some("127.0.0.1:0".to_owned());
        config.tls.as_mut().unwrap().ocpp_plain = true;
    });
    let site = site.await;
    add(&site, "CP").await;
    let ocpp = site.running.ocpp_addr.unwrap();
    let mut charger = Charger::plug_in(ocpp, "CP").await.unwrap();
    charger.call("Heartbeat", &json!({})).await.unwrap();
    assert_eq!(in_the_clear(ocpp, "GET /overview/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.0, 404);
    assert_eq!(Charger::turned_away(site.addr(), "CP").await.unwrap(), "status 308");
    site.end().await;
}

/// The certificate that a new connection begins with.
async fn shown(authority: &Authority, site: &Served) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let stream = authority.client(&[&TLS13]).connect(name, site.connect().await).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_read_anew_when_it_changes() {
    let authority = Authority::new();
    let site = authority.site(|_| {}).await;
    let before = shown(&authority, &site).await;
    let mut charger = {
        add(&site, "CP").await;
        Charger::over(authority.connect(site.addr()).await, "localhost", "CP", "").await.unwrap()
    };
    let renewed = authority.renew();
    assert_ne!(before, renewed);
    until("the new one is shown", async || shown(&authority, &site).await == renewed).await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_told_at_the_start() {
    let authority = Authority::new();
    let files = authority.files();
    let missing = Files { key: authority.folder.path().join("missing.pem"), ..files.clone() };
    let mut config = Config::new("sqlite://nowhere/at/all.db");
    for (files, word) in
        [(missing, "--tls-key: "), (Files { certificate: files.key.clone(), key: files.key.clone() }, "--tls-cert: ")]
    {
        config.tls = Some(options(files));
        let Err(failure) = bmw::serve::start(&config).await else { panic!("it is served") };
        assert_eq!(failure.status(), 2);
        assert!(failure.to_string().starts_with(word), "{failure}");
    }
}
