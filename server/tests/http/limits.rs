//! How much one client may take, and what is told to him who wants more.

use crate::client::{Answer, PASSWORD, SITE_2015, Served};
use bmw::limits::Bounds;
use bmw::peer::Proxies;
use bmw_domain::account::Role;
use bmw_domain::record::Identity;
use bmw_testkit::charger::Charger;
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const NOBODY: (&str, &str) = ("cookie", "");
const PAGE: (&str, &str) = ("accept", "text/html");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const ROUTE: &str = "/api/charger/id/list/";

async fn within(requests: u32, connections: u32) -> Served {
    Served::start(Some(SITE_2015), |config| config.limits = Bounds { requests, connections }).await
}

async fn behind_a_proxy(requests: u32, connections: u32) -> Served {
    Served::start(Some(SITE_2015), |config| {
        config.limits = Bounds { requests, connections };
        config.trusted_proxies = Proxies::parse("127.0.0.1").unwrap();
    })
    .await
}

/// Asks again and again until it is too often, which it soon is.
async fn too_often(ask: impl AsyncFn() -> Answer) -> Answer {
    for _ in 0..1_000 {
        let answer = ask().await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
            return answer;
        }
    }
    panic!("it is never too often");
}

/// Asks until there is an answer again, which comes with time: what is refused counts nothing.
async fn comes_back(ask: impl AsyncFn() -> Answer) -> Answer {
    loop {
        let answer = ask().await;
        if answer.status != 429 {
            return answer;
        }
    }
}

/// Connects from an address of this machine's own network.
async fn connect_from(address: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address, 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Asks on a connection, with header lines of its own, and reads the head of the answer.
async fn ask_on(stream: &mut TcpStream, path: &str, lines: &str) -> Option<Answer> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{lines}\r\n").as_bytes()).await.ok()?;
    let mut received = Vec::new();
    while !received.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    }
    Some(Answer::parse(&received))
}

