//! The program `bmw`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bmw::run()
}
