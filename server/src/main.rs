//! The program `bmw`.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Many small things that live for one message: the system's allocator takes a tenth of the work on them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    bmw::run()
}
