//! Commands: what a charge point says about them, and what is seen of them.

use crate::calls::unanswered;
use crate::site::{Served, Setup};
use bmw_domain::charger::card::{Card, IdTag};
use bmw_domain::command::Action;
use bmw_domain::command::CommandState::{self, Accepted, Effective, Failed, NoEffect, Queued, Sent};
use bmw_site::Caller;
use bmw_testkit::charger::{Charger, frames, moment};
use serde_json::{Value, json};
use std::time::Duration;

/// A site that asks for nothing by itself.
fn quiet(setup: &mut Setup) {
    setup.ocpp.registers_unknown = true;
    setup.ocpp.pause = Duration::from_mins(10);
}

/// One that waits for no effect.
fn impatient(setup: &mut Setup) {
    quiet(setup);
    setup.patience = Some(Duration::from_millis(50));
}

/// A charge point that is there, and does whatever it is told.
async fn obedient(site: &Served) -> Charger {
    let mut charger = site.plug_in("A").await;
    for action in ["TriggerMessage", "Reset", "RemoteStartTransaction", "ReserveNow", "ChangeAvailability"] {
        charger.replies.insert(action.to_owned(), json!({ "status": "Accepted" }));
    }
    charger.replies.insert("UpdateFirmware".to_owned(), json!({}));
    charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    charger
}

/// Waits until the charge point is asked for something, and answers it.
async fn asked(charger: &mut Charger, action: &str) -> Value {
    loop {
        let (asked, payload) = charger.to_be_asked().await.unwrap();
        if asked == action {
            return payload;
        }
    }
}

