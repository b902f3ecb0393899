//! Decimal text to whole numbers of a small unit, exactly.
//!
//! Floating point would decide half cases by its own error: `1.0005` kWh is a little less than that
//! as an `f64`, yet it is 1 001 Wh by the rule of the reading guide (half up on the exact value).

/// Why a text is not a number that can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// Not of the form `-12.5e3`.
    Malformed,
    /// A number, but beyond what the quantity can be.
    OutOfRange,
}

/// Reads decimal text as a whole number of `10^-scale`, half up on the exact value.
///
/// Accepts what JSON accepts, and a leading `+`, `.5`, `5.` as well.
///
/// ```
/// use bmw_domain::decimal::parse_scaled;
/// assert_eq!(parse_scaled("606.3120000000001", 3), Ok(606_312));
/// assert_eq!(parse_scaled("1.0005", 3), Ok(1_001));
/// assert_eq!(parse_scaled("-0.0005", 3), Ok(0));
/// ```
///
/// # Errors
/// `Malformed` for anything else, `OutOfRange` past 18 digits of the result.
pub fn parse_scaled(text: &str, scale: i32) -> Result<i64, DecimalError> {
    let number = Parts::split(text)?;
    let shift = number.exponent.saturating_add(scale);
    let digits = number.digits;
    if digits.is_empty() {
        return Ok(0);
    }
    let Ok(length) = i32::try_from(digits.len()) else {
        return Err(DecimalError::OutOfRange);
    };
    let whole_digits = length.saturating_add(shift);
    if whole_digits > 18 {
        return Err(DecimalError::OutOfRange);
    }
    if whole_digits < 0 {
        // Below a tenth of the unit: never half of it.
        return Ok(0);
    }
    let kept = usize::try_from(whole_digits).unwrap_or(0).min(digits.len());
    let mut magnitude = digits[..kept].iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(*digit));
    for _ in length..whole_digits {
        magnitude *= 10;
    }
    let rest = &digits[kept..];
    let at_least_half = rest.first().is_some_and(|digit| *digit >= 5);
    if !number.negative {
        return Ok(magnitude + i64::from(at_least_half));
    }
    // Half up means towards plus infinity: −1.5 becomes −1.
    let exactly_half = rest.first() == Some(&5) && rest[1..].iter().all(|digit| *digit == 0);
    Ok(-(magnitude + i64::from(at_least_half && !exactly_half)))
}

/// Whether a text has the form of a decimal number, and is finite as an `f64`: its value.
///
/// # Errors
/// `Malformed`, or `OutOfRange` where an `f64` would be infinite.
pub fn parse_finite(text: &str) -> Result<f64, DecimalError> {
    Parts::split(text)?;
    let value: f64 = text.parse().map_err(|_| DecimalError::Malformed)?;
    if value.is_finite() { Ok(value) } else { Err(DecimalError::OutOfRange) }
}

/// On which side of zero a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Below zero.
    Negative,
    /// Zero, or too near to it for an `f64`.
    Zero,
    /// Above zero.
    Positive,
}

/// The first digits of the number from which on an `f64` is infinite, 0.17976931348623158079… × 10³⁰⁹.
const INFINITE: &[u8] = &[1, 7, 9, 7, 6, 9, 3, 1, 3, 4, 8, 6, 2, 3, 1, 5, 8, 0, 7, 9];
/// The first digits of the number up to which an `f64` is zero, 0.24703282292062327208… × 10⁻³²³.
const ZERO: &[u8] = &[2, 4, 7, 0, 3, 2, 8, 2, 2, 9, 2, 0, 6, 2, 3, 2, 7, 2, 0, 8];

/// The sign of a decimal number as an `f64`, without making one of it.
///
/// # Errors
/// `Malformed`, or `OutOfRange` where an `f64` would be infinite.
pub fn sign(text: &str) -> Result<Sign, DecimalError> {
    let Parts { negative, digits, exponent } = Parts::split(text)?;
    // The number is 0.d₁d₂… × 10^magnitude.
    let magnitude = i32::try_from(digits.len()).unwrap_or(i32::MAX).saturating_add(exponent);
    match magnitude {
        _ if digits.is_empty() => Ok(Sign::Zero),
        ..-323 => Ok(Sign::Zero),
        -323 if digits.as_slice() <= ZERO => Ok(Sign::Zero),
        309 if digits.as_slice() >= INFINITE => Err(DecimalError::OutOfRange),
        310.. => Err(DecimalError::OutOfRange),
        _ if negative => Ok(Sign::Negative),
        _ => Ok(Sign::Positive),
    }
}

