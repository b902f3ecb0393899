//! Whether anything changed since a result was made: a hash over files and words.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::project;

/// The hash of these files and folders of the checkout, names and contents, and of these words.
/// Missing files count as missing, which is a state like any other.
pub fn of(paths: &[&str], words: &[&str]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    for path in paths {
        for file in files(&project::path(path))? {
            file.strip_prefix(project::root()).unwrap_or(&file).hash(&mut hasher);
            read(&file)?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The hash of a file's content, for its name.
pub fn of_bytes(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// All files at and below a path, in an order that does not depend on the file system.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("cannot list {}", path.display()))?;
        entries.sort();
        for entry in entries {
            found.extend(files(&entry)?);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files_both_count() {
        let one = of(&["Cargo.toml"], &["a"]).unwrap();
        assert_eq!(one, of(&["Cargo.toml"], &["a"]).unwrap());
        assert_ne!(one, of(&["Cargo.toml"], &["b"]).unwrap());
        assert_ne!(one, of(&["Cargo.lock"], &["a"]).unwrap());
    }

    #[test]
    fn content_decides_the_name() {
        assert_ne!(of_bytes(&[b"a", b"b"]), of_bytes(&[b"ab", b""]));
    }
}
