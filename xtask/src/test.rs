//! `cargo xtask test`: everything that continuous integration checks.

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::bundle::Toolbox;
use crate::command::{cargo, command, path_with, run_logged, run_shown, try_logged, which};
use crate::progress::Progress;
use crate::{pictures, project, release, tools};

/// Whether this runs in continuous integration, where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value != "false" && !value.is_empty())
}

/// The steps besides those of the program's build.
const STEPS: usize = 21;

/// `cargo xtask test`.
pub fn run(_: ()) -> Result<()> {
    let progress = Progress::new(release::STEPS + STEPS);
    let mut summary = Summary::default();
    check_format(&progress)?;
    let (program, bundle) = release::build(&progress)?;
    bundle.check_weight()?;
    lint(&progress, &bundle.toolbox)?;
    check_dependencies(&progress, &mut summary)?;
    // The tests start clusters of their own, and find the installed version themselves.
    let step = progress.step("PostgreSQL");
    optional(&mut summary, "PostgreSQL", tools::ensure_postgres(&step))?;
    summary.add(run_rust_tests(&progress, &program)?);
    test_api(&progress, &program, &mut summary)?;
    test_chargers(&progress, &program, &mut summary)?;
    test_security(&progress, &program, &mut summary)?;
    test_pages(&progress, &program, &mut summary)?;
    test_firefox(&progress, &program, &mut summary)?;
    summary.print();
    Ok(())
}

/// A developer's machine may lack a tool and still run the rest. Continuous integration may not.
fn optional<T>(summary: &mut Summary, what: &str, found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(error) if in_ci() => Err(error),
        Err(error) => {
            println!("SKIPPED, {error:#}");
            summary.skipped.push(what.to_owned());
            Ok(None)
        }
    }
}

/// The runners' closing lines, and what did not run.
#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    skipped: Vec<String>,
}

impl Summary {
    fn add(&mut self, lines: Vec<String>) {
        self.lines.extend(lines);
    }

    fn print(&self) {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        if self.skipped.is_empty() {
            println!("everything passed");
        } else {
            println!("passed, but this was skipped: {}", self.skipped.join(", "));
        }
    }
}

fn check_format(progress: &Progress) -> Result<()> {
    let step = progress.step("format");
    run_logged(&step, &mut cargo(&["fmt", "--all", "--check"]), "format")?;
    step.done("as rustfmt has it");
    Ok(())
}

fn lint(progress: &Progress, toolbox: &Toolbox) -> Result<()> {
    let step = progress.step("lints");
    step.say("clippy on everything that runs on a server");
    let mut clippy = cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]);
    run_logged(&step, &mut clippy, "clippy")?;
    step.done("clean");

    let step = progress.step("lints of the fuzz targets");
    let mut clippy = cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--locked", "--", "-D", "warnings"]);
    clippy.env("CARGO_TARGET_DIR", project::path("target/fuzz"));
    run_logged(&step, &mut clippy, "clippy-fuzz")?;
    step.done("clean");

    let step = progress.step("lints of the browser's side");
    if !toolbox.has_default_compiler() {
        step.done("left to the bundle's build, as Debian's compiler has no clippy");
        return Ok(());
    }
    let mut clippy = cargo(&["clippy", "--package", "bmw-frontend"]);
    clippy
        .args(["--target", "wasm32-unknown-unknown", "--", "-D", "warnings"])
        .env("CARGO_TARGET_DIR", project::path("target/wasm"));
    run_logged(&step, &mut clippy, "clippy-wasm")?;
    step.done("clean");
    Ok(())
}

/// How long the list of known faults may take to come.
const ADVISORIES: Duration = Duration::from_mins(1);

