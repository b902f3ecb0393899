//! A program under measurement: started, asked, ended.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::site;

const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; ended when it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it first answered.
    pub start: Duration,
}

impl Server {
    /// Starts a program that prints `listening on http://ADDRESS`, and waits until `/healthz` answers.
    pub fn start(command: &mut Command) -> Result<Self> {
        let begin = Instant::now();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the server")?;
        let out = child.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().rsplit("http://").next().unwrap_or_default().trim_end_matches('/').parse();
        let Ok(address) = address else {
            child.kill()?;
            bail!("the server said '{}' instead of where it listens", line.trim());
        };
        let mut server = Self { child, address, start: Duration::ZERO };
        while !matches!(server.get("/healthz"), Ok((200, _))) {
            if begin.elapsed() > PATIENCE {
                bail!("the server did not answer /healthz");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.start = begin.elapsed();
        Ok(server)
    }

    /// Status and body of an answer.
    pub fn get(&self, path: &str) -> Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end =
            answer.windows(4).position(|window| window == b"\r\n\r\n").context("the answer has no end of its head")?;
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
        let body = answer.split_off(end + 4);
        Ok((status, if head.contains("transfer-encoding: chunked") { unchunk(&body) } else { body }))
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it holds, bytes (`VmRSS`).
    pub fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no VmRSS")?.parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it here.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("cannot end the server: {error}");
        }
    }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let from = end + 2;
        plain.extend_from_slice(body.get(from..from + size).unwrap_or_default());
        body = body.get(from + size + 2..).unwrap_or_default();
    }
    plain
}

/// A database of a measured site: made once by `bmw import`, with how long that took where it was made now.
pub fn database(program: &Path, sessions: u64) -> Result<(PathBuf, Option<Duration>)> {
    let file = site::file(sessions)?;
    let path = file.with_extension("db");
    if path.is_file() {
        return Ok((path, None));
    }
    let took = import(program, &file, &path)?;
    Ok((path, Some(took)))
}

/// Imports a site file into a new database.
pub fn import(program: &Path, file: &Path, database: &Path) -> Result<Duration> {
    remove(database)?;
    let begin = Instant::now();
    let status = on(&mut Command::new(program), database).arg("import").arg(file).stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("bmw import failed ({status})");
    }
    Ok(begin.elapsed())
}

/// Removes a database, if it is there.
pub fn remove(database: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let path = PathBuf::from(format!("{}{suffix}", database.display()));
        if path.exists() {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Points a program at a database of a measured site.
pub fn on<'a>(command: &'a mut Command, database: &Path) -> &'a mut Command {
    command
        .env("BMW_DATABASE_URL", format!("sqlite://{}", database.display()))
        .env("BMW_TIMEZONE", "Europe/Berlin")
        .env("BMW_NOW", site::NOW)
        .env("BMW_LISTEN", "127.0.0.1:0")
        // All that is measured comes from one address: its limits are counted as always, and far away.
        .env("BMW_LIMIT_REQUESTS", "1000000")
        .env("BMW_LIMIT_CONNECTIONS", "1000000")
}
