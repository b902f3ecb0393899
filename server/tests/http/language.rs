//! Pages in both languages: what is said in the one holds no words of the other, unless it says by `lang` that it does. So
//! for each page and for what comes of each form, also when it is filled in wrongly.

use crate::access::{FORM, TABLE, cookie};
use crate::client::{Answer, BOSS, SITE_2015, Served};
use bmw_domain::account::Role;
use bmw_domain::command::Action;
use bmw_domain::record::Identity;
use bmw_testkit::charger::{Charger, frames, moment};
use serde_json::{Value, json};
use std::time::Duration;

/// What is read out or shown of a page: its language, and the words.
type Said = (String, String);

/// Attributes that somebody reads, or is read.
const SPOKEN: [&str; 7] = ["aria-label", "aria-valuetext", "title", "placeholder", "alt", "label", "data-ask"];
/// Elements that have no end.
const VOID: [&str; 8] = ["area", "br", "hr", "img", "input", "link", "meta", "wbr"];
/// Elements whose content nobody reads, and code, which is of no language.
const SILENT: [&str; 3] = ["script", "style", "code"];

fn decoded(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    entities.into_iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

/// The attributes of a tag.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = tag;
    while let Some((before, behind)) = rest.split_once("=\"") {
        let Some((value, behind)) = behind.split_once('"') else { break };
        found.push((before.split_whitespace().last().unwrap_or_default(), value));
        rest = behind;
    }
    found
}

/// All that a page says, in its order.
fn said(page: &str) -> Vec<Said> {
    let mut found = Vec::new();
    // The open elements: the name, the language, and whether somebody reads what is in it.
    let mut open: Vec<(&str, &str, bool)> = vec![("", "", true)];
    let mut rest = page;
    while let Some((text, behind)) = rest.split_once('<') {
        let (_, lang, is_read) = *open.last().unwrap();
        if is_read && !text.trim().is_empty() {
            found.push((lang.to_owned(), decoded(text)));
        }
        if let Some(comment) = behind.strip_prefix("!--") {
            rest = comment.split_once("-->").unwrap().1;
            continue;
        }
        let (tag, behind) = behind.split_once('>').unwrap_or_else(|| panic!("a tag without end: {behind}"));
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            let place = open.iter().rposition(|(known, ..)| *known == name).unwrap_or_else(|| panic!("</{name}>"));
            open.truncate(place.max(1));
            continue;
        }
        let name = tag.split([' ', '\n', '/']).next().unwrap();
        if name.starts_with('!') {
            continue;
        }
        let attributes = attributes(tag);
        let lang = attributes.iter().find(|(name, _)| *name == "lang").map_or(lang, |(_, value)| value);
        for (_, value) in attributes.iter().filter(|(name, _)| SPOKEN.contains(name)) {
            found.push((lang.to_owned(), decoded(value)));
        }
        if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push((name, lang, is_read && !SILENT.contains(&name)));
        }
        if name == "script" {
            rest = &rest[rest.find("</script>").unwrap()..];
        }
    }
    found
}

/// Words that are the same in both languages: names, units, formats, and the protocol's own words.
const WORDS: [&str; 63] = [
    "BMW",
    "OCPP",
    "CSV",
    "SVG",
    "PNG",
    "README",
    "HTTPS",
    "Webhook",
    "Chrome",
    "Edge",
    "Firefox",
    "Safari",
    "Android",
    "iPhone",
    "iPad",
    "localhost",
    "URL",
    "RFID",
    "RFC",
    "HTTP",
    "Basic",
    "ASCII",
    "TLS",
    "MAC",
    "kWh",
    "Wh",
    "min",
    "MB",
    "Com",
    "YYYY",
    "DDThh",
    "DD",
    "MM",
    "import",
    "bmw",
    "tag",
    "group",
    "blocked",
    "expires",
    "note",
    "Start",
    "English",
    "Switch",
    "AuthorizationKey",
    "StatusNotification",
    "MeterValues",
    "BootNotification",
    "Heartbeat",
    "FirmwareStatusNotification",
    "DiagnosticsStatusNotification",
    "UTF",
    "ABC",
    "ACB",
    "BAC",
    "BCA",
    "CAB",
    "CBA",
    "Bearer",
    "Authorization",
    "BOSS",
    "boss",
    "viewer",
    "operator",
];

