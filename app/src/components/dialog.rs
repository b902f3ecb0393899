//! Dialogs.

use super::{Glyph, icon};
use maud::{Markup, html};

/// A native `<dialog>` that is open as long as it is there: modal in the browser, which keeps the focus inside,
/// returns it, and closes on Escape; above the content without WebAssembly.
///
/// `id` is unique on the page, `close` names the button that closes it, `back` is the page without it.
pub fn dialog(id: &str, heading: &str, close: &str, back: &str, body: &Markup) -> Markup {
    html! {
        dialog.dialog id=(id) open aria-labelledby={ (id) "-heading" } data-back=(back) {
            div.dialog-body {
                header.card-head {
                    h2 id={ (id) "-heading" } { (heading) }
                    a.button.icon-only href=(back) data-do="close" {
                        (icon(Glyph::X))
                        span.sr-only { (close) }
                    }
                }
                (body)
            }
        }
    }
}
