//! What browsers are told with every answer, and what they may not do for the page of another site.

use crate::access::{FORM, Need, TABLE, cookie};
use crate::client::{Answer, BOSS, PASSWORD, SITE_2015, Served};
use std::collections::{BTreeMap, BTreeSet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NOBODY: (&str, &str) = ("cookie", "");
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

/// What is there besides the doors of the table: files, what there is not, and where charge points come in.
const BESIDE: [(&str, &str); 17] = [
    ("GET", "/nowhere/"),
    ("POST", "/nowhere/"),
    ("DELETE", "/overview/"),
    ("GET", "/favicon.svg"),
    ("GET", "/icon-512.png"),
    ("GET", "/sw.js"),
    ("GET", "/device.js"),
    ("GET", "/pkg/"),
    ("GET", "/fn/nothing"),
    ("GET", "/api/nowhere/"),
    ("PUT", "/api/charger/list/"),
    ("OPTIONS", "/api/charger/list/"),
    ("GET", "/api/charging/record/details/?date=x"),
    ("GET", "/ocpp/NOBODY"),
    ("GET", "/ocpp/"),
    ("PUT", "/ocpp/upload/00000000000000000000000000000000/log"),
    ("GET", "/ocpp/upload/00000000000000000000000000000000/log"),
];

async fn site(public_read: bool) -> Served {
    Served::start(Some(SITE_2015), |config| {
        config.public_read = public_read;
        config.simulator = true;
    })
    .await
}

/// The Content-Security-Policy of an answer, by directive.
fn policy(answer: &Answer) -> BTreeMap<&str, Vec<&str>> {
    let directives = answer.header("content-security-policy").split(';').map(str::split_whitespace);
    directives.filter_map(|mut words| Some((words.next()?, words.collect()))).collect()
}

/// The nonce of an answer's policy.
fn nonce(answer: &Answer) -> Option<String> {
    let policy = policy(answer);
    let word = policy.get("script-src")?.iter().find_map(|word| word.strip_prefix("'nonce-"))?;
    Some(word.trim_end_matches('\'').to_owned())
}

/// Whether a page has an element with an attribute of such a name.
fn has_attribute(page: &str, is_it: impl Fn(&str) -> bool) -> bool {
    let tags = page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap());
    tags.flat_map(str::split_whitespace).any(|word| word.split_once('=').is_some_and(|(name, _)| is_it(name)))
}

