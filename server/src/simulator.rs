//! Simulated charge points within the program: those of the demo, and a page to play with them.

use crate::assets;
use axum::Router;
use axum::extract::{Form, Query as Asked, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bmw_app::access::{Asking, Fields, field};
use bmw_app::api::ApiError;
use bmw_app::components::{Glyph, NoticeKind, badge, icon, notice, tag};
use bmw_app::data::Query;
use bmw_app::serve::still_page;
use bmw_app::text::Lang;
use bmw_app::text::format::with_unit;
use bmw_app::ui;
use bmw_domain::account::Right;
use bmw_domain::status::condition;
use bmw_simulator::{Deed, Hands, Options, Unit};
use bmw_site::{ChargePointNow, Site};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// The seed of the demo's charge points.
const SEED: u64 = 1;
/// Cars, faults and lost connections on a day at each of them, on average.
const CARS_A_DAY: f64 = 12.0;
const FAULTS_A_DAY: f64 = 0.4;
const LOSSES_A_DAY: f64 = 1.0;
/// How long what was done may take to be seen before the page is shown anew, and what follows from it.
const SOON: Duration = Duration::from_millis(1_500);
const FOLLOWS: Duration = Duration::from_millis(150);

/// A charge point without a site behind it.
pub fn anonymous(number: u16) -> Unit {
    Unit {
        identity: format!("SIM{number:04}"),
        model: "Simulated".to_owned(),
        vendor: "BMW".to_owned(),
        firmware: "1.0".to_owned(),
        phases: if number.is_multiple_of(3) { 1 } else { 3 },
        amperes: 32.0,
        cars_a_day: CARS_A_DAY,
        busy: 0.5,
        faults_a_day: FAULTS_A_DAY,
        losses_a_day: LOSSES_A_DAY,
        is_broken: false,
        ignores_limits: false,
    }
}

/// Sets the charge points of the site to work. They connect over a real socket.
pub fn start(site: &Arc<Site>, addr: SocketAddr, hands: Hands, ending: watch::Receiver<bool>) {
    let present = site.present().clone();
    // One that was never heard of stays so: every site has such a one.
    let known = present.by_identity().filter(|now| now.state.is_some());
    let units = known
        .map(|now| {
            let model = now.model.as_deref();
            Unit {
                identity: now.charge_point.identity.to_string(),
                model: now.charge_point.model_id.clone(),
                vendor: now.charge_point.vendor.clone().unwrap_or_default(),
                firmware: now.charge_point.firmware_version.clone().unwrap_or_default(),
                phases: model.and_then(|model| model.phases).and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
                amperes: model.and_then(|model| model.max_current).unwrap_or(32.0),
                cars_a_day: CARS_A_DAY,
                busy: 0.5,
                faults_a_day: FAULTS_A_DAY,
                losses_a_day: LOSSES_A_DAY,
                // So that there is something to be alarmed at.
                is_broken: now.state_name() == Some("Faulted"),
                ignores_limits: false,
            }
        })
        .collect();
    let url = format!("ws://{}/ocpp", reachable(addr));
    let options = Options { url, roots: None, units, seed: SEED, speed: 1.0, hour: None, password: None };
    tokio::spawn(bmw_simulator::run(options, hands, ending));
}

/// An address that can be connected to: that of all interfaces is none.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// What can be done: its word in the form, its name, and its icon.
type Doable = (&'static str, Deed, fn(Lang) -> &'static str, Glyph);
const DEEDS: [Doable; 6] = [
    ("plug-in", Deed::PlugIn, Lang::plug_in, Glyph::PLUG),
    ("pull-out", Deed::PullOut, Lang::pull_out, Glyph::POWER_OFF),
    ("card", Deed::Card, Lang::hold_card, Glyph::CREDIT_CARD),
    ("break", Deed::Break, Lang::break_it, Glyph::TRIANGLE_ALERT),
    ("mend", Deed::Mend, Lang::mend_it, Glyph::CIRCLE_CHECK),
    ("unplug", Deed::Unplug, Lang::cut_network, Glyph::WIFI_OFF),
];

fn named(word: &str) -> Option<Doable> {
    DEEDS.into_iter().find(|(known, ..)| *known == word)
}

/// Where the page lies.
const PATH: &str = "/simulator/";

/// The same as a route.
pub const ROUTE: &str = "/simulator";

/// The page at `/simulator/`.
pub fn router(site: Arc<Site>, hands: Hands) -> Router {
    Router::new().route(ROUTE, get(page).post(act)).with_state((site, hands))
}

type Shared = (Arc<Site>, Hands);

/// What was done last from the page, and where; and whether it is followed.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Shown {
    charger: String,
    done: String,
    follow: String,
}

/// After how many seconds the page is asked for anew while it is followed. Nobody's page moves who has not asked for it.
const FOLLOWED: u32 = 5;

