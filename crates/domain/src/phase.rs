//! The supply phases of the site and how a charge point's phases are wired to them.

use crate::calendar::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A phase of the site's supply (document: A相, B相, C相; elsewhere L1–L3 of the feed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// A
    A,
    /// B
    B,
    /// C
    C,
}

impl Phase {
    /// All, in the order of the document.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// 0 for A to 2 for C.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its letter.
    pub const fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
        }
    }
}

/// The site phases that L1, L2 and L3 of a charge point are wired to (`vchpowersequence`): a permutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhaseSequence([Phase; 3]);

impl PhaseSequence {
    /// L1 on A, L2 on B, L3 on C.
    pub const ABC: Self = Self(Phase::ALL);

    /// All six, as they are written.
    pub const ALL: [&'static str; 6] = ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"];

    /// Reads a permutation of `ABC`, capital letters only.
    pub fn parse(text: &str) -> Option<Self> {
        let mut phases = [None; 3];
        let mut seen = [false; 3];
        if text.len() != 3 {
            return None;
        }
        for (slot, letter) in phases.iter_mut().zip(text.bytes()) {
            let phase = match letter {
                b'A' => Phase::A,
                b'B' => Phase::B,
                b'C' => Phase::C,
                _ => return None,
            };
            if std::mem::replace(&mut seen[phase.index()], true) {
                return None;
            }
            *slot = Some(phase);
        }
        Some(Self([phases[0]?, phases[1]?, phases[2]?]))
    }

    /// The site phase of each of the charge point's lines L1, L2, L3.
    pub const fn phases(self) -> [Phase; 3] {
        self.0
    }
}

impl Default for PhaseSequence {
    fn default() -> Self {
        Self::ABC
    }
}

impl fmt::Display for PhaseSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|phase| write!(f, "{}", phase.letter()))
    }
}

impl TryFrom<String> for PhaseSequence {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a permutation of ABC")
    }
}

impl From<PhaseSequence> for String {
    fn from(sequence: PhaseSequence) -> Self {
        sequence.to_string()
    }
}

/// Currents measured at one charge point, A; `None` for a line that was not measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LineCurrents(pub [Option<f64>; 3]);

impl LineCurrents {
    /// Whether any line was measured.
    pub fn is_known(self) -> bool {
        self.0.iter().any(Option::is_some)
    }
}

/// The load of the site's phases A, B, C in A: the sum over charge points whose currents are known, each with the phases of the
/// lines that it reports. `None` where nothing known contributes (reading guide, "Load of the site's phases").
pub fn site_load(currents: impl IntoIterator<Item = (LineCurrents, PhaseSequence)>) -> [Option<f64>; 3] {
    let mut load = [None; 3];
    for (lines, sequence) in currents {
        for (line, phase) in lines.0.into_iter().zip(sequence.phases()) {
            if let Some(amperes) = line {
                *load[phase.index()].get_or_insert(0.0) += amperes;
            }
        }
    }
    load
}

/// The most that flowed on a phase in a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// How much, A.
    pub amperes: f64,
    /// When it was that much first.
    pub at: Timestamp,
}

/// The peaks of the phases A, B, C; `None` where nothing was known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Peaks(pub [Option<Peak>; 3]);

impl Peaks {
    /// Takes over the load of a moment, A. A peak that is not of its day, as `is_of_day` says, gives way to it. Whether
    /// something has changed.
    pub fn follow(&mut self, load: [Option<f64>; 3], at: Timestamp, is_of_day: impl Fn(Timestamp) -> bool) -> bool {
        let before = *self;
        *self = self.of_day(is_of_day);
        for (peak, load) in self.0.iter_mut().zip(load) {
            let load = load.filter(|load| load.is_finite());
            if let Some(amperes) = load.filter(|load| peak.is_none_or(|peak| *load > peak.amperes)) {
                *peak = Some(Peak { amperes, at });
            }
        }
        *self != before
    }

    /// Those of a day, as `is_of_day` says.
    #[must_use]
    pub fn of_day(self, is_of_day: impl Fn(Timestamp) -> bool) -> Self {
        Self(self.0.map(|peak| peak.filter(|peak| is_of_day(peak.at))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permutations_are_sequences() {
        for text in ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"] {
            assert_eq!(PhaseSequence::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "AB", "AAB", "ABCA", "abc", "ABD", "AÄ", " ABC"] {
            assert_eq!(PhaseSequence::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_peak_is_the_highest_of_its_day_and_the_first_of_these() {
        let is_of_day = |day: i64| move |at: Timestamp| at.0 / 1000 == day;
        let mut peaks = Peaks::default();
        let follow = |peaks: &mut Peaks, at: i64, load| peaks.follow(load, Timestamp(at), is_of_day(at / 1000));
        assert!(!follow(&mut peaks, 1000, [None, Some(f64::NAN), None]), "nothing is known");
        assert!(follow(&mut peaks, 1001, [Some(0.0), Some(7.0), None]), "nothing flows, and that is known");
        assert!(!follow(&mut peaks, 1002, [None, Some(7.0), None]));
        assert!(follow(&mut peaks, 1003, [Some(3.0), Some(6.0), None]));
        let shown = |peaks: Peaks| peaks.0.map(|peak| peak.map(|peak| (peak.amperes, peak.at.0)));
        assert_eq!(shown(peaks), [Some((3.0, 1003)), Some((7.0, 1001)), None]);
        // The next day begins with what flows then.
        assert!(follow(&mut peaks, 2000, [Some(1.0), None, None]));
        assert_eq!(shown(peaks), [Some((1.0, 2000)), None, None]);
        assert_eq!(peaks.of_day(is_of_day(3)), Peaks::default());
    }

    #[test]
    fn load_follows_the_wiring_and_knows_what_it_does_not_know() {
        let one_phase = LineCurrents([Some(10.0), None, None]);
        let three_phases = LineCurrents([Some(1.0), Some(2.0), Some(3.0)]);
        let sequence = PhaseSequence::parse("BCA").unwrap();
        assert_eq!(site_load([(one_phase, sequence)]), [None, Some(10.0), None]);
        assert_eq!(site_load([(one_phase, sequence), (three_phases, sequence)]), [Some(3.0), Some(11.0), Some(2.0)]);
        // One that tells the site's phases itself.
        let mixed = site_load([(one_phase, PhaseSequence::ABC), (three_phases, sequence)]);
        assert_eq!(mixed, [Some(13.0), Some(1.0), Some(2.0)]);
    }
}
