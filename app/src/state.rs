//! What the server hands to routes, server functions and pages.

use bmw_site::Site;
use std::sync::Arc;
use std::time::Duration;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The running site.
    pub site: Arc<Site>,
    /// How often the live feed repeats an unchanged state (`BMW_FEED_INTERVAL`, default 3 minutes).
    pub feed_interval: Duration,
}
