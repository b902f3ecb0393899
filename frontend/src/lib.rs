//! The browser's entry: takes over the page that the server has rendered.

use leptos::prelude::window;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's script as soon as the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // Without a name for the page it works all the same.
    drop(name_as_links_do());
    leptos::mount::hydrate_body(bmw_app::App);
}

/// The server answers `/devices` like `/devices/`; links and forms say the latter. To the router they are two places of
/// one page, and a way from the one to the other none.
fn name_as_links_do() -> Result<(), JsValue> {
    let location = window().location();
    let path = location.pathname()?;
    if !path.ends_with('/') {
        let address = [path, "/".to_owned(), location.search()?, location.hash()?].concat();
        window().history()?.replace_state_with_url(&JsValue::NULL, "", Some(&address))?;
    }
    Ok(())
}
