//! The site's calendar: days, months, years and local times as plain numbers.
//!
//! Nothing here knows a zone or a clock. The server turns instants into [`LocalTime`] once, and from then on
//! both sides only count and print (proleptic Gregorian calendar).

use serde::{Deserialize, Serialize};
use std::fmt;

const DAY_MS: i64 = 86_400_000;

/// An instant: ms since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Ms from `earlier` to this, negative when it is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This many ms later.
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// A calendar day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// The first and the last day that can be written with four digits of year.
    pub const RANGE: std::ops::RangeInclusive<Self> = Self(-719_162)..=Self(2_932_896);

    /// The day of a date; `None` when the calendar has no such day or the year is not 1–9999.
    pub fn from_date(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        // Days from civil: years begin in March, so that the leap day is the last of its year.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = i32::try_from((month + 9) % 12).ok()?;
        let day_of_year = (153 * month_from_march + 2) / 5 + i32::try_from(day).ok()? - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Self(era * 146_097 + day_of_era - 719_468))
    }

    /// Year, month 1–12 and day 1–31.
    #[allow(clippy::cast_sign_loss)] // remainders of a positive divisor
    pub fn date(self) -> (i32, u32, u32) {
        let shifted = self.0.saturating_add(719_468);
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        (year, month as u32, day as u32)
    }

    /// 0 for Monday to 6 for Sunday.
    #[allow(clippy::cast_sign_loss)]
    pub fn weekday(self) -> u32 {
        (self.0.saturating_add(3)).rem_euclid(7) as u32
    }

    /// This many days later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The month that the day is in.
    pub fn month(self) -> Month {
        let (year, month, _) = self.date();
        Month::new(year, month)
    }

    /// Reads `YYYY-MM-DD`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
        if bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let year = i32::try_from(digits(&bytes[..4])?).ok()?;
        Self::from_date(year, digits(&bytes[5..7])?, digits(&bytes[8..])?)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A calendar month: months since the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Month(pub i32);

impl Month {
    /// The month 1–12 of a year.
    #[allow(clippy::cast_possible_wrap)]
    pub fn new(year: i32, month: u32) -> Self {
        Self(year.saturating_mul(12).saturating_add(month as i32 - 1))
    }

    /// Year and month 1–12.
    #[allow(clippy::cast_sign_loss)]
    pub fn year_and_month(self) -> (i32, u32) {
        (self.0.div_euclid(12), self.0.rem_euclid(12) as u32 + 1)
    }

    /// Its first day.
    pub fn first_day(self) -> Day {
        let (year, month) = self.year_and_month();
        Day::from_date(year, month, 1).unwrap_or(if year < 1 { *Day::RANGE.start() } else { *Day::RANGE.end() })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.year_and_month();
        write!(f, "{year:04}-{month:02}")
    }
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

/// What a chart or a sum counts by (the `mode` of 3.1 and 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// Calendar years; labels `2019`.
    Year,
    /// Calendar months; labels `2019-06`.
    Month,
    /// Calendar days; labels `2019-06-15`.
    Day,
}

impl Period {
    /// The number of the period that a day is in; neighbours differ by one.
    pub fn index(self, day: Day) -> i32 {
        match self {
            Self::Year => day.date().0,
            Self::Month => day.month().0,
            Self::Day => day.0,
        }
    }

    /// The label of a period.
    pub fn label(self, index: i32) -> String {
        match self {
            Self::Year => format!("{index:04}"),
            Self::Month => Month(index).to_string(),
            Self::Day => Day(index).to_string(),
        }
    }
}

/// A local time of the site without zone: ms since 1970-01-01T00:00:00 of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalTime(pub i64);

impl LocalTime {
    /// Midnight at the beginning of a day.
    pub fn midnight(day: Day) -> Self {
        Self(i64::from(day.0) * DAY_MS)
    }

