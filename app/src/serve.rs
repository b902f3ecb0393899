//! The pages on the server: the HTML document around them, the policy that guards it, and the few routes that belong
//! to pages alone.

use crate::access::{self, Asking};
use crate::api::{self, ApiError};
use crate::bundle::Bundle;
use crate::data::{Query, RecordsQuestion, line};
use crate::download::{self, quoted};
use crate::live;
use crate::on_site::{self, THEME_DARK, THEME_LIGHT};
use crate::state::AppState;
use crate::text::Lang;
use crate::ui::{COOKIE_RULES, Person, Theme, counted};
use crate::{App, frame, pages, ui};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bmw_domain::account::{Right, Role};
use bmw_domain::record::TransactionId;
use bmw_site::FRAMES_KEPT;
use http::header::{self, HeaderValue};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use maud::{DOCTYPE, Markup, html};
use serde_json::json;
use std::sync::Arc;

/// All that a browser sees but the bundle's files and the documented routes: the pages, their data below `/fn`, the
/// CSV of the records and the switch of language and theme. Without a bundle the pages load no script.
///
/// Its fallback renders pages (also the one that says that there is no such page), so that it belongs behind all
/// other routes.
pub fn page_routes(state: AppState, bundle: Option<Bundle>) -> Router {
    // The resources of pages run on it. A second call finds it there.
    any_spawner::Executor::init_tokio().ok();
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let functions = {
        let context = context.clone();
        move |request| function(context.clone(), request)
    };
    let css = bundle.as_ref().map(|bundle| bundle.css.as_str());
    let beside = access::routes(state.clone(), css).merge(on_site::routes(state.clone(), css));
    #[cfg(debug_assertions)]
    let beside = beside.merge(crate::gallery::routes(css));
    let bundle = bundle.map(Arc::new);
    let pages = leptos_axum::render_app_async_with_context(context, move || shell(bundle.clone()));
    let mut router = Router::new().route("/fn/{*function}", get(functions.clone()).post(functions));
    for (path, route) in routes() {
        router = router.route(path, route);
    }
    router.with_state(state).merge(beside).fallback_service(get(pages)).layer(middleware::from_fn(to_the_end))
}

/// The routes beside the pages and their functions.
fn routes() -> [(&'static str, MethodRouter<AppState>); 5] {
    [
        ("/records/export.csv", get(records_csv)),
        ("/cards/export.csv", get(cards_csv)),
        ("/details/frames.txt", get(frames_text)),
        ("/details/diagnostics/{id}", get(crate::diagnostics::download)),
        ("/preferences", get(preferences)),
    ]
}

/// The paths of all that is served here: pages, server functions, and the routes beside them.
pub fn paths() -> Vec<String> {
    let pages = leptos_axum::generate_route_list(App).into_iter().map(|page| page.path().to_owned());
    let functions = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned());
    let beside = routes().into_iter().map(|(path, _)| path).chain(access::paths()).chain(on_site::paths());
    #[cfg(debug_assertions)]
    let beside = beside.chain(crate::gallery::PATHS);
    pages.chain(functions).chain(beside.map(ToOwned::to_owned)).collect()
}

/// Answers a call of a server function, or a plain form that is sent to one.
async fn function(context: impl Fn() + Clone + Send + 'static, mut request: Request) -> Response {
    let path = request.uri().path();
    let mut methods = leptos::server_fn::axum::server_fn_paths().filter(|(known, _)| *known == path);
    let Some((_, method)) = methods.next() else { return ApiError::NOT_FOUND.into_response() };
    if request.method() != method {
        let allow = HeaderValue::from_str(method.as_str()).unwrap_or(HeaderValue::from_static("GET, POST"));
        return api::error::method_not_allowed(request.method(), &allow);
    }
    lead_within(&mut request);
    leptos_axum::handle_server_fns_with_context(context, request).await.into_response()
}

