//! Energy, exact to the watt-hour.

use crate::decimal::{self, DecimalError};
use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// An amount of energy in whole Wh. At the HTTP boundary it is kWh with three decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Energy(i64);

impl Energy {
    /// No energy.
    pub const ZERO: Self = Self(0);
    /// The most that one session or one charge point may claim, 10¹² Wh. Sums over a million of them still fit.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// From watt-hours.
    pub const fn from_wh(wh: i64) -> Self {
        Self(wh)
    }

    /// In watt-hours.
    pub const fn wh(self) -> i64 {
        self.0
    }

    /// In kilowatt-hours: the `f64` nearest to the exact value, so that it prints with at most three decimals.
    #[allow(clippy::cast_precision_loss)] // exact below 9 PWh
    pub fn kwh(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// In kilowatt-hours rounded to two decimals, half up on the exact value (reading guide, 2.6).
    #[allow(clippy::cast_precision_loss)]
    pub fn kwh_2(self) -> f64 {
        (self.0 + 5).div_euclid(10) as f64 / 100.0
    }

    /// Reads kWh as decimal text to the nearest Wh.
    ///
    /// # Errors
    /// See [`decimal::parse_scaled`]; negative amounts and those over [`Energy::MAX`] are out of range.
    pub fn parse_kwh(text: &str) -> Result<Self, DecimalError> {
        let energy = Self(decimal::parse_scaled(text, 3)?);
        if text.starts_with('-') && energy != Self::ZERO || energy < Self::ZERO || energy > Self::MAX {
            return Err(DecimalError::OutOfRange);
        }
        Ok(energy)
    }
}

impl Add for Energy {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Energy {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Energy {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Energy {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Energy {
    fn sum<I: Iterator<Item = Self>>(energies: I) -> Self {
        energies.fold(Self::ZERO, Add::add)
    }
}

/// A length of charging time, in ms. The documented unit is minutes with decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChargingTime(i64);

impl ChargingTime {
    /// From milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// In milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// In minutes.
    #[allow(clippy::cast_precision_loss)]
    pub fn minutes(self) -> f64 {
        self.0 as f64 / 60_000.0
    }

    /// In minutes rounded to two decimals, half up on the exact value (reading guide, 2.6).
    #[allow(clippy::cast_precision_loss)]
    pub fn minutes_2(self) -> f64 {
        (self.0 + 300).div_euclid(600) as f64 / 100.0
    }

    /// Reads minutes as decimal text to the nearest ms.
    ///
    /// # Errors
    /// As [`Energy::parse_kwh`]; the most is a million years.
    pub fn parse_minutes(text: &str) -> Result<Self, DecimalError> {
        // Minutes × 60 000: read with 12 decimals' worth of care by way of 10⁻⁸ minutes, which are 0.0006 ms.
        let scaled = decimal::parse_scaled(text, 8)?;
        if scaled < 0 {
            return Err(DecimalError::OutOfRange);
        }
        let ms = (i128::from(scaled) * 60_000 + 50_000_000) / 100_000_000;
        i64::try_from(ms).map(Self).map_err(|_| DecimalError::OutOfRange)
    }
}

impl Add for ChargingTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for ChargingTime {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for ChargingTime {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documented_value_is_read_to_the_wh() {
        let energy = Energy::parse_kwh("606.3120000000001").unwrap();
        assert_eq!(energy.wh(), 606_312);
        assert_eq!(energy.kwh().to_string(), "606.312");
    }

    #[test]
    fn sums_are_rounded_half_up() {
        assert_eq!(Energy::from_wh(12_214_535).kwh_2().to_string(), "12214.54");
        assert_eq!(Energy::from_wh(12_214_534).kwh_2().to_string(), "12214.53");
        assert_eq!(ChargingTime::parse_minutes("0.005").unwrap().minutes_2().to_string(), "0.01");
    }

    #[test]
    fn minutes_survive_a_round_trip() {
        for text in ["215.0", "0.1", "12.35", "3.0333333"] {
            let time = ChargingTime::parse_minutes(text).unwrap();
            assert_eq!(ChargingTime::parse_minutes(&time.minutes().to_string()).unwrap(), time);
        }
    }

    #[test]
    fn negative_energy_does_not_exist() {
        assert_eq!(Energy::parse_kwh("-1"), Err(DecimalError::OutOfRange));
        assert_eq!(Energy::parse_kwh("-0.0"), Ok(Energy::ZERO));
        assert_eq!(Energy::parse_kwh("1e12"), Err(DecimalError::OutOfRange));
    }
}
