//! What the browser loads: Trunk builds it, this module finds Trunk's tools, names the files by
//! their final content, and holds the size down.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output, path_with, run_logged};
use crate::progress::{Progress, Step};
use crate::wasm_target::{self, Compiler};
use crate::{fingerprint, imports, project, tools};

/// How many steps [`build`] takes.
pub const STEPS: usize = 5;

/// The most that a browser may have to load, compressed, script and style included, bytes.
const LIMIT: u64 = 255_000;

/// Everything that decides what the bundle is.
const INPUTS: &[&str] = &[
    "app/Cargo.toml",
    "app/src",
    "crates/domain/Cargo.toml",
    "crates/domain/src",
    "frontend/Cargo.toml",
    "frontend/src",
    "style",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "index.html",
    "xtask/src/bundle.rs",
    "xtask/src/imports.rs",
];

/// Types of components are erased: one instance of the generic code instead of one for each view. The
/// bundle is a quarter smaller for it: 331 KB against 426 KB brotli when that was measured. What panics
/// say of where they come from names no folder of this machine.
fn rustflags() -> Vec<String> {
    let mut flags = vec!["--cfg".to_owned(), "erase_components".to_owned()];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    // Flags are told apart by spaces.
    if let Some(home) = home.as_deref().and_then(Path::to_str).filter(|home| !home.contains(char::is_whitespace)) {
        flags.push(format!("--remap-path-prefix={home}/registry/src=crates"));
    }
    flags
}

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

/// A bundle that is there.
pub struct Bundle {
    /// What it was built with.
    pub toolbox: Toolbox,
    weight: Option<Weight>,
}

impl Bundle {
    /// Refuses a bundle that is too heavy. Not done while it is built: who works on it wants to see
    /// the program all the same.
    pub fn check_weight(&self) -> Result<()> {
        match &self.weight {
            Some(weight) if weight.total > LIMIT => bail!("the bundle is too heavy: {weight}"),
            _ => Ok(()),
        }
    }
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
        let versions =
            [kind.name(), tools::TRUNK, tools::BINARYEN, tools::TERSER, &self.bindgen, &self.compiler.version()];
        fingerprint::of(INPUTS, &versions)
    }
}

/// Finds or installs the tools and builds the bundle, unless it is there and nothing changed.
pub fn build(progress: &Progress) -> Result<Bundle> {
    let toolbox = Toolbox::ensure(progress)?;
    let weight = build_with(&toolbox, &progress.step("bundle"), Kind::Release)?;
    Ok(Bundle { toolbox, weight })
}

/// Builds the bundle with these tools. Weighs it if it is one for the program.
pub fn build_with(toolbox: &Toolbox, step: &Step, kind: Kind) -> Result<Option<Weight>> {
    let _lock = lock(step)?;
    let wanted = toolbox.fingerprint(kind)?;
    let mark = project::state().join(format!("bundle-{}", kind.name()));
    let folder = kind.folder();
    let unchanged = fs::read_to_string(&mark).is_ok_and(|found| found == wanted);
    if unchanged && let Ok(files) = Files::find(&folder.join("pkg")) {
        let weight = weigh(&files, kind)?;
        step.done(&with_weight("unchanged", weight.as_ref()));
        return Ok(weight);
    }
    fs::remove_file(&mark).ok();
    step.say(match kind {
        Kind::Release => "building, about 2 min",
        Kind::Quick => "building",
    });
    let dist = run_trunk(toolbox, step, kind)?;
    if kind == Kind::Release {
        minify(toolbox, step, &dist)?;
    }
    let files = assemble(&dist, &folder)?;
    let weight = weigh(&files, kind)?;
    fs::write(&mark, wanted)?;
    step.done(&with_weight("built", weight.as_ref()));
    Ok(weight)
}

fn with_weight(what: &str, weight: Option<&Weight>) -> String {
    match weight {
        Some(weight) => format!("{what}, {weight}"),
        None => what.to_owned(),
    }
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
    toolbox.compiler.apply(&mut trunk, rustflags());
    run_logged(step, &mut trunk, "trunk-build")?;
    Ok(dist)
}

