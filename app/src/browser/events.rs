//! What parts do in the browser, by their attributes.

use crate::charts::{Chart, nearest};
use crate::components::percent;
use crate::data::Query;
use leptos::prelude::window;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{
    Element, Event, FormData, HtmlAnchorElement, HtmlDialogElement, HtmlElement, HtmlFormElement, HtmlInputElement,
    HtmlSelectElement, KeyboardEvent, MouseEvent, PointerEvent, SubmitEvent, UrlSearchParams,
};

/// Something that was done, as a page understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Lead to an address: as a new step of the history, or as part of the same one.
    Go {
        /// Where.
        address: String,
        /// Whether it takes the place of the present step.
        replace: bool,
    },
    /// A field with `data-typed` has a new value.
    Typed {
        /// The field's name.
        name: String,
        /// What it holds.
        value: String,
    },
    /// A box with `data-select` was ticked or cleared; the one without value stands for all of them.
    Select {
        /// What the box stands for.
        value: String,
        /// Whether it is ticked.
        is_chosen: bool,
    },
    /// A form that changes something was sent.
    Submit,
    /// A form with `data-send` was sent: its fields, with that of the button.
    Send(Vec<(String, String)>),
    /// Something with `data-do` was pressed: its word.
    Do(String),
}

/// What an event asks for. Where the page does it, the browser is kept from doing it its own way.
pub fn action(event: &Event) -> Option<Action> {
    let target = target(event)?;
    match event.type_().as_str() {
        // The browser's own matter: it leads to another document.
        "submit" if target.has_attribute("data-plain") => None,
        "submit" => {
            event.prevent_default();
            let form: HtmlFormElement = target.dyn_into().ok()?;
            if form.has_attribute("data-send") {
                return sent(event, &form);
            }
            Some(lead_by(&form, false).unwrap_or(Action::Submit))
        }
        "change" => changed(&target),
        "input" => typed(&target),
        "click" => clicked(event, target),
        "keydown" => leave_menu(event, &target),
        // Closed in whatever way.
        "close" => Some(Action::Go { address: target.get_attribute("data-back")?, replace: false }),
        _ => None,
    }
}

fn target(event: &Event) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

fn changed(target: &Element) -> Option<Action> {
    if target.has_attribute("data-select") {
        let input = target.dyn_ref::<HtmlInputElement>()?;
        return Some(Action::Select { value: input.value(), is_chosen: input.checked() });
    }
    lead_by(&form_of(target)?, false)
}

fn typed(target: &Element) -> Option<Action> {
    let value = match target.dyn_ref::<HtmlInputElement>() {
        Some(input) => input.value(),
        None => target.dyn_ref::<HtmlSelectElement>()?.value(),
    };
    if target.has_attribute("data-typed") {
        return Some(Action::Typed { name: target.get_attribute("name")?, value });
    }
    // Searches while it is typed.
    let form = target.has_attribute("data-search").then(|| form_of(target)).flatten()?;
    lead_by(&form, true)
}

fn clicked(event: &Event, target: Element) -> Option<Action> {
    // The backdrop is the dialog itself; everything inside is some other element.
    let target = match target.dyn_into::<HtmlDialogElement>() {
        Ok(dialog) => {
            dialog.close();
            return None;
        }
        Err(target) => target,
    };
    let word = target.closest("[data-do]").ok()??.get_attribute("data-do")?;
    event.prevent_default();
    if word == "close" {
        // What follows from it follows from its being closed, in whatever way.
        target.closest("dialog").ok()??.dyn_into::<HtmlDialogElement>().ok()?.close();
        return None;
    }
    Some(Action::Do(word))
}

/// Escape closes the menu that the focus is in, and gives it back to what opens that.
fn leave_menu(event: &Event, target: &Element) -> Option<Action> {
    if event.dyn_ref::<KeyboardEvent>()?.key() == "Escape" {
        let menu = target.closest("details[data-menu]").ok()??;
        menu.remove_attribute("open").ok()?;
        menu.query_selector("summary").ok()??.dyn_ref::<HtmlElement>()?.focus().ok()?;
    }
    None
}

/// Whether a press on a link leads to another page, here.
pub fn leads_away(event: &Event) -> Option<bool> {
    let press: &MouseEvent = event.dyn_ref()?;
    let link = target(event)?.closest("a[href]:not([data-do])").ok()??.dyn_into::<HtmlAnchorElement>().ok()?;
    let is_elsewhere = press.ctrl_key() || press.meta_key() || press.shift_key() || link.has_attribute("download");
    Some(!is_elsewhere && Some(link.pathname()) != window().location().pathname().ok())
}

/// Tells of what was typed or chosen before anything listened, as if it were now.
pub fn tell_what_was_typed(page: &Element) -> Option<()> {
    let fields = page.query_selector_all("[data-typed]").ok()?;
    for field in (0..fields.length()).filter_map(|index| fields.item(index)?.dyn_into::<Element>().ok()) {
        let is_changed = match field.dyn_ref::<HtmlInputElement>() {
            Some(input) if input.type_() == "radio" => input.checked() && !input.default_checked(),
            Some(input) => input.value() != input.default_value(),
            None => field.query_selector("option:checked:not([selected])").ok()?.is_some(),
        };
        if is_changed {
            field.dispatch_event(&Event::new("input").ok()?).ok()?;
        }
    }
    Some(())
}

