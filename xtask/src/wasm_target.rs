//! A compiler that can build for the browser, by either of two ways.
//!
//! rustup's servers have the standard library for `wasm32-unknown-unknown` ready. Where they are
//! out of reach, Debian's packages `rustc-web` and `rust-web-src` have a compiler and the source
//! that belongs to it: the library is then built here, once, into a folder of our own, which the
//! compiler is told of by `--sysroot`. Nothing is written into the system's own folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output, run_logged, try_logged, which};
use crate::progress::Step;
use crate::tools::{self, Scratch};
use crate::{apt, project};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// The oldest compiler that the workspace builds with, as in its `rust-version`.
const OLDEST: (u32, u32) = (1, 95);

/// How long rustup may try. Its download takes seconds where its servers are in reach.
const RUSTUP_LIMIT: Duration = Duration::from_mins(1);
/// How long a failure of rustup is remembered: a second run must not wait for it again.
const RUSTUP_AGAIN: Duration = Duration::from_hours(24);

/// The compiler for the bundle.
pub enum Compiler {
    /// The one that cargo takes anyway.
    Default,
    /// Debian's, with the library that was built here.
    Debian { sysroot: PathBuf, linker: PathBuf },
}

impl Compiler {
    /// Makes a command that calls cargo for the target use this compiler, with these flags.
    pub fn apply(&self, command: &mut Command, mut flags: Vec<String>) {
        tools::without_overrides(command);
        if let Self::Debian { sysroot, linker } = self {
            command.env("RUSTC", DEBIAN_RUSTC).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            flags.push(format!("--sysroot={}", sysroot.display()));
        } else {
            command.env_remove("RUSTC");
        }
        // Flags for the target alone: build scripts and macros run on this machine.
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags.join(" "));
    }

    /// What the compiler says of itself: another one makes another bundle.
    pub fn version(&self) -> String {
        let program = match self {
            Self::Default => "rustc",
            Self::Debian { .. } => DEBIAN_RUSTC,
        };
        output(command(program).arg("-vV")).unwrap_or_default()
    }

    pub fn describe(&self) -> String {
        match self {
            Self::Default => "there, with the default compiler".to_owned(),
            Self::Debian { sysroot, .. } => {
                format!("there, Debian's compiler with {}", sysroot.display())
            }
        }
    }
}

/// The compiler, if there is one already.
pub fn find() -> Result<Option<Compiler>> {
    if let Some(sysroot) = sysroot_of("rustc")
        && has_library(&sysroot)
    {
        return Ok(Some(Compiler::Default));
    }
    find_debian()
}

/// The compiler, which is installed when it is missing.
pub fn ensure(step: &Step) -> Result<Compiler> {
    if let Some(compiler) = find()? {
        step.done(&compiler.describe());
        return Ok(compiler);
    }
    let _lock = tools::lock(step)?;
    if let Some(compiler) = find()? {
        step.done(&compiler.describe());
        return Ok(compiler);
    }
    if !by_rustup(step)? {
        by_debian(step)?;
    }
    let compiler = find()?.context("the WebAssembly target is still missing")?;
    step.done("installed");
    Ok(compiler)
}

fn sysroot_of(rustc: &str) -> Option<PathBuf> {
    output(command(rustc).args(["--print", "sysroot"])).map(PathBuf::from)
}

fn has_library(sysroot: &Path) -> bool {
    let Ok(entries) = fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib")) else {
        return false;
    };
    entries.flatten().any(|entry| is_library(&entry.path(), "libstd-"))
}

fn is_library(path: &Path, prefix: &str) -> bool {
    path.extension().is_some_and(|end| end == "rlib")
        && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(prefix))
}

fn by_rustup(step: &Step) -> Result<bool> {
    let failed = tools::cache()?.join("rustup-out-of-reach");
    if which("rustup").is_none() || is_recent(&failed) {
        return Ok(false);
    }
    step.say(&format!("rustup target add {TARGET}"));
    let mut add = command("rustup");
    add.args(["target", "add", TARGET]);
    // The toolchain that cargo has chosen for this checkout, also when it is not the default one.
    if let Ok(toolchain) = std::env::var("RUSTUP_TOOLCHAIN") {
        add.args(["--toolchain", &toolchain]);
    }
    if try_logged(step, &mut add, "rustup", Some(RUSTUP_LIMIT))? {
        return Ok(true);
    }
    step.say("rustup's servers are out of reach, so Debian's compiler it is");
    fs::write(&failed, "")?;
    Ok(false)
}

