//! Forms that are part of the address: filters, choices, steps.

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
