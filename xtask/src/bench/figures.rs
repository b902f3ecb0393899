//! What is measured, and how it is said.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::load::{self, Paths};
use super::server::{self, Server};
use super::{Bench, browser, site};

/// Sessions of the large and the small site.
const LARGE: u64 = 1_000_000;
const SMALL: u64 = 10_000;

/// A route under measurement and the requests that rotate on it.
struct Route {
    name: &'static str,
    paths: Vec<String>,
}

/// Requests that differ in a parameter that the route ignores.
fn rotated(path: &str) -> Vec<String> {
    let joint = if path.contains('?') { '&' } else { '?' };
    (0..50).map(|number| format!("{path}{joint}rotate={number}")).collect()
}

fn for_each_charge_point(path: &str) -> Vec<String> {
    (0..site::CHARGE_POINTS).map(|number| format!("{path}charger_id={}", site::identity(number))).collect()
}

fn for_each_day(path: &str, days: u64) -> Vec<String> {
    (1..days).map(|back| format!("{path}date={}", site::date(back))).collect()
}

fn present_routes() -> Vec<Route> {
    let route = |name, paths| Route { name, paths };
    vec![
        route("2.1 details", for_each_charge_point("/api/charger/details/?")),
        route("2.6 statistic", rotated("/api/charger/info/statistic/")),
        route("2.8 states, 10", rotated("/api/recent/charger/state/list/")),
        route("2.9 state statistic", rotated("/api/charger/state/statistic/")),
        route("2.12 ids", rotated("/api/charger/id/list/")),
        route("2.13 limits", rotated("/api/max/current/list/")),
        route("2.14 list", rotated("/api/charger/list/")),
    ]
}

fn history_routes() -> Vec<Route> {
    let route = |name, paths| Route { name, paths };
    let days = site::days(SMALL);
    vec![
        route("2.2 a day", for_each_day("/api/charging/record/details/?", days)),
        route("2.2 a day of one", for_each_day("/api/charging/record/details/?charger_id=21500007&", days)),
        route("2.7 newest 7", rotated("/api/recent/charging/record/list/")),
        route("2.7 newest 1000", rotated("/api/recent/charging/record/list/?num=1000")),
        route("2.10 months", rotated("/api/monthly/energy/")),
        route("2.10 months of one", for_each_charge_point("/api/monthly/energy/?")),
        route("2.11 months of each", rotated("/api/monthly/energy/list/")),
        route("3.1 30 days", rotated("/bmw/chart/getAllRecentChargerRecords/?mode=3&offset=30")),
        route("3.2 30 days", rotated("/bmw/chart/getRecentChargerRecords?mode=3&offset=30")),
        route("3.2 12 months", rotated("/bmw/chart/getRecentChargerRecords?mode=2&offset=12")),
    ]
}

/// `bmw serve` on a measured site.
fn serve(bench: &Bench, sessions: u64) -> Result<Server> {
    let (database, _) = server::database(&bench.program, sessions)?;
    Server::start(server::on(&mut Command::new(&bench.program), &database).arg("serve"))
}

/// The same program and site, on which 50 sessions a second start and finish meanwhile.
fn serve_busy(bench: &Bench, sessions: u64) -> Result<Server> {
    let (database, _) = server::database(&bench.program, sessions)?;
    // A copy: the next run shall find as many sessions as the name says.
    let copy = database.with_extension("busy.db");
    std::fs::copy(&database, &copy)?;
    Server::start(server::on(&mut Command::new(&bench.busy), &copy).arg("50"))
}

/// A bare axum handler that answers everything with the bytes that a server answers to a path.
fn bare(bench: &Bench, server: &Server, path: &str) -> Result<Server> {
    let (status, body) = server.get(path)?;
    if status != 200 {
        bail!("{path} answered {status}");
    }
    let file = crate::project::path("target/bench/body");
    std::fs::write(&file, &body)?;
    Server::start(Command::new(&bench.bare).arg(&file))
}

/// Routes of the present state against the bare handler, while sessions finish.
pub fn present(bench: &Bench) -> Result<()> {
    let busy = serve_busy(bench, LARGE)?;
    println!("| route | bytes | bmw, req/s | bare axum, req/s | share | asked |\n|---|--:|--:|--:|--:|--:|");
    for route in present_routes() {
        let bare = bare(bench, &busy, &route.paths[0])?;
        let paths = Paths::new("present", &route.paths)?;
        let bytes = busy.get(&route.paths[0])?.1.len();
        let [ours, yardstick] = load::compare(&bench.wrk, [(busy.address, &paths), (bare.address, &paths)])?;
        println!(
            "| {} | {bytes} | {ours:.0} | {yardstick:.0} | {:.0} % | 70 % |",
            route.name,
            ours / yardstick * 100.0
        );
    }
    Ok(())
}

