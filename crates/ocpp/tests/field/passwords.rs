//! Passwords of charge points: who is let in with what, and what becomes of a new one.

use crate::site::Served;
use bmw_domain::charger::password::PasswordOrigin;
use bmw_domain::charger::{HappeningKind, NO_PASSWORD, WRONG_PASSWORD};
use bmw_domain::command::CommandState;
use bmw_ocpp::Profile;
use bmw_site::{Brought, Caller, Coming, Demand};
use bmw_testkit::charger::{Charger, frames, moment};
use data_encoding::BASE64;
use futures::FutureExt as _;
use serde_json::json;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const TYPED: &str = "kF9-wuz2-pQx-7-Rm4";

fn basic(user: &str, password: &[u8]) -> String {
    format!("authorization: Basic {}\r\n", BASE64.encode(&[user.as_bytes(), b":", password].concat()))
}

/// Comes with header lines: the charge point, or the status that it is answered.
async fn come(site: &Served, identity: &str, headers: &str) -> Result<Charger, String> {
    let stream = TcpStream::connect(site.addr).await.unwrap();
    let headers = format!("sec-websocket-protocol: ocpp1.6\r\n{headers}");
    let outcome: io::Result<Charger> =
        Charger::over(Box::new(stream), &site.addr.to_string(), identity, &headers).await;
    outcome.map_err(|error| error.to_string())
}

