//! The project's chores behind one command, `cargo xtask`.
//!
//! Whoever checks the project out has a Rust toolchain and nothing else; every other tool is found
//! or installed by the command that needs it, once for the machine. This crate depends on almost
//! nothing, so that the first line of progress appears within seconds.

mod apt;
mod bench;
mod bundle;
mod command;
mod demo;
mod dev;
mod doctor;
mod faults;
mod fingerprint;
mod fuzz;
mod imports;
mod lockfile;
mod pictures;
mod postgres;
mod progress;
mod project;
mod release;
mod test;
mod tools;
mod wasm_target;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
The chores of the project:

    cargo xtask run [-- ARGS]       build, then serve a demo site at http://127.0.0.1:8000
                                    (ARGS go to `bmw serve`)
    cargo xtask build [--quick]     build target/release/bmw, with the bundle inside
                                    (--quick: target/debug/bmw, soon there and slow)
    cargo xtask dev [-- ARGS]       like run, but quick builds, again after every change
    cargo xtask test                everything that continuous integration checks
    cargo xtask faults              the faults that take minutes: a locked database, a full disk,
                                    many sudden deaths
    cargo xtask fuzz [TARGET] [SECONDS]
                                    arbitrary frames and sessions, 600 s each
    cargo xtask bench [NAME…]       measure, and print the figures
    cargo xtask pictures            make the pictures that README shows and the tests compare with
    cargo xtask doctor              say which tools are there and which are missing
    cargo xtask postgres -- COMMAND run a command beside a private PostgreSQL, whose address
                                    it finds in BMW_TEST_DATABASE_URL

What is missing is installed by the command that needs it, into the user's cache.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if rest.iter().take_while(|arg| *arg != "--").any(|arg| is_help(arg)) {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    match command.as_str() {
        "run" => demo::run(after_dashes(rest)?)?,
        "build" if rest == ["--quick"] => dev::build_only()?,
        "build" => release::build_only(none(rest)?)?,
        "dev" => dev::run(after_dashes(rest)?)?,
        "test" => test::run(none(rest)?)?,
        "bench" => bench::run(rest)?,
        "faults" => faults::run(none(rest)?)?,
        "fuzz" => fuzz::run(rest)?,
        "pictures" => pictures::run(none(rest)?)?,
        "doctor" => doctor::run(none(rest)?)?,
        "postgres" => return postgres::run_beside(after_dashes(rest)?),
        other if is_help(other) => println!("{HELP}"),
        other => bail!("there is no command '{other}'\n\n{HELP}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn is_help(arg: &str) -> bool {
    matches!(arg, "--help" | "-h" | "help")
}

/// For commands that take nothing: a misspelt option must not pass in silence.
fn none(rest: &[String]) -> Result<()> {
    match rest.first() {
        None => Ok(()),
        Some(arg) => bail!("unexpected argument '{arg}'"),
    }
}

/// For commands that hand arguments on: all that follows `--`.
fn after_dashes(rest: &[String]) -> Result<&[String]> {
    match rest.split_first() {
        None => Ok(&[]),
        Some((dashes, args)) if dashes == "--" => Ok(args),
        Some((arg, _)) => bail!("unexpected argument '{arg}': write the arguments after `--`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_after_the_dashes_are_handed_on() {
        assert_eq!(after_dashes(&words("-- --listen x")).unwrap(), words("--listen x"));
        assert_eq!(after_dashes(&[]).unwrap(), &[] as &[String]);
        assert!(after_dashes(&words("--listen x")).is_err());
    }

    #[test]
    fn unknown_commands_and_arguments_are_refused() {
        assert!(dispatch(&words("biuld")).is_err());
        assert!(dispatch(&words("build --fast")).is_err());
        assert!(dispatch(&words("build --help")).is_ok());
    }
}
