//! The pages. Each asks its server function for all that it shows, by its own query string, and draws it again as a
//! whole when the answer or the language changes: views keep their elements where the structure stays the same.

mod details;
mod devices;
mod html;
mod overview;
mod parts;
mod records;
mod settings;

pub use details::DetailsPage;
pub use devices::DevicesPage;
pub use overview::OverviewPage;
pub use records::RecordsPage;
pub use settings::SettingsPage;

use crate::data::{Answer, DataError, PageName, load};
use crate::live::Live;
use crate::text::Lang;
use crate::ui::Ui;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_url;
use serde::de::DeserializeOwned;

/// Draws a page from its data as JSON.
type Draw = Box<dyn Fn(Lang, &str) -> Option<AnyView> + Send + Sync>;

/// A page: which, and how it is drawn.
fn page<T: DeserializeOwned + 'static>(
    name: PageName,
    draw: impl Fn(Lang, T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    drawn_by(name, Box::new(move |lang, json| serde_json::from_str(json).ok().map(|data| draw(lang, data))))
}

const fn title(lang: Lang, name: PageName) -> &'static str {
    match name {
        PageName::Overview => lang.overview(),
        PageName::Details => lang.details(),
        PageName::Devices => lang.devices(),
        PageName::Records => lang.records(),
        PageName::Settings => lang.settings(),
    }
}

/// Sets the document's title.
///
/// Erased on both sides alike: the bundle is compiled with erased components, and a view that leaves nothing in the
/// page has a mark there only when it is erased.
fn page_title(name: impl Fn() -> &'static str + Clone + Send + Sync + 'static) -> AnyView {
    let text = move || [name(), " · BMW"].concat();
    // The server asks for it when the page is complete: its signals may be gone by then, and no thread may know them.
    #[cfg(feature = "ssr")]
    let text = {
        let text = text();
        move || text.clone()
    };
    view! { <Title text=text /> }.into_any()
}

/// The data is asked for anew when the query string changes, and when the live feed has told of a change.
fn drawn_by(name: PageName, draw: Draw) -> AnyView {
    let ui = Ui::get();
    let pulse = Live::get().pulse;
    // The page's own address, not the router's: a page that is left must not ask for what the next one shows.
    let url = use_url();
    let source = move || (url.with(|url| url.search().to_owned()), pulse.get());
    let data = Resource::new_str_blocking(source, move |(search, _)| async move { Answer(load(name, search).await) });
    let shown = move || {
        let lang = ui.lang.get();
        data.get().map(|Answer(answer)| {
            let view = answer.and_then(|json| draw(lang, &json).ok_or(DataError::Protocol));
            view.unwrap_or_else(|error| trouble(lang, &error, move || data.refetch()))
        })
    };
    view! {
        {page_title(move || title(ui.lang.get(), name))}
        <h1 class="page-title">{move || title(ui.lang.get(), name)}</h1>
        <Transition fallback=move || {
            view! {
                <p class="page-loading" role="status">
                    {ui.lang.get().loading()}
                </p>
            }
        }>{shown}</Transition>
    }
    .into_any()
}

/// What failed, and a way to try again that also works as a plain link.
fn trouble(lang: Lang, error: &DataError, retry: impl Fn() + 'static) -> AnyView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::SERVICE_UNAVAILABLE);
    }
    let url = use_url();
    let here = move || {
        let url = url.read();
        format!("{}?{}", url.path(), url.search())
    };
    view! {
        <section class="card trouble" role="alert">
            <h2>{lang.failed_title()}</h2>
            <p>{reason(lang, error)}</p>
            <p>
                <a
                    class="button is-primary"
                    rel="external"
                    href=here
                    on:click=move |event| {
                        event.prevent_default();
                        retry();
                    }
                >
                    {lang.try_again()}
                </a>
            </p>
        </section>
    }
    .into_any()
}

/// Why there is no answer, in words.
fn reason(lang: Lang, error: &DataError) -> &'static str {
    match error {
        DataError::Store => lang.failed_store(),
        DataError::Refused => lang.failed_refused(),
        DataError::Network => lang.failed_network(),
        DataError::Protocol => lang.failed_other(),
    }
}

/// The page that is shown for an address without one.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    let ui = Ui::get();
    view! {
        {page_title(move || ui.lang.get().not_found_title())}
        <section class="card trouble">
            <h1>{move || ui.lang.get().not_found_title()}</h1>
            <p>{move || ui.lang.get().not_found_help()}</p>
            <p>
                <a class="button is-primary" href="/overview/">
                    {move || ui.lang.get().to_overview()}
                </a>
            </p>
        </section>
    }
}
