//! Forms that are part of the address: filters, choices, steps.

use super::{Glyph, icon};
use maud::{Markup, html};

/// A form that leads to an address.
#[derive(Debug, Clone, Copy)]
pub struct GetForm<'a> {
    /// Where it leads.
    pub action: &'a str,
    /// Its class.
    pub class: &'a str,
    /// The word on the button that it has without WebAssembly.
    pub apply: &'a str,
}

/// A `<form method="get">`. In the browser it leads to its address without reload, when it is sent and when a choice
/// is changed; without WebAssembly by way of its button.
pub fn get_form(form: GetForm<'_>, body: &Markup) -> Markup {
    html! {
        form class=(form.class) method="get" action=(form.action) {
            (body)
            noscript { button.button type="submit" { (form.apply) } }
        }
    }
}

/// What a form hands on unseen.
pub fn hidden(fields: &[(&str, &str)]) -> Markup {
    html! {
        span hidden {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
        }
    }
}

/// A choice of a `<select>`.
pub fn choice(value: &str, label: &str, chosen: bool) -> Markup {
    html! { option value=(value) selected[chosen] { (label) } }
}

/// One of many, labelled.
pub fn select(label: &str, name: &str, choices: &Markup) -> Markup {
    html! {
        label.filter {
            span { (label) }
            select name=(name) { (choices) }
        }
    }
}

/// A labelled input.
pub fn input(kind: &str, label: &str, name: &str, value: &str) -> Markup {
    html! {
        label.filter {
            span { (label) }
            input type=(kind) name=(name) autocomplete="off" value=(value);
        }
    }
}

/// How a field of a command's form is filled in.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// Text, with what is shown while there is none.
    Text(&'a str),
    /// A whole number, with what is shown while there is none.
    Whole(&'a str),
    /// A number with decimals.
    Decimal,
    /// An address.
    Url,
    /// A time by the site's clock.
    Time,
    /// One of many: values with their labels.
    Choice(&'a [(String, String)]),
}

/// A field of a form with several commands.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// The label.
    pub label: &'a str,
    /// How it is filled in.
    pub what: What<'a>,
    /// Its value.
    pub value: &'a str,
}

/// Draws a field of a form, with what is wrong with it below. The form comes back with what was typed; nothing else changes it.
pub fn entry(entry: &Entry<'_>, error: &str) -> Markup {
    let Entry { name, label, what, value } = *entry;
    let (kind, mode, hint) = match what {
        What::Text(hint) => ("text", None, hint),
        What::Whole(hint) => ("text", Some("numeric"), hint),
        What::Decimal => ("text", Some("decimal"), ""),
        What::Url => ("url", None, "https://"),
        What::Time => ("datetime-local", None, ""),
        What::Choice(_) => ("", None, ""),
    };
    let invalid = (!error.is_empty()).then_some("true");
    html! {
        label.filter.entry.has-error[invalid.is_some()] {
            span { (label) }
            @if let What::Choice(choices) = what {
                select name=(name) aria-invalid=[invalid] {
                    @for (word, label) in choices { (choice(word, label, word == value)) }
                }
            } @else {
                input type=(kind) inputmode=[mode] name=(name) value=(value) autocomplete="off" aria-invalid=[invalid]
                    placeholder=[(!hint.is_empty()).then_some(hint)];
            }
            @if invalid.is_some() { span.error role="alert" { (icon(Glyph::CIRCLE_ALERT)) (error) } }
        }
    }
}

/// Radio buttons in one bar: value, label, whether it is the chosen one. `legend` is read out.
pub fn segmented<'a>(name: &str, legend: &str, choices: impl IntoIterator<Item = (&'a str, &'a str, bool)>) -> Markup {
    html! {
        fieldset.segmented-field {
            legend.sr-only { (legend) }
            div.segmented {
                @for (value, label, chosen) in choices {
                    label {
                        input type="radio" name=(name) value=(value) checked[chosen];
                        span { (label) }
                    }
                }
            }
        }
    }
}
