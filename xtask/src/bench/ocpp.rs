//! Charge points under measurement: many that talk all the time, and many that idle.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Bench;
use super::server::{self, Server};
use crate::project;

/// Charge points that send their next message as soon as the last one is answered.
const TALKING: u32 = 2_000;
/// Charge points that are connected and wait.
const IDLING: u32 = 10_000;
/// How long each run takes, s, and how many there are: the median counts.
const SECONDS: u32 = 10;
const ROUNDS: usize = 3;

/// What a run of the load gave.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Answers a second.
    speed: f64,
    /// The server's CPU for each answer, µs.
    cpu: f64,
    /// The time of an answer, ms: 99 of 100 are faster.
    p99: f64,
}

/// Answers a second, what each costs the server, and what an idle connection holds.
pub fn ocpp(bench: &Bench) -> Result<()> {
    let site = site_file(IDLING)?;
    let bare = Server::start(&mut Command::new(&bench.bare_central))?;
    let yardstick = talk(bench, &bare)?;
    drop(bare);
    let node = bench.node_central.as_deref().map(|folder| talk_to_node(bench, folder)).transpose()?;
    let running = start(bench, &site)?;
    let run = talk(bench, &running)?;
    drop(running);
    println!(
        "{TALKING} charge points that send their next message as soon as the last is answered, 1 start : 20 meter values : \
         1 stop, each stored before its answer, the frame log on (medians of {ROUNDS} runs of {SECONDS} s; beside it \
         WebSockets that are answered at once and store nothing, and a central system in Node):\n"
    );
    let line = |what: &str, digits: usize, figure: fn(&Run) -> f64, asked: &str| {
        let node = node.as_ref().map_or_else(|| "-".to_owned(), |run| format!("{:.digits$}", figure(run)));
        println!("| {what} | {:.digits$} | {:.digits$} | {node} | {asked} |", figure(&run), figure(&yardstick));
    };
    println!("| | bmw | bare WebSocket | Node | asked |\n|---|--:|--:|--:|--:|");
    line("answers/s", 0, |run| run.speed, "35 000");
    line("CPU of the server for each, µs", 1, |run| run.cpu, "25");
    line("p99, ms", 0, |run| run.p99, "150");
    let running = start(bench, &site)?;
    let before = running.memory()?;
    let held = idle(bench, &running)?.saturating_sub(before);
    #[allow(clippy::cast_precision_loss)] // memory fits
    let each = held as f64 / 1024.0 / f64::from(IDLING);
    println!("\n{IDLING} idle connected charge points: {each:.1} KiB of memory each (asked: 8).");
    Ok(())
}

/// How soon a change at a charge point is with those who follow the feed, and what each of them holds.
pub fn feed(bench: &Bench) -> Result<()> {
    // Who begins to follow is told of every charge point: a site of the usual size, not that of the idle ones.
    let site = site_file(0)?;
    println!("A charge point changes its state; the time until each subscriber has read it:\n");
    println!("| subscribers | p50, ms | p99, ms | asked | charge points' answers p99, ms | memory each, KiB |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for (subscribers, asked) in [(1_000, "50"), (10_000, "")] {
        let server = start(bench, &site)?;
        let out = Command::new(&bench.watch)
            .args([server.address.to_string(), subscribers.to_string(), SECONDS.to_string(), server.id().to_string()])
            .stderr(Stdio::inherit())
            .output()?;
        let line = String::from_utf8_lossy(&out.stdout);
        if !out.status.success() || figure(&line, "missed")? > 0.0 {
            bail!("not all that was told came: {line}");
        }
        let figure = |name| figure(&line, name);
        let (p50, p99, kib) = (figure("p50")?, figure("p99")?, figure("kib")?);
        let answers = figure("answer_p99")?;
        println!("| {subscribers} | {p50:.1} | {p99:.1} | {asked} | {answers:.1} | {kib:.1} |");
    }
    Ok(())
}

/// A server on a new database of the site.
fn start(bench: &Bench, site: &Path) -> Result<Server> {
    let database = site.with_extension("db");
    server::import(&bench.program, site, &database)?;
    let mut command = Command::new(&bench.program);
    // The clock of a measured site stands still; here it goes.
    Server::start(server::on(&mut command, &database).env_remove("BMW_NOW").env("BMW_REGISTER_UNKNOWN", "true"))
}

