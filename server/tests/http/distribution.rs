//! The distribution of the site's current: what charge points are told, what programs and people see of it, and what is refused.

use crate::client::{Answer, Served};
use bmw_domain::distribution::{LIVE_ID, SAFE_ID};
use bmw_domain::record::Identity;
use bmw_testkit::charger::{Charger, moment};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// Only what never comes takes so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A site of one charge point, of 20 A on each phase.
async fn site() -> Served {
    let site = Served::empty().await;
    site.running.site.register_charge_point(Identity::new("CP1").unwrap(), None).await.unwrap();
    set(&site, true, 20).await;
    site
}

fn settings(is_on: bool, limit: u32) -> Value {
    json!({
        "vchcardreadercom": "Com1", "yeainstallyear": "2015", "intinstallmonth": 9, "blncurrentdistribution": u8::from(is_on),
        "vchpowermetercom": "Com4", "vchpowersequence": "ABC", "intcurrency": 86, "dblchargingdeductionpower": 3.0,
        "intchargingdeductionminute": 120, "intdeductionprioritypower": 2, "intdeductionpriorityminute": 1,
        "dblpowercoefficient": 0.001, "blninternaltesting": 0, "intmaxcurrenta": limit, "intmaxcurrentb": limit,
        "intmaxcurrentc": limit,
    })
}

