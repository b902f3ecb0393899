//! Both sides of the interface.
//!
//! With `ssr` (the server): the documented routes and the live feed (`api`), pages rendered as HTML, server
//! functions. With `hydrate` (the browser): the same pages, taken over and kept live. Server functions live below
//! `/fn`; `/api`, `/bmw` and `/ws` are the documented world.

#![recursion_limit = "512"]

#[cfg(feature = "ssr")]
pub mod access;
#[cfg(feature = "ssr")]
pub mod api;
#[cfg(feature = "ssr")]
mod audit;
pub mod browser;
pub mod bundle;
pub mod charts;
pub mod components;
mod csv;
pub mod data;
#[cfg(feature = "ssr")]
mod diagnostics;
#[cfg(feature = "ssr")]
mod download;
#[path = "api/feed_message.rs"]
pub mod feed_message;
mod frame;
#[cfg(all(feature = "ssr", debug_assertions))]
mod gallery;
pub mod live;
pub mod notify;
#[cfg(feature = "ssr")]
pub mod on_site;
mod pages;
#[cfg(feature = "ssr")]
pub mod serve;
#[cfg(feature = "ssr")]
pub mod state;
pub mod text;
#[cfg(feature = "ssr")]
pub mod throttled;
pub mod told;
pub mod ui;

use data::PageName;
use leptos::prelude::*;
use leptos_router::StaticSegment;
use leptos_router::components::{FlatRoutes, Route, Router};

/// The whole interface: the frame, and in it the page that the address names.
#[component]
pub fn App() -> impl IntoView {
    let ui = ui::Ui::provide();
    let live = live::Live::provide();
    pages::Unsaved::provide();
    let (is_routing, set_is_routing) = signal(false);
    let frame = move || frame::frame(ui, live, is_routing);
    view! {
        <Router set_is_routing=set_is_routing>
            {frame()}
            <main id="content" class="page" tabindex="-1">
                <FlatRoutes fallback=pages::not_found>
                    <Route path=StaticSegment("") view=pages::view_of(PageName::Overview) />
                    <Route path=StaticSegment("overview") view=pages::view_of(PageName::Overview) />
                    <Route path=StaticSegment("devices") view=pages::view_of(PageName::Devices) />
                    <Route path=StaticSegment("details") view=pages::view_of(PageName::Details) />
                    <Route path=StaticSegment("records") view=pages::view_of(PageName::Records) />
                    <Route path=StaticSegment("settings") view=pages::view_of(PageName::Settings) />
                    <Route path=StaticSegment("alerts") view=pages::view_of(PageName::Alerts) />
                    <Route path=StaticSegment("distribution") view=pages::view_of(PageName::Distribution) />
                    <Route path=StaticSegment("cards") view=pages::view_of(PageName::Cards) />
                </FlatRoutes>
            </main>
        </Router>
    }
}
