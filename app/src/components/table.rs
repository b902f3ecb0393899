//! Tables that become cards on a phone.

use super::{Glyph, Icon, words};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// A table. On a phone each row becomes a card, and each cell shows its `data-label` (see [`Cell`]).
///
/// `children` are the rows; they are put into one `<tbody>`.
#[component]
pub fn DataTable(
    /// What the table holds, read out.
    #[prop(into)]
    caption: TextProp,
    /// The headings: `<th scope="col">…</th>` for each column.
    #[prop(into)]
    head: ViewFnOnce,
    /// A row of totals, a `<tr>`.
    #[prop(optional, into)]
    foot: Option<ViewFnOnce>,
    /// Rows.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-box">
            <table class="data">
                <caption class="sr-only">{words(caption)}</caption>
                <thead>
                    <tr>{head.run()}</tr>
                </thead>
                <tbody>{children()}</tbody>
                {foot.map(|foot| view! { <tfoot>{foot.run()}</tfoot> })}
            </table>
        </div>
    }
    .into_any()
}

/// A cell that knows its column's name.
#[component]
pub fn Cell(
    /// The column's name, shown on a phone.
    #[prop(into)]
    label: TextProp,
    /// Whether it holds a number: right-aligned under a wide heading.
    #[prop(optional)]
    number: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    view! {
        <td data-label=words(label) class:number=number>
            {children()}
        </td>
    }
    .into_any()
}

/// A heading that sorts: a link, so that it works without WebAssembly and can be opened anew.
#[component]
pub fn SortHeader(
    /// The column's name.
    #[prop(into)]
    label: TextProp,
    /// The page sorted by this column (or the other way round, when it already is).
    #[prop(into)]
    href: TextProp,
    /// `Some(true)` while ascending, `Some(false)` while descending.
    #[prop(into)]
    sorted: Signal<Option<bool>>,
    /// Whether the column holds numbers.
    #[prop(optional)]
    number: bool,
) -> impl IntoView {
    let order = move || match sorted.get() {
        Some(true) => Some("ascending"),
        Some(false) => Some("descending"),
        None => None,
    };
    view! {
        <th scope="col" class:number=number aria-sort=order>
            <a href=words(href)>
                <span>{words(label)}</span>
                {move || {
                    sorted
                        .get()
                        .map(|up| view! { <Icon glyph=if up { Glyph::ARROW_UP } else { Glyph::ARROW_DOWN } /> })
                }}
            </a>
        </th>
    }
    .into_any()
}
