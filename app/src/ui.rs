//! What the person has chosen for the interface: language and theme, kept in cookies.

use crate::text::Lang;
use bmw_domain::account::{Right, Role};
use leptos::prelude::*;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The word in `<html data-theme>` and in the cookie.
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.word() == word)
    }

    /// What the switch changes to.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account's name.
    pub name: String,
    /// What he is.
    pub role: Role,
}

/// How many alerts nobody has seen, as it stands before the title of a page: also for one who looks at another tab.
pub(crate) fn counted(alerts: u64) -> String {
    if alerts == 0 { String::new() } else { ["(", &alerts.to_string(), ") "].concat() }
}

/// Why somebody may not do something, in words; `None` when he may.
pub fn cannot(lang: Lang, role: Option<Role>, right: Right) -> Option<&'static str> {
    match role {
        None => Some(lang.sign_in_first()),
        Some(role) if role.may(right) => None,
        Some(_) => Some(lang.role_too_low()),
    }
}

/// The choices, for all views, and whose they are.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    /// The language.
    pub lang: RwSignal<Lang>,
    /// The theme.
    pub theme: RwSignal<Theme>,
    /// Who is signed in; the same as long as the document is.
    person: StoredValue<Option<Person>>,
}

impl Ui {
    /// Reads the choices and makes them known to all views below.
    pub fn provide() -> Self {
        let (lang, theme) = chosen();
        let person = StoredValue::new(signed_in());
        let ui = Self { lang: RwSignal::new(lang), theme: RwSignal::new(theme), person };
        provide_context(ui);
        ui
    }

    /// The choices made known above.
    pub fn get() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Who is signed in.
    pub fn person(self) -> Option<Person> {
        self.person.try_get_value().flatten()
    }

    /// Switches the language at once, and for the next visit.
    pub fn choose_lang(self, lang: Lang) {
        self.lang.set(lang);
        remember("lang", lang.code(), "lang");
    }

    /// Switches the theme at once, and for the next visit.
    pub fn choose_theme(self, theme: Theme) {
        self.theme.set(theme);
        remember("theme", theme.word(), "data-theme");
    }
}

/// What the request's cookies and headers choose.
#[cfg(feature = "ssr")]
pub(crate) fn chosen() -> (Lang, Theme) {
    use_context::<http::request::Parts>().map_or((Lang::Zh, Theme::System), |parts| chosen_by(&parts.headers))
}

/// What these headers choose.
#[cfg(feature = "ssr")]
pub(crate) fn chosen_by(headers: &http::HeaderMap) -> (Lang, Theme) {
    use http::header::ACCEPT_LANGUAGE;
    let cookie = |name: &str| cookie(headers, name);
    let asked = || {
        let header = headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        header.map_or(Lang::Zh, Lang::accepted)
    };
    let lang = cookie("lang").and_then(Lang::from_code).unwrap_or_else(asked);
    let theme = cookie("theme").and_then(Theme::from_word).unwrap_or(Theme::System);
    (lang, theme)
}

/// The value of a cookie.
#[cfg(feature = "ssr")]
pub(crate) fn cookie<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(http::header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    pairs
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Who is signed in, as the front has told.
#[cfg(feature = "ssr")]
pub(crate) fn signed_in() -> Option<Person> {
    let parts = use_context::<http::request::Parts>()?;
    crate::access::person(&crate::access::Asking::of(&parts.extensions))
}

/// Who was signed in when the server drew the document.
#[cfg(not(feature = "ssr"))]
fn signed_in() -> Option<Person> {
    let html = document().document_element()?;
    let role = Role::from_word(&html.get_attribute("data-role")?)?;
    Some(Person { name: html.get_attribute("data-account")?, role })
}

/// What the server has rendered.
#[cfg(not(feature = "ssr"))]
fn chosen() -> (Lang, Theme) {
    let attribute = |name| document().document_element()?.get_attribute(name);
    let lang = attribute("lang").and_then(|code| Lang::from_code(&code)).unwrap_or(Lang::Zh);
    let theme = attribute("data-theme").and_then(|word| Theme::from_word(&word)).unwrap_or(Theme::System);
    (lang, theme)
}

/// A choice is kept for a year, for this site alone.
pub(crate) const COOKIE_RULES: &str = "Path=/; Max-Age=31536000; SameSite=Lax";

#[cfg(feature = "hydrate")]
fn remember(cookie: &str, value: &str, attribute: &str) {
    use wasm_bindgen::JsCast;
    let document = document();
    // Without an element or with cookies switched off the choice holds for this page.
    if let Some(html) = document.document_element() {
        let _shown = html.set_attribute(attribute, value);
    }
    if let Some(document) = document.dyn_ref::<web_sys::HtmlDocument>() {
        let _kept = document.set_cookie(&format!("{cookie}={value}; {COOKIE_RULES}"));
    }
}

#[cfg(not(feature = "hydrate"))]
fn remember(_: &str, _: &str, _: &str) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_switch_goes_round() {
        assert_eq!(Theme::System.next().next().next(), Theme::System);
        for theme in [Theme::System, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::from_word(theme.word()), Some(theme));
        }
        assert_eq!(Theme::from_word("<b>"), None);
    }
}
