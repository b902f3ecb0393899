//! Charts as SVG text, drawn alike on both sides.
//!
//! A chart is a string that depends on its data alone: no clock, no measuring of fonts, no width of a window. So the
//! server and the browser draw the same bytes, hydration finds what it expects, and nothing jumps. Shapes stretch with
//! the container while text keeps its size: see [`backend`]. Colours are classes that `style/main.css` gives a
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
