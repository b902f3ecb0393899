//! What the tests of several crates need: a PostgreSQL of their own, from the machine's installed version, and a
//! [charge point](charger) that says whatever it is told to.
//!
//! The cluster belongs to the process that asked for it and is gone when that process is, however it ended.

pub mod charger;

use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs the server until the pipe from the process that started this is closed, then removes its folder.
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" -p "$3" -h 127.0.0.1 -k '' -F \
    -c full_page_writes=off -c synchronous_commit=off >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
"#;

const SUPERUSER: &str = "postgres";

/// A running server.
struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
    port: u16,
    databases: u32,
    /// Its standard input is the pipe that keeps the server alive.
    _keeper: Child,
}

/// Whom the server runs as: it refuses to run as root.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

/// The URL of a new, empty PostgreSQL database of this process. `None`, and a line that says so: PostgreSQL is not installed.
///
/// # Errors
/// That the server did not start; with the environment variable `CI` also that it is not installed, as nothing may be
/// skipped there.
pub fn postgres_database() -> io::Result<Option<String>> {
    static CLUSTER: Mutex<Option<Cluster>> = Mutex::new(None);
    let Some(programs) = installed() else {
        if std::env::var_os("CI").is_some() {
            return Err(Error::other("PostgreSQL is not installed, and its tests may not be skipped where CI is set"));
        }
        eprintln!("SKIPPED: PostgreSQL is not installed (package postgresql)");
        return Ok(None);
    };
    let mut cluster = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    if cluster.is_none() {
        *cluster = Some(Cluster::start(programs)?);
    }
    cluster.as_mut().map(Cluster::new_database).transpose()
}

/// The folder with the programs of the newest installed version.
fn installed() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    versions.sort();
    let from_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    };
    versions.pop().map(|(_, programs)| programs).or_else(from_path)
}

impl Cluster {
    fn start(programs: PathBuf) -> io::Result<Self> {
        // The keeper removes it.
        let folder = tempfile::Builder::new().prefix("bmw-postgres-").tempdir()?.keep();
        let account = account()?;
        if let Some(Account { user, group }) = account {
            chown(&folder, Some(user), Some(group))?;
        }
        let initialize = |collation: &[&str]| {
            let mut initdb = command(&programs.join("initdb"), account, &folder);
            initdb.arg("-D").arg(folder.join("data")).args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "-N"]);
            output(initdb.args(collation))
        };
        // An order of text other than by code point, so that a query which forgets to ask for that one is found out.
        // Versions before 15 do not know the option.
        initialize(&["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"])
            .or_else(|_| initialize(&["--no-locale"]))?;
        // Free now; nobody else takes it so soon.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut keeper = command(Path::new("/bin/sh"), account, &folder);
        keeper.args(["-c", KEEPER, "sh"]).arg(&programs).arg(&folder).arg(port.to_string());
        // A group of its own: what ends the tests must not keep it from tidying up.
        keeper.process_group(0);
        let log = File::create(folder.join("keeper-log"))?;
        let keeper = keeper.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let cluster = Self { programs, folder, account, port, databases: 0, _keeper: keeper };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    fn wait_until_ready(&self) -> io::Result<()> {
        let begin = Instant::now();
        while let Err(error) = output(self.client("pg_isready").args(["-d", SUPERUSER])) {
            if begin.elapsed() > Duration::from_mins(1) {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(Error::new(ErrorKind::TimedOut, format!("PostgreSQL did not start: {error}\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = command(&self.programs.join(program), self.account, &self.folder);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", SUPERUSER]);
        command
    }

    fn new_database(&mut self) -> io::Result<String> {
        self.databases += 1;
        let name = format!("site_{}", self.databases);
        output(self.client("createdb").arg(&name))?;
        Ok(format!("postgres://{SUPERUSER}@127.0.0.1:{}/{name}", self.port))
    }
}

/// The account to use when this process is root's.
fn account() -> io::Result<Option<Account>> {
    use std::os::unix::fs::MetadataExt;
    // The owner of our own process folder is who we are.
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let mut fields =
            accounts.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
        let user = fields.nth(2)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(Account { user, group })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "PostgreSQL does not run as root, and there is no account postgres or nobody")
    })
}

fn command(program: &Path, account: Option<Account>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(Account { user, group }) = account {
        command.uid(user).gid(group);
    }
    // The folder that we are in may be closed to that account.
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a program to its end; an error has what it printed.
fn output(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Err(Error::other(format!("{}: {}", command.get_program().to_string_lossy(), printed.trim())))
}

#[cfg(test)]
mod tests {
    #[test]
    fn databases_have_names_of_their_own() {
        let (Some(one), Some(two)) = (super::postgres_database().unwrap(), super::postgres_database().unwrap()) else {
            return;
        };
        assert_ne!(one, two);
    }
}