async fn page(
    State((site, hands)): State<Shared>,
    Asking(caller): Asking,
    Asked(shown): Asked<Shown>,
    headers: HeaderMap,
) -> Response {
    let css = assets::bundle().map(|bundle| bundle.css);
    let present = site.present().clone();
    let identities = hands.identities();
    let role = caller.role();
    let is_followed = !shown.follow.is_empty();
    let refresh = is_followed.then_some(FOLLOWED);
    still_page(&site, &headers, &caller, (PATH, refresh), css.as_deref(), Lang::simulator, |lang| {
        html! {
            p.muted { (lang.simulator_help()) }
            p {
                @if is_followed {
                    a.button href=(PATH) { (icon(Glyph::SQUARE)) span { (lang.follow_end()) } }
                } @else {
                    a.button href=(Query::from([("follow", "1")]).on(PATH)) { (icon(Glyph::REFRESH_CW)) span { (lang.follow()) } }
                }
            }
            @if identities.is_empty() { p { (lang.no_simulated()) } }
            div.simulated {
                @for id in &identities {
                    @let done = if shown.charger == *id { named(&shown.done) } else { None };
                    @let done = done.map(|(_, _, name, _)| name(lang));
                    @let cannot = ui::cannot(lang, role, Right::Command);
                    (charger(lang, id, present.find(id).map(AsRef::as_ref), done, (cannot, is_followed)))
                }
            }
        }
    })
}

/// A simulated charge point: how the site sees it, what was done to it last, and what can be done.
fn charger(
    lang: Lang,
    id: &str,
    now: Option<&ChargePointNow>,
    done: Option<&str>,
    (cannot, is_followed): (Option<&str>, bool),
) -> Markup {
    let state = now.and_then(ChargePointNow::state_name);
    let is_online = now.is_some_and(ChargePointNow::is_online);
    let word = state.map_or(lang.unknown(), |state| lang.state_name(state).unwrap_or(state));
    let current = now.and_then(|now| now.state.as_ref()?.current).filter(|current| *current > 0);
    html! {
        section.card.simulated-charger id=(id) aria-label=(id) {
            header.card-head {
                h2 { a href=(Query::from([("charger_id", id)]).on("/details/")) { (id) } }
                span { (badge(condition(state), word)) @if !is_online { " " (tag(lang.offline())) } }
            }
            p.muted {
                @match current {
                    Some(current) => { (lang.charging_current()) " " (with_unit(current, "A")) }
                    None => { (lang.no_current_here()) }
                }
            }
            @if let Some(done) = done { p role="status" { (lang.last_done()) " " (done) } }
            form.commands method="post" action=(PATH) {
                input type="hidden" name="charger" value=(id);
                @if is_followed { input type="hidden" name="follow" value="1"; }
                @for (word, _, name, glyph) in DEEDS {
                    @match cannot {
                        Some(why) => {
                            button.button type="button" aria-disabled="true" title=(why) {
                                (icon(glyph)) span { (name(lang)) }
                            }
                        }
                        None => {
                            button.button type="submit" name="deed" value=(word) { (icon(glyph)) span { (name(lang)) } }
                        }
                    }
                }
            }
        }
    }
}

/// An identity in an address.
fn encoded(id: &str) -> String {
    Query::from([("charger_id", id)]).on("").split_once('=').map_or_else(String::new, |(_, id)| id.to_owned())
}

/// `POST /simulator/`: the field `deed` says what, `charger` where.
async fn act(
    State((site, hands)): State<Shared>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let (id, deed) = (field(&fields, "charger"), field(&fields, "deed"));
    if let Err(denied) = caller.check(Right::Command) {
        return ApiError::from(denied).into_response();
    }
    let version = || site.present().find(id).map(|now| now.version);
    let mut changes = site.subscribe();
    let mut known = version();
    match named(deed) {
        Some((word, deed, ..)) if hands.act(id, deed) => {
            // The page is to show what came of it. Where nothing does, it is as it was.
            let mut patience = SOON;
            loop {
                let moves = async { while version() == known && changes.changed().await.is_ok() {} };
                if timeout(patience, moves).await.is_err() || version() == known {
                    break;
                }
                (known, patience) = (version(), FOLLOWS);
            }
            // Back to where the person was.
            let page = Query::from([("charger", id), ("done", word), ("follow", field(&fields, "follow"))]).on(PATH);
            Redirect::to(&[page.as_str(), "#", &encoded(id)].concat()).into_response()
        }
        _ => {
            let css = assets::bundle().map(|bundle| bundle.css);
            let said = |lang: Lang| notice(NoticeKind::Error, &html! { (lang.not_there()) });
            let mut response =
                still_page(&site, &headers, &caller, (PATH, None), css.as_deref(), Lang::simulator, said);
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_interfaces_are_reached_by_loopback() {
        for (address, expected) in
            [("0.0.0.0:8000", "127.0.0.1:8000"), ("[::]:8000", "[::1]:8000"), ("10.0.0.1:80", "10.0.0.1:80")]
        {
            assert_eq!(reachable(address.parse().unwrap()), expected.parse().unwrap());
        }
    }
}
