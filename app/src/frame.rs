//! What surrounds every page: the top bar and the navigation (a rail on a desk, a bar of tabs on a phone).

use crate::components::{Glyph, Icon};
use crate::data::Query;
use crate::live::{Link, Live};
use crate::text::{Lang, switch_label};
use crate::ui::{Theme, Ui};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The site's name, the live sign, language and theme.
#[component]
pub fn TopBar(ui: Ui, live: Live, is_routing: ReadSignal<bool>) -> impl IntoView {
    let location = use_location();
    // Without WebAssembly the switches are links that set a cookie and lead back here.
    let back = Signal::derive(move || {
        let search = location.search.get();
        let path = location.pathname.get();
        if search.is_empty() { path } else { format!("{path}?{search}") }
    });
    let preference =
        move |name: &str, value: &str| Query::from([(name, value)]).with("back", back.get()).on("/preferences");
    let lang_href = move || preference("lang", ui.lang.get().other().code());
    let theme_href = move || preference("theme", ui.theme.get().next().word());
    let theme_label = move || {
        let lang = ui.lang.get();
        match ui.theme.get() {
            Theme::System => lang.theme_system(),
            Theme::Light => lang.theme_light(),
            Theme::Dark => lang.theme_dark(),
        }
    };
    view! {
        <a class="skip-link" href="#content" rel="external">
            {move || ui.lang.get().skip_to_content()}
        </a>
        <header class="topbar" class:is-routing=is_routing>
            <a class="topbar-brand" href="/overview/">
                "BMW"
            </a>
            <span class="topbar-space"></span>
            <span class="live-sign" data-link=move || link_word(live.link.get()) role="status">
                <span class="live-dot" aria-hidden="true"></span>
                <span class="live-text">{move || link_label(ui.lang.get(), live.link.get())}</span>
            </span>
            <a
                class="topbar-switch"
                rel="external nofollow"
                href=lang_href
                lang=move || ui.lang.get().other().code()
                aria-label=move || ui.lang.get().switch_language()
                title=move || ui.lang.get().switch_language()
                on:click=move |event| {
                    event.prevent_default();
                    ui.choose_lang(ui.lang.get_untracked().other());
                }
            >
                {move || switch_label(ui.lang.get().other())}
            </a>
            <a
                class="topbar-switch"
                rel="external nofollow"
                href=theme_href
                aria-label=theme_label
                title=theme_label
                on:click=move |event| {
                    event.prevent_default();
                    ui.choose_theme(ui.theme.get_untracked().next());
                }
            >
                <Icon glyph=Signal::derive(move || {
                    match ui.theme.get() {
                        Theme::System => Glyph::MONITOR,
                        Theme::Light => Glyph::SUN,
                        Theme::Dark => Glyph::MOON,
                    }
                }) />
            </a>
        </header>
    }
}

const fn link_word(link: Link) -> &'static str {
    match link {
        Link::Static => "static",
        Link::Connected => "connected",
        Link::Reconnecting => "reconnecting",
        Link::Offline => "offline",
    }
}

const fn link_label(lang: Lang, link: Link) -> &'static str {
    match link {
        Link::Static => lang.live_static(),
        Link::Connected => lang.live_connected(),
        Link::Reconnecting => lang.live_reconnecting(),
        Link::Offline => lang.live_offline(),
    }
}

/// The five pages.
#[component]
pub fn Navigation(ui: Ui) -> impl IntoView {
    let pathname = use_location().pathname;
    let pages: [(&'static str, Glyph, fn(Lang) -> &'static str); 5] = [
        ("/overview/", Glyph::LAYOUT_DASHBOARD, Lang::overview),
        ("/devices/", Glyph::PLUG_ZAP, Lang::devices),
        ("/details/", Glyph::GAUGE, Lang::details),
        ("/records/", Glyph::HISTORY, Lang::records),
        ("/settings/", Glyph::SETTINGS, Lang::settings),
    ];
    view! {
        <nav class="rail" aria-label=move || ui.lang.get().navigation()>
            {pages
                .into_iter()
                .map(|(href, icon, name)| {
                    let is_here = move || {
                        let path = pathname.get();
                        path.trim_end_matches('/') == href.trim_end_matches('/')
                            || (path == "/" && href == "/overview/")
                    };
                    view! {
                        <a class="rail-link" href=href aria-current=move || is_here().then_some("page")>
                            <Icon glyph=icon />
                            <span>{move || name(ui.lang.get())}</span>
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}
