//! What can be wrong with one field or parameter: the words are the same in the browser, in a route's answer and
//! in a message about a site file.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a value is not accepted. `Display` is the English message of the HTTP interface; the pages have their own texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FieldError {
    /// It is missing.
    Required,
    /// It is there, and empty.
    Blank,
    /// It is given more than once.
    Repeated,
    /// Not text.
    NotText,
    /// More than so many characters.
    TooLong(u32),
    /// It has control characters.
    NotPrintable,
    /// Not a whole number.
    NotWhole,
    /// Not a decimal number.
    NotDecimal,
    /// A number under the least that is accepted.
    TooSmall(i64),
    /// A number over the most that is accepted.
    TooLarge(i64),
    /// A number that must be over 0.
    NotPositive,
    /// Not 0 or 1.
    NotFlag,
    /// Not a permutation of `ABC`.
    NotPhaseSequence,
    /// Not a day as `YYYY-MM-DD`.
    NotDay,
    /// Not a local time as `YYYY-MM-DDTHH:MM:SS`.
    NotLocalTime,
    /// A time that has passed already.
    NotFuture,
    /// Not an address as `scheme://host/path`.
    NotUrl,
    /// Not one of the accepted values.
    NotAChoice,
    /// Not valid UTF-8.
    NotUtf8,
    /// The safe currents of all charge points and the headroom need so much on a phase, A: more than its limit.
    UnderSafe(i64),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("This field is required."),
            Self::Blank => f.write_str("This field may not be blank."),
            Self::Repeated => f.write_str("This field was given more than once."),
            Self::NotText => f.write_str("Not a valid string."),
            Self::TooLong(most) => write!(f, "Ensure this field has no more than {most} characters."),
            Self::NotPrintable => f.write_str("Control characters are not allowed."),
            Self::NotWhole => f.write_str("A valid integer is required."),
            Self::NotDecimal => f.write_str("A valid number is required."),
            Self::TooSmall(least) => write!(f, "Ensure this value is greater than or equal to {least}."),
            Self::TooLarge(most) => write!(f, "Ensure this value is less than or equal to {most}."),
            Self::NotPositive => f.write_str("Ensure this value is greater than 0."),
            Self::NotFlag => f.write_str("Must be 0 or 1."),
            Self::NotPhaseSequence => f.write_str("Must be a permutation of ABC."),
            Self::NotDay => f.write_str("Date has wrong format. Use YYYY-MM-DD."),
            Self::NotLocalTime => {
                f.write_str("Time has wrong format. Use YYYY-MM-DDThh:mm:ss, local and without zone.")
            }
            Self::NotFuture => f.write_str("Ensure this time lies in the future."),
            Self::NotUrl => f.write_str("Enter a valid URL."),
            Self::NotAChoice => f.write_str("Not a valid choice."),
            Self::NotUtf8 => f.write_str("Not valid UTF-8."),
            Self::UnderSafe(needed) => write!(
                f,
                "The safe currents of all chargers and the headroom need {needed} A on a phase: more than its limit."
            ),
        }
    }
}

impl std::error::Error for FieldError {}

/// Reads a whole number as the interface writes it: digits with an optional minus. No space, plus, point or exponent.
///
/// # Errors
/// [`FieldError::Blank`], [`FieldError::NotWhole`], or the bound that it misses.
pub fn whole(text: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64, FieldError> {
    if text.is_empty() {
        return Err(FieldError::NotWhole);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FieldError::NotWhole);
    }
    // Past i64 it is a number all the same, only too large or too small a one.
    let value = text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX });
    if value < *range.start() {
        Err(FieldError::TooSmall(*range.start()))
    } else if value > *range.end() {
        Err(FieldError::TooLarge(*range.end()))
    } else {
        Ok(value)
    }
}

/// Characters that are not control characters, and still print nothing: soft hyphen, zero-width spaces and joiners, marks of
/// direction, separators of lines, byte order mark.
const INVISIBLE: [std::ops::RangeInclusive<char>; 5] = [
    '\u{ad}'..='\u{ad}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
];

/// Accepts text of 1 to `most` characters that can be seen or are blank, as it comes: no control characters, and none of those
/// that only join, split or turn the text around them.
///
/// # Errors
/// [`FieldError::Blank`], [`FieldError::TooLong`] or [`FieldError::NotPrintable`].
pub fn printable(text: &str, most: u32) -> Result<String, FieldError> {
    if text.is_empty() {
        return Err(FieldError::Blank);
    }
    if text.chars().count() > most as usize {
        return Err(FieldError::TooLong(most));
    }
    if text.chars().any(|character| character.is_control() || INVISIBLE.iter().any(|range| range.contains(&character)))
    {
        return Err(FieldError::NotPrintable);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_digits_only() {
        assert_eq!(whole("32", 0..=100), Ok(32));
        assert_eq!(whole("-0", 0..=100), Ok(0));
        assert_eq!(whole("007", 0..=100), Ok(7));
        for text in ["", "-", "+1", "1.5", "1e3", "true", " 1", "1 ", "0x1", "１"] {
            assert_eq!(whole(text, 0..=100), Err(FieldError::NotWhole), "{text:?}");
        }
        assert_eq!(whole("-1", 0..=100), Err(FieldError::TooSmall(0)));
        assert_eq!(whole("99999999999999999999999", 0..=100), Err(FieldError::TooLarge(100)));
        assert_eq!(whole("-99999999999999999999999", 0..=100), Err(FieldError::TooSmall(0)));
    }
}
