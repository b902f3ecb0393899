//! What is said instead of, or above, the data.

use super::{Glyph, icon};
use maud::{Markup, html};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Good to know.
    Info,
    /// It worked.
    Success,
    /// Mind this.
    Warning,
    /// It did not work.
    Error,
}

/// A short message in place. Errors are read out at once, the others when there is a pause.
pub fn notice(kind: NoticeKind, body: &Markup) -> Markup {
    let (class, glyph, role) = match kind {
        NoticeKind::Info => ("notice", Glyph::INFO, "status"),
        NoticeKind::Success => ("notice is-charging", Glyph::CIRCLE_CHECK, "status"),
        NoticeKind::Warning => ("notice is-waiting", Glyph::TRIANGLE_ALERT, "status"),
        NoticeKind::Error => ("notice is-faulted", Glyph::CIRCLE_ALERT, "alert"),
    };
    html! {
        // Known by its kind: it comes and goes above what stays, and must not be taken for it.
        div class=(class) role=(role) data-key=(class) {
            (icon(glyph))
            div.notice-body { (body) }
        }
    }
}

/// Why there is nothing, and what to do about it.
pub fn empty(glyph: Glyph, text: &str, hint: &str, action: &Markup) -> Markup {
    html! {
        div.empty {
            (icon(glyph))
            p { (text) }
            @if !hint.is_empty() { p.muted { (hint) } }
            (action)
        }
    }
}
