//! Alerts by their route, on their page, by the feed, and to a webhook.

use crate::client::{Answer, Served};
use bmw::webhook::Target;
use bmw_domain::account::Role;
use bmw_domain::charger::Answer as Told;
use bmw_domain::charger::event::{Event, Start, Status, Stop, Told as Time};
use bmw_domain::record::{ChargePointKey, Identity};
use bmw_site::Clock;
use ring::hmac;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const JSON: (&str, &str) = ("content-type", "application/json");
/// Only what never comes takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

async fn site() -> Served {
    let site = Served::empty().await;
    for identity in ["CP 1", "CP 2"] {
        site.running.site.register_charge_point(Identity::new(identity).unwrap(), None).await.unwrap();
    }
    site
}

async fn tell(site: &Served, key: ChargePointKey, event: Event) -> Told {
    site.running.counter.tell(key, event, Clock::real()).await.unwrap()
}

/// A session of a charge point that ends for this reason.
pub async fn cut_off(site: &Served, key: ChargePointKey, reason: &str) {
    // Not what the one before began with: it would be the same start, told again.
    static REGISTER: AtomicI64 = AtomicI64::new(0);
    let register = REGISTER.fetch_add(1, Ordering::Relaxed);
    let time = Time::ours(Clock::real());
    let start = Start { connector: 1, id_tag: "CARD".to_owned(), register, time };
    let Told::Started(id, _) = tell(site, key, Event::Start(start)).await else { panic!("it has begun") };
    let (transaction, reason) = (id.0.into(), Some(reason.to_owned()));
    let stop = Stop { transaction, id_tag: None, register: register + 1, time, reason, readings: Vec::new() };
    tell(site, key, Event::Stop(stop)).await;
}

