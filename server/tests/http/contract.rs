//! Every example of the document, and what the reading guide says of all routes.

use crate::client::{SITE_2015, SITE_2019, Served};
use serde_json::Value;

/// Every documented route that is only read, with a query that it answers.
const READ: [&str; 15] = [
    "/api/charger/details/",
    "/api/charger/details/?date=2015-11-24",
    "/api/charging/record/details/?date=2015-11-24",
    "/api/charger/info/statistic/",
    "/api/recent/charging/record/list/",
    "/api/recent/charger/state/list/",
    "/api/charger/state/statistic/",
    "/api/monthly/energy/",
    "/api/monthly/energy/list/",
    "/api/charger/id/list/",
    "/api/max/current/list/",
    "/api/charger/list/",
    "/bmw/chart/getAllRecentChargerRecords/?mode=2",
    "/bmw/chart/getRecentChargerRecords/?mode=2",
    "/api/openapi.json/",
];

/// Where two JSON values differ, with numbers near enough.
fn difference(got: &Value, want: &Value, at: &str) -> Option<String> {
    match (got, want) {
        (Value::Number(got), Value::Number(want)) => {
            let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
            ((got - want).abs() > 1e-6 * want.abs().max(1.0)).then(|| format!("{at}: {got}, documented {want}"))
        }
        (Value::Object(got), Value::Object(want)) => {
            if !got.keys().eq(want.keys()) {
                return Some(format!("{at}: keys {:?}, documented {:?}", got.keys(), want.keys()));
            }
            want.iter().find_map(|(key, want)| difference(&got[key], want, &format!("{at}.{key}")))
        }
        (Value::Array(got), Value::Array(want)) => {
            if got.len() != want.len() {
                return Some(format!("{at}: {} items, documented {}", got.len(), want.len()));
            }
            let pairs = got.iter().zip(want).enumerate();
            pairs.into_iter().find_map(|(index, (got, want))| difference(got, want, &format!("{at}[{index}]")))
        }
        _ => (got != want).then(|| format!("{at}: {got}, documented {want}")),
    }
}

async fn check(file: &str, answers: &str) {
    let answers: Value = serde_json::from_str(answers).unwrap();
    let text = |name: &str| answers[name].as_str().unwrap();
    // As the document has it: nobody signs in to read.
    let site = Served::documented(file, text("now"), text("default_charger")).await.without_account();
    for documented in answers["responses"].as_array().unwrap() {
        let path = documented["get"].as_str().unwrap();
        let (without_query, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        for slash in ["", "/"] {
            let path = format!("{}{slash}", without_query.trim_end_matches('/'));
            let path = query.map_or(path.clone(), |query| format!("{path}?{query}"));
            let answer = site.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            if let Some(difference) = difference(&answer.json(), &documented["json"], "$") {
                panic!("{path}: {difference}");
            }
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_2015_are_answered() {
    check(SITE_2015, include_str!("../fixtures/answers-2015.json")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_2019_are_answered() {
    check(SITE_2019, include_str!("../fixtures/answers-2019.json")).await;
}

fn methods(allow: &str) -> Vec<&str> {
    let mut methods: Vec<&str> = allow.split(", ").collect();
    methods.sort_unstable();
    methods
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_knows_its_methods() {
    let site = Served::of_2015().await;
    let read = READ.iter().map(|path| (*path, vec!["GET", "HEAD", "OPTIONS"]));
    for (path, allowed) in read.chain([("/api/basic/settings/", vec!["GET", "HEAD", "OPTIONS", "POST"])]) {
        let get = site.get(path).await;
        let head = site.ask("HEAD", path, &[], b"").await;
        let options = site.ask("OPTIONS", path, &[], b"").await;
        for answer in [&get, &head, &options] {
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), "application/json", "{path}");
            assert_eq!(answer.header("vary"), "Accept", "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(methods(answer.header("allow")), allowed, "{path}");
        }
        assert!(head.body.is_empty());
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if allowed.contains(&method) {
                continue;
            }
            let answer = site.ask(method, path, &[], b"").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(methods(answer.header("allow")), allowed, "{method} {path}");
            assert!(answer.detail().contains(method));
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_of_the_documented_world_are_not_found() {
    let site = Served::of_2015().await;
    for path in [
        "/api",
        "/api/",
        "/api/x/",
        "/api/charger/details/x",
        "/api//charger/details/",
        "/api/charger/../details/",
        "/bmw/",
        "/bmw/chart/",
        "/bmw/chart/getrecentchargerrecords",
        "/ws/",
        "/ws/charger/",
        "/api/%ff/",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = site.ask(method, path, &[], b"").await;
            assert_eq!((answer.status, answer.detail().as_str()), (404, "Not found."), "{method} {path}");
        }
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charger_is_chosen_by_its_id() {
    let site = Served::of_2015().await;
    let details = site.get("/api/charger/details/?charger_id=00504001").await.json();
    assert_eq!(details["result"]["vchchargerid"], "00504001");
    // The model is stored, and unknown.
    assert_eq!(details["result"]["vchModelID"], "");
    assert_eq!(details["result"]["dblmaxcurrent"], Value::Null);
    for unknown in ["x", "%00", "10245006%20", "'%20OR%201=1--", "%3Cscript%3E", &"9".repeat(3000)] {
        let answer = site.get(&format!("/api/charger/details/?charger_id={unknown}")).await;
        assert_eq!((answer.status, answer.detail().as_str()), (404, "Not found."), "{unknown}");
        let sums = site.get(&format!("/api/monthly/energy/?charger_id={unknown}")).await.json();
        assert_eq!(sums["y"], serde_json::json!([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
        let day = site.get(&format!("/api/charger/details/?date=2015-11-24&charger_id={unknown}")).await.json();
        assert_eq!(day, serde_json::json!({"result": []}));
    }
    let day = site.get("/api/charging/record/details?charger_id=21509003&date=2015-11-24").await.json();
    let ids: Vec<&Value> = day["result"].as_array().unwrap().iter().map(|row| &row["intrecordid"]).collect();
    assert_eq!(ids, [8, 9, 10]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_site_answers_too() {
    let site = Served::empty().await;
    assert_eq!(site.get("/api/charger/details/").await.status, 404);
    for (path, answer) in [
        ("/api/charger/id/list/", r#"{"chargers":[]}"#),
        ("/api/charger/list/", r#"{"data":[]}"#),
        ("/api/recent/charger/state/list/", r#"{"result":[]}"#),
        ("/api/recent/charging/record/list/?num=1000", r#"{"num":1000,"result":[]}"#),
        ("/api/monthly/energy/list/", r#"{"data":[]}"#),
        ("/bmw/chart/getRecentChargerRecords/?mode=3&show_all=true", "[]"),
        (
            "/api/charger/info/statistic/",
            r#"{"total_charger":0,"accumulate_power":0.0,"accumulate_minutes":0.0,"total_charging":0}"#,
        ),
    ] {
        assert_eq!(String::from_utf8(site.get(path).await.body).unwrap(), answer, "{path}");
    }
    let shares = site.get("/api/charger/state/statistic/").await.json();
    assert!(
        shares["result"].as_array().unwrap().iter().all(|share| share.as_object().unwrap().values().all(|v| v == 0.0))
    );
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_the_routes_loads_nothing_from_elsewhere() {
    let site = Served::empty().await;
    for path in ["/api/docs", "/api/docs/"] {
        let page = site.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"));
    }
    let style = site.get("/api/docs/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    let document = site.get("/api/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    site.end().await;
}
