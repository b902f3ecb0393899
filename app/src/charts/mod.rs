//! Charts as SVG text, drawn alike on both sides.
//!
//! A chart is a string that depends on its data alone: no clock, no measuring of fonts, no width of a window. So the
//! server and the browser draw the same bytes, hydration finds what it expects, and nothing jumps. Shapes stretch with
//! the container while text keeps its size: see [`backend`]. Colours are classes that `style/` gives a
//! meaning, so a change of theme draws nothing anew.
//!
//! Axes, coordinates and shapes are plotters'; rings and dials, which plotters has not, are a few arcs by hand.

pub mod backend;
pub mod curve;
pub mod donut;
pub mod energy;
pub mod gauge;
pub mod number;

pub use curve::{CurveData, Sample};
pub use donut::StateShare;
pub use energy::{EnergyData, EnergySeries};

/// A chart that can be read out slot by slot.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// Bars.
    Energy(EnergyData),
    /// A curve.
    Curve(CurveData),
}

impl Chart {
    /// Where the middles of its slots are, from 0 at the left to 1 at the right.
    #[allow(clippy::cast_precision_loss)] // few
    pub fn stops(&self) -> Vec<f64> {
        match self {
            Self::Energy(data) => {
                let slots = data.labels.len();
                (0..slots).map(|slot| (slot as f64 + 0.5) / slots as f64).collect()
            }
            Self::Curve(data) => data.stops(),
        }
    }

    /// What a slot holds, in words.
    pub fn read(&self, slot: usize) -> String {
        match self {
            Self::Energy(data) => data.read(slot),
            Self::Curve(data) => data.read(slot),
        }
    }
}

/// The stop that is nearest to a position; `None` where there are none.
pub fn nearest(stops: &[f64], x: f64) -> Option<usize> {
    let after = stops.partition_point(|stop| *stop < x);
    let before = after.checked_sub(1);
    match (before, stops.get(after)) {
        (Some(before), Some(next)) => Some(if x - stops[before] <= next - x { before } else { after }),
        (Some(before), None) => Some(before),
        (None, Some(_)) => Some(after),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_slot_is_read() {
        let stops = [0.25, 0.5, 1.0];
        assert_eq!([-1.0, 0.3, 0.4, 0.76, 7.0].map(|x| nearest(&stops, x)), [0, 0, 1, 2, 2].map(Some));
        assert_eq!(nearest(&[], 0.5), None);
    }
}
