//! A private PostgreSQL for a command: a cluster of its own in a temporary folder, gone afterwards.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command::{command, output, run_attached, run_logged};
use crate::progress::{Progress, Step};
use crate::{apt, tools};

/// Where the command finds the database's address.
const VARIABLE: &str = "BMW_TEST_DATABASE_URL";
const STARTUP: Duration = Duration::from_secs(30);

/// `cargo xtask postgres -- COMMAND`: ends with the command's status.
pub fn run_beside(args: &[String]) -> Result<ExitCode> {
    let Some((program, args)) = args.split_first() else {
        bail!("which command? `cargo xtask postgres -- COMMAND`");
    };
    let progress = Progress::new(2);
    let bin = tools::ensure_postgres(&progress.step("PostgreSQL"))?;
    let cluster = Cluster::start(&progress.step("private cluster"), &bin)?;
    let status = run_attached(Command::new(program).args(args).env(VARIABLE, cluster.url()))?;
    drop(cluster);
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// A running cluster. Ends and vanishes when dropped.
struct Cluster {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    fn start(step: &Step, bin: &Path) -> Result<Self> {
        // Not below the target folder: that may lie where the database's user cannot go.
        let folder = std::env::temp_dir().join(format!("bmw-postgres-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder)?;
        let user = database_user()?;
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid))?;
        }
        let data = folder.join("data");
        let mut initdb = command_as(user, &bin.join("initdb"));
        initdb
            .current_dir(&folder)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "-D"])
            .arg(&data);
        run_logged(step, &mut initdb, "initdb")?;

        let port = free_port()?;
        let server = command_as(user, &bin.join("postgres"))
            .current_dir(&folder)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            // Nothing here has to outlive a power cut.
            .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()
            .context("cannot start PostgreSQL")?;
        let mut cluster = Self { folder, port, server };
        cluster.wait_until_ready(bin)?;
        step.done(&format!("at {}", cluster.url()));
        Ok(cluster)
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/bmw", self.port)
    }

    /// Ready is who creates a database when asked.
    fn wait_until_ready(&mut self, bin: &Path) -> Result<()> {
        let port = self.port.to_string();
        let start = Instant::now();
        while start.elapsed() < STARTUP && self.server.try_wait()?.is_none() {
            let mut create = command(bin.join("createdb"));
            create.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "bmw"]);
            if output(&mut create).is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("PostgreSQL did not start:\n{}", log.trim_end());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its word for "now, but in order". A plain kill would leave its other processes behind.
        output(command("kill").args(["-INT", &self.server.id().to_string()]));
        self.server.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// PostgreSQL refuses to run as root: then the user whom to become.
fn database_user() -> Result<Option<(u32, u32)>> {
    if !apt::is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        let id = |which: &str| output(command("id").args([which, name])).and_then(|id| id.parse().ok());
        if let (Some(uid), Some(gid)) = (id("-u"), id("-g")) {
            return Ok(Some((uid, gid)));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody");
}

fn command_as(user: Option<(u32, u32)>, program: &Path) -> Command {
    let mut command = command(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// A port that is free now. Somebody could take it before PostgreSQL does: that start would fail
/// with a clear line, and is too rare to care.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
