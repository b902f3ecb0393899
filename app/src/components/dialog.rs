//! Dialogs.

use super::{Glyph, Icon, words};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// A native `<dialog>`: modal when hydrated, so the browser keeps the focus inside, returns it, and closes on Escape.
///
/// A page that the server renders with `open` set shows it above the content without WebAssembly too; closing it is
/// then the link to `close_href`.
#[component]
pub fn Dialog(
    /// Unique on the page.
    id: &'static str,
    /// The heading.
    #[prop(into)]
    heading: TextProp,
    /// The name of the button that closes it, read out.
    #[prop(into)]
    close: TextProp,
    /// The page without the dialog.
    #[prop(into)]
    close_href: TextProp,
    /// Whether it is open. Becomes false when it is closed in whatever way.
    open: RwSignal<bool>,
    /// Buttons at its end.
    #[prop(optional, into)]
    footer: Option<ViewFnOnce>,
    /// The content.
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() {
            // Opened by the server: not modal yet. Taking the attribute away tells nobody, unlike `close()`.
            let _was_open = dialog.remove_attribute("open");
            let _shown = dialog.show_modal();
        } else if dialog.open() {
            dialog.close();
        }
    });
    let heading_id = [id, "-heading"].concat();
    let labelled_by = heading_id.clone();
    view! {
        <dialog
            id=id
            class="dialog"
            node_ref=node
            open=open.get_untracked()
            aria-labelledby=labelled_by
            on:close=move |_| open.set(false)
            on:click=move |event| {
                // The backdrop is the dialog itself; everything inside is some other element.
                if event.target().is_some() && event.target() == event.current_target() {
                    open.set(false);
                }
            }
        >
            <div class="dialog-body">
                <header class="card-head">
                    <h2 id=heading_id>{words(heading)}</h2>
                    <a
                        class="button icon-only"
                        href=words(close_href)
                        role="button"
                        on:click=move |event| {
                            event.prevent_default();
                            event.stop_propagation();
                            open.set(false);
                        }
                    >
                        <Icon glyph=Glyph::X />
                        <span class="sr-only">{words(close)}</span>
                    </a>
                </header>
                {children()}
                {footer.map(|footer| view! { <footer class="dialog-foot">{footer.run()}</footer> })}
            </div>
        </dialog>
    }
    .into_any()
}
