//! How markup lives in the browser.
//!
//! Pages are drawn as markup, by the same functions on both sides. The server sends it; the browser draws it again when
//! what it depends on changes (the page's data, the feed, the language), and puts only the differences into the document:
//! elements, focus and what is being typed stay. So nothing is hydrated piece by piece, and what has no state of its own
//! weighs nothing but its text. What a part does is said by its `data-` attributes; one listener obeys them. Numbers that
//! change run to their new values (`glide`).

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

/// A `<div>` that holds what `draw` draws, and is kept like that. Until there is something to draw it by there is none.
///
/// What the server has drawn is taken over as it is. `listen` is told of the events inside (see [`EVENTS`]), `painted` is
/// called after each change with the `<div>`.
pub fn drawn(
    class: &'static str,
    is_there: impl Fn() -> bool + Send + Sync + 'static,
    draw: impl Fn() -> Option<String> + Clone + Send + Sync + 'static,
    listen: impl Fn(&Event) + Clone + 'static,
    painted: impl Fn(&web_sys::Element) + 'static,
) -> impl Fn() -> Option<AnyView> + Send + Sync + 'static {
    let node = NodeRef::<Div>::new();
    let is_drawn = StoredValue::new(false);
    // Before anything is listened to: what was typed by then is a change like any other.
    Effect::new({
        let draw = draw.clone();
        move |is_taken_over: Option<bool>| {
            let (Some(element), Some(html)) = (node.get(), draw()) else { return is_taken_over.unwrap_or_default() };
            if is_taken_over != Some(true) && element.first_element_child().is_some() && !is_kept() {
                // The server has drawn it, by the same.
                morph::show_dialogs(&element);
            } else {
                morph::update(&element, &html);
            }
            painted(&element);
            true
        }
    });
    Effect::new(move |_: Option<Option<Listener>>| {
        let (element, listen) = (node.get()?, listen.clone());
        let listener = Listener::new(element.as_ref(), &EVENTS, move |event| listen(event));
        events::tell_what_was_typed(&element);
        Some(listener)
    });
    move || {
        // In the browser this only waits for the first drawing. Every run of it sets up the `<div>` again.
        if !is_drawn.get_value() && !is_there() {
            return None;
        }
        is_drawn.set_value(true);
        let html = if cfg!(feature = "ssr") { draw()? } else { String::new() };
        Some(container(class, node, html))
    }
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
