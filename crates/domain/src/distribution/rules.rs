//! What an operator says of the distribution, beside the documented settings (2.4).

use super::{Current, Rules, Seen, Supply};
use crate::field::{self, FieldError};
use crate::phase::{Phase, PhaseSequence};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};

/// The settings of the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// What is never given, on each phase, A: 0–100.
    pub headroom: u16,
    /// What a session may draw on each phase while the site does not speak to its charge point, A: 0, or 6–80.
    pub safe: u16,
    /// How long a turn is where there are more cars than minima, minutes: 5–1440.
    pub turn: u16,
    /// Whether a meter tells what the site draws beside its charge points. While it does not, the rest counts as drawn.
    pub has_meter: bool,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { headroom: 1, safe: 0, turn: 15, has_meter: false }
    }
}

/// A field of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // each is documented at its namesake
pub enum DistributionField {
    Headroom,
    Safe,
    Turn,
    HasMeter,
}

impl DistributionField {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Headroom, Self::Safe, Self::Turn, Self::HasMeter];

    /// Its name in forms and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headroom => "headroom",
            Self::Safe => "safe",
            Self::Turn => "turn",
            Self::HasMeter => "has_meter",
        }
    }

    /// Its value as text.
    pub fn text_of(self, of: &Distribution) -> String {
        match self {
            Self::Headroom => of.headroom,
            Self::Safe => of.safe,
            Self::Turn => of.turn,
            Self::HasMeter => u16::from(of.has_meter),
        }
        .to_string()
    }

    /// Checks a value and puts it in.
    ///
    /// # Errors
    /// Why it is not accepted; nothing is changed then.
    pub fn set(self, of: &mut Distribution, text: &str) -> Result<(), FieldError> {
        match self {
            Self::Headroom => of.headroom = whole(text, 0, 100)?,
            Self::Safe => of.safe = none_or(text, 80)?,
            Self::Turn => of.turn = whole(text, 5, 1440)?,
            Self::HasMeter => of.has_meter = flag(text)?,
        }
        Ok(())
    }
}

impl Distribution {
    /// How turns are taken.
    pub fn rules(&self) -> Rules {
        Rules { turn: i64::from(self.turn) * 60_000, ..Rules::default() }
    }

    /// The safe current of each session.
    pub fn safe(&self) -> Current {
        Current::tenths(i32::from(self.safe) * 10)
    }

    /// What there is, where others draw so much on each phase; `None` where that is not known.
    pub fn supply(&self, settings: &Settings, others: [Option<Current>; 3]) -> Supply {
        Supply {
            limits: settings.max_current.map(|limit| Current::tenths(i32::try_from(limit * 10).unwrap_or(i32::MAX))),
            headroom: Current::tenths(i32::from(self.headroom) * 10),
            others: if self.has_meter { others } else { [Some(Current::ZERO); 3] },
        }
    }

    /// The phase whose limit is under the sum of all safe currents and the headroom, and that sum, A; `None` where they fit.
    /// Where everybody fell to his safe current at once, more than the limit would flow.
    pub fn too_much(&self, settings: &Settings, seen: &[Seen]) -> Option<(Phase, i64)> {
        if self.safe == 0 || !settings.current_distribution {
            return None;
        }
        let sum = |phase: Phase| {
            let on = seen.iter().filter(|seen| !seen.is_apart && seen.is_known && seen.wired.has(phase));
            let safe = on.map(|seen| self.safe().min(seen.max).times(seen.connectors).0).sum::<i32>();
            (i64::from(safe) + 9) / 10 + i64::from(self.headroom)
        };
        Phase::ALL
            .into_iter()
            .map(|phase| (phase, sum(phase)))
            .find(|(phase, sum)| *sum > i64::from(settings.max_current[phase.index()]))
    }
}

impl super::Wiring {
    /// The names of its fields in forms and JSON.
    pub const NAMES: [&'static str; 5] = ["sequence", "reports_rotated", "cable", "most", "is_apart"];

    /// A field's value as text; nothing where there is none.
    pub fn text_of(&self, name: &str) -> String {
        match name {
            "sequence" => self.sequence.map(|sequence| sequence.to_string()).unwrap_or_default(),
            "reports_rotated" => u8::from(self.reports_rotated).to_string(),
            "cable" => self.cable.map(|amperes| amperes.to_string()).unwrap_or_default(),
            "most" => self.most.map(|amperes| amperes.to_string()).unwrap_or_default(),
            _ => u8::from(self.is_apart).to_string(),
        }
    }

    /// Checks a value and puts it in; an empty one is none.
    ///
    /// # Errors
    /// Why it is not accepted; nothing is changed then.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), FieldError> {
        match name {
            "sequence" if text.is_empty() => self.sequence = None,
            "sequence" => self.sequence = Some(PhaseSequence::parse(text).ok_or(FieldError::NotPhaseSequence)?),
            "reports_rotated" => self.reports_rotated = flag(text)?,
            "cable" => self.cable = maybe(text, 6)?,
            "most" => self.most = maybe(text, 0)?,
            _ => self.is_apart = flag(text)?,
        }
        Ok(())
    }
}

fn whole(text: &str, least: i64, most: i64) -> Result<u16, FieldError> {
    u16::try_from(field::whole(text, least..=most)?).map_err(|_| FieldError::TooLarge(most))
}

/// Nothing, or as much as a car charges by.
fn none_or(text: &str, most: i64) -> Result<u16, FieldError> {
    match whole(text, 0, most)? {
        1..=5 => Err(FieldError::TooSmall(6)),
        amperes => Ok(amperes),
    }
}

fn maybe(text: &str, least: i64) -> Result<Option<u16>, FieldError> {
    if text.is_empty() { Ok(None) } else { whole(text, least, 1000).map(Some) }
}

fn flag(text: &str) -> Result<bool, FieldError> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(FieldError::NotFlag),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wiring;
    use super::*;

    #[test]
    fn each_field_accepts_what_it_says() {
        let cases = [
            (DistributionField::Headroom, "0", Ok(())),
            (DistributionField::Headroom, "101", Err(FieldError::TooLarge(100))),
            (DistributionField::Safe, "0", Ok(())),
            (DistributionField::Safe, "5", Err(FieldError::TooSmall(6))),
            (DistributionField::Safe, "6", Ok(())),
            (DistributionField::Safe, "6.5", Err(FieldError::NotWhole)),
            (DistributionField::Turn, "4", Err(FieldError::TooSmall(5))),
            (DistributionField::HasMeter, "yes", Err(FieldError::NotFlag)),
        ];
        for (field, text, expected) in cases {
            let mut of = Distribution::default();
            assert_eq!(field.set(&mut of, text), expected, "{field:?} {text}");
            assert_eq!(expected.is_ok(), field.text_of(&of) == text);
        }
        let mut wiring = Wiring::default();
        for (name, text, expected) in [
            ("sequence", "CAB", Ok(())),
            ("sequence", "AAB", Err(FieldError::NotPhaseSequence)),
            ("cable", "5", Err(FieldError::TooSmall(6))),
            ("cable", "16", Ok(())),
            ("most", "1001", Err(FieldError::TooLarge(1000))),
            ("most", "", Ok(())),
            ("is_apart", "1", Ok(())),
        ] {
            assert_eq!(wiring.set(name, text), expected, "{name} {text}");
            assert_eq!(expected.is_ok(), wiring.text_of(name) == text);
        }
    }
}
