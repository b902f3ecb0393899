//! Behind proxies: those that are trusted say for whom they ask, nobody else does.

use crate::client::{PASSWORD, Served};
use bmw::peer::Proxies;
use bmw_domain::account::Role;
use bmw_domain::record::Identity;
use bmw_site::access::Credentials;
use bmw_testkit::charger::Charger;
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// What a proxy says, and anybody can.
const FORWARDED: [(&str, &str); 3] =
    [("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "site.example")];
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

async fn site(proxies: &str) -> Served {
    let proxies = Proxies::parse(proxies).unwrap();
    Served::start(None, |config| {
        config.trusted_proxies = proxies;
        config.ocpp.pause = Duration::from_mins(10);
    })
    .await
}

/// What is said by all that have been asked: the address in the audit log, in the list of sign-ins, and in that of charge points
/// that asked to join; whether cookies and answers are those of TLS, whether a page of `site.example` may read the feed, and where
/// a charge point shall upload to.
async fn seen(site: &Served) -> ([String; 3], [bool; 3], String) {
    let ask = |method, path, more: &'static [(&str, &str)], body: String| async move {
        site.ask(method, path, &[&FORWARDED, more].concat(), body.as_bytes()).await
    };
    site.account("peter", Role::Viewer).await;
    let form = format!("username=peter&password={PASSWORD}");
    let answer = ask("POST", "/log_in/", &[FORM, ("cookie", "")], form).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let is_strict = answer.header("strict-transport-security") == "max-age=31536000";
    assert_eq!(is_strict, answer.headers.contains_key("strict-transport-security"));
    let marked = answer.cookies.iter().filter(|cookie| cookie.ends_with("; Secure")).count();
    assert!([0, answer.cookies.len()].contains(&marked), "{:?}", answer.cookies);
    let cookie = answer.cookies[0].split(';').next().unwrap().split_once('=').unwrap().1;
    let caller = site.running.access.identify(Credentials::Cookie(cookie), IpAddr::from([127, 0, 0, 1])).unwrap();
    let sign_in = site.running.access.sign_ins(&caller).unwrap()[0].address.clone();

    // Whose page it is is looked at first, then what is wrong with what it wants.
    let feed = &[("upgrade", "websocket"), ("origin", "https://site.example")];
    let is_own_page = match ask("GET", "/ws/charger/details/?alive=0", feed, String::new()).await.status {
        400 => true,
        403 => false,
        other => panic!("{other}"),
    };

    let plug_in = async |identity: &str| {
        let lines: String = FORWARDED.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let stream = TcpStream::connect(site.addr()).await.unwrap();
        Charger::over(Box::new(stream), "site.example:8443", identity, &lines).await
    };
    assert!(plug_in("NEW").await.is_err(), "it is not known");
    let joining = site.running.site.joining()[0].peer.clone().unwrap();
    site.running.site.register_charge_point(Identity::new("CP").unwrap(), None).await.unwrap();
    let mut charger = plug_in("CP").await.unwrap();
    charger.replies.insert("GetDiagnostics".to_owned(), json!({}));
    charger.call("Heartbeat", &json!({})).await.unwrap();
    let command = json!({ "vchchargerid": "CP", "command": "GetDiagnostics" }).to_string();
    let answer = ask("POST", "/api/charger/command/", &[JSON], command).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let location = loop {
        let (action, payload) = charger.to_be_asked().await.unwrap();
        if action == "GetDiagnostics" {
            break payload["location"].as_str().unwrap().split_once("/ocpp/upload/").unwrap().0.to_owned();
        }
    };
    let deed = site.running.site.store().audit_log(1).await.unwrap().remove(0);
    assert_eq!(deed.action, "command.GetDiagnostics");
    ([deed.origin, sign_in, joining], [is_strict, marked > 0, is_own_page], location)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_of_a_trusted_proxy_is_believed() {
    let site = site("10.0.0.0/8, 127.0.0.1").await;
    let client = "192.0.2.9".to_owned();
    let expected = ([&client; 3].map(Clone::clone), [true; 3], "https://site.example:8443".to_owned());
    assert_eq!(seen(&site).await, expected);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_believed() {
    let site = site("10.0.0.0/8, 127.0.0.2").await;
    let client = "127.0.0.1".to_owned();
    let expected = ([&client; 3].map(Clone::clone), [false; 3], "http://site.example:8443".to_owned());
    assert_eq!(seen(&site).await, expected);
    site.end().await;
}
