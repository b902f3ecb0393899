//! Simulated charge points at a served site: their sessions, what they obey, and the page to play with them.

use crate::client::{Answer, SITE_2015, Served};
use bmw_domain::charger::card::{Card, IdTag};
use bmw_domain::record::{Identity, Transaction};
use bmw_simulator::{Deed, Hands, Unit};
use bmw_site::{Caller, ChargePointNow};
use bmw_store::SessionFilter;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long anything may take. Only what never comes takes so long.
const PATIENCE: Duration = Duration::from_mins(1);
/// A second of the clock is a minute of theirs.
const SPEED: f64 = 60.0;
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A site with a simulated charge point at which nothing happens by itself.
struct Story {
    site: Served,
    hands: Hands,
    ending: watch::Sender<bool>,
}

impl Story {
    async fn begin(change: impl FnOnce(&mut bmw::config::Config)) -> Self {
        let site = Served::start(None, change).await;
        site.running.site.register_charge_point(Identity::new("CP").unwrap(), None).await.unwrap();
        let unit = Unit {
            identity: "CP".to_owned(),
            model: "Model".to_owned(),
            vendor: "Vendor".to_owned(),
            firmware: "1.0".to_owned(),
            phases: 3,
            amperes: 32.0,
            cars_a_day: 0.0,
            busy: 0.0,
            faults_a_day: 0.0,
            losses_a_day: 0.0,
            is_broken: false,
            ignores_limits: false,
        };
        let (hands, ending) = (Hands::default(), watch::Sender::new(false));
        let url = format!("ws://{}/ocpp", site.addr());
        let options = bmw_simulator::Options {
            url,
            roots: None,
            units: vec![unit],
            seed: 1,
            speed: SPEED,
            hour: Some(8.0),
            password: None,
        };
        tokio::spawn(bmw_simulator::run(options, hands.clone(), ending.subscribe()));
        let story = Self { site, hands, ending };
        story.becomes("free", |now| status(now) == "Available").await;
        story
    }

    fn now(&self) -> Arc<ChargePointNow> {
        self.site.running.site.charge_point(Some("CP")).unwrap()
    }

    fn act(&self, deed: Deed) {
        assert!(self.hands.act("CP", deed));
    }

    /// Waits until the charge point is so.
    async fn becomes(&self, what: &str, is_so: impl Fn(&ChargePointNow) -> bool) {
        let mut changes = self.site.running.site.subscribe();
        while !is_so(&self.now()) {
            let change = tokio::time::timeout(PATIENCE, changes.changed()).await;
            change.unwrap_or_else(|_| panic!("it never was {what}: {:?}", self.now())).unwrap();
        }
    }

    async fn give(&self, name: &str, arguments: Value) -> i64 {
        let body = json!({ "vchchargerid": "CP", "command": name, "arguments": arguments }).to_string();
        let given = self.site.ask("POST", "/api/charger/command/", &[JSON], body.as_bytes()).await;
        assert_eq!(given.status, 202, "{name} {given:?}");
        given.json()["id"].as_i64().unwrap()
    }