fn form_of(target: &Element) -> Option<HtmlFormElement> {
    target.closest("form").ok()??.dyn_into().ok()
}

/// The fields of a form with that of the button that sent it; `None` when the person would rather not.
fn sent(event: &Event, form: &HtmlFormElement) -> Option<Action> {
    let button = event.dyn_ref::<SubmitEvent>()?.submitter()?;
    if let Some(question) = button.get_attribute("data-ask")
        && !window().confirm_with_message(&question).unwrap_or(true)
    {
        return None;
    }
    let mut fields: Vec<(String, String)> =
        fields(form)?.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    fields.push((button.get_attribute("name")?, button.get_attribute("value")?));
    Some(Action::Send(fields))
}

fn fields(form: &HtmlFormElement) -> Option<Query> {
    let fields = FormData::new_with_form(form).ok()?;
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
    let text: String = fields.to_string().into();
    Some(Query::parse(&text))
}

/// Where a form with the method GET leads; names without value are left out.
fn lead_by(form: &HtmlFormElement, replace: bool) -> Option<Action> {
    if form.get_attribute("method").as_deref() != Some("get") {
        return None;
    }
    let address = fields(form)?.filled().on(&form.get_attribute("action")?);
    Some(Action::Go { address, replace })
}

/// A slot of a chart that is read out: the chart's name, and which.
pub type Reading = Option<(String, usize)>;

/// What an event makes of the reading; `None` where it changes nothing.
pub fn reading(event: &Event, now: &Reading, chart: impl Fn(&str) -> Option<Chart>) -> Option<Reading> {
    let Some(plot) = target(event)?.closest("[data-plot]").ok()? else {
        // What a finger has read out stays until something else is touched.
        return (event.type_() == "pointerdown").then_some(None);
    };
    let name = plot.get_attribute("data-plot")?;
    match event.type_().as_str() {
        "pointermove" | "pointerdown" => {
            let event: &PointerEvent = event.dyn_ref()?;
            // What lies inside takes no pointer events, so the offset is this element's.
            let x = f64::from(event.offset_x()) / f64::from(plot.client_width().max(1));
            let slot = nearest(&chart(&name)?.stops(), x);
            Some(slot.map(|slot| (name, slot)))
        }
        // A finger that is lifted leaves no less to read.
        "pointerout" if event.dyn_ref::<PointerEvent>()?.pointer_type() == "touch" => None,
        // Of a touch: it scrolls the page.
        "pointerout" | "pointercancel" | "focusout" => Some(None),
        "keydown" => {
            let key = event.dyn_ref::<KeyboardEvent>()?.key();
            if key == "Escape" {
                return Some(None);
            }
            let last = chart(&name)?.stops().len().checked_sub(1)?;
            let now = now.as_ref().filter(|(chosen, _)| *chosen == name).map(|(_, slot)| *slot);
            let slot = slot_by_key(&key, now, last)?;
            event.prevent_default();
            Some(Some((name, slot)))
        }
        _ => None,
    }
}

/// Where a key leads from a slot; `None` for a key that does nothing here.
fn slot_by_key(key: &str, now: Option<usize>, last: usize) -> Option<usize> {
    Some(match key {
        "ArrowLeft" => now.map_or(last, |now| now.saturating_sub(1)),
        "ArrowRight" => now.map_or(0, |now| (now + 1).min(last)),
        "Home" => 0,
        "End" => last,
        _ => return None,
    })
}

/// Shows a reading in its chart's read-out and by its cursor, and nothing in the others.
pub fn show(page: &Element, reading: &Reading, chart: impl Fn(&str) -> Option<Chart>) -> Option<()> {
    let plots = page.query_selector_all("[data-plot]").ok()?;
    for plot in (0..plots.length()).filter_map(|index| plots.item(index)?.dyn_into::<Element>().ok()) {
        let name = plot.get_attribute("data-plot")?;
        let slot = reading.as_ref().filter(|(chosen, _)| *chosen == name).map(|(_, slot)| *slot);
        let read = slot.and_then(|slot| {
            let chart = chart(&name)?;
            Some((percent(*chart.stops().get(slot)?), chart.read(slot)))
        });
        let line = plot.query_selector(".cursor line").ok()??;
        let readout = plot.parent_element()?.query_selector(".readout").ok()??;
        let (x, text) = read.as_ref().map_or(("0", ""), |(x, text)| (x, text));
        for (name, value) in [("x1", x), ("x2", x), ("class", if read.is_some() { "shown" } else { "" })] {
            line.set_attribute(name, value).ok()?;
        }
        if readout.text_content().as_deref() != Some(text) {
            readout.set_text_content(Some(text));
        }
    }
    Some(())
}
