//! The parts that pages are made of.
//!
//! They know no language: every text comes in, as a string or as a closure that follows the chosen language. They
//! write no `style` attribute: the Content-Security-Policy forbids it, and `style/main.css` has a class for each case.
//! All of them render complete on the server.

mod badge;
mod button;
mod card;
mod chart;
mod dialog;
mod field;
mod icon;
mod notice;
mod table;

pub use badge::{StateBadge, Tag, condition_class, condition_glyph};
pub use button::{ActionButton, ButtonKind, LinkButton};
pub use card::{Card, Tile};
pub use chart::{CurveChart, EnergyChart, PhaseGauges, Sparkline, StateDonut};
pub use dialog::Dialog;
pub use field::{Choice, Control, Field, FieldErrors, Segmented};
pub use icon::{Glyph, Icon};
pub use notice::{EmptyState, ErrorState, Notice, NoticeKind, Skeleton};
pub use table::{Cell, DataTable, SortHeader};

use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// A text that may be missing or empty, in a `<span>` of this class; nothing when it is.
fn optional(text: Option<TextProp>, class: &'static str) -> Option<impl IntoView> {
    let text = text?;
    let shown = move || {
        let text = text.get();
        (!text.is_empty()).then(|| view! { <span class=class>{text}</span> })
    };
    Some(shown)
}

/// A text to render, which follows the language.
fn words(text: TextProp) -> impl Fn() -> leptos::oco::Oco<'static, str> + Send + 'static {
    move || text.get()
}
