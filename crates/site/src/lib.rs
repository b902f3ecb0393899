//! The running site: the present state of every charge point in memory, sums of energy, the newest sessions.
//!
//! Architecture invariants: a change is stored first, then applied to memory, then told. The present is read without
//! a lock. Questions about history cost what they show: sums by period and the lines of days that were asked for are
//! kept in memory, within bounds; nothing here grows with what is stored but the sums by day.

pub mod access;
mod alerts;
mod audit;
mod charger_passwords;
mod clock;
mod commands;
mod desk;
mod diagnostics;
mod distribution;
mod frames;
mod history;
pub mod holds;
mod joining;
mod lane;
mod links;
mod peaks;
mod peer;
mod present;
mod running;
mod secrets;
mod sensitive;
mod sums;
mod tries;

pub use access::{Access, Caller, Denied, NotDone};
pub use alerts::{AlertChoice, AlertNews, AlertTurn, Ticker, place_of as place_of_alert};
pub use bmw_domain::charger::ChargePointNow;
pub use charger_passwords::{Admission, Brought, Coming, Demand, NotLetIn, PasswordError, PasswordState};
pub use clock::Clock;
pub use commands::{Arguments, Ask, Commands, Fault, Refusal};
pub use desk::{Counter, Desk, HandedIn, NoRoom, NotStored};
pub use diagnostics::{NotReceived, OpenUpload, Receiving, UPLOAD_MOST, UPLOAD_PATH};
pub use distribution::{MOMENTS_MOST, NotSaved, Plan};
pub use frames::{FRAMES_KEPT, Frame, FrameLog, Way};
pub use history::{DayLines, RecentSession, SessionLine, SessionNews};
pub use joining::Joining;
pub use links::{LinkEnd, Links, Order, Replied, Reply, ReplyTo};
pub use peer::Peer;
pub use present::{ChargePoints, Present, Statistics};
pub use running::{Site, SiteOptions};
pub use secrets::{is_secret_key, masked};
pub use sums::{EnergySums, Window};
pub use tries::whole_seconds;

/// What can go wrong: only the store can.
pub type Result<T, E = bmw_store::StoreError> = std::result::Result<T, E>;
