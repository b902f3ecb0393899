//! The browser's entry: takes over the page that the server has rendered.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's script as soon as the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(bmw_app::App);
}
