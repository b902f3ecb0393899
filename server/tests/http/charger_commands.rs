//! Commands to chargers by the routes: given once, one of a kind at a time, and in the audit log as cards and admission are.

use crate::client::{Answer, Served};
use bmw_domain::charger::card::Card;
use bmw_domain::record::Identity;
use bmw_store::AuditEntry;
use bmw_testkit::charger::{Charger, Heard, frames};
use serde_json::{Value, json};
use std::time::Duration;

/// A charger that knows no answer: it is asked, and says nothing.
struct Silent(Charger);

impl Silent {
    async fn plug_in(site: &Served, identity: &str) -> Self {
        if site.running.site.charge_point(Some(identity)).is_none() {
            site.running.site.register_charge_point(Identity::new(identity).unwrap(), None).await.unwrap();
        }
        let mut charger = Charger::plug_in(site.addr(), identity).await.unwrap();
        charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
        Self(charger)
    }

    /// The next thing that it is asked for, and the call's id.
    async fn asked(&mut self) -> (String, String) {
        let Heard::Text(text) = self.0.hear().await.unwrap() else { panic!("it is closed") };
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame[0], 2, "{text}");
        (frame[1].as_str().unwrap().to_owned(), frame[2].as_str().unwrap().to_owned())
    }

    async fn accept(&mut self, id: &str) {
        self.0.say(format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#)).await.unwrap();
    }
}

/// A site that asks its chargers for nothing by itself.
async fn site() -> Served {
    Served::start(None, |config| config.ocpp.pause = Duration::from_mins(10)).await
}

async fn give(site: &Served, charger: &str, command: &str, key: Option<&str>) -> Answer {
    let body = json!({ "vchchargerid": charger, "command": command }).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key.unwrap_or_default())];
    let headers = if key.is_some() { &headers[..] } else { &headers[..1] };
    site.ask("POST", "/api/charger/command/", headers, body.as_bytes()).await
}

#[track_caller]
fn given(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["id"].as_i64().unwrap()
}