/// Where a plain form is led by `Referer`, it is led within this site: by the path of a page of ours, else not by it. Who only
/// reads is led nowhere: whoever makes a link might say where.
fn lead_within(request: &mut Request) {
    let is_form = request.method() == Method::POST;
    let headers = request.headers_mut();
    match page_before(headers).and_then(|page| HeaderValue::from_str(page).ok()) {
        Some(page) => headers.insert(header::REFERER, page),
        None => headers.remove(header::REFERER),
    };
    if !is_form {
        headers.remove(header::ACCEPT);
    }
}

/// The page of this site that a form stood on.
pub fn page_before(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (_, address) = text(header::REFERER)?.split_once("://")?;
    let (host, path) = address.split_at(address.find('/')?);
    let is_ours = text(header::HOST)?.eq_ignore_ascii_case(host) && is_own_path(path);
    is_ours.then_some(path)
}

/// Draws a page to its end also when nobody waits for it any more: cut off half way, its signals would be gone while
/// parts of it are still being drawn by them.
async fn to_the_end(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a page");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// Lets the service worker keep what is seen, where the browser allows it. The document says when it does: what cannot be asked
/// for may be loaded as a whole then.
const KEEPER: &str = ".then(() => isSecureContext && navigator.serviceWorker && navigator.serviceWorker.register('/sw.js')\
    .then(() => navigator.serviceWorker.ready).then(() => document.documentElement.dataset.keeper = '', console.warn))";

/// A script below a style sheet waits for it, and what stands below the script is read then. Without it a document that is there
/// before its style is laid out without any (browsers look for fields that they could fill in), to be laid out again.
const STYLE_FIRST: &str = "0";

/// The HTML document. Also sets the Content-Security-Policy whose nonce its scripts carry.
pub fn shell(bundle: Option<Arc<Bundle>>) -> impl IntoView {
    let (lang, theme) = ui::chosen();
    let person = ui::signed_in();
    let (account, role) = (person.as_ref().map(|it| it.name.clone()), person.map(|it| Role::word(it.role)));
    let alerts = live::alerts();
    let path = use_context::<http::request::Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
    let title = pages::tab_of(lang, &path, alerts);
    let nonce = use_nonce();
    if let Some(response) = use_context::<ResponseOptions>() {
        guard(&response, nonce.as_deref());
    }
    let hydration = bundle.map(|bundle| {
        let start = start(&bundle);
        view! {
            <link rel="stylesheet" href=bundle.css.clone() />
            <script nonce=nonce.clone()>{STYLE_FIRST}</script>
            <script type="module" nonce=nonce.clone()>
                {start}
            </script>
        }
    });
    let theme_colour = |(media, colour)| leptos::html::meta().name("theme-color").attr("media", media).content(colour);
    view! {
        <!DOCTYPE html>
        <html lang=lang.code() data-theme=theme.word() data-account=account data-role=role data-alerts=alerts.to_string()>
            <head>
                <meta charset="utf-8" />
                <title inner_html=title></title>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                <meta name="referrer" content="same-origin" />
                {theme_colours(theme).map(theme_colour)}
                <meta name="mobile-web-app-capable" content="yes" />
                <meta name="apple-mobile-web-app-title" content="BMW" />
                <meta name="description" content=lang.description() />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
                <link rel="manifest" href=on_site::manifest_of(lang) />
                {hydration}
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The colours of a system's bar around a page, where it is light and where it is dark.
const fn theme_colours(theme: Theme) -> [(&'static str, &'static str); 2] {
    let [light, dark] = match theme {
        Theme::System => [THEME_LIGHT, THEME_DARK],
        Theme::Light => [THEME_LIGHT; 2],
        Theme::Dark => [THEME_DARK; 2],
    };
    [("(prefers-color-scheme: light)", light), ("(prefers-color-scheme: dark)", dark)]
}

/// The script that brings a page to life. The page is complete without it: so it is painted first, and what is large is loaded
/// then, beside nothing: the browser says when it has (a frame that is only drawn may be far from the screen yet). Some are told to
/// keep that to themselves: nobody waits for it for long. A page that nobody sees is never painted and begins at once. Between
/// the steps the browser may answer the person; one of them is what follows at once from taking the page over (its effects, for
/// which the module asks as microtasks: as parts of that step). Where it does not come about, the page is what it is where
/// nothing may run: links and forms, with their buttons.
fn start(bundle: &Bundle) -> String {
    format!(
        "const start = () => Promise.all([import('{}'), fetch('{}')])\
         .then(([page, module]) => page.default({{module_or_path: module}})\
         .then(() => new Promise(next => setTimeout(next))).then(() => {{\
         const soon = queueMicrotask;\
         window.queueMicrotask = next => setTimeout(next);\
         try {{ page.hydrate(); }} finally {{ window.queueMicrotask = soon; }}\
         }})){KEEPER}\
         .catch(error => {{\
         document.querySelectorAll('noscript').forEach(part => part.outerHTML = part.textContent);\
         throw error;\
         }});\
         document.hidden ? start() : new Promise(next => {{\
         new PerformanceObserver(next).observe({{type: 'paint', buffered: true}});\
         setTimeout(next, 2000);\
         }}).then(() => setTimeout(start));",
        bundle.js, bundle.wasm
    )
}

/// What a page depends on: who asks for it and in which language, and whether it is a page that is asked for.
const BY_READER: &str = "Accept, Accept-Language, Authorization, Cookie";

/// What pages beside those of the interface share.
#[derive(Clone)]
pub(crate) struct Pages {
    pub state: AppState,
    css: Option<Arc<str>>,
}

impl Pages {
    /// Their routes.
    pub fn routes<const N: usize>(
        table: [(&'static str, MethodRouter<Self>); N],
        state: AppState,
        css: Option<&str>,
    ) -> Router {
        let router = table.into_iter().fold(Router::new(), |router, (path, route)| router.route(path, route));
        router.with_state(Self { state, css: css.map(Arc::from) })
    }

    /// One of them, for who asks.
    pub fn document(
        &self,
        (caller, headers): (&bmw_site::Caller, &HeaderMap),
        path: &str,
        Manner { script, refresh }: Manner,
        title: fn(Lang) -> &'static str,
        body: impl FnOnce(Lang) -> Markup,
    ) -> Response {
        let (person, alerts) = (access::person(caller), alerts(&self.state.site, caller));
        let css = self.css.as_deref();
        still_document(Still { headers, path, css, person: person.as_ref(), refresh, script, alerts }, title, body)
    }
}

/// How one of these differs from others.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// The file of its script.
    pub script: Option<&'static str>,
    /// After how many seconds it is asked for anew.
    pub refresh: Option<u32>,
}

/// A page beside those of the interface, in the same frame and language: without script, and asked for anew after `refresh`
/// seconds if that is wanted.
pub fn still_page(
    site: &bmw_site::Site,
    headers: &http::HeaderMap,
    caller: &bmw_site::Caller,
    (path, refresh): (&str, Option<u32>),
    css: Option<&str>,
    title: fn(Lang) -> &'static str,
    body: impl FnOnce(Lang) -> Markup,
) -> Response {
    let person = access::person(caller);
    let alerts = alerts(site, caller);
    still_document(Still { headers, path, css, person: person.as_ref(), refresh, script: None, alerts }, title, body)
}

/// How many alerts are open and seen by nobody, for one who may know.
pub(crate) fn alerts(site: &bmw_site::Site, caller: &bmw_site::Caller) -> u64 {
    if caller.may(Right::Read) { site.pressing_alerts() } else { 0 }
}

/// What a page without script is drawn by.
pub(crate) struct Still<'a> {
    pub headers: &'a http::HeaderMap,
    pub path: &'a str,
    pub css: Option<&'a str>,
    pub person: Option<&'a Person>,
    /// After how many seconds it is asked for anew.
    pub refresh: Option<u32>,
    /// The file of a script, where there is one after all.
    pub script: Option<&'a str>,
    /// How many alerts nobody has seen.
    pub alerts: u64,
}

/// A page without script, or with one file of it, in the frame of all others.
pub(crate) fn still_document(
    still: Still<'_>,
    title: fn(Lang) -> &'static str,
    body: impl FnOnce(Lang) -> Markup,
) -> Response {
    let (lang, theme) = ui::chosen_by(still.headers);
    let document = html! {
        (DOCTYPE)
        html lang=(lang.code()) data-theme=(theme.word()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                meta name="description" content=(lang.description());
                @if let Some(seconds) = still.refresh { meta http-equiv="refresh" content=(seconds); }
                title { (counted(still.alerts)) (title(lang)) " · BMW" }
                @for (media, colour) in theme_colours(theme) { meta name="theme-color" media=(media) content=(colour); }
                link rel="icon" type="image/svg+xml" href="/favicon.svg";
                link rel="apple-touch-icon" href="/apple-touch-icon.png";
                link rel="manifest" href=(on_site::manifest_of(lang));
                @if let Some(css) = still.css { link rel="stylesheet" href=(css); }
                @if let Some(script) = still.script { script type="module" src=(script) {} }
            }
            body {
                div.frame { (frame::still(lang, theme, &still)) }
                main.page id="content" tabindex="-1" {
                    h1.page-title { (title(lang)) }
                    (body(lang))
                }
            }
        }
    };
    let policy = if still.script.is_some() { BY_FILE } else { BY_NOTHING };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, BY_READER),
    ];
    (headers, document.into_string()).into_response()
}

