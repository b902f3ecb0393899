//! Who asks, told from his request, and the pages about accounts: to sign in, one's own, everybody's, and what was done by them.
//!
//! These pages are links and forms alone, drawn by the server, and load no script: a password passes through nothing else.

mod audit;
mod charger_passwords;
mod own;
mod sign_in;
mod users;

use crate::api::ApiError;
use crate::components::{Glyph, NoticeKind, icon, notice};
use crate::data::Query;
use crate::frame;
use crate::pages::{self, cell, row_head};
use crate::serve::{Manner, Pages, is_own_path};
use crate::state::AppState;
use crate::text::Lang;
use crate::ui::{self, Person};
use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use bmw_domain::account::{AccountFault, Role};
use bmw_site::access::{Access, AccessError, Choice, Credentials, RecoveryCode, Secret, SignedIn, Visitor};
use bmw_site::{Caller, Denied, whole_seconds};
use http::header::{AUTHORIZATION, CACHE_CONTROL, LOCATION, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use maud::{Markup, html};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What a browser proves itself by.
const SESSION: &str = "bmw_session";
/// What a device is known by after its sign-in has ended; it proves nothing by itself.
const DEVICE: &str = "bmw_device";
/// What a sign-in is known by that waits for the code of a second factor; it is sent to that page alone.
const AWAITED: &str = "bmw_awaited";
/// How long a device is asked to remember, s: as long as the account remembers it.
const DEVICE_SECONDS: i64 = 120 * 24 * 3600;

/// The page to sign in.
pub const SIGN_IN: &str = "/log_in/";
/// The page that asks for the code of a second factor.
pub const CODE: &str = "/log_in/code/";
/// The page of one's own account.
pub const OWN: &str = "/account/";
/// The page of all accounts.
pub const USERS: &str = "/users/";
/// The page of the audit log.
pub const AUDIT: &str = "/audit/";

/// Who asks, as the front has told. Of a request that did not come that way nothing is known, and it may nothing.
pub struct Asking(pub Caller);

impl Asking {
    /// Who asks, from what the front has noted.
    pub fn of(extensions: &Extensions) -> Caller {
        extensions.get::<Caller>().cloned().unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Self::of(&parts.extensions)))
    }
}

/// Who asks, by what he sends along: a program's token, else a browser's cookie.
///
/// # Errors
/// 401 for a token that does not hold; 400 for several headers that say who asks, as one of them might be somebody else's.
pub fn identify(access: &Access, headers: &HeaderMap, address: IpAddr) -> Result<Caller, ApiError> {
    let credentials = match token(headers)? {
        Some(token) => Credentials::Token(token),
        None => ui::cookie(headers, SESSION).map_or(Credentials::None, Credentials::Cookie),
    };
    Ok(access.identify(credentials, address)?)
}

/// The token of `Authorization: Bearer …` or `Token …`; other schemes are somebody else's, such as a proxy's.
fn token(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, "There are several Authorization headers."));
    }
    // What cannot be read may be anybody's.
    let header = header.to_str().map_err(|_| Denied::BadToken)?.trim();
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    let is_ours = ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    Ok(is_ours.then(|| token.trim()))
}

/// Who wants to sign in.
pub(crate) fn visitor<'a>(headers: &'a HeaderMap, caller: &Caller) -> Visitor<'a> {
    Visitor {
        address: caller.address().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        device: ui::cookie(headers, DEVICE),
        before: ui::cookie(headers, SESSION),
        user_agent: headers.get(USER_AGENT).and_then(|it| it.to_str().ok()).unwrap_or_default(),
    }
}

/// Where a page leads that wants somebody to sign in first.
pub fn sign_in_for(next: &str) -> String {
    Query::default().with("next", next).on(SIGN_IN)
}

/// The routes of these pages.
pub fn routes(state: AppState, css: Option<&str>) -> Router {
    Pages::routes(table(), state, css)
}

fn table() -> [(&'static str, MethodRouter<Pages>); 8] {
    [
        ("/log_in", get(sign_in::page).post(sign_in::sign_in)),
        ("/log_in/code", get(sign_in::code_page).post(sign_in::enter_code)),
        ("/log_out", post(sign_in::sign_out)),
        ("/account", get(own::page).post(own::change)),
        ("/users", get(users::page).post(users::change)),
        ("/charger_password", get(charger_passwords::page).post(charger_passwords::change)),
        ("/audit", get(audit::page)),
        ("/audit/export.csv", get(audit::csv)),
    ]
}

/// The paths of these pages.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|(path, _)| path)
}

/// The fields of a form. Of repeated ones the last counts.
pub type Fields = HashMap<String, String>;

/// A field of a form, empty where there is none.
pub fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

fn number(fields: &Fields, name: &str) -> i64 {
    field(fields, name).parse().unwrap_or(0)
}

fn role(fields: &Fields) -> Result<Role, AccessError> {
    Role::from_word(field(fields, "role")).ok_or(AccessError::Choice(Choice::Role))
}

/// A request for one of these pages.
struct Asked {
    caller: Caller,
    headers: HeaderMap,
    query: Query,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        Ok(Self { caller: Asking::of(&parts.extensions), headers: parts.headers.clone(), query })
    }
}

