//! Connections: who comes in, who wins, who is alive.

use crate::site::Served;
use bmw_domain::charger::FindingKind;
use bmw_testkit::charger::{Charger, frames, moment};
use serde_json::json;
use std::time::Duration;

/// A heartbeat that a test can wait for.
const HEARTBEAT: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_percent_decoded_and_have_up_to_48_characters() {
    let site = Served::start(|_| {}).await;
    let longest = "x".repeat(48);
    for (path, identity) in [
        ("CP-1_a.b", "CP-1_a.b"),
        ("CP%201", "CP 1"),
        ("CP%201%2D%5F%2e/", "CP 1-_."),
        ("%E5%85%85%E7%94%B5", "充电"),
        (longest.as_str(), longest.as_str()),
    ] {
        site.add(identity).await;
        let mut charger = site.plug_in(path).await;
        charger.call("Heartbeat", &json!({})).await.unwrap();
        assert!(site.now(identity).is_online(), "{path}");
        charger.pull_out().await.unwrap();
        site.becomes(identity, "offline", |now| !now.is_online()).await;
    }
    for path in
        ["x".repeat(49), "%00".to_owned(), "%ff".to_owned(), "a%2Fb".to_owned(), "a/b".to_owned(), String::new()]
    {
        assert_eq!(Charger::turned_away(site.addr, &path).await.unwrap(), "status 404", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_turned_away_with_404_and_remembered() {
    let site = Served::start(|_| {}).await;
    assert_eq!(Charger::turned_away(site.addr, "NEW").await.unwrap(), "status 404");
    let joining = site.site.joining();
    assert_eq!((joining[0].identity.as_str(), joining[0].peer.as_deref()), ("NEW", Some("127.0.0.1")));
    site.add("NEW").await;
    site.plug_in("NEW").await.call("Heartbeat", &json!({})).await.unwrap();
    assert!(site.site.joining().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_registered_by_setting_also_when_it_comes_twice_at_once() {
    let site = Served::open().await;
    let (one, two) = tokio::join!(Charger::plug_in(site.addr, "NEW"), Charger::plug_in(site.addr, "NEW"));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(site.site.present().charge_points().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_common_subprotocol_finishes_the_handshake_without_one_and_closes() {
    let site = Served::open().await;
    let mut other = Charger::offering(site.addr, "A", Some("ocpp2.0.1, ocpp1.5")).await.unwrap();
    assert_eq!(other.subprotocol, None);
    let (code, _) = other.closed().await.unwrap().expect("it says why");
    assert_eq!(code, 1002);
    let ours = Charger::offering(site.addr, "A", Some("ocpp2.0.1, ocpp1.6")).await.unwrap();
    assert_eq!(ours.subprotocol.as_deref(), Some("ocpp1.6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_that_offers_no_subprotocol_is_taken_as_1_6() {
    let site = Served::open().await;
    let mut silent = Charger::offering(site.addr, "A", None).await.unwrap();
    assert_eq!(silent.subprotocol, None);
    silent.call("Heartbeat", &json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_that_offers_no_subprotocol_is_let_go_where_the_setting_says_so() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.needs_subprotocol = true;
    })
    .await;
    let mut silent = Charger::offering(site.addr, "A", None).await.unwrap();
    let (code, _) = silent.closed().await.unwrap().expect("it says why");
    assert_eq!(code, 1002);
    site.plug_in("A").await.call("Heartbeat", &json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered() {
    let site = Served::open().await;
    let mut charger = site.plug_in("A").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    charger.say_goodbye().await.unwrap();
    let (code, _) = charger.closed().await.unwrap().expect("an answer, and not only the end of the stream");
    assert_eq!(code, 1000);
    site.becomes("A", "offline", |now| !now.is_online()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_wins_and_the_old_ones_close_removes_only_itself() {
    let site = Served::open().await;
    let mut old = site.plug_in("A").await;
    old.call("BootNotification", &frames::boot()).await.unwrap();
    let mut new = site.plug_in("A").await;
    let (code, reason) = old.closed().await.unwrap().expect("it says why");
    assert_eq!((code, reason.as_str()), (1008, "connected anew"));
    // It is gone for the site as well: what is told after its end comes later.
    drop(old);
    new.call("Heartbeat", &json!({})).await.unwrap();
    assert!(site.now("A").is_online());
    let command = site.command("A", "ClearCache", json!({})).await;
    new.replies.insert("ClearCache".to_owned(), json!({ "status": "Accepted" }));
    while new.to_be_asked().await.unwrap().0 != "ClearCache" {}
    new.call("Heartbeat", &json!({})).await.unwrap();
    site.command_becomes(command, bmw_domain::command::CommandState::Effective).await;
    new.pull_out().await.unwrap();
    site.becomes("A", "offline", |now| !now.is_online()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reconnects_twice_at_once_again_and_again_and_one_connection_is_left() {
    let site = Served::open().await;
    for round in 0..20 {
        let (one, two, three) = tokio::join!(site.plug_in("A"), site.plug_in("A"), site.plug_in("A"));
        let mut alive = 0;
        for mut charger in [one, two, three] {
            // Who was replaced meanwhile has been told so, or is told now.
            if charger.call("Heartbeat", &json!({})).await.is_ok() {
                alive += usize::from(charger.call("Heartbeat", &json!({})).await.is_ok());
            }
            // Each goes without a word, the winner as well, in whatever order they won.
            drop(charger);
        }
        assert!(alive >= 1, "round {round}: one of them is the connection");
        site.becomes("A", "offline", |now| !now.is_online()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_frame_counts_as_alive_and_the_read_deadline_is_3_heartbeats() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.heartbeat = HEARTBEAT;
        options.pause = Duration::from_mins(10);
    })
    .await;
    let mut charger = loop {
        let mut charger = site.plug_in("A").await;
        let mut longest = Duration::ZERO;
        // Each pause is more than one heartbeat; together they are more than three.
        for frame in ["this is no frame", "", "", "[3,\"x\",{}]"] {
            let since = tokio::time::Instant::now();
            tokio::time::sleep(HEARTBEAT * 3 / 2).await;
            if frame.is_empty() {
                charger.ping().await.unwrap();
            } else {
                charger.say(frame).await.unwrap();
            }
            longest = longest.max(since.elapsed());
        }
        let answered = charger.call("Heartbeat", &json!({})).await;
        // Where the test itself was held up, it was silent.
        if answered.is_ok() || longest < HEARTBEAT * 5 / 2 {
            answered.unwrap();
            break charger;
        }
    };
    let silent_since = tokio::time::Instant::now();
    let (code, reason) = charger.closed().await.unwrap().expect("it says why");
    assert_eq!((code, reason.as_str()), (1008, "no sign of life"));
    assert!(silent_since.elapsed() >= HEARTBEAT * 5 / 2, "never before the third is missed");
    site.becomes("A", "offline", |now| !now.is_online()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_frame_is_the_newest_contact_and_no_message() {
    let site = patient().await;
    for (identity, frame) in [
        ("ping", None),
        ("none", Some("this is no frame")),
        ("refused", Some(r#"[2,"1","Dance",{}]"#)),
        ("broken", Some(r#"[2,"1"]"#)),
        ("unreadable", Some(r#"[2,"1","Authorize",{}]"#)),
        ("result", Some(r#"[3,"nobody asked",{}]"#)),
        ("error", Some(r#"[4,"nobody asked","GenericError","",{}]"#)),
    ] {
        let mut charger = site.plug_in(identity).await;
        charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
        let before = site.now(identity).last_contact();
        // The contact is told in ms: a few of them pass.
        tokio::time::sleep(Duration::from_millis(5)).await;
        match frame {
            Some(frame) => charger.say(frame).await.unwrap(),
            None => charger.ping().await.unwrap(),
        }
        if frame.is_some_and(|frame| frame.starts_with("[2,")) {
            assert!(charger.answer().await.unwrap().starts_with("[4,"), "{identity}");
        }
        site.becomes(identity, "in contact", |now| now.last_contact() > before).await;
        let now = site.now(identity);
        assert_eq!((now.state_name(), now.command()), (Some("Available"), Some("StatusNotification")), "{identity}");
        // That is told now and then, not of each of them.
        let version = now.version;
        for _ in 0..50 {
            charger.ping().await.unwrap();
        }
        charger.call("Heartbeat", &json!({})).await.unwrap();
        assert!(site.now(identity).version < version + 25, "{identity}");
    }
}

async fn patient() -> Served {
    Served::start(|options| {
        options.registers_unknown = true;
        options.pause = Duration::from_mins(10);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_measured_is_configured_as_far_as_the_charger_lets_it() {
    const ALL: &str = "Energy.Active.Import.Register,Current.Import,Current.Offered,Power.Active.Import";
    let site = patient().await;
    let changed = |key: &str, value: &str| ("ChangeConfiguration".to_owned(), json!({ "key": key, "value": value }));
    let sampled = |value: &str| changed("MeterValuesSampledData", value);
    let interval = changed("MeterValueSampleInterval", "60");
    for (identity, status, expected) in [
        ("accepts", "Accepted", vec![sampled(ALL), interval.clone()]),
        // Once more with less, and then no more.
        (
            "rejects",
            "Rejected",
            vec![sampled(ALL), sampled("Energy.Active.Import.Register,Current.Import"), interval.clone()],
        ),
        ("lacks", "NotSupported", vec![sampled(ALL), interval.clone()]),
    ] {
        let mut charger = site.plug_in(identity).await;
        charger.replies.insert("ChangeConfiguration".to_owned(), json!({ "status": status }));
        charger.replies.insert("ClearCache".to_owned(), json!({ "status": "Accepted" }));
        charger.call("BootNotification", &frames::boot()).await.unwrap();
        let mut asked = Vec::new();
        for _ in &expected {
            asked.push(charger.to_be_asked().await.unwrap());
        }
        assert_eq!(asked, expected, "{identity}");
        // What comes next is asked by somebody else.
        let command = site.command(identity, "ClearCache", json!({})).await;
        assert_eq!(charger.to_be_asked().await.unwrap().0, "ClearCache", "{identity}");
        site.command_becomes(command, bmw_domain::command::CommandState::Effective).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_long_after_it_was_asked_for_is_one_of_its_own() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.pause = Duration::from_mins(10);
        options.boot_patience = Duration::ZERO;
    })
    .await;
    let mut charger = site.plug_in("A").await;
    charger.replies.insert("TriggerMessage".to_owned(), json!({ "status": "Accepted" }));
    charger.call("StartTransaction", &frames::start(0, &moment(-60))).await.unwrap();
    let command = site.command("A", "TriggerMessage", json!({ "requestedMessage": "BootNotification" })).await;
    assert_eq!(charger.to_be_asked().await.unwrap(), trigger("BootNotification"));
    site.command_becomes(command, bmw_domain::command::CommandState::Accepted).await;
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    assert_eq!((site.now("A").state_name(), site.now("A").running.len()), (Some("BootUp"), 0));
    assert_eq!(bmw_ocpp::Options::default().boot_patience, Duration::from_mins(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reconnect_it_is_asked_once_after_a_pause_and_a_boot_that_we_triggered_ends_nothing() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.pause = Duration::from_millis(100);
    })
    .await;
    let mut charger = site.plug_in("A").await;
    charger.replies.insert("TriggerMessage".to_owned(), json!({ "status": "Accepted" }));
    assert_eq!(charger.to_be_asked().await.unwrap(), trigger("StatusNotification"));
    charger.call("StatusNotification", &frames::status(1, "Preparing")).await.unwrap();
    // No session is open: it may start anew.
    assert_eq!(charger.to_be_asked().await.unwrap(), trigger("BootNotification"));
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    assert_eq!(site.now("A").state_name(), Some("PreParing"), "a boot that we triggered leaves the state alone");
    assert_eq!(site.now("A").charge_point.vendor.as_deref(), Some("Vendor"));
    let started = charger.call("StartTransaction", &frames::start(0, &moment(-60))).await.unwrap();
    drop(charger);

    let mut charger = site.plug_in("A").await;
    charger.replies.insert("TriggerMessage".to_owned(), json!({ "status": "Accepted" }));
    assert_eq!(charger.to_be_asked().await.unwrap(), trigger("StatusNotification"));
    charger.call("StatusNotification", &frames::status(1, "Charging")).await.unwrap();
    charger.call("Heartbeat", &json!({})).await.unwrap();
    assert!(charger.asked.is_empty(), "a session is open: no boot is asked for");
    assert_eq!(site.now("A").running[0].transaction.id.0, started["transactionId"]);
    // A boot that nobody asked for ends it.
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    assert!(site.now("A").running.is_empty());
    assert_eq!(site.findings("A").await, [FindingKind::LostStop]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_of_its_own_is_not_asked_about() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.pause = Duration::from_millis(300);
    })
    .await;
    let mut charger = site.plug_in("A").await;
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    let asked: Vec<&str> = charger.asked.iter().map(|(action, _)| action.as_str()).collect();
    assert!(!asked.contains(&"TriggerMessage"), "{asked:?}");
    assert!(asked.iter().all(|action| *action == "ChangeConfiguration"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_is_refused_makes_the_next_boot_one_of_its_own() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.pause = Duration::from_millis(100);
    })
    .await;
    let mut charger = site.plug_in("A").await;
    charger.replies.insert("TriggerMessage".to_owned(), json!({ "status": "NotImplemented" }));
    assert_eq!(charger.to_be_asked().await.unwrap(), trigger("StatusNotification"));
    assert_eq!(charger.to_be_asked().await.unwrap(), trigger("BootNotification"));
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    assert_eq!(site.now("A").state_name(), Some("BootUp"));
}

fn trigger(message: &str) -> (String, serde_json::Value) {
    ("TriggerMessage".to_owned(), json!({ "requestedMessage": message }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_charger_vanishes_in_a_session_and_goes_on_with_it() {
    let site = Served::open().await;
    let mut charger = site.plug_in("A").await;
    let began = moment(-3_600);
    let started = charger.call("StartTransaction", &frames::start(1_000, &began)).await.unwrap();
    let id = started["transactionId"].as_i64().unwrap();
    charger.call("MeterValues", &frames::meter(id, 2_000, &moment(-1_800))).await.unwrap();
    // The connection is cut while a message is on its way.
    charger.send("MeterValues", &frames::meter(id, 2_500, &moment(-1_200))).await.unwrap();
    drop(charger);
    site.becomes("A", "offline", |now| !now.is_online()).await;
    assert_eq!(site.now("A").state_name(), Some("Charging"), "losing the connection does not change the state");
    assert_eq!(site.now("A").running.len(), 1);

    let mut charger = site.plug_in("A").await;
    let again = charger.call("StartTransaction", &frames::start(1_000, &began)).await.unwrap();
    assert_eq!(again["transactionId"], id);
    charger.call("MeterValues", &frames::meter(id, 3_000, &moment(-600))).await.unwrap();
    assert_eq!(site.now("A").running[0].transaction.energy.wh(), 2_000);
    let stop = frames::stop(id, 3_500, &moment(0));
    charger.send("StopTransaction", &stop).await.unwrap();
    drop(charger);
    let mut charger = site.plug_in("A").await;
    charger.call("StopTransaction", &stop).await.unwrap();
    charger.call("StopTransaction", &stop).await.unwrap();
    assert_eq!(site.now("A").charge_point.total_energy.unwrap().wh(), 2_500);
    assert_eq!(site.sessions("A").await.len(), 1);
    assert!(site.findings("A").await.is_empty());
}
