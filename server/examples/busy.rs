//! The measured site of `cargo xtask bench`: `bmw serve`, on which sessions start and finish all the time.
//!
//! `busy SESSIONS_A_SECOND`; the rest comes from the environment as for `bmw serve`.

use bmw::cli::Cli;
use bmw::config::Config;
use bmw_domain::charger::Answer;
use bmw_domain::charger::event::{Event, Start, Stop, Told};
use bmw_site::{Clock, Counter, Site};
use clap::Parser as _;
use std::sync::Arc;
use std::time::Duration;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rate: u32 = std::env::args().nth(1).unwrap_or_default().parse()?;
    // The options alone: the argument is ours.
    let config = Config::read(Cli::try_parse_from(["bmw"])?.options)?;
    let running = bmw::serve::start(&config).await?;
    println!("listening on http://{}", running.addr);
    let work = tokio::spawn(keep_busy(Arc::clone(&running.site), running.counter.clone(), rate));
    bmw::serve::signal()?.await;
    work.abort();
    running.shutdown().await;
    Ok(())
}

async fn keep_busy(site: Arc<Site>, counter: Counter, rate: u32) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    let charge_points: Vec<_> = site.present().charge_points().iter().map(|now| now.key).collect();
    for charge_point in charge_points.into_iter().cycle() {
        ticks.tick().await;
        let now = Clock::real();
        let begin = Told::ours(now.plus(-3_600_000));
        let start = Start { connector: 1, id_tag: "BUSY".to_owned(), register: now.0, time: begin };
        let Answer::Started(id, _) = counter.tell(charge_point, Event::Start(start), now).await? else { continue };
        let stop = Stop {
            transaction: id.0.into(),
            id_tag: None,
            register: now.0 + 7_400,
            time: Told::ours(now),
            reason: None,
            readings: Vec::new(),
        };
        counter.tell(charge_point, Event::Stop(stop), now).await?;
    }
    Ok(())
}
