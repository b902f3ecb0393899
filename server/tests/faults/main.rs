//! Faults of the world around the program: it is killed, its database is locked, its disk is full. What was answered is stored, once
//! and in order; what could not be stored was not answered, and a charge point tells it again.
//!
//! Those that take minutes are run by `cargo xtask faults`. How a charge point vanishes, comes back twice, sends 500 messages at
//! once or lives in 1970 is told in the tests of `bmw-ocpp`, how a store fails in those of `bmw-site`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod death;
mod distribution;
mod fleet;
mod program;
mod trouble;
