//! The release program, serving, for as long as a measurement takes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output};

const LIMIT: Duration = Duration::from_secs(30);

/// A serving program. Ends when dropped.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// From the process's start until `/healthz` answered.
    pub startup: Duration,
    process: Child,
}

impl Server {
    pub fn start(program: &Path, database_url: &str) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let start = Instant::now();
        let process = command(program)
            .args(["serve", "--listen", &address.to_string()])
            .env("BMW_DATABASE_URL", database_url)
            .env("BMW_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { url: format!("http://{address}"), startup: Duration::ZERO, process };
        while !is_healthy(address) {
            if start.elapsed() > LIMIT || server.process.try_wait()?.is_some() {
                bail!("the server did not start");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.startup = start.elapsed();
        Ok(server)
    }

    /// The process's id, for those who look at its memory.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        output(command("kill").args(["-TERM", &self.id().to_string()]));
        self.process.wait().ok();
    }
}

/// Spoken by hand: an HTTP client as a dependency would make this program's first start slow.
fn is_healthy(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
