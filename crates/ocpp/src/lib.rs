//! The central system that charge points connect to: OCPP 1.6-J over `WebSockets` at `/ocpp/{id}`.
//!
//! A connection turns what its charge point says into the domain's events, hands them to the site's desk in the order in
//! which they came, and answers when they are stored. What others want of a charge point comes to it as orders. Diagnostics are
//! uploaded below `/ocpp/upload/`.
//!
//! Architecture invariant: nothing here decides what an event means. Nothing is answered that is not stored.

mod connection;
pub mod frame;
mod handshake;
mod proof;
pub mod read;
mod stream;
mod upload;
pub mod write;

pub use handshake::{PATHS, router};
pub use stream::{TakeOver, Taken, Tunnel, Wire, settled};

use bmw_site::{Counter, FrameLog, Site};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What charge points must do at least to be let in: the profiles 0 to 2 of the security whitepaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Profile {
    /// Those that have a password bring it, others come without.
    #[default]
    Open,
    /// Each brings a password.
    Password,
    /// Each brings a password, and nobody reads along.
    PasswordOverTls,
}

impl Profile {
    /// Whether each must have a password.
    pub const fn needs_password(self) -> bool {
        matches!(self, Self::Password | Self::PasswordOverTls)
    }

    /// Whether a connection that is secured like this is taken.
    pub const fn takes(self, is_secure: bool) -> bool {
        is_secure || !matches!(self, Self::PasswordOverTls)
    }
}

/// What the central system needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Charge points that nobody knows are taken in (`--register-unknown`).
    pub registers_unknown: bool,
    /// Charge points that offer no subprotocol are let go (`--no-subprotocol reject`), instead of being taken as those of 1.6.
    pub needs_subprotocol: bool,
    /// The least that each charge point must do (`--ocpp-security`).
    pub profile: Profile,
    /// A charge point that has no password keeps the one that it brings (`--ocpp-first-use`).
    pub first_use: bool,
    /// How often charge points give a sign of life; three times that without one is the end of a connection.
    pub heartbeat: Duration,
    /// How long after it has connected a charge point that did not start is asked what it is doing.
    pub pause: Duration,
    /// How long a charge point may take to answer.
    pub patience: Duration,
    /// How long after its answer a boot that was asked for may come; a later one is a start.
    pub boot_patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            registers_unknown: false,
            needs_subprotocol: false,
            profile: Profile::default(),
            first_use: false,
            heartbeat: Duration::from_mins(1),
            pause: Duration::from_secs(10),
            patience: Duration::from_secs(30),
            boot_patience: Duration::from_mins(1),
        }
    }
}

/// Whether a charge point that nobody knows may come and ask from an address; else how long it must wait.
pub type MayJoin = Arc<dyn Fn(IpAddr) -> Result<(), Duration> + Send + Sync>;

/// The central system. Cheap to clone.
#[derive(Clone)]
pub struct Central {
    site: Arc<Site>,
    counter: Counter,
    options: Arc<Options>,
    frames: FrameLog,
    runtime: Handle,
    take_over: TakeOver,
    may_join: Option<MayJoin>,
    /// Becomes true when the program ends. Only connections subscribe: the program waits until they have.
    ending: Arc<watch::Sender<bool>>,
}

impl Central {
    /// The central system of a site. Its connections work on `runtime`: where that is one thread, which the desk shares,
    /// they and the desk call each other without waking anybody.
    pub fn new(
        site: Arc<Site>,
        counter: Counter,
        options: Options,
        frames: FrameLog,
        runtime: Handle,
        take_over: TakeOver,
        ending: Arc<watch::Sender<bool>>,
    ) -> Self {
        let options = Arc::new(options);
        Self { site, counter, options, frames, runtime, take_over, may_join: None, ending }
    }

    /// The same, where charge points that nobody knows come within a bound.
    #[must_use]
    pub fn joined_within(self, may_join: MayJoin) -> Self {
        Self { may_join: Some(may_join), ..self }
    }
}