/// Makes the script small that stands between the page and the module, and what they call each other: wasm-bindgen writes both to
/// be read.
fn minify(toolbox: &Toolbox, step: &Step, dist: &Path) -> Result<()> {
    let (script, module) = code(&dist.join("pkg"))?;
    let mut terser = command("terser");
    terser.arg(&script).args(["--module", "--compress", "--mangle", "--output"]).arg(&script);
    run_logged(step, terser.env("PATH", path_with(&toolbox.folders)?), "terser")?;
    let (small_script, small_module) = imports::shorten(&fs::read_to_string(&script)?, &fs::read(&module)?)?;
    fs::write(&script, small_script)?;
    fs::write(&module, small_module)?;
    Ok(())
}

/// The three files that every page names.
struct Files {
    script: PathBuf,
    module: PathBuf,
    style: PathBuf,
}

impl Files {
    fn find(pkg: &Path) -> Result<Self> {
        let (script, module) = code(pkg)?;
        Ok(Self { script, module, style: one_with_suffix(pkg, ".css")? })
    }
}

/// Puts the bundle together from Trunk's files. Trunk names the module by what the compiler wrote,
/// so that the same name could stand for another content once `wasm-opt` or its flags change. As
/// browsers may keep these files for ever, they are named again here, by what is in them.
fn assemble(dist: &Path, folder: &Path) -> Result<Files> {
    let (script, module) = code(&dist.join("pkg"))?;
    let sheets = style_sheets(dist)?;
    let style = joined(&sheets)?;
    // The script and the module belong together: one hash for both.
    let code = fingerprint::of_bytes(&[&fs::read(&script)?, &fs::read(&module)?]);
    let look = fingerprint::of_bytes(&[&style]);

    let fresh = folder.with_extension("partial");
    fs::remove_dir_all(&fresh).ok();
    let pkg = fresh.join("pkg");
    fs::create_dir_all(&pkg)?;
    fs::copy(&script, pkg.join(format!("bmw-{code}.js")))?;
    fs::copy(&module, pkg.join(format!("bmw-{code}_bg.wasm")))?;
    fs::write(pkg.join(format!("bmw-{look}.css")), &style)?;
    for file in fingerprint::files(dist)? {
        let relative = file.strip_prefix(dist)?;
        if [&script, &module].contains(&&file) || sheets.contains(&file) || relative == Path::new("index.html") {
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
    Files::find(&folder.join("pkg"))
}

/// The script and the module.
fn code(pkg: &Path) -> Result<(PathBuf, PathBuf)> {
    Ok((one_with_suffix(pkg, ".js")?, one_with_suffix(pkg, "_bg.wasm")?))
}

/// The style sheets in the order of Trunk's list, which its own page keeps: there are several for whoever reads them, and a
/// page asks for one.
fn style_sheets(dist: &Path) -> Result<Vec<PathBuf>> {
    let page = fs::read_to_string(dist.join("index.html"))?;
    // Minified, a link has no quotes.
    let links =
        page.split(['"', '=', ' ', '>']).filter(|text| Path::new(text).extension().is_some_and(|it| it == "css"));
    let sheets: Vec<PathBuf> = links.map(|link| dist.join(link.trim_start_matches('/'))).collect();
    if sheets.is_empty() {
        bail!("Trunk wrote no style sheet into {}", dist.display());
    }
    Ok(sheets)
}

fn joined(files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for file in files {
        all.extend(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
        all.push(b'\n');
    }
    Ok(all)
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

/// What a browser has to load, compressed, in bytes.
pub struct Weight {
    total: u64,
    module: u64,
    script: u64,
    style: u64,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} KB brotli (at most {}): WebAssembly {}, JavaScript {}, CSS {}",
            kilobytes(self.total),
            kilobytes(LIMIT),
            kilobytes(self.module),
            kilobytes(self.script),
            kilobytes(self.style),
        )
    }
}

fn weigh(files: &Files, kind: Kind) -> Result<Option<Weight>> {
    if kind == Kind::Quick {
        return Ok(None);
    }
    let module = brotli_size(&files.module)?;
    let script = brotli_size(&files.script)?;
    let style = brotli_size(&files.style)?;
    Ok(Some(Weight { total: module + script + style, module, script, style }))
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
        assert_eq!(kilobytes(LIMIT), "255.0");
        assert_eq!(kilobytes(1_954), "1.9");
    }
}
