//! The program in a process of its own.

use bmw_store::{OpenOptions, Role, Store, StoreError, Zone};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// A database, and what keeps it.
pub struct Database {
    pub url: String,
    _folder: Option<TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: url_in(folder.path()), _folder: Some(folder) }
    }

    /// In a folder that somebody else keeps.
    pub fn sqlite_in(folder: &Path) -> Self {
        Self { url: url_in(folder), _folder: None }
    }

    /// `None`, after a line that says so, where PostgreSQL is not installed.
    pub fn postgres() -> Option<Self> {
        bmw_testkit::postgres_database().unwrap().map(|url| Self { url, _folder: None })
    }

    /// The file of a SQLite database.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("sqlite://").unwrap())
    }

    /// The store, while no program serves it.
    pub async fn open(&self) -> Arc<dyn Store> {
        let zone = Some(Zone::named("Europe/Berlin").unwrap());
        let options = OpenOptions { url: self.url.clone(), zone, role: Role::Owner };
        for _ in 0..200 {
            match bmw_store::open(&options).await {
                Ok((store, _)) => return store,
                // A server notices only after a moment that a killed process let go.
                Err(StoreError::InUse) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the site is still in use");
    }
}

fn url_in(folder: &Path) -> String {
    format!("sqlite://{}/bmw.db", folder.display())
}

/// The program, serving. Killed when it is dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    /// How many warnings it has given of what could not be stored.
    warned: watch::Receiver<u32>,
}

impl Program {
    /// Serves a database to whoever comes. Its files can be limited, see [`Program::limit_files`].
    pub fn start(database: &Database) -> Self {
        Self::start_at(database, "127.0.0.1:0")
    }

    /// The same at an address.
    pub fn start_at(database: &Database, listen: &str) -> Self {
        // Without a handler for it, the signal that tells of the limit would end the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bmw")]);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("BMW_")) {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(["serve", "--listen", listen, "--register-unknown"])
            .env("BMW_DATABASE_URL", &database.url)
            .env("BMW_TIMEZONE", "Europe/Berlin")
            .env("BMW_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let Some(address) = line.trim_end().strip_prefix("listening on http://") else {
            panic!("{line:?} {:?}", errors.next());
        };
        let (warn, warned) = watch::channel(0);
        std::thread::spawn(move || {
            // It ends with the program.
            for line in errors.map_while(Result::ok) {
                if line.contains("could not be stored") {
                    warn.send_modify(|count| *count += 1);
                } else if line.contains("panicked") {
                    eprintln!("{line}");
                }
            }
        });
        Self { address: address.parse().unwrap(), child, warned }
    }

    /// Waits until it has said so many times more that something could not be stored.
    pub async fn warns(&self, times: u32) {
        let mut warned = self.warned.clone();
        let until = *warned.borrow_and_update() + times;
        warned.wait_for(|warned| *warned >= until).await.expect("the program must live");
    }

    /// No file of it may be larger from here on, as if the disk were full; `None` lifts that.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited:unlimited".to_owned(), |bytes| format!("{bytes}:unlimited"));
        let status = Command::new("prlimit")
            .args([format!("--fsize={limit}"), "--pid".to_owned(), self.child.id().to_string()])
            .status()
            .expect("prlimit, of util-linux");
        assert!(status.success());
    }

    /// Kills it, as the kernel does that is out of memory.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(mut self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
