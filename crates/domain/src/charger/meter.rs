//! The energy of a session, from a register that may do anything.
//!
//! Registers restart at a boot or with a session, go backwards, jump, or say −1. Energy never goes negative, and a jump is
//! flagged, not booked (OCPP in the field, "Data").

use super::event::Told;
use crate::energy::Energy;

/// What a register may gain at once whatever the time, Wh: it may be read late.
const ALWAYS_PLAUSIBLE_WH: i64 = 1_000;
/// The most that any car takes, W.
const MOST_W: i64 = 500_000;
const MS_PER_HOUR: i64 = 3_600_000;

/// What was wrong with a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterFlaw {
    /// It went from one value to another that no car could have taken in that time.
    Jump(i64, i64),
    /// It went backwards.
    Back(i64, i64),
}

/// Counts the energy of one session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionMeter {
    /// The register at the start; `None` when it was not readable.
    start: Option<i64>,
    started: Told,
    last: Option<i64>,
    read: Told,
    booked: i64,
    /// The register before it last went backwards, if that was the last reading: it may have been a slip.
    before_back: Option<i64>,
    /// Whether it has jumped, and gone backwards, before.
    has_jumped: bool,
    has_gone_back: bool,
}

impl SessionMeter {
    /// A session that begins with this register.
    pub fn begin(register: i64, time: Told) -> Self {
        let start = (register >= 0).then_some(register);
        Self {
            start,
            started: time,
            last: start,
            read: time,
            booked: 0,
            before_back: None,
            has_jumped: false,
            has_gone_back: false,
        }
    }

    /// A session that went on before we knew of it: what was booked, and the register that was last read.
    #[must_use]
    pub fn resume(self, booked: Energy, register: Option<i64>, time: Told) -> Self {
        Self { last: register.or(self.last), read: time, booked: booked.wh(), ..self }
    }

    /// The energy so far.
    pub const fn energy(&self) -> Energy {
        Energy::from_wh(self.booked)
    }

    /// When it was last read.
    pub const fn read_at(&self) -> Told {
        self.read
    }

    /// Whether a flaw of this kind was not found before. It has been then.
    pub fn is_news(&mut self, flaw: MeterFlaw) -> bool {
        let was_found = match flaw {
            MeterFlaw::Jump(..) => &mut self.has_jumped,
            MeterFlaw::Back(..) => &mut self.has_gone_back,
        };
        !std::mem::replace(was_found, true)
    }

    /// Reads the register. One that is older than what was read before changes nothing.
    pub fn read(&mut self, register: i64, time: Told) -> Option<MeterFlaw> {
        if register < 0 || time.at < self.read.at {
            return None;
        }
        let Some(last) = self.last else {
            // Where it began is not known.
            (self.last, self.read) = (Some(register), time);
            return None;
        };
        let before = self.before_back.take().filter(|before| register >= *before);
        let gained = register.saturating_sub(before.unwrap_or(last));
        let flaw = if gained < 0 {
            self.before_back = Some(last);
            Some(MeterFlaw::Back(last, register))
        } else if gained > plausible(time.since(self.read)) {
            Some(MeterFlaw::Jump(last, register))
        } else {
            self.booked = self.booked.saturating_add(gained).min(Energy::MAX.wh());
            None
        };
        (self.last, self.read) = (Some(register), time);
        flaw
    }

    /// The energy at the end, by the register then.
    ///
    /// A register that never restarted says it best by itself: readings in between may have been lost.
    pub fn end(&mut self, register: i64, time: Told) -> Option<MeterFlaw> {
        let whole = self.start.map(|start| register.saturating_sub(start));
        let never_restarted =
            self.start.zip(self.last).is_some_and(|(start, last)| start.saturating_add(self.booked) == last);
        match whole {
            Some(whole)
                if register >= 0
                    && never_restarted
                    && whole >= self.booked
                    && whole <= plausible(time.since(self.started)) =>
            {
                (self.last, self.read, self.booked) = (Some(register), time, whole.min(Energy::MAX.wh()));
                None
            }
            _ => self.read(register, time),
        }
    }
}

