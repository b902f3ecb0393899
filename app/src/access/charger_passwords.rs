//! The password of a charge point, for administrators: what is known of it, and how it gets another one.

use super::{Asked, Fields, Pages, deed, entry, field, lead, sign_in_for};
use crate::components::{Glyph, NoticeKind, Span, badge, card, icon, notice};
use crate::data::Query;
use crate::frame;
use crate::pages::{cell, plain, row_head, table};
use crate::text::Lang;
use axum::extract::{Form, State};
use axum::response::Response;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::password::{PasswordFault, Security};
use bmw_domain::status::Condition;
use bmw_site::{ChargePointNow, Denied, PasswordError, PasswordState, Refusal};
use http::StatusCode;
use maud::{Markup, html};
use std::sync::Arc;

/// Where the page lies.
const PATH: &str = "/charger_password/";

/// What came of a change.
enum Said<'a> {
    Nothing,
    Done,
    /// A command carries it to the charge point.
    Sent,
    /// A password, shown this once.
    Password(&'a str),
    Failed(&'a PasswordError),
    Refused(&'a Refusal),
}

/// What the page shows.
struct Shown<'a> {
    pages: &'a Pages,
    lang: Lang,
    now: &'a ChargePointNow,
    state: PasswordState,
}

/// The address of a charge point's page.
pub(crate) fn address(identity: &str) -> String {
    Query::default().with("charger_id", identity).on(PATH)
}

/// `GET /charger_password/`
pub(super) async fn page(State(pages): State<Pages>, asked: Asked) -> Response {
    let said = match asked.query.get("said") {
        Some("sent") => Said::Sent,
        Some(_) => Said::Done,
        None => Said::Nothing,
    };
    show(&pages, &asked, asked.query.get("charger_id").unwrap_or_default(), &said)
}

/// `POST /charger_password/`: the field `deed` says what.
pub(super) async fn change(State(pages): State<Pages>, asked: Asked, Form(fields): Form<Fields>) -> Response {
    let (site, caller, identity) = (&pages.state.site, &asked.caller, field(&fields, "charger_id"));
    // Whether there is such a charge point is shown to those who may see this.
    let Some(now) = find(&pages, identity) else { return show(&pages, &asked, identity, &Said::Nothing) };
    let done = match field(&fields, "deed") {
        "random" => match site.make_charger_password(now.key, caller).await {
            Ok(password) => return show(&pages, &asked, identity, &Said::Password(&password)),
            Err(error) => Err(error),
        },
        "set" => site.set_charger_password(now.key, field(&fields, "password"), caller).await.map(|()| "set"),
        "remove" => site.remove_charger_password(now.key, caller).await.map(|()| "removed"),
        "send" => match pages.state.commands.send_password(now.key, caller).await {
            Ok(Ok(_)) => Ok("sent"),
            Ok(Err(refusal)) => return show(&pages, &asked, identity, &Said::Refused(&refusal)),
            Err(error) => Err(error),
        },
        _ => Err(PasswordError::Unknown),
    };
    match done {
        Ok(said) => lead(&Query::default().with("charger_id", identity).with("said", said).on(PATH)),
        Err(PasswordError::Denied(Denied::NotSignedIn)) => lead(&sign_in_for(&address(identity))),
        Err(error) => show(&pages, &asked, identity, &Said::Failed(&error)),
    }
}

fn find(pages: &Pages, identity: &str) -> Option<Arc<ChargePointNow>> {
    pages.state.site.charge_point(Some(identity))
}

fn show(pages: &Pages, asked: &Asked, identity: &str, said: &Said<'_>) -> Response {
    let path = address(identity);
    let now = find(pages, identity);
    let key = now.as_ref().map_or(bmw_domain::record::ChargePointKey(0), |now| now.key);
    let state = match pages.state.site.charger_password(key, &asked.caller) {
        Ok(state) => state,
        Err(denied) => return pages.refused(denied, asked, &path),
    };
    let Some(now) = now else {
        return pages.answer((StatusCode::NOT_FOUND, asked), &path, Lang::charger_password, |lang| {
            frame::nothing_here(lang, lang.not_there())
        });
    };
    let status = match said {
        Said::Failed(error) => failed(Lang::En, error).0,
        Said::Refused(refusal) => refused(Lang::En, refusal).0,
        Said::Nothing | Said::Done | Said::Sent | Said::Password(_) => StatusCode::OK,
    };
    pages.answer((status, asked), &path, Lang::charger_password, |lang| {
        Shown { pages, lang, now: &now, state }.draw(said)
    })
}

/// What came of it, for a person: the status, and what is said.
fn failed(lang: Lang, error: &PasswordError) -> (StatusCode, &'static str) {
    match error {
        PasswordError::Denied(_) => (StatusCode::FORBIDDEN, lang.not_allowed_help()),
        PasswordError::Fault(PasswordFault::Form) => (StatusCode::BAD_REQUEST, lang.charger_password_form()),
        PasswordError::Fault(PasswordFault::Weak) => (StatusCode::BAD_REQUEST, lang.password_weak()),
        PasswordError::Unknown => (StatusCode::NOT_FOUND, lang.not_there()),
        PasswordError::TooMany => (StatusCode::CONFLICT, lang.charger_password_many()),
        PasswordError::Busy => (StatusCode::SERVICE_UNAVAILABLE, lang.sign_in_busy()),
        PasswordError::Inside | PasswordError::Store(_) => {
            tracing::error!(%error, "a charge point's password");
            let is_store = matches!(error, PasswordError::Store(_));
            let text = if is_store { lang.failed_store() } else { lang.failed_inside() };
            (StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

fn refused(lang: Lang, refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::Pending | Refusal::KeyUsed => (StatusCode::CONFLICT, lang.charger_password_pending()),
        Refusal::Denied(_) => (StatusCode::FORBIDDEN, lang.not_allowed_help()),
        Refusal::Field(..) | Refusal::Store(_) => {
            tracing::error!(?refusal, "a charge point's password cannot be sent");
            (StatusCode::INTERNAL_SERVER_ERROR, lang.failed_store())
        }
    }
}

impl Shown<'_> {
    fn identity(&self) -> &str {
        self.now.charge_point.identity.as_str()
    }

    fn draw(&self, said: &Said<'_>) -> Markup {
        let lang = self.lang;
        html! {
            (self.said(said))
            div.grid {
                (card("state", Span::All, self.identity(), &html! {}, &self.state()))
                (card("random", Span::One, lang.charger_password_random(), &html! {}, &self.random()))
                (card("send", Span::One, lang.charger_password_send(), &html! {}, &self.send()))
                (card("set", Span::One, lang.charger_password_set(), &html! {}, &self.set()))
                @if self.state.holds.is_some() || self.state.sent.is_some() {
                    (card("remove", Span::All, lang.charger_password_remove(), &html! {}, &self.remove()))
                }
            }
        }
    }

    fn said(&self, said: &Said<'_>) -> Markup {
        let lang = self.lang;
        match said {
            Said::Nothing => html! {},
            Said::Done => notice(NoticeKind::Success, &html! { (lang.saved()) }),
            Said::Sent => notice(NoticeKind::Success, &html! { (lang.charger_password_on_its_way()) }),
            Said::Password(password) => notice(
                NoticeKind::Success,
                &html! {
                    p { (lang.charger_password_once()) }
                    p { code.token { (password) } }
                    p { (lang.charger_password_how()) }
                    ul {
                        li { (lang.account_name()) (lang.colon()) code { (self.identity()) } }
                        li { "AuthorizationKey" (lang.colon()) code { (password) } }
                    }
                },
            ),
            Said::Failed(error) => notice(NoticeKind::Error, &html! { (failed(lang, error).1) }),
            Said::Refused(refusal) => notice(NoticeKind::Error, &html! { (refused(lang, refusal).1) }),
        }
    }

    fn local(&self, at: Timestamp) -> String {
        self.pages.state.site.clock().zone().local(at).with_space()
    }

    fn state(&self) -> Markup {
        let lang = self.lang;
        let columns = [(lang.charger_password_what(), false), (lang.state(), false)];
        let [what, state] = columns;
        let holds = html! {
            @if let Some((origin, at)) = self.state.holds {
                (badge(Condition::Ready, lang.charger_password_has())) " "
                (lang.password_origin(origin)) (lang.comma()) (self.local(at))
            } @else {
                (badge(Condition::Waiting, lang.charger_password_none()))
            }
        };
        let rows = html! {
            tr { (row_head(what, &plain(lang.password()))) (cell(state, &holds)) }
            @if let Some(at) = self.state.sent {
                tr {
                    (row_head(what, &plain(lang.charger_password_sent())))
                    (cell(state, &html! { p { (self.local(at)) } p.muted { (lang.charger_password_sent_help()) } }))
                }
            }
            tr {
                (row_head(what, &plain(lang.security_profile())))
                (cell(state, &plain(self.state.security.map_or_else(|| lang.no_connection().to_owned(), |it| said_profile(lang, it)))))
            }
        };
        let details = Query::default().with("charger_id", self.identity()).on("/details/");
        html! {
            div.table-box { (table("data plain", lang.charger_password(), &columns, &rows, &html! {})) }
            p.muted { (lang.charger_password_help()) }
            p { a.button href=(details) { (icon(Glyph::CHEVRON_LEFT)) span { (lang.details()) } } }
        }
    }

    fn random(&self) -> Markup {
        html! {
            p.muted { (self.lang.charger_password_random_help()) }
            (self.form(&deed("random", Glyph::KEY, self.lang.charger_password_random())))
        }
    }

    fn send(&self) -> Markup {
        let lang = self.lang;
        html! {
            p.muted { (lang.charger_password_send_help()) }
            @if self.state.security.is_some() {
                (self.form(&deed("send", Glyph::KEY, lang.charger_password_send())))
            } @else {
                button.button type="button" aria-disabled="true" title=(lang.no_connection_help()) {
                    (icon(Glyph::KEY)) span { (lang.charger_password_send()) }
                }
            }
        }
    }

    fn set(&self) -> Markup {
        let lang = self.lang;
        html! {
            p.muted { (lang.charger_password_form()) " " (lang.charger_password_set_help()) }
            (self.form(&html! {
                (entry("password", lang.password_new(), "password", "new-password", ""))
                (deed("set", Glyph::SAVE, lang.save()))
            }))
        }
    }

    fn remove(&self) -> Markup {
        let lang = self.lang;
        html! {
            p.muted { (lang.charger_password_remove_help()) }
            (self.form(&deed("remove", Glyph::X, lang.charger_password_remove())))
        }
    }

    fn form(&self, body: &Markup) -> Markup {
        html! {
            form.account-form method="post" action=(PATH) {
                input type="hidden" name="charger_id" value=(self.identity());
                (body)
            }
        }
    }
}

fn said_profile(lang: Lang, security: Security) -> String {
    let meaning = match (security.is_proven, security.is_encrypted) {
        (false, false) => lang.profile_nothing(),
        (false, true) => lang.profile_tls_alone(),
        (true, false) => lang.profile_password(),
        (true, true) => lang.profile_both(),
    };
    lang.labelled(&security.profile().to_string(), meaning)
}
