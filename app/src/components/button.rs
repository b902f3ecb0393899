//! Buttons, and links that look like them.

use super::{Glyph, Icon, words};
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// How much a button asks for attention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do here.
    Primary,
    /// Everything else.
    #[default]
    Quiet,
    /// What cannot be taken back.
    Danger,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button primary",
            Self::Quiet => "button",
            Self::Danger => "button danger",
        }
    }
}

/// A button that may say why it cannot be used now.
///
/// While it has a reason it does nothing, but can still be reached: the reason is read out and shown on focus.
#[component]
pub fn ActionButton(
    /// What it does.
    #[prop(into)]
    label: TextProp,
    /// Its icon.
    #[prop(optional, into)]
    glyph: Option<Glyph>,
    /// Its weight.
    #[prop(optional)]
    kind: ButtonKind,
    /// Whether only the icon shows; the label is read out.
    #[prop(optional)]
    icon_only: bool,
    /// Why it cannot be used now; `None` or empty when it can.
    #[prop(optional, into)]
    reason: Signal<Option<String>>,
    /// Whether it submits the form around it (also without WebAssembly).
    #[prop(optional)]
    submit: bool,
    /// The name that a submitting button adds to its form.
    #[prop(optional)]
    name: Option<&'static str>,
    /// The value that a submitting button adds to its form.
    #[prop(optional, into)]
    value: Option<String>,
    /// What happens on a press, besides submitting.
    #[prop(optional, into)]
    on_press: Option<Callback<()>>,
) -> impl IntoView {
    let reason = Signal::derive(move || reason.get().filter(|reason| !reason.is_empty()));
    let press = move |event: leptos::ev::MouseEvent| {
        if reason.get_untracked().is_some() {
            event.prevent_default();
        } else if let Some(on_press) = on_press {
            on_press.run(());
        }
    };
    view! {
        <button
            class=kind.class()
            class:icon-only=icon_only
            type=move || if submit && reason.get().is_none() { "submit" } else { "button" }
            name=name
            value=value
            aria-disabled=move || reason.get().is_some().then_some("true")
            on:click=press
        >
            {glyph.map(|glyph| view! { <Icon glyph=glyph /> })}
            <span class=if icon_only { "sr-only" } else { "" }>{words(label)}</span>
            {move || reason.get().map(|reason| view! { <span class="reason">{reason}</span> })}
        </button>
    }
    .into_any()
}

/// A link that looks like a button: for what works without WebAssembly.
#[component]
pub fn LinkButton(
    /// Where it leads.
    #[prop(into)]
    href: TextProp,
    /// What it does.
    #[prop(into)]
    label: TextProp,
    /// Its icon.
    #[prop(optional, into)]
    glyph: Option<Glyph>,
    /// Its weight.
    #[prop(optional)]
    kind: ButtonKind,
) -> impl IntoView {
    view! {
        <a class=kind.class() href=words(href)>
            {glyph.map(|glyph| view! { <Icon glyph=glyph /> })}
            <span>{words(label)}</span>
        </a>
    }
    .into_any()
}
