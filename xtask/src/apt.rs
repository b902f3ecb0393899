//! Debian's packages, for what only the system can give.

use std::os::unix::fs::MetadataExt as _;

use anyhow::{Result, bail};

use crate::command::{command, run_logged, try_logged, which};
use crate::progress::Step;

/// Installs packages, or names them and stops when that is not in our power.
pub fn install(step: &Step, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if which("apt-get").is_none() {
        bail!("{} is missing, and this machine has no apt: install what Debian calls `{names}`", step.title());
    }
    if !is_root() {
        bail!("{} is missing: run `sudo apt-get install {names}`, then this again", step.title());
    }
    step.say(&format!("installing {names} with apt"));
    // The lists of a fresh machine are empty or old: only then they are fetched.
    if try_logged(step, &mut install_command(packages), "apt-install", None)? {
        return Ok(());
    }
    step.say("fetching apt's lists, then once more");
    let mut update = command("apt-get");
    update.args(["-o", "DPkg::Lock::Timeout=600", "update"]);
    run_logged(step, &mut update, "apt-update")?;
    run_logged(step, &mut install_command(packages), "apt-install")
}

fn install_command(packages: &[&str]) -> std::process::Command {
    let mut install = command("apt-get");
    install
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-o", "DPkg::Lock::Timeout=600"])
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    install
}

pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
