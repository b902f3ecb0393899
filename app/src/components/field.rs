//! Fields of forms.

use super::{Glyph, Icon, optional, words};
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// One choice of a list.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: TextProp,
}

impl Choice {
    /// A choice.
    pub fn new(value: impl Into<String>, label: impl Into<TextProp>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// How a field is filled in.
#[derive(Debug, Clone, Default)]
pub enum Control {
    /// Text.
    #[default]
    Text,
    /// A whole number: the phone shows digits.
    Whole,
    /// A number with decimals.
    Decimal,
    /// A date, `YYYY-MM-DD`.
    Date,
    /// Text that is not shown.
    Password,
    /// One of a few, all in sight.
    Radio(Vec<Choice>),
    /// One of many.
    Select(Vec<Choice>),
}

/// A labelled field with unit, help and error. Its value is text, as forms send it.
#[component]
pub fn Field(
    /// Its name in the form; its id is `field-` and this name.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: TextProp,
    /// The value.
    value: RwSignal<String>,
    /// How it is filled in.
    #[prop(optional)]
    control: Control,
    /// The unit.
    #[prop(optional, into)]
    unit: Option<TextProp>,
    /// What it means.
    #[prop(optional, into)]
    help: Option<TextProp>,
    /// A remark beside the label, such as "stored, not applied yet".
    #[prop(optional, into)]
    hint: Option<TextProp>,
    /// What is wrong with the value; empty or `None` when nothing is.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// What to mind about the value, though it is accepted.
    #[prop(optional, into)]
    warning: Signal<Option<String>>,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// What the browser may fill in, such as `username`.
    #[prop(optional)]
    autocomplete: Option<&'static str>,
    /// Called after each change.
    #[prop(optional, into)]
    on_change: Option<Callback<()>>,
) -> impl IntoView {
    let id = ["field-", name].concat();
    let note_id = [&id, "-note"].concat();
    let label_id = [&id, "-label"].concat();
    let error = Signal::derive(move || error.get().filter(|error| !error.is_empty()));
    let invalid = move || error.get().is_some().then_some("true");
    let set = move |text: String| {
        value.set(text);
        if let Some(on_change) = on_change {
            on_change.run(());
        }
    };
    let grouped = matches!(control, Control::Radio(_));
    let input = {
        let text = |kind: &'static str, mode: &'static str| {
            view! {
                <input
                    id=id.clone()
                    name=name
                    type=kind
                    inputmode=mode
                    value=value.get_untracked()
                    prop:value=move || value.get()
                    required=required
                    autocomplete=autocomplete.unwrap_or("off")
                    aria-invalid=invalid
                    aria-describedby=note_id.clone()
                    on:input=move |event| set(event_target_value(&event))
                />
            }
            .into_any()
        };
        match control {
            Control::Text => text("text", "text"),
            Control::Whole => text("text", "numeric"),
            Control::Decimal => text("text", "decimal"),
            Control::Date => text("date", "text"),
            Control::Password => text("password", "text"),
            Control::Radio(choices) => radios(name, choices, value.into(), Callback::new(set)).into_any(),
            Control::Select(choices) => view! {
                <select
                    id=id.clone()
                    name=name
                    prop:value=move || value.get()
                    aria-invalid=invalid
                    aria-describedby=note_id.clone()
                    on:change=move |event| set(event_target_value(&event))
                >
                    {choices
                        .into_iter()
                        .map(|choice| {
                            let selected = choice.value == value.get_untracked();
                            view! { <option value=choice.value selected=selected>{words(choice.label)}</option> }
                        })
                        .collect_view()}
                </select>
            }
            .into_any(),
        }
    };
    let heading = view! {
        <span>{words(label)}</span>
        {optional(hint, "tag")}
    };
    let heading = if grouped {
        view! { <span class="field-label" id=label_id.clone()>{heading}</span> }.into_any()
    } else {
        view! { <label class="field-label" id=label_id.clone() for=id.clone()>{heading}</label> }.into_any()
    };
    let labelled_by = grouped.then(|| label_id.clone());
    let described_by = grouped.then(|| note_id.clone());
    view! {
        <div
            class="field"
            class:has-error=move || error.get().is_some()
            role=grouped.then_some("radiogroup")
            aria-labelledby=labelled_by
            aria-describedby=described_by
        >
            {heading}
            <div class="field-control">
                {input} {optional(unit, "unit")}
            </div>
            <div class="field-note" id=note_id>
                {optional(help, "help")}
                {move || {
                    error
                        .get()
                        .map(|error| view! { <span class="error"><Icon glyph=Glyph::CIRCLE_ALERT />{error}</span> })
                }}
                {move || {
                    warning
                        .get()
                        .filter(|warning| !warning.is_empty())
                        .map(|text| view! { <span class="warning"><Icon glyph=Glyph::TRIANGLE_ALERT />{text}</span> })
                }}
            </div>
        </div>
    }
    .into_any()
}

/// What is wrong with a form, above it: one link to each wrong field. Empty when nothing is.
#[component]
pub fn FieldErrors(
    /// The heading, such as "2 fields need attention".
    #[prop(into)]
    heading: TextProp,
    /// Name of the field, its label, what is wrong.
    #[prop(into)]
    errors: Signal<Vec<(&'static str, String, String)>>,
) -> impl IntoView {
    move || {
        let errors = errors.get();
        let heading = heading.clone();
        (!errors.is_empty()).then(|| {
            view! {
                <div class="notice is-faulted" role="alert">
                    <Icon glyph=Glyph::CIRCLE_ALERT />
                    <div class="notice-body">
                        <p>{words(heading)}</p>
                        <ul>
                            {errors
                                .into_iter()
                                .map(|(name, label, error)| {
                                    view! {
                                        <li>
                                            <a href=["#field-", name].concat() rel="external">
                                                {[label.as_str(), ": ", error.as_str()].concat()}
                                            </a>
                                        </li>
                                    }
                                })
                                .collect_view()}
                        </ul>
                    </div>
                </div>
            }
        })
    }
}

/// Radio buttons in one bar. Inside a form that is sent with GET it works without WebAssembly.
#[component]
pub fn Segmented(
    /// Its name in the form.
    name: &'static str,
    /// What is chosen, read out.
    #[prop(into)]
    legend: TextProp,
    /// What there is to choose.
    choices: Vec<Choice>,
    /// The chosen value.
    #[prop(into)]
    selected: Signal<String>,
    /// Called with the value that was chosen.
    #[prop(optional, into)]
    on_select: Option<Callback<String>>,
) -> impl IntoView {
    let select = Callback::new(move |value: String| {
        if let Some(on_select) = on_select {
            on_select.run(value);
        }
    });
    view! {
        <fieldset class="segmented-field">
            <legend class="sr-only">{words(legend)}</legend>
            {radios(name, choices, selected, select)}
        </fieldset>
    }
    .into_any()
}

fn radios(
    name: &'static str,
    choices: Vec<Choice>,
    selected: Signal<String>,
    on_select: Callback<String>,
) -> impl IntoView {
    let now = selected.get_untracked();
    let radios = choices.into_iter().enumerate().map(|(index, choice)| {
        let Choice { value, label } = choice;
        // The first one takes the field's id, so that the list of errors can lead to it.
        let id = (index == 0).then(|| ["field-", name].concat());
        let (is_now, compared, sent) = (value == now, value.clone(), value.clone());
        view! {
            <label>
                <input
                    type="radio"
                    id=id
                    name=name
                    value=value
                    checked=is_now
                    prop:checked=move || selected.with(|selected| *selected == compared)
                    on:change=move |_| on_select.run(sent.clone())
                />
                <span>{words(label)}</span>
            </label>
        }
    });
    view! { <div class="segmented">{radios.collect_view()}</div> }
}
