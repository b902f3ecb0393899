//! Diagnostics: uploaded by charge points, listed, and downloaded again.

use crate::client::{Answer, Served};
use bmw_domain::record::{ChargePointKey, Identity};
use bmw_simulator::{Hands, Roots, Unit};
use bmw_site::OpenUpload;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=XX");
const HOUR: Duration = Duration::from_hours(1);
const MOST: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_mins(1);

async fn site_with(id: &str) -> (Served, ChargePointKey) {
    let site = Served::empty().await;
    let key = site.running.site.register_charge_point(Identity::new(id).unwrap(), None).await.unwrap();
    (site, key)
}

pub async fn command(site: &Served, id: &str, name: &str, arguments: Value) -> Answer {
    let body = json!({ "vchchargerid": id, "command": name, "arguments": arguments }).to_string();
    site.ask("POST", "/api/charger/command/", &[JSON], body.as_bytes()).await
}

pub async fn command_now(site: &Served, id: i64) -> Value {
    site.get(&format!("/api/charger/command/{id}/")).await.json()
}

/// A permission, as a command gives it.
async fn allowed(site: &Served, key: ChargePointKey, time: Duration) -> OpenUpload {
    let given = command(site, "CP", "GetDiagnostics", json!({ "location": "http://10.0.0.1/" })).await;
    assert_eq!(given.status, 202, "{given:?}");
    let id = given.json()["id"].as_i64().unwrap();
    // It is not connected: the command comes to its end at once, and the next one can be given.
    until("offline", async || command_now(site, id).await["state"] == "offline").await;
    site.running.site.allow_upload(key, id, time).unwrap()
}

/// Waits until a condition holds.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing of an upload is left but what is whole.
async fn nothing_is_left(site: &Served) {
    let store = site.running.site.store();
    until("nothing is left", async || {
        // What nobody takes away any more would show from here on.
        store.drop_unfinished_diagnostics().await.unwrap();
        !store.sweep_diagnostics(0).await.unwrap()
    })
    .await;
}

/// The files that are listed: names and sizes, newest first.
async fn listed(site: &Served, key: ChargePointKey) -> Vec<(String, i64)> {
    let files = site.running.site.store().diagnostics_of(key).await.unwrap();
    files.into_iter().map(|file| (file.name.to_string(), file.size)).collect()
}

