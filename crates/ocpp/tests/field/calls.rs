//! Calls in both directions.

use crate::site::Served;
use bmw_domain::command::CommandState;
use bmw_domain::energy::Energy;
use bmw_testkit::charger::{Charger, Heard, frames, moment};
use serde_json::{Value, json};
use std::time::Duration;

/// The next call of the central system's, which is left without an answer: its id and its action.
pub async fn unanswered(charger: &mut Charger) -> (String, String) {
    loop {
        let Heard::Text(text) = charger.hear().await.unwrap() else { panic!("it is closed") };
        let frame: Value = serde_json::from_str(&text).unwrap();
        if frame[0] == 2 {
            return (frame[1].as_str().unwrap().to_owned(), frame[2].as_str().unwrap().to_owned());
        }
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
async fn one_call_of_ours_is_outstanding_and_crossing_calls_are_answered_meanwhile() {
    let site = patient().await;
    let mut charger = site.plug_in("A").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    let first = site.command("A", "ClearCache", json!({})).await;
    let second = site.command("A", "GetLocalListVersion", json!({})).await;
    let (id, action) = unanswered(&mut charger).await;
    assert!(["ClearCache", "GetLocalListVersion"].contains(&action.as_str()));
    // It asks itself, and is answered, while it owes an answer; nothing else is asked of it.
    let started = charger.call("StartTransaction", &frames::start(0, &moment(0))).await.unwrap();
    assert!(started["transactionId"].as_i64().unwrap() > 0);
    charger.call("Heartbeat", &json!({})).await.unwrap();
    assert!(charger.asked.is_empty());
    // An answer to something else is none.
    charger.say(r#"[3,"another",{"status":"Accepted"}]"#).await.unwrap();
    charger.call("Heartbeat", &json!({})).await.unwrap();
    assert!(charger.asked.is_empty());
    charger.say(format!(r#"[3,"{id}",{{"status":"Accepted","listVersion":1}}]"#)).await.unwrap();
    let (other_id, other) = unanswered(&mut charger).await;
    assert_ne!((&action, &id), (&other, &other_id));
    charger.say(format!(r#"[3,"{other_id}",{{"status":"Accepted","listVersion":1}}]"#)).await.unwrap();
    for command in [first, second] {
        site.command_becomes(command, CommandState::Effective).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_never_answered_times_out_and_the_next_one_is_sent() {
    let site = Served::start(|options| {
        options.registers_unknown = true;
        options.pause = Duration::from_mins(10);
        options.patience = Duration::from_millis(300);
    })
    .await;
    let mut charger = site.plug_in("A").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    let first = site.command("A", "ClearCache", json!({})).await;
    let (id, _) = unanswered(&mut charger).await;
    site.command_becomes(first, CommandState::TimedOut).await;
    let second = site.command("A", "GetConfiguration", json!({})).await;
    let (second_id, action) = unanswered(&mut charger).await;
    assert_eq!(action, "GetConfiguration");
    assert_ne!(id, second_id);
    // The late answer to the first is not that to the second.
    charger.say(format!(r#"[3,"{id}",{{"status":"Rejected"}}]"#)).await.unwrap();
    charger.say(format!(r#"[3,"{second_id}",{{"configurationKey":[]}}]"#)).await.unwrap();
    site.command_becomes(second, CommandState::Effective).await;
    assert_eq!(bmw_ocpp::Options::default().patience, Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_it_accepts_are_the_most_that_it_may_draw() {
    let site = patient().await;
    let mut charger = site.plug_in("A").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    let profile = |amperes: i32| {
        json!({ "connectorId": 0, "csChargingProfiles": {
            "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute", "chargingSchedule": {
                "startSchedule": moment(-60), "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": amperes }],
            },
        } })
    };
    for (action, arguments, status, most) in [
        ("SetChargingProfile", profile(10), "Accepted", Some(10)),
        ("SetChargingProfile", profile(6), "Rejected", Some(10)),
        ("ClearChargingProfile", json!({ "id": 1 }), "Unknown", Some(10)),
        ("ClearChargingProfile", json!({ "id": 1 }), "Accepted", None),
    ] {
        let is_accepted = status == "Accepted";
        charger.replies.insert(action.to_owned(), json!({ "status": status }));
        let command = site.command("A", action, arguments).await;
        assert_eq!(charger.to_be_asked().await.unwrap().0, action);
        let state = if is_accepted { CommandState::Effective } else { CommandState::Rejected };
        site.command_becomes(command, state).await;
        assert_eq!(site.now("A").state.as_ref().unwrap().current_limit, most, "{action} {status}");
        if is_accepted {
            assert_eq!(site.now("A").command(), Some(action));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_unique_for_a_socket_only() {
    let site = patient().await;
    let mut one = site.plug_in("A").await;
    let mut two = site.plug_in("B").await;
    // The same id on two sockets, and twice on one.
    for charger in [&mut one, &mut two] {
        for _ in 0..2 {
            charger.say(r#"[2,"same","Heartbeat",{}]"#).await.unwrap();
            assert!(charger.answer().await.unwrap().starts_with(r#"[3,"same",{"#));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_in_every_spelling_is_a_refusal() {
    let site = patient().await;
    let mut charger = site.plug_in("A").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    for code in [
        "NotImplemented",
        "NotSupported",
        "ProtocolError",
        "InternalError",
        "SecurityError",
        "GenericError",
        "FormationViolation",
        "FormatViolation",
        "TypeConstraintViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
        "SomethingOfTheirOwn",
    ] {
        let command = site.command("A", "ClearCache", json!({})).await;
        let (id, _) = unanswered(&mut charger).await;
        charger.say(format!(r#"[4,"{id}","{code}","no",{{}}]"#)).await.unwrap();
        let result = site.command_becomes(command, CommandState::Failed).await.unwrap();
        assert!(result.contains(code), "{result}");
    }
    // Neither a code nor anything else.
    let command = site.command("A", "ClearCache", json!({})).await;
    let (id, _) = unanswered(&mut charger).await;
    charger.say(format!(r#"[4,"{id}"]"#)).await.unwrap();
    site.command_becomes(command, CommandState::Failed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_or_missing_payload_of_a_result_is_an_empty_object() {
    let site = patient().await;
    let mut charger = site.plug_in("A").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    for payload in [",null", "", ",[]", ",{}"] {
        let command = site.command("A", "GetConfiguration", json!({})).await;
        let (id, _) = unanswered(&mut charger).await;
        charger.say(format!(r#"[3,"{id}"{payload}]"#)).await.unwrap();
        let result = site.command_becomes(command, CommandState::Effective).await;
        assert_eq!(result.as_deref(), Some("{}"), "{payload}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_that_sends_500_queued_messages_at_once_is_answered_in_order() {
    let site = patient().await;
    let mut charger = site.plug_in("A").await;
    let hour = |number: i64, minutes: i64| {
        bmw_testkit::charger::written(1_750_000_000_000 + number * 3_600_000 + minutes * 60_000)
    };
    let mut ids = Vec::new();
    for number in 0..125 {
        // Whose start was not answered yet: a charger that keeps its queue does not know the number.
        let (transaction, register) = (number + 1, number * 1_000);
        for (action, payload) in [
            ("StartTransaction", frames::start(register, &hour(number, 0))),
            ("MeterValues", frames::meter(transaction, register + 200, &hour(number, 10))),
            ("MeterValues", frames::meter(transaction, register + 400, &hour(number, 20))),
            ("StopTransaction", frames::stop(transaction, register + 700, &hour(number, 30))),
        ] {
            ids.push(charger.send(action, &payload).await.unwrap());
        }
    }
    assert_eq!(ids.len(), 500);
    let mut transactions = Vec::new();
    for id in ids {
        let answer: Value = serde_json::from_str(&charger.answer().await.unwrap()).unwrap();
        assert_eq!((&answer[0], &answer[1]), (&json!(3), &json!(id)), "{answer}");
        transactions.extend(answer[2]["transactionId"].as_i64());
    }
    assert_eq!(transactions, (1..=125).collect::<Vec<_>>());
    let sessions = site.sessions("A").await;
    assert_eq!(sessions.len(), 125);
    assert!(sessions.iter().all(|session| session.energy.wh() == 700 && session.finished_at.is_some()));
    for session in &sessions {
        let values = site.store.meter_values_of(session.id).await.unwrap();
        let energies: Vec<_> = values.iter().map(|value| value.energy.map(Energy::wh)).collect();
        assert_eq!(energies, [Some(200), Some(400)], "{}", session.id.0);
    }
    assert_eq!(site.now("A").charge_point.total_energy.unwrap().wh(), 125 * 700);
    assert!(site.findings("A").await.is_empty());
}
