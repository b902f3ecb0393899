//! Who did what: each deed leaves one entry, nothing secret is in it, and it is shown and given out to administrators.

use crate::access::{FORM, JSON, Need, TABLE};
use crate::alerts::cut_off;
use crate::client::{self, Answer, PASSWORD, SITE_2015, Served};
use crate::command::bmw;
use bmw_domain::account::Role;
use bmw_domain::calendar::Timestamp;
use bmw_domain::diagnostics::FileName;
use bmw_domain::record::Identity;
use bmw_site::Caller;
use bmw_site::access::{Credentials, Entered, OwnFactor, Visitor};
use bmw_store::{AuditEntry, AuditFilter, FactorSecret, NewCommand, NewSecondFactor, OpenOptions, Role as StoreRole};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// Only what never comes takes so long.
const PATIENCE: Duration = Duration::from_mins(1);
const CHARGER: &str = "10245006";

/// What is done: the door and the word of its form as the table of doors has them, the method, an address, the body, and the kind
/// of the entry that it leaves. In this order, by one administrator.
type Deed = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const DEEDS: &[Deed] = &[
    ("/log_in", "", "POST", "/log_in/", "username=anna&password=wrong", "sign_in.fail"),
    ("/log_in", "", "POST", "/log_in/", "username=anna&password=kF9-wuz2-pQx-7", "sign_in.begin"),
    ("/api-token-auth/", "", "POST", "/api-token-auth/", "username=anna&password=kF9-wuz2-pQx-7", "token.add"),
    ("/api/basic/settings/", "", "POST", "/api/basic/settings/", API_SETTINGS, "settings.save"),
    ("/fn/settings/save", "", "POST", "/fn/settings/save", SETTINGS, "settings.save"),
    ("/api/charger/command/", "", "POST", "/api/charger/command/", r#"{"vchchargerid":"10245006","command":"ClearCache"}"#, "command.ClearCache"),
    ("/fn/command", "Reset", "POST", "/fn/command", "command=Reset&c0=10245006", "command.Reset"),
    ("/fn/command", "admit", "POST", "/fn/command", "command=admit&c0=NEW", "charger.admit"),
    ("/fn/command", "put-card", "POST", "/fn/command", "command=put-card&tag=A", "card.put"),
    ("/fn/command", "block-card", "POST", "/fn/command", "command=block-card&tag=A", "card.put"),
    ("/fn/command", "unblock-card", "POST", "/fn/command", "command=unblock-card&tag=A", "card.put"),
    ("/fn/command", "cards-csv", "POST", "/fn/command", "command=cards-csv&csv=A%0AB", "card.put"),
    ("/fn/command", "remove-card", "POST", "/fn/command", "command=remove-card&tag=A", "card.remove"),
    ("/api/alerts/", "", "POST", "/api/alerts/", r#"{"until":99}"#, "alert.acknowledge"),
    ("/fn/command", "acknowledge", "POST", "/fn/command", "command=acknowledge&until=99", "alert.acknowledge"),
    ("/api/distribution/", "", "POST", "/api/distribution/", r#"{"headroom":1,"safe":0,"turn":15,"has_meter":0}"#, "distribution.save"),
    ("/fn/command", "save-distribution", "POST", "/fn/command", "command=save-distribution&headroom=2&safe=0&turn=20&has_meter=0", "distribution.save"),
    ("/api/distribution/wiring/", "", "POST", "/api/distribution/wiring/", r#"{"vchchargerid":"10245006","cable":16}"#, "distribution.wiring"),
    ("/fn/command", "save-wiring", "POST", "/fn/command", "command=save-wiring&charger=10245006&cable=20", "distribution.wiring"),
    ("/records/export.csv", "", "GET", "/records/export.csv", "", "export.records"),
    ("/cards/export.csv", "", "GET", "/cards/export.csv", "", "export.cards"),
    ("/details/frames.txt", "", "GET", "/details/frames.txt?charger_id=10245006", "", "export.frames"),
    ("/details/diagnostics/{id}", "", "GET", "/details/diagnostics/1", "", "export.diagnostics"),
    ("/audit/export.csv", "", "GET", "/audit/export.csv?account=anna", "", "export.audit"),
    ("/account", "token", "POST", "/account/", "deed=token&name=meter&role=viewer&days=30&password=kF9-wuz2-pQx-7", "token.add"),
    ("/account", "revoke", "POST", "/account/", "deed=revoke&id=TOKEN", "token.remove"),
    ("/account", "end", "POST", "/account/", "deed=end&id=SIGN_IN", "sign_in.end"),
    ("/account", "end-others", "POST", "/account/", "deed=end-others", "sign_in.end"),
    ("/account", "factor-on", "POST", "/account/", "deed=factor-on&password=kF9-wuz2-pQx-7&code=CODE", "account.second_factor.on"),
    ("/log_in/code", "", "POST", "/log_in/code/", "code=CODE", "sign_in.begin"),
    ("/account", "factor-codes", "POST", "/account/", "deed=factor-codes&password=kF9-wuz2-pQx-7&code=CODE", "account.recovery_codes"),
    ("/account", "factor-off", "POST", "/account/", "deed=factor-off&password=kF9-wuz2-pQx-7&code=CODE", "account.second_factor.off"),
    ("/account", "password", "POST", "/account/", "deed=password&old=kF9-wuz2-pQx-7&new=mQ8-tuz4-pLx-2", "account.password"),
    ("/users", "add", "POST", "/users/", "deed=add&role=viewer&name=bob&password=mQ8-tuz4-pLx-2", "account.add"),
    ("/users", "role", "POST", "/users/", "deed=role&role=operator&id=USER", "account.role"),
    ("/users", "disable", "POST", "/users/", "deed=disable&id=USER", "account.disable"),
    ("/users", "enable", "POST", "/users/", "deed=enable&id=USER", "account.enable"),
    ("/users", "password", "POST", "/users/", "deed=password&id=USER&password=mQ8-tuz4-pLx-2", "account.password"),
    ("/users", "factor-off", "POST", "/users/", "deed=factor-off&id=USER", "account.second_factor.off"),
    ("/api/charger/password/", "", "POST", "/api/charger/password/", r#"{"vchchargerid":"10245006","action":"random"}"#, "charger.password.set"),
    ("/charger_password", "random", "POST", "/charger_password/", "deed=random&charger_id=10245006", "charger.password.set"),
    ("/charger_password", "set", "POST", "/charger_password/", "deed=set&charger_id=10245006&password=kF9-wuz2-pQx-7-abc", "charger.password.set"),
    ("/charger_password", "remove", "POST", "/charger_password/", "deed=remove&charger_id=10245006", "charger.password.remove"),
    ("/log_out", "", "POST", "/log_out/", "", "sign_in.end"),
];

/// What needs a role, or is a POST, and does nothing: it only shows. What is done to simulated chargers happens outside of the site.
/// To send a password leaves two entries, that of the password and that of the command: see `charger_passwords.rs`.
const NO_DEEDS: [(&str, &str, &str); 18] = [
    // A reading of a meter, each few seconds.
    ("/api/distribution/meter/", "POST", ""),
    ("/api/charger/password/", "GET", ""),
    ("/charger_password", "GET", ""),
    ("/charger_password", "POST", "send"),
    ("/api/charger/command/{id}/", "GET", ""),
    ("/api/audit/", "GET", ""),
    ("/account", "GET", ""),
    // A second factor is none until it is turned on. A sign-in takes the place of that which begins it.
    ("/account", "POST", "factor-begin"),
    ("/account", "POST", "factor-leave"),
    ("/users", "GET", ""),
    ("/audit", "GET", ""),
    ("/simulator", "POST", "plug-in"),
    ("/simulator", "POST", "pull-out"),
    ("/simulator", "POST", "card"),
    ("/simulator", "POST", "break"),
    ("/simulator", "POST", "mend"),
    ("/simulator", "POST", "unplug"),
    // It is a charge point that uploads, since it was asked to.
    ("/ocpp/upload/{*token}", "POST", ""),
];

const API_SETTINGS: &str = r#"{"vchcardreadercom":"Com10","yeainstallyear":"2013","intinstallmonth":100,
    "blncurrentdistribution":1,"vchpowermetercom":"Com4","vchpowersequence":"ABC","intcurrency":86,
    "dblchargingdeductionpower":3.0,"intchargingdeductionminute":120,"intdeductionprioritypower":2,
    "intdeductionpriorityminute":1,"dblpowercoefficient":0.001,"blninternaltesting":1,"intmaxcurrenta":32,
    "intmaxcurrentb":16,"intmaxcurrentc":32}"#;
const SETTINGS: &str = "card_reader_port=Com1&installation_year=2013&installation_month=1&current_distribution=1\
    &meter_port=Com4&phase_sequence=ABC&currency=86&energy_step=3&time_step=120&priority_per_energy_step=2\
    &priority_per_time_step=1&energy_per_count=0.001&internal_testing=0&max_current_a=32&max_current_b=32\
    &max_current_c=32";

/// The word by which a form says what it is about.
fn word(body: &str) -> &str {
    let mut fields = body.split('&').filter_map(|field| field.split_once('='));
    fields.find(|(name, _)| ["deed", "command"].contains(name)).map_or("", |(_, word)| word)
}

async fn log(site: &Served) -> Vec<AuditEntry> {
    site.running.site.store().audit_log(1000).await.unwrap()
}

/// Waits until there are so many entries of a kind, and gives them, newest first.
async fn entries(site: &Served, kind: &str, count: usize) -> Vec<AuditEntry> {
    let begun = Instant::now();
    loop {
        let found: Vec<AuditEntry> = log(site).await.into_iter().filter(|entry| entry.action == kind).collect();
        if found.len() >= count {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{kind}: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const fn visitor() -> Visitor<'static> {
    let address = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    Visitor { address, device: None, before: None, user_agent: "" }
}

/// A charge point has uploaded so many parts of half a MiB.
async fn diagnostics(site: &Served, parts: i32) {
    let store = site.running.site.store();
    let charge_point = site.running.site.charge_point(None).unwrap().key;
    let (action, at) = (bmw_domain::command::Action::GetDiagnostics, Timestamp(1));
    let new = NewCommand { charge_point, action, arguments: "{}".to_owned(), key: None, at };
    let entry = Caller::terminal().entry("command.GetDiagnostics", "null".to_owned(), "null".to_owned());
    let command = store.add_command(&new, &entry).await.unwrap();
    let file = store.begin_diagnostics(charge_point, command.id).await.unwrap();
    for number in 0..parts {
        store.add_diagnostics_part(file, number, &vec![b'x'; 512 << 10]).await.unwrap();
    }
    store.finish_diagnostics(file, &FileName::of("d.txt").unwrap(), Timestamp(2)).await.unwrap();
}

async fn of_2015() -> Served {
    Served::start(Some(SITE_2015), |config| {
        config.now = bmw_domain::calendar::LocalTime::parse("2015-12-28T12:00:00");
        config.default_charger = Some(CHARGER.to_owned());
    })
    .await
}

/// The cookies of an answer.
fn given(answer: &Answer) -> String {
    let given = answer.cookies.iter().map(|cookie| cookie.split(';').next().unwrap());
    given.collect::<Vec<_>>().join("; ")
}

/// Makes ready what a deed needs that is about a second factor; what its app knows.
async fn factor(site: &Served, door: &str, deed: &str, cookie: &mut String) -> String {
    let access = &site.running.access;
    if deed == "factor-on" {
        let headers = [("cookie", cookie.as_str()), ("content-type", FORM)];
        *cookie = given(&site.ask("POST", "/account/", &headers, b"deed=factor-begin").await);
        let session = cookie.split("bmw_session=").nth(1).unwrap().split(';').next().unwrap();
        let caller = access.identify(Credentials::Cookie(session), visitor().address).unwrap();
        let OwnFactor::Begun(setup) = access.second_factor(&caller).await.unwrap() else { panic!("it has begun") };
        return setup.secret;
    }
    let secret = [7; 20];
    if door == "/log_in/code" || deed.starts_with("factor-") {
        // As if its codes had never been used: of each step one is good once.
        let new = NewSecondFactor { secret: FactorSecret(secret), last_step: 0, codes: Vec::new() };
        let (store, entry) =
            (site.running.site.store(), Caller::terminal().entry("test", "0".to_owned(), "0".to_owned()));
        let accounts = store.accounts().await.unwrap().accounts;
        let anna = accounts.iter().position(|stored| stored.account.name.as_str() == "anna").unwrap();
        let place = if door == "/users" { accounts.len() - 1 } else { anna };
        store.set_second_factor(accounts[place].account.key, Some(&new), &[], &entry).await.unwrap();
    }
    if door == "/log_in/code" {
        let Ok(Entered::Code(awaited)) = access.sign_in("anna", PASSWORD, visitor()).await else { panic!("a code") };
        *cookie = format!("bmw_awaited={}", awaited.secret.as_str());
    }
    totp_rs::Secret::from(secret).to_base32()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deed_leaves_one_entry() {
    let site = of_2015().await;
    site.account("anna", Role::Administrator).await;
    diagnostics(&site, 1).await;
    let (store, access) = (site.running.site.store(), &site.running.access);
    let mut cookie = String::new();
    for (door, deed, method, address, body, kind) in DEEDS {
        if deed.starts_with("end") {
            access.sign_in("anna", PASSWORD, visitor()).await.unwrap();
        }
        if *kind == "alert.acknowledge" {
            cut_off(&site, site.running.site.charge_point(None).unwrap().key, "PowerLoss").await;
        }
        let factor = factor(&site, door, deed, &mut cookie).await;
        let known = store.accounts().await.unwrap();
        let last = |ids: Vec<i64>| ids.into_iter().max().unwrap_or(0).to_string();
        let body = body
            .replace("CODE", &client::code(&factor, 0))
            .replace("TOKEN", &last(known.tokens.iter().map(|it| it.token.id).collect()))
            .replace("SIGN_IN", &last(known.sign_ins.iter().map(|it| it.sign_in.id).collect()))
            .replace("USER", &last(known.accounts.iter().map(|it| it.account.key.0).collect()));
        let before = log(&site).await;
        let format = if body.starts_with('{') { JSON } else { FORM };
        let headers = [("cookie", cookie.as_str()), ("content-type", format), ("accept", "text/html")];
        let answer = site.ask(method, address, &headers[..], body.as_bytes()).await;
        let is_refused = answer.status >= 400 || answer.header("location").contains("refused");
        assert_eq!(is_refused, *kind == "sign_in.fail", "{method} {address} {body}: {answer:?}");
        let is_anew = door == &"/account" && !answer.cookies.is_empty();
        if *kind == "sign_in.begin" || is_anew {
            cookie = given(&answer);
        }
        let after = log(&site).await;
        // How commands end is seen at any time; and who proves himself by all is signed in anew.
        let is_other =
            |entry: &&AuditEntry| entry.action == "command.outcome" || is_anew && entry.action == "sign_in.begin";
        let mut left = after[..after.len() - before.len()].iter().filter(|entry| !is_other(entry));
        let entry = left.next().unwrap_or_else(|| panic!("{method} {address} {body} leaves no entry"));
        assert!(left.next().is_none(), "{method} {address} {body} leaves more than one entry");
        assert_eq!(entry.action, *kind, "{door} {deed}");
        assert!(entry.actor.starts_with(if *kind == "sign_in.fail" { "" } else { "anna" }), "{entry:?}");
        assert_eq!(entry.origin, "127.0.0.1");
        assert!(bmw_app::text::audit::is_known(kind), "{kind} has no name");
        for json in [&entry.before, &entry.after] {
            serde_json::from_str::<Value>(json).unwrap();
        }
    }
    let outcomes = entries(&site, "command.outcome", 2).await;
    for entry in outcomes {
        assert_eq!((entry.actor.as_str(), entry.origin.as_str(), entry.subject.as_str()), ("", "", CHARGER));
        let after: Value = serde_json::from_str(&entry.after).unwrap();
        assert_eq!(after["state"], "offline", "it is not connected");
        assert!(["Reset", "ClearCache"].contains(&after["command"].as_str().unwrap()), "{after}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_downloads_does_not_fill_the_log() {
    let site = of_2015().await;
    let viewer = format!("Bearer {}", site.account("viewer", Role::Viewer).await);
    let (viewer, long) = ([("authorization", viewer.as_str())], "x".repeat(25_000));
    let paths = [
        format!("/details/frames.txt?charger_id={CHARGER}&frames={long}"),
        format!("/records/export.csv?charger_id={long}&card={long}"),
        format!("/records/export.csv?charger_id={}", "%E6%A1%A9".repeat(5_000)),
        "/cards/export.csv".to_owned(),
    ];
    let before = log(&site).await.len();
    // The head alone is no download, for those who might have one.
    for path in &paths {
        assert_eq!(site.ask("HEAD", path, &viewer, b"").await.status, 200);
        assert_eq!(site.ask("HEAD", path, &[("cookie", "")], b"").await.status, 401);
    }
    assert_eq!(log(&site).await.len(), before);
    for path in &paths {
        assert_eq!(site.ask("GET", path, &viewer, b"").await.status, 200);
    }
    let audit = format!("/audit/export.csv?account={long}&subject={long}");
    assert_eq!(site.ask("HEAD", &audit, &[], b"").await.status, 200);
    assert_eq!(site.get(&audit).await.status, 200);
    // A charge point may be asked for more than is kept here.
    let data = json!({ "vchchargerid": CHARGER, "command": "DataTransfer",
        "arguments": { "vendorId": "v", "data": &long } });
    let given = site.ask("POST", "/api/charger/command/", &[("content-type", JSON)], data.to_string().as_bytes()).await;
    assert_eq!(given.status, 202, "{given:?}");
    let new: Vec<_> = log(&site).await.into_iter().filter(|entry| entry.action != "command.outcome").collect();
    assert_eq!(new.len(), before + paths.len() + 2, "{new:?}");
    for entry in &new {
        let most = if entry.action == "command.DataTransfer" { 2_200 } else { 600 };
        let size = (entry.subject.chars().count(), entry.after.chars().count());
        assert!(size.0 <= 200 && size.1 <= most, "{size:?} {entry:?}");
    }
    let frames = new.iter().find(|entry| entry.action == "export.frames").unwrap();
    let told: Value = serde_json::from_str(&frames.after).unwrap();
    assert_eq!(told["containing"], "x".repeat(199) + "…", "its beginning is told");
    site.end().await;
}

#[test]
fn every_door_by_which_something_is_done_is_known_here() {
    let doors = TABLE
        .iter()
        .filter(|(_, method, .., need)| *method == "POST" || matches!(need, Need::Role(_) | Need::Person(_)));
    let doors: BTreeSet<_> = doors.map(|(door, method, _, _, body, _)| (*door, *method, word(body))).collect();
    let deeds = DEEDS.iter().map(|(door, deed, method, ..)| (*door, *method, *deed));
    let known: BTreeSet<_> = deeds.chain(NO_DEEDS).collect();
    assert_eq!(
        doors.difference(&known).collect::<Vec<_>>(),
        Vec::<&(&str, &str, &str)>::new(),
        "deeds without an entry"
    );
    assert_eq!(
        known.difference(&doors).collect::<Vec<_>>(),
        Vec::<&(&str, &str, &str)>::new(),
        "deeds that are no more"
    );
}

async fn try_in(site: &Served, name: &str, password: &str) -> u16 {
    let body = format!("username={name}&password={password}");
    site.ask("POST", "/log_in/", &[("content-type", FORM), ("cookie", "")], body.as_bytes()).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_does_not_fill_the_log() {
    let site = Served::empty().await;
    for _ in 0..30 {
        // He has typed his password in the wrong place.
        assert!([400, 429].contains(&try_in(&site, PASSWORD, "x").await));
    }
    let told = entries(&site, "sign_in.fail", 2).await;
    let counts: Vec<Value> = told.iter().map(|entry| serde_json::from_str(&entry.after).unwrap()).collect();
    assert_eq!(counts.iter().map(|it| it["failures"].as_i64().unwrap()).collect::<Vec<_>>(), [10, 1]);
    for entry in told {
        assert_eq!((entry.actor.as_str(), entry.origin.as_str(), entry.subject.as_str()), ("", "127.0.0.1", ""));
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_name_that_is_one_a_failed_sign_in_tells_the_account() {
    let site = Served::empty().await;
    assert_eq!(try_in(&site, "BOSS", "wrong").await, 400);
    assert_eq!(entries(&site, "sign_in.fail", 1).await[0].subject, "boss");
    site.end().await;
}

/// What administrators see of the log: the page in both languages, the CSV, and the JSON.
async fn shown(site: &Served, query: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (path, lang) in [("/audit/", "en"), ("/audit/", "zh"), ("/audit/export.csv", "zh"), ("/api/audit/", "en")] {
        let answer = site.ask("GET", &format!("{path}{query}"), &[("accept-language", lang)], b"").await;
        assert_eq!(answer.status, 200, "{path}");
        texts.push(text(&answer));
    }
    texts
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_in_it() {
    let site = of_2015().await;
    let token = site.account("anna", Role::Operator).await;
    let entered = site.running.access.sign_in("anna", PASSWORD, visitor()).await;
    let Ok(Entered::In(signed_in)) = entered else { panic!("{entered:?}") };
    assert_eq!(try_in(&site, "anna", "WRONGSECRET").await, 400);
    for arguments in [
        json!({ "command": "ChangeConfiguration", "arguments": { "key": "WifiPassword", "value": "KEYSECRET1" } }),
        json!({ "command": "UpdateFirmware", "arguments": {
            "location": "ftp://user:URLSECRET@host/f.bin?sig=QUERYSECRET", "retrieveDate": "2030-01-01T00:00:00Z" } }),
        json!({ "command": "GetDiagnostics", "arguments": { "location": "https://user:URLSECRET@host/" } }),
    ] {
        let mut body = arguments;
        body["vchchargerid"] = CHARGER.into();
        let body = body.to_string();
        let answer = site.ask("POST", "/api/charger/command/", &[("content-type", JSON)], body.as_bytes()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    entries(&site, "command.outcome", 3).await;
    let secrets = ["SECRET", PASSWORD, "argon2", &token, signed_in.secret.as_str(), signed_in.device.as_str()];
    let stored = log(&site).await.into_iter().map(|entry| format!("{entry:?}"));
    for text in stored.chain(shown(&site, "").await) {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    site.end().await;
}

async fn put_card(site: &Served, fields: &str) {
    let body = format!("command=put-card&{fields}");
    assert!(site.ask("POST", "/fn/command", &[("content-type", FORM)], body.as_bytes()).await.status < 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_looked_through() {
    let site = of_2015().await;
    put_card(&site, "tag=Anna1&note=old").await;
    put_card(&site, "tag=Anna1&note=new%2Cer").await;
    put_card(&site, "tag=%3D1%2B1").await;
    site.ask("POST", "/api/basic/settings/", &[("content-type", JSON)], API_SETTINGS.as_bytes()).await;
    let [page, chinese, csv, json] = shown(&site, "?kind=card.put&subject=ANNA1").await.try_into().unwrap();
    for word in ["Card entered or changed", "Anna1", "boss", "api-token-auth", "<del>old</del>", "<ins>new,er</ins>"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    assert!(chinese.contains("登记或修改卡") && !page.contains("<script"));
    assert!(!page.contains("<td data-label=\"What\">Settings changed"));
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines[0], "\u{feff}id,time,utc_ms,who,address,kind,what,subject,before,after");
    assert_eq!(lines.len(), 4, "{csv}");
    assert!(lines[1].contains(",boss (api-token-auth),127.0.0.1,card.put,登记或修改卡,Anna1,"), "{csv}");
    assert!(lines[1].contains(r#"""note"":""new,er"""#), "{csv}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["entries"].as_array().unwrap().len(), &json["next"]), (2, &Value::Null));
    let newest = &json["entries"][0];
    assert_eq!((&newest["account"], &newest["token"]), (&"boss".into(), &"api-token-auth".into()));
    assert_eq!((&newest["before"][0]["note"], &newest["after"][0]["note"]), (&"old".into(), &"new,er".into()));
    // No spreadsheet takes it for a formula.
    let csv = text(&site.get("/audit/export.csv?subject=%3D1%2B1").await);
    assert!(csv.contains(",\"'=1+1\","), "{csv}");
    // Settings: only what differs.
    let page = text(&site.ask("GET", "/audit/?kind=settings", &[("accept-language", "en")], b"").await);
    assert!(page.contains("Maximum current, phase B: </span><del>32</del> → <ins>16</ins>"), "{page}");
    assert!(!page.contains("Maximum current, phase A"), "{page}");
    // The CSV is a deed itself, with what was asked for.
    let told = &entries(&site, "export.audit", 2).await[0];
    assert_eq!(told.after, json!({ "subject": "=1+1" }).to_string());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_in_parts() {
    let site = Served::empty().await;
    for number in 0..60 {
        let entry = Caller::terminal().entry("site.import", "null".to_owned(), json!({ "models": number }).to_string());
        site.running.site.store().add_audit(&entry).await.unwrap();
    }
    let mut numbers = Vec::new();
    let mut query = "?num=25&account=terminal&kind=site".to_owned();
    loop {
        let part = site.get(&format!("/api/audit/{query}")).await.json();
        numbers.extend(part["entries"].as_array().unwrap().iter().map(|it| it["after"]["models"].as_i64().unwrap()));
        let Some(next) = part["next"].as_str() else { break };
        query = format!("?num=25&account=terminal&kind=site&before={next}");
    }
    assert_eq!(numbers, (0..60).rev().collect::<Vec<_>>());
    let page = text(&site.ask("GET", "/audit/?kind=site", &[("accept-language", "en")], b"").await);
    assert_eq!(page.matches("<tr>").count(), 51);
    let older = page.split("href=\"").find(|rest| rest.starts_with("/audit/?kind=site&amp;before=")).unwrap();
    let older = older.split('"').next().unwrap().replace("&amp;", "&");
    let page = text(&site.ask("GET", &older, &[("accept-language", "en")], b"").await);
    assert_eq!(page.matches("<tr>").count(), 11);
    assert!(page.contains("Newest") && !page.contains("Older"));
    for (query, word) in [
        ("?kind=nothing", "No entry matches."),
        ("?subject=%00", "No entry matches."),
        ("?to=2015-01-01", "No entry matches."),
        ("?from=x&before=y&kind=site", "Site file imported"),
    ] {
        let page = text(&site.ask("GET", &format!("/audit/{query}"), &[("accept-language", "en")], b"").await);
        assert!(page.contains(word), "{query}: {page}");
    }
    for (query, field) in [("?num=0", "num"), ("?before=x", "before"), ("?from=x", "from"), ("?kind=a&kind=b", "kind")]
    {
        assert_eq!(site.get(&format!("/api/audit/{query}")).await.wrong_fields(), [field]);
    }
    site.end().await;
}

/// Asks for a download, loses the right when it has begun, and reads slowly to the end: what came of it.
async fn read_without_right(site: &Served, path: &str) -> Vec<u8> {
    let token = site.account("reader", Role::Viewer).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut line = socket.connect(site.addr()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n");
    line.write_all(head.as_bytes()).await.unwrap();
    let mut received = vec![0; 4096];
    line.read_exact(&mut received).await.unwrap();
    assert!(received.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&received));
    let (access, terminal) = (&site.running.access, Caller::terminal());
    let accounts = access.accounts(&terminal).await.unwrap();
    let reader = accounts.iter().find(|account| account.name.as_str() == "reader").unwrap().key;
    access.set_disabled(&terminal, reader, true).await.unwrap();
    let rest = tokio::time::timeout(PATIENCE, async {
        // It may be broken off by force.
        drop(line.read_to_end(&mut received).await);
        received
    });
    rest.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_ends_with_the_right_to_it() {
    let site = of_2015().await;
    diagnostics(&site, 48).await;
    let received = read_without_right(&site, "/details/diagnostics/1").await;
    assert!(received.len() < 20 << 20, "{}", received.len());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_ends_with_the_right_to_it() {
    let record = |id: u32| {
        json!({ "intrecordid": id, "vchchargerid": "A", "dblenergy": 1, "vchcardid": "A-CARD-OF-20-SIGNS--",
                "dttstarttime": "2015-11-24T10:00:00", "dttrealfinish": "2015-11-24T11:00:00" })
    };
    let file = json!({ "chargers": [{ "vchchargerid": "A", "vchmodelid": "" }],
                       "charging_records": (1..=90_000).map(record).collect::<Vec<_>>() });
    let site = Served::documented(&file.to_string(), "2015-11-24T12:00:00", "A").await;
    let whole = site.get("/records/export.csv").await.body.len();
    assert!(whole > 6 << 20, "{whole}");
    let received = read_without_right(&site, "/records/export.csv").await;
    assert!(received.len() < whole && !received.ends_with(b"0\r\n\r\n"), "{} of {whole}", received.len());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.json");
    std::fs::write(&file, SITE_2015).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        &["import", "--replace", file][..],
        &["import", "/no/such/file"],
        &["createsuperuser", "--username", "anna", "--password-stdin"],
        &["export", "-"],
        &["migrate", "--timezone", "Europe/Berlin"],
    ] {
        let mut program = bmw(folder.path(), arguments);
        let mut program = program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Who asks for no password may have ended already.
        drop(std::io::Write::write_all(&mut program.stdin.take().unwrap(), PASSWORD.as_bytes()));
        assert_eq!(program.wait().unwrap().success(), arguments[1] != "/no/such/file", "{arguments:?}");
    }
    let url = format!("sqlite://{}/bmw.db", folder.path().display());
    let (store, _) = bmw_store::open(&OpenOptions { url, zone: None, role: StoreRole::Reader }).await.unwrap();
    let log = store.audit_log(10).await.unwrap();
    store.close().await;
    let kinds: Vec<&str> = log.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(kinds, ["site.import", "account.add", "site.export", "site.zone"]);
    assert!(log.iter().all(|entry| (entry.actor.as_str(), entry.origin.as_str()) == ("terminal", "terminal")));
    let after: Value = serde_json::from_str(&log[3].after).unwrap();
    assert_eq!((&after["mode"], &after["chargers"]), (&"replace".into(), &18.into()));
    assert_eq!(serde_json::from_str::<Value>(&log[3].before).unwrap()["settings"]["currency"], 86);
    let zones = (json!({ "zone": "Asia/Shanghai" }).to_string(), json!({ "zone": "Europe/Berlin" }).to_string());
    assert_eq!((&log[0].before, &log[0].after), (&zones.0, &zones.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn chargers_that_come_in_by_themselves_are_noted() {
    let site = Served::empty().await;
    site.running.site.register_charge_point(Identity::new("NEW").unwrap(), None).await.unwrap();
    let filter = AuditFilter { account: Some(String::new()), ..AuditFilter::default() };
    let found = site.running.site.audit_log(&filter, None, 10, &Caller::terminal()).await.unwrap();
    assert_eq!(found[0].entry.action, "charger.register");
    assert_eq!(found[0].entry.subject, "NEW");
    // One that has the name of an account is not taken for it.
    let (root, address) = (Identity::new("root").unwrap(), "192.0.2.7".parse().ok());
    site.running.site.register_charge_point(root, address).await.unwrap();
    let page = text(&site.ask("GET", "/audit/?kind=charger", &[("accept-language", "en")], b"").await);
    assert_eq!(page.matches("<span class=\"muted\">The charger</span>").count(), 2, "{page}");
    assert!(page.contains("192.0.2.7") && !page.contains("account=root"), "{page}");
    let refused = site.running.site.audit_log(&filter, None, 10, &Caller::default()).await;
    assert!(refused.is_err(), "nobody else sees it");
    site.end().await;
}
