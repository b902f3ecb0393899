//! What time it is at the site.

use bmw_domain::calendar::{Day, LocalTime, Timestamp};
use bmw_store::Zone;

/// The site's clock. `BMW_NOW` fixes it for what "today" and ages mean in routes and pages; protocols, timers, expiry
/// and the audit log keep the real clock (reading guide, "Times").
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Zone,
    fixed: Option<LocalTime>,
}

impl Clock {
    /// A clock in a zone, standing still when `fixed` says so.
    pub const fn new(zone: Zone, fixed: Option<LocalTime>) -> Self {
        Self { zone, fixed }
    }

    /// The instant that routes and pages call now.
    pub fn now(&self) -> Timestamp {
        self.fixed.map_or_else(Self::real, |local| self.zone.instant(local))
    }

    /// The local time that routes and pages call now.
    pub fn local_now(&self) -> LocalTime {
        self.fixed.unwrap_or_else(|| self.zone.local(Self::real()))
    }

    /// The day that routes and pages call today.
    pub fn today(&self) -> Day {
        self.local_now().day()
    }

    /// The real instant, whatever `BMW_NOW` says.
    pub fn real() -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    /// The zone.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }
}
