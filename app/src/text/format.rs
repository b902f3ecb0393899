//! Numbers, amounts and times as a person reads them.

use super::Lang;
use bmw_domain::energy::{ChargingTime, Energy};

/// Between groups of three digits, and between a number and its unit: a space that does not break.
const SPACE: char = '\u{202f}';

/// A whole number, in groups of three digits from five digits on: `12 214`.
pub fn grouped(value: u64) -> String {
    crate::charts::number::whole(value)
}

/// kWh with two decimals, half up on the exact value, without unit: `12 214.54`.
pub fn kwh_2(energy: Energy) -> String {
    let hundredths = (energy.wh().unsigned_abs() + 5) / 10;
    let sign = if energy.wh() < 0 && hundredths > 0 { "−" } else { "" };
    format!("{sign}{}.{:02}", grouped(hundredths / 100), hundredths % 100)
}

/// kWh to the Wh, without unit: `2.458`, as sessions are listed.
pub fn kwh_3(energy: Energy) -> String {
    let wh = energy.wh().unsigned_abs();
    let sign = if energy.wh() < 0 { "−" } else { "" };
    format!("{sign}{}.{:03}", grouped(wh / 1000), wh % 1000)
}

/// A number of things, each or all of which are called so in English: `1 session`, `12 214 sessions`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    [grouped(count).as_str(), " ", if count == 1 { one } else { many }].concat()
}

/// A number with its unit.
pub fn with_unit(number: impl std::fmt::Display, unit: &str) -> String {
    format!("{number}{SPACE}{unit}")
}

/// A number with at most one decimal: `16`, `16.4`.
pub fn one_decimal(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // saturates
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "−" } else { "" };
    let (whole, tenth) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    if tenth == 0 { format!("{sign}{}", grouped(whole)) } else { format!("{sign}{}.{tenth}", grouped(whole)) }
}

impl Lang {
    /// A length of time: `70 h 30 min`, `12 min`.
    pub fn hours(self, time: ChargingTime) -> String {
        let minutes = u64::try_from((time.ms() + 30_000) / 60_000).unwrap_or(0);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        let (h, min) = match self {
            Self::Zh => ("小时", "分"),
            Self::En => ("h", "min"),
        };
        match (hours, minutes) {
            (0, minutes) => format!("{minutes}{SPACE}{min}"),
            (hours, 0) => format!("{}{SPACE}{h}", grouped(hours)),
            (hours, minutes) => format!("{}{SPACE}{h} {minutes}{SPACE}{min}", grouped(hours)),
        }
    }

    /// How long ago something was: `just now`, `3 min ago`, `2 y ago`. The future counts as now.
    pub fn ago(self, ms: i64) -> String {
        match self.lasting(ms) {
            None => self.pick("刚刚", "just now").to_owned(),
            Some(length) => [&length, self.pick("前", " ago")].concat(),
        }
    }

    /// How long a charge point has been out of contact: `No contact for 12 min`.
    pub fn no_contact_for(self, ms: i64) -> String {
        match self.lasting(ms) {
            None => self.pick("失去联系", "No contact").to_owned(),
            Some(length) => [self.pick("失去联系 ", "No contact for "), &length].concat(),
        }
    }

    /// A length of time in its largest unit, `3 min`; `None` for a moment.
    pub(super) fn lasting(self, ms: i64) -> Option<String> {
        const STEPS: [(i64, &str, &str); 6] = [
            (365 * 86_400, "年", "y"),
            (30 * 86_400, "个月", "mo"),
            (86_400, "天", "d"),
            (3600, "小时", "h"),
            (60, "分钟", "min"),
            (10, "秒", "s"),
        ];
        let seconds = ms / 1000;
        let (length, zh, en) = STEPS.into_iter().find(|(length, ..)| seconds >= *length)?;
        let count = if length == 10 { seconds } else { seconds / length };
        Some(format!("{count}{SPACE}{}", self.pick(zh, en)))
    }

    /// A day of the week, Monday first, in two letters or one character.
    pub const fn weekday(self, index: usize) -> &'static str {
        const NAMES: [(&str, &str); 7] =
            [("一", "Mo"), ("二", "Tu"), ("三", "We"), ("四", "Th"), ("五", "Fr"), ("六", "Sa"), ("日", "Su")];
        let (zh, en) = NAMES[index % 7];
        self.pick(zh, en)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_have_sensible_digits() {
        assert_eq!(kwh_2(Energy::from_wh(12_214_535)), "12\u{202f}214.54");
        assert_eq!(kwh_2(Energy::ZERO), "0.00");
        assert_eq!(kwh_2(Energy::from_wh(-4)), "0.00");
        assert_eq!(kwh_2(Energy::from_wh(-1_005)), "−1.01");
        assert_eq!(kwh_3(Energy::from_wh(2_458)), "2.458");
        assert_eq!(kwh_3(Energy::from_wh(6_750)), "6.750");
        assert_eq!(kwh_3(Energy::MAX), "1\u{202f}000\u{202f}000\u{202f}000.000");
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1000"), (12_214, "12 214"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(value).replace('\u{202f}', " "), text);
        }
        for (value, text) in [(16.0, "16"), (16.44, "16.4"), (-0.04, "0"), (f64::NAN, "0"), (15.96, "16")] {
            assert_eq!(one_decimal(value), text);
        }
    }

    #[test]
    fn one_is_no_plural() {
        let sessions = [0, 1, 2, 12_214].map(|count| counted(count, "session", "sessions").replace('\u{202f}', " "));
        assert_eq!(sessions, ["0 sessions", "1 session", "2 sessions", "12 214 sessions"]);
    }

    #[test]
    fn times_are_words() {
        let minutes = |minutes: i64| ChargingTime::from_ms(minutes * 60_000);
        assert_eq!(Lang::En.hours(minutes(4230)), "70\u{202f}h 30\u{202f}min");
        assert_eq!(Lang::Zh.hours(minutes(60)), "1\u{202f}小时");
        assert_eq!(Lang::En.hours(minutes(0)), "0\u{202f}min");
        for (seconds, text) in [
            (-5, "just now"),
            (9, "just now"),
            (10, "10 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (7200, "2 h ago"),
            (86_400 * 29, "29 d ago"),
            (86_400 * 364, "12 mo ago"),
            (86_400 * 800, "2 y ago"),
        ] {
            assert_eq!(Lang::En.ago(seconds * 1000).replace('\u{202f}', " "), text);
        }
        assert_eq!(Lang::Zh.ago(180_000), "3\u{202f}分钟前");
        assert_eq!(Lang::En.no_contact_for(720_000), "No contact for 12\u{202f}min");
        assert_eq!(Lang::Zh.no_contact_for(0), "失去联系");
    }
}
