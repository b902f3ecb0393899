//! Where things are: the checkout and its target folder.

use std::path::{Path, PathBuf};

/// The checkout's root, known since this crate was compiled in it.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

pub fn path(relative: &str) -> PathBuf {
    root().join(relative)
}

/// Cargo's target folder, which users may have moved.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The finished bundle. Always here, wherever cargo's target folder is: the server's build script
/// looks for it here.
pub fn bundle() -> PathBuf {
    path("target/bundle")
}

/// The release program.
pub fn program() -> PathBuf {
    target().join("release").join("bmw")
}

/// This crate's own state: logs, fingerprints, locks.
pub fn state() -> PathBuf {
    path("target/xtask")
}