/// The policies of pages without script, and with a file of it.
const BY_NOTHING: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; manifest-src 'self'; form-action 'self'; \
                          base-uri 'none'; frame-ancestors 'none'";
const BY_FILE: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; \
                       manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every page. What it shows belongs to one moment and one person's choices: it is not kept.
fn guard(response: &ResponseOptions, nonce: Option<&str>) {
    let script = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self'{script} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
    );
    let set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.insert_header(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, &policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    set(header::VARY, BY_READER);
}

/// Sets language or theme without WebAssembly and leads back to the page.
async fn preferences(RawQuery(query): RawQuery) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    let lang = query.get("lang").and_then(Lang::from_code).map(|lang| ("lang", lang.code()));
    let theme = query.get("theme").and_then(Theme::from_word).map(|theme| ("theme", theme.word()));
    let back = query.get("back").filter(|back| is_own_path(back)).unwrap_or("/overview/");
    let mut response = (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, "no-store")]).into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(back).unwrap_or(HeaderValue::from_static("/overview/")));
    for (name, value) in [lang, theme].into_iter().flatten() {
        if let Ok(cookie) = HeaderValue::from_str(&format!("{name}={value}; {COOKIE_RULES}")) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Whether an address stays on this server: `//host` and `/\host` do not.
pub fn is_own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Rows that are read from the store at a time.
const CSV_ROWS: u32 = 1000;

/// The raw frames of a charge point, oldest first.
async fn frames_text(
    State(state): State<AppState>,
    Asking(caller): Asking,
    method: Method,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    let Some(charger) = state.site.charge_point(query.get("charger_id")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let containing = query.get("frames").unwrap_or_default();
    let what = json!({ "containing": containing });
    let charger_id = charger.charge_point.identity.as_str();
    if let Err(error) = state.note_download("export.frames", charger_id, &what, (&method, &caller)).await {
        return ApiError::from(error).into_response();
    }
    // All that there may be.
    let all = usize::try_from(FRAMES_KEPT).unwrap_or(usize::MAX);
    match state.site.frames(charger.key, containing, all, &caller).await {
        Ok(frames) => {
            let line = |frame: &bmw_site::Frame| frame.line(state.site.clock().zone().local(frame.at));
            let text: String = frames.iter().rev().map(line).collect();
            download::as_file(download::whole(&state, caller, text), "text/plain; charset=utf-8", "frames.txt")
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// All cards, for a spreadsheet or another site.
async fn cards_csv(State(state): State<AppState>, Asking(caller): Asking, method: Method) -> Response {
    if let Err(error) = state.note_download("export.cards", "", &json!({}), (&method, &caller)).await {
        return ApiError::from(error).into_response();
    }
    match crate::data::export_cards(&state.site, &caller) {
        Err(denied) => ApiError::from(denied).into_response(),
        Ok(Ok(csv)) => download::as_file(download::whole(&state, caller, csv), download::CSV, "cards.csv"),
        Ok(Err(error)) => {
            tracing::error!(%error, "the CSV of the cards");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The sessions that the records page's filter lets through, as CSV, newest first. Streamed: it may be millions.
async fn records_csv(
    State(state): State<AppState>,
    Asking(caller): Asking,
    method: Method,
    RawQuery(query): RawQuery,
) -> Response {
    let present = state.site.present().clone();
    let query = Query::parse(&query.unwrap_or_default());
    let question = RecordsQuestion::read(&query, &state.site, &present);
    let filter = &question.filter;
    let word = filter.finished.map(|finished| if finished { "finished" } else { "running" });
    let what = json!({
        "from": filter.from.to_string(), "to": filter.to.to_string(), "card": filter.card, "state": word,
    });
    if let Err(error) = state.note_download("export.records", &filter.charger, &what, (&method, &caller)).await {
        return ApiError::from(error).into_response();
    }
    let name = format!("records-{}-{}.csv", filter.from, filter.to);
    let head =
        [download::MARK, "record_id,charge_code,charger_id,started,finished,minutes,energy_kwh,card\r\n"].concat();
    let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(head))]);
    let asked = (state.clone(), caller.clone());
    let parts = futures::stream::try_unfold(question.store_filter.map(|filter| (filter, None)), move |position| {
        let (present, (state, caller)) = (present.clone(), asked.clone());
        async move {
            let Some((filter, before)) = position else {
                return Ok(None);
            };
            let page = state.site.find_sessions(&filter, before, CSV_ROWS, &caller).await.map_err(|error| {
                tracing::error!(%error, "the CSV of the records");
                std::io::Error::other("the store failed")
            })?;
            let Some(last) = page.sessions.last() else {
                return Ok(None);
            };
            let next: Option<TransactionId> = (page.sessions.len() == CSV_ROWS as usize).then_some(last.id);
            let mut text = String::with_capacity(page.sessions.len() * 80);
            for session in &page.sessions {
                let line = line(&state.site, &present, session);
                let time = |at: Option<bmw_domain::calendar::LocalTime>| {
                    at.map(bmw_domain::calendar::LocalTime::with_space).unwrap_or_default()
                };
                let fields = [
                    line.id.to_string(),
                    line.cycle.map(|cycle| cycle.to_string()).unwrap_or_default(),
                    quoted(&line.charger).into_owned(),
                    time(line.start),
                    time(line.finish),
                    line.time.map(|time| time.minutes_2().to_string()).unwrap_or_default(),
                    line.energy.kwh().to_string(),
                    quoted(line.card.as_deref().unwrap_or_default()).into_owned(),
                ];
                text.push_str(&fields.join(","));
                text.push_str("\r\n");
            }
            Ok(Some((Bytes::from(text), next.map(|next| (filter, Some(next))))))
        }
    });
    let body = download::body(&state, caller, futures::StreamExt::chain(first, parts));
    download::as_file(body.into_response(), download::CSV, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_forms_are_led_within_this_site() {
        for (method, referer, expected) in [
            ("POST", "http://host:8000/details/?charger_id=a", Some("/details/?charger_id=a")),
            ("POST", "https://HOST:8000/", Some("/")),
            ("POST", "http://host:8000", None),
            ("POST", "http://host/details/", None),
            ("POST", "https://evil.example/phish", None),
            ("POST", "https://host:8000@evil.example/phish", None),
            ("POST", "https://host:8000//evil.example/", None),
            ("POST", "/details/", None),
            ("GET", "http://host:8000/details/", Some("/details/")),
        ] {
            let request = axum::http::Request::builder().method(method).header("host", "host:8000");
            let request = request.header("referer", referer).header("accept", "text/html");
            let mut request = request.body(axum::body::Body::empty()).unwrap();
            lead_within(&mut request);
            let kept = request.headers().get(header::REFERER).map(|it| it.to_str().unwrap());
            assert_eq!(kept, expected, "{method} {referer}");
            assert_eq!(request.headers().contains_key(header::ACCEPT), method == "POST", "{method} {referer}");
        }
    }

    #[test]
    fn only_paths_of_this_server_are_led_back_to() {
        for path in ["/", "/details/?charger_id=a&date=2015-11-24", "/records/?card=%E6%A1%A9"] {
            assert!(is_own_path(path), "{path}");
        }
        for path in ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "/é"]
        {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
