//! A car: how much it wants, how it takes it, and how long it stays.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// V between a phase and neutral.
pub const VOLTS: f64 = 230.0;
/// From this share of its energy on, a car takes less and less.
const TAPER: f64 = 0.8;
/// The least that it takes then, as a share of what it could.
const LEAST: f64 = 0.2;

/// How far a car has come at the charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// It has just come: its card is still to be held to the reader.
    Come,
    /// Its card was held to the reader, and is asked about or refused.
    Asked,
    /// It has a session, or had one.
    Served,
}

/// A car that is plugged in.
#[derive(Debug, Clone)]
pub struct Car {
    /// The card that it came with.
    pub card: String,
    /// Phases that it charges on.
    pub phases: u32,
    /// The most that it takes on each, A.
    pub amperes: f64,
    /// What it wants, Wh.
    pub wanted: f64,
    /// What it has got, Wh.
    pub taken: f64,
    /// How long it stays at most, s.
    pub stays: u32,
    /// It makes a pause from this share of its energy on, for so many s.
    pub pause: Option<(f64, u32)>,
    pub visit: Visit,
}

impl Car {
    /// A car that comes to a charge point of so many phases.
    pub fn arriving(random: &mut StdRng, phases: u32) -> Self {
        let is_one_phase = random.random_bool(0.3);
        Self {
            card: format!("CARD{:04}", random.random_range(1..=40)),
            phases: if is_one_phase { 1 } else { phases },
            amperes: [16.0, 16.0, 20.0, 32.0][random.random_range(0..4)],
            wanted: random.random_range(4_000.0..38_000.0),
            taken: 0.0,
            stays: random.random_range(1_200..28_800),
            pause: random.random_bool(0.15).then(|| (random.random_range(0.2..0.6), random.random_range(120..900))),
            visit: Visit::Come,
        }
    }

    /// The share of what it wants that it has got.
    pub fn share(&self) -> f64 {
        self.taken / self.wanted
    }

    /// The current that it takes on each of its phases when so much is offered, A.
    pub fn current(&self, offered: f64) -> f64 {
        // Under 6 A nothing charges (IEC 61851-1).
        if self.share() >= 1.0 || offered < 6.0 {
            return 0.0;
        }
        let strength =
            if self.share() < TAPER { 1.0 } else { 1.0 - (self.share() - TAPER) / (1.0 - TAPER) * (1.0 - LEAST) };
        self.amperes.min(offered) * strength
    }

    /// Takes what flows in a second.
    pub fn second(&mut self, amperes: f64) -> f64 {
        let wh = amperes * VOLTS * f64::from(self.phases) / 3_600.0;
        self.taken += wh;
        wh
    }
}

/// How many cars come in an hour of the day, as a share of a day's.
pub fn arrivals(hour: f64) -> f64 {
    const BY_HOUR: [f64; 24] = [
        0.5, 0.3, 0.2, 0.2, 0.3, 0.8, 2.5, 6.0, 9.0, 8.0, 6.0, 5.0, 6.0, 6.0, 5.0, 5.0, 6.0, 8.0, 8.0, 6.0, 4.0, 3.0,
        2.0, 1.2,
    ];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an hour of a day
    let share = BY_HOUR[hour.rem_euclid(24.0) as usize % 24];
    share / BY_HOUR.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn a_car_takes_what_it_wants_and_less_towards_the_end() {
        let mut car = Car::arriving(&mut StdRng::seed_from_u64(1), 3);
        (car.amperes, car.wanted) = (16.0, 10_000.0);
        assert!((car.current(32.0) - 16.0).abs() < 1e-9 && (car.current(10.0) - 10.0).abs() < 1e-9);
        assert!(car.current(5.0).abs() < 1e-9);
        let mut seconds = 0;
        let mut last = 16.0;
        while car.share() < 1.0 {
            let amperes = car.current(32.0);
            assert!(amperes <= last + 1e-9);
            last = amperes;
            car.second(amperes);
            seconds += 1;
            assert!(seconds < 30_000);
        }
        assert!((car.taken - 10_000.0).abs() < 5.0);
    }

    #[test]
    fn the_same_seed_makes_the_same_cars() {
        let car = |seed| format!("{:?}", Car::arriving(&mut StdRng::seed_from_u64(seed), 3));
        assert_eq!(car(7), car(7));
        assert_ne!(car(7), car(8));
    }
}
