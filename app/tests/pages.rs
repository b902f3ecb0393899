//! The pages as the server renders them, on a small site: complete, strict enough for the policy, and never a failure
//! on input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::Router;
use axum::body::Body;
use bmw_app::bundle::Bundle;
use bmw_app::data::{Overview, SaveOutcome, SettingsPage, decode};
use bmw_app::serve::page_routes;
use bmw_app::state::{AppState, FeedTimes, Shutdown};
use bmw_domain::calendar::LocalTime;
use bmw_domain::settings::SettingField;
use bmw_site::{Access, Caller, Commands, Site, SiteOptions};
use bmw_store::site_file::SiteFile;
use bmw_store::{ImportMode, OpenOptions, Role, Zone};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

/// Two charge points, one with a name that HTML must escape; three sessions, one of them running.
const SITE: &str = r#"{
  "charger_models": [{"vchmodelid": "EVG-32N", "dblmaxcurrent": 32.0, "dblmincurrent": 8.0, "intmaxphase": 1}],
  "chargers": [
    {"vchchargerid": "21509001", "vchmodelid": "EVG-32N", "vchvenderid": "evpower", "vchserialno": "S1",
     "vchfirmwarever": "2", "dblaccumlatedpower": 12214.54, "dblaccumlatedminute": 4230.0, "vchip": null, "vchmac": "0"},
    {"vchchargerid": "<b>&\"2", "vchmodelid": "", "vchvenderid": null, "vchserialno": null,
     "vchfirmwarever": "HKMB19167 ", "dblaccumlatedpower": null, "dblaccumlatedminute": null, "vchip": null, "vchmac": null}
  ],
  "charger_states": [
    {"vchchargerid": "21509001", "vchstate": "Charging", "vchcommand": "StatusNotification", "vchsocket": "GBT",
     "intcurrentfeedback": 16, "intcurrent": 32, "intchargingcurrent": 16, "intconsumedenergy": 1200,
     "intelapsedtime": 34, "intchargingphase": 1, "dttlastconntime": "2015-12-28T11:59:00"}
  ],
  "charging_records": [
    {"intrecordid": 1, "intchargingcode": 69, "vchchargerid": "21509001", "dttstartqueue": "2015-12-24T15:09:47",
     "dttstarttime": "2015-12-24T15:09:47", "dttfinishtime": "2015-12-24T15:14:59",
     "dttrealfinish": "2015-12-24T15:14:59", "dblenergy": 2.458, "vchcardid": "04A1B2"},
    {"intrecordid": 2, "intchargingcode": 70, "vchchargerid": "<b>&\"2", "dttstartqueue": "2015-12-24T16:00:00",
     "dttstarttime": "2015-12-24T16:00:00", "dttfinishtime": "2015-12-24T17:00:00",
     "dttrealfinish": "2015-12-24T17:00:00", "dblenergy": 6.75, "vchcardid": "=1+1"},
    {"intrecordid": 3, "intchargingcode": 71, "vchchargerid": "21509001", "dttstartqueue": null,
     "dttstarttime": "2015-12-28T11:00:00", "dttfinishtime": null, "dttrealfinish": null, "dblenergy": 1.2,
     "vchcardid": null}
  ]
}"#;

/// Every page, with choices.
const PAGES: [&str; 10] = [
    "/",
    "/overview/?show=chargers&by=day&count=10&rows=20",
    "/overview/?charger=21509001&by=year",
    "/details/?charger_id=21509001&span=1d&date=2015-12-24&record=1&start=1",
    "/details/?date=2015-12-24&month=2015-11&only=1",
    "/details/?charger_id=nobody",
    "/devices/?search=2&sort=contact",
    "/records/?from=2015-12-01&to=2015-12-31&state=finished",
    "/settings/?wrong=1&max_current_a=-1&meter_port=&installation_month=99",
    "/nowhere/",
];

