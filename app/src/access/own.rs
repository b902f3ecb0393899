//! One's own account: password, sign-ins, and tokens of one's programs.

use super::{
    Asking, Fields, OWN, Pages, SIGN_IN, entry, failed, field, lead, number, role, roles, sign_in_for, tell_when,
    visitor,
};
use crate::components::{Glyph, NoticeKind, Span, card, icon, notice, tag};
use crate::data::Query;
use crate::pages::{cell, plain, row_head, table};
use crate::text::Lang;
use axum::extract::{Form, RawQuery, State};
use axum::response::Response;
use bmw_domain::account::{ProgramToken, Right, Role, SignIn};
use bmw_domain::calendar::Timestamp;
use bmw_site::access::{AccessError, By, Secret, Who};
use bmw_site::{Caller, Clock, Denied};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

/// How long tokens may hold, days; the first is the usual one, 0 is without end.
const DAYS: [i64; 4] = [365, 90, 30, 0];

/// What the page shows.
struct Own<'a> {
    lang: Lang,
    who: &'a Who,
    sign_ins: Vec<SignIn>,
    tokens: Vec<ProgramToken>,
    clock: &'a Clock,
    now: Timestamp,
}

/// What came of a change.
enum Said<'a> {
    Nothing,
    Done,
    /// A token, shown this once.
    Token(&'a Secret),
    Failed(&'a AccessError),
}

/// `GET /account/`
pub(super) async fn page(
    State(pages): State<Pages>,
    Asking(caller): Asking,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    let said = if query.get("said").is_some() { Said::Done } else { Said::Nothing };
    show(&pages, &caller, &headers, &said)
}

/// `POST /account/`: the field `deed` says what.
pub(super) async fn change(
    State(pages): State<Pages>,
    Asking(caller): Asking,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let access = pages.access();
    let done = match field(&fields, "deed") {
        "password" => {
            let (old, new) = (field(&fields, "old"), field(&fields, "new"));
            access.change_password(&caller, old, new, visitor(&headers, &caller)).await
        }
        "end" => access.end_sign_in(&caller, number(&fields, "id")).await,
        "end-others" => access.end_other_sign_ins(&caller).await,
        "revoke" => access.remove_token(&caller, number(&fields, "id")).await,
        "token" => {
            let days = Some(number(&fields, "days")).filter(|days| *days > 0);
            let role = role(&fields).unwrap_or(Role::Viewer);
            match access.add_token(&caller, field(&fields, "name"), role, days).await {
                Ok(secret) => return show(&pages, &caller, &headers, &Said::Token(&secret)),
                Err(error) => Err(error),
            }
        }
        _ => Err(AccessError::Unknown),
    };
    match done {
        Ok(()) if is_out(&pages, &caller) => lead(SIGN_IN),
        Ok(()) => lead("/account/?said=1"),
        Err(AccessError::Denied(Denied::NotSignedIn)) => lead(&sign_in_for(OWN)),
        Err(error) => show(&pages, &caller, &headers, &Said::Failed(&error)),
    }
}

/// Whether somebody has just ended his own sign-in.
fn is_out(pages: &Pages, caller: &Caller) -> bool {
    !pages.access().still_holds(caller)
}

fn show(pages: &Pages, caller: &Caller, headers: &HeaderMap, said: &Said<'_>) -> Response {
    let lists = pages.access().sign_ins(caller).and_then(|own| Ok((own, pages.access().tokens(caller)?)));
    let (Some(who), Ok((sign_ins, tokens))) = (caller.who(), lists.as_ref()) else {
        let denied = lists.err().unwrap_or(Denied::NotSignedIn);
        return pages.refused(denied, headers, caller, OWN);
    };
    let status = match said {
        Said::Failed(error) => failed(Lang::En, error).0,
        _ => StatusCode::OK,
    };
    let mut response = pages.answer((status, headers, caller), OWN, Lang::own_account, |lang| {
        let (sign_ins, tokens) = (sign_ins.clone(), tokens.clone());
        let clock = pages.state.site.clock();
        let own = Own { lang, who, sign_ins, tokens, clock, now: Clock::real() };
        own.draw(said)
    });
    if let Said::Failed(error) = said {
        tell_when(&mut response, error);
    }
    response
}

impl Own<'_> {
    fn draw(&self, said: &Said<'_>) -> Markup {
        let lang = self.lang;
        html! {
            (self.said(said))
            div.grid {
                (card("who", Span::One, self.who.name.as_str(), &html! { (tag(lang.role(self.who.role))) }, &self.who()))
                (card("password", Span::Two, lang.password_change(), &html! {}, &self.password()))
                (card("sign-ins", Span::All, lang.sign_ins(), &html! {}, &self.sign_ins()))
                (card("tokens", Span::All, lang.tokens(), &html! {}, &self.tokens()))
            }
        }
    }

    fn said(&self, said: &Said<'_>) -> Markup {
        match said {
            Said::Nothing => html! {},
            Said::Done => notice(NoticeKind::Success, &html! { (self.lang.saved()) }),
            Said::Token(secret) => notice(
                NoticeKind::Success,
                &html! {
                    p { (self.lang.token_once()) }
                    p { code.token { (secret.as_str()) } }
                    p.muted { "Authorization: Bearer …" }
                },
            ),
            Said::Failed(error) => notice(NoticeKind::Error, &html! { (failed(self.lang, error).1) }),
        }
    }

    fn who(&self) -> Markup {
        let lang = self.lang;
        html! {
            p.muted { (lang.role_help(self.who.role)) }
            div.account-form {
                @if self.who.role.may(Right::Users) {
                    a.button href=(super::USERS) { (icon(Glyph::USERS)) span { (lang.users()) } }
                }
                form method="post" action="/log_out/" {
                    button.button type="submit" { (icon(Glyph::LOG_OUT)) span { (lang.sign_out()) } }
                }
            }
        }
    }

    fn password(&self) -> Markup {
        let lang = self.lang;
        html! {
            p.muted { (lang.password_help()) }
            form.account-form method="post" action=(OWN) {
                span hidden { input type="text" name="username" autocomplete="username" value=(self.who.name.as_str()); }
                (entry("password", lang.password_old(), "old", "current-password", ""))
                (entry("password", lang.password_new(), "new", "new-password", ""))
                button.button type="submit" name="deed" value="password" { (icon(Glyph::SAVE)) span { (lang.save()) } }
            }
        }
    }

    fn local(&self, at: Timestamp) -> String {
        self.clock.zone().local(at).with_space()
    }

    fn sign_ins(&self) -> Markup {
        let lang = self.lang;
        let columns = [
            (lang.device(), false),
            (lang.address(), false),
            (lang.last_seen(), false),
            (lang.account_actions(), false),
        ];
        let [device, address, seen, actions] = columns;
        let rows = html! {
            @for sign_in in &self.sign_ins {
                @let is_this = self.who.by == By::SignIn(sign_in.id);
                tr {
                    (row_head(device, &html! {
                        span title=(sign_in.user_agent) { (device_name(lang, &sign_in.user_agent)) }
                        @if is_this { " " (tag(lang.this_device())) }
                    }))
                    (cell(address, &plain(&sign_in.address)))
                    (cell(seen, &html! {
                        (self.local(sign_in.last_seen)) " "
                        small.age { (lang.ago(self.now.since(sign_in.last_seen))) }
                    }))
                    (cell(actions, &Self::deed("end", sign_in.id, lang.end_it())))
                }
            }
        };
        html! {
            p.muted { (lang.sign_ins_help()) }
            div.table-box { (table("data", lang.sign_ins(), &columns, &rows, &html! {})) }
            @if self.sign_ins.len() > 1 {
                form method="post" action=(OWN) {
                    button.button type="submit" name="deed" value="end-others" {
                        (icon(Glyph::LOG_OUT)) span { (lang.end_others()) }
                    }
                }
            }
        }
    }

    fn deed(deed: &str, id: i64, name: &str) -> Markup {
        html! {
            form method="post" action=(OWN) {
                input type="hidden" name="id" value=(id);
                button.button type="submit" name="deed" value=(deed) { (icon(Glyph::X)) span { (name) } }
            }
        }
    }

    fn tokens(&self) -> Markup {
        let lang = self.lang;
        let columns = [
            (lang.token_name(), false),
            (lang.role_name(), false),
            (lang.expires(), false),
            (lang.last_seen(), false),
            (lang.account_actions(), false),
        ];
        let [name, role, expires, used, actions] = columns;
        let rows = html! {
            @for token in &self.tokens {
                tr {
                    (row_head(name, &plain(&token.name)))
                    (cell(role, &plain(lang.role(token.role.min(self.who.role)))))
                    (cell(expires, &html! {
                        @match token.expires_at {
                            Some(at) => { (self.local(at)) @if at <= self.now { " " (tag(lang.expired())) } }
                            None => (lang.never()),
                        }
                    }))
                    (cell(used, &plain(token.last_used.map(|at| self.local(at)).unwrap_or_default())))
                    (cell(actions, &Self::deed("revoke", token.id, lang.revoke())))
                }
            }
        };
        html! {
            p.muted { (lang.tokens_help()) }
            @if !self.tokens.is_empty() {
                div.table-box { (table("data", lang.tokens(), &columns, &rows, &html! {})) }
            }
            form.account-form method="post" action=(OWN) {
                (entry("text", lang.token_name(), "name", "off", ""))
                label.filter {
                    span { (lang.role_name()) }
                    select name="role" { (roles(lang, self.who.role, Role::Viewer)) }
                }
                label.filter {
                    span { (lang.holds_for()) }
                    select name="days" {
                        @for days in DAYS { option value=(days) { (lang.days_or_ever(days)) } }
                    }
                }
                button.button type="submit" name="deed" value="token" { (icon(Glyph::KEY)) span { (lang.token_add()) } }
            }
        }
    }
}

/// What a browser calls itself, as a person would call it: this phone, that computer.
fn device_name(lang: Lang, user_agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        known.iter().find(|(word, _)| user_agent.contains(word)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => lang.unknown().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
                "Safari, iPhone",
            ),
            ("Mozilla/5.0 (Linux; Android 15) Chrome/131.0 Mobile Safari/537.36", "Chrome, Android"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox, Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0 Safari/537.36 Edg/131.0", "Edge, Windows"),
            ("curl/8", "Unknown"),
        ] {
            assert_eq!(device_name(Lang::En, user_agent), name);
        }
    }
}
