//! Cards and tiles.

use super::{Glyph, Icon, optional, words};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// A card: one idea under one heading.
#[component]
pub fn Card(
    /// Unique on the page; the heading gets it with `-heading` behind it.
    id: &'static str,
    /// The heading.
    #[prop(into)]
    heading: TextProp,
    /// What stands beside the heading, such as a total.
    #[prop(optional, into)]
    aside: ViewFnOnce,
    /// How many columns of the grid it takes: 1 (the default), 2 or 3; all of them with 9.
    #[prop(optional)]
    span: u8,
    /// The content.
    children: Children,
) -> impl IntoView {
    let heading_id = [id, "-heading"].concat();
    let labelled_by = heading_id.clone();
    let class = match span {
        0 | 1 => "card",
        2 => "card span-2",
        3 => "card span-3",
        _ => "card span-all",
    };
    view! {
        <section class=class id=id aria-labelledby=labelled_by>
            <header class="card-head">
                <h2 id=heading_id>{words(heading)}</h2>
                <div class="card-aside">{aside.run()}</div>
            </header>
            {children()}
        </section>
    }
    .into_any()
}

/// One number with its unit, and a second one under it. Stands in a `<dl class="tiles">`.
#[component]
pub fn Tile(
    /// What is counted.
    #[prop(into)]
    label: TextProp,
    /// The number, ready to read.
    #[prop(into)]
    value: TextProp,
    /// Its unit.
    #[prop(optional, into)]
    unit: Option<TextProp>,
    /// The line below.
    #[prop(optional, into)]
    secondary: Option<TextProp>,
    /// The icon beside the label.
    #[prop(optional, into)]
    glyph: Option<Glyph>,
) -> impl IntoView {
    view! {
        <div class="tile">
            <dt>
                {glyph.map(|glyph| view! { <Icon glyph=glyph /> })}
                <span>{words(label)}</span>
            </dt>
            <dd class="tile-value">
                <span class="number">{words(value)}</span>
                {optional(unit, "unit")}
            </dd>
            // Kept even when it is empty: tiles in a row have one height.
            <dd class="tile-secondary">{secondary.map(words)}</dd>
        </div>
    }
    .into_any()
}
