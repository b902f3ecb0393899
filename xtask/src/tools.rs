//! Tools of an exact version, kept in the user's cache for every checkout: found there, or
//! installed there once.
//!
//! A tool's folder carries its version, and appears by a rename when the tool is complete: an
//! interrupted installation leaves nothing that counts. A lock keeps two commands from installing
//! at once; the second one finds the tool when its turn comes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output, run_logged, which};
use crate::progress::Step;
use crate::{apt, fingerprint, lockfile, project};

pub const TRUNK: &str = "0.21.14";
pub const CARGO_FUZZ: &str = "0.13.2";
pub const BINARYEN: &str = "132.0.0";
/// The version of `terser`.
pub const TERSER: &str = "5.51.4";
pub const CARGO_DENY: &str = "0.20.2";
pub const GECKODRIVER: &str = "0.37.1";

/// A tool that is compiled from its crate.
pub struct CargoTool {
    pub name: &'static str,
    /// The package, where it differs from the program.
    package: &'static str,
    pub version: String,
    /// Whether its own lock file is sound with the current compiler.
    locked: bool,
    /// Whether it works so little that optimising it takes longer than it saves.
    unoptimised: bool,
    takes: &'static str,
}

pub fn trunk() -> CargoTool {
    CargoTool {
        name: "trunk",
        package: "trunk",
        version: TRUNK.to_owned(),
        locked: true,
        unoptimised: false,
        takes: "about 8 min",
    }
}

pub fn cargo_fuzz() -> CargoTool {
    let name = "cargo-fuzz";
    CargoTool {
        name,
        package: name,
        version: CARGO_FUZZ.to_owned(),
        locked: true,
        unoptimised: false,
        takes: "about 2 min",
    }
}

/// Looks at what the program is built on.
pub fn cargo_deny() -> CargoTool {
    let name = "cargo-deny";
    CargoTool {
        name,
        package: name,
        version: CARGO_DENY.to_owned(),
        locked: true,
        unoptimised: true,
        takes: "about 1 min",
    }
}

/// Drives Firefox.
pub fn geckodriver() -> CargoTool {
    let name = "geckodriver";
    CargoTool {
        name,
        package: name,
        version: GECKODRIVER.to_owned(),
        locked: true,
        unoptimised: true,
        takes: "about 1 min",
    }
}

/// Its version must be exactly that of the library in the bundle.
pub fn wasm_bindgen() -> Result<CargoTool> {
    Ok(CargoTool {
        name: "wasm-bindgen",
        package: "wasm-bindgen-cli",
        version: lockfile::version_of("wasm-bindgen")?,
        locked: false,
        unoptimised: false,
        takes: "about 3 min",
    })
}

impl CargoTool {
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn home(&self) -> Result<PathBuf> {
        Ok(cache()?.join(format!("{}-{}", self.name, self.version)))
    }

    /// The folder of the program, if it is there: installed here, or of the right version on PATH.
    pub fn find(&self) -> Result<Option<PathBuf>> {
        let bin = self.home()?.join("bin");
        if bin.join(self.name).is_file() {
            return Ok(Some(bin));
        }
        let Some(program) = which(self.name) else {
            return Ok(None);
        };
        let version = output(command(&program).arg("--version")).unwrap_or_default();
        let same = version.split_whitespace().any(|word| word == self.version);
        Ok(program.parent().filter(|_| same).map(Path::to_owned))
    }

