//! How markup lives in the browser.
//!
//! Pages are drawn as markup, by the same functions on both sides. The server sends it; the browser draws it again when
//! what it depends on changes (the page's data, the feed, the language), and puts only the differences into the document:
//! elements, focus and what is being typed stay. So nothing is hydrated piece by piece, and what has no state of its own
//! weighs nothing but its text. What a part does is said by its `data-` attributes; one listener obeys them. Numbers that
//! change run to their new values (`glide`).

mod blocks;
pub mod events;
#[cfg(any(feature = "hydrate", test))]
mod glide;
mod morph;
pub mod save;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys::{self, Event};
use std::time::Duration;

/// What is told to a page's listener. Capturing, so that events which do not bubble arrive too.
const EVENTS: [&str; 11] = [
    "submit",
    "change",
    "input",
    "click",
    "close",
    "pointermove",
    "pointerdown",
    "pointerout",
    "pointercancel",
    "keydown",
    "focusout",
];

/// A part of the document that is drawn, and drawn again when what it is drawn by has changed.
pub trait Drawn: Clone + Send + Sync + 'static {
    /// Whether there is something to draw it by.
    fn is_there(&self) -> bool {
        true
    }

    /// Draws it; `None` while there is nothing to draw it by.
    fn draw(&self) -> Option<String>;

    /// Reads all that it is drawn by, as [`Self::draw`] does, and draws nothing: what the server has drawn only needs to be
    /// followed. Whether there is something to draw it by.
    fn follow(&self) -> bool;

    /// Is told of the events inside (see [`EVENTS`]).
    fn listen(&self, _: &Event) {}

    /// Is called after each change with the part.
    fn painted(&self, _: &web_sys::Element) {}
}

/// A `<div>` that holds what is drawn, and is kept like that. Until there is something to draw it by there is none.
///
/// What the server has drawn is taken over as it is.
pub fn drawn(class: &'static str, part: impl Drawn) -> impl Fn() -> Option<AnyView> + Send + Sync + 'static {
    let node = NodeRef::<Div>::new();
    let is_drawn = StoredValue::new(false);
    let is_time = RwSignal::new(false);
    // What is drawn and not in the document yet.
    let waits = StoredValue::new(None::<String>);
    // What was put in last.
    let last = StoredValue::new(String::new());
    Effect::new({
        let part = part.clone();
        move |alive: Option<Option<Alive>>| {
            let alive = alive.flatten();
            let Some(element) = node.get() else { return alive };
            if alive.is_none() && element.first_element_child().is_some() && !is_kept() {
                // The server has drawn it, by the same: nobody waits for it, and each part is taken over in a task of its own.
                if !is_time.get() {
                    set_timeout(move || _ = is_time.try_set(true), Duration::ZERO);
                    return None;
                }
                if !part.follow() {
                    return None;
                }
                morph::show_dialogs(&element);
                part.painted(&element);
                return Some(Alive { is_as_sent: true, listener: listen(&element, &part) });
            }
            let Some(html) = part.draw() else { return alive };
            waits.set_value(Some(html));
            let put_in = {
                let (element, part) = (element.clone(), part.clone());
                move || {
                    if let Some(html) = waits.try_update_value(Option::take).flatten() {
                        let before = last.try_update_value(std::mem::take).unwrap_or_default();
                        morph::update(&element, &html, &before);
                        last.set_value(html);
                        part.painted(&element);
                    }
                }
            };
            if alive.as_ref().is_some_and(|alive| alive.is_as_sent) {
                // What the feed tells at first is much: drawn, and put in, in a task each.
                set_timeout(put_in, Duration::ZERO);
            } else {
                put_in();
            }
            let listener = alive.map_or_else(|| listen(&element, &part), |alive| alive.listener);
            Some(Alive { is_as_sent: false, listener })
        }
    });
    move || {
        // In the browser this only waits for the first drawing: every run of it sets up the `<div>` again, and what is there is
        // waited for no more.
        if !is_drawn.get_value() && !untrack(|| part.is_there()) {
            part.is_there();
            return None;
        }
        is_drawn.set_value(true);
        let html = if cfg!(feature = "ssr") { part.draw()? } else { String::new() };
        Some(container(class, node, html))
    }
}

/// A part that is listened to, as long as this is kept.
struct Alive {
    /// Whether nothing was put in since the server sent it.
    is_as_sent: bool,
    listener: Listener,
}

/// Has a part told of what happens in it, and of what was typed before: that is a change like any other.
fn listen(element: &web_sys::Element, part: &impl Drawn) -> Listener {
    let told = part.clone();
    let listener = Listener::new(element.as_ref(), &EVENTS, move |event| told.listen(event));
    untrack(|| events::tell_what_was_typed(element));
    listener
}

/// Whether the document is one that was kept: what is drawn by is newer.
fn is_kept() -> bool {
    document().document_element().is_some_and(|html| html.has_attribute("data-kept"))
}

/// The `<div>` as the server sends it.
#[cfg(feature = "ssr")]
fn container(class: &'static str, node: NodeRef<Div>, html: String) -> AnyView {
    view! { <div class=class node_ref=node inner_html=html></div> }.into_any()
}

/// The `<div>` in the browser: what is inside is not the view's. It comes from the server, or is put in by [`morph`].
#[cfg(not(feature = "ssr"))]
fn container(class: &'static str, node: NodeRef<Div>, _: String) -> AnyView {
    view! { <div class=class node_ref=node></div> }.into_any()
}

/// Told of every press on a link that leads to another page before anything is done about it, as long as it is kept.
pub fn on_link(told: impl Fn(&Event) + 'static) -> Listener {
    Listener::new(&document(), &["click"], move |event| {
        if events::leads_away(event).unwrap_or(false) {
            told(event);
        }
    })
}

/// Listens to events inside a node, capturing them, as long as it is kept.
pub struct Listener {
    node: web_sys::EventTarget,
    names: &'static [&'static str],
    closure: Closure<dyn Fn(Event)>,
}

impl Listener {
    fn new(node: &web_sys::EventTarget, names: &'static [&'static str], told: impl Fn(&Event) + 'static) -> Self {
        let closure = Closure::<dyn Fn(Event)>::new(move |event: Event| told(&event));
        for name in names {
            // Fails for no name that there is.
            drop(node.add_event_listener_with_callback_and_bool(name, closure.as_ref().unchecked_ref(), true));
        }
        Self { node: node.clone(), names, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let function = self.closure.as_ref().unchecked_ref();
        for name in self.names {
            drop(self.node.remove_event_listener_with_callback_and_bool(name, function, true));
        }
    }
}
