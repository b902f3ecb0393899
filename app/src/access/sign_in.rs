//! To sign in, by a password and the code of a second factor, and to sign out.

use super::{
    AWAITED, Asked, CODE, Fields, Pages, SESSION, SIGN_IN, Said, code_entry, entry, field, keep_in, lead, next,
    set_cookie,
};
use crate::components::{Glyph, icon};
use crate::data::Query;
use crate::text::Lang;
use crate::ui;
use axum::extract::{Form, State};
use axum::response::Response;
use bmw_site::access::{AccessError, Entered, SignedIn};
use maud::{Markup, html};

/// `GET /log_in/`
pub(super) async fn page(State(pages): State<Pages>, asked: Asked) -> Response {
    let next = next(asked.query.get("next").unwrap_or_default());
    if asked.caller.who().is_some() {
        return lead(next);
    }
    pages.say(&asked, Said::Nothing, SIGN_IN, Lang::sign_in, |lang| form(lang, next, ""))
}

/// `POST /log_in/`
pub(super) async fn sign_in(State(pages): State<Pages>, asked: Asked, Form(fields): Form<Fields>) -> Response {
    let (name, next) = (field(&fields, "username").trim(), next(field(&fields, "next")));
    match pages.access().sign_in(name, field(&fields, "password"), asked.visitor()).await {
        Ok(Entered::In(signed_in)) => let_in(&signed_in, next),
        Ok(Entered::Code(awaited)) => {
            let mut response = lead(&Query::from([("next", next)]).on(CODE));
            let seconds = i64::try_from(awaited.seconds).unwrap_or(0);
            set_cookie(&mut response, AWAITED, awaited.secret.as_str(), seconds);
            response
        }
        Err(error) => pages.say(&asked, Said::Failed(&error), SIGN_IN, Lang::sign_in, |lang| form(lang, next, name)),
    }
}

/// `GET /log_in/code/`
pub(super) async fn code_page(State(pages): State<Pages>, asked: Asked) -> Response {
    let next = next(asked.query.get("next").unwrap_or_default());
    if pages.access().awaits_code(awaited(&asked)) {
        pages.say(&asked, Said::Nothing, CODE, Lang::sign_in, |lang| code_form(lang, next))
    } else {
        let asked_for = asked.query.get("next").map(|_| next).unwrap_or_default();
        lead(&super::sign_in_for(asked_for))
    }
}

/// `POST /log_in/code/`
pub(super) async fn enter_code(State(pages): State<Pages>, asked: Asked, Form(fields): Form<Fields>) -> Response {
    let next = next(field(&fields, "next"));
    match pages.access().enter_code(awaited(&asked), field(&fields, "code"), asked.visitor()).await {
        Ok(signed_in) => {
            let mut response = let_in(&signed_in, next);
            set_cookie(&mut response, AWAITED, "", 0);
            response
        }
        Err(error @ AccessError::Again) => {
            let said = Said::Failed(&error);
            let mut response = pages.say(&asked, said, SIGN_IN, Lang::sign_in, |lang| form(lang, next, ""));
            set_cookie(&mut response, AWAITED, "", 0);
            response
        }
        Err(error) => pages.say(&asked, Said::Failed(&error), CODE, Lang::sign_in, |lang| code_form(lang, next)),
    }
}

/// `POST /log_out/`
pub(super) async fn sign_out(State(pages): State<Pages>, asked: Asked) -> Response {
    if asked.caller.who().is_some()
        && let Err(error) = pages.access().sign_out(&asked.caller).await
    {
        // Without its cookie the browser is out in any case.
        tracing::warn!(%error, "a sign-in could not be ended");
    }
    let mut response = lead(if pages.access().public_read() { "/overview/" } else { SIGN_IN });
    set_cookie(&mut response, SESSION, "", 0);
    response
}

/// What the browser has been given that is to send a code.
fn awaited(asked: &Asked) -> &str {
    ui::cookie(&asked.headers, AWAITED).unwrap_or_default()
}

fn let_in(signed_in: &SignedIn, next: &str) -> Response {
    let mut response = lead(next);
    keep_in(&mut response, signed_in);
    response
}

/// One card.
fn form(lang: Lang, next: &str, name: &str) -> Markup {
    html! {
        section.card.sign-in {
            form.account-form method="post" action=(SIGN_IN) {
                input type="hidden" name="next" value=(next);
                (entry("text", lang.account_name(), "username", "username", name))
                (entry("password", lang.password(), "password", "current-password", ""))
                button.button.is-primary type="submit" { (icon(Glyph::LOG_IN)) span { (lang.sign_in()) } }
            }
        }
    }
}

/// The second card of those who have a second factor.
fn code_form(lang: Lang, next: &str) -> Markup {
    html! {
        section.card.sign-in {
            p.muted { (lang.code_help()) }
            form.account-form method="post" action=(CODE) {
                input type="hidden" name="next" value=(next);
                (code_entry(lang))
                button.button.is-primary type="submit" { (icon(Glyph::LOG_IN)) span { (lang.sign_in()) } }
            }
            p { a href=(super::sign_in_for(next)) { (lang.begin_again()) } }
        }
    }
}
