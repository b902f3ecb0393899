//! What the device in somebody's hand can do: whether the site can be installed on it as an app and how, and what it keeps.
//!
//! What can be told by the request is; the rest only the browser knows, and `public/device.js` shows it.

use super::{Asked, DEVICE, Manner, Pages, insecure};
use crate::components::{Glyph, NoticeKind, Span, card, icon, notice};
use crate::text::Lang;
use axum::extract::{Request, State};
use axum::response::Response;
use maud::{Markup, html};

/// What is shown of the page depends on the browser.
const SCRIPT: &str = "/device.js";

/// How it is installed by hand: what `device.js` knows the browser by, its name, and what to do.
type Way = (&'static str, fn(Lang) -> &'static str, fn(Lang) -> &'static str);
const WAYS: [Way; 4] = [
    ("ios", Lang::on_ios, Lang::install_on_ios),
    ("android", Lang::on_android, Lang::install_on_android),
    ("desktop", Lang::on_desktop, Lang::install_on_desktop),
    ("firefox", Lang::on_firefox, Lang::install_on_firefox),
];

/// `GET /device/`
pub(super) async fn page(State(pages): State<Pages>, request: Request) -> Response {
    let asked = Asked::from(request);
    // What the browser itself says counts; without a script, this.
    let is_trusted = asked.origin(&pages.state).is_some_and(|origin| origin.is_trusted());
    let manner = Manner { script: Some(SCRIPT), ..Manner::default() };
    asked.answer(&pages, DEVICE, manner, Lang::on_this_device, |lang| {
        html! {
            div.grid {
                (card("install", Span::Two, lang.install_title(), &html! {}, &install(lang, is_trusted)))
                (card("kept", Span::One, lang.kept_title(), &html! {}, &kept(lang, is_trusted)))
            }
        }
    })
}

fn install(lang: Lang, is_trusted: bool) -> Markup {
    html! {
        p { (lang.install_why()) }
        div data-when="insecure" hidden[is_trusted] { (notice(NoticeKind::Warning, &insecure(lang))) }
        div data-when="installed" hidden { (notice(NoticeKind::Success, &html! { (lang.installed()) })) }
        p data-when="offered" hidden {
            button.button.is-primary type="button" id="install-now" { (icon(Glyph::DOWNLOAD)) span { (lang.install_now()) } }
        }
        div data-when="by-hand" hidden[!is_trusted] {
            h3 { (lang.install_by_hand()) }
            dl.ways {
                @for (way, name, what) in WAYS { div data-way=(way) { dt { (name(lang)) } dd { (what(lang)) } } }
            }
        }
    }
}

fn kept(lang: Lang, is_trusted: bool) -> Markup {
    html! {
        p { (lang.kept_what()) }
        @if !is_trusted { p.muted data-when="insecure" { (lang.kept_insecure()) } }
        p data-when="kept" hidden { (lang.kept_pages()) " " strong.number id="kept-count" {} }
        p data-when="kept" hidden {
            button.button type="button" id="forget-now" { (icon(Glyph::X)) span { (lang.kept_forget()) } }
        }
    }
}
