//! The release program, with the bundle inside.

use std::path::PathBuf;

use anyhow::Result;

use crate::bundle::{self, Bundle};
use crate::command::{cargo, run_logged};
use crate::progress::Progress;
use crate::project;

/// How many steps [`build`] takes.
pub const STEPS: usize = bundle::STEPS + 1;

/// Builds the bundle and the program, and gives back the program's path.
pub fn build(progress: &Progress) -> Result<(PathBuf, Bundle)> {
    let bundle = bundle::build(progress)?;
    let step = progress.step("program");
    step.say("building in release mode, some minutes the first time");
    let mut args = vec!["build", "--release", "--package", "bmw"];
    if crate::test::in_ci() {
        args.push("--locked");
    }
    run_logged(&step, &mut cargo(&args), "program")?;
    let program = project::program();
    step.done(&format!("there, {}", program.display()));
    Ok((program, bundle))
}

/// `cargo xtask build`.
pub fn build_only(_: ()) -> Result<()> {
    let (_, bundle) = build(&Progress::new(STEPS))?;
    bundle.check_weight()
}
