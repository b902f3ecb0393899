//! What the browser loads: Trunk builds it, this module finds Trunk's tools, names the files by
//! their final content, and holds the size down.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output, path_with, run_logged};
use crate::progress::{Progress, Step};
use crate::wasm_target::{self, Compiler};
use crate::{fingerprint, project, tools};

/// How many steps [`build`] takes.
pub const STEPS: usize = 5;

/// The most that a browser may have to load, compressed, script and style included.
const LIMIT: u64 = 220_000;

/// Everything that decides what the bundle is.
const INPUTS: &[&str] = &[
    "app/Cargo.toml",
    "app/src",
    "crates/domain/Cargo.toml",
    "crates/domain/src",
    "frontend/Cargo.toml",
    "frontend/src",
    "public",
    "style",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "index.html",
    "xtask/src/bundle.rs",
];

/// Types of components are erased: one instance of the generic code instead of one for each view.
const RUSTFLAGS: &[&str] = &["--cfg", "erase_components"];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Small, for the program.
    Release,
    /// Soon there, for `cargo xtask dev`.
    Quick,
}

impl Kind {
    pub fn folder(self) -> PathBuf {
        match self {
            Self::Release => project::bundle(),
            Self::Quick => project::path("target/bundle-dev"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Quick => "quick",
        }
    }
}

/// Trunk and all that it calls.
pub struct Toolbox {
    compiler: Compiler,
    folders: Vec<PathBuf>,
    bindgen: String,
}

impl Toolbox {
    /// Finds or installs the tools, in four steps.
    pub fn ensure(progress: &Progress) -> Result<Self> {
        let compiler = wasm_target::ensure(&progress.step("WebAssembly target"))?;
        let trunk = tools::trunk();
        let bindgen = tools::wasm_bindgen()?;
        let folders = vec![
            trunk.ensure(&progress.step(trunk.title()))?,
            bindgen.ensure(&progress.step(bindgen.title()))?,
            tools::wasm_opt::ensure(&progress.step(tools::wasm_opt::title()))?,
        ];
        Ok(Self { compiler, folders, bindgen: bindgen.version })
    }

    pub fn has_default_compiler(&self) -> bool {
        matches!(self.compiler, Compiler::Default)
    }

