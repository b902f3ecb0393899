//! The messages of the live feed (`/ws/charger/details/`) as the browser reads them: what it shows, and no more.
//!
//! The server writes them with the documented names. The browser's own JSON reads them: one of Rust's would weigh more
//! in the bundle than all that is done with the messages.

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedMessage {
    /// A charge point, by its identity, as it is now.
    Charger(String, ChargerMessage),
    /// The load of the phases A, B, C, in A; `None` where it is not known.
    Phases([Option<f64>; 3]),
}

/// A charge point as the feed tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChargerMessage {
    /// Its state's name.
    pub state: Option<String>,
    /// The last message or command.
    pub command: Option<String>,
    /// The current that it draws, A.
    pub current: Option<i32>,
    /// Energy of the session, Wh.
    pub energy: Option<i32>,
    /// Whether it is in contact.
    pub online: bool,
}

impl FeedMessage {
    /// Reads a message; `None` for what is no JSON. What a message lacks, or has of another type, is `None` in it.
    pub fn read(text: &str) -> Option<Self> {
        let message = JSON::parse(text).ok()?;
        let value = |name: &str| Reflect::get(&message, &name.into()).unwrap_or(JsValue::UNDEFINED);
        let text = |name| value(name).as_string();
        let number = |name| value(name).as_f64();
        #[allow(clippy::cast_possible_truncation)] // saturates
        let whole = |name| number(name).map(|number| number as i32);
        Some(match text("vchchargerid") {
            None => Self::Phases([number("a"), number("b"), number("c")]),
            Some(id) => Self::Charger(
                id,
                ChargerMessage {
                    state: text("vchstate"),
                    command: text("vchcommand"),
                    current: whole("intchargingcurrent"),
                    energy: whole("intconsumedenergy"),
                    online: value("online").is_truthy(),
                },
            ),
        })
    }
}
