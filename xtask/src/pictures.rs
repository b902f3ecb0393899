//! `cargo xtask pictures`: the pictures in `docs/pictures`, which README shows and the tests compare pages with.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::command::{command, run_logged};
use crate::progress::Progress;
use crate::{project, release, tools};

/// The most that a picture may weigh, bytes.
const LIMIT: u64 = 250_000;

fn folder() -> PathBuf {
    project::path("docs/pictures")
}

/// Tells with which fonts they were made.
fn fonts() -> PathBuf {
    folder().join("fonts.txt")
}

/// Whether they were made with this machine's fonts: with others no page looks the same.
pub fn are_comparable() -> bool {
    fs::read_to_string(fonts()).is_ok_and(|made_with| tools::fonts().is_some_and(|here| here == made_with))
}

/// `cargo xtask pictures`.
pub fn run(_: ()) -> Result<()> {
    let progress = Progress::new(release::STEPS + 3);
    let (program, _) = release::build(&progress)?;
    let chromium = tools::ensure_chromium(&progress.step("Chromium"))?;
    tools::ensure_end2end_packages(&progress.step("packages of the browser tests"))?;
    let step = progress.step("pictures");
    step.say("Playwright");
    let mut make = command("npx");
    make.current_dir(project::path("end2end"))
        .args(["playwright", "test", "pictures.spec.js", "--grep", "compared", "--update-snapshots", "all"])
        .env("BMW_TEST_BINARY", program)
        .env("BMW_TEST_CHROMIUM", chromium);
    run_logged(&step, &mut make, "pictures")?;
    fs::write(fonts(), tools::fonts().context("the machine does not tell its fonts")?)?;
    let mut count = 0;
    for entry in fs::read_dir(folder())? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "png") {
            let bytes = entry.metadata()?.len();
            if bytes > LIMIT {
                bail!("{} has {bytes} bytes; {LIMIT} are the most", entry.path().display());
            }
            count += 1;
        }
    }
    step.done(&format!("{count} made, {}", folder().display()));
    Ok(())
}
