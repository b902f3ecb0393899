//! `cargo xtask run`: the release program on a site to look at.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use crate::command::{command, run_logged};
use crate::progress::{Progress, Step};
use crate::{project, release};

/// The demo's sessions end at the moment it was made: an old one would show an empty today.
const FRESH: Duration = Duration::from_hours(24);

/// `cargo xtask run [-- ARGS]`.
pub fn run(args: &[String]) -> Result<()> {
    let progress = Progress::new(release::STEPS + 1);
    let (program, _) = release::build(&progress)?;
    let step = progress.step("demo site");
    let mut serve = command(&program);
    serve.arg("serve").args(args);
    if names_a_database(args) {
        step.done("not needed, as a database is given");
    } else {
        let demo = Demo::ensure(&step, &program)?;
        serve.env("BMW_DATABASE_URL", demo.url());
        // It is alive by them.
        serve.env("BMW_SIMULATOR", "true");
        // The server inherits the lock as its input, which it does not read, and so holds it for
        // as long as it lives: nobody replaces the database under it.
        serve.stdin(Stdio::from(demo.lock));
    }
    // The server takes this process over: signals reach it, and its status is the command's.
    Err(anyhow!(serve.exec()).context(format!("cannot start {}", program.display())))
}

/// Whether the caller has a database of their own, which is then theirs alone to fill.
pub fn names_a_database(args: &[String]) -> bool {
    std::env::var_os("BMW_DATABASE_URL").is_some()
        || args.iter().any(|arg| arg == "--database-url" || arg.starts_with("--database-url="))
}

/// The demo's database, below the target folder: ours to make and to throw away.
pub struct Demo {
    database: PathBuf,
    /// Shared among those who serve it, exclusive for who replaces it.
    pub lock: File,
}

impl Demo {
    pub fn ensure(step: &Step, program: &Path) -> Result<Self> {
        let folder = project::path("target/demo");
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        let database = folder.join("bmw.db");
        if is_fresh(&folder) && database.is_file() {
            step.done("there");
        } else if lock.try_lock().is_ok() {
            create(step, program, &folder)?;
            lock.unlock()?;
            step.done(&format!("made, {}", database.display()));
        } else if database.is_file() {
            step.done("older than a day, but in use: it stays");
        } else {
            step.say("waiting for another xtask, which makes it");
        }
        lock.lock_shared()?;
        Ok(Self { database, lock })
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}", self.database.display())
    }
}

/// When the demo was made. The database itself changes whenever it is served.
fn mark(folder: &Path) -> PathBuf {
    folder.join("made")
}

fn is_fresh(folder: &Path) -> bool {
    fs::metadata(mark(folder))
        .and_then(|meta| meta.modified())
        .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < FRESH))
}

fn create(step: &Step, program: &Path, folder: &Path) -> Result<()> {
    step.say("filling a database with three years of sessions");
    for name in ["made", "bmw.db", "bmw.db-wal", "bmw.db-shm"] {
        fs::remove_file(folder.join(name)).ok();
    }
    let url = format!("sqlite://{}", folder.join("bmw.db").display());
    let mut demo = command(program);
    demo.arg("demo").env("BMW_DATABASE_URL", url);
    run_logged(step, &mut demo, "demo")?;
    fs::write(mark(folder), "").context("cannot mark the demo as made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_database_is_noticed() {
        let given = |text: &str| names_a_database(&[text.to_owned()]);
        assert!(given("--database-url=sqlite://x"));
        assert!(given("--database-url"));
    }
}
