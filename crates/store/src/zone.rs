//! The site's time zone: the only place that turns instants into local times and back.

use crate::StoreError;
use bmw_domain::calendar::{Day, LocalTime, Timestamp};
use jiff::tz::TimeZone;

/// A time zone of the IANA database (bundled with the program).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of a name such as `Asia/Shanghai`.
    ///
    /// # Errors
    /// [`StoreError::UnknownZone`].
    pub fn named(name: &str) -> Result<Self, StoreError> {
        let rules = TimeZone::get(name).map_err(|_| StoreError::UnknownZone(name.to_owned()))?;
        // The canonical spelling: the database finds names ignoring case.
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, rules })
    }

    /// The machine's zone, or UTC when it does not tell its name.
    pub fn of_machine() -> Self {
        let rules = TimeZone::system();
        match rules.iana_name() {
            Some(name) => Self { name: name.to_owned(), rules },
            None => Self { name: "UTC".to_owned(), rules: TimeZone::UTC },
        }
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ms that the zone is ahead of UTC at an instant. Before the first and after the last one that the rules are made for
    /// (some hours before the year 10000), as at that one.
    fn ahead(&self, instant: i64) -> i64 {
        let nearest = if instant < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let timestamp = jiff::Timestamp::from_millisecond(instant).unwrap_or(nearest);
        i64::from(self.rules.to_offset(timestamp).seconds()) * 1000
    }

    /// The local time of an instant.
    pub fn local(&self, instant: Timestamp) -> LocalTime {
        LocalTime(instant.0.saturating_add(self.ahead(instant.0)))
    }

    /// The day of an instant.
    pub fn day(&self, instant: Timestamp) -> Day {
        self.local(instant).day()
    }

    /// The instant of a local time. One that the clock skipped is moved on by the gap, one that it passed twice is the
    /// first (reading guide, "Times").
    pub fn instant(&self, local: LocalTime) -> Timestamp {
        let (year, month, day) = local.day().date();
        let ms = local.ms_of_day();
        // Every part is in range: `LocalTime` counts days and ms of a day.
        #[allow(clippy::cast_possible_truncation)]
        let civil = jiff::civil::DateTime::new(
            year as i16,
            month as i8,
            day as i8,
            (ms / 3_600_000) as i8,
            (ms / 60_000 % 60) as i8,
            (ms / 1000 % 60) as i8,
            (ms % 1000) as i32 * 1_000_000,
        );
        civil.ok().and_then(|civil| self.rules.to_ambiguous_timestamp(civil).compatible().ok()).map_or_else(
            || Timestamp(local.0.saturating_sub(self.ahead(local.0))),
            |timestamp| Timestamp(timestamp.as_millisecond()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, local: &str) -> String {
        let zone = Zone::named(zone).unwrap();
        zone.local(zone.instant(LocalTime::parse(local).unwrap())).with_t()
    }

    #[test]
    fn a_skipped_time_is_moved_on_by_the_gap() {
        assert_eq!(instant("Europe/Berlin", "2024-03-31T02:30:00"), "2024-03-31T03:30:00");
    }

    #[test]
    fn of_a_time_that_was_twice_the_first_counts() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let first = zone.instant(LocalTime::parse("2024-10-27T02:30:00").unwrap());
        assert_eq!(first.0, 1_729_989_000_000); // 00:30Z
    }

    #[test]
    fn the_last_second_that_can_be_written_comes_back() {
        for zone in ["Pacific/Kiritimati", "America/New_York", "UTC", "Pacific/Pago_Pago"] {
            for local in ["9999-12-31T23:59:59", "9999-12-30T20:00:00", "0001-01-01T00:00:00"] {
                assert_eq!(instant(zone, local), local, "{zone}");
            }
        }
    }

    #[test]
    fn names_are_canonical() {
        assert_eq!(Zone::named("asia/shanghai").unwrap().name(), "Asia/Shanghai");
        assert!(Zone::named("Moon/Crater").is_err());
    }
}
