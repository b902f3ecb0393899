//! The messages of the live feed (`/ws/charger/details/`), as both sides know them.
//!
//! The server writes them with the documented names; the browser reads what it shows and ignores the rest.

use serde::Deserialize;

/// A message, as a reader takes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FeedMessage {
    /// A charge point's state.
    State {
        /// Which charge point.
        #[serde(rename = "vchchargerid")]
        id: String,
        /// State name.
        #[serde(rename = "vchstate")]
        state: Option<String>,
        /// The last message or command.
        #[serde(rename = "vchcommand")]
        command: Option<String>,
        /// The current that it draws, A.
        #[serde(rename = "intchargingcurrent")]
        current: Option<i32>,
        /// Energy of the session, Wh.
        #[serde(rename = "intconsumedenergy")]
        energy: Option<i32>,
        /// Whether it is in contact.
        online: bool,
    },
    /// The load of the site's phases, A.
    Phases {
        /// Phase A.
        a: Option<f64>,
        /// Phase B.
        b: Option<f64>,
        /// Phase C.
        c: Option<f64>,
    },
}
