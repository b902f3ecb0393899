//! `cargo xtask dev`: quick builds, again after every change.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::bundle::{self, Kind, Toolbox};
use crate::command::{cargo, command, output, run_logged};
use crate::demo::{self, Demo};
use crate::progress::Progress;
use crate::{fingerprint, project};

const WATCHED: &[&str] = &[
    "app",
    "crates",
    "frontend",
    "migrations",
    "public",
    "server",
    "style",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "index.html",
];

/// Between two looks at the files' times. Looking at some hundred files costs nothing.
const PAUSE: Duration = Duration::from_millis(500);
/// The server promises to end within 5 s.
const GRACE: Duration = Duration::from_secs(6);

/// `cargo xtask dev [-- ARGS]`.
pub fn run(args: &[String]) -> Result<()> {
    let toolbox = Toolbox::ensure(&Progress::new(bundle::STEPS - 1))?;
    let mut server = None;
    let mut seen = None;
    loop {
        let now = newest()?;
        if seen != Some(now) {
            seen = Some(now);
            // A build that fails leaves the server running that was good.
            match build(&toolbox) {
                Ok(demo) => {
                    if let Some(old) = server.take() {
                        stop(old)?;
                    }
                    server = Some(start(args, demo.as_ref())?);
                }
                Err(error) => eprintln!("{error:#}\nwaiting for a change"),
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// `cargo xtask build --quick`.
pub fn build_only() -> Result<()> {
    let toolbox = Toolbox::ensure(&Progress::new(bundle::STEPS - 1))?;
    build_program(&toolbox, &Progress::new(2))
}

fn build_program(toolbox: &Toolbox, progress: &Progress) -> Result<()> {
    bundle::build_with(toolbox, &progress.step("bundle"), Kind::Quick)?;
    let step = progress.step("program");
    let mut build = cargo(&["build", "--package", "bmw"]);
    build.env("BMW_BUNDLE", Kind::Quick.folder());
    run_logged(&step, &mut build, "program-dev")?;
    step.done(&format!("built, {}", program().display()));
    Ok(())
}

fn build(toolbox: &Toolbox) -> Result<Option<Demo>> {
    let progress = Progress::new(3);
    build_program(toolbox, &progress)?;
    let step = progress.step("demo site");
    if demo::names_a_database(&[]) {
        step.done("not needed, as a database is given");
        return Ok(None);
    }
    Demo::ensure(&step, &program()).map(Some)
}

fn program() -> std::path::PathBuf {
    project::target().join("debug/bmw")
}

fn start(args: &[String], demo: Option<&Demo>) -> Result<Child> {
    let mut serve = command(program());
    serve.arg("serve").args(args);
    if let Some(demo) = demo
        && !demo::names_a_database(args)
    {
        serve.env("BMW_DATABASE_URL", demo.url());
        serve.stdin(demo.lock.try_clone()?);
    }
    Ok(serve.spawn()?)
}

fn stop(mut server: Child) -> Result<()> {
    output(command("kill").args(["-TERM", &server.id().to_string()]));
    let start = std::time::Instant::now();
    while server.try_wait()?.is_none() {
        if start.elapsed() > GRACE {
            server.kill()?;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// When anything watched was last changed.
fn newest() -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for path in WATCHED {
        let path = project::path(path);
        for file in fingerprint::files(&path)? {
            newest = newest.max(modified(&file));
        }
        // A folder's own time tells of removed files.
        newest = newest.max(modified(&path));
    }
    Ok(newest)
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}
