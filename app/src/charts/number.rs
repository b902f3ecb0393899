//! Numbers for people, without floating-point formatting: that machinery weighs more than everything here.

use bmw_domain::energy::Energy;

/// Between groups of three digits: a narrow space that does not break.
const GROUP: char = '\u{202f}';

/// `value` × 10⁻³ with at most `decimals` (0–3) decimals, rounded half away from zero, zeros at the end left out,
/// digits in groups of three from five digits on.
pub fn thousandths(value: i64, decimals: u32) -> String {
    let unit = 10_u64.pow(3_u32.saturating_sub(decimals));
    let rounded = (value.unsigned_abs().saturating_add(unit / 2) / unit).saturating_mul(unit);
    let mut out = String::with_capacity(12);
    if value < 0 && rounded > 0 {
        out.push('\u{2212}');
    }
    push_grouped(&mut out, rounded / 1000);
    push_fraction(&mut out, rounded % 1000);
    out
}

/// `value` × 10⁻³ as programs read it: no groups, a plain minus, zeros at the end left out.
pub fn push_plain(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    let value = value.unsigned_abs();
    let mut whole = value / 1000;
    let start = out.len();
    loop {
        out.insert(start, digit(whole));
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    push_fraction(out, value % 1000);
}

/// Thousandths behind their point; nothing for none.
fn push_fraction(out: &mut String, mut fraction: u64) {
    if fraction > 0 {
        out.push('.');
        let mut place = 100;
        while fraction > 0 {
            out.push(digit(fraction / place));
            fraction %= place;
            place /= 10;
        }
    }
}

/// A whole number in groups.
pub fn whole(value: u64) -> String {
    let mut out = String::with_capacity(8);
    push_grouped(&mut out, value);
    out
}

/// An amount of energy in kWh with at most two decimals: `12 214.54`.
pub fn kwh(energy: Energy) -> String {
    thousandths(energy.wh(), 2)
}

/// A measured value with at most `decimals` decimals. Not finite or beyond all measure: a dash.
#[allow(clippy::cast_possible_truncation)] // bounded
pub fn measured(value: f64, decimals: u32) -> String {
    if value.is_finite() && value.abs() < 1e15 {
        thousandths((value * 1000.0).round() as i64, decimals)
    } else {
        "—".to_owned()
    }
}

fn push_grouped(out: &mut String, value: u64) {
    // 20 digits at most.
    let mut digits = ['0'; 20];
    let mut count = 0;
    let mut rest = value;
    loop {
        digits[count] = digit(rest % 10);
        count += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    for index in (0..count).rev() {
        out.push(digits[index]);
        // Four digits are read at a glance.
        if index > 0 && index % 3 == 0 && count > 4 {
            out.push(GROUP);
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // one decimal digit
fn digit(value: u64) -> char {
    char::from(b'0' + (value % 10) as u8)
}

/// Writes a number into `out`.
pub(crate) fn push_int(out: &mut String, value: i32) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    // Digits are always text.
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Writes a value that counts hundredths, such as a percentage, into `out`.
pub(crate) fn push_hundredths(out: &mut String, value: i32) {
    if value < 0 {
        out.push('-');
    }
    let value = value.abs();
    push_int(out, value / 100);
    if value % 100 > 0 {
        out.push('.');
        push_int(out, value / 10 % 10);
        if value % 10 > 0 {
            push_int(out, value % 10);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_read_well() {
        for (wh, text) in [
            (0, "0"),
            (4, "0"),
            (5, "0.01"),
            (1_000, "1"),
            (1_500, "1.5"),
            (-1_500, "−1.5"),
            (9_999_000, "9999"),
            (12_214_539, "12\u{202f}214.54"),
            (1_234_567_890, "1\u{202f}234\u{202f}567.89"),
            (i64::MAX, "9\u{202f}223\u{202f}372\u{202f}036\u{202f}854\u{202f}775.81"),
        ] {
            assert_eq!(kwh(Energy::from_wh(wh)), text);
        }
        assert_eq!(thousandths(i64::MIN, 0).chars().next(), Some('−'));
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        assert_eq!(measured(31.96, 1), "32");
        assert_eq!(measured(-0.04, 1), "0");
        for value in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(measured(value, 1), "—");
        }
    }

    #[test]
    fn programs_read_plain_numbers() {
        let text = |value| {
            let mut out = "x,".to_owned();
            push_plain(&mut out, value);
            out
        };
        assert_eq!([0, 5, -1_500, 12_214_539, 1_000].map(text), ["x,0", "x,0.005", "x,-1.5", "x,12214.539", "x,1"]);
        assert_eq!(text(i64::MIN), "x,-9223372036854775.808");
    }

    #[test]
    fn hundredths_are_short() {
        let text = |value| {
            let mut out = String::new();
            push_hundredths(&mut out, value);
            out
        };
        assert_eq!([0, 5, 50, 105, 110, -105, 10_000].map(text), ["0", "0.05", "0.5", "1.05", "1.1", "-1.05", "100"]);
    }
}
