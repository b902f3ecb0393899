//! 2.4 and 2.5: what is accepted, what is refused and how it is said.

use crate::client::{Answer, Served};
use bmw_domain::settings::Settings;
use serde_json::{Map, Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PATH: &str = "/api/basic/settings/";

fn example() -> Map<String, Value> {
    let example = json!({
        "vchcardreadercom": "Com10", "yeainstallyear": "2013", "intinstallmonth": 100, "blncurrentdistribution": 1,
        "vchpowermetercom": "Com4", "vchpowersequence": "ABC", "intcurrency": 86, "dblchargingdeductionpower": 3.0,
        "intchargingdeductionminute": 120, "intdeductionprioritypower": 2, "intdeductionpriorityminute": 1,
        "dblpowercoefficient": 0.001, "blninternaltesting": 1, "intmaxcurrenta": 32, "intmaxcurrentb": 32,
        "intmaxcurrentc": 32,
    });
    example.as_object().unwrap().clone()
}

/// Other values than the example's in every field.
fn other() -> Map<String, Value> {
    let other = json!({
        "vchcardreadercom": "/dev/ttyUSB0", "yeainstallyear": "2155", "intinstallmonth": 0, "blncurrentdistribution": 0,
        "vchpowermetercom": " 电表 ", "vchpowersequence": "CBA", "intcurrency": 999, "dblchargingdeductionpower": 0.5,
        "intchargingdeductionminute": 2_147_483_647, "intdeductionprioritypower": 0, "intdeductionpriorityminute": 7,
        "dblpowercoefficient": 12.25, "blninternaltesting": 0, "intmaxcurrenta": 0, "intmaxcurrentb": 10_000,
        "intmaxcurrentc": 63,
    });
    other.as_object().unwrap().clone()
}

fn form(fields: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let escaped = |text: String| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(text(value)))).collect();
    pairs.join("&")
}

async fn post(site: &Served, kind: (&str, &str), body: impl AsRef<[u8]>) -> Answer {
    site.ask("POST", PATH, &[kind], body.as_ref()).await
}