    /// The folder of the program, which is compiled when it is missing.
    pub fn ensure(&self, step: &Step) -> Result<PathBuf> {
        if let Some(bin) = self.find()? {
            step.done("there");
            return Ok(bin);
        }
        let _lock = lock(step)?;
        if let Some(bin) = self.find()? {
            step.done("there");
            return Ok(bin);
        }
        step.say(&format!("compiling, {} on two cores", self.takes));
        let home = self.home()?;
        let scratch = Scratch::beside(&home)?;
        // Kept when the command is interrupted: the next try goes on where this one stopped.
        let objects = cache()?.join(format!("{}-{}.objects", self.name, self.version));
        let mut install = command("cargo");
        install
            .args(["install", self.package, "--version", &self.version])
            .arg("--root")
            .arg(scratch.path())
            .env("CARGO_TARGET_DIR", &objects);
        without_overrides(&mut install);
        if self.locked {
            install.arg("--locked");
        }
        if self.unoptimised {
            install.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "false");
        }
        run_logged(step, &mut install, self.name)?;
        scratch.keep_as(&home)?;
        fs::remove_dir_all(&objects).ok();
        step.done("installed");
        Ok(home.join("bin"))
    }
}

/// Compiler settings of the caller must not reach the tools.
pub fn without_overrides(cargo: &mut Command) {
    for name in
        ["RUSTC_BOOTSTRAP", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"]
    {
        cargo.env_remove(name);
    }
}

/// `wasm-opt`, which npm's package `binaryen` brings, and `terser`, which makes the script beside the module small.
pub mod wasm_opt {
    use super::{BINARYEN, Path, PathBuf, Result, Scratch, Step, TERSER, cache, command, ensure_npm, lock, run_logged};

    pub fn title() -> String {
        format!("wasm-opt {BINARYEN} and terser {TERSER}")
    }

    fn bin(home: &Path) -> PathBuf {
        home.join("node_modules").join(".bin")
    }

    fn home() -> Result<PathBuf> {
        Ok(cache()?.join(format!("binaryen-{BINARYEN}-terser-{TERSER}")))
    }

    pub fn find() -> Result<Option<PathBuf>> {
        let bin = bin(&home()?);
        Ok(Some(bin).filter(|bin| bin.join("wasm-opt").is_file()))
    }

    pub fn ensure(step: &Step) -> Result<PathBuf> {
        // It runs in Node, and so does the bundle's measuring.
        ensure_npm(step)?;
        let _lock = lock(step)?;
        if let Some(bin) = find()? {
            step.done("there");
            return Ok(bin);
        }
        step.say("installing with npm");
        let home = home()?;
        let scratch = Scratch::beside(&home)?;
        let mut install = command("npm");
        install
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
            .arg("--prefix")
            .arg(scratch.path())
            .arg(format!("binaryen@{BINARYEN}"))
            .arg(format!("terser@{TERSER}"));
        run_logged(step, &mut install, "binaryen")?;
        scratch.keep_as(&home)?;
        step.done("installed");
        Ok(bin(&home))
    }
}

pub fn find_npm() -> Option<PathBuf> {
    which("node").and(which("npm"))
}

pub fn ensure_npm(step: &Step) -> Result<()> {
    if find_npm().is_none() {
        apt::install(step, &["nodejs", "npm"])?;
    }
    Ok(())
}

pub fn find_chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| which(name))
}

/// Whether Chinese can be drawn, without which pictures of pages show boxes.
pub fn has_cjk_font() -> bool {
    match output(command("fc-list").args([":lang=zh", "family"])) {
        Some(fonts) => !fonts.is_empty(),
        None => Path::new("/usr/share/fonts/opentype/noto").is_dir(),
    }
}

/// Whether the font is there that Debian's browsers draw with, where nothing else was chosen.
fn has_latin_font() -> bool {
    output(command("fc-list").args(["DejaVu Sans", "family"])).is_none_or(|fonts| !fonts.is_empty())
}

/// The fonts that pages are drawn with, each with its version; `None` where the machine does not tell.
pub fn fonts() -> Option<String> {
    let found = |pattern: &str| output(command("fc-match").args(["--format", "%{family} %{fontversion}\n", pattern]));
    let fonts: Option<Vec<String>> =
        ["system-ui", "system-ui:bold", "Noto Sans CJK SC", "Noto Sans CJK SC:bold"].into_iter().map(found).collect();
    fonts.map(|fonts| fonts.join("\n") + "\n")
}

