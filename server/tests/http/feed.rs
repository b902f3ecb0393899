//! The live feed (2.3).

use crate::client::Served;

use bmw_domain::charger::Answer;
use bmw_domain::charger::event::{Event, Meter, Reading, Start, Status, Stop, Told};
use bmw_domain::phase::LineCurrents;
use bmw_domain::record::Identity;
use bmw_site::Clock;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a feed.
struct Reader {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Reader {
    async fn open(site: &Served, path: &str) -> Self {
        Self::begin(site.connect().await, path).await
    }

    /// One for whom the system takes in little: what is sent to it stays with the program.
    async fn open_narrow(site: &Served, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2304).unwrap();
        Self::begin(socket.connect(site.addr()).await.unwrap(), path).await
    }

    /// Reads quickly from now on: through a narrow window some ten megabytes can take minutes.
    fn widen(&self) {
        socket2::SockRef::from(&self.stream).set_recv_buffer_size(1 << 20).unwrap();
    }

    async fn begin(mut stream: TcpStream, path: &str) -> Self {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut reader = Self { stream, received: Vec::new() };
        while !reader.received.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(reader.fill().await, "the feed ended");
        }
        let end = reader.received.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let answer = crate::client::Answer::parse(&reader.received[..end]);
        assert_eq!((answer.status, answer.header("sec-websocket-accept")), (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        reader.received.drain(..end);
        reader
    }

    /// Reads on; whether there was anything.
    async fn fill(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.received));
        read.await.expect("a message must come").is_ok_and(|read| read > 0)
    }

    /// The next frame: its kind and what it holds.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        self.next().await.expect("the feed ended")
    }

    /// The next frame, until the connection ends. The server's frames are not masked.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let [first, second, rest @ ..] = &self.received[..] {
                assert_eq!(second & 0x80, 0);
                let (skip, length) = match (second & 0x7f, rest) {
                    (126, [high, low, ..]) => (4, usize::from(*high) << 8 | usize::from(*low)),
                    (127, [length @ .., _]) if length.len() >= 8 => {
                        let length = length.first_chunk().map_or(0, |length| u64::from_be_bytes(*length));
                        (10, usize::try_from(length).unwrap())
                    }
                    (length @ 0..126, _) => (2, usize::from(length)),
                    _ => (usize::MAX, 0),
                };
                let kind = first & 0xf;
                if self.received.len() >= length.saturating_add(skip) {
                    let payload = self.received[skip..skip + length].to_vec();
                    self.received.drain(..skip + length);
                    return Some((kind, payload));
                }
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next message. Pings are answered meanwhile.
    async fn message(&mut self) -> Value {
        loop {
            let (kind, payload) = self.frame().await;
            if kind == 1 {
                return serde_json::from_slice(&payload).unwrap();
            }
            assert_eq!(kind, 9, "a message or a ping");
            self.send(10, &payload).await;
        }
    }

    /// The next message of a charger.
    async fn state(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["type"] == "state" {
                return message;
            }
        }
    }

    /// The next message of the phases.
    async fn phases(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["type"] == "phases" {
                return message;
            }
        }
    }

    /// The next message of counts and sums.
    async fn totals(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["type"] == "totals" {
                return message;
            }
        }
    }

    /// The next messages.
    async fn messages(&mut self, count: usize) -> Vec<Value> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.push(self.message().await);
        }
        messages
    }

    /// Sends a masked frame.
    async fn send(&mut self, kind: u8, payload: &[u8]) {
        assert!(payload.len() < 126);
        let mut frame = vec![0x80 | kind, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await.unwrap();
    }
}

/// Tells the site what a charge point tells, without a connection.
async fn tell(site: &Served, identity: &str, event: Event) {
    let key = site.running.site.charge_point(Some(identity)).unwrap().key;
    site.running.counter.tell(key, event, Clock::real()).await.unwrap();
}

async fn status(site: &Served, identity: &str, name: &str, info: Option<&str>) {
    let time = Told::ours(Clock::real());
    let status = Status { name: name.to_owned(), error: None, info: info.map(str::to_owned), time };
    tell(site, identity, Event::Status(1, status)).await;
}

/// Begins a session; its energy counts from 0.
async fn charge(site: &Served, identity: &str) {
    let start = Start { connector: 1, id_tag: "A".to_owned(), register: 0, time: Told::ours(Clock::real()) };
    tell(site, identity, Event::Start(start)).await;
}

