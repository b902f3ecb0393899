//! Notifications of this device: whether they can be had, and those of new alerts.
//!
//! One is shown while the site is open and nobody looks at it. Each carries its alert's number, so that the browser shows it once
//! however many tabs are open. Whether they are wanted is remembered on the device.

#[cfg(feature = "hydrate")]
use crate::feed_message::NewAlert;
use crate::live::Live;
#[cfg(feature = "hydrate")]
use crate::text::Lang;

/// Whether alerts are told on this device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Notices {
    /// Not known: there is no script, or it does not run yet.
    #[default]
    Unknown,
    /// They can be had.
    Off,
    /// They are had.
    On,
    /// There is neither TLS nor is it this machine.
    Insecure,
    /// The browser was told not to.
    Denied,
    /// The browser has none for pages.
    Missing,
}

/// Where it is remembered whether they are wanted.
#[cfg(feature = "hydrate")]
const KEY: &str = "alerts";

#[cfg(feature = "hydrate")]
fn kept() -> Option<web_sys::Storage> {
    leptos::prelude::window().local_storage().ok()?
}

#[cfg(feature = "hydrate")]
impl Notices {
    /// How it stands now.
    pub fn now() -> Self {
        use web_sys::{Notification, NotificationPermission};
        let window = leptos::prelude::window();
        if !window.is_secure_context() {
            return Self::Insecure;
        }
        if !js_sys::Reflect::has(&window, &"Notification".into()).unwrap_or(false) {
            return Self::Missing;
        }
        let is_wanted = || kept().and_then(|kept| kept.get_item(KEY).ok()?).is_some();
        match Notification::permission() {
            NotificationPermission::Denied => Self::Denied,
            NotificationPermission::Granted if is_wanted() => Self::On,
            _ => Self::Off,
        }
    }
}

/// Turns them on, for which the browser may ask, or off.
#[cfg(feature = "hydrate")]
pub fn toggle(live: Live) {
    use leptos::prelude::*;
    use wasm_bindgen::closure::Closure;
    let Some(kept) = kept() else { return };
    if live.notices.get_untracked() == Notices::On {
        // Fails for no key.
        drop(kept.remove_item(KEY));
        return live.notices.set(Notices::now());
    }
    if let Ok(asked) = web_sys::Notification::request_permission() {
        // Where the device keeps nothing, they stay off, and the switch says so.
        drop(kept.set_item(KEY, "1"));
        let answered = Closure::new(move |_| live.notices.set(Notices::now()));
        drop(asked.then(&answered));
        // The browser may take as long as the person does.
        answered.forget();
    }
}

/// The server has no device.
#[cfg(not(feature = "hydrate"))]
pub fn toggle(_: Live) {}

/// Shows what has begun since an alert of this number, if nobody looks.
#[cfg(feature = "hydrate")]
pub fn show(live: Live, lang: Lang, newest: &[NewAlert], known: i64) {
    use leptos::prelude::*;
    let document = document();
    let is_seen = !document.hidden() && document.has_focus().unwrap_or(true);
    if is_seen || live.notices.get_untracked() != Notices::On {
        return;
    }
    for alert in newest.iter().filter(|alert| alert.id > known) {
        let options = web_sys::NotificationOptions::new();
        options.set_tag(&["bmw-alert-", &alert.id.to_string()].concat());
        options.set_body(&[&alert.subject, " ", &alert.code].concat());
        let title = [lang.alert_kind(alert.kind), " · BMW"].concat();
        // Browsers of phones let only the service worker show them.
        let is_shown = web_sys::Notification::new_with_options(&title, &options).is_ok();
        if !is_shown && hand_on(&title, &options).is_none() {
            live.notices.set(Notices::Missing);
        }
    }
}

/// Has the service worker show a notification; `None` where there is none.
#[cfg(feature = "hydrate")]
fn hand_on(title: &str, options: &web_sys::NotificationOptions) -> Option<()> {
    let keeper = leptos::prelude::window().navigator().service_worker().controller()?;
    keeper.post_message(&js_sys::Array::of2(&title.into(), options)).ok()
}
