//! `cargo xtask faults`: the faults that take too long for every test run.

use anyhow::Result;

use crate::command::{cargo, run_shown};
use crate::progress::Progress;

/// `cargo xtask faults`.
pub fn run(_: ()) -> Result<()> {
    let progress = Progress::new(1);
    let step = progress.step("long faults");
    step.say("a database that is locked for 75 s, a full file system for 35 s, and many deaths of the program");
    let args =
        ["test", "--package", "bmw", "--test", "faults", "--", "--ignored", "--test-threads", "1", "--nocapture"];
    run_shown(&mut cargo(&args), |_| false)?;
    step.done("passed");
    Ok(())
}
