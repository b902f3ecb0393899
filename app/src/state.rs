//! What the server hands to routes, server functions and pages.

use crate::on_site::Origin;
use bmw_domain::account::Right;
use bmw_domain::calendar::Timestamp;
use bmw_site::{Access, Caller, Commands, NotDone, Site};
use http::Method;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The running site.
    pub site: Arc<Site>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Gives commands to charge points.
    pub commands: Commands,
    /// The times of the live feed.
    pub feed: FeedTimes,
    /// Whether charge points are simulated, with a page at `/simulator/` to play with them (`BMW_SIMULATOR`).
    pub has_simulator: bool,
    /// By what address people reach the site, where it is not the one by which they ask (`BMW_PUBLIC_URL`).
    pub public_url: Option<Origin>,
    /// Where alerts are told to, if anywhere (`BMW_ALERT_WEBHOOK`).
    pub webhook: Option<Arc<Webhook>>,
    /// Tells the feeds to end.
    pub shutdown: Shutdown,
}

/// Where alerts are told to, and what became of it last.
#[derive(Debug)]
pub struct Webhook {
    /// The host: the rest of the address may be secret.
    pub host: String,
    last: Mutex<Option<Delivery>>,
}

/// What became of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When it was tried last.
    pub at: Timestamp,
    /// Why it failed; `None` when it was taken.
    pub failed: Option<String>,
}

impl Webhook {
    /// One that nothing was told to.
    pub const fn new(host: String) -> Self {
        Self { host, last: Mutex::new(None) }
    }

    /// What became of telling last.
    pub fn last(&self) -> Option<Delivery> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what became of it.
    pub fn tried(&self, delivery: Delivery) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivery);
    }
}

impl AppState {
    /// Notes that something sensitive is about to be given out, see [`Site::note_download`]. Who asks for its head alone is given
    /// nothing.
    ///
    /// # Errors
    /// For those who may not have it; the store's. It must not be given out then.
    pub async fn note_download(
        &self,
        kind: &str,
        subject: &str,
        what: &Value,
        (method, caller): (&Method, &Caller),
    ) -> Result<(), NotDone> {
        if *method == Method::HEAD {
            return Ok(caller.check(Right::ReadSensitive)?);
        }
        self.site.note_download(kind, subject, what, caller).await
    }
}

/// The times of the live feed.
#[derive(Debug, Clone, Copy)]
pub struct FeedTimes {
    /// How often an unchanged state is repeated (`BMW_FEED_INTERVAL`).
    pub interval: Duration,
    /// How long one message may take to be sent.
    pub send: Duration,
    /// How often a reader is asked for a sign of life.
    pub ping: Duration,
    /// How long none may come.
    pub silence: Duration,
}

impl Default for FeedTimes {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(3),
            send: Duration::from_secs(10),
            ping: Duration::from_secs(30),
            silence: Duration::from_mins(2),
        }
    }
}

/// The end of the program, as those see it who would go on for ever.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Tells all who wait, and all who will.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// For one who must end then: to be held as long as it runs.
    pub fn subscribe(&self) -> Ending {
        Ending(self.0.subscribe())
    }

    /// What is told, for those who know no more of this program.
    pub fn sender(&self) -> Arc<watch::Sender<bool>> {
        Arc::clone(&self.0)
    }

    /// The same as [`Shutdown::subscribe`], for those who know no more of this program.
    pub fn subscribe_to_end(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Waits until all who subscribed are gone.
    pub async fn all_gone(&self) {
        self.0.closed().await;
    }
}

/// A subscription to the end of the program.
#[derive(Debug)]
pub struct Ending(watch::Receiver<bool>);

impl Ending {
    /// Waits for the end.
    pub async fn begun(&mut self) {
        // The sender cannot go before its receivers: an error is an end as well.
        drop(self.0.wait_for(|ending| *ending).await);
    }
}
