//! The messages of the live feed (`/ws/charger/details/`) as the browser reads them: what it shows, and no more.
//!
//! The server writes them with the documented names.

use serde::Deserialize;

/// Any message: what a kind of message has not is `None`. (An enum by `type` would weigh more in the bundle than all
/// that is done with it.)
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FeedMessage {
    /// Which charge point it is about; none: the load of the phases.
    #[serde(rename = "vchchargerid")]
    pub id: Option<String>,
    /// State name.
    #[serde(rename = "vchstate")]
    pub state: Option<String>,
    /// The last message or command.
    #[serde(rename = "vchcommand")]
    pub command: Option<String>,
    /// The current that it draws, A.
    #[serde(rename = "intchargingcurrent")]
    pub current: Option<i32>,
    /// Energy of the session, Wh.
    #[serde(rename = "intconsumedenergy")]
    pub energy: Option<i32>,
    /// Whether it is in contact.
    pub online: Option<bool>,
    /// Load of phase A.
    pub a: Option<f64>,
    /// Load of phase B.
    pub b: Option<f64>,
    /// Load of phase C.
    pub c: Option<f64>,
}