/// Routes of history on a large site against a small one, and against the bare handler.
pub fn history(bench: &Bench) -> Result<()> {
    let (large, small) = (serve(bench, LARGE)?, serve(bench, SMALL)?);
    println!(
        "| route | bytes | bmw, req/s | time against {SMALL} sessions (asked: 1.5) | bare axum, req/s | share (asked: 20 %) |\n|---|--:|--:|--:|--:|--:|"
    );
    for route in history_routes() {
        let bare = bare(bench, &large, &route.paths[0])?;
        let paths = Paths::new("history", &route.paths)?;
        let bytes = large.get(&route.paths[0])?.1.len();
        let [with_many, with_few] = load::compare(&bench.wrk, [(large.address, &paths), (small.address, &paths)])?;
        let [ours, yardstick] = load::compare(&bench.wrk, [(large.address, &paths), (bare.address, &paths)])?;
        println!(
            "| {} | {bytes} | {ours:.0} | {:.2} | {yardstick:.0} | {:.0} % |",
            route.name,
            with_few / with_many,
            ours / yardstick * 100.0
        );
    }
    every_day(bench, &large)
}

/// 2.2 over every day of ten years in turn: nothing is warm but what fits.
fn every_day(bench: &Bench, large: &Server) -> Result<()> {
    let paths = Paths::new("days", &for_each_day("/api/charging/record/details/?", site::days(LARGE)))?;
    let ours = load::requests_per_second(&bench.wrk, large.address, &paths, 5)?;
    let again = load::requests_per_second(&bench.wrk, large.address, &paths, 5)?;
    println!("\n2.2 over each of {} days in turn: {ours:.0} req/s at first, then {again:.0}.", site::days(LARGE));
    println!("Memory then: {}.", mib(large.memory()?));
    Ok(())
}

/// Import of a large site into a new SQLite database.
pub fn import(bench: &Bench) -> Result<()> {
    let file = site::file(LARGE)?;
    let took = server::import(&bench.program, &file, &file.with_extension("import.db"))?;
    let rate = 1_000_000.0 / took.as_secs_f64();
    println!("{LARGE} sessions in {:.1} s: {rate:.0} a second (asked: 100 000).", took.as_secs_f64());
    Ok(())
}

/// Pages: rendered by the server, on a phone, and while a site is busy.
pub fn pages(bench: &Bench) -> Result<()> {
    let large = serve(bench, LARGE)?;
    println!("| page | bytes | pages/s | asked |\n|---|--:|--:|--:|");
    for (name, path, asked) in [
        ("overview", "/overview/", "1 000"),
        ("details", "/details/", ""),
        ("devices", "/devices/", ""),
        ("records", "/records/", ""),
        ("settings", "/settings/", ""),
    ] {
        let bytes = large.get(path)?.1.len();
        let rate = load::requests_per_second(&bench.wrk, large.address, &Paths::new("pages", &rotated(path))?, 5)?;
        println!("| {name} | {bytes} | {rate:.0} | {asked} |");
    }
    drop(large);
    if let Some(browser) = &bench.browser {
        browser::phone(bench, browser)?;
        browser::live(bench, browser)?;
    }
    Ok(())
}

/// Start with an existing database, and memory at rest and after work.
pub fn start(bench: &Bench) -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(serve(bench, LARGE)?.start);
    }
    starts.sort();
    println!("Start until /healthz answers, {LARGE} sessions: {} (median of 5; asked: 200 ms).", ms(starts[2]));
    let server = serve(bench, LARGE)?;
    server.get("/api/monthly/energy/list/")?;
    println!("Memory after the start: {}.", mib(server.memory()?));
    for route in present_routes().into_iter().chain(history_routes()) {
        load::requests_per_second(&bench.wrk, server.address, &Paths::new("memory", &route.paths)?, 1)?;
    }
    load::requests_per_second(&bench.wrk, server.address, &Paths::new("memory", &rotated("/overview/"))?, 2)?;
    println!("Memory after a second of each route and of the overview: {} (asked: 60 MiB).", mib(server.memory()?));
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // MiB of one process
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}

fn ms(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
}
