//! Writes JSON straight into bytes.
//!
//! The routes that answer thousands of lines use it instead of serde: the keys are fixed text, energies are whole Wh
//! and most times of an answer are of the same day. That what it writes is what the documented types say is under test.

use bmw_domain::calendar::{Day, LocalTime, Month, Period};
use bmw_domain::energy::Energy;

/// JSON under construction. Who uses it is responsible for commas and brackets.
pub(super) struct JsonWriter {
    out: Vec<u8>,
    /// The day that was written last, as text.
    day: Option<(Day, [u8; 10])>,
}

impl JsonWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), day: None }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Bytes that are JSON already.
    pub(super) fn raw_bytes(&mut self, json: &[u8]) {
        self.out.extend_from_slice(json);
    }

    /// A string with its quotes.
    pub(super) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.out.extend_from_slice(text.as_bytes());
        } else {
            for character in text.chars() {
                self.escaped(character);
            }
        }
        self.out.push(b'"');
    }

    fn escaped(&mut self, character: char) {
        match character {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '\u{0}'..='\u{1f}' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let code = character as usize;
                self.raw("\\u00");
                self.out.extend_from_slice(&[HEX[code >> 4], HEX[code & 15]]);
            }
            other => {
                let mut buffer = [0; 4];
                self.raw(other.encode_utf8(&mut buffer));
            }
        }
    }

    /// A whole number.
    pub(super) fn int(&mut self, value: i64) {
        if value < 0 {
            self.out.push(b'-');
        }
        self.digits(value.unsigned_abs());
    }

    /// A whole number or null.
    pub(super) fn int_or_null(&mut self, value: Option<i32>) {
        match value {
            Some(value) => self.int(value.into()),
            None => self.raw("null"),
        }
    }

    fn digits(&mut self, mut value: u64) {
        let mut buffer = [0; 20];
        let mut start = buffer.len();
        loop {
            start -= 1;
            buffer[start] = digit(value % 10);
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&buffer[start..]);
    }

    /// An energy in kWh, exact to the Wh, with 1 to 3 decimals.
    pub(super) fn kwh(&mut self, energy: Energy) {
        // 20 digits, a sign and a point.
        let mut text = [0; 24];
        let start = kwh_text(energy.wh(), &mut text);
        self.out.extend_from_slice(&text[start..]);
    }

    /// A list of energies in kWh.
    pub(super) fn kwhs<'a>(&mut self, energies: impl IntoIterator<Item = &'a Energy>) {
        let mut text = [0; 24];
        self.out.push(b'[');
        let empty = self.out.len();
        for energy in energies {
            let start = kwh_text(energy.wh(), &mut text) - 1;
            text[start] = b',';
            // The first has no comma before it.
            let start = start + usize::from(self.out.len() == empty);
            self.out.extend_from_slice(&text[start..]);
        }
        self.out.push(b']');
    }

    /// The label of a period with its quotes (see [`Period::label`]).
    pub(super) fn label(&mut self, period: Period, index: i32) {
        let text = match period {
            Period::Day => date_text(Day(index)),
            Period::Month => date_text(Month(index).first_day()),
            Period::Year => date_text(Month::new(index, 1).first_day()),
        };
        let length = match period {
            Period::Day => 10,
            Period::Month => 7,
            Period::Year => 4,
        };
        self.out.push(b'"');
        self.out.extend_from_slice(&text[..length]);
        self.out.push(b'"');
    }

    /// A local time, to the second, with its quotes.
    pub(super) fn time(&mut self, time: LocalTime, separator: u8) {
        let day = time.day();
        let date = match self.day {
            Some((known, text)) if known == day => text,
            _ => {
                let text = date_text(day);
                self.day = Some((day, text));
                text
            }
        };
        let seconds = time.ms_of_day().unsigned_abs() / 1000;
        let two = |value: u64| [digit(value / 10 % 10), digit(value % 10)];
        let ([h1, h0], [m1, m0], [s1, s0]) = (two(seconds / 3600), two(seconds / 60 % 60), two(seconds % 60));
        self.out.push(b'"');
        self.out.extend_from_slice(&date);
        self.out.extend_from_slice(&[separator, h1, h0, b':', m1, m0, b':', s1, s0, b'"']);
    }

    /// A local time with a `T`, or null.
    pub(super) fn time_or_null(&mut self, time: Option<LocalTime>) {
        match time {
            Some(time) => self.time(time, b'T'),
            None => self.raw("null"),
        }
    }

    /// A list: what `item` writes for each, with commas.
    pub(super) fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        self.out.push(b'[');
        for (index, value) in items.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            item(self, value);
        }
        self.out.push(b']');
    }
}

