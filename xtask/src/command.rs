//! Starting other programs: found on PATH, with a clean environment.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::progress::Step;
use crate::project;

/// How often a running step looks whether it has ended.
const POLL: Duration = Duration::from_millis(100);

/// A command that runs in the checkout, without what `cargo run` set for this program: a build
/// script that reads such a variable would otherwise run again whenever somebody uses plain cargo.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project::root());
    for (name, _) in std::env::vars_os() {
        if let Some(text) = name.to_str()
            && (text.starts_with("CARGO_PKG_")
                || matches!(text, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_PRIMARY_PACKAGE"))
        {
            command.env_remove(&name);
        }
    }
    trust_what_the_machine_trusts(&mut command);
    command
}

/// Node and Python bring lists of their own of whom to trust. Behind a proxy that signs with a
/// certificate of the house, which the machine knows, they would refuse everything.
fn trust_what_the_machine_trusts(command: &mut Command) {
    const STORE: &str = "/etc/ssl/certs/ca-certificates.crt";
    if !Path::new(STORE).is_file() {
        return;
    }
    for name in ["NODE_EXTRA_CA_CERTS", "PIP_CERT"] {
        if std::env::var_os(name).is_none() {
            command.env(name, STORE);
        }
    }
}

pub fn cargo(args: &[&str]) -> Command {
    let mut cargo = command("cargo");
    cargo.args(args);
    cargo
}

/// The program's path, if PATH has it.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// PATH with these folders in front.
pub fn path_with(front: &[PathBuf]) -> Result<std::ffi::OsString> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = front.iter().cloned().chain(std::env::split_paths(&old));
    std::env::join_paths(all).context("a tool's folder has a ':' in its name")
}

/// What a quick command prints, or `None` when it fails or is not there.
pub fn output(command: &mut Command) -> Option<String> {
    let out = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let out = out.ok().filter(|out| out.status.success())?;
    Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// Runs a long command with its output in a log file and signs of life on the terminal. When it
/// fails, shows the log's end and where the rest is.
pub fn run_logged(step: &Step, command: &mut Command, log: &str) -> Result<()> {
    if try_logged(step, command, log, None)? {
        return Ok(());
    }
    let path = log_path(log);
    eprintln!();
    for line in last_lines(&path, 30) {
        eprintln!("    {line}");
    }
    eprintln!("\nthe whole log: {}", path.display());
    bail!("{} failed", step.title())
}

/// Like [`run_logged`], but tells a failure by `false`, and ends the command after `limit`.
pub fn try_logged(step: &Step, command: &mut Command, log: &str, limit: Option<Duration>) -> Result<bool> {
    let path = log_path(log);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;

    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if limit.is_some_and(|limit| start.elapsed() > limit) {
            child.kill().ok();
            child.wait()?;
            break None;
        }
        step.heartbeat(start, || last_line(&path));
        std::thread::sleep(POLL);
    };
    step.clear_heartbeat();
    Ok(status.is_some_and(|status| status.success()))
}

fn log_path(log: &str) -> PathBuf {
    project::state().join("log").join(format!("{log}.log"))
}

/// Runs a command whose output people want to see, and gives back the lines that `keep` picks:
/// the closing words of test runners, repeated in the summary.
pub fn run_shown(command: &mut Command, keep: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = std::io::pipe()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    // The command object holds the pipe's writing end: the reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut kept = Vec::new();
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        writeln!(out, "{text}")?;
        if keep(&text) {
            kept.push(text.trim().to_owned());
        }
    }
    drop(out);
    succeeded(child.wait()?, &name)?;
    Ok(kept)
}

/// Runs a command with this program's own input and output.
pub fn run_attached(command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.status().with_context(|| format!("cannot start {name}"))
}

pub fn succeeded(status: ExitStatus, what: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("{what} failed ({status})")
}

fn last_line(path: &Path) -> String {
    last_lines(path, 1).pop().unwrap_or_default()
}

fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let Ok(bytes) = fs::read(path) else {
        return Vec::new();
    };
    let mut lines = VecDeque::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        if line.trim().is_empty() {
            continue;
        }
        if lines.len() == count {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().to_owned());
    }
    lines.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_on_path() {
        assert!(which("sh").is_some());
        assert!(which("no-such-program-anywhere").is_none());
    }

    #[test]
    fn shown_commands_give_back_the_picked_lines() {
        let mut echo = command("sh");
        echo.args(["-c", "echo one; echo '  Summary two' >&2; echo three"]);
        let kept = run_shown(&mut echo, |line| line.contains("Summary")).unwrap();
        assert_eq!(kept, ["Summary two"]);
    }

    #[test]
    fn a_failing_command_is_an_error() {
        assert!(run_shown(&mut command("false"), |_| false).is_err());
    }
}
