//! Fields of forms that change something.

use super::{Glyph, icon};
use maud::{Markup, html};

/// How a field is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control<'a> {
    /// Text.
    Text,
    /// A whole number: the phone shows digits.
    Whole,
    /// A number with decimals.
    Decimal,
    /// One of a few, all in sight: values with their labels.
    Radio(&'a [(&'a str, &'a str)]),
    /// One of many, which are their own labels.
    Select(&'a [&'a str]),
}

/// A labelled field with unit, help and error. What may be empty is left out then.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its name in the form; its id is `field-` and this name.
    pub name: &'a str,
    /// The label.
    pub label: &'a str,
    /// Its value, as forms send it.
    pub value: &'a str,
    /// How it is filled in.
    pub control: Control<'a>,
    /// The unit.
    pub unit: &'a str,
    /// What it means.
    pub help: &'a str,
    /// A remark beside the label, such as "stored, not applied yet".
    pub hint: &'a str,
    /// What is wrong with the value.
    pub error: &'a str,
    /// What to mind about the value, though it is accepted.
    pub warning: &'a str,
}

/// Draws a field. In the browser everything that is typed in is told to the page (`data-typed`).
pub fn field(field: &Field<'_>) -> Markup {
    let Field { name, label, .. } = *field;
    let is_group = matches!(field.control, Control::Radio(_));
    let group = is_group.then_some(name);
    html! {
        div.field.has-error[!field.error.is_empty()] role=[group.map(|_| "radiogroup")]
            aria-labelledby=[group.map(|name| ["field-", name, "-label"].concat())]
            aria-describedby=[group.map(note_id)]
        {
            @if is_group {
                span.field-label id={ "field-" (name) "-label" } { span { (label) } (optional("tag", field.hint)) }
            } @else {
                label.field-label for={ "field-" (name) } { span { (label) } (optional("tag", field.hint)) }
            }
            div.field-control { (control(field)) (optional("unit", field.unit)) }
            div.field-note id=(note_id(name)) {
                (optional("help", field.help))
                @if !field.error.is_empty() { span.error { (icon(Glyph::CIRCLE_ALERT)) (field.error) } }
                @if !field.warning.is_empty() { span.warning { (icon(Glyph::TRIANGLE_ALERT)) (field.warning) } }
            }
        }
    }
}

fn note_id(name: &str) -> String {
    ["field-", name, "-note"].concat()
}

fn optional(class: &str, text: &str) -> Markup {
    html! { @if !text.is_empty() { span class=(class) { (text) } } }
}

fn control(field: &Field<'_>) -> Markup {
    let Field { name, value, .. } = *field;
    let invalid = (!field.error.is_empty()).then_some("true");
    let mode = match field.control {
        Control::Radio(choices) => return radios(name, value, choices),
        Control::Select(choices) => {
            return html! {
                select id={ "field-" (name) } name=(name) data-typed
                    aria-invalid=[invalid] aria-describedby=(note_id(name))
                {
                    @for choice in choices { option value=(choice) selected[*choice == value] { (choice) } }
                }
            };
        }
        Control::Text => "text",
        Control::Whole => "numeric",
        Control::Decimal => "decimal",
    };
    html! {
        input id={ "field-" (name) } name=(name) type="text" inputmode=(mode) value=(value) data-typed
            autocomplete="off" aria-invalid=[invalid] aria-describedby=(note_id(name));
    }
}

fn radios(name: &str, value: &str, choices: &[(&str, &str)]) -> Markup {
    html! {
        div.segmented {
            @for (index, (choice, label)) in choices.iter().enumerate() {
                label {
                    // The first one takes the field's id, so that the list of errors can lead to it.
                    input type="radio" id=[(index == 0).then(|| ["field-", name].concat())]
                        name=(name) value=(choice) checked[*choice == value] data-typed;
                    span { (label) }
                }
            }
        }
    }
}

/// What is wrong with a form, above it: one link to each wrong field, by its name and what is said of it.
pub fn field_errors<'a>(heading: &str, errors: impl IntoIterator<Item = (&'a str, String)>) -> Markup {
    html! {
        div.notice.is-faulted role="alert" {
            (icon(Glyph::CIRCLE_ALERT))
            div.notice-body {
                p { (heading) }
                ul {
                    @for (name, error) in errors {
                        li { a href={ "#field-" (name) } rel="external" { (error) } }
                    }
                }
            }
        }
    }
}