impl Asked {
    fn visitor(&self) -> Visitor<'_> {
        visitor(&self.headers, &self.caller)
    }

    /// What is said of what was done before.
    fn said(&self) -> Said<'static> {
        if self.query.get("said").is_some() { Said::Done } else { Said::Nothing }
    }
}

/// What a page says above all else.
#[derive(Clone, Copy)]
enum Said<'a> {
    Nothing,
    /// What was asked for is done.
    Done,
    /// A token, shown this once.
    Token(&'a Secret),
    /// Recovery codes, shown this once.
    Codes(&'a [RecoveryCode]),
    /// It was not done.
    Failed(&'a AccessError),
}

impl Said<'_> {
    fn status(self) -> StatusCode {
        match self {
            Self::Failed(error) => failed(Lang::En, error).0,
            Self::Nothing | Self::Done | Self::Token(_) | Self::Codes(_) => StatusCode::OK,
        }
    }

    fn draw(self, lang: Lang) -> Markup {
        match self {
            Self::Nothing => html! {},
            Self::Done => notice(NoticeKind::Success, &html! { (lang.saved()) }),
            Self::Token(secret) => notice(
                NoticeKind::Success,
                &html! {
                    p { (lang.token_once()) }
                    p { code.token { (secret.as_str()) } }
                    p.muted { code { "Authorization: Bearer …" } }
                },
            ),
            Self::Codes(codes) => notice(
                NoticeKind::Success,
                &html! {
                    p { (lang.codes_once()) }
                    ul.recovery-codes { @for code in codes { li { code { (code.as_str()) } } } }
                },
            ),
            Self::Failed(error) => notice(NoticeKind::Error, &html! { (failed(lang, error).1) }),
        }
    }
}

impl Pages {
    fn access(&self) -> &Arc<Access> {
        &self.state.access
    }

    /// A page of these.
    fn answer(
        &self,
        (status, asked): (StatusCode, &Asked),
        path: &str,
        title: fn(Lang) -> &'static str,
        body: impl FnOnce(Lang) -> Markup,
    ) -> Response {
        let mut response = self.document((&asked.caller, &asked.headers), path, Manner::default(), title, body);
        *response.status_mut() = status;
        response
    }

    /// A page of these, with what is said above it.
    fn say(
        &self,
        asked: &Asked,
        said: Said<'_>,
        path: &str,
        title: fn(Lang) -> &'static str,
        body: impl FnOnce(Lang) -> Markup,
    ) -> Response {
        let whole = |lang| html! { (said.draw(lang)) (body(lang)) };
        let mut response = self.answer((said.status(), asked), path, title, whole);
        if let Said::Failed(AccessError::Wait(wait)) = said {
            // When it is worth to try again.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(*wait)));
        }
        response
    }

    /// What is shown to somebody who may not see a page.
    fn refused(&self, denied: Denied, asked: &Asked, path: &str) -> Response {
        match denied {
            Denied::NotSignedIn | Denied::BadToken => lead(&sign_in_for(path)),
            Denied::NotAllowed => self.answer((StatusCode::FORBIDDEN, asked), path, Lang::not_allowed, |lang| {
                frame::nothing_here(lang, lang.not_allowed_help())
            }),
        }
    }

    /// What is shown in the place of a page that somebody may not see, or with which there is trouble.
    fn instead(&self, error: &AccessError, asked: &Asked, path: &str, title: fn(Lang) -> &'static str) -> Response {
        match error {
            AccessError::Denied(denied) => self.refused(*denied, asked, path),
            error => self.say(asked, Said::Failed(error), path, title, |_| html! {}),
        }
    }
}

/// Where a change leads that was made: back to its page, which says so; or why it was not made.
fn led(done: Result<(), AccessError>, path: &str) -> Result<Response, AccessError> {
    match done {
        Ok(()) => Ok(lead(&Query::from([("said", 1)]).on(path))),
        Err(AccessError::Denied(Denied::NotSignedIn)) => Ok(lead(&sign_in_for(path))),
        Err(error) => Err(error),
    }
}

/// Who is signed in, as the frame shows it.
pub(crate) fn person(caller: &Caller) -> Option<Person> {
    caller.who().map(|who| Person { name: who.name.to_string(), role: who.role })
}

/// Leads to an address of this site.
fn lead(address: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(CACHE_CONTROL, "no-store")]).into_response();
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/overview/"));
    response.headers_mut().insert(LOCATION, address);
    response
}