async fn shown(site: &Served) -> Value {
    site.get(PATH).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_site_has_the_defaults() {
    let site = Served::empty().await;
    let mut defaults = example();
    defaults.insert("blncurrentdistribution".to_owned(), 0.into());
    defaults.insert("blninternaltesting".to_owned(), 0.into());
    assert_eq!(shown(&site).await, Value::Object(defaults));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_and_forms_are_saved_and_told_back() {
    let site = Served::empty().await;
    let bodies = [
        (JSON, Value::Object(other()).to_string(), other()),
        (FORM, form(&example()), example()),
        (("content-type", "application/JSON; charset=utf-8"), Value::Object(other()).to_string(), other()),
        (("content-type", "Application/X-WWW-Form-Urlencoded;charset=UTF-8"), form(&example()), example()),
    ];
    for (kind, body, saved) in bodies {
        let answer = post(&site, kind, body).await;
        assert_eq!((answer.status, answer.json()), (200, Value::Object(saved.clone())));
        assert_eq!(shown(&site).await, Value::Object(saved));
    }
    let limits = site.get("/api/max/current/list/").await.json();
    assert_eq!(limits, json!({"int_max_current_a": 32, "int_max_current_b": 32, "int_max_current_c": 32}));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_may_be_text_and_unknown_fields_are_ignored() {
    let site = Served::empty().await;
    let mut fields = example();
    for (_, value) in &mut fields {
        if value.is_number() {
            *value = value.to_string().into();
        }
    }
    fields.insert("yeainstallyear".to_owned(), 2013.into());
    fields.insert("unknown".to_owned(), json!({"a": [1, {"b": null}]}));
    let answer = post(&site, JSON, Value::Object(fields).to_string()).await;
    assert_eq!((answer.status, answer.json()), (200, Value::Object(example())));
    let answer = post(&site, FORM, form(&example()) + "&unknown=1&unknown=2&&=").await;
    assert_eq!(answer.status, 200);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_save_is_in_the_audit_log() {
    let site = Served::empty().await;
    let before = site.running.site.present().settings().as_ref().clone();
    post(&site, JSON, Value::Object(other()).to_string()).await;
    post(&site, JSON, "{}").await;
    let after = site.running.site.present().settings().as_ref().clone();
    let log = site.deeds().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].action, "settings.save");
    assert_eq!((log[0].actor.as_str(), log[0].origin.as_str()), ("boss (api-token-auth)", "127.0.0.1"));
    let read = |text: &str| serde_json::from_str::<Settings>(text).unwrap();
    assert_ne!(before, after);
    assert_eq!((read(&log[0].before), read(&log[0].after)), (before, after));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_named_and_nothing_is_saved() {
    let site = Served::empty().await;
    let before = shown(&site).await;
    let whole =
        ["1.5", "1e3", "true", "null", "\"\"", "\" 1\"", "\"1 \"", "[]", "{}", "\"x\"", "-1", "2147483648", "\"１\""];
    let cases: [(&str, &[&str]); 16] = [
        ("vchcardreadercom", &["1", "null", "true", "\"\"", "\"a\\nb\"", "\"\\u0000\"", "[]"]),
        ("yeainstallyear", &["1900", "2156", "\"02013\"", "2013.0", "\"2013 \"", "null", "\"\"", "20130"]),
        ("intinstallmonth", &["1201", "-1", "1.0"]),
        ("blncurrentdistribution", &["2", "true", "false", "-1", "\"\""]),
        ("vchpowermetercom", &["0", "null", "\"\"", "\"\\u007f\""]),
        ("vchpowersequence", &["\"\"", "\"abc\"", "\"ABCA\"", "\"AAB\"", "\"AB\"", "1", "null", "\"ABD\""]),
        ("intcurrency", &["1000", "-1", "8.6"]),
        (
            "dblchargingdeductionpower",
            &["-0.1", "\"nan\"", "\"inf\"", "1e999", "null", "true", "\"\"", "\"1,5\"", "\" 1\""],
        ),
        ("intchargingdeductionminute", &whole),
        ("intdeductionprioritypower", &whole),
        ("intdeductionpriorityminute", &whole),
        ("dblpowercoefficient", &["0", "-1", "0.0", "\"0\"", "\"NaN\"", "-1e999", "[]"]),
        ("blninternaltesting", &["2", "\"true\"", "null"]),
        ("intmaxcurrenta", &["10001", "-1", "32.0"]),
        ("intmaxcurrentb", &["10001", "99999999999999999999999"]),
        ("intmaxcurrentc", &["10001", "\"-1\""]),
    ];
    for (field, values) in cases {
        for value in values {
            let mut fields: Vec<String> = example()
                .iter()
                .filter(|(name, _)| *name != field)
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            fields.push(format!("\"{field}\":{value}"));
            let answer = post(&site, JSON, format!("{{{}}}", fields.join(","))).await;
            assert_eq!(answer.wrong_fields(), [field], "{value}");
        }
        let mut missing = example();
        missing.remove(field);
        for answer in [
            post(&site, JSON, Value::Object(missing.clone()).to_string()).await,
            post(&site, FORM, form(&missing)).await,
            post(&site, FORM, form(&missing) + &format!("&{field}=")).await,
            post(&site, FORM, form(&example()) + &format!("&{field}=1")).await,
            post(&site, FORM, form(&missing) + &format!("&{field}=%ff")).await,
        ] {
            assert_eq!(answer.wrong_fields(), [field]);
        }
    }
    let too_long = Value::from("x".repeat(65));
    let mut fields = example();
    fields.insert("vchcardreadercom".to_owned(), too_long.clone());
    fields.insert("vchpowermetercom".to_owned(), too_long);
    let answer = post(&site, JSON, Value::Object(fields).to_string()).await;
    assert_eq!(answer.wrong_fields(), ["vchcardreadercom", "vchpowermetercom"]);
    for (kind, body) in [(JSON, "{}"), (FORM, ""), (FORM, "%ff=%ff&=&&&")] {
        assert_eq!(post(&site, kind, body).await.wrong_fields().len(), 16);
    }
    assert_eq!(shown(&site).await, before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read_are_refused_as_a_whole() {
    let site = Served::empty().await;
    let before = shown(&site).await;
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let cut_off = Value::Object(example()).to_string();
    let cases: [&[u8]; 16] = [
        b"",
        b" ",
        b"null",
        b"1",
        b"\"x\"",
        b"[]",
        b"[{}]",
        b"{",
        b"{}}",
        b"{\"a\":1,\"a\":2}",
        b"{\"intcurrency\":86,\"intcurrenc\\u0079\":86}",
        b"{\"x\":{\"a\":1,\"a\":1}}",
        b"\xff\xfe{}",
        b"{\"a\":\"\xff\"}",
        deep.as_bytes(),
        &cut_off.as_bytes()[..100],
    ];
    for body in cases {
        let answer = post(&site, JSON, body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.status, 400, "{shown}");
        assert!(!answer.detail().is_empty(), "{shown}");
    }
    assert_eq!(shown(&site).await, before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_media_types_are_refused() {
    let site = Served::empty().await;
    let body = Value::Object(example()).to_string();
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/xml", "application/jsonx", "", "é"] {
        let answer = post(&site, ("content-type", kind), &body).await;
        assert_eq!(answer.status, 415, "{kind:?}");
        assert!(!answer.detail().is_empty());
    }
    assert_eq!(site.ask("POST", PATH, &[], body.as_bytes()).await.status, 415);
    assert_eq!(site.ask("POST", PATH, &[JSON, FORM], body.as_bytes()).await.status, 415);
    site.end().await;
}