    /// Gives a command and waits until it has come to its end.
    async fn command(&self, name: &str, arguments: Value) -> String {
        let id = self.give(name, arguments).await;
        let start = Instant::now();
        loop {
            let told = self.site.get(&format!("/api/charger/command/{id}/")).await.json();
            let state = told["state"].as_str().unwrap().to_owned();
            if !["sent", "accepted", "queued"].contains(&state.as_str()) {
                return state;
            }
            assert!(start.elapsed() < PATIENCE, "{name}: {told}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn sessions(&self) -> Vec<Transaction> {
        let filter = SessionFilter { charge_point: Some(self.now().key), ..Default::default() };
        self.site.running.site.store().find_sessions(&filter, None, 100).await.unwrap().sessions
    }

    /// The raw frames, once one has some words in it.
    async fn frames_with(&self, words: &[&str]) -> String {
        let start = Instant::now();
        loop {
            let frames = text(&self.site.get("/details/frames.txt?charger_id=CP").await);
            if frames.lines().any(|frame| words.iter().all(|word| frame.contains(word))) {
                return frames;
            }
            assert!(start.elapsed() < PATIENCE, "no {words:?} in {frames}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it; what happened must not have upset the site, nor have anything in it that an operator should see.
    async fn end(self) {
        let findings = self.site.running.site.store().findings(None, 10).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        self.ending.send_replace(true);
        self.site.end().await;
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn status(now: &ChargePointNow) -> &str {
    let connector = now.connectors.iter().find(|connector| connector.number == 1);
    connector.and_then(|connector| connector.status.as_deref()).unwrap_or_default()
}

fn current(now: &ChargePointNow) -> i32 {
    now.state.as_ref().and_then(|state| state.current).unwrap_or(0)
}

fn energy(now: &ChargePointNow) -> i32 {
    now.state.as_ref().and_then(|state| state.session_energy).unwrap_or(0)
}

/// The number behind the only place of a name in some frames.
fn number_in(frames: &str, name: &str) -> i64 {
    let key = format!("\"{name}\":");
    let mut places = frames.split(&key).skip(1);
    let rest = places.next().unwrap_or_else(|| panic!("no {name} in {frames}"));
    assert!(places.next().is_none(), "more than one {name} in {frames}");
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_loses_its_connection_is_one_session_with_all_its_energy() {
    let story = Story::begin(|_| {}).await;
    story.act(Deed::PlugIn);
    story.becomes("measured", |now| energy(now) > 0).await;
    let (before, id) = (energy(&story.now()), story.now().running[0].transaction.id);
    story.act(Deed::Unplug);
    story.becomes("offline", |now| !now.is_online()).await;
    story.becomes("there again, with more energy", |now| now.is_online() && energy(now) > before).await;
    assert_eq!(story.now().running[0].transaction.id, id, "it is the same session");
    // Cut off once more: it ends without a connection, and that is told then.
    story.act(Deed::Unplug);
    story.becomes("offline", |now| !now.is_online()).await;
    story.act(Deed::PullOut);
    story.becomes("free", |now| now.running.is_empty() && status(now) == "Available").await;
    let sessions = story.sessions().await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let frames = story.frames_with(&["meterStop"]).await;
    let wanted = number_in(&frames, "meterStop") - number_in(&frames, "meterStart");
    assert!(wanted > i64::from(before));
    assert_eq!(sessions[0].energy.wh(), wanted);
    assert!(sessions[0].finished_at.is_some());
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_obeyed() {
    let story = Story::begin(|_| {}).await;
    assert_eq!(story.command("RemoteStartTransaction", json!({ "idTag": "MINE" })).await, "effective");
    assert_eq!(story.now().running[0].transaction.id_tag.as_deref(), Some("MINE"));
    let transaction = story.now().running[0].transaction.id.0;
    let stop = json!({ "transactionId": transaction });
    assert_eq!(story.command("RemoteStopTransaction", stop).await, "effective");

    // Each starts it anew, and the session that runs is ended properly before.
    let update = json!({ "location": "http://10.0.0.1/fw.bin" });
    for (name, arguments, reason) in [
        ("Reset", json!({ "type": "Soft" }), "SoftReset"),
        ("Reset", json!({ "type": "Hard" }), "HardReset"),
        ("UpdateFirmware", update, "Reboot"),
    ] {
        assert_eq!(story.command("RemoteStartTransaction", json!({})).await, "effective");
        assert_eq!(story.command(name, arguments).await, "effective", "{reason}");
        assert!(story.now().running.is_empty());
        story.frames_with(&["StopTransaction", reason]).await;
    }
    story.becomes("updated", |now| now.charge_point.firmware_version.as_deref() == Some("1.1")).await;

    for name in [
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ] {
        assert_eq!(story.command("TriggerMessage", json!({ "requestedMessage": name })).await, "effective", "{name}");
    }

    // The car that was charged goes first.
    story.act(Deed::PullOut);
    story.becomes("free", |now| status(now) == "Available").await;
    let out = json!({ "connectorId": 1, "type": "Inoperative" });
    assert_eq!(story.command("ChangeAvailability", out).await, "effective");
    assert_eq!(story.command("RemoteStartTransaction", json!({})).await, "rejected");
    let back = json!({ "connectorId": 1, "type": "Operative" });
    assert_eq!(story.command("ChangeAvailability", back).await, "effective");

    let reservation = json!({
        "connectorId": 1, "reservationId": 7, "idTag": "MINE", "expiryDate": "2120-01-01T00:00:00Z",
    });
    assert_eq!(story.command("ReserveNow", reservation).await, "effective");
    assert_eq!(story.command("RemoteStartTransaction", json!({ "idTag": "OTHER" })).await, "rejected");
    assert_eq!(story.command("CancelReservation", json!({ "reservationId": 8 })).await, "rejected");
    assert_eq!(story.command("RemoteStartTransaction", json!({ "idTag": "MINE" })).await, "effective");
    story.frames_with(&["StartTransaction", "MINE", "\"reservationId\":7"]).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charging_profile_lowers_the_measured_current() {
    let story = Story::begin(|_| {}).await;
    story.act(Deed::PlugIn);
    story.becomes("charging", |now| current(now) > 10).await;
    let profile = json!({
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 8.0 }],
        },
    });
    let request = json!({ "connectorId": 1, "csChargingProfiles": profile });
    assert_eq!(story.command("SetChargingProfile", request).await, "effective");
    story.becomes("limited", |now| (1..=8).contains(&current(now))).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_may_not_charge_starts_nothing() {
    let story = Story::begin(|config| config.rejects_unknown_cards = true).await;
    story.act(Deed::PlugIn);
    let frames = story.frames_with(&["\"Authorize\""]).await;
    let card = frames.split("\"idTag\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    story.frames_with(&["Invalid"]).await;
    let known = |is_blocked: bool| Card {
        tag: IdTag::new(&card).unwrap(),
        group: None,
        is_blocked,
        expires_at: None,
        note: String::new(),
    };
    let caller = Caller::terminal();
    story.site.running.site.put_cards(vec![known(true)], &caller).await.unwrap();
    story.act(Deed::Card);
    let frames = story.frames_with(&["Blocked"]).await;
    assert!(!frames.contains("StartTransaction"), "{frames}");
    assert_eq!(status(&story.now()), "Preparing");
    story.site.running.site.put_cards(vec![known(false)], &caller).await.unwrap();
    story.act(Deed::Card);
    story.becomes("charging", |now| status(now) == "Charging").await;
    assert_eq!(story.sessions().await.len(), 1);
    story.end().await;
}

/// The part of the page that is about a charge point.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let start = page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {page}"));
    page[start..].split("</section>").next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_plays_with_them_on_their_page() {
    const LINK: &str = "href=\"/simulator/\"";
    let without = Served::start(Some(SITE_2015), |_| {}).await;
    assert!(!text(&without.get("/devices/").await).contains(LINK));
    assert_eq!(without.get("/simulator/").await.status, 404);
    without.end().await;

    let site = Served::start(Some(SITE_2015), |config| config.simulator = true).await;
    for (language, name) in [("en", "Simulator"), ("zh", "模拟器")] {
        let headers = [("accept-language", language), ("accept", "text/html")];
        let devices = text(&site.ask("GET", "/devices/", &headers, b"").await);
        assert!(devices.contains(LINK) && devices.contains(name), "{language}");
        let page = site.ask("GET", "/simulator/", &headers, b"").await;
        assert_eq!(page.status, 200);
        assert!(section(&text(&page), "10245006").contains("value=\"plug-in\""));
    }
    for (language, said) in [("en", "There is no such item"), ("zh", "没有这一项")] {
        let headers = [FORM, ("accept-language", language), ("accept", "text/html")];
        for wish in ["", "charger=10245006", "deed=card", "charger=10245006&deed=dance", "charger=x&deed=card"] {
            let answer = site.ask("POST", "/simulator/", &headers, wish.as_bytes()).await;
            assert_eq!((answer.status, answer.header("content-type")), (400, "text/html; charset=utf-8"), "{wish}");
            assert!(text(&answer).contains(said), "{language} {wish}");
        }
    }
    let mut changes = site.running.site.subscribe();
    let is_online = || site.running.site.charge_point(Some("10245006")).unwrap().is_online();
    while !is_online() {
        tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    }
    for (deed, done, is_faulted) in [("break", "Fault", true), ("mend", "Mend", false)] {
        let answer = site.ask("POST", "/simulator/", &[FORM], format!("charger=10245006&deed={deed}").as_bytes()).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let (path, place) = answer.header("location").split_once('#').unwrap();
        assert_eq!(place, "10245006");
        let start = Instant::now();
        loop {
            let page = text(&site.ask("GET", path, &[("accept-language", "en")], b"").await);
            let shown = section(&page, "10245006");
            assert!(shown.contains(&format!("Last done: {done}")), "{shown}");
            assert_eq!(page.matches("Last done:").count(), 1, "nothing was done to the others");
            // What came of it is seen, at the latest when the page asks for itself anew.
            if shown.contains("Faulted") == is_faulted {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{shown}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for wrong in ["charger=NOBODY&deed=break", "charger=10245006&deed=dance"] {
        assert_eq!(site.ask("POST", "/simulator/", &[FORM], wrong.as_bytes()).await.status, 400, "{wrong}");
    }
    site.end().await;
}
