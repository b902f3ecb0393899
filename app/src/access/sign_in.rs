//! To sign in, and to sign out.

use super::{
    Asking, DEVICE, DEVICE_SECONDS, Fields, Pages, SESSION, SIGN_IN, entry, failed, field, lead, next, set_cookie,
    tell_when, visitor,
};
use crate::components::{Glyph, NoticeKind, icon, notice};
use crate::data::Query;
use crate::text::Lang;
use axum::extract::{Form, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

/// `GET /log_in/`
pub(super) async fn page(
    State(pages): State<Pages>,
    Asking(caller): Asking,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    let next = next(query.get("next").unwrap_or_default());
    if caller.who().is_some() {
        return lead(next);
    }
    pages.answer((StatusCode::OK, &headers, &caller), SIGN_IN, Lang::sign_in, |lang| form(lang, next, "", None))
}

/// `POST /log_in/`
pub(super) async fn sign_in(
    State(pages): State<Pages>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let (name, next) = (field(&fields, "username").trim(), next(field(&fields, "next")));
    let visitor = visitor(&headers, &caller);
    match pages.access().sign_in(name, field(&fields, "password"), visitor).await {
        Ok(signed_in) => {
            let mut response = lead(next);
            set_cookie(&mut response, SESSION, signed_in.secret.as_str(), signed_in.seconds);
            set_cookie(&mut response, DEVICE, signed_in.device.as_str(), DEVICE_SECONDS);
            response
        }
        Err(error) => {
            let status = failed(Lang::En, &error).0;
            let mut response = pages.answer((status, &headers, &caller), SIGN_IN, Lang::sign_in, |lang| {
                form(lang, next, name, Some(&failed(lang, &error).1))
            });
            tell_when(&mut response, &error);
            response
        }
    }
}

/// `POST /log_out/`
pub(super) async fn sign_out(State(pages): State<Pages>, Asking(caller): Asking) -> Response {
    if caller.who().is_some()
        && let Err(error) = pages.access().sign_out(&caller).await
    {
        // Without its cookie the browser is out in any case.
        tracing::warn!(%error, "a sign-in could not be ended");
    }
    let mut response = lead(if pages.access().public_read() { "/overview/" } else { SIGN_IN });
    set_cookie(&mut response, SESSION, "", 0);
    response
}

/// One card. It says nothing about which of name and password was wrong.
fn form(lang: Lang, next: &str, name: &str, error: Option<&str>) -> Markup {
    html! {
        section.card.sign-in {
            @if let Some(error) = error { (notice(NoticeKind::Error, &html! { (error) })) }
            form.account-form method="post" action=(SIGN_IN) {
                input type="hidden" name="next" value=(next);
                (entry("text", lang.account_name(), "username", "username", name))
                (entry("password", lang.password(), "password", "current-password", ""))
                button.button.is-primary type="submit" { (icon(Glyph::LOG_IN)) span { (lang.sign_in()) } }
            }
        }
    }
}
