//! The time of a charge point, which may go faster than the clock.

/// The clock of a charge point, s since 1970. It was right when the charge point was switched on, and has gone at its own
/// speed since.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When it was switched on.
    start: i64,
    /// Seconds of its own that have passed since.
    passed: i64,
    speed: f64,
}

impl Times {
    pub const fn new(start: i64, speed: f64) -> Self {
        Self { start, passed: 0, speed }
    }

    /// How much faster than the clock it goes.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// A second of its own passes.
    pub const fn tick(&mut self) {
        self.passed += 1;
    }

    /// What it shows now.
    pub const fn now(&self) -> i64 {
        self.start + self.passed
    }

    /// What it shows at an instant of the true clock, which shows `clock` now. Before it was switched on they are the same.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // seconds of some years
    pub fn of(&self, instant: i64, clock: i64) -> i64 {
        if instant <= self.start {
            return instant;
        }
        let from_now = instant.saturating_sub(clock) as f64 * self.speed;
        self.now().saturating_add(from_now as i64).max(self.start)
    }

    /// The hour of the day, where it was switched on at one.
    #[allow(clippy::cast_precision_loss)] // seconds of some years
    pub fn hour(&self, start: f64) -> f64 {
        start + self.passed as f64 / 3_600.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_seen_on_its_own_clock() {
        let mut times = Times::new(1_000, 60.0);
        for _ in 0..600 {
            times.tick();
        }
        // 10 s by the true clock.
        assert_eq!(times.now(), 1_600);
        for (instant, shown) in [(1_010, 1_600), (1_011, 1_660), (1_005, 1_300), (1_000, 1_000), (400, 400)] {
            assert_eq!(times.of(instant, 1_010), shown, "{instant}");
        }
        assert_eq!(times.of(i64::MAX, 1_010), i64::MAX, "there is always a later time");
        assert!((times.hour(8.0) - 8.0 - 1.0 / 6.0).abs() < 1e-9);
    }
}