    /// The day that it is in.
    pub fn day(self) -> Day {
        // Within i32 for every time of a four-digit year; beyond, the nearest end.
        Day(i32::try_from(self.0.div_euclid(DAY_MS)).unwrap_or(if self.0 < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Ms since midnight.
    pub fn ms_of_day(self) -> i64 {
        self.0.rem_euclid(DAY_MS)
    }

    /// Reads `2015-11-24T15:09:47`, with a space for the T, without seconds, or with up to 9 digits of fraction
    /// (rounded down to ms). No zone.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = (text.get(..10)?, text.get(10..)?);
        let time = time.strip_prefix(['T', ' '])?;
        let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
        let bytes = clock.as_bytes();
        let seconds = match (bytes.len(), fraction) {
            (5, None) => 0,
            (8, _) if bytes[5] == b':' => digits(&bytes[6..])?,
            _ => return None,
        };
        if bytes[2] != b':' {
            return None;
        }
        let (hours, minutes) = (digits(&bytes[..2])?, digits(&bytes[3..5])?);
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        let ms = fraction.map_or(Some(0), fraction_ms)?;
        let of_day = i64::from(hours * 3600 + minutes * 60 + seconds) * 1000 + i64::from(ms);
        Some(Self(Self::midnight(Day::parse(date)?).0 + of_day))
    }

    /// Writes it with the given character between date and time; a fraction only where there is one and `fraction` asks for it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // digits of a clock
    fn write(self, out: &mut String, separator: u8, fraction: bool) {
        let (year, month, day) = self.day().date();
        let ms = self.ms_of_day();
        let seconds = ms / 1000;
        let mut text = *b"0000-00-00T00:00:00.000";
        let mut put = |at: usize, width: usize, value: u32| {
            let mut rest = value;
            for position in (at..at + width).rev() {
                text[position] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        };
        put(0, 4, year.clamp(0, 9999) as u32);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, (seconds / 3600) as u32);
        put(14, 2, (seconds / 60 % 60) as u32);
        put(17, 2, (seconds % 60) as u32);
        put(20, 3, (ms % 1000) as u32);
        text[10] = separator;
        let length = if fraction && ms % 1000 != 0 { 23 } else { 19 };
        out.extend(text[..length].iter().map(|byte| char::from(*byte)));
    }

    /// `2015-11-24T15:09:47` (2.2 and the feed).
    pub fn with_t(self) -> String {
        let mut out = String::with_capacity(19);
        self.write(&mut out, b'T', false);
        out
    }

    /// `2016-11-25 14:11:55` (2.7, and the pages).
    pub fn with_space(self) -> String {
        let mut out = String::with_capacity(19);
        self.write(&mut out, b' ', false);
        out
    }

    /// `2015-11-24T15:09:47` or `2015-11-24T15:09:47.250`: nothing lost (the site file).
    pub fn exact(self) -> String {
        let mut out = String::with_capacity(23);
        self.write(&mut out, b'T', true);
        out
    }
}

fn fraction_ms(digits_after_point: &str) -> Option<u32> {
    let bytes = digits_after_point.as_bytes();
    if bytes.is_empty() || bytes.len() > 9 {
        return None;
    }
    digits(bytes)?;
    let padded: Vec<u8> = bytes.iter().copied().chain(std::iter::repeat(b'0')).take(3).collect();
    digits(&padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        assert_eq!(Day::parse("1970-01-01"), Some(Day(0)));
        assert_eq!(Day::parse("2015-11-24"), Some(Day(16_763)));
        assert_eq!(Day(16_763).weekday(), 1);
        assert_eq!(Day::parse("2016-02-29").unwrap().plus(1).to_string(), "2016-03-01");
        assert_eq!(Day::RANGE.start().to_string(), "0001-01-01");
        assert_eq!(Day::RANGE.end().to_string(), "9999-12-31");
    }

    #[test]
    fn no_such_day() {
        for text in [
            "2015-02-29",
            "1900-02-29",
            "2015-13-01",
            "2015-00-10",
            "2015-1-1",
            "15-01-01",
            "2015-11-2a",
            "0000-01-01",
            "2015/11/24",
            " 2015-11-2",
            "２015-1-1",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn periods_count_on() {
        let day = Day::parse("2019-06-15").unwrap();
        for (period, label, before) in [
            (Period::Year, "2019", "2018"),
            (Period::Month, "2019-06", "2019-05"),
            (Period::Day, "2019-06-15", "2019-06-14"),
        ] {
            assert_eq!(period.label(period.index(day)), label);
            assert_eq!(period.label(period.index(day) - 1), before);
        }
        assert_eq!(Month::new(2019, 1).first_day().to_string(), "2019-01-01");
    }

    #[test]
    fn local_times_print_as_documented() {
        let time = LocalTime::parse("2015-11-24T15:09:47").unwrap();
        assert_eq!(time.with_t(), "2015-11-24T15:09:47");
        assert_eq!(time.with_space(), "2015-11-24 15:09:47");
        assert_eq!(time.exact(), "2015-11-24T15:09:47");
        assert_eq!(LocalTime::parse("2015-11-24 15:09").unwrap().with_t(), "2015-11-24T15:09:00");
        assert_eq!(LocalTime::parse("2015-11-24T15:09:47.2509").unwrap().exact(), "2015-11-24T15:09:47.250");
        for text in [
            "2015-11-24",
            "2015-11-24T24:00:00",
            "2015-11-24T15:09:47Z",
            "2015-11-24T15:09:47+08:00",
            "2015-11-24T15:09:60",
            "2015-11-24T15:9:47",
            "2015-11-24T15:09:47.",
            "2015-11-24T15:09.5",
        ] {
            assert_eq!(LocalTime::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_one_to_one(day in Day::RANGE.start().0..=Day::RANGE.end().0) {
            let (year, month, of_month) = Day(day).date();
            prop_assert_eq!(Day::from_date(year, month, of_month), Some(Day(day)));
            prop_assert_eq!(Day::parse(&Day(day).to_string()), Some(Day(day)));
        }

        #[test]
        fn exact_times_come_back(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
            prop_assert_eq!(LocalTime::parse(&LocalTime(ms).exact()), Some(LocalTime(ms)));
        }

        #[test]
        fn reading_never_panics(text in ".{0,30}") {
            let _outcome = (Day::parse(&text), LocalTime::parse(&text));
        }
    }
}
