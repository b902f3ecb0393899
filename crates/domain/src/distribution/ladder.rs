//! The priority ladder: who has charged much or long gives way.

use crate::energy::{ChargingTime, Energy};
use crate::settings::Settings;

/// The priority that every session begins with.
pub const FIRST_PRIORITY: u32 = 10;

const MS_A_MINUTE: i64 = 60_000;

/// The priority of a session that has charged this much, for so long: each whole step of energy and of time takes what the settings say
/// (2.4: `dblchargingdeductionpower` and `intdeductionprioritypower`, `intchargingdeductionminute` and
/// `intdeductionpriorityminute`). A step of nothing takes nothing, and there is nothing below 0.
pub fn priority(energy: Energy, time: ChargingTime, settings: &Settings) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // saturates
    let energy_step = (settings.energy_step * 1000.0).round() as i64;
    let time_step = i64::from(settings.time_step).saturating_mul(MS_A_MINUTE);
    let by_energy = taken(energy.wh(), energy_step, settings.priority_per_energy_step);
    let by_time = taken(time.ms(), time_step, settings.priority_per_time_step);
    FIRST_PRIORITY.saturating_sub(by_energy).saturating_sub(by_time)
}

/// What so many whole steps take.
fn taken(amount: i64, step: i64, each: u32) -> u32 {
    let steps = if step > 0 { amount.max(0) / step } else { 0 };
    u32::try_from(steps).unwrap_or(u32::MAX).saturating_mul(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kwh: f64, minutes: i64, settings: &Settings) -> u32 {
        #[allow(clippy::cast_possible_truncation)]
        let energy = Energy::from_wh((kwh * 1000.0).round() as i64);
        priority(energy, ChargingTime::from_ms(minutes * MS_A_MINUTE), settings)
    }

    #[test]
    fn each_step_takes_what_the_settings_say() {
        // Each 3 kWh takes 2, each 120 min takes 1.
        let settings = Settings::default();
        let rows =
            [(0.0, 0, 10), (2.999, 119, 10), (3.0, 0, 8), (3.0, 120, 7), (12.0, 0, 2), (14.9, 250, 0), (1e6, 0, 0)];
        for (kwh, minutes, expected) in rows {
            assert_eq!(at(kwh, minutes, &settings), expected, "{kwh} kWh, {minutes} min");
        }
        assert_eq!(at(-5.0, -5, &settings), 10, "nothing was charged");
    }

    #[test]
    fn a_step_of_nothing_takes_nothing() {
        let settings = Settings { energy_step: 0.0, time_step: 0, ..Settings::default() };
        assert_eq!(at(1e9, 1_000_000, &settings), FIRST_PRIORITY);
        let most = Settings { priority_per_energy_step: u32::MAX, ..Settings::default() };
        assert_eq!(at(1e9, 0, &most), 0);
    }
}