async fn becomes(site: &Served, id: i64, state: &str) {
    let mut changed = site.running.site.subscribe();
    loop {
        changed.mark_unchanged();
        let now = site.get(&format!("/api/charger/command/{id}/")).await.json();
        if now["state"] == state {
            return;
        }
        let change = tokio::time::timeout(Duration::from_mins(1), changed.changed()).await;
        change.unwrap_or_else(|_| panic!("it never was {state}: {now}")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_kind_is_pending_for_a_charger() {
    let site = site().await;
    let mut charger = Silent::plug_in(&site, "A").await;
    let _other = Silent::plug_in(&site, "B").await;
    let first = given(&give(&site, "A", "ClearCache", None).await);
    let (id, _) = charger.asked().await;
    let refused = give(&site, "A", "ClearCache", None).await;
    assert_eq!((refused.status, refused.detail().as_str()), (409, "A ClearCache is pending for this charger."));
    // Another kind waits for its turn, and another charger has nothing to do with it.
    given(&give(&site, "A", "GetLocalListVersion", None).await);
    given(&give(&site, "B", "ClearCache", None).await);
    charger.accept(&id).await;
    assert_eq!(charger.asked().await.1, "GetLocalListVersion");
    becomes(&site, first, "effective").await;
    given(&give(&site, "A", "ClearCache", None).await);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_again_with_its_key_reaches_the_charger_once() {
    let site = site().await;
    let mut charger = Silent::plug_in(&site, "A").await;
    for round in 0..10 {
        let key = format!("key-{round}");
        // At once, while it is pending, and when it is done.
        let (one, two) =
            tokio::join!(give(&site, "A", "ClearCache", Some(&key)), give(&site, "A", "ClearCache", Some(&key)));
        let id = given(&one);
        assert_eq!(given(&two), id);
        let (call, action) = charger.asked().await;
        assert_eq!(action, "ClearCache");
        assert_eq!(given(&give(&site, "A", "ClearCache", Some(&key)).await), id);
        charger.accept(&call).await;
        becomes(&site, id, "effective").await;
        assert_eq!(given(&give(&site, "A", "ClearCache", Some(&key)).await), id);
        // What it is asked for next is something else: the same was not sent again.
        let next = given(&give(&site, "A", "GetConfiguration", None).await);
        let (call, action) = charger.asked().await;
        assert_eq!(action, "GetConfiguration", "round {round}");
        charger.accept(&call).await;
        becomes(&site, next, "effective").await;
    }
    let commands = site.deeds().await;
    assert_eq!(commands.iter().filter(|entry| entry.action == "command.ClearCache").count(), 10, "each once");
    let other = give(&site, "A", "Reset", Some("key-0")).await;
    assert_eq!(other.status, 409, "a key is for one command");
    site.end().await;
}

/// Sends a form of a page.
async fn send(site: &Served, form: &str) {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let answer = site.ask("POST", "/fn/command", &headers, form.as_bytes()).await;
    assert_eq!(answer.status, 302, "{form}: {answer:?}");
    assert!(!answer.header("location").contains("refused"), "{form}: {answer:?}");
}

/// The newest entry of the audit log: who has done what, from what to what.
async fn newest(site: &Served) -> (String, Value, Value) {
    let AuditEntry { actor, origin, action, before, after, .. } = site.deeds().await.remove(0);
    assert_eq!((actor.as_str(), origin.as_str()), ("boss (api-token-auth)", "127.0.0.1"), "{action}");
    (action, serde_json::from_str(&before).unwrap(), serde_json::from_str(&after).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_in_the_audit_log_whoever_gives_them() {
    let site = site().await;
    let _charger = Silent::plug_in(&site, "A").await;
    given(&give(&site, "A", "RemoteStartTransaction", None).await);
    let arguments = json!({ "connectorId": 1, "idTag": "OPERATOR" });
    let told = json!({ "charger": "A", "arguments": arguments });
    assert_eq!(newest(&site).await, ("command.RemoteStartTransaction".to_owned(), Value::Null, told));
    send(&site, "back=/devices/&c0=A&command=Reset?type=Hard").await;
    let told = json!({ "charger": "A", "arguments": { "type": "Hard" } });
    assert_eq!(newest(&site).await, ("command.Reset".to_owned(), Value::Null, told));
    // What is refused was never given.
    assert_eq!(give(&site, "A", "Reset", None).await.status, 409);
    assert_eq!(give(&site, "A", "TriggerMessage", None).await.status, 400);
    assert_eq!(site.deeds().await.len(), 2);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_are_in_the_audit_log_as_they_were_and_are() {
    let site = site().await;
    let card = |tag: &str| serde_json::to_value(site.running.site.cards().get(tag).unwrap()).unwrap();
    let tags = |cards: &Value| {
        let cards: Vec<Card> = serde_json::from_value(cards.clone()).unwrap();
        cards.iter().map(|card| card.tag.to_string()).collect::<Vec<_>>()
    };
    send(&site, "back=/cards/&command=put-card&tag=Anna1&group=fleet").await;
    let entered = card("Anna1");
    assert_eq!(newest(&site).await, ("card.put".to_owned(), json!([]), json!([entered])));
    send(&site, "back=/cards/&command=block-card&tag=anna1").await;
    let blocked = card("Anna1");
    assert_ne!(entered, blocked);
    assert_eq!(newest(&site).await, ("card.put".to_owned(), json!([entered]), json!([blocked])));
    send(&site, "back=/cards/&command=cards-csv&csv=Anna1%0ABob").await;
    let (action, before, after) = newest(&site).await;
    assert_eq!((action.as_str(), &before), ("card.put", &json!([blocked])));
    assert_eq!(tags(&after), ["Anna1", "Bob"]);
    let last = card("Anna1");
    send(&site, "back=/cards/&command=remove-card&tag=ANNA1").await;
    assert_eq!(newest(&site).await, ("card.remove".to_owned(), last, Value::Null));
    assert_eq!(site.deeds().await.len(), 4);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_look_like_formulas_are_exported_safely_and_come_back_as_they_were() {
    let site = site().await;
    for fields in ["tag=%3D1%2B1&group=%40x&note=%2B49+30", "tag='A&note='%3D"] {
        send(&site, &format!("back=/cards/&command=put-card&{fields}")).await;
    }
    let cards = || site.running.site.cards().sorted().into_iter().cloned().collect::<Vec<_>>();
    let before = cards();
    let csv = String::from_utf8(site.get("/cards/export.csv").await.body).unwrap();
    assert!(csv.starts_with("\u{feff}tag,group,"), "{csv}");
    assert!(csv.contains("\r\n'=1+1,'@x,0,,'+49 30\r\n") && csv.contains("\r\n''A,,0,,''=\r\n"), "{csv}");
    let escaped: String = csv.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for tag in ["%3D1%2B1", "'A"] {
        send(&site, &format!("back=/cards/&command=remove-card&tag={tag}")).await;
    }
    assert!(cards().is_empty());
    send(&site, &format!("back=/cards/&command=cards-csv&csv={escaped}")).await;
    assert_eq!(cards(), before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_the_language_of_the_page() {
    let site = site().await;
    let _charger = Silent::plug_in(&site, "A").await;
    given(&give(&site, "A", "Reset", None).await);
    for (lang, told) in [("zh", "A：“复位”尚未完成。"), ("en", "A: “Reset” is pending.")] {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let headers = [form, ("accept", "text/html"), ("accept-language", lang)];
        let answer = site.ask("POST", "/fn/command", &headers, b"back=/devices/&c0=A&command=Reset").await;
        let page = site.ask("GET", answer.header("location"), &[("accept-language", lang)], b"").await;
        let page = String::from_utf8_lossy(&page.body);
        assert!(page.contains(told), "{lang}: {page}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admission_is_in_the_audit_log() {
    let site = site().await;
    Charger::turned_away(site.addr(), "NEW").await.unwrap();
    assert!(site.deeds().await.is_empty(), "nobody has done anything");
    send(&site, "back=/devices/&c0=NEW&command=admit").await;
    assert_eq!(newest(&site).await, ("charger.admit".to_owned(), Value::Null, json!("NEW")));
    assert!(Charger::plug_in(site.addr(), "NEW").await.is_ok());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_chargers_those_are_named_that_could_not_be_asked() {
    let site = site().await;
    let _charger = Silent::plug_in(&site, "A").await;
    site.running.site.register_charge_point(Identity::new("B").unwrap(), None).await.unwrap();
    // Where one uploads to is known of who is connected.
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let form = "back=/devices/&c0=A&c1=B&command=GetDiagnostics";
    let answer = site.ask("POST", "/fn/command", &headers, form.as_bytes()).await;
    for (lang, said) in [("en", "B: Address (URL): Fill this in"), ("zh", "B：地址（URL）：电桩未连接")] {
        let page = site.ask("GET", answer.header("location"), &[("accept-language", lang)], b"").await;
        let page = String::from_utf8_lossy(&page.body);
        assert!(page.contains(said), "{said}: {}", answer.header("location"));
    }
    let charger = site.running.site.charge_point(Some("A")).unwrap();
    assert_eq!(site.running.site.store().commands_of(charger.key, 10).await.unwrap().len(), 1);
    site.end().await;
}