async fn newest(site: &Served, key: ChargePointKey) -> Answer {
    let id = site.running.site.store().diagnostics_of(key).await.unwrap()[0].id;
    site.get(&format!("/details/diagnostics/{id}")).await
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, bytes) in parts {
        body.extend_from_slice(format!("--XX\r\ncontent-disposition: form-data; {disposition}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_upload_is_taken_once() {
    let (site, key) = site_with("CP").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(1_300_000).collect();
    let of_form = form(&[("name=\"note\"", b"x"), ("name=\"f\"; filename=\"C:\\\\logs\\\\form.zip\"", &bytes)]);
    for (method, behind, headers, body, name) in [
        ("PUT", "", &[][..], &bytes, "diagnostics"),
        ("PUT", "diag.zip", &[("expect", "100-continue")], &bytes, "diag.zip"),
        ("PUT", "/logs/%E8%AF%8A%20%E6%96%AD.zip", &[], &bytes, "诊 断.zip"),
        ("POST", "", &[("content-type", "application/octet-stream")], &bytes, "diagnostics"),
        ("POST", "..%2f..%2fpasswd", &[("content-type", "application/x-www-form-urlencoded")], &bytes, "passwd"),
        ("POST", "", &[FORM], &of_form, "form.zip"),
        ("PUT", "own.zip", &[FORM], &of_form, "own.zip"),
    ] {
        let upload = allowed(&site, key, HOUR).await;
        let path = format!("{}{behind}", upload.path());
        let answer = upload_to(&site, method, &path, headers, body).await;
        assert_eq!(answer.status, if method == "PUT" { 201 } else { 200 }, "{method} {behind} {answer:?}");
        assert_eq!(listed(&site, key).await[0], (name.to_owned(), 1_300_000), "{method} {behind}");
        let downloaded = newest(&site, key).await;
        assert_eq!(downloaded.status, 200);
        assert!(downloaded.body == bytes, "{method} {behind}");
        assert_eq!(downloaded.header("content-type"), "application/octet-stream");
        assert_eq!(downloaded.header("x-content-type-options"), "nosniff");
        assert!(downloaded.header("content-disposition").starts_with("attachment; filename=\""), "{downloaded:?}");
        let again = upload_to(&site, method, &path, headers, body).await;
        assert_eq!((again.status, again.detail()), (404, "Not found.".to_owned()), "{method} {behind}");
    }
    // The oldest goes after the answer.
    until("the newest are kept", async || listed(&site, key).await.len() == 5).await;
    nothing_is_left(&site).await;
    for wrong in ["0", "x", "99999999999999999999"] {
        assert_eq!(site.get(&format!("/details/diagnostics/{wrong}")).await.status, 404);
    }
    site.end().await;
}

/// As [`Served::ask`], with the answer to who waits for a permission to send left away.
async fn upload_to(site: &Served, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: charger.example\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    sent(site.connect().await, head.as_bytes(), body).await
}

async fn sent(mut stream: TcpStream, head: &[u8], body: &[u8]) -> Answer {
    let (mut reader, mut writer) = stream.split();
    let sending = async {
        // Who is refused may be cut off.
        drop(writer.write_all(head).await);
        drop(writer.write_all(body).await);
    };
    let mut received = Vec::new();
    let reading = async { drop(reader.read_to_end(&mut received).await) };
    tokio::time::timeout(PATIENCE, async { tokio::join!(sending, reading) }).await.unwrap();
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    Answer::parse(received.strip_prefix(&go_on[..]).unwrap_or(&received))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_permission_nothing_is_taken() {
    let (site, key) = site_with("CP").await;
    let expired = allowed(&site, key, Duration::ZERO).await;
    let closed = allowed(&site, key, HOUR).await;
    let closed_path = closed.path();
    drop(closed);
    let open = allowed(&site, key, HOUR).await;
    let cut = open.path()[..open.path().len() - 3].to_owned();
    let unknown = format!("/ocpp/upload/{}/", "0".repeat(32));
    for path in [
        expired.path().as_str(),
        &closed_path,
        &cut,
        &unknown,
        "/ocpp/upload/x",
        "/ocpp/upload//",
        "/ocpp/upload/%ff/a",
    ] {
        for method in ["PUT", "POST"] {
            let answer = upload_to(&site, method, path, &[], &vec![0; 3 << 20]).await;
            assert_eq!((answer.status, answer.detail().as_str()), (404, "Not found."), "{path}");
        }
    }
    for method in ["GET", "DELETE", "PATCH"] {
        let answer = upload_to(&site, method, &open.path(), &[], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "PUT, POST"));
    }
    assert!(listed(&site, key).await.is_empty());
    // It is still good, also through a proxy and under any name: the address is the permission.
    let forwarded = [("x-forwarded-for", "10.0.0.7"), ("origin", "null")];
    assert_eq!(upload_to(&site, "PUT", &open.path(), &forwarded, b"x").await.status, 201);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_leaves_nothing_behind() {
    let (site, key) = site_with("CP").await;
    let upload = allowed(&site, key, HOUR).await;
    let path = upload.path();
    let large = vec![7; MOST + 1];
    assert_eq!(upload_to(&site, "PUT", &path, &[], &large).await.status, 413);
    // Without a length.
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunked = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(sent(site.connect().await, head.as_bytes(), &chunked).await.status, 413);
    let of_form = form(&[("name=\"f\"; filename=\"f\"", &large)]);
    assert_eq!(upload_to(&site, "POST", &path, &[FORM], &of_form).await.status, 413);
    // Who asks before sends nothing.
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n"
    );
    assert_eq!(site.send(head.as_bytes()).await.status, 413);
    nothing_is_left(&site).await;
    assert!(listed(&site, key).await.is_empty());
    // As much as there may be, with the same permission.
    assert_eq!(upload_to(&site, "PUT", &path, &[], &large[1..]).await.status, 201);
    assert_eq!(listed(&site, key).await, [("diagnostics".to_owned(), i64::try_from(MOST).unwrap())]);
    assert!(newest(&site, key).await.body == large[1..]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_leaves_nothing_behind_and_may_be_tried_again() {
    let (site, key) = site_with("CP").await;
    let upload = allowed(&site, key, HOUR).await;
    let path = upload.path();
    let mut broken = site.connect().await;
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n");
    broken.write_all(head.as_bytes()).await.unwrap();
    broken.write_all(&vec![1; 2_000_000]).await.unwrap();
    drop(broken);
    assert_eq!(upload_to(&site, "PUT", &path, &[], b"").await.status, 400, "nothing is no file");
    let file = ("name=\"f\"; filename=\"f\"", &b"abc"[..]);
    let whole = form(&[file]);
    let other = ("content-type", "multipart/form-data; boundary=YY");
    for (headers, body, word) in [
        ([FORM], &whole[..whole.len() - 8], "broken"),
        ([FORM], &whole[..30], "broken"),
        ([FORM], &b"abc"[..], "broken"),
        ([other], &whole, "broken"),
        ([("content-type", "multipart/form-data")], &whole, "no boundary"),
        ([FORM], &form(&[("name=\"f\"", b"abc")]), "no file"),
        ([FORM], &form(&[file, file]), "more than one"),
        ([FORM], &form(&[("name=\"f\"; filename=\"f\"", b"")]), "empty"),
    ] {
        let answer = upload_to(&site, "POST", &path, &headers, body).await;
        assert_eq!(answer.status, 400, "{word} {answer:?}");
        assert!(answer.detail().contains(word), "{word} {answer:?}");
    }
    nothing_is_left(&site).await;
    assert!(listed(&site, key).await.is_empty());
    assert_eq!(upload_to(&site, "PUT", &path, &[], b"whole").await.status, 201);
    assert_eq!(listed(&site, key).await, [("diagnostics".to_owned(), 5)]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_attempt_takes_the_place_of_one_that_hangs() {
    let (site, key) = site_with("CP").await;
    let upload = allowed(&site, key, HOUR).await;
    let path = upload.path();
    let mut hanging = site.connect().await;
    let head = format!("PUT {path}old HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2000000\r\n\r\n");
    hanging.write_all(head.as_bytes()).await.unwrap();
    hanging.write_all(&vec![1; 1_000_000]).await.unwrap();
    let mut second = site.connect().await;
    let head = format!("PUT {path}new HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\nab");
    second.write_all(head.as_bytes()).await.unwrap();
    // Where the first goes on, it is told; when the second came first is seen by that alone.
    let answer = sent(hanging, b"", &vec![1; 1_000_000]).await;
    let answer_of_second = sent(second, b"", b"c").await;
    let statuses = (answer.status, answer_of_second.status);
    assert!(matches!(statuses, (409, 201) | (201, 404)), "{statuses:?}");
    let name = if statuses.0 == 201 { "old" } else { "new" };
    assert_eq!(listed(&site, key).await.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [name]);
    nothing_is_left(&site).await;
    site.end().await;
}

/// A simulated charge point, until it is dropped.
pub struct Simulated(watch::Sender<bool>);

impl Simulated {
    pub fn connect(url: String, id: &str) -> Self {
        Self::connect_by(url, None, id)
    }

    pub fn connect_by(url: String, roots: Option<Roots>, id: &str) -> Self {
        let unit = Unit {
            identity: id.to_owned(),
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
        let ending = watch::Sender::new(false);
        let options =
            bmw_simulator::Options { url, roots, units: vec![unit], seed: 1, speed: 1.0, hour: None, password: None };
        tokio::spawn(bmw_simulator::run(options, Hands::default(), ending.subscribe()));
        Self(ending)
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_point_uploads_to_where_it_came_in() {
    let site = Served::start(None, |config| config.ocpp_listen = Some("127.0.0.1:0".to_owned())).await;
    let key = site.running.site.register_charge_point(Identity::new("CP").unwrap(), None).await.unwrap();
    let refused = command(&site, "CP", "GetDiagnostics", json!({})).await;
    assert_eq!(refused.wrong_fields(), ["location"], "it is not connected");
    let door = site.running.ocpp_addr.unwrap();
    let charge_point = Simulated::connect(format!("ws://{door}/ocpp"), "CP");
    until("it is connected", async || site.running.site.present().get(key).unwrap().is_online()).await;

    let given = command(&site, "CP", "GetDiagnostics", json!({})).await;
    let id = given.json()["id"].as_i64().unwrap();
    until("its upload is seen", async || command_now(&site, id).await["state"] == "effective").await;
    let told = command_now(&site, id).await;
    assert_eq!(told["arguments"], json!({ "location": format!("http://{door}/ocpp/upload/") }));
    assert_eq!(told["result"], json!({ "fileName": "diagnostics.txt" }));
    assert_eq!(listed(&site, key).await[0].0, "diagnostics.txt");
    assert!(newest(&site, key).await.body.starts_with(b"charge point CP\nvendor Vendor\n"));
    let page = String::from_utf8(site.get("/details/?charger_id=CP").await.body).unwrap();
    let file = &site.running.site.store().diagnostics_of(key).await.unwrap()[0];
    assert!(page.contains(&format!("href=\"/details/diagnostics/{}\"", file.id)), "it is listed");

    // Nobody but the charge point was told the address.
    let frames = async || String::from_utf8(site.get("/details/frames.txt?charger_id=CP").await.body).unwrap();
    until("the frame is logged", async || frames().await.contains("/ocpp/upload/…/\"")).await;
    let has_token = |text: &str| {
        text.split("upload/").skip(1).any(|rest| rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= 32)
    };
    let page = String::from_utf8(site.get("/details/?charger_id=CP").await.body).unwrap();
    for text in [frames().await, page, told.to_string()] {
        assert!(text.contains("upload") && !has_token(&text), "{text}");
    }
    let audit = site.running.site.store().audit_log(10).await.unwrap();
    assert!(audit.iter().all(|entry| !has_token(&entry.after)), "{audit:?}");

    // A place that it cannot reach: it says so.
    let given = command(&site, "CP", "GetDiagnostics", json!({ "location": "http://127.0.0.1:1/" })).await;
    let id = given.json()["id"].as_i64().unwrap();
    until("its failure is seen", async || command_now(&site, id).await["state"] == "no_effect").await;
    drop(charge_point);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_schedule_is_that_of_the_profiles() {
    let (site, key) = site_with("CP").await;
    let charge_point = Simulated::connect(format!("ws://{}/ocpp", site.addr()), "CP");
    until("it is connected", async || site.running.site.present().get(key).unwrap().is_online()).await;
    let profile = |id: i64, purpose: &str, periods: Value| {
        json!({
            "chargingProfileId": id, "stackLevel": 0, "chargingProfilePurpose": purpose,
            "chargingProfileKind": "Relative",
            "chargingSchedule": { "chargingRateUnit": "A", "chargingSchedulePeriod": periods },
        })
    };
    let whole = profile(1, "ChargePointMaxProfile", json!([{ "startPeriod": 0, "limit": 20.0 }]));
    let session = json!([{ "startPeriod": 0, "limit": 10.0 }, { "startPeriod": 600, "limit": 25.0 }]);
    let session = profile(2, "TxDefaultProfile", session);
    for (name, arguments) in [
        ("SetChargingProfile", json!({ "connectorId": 0, "csChargingProfiles": whole })),
        ("SetChargingProfile", json!({ "connectorId": 1, "csChargingProfiles": session })),
        ("GetCompositeSchedule", json!({ "connectorId": 1, "duration": 3_600 })),
    ] {
        let given = command(&site, "CP", name, arguments).await;
        let id = given.json()["id"].as_i64().unwrap();
        until(name, async || command_now(&site, id).await["state"] == "effective").await;
        if name == "GetCompositeSchedule" {
            let result = &command_now(&site, id).await["result"];
            let periods = result["chargingSchedule"]["chargingSchedulePeriod"].as_array().unwrap();
            let limits: Vec<_> = periods.iter().map(|it| (it["startPeriod"].as_i64(), it["limit"].as_f64())).collect();
            assert_eq!(limits, [(Some(0), Some(10.0)), (Some(600), Some(20.0))], "{result}");
        }
    }
    drop(charge_point);
    site.end().await;
}
