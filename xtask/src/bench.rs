//! `cargo xtask bench`: measures the release program, one name after another.

mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output};
use crate::progress::Progress;
use crate::{fingerprint, project, release, tools};
use server::Server;

/// What a measurement may use.
pub struct Bench {
    /// The release program.
    pub program: PathBuf,
    /// The load generator.
    pub wrk: PathBuf,
}

type Measurement = fn(&Bench) -> Result<()>;

/// Every measurement by its name, in the order in which they run.
const MEASUREMENTS: &[(&str, Measurement)] = &[("start", measure_start), ("files", measure_files)];

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
    println!("\n{}", machine());
    let bench = Bench { program, wrk };
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

impl Bench {
    /// Requests per second that the server answers to 32 connections in `seconds`.
    pub fn requests_per_second(&self, url: &str, seconds: u32) -> Result<f64> {
        let mut wrk = command(&self.wrk);
        wrk.args(["-t1", "-c32", &format!("-d{seconds}s"), url]);
        let report = output(&mut wrk).context("wrk failed")?;
        if let Some(errors) = report.lines().find(|line| line.contains("Non-2xx")) {
            bail!("{url}: {}", errors.trim());
        }
        rate_in(&report).with_context(|| format!("wrk said nothing of use:\n{report}"))
    }
}

/// `Requests/sec: 150123.45`.
fn rate_in(report: &str) -> Option<f64> {
    report.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok())
}

/// From the program's start until `/healthz` answers, with an existing database.
fn measure_start(bench: &Bench) -> Result<()> {
    let folder = project::state().join("bench");
    let url = demo_database(&bench.program, &folder)?;
    for _ in 0..5 {
        let server = Server::start(&bench.program, &url)?;
        println!("{:4} ms until /healthz answers", server.startup.as_millis());
    }
    Ok(())
}

/// The files of the bundle, the module being the largest.
fn measure_files(bench: &Bench) -> Result<()> {
    let folder = project::state().join("bench");
    let server = Server::start(&bench.program, &demo_database(&bench.program, &folder)?)?;
    let bundle = project::bundle();
    for file in fingerprint::files(&bundle)? {
        let path = format!("/{}", file.strip_prefix(&bundle)?.display());
        let rate = bench.requests_per_second(&format!("{}{path}", server.url), 3)?;
        println!("{rate:8.0} requests/s  {path}");
    }
    Ok(())
}

/// A database with the demo's site, made anew: what a measurement before this one did to it must
/// not count.
fn demo_database(program: &Path, folder: &Path) -> Result<String> {
    std::fs::remove_dir_all(folder).ok();
    std::fs::create_dir_all(folder)?;
    let url = format!("sqlite://{}", folder.join("bmw.db").display());
    output(command(program).arg("demo").env("BMW_DATABASE_URL", &url)).context("`bmw demo` failed")?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_report() {
        let report = "Running 3s test\n  Latency 1ms\nRequests/sec: 150123.45\nTransfer/sec: 1MB\n";
        assert!((rate_in(report).unwrap() - 150_123.45).abs() < 0.001);
        assert_eq!(rate_in("unable to connect"), None);
    }
}