/// Follows the feed.
async fn follow(site: &Served, lines: &str) -> (TcpStream, Answer) {
    let mut stream = site.connect().await;
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = ask_on(&mut stream, "/ws/charger/details/", &format!("{upgrade}{lines}")).await.unwrap();
    (stream, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_told_to_wait_and_others_are_not_held_up() {
    let site = within(5, 0).await;
    let ask = async || site.ask("GET", ROUTE, &[NOBODY], b"").await;
    let answer = too_often(&ask).await;
    assert_eq!(answer.detail(), "Request was throttled. Expected available in 1 second.");
    // Who has proven who he is counts as that, wherever he is.
    assert_eq!(site.get(ROUTE).await.status, 200);
    let mut elsewhere = connect_from(IpAddr::from([127, 0, 0, 2]), site.addr()).await;
    assert_eq!(ask_on(&mut elsewhere, ROUTE, "").await.unwrap().status, 200);
    let key = site.running.site.register_charge_point(Identity::new("CP").unwrap(), None).await;
    assert!(key.is_ok());
    too_often(&ask).await;
    Charger::plug_in(site.addr(), "CP").await.expect("charge points are counted apart");
    assert_eq!(comes_back(&ask).await.status, 200);
    site.end().await;
}

/// How often something passes before it is too often.
async fn passes(ask: impl AsyncFn() -> Answer) -> usize {
    for count in 0..1_000 {
        let answer = ask().await;
        if answer.status == 429 && String::from_utf8_lossy(&answer.body).contains("was throttled") {
            return count;
        }
    }
    panic!("it is never too often");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_program_and_each_person_is_counted_apart() {
    // 200 at once; what passes meanwhile is little beside that.
    let site = within(20, 0).await;
    let mut tokens = Vec::new();
    for name in ["anna", "peter"] {
        tokens.push(format!("Bearer {}", site.account(name, Role::Viewer).await));
    }
    let form = format!("username=anna&password={PASSWORD}");
    let cookie = async || {
        let answer = site.ask("POST", "/log_in/", &[FORM, NOBODY], form.as_bytes()).await;
        answer.cookies[0].split(';').next().unwrap().to_owned()
    };
    let (phone, desk) = (cookie().await, cookie().await);
    let ask = async |name: &str, proof: &str| site.ask("GET", ROUTE, &[(name, proof)], b"").await;
    assert!(passes(async || ask("authorization", &tokens[0]).await).await > 100);
    assert_eq!(ask("authorization", &tokens[1]).await.status, 200);
    assert_eq!(ask("cookie", &phone).await.status, 200, "the person is none of her programs");
    assert!(passes(async || ask("cookie", &phone).await).await > 100);
    assert!(passes(async || ask("cookie", &desk).await).await < 100, "and the same on each of her devices");
    // A token that does not hold proves nothing: whoever guesses is counted by his address.
    assert!(passes(async || ask("authorization", "Bearer nonsense").await).await > 50);
    assert!(passes(async || ask("cookie", "").await).await < 50);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_write_counts_more_than_to_read_and_to_sign_in_most() {
    // Ten at once; one more each second, which one of these that reads may well get.
    let site = within(1, 0).await;
    let written = passes(async || site.ask("POST", "/overview/", &[NOBODY], b"").await).await;
    assert_eq!(written, 1);
    site.end().await;
    let site = within(40, 0).await;
    let form = (FORM, b"username=nobody&password=x");
    let guessed = passes(async || site.ask("POST", "/api-token-auth/", &[form.0, NOBODY], form.1).await).await;
    assert!(guessed < 40, "{guessed}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_told_in_his_own_way() {
    let site = within(1, 0).await;
    let text = |answer: &Answer| String::from_utf8_lossy(&answer.body).into_owned();
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        too_often(async || site.ask(method, path, &[headers, &[NOBODY]].concat(), b"").await).await
    };
    for (lang, read, written) in [
        ("en", "This page loads again by itself", "nothing was done"),
        ("zh", "页面稍后会自动重新加载", "刚才的操作没有执行"),
    ] {
        let page = ask("GET", "/overview/", &[PAGE, ("accept-language", lang)]).await;
        assert!(page.header("content-type").starts_with("text/html") && text(&page).contains(read), "{page:?}");
        assert!(text(&page).contains("http-equiv=\"refresh\"") && !text(&page).contains("<script"));
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        let form = ask("POST", "/fn/command", &[PAGE, ("accept-language", lang)]).await;
        assert!(text(&form).contains(written) && !text(&form).contains("http-equiv=\"refresh\""), "{form:?}");
    }
    // The page's script reads its own kind of error, a program that of the documented routes.
    let function = ask("GET", "/fn/page?page=overview&query=", &[]).await;
    assert_eq!(
        (function.header("content-type"), function.header("cache-control")),
        ("application/octet-stream", "no-store")
    );
    for path in [ROUTE, "/api/nothing/", "/healthz", "/overview/"] {
        assert!(ask("GET", path, &[]).await.detail().starts_with("Request was throttled."), "{path}");
    }
    let documented = ask("GET", ROUTE, &[PAGE]).await;
    assert!(documented.detail().starts_with("Request was throttled."), "also where a browser asks");
    site.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_followed_within_a_bound_by_address() {
    // A tenth of the connections.
    let site = within(0, 200).await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        let (stream, answer) = follow(&site, "").await;
        assert_eq!(answer.status, 101);
        readers.push(stream);
    }
    for lines in ["", "content-length: 1\r\n"] {
        let (_, answer) = follow(&site, lines).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "10"), "before it becomes a WebSocket");
        assert!(answer.header("sec-websocket-accept").is_empty());
    }
    drop(readers.pop());
    while follow(&site, "").await.1.status != 101 {}
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_is_counted_and_the_proxy_is_not() {
    let site = behind_a_proxy(5, 10).await;
    let mut held = Vec::new();
    for number in 0..30 {
        let client = format!("x-forwarded-for: 192.0.2.{number}\r\n");
        let (stream, answer) = follow(&site, &client).await;
        assert_eq!(answer.status, 101, "{number}");
        held.push(stream);
    }
    let (_, answer) = follow(&site, "x-forwarded-for: 192.0.2.7\r\n").await;
    assert_eq!(answer.status, 429);
    let ask = async |client| site.ask("GET", ROUTE, &[NOBODY, ("x-forwarded-for", client)], b"").await;
    too_often(async || ask("192.0.2.50").await).await;
    assert_eq!(ask("192.0.2.51").await.status, 200);
    // Nobody has more by having many addresses of one network.
    assert!(passes(async || ask("2001:db8::1").await).await >= 50);
    assert!(passes(async || ask("2001:db8::2").await).await < 50);
    assert_eq!(ask("2001:db8:1::1").await.status, 200);
    drop(held);
    site.end().await;
}

/// Connects until there is an answer other than that there are too many.
async fn has_room_again(site: &Served) {
    while ask_on(&mut site.connect().await, "/healthz", "").await.is_none_or(|answer| answer.status == 429) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_all_connections() {
    let site = Served::start(None, |config| {
        config.limits = Bounds { requests: 0, connections: 5 };
        config.ocpp.registers_unknown = true;
    })
    .await;
    // Charge points are none of them: all of a site may be behind one address.
    let mut chargers = Vec::new();
    for number in 0..12 {
        let mut charger = Charger::plug_in(site.addr(), &format!("CP{number}")).await.unwrap();
        charger.call("Heartbeat", &json!({})).await.unwrap();
        chargers.push(charger);
    }
    // Who says the half of something holds a place as well.
    let mut open = Vec::new();
    for bytes in ["", "GET / HT", "GET / HTTP/1.1\r\nx: ", "\r\n", "G"] {
        let mut stream = site.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        open.push(stream);
    }
    // More are told so and ended.
    let mut more = Vec::new();
    site.connect().await.read_to_end(&mut more).await.unwrap();
    let more = Answer::parse(&more);
    assert_eq!((more.status, more.header("retry-after"), more.header("connection")), (429, "10", "close"));
    assert_eq!(more.header("x-content-type-options"), "nosniff");
    assert_eq!(more.header("content-length"), more.body.len().to_string());
    let mut elsewhere = connect_from(IpAddr::from([127, 0, 0, 2]), site.addr()).await;
    assert_eq!(ask_on(&mut elsewhere, "/healthz", "").await.unwrap().status, 200);
    // There is room again as soon as the program sees that they are gone.
    drop(open);
    has_room_again(&site).await;
    for charger in &mut chargers {
        charger.call("Heartbeat", &json!({})).await.unwrap();
    }
    drop(chargers);
    has_room_again(&site).await;
    site.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charge_points_that_nobody_knows_are_few() {
    // Each of them counts as all that may come at once, and the next one comes after ten seconds.
    let site = within(1, 0).await;
    let mut turned_away = Vec::new();
    for number in 0..5 {
        turned_away.push(Charger::turned_away(site.addr(), &format!("NEW{number}")).await.unwrap());
    }
    assert_eq!(turned_away[0], "status 404");
    assert!(turned_away[1..].contains(&"status 429".to_owned()), "{turned_away:?}");
    let mut stream = site.connect().await;
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = ask_on(&mut stream, "/ocpp/NEW9", upgrade).await.unwrap();
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
    Charger::plug_in(site.addr(), "10245006").await.expect("known ones come in");
    site.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_an_address_that_are_on_their_way_are_bounded() {
    let site = within(0, 1_000).await;
    let head = "POST /log_in/ HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n";
    let mut sending = Vec::new();
    for _ in 0..64 {
        let mut stream = site.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        // The permission to send tells that it is being read.
        let mut said = [0; 25];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
        sending.push(stream);
    }
    let ask = async || site.ask("POST", "/log_in/", &[FORM, NOBODY], b"username=x&password=x").await;
    let answer = ask().await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    assert_eq!(site.ask("POST", "/log_out/", &[NOBODY], b"").await.status, 303, "no body, no bound");
    drop(sending);
    assert_eq!(comes_back(&ask).await.status, 400);
    site.end().await;
}
