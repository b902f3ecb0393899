//! The words and rules of a charging site.
//!
//! Architecture invariant: nothing here does I/O, and nothing knows HTTP, SQL, an OCPP library or a clock; time
//! comes in as a parameter. It compiles to WebAssembly, so that the browser applies the same rules as the server.

pub mod account;
pub mod alert;
pub mod calendar;
pub mod charger;
pub mod command;
pub mod decimal;
pub mod diagnostics;
pub mod distribution;
pub mod energy;
pub mod field;
pub mod phase;
pub mod record;
pub mod settings;
pub mod status;