    fn fingerprint(&self, kind: Kind) -> Result<String> {
        let versions = [kind.name(), tools::TRUNK, tools::BINARYEN, &self.bindgen, &self.compiler.version()];
        fingerprint::of(INPUTS, &versions)
    }
}

/// Finds or installs the tools and builds the bundle, unless it is there and nothing changed.
pub fn build(progress: &Progress) -> Result<Toolbox> {
    let toolbox = Toolbox::ensure(progress)?;
    build_with(&toolbox, &progress.step("bundle"), Kind::Release)?;
    Ok(toolbox)
}

pub fn build_with(toolbox: &Toolbox, step: &Step, kind: Kind) -> Result<()> {
    let _lock = lock(step)?;
    let wanted = toolbox.fingerprint(kind)?;
    let mark = project::state().join(format!("bundle-{}", kind.name()));
    let built = kind.folder().join("pkg").is_dir();
    if let Ok(found) = fs::read_to_string(&mark)
        && let Some((fingerprint, sizes)) = found.split_once('\n')
        && built
        && fingerprint == wanted
    {
        step.done(&format!("unchanged. {}", sizes.trim()));
        return Ok(());
    }
    fs::remove_file(&mark).ok();
    step.say(match kind {
        Kind::Release => "building, about 2 min",
        Kind::Quick => "building",
    });
    let dist = run_trunk(toolbox, step, kind)?;
    let files = assemble(&dist, &kind.folder())?;
    let sizes = match kind {
        Kind::Release => weigh(&files)?,
        Kind::Quick => String::new(),
    };
    fs::write(&mark, format!("{wanted}\n{sizes}\n"))?;
    step.done(&format!("built. {sizes}"));
    Ok(())
}

/// One bundle at a time in one checkout.
fn lock(step: &Step) -> Result<File> {
    fs::create_dir_all(project::state())?;
    let file = File::create(project::state().join("lock"))?;
    if file.try_lock().is_err() {
        step.say("waiting for another xtask, which is building");
        file.lock()?;
    }
    Ok(file)
}

/// Runs Trunk, and gives back the folder that it has filled.
fn run_trunk(toolbox: &Toolbox, step: &Step, kind: Kind) -> Result<PathBuf> {
    // Trunk runs offline, so that it takes the tools it is given instead of downloading others:
    // the crates must be there before.
    let mut fetch = command("cargo");
    fetch.arg("fetch");
    if crate::test::in_ci() {
        fetch.arg("--locked");
    }
    run_logged(step, &mut fetch, "fetch")?;

    let dist = project::path("target/wasm/dist");
    let mut trunk = command("trunk");
    trunk
        .args(["build", "--offline", "true", "--color", "never", "--dist"])
        .arg(&dist)
        .env("PATH", path_with(&toolbox.folders)?)
        .env("TRUNK_TOOLS_WASM_BINDGEN", &toolbox.bindgen)
        // Some machines have this set to 1, which Trunk takes for a wrong value.
        .env_remove("NO_COLOR")
        // A folder of its own: another compiler and other flags must not make the server's build
        // start from nothing, nor wait for this one.
        .env("CARGO_TARGET_DIR", project::path("target/wasm"));
    if kind == Kind::Release {
        trunk.arg("--release");
    }
    toolbox.compiler.apply(&mut trunk, RUSTFLAGS);
    run_logged(step, &mut trunk, "trunk-build")?;
    Ok(dist)
}

/// The three files that every page names.
struct Files {
    script: PathBuf,
    module: PathBuf,
    style: PathBuf,
}

/// Puts the bundle together from Trunk's files. Trunk names the module by what the compiler wrote,
/// so that the same name could stand for another content once `wasm-opt` or its flags change. As
/// browsers may keep these files for ever, they are named again here, by what is in them.
fn assemble(dist: &Path, folder: &Path) -> Result<Files> {
    let script = one_with_suffix(&dist.join("pkg"), ".js")?;
    let module = one_with_suffix(&dist.join("pkg"), "_bg.wasm")?;
    let style = one_with_suffix(&dist.join("pkg"), ".css")?;
    // The script and the module belong together: one hash for both.
    let code = fingerprint::of_bytes(&[&fs::read(&script)?, &fs::read(&module)?]);
    let look = fingerprint::of_bytes(&[&fs::read(&style)?]);

    let fresh = folder.with_extension("partial");
    fs::remove_dir_all(&fresh).ok();
    let pkg = fresh.join("pkg");
    fs::create_dir_all(&pkg)?;
    fs::copy(&script, pkg.join(format!("bmw-{code}.js")))?;
    fs::copy(&module, pkg.join(format!("bmw-{code}_bg.wasm")))?;
    fs::copy(&style, pkg.join(format!("bmw-{look}.css")))?;
    for file in fingerprint::files(dist)? {
        let relative = file.strip_prefix(dist)?;
        if [&script, &module, &style].contains(&&file) || relative == Path::new("index.html") {
            continue;
        }
        let to = fresh.join(relative);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&file, to)?;
    }
    fs::remove_dir_all(folder).ok();
    fs::rename(&fresh, folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let pkg = folder.join("pkg");
    Ok(Files {
        script: pkg.join(format!("bmw-{code}.js")),
        module: pkg.join(format!("bmw-{code}_bg.wasm")),
        style: pkg.join(format!("bmw-{look}.css")),
    })
}

fn one_with_suffix(folder: &Path, suffix: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_str().is_some_and(|path| path.ends_with(suffix)) {
            found.push(path);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        count => bail!("Trunk wrote {count} files *{suffix} into {}", folder.display()),
    }
}

/// Says what the bundle weighs, and refuses one that is too heavy.
fn weigh(files: &Files) -> Result<String> {
    let module = brotli_size(&files.module)?;
    let script = brotli_size(&files.script)?;
    let style = brotli_size(&files.style)?;
    let total = module + script + style;
    let sizes = format!(
        "{} KB brotli: WebAssembly {}, JavaScript {}, CSS {} (at most {})",
        kilobytes(total),
        kilobytes(module),
        kilobytes(script),
        kilobytes(style),
        kilobytes(LIMIT)
    );
    if total > LIMIT {
        bail!("the bundle is too heavy: {sizes}");
    }
    Ok(sizes)
}

/// Measured by Node, which `wasm-opt` needs anyway: a compressor as a dependency would make the
/// first start of this program slow.
fn brotli_size(path: &Path) -> Result<u64> {
    const SCRIPT: &str = "const bytes = require('fs').readFileSync(process.argv[1]);\
                          console.log(require('zlib').brotliCompressSync(bytes).length)";
    let mut node = Command::new("node");
    node.args(["-e", SCRIPT]).arg(path);
    output(&mut node).and_then(|size| size.parse().ok()).with_context(|| format!("cannot measure {}", path.display()))
}

fn kilobytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(kilobytes(LIMIT), "220.0");
        assert_eq!(kilobytes(1_954), "1.9");
    }
}