/// What all of it is built on, here and in the fuzz targets: licences, bans and sources, as `deny.toml` has them; and what is known
/// to be wrong with it, where that list can be reached.
fn check_dependencies(progress: &Progress, summary: &mut Summary) -> Result<()> {
    let tool = tools::cargo_deny();
    let step = progress.step(tool.title());
    let bin = optional(summary, "licences of dependencies", tool.ensure(&step))?;
    let step = progress.step("licences, bans and sources of dependencies");
    let Some(bin) = bin else {
        return Ok(());
    };
    let deny = |manifest: &str, args: &[&str]| {
        let mut deny = command(bin.join(tool.name));
        deny.arg("--manifest-path").arg(project::path(manifest)).arg("--config").arg(project::path("deny.toml"));
        // Nobody is there to be asked for a password.
        deny.args(["--workspace", "--locked"]).args(args).env("GIT_TERMINAL_PROMPT", "0");
        deny
    };
    for manifest in MANIFESTS {
        let mut check = deny(manifest, &["check", "licenses", "bans", "sources"]);
        run_logged(&step, &mut check, "deny")?;
    }
    step.done("as deny.toml has them");

    let step = progress.step("known faults of dependencies");
    if !try_logged(&step, &mut deny(MANIFESTS[0], &["fetch", "db"]), "deny-fetch", Some(ADVISORIES))? {
        step.done("not looked up: their list cannot be reached");
        summary.skipped.push("known faults of dependencies (their list cannot be reached)".to_owned());
        return Ok(());
    }
    for manifest in MANIFESTS {
        run_logged(&step, &mut deny(manifest, &["--offline", "check", "advisories"]), "deny-advisories")?;
    }
    step.done("none");
    Ok(())
}

/// The workspaces.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Tests that do little but wait out a fault of 35 s.
const WAITING: usize = 2;

/// The tests of all crates.
fn run_rust_tests(progress: &Progress, program: &Path) -> Result<Vec<String>> {
    let step = progress.step("tests");
    let nextest = which("cargo-nextest").is_some();
    step.say(if nextest { "cargo nextest" } else { "cargo test" });
    // Those that wait take nobody's place.
    let threads = (std::thread::available_parallelism().map_or(1, NonZero::get) + WAITING).to_string();
    let mut args = if nextest {
        vec!["nextest", "run", "--no-fail-fast", "--test-threads", &threads]
    } else {
        vec!["test", "--all-targets", "--no-fail-fast"]
    };
    if in_ci() {
        args.push("--locked");
    }
    let mut lines = run_shown(cargo(&args).env("BMW_TEST_BINARY", program), is_closing_line)?;
    step.done("passed");

    let step = progress.step("examples in the documentation");
    step.say("cargo test --doc");
    lines.extend(run_shown(&mut cargo(&["test", "--doc", "--no-fail-fast"]), is_closing_line)?);
    step.done("passed");
    Ok(lines)
}

/// Whether a runner says with this line how many passed.
fn is_closing_line(line: &str) -> bool {
    let line = line.trim_start();
    (line.starts_with("Summary [") || line.starts_with("test result:")) && !line.contains(" 0 passed; 0 failed")
}

/// Schemathesis against the document that the program gives of itself.
fn test_api(progress: &Progress, program: &Path, summary: &mut Summary) -> Result<()> {
    let step = progress.step(tools::SCHEMATHESIS.title());
    let bin = optional(summary, "schemathesis", tools::SCHEMATHESIS.ensure(&step))?;
    let step = progress.step("API against its own document");
    let script = project::path("end2end/api.sh");
    let Some(bin) = bin else {
        return Ok(());
    };
    if !script.is_file() {
        step.done("nothing to run");
        return Ok(());
    }
    step.say("schemathesis");
    let mut test = command(script);
    test.env("BMW_TEST_BINARY", program).env("PATH", path_with(&[bin])?);
    run_shown(&mut test, |_| false)?;
    step.done("passed");
    Ok(())
}

/// A charge point made with Python's `ocpp` on the program.
fn test_chargers(progress: &Progress, program: &Path, summary: &mut Summary) -> Result<()> {
    let step = progress.step(tools::PYTHON_OCPP.title());
    let bin = optional(summary, "Python's ocpp", tools::PYTHON_OCPP.ensure(&step))?;
    let step = progress.step("a charger in Python");
    let Some(bin) = bin else {
        return Ok(());
    };
    step.say("its whole life");
    let mut test = command(bin.join("python"));
    test.arg(project::path("end2end/charger.py")).env("BMW_TEST_BINARY", program);
    run_shown(&mut test, |_| false)?;
    step.done("passed");
    Ok(())
}