/// Waits until it is asked for something, and leaves that without an answer: the call's id. All else is accepted.
async fn owing(charger: &mut Charger, action: &str) -> String {
    loop {
        let (id, asked) = unanswered(charger).await;
        if asked == action {
            return id;
        }
        charger.say(format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#)).await.unwrap();
    }
}

async fn states(site: &Served, command: i64) -> Vec<CommandState> {
    let command = site.commands.find(command, &Caller::terminal()).await.unwrap().unwrap();
    command.history.into_iter().map(|(state, _)| state).collect()
}

fn caller() -> Caller {
    Caller::terminal()
}

/// What must be said with a command, where anything must.
fn least(action: Action) -> Value {
    let profile = json!({
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative",
        "chargingSchedule": { "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 16.0 }] },
    });
    match action {
        Action::CancelReservation => json!({ "reservationId": 7 }),
        Action::ChangeAvailability => json!({ "type": "Operative" }),
        Action::ChangeConfiguration => json!({ "key": "HeartbeatInterval", "value": "60" }),
        Action::DataTransfer => json!({ "vendorId": "V" }),
        Action::GetDiagnostics | Action::UpdateFirmware => json!({ "location": "ftp://10.0.0.1/" }),
        Action::RemoteStopTransaction => json!({ "transactionId": 5 }),
        Action::ReserveNow => json!({ "expiryDate": moment(3_600) }),
        Action::SetChargingProfile => json!({ "csChargingProfiles": profile }),
        Action::TriggerMessage => json!({ "requestedMessage": "Heartbeat" }),
        Action::ClearCache
        | Action::ClearChargingProfile
        | Action::GetCompositeSchedule
        | Action::GetConfiguration
        | Action::GetLocalListVersion
        | Action::RemoteStartTransaction
        | Action::Reset
        | Action::SendLocalList
        | Action::UnlockConnector => json!({}),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_asked_for_by_its_name_and_with_its_payload() {
    let site = Served::set_up(quiet).await;
    let mut charger = site.plug_in("A").await;
    charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    for (action, name) in Action::ALL {
        // It refuses all of them: the call and its answer are what is looked at.
        let given = least(action);
        let command = site.command("A", name, given.clone()).await;
        let (asked, payload) = charger.to_be_asked().await.unwrap();
        assert_eq!(asked, name);
        for (field, value) in given.as_object().unwrap() {
            assert_eq!(&payload[field], value, "{name}");
        }
        site.command_becomes(command, Failed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_after_an_acceptance_comes_after_it() {
    let site = Served::set_up(quiet).await;
    let mut charger = site.plug_in("A").await;
    charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    for round in 0..20 {
        let command = site.command("A", "RemoteStartTransaction", json!({})).await;
        let (id, _) = unanswered(&mut charger).await;
        charger.say(format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#)).await.unwrap();
        charger.call("StatusNotification", &frames::status(1, "Preparing")).await.unwrap();
        site.command_becomes(command, Accepted).await;
        assert_eq!(site.now("A").state_name(), Some("PreParing"), "round {round}");
        charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_right_after_its_acceptance_ends_a_reset() {
    let site = Served::set_up(quiet).await;
    let mut charger = site.plug_in("A").await;
    for round in 0..20 {
        let command = site.command("A", "Reset", json!({})).await;
        let id = owing(&mut charger, "Reset").await;
        charger.say(format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#)).await.unwrap();
        charger.call("BootNotification", &frames::boot()).await.unwrap();
        site.command_becomes(command, Effective).await;
        assert_eq!(site.now("A").state_name(), Some("BootUp"), "round {round}");
        assert_eq!(states(&site, command).await, [Queued, Sent, Accepted, Effective]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_is_quicker_than_its_answer_is_seen_by_its_boot() {
    let site = Served::set_up(|setup| {
        setup.ocpp.registers_unknown = true;
        setup.ocpp.pause = Duration::from_millis(50);
    })
    .await;
    let mut charger = obedient(&site).await;
    let command = site.command("A", "Reset", json!({ "type": "Hard" })).await;
    owing(&mut charger, "Reset").await;
    drop(charger);
    // That it comes back says nothing yet, nor does a boot that the site asked for.
    let mut charger = obedient(&site).await;
    while asked(&mut charger, "TriggerMessage").await["requestedMessage"] != "BootNotification" {}
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    let other = site.command("A", "TriggerMessage", json!({ "requestedMessage": "Heartbeat" })).await;
    asked(&mut charger, "TriggerMessage").await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
    site.command_becomes(other, Effective).await;
    assert_eq!(states(&site, command).await, [Queued, Sent]);
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    site.command_becomes(command, Effective).await;
    assert_eq!(states(&site, command).await, [Queued, Sent, Accepted, Effective]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_without_answer_and_without_boot_has_failed() {
    let site = Served::set_up(impatient).await;
    let mut charger = obedient(&site).await;
    let command = site.command("A", "Reset", json!({})).await;
    owing(&mut charger, "Reset").await;
    drop(charger);
    let result = site.command_becomes(command, Failed).await.unwrap();
    assert!(result.contains("connection lost"), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_seen_in_time_has_no_effect() {
    let site = Served::set_up(impatient).await;
    let mut charger = obedient(&site).await;
    for (action, arguments) in [
        ("TriggerMessage", json!({ "requestedMessage": "MeterValues" })),
        ("RemoteStartTransaction", json!({})),
        ("ChangeAvailability", json!({ "type": "Inoperative" })),
        ("Reset", json!({})),
    ] {
        let command = site.command("A", action, arguments).await;
        asked(&mut charger, action).await;
        site.command_becomes(command, NoEffect).await;
        assert_eq!(states(&site, command).await, [Queued, Sent, Accepted, NoEffect], "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_seen_by_its_end() {
    let site = Served::set_up(quiet).await;
    let mut charger = obedient(&site).await;
    for (told, state) in [
        (&["Downloading", "DownloadFailed"][..], NoEffect),
        (&["Downloading", "Downloaded", "Installing", "InstallationFailed"], NoEffect),
        (&["Downloading", "Downloaded", "Installing", "Installed"], Effective),
    ] {
        let command = site.command("A", "UpdateFirmware", json!({ "location": "http://10.0.0.1/fw" })).await;
        asked(&mut charger, "UpdateFirmware").await;
        for status in told {
            charger.call("FirmwareStatusNotification", &json!({ "status": status })).await.unwrap();
        }
        site.command_becomes(command, state).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_is_seen_by_the_status() {
    let site = Served::set_up(quiet).await;
    let mut charger = obedient(&site).await;
    for (arguments, connector, status) in [
        (json!({ "type": "Inoperative" }), 1, "Unavailable"),
        (json!({ "type": "Operative" }), 1, "Available"),
        // The whole speaks for all.
        (json!({ "type": "Inoperative", "connectorId": 0 }), 0, "Unavailable"),
    ] {
        let command = site.command("A", "ChangeAvailability", arguments).await;
        asked(&mut charger, "ChangeAvailability").await;
        site.command_becomes(command, Accepted).await;
        charger.call("StatusNotification", &frames::status(connector, status)).await.unwrap();
        site.command_becomes(command, Effective).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_is_watched_until_the_session_has_ended() {
    let site = Served::set_up(|setup| {
        quiet(setup);
        setup.patience = Some(Duration::from_secs(2));
    })
    .await;
    let mut charger = obedient(&site).await;
    charger.replies.insert("ChangeAvailability".to_owned(), json!({ "status": "Scheduled" }));
    let started = charger.call("StartTransaction", &frames::start(0, &moment(0))).await.unwrap();
    let command = site.command("A", "ChangeAvailability", json!({ "type": "Inoperative" })).await;
    asked(&mut charger, "ChangeAvailability").await;
    site.command_becomes(command, Accepted).await;
    // As long as any other command is watched, and longer.
    let other = site.command("A", "TriggerMessage", json!({ "requestedMessage": "MeterValues" })).await;
    asked(&mut charger, "TriggerMessage").await;
    site.command_becomes(other, NoEffect).await;
    assert_eq!(states(&site, command).await, [Queued, Sent, Accepted]);
    let stop = frames::stop(started["transactionId"].as_i64().unwrap(), 10, &moment(0));
    charger.send("StopTransaction", &stop).await.unwrap();
    charger.send("StatusNotification", &frames::status(1, "Unavailable")).await.unwrap();
    site.command_becomes(command, Effective).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_and_not_done_after_the_session_has_no_effect() {
    let site = Served::set_up(impatient).await;
    let mut charger = obedient(&site).await;
    charger.replies.insert("ChangeAvailability".to_owned(), json!({ "status": "Scheduled" }));
    let started = charger.call("StartTransaction", &frames::start(0, &moment(0))).await.unwrap();
    let command = site.command("A", "ChangeAvailability", json!({ "type": "Inoperative" })).await;
    asked(&mut charger, "ChangeAvailability").await;
    site.command_becomes(command, Accepted).await;
    let stop = frames::stop(started["transactionId"].as_i64().unwrap(), 10, &moment(0));
    charger.call("StopTransaction", &stop).await.unwrap();
    site.command_becomes(command, NoEffect).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_seen_by_the_status_and_of_no_connector_by_its_answer() {
    let site = Served::set_up(quiet).await;
    let mut charger = obedient(&site).await;
    let any = site.command("A", "ReserveNow", json!({ "connectorId": 0, "expiryDate": moment(3_600) })).await;
    asked(&mut charger, "ReserveNow").await;
    site.command_becomes(any, Effective).await;
    let one = site.command("A", "ReserveNow", json!({ "expiryDate": moment(3_600) })).await;
    asked(&mut charger, "ReserveNow").await;
    site.command_becomes(one, Accepted).await;
    charger.call("StatusNotification", &frames::status(1, "Reserved")).await.unwrap();
    site.command_becomes(one, Effective).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_watched_further_after_a_restart() {
    let site = Served::set_up(quiet).await;
    let mut charger = obedient(&site).await;
    let start = site.command("A", "RemoteStartTransaction", json!({})).await;
    asked(&mut charger, "RemoteStartTransaction").await;
    site.command_becomes(start, Accepted).await;
    let reset = site.command("A", "Reset", json!({})).await;
    asked(&mut charger, "Reset").await;
    site.command_becomes(reset, Accepted).await;
    // It never says what becomes of this one.
    let sent = site.command("A", "ClearCache", json!({})).await;
    owing(&mut charger, "ClearCache").await;
    site.command_becomes(sent, Sent).await;
    drop(charger);

    let site = site.restart(quiet).await;
    assert_eq!(states(&site, start).await, [Queued, Sent, Accepted]);
    assert_eq!(states(&site, sent).await, [Queued, Sent, Failed]);
    let mut charger = site.plug_in("A").await;
    charger.call("BootNotification", &frames::boot()).await.unwrap();
    site.command_becomes(reset, Effective).await;
    charger.call("StartTransaction", &frames::start(0, &moment(0))).await.unwrap();
    site.command_becomes(start, Effective).await;
    assert_eq!(states(&site, start).await, [Queued, Sent, Accepted, Effective]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_starts_is_not_refused_for_want_of_a_card() {
    let site = Served::set_up(|setup| {
        quiet(setup);
        setup.site.rejects_unknown_cards = true;
    })
    .await;
    let mut charger = obedient(&site).await;
    let command = site.command("A", "RemoteStartTransaction", json!({})).await;
    let tag = asked(&mut charger, "RemoteStartTransaction").await["idTag"].clone();
    let authorize = async |charger: &mut Charger, tag: &Value| {
        let told = charger.call("Authorize", &json!({ "idTag": tag })).await.unwrap();
        told["idTagInfo"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(authorize(&mut charger, &tag).await, "Accepted");
    assert_eq!(authorize(&mut charger, &"STRANGER".into()).await, "Invalid");
    let mut start = frames::start(0, &moment(0));
    start["idTag"] = tag.clone();
    let started = charger.call("StartTransaction", &start).await.unwrap();
    assert_eq!(started["idTagInfo"]["status"], "Accepted");
    site.command_becomes(command, Effective).await;
    // A card of that name is one like any other.
    let tag_of_card = IdTag::new("operator").unwrap();
    let card = Card { tag: tag_of_card, group: None, is_blocked: true, expires_at: None, note: String::new() };
    site.site.put_cards(vec![card], &caller()).await.unwrap();
    assert_eq!(authorize(&mut charger, &tag).await, "Blocked");
}
