//! For those who stand at the chargers: the site as an app on their phone, also without network, and codes that open a
//! charger's page.
//!
//! What is kept on a device is kept by the service worker, `public/sw.js`.

mod device;
mod manifest;
mod origin;
pub(crate) mod qr;
mod qr_codes;

pub use manifest::MANIFEST;
pub(crate) use manifest::{THEME_DARK, THEME_LIGHT, address as manifest_of};
pub use origin::Origin;

use crate::access::Asking;
use crate::data::Query;
use crate::frame;
use crate::serve::{Manner, Pages};
use crate::state::AppState;
use crate::text::Lang;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bmw_site::Caller;
use http::{Extensions, HeaderMap};
use maud::{Markup, html};

/// What a device shows in the place of a page that it has not kept. It asks for that again by itself.
pub const OFFLINE: &str = "/offline/";
/// What this device can do.
pub const DEVICE: &str = "/device/";
/// The sheet of codes.
pub const QR_CODES: &str = "/qr_codes/";

/// A request that has this header asks for a page to be kept: without what not everybody may see.
const KEEP: &str = "bmw-keep";
/// How often the page that was not kept is asked for again, s.
const OFFLINE_AGAIN: u32 = 10;

/// The routes of these pages.
pub fn routes(state: AppState, css: Option<&str>) -> Router {
    Pages::routes(table(), state, css)
}

fn table() -> [(&'static str, MethodRouter<Pages>); 4] {
    [
        (MANIFEST, get(manifest::manifest)),
        ("/offline", get(offline)),
        ("/device", get(device::page)),
        ("/qr_codes", get(qr_codes::page)),
    ]
}

/// The paths of these pages.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|(path, _)| path)
}

/// Who a page's data are for: who asks, or, where it is to be kept on a device, one who may only read.
pub(crate) fn reader(extensions: &Extensions, headers: &HeaderMap) -> Caller {
    let caller = Asking::of(extensions);
    if headers.contains_key(KEEP) { caller.only_reading() } else { caller }
}

/// A request for one of these pages.
struct Asked {
    caller: Caller,
    headers: HeaderMap,
    extensions: Extensions,
    query: Query,
}

impl From<Request> for Asked {
    fn from(request: Request) -> Self {
        let (parts, _) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let caller = Asking::of(&parts.extensions);
        Self { caller, headers: parts.headers, extensions: parts.extensions, query }
    }
}

impl Asked {
    /// By what address the site was reached.
    fn origin(&self, state: &AppState) -> Option<Origin> {
        Origin::of(state, &self.extensions, &self.headers)
    }

    /// A page of these.
    fn answer(
        &self,
        pages: &Pages,
        path: &str,
        manner: Manner,
        title: fn(Lang) -> &'static str,
        body: impl FnOnce(Lang) -> Markup,
    ) -> Response {
        pages.document((&self.caller, &self.headers), path, manner, title, body)
    }
}

/// `GET /offline/`
async fn offline(State(pages): State<Pages>, request: Request) -> Response {
    let manner = Manner { refresh: Some(OFFLINE_AGAIN), ..Manner::default() };
    Asked::from(request).answer(&pages, OFFLINE, manner, Lang::offline, |lang| {
        html! {
            section.card.trouble {
                p { (lang.offline_not_kept()) }
                // An empty address is that of the page which was asked for.
                p { a.button.is-primary href="" { (lang.try_again()) } " " a.button href="/overview/" { (lang.to_overview()) } }
            }
        }
    })
}

/// What a browser cannot do at an address that is not its own machine's nor read by nobody else, and what helps.
fn insecure(lang: Lang) -> Markup {
    html! {
        p { (lang.install_insecure()) }
        p { (lang.install_insecure_help()) }
    }
}

/// A page that shows nothing but why.
fn nothing_here(lang: Lang, why: &str) -> Markup {
    frame::nothing_here(lang, why)
}
