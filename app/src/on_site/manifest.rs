//! What a system wants to know of the site to show it as an app (W3C Web Application Manifest).

use crate::data::Query;
use crate::text::Lang;
use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

/// Where it lies. `lang` says in which language, as browsers ask for it without cookies.
pub const MANIFEST: &str = "/manifest.webmanifest";
/// The colour of the top bar, `--ground` of the style sheet, in both themes.
pub const THEME_LIGHT: &str = "#f4f6f9";
pub const THEME_DARK: &str = "#0f1217";

/// The address of the one in a language.
pub(crate) fn address(lang: Lang) -> String {
    Query::from([("lang", lang.code())]).on(MANIFEST)
}

/// `GET /manifest.webmanifest`: the same for everybody.
pub(super) async fn manifest(RawQuery(query): RawQuery) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    let lang = query.get("lang").and_then(Lang::from_code).unwrap_or(Lang::Zh);
    let icon = |file: &str, side: &str, purpose: &str| json!({ "src": file, "sizes": side, "type": "image/png", "purpose": purpose });
    let shortcut = |name: &str, url: &str| json!({ "name": name, "url": url });
    let manifest = json!({
        // It stays the same app in another language.
        "id": "/",
        "name": lang.app_name(),
        "short_name": "BMW",
        "description": lang.app_description(),
        "lang": lang.code(),
        "dir": "ltr",
        "start_url": "/overview/",
        "scope": "/",
        "display": "standalone",
        "theme_color": THEME_LIGHT,
        "background_color": THEME_LIGHT,
        "icons": [
            icon("/icon-192.png", "192x192", "any"),
            icon("/icon-512.png", "512x512", "any"),
            icon("/icon-maskable-512.png", "512x512", "maskable"),
            { "src": "/favicon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any" },
        ],
        "shortcuts": [
            shortcut(lang.devices(), "/devices/"),
            shortcut(lang.alerts(), "/alerts/"),
            shortcut(lang.details(), "/details/"),
            shortcut(lang.records(), "/records/"),
        ],
    });
    let headers = [(CONTENT_TYPE, "application/manifest+json"), (CACHE_CONTROL, "public, max-age=3600")];
    (headers, manifest.to_string()).into_response()
}
