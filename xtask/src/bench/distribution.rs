//! The planner of the distribution under measurement.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Bench;
use crate::command::output;

/// How long a plan takes for so many cars, beside a yardstick that only puts them into their order.
pub fn distribution(bench: &Bench) -> Result<()> {
    println!(
        "| cars | a plan, µs | asked, µs | putting them into their order, µs | times as long |\n|--:|--:|--:|--:|--:|"
    );
    for line in output(&mut Command::new(&bench.plan)).context("the plans could not be measured")?.lines() {
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        let mut next = || numbers.next().and_then(Result::ok).context("the example prints three numbers");
        let (cars, planned, sorted) = (next()?, next()?, next()?);
        let asked = if cars < 100.0 { "20" } else { "5 000" };
        println!("| {cars} | {:.1} | {asked} | {:.1} | {:.1} |", planned / 1000.0, sorted / 1000.0, planned / sorted);
    }
    Ok(())
}