/// Names that the sites of these tests have given to something, and what was typed into their forms.
const NAMES: [&str; 16] = [
    "Vendor",
    "Model",
    "CARD",
    "HeartbeatInterval",
    "WebSocketPingInterval",
    "OPERATOR",
    "STRANGER",
    "Anna",
    "NONE",
    "NEW",
    "soon",
    "gently",
    "hahaha",
    "evpower",
    "GBT",
    "api-token-auth",
];

const fn is_chinese(sign: char) -> bool {
    matches!(sign, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

/// A word of another language in a text of this one, or a sign that does not belong there.
fn foreign(lang: &str, text: &str) -> Option<String> {
    if lang != "zh" {
        return text.chars().find(|sign| is_chinese(*sign)).map(String::from);
    }
    // Options of the command line, addresses, numbers and names with them.
    let is_code =
        |word: &str| word.contains(['/', '=', '_', '@', '.']) || word.contains(|sign: char| sign.is_ascii_digit());
    let words = text.split(|sign: char| sign.is_whitespace() || is_chinese(sign));
    let mut words = words.map(|word| word.trim_end_matches(['.', ','])).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word.starts_with("--") {
            words.next();
        } else if !is_code(word) && !NAMES.contains(&word) {
            let mut parts = word.split(|sign: char| !sign.is_ascii_alphabetic());
            let is_known = |part: &str| WORDS.contains(&part) || Action::from_name(part).is_some();
            if let Some(part) = parts.find(|part| part.len() >= 3 && !is_known(part)) {
                return Some(part.to_owned());
            }
        }
    }
    let signs: Vec<char> = text.chars().collect();
    let is_wrong = |pair: &[char]| {
        let is_sign = |sign: char| [',', ';', ':', '!', '?', '(', ')'].contains(&sign);
        is_chinese(pair[0]) && is_sign(pair[1]) || is_sign(pair[0]) && is_chinese(pair[1])
    };
    let sentence_ends = |pair: &[char]| is_chinese(pair[0]) && pair[1] == '.';
    signs.windows(2).find(|pair| is_wrong(pair) || sentence_ends(pair)).map(|pair| pair.iter().collect())
}

/// `1 sessions`: one thing that is called as if it were several.
fn wrong_plural(said: &[Said]) -> Option<String> {
    let text: Vec<&str> =
        said.iter().filter(|(lang, _)| lang == "en").flat_map(|(_, text)| text.split_whitespace()).collect();
    let is_several = |word: &str| {
        word.ends_with('s') && word.len() > 3 && !word.ends_with("ss") && word.bytes().all(|it| it.is_ascii_lowercase())
    };
    text.windows(2).find(|pair| pair[0] == "1" && is_several(pair[1])).map(|pair| pair.join(" "))
}

/// What is wrong with the language of a page, each in a line.
fn faults(lang: &str, answer: &Answer) -> Vec<String> {
    let page = String::from_utf8_lossy(&answer.body);
    let said = said(&page);
    assert!(said.iter().filter(|(of, _)| of == lang).count() > 10, "it says next to nothing in {lang}: {page}");
    let foreign = said.iter().filter_map(|(of, text)| Some(format!("{}: {}", foreign(of, text)?, text.trim())));
    foreign.chain(wrong_plural(&said)).collect()
}

/// Asks as a browser does, and follows where it is led.
async fn ask(site: &Served, method: &str, path: &str, body: &str, who: (&str, &str), lang: &str) -> Answer {
    let headers = [who, ("content-type", FORM), ("accept", "text/html"), ("accept-language", lang)];
    let headers = if method == "POST" { &headers[..] } else { &[headers[0], headers[2], headers[3]] };
    let mut answer = site.ask(method, path, headers, body.as_bytes()).await;
    while [302, 303].contains(&answer.status) {
        let address = answer.header("location").split('#').next().unwrap().to_owned();
        let cookies: Vec<&str> = answer.cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
        let who = if cookies.is_empty() { who.1.to_owned() } else { [&[who.1], &cookies[..]].concat().join("; ") };
        let name = headers[0].0;
        let headers = [(name, who.as_str()), ("accept", "text/html"), ("accept-language", lang)];
        answer = site.ask("GET", &address, &headers, b"").await;
    }
    answer
}

/// Asks in both languages, and notes what is wrong.
async fn check(site: &Served, (method, path, body): (&str, &str, &str), who: (&str, &str), wrong: &mut Vec<String>) {
    for lang in ["zh", "en"] {
        let answer = ask(site, method, path, body, who, lang).await;
        if answer.header("content-type").starts_with("text/html") && !path.starts_with("/api/") {
            let place = format!("{method} {path} {body} in {lang}");
            wrong.extend(faults(lang, &answer).into_iter().map(|fault| format!("{place}: {fault}")));
        }
    }
}

#[track_caller]
fn nothing_is(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} in all:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

/// A charger with a history: errors, sessions, firmware, diagnostics, and what cannot be quite right.
async fn lived(site: &Served) -> Charger {
    site.running.site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    let mut charger = Charger::plug_in(site.addr(), "A").await.unwrap();
    for (action, reply) in [
        (
            "GetConfiguration",
            json!({ "configurationKey": [
            { "key": "HeartbeatInterval", "readonly": false, "value": "60" },
            { "key": "WebSocketPingInterval", "readonly": true, "value": "30" },
        ] }),
        ),
        ("GetLocalListVersion", json!({ "listVersion": 1 })),
        ("SendLocalList", json!({ "status": "Accepted" })),
        ("ReserveNow", json!({ "status": "Accepted" })),
        ("ChangeConfiguration", json!({ "status": "RebootRequired" })),
        (
            "GetCompositeSchedule",
            json!({ "status": "Accepted", "connectorId": 0, "scheduleStart": moment(0),
            "chargingSchedule": { "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 16.0, "numberPhases": 3 }] } }),
        ),
    ] {
        charger.replies.insert(action.to_owned(), reply);
    }
    let mut call = async |action: &str, payload: Value| charger.call(action, &payload).await.unwrap();
    call("BootNotification", frames::boot()).await;
    for (code, status) in [("NoError", "Available"), ("GroundFailure", "Faulted"), ("NoError", "Available")] {
        call("StatusNotification", json!({ "connectorId": 1, "errorCode": code, "status": status })).await;
    }
    call("FirmwareStatusNotification", json!({ "status": "Downloading" })).await;
    call("DiagnosticsStatusNotification", json!({ "status": "Uploading" })).await;
    call(
        "StopTransaction",
        json!({ "transactionId": 4711, "meterStop": 5, "timestamp": moment(-9), "reason": "EVDisconnected" }),
    )
    .await;
    call("MeterValues", frames::meter(4711, 5, &moment(-9))).await;
    let begun = call("StartTransaction", frames::start(0, &moment(-60))).await;
    let id = begun["transactionId"].as_i64().unwrap();
    call("MeterValues", frames::meter(id, 900, &moment(-30))).await;
    for (reason, register) in [("EVDisconnected", 1_000), ("PowerLoss", 2_000)] {
        let stop = json!({ "transactionId": id, "meterStop": register, "timestamp": moment(-register / 100), "reason": reason });
        call("StopTransaction", stop).await;
    }
    charger
}

/// What the forms on a charger's page show of its answers.
async fn answered(site: &Served, charger: &mut Charger) {
    let soon = moment(7_200);
    for (command, arguments) in [
        ("GetConfiguration", json!({})),
        ("GetLocalListVersion", json!({})),
        ("SendLocalList", json!({})),
        ("ReserveNow", json!({ "expiryDate": soon })),
        ("ChangeConfiguration", json!({ "key": "HeartbeatInterval", "value": "50" })),
        ("GetCompositeSchedule", json!({ "connectorId": 0 })),
        ("ClearCache", json!({})),
    ] {
        let body = json!({ "vchchargerid": "A", "command": command, "arguments": arguments }).to_string();
        let given =
            site.ask("POST", "/api/charger/command/", &[("content-type", "application/json")], body.as_bytes()).await;
        assert_eq!(given.status, 202, "{command}: {given:?}");
        let asked = loop {
            let (action, _) = charger.to_be_asked().await.unwrap();
            if action == command {
                break action;
            }
        };
        let path = format!("/api/charger/command/{}/", given.json()["id"]);
        let mut changed = site.running.site.subscribe();
        loop {
            changed.mark_unchanged();
            let state = site.get(&path).await.json()["state"].as_str().unwrap().to_owned();
            if !["queued", "sent"].contains(&state.as_str()) {
                break;
            }
            let change = tokio::time::timeout(Duration::from_mins(1), changed.changed());
            change.await.unwrap_or_else(|_| panic!("{asked} is never answered")).unwrap();
        }
    }
}

/// Pages as they are not at first: filtered, opened, and without what was asked for.
const PAGES: [&str; 17] = [
    "/nowhere/",
    "/overview/?show=chargers&by=day&count=3",
    "/devices/?search=nothing",
    "/devices/?state=charging&sort=contact",
    "/details/?charger_id=NONE",
    "/details/?charger_id=A",
    "/details/?charger_id=A&span=1d&events=all",
    "/details/?date=2015-11-24&record=1&start=1",
    "/records/?from=2015-01-01",
    "/records/?from=soon",
    "/records/?from=2000-01-01&to=2000-01-02",
    "/records/?state=running",
    "/cards/",
    "/audit/?kind=command",
    "/audit/?subject=nothing",
    "/log_in/code/",
    "/charger_password/?charger_id=A&said=sent",
];

/// Forms that are filled in wrongly, or for nothing.
const WRONG: [(&str, &str); 62] = [
    // Commands: at each kind of field.
    ("/fn/command", "command=ReserveNow&ReserveNow.expiryDate="),
    ("/fn/command", "command=ReserveNow&ReserveNow.expiryDate=soon"),
    ("/fn/command", "command=ReserveNow&ReserveNow.expiryDate=2015-01-01T00:00"),
    ("/fn/command", "command=SetChargingProfile&SetChargingProfile.limit=much"),
    ("/fn/command", "command=SetChargingProfile&SetChargingProfile.limit=-1"),
    ("/fn/command", "command=SetChargingProfile&SetChargingProfile.limit=99999999"),
    ("/fn/command", "command=SetChargingProfile&SetChargingProfile.limit=8&SetChargingProfile.purpose=none"),
    ("/fn/command", "command=SetChargingProfile&SetChargingProfile.limit=8&SetChargingProfile.unit=V"),
    ("/fn/command", "command=UpdateFirmware&UpdateFirmware.location=fw.bin"),
    ("/fn/command", "command=ChangeConfiguration&ChangeConfiguration.key=AuthorizationKey&ChangeConfiguration.value=x"),
    ("/fn/command", "command=ChangeConfiguration&ChangeConfiguration.key=%07&ChangeConfiguration.value=x"),
    ("/fn/command", "command=RemoteStartTransaction&RemoteStartTransaction.idTag=123456789012345678901"),
    ("/fn/command", "command=RemoteStopTransaction"),
    ("/fn/command", "command=UnlockConnector&UnlockConnector.connectorId=x"),
    ("/fn/command", "command=Reset?type=Gentle"),
    ("/fn/command", "command=Reset&Reset.gently=yes"),
    ("/fn/command", "command=TriggerMessage&TriggerMessage.requestedMessage=Dance"),
    ("/fn/command", "command=GetDiagnostics&c1=B"),
    ("/fn/command", "command=GetDiagnostics&GetDiagnostics.startTime=x"),
    // Twice: the second one is refused while the first one is pending.
    ("/fn/command", "command=DataTransfer&DataTransfer.vendorId=x"),
    // For nobody.
    ("/fn/command", "command=admit&c0=A"),
    ("/fn/command", "command=admit&c0=%07"),
    ("/fn/command", "command=put-card&back=/cards/&tag="),
    ("/fn/command", "command=put-card&back=/cards/&tag=123456789012345678901"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A1&group=%07"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A1&expires=soon"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A1&blocked=maybe"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A1&note=%07"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A1&note=Anna"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A2&blocked=1"),
    ("/fn/command", "command=put-card&back=/cards/&tag=A3&expires=2001-01-01"),
    ("/fn/command", "command=block-card&back=/cards/&tag=none"),
    ("/fn/command", "command=remove-card&back=/cards/&tag="),
    ("/fn/command", "command=cards-csv&back=/cards/&csv="),
    ("/fn/command", "command=cards-csv&back=/cards/&csv=A4,,,,%0AA5,,,soon,"),
    ("/fn/command", "command=cards-csv&back=/cards/&csv=A4,,2,,"),
    ("/fn/command", "command=cards-csv&back=/cards/&csv=A4,,,,"),
    // The settings.
    (
        "/fn/settings/save",
        "card_reader_port=&installation_year=x&installation_month=-1&current_distribution=2&meter_port=%07",
    ),
    ("/fn/settings/save", "phase_sequence=AAB&energy_step=x&energy_per_count=0&max_current_a=10001&currency="),
    // Accounts.
    ("/log_in/", "username=boss&password=wrong"),
    ("/log_in/code/", "code=wrong"),
    ("/account/", "deed=password&old=wrong&new=kF9-wuz2-pQx-8"),
    ("/account/", "deed=password&old=kF9-wuz2-pQx-7&new=short"),
    ("/account/", "deed=password&old=kF9-wuz2-pQx-7&new=passwordpassword"),
    ("/account/", "deed=token&name=&role=viewer&days=30&password=kF9-wuz2-pQx-7"),
    ("/account/", "deed=token&name=x&role=none&days=30&password=kF9-wuz2-pQx-7"),
    ("/account/", "deed=token&name=x&role=viewer&days=31&password=kF9-wuz2-pQx-7"),
    ("/account/", "deed=token&name=x&role=viewer&days=0&password=wrong"),
    ("/account/", "deed=revoke&id=99"),
    ("/account/", "deed=dance"),
    ("/account/", "deed=factor-on&password=kF9-wuz2-pQx-7&code=1"),
    ("/users/", "deed=add&name=terminal&password=kF9-wuz2-pQx-8&role=viewer"),
    ("/users/", "deed=add&name=a+b&password=kF9-wuz2-pQx-8&role=viewer"),
    ("/users/", "deed=add&name=boss&password=kF9-wuz2-pQx-8&role=viewer"),
    ("/users/", "deed=add&name=Anna&password=short&role=viewer"),
    ("/users/", "deed=add&name=Anna&password=kF9-wuz2-pQx-8&role=none"),
    ("/users/", "deed=disable&id=1"),
    ("/users/", "deed=disable&id=99"),
    // Passwords of chargers.
    ("/charger_password/", "charger_id=A&deed=set&password=short"),
    ("/charger_password/", "charger_id=A&deed=set&password=passwordpassword"),
    ("/charger_password/", "charger_id=NONE&deed=random"),
    ("/charger_password/", "charger_id=A&deed=dance"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_page_and_no_outcome_of_a_form_mixes_languages() {
    let site = Served::documented(SITE_2015, "2015-12-28T12:00:00", "10245006").await;
    let mut charger = lived(&site).await;
    answered(&site, &mut charger).await;
    site.running.site.register_charge_point(Identity::new("B").unwrap(), None).await.unwrap();
    assert!(Charger::plug_in(site.addr(), "STRANGER").await.is_err());
    let viewer = format!("Bearer {}", site.account("viewer", Role::Viewer).await);
    let boss = cookie(&site, BOSS, "").await;
    let mut wrong = Vec::new();
    for path in PAGES {
        for who in [("cookie", boss.as_str()), ("cookie", ""), ("authorization", &viewer)] {
            check(&site, ("GET", path, ""), who, &mut wrong).await;
        }
    }
    for (path, form) in WRONG {
        // Somewhere among these it is told, in each language anew.
        let form = if path == "/fn/command" && !form.contains("back=") {
            format!("{form}&c0=A&back=/details/?charger_id%3DA")
        } else {
            form.to_owned()
        };
        check(&site, ("POST", path, &form), ("cookie", &boss), &mut wrong).await;
    }
    nothing_is(&wrong);
    drop(charger);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_door_mixes_languages() {
    let site = Served::documented(SITE_2015, "2015-12-28T12:00:00", "10245006").await;
    let device = cookie(&site, BOSS, "").await;
    let mut wrong = Vec::new();
    for (_, method, path, kind, body, _) in TABLE {
        // One that chooses the language is checked by all others; one is for those who work on the interface.
        if (*kind == FORM || kind.is_empty())
            && !["/preferences", "/gallery"].iter().any(|other| path.starts_with(other))
        {
            // Each time anew, as some of them sign out.
            let boss = cookie(&site, BOSS, &device).await;
            check(&site, (method, path, body), ("cookie", &boss), &mut wrong).await;
            check(&site, (method, path, body), ("cookie", ""), &mut wrong).await;
        }
    }
    nothing_is(&wrong);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulators_page_mixes_no_languages() {
    let site = Served::start(None, |config| config.simulator = true).await;
    let mut wrong = Vec::new();
    let boss = cookie(&site, BOSS, "").await;
    for who in [boss.as_str(), ""] {
        check(&site, ("GET", "/simulator/", ""), ("cookie", who), &mut wrong).await;
        check(&site, ("GET", "/devices/", ""), ("cookie", who), &mut wrong).await;
        check(&site, ("GET", "/overview/", ""), ("cookie", who), &mut wrong).await;
        check(&site, ("GET", "/records/", ""), ("cookie", who), &mut wrong).await;
        check(&site, ("GET", "/details/", ""), ("cookie", who), &mut wrong).await;
        check(&site, ("POST", "/simulator/", "charger=none&deed=plug-in"), ("cookie", who), &mut wrong).await;
    }
    nothing_is(&wrong);
    site.end().await;
}

#[test]
fn words_of_the_other_language_are_found() {
    for (lang, text, found) in [
        ("zh", "电桩 A：卡号：最多 20 个字符。", None),
        ("zh", "A: idTag: maxLength 20 exceeded", Some("idTag")),
        ("zh", "未登记的卡可以充电（--unknown-cards accept）。", None),
        ("zh", "命令 A 已 refused.", Some("refused")),
        ("zh", "电桩:在线", Some("桩:")),
        ("zh", "已保存.", Some("存.")),
        ("zh", "RemoteStartTransaction 已接受", None),
        ("en", "Charger (电桩)", Some("电")),
        ("en", "A：B", Some("：")),
        ("en", "12 sessions", None),
    ] {
        assert_eq!(foreign(lang, text).as_deref(), found, "{text}");
    }
    let page = "<html lang=\"zh\"><p title=\"说\">一<span lang=\"en\">one &amp; two</span><!-- no --><br><code>x</code>二</p></html>";
    let expected = [("zh", "说"), ("zh", "一"), ("en", "one & two"), ("zh", "二")];
    assert_eq!(said(page), expected.map(|(lang, text)| (lang.to_owned(), text.to_owned())));
    let plural =
        |texts: &[&str]| wrong_plural(&texts.iter().map(|it| ("en".to_owned(), (*it).to_owned())).collect::<Vec<_>>());
    assert_eq!(plural(&["1", "chargers"]).as_deref(), Some("1 chargers"));
    assert_eq!(plural(&["11 chargers, 1 charger", "1 is"]), None);
}
