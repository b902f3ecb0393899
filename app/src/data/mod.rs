//! What the pages ask for: server functions below `/fn`, and the types that both sides share.
//!
//! A page hands over its own query string, which is read tolerantly: what cannot be understood is as good as absent.
//! So the address is the only source of what a page shows, with and without WebAssembly.
//!
//! The answers travel as JSON text, and each page reads its own type from it. A server function with a type of its own
//! for each page would put the machinery of requests, resources and readers into the bundle once for each of them.

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
use leptos::server_fn::codec::{GetUrl, JsonEncoding};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

impl DataError {
    const ALL: [Self; 4] = [Self::Store, Self::Refused, Self::Network, Self::Protocol];

    const fn word(&self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Refused => "refused",
            Self::Network => "network",
            Self::Protocol => "protocol",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.word() == word)
    }
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

/// The name of a page, as `load` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageName {
    /// [`Overview`]
    Overview,
    /// [`Details`]
    Details,
    /// [`Devices`]
    Devices,
    /// [`Records`]
    Records,
    /// [`bmw_domain::settings::Settings`]
    Settings,
}

/// Everything that a page shows, by its query string: the page's own type as JSON.
#[server(endpoint = "page", prefix = "/fn", input = GetUrl)]
pub async fn load(
    /// Which page.
    page: PageName,
    /// Its query string.
    query: String,
) -> Result<String, DataError> {
    let query = Query::parse(&query);
    match page {
        PageName::Overview => json(&overview::on_server::overview(&query).await?),
        PageName::Details => json(&details::on_server::details(&query).await?),
        PageName::Devices => json(&devices::on_server::devices(&query).await?),
        PageName::Records => json(&records::on_server::records(&query).await?),
        PageName::Settings => json(&settings::on_server::settings()?),
    }
}

/// An answer of [`load`] on its way from the server's page to the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(pub Result<String, DataError>);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(json) => f.write_str(json),
            Err(error) => f.write_str(error.word()),
        }
    }
}

impl FromStr for Answer {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // JSON of a page is an object: it is none of the words.
        Ok(Self(DataError::from_word(text).map_or_else(|| Ok(text.to_owned()), Err)))
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
    use serde::Serialize;
    use std::sync::Arc;

    /// As JSON.
    pub fn json(value: &impl Serialize) -> Result<String, DataError> {
        serde_json::to_string(value).map_err(|error| {
            tracing::error!(%error, "a page's data");
            DataError::Protocol
        })
    }

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
