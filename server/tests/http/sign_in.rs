//! To sign in and out, sign-ins, tokens, and who may write.

use crate::client::{self, Answer, BOSS, PASSWORD, Served};
use bmw_domain::account::Role;
use serde_json::{Value, json};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
const PATH: &str = "/api/basic/settings/";
const NOBODY: (&str, &str) = ("cookie", "");

async fn post(site: &Served, path: &str, cookie: &str, body: &str) -> Answer {
    let headers = [FORM, ("cookie", cookie), ("accept", "text/html"), ("accept-language", "en")];
    site.ask("POST", path, &headers, body.as_bytes()).await
}

async fn get(site: &Served, path: &str, cookie: &str) -> Answer {
    site.ask("GET", path, &[("cookie", cookie), ("accept", "text/html"), ("accept-language", "en")], b"").await
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

async fn try_in(site: &Served, name: &str, password: &str, cookie: &str) -> Answer {
    post(site, "/log_in/", cookie, &format!("username={name}&password={password}")).await
}

/// Signs in, and gives the cookies.
async fn sign_in(site: &Served, name: &str) -> String {
    cookies(&try_in(site, name, PASSWORD, "").await)
}

fn cookies(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    kept(answer)
}

fn kept(answer: &Answer) -> String {
    answer.cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// An app on a phone, which has taken over the secret that a page shows.
struct App(String);

impl App {
    fn of(page: &str) -> Self {
        Self(page.split("?secret=").nth(1).unwrap().split('&').next().unwrap().to_owned())
    }

    /// The code of a step from this one.
    fn code(&self, steps: i64) -> String {
        client::code(&self.0, steps)
    }
}

/// Turns on a second factor with the code of the step before this one: what the app knows, the recovery codes, and the cookies of
/// the browser from then on.
async fn with_factor(site: &Served, cookie: &str) -> (App, Vec<String>, String) {
    let begun = post(site, "/account/", cookie, "deed=factor-begin").await;
    assert_eq!((begun.status, begun.header("location")), (303, "/account/#second-factor"));
    assert_eq!(get(site, "/account/", cookie).await.status, 303, "a copy of the cookie does not see the secret");
    let cookie = &cookies(&begun);
    let page = text(&get(site, "/account/", cookie).await);
    assert!(page.contains("<svg class=\"qr\"") && !page.contains("style="), "{page}");
    let app = App::of(&page);
    let body = format!("deed=factor-on&password={PASSWORD}&code={}", app.code(-1));
    let on = post(site, "/account/", cookie, &body).await;
    assert_eq!(on.status, 200, "{}", text(&on));
    let page = text(&on);
    assert!(page.contains("this one"), "{page}");
    assert_eq!(get(site, "/account/", cookie).await.status, 303, "a copy of the cookie is worth nothing");
    let codes = page.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    (app, codes, kept(&on))
}

async fn may_write(site: &Served, header: (&str, &str)) -> u16 {
    site.ask("POST", PATH, &[header, JSON], b"{}").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_and_out() {
    let site = Served::empty().await;
    let page = get(&site, "/log_in/?next=/devices/", "").await;
    assert_eq!(page.status, 200);
    assert!(text(&page).contains("value=\"/devices/\"") && !text(&page).contains("<script"));
    let answer =
        post(&site, "/log_in/", "", &format!("username=%20BOSS&password={PASSWORD}&next=/devices/?state%3Dx")).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/devices/?state=x"), "names are equal ignoring case");
    for cookie in &answer.cookies {
        for rule in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(rule), "{cookie}");
        }
    }
    let cookie = cookies(&answer);
    // What is asked for first, it is let in for.
    assert_eq!(may_write(&site, ("cookie", &cookie)).await, 400);
    let page = text(&get(&site, "/overview/", &cookie).await);
    assert!(page.contains("data-account=\"boss\"") && page.contains("data-role=\"administrator\""), "{page}");
    assert_eq!(get(&site, "/log_in/?next=/cards/", &cookie).await.header("location"), "/cards/");
    let out = post(&site, "/log_out/", &cookie, "").await;
    assert_eq!((out.status, out.header("location")), (303, "/overview/"));
    assert!(out.cookies[0].starts_with("bmw_session=; "), "{:?}", out.cookies);
    assert_eq!(may_write(&site, ("cookie", &cookie)).await, 401, "the cookie is worth nothing any more");
    let actions: Vec<String> =
        site.running.site.store().audit_log(2).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["sign_in.end", "sign_in.begin"]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_second_factor_is_asked_for_its_code() {
    let site = Served::start(None, |config| config.public_read = false).await;
    let cookie = sign_in(&site, BOSS).await;
    let (app, codes, cookie) = with_factor(&site, &cookie).await;
    assert_eq!(codes.len(), 10);
    let page = text(&get(&site, "/account/", &cookie).await);
    assert!(page.contains("10 recovery codes are left.") && !page.contains(&codes[0]) && !page.contains(&app.0));
    let body = format!("username=boss&password={PASSWORD}&next=/cards/");
    let asked = post(&site, "/log_in/", "", &body).await;
    assert_eq!(asked.header("location"), "/log_in/code/?next=%2Fcards%2F");
    assert_eq!(asked.cookies.len(), 1, "he is not in");
    for rule in ["bmw_awaited=", "Path=/log_in/code/", "HttpOnly", "SameSite=Lax", "Max-Age=300"] {
        assert!(asked.cookies[0].contains(rule), "{:?}", asked.cookies);
    }
    let awaited = cookies(&asked);
    let page = get(&site, "/log_in/code/?next=/cards/", &awaited).await;
    assert_eq!(page.status, 200);
    for word in ["one-time-code", "inputmode=\"numeric\"", "value=\"/cards/\""] {
        assert!(text(&page).contains(word), "{}", text(&page));
    }
    assert_eq!(get(&site, "/account/", &awaited).await.status, 303, "it is good for nothing else");
    let wrong = post(&site, "/log_in/code/", &awaited, "code=000000&next=/cards/").await;
    assert_eq!((wrong.status, wrong.cookies.len()), (400, 0));
    assert!(text(&wrong).contains("The code is wrong") && text(&wrong).contains("value=\"/cards/\""));
    let code = format!("code={}&next=/cards/", app.code(0));
    let signed_in = post(&site, "/log_in/code/", &awaited, &code).await;
    assert_eq!(signed_in.header("location"), "/cards/");
    assert_eq!(get(&site, "/account/", &cookies(&signed_in)).await.status, 200);
    // Once, and not without a password before it.
    assert_eq!(post(&site, "/log_in/code/", &awaited, &code).await.status, 400);
    assert_eq!(get(&site, "/log_in/code/?next=/cards/", "").await.header("location"), "/log_in/?next=%2Fcards%2F");
    let gone = text(&post(&site, "/log_in/code/", "", "code=123456&next=/cards/").await);
    assert!(gone.contains("Sign in again.") && gone.contains("name=\"username\""), "{gone}");
    // A recovery code stands in for it.
    let awaited = cookies(&try_in(&site, BOSS, PASSWORD, "").await);
    let signed_in = post(&site, "/log_in/code/", &awaited, &format!("code={}", codes[0])).await;
    assert_eq!(signed_in.header("location"), "/overview/");
    let off = format!("deed=factor-off&password={PASSWORD}&code={}", codes[1]);
    assert_eq!(post(&site, "/account/", &cookie, &off).await.header("location"), "/account/?said=1");
    assert_eq!(try_in(&site, BOSS, PASSWORD, "").await.header("location"), "/overview/");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_in_no_log_and_no_export() {
    let site = Served::empty().await;
    let cookie = sign_in(&site, BOSS).await;
    let (app, codes, _) = with_factor(&site, &cookie).await;
    let store = site.running.site.store();
    let told = format!("{:?}{:?}", store.audit_log(100).await.unwrap(), store.accounts().await.unwrap());
    let mut export = Vec::new();
    store.export().await.unwrap().write(&mut export).unwrap();
    let told = told + &String::from_utf8(export).unwrap();
    assert!(told.contains("account.second_factor.on"));
    for secret in [app.0.as_str(), &codes[0], &codes[0].replace('-', "")] {
        assert!(!told.contains(secret));
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_takes_a_lost_second_factor_away() {
    let site = Served::empty().await;
    site.account("anna", Role::Viewer).await;
    let (boss, anna) = (sign_in(&site, BOSS).await, sign_in(&site, "anna").await);
    assert!(!text(&get(&site, "/users/", &boss).await).contains("factor-off"));
    let (.., anna) = with_factor(&site, &anna).await;
    let page = text(&get(&site, "/users/", &boss).await);
    assert!(page.contains("factor-off") && page.contains("Second factor"));
    assert_eq!(post(&site, "/users/", &boss, "deed=factor-off&id=1").await.status, 400, "not his own");
    assert_eq!(post(&site, "/users/", &boss, "deed=factor-off&id=2").await.status, 303);
    assert_eq!(get(&site, "/account/", &anna).await.status, 303, "her sign-ins have ended");
    assert_eq!(post(&site, "/users/", &boss, "deed=factor-off&id=2").await.status, 400, "there is none any more");
    assert_eq!(try_in(&site, "anna", PASSWORD, "").await.header("location"), "/overview/");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_sends_the_code_along() {
    let site = Served::empty().await;
    let cookie = sign_in(&site, BOSS).await;
    let (app, ..) = with_factor(&site, &cookie).await;
    let ask = async |otp: Value| {
        let body = json!({"username": BOSS, "password": PASSWORD, "otp": otp}).to_string();
        site.ask("POST", "/api-token-auth/", &[JSON, NOBODY], body.as_bytes()).await
    };
    for nothing in [Value::Null, json!("")] {
        let without = ask(nothing).await;
        assert_eq!(without.wrong_fields(), ["non_field_errors"]);
        let text = without.json()["non_field_errors"][0].as_str().unwrap().to_owned();
        assert!(text.contains("make a token on the account's page"), "{text}");
    }
    assert_eq!(ask(json!(123_456)).await.wrong_fields(), ["otp"], "a code is text");
    assert_eq!(ask(json!("000000")).await.wrong_fields(), ["otp"]);
    let token = ask(json!(app.code(0))).await;
    let bearer = format!("Bearer {}", token.json()["token"].as_str().unwrap());
    assert_eq!(may_write(&site, ("authorization", &bearer)).await, 400);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_what_was_wrong() {
    let site = Served::empty().await;
    site.account("gone", Role::Operator).await;
    let boss = sign_in(&site, BOSS).await;
    assert_eq!(post(&site, "/users/", &boss, "deed=disable&id=2").await.status, 303);
    let mut pages = Vec::new();
    for (name, password) in [(BOSS, "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("%00", "x"), ("", "")] {
        let answer = try_in(&site, name, password, "").await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.cookies.is_empty());
        pages.push(text(&answer).split("name=\"username\"").next().unwrap().to_owned());
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
    assert!(pages[0].contains("Name or password is wrong."), "{}", pages[0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_slowed_and_the_owner_is_not_kept_out() {
    let site = Served::empty().await;
    let device = cookies(&try_in(&site, BOSS, PASSWORD, "").await);
    post(&site, "/log_out/", &device, "").await;
    // Names that nobody has are guarded as well, and nobody sees a difference.
    for name in ["stranger", "other"] {
        let mut waits = 0;
        for _ in 0..8 {
            let answer = try_in(&site, name, "wrong", "").await;
            if answer.status == 429 {
                waits += 1;
                assert!(answer.header("retry-after").parse::<i64>().unwrap() >= 1);
            }
        }
        assert!(waits > 0, "{name}");
    }
    let token = json!({"username": "other", "password": "wrong"}).to_string();
    assert_eq!(site.ask("POST", "/api-token-auth/", &[JSON, NOBODY], token.as_bytes()).await.status, 429);
    assert_eq!(try_in(&site, BOSS, PASSWORD, &device).await.status, 303, "the device is known");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_signed_in_is_led_to_pages_of_this_site_alone() {
    let site = Served::empty().await;
    for next in
        ["https://evil.example/", "//evil.example/", "/%5Cevil.example/", "javascript:alert(1)", "/a%0D%0Ax:y", ""]
    {
        let answer = post(&site, "/log_in/", "", &format!("username=boss&password={PASSWORD}&next={next}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/overview/"), "{next}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_may_not_write() {
    let site = Served::empty().await;
    let cookie = sign_in(&site, BOSS).await;
    let own = format!("http://{}", site.addr());
    for headers in [vec![], vec![("origin", own.as_str())], vec![("sec-fetch-site", "same-origin")]] {
        let headers = [&headers[..], &[JSON, ("cookie", &cookie)]].concat();
        assert_eq!(site.ask("POST", PATH, &headers, b"{}").await.status, 400, "{headers:?}");
    }
    for headers in [
        vec![("origin", "http://evil.example")],
        vec![("origin", "null")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
    ] {
        let headers = [&headers[..], &[JSON, ("cookie", &cookie)]].concat();
        for path in [PATH, "/fn/command", "/log_in/", "/log_in/code/", "/log_out/", "/users/", "/api-token-auth/"] {
            let answer = site.ask("POST", path, &headers, b"{}").await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(!answer.detail().is_empty());
        }
        // Reading goes on.
        assert_eq!(site.ask("GET", PATH, &headers, b"").await.status, 200, "{headers:?}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_itself_is_nobody_in_particular() {
    let site = Served::empty().await;
    assert_eq!(may_write(&site, NOBODY).await, 401);
    let answer = post(&site, "/fn/command", "", "command=Reset&c0=A").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/log_in/"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_a_token_for_name_and_password() {
    let site = Served::empty().await;
    let ask = async |kind: &str, body: String| {
        site.ask("POST", "/api-token-auth/", &[("content-type", kind), NOBODY], body.as_bytes()).await
    };
    for (kind, body) in [
        ("application/json", json!({"username": BOSS, "password": PASSWORD}).to_string()),
        ("application/x-www-form-urlencoded", format!("username={BOSS}&password={PASSWORD}")),
    ] {
        let answer = ask(kind, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(answer.json().as_object().unwrap().len(), 1);
        for scheme in ["Bearer", "Token", "token"] {
            assert_eq!(may_write(&site, ("authorization", &format!("{scheme} {token}"))).await, 400, "{scheme}");
        }
    }
    for token in ["Bearer x", "Token", &format!("Bearer {}", "0".repeat(64))] {
        let answer = site.ask("GET", PATH, &[("authorization", token)], b"").await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer realm=\"bmw\""), "{token}");
    }
    // A proxy's own scheme is none of ours.
    assert_eq!(site.ask("GET", PATH, &[("authorization", "Basic eDp5")], b"").await.status, 200);
    let wrong = ask("application/json", json!({"username": BOSS, "password": "x"}).to_string()).await;
    assert_eq!(wrong.wrong_fields(), ["non_field_errors"]);
    assert_eq!(wrong.json()["non_field_errors"][0], "Unable to log in with provided credentials.");
    assert_eq!(
        ask("application/json", "{\"username\":\"\"}".to_owned()).await.wrong_fields(),
        ["password", "username"]
    );
    assert_eq!(ask("application/json", "[]".to_owned()).await.status, 400);
    assert_eq!(ask("text/plain", String::new()).await.status, 415);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_route_is_that_of_the_predecessor() {
    // Also where nobody may read.
    let site = Served::start(None, |config| config.public_read = false).await;
    let ask = async |kind: &str, body: &[u8]| {
        site.ask("POST", "/api-token-auth/", &[("content-type", kind), NOBODY], body).await
    };
    let part =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let whole = part("username", &format!(" {BOSS} ")) + &part("password", PASSWORD) + "--b--\r\n";
    let given = ask("multipart/form-data; boundary=b", whole.as_bytes()).await;
    assert!(given.json()["token"].is_string(), "{given:?}");
    for (kind, body) in [
        ("multipart/form-data", whole.as_bytes()),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disp"),
        ("multipart/form-data; boundary=b", b"x"),
    ] {
        let refused = ask(kind, body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(!refused.detail().is_empty());
    }
    let file = "--b\r\nContent-Disposition: form-data; name=\"password\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n";
    let refused = ask("multipart/form-data; boundary=b", file.as_bytes()).await;
    assert_eq!(refused.wrong_fields(), ["password", "username"], "a file is no field");
    // The name is trimmed, the password is not.
    let spaced = json!({"username": format!("\t{BOSS} "), "password": PASSWORD}).to_string();
    assert_eq!(ask("application/json", spaced.as_bytes()).await.status, 200);
    let spaced = json!({"username": BOSS, "password": format!("{PASSWORD} ")}).to_string();
    assert_eq!(ask("application/json", spaced.as_bytes()).await.wrong_fields(), ["non_field_errors"]);
    let blank = json!({"username": "  ", "password": PASSWORD}).to_string();
    assert_eq!(ask("application/json", blank.as_bytes()).await.wrong_fields(), ["username"]);
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
        let answer = site.ask(method, "/api-token-auth/", &[NOBODY], b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST, OPTIONS"), "{method}");
    }
    for path in ["/api-token-auth/", "/api-token-auth"] {
        let described = site.ask("OPTIONS", path, &[NOBODY], b"").await;
        assert_eq!((described.status, described.header("allow")), (200, "POST, OPTIONS"), "{described:?}");
        let json = described.json();
        assert_eq!(json["name"], "Obtain Auth Token");
        let kinds = ["application/x-www-form-urlencoded", "multipart/form-data", "application/json"];
        assert_eq!((&json["parses"], &json["renders"]), (&json!(kinds), &json!(["application/json"])));
        assert_eq!(json["actions"]["POST"]["password"]["required"], true);
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_taken_for_somebody_else() {
    let site = Served::empty().await;
    site.account("anna", Role::Viewer).await;
    let (boss, anna) = (sign_in(&site, BOSS).await, sign_in(&site, "anna").await);
    let fetched = json!({"username": BOSS, "password": PASSWORD}).to_string();
    let fetched = site.ask("POST", "/api-token-auth/", &[JSON, NOBODY], fetched.as_bytes()).await;
    let bearer = format!("Bearer {}", fetched.json()["token"].as_str().unwrap());
    let ask = async |headers: &[&[u8]]| {
        let mut request =
            format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie: {boss}\r\n").into_bytes();
        for header in headers {
            request.extend([b"authorization: ", *header, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        site.send(&request).await
    };
    assert_eq!(ask(&[bearer.as_bytes()]).await.status, 200);
    let several = ask(&[bearer.as_bytes(), b"Basic eDp5"]).await;
    assert_eq!((several.status, several.detail().as_str()), (400, "There are several Authorization headers."));
    assert_eq!(ask(&[bearer.as_bytes(), bearer.as_bytes()]).await.status, 400);
    for header in [&b"Bearer \xff"[..], b"\xe4", b"Token a b", b"Bearer"] {
        let answer = ask(&[header]).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer realm=\"bmw\""), "{header:?}");
    }
    // Who signs in over another's sign-in ends it.
    let over = cookies(&try_in(&site, BOSS, PASSWORD, &anna).await);
    assert_eq!(get(&site, "/account/", &anna).await.status, 303);
    assert_eq!(get(&site, "/account/", &over).await.status, 200);
    site.end().await;
}

/// The number in the last form of a kind on a page.
fn id_of(page: &str, deed: &str) -> String {
    let before = page[..page.rfind(&format!("value=\"{deed}\"")).unwrap()].rsplit("name=\"id\" value=\"").next();
    before.unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_tokens_are_made_shown_once_and_revoked() {
    let site = Served::empty().await;
    site.account("ops", Role::Operator).await;
    let cookie = sign_in(&site, "ops").await;
    let above = post(&site, "/account/", &cookie, "deed=token&name=x&role=administrator&days=30").await;
    assert_eq!(above.status, 403, "nobody gives more than he has");
    let ask = |fields: &str| format!("deed=token&name=meter+reader&{fields}");
    for (fields, word) in [
        ("role=viewer&days=abc", "Valid for: choose"),
        ("role=viewer&days=-1", "Valid for: choose"),
        ("role=viewer&days=31", "Valid for: choose"),
        ("role=viewer", "Valid for: choose"),
        ("role=king&days=30", "Role: choose"),
        ("role=operator&days=90", "Name or password is wrong."),
        ("role=operator&days=90&password=wrong", "Name or password is wrong."),
    ] {
        let body = ask(&format!("password={PASSWORD}&{fields}"));
        let body = if word.starts_with("Name") { ask(fields) } else { body };
        let refused = post(&site, "/account/", &cookie, &body).await;
        let page = text(&refused);
        assert!(refused.status == 400 && page.contains(word), "{body}: {page}");
        assert!(page.contains("value=\"meter reader\""), "what was typed is there: {page}");
        assert_eq!(page.contains("value=\"90\" selected"), fields.contains("days=90"), "{page}");
        assert_eq!(page.contains("value=\"operator\" selected"), fields.contains("role=operator"), "{page}");
    }
    let body = ask(&format!("role=viewer&days=30&password={PASSWORD}"));
    let made = post(&site, "/account/", &cookie, &body).await;
    assert_eq!(made.status, 200);
    let page = text(&made);
    let token = page.split("<code class=\"token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    assert_eq!(may_write(&site, ("authorization", &bearer)).await, 403, "it may less than its owner");
    assert_eq!(site.ask("GET", "/cards/export.csv", &[("authorization", &bearer)], b"").await.status, 200);
    let page = text(&get(&site, "/account/", &cookie).await);
    assert!(page.contains("meter reader") && !page.contains(&token), "shown once");
    assert!(!text(&get(&site, "/account/", &cookie).await).contains("action=\"/users/\""));
    assert_eq!(
        site.ask("GET", "/account/", &[("authorization", &bearer)], b"").await.status,
        403,
        "no matter of programs"
    );
    let revoke = format!(
        "deed=revoke&id={}",
        id_of(page.split("meter reader").nth(1).unwrap().split("</tr>").next().unwrap(), "revoke")
    );
    let boss = sign_in(&site, BOSS).await;
    assert_eq!(post(&site, "/account/", &boss, &revoke).await.status, 400, "of another one");
    assert_eq!(post(&site, "/account/", &cookie, &revoke).await.status, 303);
    assert_eq!(site.ask("GET", PATH, &[("authorization", &bearer)], b"").await.status, 401);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_and_other_sign_ins_end() {
    let site = Served::empty().await;
    site.account("anna", Role::Viewer).await;
    let (here, there) = (sign_in(&site, "anna").await, sign_in(&site, "anna").await);
    let change = |old: &str, new: &str| format!("deed=password&old={old}&new={new}");
    for (body, word) in [
        (change(PASSWORD, "short"), "at least 10"),
        (change(PASSWORD, "password1234"), "too easily guessed"),
        (change("wrong", "mQ8-tuz4-pLx-2"), "Name or password is wrong."),
    ] {
        let answer = post(&site, "/account/", &here, &body).await;
        assert_eq!(answer.status, 400);
        assert!(text(&answer).contains(word), "{word}");
    }
    // Whoever knew the password may have got himself a token.
    let asked = json!({"username": "anna", "password": PASSWORD}).to_string();
    let fetched = site.ask("POST", "/api-token-auth/", &[JSON, NOBODY], asked.as_bytes()).await;
    let bearer = format!("Bearer {}", fetched.json()["token"].as_str().unwrap());
    assert_eq!(site.ask("GET", PATH, &[("authorization", &bearer)], b"").await.status, 200);
    let changed = post(&site, "/account/", &here, &change(PASSWORD, "mQ8-tuz4-pLx-2")).await;
    assert_eq!(changed.header("location"), "/account/?said=1");
    assert_eq!(get(&site, "/account/", &here).await.status, 303, "a copy of the cookie is worth nothing");
    let here = cookies(&changed);
    assert_eq!(site.ask("GET", PATH, &[("authorization", &bearer)], b"").await.status, 401);
    // With it, another one can still be asked for.
    let asked = json!({"username": "anna", "password": "mQ8-tuz4-pLx-2"}).to_string();
    let with_it = [JSON, ("authorization", bearer.as_str())];
    assert_eq!(site.ask("POST", "/api-token-auth/", &with_it, asked.as_bytes()).await.status, 200);
    assert_eq!(get(&site, "/account/", &here).await.status, 200);
    assert_eq!(get(&site, "/account/", &there).await.header("location"), "/log_in/?next=%2Faccount%2F");
    assert_eq!(try_in(&site, "anna", PASSWORD, "").await.status, 400);
    assert_eq!(try_in(&site, "anna", "mQ8-tuz4-pLx-2", "").await.status, 303);
    // One by one.
    let other = cookies(&try_in(&site, "anna", "mQ8-tuz4-pLx-2", "").await);
    let page = text(&get(&site, "/account/", &here).await);
    assert!(page.contains("this one"));
    assert_eq!(post(&site, "/account/", &here, "deed=end-others").await.status, 303);
    assert_eq!(get(&site, "/account/", &other).await.status, 303);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_keeps_the_accounts() {
    let site = Served::empty().await;
    let boss = sign_in(&site, BOSS).await;
    let add = |name: &str, password: &str| format!("deed=add&name={name}&password={password}&role=operator");
    for (body, word) in [
        (add("a%20b", PASSWORD), "1–64 letters"),
        (add("anna", "1234567890"), "too easily guessed"),
        (add("BOSS", PASSWORD), "There is an account of this name."),
        ("deed=role&role=viewer&id=1".to_owned(), "You cannot change your own role"),
        ("deed=disable&id=1".to_owned(), "You cannot change your own role"),
        // One's own password is changed by who knows the old one.
        ("deed=password&id=1&password=mQ8-tuz4-pLx-2".to_owned(), "You cannot change your own role"),
        ("deed=dance&id=1".to_owned(), "no such item"),
    ] {
        let answer = post(&site, "/users/", &boss, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(text(&answer).contains(word), "{body}");
    }
    // What was typed is there, but the password.
    let refused = text(&post(&site, "/users/", &boss, &add("anna", "1234567890")).await);
    assert!(refused.contains("value=\"anna\"") && refused.contains("value=\"operator\" selected"), "{refused}");
    assert!(!refused.contains("1234567890"));
    let role = post(&site, "/users/", &boss, &format!("deed=add&name=anna&password={PASSWORD}&role=king")).await;
    assert!(role.status == 400 && text(&role).contains("Role: choose"), "{}", text(&role));
    assert_eq!(post(&site, "/users/", &boss, &add("anna", PASSWORD)).await.status, 303);
    let refused = text(&post(&site, "/users/", &boss, "deed=password&id=2&password=x").await);
    let open = "<details class=\"group\" open";
    assert_eq!(refused.matches(open).count(), 1, "the form that was refused is open: {refused}");
    assert!(!text(&get(&site, "/users/", &boss).await).contains(open));
    let anna = sign_in(&site, "anna").await;
    assert_eq!(get(&site, "/users/", &anna).await.status, 403);
    assert_eq!(may_write(&site, ("cookie", &anna)).await, 403);
    // What changes holds at once.
    assert_eq!(post(&site, "/users/", &boss, "deed=role&role=administrator&id=2").await.status, 303);
    assert_eq!(may_write(&site, ("cookie", &anna)).await, 400);
    assert_eq!(post(&site, "/users/", &boss, "deed=role&role=viewer&id=2").await.status, 303);
    assert_eq!(may_write(&site, ("cookie", &anna)).await, 403);
    assert_eq!(post(&site, "/users/", &boss, "deed=password&id=2&password=mQ8-tuz4-pLx-2").await.status, 303);
    assert_eq!(may_write(&site, ("cookie", &anna)).await, 401);
    let anna = cookies(&try_in(&site, "anna", "mQ8-tuz4-pLx-2", "").await);
    assert_eq!(post(&site, "/users/", &boss, "deed=disable&id=2").await.status, 303);
    assert_eq!(may_write(&site, ("cookie", &anna)).await, 401);
    assert_eq!(post(&site, "/users/", &boss, "deed=enable&id=2").await.status, 303);
    let log = site.running.site.store().audit_log(100).await.unwrap();
    let told: Vec<&str> =
        log.iter().rev().map(|entry| entry.action.as_str()).filter(|it| it.starts_with("account.")).collect();
    let expected = ["add", "add", "role", "role", "password", "disable", "enable"].map(|it| format!("account.{it}"));
    assert_eq!(told, expected);
    for secret in [PASSWORD, "mQ8-tuz4-pLx-2", "$argon2"] {
        assert!(log.iter().all(|entry| !entry.before.contains(secret) && !entry.after.contains(secret)));
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_and_tokens_outlive_the_program_and_nothing_secret_is_stored() {
    let site = Served::empty().await;
    let cookie = sign_in(&site, BOSS).await;
    let inventory = site.running.site.store().accounts().await.unwrap();
    let shown = format!("{inventory:?}");
    let secret = cookie.split("bmw_session=").nth(1).unwrap().split(';').next().unwrap();
    assert!(!shown.contains(secret) && !shown.contains("argon2"), "{shown}");
    let again = bmw_site::Access::start(site.running.store(), true).await.unwrap();
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let caller = again.identify(bmw_site::access::Credentials::Cookie(secret), address).unwrap();
    assert_eq!(caller.role(), Some(Role::Administrator));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_reading_is_closed_the_feed_ends_with_the_sign_in() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let site = Served::start(None, |config| config.public_read = false).await;
    let cookie = sign_in(&site, BOSS).await;
    let mut line = site.connect().await;
    let head = format!(
        "GET /ws/charger/details/ HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: {cookie}\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    line.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 101");
    assert_eq!(post(&site, "/log_out/", &cookie, "").await.status, 303);
    let mut rest = Vec::new();
    let end = tokio::time::timeout(std::time::Duration::from_mins(1), line.read_to_end(&mut rest)).await;
    end.expect("the feed must end").unwrap();
    assert!(rest.windows(10).any(|window| window == b"signed out"), "it says why");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_closed_leads_to_the_sign_in_and_back() {
    let site = Served::start(None, |config| config.public_read = false).await;
    let led = get(&site, "/details/?charger_id=a&date=2015-11-24", "").await;
    let address = led.header("location").to_owned();
    assert_eq!((led.status, address.as_str()), (303, "/log_in/?next=%2Fdetails%3Fcharger_id%3Da%26date%3D2015-11-24"));
    let page = get(&site, &address, "").await;
    assert!(text(&page).contains("value=\"/details?charger_id=a&amp;date=2015-11-24\""), "{}", text(&page));
    let json: Value = site.ask("GET", "/api/charger/list/", &[NOBODY], b"").await.json();
    assert_eq!(json["detail"], "Authentication credentials were not provided.");
    site.end().await;
}
