//! `cargo xtask bench`: measures the release program, one name after another.

mod browser;
mod distribution;
mod figures;
mod load;
mod ocpp;
mod server;
mod site;

use std::path::PathBuf;

use anyhow::{Result, bail};

use browser::Browser;

use crate::command::{cargo, command, output, run_logged};
use crate::progress::Progress;
use crate::{project, release, tools};

/// What a measurement may use.
pub struct Bench {
    /// The release program.
    pub program: PathBuf,
    /// The same, with sessions that start and finish all the time.
    pub busy: PathBuf,
    /// The yardstick: an axum handler that answers with the bytes of a file.
    pub bare: PathBuf,
    /// The load generator.
    pub wrk: PathBuf,
    /// The load generator of charge points, and its yardstick: a WebSocket that answers at once.
    pub load: PathBuf,
    pub bare_central: PathBuf,
    /// Another yardstick: the folder of a central system in Node; `None` where it cannot be installed.
    pub node_central: Option<PathBuf>,
    /// Those who follow the feed.
    pub watch: PathBuf,
    /// Plans of the distribution.
    pub plan: PathBuf,
    /// A browser, in which pages are measured; `None` where it cannot be installed.
    pub browser: Option<Browser>,
}

type Measurement = fn(&Bench) -> Result<()>;

/// Every measurement by its name, in the order in which they run.
const MEASUREMENTS: &[(&str, Measurement)] = &[
    ("import", figures::import),
    ("start", figures::start),
    ("present", figures::present),
    ("history", figures::history),
    ("pages", figures::pages),
    ("ocpp", ocpp::ocpp),
    ("feed", ocpp::feed),
    ("distribution", distribution::distribution),
];

/// `cargo xtask bench [NAME…]`.
pub fn run(names: &[String]) -> Result<()> {
    for name in names {
        if !MEASUREMENTS.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
            bail!("there is no measurement '{name}', but: {}", known.join(", "));
        }
    }
    let progress = Progress::new(release::STEPS + 5);
    let (program, _) = release::build(&progress)?;
    let step = progress.step("yardstick and busy site");
    run_logged(
        &step,
        &mut cargo(&[
            "build",
            "--release",
            "--package",
            "bmw",
            "--package",
            "bmw-simulator",
            "--package",
            "bmw-domain",
            "--examples",
        ]),
        "bench-examples",
    )?;
    step.done("built");
    let wrk = tools::ensure_wrk(&progress.step("wrk"))?;
    let step = progress.step("a central system in Node");
    let node_central = tools::ensure_node_central(&step).inspect_err(|error| println!("not measured: {error:#}")).ok();
    let chromium = tools::ensure_chromium(&progress.step("Chromium"));
    let scripts = tools::ensure_lighthouse(&progress.step("lighthouse"));
    let browser = chromium.and_then(|program| Ok(Browser { program, scripts: scripts? }));
    let browser = browser.inspect_err(|error| println!("pages are not measured in a browser: {error:#}")).ok();
    let example = |name: &str| project::path("target/release/examples").join(name);
    let bench = Bench {
        program,
        busy: example("busy"),
        bare: example("bare"),
        wrk,
        load: example("load"),
        bare_central: example("bare_central"),
        node_central,
        watch: example("watch"),
        plan: example("plan"),
        browser,
    };
    println!("\n{}", machine());
    for (name, measure) in MEASUREMENTS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            println!("\n## {name}\n");
            measure(&bench)?;
        }
    }
    Ok(())
}

/// Figures mean nothing without the machine they were taken on.
pub fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let compiler = output(command("rustc").arg("--version")).unwrap_or_default();
    let date = output(command("date").arg("+%Y-%m-%d")).unwrap_or_default();
    format!("{processor}, {cores} cores, {compiler}, {date}")
}