fn is_recent(path: &Path) -> bool {
    fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age < RUSTUP_AGAIN))
}

fn find_debian() -> Result<Option<Compiler>> {
    let Some(sysroot) = debian_home()?.filter(|home| has_library(home)) else {
        return Ok(None);
    };
    Ok(find_linker().map(|linker| Compiler::Debian { sysroot, linker }))
}

/// Where the library for Debian's compiler belongs, if that compiler and its source are there.
fn debian_home() -> Result<Option<PathBuf>> {
    let Some(version) = output(command(DEBIAN_RUSTC).arg("--version")) else {
        return Ok(None);
    };
    // `rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)`
    let mut words = version.split_whitespace().skip(1);
    let (Some(number), Some(commit)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let has_source =
        sysroot_of(DEBIAN_RUSTC).is_some_and(|root| root.join("lib/rustlib/src/rust/library/std").is_dir());
    if !has_source || !is_new_enough(number) {
        return Ok(None);
    }
    let commit = commit.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    Ok(Some(tools::cache()?.join(format!("{TARGET}-{number}-{commit}"))))
}

fn is_new_enough(number: &str) -> bool {
    let mut parts = number.split('.').map_while(|part| part.parse().ok());
    matches!((parts.next(), parts.next()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

/// LLVM's linker. rustup's toolchains bring it; Debian has it in a package of its own.
fn find_linker() -> Option<PathBuf> {
    let rustups = sysroot_of("rustc").and_then(|sysroot| {
        let host = output(command("rustc").args(["--print", "host-tuple"]))?;
        let lld = sysroot.join("lib/rustlib").join(host).join("bin").join("rust-lld");
        lld.is_file().then_some(lld)
    });
    rustups.or_else(|| which("rust-lld")).or_else(|| which("wasm-ld"))
}

fn by_debian(step: &Step) -> Result<()> {
    if debian_home()?.is_none() {
        apt::install(step, &["rustc-web", "rust-web-src"])?;
    }
    if find_linker().is_none() {
        apt::install(step, &["lld"])?;
    }
    let Some(home) = debian_home()? else {
        bail!(
            "{DEBIAN_RUSTC} is older than {}.{} or lacks its source: Debian's packages rustc-web \
             and rust-web-src should have brought both",
            OLDEST.0,
            OLDEST.1
        );
    };
    let linker = find_linker().context("LLVM's linker is still missing")?;
    build_library(step, &home, &linker)
}

/// Builds the standard library from Debian's source, as a by-product of an empty crate.
fn build_library(step: &Step, home: &Path, linker: &Path) -> Result<()> {
    step.say("building the standard library, about half a minute");
    let work = project::state().join("empty-crate");
    fs::remove_dir_all(&work).ok();
    fs::create_dir_all(work.join("src"))?;
    // The empty `[workspace]` keeps cargo from taking the crate for a member of ours.
    fs::write(work.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2024\"\n[workspace]\n")?;
    fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;

    let mut build = command("cargo");
    tools::without_overrides(&mut build);
    build
        .current_dir(&work)
        .args(["build", "--release", "--target", TARGET])
        .arg("-Zbuild-std=std,panic_abort")
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("RUSTC", DEBIAN_RUSTC)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
        // Unlocks `-Zbuild-std`, here and nowhere else: with it, build scripts take a compiler for
        // a nightly.
        .env("RUSTC_BOOTSTRAP", "1");
    run_logged(step, &mut build, "standard-library")?;

    let scratch = Scratch::beside(home)?;
    let lib = scratch.path().join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&lib)?;
    for entry in fs::read_dir(work.join("target").join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        if is_library(&path, "lib")
            && !is_library(&path, "libempty-")
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, lib.join(name))?;
        }
    }
    scratch.keep_as(home)?;
    fs::remove_dir_all(&work).ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_new_enough("1.95.0"));
        assert!(is_new_enough("1.100.0"));
        assert!(is_new_enough("2.0.0"));
        assert!(!is_new_enough("1.63.0"));
        assert!(!is_new_enough("nonsense"));
    }

    #[test]
    fn only_libraries_are_copied() {
        assert!(is_library(Path::new("a/libstd-12.rlib"), "libstd-"));
        assert!(!is_library(Path::new("a/libstd-12.rmeta"), "libstd-"));
        assert!(!is_library(Path::new("a/libempty-1.rlib"), "libstd-"));
    }
}
