//! What surrounds every page: the top bar and the navigation (a rail on a desk, a bar of tabs on a phone).

use crate::browser::events::{self, Action};
use crate::browser::{Drawn, drawn};
use crate::components::{Glyph, icon};
use crate::data::Query;
use crate::live::{Away, Link, Live};
#[cfg(feature = "ssr")]
use crate::serve::Still;
use crate::text::{Lang, switch_label};
use crate::ui::{Person, Theme, Ui};
use leptos::prelude::*;
use leptos::web_sys::Event;
use leptos_router::hooks::use_location;
use leptos_router::location::Location;
use maud::{Markup, html};

/// The frame, as it stands now.
struct Frame {
    lang: Lang,
    theme: Theme,
    link: Link,
    /// How old what is shown is, ms, while the feed is not heard of.
    age: Option<i64>,
    /// What has happened while nobody looked.
    away: Option<Away>,
    is_routing: bool,
    path: String,
    search: String,
    person: Option<Person>,
    /// How many alerts nobody has seen.
    alerts: u64,
}

/// The frame around the page. Without WebAssembly its switches are links that set a cookie and lead back here.
pub fn frame(ui: Ui, live: Live, is_routing: ReadSignal<bool>) -> impl IntoView {
    drawn("frame", Around { ui, live, is_routing, location: use_location() })
}

/// What the frame is drawn by.
#[derive(Clone)]
struct Around {
    ui: Ui,
    live: Live,
    is_routing: ReadSignal<bool>,
    location: Location,
}

impl Around {
    fn frame(&self) -> Frame {
        let Self { ui, live, is_routing, location } = self;
        Frame {
            lang: ui.lang.get(),
            theme: ui.theme.get(),
            link: live.link.get(),
            age: age(*live),
            away: live.away.get(),
            is_routing: is_routing.get(),
            path: location.pathname.get(),
            search: location.search.get(),
            person: ui.person(),
            alerts: live.alerts.get().into(),
        }
    }
}

impl Drawn for Around {
    fn draw(&self) -> Option<String> {
        Some(self.frame().draw().into_string())
    }

    fn follow(&self) -> bool {
        drop(self.frame());
        true
    }

    fn listen(&self, event: &Event) {
        let Self { ui, live, .. } = self;
        match events::action(event) {
            Some(Action::Do(word)) if word == "lang" => ui.choose_lang(ui.lang.get_untracked().other()),
            Some(Action::Do(word)) if word == "theme" => ui.choose_theme(ui.theme.get_untracked().next()),
            Some(Action::Do(word)) if word == "seen" => live.away.set(None),
            _ => {}
        }
    }
}

/// How old what is shown is, ms. A page that is just being opened is new.
fn age(live: Live) -> Option<i64> {
    let is_counted = matches!(live.link.get(), Link::Reconnecting | Link::Stale);
    is_counted.then(|| live.clock.get() - live.heard.get()).filter(|age| *age > 0)
}

/// The frame around a page that has no script.
#[cfg(feature = "ssr")]
pub(crate) fn still(lang: Lang, theme: Theme, still: &Still<'_>) -> Markup {
    let (path, search) = (still.path.to_owned(), String::new());
    let (person, alerts) = (still.person.cloned(), still.alerts);
    Frame { lang, theme, link: Link::Static, age: None, away: None, is_routing: false, path, search, person, alerts }
        .draw()
}

/// A page that shows nothing but why.
#[cfg(feature = "ssr")]
pub(crate) fn nothing_here(lang: Lang, why: &str) -> Markup {
    html! {
        section.card.trouble {
            p { (why) }
            p { a.button.is-primary href="/overview/" { (lang.to_overview()) } }
        }
    }
}

impl Frame {
    fn draw(&self) -> Markup {
        html! {
            a.skip-link href="#content" rel="external" { (self.lang.skip_to_content()) }
            (self.top_bar())
            (self.navigation())
            (self.notes())
        }
    }

