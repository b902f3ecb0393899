//! What the pages ask for: server functions below `/fn`, and the types that both sides share.
//!
//! A page hands its own query string to its server function, which reads it tolerantly: what cannot be understood is
//! as good as absent. So the address is the only source of what a page shows, with and without WebAssembly.

mod details;
mod devices;
mod overview;
mod query;
mod records;
mod settings;

pub use details::*;
pub use devices::*;
pub use overview::*;
pub use query::Query;
pub use records::*;
pub use settings::*;

use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::energy::{ChargingTime, Energy};
use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use serde::{Deserialize, Serialize};

/// An instant, and what the site's clock showed then. The browser knows neither the site's zone nor its clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// The site's local time.
    pub local: LocalTime,
}

/// The four tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tiles {
    /// Charge points that have a state.
    pub chargers: u64,
    /// Energy over the life of all.
    pub energy: Energy,
    /// Charging time over the life of all.
    pub time: ChargingTime,
    /// Sessions.
    pub sessions: u64,
    /// Charge points in use.
    pub in_use: u64,
}

/// The site's phases A, B, C.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Load in A; `None` where nothing is known.
    pub load: [Option<f64>; 3],
    /// The most that the site may draw, A.
    pub limits: [u32; 3],
}

/// Why a server function has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataError {
    /// The store failed.
    Store,
    /// The server does not let this caller do this.
    Refused,
    /// No answer came.
    Network,
    /// The answer or the question could not be read.
    Protocol,
}

impl FromServerFnError for DataError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Network,
            // The guard in front of the writing server functions answers like the documented routes, not like us.
            ServerFnErrorErr::Deserialization(_) => Self::Refused,
            _ => Self::Protocol,
        }
    }
}

#[cfg(feature = "ssr")]
pub(crate) use on_server::*;

#[cfg(feature = "ssr")]
mod on_server {
    use super::{DataError, Moment, Phases, Tiles};
    use crate::state::AppState;
    use bmw_domain::calendar::Timestamp;
    use bmw_site::{Present, Site};
    use bmw_store::StoreError;
    use leptos::prelude::use_context;
    use std::sync::Arc;

    /// The running site.
    pub fn site() -> Result<Arc<Site>, DataError> {
        use_context::<AppState>().map(|state| state.site).ok_or(DataError::Protocol)
    }

    impl From<StoreError> for DataError {
        /// What went wrong inside is logged and not shown.
        fn from(error: StoreError) -> Self {
            tracing::error!(%error, "a page's data");
            Self::Store
        }
    }

    pub fn moment(site: &Site, at: Timestamp) -> Moment {
        Moment { at, local: site.clock().zone().local(at) }
    }

    pub fn now(site: &Site) -> Moment {
        Moment { at: site.clock().now(), local: site.clock().local_now() }
    }

    pub fn tiles(present: &Present, sessions: u64) -> Tiles {
        let statistics = present.statistics();
        Tiles {
            chargers: statistics.with_state,
            energy: statistics.energy,
            time: statistics.time,
            sessions,
            in_use: statistics.in_use,
        }
    }

    pub fn phases(present: &Present, now: Timestamp) -> Phases {
        Phases { load: present.phase_load(now), limits: present.settings().max_current }
    }
}
