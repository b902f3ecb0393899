//! A served site, and a client that can also say what no proper client would.

use bmw::config::Config;
use bmw::limits::Bounds;
use bmw::serve::{self, Running};
use bmw_domain::account::Role as AccountRole;
use bmw_domain::calendar::LocalTime;
use bmw_site::Caller;
use bmw_site::access::Visitor;
use bmw_store::site_file::SiteFile;
use bmw_store::{AuditEntry, ImportMode, OpenOptions, Role, Zone};
use bmw_testkit::charger::Wire;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// The documented site of 2015: 18 chargers.
pub const SITE_2015: &str = include_str!("../fixtures/site-2015.json");
/// The documented site of 2019: energy by month.
pub const SITE_2019: &str = include_str!("../fixtures/site-2019.json");

/// How long an answer may take. Only what never comes takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// The administrator that asks where nobody else does, and everybody's password.
pub const BOSS: &str = "boss";
pub const PASSWORD: &str = "kF9-wuz2-pQx-7";

/// The code that an app shows which knows a secret: of a step of 30 s from this one.
pub fn code(secret: &str, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    totp.generate(now.checked_add_signed(30 * steps).unwrap()).to_string()
}

/// A served site with its database.
pub struct Served {
    pub running: Running,
    config: Config,
    folder: TempDir,
    /// Sent with every request that says nothing else of who asks.
    token: Option<String>,
    /// How it is asked by TLS.
    tls: Option<TlsConnector>,
}

impl Served {
    /// A documented site at its documented time.
    pub async fn documented(file: &str, now: &str, default_charger: &str) -> Self {
        Self::start(Some(file), |config| {
            config.now = LocalTime::parse(now);
            config.default_charger = Some(default_charger.to_owned());
        })
        .await
    }

    /// The documented site of 2015 at its documented time.
    pub async fn of_2015() -> Self {
        Self::documented(SITE_2015, "2015-12-28T12:00:00", "10245006").await
    }

    /// A site without anything.
    pub async fn empty() -> Self {
        Self::start(None, |_| {}).await
    }

    pub async fn start(file: Option<&str>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(format!("sqlite://{}/bmw.db", folder.path().display()));
        "127.0.0.1:0".clone_into(&mut config.listen);
        config.zone = Some(Zone::named("Asia/Shanghai").unwrap());
        // Tests ask from one address, as fast as they can.
        config.limits = Bounds::NONE;
        change(&mut config);
        if let Some(file) = file {
            let file = SiteFile::parse(file.as_bytes()).unwrap();
            let options =
                OpenOptions { url: config.database_url.clone(), zone: config.zone.clone(), role: Role::Owner };
            let (store, _) = bmw_store::open(&options).await.unwrap();
            store.import(&file, ImportMode::Replace).await.unwrap();
            store.close().await;
        }
        let running = serve::start(&config).await.unwrap();
        let mut site = Self { running, config, folder, token: None, tls: None };
        site.token = Some(site.account(BOSS, AccountRole::Administrator).await);
        site
    }

    /// From here on it is asked by TLS.
    pub fn by_tls(mut self, connector: TlsConnector) -> Self {
        self.tls = Some(connector);
        self
    }

    /// From here on nobody is signed in.
    pub fn without_account(mut self) -> Self {
        self.token = None;
        self
    }

    /// What somebody has done since the start, newest first: the audit log without the administrator's account and token, and
    /// without what the site did itself.
    pub async fn deeds(&self) -> Vec<AuditEntry> {
        let mut log = self.running.site.store().audit_log(1000).await.unwrap();
        log.retain(|entry| !entry.actor.is_empty());
        log.truncate(log.len() - 2);
        log
    }

    /// Makes an account, and a token for it.
    pub async fn account(&self, name: &str, role: AccountRole) -> String {
        let access = &self.running.access;
        access.add_account(&Caller::terminal(), name, PASSWORD, role).await.unwrap();
        let address = std::net::IpAddr::from([127, 0, 0, 1]);
        let visitor = Visitor { address, device: None, before: None, user_agent: "" };
        access.fetch_token(name, PASSWORD, None, visitor).await.unwrap().as_str().to_owned()
    }

    pub fn addr(&self) -> SocketAddr {
        self.running.addr
    }

    /// Ends the server; what it did must not have upset the site.
    pub async fn end(self) {
        assert_eq!(self.get("/healthz").await.status, 200);
        self.running.shutdown().await;
        drop(self.folder);
    }

    /// Ends the server, and serves the same database anew.
    pub async fn restart(self) -> Self {
        self.running.shutdown().await;
        Self { running: serve::start(&self.config).await.unwrap(), ..self }
    }

    /// A connection to what it is asked by.
    pub async fn wire(&self) -> Box<dyn Wire> {
        let socket = self.connect().await;
        match &self.tls {
            Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap()),
            None => Box::new(socket),
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr()).await.unwrap()
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    /// Sends a request with the headers that every client sends.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.addr());
        }
        let says_who = headers.iter().any(|(name, _)| ["authorization", "cookie"].contains(name));
        if let Some(token) = self.token.as_ref().filter(|_| !says_who) {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("content-length: {}\r\n", body.len());
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat()).await
    }

    /// Sends bytes and reads what comes back, until the server closes.
    pub async fn send(&self, bytes: &[u8]) -> Answer {
        let (mut reader, mut writer) = tokio::io::split(self.wire().await);
        let sending = async {
            // A server may answer and close before all is sent.
            drop(writer.write_all(bytes).await);
        };
        let mut received = Vec::new();
        let reading = async {
            drop(reader.read_to_end(&mut received).await);
        };
        tokio::time::timeout(PATIENCE, async { tokio::join!(sending, reading) }).await.expect("the server must answer");
        Answer::parse(&received)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// What is set by `Set-Cookie`.
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
            // One that is there several times is a list.
            let known = headers.entry(name.to_ascii_lowercase());
            known.and_modify(|list| *list += &format!(", {value}")).or_insert_with(|| value.to_owned());
        }
        let cookies = head.split("\r\n").filter_map(|line| line.strip_prefix("set-cookie: "));
        let cookies = cookies.map(ToOwned::to_owned).collect();
        let rest = &bytes[end + 4..];
        let body = if headers.contains_key("transfer-encoding") { dechunk(rest) } else { rest.to_vec() };
        Self { status, headers, cookies, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The message of an error without a field.
    #[track_caller]
    pub fn detail(&self) -> String {
        let json = self.json();
        let object = json.as_object().unwrap();
        assert_eq!(object.len(), 1, "{json}");
        object["detail"].as_str().unwrap().to_owned()
    }

    /// The names of wrong fields, each with one message or more.
    #[track_caller]
    pub fn wrong_fields(&self) -> Vec<String> {
        assert_eq!(self.status, 400, "{self:?}");
        let json = self.json();
        let object = json.as_object().unwrap();
        for messages in object.values() {
            assert!(
                !messages.as_array().unwrap().is_empty() && messages.as_array().unwrap().iter().all(Value::is_string)
            );
        }
        object.keys().cloned().collect()
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}
