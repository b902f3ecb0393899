//! The diagnostics that a charge point has uploaded, to be downloaded.

use super::Seen;
use super::parts::{cell, plain, row_head, table, when};
use crate::components::{Glyph, Span, card, icon};
use crate::data::{DiagnosticsLine, Moment};
use crate::text::format::{one_decimal, with_unit};
use maud::{Markup, html};

/// The card of the details page.
pub fn diagnostics(seen: &Seen<'_>, at: Moment, files: &[DiagnosticsLine]) -> Markup {
    let lang = seen.lang;
    let body = html! {
        @if files.is_empty() { p.muted { (lang.no_diagnostics()) } } @else { (list(seen, at, files)) }
    };
    card("diagnostics", Span::All, lang.diagnostics_files(), &html! {}, &body)
}

fn list(seen: &Seen<'_>, at: Moment, files: &[DiagnosticsLine]) -> Markup {
    let lang = seen.lang;
    let now = seen.now(at);
    let columns = [(lang.file(), false), (lang.size(), true), (lang.time(), false), (lang.command_column(), true)];
    let [name, size, time, command] = columns;
    let rows = html! {
        @for file in files {
            tr data-key=(file.id) {
                (row_head(name, &html! {
                    a href=(["/details/diagnostics/", &file.id.to_string()].concat()) download rel="external" {
                        (icon(Glyph::DOWNLOAD)) " " (file.name)
                    }
                }))
                (cell(size, &plain(bytes(file.size))))
                (cell(time, &when(lang, now, Some(file.at))))
                (cell(command, &plain(file.command.to_string())))
            }
        }
    };
    html! { div.table-box { (table("data", lang.diagnostics_files(), &columns, &rows, &html! {})) } }
}

/// A size as a person reads it: `64.2 MB`.
#[allow(clippy::cast_precision_loss)] // one decimal is shown
fn bytes(size: u64) -> String {
    match size {
        0..1_000 => with_unit(size, "B"),
        1_000..1_000_000 => with_unit(one_decimal(size as f64 / 1e3), "kB"),
        _ => with_unit(one_decimal(size as f64 / 1e6), "MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (size, text) in [(0, "0 B"), (999, "999 B"), (1_234, "1.2 kB"), (67_108_864, "67.1 MB")] {
            assert_eq!(bytes(size).replace('\u{202f}', " "), text);
        }
    }
}
