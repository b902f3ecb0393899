//! `cargo xtask fuzz`: arbitrary frames and arbitrary sessions, for a while.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::{cargo, path_with, run_shown};
use crate::progress::Progress;
use crate::{project, tools};

/// The targets, see `fuzz/fuzz_targets`.
const TARGETS: [&str; 2] = ["frame", "session"];
/// How long each runs unless something else is asked for, s.
const SECONDS: u32 = 600;
/// The longest input, bytes: frames and sessions that are longer find nothing new, and take longer.
const LONGEST: u32 = 4096;

/// `cargo xtask fuzz [TARGET] [SECONDS]`.
pub fn run(args: &[String]) -> Result<()> {
    let (targets, seconds) = read(args)?;
    let progress = Progress::new(1 + targets.len());
    let tool = tools::cargo_fuzz();
    let bin = tool.ensure(&progress.step(tool.title()))?;
    for target in targets {
        let step = progress.step(target);
        let corpus = project::path("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
        if target == "frame" {
            plant(&corpus)?;
        }
        step.say(&format!("{seconds} s"));
        let mut fuzz = cargo(&["fuzz", "run", target, "--sanitizer", "none", "--"]);
        fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={LONGEST}"));
        fuzz.args(["-timeout=10", "-print_final_stats=1"]).env("PATH", path_with(std::slice::from_ref(&bin))?);
        // What the caller's own builds are told is not meant for this one.
        tools::without_overrides(&mut fuzz);
        let said = run_shown(&mut fuzz, |line| line.starts_with("Done ") || line.contains("number_of_executed_units"))?;
        step.done(&format!("nothing found, {}", said.join(", ")));
    }
    Ok(())
}

/// Which targets, and how long.
fn read(args: &[String]) -> Result<(Vec<&'static str>, u32)> {
    let mut targets = TARGETS.to_vec();
    let mut seconds = SECONDS;
    for arg in args {
        if let Some(known) = TARGETS.iter().find(|known| *known == arg) {
            targets = vec![known];
        } else if let Some(number) = arg.parse().ok().filter(|number| *number > 0) {
            seconds = number;
        } else {
            bail!("'{arg}' is neither a number of seconds nor one of: {}", TARGETS.join(", "));
        }
    }
    Ok((targets, seconds))
}

/// Puts the frames that broke others into a corpus, each in a file of its own.
fn plant(corpus: &Path) -> Result<()> {
    let folder = project::path("crates/ocpp/tests/corpus");
    for chapter in ["calls", "transactions", "data"] {
        let text = fs::read_to_string(folder.join(chapter).with_extension("txt"))
            .with_context(|| format!("the frames of {chapter} are missing"))?;
        for (number, frame) in text.lines().filter_map(|line| line.strip_prefix("> ")).enumerate() {
            // Any moment and any number do.
            let frame = frame.replace("{now}", "2026-09-21T12:00:00Z").replace("{id}", "1");
            fs::write(corpus.join(format!("{chapter}-{number}")), frame)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn targets_and_seconds_are_told_apart() {
        assert_eq!(read(&[]).unwrap(), (TARGETS.to_vec(), SECONDS));
        assert_eq!(read(&words("frame")).unwrap(), (vec!["frame"], SECONDS));
        assert_eq!(read(&words("session 5")).unwrap(), (vec!["session"], 5));
        assert!(read(&words("dance")).is_err());
        assert!(read(&words("frame 0")).is_err());
    }
}
