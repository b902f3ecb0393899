//! States as a word, an icon and a colour.

use super::{Glyph, Icon, words};
use bmw_domain::status::Condition;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// The class that gives a condition its colour.
pub const fn condition_class(condition: Condition) -> &'static str {
    match condition {
        Condition::Charging => "is-charging",
        Condition::Ready => "is-ready",
        Condition::Waiting => "is-waiting",
        Condition::Faulted => "is-faulted",
        Condition::Unknown => "is-unknown",
    }
}

/// The icon of a condition.
pub const fn condition_glyph(condition: Condition) -> Glyph {
    match condition {
        Condition::Charging => Glyph::ZAP,
        Condition::Ready => Glyph::CIRCLE_CHECK,
        Condition::Waiting => Glyph::HOURGLASS,
        Condition::Faulted => Glyph::TRIANGLE_ALERT,
        Condition::Unknown => Glyph::POWER_OFF,
    }
}

/// The state of a charge point.
#[component]
pub fn StateBadge(
    /// What the state means, see [`bmw_domain::status::condition`].
    #[prop(into)]
    condition: Signal<Condition>,
    /// The state in words.
    #[prop(into)]
    word: TextProp,
) -> impl IntoView {
    view! {
        <span class=move || ["badge ", condition_class(condition.get())].concat()>
            <Icon glyph=move || condition_glyph(condition.get()) />
            <span>{words(word)}</span>
        </span>
    }
    .into_any()
}

/// A small remark beside something, without a colour that means anything.
#[component]
pub fn Tag(
    /// The remark.
    #[prop(into)]
    text: TextProp,
) -> impl IntoView {
    view! { <span class="tag">{words(text)}</span> }
}
