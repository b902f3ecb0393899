//! Every door with everybody: each route, server function and WebSocket with each role and with none. One that is not in the
//! table fails the test, and so does a method of one, or the word of something that is done by it.

use crate::client::{Answer, PASSWORD, SITE_2015, Served};
use bmw_app::data::{ACKNOWLEDGE, ADMIT, distribution_word, word};
use bmw_domain::account::Role;
use bmw_domain::command::Action;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Who gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Everybody, in any case.
    Nothing,
    /// Everybody, as long as reading is open.
    Read,
    /// Who has at least this role.
    Role(Role),
    /// A person of at least this role, who has signed in at a browser.
    Person(Role),
}

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";
/// What is opened as a WebSocket.
const SOCKET: &str = "websocket";

/// What is asked: the route, the method, an address, the type of the body and the body; and who gets in.
pub type Line = (&'static str, &'static str, &'static str, &'static str, &'static str, Need);

#[rustfmt::skip]
pub const TABLE: &[Line] = &[
    // The documented world.
    ("/api/charger/details/", "GET", "/api/charger/details/", "", "", Need::Read),
    ("/api/charging/record/details/", "GET", "/api/charging/record/details/?date=2015-11-24", "", "", Need::Read),
    ("/api/basic/settings/", "GET", "/api/basic/settings/", "", "", Need::Read),
    ("/api/basic/settings/", "POST", "/api/basic/settings/", JSON, "{}", Need::Role(Role::Administrator)),
    ("/api/charger/info/statistic/", "GET", "/api/charger/info/statistic/", "", "", Need::Read),
    ("/api/recent/charging/record/list/", "GET", "/api/recent/charging/record/list/", "", "", Need::Read),
    ("/api/recent/charger/state/list/", "GET", "/api/recent/charger/state/list/", "", "", Need::Read),
    ("/api/charger/state/statistic/", "GET", "/api/charger/state/statistic/", "", "", Need::Read),
    ("/api/monthly/energy/", "GET", "/api/monthly/energy/", "", "", Need::Read),
    ("/api/monthly/energy/list/", "GET", "/api/monthly/energy/list/", "", "", Need::Read),
    ("/api/charger/id/list/", "GET", "/api/charger/id/list/", "", "", Need::Read),
    ("/api/max/current/list/", "GET", "/api/max/current/list/", "", "", Need::Read),
    ("/api/charger/list/", "GET", "/api/charger/list/", "", "", Need::Read),
    ("/bmw/chart/getAllRecentChargerRecords/", "GET", "/bmw/chart/getAllRecentChargerRecords/?mode=1", "", "", Need::Read),
    ("/bmw/chart/getRecentChargerRecords/", "GET", "/bmw/chart/getRecentChargerRecords/?mode=1", "", "", Need::Read),
    ("/api/charger/command/", "POST", "/api/charger/command/", JSON, "{}", Need::Role(Role::Operator)),
    ("/api/charger/command/{id}/", "GET", "/api/charger/command/1/", "", "", Need::Role(Role::Viewer)),
    ("/api/charger/password/", "GET", "/api/charger/password/?charger_id=10245006", "", "", Need::Role(Role::Administrator)),
    ("/api/charger/password/", "POST", "/api/charger/password/", JSON, "{}", Need::Role(Role::Administrator)),
    ("/api/alerts/", "GET", "/api/alerts/", "", "", Need::Read),
    ("/api/alerts/", "POST", "/api/alerts/", JSON, "{}", Need::Role(Role::Operator)),
    ("/api/distribution/", "GET", "/api/distribution/", "", "", Need::Read),
    ("/api/distribution/", "POST", "/api/distribution/", JSON, "{}", Need::Role(Role::Administrator)),
    ("/api/distribution/wiring/", "POST", "/api/distribution/wiring/", JSON, "{}", Need::Role(Role::Administrator)),
    ("/api/distribution/meter/", "POST", "/api/distribution/meter/", JSON, "{}", Need::Role(Role::Operator)),
    ("/api/audit/", "GET", "/api/audit/", "", "", Need::Role(Role::Administrator)),
    ("/api-token-auth/", "POST", "/api-token-auth/", JSON, "{}", Need::Nothing),
    ("/ws/charger/details/", "GET", "/ws/charger/details/", SOCKET, "", Need::Read),
    ("/api/openapi.json/", "GET", "/api/openapi.json/", "", "", Need::Read),
    ("/api/asyncapi.json/", "GET", "/api/asyncapi.json/", "", "", Need::Read),
    ("/api/docs/", "GET", "/api/docs/", "", "", Need::Read),
    ("/api/docs/style.css/", "GET", "/api/docs/style.css/", "", "", Need::Read),
    // Pages.
    ("/", "GET", "/", "", "", Need::Read),
    ("/overview", "GET", "/overview/", "", "", Need::Read),
    ("/devices", "GET", "/devices/", "", "", Need::Read),
    ("/details", "GET", "/details/", "", "", Need::Read),
    ("/records", "GET", "/records/", "", "", Need::Read),
    ("/settings", "GET", "/settings/", "", "", Need::Read),
    ("/cards", "GET", "/cards/", "", "", Need::Read),
    ("/distribution", "GET", "/distribution/", "", "", Need::Read),
    // At the chargers.
    ("/manifest.webmanifest", "GET", "/manifest.webmanifest", "", "", Need::Nothing),
    ("/offline", "GET", "/offline/", "", "", Need::Nothing),
    ("/device", "GET", "/device/", "", "", Need::Read),
    ("/qr_codes", "GET", "/qr_codes/", "", "", Need::Read),
    ("/alerts", "GET", "/alerts/", "", "", Need::Read),
    // Server functions, with every kind of thing that they do.
    ("/fn/page", "GET", "/fn/page?page=overview&query=", "", "", Need::Read),
    ("/fn/settings/save", "POST", "/fn/settings/save", FORM, SETTINGS, Need::Role(Role::Administrator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=Reset&c0=10245006", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=admit&c0=NEW", Need::Role(Role::Administrator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=put-card&tag=A", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=block-card&tag=A", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=unblock-card&tag=A", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=cards-csv&csv=A", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=remove-card&tag=A", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=acknowledge&until=0", Need::Role(Role::Operator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=save-distribution&safe=x", Need::Role(Role::Administrator)),
    ("/fn/command", "POST", "/fn/command", FORM, "command=save-wiring&charger=NONE", Need::Role(Role::Administrator)),
    // Downloads.
    ("/records/export.csv", "GET", "/records/export.csv", "", "", Need::Role(Role::Viewer)),
    ("/cards/export.csv", "GET", "/cards/export.csv", "", "", Need::Role(Role::Viewer)),
    ("/details/frames.txt", "GET", "/details/frames.txt?charger_id=10245006", "", "", Need::Role(Role::Viewer)),
    ("/details/diagnostics/{id}", "GET", "/details/diagnostics/1", "", "", Need::Role(Role::Viewer)),
    // Accounts.
    ("/preferences", "GET", "/preferences?lang=en", "", "", Need::Nothing),
    ("/log_in", "GET", "/log_in/", "", "", Need::Nothing),
    ("/log_in", "POST", "/log_in/", FORM, "username=viewer&password=x", Need::Nothing),
    ("/log_in/code", "GET", "/log_in/code/", "", "", Need::Nothing),
    ("/log_in/code", "POST", "/log_in/code/", FORM, "code=x", Need::Nothing),
    ("/account", "GET", "/account/", "", "", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=password&old=x&new=x", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=end&id=0", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=end-others", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=revoke&id=0", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=token&name=", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=token&name=t&role=administrator&days=30", Need::Person(Role::Administrator)),
    ("/account", "POST", "/account/", FORM, "deed=factor-begin", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=factor-leave", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=factor-on&password=x&code=x", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=factor-codes&password=x&code=x", Need::Person(Role::Viewer)),
    ("/account", "POST", "/account/", FORM, "deed=factor-off&password=x&code=x", Need::Person(Role::Viewer)),
    ("/users", "GET", "/users/", "", "", Need::Role(Role::Administrator)),
    ("/users", "POST", "/users/", FORM, "deed=add&role=viewer&name=", Need::Person(Role::Administrator)),
    ("/users", "POST", "/users/", FORM, "deed=role&role=viewer&id=99", Need::Person(Role::Administrator)),
    ("/users", "POST", "/users/", FORM, "deed=disable&id=99", Need::Person(Role::Administrator)),
    ("/users", "POST", "/users/", FORM, "deed=enable&id=99", Need::Person(Role::Administrator)),
    ("/users", "POST", "/users/", FORM, "deed=password&id=99&password=x", Need::Person(Role::Administrator)),
    ("/users", "POST", "/users/", FORM, "deed=factor-off&id=99", Need::Person(Role::Administrator)),
    ("/charger_password", "GET", "/charger_password/?charger_id=10245006", "", "", Need::Role(Role::Administrator)),
    ("/charger_password", "GET", "/charger_password/?charger_id=NONE", "", "", Need::Role(Role::Administrator)),
    ("/charger_password", "POST", "/charger_password/", FORM, "deed=random&charger_id=10245006", Need::Role(Role::Administrator)),
    ("/charger_password", "POST", "/charger_password/", FORM, "deed=set&charger_id=10245006&password=x", Need::Role(Role::Administrator)),
    ("/charger_password", "POST", "/charger_password/", FORM, "deed=send&charger_id=10245007", Need::Role(Role::Administrator)),
    ("/charger_password", "POST", "/charger_password/", FORM, "deed=remove&charger_id=10245006", Need::Role(Role::Administrator)),
    ("/audit", "GET", "/audit/", "", "", Need::Role(Role::Administrator)),
    #[cfg(debug_assertions)]
    ("/gallery", "GET", "/gallery/", "", "", Need::Read),
    #[cfg(debug_assertions)]
    ("/gallery/layout.css", "GET", "/gallery/layout.css", "", "", Need::Read),
    ("/audit/export.csv", "GET", "/audit/export.csv", "", "", Need::Role(Role::Administrator)),
    ("/log_out", "POST", "/log_out/", FORM, "", Need::Nothing),
    // The program's own.
    ("/healthz", "GET", "/healthz", "", "", Need::Nothing),
    ("/pkg/{*rest}", "GET", "/pkg/nothing.js", "", "", Need::Nothing),
    ("/simulator", "GET", "/simulator/", "", "", Need::Read),
    ("/simulator", "POST", "/simulator/", FORM, "charger=x&deed=plug-in", Need::Role(Role::Operator)),
    ("/simulator", "POST", "/simulator/", FORM, "charger=x&deed=pull-out", Need::Role(Role::Operator)),
    ("/simulator", "POST", "/simulator/", FORM, "charger=x&deed=card", Need::Role(Role::Operator)),
    ("/simulator", "POST", "/simulator/", FORM, "charger=x&deed=break", Need::Role(Role::Operator)),
    ("/simulator", "POST", "/simulator/", FORM, "charger=x&deed=mend", Need::Role(Role::Operator)),
    ("/simulator", "POST", "/simulator/", FORM, "charger=x&deed=unplug", Need::Role(Role::Operator)),
    // Charge points: who they are is no matter of accounts.
    ("/ocpp/{*id}", "GET", "/ocpp/10245001", SOCKET, "", Need::Nothing),
    ("/ocpp/upload/{*token}", "PUT", "/ocpp/upload/00000000000000000000000000000000/log", "", "", Need::Nothing),
    ("/ocpp/upload/{*token}", "POST", "/ocpp/upload/00000000000000000000000000000000/log", "", "", Need::Nothing),
];

const SETTINGS: &str = "card_reader_port=Com1";

/// Who asks: a role or none, by a browser or by a program.
#[derive(Debug, Clone, Copy)]
struct Who {
    role: Option<Role>,
    is_program: bool,
}

impl Need {
    fn lets_in(self, who: Who, public_read: bool) -> bool {
        match self {
            Self::Nothing => true,
            Self::Read => who.role.is_some() || public_read,
            Self::Role(least) => who.role.is_some_and(|role| role >= least),
            Self::Person(least) => who.role.is_some_and(|role| role >= least) && !who.is_program,
        }
    }
}

/// Whether somebody was let in, whatever came of it then.
fn is_let_in(answer: &Answer) -> bool {
    let is_led_away = answer.status == 303 && answer.header("location").starts_with("/log_in/?next=");
    if answer.status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"bmw\"");
    }
    ![401, 403].contains(&answer.status) && !is_led_away
}

/// Asks for a WebSocket; what is answered to that.
async fn open(site: &Served, address: &str, headers: &[(&str, &str)]) -> Answer {
    let handshake = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    let headers = handshake.iter().chain(headers).map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("GET {address} HTTP/1.1\r\nhost: {}\r\n{}\r\n", site.addr(), headers.collect::<String>());
    let mut stream = site.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    while !received.windows(4).any(|window| window == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0);
    }
    Answer::parse(&received)
}

/// Signs in on a device that may be known by these cookies, and gives the new ones.
pub async fn cookie(site: &Served, name: &str, device: &str) -> String {
    let body = format!("username={name}&password={PASSWORD}");
    let headers = [("content-type", FORM), ("cookie", device)];
    let answer = site.ask("POST", "/log_in/", &headers, body.as_bytes()).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/overview/"), "{answer:?}");
    answer.cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

async fn check(public_read: bool) {
    let site = Served::start(Some(SITE_2015), |config| {
        config.public_read = public_read;
        config.simulator = true;
    })
    .await
    .without_account();
    // Each has a device that is known, before somebody fails at the doors that sign in.
    let mut known = Vec::new();
    for role in [Role::Viewer, Role::Operator, Role::Administrator] {
        let token = format!("Bearer {}", site.account(role.word(), role).await);
        known.push((Some(role), token, cookie(&site, role.word(), "").await));
    }
    known.push((None, String::new(), String::new()));
    for (role, token, device) in known {
        for is_program in [true, false] {
            let who = Who { role, is_program };
            for (_, method, address, kind, body, need) in TABLE {
                // Each time anew, as some of them sign out.
                let cookie = match role {
                    Some(role) if !is_program => cookie(&site, role.word(), &device).await,
                    _ => String::new(),
                };
                let proof = match role {
                    Some(_) if is_program => ("authorization", token.as_str()),
                    _ => ("cookie", cookie.as_str()),
                };
                let mut headers = vec![proof];
                if !kind.is_empty() {
                    headers.push(("content-type", kind));
                }
                let answer = if *kind == SOCKET {
                    open(&site, address, &[proof]).await
                } else {
                    site.ask(method, address, &headers, body.as_bytes()).await
                };
                let expected = need.lets_in(who, public_read);
                assert_eq!(answer.status == 101, expected && *kind == SOCKET, "{who:?} {address}: {answer:?}");
                let shown = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
                assert_eq!(
                    is_let_in(&answer),
                    expected,
                    "{who:?} {method} {address} {body}: {} {shown}",
                    answer.status
                );
            }
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_lets_in_who_may_where_reading_is_open() {
    check(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_lets_in_who_may_where_reading_is_closed() {
    check(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_is_in_the_table() {
    // The functions are known once something is served.
    let site = Served::empty().await;
    let trimmed = |path: &str| if path == "/" { path.to_owned() } else { path.trim_end_matches('/').to_owned() };
    let served = bmw_app::api::paths().into_iter().map(ToOwned::to_owned).chain(bmw_app::serve::paths());
    let beside = bmw::front::PATHS.into_iter().chain(bmw_ocpp::PATHS).map(ToOwned::to_owned);
    let served: BTreeSet<String> = served.chain(beside).map(|path| trimmed(&path)).collect();
    let known: BTreeSet<String> = TABLE.iter().map(|(route, ..)| trimmed(route)).collect();
    assert_eq!(
        served.difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "routes that nobody has thought of"
    );
    assert_eq!(known.difference(&served).collect::<Vec<_>>(), Vec::<&String>::new(), "routes that are no more");
    assert!(served.len() > 35, "{served:?}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_is_in_the_table() {
    let site = Served::start(Some(SITE_2015), |config| config.simulator = true).await;
    let mut known = BTreeMap::<&str, (&str, BTreeSet<&str>)>::new();
    for (route, method, address, kind, ..) in TABLE {
        let (_, methods) = known.entry(address.split('?').next().unwrap()).or_insert((kind, BTreeSet::new()));
        methods.insert(method);
        assert!(!route.is_empty());
    }
    for (path, (kind, methods)) in known {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|method| !methods.contains(method)) {
            // By the one who may most.
            let status = site.ask(method, path, &[], b"").await.status;
            let is_none = [404, 405].contains(&status) || kind == SOCKET && status == 426;
            assert!(is_none, "{method} {path}: {status}");
        }
    }
    site.end().await;
}

/// The words of a form that the table has for a route, by the name of the field.
fn words_of(route: &str, name: &str) -> BTreeSet<String> {
    let bodies = TABLE.iter().filter(|(known, ..)| *known == route).map(|(.., body, _)| *body);
    let fields = bodies.flat_map(|body| body.split('&')).filter_map(|field| field.split_once('='));
    fields.filter(|(known, _)| *known == name).map(|(_, word)| word.to_owned()).collect()
}

/// The first words in quotes of the lines of a source behind a mark, until another.
fn words_in(file: &str, begin: &str, end: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{file} has no {begin}"));
    let (part, _) = rest.split_once(end).unwrap_or_else(|| panic!("{file} has no {end}"));
    let lines = part.lines().map(|line| line.trim().trim_start_matches('('));
    lines.filter_map(|line| line.strip_prefix('"')?.split('"').next().map(ToOwned::to_owned)).collect()
}

#[test]
fn every_word_of_a_form_is_in_the_table() {
    for (route, file) in [
        ("/account", "app/src/access/own.rs"),
        ("/users", "app/src/access/users.rs"),
        ("/charger_password", "app/src/access/charger_passwords.rs"),
    ] {
        let words = words_in(file, "field(&fields, \"deed\")", "_ =>");
        assert!(words.len() > 3, "{file}: {words:?}");
        assert_eq!(words_of(route, "deed"), words, "{route}");
    }
    let simulated = words_in("server/src/simulator.rs", "const DEEDS", "];\n");
    assert_eq!(words_of("/simulator", "deed"), simulated);
    let is_command = |word: &String| Action::from_name(word).is_some();
    let (commands, others): (BTreeSet<_>, BTreeSet<_>) =
        words_of("/fn/command", "command").into_iter().partition(is_command);
    // One for all: see below.
    assert_eq!(commands.len(), 1);
    let distribution = [distribution_word::SAVE, distribution_word::WIRE];
    let words = word::ALL.into_iter().chain([ADMIT, ACKNOWLEDGE]).chain(distribution);
    assert_eq!(others, words.map(ToOwned::to_owned).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_needs_an_operator() {
    let site = Served::start(Some(SITE_2015), |_| {}).await.without_account();
    let mut tokens = Vec::new();
    for role in [Role::Viewer, Role::Operator] {
        tokens.push((role, format!("Bearer {}", site.account(role.word(), role).await)));
    }
    for (_, name) in Action::ALL {
        let form = format!("command={name}&c0=10245006");
        let json = format!(r#"{{"vchchargerid":"10245006","command":"{name}"}}"#);
        for (path, kind, body) in [("/fn/command", FORM, form), ("/api/charger/command/", JSON, json)] {
            for (role, token) in &tokens {
                let headers = [("authorization", token.as_str()), ("content-type", kind)];
                let answer = site.ask("POST", path, &headers, body.as_bytes()).await;
                assert_eq!(is_let_in(&answer), *role >= Role::Operator, "{role:?} {path} {name}: {}", answer.status);
            }
            let nobody = site.ask("POST", path, &[("content-type", kind)], body.as_bytes()).await;
            assert_eq!(nobody.status, 401, "{path} {name}");
        }
    }
    site.end().await;
}

/// A session that a card has started.
const CARD_SITE: &str = r#"{"chargers": [{"vchchargerid": "A", "vchmodelid": ""}], "charging_records": [
    {"intrecordid": 1, "vchchargerid": "A", "dblenergy": 1, "vchcardid": "SECRETCARD",
     "dttstarttime": "2015-11-24T10:00:00", "dttrealfinish": "2015-11-24T11:00:00"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn card_numbers_are_shown_to_those_who_have_a_role_alone() {
    let site = Served::documented(CARD_SITE, "2015-11-24T12:00:00", "A").await;
    let tag = "SECRETCARD";
    let form = format!("command=put-card&tag={tag}");
    let headers = [("content-type", FORM)];
    assert!(site.ask("POST", "/fn/command", &headers, form.as_bytes()).await.status < 400);
    let viewer = format!("Bearer {}", site.account("viewer", Role::Viewer).await);
    let text = |answer: &Answer| String::from_utf8_lossy(&answer.body).into_owned();
    for path in [
        "/cards/",
        "/records/",
        "/details/?charger_id=A",
        "/details/?date=2015-11-24&record=1&start=1",
        "/fn/page?page=cards&query=",
        "/fn/page?page=records&query=",
        "/fn/page?page=details&query=charger_id%3DA",
    ] {
        let nobody = site.ask("GET", path, &[("cookie", "")], b"").await;
        assert_eq!(nobody.status, 200, "{path}");
        assert!(!text(&nobody).contains(tag), "{path}");
        let viewer = site.ask("GET", path, &[("authorization", &viewer)], b"").await;
        assert!(text(&viewer).contains(tag), "{path}");
    }
    // Nobody finds out by asking for one either.
    let records = async |card: &str| {
        let page = site.ask("GET", &format!("/fn/page?page=records&query=card%3D{card}"), &[("cookie", "")], b"").await;
        page.body
    };
    assert_eq!(records(tag).await, records("OTHER").await);
    site.end().await;
}