pub fn find_firefox() -> Option<PathBuf> {
    ["firefox-esr", "firefox"].iter().find_map(|name| which(name))
}

pub fn ensure_firefox(step: &Step) -> Result<PathBuf> {
    if find_firefox().is_none() {
        apt::install(step, &["firefox-esr"])?;
    }
    let firefox = find_firefox().context("Firefox is still missing")?;
    step.done("there");
    Ok(firefox)
}

/// A browser for the tests, with fonts for both languages.
pub fn ensure_chromium(step: &Step) -> Result<PathBuf> {
    let mut missing = Vec::new();
    if find_chromium().is_none() {
        missing.push("chromium");
    }
    if !has_cjk_font() {
        missing.push("fonts-noto-cjk");
    }
    if !has_latin_font() {
        missing.push("fonts-dejavu-core");
    }
    if missing.is_empty() {
        step.done("there");
    } else {
        apt::install(step, &missing)?;
        step.done("installed");
    }
    find_chromium().context("chromium is still missing")
}

/// The folder of PostgreSQL's own programs: the newest version that Debian has installed, else
/// whatever PATH finds.
pub fn find_postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").is_file().then_some((version, bin))
        })
        .max();
    match newest {
        Some((_, bin)) => Some(bin),
        None => Some(which("initdb")?.parent()?.to_owned()),
    }
}

pub fn ensure_postgres(step: &Step) -> Result<PathBuf> {
    if find_postgres().is_none() {
        apt::install(step, &["postgresql"])?;
    }
    let bin = find_postgres().context("PostgreSQL is still missing")?;
    step.done(&format!("there, {}", bin.display()));
    Ok(bin)
}

pub fn ensure_wrk(step: &Step) -> Result<PathBuf> {
    if which("wrk").is_none() {
        apt::install(step, &["wrk"])?;
    }
    let wrk = which("wrk").context("wrk is still missing")?;
    step.done("there");
    Ok(wrk)
}

/// Python packages of exact versions in an environment of their own.
pub struct PythonTool {
    name: &'static str,
    version: &'static str,
    packages: &'static [&'static str],
}

/// Tries the routes against their OpenAPI document.
pub const SCHEMATHESIS: PythonTool =
    PythonTool { name: "schemathesis", version: "4.32.5", packages: &["schemathesis==4.32.5"] };

/// Charge points that are not ours.
pub const PYTHON_OCPP: PythonTool =
    PythonTool { name: "ocpp", version: "2.1.0", packages: &["ocpp==2.1.0", "websockets==15.0.1"] };

impl PythonTool {
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn home(&self) -> Result<PathBuf> {
        Ok(cache()?.join(format!("{}-{}", self.name, self.version)))
    }

    /// The scripts of a Python environment name its folder, so it cannot be made elsewhere and
    /// moved: a mark, written last, tells that it is complete.
    fn mark(home: &Path) -> PathBuf {
        home.join("complete")
    }

    /// The folder of its programs, if it is there.
    pub fn find(&self) -> Result<Option<PathBuf>> {
        let home = self.home()?;
        // An environment dies with the Python that it was made with.
        let alive = || output(command(home.join("bin/python")).arg("--version")).is_some();
        Ok((Self::mark(&home).is_file() && alive()).then(|| home.join("bin")))
    }

    pub fn ensure(&self, step: &Step) -> Result<PathBuf> {
        let _lock = lock(step)?;
        if let Some(bin) = self.find()? {
            step.done("there");
            return Ok(bin);
        }
        let home = self.home()?;
        fs::remove_dir_all(&home).ok();
        ensure_venv(step)?;
        step.say("installing with pip");
        let mut create = command("python3");
        create.args(["-m", "venv"]).arg(&home);
        run_logged(step, &mut create, "venv")?;
        let mut install = command(home.join("bin/python"));
        install.args(["-m", "pip", "install", "--disable-pip-version-check"]).args(self.packages);
        run_logged(step, &mut install, self.name)?;
        fs::write(Self::mark(&home), "")?;
        step.done("installed");
        Ok(home.join("bin"))
    }
}