/// A number as its digits and the power of ten of the last of them.
struct Parts {
    negative: bool,
    /// Without leading zeros.
    digits: Vec<u8>,
    exponent: i32,
}

impl Parts {
    fn split(text: &str) -> Result<Self, DecimalError> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if all().next().is_none() || !all().all(|byte| byte.is_ascii_digit()) {
            return Err(DecimalError::Malformed);
        }
        let digits = all().map(|byte| byte - b'0').skip_while(|digit| *digit == 0).collect();
        let places = i32::try_from(fraction.len()).map_err(|_| DecimalError::OutOfRange)?;
        Ok(Self { negative: text.starts_with('-'), digits, exponent: exponent.saturating_sub(places) })
    }
}

/// An exponent; one that is too large for the type is as good as the largest.
fn parse_exponent(text: &str) -> Result<i32, DecimalError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::Malformed);
    }
    let magnitude = digits.parse::<i32>().unwrap_or(i32::MAX / 2).min(i32::MAX / 2);
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_go_up_on_the_exact_value() {
        assert_eq!(parse_scaled("0.0005", 3), Ok(1));
        assert_eq!(parse_scaled("0.00049999999999999999999", 3), Ok(0));
        assert_eq!(parse_scaled("5e-4", 3), Ok(1));
        assert_eq!(parse_scaled("1.5e3", 3), Ok(1_500_000));
        assert_eq!(parse_scaled("-1.5", 0), Ok(-1));
        assert_eq!(parse_scaled("-1.51", 0), Ok(-2));
        assert_eq!(parse_scaled("1e-999999999999", 3), Ok(0));
        assert_eq!(parse_scaled("0e999999999999", 3), Ok(0));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1e", "e3", "1e+", "0x1", "NaN", "inf", " 1", "1 ", "1,5", "１"] {
            assert_eq!(parse_scaled(text, 3), Err(DecimalError::Malformed), "{text:?}");
            assert_eq!(parse_finite(text), Err(DecimalError::Malformed), "{text:?}");
        }
        assert_eq!(parse_scaled("1e18", 3), Err(DecimalError::OutOfRange));
        assert_eq!(parse_finite("1e999"), Err(DecimalError::OutOfRange));
    }

    #[test]
    fn signs_are_those_of_floating_point() {
        for text in [
            "0",
            "-0",
            "0.0e5",
            "1",
            "-1",
            "1e308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "17e307",
            "1.7976931348623159e308",
            "1.8e308",
            "1e309",
            "-1e309",
            "5e-324",
            "2.5e-324",
            "2.4e-324",
            "1e-324",
            "-1e-400",
            "2.2250738585072014e-308",
            "000.000000000000000000000000000001e-280",
            "1e99999999999",
            "1e-99999999999",
        ] {
            let value: f64 = text.parse().unwrap();
            let expected = match value {
                value if value.is_infinite() => Err(DecimalError::OutOfRange),
                value if value < 0.0 => Ok(Sign::Negative),
                value if value > 0.0 => Ok(Sign::Positive),
                _ => Ok(Sign::Zero),
            };
            assert_eq!(sign(text), expected, "{text}");
        }
        assert_eq!(sign("1,5"), Err(DecimalError::Malformed));
    }

    proptest! {
        #[test]
        fn agrees_with_integer_arithmetic(value in 0_u64..1_000_000_000_000, places in 0_usize..9) {
            let text = format!("{value:0>width$}", width = places + 1);
            let (whole, fraction) = text.split_at(text.len() - places);
            let divisor = 10_u64.pow(u32::try_from(places).unwrap());
            let exact = (u128::from(value) * 1000 * 2 + u128::from(divisor)) / (u128::from(divisor) * 2);
            prop_assert_eq!(parse_scaled(&format!("{whole}.{fraction}"), 3), Ok(i64::try_from(exact).unwrap()));
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _outcome = (parse_scaled(&text, 3), parse_finite(&text));
        }
    }
}
