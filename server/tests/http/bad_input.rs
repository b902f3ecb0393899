//! Whatever comes in, each gets its answer and the site goes on.

use crate::client::{Answer, Served};
use bmw_app::data::DataError;
use bmw_domain::account::Role;
use leptos::server_fn::error::FromServerFnError as _;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a parameter accepts.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Any text: an unknown one gets this status.
    Charger(u16),
    Day,
    Whole,
    Flag,
}

/// Every parameter of every route: the route with what else it needs, the name, whether it is required.
const PARAMETERS: [(&str, &str, Kind, bool); 15] = [
    ("/api/charger/details/", "charger_id", Kind::Charger(404), false),
    ("/api/charger/details/", "date", Kind::Day, false),
    ("/api/charger/details/?date=2015-11-24", "charger_id", Kind::Charger(200), false),
    ("/api/charging/record/details/", "date", Kind::Day, true),
    ("/api/charging/record/details/?date=2015-11-24", "charger_id", Kind::Charger(200), false),
    ("/api/recent/charging/record/list/", "num", Kind::Whole, false),
    ("/api/recent/charger/state/list/", "num", Kind::Whole, false),
    ("/api/monthly/energy/", "charger_id", Kind::Charger(200), false),
    ("/bmw/chart/getAllRecentChargerRecords/", "mode", Kind::Whole, true),
    ("/bmw/chart/getAllRecentChargerRecords/?mode=1", "offset", Kind::Whole, false),
    ("/bmw/chart/getAllRecentChargerRecords/?mode=1", "charger_id", Kind::Charger(200), false),
    ("/bmw/chart/getRecentChargerRecords/", "mode", Kind::Whole, true),
    ("/bmw/chart/getRecentChargerRecords/?mode=2", "offset", Kind::Whole, false),
    ("/bmw/chart/getRecentChargerRecords/?mode=3", "show_all", Kind::Flag, false),
    ("/ws/charger/details/", "charger_id", Kind::Charger(404), false),
];

fn with(route: &str, query: &str) -> String {
    format!("{route}{}{query}", if route.contains('?') { '&' } else { '?' })
}

