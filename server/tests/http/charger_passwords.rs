//! Passwords of chargers by the page and by the route, and a charger in software that is sent another one.

use crate::client::{Answer, Served};
use bmw_domain::account::Role;
use bmw_domain::charger::password::PasswordOrigin;
use bmw_domain::record::Identity;
use bmw_simulator::{Hands, Options, Unit};
use bmw_site::{Caller, PasswordState};
use serde_json::{Value, json};
use tokio::sync::watch;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
const TYPED: &str = "kF9-wuz2-pQx-7-Rm4";

async fn site() -> Served {
    let site = Served::empty().await;
    site.running.site.register_charge_point(Identity::new("CP 1").unwrap(), None).await.unwrap();
    site
}

fn state(site: &Served) -> PasswordState {
    let key = site.running.site.charge_point(Some("CP 1")).unwrap().key;
    site.running.site.charger_password(key, &Caller::terminal()).unwrap()
}

async fn press(site: &Served, fields: &str) -> Answer {
    let form = format!("charger_id=CP+1&{fields}");
    site.ask("POST", "/charger_password/", &[FORM, ("accept-language", "en")], form.as_bytes()).await
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

async fn page(site: &Served, language: &str) -> String {
    text(&site.ask("GET", "/charger_password/?charger_id=CP%201", &[("accept-language", language)], b"").await)
}

async fn ask(site: &Served, body: &Value) -> Answer {
    site.ask("POST", "/api/charger/password/", &[JSON], body.to_string().as_bytes()).await
}

/// A text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(found, _)| found)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sets_makes_and_removes_it_at_its_page() {
    let site = site().await;
    assert!(page(&site, "en").await.contains("It has none"));
    assert!(page(&site, "zh").await.contains("未设置"));
    let set = press(&site, &format!("deed=set&password={TYPED}")).await;
    assert_eq!((set.status, set.header("location")), (303, "/charger_password/?charger_id=CP%201&said=set"));
    assert_eq!(state(&site).holds.map(|(origin, _)| origin), Some(PasswordOrigin::Typed));
    for wrong in ["short", "with+a+space+in+the+middle", "aaaaaaaaaaaaaaaaaaaa", "passwordpassword", ""] {
        assert_eq!(press(&site, &format!("deed=set&password={wrong}")).await.status, 400, "{wrong}");
    }
    let shown = press(&site, "deed=random").await;
    let password = between(&text(&shown), "<code class=\"token\">", "</code>").to_owned();
    assert_eq!((shown.status, password.len()), (200, 40), "{}", text(&shown));
    assert_eq!(shown.header("cache-control"), "no-store");
    assert!(text(&shown).contains("<code>CP 1</code>"), "it says as whom");
    for language in ["en", "zh"] {
        let page = page(&site, language).await;
        assert!(!page.contains(&password) && !page.contains(TYPED), "it is shown once");
        assert!(!page.contains("<script"), "no script comes near it");
    }
    assert_eq!(state(&site).holds.map(|(origin, _)| origin), Some(PasswordOrigin::Random));
    assert_eq!(press(&site, "deed=remove").await.status, 303);
    assert_eq!(state(&site).holds, None);
    // Both are there for those who look for it.
    let details = text(&site.get("/details/?charger_id=CP%201").await);
    assert!(details.contains("href=\"/charger_password/?charger_id=CP%201\""), "{details}");
    let log = site.deeds().await;
    let actions: Vec<_> = log.iter().rev().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    let boss = |action| ("boss (api-token-auth)", action);
    assert_eq!(actions, [boss("charger.password.set"), boss("charger.password.set"), boss("charger.password.remove")]);
    assert!(!format!("{log:?}").contains(&password) && !format!("{log:?}").contains(TYPED));
    assert_eq!(press(&site, "deed=nonsense").await.status, 404);
    let nobody = site.ask("POST", "/charger_password/", &[FORM], b"charger_id=NONE&deed=random").await;
    assert_eq!(nobody.status, 404);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_do_the_same_by_a_route() {
    let site = site().await;
    let get = async || site.get("/api/charger/password/?charger_id=CP%201").await.json();
    let nothing = json!({ "vchchargerid": "CP 1", "origin": null, "since": null, "sent": null, "profile": null });
    assert_eq!(get().await, nothing);
    let made = ask(&site, &json!({ "vchchargerid": "CP 1", "action": "random" })).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    assert_eq!((made.json()["password"].as_str().map(str::len), &made.json()["command"]), (Some(40), &Value::Null));
    assert_eq!(get().await["origin"], "random");
    let set = ask(&site, &json!({ "vchchargerid": "CP 1", "action": "set", "password": TYPED })).await;
    assert_eq!(set.json(), json!({ "vchchargerid": "CP 1", "password": null, "command": null }));
    assert_eq!(get().await["origin"], "typed");
    let sent = ask(&site, &json!({ "vchchargerid": "CP 1", "action": "send" })).await;
    assert!(sent.json()["command"].is_i64(), "{sent:?}");
    assert_eq!(ask(&site, &json!({ "vchchargerid": "CP 1", "action": "remove" })).await.status, 200);
    assert_eq!(get().await, nothing);
    for (body, fields) in [
        (json!({}), &["action", "vchchargerid"][..]),
        (json!({ "vchchargerid": "CP 1", "action": "guess" }), &["action"]),
        (json!({ "vchchargerid": "CP 1", "action": "set" }), &["password"]),
        (json!({ "vchchargerid": "CP 1", "action": "set", "password": 5 }), &["password"]),
        (json!({ "vchchargerid": "CP 1", "action": "set", "password": "short" }), &["password"]),
    ] {
        assert_eq!(ask(&site, &body).await.wrong_fields(), fields, "{body}");
    }
    assert_eq!(ask(&site, &json!({ "vchchargerid": "NONE", "action": "random" })).await.status, 404);
    assert_eq!(site.get("/api/charger/password/?charger_id=NONE").await.status, 404);
    assert_eq!(site.get("/api/charger/password/").await.wrong_fields(), ["charger_id"]);
    let plain = site.ask("POST", "/api/charger/password/", &[FORM], b"{}").await;
    assert_eq!(plain.status, 415);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_commands_sees_no_secret_of_them() {
    let site = site().await;
    let give = async |command: &str, arguments: Value| {
        let body = json!({ "vchchargerid": "CP 1", "command": command, "arguments": arguments }).to_string();
        site.ask("POST", "/api/charger/command/", &[JSON], body.as_bytes()).await
    };
    let viewer = format!("Bearer {}", site.account("viewer", Role::Viewer).await);
    for (command, arguments, shown) in [
        ("GetDiagnostics", json!({ "location": "ftp://me:5ec2e7@host/" }), json!({ "location": "ftp://…@host/" })),
        (
            "ChangeConfiguration",
            json!({ "key": "WifiPassword", "value": "5ec2e7" }),
            json!({ "key": "WifiPassword", "value": "…" }),
        ),
    ] {
        let id = give(command, arguments).await.json()["id"].clone();
        let path = format!("/api/charger/command/{id}/");
        assert_eq!(site.ask("GET", &path, &[("authorization", &viewer)], b"").await.json()["arguments"], shown);
    }
    // That key is not for operators, and what they typed is not remembered by their browsers.
    let refused = give("ChangeConfiguration", json!({ "key": "AuthorizationKey", "value": "5ec2e7" })).await;
    assert_eq!(refused.wrong_fields(), ["key"]);
    let form = "command=ChangeConfiguration&c0=CP+1&back=/details/?charger_id=CP%25201&\
                ChangeConfiguration.key=AuthorizationKey&ChangeConfiguration.value=5ec2e7";
    let headers = [FORM, ("accept", "text/html")];
    let led = site.ask("POST", "/fn/command", &headers, form.as_bytes()).await;
    assert!(led.header("location").contains("AuthorizationKey"), "{led:?}");
    assert!(!led.header("location").contains("5ec2e7"), "{led:?}");
    assert!(!format!("{:?}", site.deeds().await).contains("5ec2e7"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_that_is_sent_another_one_comes_anew_with_it() {
    let site = site().await;
    let key = site.running.site.charge_point(Some("CP 1")).unwrap().key;
    site.running.site.set_charger_password(key, TYPED, &Caller::terminal()).await.unwrap();
    let unit = Unit {
        identity: "CP 1".to_owned(),
        model: "Simulated".to_owned(),
        vendor: "BMW".to_owned(),
        firmware: String::new(),
        phases: 1,
        amperes: 32.0,
        cars_a_day: 0.0,
        busy: 0.0,
        faults_a_day: 0.0,
        losses_a_day: 0.0,
        is_broken: false,
        ignores_limits: false,
    };
    let url = format!("ws://{}/ocpp", site.addr());
    let password = Some(TYPED.to_owned());
    let options = Options { url, roots: None, units: vec![unit], seed: 1, speed: 1.0, hour: Some(8.0), password };
    let ending = watch::Sender::new(false);
    let charger = tokio::spawn(bmw_simulator::run(options, Hands::default(), ending.subscribe()));
    let becomes = async |what: &str, is_so: fn(&PasswordState) -> bool| {
        let mut changed = site.running.site.subscribe();
        while !is_so(&state(&site)) {
            let change = tokio::time::timeout(std::time::Duration::from_mins(2), changed.changed()).await;
            change.unwrap_or_else(|_| panic!("it never was {what}: {:?}", state(&site))).unwrap();
        }
    };
    becomes("connected", |state| state.security.is_some_and(|it| it.profile() == 1)).await;
    assert!(page(&site, "en").await.contains("1: a password, in the clear"));
    let sent = press(&site, "deed=send").await;
    assert_eq!((sent.status, sent.header("location")), (303, "/charger_password/?charger_id=CP%201&said=sent"));
    let is_random = |state: &PasswordState| state.holds.is_some_and(|(origin, _)| origin == PasswordOrigin::Random);
    becomes("there with the new one", is_random).await;
    assert_eq!(state(&site).sent, None, "the old one holds no more");
    ending.send_replace(true);
    charger.await.unwrap();
    site.end().await;
}
