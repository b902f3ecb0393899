//! The parts that pages are made of, as markup.
//!
//! They know no language: every text comes in. They write no `style` attribute: the Content-Security-Policy forbids
//! it, and `style/` has a class for each case. What a part does in the browser it says by `data-` attributes,
//! which [`crate::browser`] obeys.

mod badge;
mod card;
mod chart;
mod dialog;
mod field;
mod form;
mod icon;
mod notice;

pub use badge::{badge, condition_class, tag};
pub use card::{Span, card, link_button, tiles};
#[cfg(feature = "ssr")]
pub(crate) use chart::behind;
pub use chart::{
    ChartWords, Dial, DialWords, LegendEntry, LineBar, LineWords, curve_chart, energy_chart, legend, line_bars,
    percent, phase_gauges, state_donut,
};
pub use dialog::dialog;
pub use field::{Control, Field, field, field_errors};
pub use form::{Entry, GetForm, What, choice, entry, get_form, hidden, input, segmented, select};
pub use icon::{Glyph, icon};
pub use notice::{NoticeKind, empty, notice};
