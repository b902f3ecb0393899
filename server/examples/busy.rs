//! The measured site of `cargo xtask bench`: `bmw serve`, on which sessions start and finish all the time.
//!
//! `busy SESSIONS_A_SECOND`; the rest comes from the environment as for `bmw serve`.

use bmw::cli::Cli;
use bmw::config::Config;
use bmw_domain::energy::Energy;
use bmw_site::{Clock, Site};
use bmw_store::{SessionFinish, SessionStart};
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
    let work = tokio::spawn(keep_busy(Arc::clone(&running.site), rate));
    bmw::serve::signal().await?;
    work.abort();
    running.shutdown().await;
    Ok(())
}

async fn keep_busy(site: Arc<Site>, rate: u32) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    let charge_points: Vec<_> = site.present().charge_points().iter().map(|now| now.key).collect();
    for charge_point in charge_points.into_iter().cycle() {
        ticks.tick().await;
        let now = Clock::real();
        let start = SessionStart {
            charge_point,
            connector: 1,
            queued_at: now.plus(-3_600_000),
            started_at: now.plus(-3_600_000),
            id_tag: None,
        };
        let session = site.start_session(&start).await?;
        site.finish_session(&SessionFinish { id: session.id, finished_at: now, energy: Energy::from_wh(7_400) })
            .await?;
    }
    Ok(())
}