/// Debian's Python comes without what makes environments.
fn ensure_venv(step: &Step) -> Result<()> {
    let capable = || output(command("python3").args(["-c", "import ensurepip, venv"])).is_some();
    if which("python3").is_none() || !capable() {
        apt::install(step, &["python3", "python3-venv"])?;
    }
    Ok(())
}

/// The npm packages of the browser tests, installed again only when their lock file changes.
pub fn ensure_end2end_packages(step: &Step) -> Result<()> {
    ensure_npm(step)?;
    let wanted = fingerprint::of(&["end2end/package.json", "end2end/package-lock.json"], &[])?;
    let folder = project::path("end2end");
    let mark = folder.join("node_modules/.xtask");
    if fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        step.done("there");
        return Ok(());
    }
    step.say("installing with npm");
    let mut install = command("npm");
    install
        .current_dir(&folder)
        // The browser is the system's: no package may download one.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .args(["ci", "--no-audit", "--no-fund"]);
    run_logged(step, &mut install, "npm-ci")?;
    fs::write(&mark, wanted)?;
    step.done("installed");
    Ok(())
}

/// The folder of a central system in Node, with its packages: the yardstick of `cargo xtask bench ocpp`.
pub fn ensure_node_central(step: &Step) -> Result<PathBuf> {
    ensure_node_folder(step, "central")
}

/// The folder of what measures pages in a browser, with its packages.
pub fn ensure_lighthouse(step: &Step) -> Result<PathBuf> {
    ensure_node_folder(step, "lighthouse")
}

/// A copy of a folder of `end2end`, with the packages that it names.
fn ensure_node_folder(step: &Step, name: &str) -> Result<PathBuf> {
    let folder = format!("end2end/{name}");
    let _lock = lock(step)?;
    let home = cache()?.join(format!("node-{name}-{}", fingerprint::of(&[&folder], &[])?));
    if home.is_dir() {
        step.done("there");
        return Ok(home);
    }
    ensure_npm(step)?;
    let scratch = Scratch::beside(&home)?;
    for file in fingerprint::files(&project::path(&folder))? {
        fs::copy(&file, scratch.path().join(file.file_name().context("a file without a name")?))?;
    }
    step.say("installing with npm");
    let mut install = command("npm");
    // The browser is the system's: no package may download one.
    install.current_dir(scratch.path()).env("PUPPETEER_SKIP_DOWNLOAD", "1");
    run_logged(step, install.args(["install", "--no-audit", "--no-fund"]), &format!("npm-{name}"))?;
    scratch.keep_as(&home)?;
    step.done("installed");
    Ok(home)
}

/// The folder for tools: `bmw-tools` in the user's cache.
pub fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        // The specification: a relative path is to be ignored.
        Some(dir) if Path::new(&dir).is_absolute() => PathBuf::from(dir),
        _ => match std::env::var_os("HOME") {
            Some(home) => PathBuf::from(home).join(".cache"),
            None => bail!("neither XDG_CACHE_HOME nor HOME is set: there is no place for tools"),
        },
    };
    let dir = base.join("bmw-tools");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Waits for its turn to install. Ends with the value, or with the process.
pub fn lock(step: &Step) -> Result<File> {
    let path = cache()?.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        step.say("waiting for another xtask, which is installing");
        file.lock()?;
    }
    Ok(file)
}

/// A folder that becomes a tool by a rename, or vanishes.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Beside the tool's place, on the same file system. What an interrupted run left there is
    /// removed: the caller holds the lock.
    pub fn beside(home: &Path) -> Result<Self> {
        let mut name = home.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn keep_as(self, home: &Path) -> Result<()> {
        fs::remove_dir_all(home).ok();
        fs::rename(&self.0, home).with_context(|| format!("cannot create {}", home.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After `keep_as` there is nothing left to remove.
        fs::remove_dir_all(&self.0).ok();
    }
}
