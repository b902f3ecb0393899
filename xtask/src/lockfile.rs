//! Versions that `Cargo.lock` decides.

use anyhow::{Context as _, Result};

use crate::project;

/// The locked version of a package.
pub fn version_of(package: &str) -> Result<String> {
    let path = project::path("Cargo.lock");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    find(&text, package).with_context(|| format!("Cargo.lock has no package {package}"))
}

/// `Cargo.lock` is written by cargo alone, always in this form: no TOML parser is needed.
fn find(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    lines.find(|line| *line == name)?;
    let version = lines.next()?.strip_prefix("version = \"")?;
    Some(version.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_exact_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"0.2.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(find(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(find(lock, "bindgen"), None);
    }
}