/// What it is answered, whole.
async fn answer(site: &Served, identity: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    let head = format!(
        "GET /ocpp/{identity} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade, close\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
        site.addr
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    // The moment is no part of what is told.
    text.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
}

const REFUSED: &str = "status 401";

#[track_caller]
fn is_refused(outcome: &Result<Charger, String>) {
    assert_eq!(outcome.as_ref().map(|_| ()).map_err(String::as_str), Err(REFUSED));
}

async fn set(site: &Served, identity: &str, password: &str) {
    site.site.set_charger_password(site.key(identity), password, &Caller::terminal()).await.unwrap();
}

async fn actions(site: &Served) -> Vec<String> {
    site.store.audit_log(100).await.unwrap().into_iter().rev().map(|entry| entry.action).collect()
}

/// Who was refused, oldest first: how, and from where.
async fn refusals(site: &Served, identity: &str) -> Vec<(String, String)> {
    let happened = site.store.happenings(site.key(identity), 100).await.unwrap();
    let refused = happened.into_iter().rev().filter(|it| it.kind == HappeningKind::Refused);
    refused.map(|it| (it.status.unwrap(), it.detail)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_a_password_must_bring_it_and_others_come_as_before() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    site.add("B").await;
    set(&site, "A", TYPED).await;
    assert!(come(&site, "A", &basic("A", TYPED.as_bytes())).await.is_ok());
    assert!(come(&site, "A", &basic("a", TYPED.as_bytes())).await.is_ok(), "names are equal ignoring case");
    for headers in [
        String::new(),
        basic("A", b""),
        basic("A", b"wrong"),
        basic("B", TYPED.as_bytes()),
        basic("A", TYPED.to_lowercase().as_bytes()),
        basic("A", &[b'x'; 200]),
        "authorization: Bearer x\r\n".to_owned(),
    ] {
        is_refused(&come(&site, "A", &headers).await);
    }
    // One without a password, whatever it brings: it may have one entered that the site does not know.
    for headers in
        [String::new(), basic("B", b""), basic("B", TYPED.as_bytes()), "authorization: nonsense\r\n".to_owned()]
    {
        assert!(come(&site, "B", &headers).await.is_ok(), "{headers}");
    }
    assert_eq!(come(&site, "C", "").await.err().as_deref(), Some("status 404"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_the_same_whatever_was_wrong() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    set(&site, "A", TYPED).await;
    let without = answer(&site, "A", "").await;
    assert!(without.starts_with("HTTP/1.1 401"), "{without}");
    assert!(without.to_lowercase().contains("www-authenticate: basic realm=\"bmw\""), "{without}");
    for headers in [basic("A", b"wrong"), basic("B", b"wrong"), basic("A", b""), "authorization: x\r\n".to_owned()] {
        assert_eq!(answer(&site, "A", &headers).await, without, "{headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_and_the_bytes_that_they_stand_for_are_one_password() {
    let site = Served::start(|_| {}).await;
    site.add("CP 1").await;
    let made = site.site.make_charger_password(site.key("CP 1"), &Caller::terminal()).await.unwrap();
    assert_eq!((made.len(), made.bytes().all(|digit| digit.is_ascii_hexdigit())), (40, true));
    let pair = |place: usize| u8::from_str_radix(&made[2 * place..2 * place + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..20).map(pair).collect();
    for brought in [made.clone().into_bytes(), made.to_uppercase().into_bytes(), bytes] {
        assert!(come(&site, "CP%201", &basic("CP 1", &brought)).await.is_ok());
    }
    is_refused(&come(&site, "CP%201", &basic("CP 1", &made.as_bytes()[..38])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_it_is_let_in_by_what_is_stored_and_nothing_of_it_is_in_clear() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    site.add("B").await;
    set(&site, "A", TYPED).await;
    let made = site.site.make_charger_password(site.key("B"), &Caller::terminal()).await.unwrap();
    let site = site.restart(|_| {}).await;
    is_refused(&come(&site, "A", &basic("A", b"wrong")).await);
    assert!(come(&site, "A", &basic("A", TYPED.as_bytes())).await.is_ok());
    assert!(come(&site, "B", &basic("B", made.as_bytes())).await.is_ok());
    let stored = site.store.charger_passwords().await.unwrap();
    assert!(stored[0].1.hash.starts_with("$argon2id$") && stored[1].1.hash.starts_with("$sha256$"));
    let log = format!("{:?}", site.store.audit_log(100).await.unwrap());
    for secret in [TYPED, &made, &stored[0].1.hash, &stored[1].1.hash] {
        assert!(!log.contains(secret));
    }
    assert_eq!(
        actions(&site).await,
        ["charger.register", "charger.register", "charger.password.set", "charger.password.set"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_noted_now_and_then_with_the_address() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    site.add("B").await;
    set(&site, "A", TYPED).await;
    set(&site, "B", TYPED).await;
    for _ in 0..4 {
        is_refused(&come(&site, "A", &basic("A", b"wrong-wrong")).await);
    }
    // Clients that first come without any are none that are refused.
    for _ in 0..3 {
        is_refused(&come(&site, "B", "").await);
        is_refused(&come(&site, "B", "").await);
        assert!(come(&site, "B", &basic("B", TYPED.as_bytes())).await.is_ok());
    }
    for _ in 0..3 {
        is_refused(&come(&site, "B", "").await);
    }
    let from = || "127.0.0.1".to_owned();
    let mut changed = site.site.subscribe();
    while refusals(&site, "B").await.is_empty() {
        changed.changed().await.unwrap();
    }
    assert_eq!(refusals(&site, "A").await, [(WRONG_PASSWORD.to_owned(), from())]);
    assert_eq!(refusals(&site, "B").await, [(NO_PASSWORD.to_owned(), from())]);
    let now = site.now("A");
    assert!(now.state.is_none() && !now.is_online(), "of the charge point itself it says nothing: {now:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_waits_and_the_charge_point_does_not() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    site.add("B").await;
    set(&site, "A", TYPED).await;
    let made = site.site.make_charger_password(site.key("B"), &Caller::terminal()).await.unwrap();
    // It was never here: nobody knows where it is.
    let wrong = basic("A", b"wrong-wrong");
    let mut tries = 0;
    let told = loop {
        let told = answer(&site, "A", &wrong).await;
        if !told.starts_with("HTTP/1.1 401") {
            break told;
        }
        tries += 1;
    };
    assert!(tries >= 5, "the first of them need not wait: {tries}");
    assert!(told.starts_with("HTTP/1.1 429") && told.contains("retry-after: "), "{told}");
    // A password of the site's own is not guessed: it is let in from wherever it comes, and however many have failed.
    for _ in 0..20 {
        is_refused(&come(&site, "B", &basic("B", b"wrong-wrong")).await);
    }
    drop(come(&site, "B", &basic("B", made.as_bytes())).await.unwrap());
    // Another password is another beginning.
    set(&site, "A", TYPED).await;
    let mut charger = come(&site, "A", &basic("A", TYPED.as_bytes())).await.unwrap();
    charger.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    drop(charger);
    // And from where it was it comes in again, whatever others there do.
    for _ in 0..20 {
        is_refused(&come(&site, "A", &basic("A", b"wrong-wrong")).await);
    }
    assert!(come(&site, "A", &basic("A", TYPED.as_bytes())).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_came_without_a_password_he_guesses_none_unbounded() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    let mut impostor = come(&site, "A", "").await.unwrap();
    impostor.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    set(&site, "A", TYPED).await;
    let mut told = String::new();
    for _ in 0..20 {
        told = answer(&site, "A", &basic("A", b"wrong-wrong")).await;
    }
    assert!(told.starts_with("HTTP/1.1 429"), "{told}");
}

/// Why the site has closed a connection.
async fn end(charger: &mut Charger) -> Option<(u16, String)> {
    charger.closed().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_without_the_password_that_was_set_is_let_go() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    let key = site.key("A");
    let unproven = Some((1008, "come with the password that holds now".to_owned()));
    let mut impostor = come(&site, "A", "").await.unwrap();
    impostor.call("StatusNotification", &frames::status(1, "Available")).await.unwrap();
    set(&site, "A", TYPED).await;
    // What he says at once comes too late. The connection may be gone before he has said it, and he sees no more of it then.
    assert!(impostor.call("StartTransaction", &frames::start(0, &moment(0))).await.is_err());
    drop(impostor);
    site.becomes("A", "offline", |now| !now.is_online()).await;
    assert!(site.sessions("A").await.is_empty());
    // The charge point itself comes with it, and stays until another one is made.
    let mut charger = come(&site, "A", &basic("A", TYPED.as_bytes())).await.unwrap();
    charger.call("Heartbeat", &json!({})).await.unwrap();
    let made = site.site.make_charger_password(key, &Caller::terminal()).await.unwrap();
    assert_eq!(end(&mut charger).await, unproven);
    let mut charger = come(&site, "A", &basic("A", made.as_bytes())).await.unwrap();
    charger.call("Heartbeat", &json!({})).await.unwrap();
    site.site.remove_charger_password(key, &Caller::terminal()).await.unwrap();
    assert_eq!(end(&mut charger).await, unproven);
    // Where there is none to prove, or one is sent over this very connection, it goes on.
    let mut charger = come(&site, "A", "").await.unwrap();
    site.site.remove_charger_password(key, &Caller::terminal()).await.unwrap();
    let (command, _) = send(&site, &mut charger, "Accepted").await;
    site.command_becomes(command, CommandState::Effective).await;
    charger.call("Heartbeat", &json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_let_in_before_the_password_was_set_and_is_not_yet_connected_is_let_go() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    let (charge_point, address) = (site.key("A"), None);
    let let_in = async |brought| {
        let coming = Coming { charge_point, brought, address, is_encrypted: false };
        site.site.let_in(coming, Demand::default()).await.unwrap()
    };
    let nothing = let_in(Brought::Nothing).await;
    set(&site, "A", TYPED).await;
    assert!(site.site.open_link(nothing, None).next(false).await.is_none());
    let proven = let_in(Brought::Password(TYPED.as_bytes())).await;
    assert!(site.site.open_link(proven.clone(), None).next(false).now_or_never().is_none());
    set(&site, "A", "another-2-kF9-wuz2").await;
    assert!(site.site.open_link(proven, None).next(false).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_command_with_a_secret_gives_no_other_command_again() {
    use bmw_domain::command::Action;
    use bmw_site::{Ask, Refusal};
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    let give = async |action, arguments: serde_json::Value, key: &str| {
        let arguments = arguments.as_object().unwrap().clone();
        let ask = Ask { charge_point: site.key("A"), action, arguments, key: Some(key.to_owned()) };
        let given = site.commands.give(ask, &Caller::terminal()).await;
        if let Ok(command) = &given {
            site.command_becomes(command.id, CommandState::Offline).await;
        }
        given.map(|command| command.id)
    };
    let wifi = |value: &str| json!({ "key": "WifiPassword", "value": value });
    give(Action::ChangeConfiguration, wifi("A"), "one").await.unwrap();
    for again in ["B", "A", "…"] {
        let outcome = give(Action::ChangeConfiguration, wifi(again), "one").await;
        assert!(matches!(outcome, Err(Refusal::KeyUsed)), "{again}");
    }
    let update = |location: &str| json!({ "location": location });
    give(Action::UpdateFirmware, update("ftp://me:one@host/f"), "two").await.unwrap();
    let outcome = give(Action::UpdateFirmware, update("ftp://me:two@host/f"), "two").await;
    assert!(matches!(outcome, Err(Refusal::KeyUsed)));
    // One without a secret is the same again.
    let interval = |value: &str| json!({ "key": "HeartbeatInterval", "value": value });
    let id = give(Action::ChangeConfiguration, interval("60"), "three").await.unwrap();
    assert_eq!(give(Action::ChangeConfiguration, interval("60"), "three").await.unwrap(), id);
    assert!(matches!(give(Action::ChangeConfiguration, interval("61"), "three").await, Err(Refusal::KeyUsed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_may_demand_passwords_and_tls() {
    let site = Served::start(|options| options.profile = Profile::Password).await;
    site.add("A").await;
    is_refused(&come(&site, "A", "").await);
    is_refused(&come(&site, "A", &basic("A", TYPED.as_bytes())).await);
    set(&site, "A", TYPED).await;
    assert!(come(&site, "A", &basic("A", TYPED.as_bytes())).await.is_ok());
    let site = Served::start(|options| {
        options.profile = Profile::PasswordOverTls;
        options.registers_unknown = true;
    })
    .await;
    site.add("A").await;
    set(&site, "A", TYPED).await;
    for (identity, headers) in [("A", basic("A", TYPED.as_bytes())), ("UNKNOWN", String::new())] {
        assert_eq!(come(&site, identity, &headers).await.err().as_deref(), Some("status 421"), "{identity}");
    }
    // Nobody is taken in who would not be let in then.
    let site = Served::start(|options| {
        options.profile = Profile::Password;
        options.registers_unknown = true;
    })
    .await;
    assert_eq!(come(&site, "NEW", &basic("NEW", TYPED.as_bytes())).await.err().as_deref(), Some("status 404"));
    assert!(site.site.charge_point(Some("NEW")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_charge_point_brings_first_is_its_password_from_then_on() {
    let site = Served::start(|options| {
        options.first_use = true;
        options.registers_unknown = true;
    })
    .await;
    let key = [0x07, 0x80, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44];
    site.add("A").await;
    // Without one, or with one that is none, it comes as before.
    for headers in [String::new(), basic("A", b""), basic("A", b"short"), basic("B", &key)] {
        assert!(come(&site, "A", &headers).await.is_ok());
    }
    assert!(site.store.charger_passwords().await.unwrap().is_empty());
    for identity in ["A", "NEW"] {
        assert!(come(&site, identity, &basic(identity, &key)).await.is_ok(), "{identity}");
        is_refused(&come(&site, identity, &basic(identity, b"another one")).await);
        is_refused(&come(&site, identity, "").await);
        assert!(come(&site, identity, &basic(identity, &key)).await.is_ok(), "{identity}");
        let state = site.site.charger_password(site.key(identity), &Caller::terminal()).unwrap();
        assert_eq!(state.holds.map(|(origin, _)| origin), Some(PasswordOrigin::FirstUse));
    }
    let log = site.store.audit_log(10).await.unwrap();
    let first = log.iter().rev().find(|entry| entry.action == "charger.password.first_use").unwrap();
    assert_eq!((first.actor.as_str(), first.subject.as_str(), first.origin.as_str()), ("", "A", "127.0.0.1"));
    // Where it is not switched on nothing is kept.
    let site = Served::open().await;
    assert!(come(&site, "A", &basic("A", &key)).await.is_ok());
    assert!(come(&site, "A", &basic("A", b"another one")).await.is_ok());
    assert!(site.store.charger_passwords().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_point_with_the_name_of_an_account_does_nothing_in_its_name() {
    let site = Served::start(|options| {
        options.first_use = true;
        options.registers_unknown = true;
    })
    .await;
    let mut charger = come(&site, "root", &basic("root", TYPED.as_bytes())).await.unwrap();
    charger.replies.insert("ChangeConfiguration".to_owned(), json!({ "status": "Rejected" }));
    let refused = site.commands.send_password(site.key("root"), &Caller::terminal()).await.unwrap().unwrap();
    while charger.to_be_asked().await.unwrap().1["key"] != "AuthorizationKey" {}
    site.command_becomes(refused.id, CommandState::Rejected).await;
    let log = site.store.audit_log(100).await.unwrap();
    let own: Vec<_> = log.iter().rev().filter(|entry| entry.actor != "terminal").collect();
    let told = |entry: &&bmw_store::AuditEntry| (entry.action.clone(), entry.actor.clone(), entry.origin.clone());
    let expected = [
        ("charger.register", "127.0.0.1"),
        ("charger.password.first_use", "127.0.0.1"),
        ("charger.password.refused", ""),
        ("command.outcome", ""),
    ];
    let expected = expected.map(|(action, origin)| (action.to_owned(), String::new(), origin.to_owned()));
    assert_eq!(own.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(own.iter().all(|entry| entry.subject == "root"), "{own:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_come_first_at_once_one_stays() {
    let site = Served::start(|options| options.first_use = true).await;
    site.add("A").await;
    let passwords: Vec<String> = (0..6).map(|number| format!("password number {number}")).collect();
    let coming = passwords.iter().map(|password| {
        let headers = basic("A", password.as_bytes());
        let site = &site;
        async move { come(site, "A", &headers).await.is_ok() }
    });
    let let_in = futures::future::join_all(coming).await;
    assert_eq!(let_in.iter().filter(|is_in| **is_in).count(), 1, "{let_in:?}");
    let winner = &passwords[let_in.iter().position(|is_in| *is_in).unwrap()];
    assert!(come(&site, "A", &basic("A", winner.as_bytes())).await.is_ok());
}

/// Sends a new password, which the charge point answers with a status; gives the command and what it was sent.
async fn send(site: &Served, charger: &mut Charger, status: &str) -> (i64, String) {
    charger.replies.insert("ChangeConfiguration".to_owned(), json!({ "status": status }));
    let command = site.commands.send_password(site.key("A"), &Caller::terminal()).await.unwrap().unwrap();
    loop {
        let (_, payload) = charger.to_be_asked().await.unwrap();
        if payload["key"] == "AuthorizationKey" {
            return (command.id, payload["value"].as_str().unwrap().to_owned());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_sent_takes_the_place_of_the_old_one_when_it_is_used() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    set(&site, "A", TYPED).await;
    let old = basic("A", TYPED.as_bytes());
    let mut charger = come(&site, "A", &old).await.unwrap();
    let (command, password) = send(&site, &mut charger, "Accepted").await;
    site.command_becomes(command, CommandState::Effective).await;
    assert_eq!(password.len(), 40);
    // It may have lost it: the old one holds.
    let state = || site.site.charger_password(site.key("A"), &Caller::terminal()).unwrap();
    assert!(state().sent.is_some());
    drop(come(&site, "A", &old).await.unwrap());
    let new = basic("A", password.as_bytes());
    drop(come(&site, "A", &new).await.unwrap());
    is_refused(&come(&site, "A", &old).await);
    assert_eq!((state().sent, state().holds.map(|(origin, _)| origin)), (None, Some(PasswordOrigin::Random)));
    let site = site.restart(|_| {}).await;
    is_refused(&come(&site, "A", &old).await);
    assert!(come(&site, "A", &new).await.is_ok());
    assert_eq!(
        actions(&site).await,
        [
            "charger.register",
            "charger.password.set",
            "charger.password.send",
            "command.ChangeConfiguration",
            "command.outcome",
            "charger.password.used"
        ]
    );
    // Nothing of it is told or kept: neither in the command, nor in the logs.
    let told = site.commands.find(command, &Caller::terminal()).await.unwrap().unwrap();
    assert_eq!(told.arguments, r#"{"key":"AuthorizationKey","value":"…"}"#);
    assert!(!format!("{:?}", site.store.audit_log(100).await.unwrap()).contains(&password));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_or_never_leaves_is_forgotten() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    let key = site.key("A");
    // It is not connected.
    let offline = site.commands.send_password(key, &Caller::terminal()).await.unwrap().unwrap();
    site.command_becomes(offline.id, CommandState::Offline).await;
    assert!(site.store.charger_passwords().await.unwrap().is_empty());
    let mut charger = come(&site, "A", "").await.unwrap();
    for status in ["Rejected", "NotSupported"] {
        let (command, password) = send(&site, &mut charger, status).await;
        site.command_becomes(command, CommandState::Rejected).await;
        assert!(site.store.charger_passwords().await.unwrap().is_empty());
        assert!(!password.is_empty());
    }
    // One that had none comes without until it has used the one that it was sent.
    let (command, password) = send(&site, &mut charger, "RebootRequired").await;
    site.command_becomes(command, CommandState::Effective).await;
    assert!(come(&site, "A", "").await.is_ok());
    assert!(come(&site, "A", &basic("A", b"wrong-wrong")).await.is_ok());
    assert!(come(&site, "A", &basic("A", password.as_bytes())).await.is_ok());
    is_refused(&come(&site, "A", "").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sets_no_password_by_a_command() {
    use bmw_domain::command::Action;
    use bmw_site::{Ask, Refusal};
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    for name in ["AuthorizationKey", "authorizationkey", " AUTHORIZATIONKEY"] {
        let arguments = json!({ "key": name, "value": "00112233445566778899" });
        let arguments = arguments.as_object().unwrap().clone();
        let ask = Ask { charge_point: site.key("A"), action: Action::ChangeConfiguration, arguments, key: None };
        let refused = site.commands.give(ask, &Caller::terminal()).await;
        assert!(matches!(refused, Err(Refusal::Field(field, _)) if field == "key"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_configurations_and_addresses_are_shown_to_nobody() {
    let site = Served::start(|_| {}).await;
    site.add("A").await;
    let mut charger = come(&site, "A", "").await.unwrap();
    let keys = json!({ "configurationKey": [
        { "key": "AuthorizationKey", "readonly": false, "value": "5ec2e7" },
        { "key": "HeartbeatInterval", "readonly": false, "value": "60" },
    ]});
    charger.replies.insert("GetConfiguration".to_owned(), keys);
    charger.replies.insert("UpdateFirmware".to_owned(), json!({}));
    let read = site.command("A", "GetConfiguration", json!({})).await;
    let update = site.command("A", "UpdateFirmware", json!({ "location": "ftp://me:5ec2e7@host/f" })).await;
    let asked = loop {
        let (action, payload) = charger.to_be_asked().await.unwrap();
        if action == "UpdateFirmware" {
            break payload["location"].clone();
        }
    };
    assert_eq!(asked, "ftp://me:5ec2e7@host/f", "the charge point gets it whole");
    let told = site.command_becomes(read, CommandState::Effective).await.unwrap();
    assert!(told.contains("HeartbeatInterval") && told.contains('…') && !told.contains("5ec2e7"), "{told}");
    let command = site.commands.find(update, &Caller::terminal()).await.unwrap().unwrap();
    assert!(command.arguments.contains("ftp://…@host/f"), "{}", command.arguments);
    assert!(!format!("{:?}", site.store.audit_log(100).await.unwrap()).contains("5ec2e7"));
    drop(charger);
    // What is stored is without it, not only what is shown: the log of frames is written now and then.
    let frames = loop {
        let frames = site.site.frames(site.key("A"), "", 1_000, &Caller::terminal()).await.unwrap();
        if frames.iter().any(|frame| frame.text.contains("UpdateFirmware")) {
            break frames;
        }
        tokio::task::yield_now().await;
    };
    assert!(frames.iter().any(|frame| frame.text.contains("AuthorizationKey")));
    for (_, part) in site.store.frames(site.key("A"), None, 1_000).await.unwrap() {
        let text = lz4_flex::decompress_size_prepended(&part.lines).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains("5ec2e7"));
    }
    assert!(site.site.frames(site.key("A"), "5ec2e7", 10, &Caller::terminal()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_come_all_at_once_after_a_restart_are_all_let_in() {
    const CHARGERS: usize = 12;
    let site = Served::start(|_| {}).await;
    let identities: Vec<String> = (0..CHARGERS).map(|number| format!("CP{number}")).collect();
    for identity in &identities {
        site.add(identity).await;
        set(&site, identity, TYPED).await;
    }
    let site = site.restart(|_| {}).await;
    // Twice: slowly, and by what is remembered of that.
    for _ in 0..2 {
        let coming = identities.iter().map(|identity| {
            let (site, headers) = (&site, basic(identity, TYPED.as_bytes()));
            async move { come(site, identity, &headers).await.is_ok() }
        });
        assert_eq!(futures::future::join_all(coming).await, [true; CHARGERS]);
    }
}