/// Writes kWh to the end of a text and tells where it begins: at 2 or later.
fn kwh_text(wh: i64, text: &mut [u8; 24]) -> usize {
    let magnitude = wh.unsigned_abs();
    let (mut whole, mut rest) = (magnitude / 1000, magnitude % 1000);
    let mut decimals = 3;
    while decimals > 1 && rest % 10 == 0 {
        rest /= 10;
        decimals -= 1;
    }
    let mut start = text.len();
    let mut put = |byte: u8| {
        start -= 1;
        text[start] = byte;
    };
    for _ in 0..decimals {
        put(digit(rest % 10));
        rest /= 10;
    }
    put(b'.');
    loop {
        put(digit(whole % 10));
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    if wh < 0 {
        put(b'-');
    }
    start
}

/// The digit of a number below 10.
#[allow(clippy::cast_possible_truncation)] // callers take remainders by 10
const fn digit(value: u64) -> u8 {
    b'0' + value as u8
}

#[allow(clippy::cast_sign_loss)] // clamped
fn date_text(day: Day) -> [u8; 10] {
    let (year, month, of_month) = day.date();
    let year = year.clamp(0, 9999) as u64;
    let (month, of_month) = (u64::from(month), u64::from(of_month));
    [
        digit(year / 1000),
        digit(year / 100 % 10),
        digit(year / 10 % 10),
        digit(year % 10),
        b'-',
        digit(month / 10),
        digit(month % 10),
        b'-',
        digit(of_month / 10),
        digit(of_month % 10),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut JsonWriter)) -> String {
        let mut writer = JsonWriter::with_capacity(16);
        write(&mut writer);
        String::from_utf8(writer.finish()).unwrap()
    }

    #[test]
    fn energies_have_one_to_three_decimals() {
        for (wh, text) in [
            (0, "0.0"),
            (1, "0.001"),
            (10, "0.01"),
            (100, "0.1"),
            (1000, "1.0"),
            (-1_250, "-1.25"),
            (606_312, "606.312"),
        ] {
            assert_eq!(written(|json| json.kwh(Energy::from_wh(wh))), text);
        }
    }

    proptest! {
        #[test]
        fn strings_are_what_serde_writes(text in any::<String>()) {
            let json = written(|json| json.string(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn numbers_are_what_serde_reads(value in any::<i64>(), wh in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
            prop_assert_eq!(written(|json| json.int(value)), value.to_string());
            let energy = Energy::from_wh(wh);
            let read: f64 = serde_json::from_str(&written(|json| json.kwh(energy))).unwrap();
            prop_assert_eq!(read.to_bits(), energy.kwh().to_bits());
        }

        #[test]
        fn lists_of_energies_are_what_serde_reads(wh in prop::collection::vec(any::<i64>(), 0..5)) {
            let energies: Vec<Energy> = wh.iter().copied().map(Energy::from_wh).collect();
            let one_by_one: Vec<String> = energies.iter().map(|energy| written(|json| json.kwh(*energy))).collect();
            prop_assert_eq!(written(|json| json.kwhs(&energies)), format!("[{}]", one_by_one.join(",")));
        }

        #[test]
        fn labels_are_those_of_the_calendar(day in Day::RANGE.start().0..=Day::RANGE.end().0) {
            for period in [Period::Year, Period::Month, Period::Day] {
                let index = period.index(Day(day));
                prop_assert_eq!(written(|json| json.label(period, index)), format!("\"{}\"", period.label(index)));
            }
        }

        #[test]
        fn times_are_what_the_calendar_writes(times in prop::collection::vec(-62_135_596_800_000_i64..253_402_300_800_000, 1..5)) {
            let mut writer = JsonWriter::with_capacity(16);
            let mut expected = Vec::new();
            for time in times.into_iter().map(LocalTime) {
                writer.time(time, b'T');
                writer.time(time, b' ');
                expected.push(format!("\"{}\"\"{}\"", time.with_t(), time.with_space()));
            }
            prop_assert_eq!(String::from_utf8(writer.finish()).unwrap(), expected.concat());
        }
    }
}
