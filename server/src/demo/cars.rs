//! How a car takes energy: full current until it is nearly full, then less and less.

use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::phase::LineCurrents;

/// V between a phase and neutral.
const VOLTS: f64 = 230.0;

/// The share of a session that runs at full current; the rest tapers down to [`LAST`].
const FULL: f64 = 0.75;
const LAST: f64 = 0.25;

/// What is measured at one moment of a session.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When.
    pub at: LocalTime,
    /// Energy since the start.
    pub energy: Energy,
    /// Current on the charge point's own lines, A.
    pub currents: LineCurrents,
    /// Power, W.
    pub power: f64,
}

/// The share of the full current at a share 0–1 of the charging time.
pub fn strength(share: f64) -> f64 {
    if share >= 1.0 {
        0.0
    } else if share < FULL {
        1.0
    } else {
        1.0 - (share - FULL) / (1.0 - FULL) * (1.0 - LAST)
    }
}

/// The share of the energy that has flowed at a share 0–1 of the charging time: the integral of [`strength`], 1 at the end.
pub fn progress(share: f64) -> f64 {
    let area = |share: f64| {
        let tapered = (share - FULL).max(0.0);
        share.min(FULL) + tapered - tapered * tapered / (1.0 - FULL) * (1.0 - LAST) / 2.0
    };
    area(share.clamp(0.0, 1.0)) / area(1.0)
}

/// How long a car takes for an amount of energy at a full current, ms.
pub fn charging_ms(energy: Energy, amperes: f64, phases: u32) -> f64 {
    let watts = amperes * VOLTS * f64::from(phases);
    #[allow(clippy::cast_precision_loss)] // kWh of a car
    let hours_at_full = energy.wh() as f64 / watts;
    // The taper makes it longer by the share of the energy that the full time would have given.
    let area = FULL + (1.0 - FULL) * f64::midpoint(1.0, LAST);
    hours_at_full / area * 3_600_000.0
}

/// The currents of a car that takes this much on so many phases, in tenths of an ampere as meters give them.
pub fn currents(amperes: f64, phases: u32) -> LineCurrents {
    let measured = (amperes * 10.0).round() / 10.0;
    LineCurrents([1, 2, 3].map(|line| (line <= phases).then_some(measured)))
}

/// Power in whole watts.
pub fn power(amperes: f64, phases: u32) -> f64 {
    (amperes * VOLTS * f64::from(phases)).round()
}

/// A measured current as the documented whole number.
#[allow(clippy::cast_possible_truncation)] // amperes of a car
pub fn whole(amperes: f64) -> i32 {
    amperes.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_flows_as_the_current_says() {
        let steps = 10_000;
        let sum: f64 = (0..steps).map(|step| strength((f64::from(step) + 0.5) / f64::from(steps))).sum();
        let full = sum / f64::from(steps);
        for share in [0.1, 0.5, 0.75, 0.9, 1.0] {
            let flowed: f64 = (0..steps)
                .map(|step| (f64::from(step) + 0.5) / f64::from(steps))
                .filter(|at| *at < share)
                .map(strength)
                .sum();
            assert!((flowed / f64::from(steps) / full - progress(share)).abs() < 1e-3, "{share}");
        }
        let ms = charging_ms(Energy::from_wh(7_360), 32.0, 1);
        assert!((ms / 3_600_000.0 * full - 1.0).abs() < 1e-3, "an hour at full current, stretched by the taper");
    }
}
