//! The names of what the browser loads besides the page.

/// The bundle's files, as paths on this server. Each name contains a hash of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The script, an ES module with `default` (loads the WebAssembly) and `hydrate`.
    pub js: String,
    /// The WebAssembly, to be handed to the script's `default`.
    pub wasm: String,
    /// The style sheet.
    pub css: String,
}