    /// What lies over the page for a while: that nothing is heard, and what has happened while nobody looked.
    fn notes(&self) -> Markup {
        let lang = self.lang;
        html! {
            aside.notes {
                @if let (Link::Stale, Some(age)) = (self.link, self.age) {
                    div.note.is-faulted data-key="offline" {
                        (icon(Glyph::WIFI_OFF))
                        div.note-body { strong { (lang.offline_title()) } p { (lang.offline_note(age)) } }
                    }
                }
                // There before it says something: only then it is read out.
                div role="status" data-key="away" {
                    @if let Some(away) = &self.away { (self.away(away)) }
                }
            }
        }
    }

    fn away(&self, away: &Away) -> Markup {
        /// More are but counted.
        const NAMED: usize = 6;
        let lang = self.lang;
        html! {
            div.note.is-ready {
                (icon(Glyph::HISTORY))
                div.note-body {
                    strong { (lang.while_away(away.ms)) }
                    p {
                        (lang.away_note(away.chargers.len(), away.sessions))
                        @for id in away.chargers.iter().take(NAMED) {
                            " " a href=(Query::from([("charger_id", id)]).on("/details/")) { (id) }
                        }
                        @if away.chargers.len() > NAMED { " …" }
                    }
                }
                button.button.icon-only type="button" data-do="seen" title=(lang.put_away()) {
                    (icon(Glyph::X)) span.sr-only { (lang.put_away()) }
                }
            }
        }
    }

    /// The site's name, the live sign, language and theme.
    fn top_bar(&self) -> Markup {
        let lang = self.lang;
        let (theme_label, theme_glyph) = match self.theme {
            Theme::System => (lang.theme_system(), Glyph::MONITOR),
            Theme::Light => (lang.theme_light(), Glyph::SUN),
            Theme::Dark => (lang.theme_dark(), Glyph::MOON),
        };
        let (link_word, link_label) = match self.link {
            Link::Static => ("static", lang.live_static()),
            Link::Connected => ("connected", lang.live_connected()),
            Link::Reconnecting => ("reconnecting", lang.live_reconnecting()),
            Link::Stale => ("stale", lang.live_stale()),
        };
        let other = lang.other();
        html! {
            header.topbar.is-routing[self.is_routing] {
                a.topbar-brand href="/overview/" { "BMW" }
                span.topbar-space {}
                span.live-sign data-link=(link_word) {
                    span.live-dot aria-hidden="true" {}
                    span.live-text role="status" { (link_label) }
                    // Beside the status: nobody wants to hear it count.
                    @if let Some(age) = self.age { span.live-age { (lang.ago(age)) } }
                }
                (self.bell())
                a.topbar-switch rel="external nofollow" href=(self.preference("lang", other.code())) data-do="lang"
                    lang=(other.code()) aria-label=(lang.switch_language()) title=(lang.switch_language())
                { (switch_label(other)) }
                a.topbar-switch rel="external nofollow" href=(self.preference("theme", self.theme.next().word()))
                    data-do="theme" aria-label=(theme_label) title=(theme_label)
                { (icon(theme_glyph)) }
                (self.account())
            }
        }
    }

    /// The way to the alerts, with how many nobody has seen.
    fn bell(&self) -> Markup {
        let is_here = self.path.starts_with("/alerts");
        html! {
            a.topbar-switch.bell href="/alerts/" aria-current=[is_here.then_some("page")] title=(self.lang.alerts()) {
                (icon(Glyph::BELL))
                span.sr-only { (self.lang.alerts()) }
                @if self.alerts > 0 {
                    " " span.bell-count { (self.alerts) span.sr-only { " " (self.lang.alerts_pressing()) } }
                }
            }
        }
    }

    /// Who is signed in, with his own page and the way out; or the way in.
    fn account(&self) -> Markup {
        let lang = self.lang;
        let Some(person) = &self.person else {
            let next = if self.path.starts_with("/log_in") { String::new() } else { self.here() };
            return html! {
                a.topbar-switch.topbar-account rel="external nofollow" href=(Query::from([("next", next)]).on("/log_in/")) {
                    (icon(Glyph::LOG_IN)) span { (lang.sign_in()) }
                }
            };
        };
        html! {
            details.account-menu data-key="account" data-menu {
                summary.topbar-switch.topbar-account aria-label=(lang.labelled(lang.own_account(), &person.name)) {
                    (icon(Glyph::USER)) span { (person.name) }
                }
                div.account-body {
                    p { strong { (person.name) } br; span.muted { (lang.role(person.role)) } }
                    a.button rel="external" href="/account/" { (icon(Glyph::USER)) span { (lang.own_account()) } }
                    form method="post" action="/log_out/" data-plain {
                        button.button type="submit" { (icon(Glyph::LOG_OUT)) span { (lang.sign_out()) } }
                    }
                }
            }
        }
    }

