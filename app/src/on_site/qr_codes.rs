//! A sheet of codes to print, cut and stick to the chargers: each opens the page of its charger.

use super::{Asked, Manner, Origin, Pages, QR_CODES, nothing_here, qr};
use crate::components::{NoticeKind, choice, input, notice, select};
use crate::data::Query;
use crate::text::Lang;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bmw_site::ChargePointNow;
use http::StatusCode;
use maud::{Markup, html};
use std::sync::Arc;

/// How large the labels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Medium,
    Large,
}

impl Size {
    const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The word in the address and in the class.
    const fn word(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    const fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Small => lang.labels_small(),
            Self::Medium => lang.labels_medium(),
            Self::Large => lang.labels_large(),
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.word() == word)
    }
}

/// What is wanted of the sheet.
struct Wanted<'a> {
    /// The one charger.
    charger: Option<&'a str>,
    /// What its ID or its model contains.
    search: &'a str,
    size: Size,
}

impl<'a> Wanted<'a> {
    fn read(query: &'a Query) -> Self {
        let size = query.get("size").and_then(Size::from_word).unwrap_or(Size::Medium);
        Self { charger: query.get("charger_id"), search: query.get("search").unwrap_or_default().trim(), size }
    }

    fn has(&self, now: &ChargePointNow) -> bool {
        let identity = now.charge_point.identity.as_str();
        let search = self.search.to_lowercase();
        self.charger.is_none_or(|wanted| wanted == identity)
            && [identity, &now.charge_point.model_id].iter().any(|text| text.to_lowercase().contains(&search))
    }
}

/// `GET /qr_codes/`
pub(super) async fn page(State(pages): State<Pages>, request: Request) -> Response {
    let asked = Asked::from(request);
    let Some(origin) = asked.origin(&pages.state) else {
        // Every browser says by what host it asks.
        return StatusCode::BAD_REQUEST.into_response();
    };
    let wanted = Wanted::read(&asked.query);
    let present = pages.state.site.present().clone();
    let chargers: Vec<_> = present.by_identity().filter(|now| wanted.has(now)).collect();
    let is_unknown = wanted.charger.is_some() && chargers.is_empty();
    let mut response = asked.answer(&pages, QR_CODES, Manner::default(), Lang::qr_codes, |lang| {
        html! {
            div.sheet-head {
                (filters(lang, &wanted))
                @if origin.is_loopback() { (notice(NoticeKind::Warning, &html! { (lang.qr_loopback()) })) }
                p.muted { (lang.qr_help()) " " code { (origin) } }
            }
            @if chargers.is_empty() { (nothing_here(lang, lang.none_match())) }
            @else { ul.labels.(["is-", wanted.size.word()].concat()) { @for now in &chargers { (label(lang, &origin, now)) } } }
        }
    });
    if is_unknown {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

fn filters(lang: Lang, wanted: &Wanted<'_>) -> Markup {
    let sizes = html! {
        @for size in Size::ALL { (choice(size.word(), size.name(lang), size == wanted.size)) }
    };
    html! {
        form.filters method="get" action=(QR_CODES) {
            @if let Some(charger) = wanted.charger { input type="hidden" name="charger_id" value=(charger); }
            @else { (input("search", lang.search(), "search", wanted.search)) }
            (select(lang.labels_size(), "size", &sizes))
            button.button type="submit" { (lang.apply()) }
            @if wanted.charger.is_some() {
                a.button href=(Query::from([("size", wanted.size.word())]).on(QR_CODES)) { (lang.qr_all()) }
            }
        }
    }
}

/// The label of one charger: the code, and what people read.
fn label(lang: Lang, origin: &Origin, now: &Arc<ChargePointNow>) -> Markup {
    let identity = now.charge_point.identity.as_str();
    let address = [origin.to_string(), Query::default().with("charger_id", identity).on("/details/")].concat();
    html! {
        li.label {
            @if let Some(code) = qr::label(&address, &[lang.qr_code(), " ", identity].concat()) { (code) }
            @else { p { (lang.qr_too_long()) } }
            strong { (identity) }
            span { (now.charge_point.model_id) }
            span { "BMW · " (origin.host_and_port()) }
        }
    }
}
