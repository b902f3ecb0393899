//! The site on a phone and at the chargers: what makes it an app, what a device may keep, and the sheet of codes.

use crate::access::cookie;
use crate::client::{Answer, BOSS, Served};
use bmw::peer::Proxies;
use bmw_app::on_site::Origin;
use bmw_domain::account::Role;
use serde_json::Value;

const NOBODY: (&str, &str) = ("cookie", "");
const PAGE: (&str, &str) = ("accept", "text/html");
const ENGLISH: (&str, &str) = ("accept-language", "en");

/// Two charge points, one with a name that addresses and HTML must escape; a session that a card has started.
const SITE: &str = r#"{"chargers": [
    {"vchchargerid": "21509001", "vchmodelid": "EVG-32N"}, {"vchchargerid": "<b>&\"2 %+#é", "vchmodelid": ""}],
  "charging_records": [
    {"intrecordid": 1, "vchchargerid": "21509001", "dblenergy": 1, "vchcardid": "SECRETCARD",
     "dttstarttime": "2015-11-24T10:00:00", "dttrealfinish": "2015-11-24T11:00:00"}]}"#;

async fn site(public_read: bool) -> Served {
    Served::start(Some(SITE), |config| {
        config.public_read = public_read;
        config.now = bmw_domain::calendar::LocalTime::parse("2015-11-24T12:00:00");
        config.trusted_proxies = Proxies::parse("127.0.0.1").unwrap();
    })
    .await
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The sides of a PNG.
fn sides(png: &[u8]) -> [u32; 2] {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_names_icons_that_are_there_in_either_language_to_everybody() {
    let site = site(false).await.without_account();
    let mut names = Vec::new();
    for lang in ["zh", "en"] {
        // As the page that one signs in at links it.
        let page = site.ask("GET", "/log_in/", &[NOBODY, ("accept-language", lang)], b"").await;
        let page = text(&page);
        let link = page.split("rel=\"manifest\" href=\"").nth(1).unwrap().split('"').next().unwrap();
        let answer = site.get(link).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/manifest+json"));
        assert!(answer.header("cache-control").contains("max-age"), "{answer:?}");
        let manifest: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(manifest["lang"], lang);
        names.push(manifest["name"].as_str().unwrap().to_owned());
        for icon in manifest["icons"].as_array().unwrap() {
            let file = site.get(icon["src"].as_str().unwrap()).await;
            assert_eq!((file.status, file.header("content-type")), (200, icon["type"].as_str().unwrap()));
            if let Some((side, _)) = icon["sizes"].as_str().unwrap().split_once('x') {
                assert_eq!(sides(&file.body), [side.parse::<u32>().unwrap(); 2], "{icon}");
            }
        }
    }
    assert_ne!(names[0], names[1]);
    let apple = site.get("/apple-touch-icon.png").await;
    assert_eq!((apple.header("content-type"), sides(&apple.body)), ("image/png", [180, 180]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_worker_is_asked_for_anew_and_may_ask_the_site_alone() {
    let site = site(false).await.without_account();
    let answer = site.get("/sw.js").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), "no-cache");
    let policy = answer.header("content-security-policy");
    assert_eq!(policy, "default-src 'none'; connect-src 'self'; frame-ancestors 'none'");
    // What it keeps of a page is kept by a header that the server knows.
    assert!(text(&answer).contains("\"bmw-keep\""));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_keeps_has_nothing_that_not_everybody_may_see() {
    for public_read in [true, false] {
        let site = site(public_read).await;
        let viewer = site.account("viewer", Role::Viewer).await;
        assert!(!viewer.is_empty());
        for name in [BOSS, "viewer"] {
            let cookie = cookie(&site, name, "").await;
            for path in
                ["/records/", "/details/?charger_id=21509001&date=2015-11-24&record=1", "/overview/", "/settings/"]
            {
                let shown = site.ask("GET", path, &[("cookie", &cookie), PAGE], b"").await;
                let kept = site.ask("GET", path, &[("cookie", &cookie), PAGE, ("bmw-keep", "1")], b"").await;
                assert_eq!((shown.status, kept.status), (200, 200), "{name} {path}");
                let (shown, kept) = (text(&shown), text(&kept));
                let is_sensitive = ["/records/", "/details/"].iter().any(|page| path.starts_with(page));
                assert_eq!(shown.contains("SECRETCARD"), is_sensitive, "{name} {path}");
                assert!(!kept.contains("SECRETCARD"), "{name} {path}");
                // Whose it is can be told.
                assert!(kept.contains(&format!("data-account=\"{name}\"")), "{name} {path}");
            }
        }
        // It is a way to see less, and none to see more.
        let nobody = site.ask("GET", "/records/", &[NOBODY, PAGE, ("bmw-keep", "1")], b"").await;
        assert_eq!(nobody.status, if public_read { 200 } else { 303 });
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_this_device_says_why_not() {
    let site = site(true).await;
    let is_hidden = async |headers: &[(&str, &str)]| {
        let page = text(&site.ask("GET", "/device/", &[headers, &[ENGLISH]].concat(), b"").await);
        let why = page.split("data-when=\"insecure\"").nth(1).unwrap().split('>').next().unwrap().to_owned();
        why.contains("hidden")
    };
    assert!(is_hidden(&[]).await, "127.0.0.1 is trusted by browsers");
    assert!(is_hidden(&[("host", "localhost:8000")]).await);
    assert!(!is_hidden(&[("host", "10.0.0.5:8000")]).await);
    assert!(is_hidden(&[("host", "10.0.0.5"), ("x-forwarded-proto", "https")]).await, "a trusted proxy says TLS");
    site.end().await;
}

/// What a reader that is not ours reads in each code of a page.
fn read(page: &str) -> Vec<String> {
    page.split("<svg class=\"qr\"").skip(1).map(|svg| read_one(svg.split("</svg>").next().unwrap())).collect()
}

fn attribute<'a>(svg: &'a str, name: &str) -> &'a str {
    svg.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap()
}

/// Draws the path of a code, `M4 4h7v1h-7z…`, a module as a square of dots, and reads it.
fn read_one(svg: &str) -> String {
    const DOTS: usize = 4;
    let side: usize = attribute(svg, "viewBox").split(' ').next_back().unwrap().parse().unwrap();
    let mut dark = vec![false; side * side];
    for row in attribute(svg, "d").split('M').skip(1) {
        let (x, rest) = row.split_once(' ').unwrap();
        let (y, rest) = rest.split_once('h').unwrap();
        let (length, _) = rest.split_once('v').unwrap();
        let [x, y, length] = [x, y, length].map(|number| number.parse::<usize>().unwrap());
        dark[y * side + x..y * side + x + length].fill(true);
    }
    let at = |x: usize, y: usize| if dark[y / DOTS * side + x / DOTS] { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * DOTS, side * DOTS, at);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn each_code_leads_to_its_charger_by_the_address_that_the_site_was_reached_by() {
    let site = site(true).await;
    let page = async |path: &str, headers: &[(&str, &str)]| {
        let answer = site.ask("GET", path, &[headers, &[NOBODY, ENGLISH, PAGE]].concat(), b"").await;
        (answer.status, text(&answer))
    };
    let reached = [("host", "site.example:8000")];
    let (status, all) = page("/qr_codes/", &reached).await;
    assert_eq!(status, 200);
    let odd = "%3Cb%3E%26%222%20%25%2B%23%C3%A9";
    let address = |origin: &str, id: &str| format!("{origin}/details/?charger_id={id}");
    let mut expected = vec![address("http://site.example:8000", "21509001"), address("http://site.example:8000", odd)];
    let mut codes = read(&all);
    codes.sort();
    expected.sort();
    assert_eq!(codes, expected);
    assert!(all.contains("&lt;b&gt;&amp;&quot;2 %+#é") && !all.contains("<b>&"), "{all}");
    // Each of these addresses is that of the charger.
    let details = text(&site.get(&address("", odd)).await);
    assert!(
        details.contains("&lt;b&gt;&amp;&quot;2 %+#é</td>") || details.contains("&lt;b&gt;&amp;&quot;2 %+#é"),
        "{details}"
    );
    let (_, one) = page(&format!("/qr_codes/?charger_id={odd}&size=large"), &reached).await;
    assert_eq!(read(&one), [address("http://site.example:8000", odd)]);
    assert!(one.contains("labels is-large"), "{one}");
    let (_, found) = page("/qr_codes/?search=evg", &reached).await;
    assert_eq!(read(&found), [address("http://site.example:8000", "21509001")]);
    let (status, none) = page("/qr_codes/?charger_id=nobody", &reached).await;
    assert_eq!((status, read(&none).len()), (404, 0));
    // Behind a proxy that is trusted.
    let proxied = [("host", "10.0.0.1:8000"), ("x-forwarded-host", "site.example"), ("x-forwarded-proto", "https")];
    let (_, secure) = page("/qr_codes/?search=evg", &proxied).await;
    assert_eq!(read(&secure), [address("https://site.example", "21509001")]);
    // No phone reaches what every machine calls itself.
    for (host, warns) in [("127.0.0.1:8000", true), ("localhost", true), ("[::1]:8000", true), ("site.example", false)]
    {
        let (_, page) = page("/qr_codes/", &[("host", host)]).await;
        assert_eq!(page.contains("--public-url"), warns, "{host}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_the_operator_gives_stands_in_the_codes() {
    let site =
        Served::start(Some(SITE), |config| config.public_url = Some(Origin::parse("https://site.example/").unwrap()))
            .await;
    let page = text(&site.ask("GET", "/qr_codes/?search=evg", &[("host", "evil.example"), ENGLISH], b"").await);
    assert_eq!(read(&page), ["https://site.example/details/?charger_id=21509001"]);
    assert!(!page.contains("evil.example") && !page.contains("--public-url"), "{page}");
    site.end().await;
}
