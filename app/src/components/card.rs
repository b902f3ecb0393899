//! Cards, tiles, and links that look like buttons.

use super::{Glyph, icon};
use maud::{Markup, html};

/// How many columns of the grid a card takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One.
    One,
    /// Two.
    Two,
    /// All.
    All,
}

/// A card: one idea under one heading. `id` is unique on the page; `aside` stands beside the heading.
pub fn card(id: &str, span: Span, heading: &str, aside: &Markup, body: &Markup) -> Markup {
    let class = match span {
        Span::One => "card",
        Span::Two => "card span-2",
        Span::All => "card span-all",
    };
    html! {
        section class=(class) id=(id) aria-labelledby={ (id) "-heading" } {
            header.card-head {
                h2 id={ (id) "-heading" } { (heading) }
                div.card-aside { (aside) }
            }
            (body)
        }
    }
}

/// Numbers with their units, and a second line under each: icon, label, number, unit, second line.
pub fn tiles<'a>(tiles: impl IntoIterator<Item = (Glyph, &'a str, String, &'a str, &'a str)>) -> Markup {
    html! {
        dl.tiles {
            @for (glyph, label, value, unit, second) in tiles {
                div.tile {
                    dt { (icon(glyph)) span { (label) } }
                    dd.tile-value { span.number data-glide { (value) } span.unit { (unit) } }
                    // Kept even when it is empty: tiles in a row have one height.
                    dd.tile-secondary { (second) }
                }
            }
        }
    }
}

/// A link that looks like a button.
pub fn link_button(href: &str, label: &str, glyph: Option<Glyph>) -> Markup {
    html! {
        a.button href=(href) {
            @if let Some(glyph) = glyph { (icon(glyph)) }
            span { (label) }
        }
    }
}