/// Asks; the feed is asked as a WebSocket.
async fn ask(site: &Served, path: &str) -> Answer {
    let upgrade =
        [("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")];
    if path.starts_with("/ws/") {
        let mut head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n");
        for (name, value) in upgrade {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = site.connect().await;
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut received = Vec::new();
        while !received.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(stream.read_buf(&mut received).await.unwrap() > 0);
        }
        let end = received.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let length: usize = Answer::parse(&received).header("content-length").parse().unwrap_or_default();
        if Answer::parse(&received).status != 101 {
            while received.len() < end + length {
                assert!(stream.read_buf(&mut received).await.unwrap() > 0);
            }
        }
        return Answer::parse(&received);
    }
    site.get(path).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_of_every_route_is_checked() {
    let site = Served::of_2015().await;
    for (route, name, kind, required) in PARAMETERS {
        let good = if route.starts_with("/ws/") { 101 } else { 200 };
        // Absent and empty are the same.
        for path in
            [route.to_owned(), with(route, &format!("{name}=")), with(route, &format!("unknown=1&unknown=2&{name}"))]
        {
            let answer = ask(&site, &path).await;
            if required {
                assert_eq!(answer.wrong_fields(), [name], "{path}");
            } else {
                assert_eq!(answer.status, good, "{path}");
            }
        }
        let always = ["1&@=1", "=&@=", "2015-11-24&@=2015-11-24", "%ff", "%C3%28", "a%80"];
        for value in always {
            let path = with(route, &format!("{name}={}", value.replace('@', name)));
            assert_eq!(ask(&site, &path).await.wrong_fields(), [name], "{path}");
        }
        let huge = "9".repeat(10_000);
        let odd = [
            "-1",
            "0.5",
            "%00",
            "'%3B%20DROP%20TABLE%20charge_point--",
            "%3Cscript%3Ealert(1)%3C/script%3E",
            "+1",
            &huge,
        ];
        for value in odd {
            let path = with(route, &format!("{name}={value}"));
            let answer = ask(&site, &path).await;
            match kind {
                Kind::Charger(status) => {
                    assert_eq!(answer.status, status, "{path}");
                    if status == 404 {
                        assert_eq!(answer.detail(), "Not found.");
                    }
                }
                _ => assert_eq!(answer.wrong_fields(), [name], "{path}"),
            }
            assert!(!String::from_utf8_lossy(&answer.body).contains("<script"), "{path}");
        }
        let wrong: &[&str] = match kind {
            Kind::Charger(_) => &[],
            Kind::Day => {
                &["2015-02-29", "2015-13-01", "15-11-24", "2015-11-24T00:00:00", "0000-01-01", "today", "20151124"]
            }
            Kind::Whole => {
                &["0", "1001001", "9999999999999999999999", "1e3", "0x1", "%EF%BC%91", "1%20", "--1", "true"]
            }
            Kind::Flag => &["2", "yes", "True", "01"],
        };
        for value in wrong {
            let path = with(route, &format!("{name}={value}"));
            assert_eq!(ask(&site, &path).await.wrong_fields(), [name], "{path}");
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_are_kept_exactly() {
    let site = Served::of_2015().await;
    for (path, least, most) in [
        ("/api/recent/charging/record/list/?num=", 1, 1000),
        ("/api/recent/charger/state/list/?num=", 1, 1000),
        ("/bmw/chart/getAllRecentChargerRecords/?mode=1&offset=", 1, 200),
        ("/bmw/chart/getAllRecentChargerRecords/?mode=2&offset=", 1, 1200),
        ("/bmw/chart/getAllRecentChargerRecords/?mode=3&offset=", 1, 3660),
        ("/bmw/chart/getRecentChargerRecords/?show_all=1&mode=1&offset=", 1, 200),
        ("/bmw/chart/getRecentChargerRecords/?show_all=1&mode=2&offset=", 1, 1200),
        ("/bmw/chart/getRecentChargerRecords/?show_all=1&mode=3&offset=", 1, 3660),
        ("/bmw/chart/getRecentChargerRecords/?mode=", 1, 3),
    ] {
        for (value, status) in [(least - 1, 400), (least, 200), (most, 200), (most + 1, 400)] {
            assert_eq!(site.get(&format!("{path}{value}")).await.status, status, "{path}{value}");
        }
    }
    let both = site.get("/bmw/chart/getRecentChargerRecords/?mode=4&offset=x&show_all=x").await;
    assert_eq!(both.wrong_fields(), ["mode", "offset", "show_all"]);
    for day in ["0001-01-01", "9999-12-31"] {
        assert_eq!(site.get(&format!("/api/charger/details/?date={day}")).await.status, 200);
    }
    site.end().await;
}

/// What server functions cannot read: the method, the address, and the body of a form.
const UNREADABLE: [(&str, &str, &str); 9] = [
    ("GET", "/fn/page", ""),
    ("GET", "/fn/page?a=b&a=c", ""),
    ("GET", "/fn/page?page=overview", ""),
    ("GET", "/fn/page?page=nonsense&query=", ""),
    ("GET", "/fn/page?page=overview&page=overview&query=", ""),
    ("POST", "/fn/command", ""),
    ("POST", "/fn/command", "command=Dance&c0=10245006"),
    ("POST", "/fn/command", "command=Reset&command=Reset"),
    ("POST", "/fn/settings/save", "a=1&a=2"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_server_functions_cannot_read_is_the_senders() {
    let site = Served::of_2015().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (method, path, body) in UNREADABLE {
        let answer = site.ask(method, path, &[form], body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{method} {path} {body}: {answer:?}");
        // So that the page says what it is.
        assert_eq!(DataError::de(answer.body.into()), DataError::Protocol, "{method} {path} {body}");
    }
    for (path, body) in [("/fn/command", &b"command=\xff"[..]), ("/fn/settings/save", b"\xff")] {
        assert_eq!(site.ask("POST", path, &[form], body).await.status, 400, "{path}");
    }
    for (method, path, status) in
        [("GET", "/fn/nothing", 404), ("POST", "/fn/page", 405), ("GET", "/fn/command", 405), ("HEAD", "/fn/page", 405)]
    {
        assert_eq!(site.ask(method, path, &[], b"").await.status, status, "{method} {path}");
    }
    let viewer = format!("Bearer {}", site.account("viewer", Role::Viewer).await);
    for path in ["/fn/command", "/fn/settings/save"] {
        let refused = site.ask("POST", path, &[form, ("authorization", &viewer)], b"command=Reset&c0=A").await;
        assert_eq!(refused.status, 403, "{path}");
        assert_eq!(DataError::de(refused.body.into()), DataError::Refused, "{path}");
        assert_eq!(site.ask("POST", path, &[form, ("cookie", "")], b"").await.status, 401, "{path}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_functions_lead_within_this_site() {
    let site = Served::of_2015().await;
    let (page, form) = (("accept", "text/html"), ("content-type", "application/x-www-form-urlencoded"));
    let own = format!("http://{}/devices/?state=x", site.addr());
    for referer in ["https://evil.example/phish", "//evil.example/", own.as_str()] {
        // Who follows a link to one is led nowhere, whoever he is.
        for path in ["/fn/page?page=overview&query=", "/fn/page?page=nonsense&query=", "/fn/page"] {
            let answer = site.ask("GET", path, &[page, ("referer", referer), ("cookie", "")], b"").await;
            assert!([200, 400].contains(&answer.status), "{path} {referer}: {answer:?}");
            assert_eq!(answer.header("location"), "", "{path} {referer}");
        }
        // A form that is not understood leads back to its page, where it is one of ours.
        let expected = if referer == own { "/devices/?state=x" } else { "/" };
        for body in [&b""[..], b"command=Dance", b"a=1&a=1"] {
            let answer = site.ask("POST", "/fn/command", &[page, form, ("referer", referer)], body).await;
            assert_eq!((answer.status, answer.header("location")), (302, expected), "{referer}");
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_refused_everywhere() {
    let site = Served::of_2015().await;
    let large = vec![b' '; 2 << 20];
    let headers = [("content-type", "application/json")];
    for (method, path) in [
        ("POST", "/api/basic/settings/"),
        ("POST", "/api/charger/list/"),
        ("GET", "/api/charger/list/"),
        ("POST", "/fn/anything"),
        ("PUT", "/overview/"),
        ("POST", "/api/unknown/"),
    ] {
        let answer = site.ask(method, path, &headers, &large).await;
        assert_eq!(answer.status, 413, "{method} {path}");
        assert!(!answer.detail().is_empty());
    }
    // Who asks first is told without sending.
    let patient = [headers[0], ("expect", "100-continue")];
    let asked = format!(
        "POST /api/basic/settings/ HTTP/1.1\r\nhost: {}\r\nexpect: 100-continue\r\ncontent-length: 2097152\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n",
        site.addr()
    );
    assert_eq!(site.send(asked.as_bytes()).await.status, 413);
    assert_eq!(site.ask("POST", "/api/basic/settings/", &patient, &large).await.status, 413);
    // Just within bounds: refused for what it is.
    let answer = site.ask("POST", "/api/basic/settings/", &headers, &large[..1 << 20]).await;
    assert_eq!(answer.status, 400);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_changes_nothing() {
    let site = Served::of_2015().await;
    let before = site.get("/api/basic/settings/").await.json();
    let head = format!(
        "POST /api/basic/settings/ HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{{\"intcurrency\":1",
        site.addr()
    );
    let mut stream = site.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut received = Vec::new();
    // An answer or none: the connection ends.
    drop(stream.read_to_end(&mut received).await);
    if !received.is_empty() {
        assert_eq!(Answer::parse(&received).status, 400);
    }
    assert_eq!(site.get("/api/basic/settings/").await.json(), before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_ends_the_connection() {
    let site = Served::of_2015().await;
    for request in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/charger/list/\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = site.connect().await;
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut received = Vec::new();
        drop(stream.read_to_end(&mut received).await);
        if !received.is_empty() {
            let status = Answer::parse(&received).status;
            assert!((400..500).contains(&status) || status == 505, "{status}");
        }
    }
    let long = format!("GET /api/charger/details/?charger_id={} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200_000));
    assert!([414, 431].contains(&site.send(long.as_bytes()).await.status));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(1000));
    assert_eq!(site.send(many.as_bytes()).await.status, 431);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parameters_and_fields_are_read_as_few_are() {
    let site = Served::of_2015().await;
    // As many as a head has room for.
    let query = "a=1&".repeat(15_000);
    let encoded = format!("/fn/page?page=records&query={}", "a%3D1%26".repeat(7_000));
    let paths = ["/api/charger/details/", "/records/", "/ws/charger/details/"].map(|path| with(path, &query));
    for path in paths.into_iter().chain([encoded]) {
        let answer = ask(&site, &path).await;
        assert!([101, 200].contains(&answer.status), "{}: {}", &path[..40], answer.status);
    }
    // As many as a body has room for.
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let fields: String = (0..90_000).map(|number| format!("a{number}=1&")).collect();
    for path in
        ["/log_in/", "/account/", "/fn/command", "/fn/settings/save", "/api/basic/settings/", "/api-token-auth/"]
    {
        let answer = site.ask("POST", path, &form, fields.as_bytes()).await;
        assert!((300..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    let json: String = (0..60_000).map(|number| format!("\"a{number}\":1,")).collect();
    let json = format!("{{{json}\"b\":1}}");
    for path in ["/api/basic/settings/", "/api/charger/command/", "/api-token-auth/"] {
        let answer = site.ask("POST", path, &[("content-type", "application/json")], json.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    site.end().await;
}

/// Sends one byte a second until the server ends it: how long that took, and the answer if there was one.
async fn trickle(site: &Served, head: &str) -> (Duration, Option<Answer>) {
    let start = Instant::now();
    let stream = site.connect().await;
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(head.as_bytes()).await.unwrap();
    let sending = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            if writer.write_all(b"a").await.is_err() {
                return;
            }
        }
    });
    let mut received = Vec::new();
    drop(reader.read_to_end(&mut received).await);
    sending.abort();
    (start.elapsed(), (!received.is_empty()).then(|| Answer::parse(&received)))
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_off() {
    let site = Served::of_2015().await;
    let body = "POST /api/basic/settings/ HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let ((in_head, nothing), (in_body, answer), (in_chunks, _)) = tokio::join!(
        trickle(&site, "GET /api/charger/list/ HTTP/1.1\r\nx-slow: "),
        trickle(&site, body),
        trickle(&site, "POST /fn/x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n"),
    );
    assert!(nothing.is_none());
    assert_eq!(answer.unwrap().status, 408);
    for took in [in_head, in_body, in_chunks] {
        assert!((9..25).contains(&took.as_secs()), "{took:?}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_in_nobodys_way() {
    let site = Served::of_2015().await;
    // Both ends are in this process.
    let files = rlimit::increase_nofile_limit(11_000).unwrap();
    let count = usize::try_from(files.saturating_sub(500) / 2).unwrap().min(5000);
    let mut idle = Vec::with_capacity(count);
    for index in 0..count {
        let mut stream = site.connect().await;
        if index % 2 == 0 {
            // Half of them have asked before.
            stream.write_all(b"GET /api/charger/id/list/ HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        }
        idle.push(stream);
    }
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(site.get("/api/charger/list/").await.status, 200);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    drop(idle);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_ends_within_five_seconds() {
    let site = Served::of_2015().await;
    // Connections in every state: idle, in a head, in a body.
    let mut open = Vec::new();
    for bytes in ["", "GET / HT", "POST /api/basic/settings/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n"]
    {
        let mut stream = site.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        open.push(stream);
    }
    assert_eq!(site.get("/healthz").await.status, 200);
    let start = Instant::now();
    let addr = site.addr();
    site.running.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    drop(open);
}