/// A run of the load on a central system in Node, on a new database.
fn talk_to_node(bench: &Bench, folder: &Path) -> Result<Run> {
    let database = project::path("target/bench/node.db");
    for suffix in ["", "-wal", "-shm"] {
        let path = PathBuf::from(format!("{}{suffix}", database.display()));
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
    }
    let mut command = Command::new("node");
    command.arg(folder.join("central.js")).arg(&database).current_dir(folder);
    talk(bench, &Server::start(&mut command)?)
}

/// The site file of the first so many charge points that the load may be.
fn site_file(charge_points: u32) -> Result<PathBuf> {
    let path = project::path("target/bench").join(format!("load-{charge_points}.json"));
    std::fs::create_dir_all(project::path("target/bench"))?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
    let points = (0..charge_points).map(|number| format!(r#"{{"vchchargerid": "LOAD{number:05}", "vchmodelid": ""}}"#));
    write!(out, "{{\"chargers\": [{}]}}", points.collect::<Vec<_>>().join(",\n"))?;
    out.flush()?;
    Ok(path)
}

/// Several runs of the load; the median of each figure.
fn talk(bench: &Bench, server: &Server) -> Result<Run> {
    let runs: Vec<Run> = (0..ROUNDS).map(|_| talk_once(bench, server)).collect::<Result<_>>()?;
    let median = |figure: fn(&Run) -> f64| {
        let mut figures: Vec<f64> = runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Ok(Run { speed: median(|run| run.speed), cpu: median(|run| run.cpu), p99: median(|run| run.p99) })
}

fn talk_once(bench: &Bench, server: &Server) -> Result<Run> {
    let mut load = Load::start(bench, server, TALKING, &[&SECONDS.to_string()])?;
    load.line()?;
    let before = server.cpu()?;
    let line = load.line()?;
    let cpu = server.cpu()?.saturating_sub(before);
    let figure = |name| figure(&line, name);
    let answers = figure("answers")?;
    load.end()?;
    Ok(Run { speed: answers / figure("seconds")?, cpu: cpu.as_secs_f64() * 1e6 / answers, p99: figure("p99")? })
}

/// The memory of a server while all idle charge points are connected, bytes.
fn idle(bench: &Bench, server: &Server) -> Result<u64> {
    let mut load = Load::start(bench, server, IDLING, &["5", "idle"])?;
    load.line()?;
    let memory = server.memory()?;
    load.line()?;
    load.end()?;
    Ok(memory)
}

/// The load generator at work.
struct Load {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Load {
    fn start(bench: &Bench, server: &Server, connections: u32, rest: &[&str]) -> Result<Self> {
        let mut command = Command::new(&bench.load);
        command.arg(server.address.to_string()).arg(connections.to_string()).args(rest);
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the load")?;
        let out = child.stdout.take().context("the load has no output")?;
        Ok(Self { child, out: BufReader::new(out) })
    }

    /// Its next line: that all are connected, then what it measured.
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the load broke off")
        }
        Ok(line)
    }

    fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { bail!("the load failed ({status})") }
    }
}

/// A number of a flat JSON object.
pub fn figure(line: &str, name: &str) -> Result<f64> {
    let rest = line.split_once(&format!("\"{name}\":")).with_context(|| format!("no {name} in {line}"))?.1;
    let number = rest.split([',', '}']).next().unwrap_or_default();
    number.trim().parse().with_context(|| format!("{name} in {line}"))
}

impl Server {
    /// The processor time that it has used.
    fn cpu(&self) -> Result<Duration> {
        // In ticks of 10 ms, as Linux tells them everywhere; what stands before may have spaces, and ends with a parenthesis.
        const TICK: Duration = Duration::from_millis(10);
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        let rest = stat.rsplit_once(')').context("no stat")?.1;
        let ticks: u32 = rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
        Ok(TICK * ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name() {
        let line = r#"{"answers":5,"seconds":2.500,"p99":1.5}"#;
        assert_eq!(figure(line, "seconds").ok(), Some(2.5));
        assert_eq!(figure(line, "p99").ok(), Some(1.5));
        assert!(figure(line, "p50").is_err());
    }
}
