//! QR codes, as SVG without any style: the policy of pages forbids that.

use fast_qr::ECL;
use fast_qr::qr::QRBuilder;
use maud::{Markup, html};
use std::fmt::Write as _;

/// The quiet zone around a code, in modules (ISO/IEC 18004).
const QUIET: usize = 4;

/// A code that says this, black on white in both themes: many apps read no other. Nothing where it would be too long.
pub fn draw(text: &str, label: &str) -> Markup {
    code(text, label, ECL::M).unwrap_or_default()
}

/// A code that is printed and hangs in the open: it can be read when a quarter of it cannot. `None` where it would be too long.
pub fn label(text: &str, label: &str) -> Option<Markup> {
    code(text, label, ECL::Q)
}

fn code(text: &str, label: &str, correction: ECL) -> Option<Markup> {
    let (side, path) = path(text, correction)?;
    let view = format!("0 0 {side} {side}");
    Some(html! {
        svg.qr viewBox=(view) role="img" aria-label=(label) shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    })
}

/// The side with the quiet zone, and the dark modules: a stroke of each row for those beside each other.
fn path(text: &str, correction: ECL) -> Option<(usize, String)> {
    let code = match QRBuilder::new(text).ecl(correction).build() {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(%error, "a QR code");
            return None;
        }
    };
    let mut path = String::new();
    for y in 0..code.size {
        let mut x = 0;
        for run in code[y].chunk_by(|one, other| one.value() == other.value()) {
            if run.first().is_some_and(|module| module.value()) {
                // Writing to a string does not fail.
                write!(path, "M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, run.len(), run.len()).ok()?;
            }
            x += run.len();
        }
    }
    Some((code.size + 2 * QUIET, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_without_style() {
        let drawn = draw("otpauth://totp/BMW:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "scan").into_string();
        assert!(!drawn.contains("style") && drawn.contains("aria-label=\"scan\""), "{drawn}");
        assert!(drawn.contains("</rect><path ") && drawn.ends_with("</path></svg>"), "one beside the other: {drawn}");
        // The finder pattern at the top left: seven dark, then one light.
        let (side, path) = path("BMW", ECL::M).unwrap();
        assert!(path.starts_with("M4 4h7v1h-7z"), "{path}");
        assert_eq!(side, 21 + 2 * QUIET, "three letters are of the smallest version");
        assert!(draw(&"x".repeat(8000), "").into_string().is_empty());
    }
}