async fn set(site: &Served, is_on: bool, limit: u32) {
    let answer = post(site, "/api/basic/settings/", &settings(is_on, limit)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn post(site: &Served, path: &str, body: &Value) -> Answer {
    site.ask("POST", path, &[JSON], body.to_string().as_bytes()).await
}

/// Asks for the distribution until it is so.
async fn until(site: &Served, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = site.get("/api/distribution/").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.json();
        if is_so(&told) {
            return told;
        }
        assert!(begun.elapsed() < PATIENCE, "{told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A charge point that takes limits, and says which holds.
async fn plugged(site: &Served, limit: f64) -> Charger {
    let mut charger = Charger::plug_in(site.addr(), "CP1").await.unwrap();
    for action in ["SetChargingProfile", "ClearChargingProfile", "TriggerMessage", "ChangeConfiguration"] {
        charger.replies.insert(action.to_owned(), json!({ "status": "Accepted" }));
    }
    charger.replies.insert("GetCompositeSchedule".to_owned(), composite(limit));
    charger
}

fn composite(limit: f64) -> Value {
    json!({ "status": "Accepted", "connectorId": 1, "chargingSchedule": {
        "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit }],
    } })
}

/// Waits until it is told something, and gives that.
async fn asked(charger: &mut Charger, action: &str) -> Value {
    loop {
        let (asked, payload) = charger.to_be_asked().await.unwrap();
        if asked == action {
            return payload;
        }
    }
}

/// Waits until it is told a limit of this number, and gives its amperes.
async fn told(charger: &mut Charger, id: i32) -> f64 {
    loop {
        let profile = asked(charger, "SetChargingProfile").await["csChargingProfiles"].clone();
        if profile["chargingProfileId"] == id {
            return profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"].as_f64().unwrap();
        }
    }
}

async fn begin(charger: &mut Charger) -> Value {
    let start = json!({ "connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": moment(0) });
    charger.call("StartTransaction", &start).await.unwrap()["transactionId"].clone()
}

async fn measure(charger: &mut Charger, transaction: &Value, amperes: f64) {
    let sample = |phase: &str| json!({ "value": amperes.to_string(), "measurand": "Current.Import", "unit": "A", "phase": phase });
    let values = json!({ "connectorId": 1, "transactionId": transaction, "meterValue": [
        { "timestamp": moment(0), "sampledValue": [sample("L1"), sample("L2"), sample("L3")] },
    ] });
    charger.call("MeterValues", &values).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_is_held_and_everybody_sees_why() {
    let site = site().await;
    let mut charger = plugged(&site, 0.0).await;
    assert!(told(&mut charger, SAFE_ID).await.abs() < 1e-9, "nothing, as nobody has said another safe current");
    asked(&mut charger, "GetCompositeSchedule").await;
    let transaction = begin(&mut charger).await;
    assert!((told(&mut charger, LIVE_ID + 1).await - 6.0).abs() < 1e-9, "first the least");
    charger.replies.insert("GetCompositeSchedule".to_owned(), composite(6.0));
    // Up to all but the headroom, step by step: 6, 9, 12, …
    assert!((told(&mut charger, LIVE_ID + 1).await - 9.0).abs() < 1e-9);
    measure(&mut charger, &transaction, 8.7).await;
    let plan = until(&site, |plan| plan["chargers"][0]["told"] == 9.0).await;
    assert_eq!(
        (&plan["on"], &plan["chargers"][0]["planned"], &plan["chargers"][0]["reason"]),
        (&json!(true), &json!(19.0), &json!("rises step by step"))
    );
    assert_eq!((&plan["phases"][0]["limit"], &plan["phases"][0]["allocated"]), (&json!(20.0), &json!(9.0)));
    // A lower limit is told at once, and what that frees is free when it was seen.
    set(&site, true, 8).await;
    assert!((told(&mut charger, LIVE_ID + 1).await - 7.0).abs() < 1e-9);
    until(&site, |plan| plan["chargers"][0]["may"] == 9.0).await;
    let details = String::from_utf8(site.get("/details/?charger_id=CP1").await.body).unwrap();
    assert!(details.contains("7 A") && details.contains("/distribution/"), "{details}");
    asked(&mut charger, "TriggerMessage").await;
    measure(&mut charger, &transaction, 7.0).await;
    let plan = until(&site, |plan| plan["chargers"][0]["may"] == 7.0).await;
    assert_eq!(plan["chargers"][0]["reason"], "phase A is full");
    // One that draws more all the same is not trusted any more.
    let begun = Instant::now();
    loop {
        measure(&mut charger, &transaction, 16.0).await;
        let plan = site.get("/api/distribution/").await.json();
        if plan["chargers"][0]["may"] == 32.0 {
            assert_eq!(plan["chargers"][0]["reason"], "limit unverified: reserves 32\u{202f}A");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{plan}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Switched off, nothing of it stays behind.
    set(&site, false, 20).await;
    let mut cleared = vec![asked(&mut charger, "ClearChargingProfile").await["id"].clone()];
    cleared.push(asked(&mut charger, "ClearChargingProfile").await["id"].clone());
    cleared.sort_by_key(Value::as_i64);
    assert_eq!(cleared, [json!(SAFE_ID), json!(LIVE_ID + 1)]);
    let plan = until(&site, |plan| plan["on"] == false).await;
    assert_eq!(plan["chargers"], json!([]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_keep_to_limits_is_known_after_a_restart() {
    let site = site().await;
    let mut charger = plugged(&site, 0.0).await;
    told(&mut charger, SAFE_ID).await;
    let transaction = begin(&mut charger).await;
    told(&mut charger, LIVE_ID + 1).await;
    let is_distrusted = |plan: &Value| plan["chargers"][0]["reason"] == "limit unverified: reserves 32\u{202f}A";
    let store = site.running.site.store();
    let before = store.last_moment().await.unwrap();
    let begun = Instant::now();
    while store.last_moment().await.unwrap() == before {
        measure(&mut charger, &transaction, 25.0).await;
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_distrusted(&site.get("/api/distribution/").await.json()));
    let site = site.restart().await;
    let mut charger = plugged(&site, 6.0).await;
    told(&mut charger, SAFE_ID).await;
    asked(&mut charger, "GetCompositeSchedule").await;
    // What it says itself is no proof.
    until(&site, is_distrusted).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_says_is_checked_and_kept() {
    let site = site().await;
    let settings = json!({ "headroom": 2, "safe": 6, "turn": 20, "has_meter": 1 });
    let saved = post(&site, "/api/distribution/", &settings).await;
    assert_eq!((saved.status, saved.json()), (200, settings));
    for (wrong, fields) in [
        (json!({}), vec!["headroom", "safe", "turn", "has_meter"]),
        (
            json!({ "headroom": 101, "safe": 5, "turn": 4, "has_meter": 2 }),
            vec!["headroom", "safe", "turn", "has_meter"],
        ),
        (
            json!({ "headroom": "x", "safe": null, "turn": 15.5, "has_meter": [] }),
            vec!["headroom", "safe", "turn", "has_meter"],
        ),
    ] {
        let answer = post(&site, "/api/distribution/", &wrong).await;
        let mut named = answer.wrong_fields();
        named.sort();
        let mut fields = fields;
        fields.sort_unstable();
        assert_eq!((answer.status, named), (400, fields.iter().map(ToString::to_string).collect()), "{wrong}");
    }
    let wiring = json!({ "vchchargerid": "CP1", "sequence": "BCA", "cable": 16, "is_apart": 0 });
    let saved = post(&site, "/api/distribution/wiring/", &wiring).await;
    assert_eq!((&saved.json()["sequence"], &saved.json()["cable"]), (&json!("BCA"), &json!(16)));
    for (wrong, field) in [
        (json!({}), "vchchargerid"),
        (json!({ "vchchargerid": "CP1", "sequence": "AAB" }), "sequence"),
        (json!({ "vchchargerid": "CP1", "cable": 5 }), "cable"),
        (json!({ "vchchargerid": "CP1", "most": -1 }), "most"),
    ] {
        assert_eq!(post(&site, "/api/distribution/wiring/", &wrong).await.wrong_fields(), [field], "{wrong}");
    }
    assert_eq!(post(&site, "/api/distribution/wiring/", &json!({ "vchchargerid": "NONE" })).await.status, 404);
    for (wrong, fields) in
        [(json!({ "a": 1 }), vec!["b", "c"]), (json!({ "a": -1, "b": "x", "c": 1e9 }), vec!["a", "b", "c"])]
    {
        assert_eq!(post(&site, "/api/distribution/meter/", &wrong).await.wrong_fields(), fields, "{wrong}");
    }
    // A meter that tells nothing counts as if others drew all.
    until(&site, |plan| plan["phases"][0]["others"].is_null()).await;
    assert_eq!(post(&site, "/api/distribution/meter/", &json!({ "a": 3.11, "b": 0, "c": 0 })).await.status, 200);
    until(&site, |plan| plan["phases"][0]["others"] == 3.2).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_currents_that_do_not_fit_are_refused_wherever_they_come_from() {
    let site = site().await;
    let mut charger = plugged(&site, 0.0).await;
    told(&mut charger, SAFE_ID).await;
    let safe = |safe: u32| json!({ "headroom": 1, "safe": safe, "turn": 15, "has_meter": 0 });
    let refused = post(&site, "/api/distribution/", &safe(20)).await;
    assert_eq!((refused.status, refused.wrong_fields()), (400, vec!["safe".to_owned()]));
    let refused = site
        .ask(
            "POST",
            "/fn/command",
            &[FORM, ("accept", "text/html")],
            b"command=save-distribution&back=/distribution/&headroom=1&safe=20&turn=15&has_meter=0",
        )
        .await;
    let page = site.get(refused.header("location")).await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("21 A"), "the page says what they need: {refused:?} {page}");
    assert_eq!(post(&site, "/api/distribution/", &safe(6)).await.status, 200);
    assert!((told(&mut charger, SAFE_ID).await - 6.0).abs() < 1e-9, "the other one is told");
    let refused = post(&site, "/api/basic/settings/", &settings(true, 6)).await;
    assert_eq!((refused.status, refused.wrong_fields()), (400, vec!["intmaxcurrenta".to_owned()]));
    // Where nothing is distributed they need not fit.
    set(&site, false, 6).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_limit_is_set_for_sessions_meanwhile() {
    let site = site().await;
    let mut charger = plugged(&site, 0.0).await;
    told(&mut charger, SAFE_ID).await;
    asked(&mut charger, "GetCompositeSchedule").await;
    let command = |purpose: &str| {
        json!({ "vchchargerid": "CP1", "command": "SetChargingProfile", "arguments": { "connectorId": 0, "csChargingProfiles": {
            "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": purpose, "chargingProfileKind": "Relative",
            "chargingSchedule": { "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 10 }] },
        } } })
    };
    let refused = post(&site, "/api/charger/command/", &command("TxDefaultProfile")).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.body).contains("distributed"), "{refused:?}");
    let given = post(&site, "/api/charger/command/", &command("ChargePointMaxProfile")).await;
    assert!(given.status < 300, "{given:?}");
    assert!((told(&mut charger, 1).await - 10.0).abs() < 1e-9);
    begin(&mut charger).await;
    charger.replies.insert("GetCompositeSchedule".to_owned(), composite(6.0));
    let plan = until(&site, |plan| plan["chargers"][0]["planned"] == 10.0).await;
    assert_eq!(plan["chargers"][0]["planned"], 10.0, "what a person has set for the whole bounds it");
    site.end().await;
}
