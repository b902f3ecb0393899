//! Pages in a browser: on a phone with a slow line, and on a desk while a site is busy.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::Bench;
use super::ocpp::figure;
use super::server::{self, Server};
use crate::project;

/// A browser, and the folder of what measures in it.
pub struct Browser {
    pub program: PathBuf,
    pub scripts: PathBuf,
}

/// How often each page is loaded; the median counts. `BMW_BENCH_RUNS` says otherwise.
const RUNS: u32 = 5;

/// Charge points that tell something new each second, and how long each page is watched meanwhile, s.
const CHARGING: u32 = 50;
const WATCHED: u32 = 30;

/// Marks of npm's `lighthouse`, and what they follow from.
pub fn phone(bench: &Bench, browser: &Browser) -> Result<()> {
    let runs = match std::env::var("BMW_BENCH_RUNS") {
        Ok(runs) => runs.parse().ok().filter(|runs| *runs > 0).context("BMW_BENCH_RUNS is no number of runs")?,
        Err(_) => RUNS,
    };
    let server = Server::start(on_demo(&mut Command::new(&bench.program), &demo(bench)?).arg("serve"))?;
    let said = measure(browser, "pages.js", &server, &[runs])?;
    println!(
        "\nOn a phone with a slow line, as npm's lighthouse has it (medians of {runs} runs; asked: marks of 100):\n"
    );
    println!(
        "| page | performance | accessibility | best practices | SEO | largest paint, ms (asked: 1 200) | \
         blocking, ms (asked: 50) | shift (asked: 0) | what keeps a mark from 100 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|---|");
    for line in said.lines() {
        let figure = |name| figure(line, name);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            text(line, "page")?,
            figure("performance")?,
            figure("accessibility")?,
            figure("practices")?,
            figure("seo")?,
            figure("paint")?,
            figure("blocking")?,
            figure("shift")?,
            text(line, "why")?,
        );
    }
    Ok(())
}

/// Frames and tasks of pages that follow what charge points tell.
pub fn live(bench: &Bench, browser: &Browser) -> Result<()> {
    let mut command = Command::new(&bench.program);
    let command = on_demo(&mut command, &demo(bench)?).arg("serve").env("BMW_REGISTER_UNKNOWN", "true");
    let server = Server::start(command)?;
    let said = measure(browser, "live.js", &server, &[CHARGING, WATCHED])?;
    println!("\n{CHARGING} chargers tell something new each second; a page that follows, over {WATCHED} s:\n");
    println!(
        "| page | frames/s (asked: 60) | longest frame, ms | tasks over 50 ms (asked: 0) | the longest, ms | changes/s |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for line in said.lines() {
        let figure = |name| figure(line, name);
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            text(line, "page")?,
            figure("frames")?,
            figure("longest_frame")?,
            figure("long_tasks")?,
            figure("longest_task")?,
            figure("changes")?,
        );
    }
    Ok(())
}

/// What a script prints of a server, a line for each page.
fn measure(browser: &Browser, script: &str, server: &Server, numbers: &[u32]) -> Result<String> {
    let out = Command::new("node")
        .current_dir(&browser.scripts)
        .arg(script)
        .arg(&browser.program)
        .arg(format!("http://{}", server.address))
        .args(numbers.iter().map(u32::to_string))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start node")?;
    let said = String::from_utf8(out.stdout)?;
    if !out.status.success() || said.is_empty() {
        bail!("{script} failed ({}): {said}", out.status);
    }
    Ok(said)
}

/// A new demo site: it ends at the present moment.
fn demo(bench: &Bench) -> Result<PathBuf> {
    let folder = project::path("target/bench");
    std::fs::create_dir_all(&folder)?;
    let database = folder.join("demo.db");
    server::remove(&database)?;
    let status = on_demo(&mut Command::new(&bench.program), &database).arg("demo").stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("bmw demo failed ({status})");
    }
    Ok(database)
}

/// Points a program at the demo. Its clock goes.
fn on_demo<'a>(command: &'a mut Command, database: &Path) -> &'a mut Command {
    server::on(command, database).env_remove("BMW_NOW")
}

/// A text of a flat JSON object, none of which has a quotation mark in it.
fn text<'a>(line: &'a str, name: &str) -> Result<&'a str> {
    let rest = line.split_once(&format!("\"{name}\":\"")).with_context(|| format!("no {name} in {line}"))?.1;
    Ok(rest.split('"').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_name() {
        let line = r#"{"page":"overview","seo":100,"why":""}"#;
        assert_eq!(text(line, "page").ok(), Some("overview"));
        assert_eq!(text(line, "why").ok(), Some(""));
        assert!(text(line, "seo").is_err());
    }
}
