//! What operators do and see: forms of commands with their errors at the fields, and chargers that fall silent.

use crate::client::{Answer, Served};
use bmw_domain::charger::HappeningKind;
use bmw_domain::record::Identity;
use bmw_site::ChargePointNow;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Nothing is said for so long; three times that is the end.
const HEARTBEAT: Duration = Duration::from_millis(200);

async fn site() -> Served {
    let site = Served::start(None, |config| config.ocpp.heartbeat = HEARTBEAT).await;
    site.running.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    site
}

fn now(site: &Served) -> Arc<ChargePointNow> {
    site.running.site.charge_point(Some("A")).unwrap()
}

/// Waits until the charger is as it should be.
async fn until(site: &Served, is_so: impl Fn(&ChargePointNow) -> bool) {
    let mut changes = site.running.site.subscribe();
    while !is_so(&now(site)) {
        let change = tokio::time::timeout(Duration::from_mins(1), changes.changed());
        change.await.expect("it must come to be so").unwrap();
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// A charger that connects, and then says nothing.
async fn plug_in(site: &Served) -> TcpStream {
    let mut line = site.connect().await;
    let request = format!(
        "GET /ocpp/A HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: ocpp1.6\r\n\r\n",
        site.addr()
    );
    line.write_all(request.as_bytes()).await.unwrap();
    until(site, ChargePointNow::is_online).await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_that_is_silent_on_an_open_line_is_offline_after_three_heartbeats() {
    let site = site().await;
    let mut line = plug_in(&site).await;
    until(&site, |now| !now.is_online()).await;
    let happened = site.running.site.store().happenings(now(&site).key, 10).await.unwrap();
    let kinds: Vec<HappeningKind> = happened.iter().map(|happening| happening.kind).collect();
    assert_eq!(kinds, [HappeningKind::Lost, HappeningKind::Connected]);
    // It was we who let go of the line.
    let mut rest = Vec::new();
    line.read_to_end(&mut rest).await.unwrap();
    let page = site.get("/devices/").await;
    assert!(text(&page).contains("out-of-contact"), "the page says so");
    let page = site.get("/details/?charger_id=A").await;
    assert!(text(&page).contains("out-of-contact"));
    site.end().await;
}

/// Sends a plain form, and gives the page that it leads to.
async fn sent(site: &Served, form: &str) -> String {
    let body = format!("c0=A&back=/details/?charger_id=A&{form}");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let answer = site.ask("POST", "/fn/command", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 302, "{form}");
    let page = site.ask("GET", answer.header("location"), &[("accept-language", "en")], b"").await;
    assert_eq!(page.status, 200, "{form}");
    text(&page)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_form_is_said_at_its_field_and_what_was_typed_is_kept() {
    let site = site().await;
    for (form, name, value, error) in [
        ("command=ReserveNow&ReserveNow.expiryDate=", "ReserveNow.expiryDate", "", "This is required."),
        ("command=ReserveNow&ReserveNow.expiryDate=soon", "ReserveNow.expiryDate", "soon", "YYYY-MM-DD"),
        (
            "command=ReserveNow&ReserveNow.expiryDate=2015-01-01T00:00",
            "ReserveNow.expiryDate",
            "2015-01-01T00:00",
            "in the future",
        ),
        (
            "command=SetChargingProfile&SetChargingProfile.limit=%3Cb%3E",
            "SetChargingProfile.limit",
            "&lt;b&gt;",
            "must be a number",
        ),
        ("command=SetChargingProfile&SetChargingProfile.limit=", "SetChargingProfile.limit", "", "This is required."),
        (
            "command=SetChargingProfile&SetChargingProfile.limit=8&SetChargingProfile.minutes=-1",
            "SetChargingProfile.minutes",
            "-1",
            "At least 1.",
        ),
        ("command=UpdateFirmware&UpdateFirmware.location=fw.bin", "UpdateFirmware.location", "fw.bin", "whole address"),
        ("command=DataTransfer&DataTransfer.data=x", "DataTransfer.vendorId", "", "This is required."),
        ("command=ChangeConfiguration&ChangeConfiguration.value=x", "ChangeConfiguration.key", "", "This is required."),
        (
            "command=RemoteStartTransaction&RemoteStartTransaction.idTag=123456789012345678901",
            "RemoteStartTransaction.idTag",
            "123456789012345678901",
            "At most 20",
        ),
    ] {
        let page = sent(&site, form).await;
        let place = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{form}: no field {name}"));
        let field = page[place..].split("</label>").next().unwrap();
        assert!(field.contains(error) && field.contains("aria-invalid"), "{form}: {field}");
        assert!(value.is_empty() || field.contains(&format!("value=\"{value}\"")), "{form}: {field}");
    }
    let commands = site.running.site.store().commands_of(now(&site).key, 10).await.unwrap();
    assert!(commands.is_empty(), "nothing was given");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_nobody_says_that_nothing_was_chosen() {
    let site = site().await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let answer = site.ask("POST", "/fn/command", &headers, b"command=Reset?type=Hard&back=/devices/?search=A").await;
    assert_eq!(answer.status, 302);
    let page = site.ask("GET", answer.header("location"), &[("accept-language", "en")], b"").await;
    assert!(text(&page).contains("Choose chargers first."), "{}", answer.header("location"));
    assert!(!text(&site.get("/devices/").await).contains("class=\"told\""), "it says nothing else");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_no_command_is_refused() {
    let site = site().await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/x-postcard")];
    for form in ["command=Dance", "command=", "", "command=Dance?type=Hard"] {
        let answer = site.ask("POST", "/fn/command", &headers, form.as_bytes()).await;
        assert!(answer.status >= 400, "{form}");
    }
    site.end().await;
}
