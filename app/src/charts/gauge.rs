//! How a phase's load stands against its limit.

/// How near a load is to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Not measured, or no limit to hold it against.
    Unknown,
    /// Below 80 %.
    Low,
    /// From 80 %.
    High,
    /// From 95 %.
    Critical,
}

/// From here on a load is high, in percent of the limit.
pub const HIGH: f64 = 80.0;
/// From here on a load is critical, in percent of the limit.
pub const CRITICAL: f64 = 95.0;

/// The share of the limit that is in use, in percent; may be above 100. `None` when it is not known.
pub fn percent(load: Option<f64>, limit: f64) -> Option<f64> {
    let load = load.filter(|load| load.is_finite())?;
    if limit > 0.0 {
        Some((load.max(0.0) / limit) * 100.0)
    } else if load > 0.0 {
        // Nothing may be drawn, and something is.
        Some(100.0)
    } else {
        Some(0.0)
    }
}

/// The level of a share in percent.
pub fn level(percent: Option<f64>) -> Level {
    match percent {
        None => Level::Unknown,
        Some(percent) if percent >= CRITICAL => Level::Critical,
        Some(percent) if percent >= HIGH => Level::High,
        Some(_) => Level::Low,
    }
}

impl Level {
    /// The class that gives it its colour.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Unknown => "is-unknown",
            Self::Low => "is-charging",
            Self::High => "is-waiting",
            Self::Critical => "is-faulted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_begin_where_they_should() {
        let at = |load| level(percent(Some(load), 100.0));
        assert_eq!([0.0, 79.9, 80.0, 94.9, 95.0, 140.0].map(at), {
            use Level::{Critical, High, Low};
            [Low, Low, High, High, Critical, Critical]
        });
    }

    #[test]
    fn unknown_is_not_zero() {
        assert_eq!(level(percent(None, 100.0)), Level::Unknown);
        assert_eq!(level(percent(Some(f64::NAN), 100.0)), Level::Unknown);
        assert_eq!(level(percent(Some(1.0), 0.0)), Level::Critical);
        assert_eq!(level(percent(Some(0.0), 0.0)), Level::Low);
    }
}