/// What holds for every answer.
#[track_caller]
fn check(answer: &Answer, asked: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{asked}: {answer:?}");
    let policy = policy(answer);
    assert_eq!(policy.get("frame-ancestors"), Some(&vec!["'none'"]), "{asked}: {policy:?}");
    assert!(policy.contains_key("default-src"), "{asked}: {policy:?}");
    for (directive, words) in &policy {
        for word in words {
            assert!(
                !["'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "http:", "https:", "blob:"]
                    .contains(word),
                "{asked}: {directive} {word}"
            );
            assert!(*word != "'wasm-unsafe-eval'" || *directive == "script-src", "{asked}: {directive} {word}");
            assert!(*word != "data:" || *directive == "img-src", "{asked}: {directive} {word}");
        }
    }
    if !answer.header("content-type").starts_with("text/html") {
        return;
    }
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{asked}");
    let page = String::from_utf8_lossy(&answer.body);
    assert!(!has_attribute(&page, |name| name == "style"), "{asked}: an inline style");
    assert!(!has_attribute(&page, |name| name.starts_with("on") && name.len() > 3), "{asked}: an inline handler");
    assert!(!page.contains("javascript:") && !page.contains("<style"), "{asked}");
    for script in page.split("<script").skip(1) {
        let named = || format!("nonce=\"{}\"", nonce(answer).unwrap());
        let tag = script.split('>').next().unwrap();
        // A file of the site is named by its address.
        let is_file = tag.contains(" src=\"/") && script.contains("></script>");
        assert!(is_file || tag.contains(&named()), "{asked}: a script without the nonce");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_browsers_may_do_with_it() {
    let site = site(true).await;
    let signed_in = cookie(&site, BOSS, "").await;
    for (_, method, address, kind, body, _) in TABLE {
        let reads = *method == "GET";
        // What changes something is asked for by a program, so that the browser stays signed in.
        let boss: &[(&str, &str)] = if reads { &[("cookie", &signed_in), PAGE] } else { &[PAGE] };
        for who in [boss, &[NOBODY, PAGE], &[NOBODY]] {
            let headers = [who, &[("content-type", kind)]].concat();
            let answer = site.ask(method, address, &headers, body.as_bytes()).await;
            check(&answer, &format!("{method} {address} {body} {}", answer.status));
        }
    }
    // The files that pages name, where the program was built with a bundle.
    let page = String::from_utf8(site.get("/overview/").await.body).unwrap();
    let files = page.split("href=\"/pkg/").skip(1).map(|rest| format!("/pkg/{}", rest.split('"').next().unwrap()));
    for file in files.collect::<BTreeSet<_>>() {
        let answer = site.ask("GET", &file, &[NOBODY], b"").await;
        assert_eq!(answer.status, 200, "{file}");
        check(&answer, &file);
    }
    for (method, address) in BESIDE {
        for who in [&[NOBODY, PAGE][..], &[NOBODY], &[PAGE]] {
            let answer = site.ask(method, address, who, b"").await;
            check(&answer, &format!("{method} {address} {}", answer.status));
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_of_one_answer() {
    let site = Served::empty().await;
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        for path in ["/", "/overview/", "/devices/", "/details/", "/records/", "/settings/", "/cards/", "/nowhere/"] {
            let nonce = nonce(&site.get(path).await).unwrap_or_else(|| panic!("{path}"));
            assert!(nonce.len() >= 22, "128 bits: {nonce}");
            assert!(seen.insert(nonce), "{path}");
        }
    }
    // Pages about accounts have no script at all.
    let answer = site.ask("GET", "/log_in/", &[NOBODY], b"").await;
    assert!(nonce(&answer).is_none() && !policy(&answer).contains_key("script-src"));
    assert_eq!(policy(&answer)["default-src"], ["'none'"]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_door_lets_the_page_of_another_site_write() {
    let site = site(true).await;
    let signed_in = cookie(&site, BOSS, "").await;
    let own = format!("http://{}", site.addr());
    let foreign: [&[(&str, &str)]; 6] = [
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", &own), ("sec-fetch-site", "cross-site")],
        // The same host at another port is another site.
        &[("origin", "http://127.0.0.1:1")],
    ];
    // Who uploads has his permission in the address, and a browser has no other one to add.
    let doors = || TABLE.iter().filter(|line| !line.0.starts_with("/ocpp/upload/"));
    for (_, method, address, kind, body, _) in doors().filter(|line| line.1 != "GET") {
        for origin in foreign {
            let headers = [origin, &[("cookie", &signed_in), ("content-type", kind), PAGE]].concat();
            let answer = site.ask(method, address, &headers, body.as_bytes()).await;
            assert_eq!(answer.status, 403, "{method} {address} {origin:?}");
            assert_eq!(answer.detail(), "Pages of other sites may not write.", "{method} {address} {origin:?}");
            assert!(answer.cookies.is_empty());
        }
    }
    // No other method is a way around.
    for address in doors().map(|line| line.2).collect::<BTreeSet<_>>() {
        for method in ["PUT", "PATCH", "DELETE"] {
            let headers = [("origin", "http://evil.example"), ("cookie", &signed_in)];
            assert_eq!(site.ask(method, address, &headers, b"").await.status, 403, "{method} {address}");
        }
    }
    // To sign out was among them.
    assert_eq!(site.ask("GET", "/account/", &[("cookie", &signed_in)], b"").await.status, 200);
    site.end().await;
}

/// The status of the answer to a WebSocket's handshake.
async fn handshake(site: &Served, path: &str, headers: &str) -> u16 {
    let mut line = site.connect().await;
    let host = site.addr();
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    line.read_exact(&mut start).await.unwrap();
    std::str::from_utf8(&start).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_opens_a_websocket() {
    let site = Served::of_2015().await;
    let signed_in = cookie(&site, BOSS, "").await;
    let own = format!("origin: http://{}\r\n", site.addr());
    for path in ["/ws/charger/details/", "/ocpp/10245006"] {
        for headers in ["", &own] {
            assert_eq!(handshake(&site, path, headers).await, 101, "{path} {headers}");
        }
        for origin in ["http://evil.example", "https://evil.example", "null", "http://127.0.0.1:1", "127.0.0.1", ""] {
            let headers = format!("origin: {origin}\r\ncookie: {signed_in}\r\n");
            assert_eq!(handshake(&site, path, &headers).await, 403, "{path} {origin}");
        }
    }
    site.end().await;
}

/// What an answer is said to depend on.
fn varies(answer: &Answer) -> BTreeSet<String> {
    answer.header("vary").split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn is_kept_apart(answer: &Answer) -> bool {
    let varies = varies(answer);
    answer.header("cache-control") == "no-store"
        && ["accept", "authorization", "cookie"].iter().all(|name| varies.contains(*name))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_mixes_up_who_asked() {
    for public_read in [true, false] {
        let site = site(public_read).await;
        let signed_in = cookie(&site, BOSS, "").await;
        for (_, method, address, _, _, need) in TABLE.iter().filter(|line| line.1 == "GET") {
            for who in [&[NOBODY][..], &[NOBODY, PAGE], &[("cookie", &signed_in), PAGE], &[]] {
                let answer = site.ask(method, address, who, b"").await;
                let is_documented = ["/api/", "/bmw/", "/ws/"].iter().any(|prefix| address.starts_with(prefix));
                // It tells who has acknowledged an alert to those who have signed in.
                let is_same = is_documented && *address != "/api/alerts/";
                if *need == Need::Read && is_same && public_read {
                    // The same for all, as it is documented.
                    assert!(!varies(&answer).contains("cookie"), "{address}: {answer:?}");
                } else if *need != Need::Nothing {
                    assert!(is_kept_apart(&answer), "{address} {who:?}: {answer:?}");
                }
            }
        }
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_the_routes_leads_to_the_sign_in_and_back() {
    let site = site(false).await;
    for address in ["/api/docs/", "/api/docs"] {
        let led = site.ask("GET", address, &[NOBODY, PAGE], b"").await;
        assert_eq!(led.status, 303, "{address}");
        let place = format!("/log_in/?next={}", address.replace('/', "%2F"));
        assert_eq!(led.header("location"), place);
        assert!(is_kept_apart(&led), "{led:?}");
    }
    let body = format!("username={BOSS}&password={PASSWORD}&next=/api/docs/");
    let answer = site.ask("POST", "/log_in/", &[("content-type", FORM), NOBODY], body.as_bytes()).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/api/docs/"));
    let signed_in = cookie(&site, BOSS, "").await;
    let page = site.ask("GET", "/api/docs/", &[("cookie", &signed_in), PAGE], b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    // Programs, and what is no page, are told as ever.
    for (address, headers) in [
        ("/api/docs/", &[NOBODY][..]),
        ("/api/docs/style.css", &[NOBODY, PAGE]),
        ("/api/openapi.json", &[NOBODY, PAGE]),
        ("/api/charger/list/", &[NOBODY, PAGE]),
    ] {
        let answer = site.ask("GET", address, headers, b"").await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer realm=\"bmw\""), "{address}");
    }
    site.end().await;
}