    /// The address of the page.
    fn here(&self) -> String {
        let search = if self.search.is_empty() { "" } else { "?" };
        [&self.path, search, &self.search].concat()
    }

    fn preference(&self, name: &str, value: &str) -> String {
        Query::from([(name, value)]).with("back", self.here()).on("/preferences")
    }

    /// The five pages.
    fn navigation(&self) -> Markup {
        let lang = self.lang;
        let pages = [
            ("/overview/", Glyph::LAYOUT_DASHBOARD, lang.overview()),
            ("/devices/", Glyph::PLUG_ZAP, lang.devices()),
            ("/details/", Glyph::GAUGE, lang.details()),
            ("/records/", Glyph::HISTORY, lang.records()),
            ("/settings/", Glyph::SETTINGS, lang.settings()),
        ];
        let here = match self.path.trim_end_matches('/') {
            "" => "/overview",
            // They stand below the settings.
            "/distribution" | "/cards" | "/qr_codes" | "/device" | "/users" | "/audit" => "/settings",
            // And this one below the charger's own page.
            "/charger_password" => "/details",
            path => path,
        };
        html! {
            nav.rail aria-label=(lang.navigation()) {
                @for (href, glyph, name) in pages {
                    a.rail-link href=(href) aria-current=[(href.trim_end_matches('/') == here).then_some("page")] {
                        (icon(glyph)) span { (name) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(link: Link, age: Option<i64>, path: &str) -> Frame {
        let (path, search) = (path.to_owned(), String::new());
        let (lang, theme, person) = (Lang::En, Theme::System, None);
        Frame { lang, theme, link, age, away: None, is_routing: false, path, search, person, alerts: 0 }
    }

    /// The live sign's text, in English.
    fn sign(link: Link, clock: i64, heard: i64) -> String {
        let owner = Owner::new();
        let age = owner.with(|| {
            let live = Live::provide();
            live.link.set(link);
            live.clock.set(clock);
            live.heard.set(heard);
            age(live)
        });
        let frame = frame(link, age, "");
        let drawn = frame.draw().into_string();
        let sign = drawn.split("live-text").nth(1).and_then(|rest| rest.split("<a ").next()).unwrap_or_default();
        let mut text = String::new();
        for piece in sign.split('<') {
            text.extend(piece.split('>').nth(1));
        }
        text
    }

    #[test]
    fn the_live_sign_tells_the_age_of_what_is_shown_while_nothing_is_heard() {
        assert_eq!(sign(Link::Connected, 20_000, 5000), "Connected");
        assert_eq!(sign(Link::Reconnecting, 20_000, 5000), ["Reconnecting", &Lang::En.ago(15_000)].concat());
        assert_eq!(sign(Link::Stale, 185_000, 5000), ["Stale", &Lang::En.ago(180_000)].concat());
        assert_eq!(sign(Link::Reconnecting, 0, 0), "Reconnecting", "a page that is being opened");
    }

    #[test]
    fn what_belongs_to_a_page_of_the_navigation_stands_there() {
        for (path, place) in [
            ("/", "/overview/"),
            ("/devices/", "/devices/"),
            ("/distribution/", "/settings/"),
            ("/qr_codes/", "/settings/"),
            ("/device/", "/settings/"),
            ("/audit/", "/settings/"),
            ("/charger_password/", "/details/"),
        ] {
            let drawn = frame(Link::Static, None, path).navigation().into_string();
            let current: Vec<_> = drawn.split("<a ").filter(|link| link.contains("aria-current")).collect();
            assert_eq!(current.len(), 1, "{path}");
            assert!(current[0].contains(place), "{path}");
        }
    }
}