/// A session of an hour that has ended, of a card that nobody is told; its id.
async fn whole_session(site: &Served, identity: &str, wh: i64) -> i32 {
    let key = site.running.site.charge_point(Some(identity)).unwrap().key;
    let time = Told::ours(Clock::real().plus(-3_600_000));
    // Not what the one before began with: it would be the same start, told again.
    let start = Start { connector: 1, id_tag: SECRET.to_owned(), register: wh, time };
    let answer = site.running.counter.tell(key, Event::Start(start), Clock::real()).await.unwrap();
    let Answer::Started(id, _) = answer else { panic!("{answer:?}") };
    let (transaction, id_tag) = (id.0.into(), Some(SECRET.to_owned()));
    let time = Told::ours(Clock::real());
    let stop = Stop { transaction, id_tag, register: 2 * wh, time, reason: None, readings: Vec::new() };
    tell(site, identity, Event::Stop(stop)).await;
    id.0
}

const SECRET: &str = "04A1B2C3D4E5";

/// The ids of the sessions that have ended last.
fn ended(totals: &Value) -> Vec<i32> {
    let sessions = totals["ended"].as_array().unwrap();
    sessions.iter().map(|session| i32::try_from(session["intrecordid"].as_i64().unwrap()).unwrap()).collect()
}

/// Measures in a session.
async fn measure(site: &Served, identity: &str, wh: i64, currents: [Option<f64>; 3]) {
    let reading = Reading {
        time: Told::ours(Clock::real()),
        register: Some(wh),
        currents: LineCurrents(currents),
        offered: None,
        power: None,
    };
    tell(site, identity, Event::Meter(Meter { connector: 1, transaction: None, readings: vec![reading] })).await;
}

fn keys(message: &Value) -> BTreeSet<&str> {
    message.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_begins_with_all_that_is_known() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details/").await;
    let messages = reader.messages(19).await;
    let ids: Vec<&Value> = site_ids(&messages);
    let documented = site.get("/api/charger/id/list/").await.json();
    assert_eq!(ids, documented["chargers"].as_array().unwrap().iter().collect::<Vec<_>>());
    let state_keys = BTreeSet::from([
        "type",
        "seq",
        "vchchargerid",
        "time",
        "vchstate",
        "vchcommand",
        "intcurrent",
        "intchargingcurrent",
        "intconsumedenergy",
        "intElapsedTime",
        "intchargingphase",
        "online",
    ]);
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(message["seq"], index + 1);
        assert_eq!(message["time"], "2015-12-28T12:00:00");
        if message["type"] == "state" {
            assert_eq!(keys(message), state_keys);
            assert_eq!(message["online"], false);
        }
    }
    let one = messages.iter().find(|message| message["vchchargerid"] == "10245006").unwrap();
    assert_eq!((&one["vchstate"], &one["intcurrent"], &one["intElapsedTime"]), (&"2".into(), &32.into(), &1.into()));
    let never = messages.iter().find(|message| message["vchchargerid"] == "21509004").unwrap();
    assert_eq!((&never["vchstate"], &never["intcurrent"]), (&Value::Null, &Value::Null));
    let phases = messages.iter().find(|message| message["type"] == "phases").unwrap();
    assert_eq!(keys(phases), BTreeSet::from(["type", "seq", "time", "a", "b", "c"]));
    assert_eq!((&phases["a"], &phases["b"], &phases["c"]), (&Value::Null, &Value::Null, &Value::Null));
    site.end().await;
}

