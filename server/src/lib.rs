//! The program `bmw`: command line, configuration, wiring, middleware.
//!
//! Nothing here knows a charge point or writes SQL: commands are carried out by `bmw-store` and `bmw-site`, requests
//! answered by `bmw-app`.

mod accounts;
pub mod assets;
pub mod cli;
mod commands;
pub mod config;
pub mod connection;
pub mod demo;
pub mod front;
pub mod guard;
mod health;
pub mod limits;
pub mod peer;
mod redirect;
pub mod serve;
mod simulator;
pub mod tls;
pub mod webhook;
mod yard;

use clap::Parser as _;
use cli::Cli;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// Why the program ends with a status other than 0: one line for the person at the terminal.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// What was asked for cannot be: a wrong option, a malformed file.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(2, message)
    }

    /// It was asked for rightly, and failed.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(1, message)
    }

    fn new(status: u8, message: impl fmt::Display) -> Self {
        let lines = message.to_string();
        let words: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self { status, message: words.join(" ") }
    }

    /// The status that the program ends with.
    pub const fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Carries out what the command line says.
pub fn run() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(error) if !error.use_stderr() => {
            // Help and version; there is nobody to tell when the terminal is gone.
            drop(error.print());
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(cli::failure(&error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            drop(writeln!(std::io::stderr(), "bmw: {failure}"));
            ExitCode::from(failure.status)
        }
    }
}