async fn get(site: &Served, query: &str) -> Value {
    let answer = site.get(&format!("/api/alerts/{query}")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    answer.json()
}

async fn post(site: &Served, body: &Value) -> Answer {
    site.ask("POST", "/api/alerts/", &[JSON], body.to_string().as_bytes()).await
}

/// Asks until it is so.
async fn until(site: &Served, query: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = get(site, query).await;
        if is_so(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_see_alerts_and_acknowledge_them() {
    let site = site().await;
    assert_eq!(get(&site, "").await, json!({ "unacknowledged": 0, "alerts": [], "next": null }));
    for (key, reason) in [(1, "PowerLoss"), (2, "PowerLoss"), (1, "EmergencyStop")] {
        cut_off(&site, ChargePointKey(key), reason).await;
    }
    let open = get(&site, "?num=2").await;
    let ids: Vec<i64> = open["alerts"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect();
    assert_eq!((&open["unacknowledged"], ids.len()), (&json!(3), 2));
    let newest = &open["alerts"][0];
    assert_eq!(
        (&newest["cause"], &newest["code"], &newest["vchchargerid"]),
        (&json!("stopped"), &json!("EmergencyStop"), &json!("CP 1"))
    );
    assert_eq!(
        (&newest["intrecordid"], &newest["ended"], &newest["acknowledged_by"]),
        (&json!(3), &Value::Null, &Value::Null)
    );
    let rest = get(&site, &format!("?num=2&before={}", open["next"].as_str().unwrap())).await;
    assert_eq!((rest["alerts"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(get(&site, "?charger_id=CP%202").await["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(get(&site, "?cause=fault").await["alerts"], json!([]));
    // Both of one cause; what has begun since is left alone.
    let choice = json!({ "cause": "stopped", "code": "PowerLoss", "until": ids[1] });
    cut_off(&site, ChargePointKey(2), "PowerLoss").await;
    let done = post(&site, &choice).await;
    assert_eq!((done.status, done.json()), (200, json!({ "acknowledged": 2 })), "{done:?}");
    assert_eq!(get(&site, "").await["unacknowledged"], 2);
    assert_eq!(post(&site, &json!({ "id": ids[0] })).await.json()["acknowledged"], 1);
    assert_eq!(post(&site, &json!({ "id": ids[0] })).await.json()["acknowledged"], 0);
    let ended = get(&site, "?state=ended&num=2").await;
    assert_eq!(
        (&ended["alerts"][0]["id"], &ended["alerts"][0]["acknowledged_by"]),
        (&json!(ids[0]), &json!("boss (api-token-auth)"))
    );
    let rest = get(&site, &format!("?state=ended&before={}", ended["next"].as_str().unwrap())).await;
    assert_eq!(rest["alerts"].as_array().unwrap().len(), 1);
    // Who has an account is not everybody's.
    let stranger = site.ask("GET", "/api/alerts/?state=ended", &[("cookie", "")], b"").await.json();
    assert_eq!(stranger["alerts"][0]["acknowledged_by"], "");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let site = site().await;
    for (query, field) in
        [("?state=all", "state"), ("?cause=x", "cause"), ("?before=x", "before"), ("?num=1001", "num")]
    {
        assert_eq!(site.get(&format!("/api/alerts/{query}")).await.wrong_fields(), [field], "{query}");
    }
    assert_eq!(site.get("/api/alerts/?charger_id=NONE").await.status, 404);
    for (body, field) in [
        (json!({}), "id"),
        (json!({ "cause": "fault" }), "id"),
        (json!({ "id": "7" }), "id"),
        (json!({ "until": 1.5 }), "until"),
        (json!({ "until": 1, "cause": "x" }), "cause"),
        (json!({ "until": 1, "code": 5 }), "code"),
    ] {
        let answer = post(&site, &body).await;
        assert_eq!((answer.status, answer.wrong_fields()), (400, vec![field.to_owned()]), "{body}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_is_open_by_cause_and_takes_plain_forms() {
    let site = site().await;
    let page = async |language: &str| {
        let headers = [("accept-language", language), ("accept", "text/html")];
        String::from_utf8(site.ask("GET", "/alerts/", &headers, b"").await.body).unwrap()
    };
    assert!(page("en").await.contains("No alert is open") && page("zh").await.contains("没有告警"));
    for key in [1, 2] {
        cut_off(&site, ChargePointKey(key), "PowerLoss").await;
    }
    let shown = page("en").await;
    assert!(shown.contains("2 sessions cut off") && shown.contains("<title>(2) Alerts · BMW</title>"), "{shown}");
    assert!(shown.contains(r#"data-alerts="2""#) && shown.contains("No webhook is set"));
    assert!(page("zh").await.contains("2 次充电异常中断"));
    let until = get(&site, "").await["alerts"][0]["id"].as_i64().unwrap();
    let form = format!("command=acknowledge&back=/alerts/&cause=stopped&code=PowerLoss&until={until}");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let sent = site.ask("POST", "/fn/command", &headers, form.as_bytes()).await;
    assert_eq!((sent.status, sent.header("location")), (302, "/alerts/?given=2"), "{sent:?}");
    let shown = page("en").await;
    assert!(shown.contains("No alert is open") && shown.contains("<title>Alerts · BMW</title>"), "{shown}");
    site.end().await;
}

/// A program that takes what a webhook tells: it answers with these statuses, and gives what it was sent.
async fn taken(listener: &TcpListener, status: u16) -> (String, Value) {
    let (mut stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut received = Vec::new();
    let head = loop {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0);
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8(received[..head].to_vec()).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
    while received.len() < head + length {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0);
    }
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    let body = &received[head..];
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret of both");
    let mut expected = String::new();
    for byte in hmac::sign(&key, body).as_ref() {
        write!(expected, "{byte:02x}").unwrap();
    }
    assert!(text.contains(&format!("bmw-signature: sha256={expected}")), "{text}");
    (text, serde_json::from_slice(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_what_becomes_of_alerts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook?key=PATH-SECRET", listener.local_addr().unwrap());
    let site = Served::start(None, |config| {
        config.webhook = Some(Target::read(&address, Some("a secret of both".to_owned())).unwrap());
        config.alert_times.fault = 100;
    })
    .await;
    for identity in ["CP 1", "CP 2"] {
        site.running.site.register_charge_point(Identity::new(identity).unwrap(), None).await.unwrap();
    }
    for key in [1, 2] {
        cut_off(&site, ChargePointKey(key), "PowerLoss").await;
    }
    // What fails is sent once more, as it was.
    let (head, body) = taken(&listener, 503).await;
    assert!(head.starts_with("POST /hook?key=PATH-SECRET HTTP/1.1\r\n"), "{head}");
    let (again, same) = taken(&listener, 200).await;
    assert_eq!((again, &same), (head, &body));
    let said = ["event", "cause", "code", "count", "unacknowledged"].map(|name| body[name].clone());
    assert_eq!(said, [json!("begun"), json!("stopped"), json!("PowerLoss"), json!(2), json!(2)]);
    let chargers: Vec<&Value> = body["alerts"].as_array().unwrap().iter().map(|it| &it["vchchargerid"]).collect();
    assert_eq!(chargers, [&json!("CP 1"), &json!("CP 2")]);
    post(&site, &json!({ "until": body["alerts"][1]["id"] })).await;
    let (_, body) = taken(&listener, 204).await;
    assert_eq!(
        (&body["event"], &body["alerts"][0]["acknowledged_by"]),
        (&json!("acknowledged"), &json!("boss (api-token-auth)"))
    );
    // A fault, from its begin to its end.
    let status = async |name: &str, error: &str| {
        let (name, error, time) = (name.to_owned(), Some(error.to_owned()), Time::ours(Clock::real()));
        tell(&site, ChargePointKey(1), Event::Status(1, Status { name, error, info: None, time })).await;
    };
    status("Faulted", "GroundFailure").await;
    let open = until(&site, "", |answer| answer["unacknowledged"] == 1).await;
    assert_eq!(open["alerts"][0]["cause"], "fault");
    let (_, body) = taken(&listener, 200).await;
    assert_eq!(
        (&body["event"], &body["cause"], &body["code"]),
        (&json!("begun"), &json!("fault"), &json!("GroundFailure"))
    );
    status("Available", "NoError").await;
    let (_, body) = taken(&listener, 404).await;
    assert_eq!((&body["event"], &body["code"]), (&json!("ended"), &json!("GroundFailure")));
    // What became of it is shown to those who have signed in, and no more of the address than its host.
    let begun = Instant::now();
    loop {
        let page = String::from_utf8(site.get("/alerts/").await.body).unwrap();
        assert!(!page.contains("PATH-SECRET") && page.contains("127.0.0.1"));
        if page.contains("HTTP 404") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stranger = site.ask("GET", "/alerts/", &[("cookie", "")], b"").await;
    assert!(!String::from_utf8(stranger.body).unwrap().contains("id=\"webhook\""));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_are_told_why_they_may_not_acknowledge() {
    let site = site().await;
    cut_off(&site, ChargePointKey(1), "PowerLoss").await;
    let viewer = format!("Bearer {}", site.account("viewer", Role::Viewer).await);
    let headers = [("authorization", viewer.as_str()), ("accept-language", "en"), ("accept", "text/html")];
    let page = String::from_utf8(site.ask("GET", "/alerts/", &headers, b"").await.body).unwrap();
    assert!(page.contains("Acknowledge: "), "{page}");
    let headers = [("authorization", viewer.as_str()), JSON];
    assert_eq!(site.ask("POST", "/api/alerts/", &headers, br#"{"until":9}"#).await.status, 403);
    assert_eq!(get(&site, "").await["unacknowledged"], 1);
    site.end().await;
}
