//! Puts the differences between a document's part and new markup into the document.

use super::blocks::{ALL_SAME, KEY, SAME, without_known};
use leptos::prelude::document;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{
    Element, FocusOptions, HtmlDialogElement, HtmlElement, HtmlInputElement, HtmlOptionElement, Node,
};

/// Whose element belongs to the browser once it is there: never changed.
const KEEP: &str = "data-keep";
/// Whose input leads somewhere while it is typed in.
const SEARCH: &str = "data-search";
/// Whose number runs to its new value.
#[cfg(feature = "hydrate")]
const GLIDE: &str = "data-glide";

/// Whether something is open.
const OPEN: &str = "open";

/// Makes the content of `target` that of the markup; `last` is what it was made by this before, if it was. Elements that stay are
/// kept, with their focus, their scroll position and what was typed into them.
pub fn update(target: &Element, markup: &str, last: &str) {
    if markup == last && target.has_child_nodes() {
        return;
    }
    let active = document().active_element();
    #[cfg(feature = "hydrate")]
    super::glide::hold();
    put_in(target, &without_known(markup, last));
    // What was said to be the same had gone with what is around it.
    if take_out_same(target) {
        put_in(target, markup);
    }
    #[cfg(feature = "hydrate")]
    super::glide::resume();
    refocus(active);
    show_dialogs(target);
}

/// Takes out the elements that only say that they are the same. Whether there were any.
fn take_out_same(target: &Element) -> bool {
    let mut are_there = false;
    while let Ok(Some(same)) = target.query_selector(ALL_SAME) {
        same.remove();
        are_there = true;
    }
    are_there
}

fn put_in(target: &Element, markup: &str) {
    let Ok(fresh) = document().create_element("div") else { return };
    fresh.set_inner_html(markup);
    children(target, &fresh);
}

/// Gives the focus back to what has lost it by being moved.
fn refocus(active: Option<Element>) {
    let active =
        active.filter(|element| element.is_connected() && document().active_element().as_ref() != Some(element));
    if let Some(element) = active.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        drop(element.focus_with_options(&options));
    }
}

fn children(old: &Node, new: &Node) {
    let mut at = old.first_child();
    let mut rest = new.first_child();
    while let Some(fresh) = rest {
        // What nothing will stand for goes first: what follows it need not move then.
        while let Some(gone) = at.clone().filter(|node| !is_wanted(node, &fresh)) {
            at = gone.next_sibling();
            remove(old, &gone);
        }
        rest = fresh.next_sibling();
        match counterpart(at.as_ref(), &fresh) {
            Some(known) => {
                if at.as_ref() == Some(&known) {
                    at = known.next_sibling();
                } else {
                    insert(old, &known, at.as_ref());
                }
                patch(&known, &fresh);
            }
            None => insert(old, &fresh, at.as_ref()),
        }
    }
    while let Some(gone) = at {
        at = gone.next_sibling();
        remove(old, &gone);
    }
}

/// Takes a child out.
fn remove(parent: &Node, gone: &Node) {
    // Closed first: that gives the focus back to where it was.
    if let Some(dialog) = gone.dyn_ref::<HtmlDialogElement>() {
        dialog.close();
    }
    // It is a child: this cannot fail.
    drop(parent.remove_child(gone));
}

/// Whether a new node, or one of those that follow it, stands for an old one.
fn is_wanted(node: &Node, fresh: &Node) -> bool {
    let known = key(node);
    let mut next = Some(fresh.clone());
    while let Some(fresh) = next {
        if fresh.node_name() == node.node_name() && key(&fresh) == known {
            return true;
        }
        next = fresh.next_sibling();
    }
    false
}

/// Puts a node before another one of `parent`, or at its end. The other one is a child: this cannot fail.
fn insert(parent: &Node, node: &Node, before: Option<&Node>) {
    drop(parent.insert_before(node, before));
}

/// The node, from `at` on, that the new one stands for.
fn counterpart(at: Option<&Node>, fresh: &Node) -> Option<Node> {
    let is_same_kind = |node: &Node| node.node_name() == fresh.node_name();
    let Some(wanted) = key(fresh) else {
        return at.filter(|node| is_same_kind(node) && key(node).is_none()).cloned();
    };
    let mut next = at.cloned();
    while let Some(node) = next {
        if is_same_kind(&node) && key(&node).as_deref() == Some(&wanted) {
            return Some(node);
        }
        next = node.next_sibling();
    }
    None
}

fn key(node: &Node) -> Option<String> {
    node.dyn_ref::<Element>()?.get_attribute(KEY)
}

fn patch(old: &Node, new: &Node) {
    if old.is_equal_node(Some(new)) {
        return;
    }
    let (Some(known), Some(fresh)) = (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) else {
        return text(old, &new.node_value().unwrap_or_default());
    };
    if !known.has_attribute(KEEP) && !fresh.has_attribute(SAME) {
        attributes(known, fresh);
        children(old, new);
    }
}

/// Changes a text.
fn text(old: &Node, new: &str) {
    #[cfg(feature = "hydrate")]
    if old.parent_element().is_some_and(|around| around.has_attribute(GLIDE)) {
        return super::glide::glide(old, new);
    }
    old.set_node_value(Some(new));
}

fn attributes(old: &Element, new: &Element) {
    for name in names(new) {
        let value = new.get_attribute(&name);
        // Whether a disclosure or a dialog is open is for the person and the browser to say, once it is there.
        if name != OPEN && old.get_attribute(&name) != value {
            // A name that the parser has accepted is a name.
            drop(old.set_attribute(&name, value.as_deref().unwrap_or_default()));
            property(old, &name, value.as_deref());
        }
    }
    for name in names(old) {
        if name != OPEN && !new.has_attribute(&name) {
            drop(old.remove_attribute(&name));
            property(old, &name, None);
        }
    }
}

fn names(element: &Element) -> impl Iterator<Item = String> + use<> {
    element.get_attribute_names().into_iter().filter_map(|name| name.as_string())
}

/// Inputs follow their attributes only until someone has used them.
fn property(element: &Element, name: &str, value: Option<&str>) {
    match name {
        "checked" => {
            if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
                input.set_checked(value.is_some());
            }
        }
        "selected" => {
            if let Some(option) = element.dyn_ref::<HtmlOptionElement>() {
                option.set_selected(value.is_some());
            }
        }
        "value" => {
            // What comes back from the address must not overtake who is still typing.
            let leads = element.has_attribute(SEARCH) || element.get_attribute("type").as_deref() == Some("date");
            let is_typed_in = leads && document().active_element().as_ref() == Some(element);
            if let Some(input) = element.dyn_ref::<HtmlInputElement>().filter(|_| !is_typed_in) {
                let value = value.unwrap_or_default();
                if input.value() != value {
                    input.set_value(value);
                }
            }
        }
        _ => {}
    }
}

/// Makes dialogs modal: markup alone cannot.
pub fn show_dialogs(target: &Element) {
    let Ok(Some(dialog)) = target.query_selector("dialog[open]:not(:modal)") else { return };
    if let Some(dialog) = dialog.dyn_ref::<HtmlDialogElement>() {
        // Taking the attribute away tells nobody, unlike `close()`.
        drop(dialog.remove_attribute("open"));
        if dialog.show_modal().is_err() {
            leptos::logging::error!("a dialog could not be shown");
        }
    }
}
