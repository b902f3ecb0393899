//! Simulated charge points within the program: those of the demo, and a page to play with them.

use crate::assets;
use axum::Router;
use axum::extract::{Form, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use bmw_simulator::{Deed, Hands, Options, Unit};
use bmw_site::Site;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use maud::{DOCTYPE, html};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;

/// The seed of the demo's charge points.
const SEED: u64 = 1;
/// Cars on a day at each of them.
const CARS_A_DAY: f64 = 12.0;

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
            }
        })
        .collect();
    let options = Options { url: format!("ws://{}/ocpp", reachable(addr)), units, seed: SEED, speed: 1.0 };
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

/// What can be done, with the words on the buttons.
const DEEDS: [(&str, Deed, &str); 5] = [
    ("plug-in", Deed::PlugIn, "Plug in 插枪"),
    ("pull-out", Deed::PullOut, "Pull out 拔枪"),
    ("break", Deed::Break, "Break 故障"),
    ("mend", Deed::Mend, "Mend 修复"),
    ("unplug", Deed::Unplug, "Cut the network for a minute 断网"),
];

/// The page at `/simulator/`.
pub fn router(site: Arc<Site>, hands: Hands) -> Router {
    Router::new().route("/simulator", get(page).post(act)).with_state((site, hands))
}

type Shared = (Arc<Site>, Hands);

async fn page(State((site, hands)): State<Shared>) -> Response {
    let present = site.present().clone();
    let states = hands.identities().into_iter().map(|id| {
        let state = present.find(&id).and_then(|now| now.state_name().map(ToOwned::to_owned)).unwrap_or_default();
        (id, state)
    });
    let css = assets::bundle().map(|bundle| bundle.css);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="5";
                title { "Simulator · BMW" }
                @if let Some(css) = &css { link rel="stylesheet" href=(css); }
            }
            body {
                main.simulator {
                    h1 { "Simulator 模拟器" }
                    p { "These charge points are software. What is done here is done to them as a person in the yard would do it. "
                        a href="/overview/" { "Overview 总览" } }
                    table.data {
                        thead { tr { th scope="col" { "Charger ID" } th scope="col" { "State" } th scope="col" { "Do" } } }
                        tbody {
                            @for (id, state) in states {
                                tr {
                                    th scope="row" { (id) }
                                    td { (state) }
                                    td {
                                        form method="post" action="/simulator/" {
                                            input type="hidden" name="charger" value=(id);
                                            @for (word, _, label) in DEEDS {
                                                button.button name="deed" value=(word) { (label) }
                                                " "
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

#[derive(serde::Deserialize)]
struct Wish {
    charger: String,
    deed: String,
}

async fn act(State((_, hands)): State<Shared>, Form(wish): Form<Wish>) -> Response {
    let deed = DEEDS.into_iter().find(|(word, _, _)| *word == wish.deed).map(|(_, deed, _)| deed);
    match deed {
        Some(deed) if hands.act(&wish.charger, deed) => Redirect::to("/simulator/").into_response(),
        _ => (StatusCode::BAD_REQUEST, "There is no such charge point, or no such thing to do.").into_response(),
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