fn site_ids(messages: &[Value]) -> Vec<&Value> {
    messages.iter().filter(|message| message["type"] == "state").map(|message| &message["vchchargerid"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_charger_is_followed_alone() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details?charger_id=10245006").await;
    let first = reader.messages(2).await;
    assert_eq!(site_ids(&first), ["10245006"]);
    status(&site, "10245007", "Charging", None).await;
    status(&site, "10245006", "Charging", None).await;
    let change = reader.message().await;
    assert_eq!(
        (&change["vchchargerid"], &change["vchstate"], &change["seq"]),
        (&"10245006".into(), &"Charging".into(), &3.into())
    );
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_change_comes_at_once_and_further_ones_are_joined() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    reader.messages(2).await;
    let start = Instant::now();
    charge(&site, "10245006").await;
    assert_eq!(reader.message().await["intconsumedenergy"], 0);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    for energy in 1..=50 {
        measure(&site, "10245006", energy, [Some(6.0), None, None]).await;
    }
    let joined = reader.state().await;
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!((&joined["intconsumedenergy"], &joined["vchstate"]), (&50.into(), &"Charging".into()));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_shown_is_not_told() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    reader.messages(2).await;
    status(&site, "10245006", "Available", None).await;
    let first = reader.message().await;
    assert_eq!((&first["vchstate"], &first["seq"]), (&"Available".into(), &3.into()));
    status(&site, "10245006", "Available", Some("not shown")).await;
    status(&site, "10245006", "Faulted", None).await;
    let change = reader.message().await;
    assert_eq!((&change["vchstate"], &change["seq"]), (&"Faulted".into(), &4.into()));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_state_is_repeated() {
    let site =
        Served::start(Some(crate::client::SITE_2015), |config| config.feed.interval = Duration::from_millis(300)).await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    let messages = reader.messages(5).await;
    assert_eq!(site_ids(&messages).len(), 4);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_of_the_phases_is_told() {
    let site = Served::start(Some(crate::client::SITE_2015), |_| {}).await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    reader.messages(2).await;
    measure(&site, "10245007", 0, [Some(0.2), None, None]).await;
    reader.phases().await;
    measure(&site, "10245006", 0, [Some(10.1), Some(2.0), None]).await;
    let load = reader.phases().await;
    assert_eq!(
        (&load["type"], &load["a"], &load["b"], &load["c"]),
        (&"phases".into(), &10.3.into(), &2.0.into(), &Value::Null)
    );
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_may_talk_and_is_not_listened_to() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    reader.messages(2).await;
    reader.send(1, b"[2,\"id\",\"MeterValues\",{}]").await;
    reader.send(2, &[0; 100]).await;
    reader.send(9, b"alive?").await;
    assert_eq!(reader.frame().await, (10, b"alive?".to_vec()));
    status(&site, "10245006", "Faulted", None).await;
    assert_eq!(reader.message().await["vchstate"], "Faulted");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_says_too_much_or_too_large_a_thing_is_let_go() {
    let site = Served::of_2015().await;
    let path = "/ws/charger/details/?charger_id=10245006";
    let mut reader = Reader::open(&site, path).await;
    reader.messages(2).await;
    for _ in 0..1_001 {
        reader.send(1, b"?").await;
    }
    assert_eq!(reader.frame().await.0, 8);
    assert!(reader.next().await.is_none());
    // The head of a frame of 16 KiB and a byte.
    let mut reader = Reader::open(&site, path).await;
    reader.messages(2).await;
    reader.stream.write_all(&[0x82, 0x80 | 0x7e, 0x40, 0x01, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(reader.frame().await.0, 8);
    assert!(reader.next().await.is_none());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stopped_reading_gets_the_newest_state() {
    let site =
        Served::start(Some(crate::client::SITE_2015), |config| config.feed.interval = Duration::from_millis(100)).await;
    let mut reader = Reader::open(&site, "/ws/charger/details/").await;
    reader.messages(19).await;
    // Others are served while one does not read.
    let mut quick = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    charge(&site, "10245006").await;
    for energy in 0..20 {
        measure(&site, "10245006", energy, [None; 3]).await;
    }
    while quick.message().await["intconsumedenergy"] != 19 {}
    while reader.message().await["intconsumedenergy"] != 19 {}
    site.end().await;
}

/// The first state of each charger that is so long that not all of them find room between the program and one who does not read.
async fn long_states(site: &Served) -> Vec<String> {
    let list = site.get("/api/charger/id/list/").await.json();
    let ids: Vec<String> = serde_json::from_value(list["chargers"].clone()).unwrap();
    let long = "x".repeat(400_000);
    for id in &ids {
        status(site, id, &long, None).await;
    }
    ids
}

/// Reads on until the newest state of each charger is one that is waited for; how many states came. No message is missing after
/// the last number that was read.
async fn told_of_all(reader: &mut Reader, last: &mut u64, ids: &[String], is_it: impl Fn(&str) -> bool) -> usize {
    let mut newest = BTreeMap::new();
    let mut states = 0;
    while newest.values().filter(|is_it| **is_it).count() < ids.len() {
        let message = reader.message().await;
        *last += 1;
        assert_eq!(message["seq"], *last);
        if message["type"] == "state" {
            states += 1;
            newest.insert(message["vchchargerid"].to_string(), is_it(message["vchstate"].as_str().unwrap_or_default()));
        }
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_for_a_while_misses_what_was_in_between_and_nothing_else() {
    let path = "/ws/charger/details/";
    let site = Served::start(Some(crate::client::SITE_2015), |config| config.feed.send = Duration::from_mins(10)).await;
    let mut slow = Reader::open_narrow(&site, path).await;
    slow.messages(19).await;
    let mut quick = Reader::open(&site, path).await;
    quick.messages(19).await;
    let ids = long_states(&site).await;
    let mut last = 19;
    told_of_all(&mut quick, &mut last, &ids, |state| state.starts_with('x')).await;
    // Thousands of changes. Whoever reads is told some of them, the other one is still being told of before.
    let changes = ids.iter().map(|id| async {
        for name in ["Charging", "Faulted"].into_iter().cycle().take(200).chain(["Available"]) {
            status(&site, id, name, None).await;
        }
    });
    futures::future::join_all(changes).await;
    told_of_all(&mut quick, &mut last, &ids, |state| state == "Available").await;
    let states = told_of_all(&mut slow, &mut 19, &ids, |state| state == "Available").await;
    assert!(states <= 2 * ids.len(), "of each one that was on its way, and the newest: {states}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_pings_is_let_go() {
    let site = Served::start(Some(crate::client::SITE_2015), |config| {
        config.feed.ping = Duration::from_millis(10);
        config.feed.silence = Duration::from_millis(200);
    })
    .await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    let mut kinds = BTreeSet::new();
    while let Some((kind, _)) = reader.next().await {
        kinds.insert(kind);
    }
    assert_eq!(kinds, BTreeSet::from([1, 9]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_a_sign_of_life_stays_even_if_nobody_listened_meanwhile() {
    let site = Served::start(Some(crate::client::SITE_2015), |config| {
        config.feed.send = Duration::from_mins(10);
        config.feed.ping = Duration::from_millis(10);
        config.feed.silence = Duration::from_secs(3);
    })
    .await;
    let path = "/ws/charger/details/";
    let mut busy = Vec::new();
    for _ in 0..8 {
        let mut reader = Reader::open_narrow(&site, path).await;
        reader.messages(19).await;
        busy.push(reader);
    }
    let mut quick = Reader::open(&site, path).await;
    quick.messages(19).await;
    let ids = long_states(&site).await;
    for reader in &mut busy {
        reader.send(10, b"").await;
    }
    // For longer than one may be silent, by the pings that come to another one, who answers them.
    let mut pings = 0;
    while pings < 400 {
        let (kind, payload) = quick.frame().await;
        if kind == 9 {
            pings += 1;
            quick.send(10, &payload).await;
        }
    }
    status(&site, &ids[0], "Faulted", None).await;
    for reader in &mut busy {
        reader.widen();
        while reader.state().await["vchstate"] != "Faulted" {}
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_program_is_told() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details/").await;
    reader.messages(19).await;
    let start = Instant::now();
    let reading = async {
        let (kind, payload) = reader.frame().await;
        assert_eq!((kind, &payload[..2]), (8, &1001_u16.to_be_bytes()[..]));
    };
    tokio::join!(site.running.shutdown(), reading);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_websocket_is_refused() {
    let site = Served::of_2015().await;
    let path = "/ws/charger/details/";
    for path in [path, "/ws/charger/details", "/ws/charger/details/?charger_id=unknown"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.header("upgrade")), (426, "websocket"));
        assert!(!answer.detail().is_empty());
    }
    assert_eq!(site.ask("HEAD", path, &[], b"").await.status, 426);
    assert_eq!(site.ask("OPTIONS", path, &[], b"").await.status, 200);
    let post = site.ask("POST", path, &[], b"").await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD, OPTIONS"));
    let upgrade = |version: &'static str, key: Option<&'static str>, origin: Option<&'static str>| {
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: {version}\r\n"
        );
        for (name, value) in [("sec-websocket-key", key), ("origin", origin)] {
            if let Some(value) = value {
                request += &format!("{name}: {value}\r\n");
            }
        }
        // So that the client need not wait for a next request's time to end.
        request + "\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    };
    let key = Some("dGhlIHNhbXBsZSBub25jZQ==");
    for (request, status) in [
        (upgrade("12", key, None), 426),
        (upgrade("13", key, None).replacen("connection: upgrade\r\n", "", 1), 426),
        (upgrade("13", None, None), 400),
        (upgrade("13", key, Some("http://evil.example")), 403),
    ] {
        assert_eq!(site.send(request.as_bytes()).await.status, status);
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_as_the_asyncapi_document_says() {
    let site = Served::start(Some(crate::client::SITE_2015), |_| {}).await;
    let document = site.get("/api/asyncapi.json").await.json();
    assert_eq!(document["channels"]["chargers"]["address"], "/ws/charger/details/");
    let schema = |kind: &str| jsonschema::draft7::new(&document["components"]["messages"][kind]["payload"]).unwrap();
    let schemas = ["state", "phases", "alive", "totals"].map(|kind| (kind, schema(kind)));
    let mut reader = Reader::open(&site, "/ws/charger/details/?alive=1&totals=1").await;
    let mut messages = reader.messages(19).await;
    charge(&site, "10245006").await;
    measure(&site, "10245006", 350, [Some(15.6), Some(0.1), None]).await;
    whole_session(&site, "10245007", 2458).await;
    let mut kinds = BTreeSet::new();
    while kinds.len() < 4 {
        let message = reader.message().await;
        if message["type"] == "totals" && ended(&message).is_empty() {
            messages.push(message);
            continue;
        }
        kinds.insert(message["type"].as_str().unwrap().to_owned());
        messages.push(message);
    }
    for (index, message) in messages.iter().enumerate() {
        let (_, schema) = schemas.iter().find(|(kind, _)| message["type"] == *kind).unwrap();
        let errors: Vec<String> = schema.iter_errors(message).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{message}");
        assert_eq!(message["seq"], index + 1);
    }
    // The schemas are no mere form: they know what they do not describe.
    for change in ["seq", "vchstate", "another"] {
        let mut message = messages[0].clone();
        message[change] = serde_json::json!({});
        assert!(!schemas[0].1.is_valid(&message), "{message}");
        message.as_object_mut().unwrap().remove(change);
        assert_eq!(schemas[0].1.is_valid(&message), change == "another", "{message}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_hears_that_the_connection_is_alive() {
    let site = Served::of_2015().await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006&alive=1").await;
    reader.messages(2).await;
    for seq in [3, 4] {
        let message = reader.message().await;
        assert_eq!((&message["type"], &message["seq"]), (&"alive".into(), &seq.into()));
        assert_eq!(keys(&message), BTreeSet::from(["type", "seq", "time"]));
    }
    for alive in ["0", "301", "-1", "soon"] {
        let path = format!("/ws/charger/details/?alive={alive}");
        let answer = site.ask("GET", &path, &[("upgrade", "websocket")], b"").await;
        assert_eq!(answer.wrong_fields(), ["alive"]);
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_is_told_the_totals_and_which_sessions_have_ended() {
    let site = Served::of_2015().await;
    site.running.site.warm_up().await.unwrap();
    let mut plain = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    plain.messages(2).await;
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006&totals=1").await;
    let messages = reader.messages(3).await;
    assert_eq!(messages.iter().map(|message| &message["type"]).collect::<Vec<_>>(), ["state", "phases", "totals"]);
    let first = &messages[2];
    let documented = site.get("/api/charger/info/statistic/").await.json();
    assert_eq!(
        (&first["chargers"], &first["in_use"], first["minutes"].as_f64()),
        (&documented["total_charger"], &documented["total_charging"], documented["accumulate_minutes"].as_f64())
    );
    assert_eq!(first["energy"].as_f64().map(|wh| wh / 1000.0), documented["accumulate_power"].as_f64());
    let stored = site.running.site.store().session_count().await.unwrap();
    assert_eq!((&first["sessions"], &first["ended"]), (&stored.into(), &serde_json::json!([])));
    let id = whole_session(&site, "10245007", 2458).await;
    let mut last = reader.totals().await;
    while ended(&last).is_empty() {
        last = reader.totals().await;
    }
    let sum = |totals: &Value, name: &str| totals[name].as_i64().unwrap();
    let grown = ["sessions", "number", "energy", "minutes"].map(|name| sum(&last, name) - sum(first, name));
    assert_eq!(grown, [1, 1, 2458, 60]);
    let session = &last["ended"][0];
    assert_eq!(
        (&session["intrecordid"], &session["vchchargerid"], &session["energy"]),
        (&id.into(), &"10245007".into(), &2458.into())
    );
    // Nobody has signed in: what he is told holds no more than the route says to everybody, and no card.
    assert_eq!(keys(session), BTreeSet::from(["intrecordid", "vchchargerid", "dttfinishtime", "energy"]));
    let finish = session["dttfinishtime"].as_str().unwrap().replace('T', " ");
    let recent = site.get("/api/recent/charging/record/list/?num=1").await.json();
    assert_eq!(
        (&recent["result"][0]["intrecordid"], &recent["result"][0]["dttfinishtime"]),
        (&id.into(), &finish.into())
    );
    assert!(!last.to_string().contains(SECRET));
    // Whoever has not asked for it is told what he was told before there was such a thing.
    status(&site, "10245006", "Faulted", None).await;
    let next = loop {
        let message = plain.message().await;
        assert_ne!(message["type"], "totals");
        if message["type"] == "state" {
            break message;
        }
    };
    assert_eq!((&next["vchchargerid"], &next["vchstate"]), (&"10245006".into(), &"Faulted".into()));
    let answer = site.ask("GET", "/ws/charger/details/?totals=perhaps", &[("upgrade", "websocket")], b"").await;
    assert_eq!(answer.wrong_fields(), ["totals"]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_is_told_what_lines_draw_and_nobody_else() {
    let site = Served::of_2015().await;
    site.running.site.warm_up().await.unwrap();
    charge(&site, "10245006").await;
    measure(&site, "10245006", 350, [Some(15.62), Some(0.1), None]).await;
    let mut plain = Reader::open(&site, "/ws/charger/details/?charger_id=10245006").await;
    let mut asking = Reader::open(&site, "/ws/charger/details/?charger_id=10245006&totals=1").await;
    assert_eq!(plain.state().await.get("lines"), None);
    let lines = |l2: f64| serde_json::json!({"l1": 15.6, "l2": l2, "l3": null, "offered": null});
    let mut told = asking.state().await;
    assert_eq!(told["lines"], lines(0.1));
    // Nothing that is documented for all changes by it.
    measure(&site, "10245006", 350, [Some(15.62), Some(0.3), None]).await;
    while told["lines"] != lines(0.3) {
        told = asking.state().await;
    }
    status(&site, "10245006", "Faulted", None).await;
    let next = plain.state().await;
    assert_eq!((&next["vchstate"], next.get("lines")), (&"Faulted".into(), None), "nothing was told in between");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_is_told_the_peaks_and_limits_of_the_phases() {
    let site = Served::start(Some(crate::client::SITE_2015), |_| {}).await;
    site.running.site.warm_up().await.unwrap();
    let mut reader = Reader::open(&site, "/ws/charger/details/?charger_id=10245006&totals=1").await;
    let first = reader.totals().await;
    let settings = site.running.site.present().settings().clone();
    assert_eq!(first["phase_b"]["limit"], settings.max_current[1]);
    assert_eq!(first["vchpowersequence"], settings.phase_sequence.to_string());
    charge(&site, "10245006").await;
    measure(&site, "10245006", 350, [Some(15.62), Some(7.0), None]).await;
    let mut told = reader.totals().await;
    while told["phase_a"]["peak"] != 15.62 || told["phase_b"]["peak"] != 7.0 {
        told = reader.totals().await;
    }
    assert_eq!((&told["phase_c"]["peak"], &told["phase_c"]["peak_time"]), (&Value::Null, &Value::Null));
    // It stays when the load falls.
    measure(&site, "10245006", 400, [Some(1.0), Some(9.0), None]).await;
    while told["phase_b"]["peak"] != 9.0 {
        told = reader.totals().await;
    }
    assert_eq!(told["phase_a"]["peak"], 15.62);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_faster_than_they_are_told_leave_a_gap_in_their_numbers() {
    let site = Served::of_2015().await;
    site.running.site.warm_up().await.unwrap();
    let path = "/ws/charger/details/?charger_id=10245006&totals=1";
    let mut reader = Reader::open(&site, path).await;
    let number = |totals: &Value| totals["number"].as_i64().unwrap();
    let first = number(&reader.totals().await);
    let mut ids = Vec::new();
    for wh in 1..=20 {
        ids.push(whole_session(&site, "10245007", wh).await);
    }
    let mut last = reader.totals().await;
    while number(&last) < first + 20 {
        let known = ended(&last);
        let told = usize::try_from(number(&last) - first).unwrap();
        assert_eq!(known, ids[told.saturating_sub(8)..told], "the newest, up to the number");
        last = reader.totals().await;
    }
    assert_eq!((number(&last), ended(&last)), (first + 20, ids[12..].to_vec()));
    // Who comes again is told where he stands.
    let mut again = Reader::open(&site, path).await;
    let snapshot = again.totals().await;
    for name in ["number", "ended", "sessions", "energy", "minutes"] {
        assert_eq!(snapshot[name], last[name], "{name}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_for_a_while_is_told_the_newest_totals() {
    let site = Served::start(Some(crate::client::SITE_2015), |config| config.feed.send = Duration::from_mins(10)).await;
    site.running.site.warm_up().await.unwrap();
    let path = "/ws/charger/details/?totals=1";
    let mut slow = Reader::open_narrow(&site, path).await;
    let first = slow.totals().await["number"].as_i64().unwrap();
    let mut quick = Reader::open(&site, path).await;
    let ids = long_states(&site).await;
    for round in 1..=3 {
        for id in &ids[..5] {
            whole_session(&site, id, 100).await;
        }
        while quick.totals().await["number"] != first + 5 * round {}
    }
    // What was in between took no room: beside one that was on its way there is the newest.
    let mut told = vec![slow.totals().await["number"].as_i64().unwrap()];
    while told.last() != Some(&(first + 15)) {
        told.push(slow.totals().await["number"].as_i64().unwrap());
    }
    told.dedup();
    assert!(told.len() <= 3, "{told:?}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_between_a_change_and_its_telling_is_told_what_follows() {
    let site = Served::of_2015().await;
    let path = "/ws/charger/details/?charger_id=10245006";
    let mut first = Reader::open(&site, path).await;
    first.messages(2).await;
    status(&site, "10245006", "Charging", None).await;
    assert_eq!(first.state().await["vchstate"], "Charging");
    // Joined to a message that is still to come, which finds everything as it was.
    status(&site, "10245006", "Faulted", None).await;
    let mut second = Reader::open(&site, path).await;
    assert_eq!(second.state().await["vchstate"], "Faulted");
    status(&site, "10245006", "Charging", None).await;
    assert_eq!(second.state().await["vchstate"], "Charging");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_begins_anew_after_everybody_has_gone() {
    let site = Served::of_2015().await;
    for state in ["Charging", "Faulted", "Charging"] {
        let mut reader = Reader::open(&site, "/ws/charger/details/").await;
        reader.messages(19).await;
        status(&site, "10245006", state, None).await;
        let told = reader.state().await;
        assert_eq!(
            (&told["vchchargerid"], &told["vchstate"], &told["seq"]),
            (&"10245006".into(), &state.into(), &20.into())
        );
        drop(reader);
        status(&site, "10245006", "Available", None).await;
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_charger_is_told_to_all_who_follow_all() {
    let site = Served::of_2015().await;
    let mut all = Reader::open(&site, "/ws/charger/details/").await;
    all.messages(19).await;
    site.running.site.register_charge_point(Identity::new("NEW").unwrap(), None).await.unwrap();
    let told = all.state().await;
    assert_eq!((&told["vchchargerid"], &told["vchstate"]), (&"NEW".into(), &Value::Null));
    // Its first change is one like any other.
    status(&site, "NEW", "Available", None).await;
    assert_eq!(all.state().await["vchstate"], "Available");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_everybody() {
    let site = Served::of_2015().await;
    let mut readers = Vec::new();
    for _ in 0..100 {
        let mut reader = Reader::open(&site, "/ws/charger/details/").await;
        reader.messages(19).await;
        readers.push(reader);
    }
    for (id, state) in [("10245006", "Charging"), ("10245007", "Faulted")] {
        status(&site, id, state, None).await;
        for reader in &mut readers {
            let told = reader.state().await;
            assert_eq!((&told["vchchargerid"], &told["vchstate"]), (&id.into(), &state.into()));
        }
    }
    site.end().await;
}
