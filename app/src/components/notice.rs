//! What is said instead of, or above, the data.

use super::{ActionButton, ButtonKind, Glyph, Icon, LinkButton, words};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// What a notice is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NoticeKind {
    /// Good to know.
    #[default]
    Info,
    /// It worked.
    Success,
    /// Mind this.
    Warning,
    /// It did not work.
    Error,
}

/// A short message in place. Errors are read out at once, the others when there is a pause.
#[component]
pub fn Notice(
    /// What it is about.
    #[prop(optional)]
    kind: NoticeKind,
    /// Its content.
    children: Children,
) -> impl IntoView {
    let (class, glyph, role) = match kind {
        NoticeKind::Info => ("notice", Glyph::INFO, "status"),
        NoticeKind::Success => ("notice is-charging", Glyph::CIRCLE_CHECK, "status"),
        NoticeKind::Warning => ("notice is-waiting", Glyph::TRIANGLE_ALERT, "status"),
        NoticeKind::Error => ("notice is-faulted", Glyph::CIRCLE_ALERT, "alert"),
    };
    view! {
        <div class=class role=role>
            <Icon glyph=glyph />
            <div class="notice-body">{children()}</div>
        </div>
    }
    .into_any()
}

/// Why a list is empty, and what to do about it.
#[component]
pub fn EmptyState(
    /// Why it is empty.
    #[prop(into)]
    text: TextProp,
    /// What to do.
    #[prop(optional, into)]
    hint: Option<TextProp>,
    /// The icon; an empty tray unless told.
    #[prop(default = Glyph::INBOX)]
    glyph: Glyph,
    /// A button or link that does it.
    #[prop(optional, into)]
    action: ViewFnOnce,
) -> impl IntoView {
    view! {
        <div class="empty">
            <Icon glyph=glyph />
            <p>{words(text)}</p>
            {hint.map(|hint| view! { <p class="muted">{words(hint)}</p> })}
            {action.run()}
        </div>
    }
    .into_any()
}

/// What failed, and a way to try again: in place when hydrated, by loading the page again otherwise.
#[component]
pub fn ErrorState(
    /// What failed.
    #[prop(into)]
    text: TextProp,
    /// The words on the button.
    #[prop(into)]
    retry: TextProp,
    /// How to try again in place.
    #[prop(optional, into)]
    on_retry: Option<Callback<()>>,
    /// The page to load instead; itself unless told.
    #[prop(optional, into)]
    href: Option<String>,
) -> impl IntoView {
    let action = match on_retry {
        Some(on_retry) => {
            view! { <ActionButton label=retry glyph=Glyph::REFRESH_CW kind=ButtonKind::Quiet on_press=on_retry /> }
                .into_any()
        }
        None => view! { <LinkButton href=href.unwrap_or_default() label=retry glyph=Glyph::REFRESH_CW /> }.into_any(),
    };
    view! {
        <div class="empty is-faulted" role="alert">
            <Icon glyph=Glyph::CIRCLE_ALERT />
            <p>{words(text)}</p>
            {action}
        </div>
    }
    .into_any()
}

/// Keeps the space of what is still loading.
#[component]
pub fn Skeleton(
    /// Lines of text that will stand here.
    #[prop(default = 3)]
    lines: u8,
) -> impl IntoView {
    view! {
        <div class="skeleton" aria-hidden="true">
            {(0..lines).map(|_| view! { <span></span> }).collect_view()}
        </div>
    }
    .into_any()
}
