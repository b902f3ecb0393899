//! States as a word, an icon and a colour.

use super::{Glyph, icon};
use bmw_domain::status::Condition;
use maud::{Markup, html};

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

const fn condition_glyph(condition: Condition) -> Glyph {
    match condition {
        Condition::Charging => Glyph::ZAP,
        Condition::Ready => Glyph::CIRCLE_CHECK,
        Condition::Waiting => Glyph::HOURGLASS,
        Condition::Faulted => Glyph::TRIANGLE_ALERT,
        Condition::Unknown => Glyph::POWER_OFF,
    }
}

/// The state of a charge point: what it means (see [`bmw_domain::status::condition`]), and its word.
pub fn badge(condition: Condition, word: &str) -> Markup {
    html! {
        span class={ "badge " (condition_class(condition)) } {
            (icon(condition_glyph(condition)))
            span { (word) }
        }
    }
}

/// A small remark beside something, without a colour that means anything.
pub fn tag(text: &str) -> Markup {
    html! { span.tag { (text) } }
}