/// Sets a cookie that no script reads and no other site sends along when it changes something. The
/// program's front adds `Secure` where the client speaks TLS.
fn set_cookie(response: &mut Response, name: &str, value: &str, seconds: i64) {
    let path = if name == AWAITED { CODE } else { "/" };
    let cookie = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Gives a browser what its sign-in is proven by from now on.
fn keep_in(response: &mut Response, signed_in: &SignedIn) {
    set_cookie(response, SESSION, signed_in.secret.as_str(), signed_in.seconds);
    set_cookie(response, DEVICE, signed_in.device.as_str(), DEVICE_SECONDS);
}

/// Where a form leads next: to a page of this site.
fn next(fields: &str) -> &str {
    let path = fields.split('?').next().unwrap_or_default().trim_end_matches('/');
    if is_own_path(fields) && !["/log_in", "/log_in/code", "/log_out"].contains(&path) { fields } else { "/overview/" }
}

/// What came of it, for a person: the status, and what is said.
fn failed(lang: Lang, error: &AccessError) -> (StatusCode, String) {
    let status = match error {
        AccessError::Denied(Denied::NotSignedIn | Denied::BadToken | Denied::NotAllowed) => StatusCode::FORBIDDEN,
        AccessError::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
        AccessError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        AccessError::Inside | AccessError::Store(_) => {
            tracing::error!(%error, "an account");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let text = match error {
        AccessError::Denied(_) => lang.not_allowed_help(),
        AccessError::Wrong => lang.sign_in_wrong(),
        AccessError::Wait(_) => lang.sign_in_wait(),
        AccessError::Busy => lang.sign_in_busy(),
        AccessError::WrongCode => lang.code_wrong(),
        AccessError::NeedsCode => lang.code_needed(),
        AccessError::Again => lang.sign_in_again(),
        AccessError::Choice(Choice::Role) => return (status, lang.no_choice(lang.role_name())),
        AccessError::Choice(Choice::Days) => return (status, lang.no_choice(lang.holds_for())),
        AccessError::Fault(AccountFault::Reserved) => lang.account_reserved(),
        AccessError::Fault(AccountFault::Name) => lang.account_name_help(),
        AccessError::Fault(AccountFault::Short) => lang.password_short(),
        AccessError::Fault(AccountFault::Long) => lang.password_long(),
        AccessError::Fault(AccountFault::Weak) => lang.password_weak(),
        AccessError::Exists => lang.account_exists(),
        AccessError::Unknown => lang.not_there(),
        AccessError::Own => lang.account_own(),
        AccessError::TooMany => lang.tokens_too_many(),
        AccessError::Inside => lang.failed_inside(),
        AccessError::Store(_) => lang.failed_store(),
    };
    (status, text.to_owned())
}

/// A labelled input of these pages.
fn entry(kind: &str, label: &str, name: &str, autocomplete: &str, value: &str) -> Markup {
    html! {
        label.filter {
            span { (label) }
            input type=(kind) name=(name) value=(value) autocomplete=(autocomplete) required maxlength="256"
                autocapitalize="none" spellcheck="false";
        }
    }
}

/// The input of a code: that of the app, which a phone offers by itself, or a recovery code.
fn code_entry(lang: Lang) -> Markup {
    html! {
        label.filter {
            span { (lang.code_name()) }
            input type="text" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="64"
                autocapitalize="none" spellcheck="false";
        }
    }
}

/// A form of these pages; of a row by its number.
fn form(path: &str, id: Option<i64>, body: &Markup) -> Markup {
    html! {
        form.account-form method="post" action=(path) {
            @if let Some(id) = id { input type="hidden" name="id" value=(id); }
            (body)
        }
    }
}

/// A button that does what its form is for.
fn deed(word: &str, glyph: Glyph, name: &str) -> Markup {
    html! { button.button type="submit" name="deed" value=(word) { (icon(glyph)) span { (name) } } }
}

/// A table of these pages. The first column names the row.
fn list<const N: usize>(caption: &str, columns: [&str; N], rows: impl Iterator<Item = [Markup; N]>) -> Markup {
    let columns = columns.map(|name| (name, false));
    let rows = html! {
        @for row in rows {
            tr {
                @for (place, (column, content)) in columns.into_iter().zip(row).enumerate() {
                    // As one: on a phone it stands beside the name of its column.
                    @let content = html! { div { (content) } };
                    @if place == 0 { (row_head(column, &content)) } @else { (cell(column, &content)) }
                }
            }
        }
    };
    html! { div.table-box { (pages::table("data", caption, &columns, &rows, &html! {})) } }
}

/// The roles up to one, to choose from.
fn roles(lang: Lang, most: Role, chosen: Role) -> Markup {
    html! {
        @for role in Role::ALL.into_iter().filter(|role| *role <= most) {
            option value=(role.word()) selected[role == chosen] { (lang.role(role)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_in_two_schemes() {
        for (header, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Token abc", Some("abc")),
            ("Token", Some("")),
            ("Basic abc", None),
            ("abc", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(header));
            assert_eq!(token(&headers).unwrap(), expected, "{header}");
        }
        assert_eq!(token(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn who_has_signed_in_is_led_within_this_site() {
        for (asked, expected) in [
            ("/details/?charger_id=a", "/details/?charger_id=a"),
            ("/", "/"),
            ("", "/overview/"),
            ("https://evil.example/", "/overview/"),
            ("//evil.example/", "/overview/"),
            ("/\\evil.example/", "/overview/"),
            ("/log_in/?next=/log_in/", "/overview/"),
            ("/log_in/code/", "/overview/"),
            ("/log_out", "/overview/"),
        ] {
            assert_eq!(next(asked), expected, "{asked}");
        }
    }
}
