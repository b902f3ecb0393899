//! `cargo xtask bench`: measures the release program, one name after another.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{command, output};
use crate::progress::Progress;
use crate::{release, tools};

/// What a measurement may use.
pub struct Bench<'a> {
    /// The release program.
    pub program: &'a Path,
    /// The load generator.
    pub wrk: &'a Path,
}

type Measurement = fn(&Bench<'_>) -> Result<()>;

/// Every measurement by its name, in the order in which they run.
const MEASUREMENTS: &[(&str, Measurement)] = &[];

/// `cargo xtask bench [NAME…]`.
pub fn run(names: &[String]) -> Result<()> {
    for name in names {
        if !MEASUREMENTS.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
            bail!("there is no measurement '{name}', but: {}", known.join(", "));
        }
    }
    let progress = Progress::new(release::STEPS + 1);
    let (program, _) = release::build(&progress)?;
    let wrk = tools::ensure_wrk(&progress.step("wrk"))?;
    println!("\n{}\n", machine());
    let bench = Bench { program: &program, wrk: &wrk };
    for (name, measure) in MEASUREMENTS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            println!("## {name}\n");
            measure(&bench)?;
            println!();
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