/// What a stranger on the network tries, item by item of the OWASP ASVS.
fn test_security(progress: &Progress, program: &Path, summary: &mut Summary) -> Result<()> {
    let step = progress.step("security, by the OWASP ASVS");
    if optional(summary, "the OWASP ASVS", tools::ensure_npm(&step))?.is_none() {
        return Ok(());
    }
    step.say("every item of level 1");
    let mut test = command("node");
    test.arg(project::path("end2end/asvs.js")).env("BMW_TEST_BINARY", program);
    summary.add(run_shown(&mut test, |line| line.contains(" items: "))?);
    step.done("passed");
    Ok(())
}

/// Playwright on the pages, and on charge points, which need no browser.
fn test_pages(progress: &Progress, program: &Path, summary: &mut Summary) -> Result<()> {
    let chromium = {
        let step = progress.step("Chromium");
        optional(summary, "browser", tools::ensure_chromium(&step))?
    };
    let folder = project::path("end2end");
    let step = progress.step("packages of the browser tests");
    if !folder.join("package-lock.json").is_file() {
        step.done("nothing to install");
        progress.step("pages in a browser").done("nothing to run");
        return Ok(());
    }
    if optional(summary, "browser", tools::ensure_end2end_packages(&step))?.is_none() {
        return Ok(());
    }
    let step = progress.step("pages in a browser");
    step.say("Playwright");
    let mut test = command("npx");
    test.current_dir(&folder).args(["playwright", "test"]).env("BMW_TEST_BINARY", program);
    if chromium.is_some() && !pictures::are_comparable() {
        step.say("pictures are not compared: they were made with other fonts");
        summary.skipped.push("pictures (they were made with other fonts)".to_owned());
        test.env("BMW_TEST_PICTURES", "no");
    }
    match &chromium {
        Some(chromium) => test.env("BMW_TEST_CHROMIUM", chromium),
        None => test.arg("chargers.spec.js"),
    };
    let lines = run_shown(&mut test, is_playwrights_closing_line)?;
    summary.add(lines);
    step.done(if chromium.is_some() { "passed" } else { "charge points passed, pages were not opened" });
    Ok(())
}

/// A short set of journeys in the other browser. What they need of npm was installed for those in Chromium.
fn test_firefox(progress: &Progress, program: &Path, summary: &mut Summary) -> Result<()> {
    let step = progress.step("Firefox");
    let firefox = optional(summary, "Firefox", tools::ensure_firefox(&step))?;
    let tool = tools::geckodriver();
    let step = progress.step(tool.title());
    let bin = match &firefox {
        Some(_) => optional(summary, "Firefox", tool.ensure(&step))?,
        None => None,
    };
    let step = progress.step("pages in Firefox");
    let (Some(firefox), Some(bin)) = (firefox, bin) else {
        return Ok(());
    };
    if optional(summary, "Firefox", tools::ensure_end2end_packages(&step))?.is_none() {
        return Ok(());
    }
    let mut test = command("node");
    test.arg(project::path("end2end/firefox.js"))
        .env("BMW_TEST_BINARY", program)
        .env("BMW_TEST_FIREFOX", firefox)
        .env("BMW_TEST_GECKODRIVER", bin.join(tool.name));
    summary.add(run_shown(&mut test, |line| line.contains(" journeys passed in Firefox"))?);
    step.done("passed");
    Ok(())
}

/// `  12 passed (1.4m)`.
fn is_playwrights_closing_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next().is_some_and(|word| word.parse::<u32>().is_ok())
        && matches!(words.next(), Some("passed" | "failed" | "flaky" | "skipped"))
        && words.next().is_none_or(|word| word.starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_recognised() {
        assert!(is_closing_line("     Summary [   1.2s] 12 tests run: 12 passed, 0 skipped"));
        assert!(is_closing_line("test result: ok. 3 passed; 0 failed; 0 ignored"));
        assert!(!is_closing_line("test result: ok. 0 passed; 0 failed; 0 ignored"));
        assert!(!is_closing_line("test a::b ... ok"));
        assert!(is_playwrights_closing_line("  12 passed (1.4m)"));
        assert!(!is_playwrights_closing_line("  12 charge points"));
    }
}