/// What a register may gain in a time, Wh.
fn plausible(ms: i64) -> i64 {
    ALWAYS_PLAUSIBLE_WH.saturating_add(ms.saturating_mul(MOST_W / 1000) / (MS_PER_HOUR / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Timestamp;
    use proptest::prelude::*;

    fn minute(minutes: i64) -> Told {
        Told::ours(Timestamp(1_790_000_000_000 + minutes * 60_000))
    }

    #[test]
    fn energy_is_what_the_register_gains() {
        let mut meter = SessionMeter::begin(120_000, minute(0));
        assert_eq!(meter.read(120_100, minute(1)), None);
        assert_eq!(meter.read(120_350, minute(2)), None);
        assert_eq!(meter.energy().wh(), 350);
        assert_eq!(meter.end(120_400, minute(3)), None);
        assert_eq!(meter.energy().wh(), 400);
    }

    #[test]
    fn a_session_without_readings_is_the_difference() {
        let mut meter = SessionMeter::begin(5_000, minute(0));
        assert_eq!(meter.end(27_000, minute(120)), None);
        assert_eq!(meter.energy().wh(), 22_000);
    }

    #[test]
    fn a_jump_is_flagged_and_not_booked() {
        let mut meter = SessionMeter::begin(1_000, minute(0));
        assert_eq!(meter.read(9_001_000, minute(1)), Some(MeterFlaw::Jump(1_000, 9_001_000)));
        assert_eq!(meter.read(9_001_100, minute(2)), None);
        assert_eq!(meter.energy().wh(), 100);
        assert_eq!(meter.end(9_001_300, minute(3)), None);
        assert_eq!(meter.energy().wh(), 300);
    }

    #[test]
    fn a_register_that_restarts_loses_nothing_that_was_booked() {
        let mut meter = SessionMeter::begin(50_000, minute(0));
        meter.read(54_000, minute(30));
        assert_eq!(meter.read(0, minute(31)), Some(MeterFlaw::Back(54_000, 0)));
        meter.read(500, minute(35));
        assert_eq!(meter.end(700, minute(40)), None);
        assert_eq!(meter.energy().wh(), 4_700);
    }

    #[test]
    fn a_slip_to_zero_books_nothing_twice() {
        let mut meter = SessionMeter::begin(0, minute(0));
        meter.read(5_000, minute(30));
        assert_eq!(meter.read(0, minute(31)), Some(MeterFlaw::Back(5_000, 0)));
        assert_eq!(meter.read(5_200, minute(32)), None);
        assert_eq!(meter.energy().wh(), 5_200);
    }

    #[test]
    fn minus_one_is_no_reading() {
        let mut meter = SessionMeter::begin(-1, minute(0));
        assert_eq!(meter.read(-1, minute(1)), None);
        assert_eq!(meter.read(7_000, minute(2)), None);
        assert_eq!(meter.read(7_100, minute(3)), None);
        assert_eq!(meter.end(-1, minute(4)), None);
        assert_eq!(meter.energy().wh(), 100);
    }

    #[test]
    fn late_readings_change_nothing() {
        let mut meter = SessionMeter::begin(0, minute(0));
        meter.read(500, minute(10));
        assert_eq!(meter.read(200, minute(4)), None);
        assert_eq!(meter.energy().wh(), 500);
    }

    #[test]
    fn clocks_that_jump_do_not_make_energy_implausible() {
        let never_set = |ms| Told::judge(Timestamp(ms), Timestamp(1_790_000_000_000));
        let mut meter = SessionMeter::begin(0, never_set(0));
        assert_eq!(meter.end(20_000, never_set(4 * MS_PER_HOUR)), None);
        assert_eq!(meter.energy().wh(), 20_000);
    }

    proptest! {
        #[test]
        fn energy_never_falls(
            start in -5_i64..1_000_000,
            steps in prop::collection::vec((-5_i64..2_000_000_000, 0_i64..600), 0..30),
            end in prop::num::i64::ANY,
        ) {
            let mut meter = SessionMeter::begin(start, minute(0));
            let (mut at, mut known) = (0, 0);
            for (register, minutes) in steps {
                at += minutes;
                meter.read(register, minute(at));
                prop_assert!(meter.energy().wh() >= known);
                known = meter.energy().wh();
            }
            meter.end(end, minute(at + 1));
            prop_assert!(meter.energy().wh() >= known && meter.energy() <= Energy::MAX);
        }
    }
}
