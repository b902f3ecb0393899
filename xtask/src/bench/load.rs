//! Load by wrk, and what it counted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::project;

/// Connections that ask at the same time.
const CONNECTIONS: &str = "32";

/// How often each side of a comparison is measured; the median counts.
const ROUNDS: usize = 3;

/// A list of paths that wrk asks for in turn.
pub struct Paths(PathBuf);

impl Paths {
    /// Prepares the requests once, so that the load generator's own work stays small.
    pub fn new(name: &str, paths: &[String]) -> Result<Self> {
        let file = project::path("target/bench").join(format!("{name}.lua"));
        let list: Vec<String> = paths.iter().map(|path| format!("{path:?}")).collect();
        let script = format!(
            "local paths = {{{}}}\nlocal requests = {{}}\nlocal at = 0\n\
             function init(args)\n  for i, path in ipairs(paths) do requests[i] = wrk.format('GET', path) end\nend\n\
             function request()\n  at = at % #requests + 1\n  return requests[at]\nend\n",
            list.join(", ")
        );
        std::fs::write(&file, script)?;
        Ok(Self(file))
    }
}

/// Requests a second over so many seconds. An answer that is not 2xx fails the measurement.
pub fn requests_per_second(wrk: &Path, address: SocketAddr, paths: &Paths, seconds: u32) -> Result<f64> {
    let out = Command::new(wrk)
        .args(["-t", "1", "-c", CONNECTIONS, "-d", &format!("{seconds}s"), "-s"])
        .arg(&paths.0)
        .arg(format!("http://{address}/"))
        .output()?;
    let text = String::from_utf8_lossy(&out.stdout);
    if !out.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("wrk: {text}{}", String::from_utf8_lossy(&out.stderr));
    }
    let line =
        text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")).context("wrk counted nothing")?;
    Ok(line.trim().parse()?)
}

/// Measures two servers in turn, several times: the median of each, in requests a second.
pub fn compare(wrk: &Path, sides: [(SocketAddr, &Paths); 2]) -> Result<[f64; 2]> {
    let mut counts = [Vec::new(), Vec::new()];
    for (address, paths) in sides {
        requests_per_second(wrk, address, paths, 1)?;
    }
    for _ in 0..ROUNDS {
        for ((address, paths), counts) in sides.into_iter().zip(&mut counts) {
            counts.push(requests_per_second(wrk, address, paths, 2)?);
        }
    }
    Ok(counts.map(median))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