struct Served {
    routes: Router,
    site: Arc<Site>,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn new(site_file: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            url: format!("sqlite://{}", folder.path().join("bmw.db").display()),
            zone: Some(Zone::named("Asia/Shanghai").unwrap()),
            role: Role::Owner,
        };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        if let Some(text) = site_file {
            store.import(&SiteFile::parse(text.as_bytes()).unwrap(), ImportMode::Merge).await.unwrap();
        }
        let now = LocalTime::parse("2015-12-28T12:00:00");
        let (site, ..) = Site::start(store.clone(), SiteOptions { now, ..SiteOptions::default() }).await.unwrap();
        let shutdown = Shutdown::default();
        let access = Access::start(store, true).await.unwrap();
        let commands = Commands::new(site.clone(), "OPERATOR", shutdown.sender());
        let state = AppState {
            site: site.clone(),
            access,
            commands,
            feed: FeedTimes::default(),
            has_simulator: false,
            public_url: None,
            webhook: None,
            shutdown,
        };
        let bundle =
            Bundle { js: "/pkg/a.js".to_owned(), wasm: "/pkg/a.wasm".to_owned(), css: "/pkg/a.css".to_owned() };
        Self { routes: page_routes(state, Some(bundle)), site, _folder: folder }
    }

    /// As an administrator asks, who may see and do everything.
    async fn ask_bytes(&self, mut request: Request<Body>) -> (Response<()>, Vec<u8>) {
        request.extensions_mut().insert(Caller::terminal());
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (Response::from_parts(parts, ()), body.collect().await.unwrap().to_bytes().to_vec())
    }

    async fn ask(&self, request: Request<Body>) -> (Response<()>, String) {
        let (response, body) = self.ask_bytes(request).await;
        (response, String::from_utf8(body).unwrap())
    }

    async fn get(&self, path: &str) -> (Response<()>, String) {
        let request = Request::get(path).header(header::ACCEPT_LANGUAGE, "en").header(header::ACCEPT, "text/html");
        self.ask(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_the_data_without_any_script() {
    let site = Served::new(Some(SITE)).await;
    for (path, words) in [
        (
            "/overview/",
            &["12\u{202f}214.54", "70\u{202f}h 30\u{202f}min", "Charging", "2.458", "6.750", "StatusNotification"][..],
        ),
        (
            "/details/?charger_id=21509001",
            &["EVG-32N", "evpower", "GBT", "No contact for 1\u{202f}min", "Set a limit", "Session 3 began"],
        ),
        (
            "/details/?charger_id=21509001&wrong=SetChargingProfile&SetChargingProfile.limit=%3Cb%3E",
            &[
                "<details class=\"group\" id=\"group-limits\" data-key=\"limits\" open",
                "value=\"&lt;b&gt;\"",
                "must be a number",
            ],
        ),
        (
            "/details/?charger_id=21509001&wrong=Reset&at=type&why=%22NoSuchField%22",
            &["Kind: The command has no such field."],
        ),
        (
            "/details/?date=2015-12-24&record=1&start=1",
            &["<dialog", "2015-12-24 15:14:59", "04A1B2", "5\u{202f}min", "Charge Code"],
        ),
        ("/devices/", &["Charger ID（电桩ID）", "Model ID（固件ID）", "HKMB19167", "Reset"]),
        ("/records/", &["04A1B2", "3 sessions", "Running"]),
        ("/settings/", &["Com10", "stored, not applied yet", "Maximum current, phase C"]),
    ] {
        let (response, page) = site.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        // Views of text mark where one ends and the next begins.
        let plain = page.replace("<!>", "").replace("<!---->", "");
        for word in words {
            assert!(plain.contains(word), "{path} does not show {word:?}:\n{plain}");
        }
        assert!(!plain.contains("Loading…"), "{path} is complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_keep_to_the_policy_and_to_html() {
    let site = Served::new(Some(SITE)).await;
    for path in PAGES {
        let (response, page) = site.get(path).await;
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        assert!(policy.contains("style-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        for script in page.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{path}: {tag}");
        }
        assert!(!page.contains(" style="), "{path} has an inline style");
        for handler in [" onclick=", " onsubmit=", " onchange=", "javascript:"] {
            assert!(!page.contains(handler), "{path} has {handler}");
        }
        for table in page.split("<table").skip(1) {
            let table = table.split("</table>").next().unwrap();
            assert!(table.contains("<tbody"), "{path}: a table without tbody");
        }
        assert!(!page.contains("<b>&\"2"), "{path}: a name is not escaped");
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\" data-theme=\"system\""), "{}", &page[..80]);
        assert!(page.contains("<title>") && page.contains("/pkg/a.css") && page.contains("/pkg/a.wasm"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_choose_language_and_theme() {
    let site = Served::new(Some(SITE)).await;
    let request = Request::get("/overview/").header(header::COOKIE, "a=b; lang=zh; theme=dark");
    let request = request.header(header::ACCEPT_LANGUAGE, "en");
    let (_, page) = site.ask(request.body(Body::empty()).unwrap()).await;
    assert!(page.contains("<html lang=\"zh\" data-theme=\"dark\""));
    assert!(page.contains("总充电电量") && page.contains("<title>总览 · BMW</title>"));

    let (response, _) = site.get("/preferences?lang=en&theme=light&back=%2Frecords%2F%3Fstate%3Dfinished").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/records/?state=finished");
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(cookies.len(), 2);
    let (response, _) = site.get("/preferences?lang=xx&back=%2F%2Fevil.example").await;
    assert_eq!(response.headers()[header::LOCATION], "/overview/");
    assert!(response.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_site_is_explained() {
    let site = Served::new(None).await;
    for path in ["/overview/", "/devices/", "/details/"] {
        let (response, page) = site.get(path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(page.contains("There are no chargers yet."), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_makes_a_page_fail() {
    let site = Served::new(Some(SITE)).await;
    let values =
        ["", "-1", "0", "99999999999999999999", "%FF%FE", "%", "'%20OR%201=1--", "%3Cscript%3E", "2015-02-30", "a=b"];
    let names: [(&str, &[&str]); 5] = [
        ("/overview/", &["show", "by", "count", "charger", "rows"]),
        (
            "/details/",
            &["charger_id", "span", "date", "month", "only", "record", "start", "events", "wrong", "at", "why"],
        ),
        ("/devices/", &["search", "state", "sort"]),
        ("/records/", &["charger", "from", "to", "card", "state", "before"]),
        ("/settings/", &["wrong", "saved", "max_current_a", "phase_sequence", "__err", "__path"]),
    ];
    for (path, names) in names {
        for name in names {
            for value in values {
                for query in [format!("{name}={value}"), format!("{name}={value}&{name}={value}"), name.to_string()] {
                    let (response, page) = site.get(&format!("{path}?{query}")).await;
                    assert_eq!(response.status(), StatusCode::OK, "{path}?{query}");
                    assert!(!page.contains("<script>"), "{path}?{query}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_the_other_way_round_are_found_and_stay_as_typed() {
    let site = Served::new(Some(SITE)).await;
    let (_, page) = site.get("/records/?from=2015-12-24&to=2015-12-01").await;
    assert!(page.contains(r#"name="from" autocomplete="off" value="2015-12-24""#));
    assert!(page.contains(r#"name="to" autocomplete="off" value="2015-12-01""#));
    assert!(page.contains("2.458"), "sessions between the two days are found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_csv_holds_what_is_filtered() {
    let site = Served::new(Some(SITE)).await;
    let (response, csv) = site.get("/records/export.csv?from=2015-12-24&to=2015-12-24").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(
        lines,
        [
            "record_id,charge_code,charger_id,started,finished,minutes,energy_kwh,card",
            "2,70,\"<b>&\"\"2\",2015-12-24 16:00:00,2015-12-24 17:00:00,60,6.75,\"'=1+1\"",
            "1,69,21509001,2015-12-24 15:09:47,2015-12-24 15:14:59,5.2,2.458,04A1B2",
        ]
    );
    let (_, csv) = site.get("/records/export.csv?card=%00").await;
    assert_eq!(csv.lines().count(), 1);
    let (_, csv) = site.get("/records/export.csv?charger=nobody").await;
    assert_eq!(csv.lines().count(), 1);
}

fn form(values: &str, accept: &str) -> Request<Body> {
    Request::post("/fn/settings/save")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, accept)
        .header(header::REFERER, "http://127.0.0.1/settings/")
        .body(Body::from(values.to_owned()))
        .unwrap()
}

const SAVED: &str = "card_reader_port=Com10&installation_year=2013&installation_month=99&current_distribution=0\
    &meter_port=Com4&phase_sequence=BCA&currency=86&energy_step=3&time_step=120&priority_per_energy_step=2\
    &priority_per_time_step=1&energy_per_count=0.001&internal_testing=0&max_current_a=63&max_current_b=32&max_current_c=32";

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_saved_by_a_plain_form() {
    let site = Served::new(Some(SITE)).await;
    let (response, _) = site.ask_bytes(form(SAVED, "text/html")).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let back = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(back, "/settings/?saved=installation_month,phase_sequence,max_current_a");
    let (_, page) = site.get(&back).await;
    assert!(page.contains("Maximum current, phase A: 63"), "the page says what changed");
    assert!(page.contains("Not between 1 and 12"), "an odd month is warned about, and saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_come_back_with_what_was_typed() {
    let site = Served::new(Some(SITE)).await;
    let wrong = SAVED.replace("max_current_a=63", "max_current_a=-1").replace("Com4", "%3Cb%3E%2Fdev%2FttyUSB7");
    let (response, _) = site.ask_bytes(form(&wrong, "text/html")).await;
    let back = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let (_, page) = site.get(&back).await;
    assert!(page.contains("Maximum current, phase A: At least 0."), "{back}");
    assert!(page.contains("&lt;b&gt;/dev/ttyUSB7"), "what was typed is kept, and escaped");
    let (_, page) = site.get("/settings/").await;
    assert!(!page.contains("ttyUSB7"), "nothing was saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_could_not_be_stored_come_back_with_the_reason() {
    let site = Served::new(Some(SITE)).await;
    site.site.store().close().await;
    let (response, _) = site.ask_bytes(form(SAVED, "text/html")).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let back: Vec<_> = response.headers().get_all(header::LOCATION).iter().collect();
    assert_eq!(back.len(), 1, "{back:?}");
    let (response, page) = site.get(back[0].to_str().unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(page.contains("The database did not answer."));
    assert!(page.contains("value=\"63\""), "what was typed is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_function_answers_the_browser_with_data() {
    let site = Served::new(Some(SITE)).await;
    let (response, answer) = site.ask_bytes(form(SAVED, "application/x-postcard")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().get(header::LOCATION).is_none());
    let outcome = postcard::from_bytes::<Vec<u8>>(&answer).ok().and_then(|bytes| decode::<SaveOutcome>(&bytes));
    let Some(SaveOutcome::Saved(page, changed)) = outcome else { panic!("not saved: {outcome:?}") };
    assert!(changed.contains(&SettingField::MaxCurrentA), "{changed:?}");
    let page = decode::<SettingsPage>(&page).unwrap();
    assert_eq!(page.stored[SettingField::MaxCurrentA as usize], "63", "the answer holds the page as it is now");
    let (_, answer) = site.ask_bytes(Request::get("/fn/page?page=overview&query=").body(Body::empty()).unwrap()).await;
    let overview = postcard::from_bytes::<Vec<u8>>(&answer).ok().and_then(|bytes| decode::<Overview>(&bytes)).unwrap();
    assert_eq!(overview.tiles.energy.wh(), 12_214_540);
}
