//! Single values, each by the rule of its field.

use bmw_domain::calendar::LocalTime;
use bmw_domain::decimal::{self, DecimalError};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::field::{self, FieldError};
use bmw_domain::record::Identity;
use bmw_domain::settings::Input;
use std::borrow::Cow;

/// What is wrong with a field of a row.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {error}")]
pub(super) struct RowError {
    field: &'static str,
    error: FieldError,
}

impl RowError {
    pub(super) fn new(field: &'static str, error: FieldError) -> Self {
        Self { field, error }
    }
}

/// A value of JSON that is not a list or an object.
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Other,
}

impl Scalar<'_> {
    pub(super) fn input(&self) -> Input<'_> {
        match self {
            Self::Text(text) => Input::Text(text),
            Self::Number(number) => Input::Number(number),
            Self::Other => Input::Other,
        }
    }
}

/// Text: as long as this, and without control characters except those that lines have.
const TEXT_MOST: u32 = 1000;

/// The fields of one row by their place.
pub(super) struct Row<'a> {
    names: &'static [&'static str],
    values: &'a [Option<&'a str>],
}

impl<'a> Row<'a> {
    pub(super) fn new(names: &'static [&'static str], values: &'a [Option<&'a str>]) -> Self {
        Self { names, values }
    }

    /// What is there, unless it is null.
    fn scalar(&self, index: usize) -> Result<Option<Scalar<'a>>, RowError> {
        let Some(raw) = self.values[index] else { return Ok(None) };
        Ok(Some(match raw.as_bytes() {
            [b'n', ..] => return Ok(None),
            [b'"', .., b'"'] => Scalar::Text(unquoted(raw).map_err(|error| self.wrong(index, error))?),
            [b'-' | b'0'..=b'9', ..] => Scalar::Number(raw),
            _ => Scalar::Other,
        }))
    }

    fn wrong(&self, index: usize, error: FieldError) -> RowError {
        RowError::new(self.names[index], error)
    }

    /// The row's key for an error, where it can be shown in one line.
    pub(super) fn shown_key(&self) -> Option<String> {
        match self.scalar(0) {
            Ok(Some(Scalar::Text(text))) => {
                let shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
                Some(format!("{} {shown}", self.names[0]))
            }
            Ok(Some(Scalar::Number(number))) => Some(format!("{} {:.20}", self.names[0], number)),
            _ => None,
        }
    }

    pub(super) fn required<T>(&self, index: usize, value: Option<T>) -> Result<T, RowError> {
        value.ok_or_else(|| self.wrong(index, FieldError::Required))
    }

    pub(super) fn scalars(&self) -> Result<Vec<Option<Scalar<'a>>>, RowError> {
        (0..self.values.len()).map(|index| self.scalar(index)).collect()
    }

    /// Text as it stands in the file, where that is possible.
    pub(super) fn plain_text(&self, index: usize) -> Result<Option<Cow<'a, str>>, RowError> {
        match self.scalar(index)? {
            None => Ok(None),
            Some(Scalar::Text(text)) => {
                if text.len() > TEXT_MOST as usize && text.chars().count() > TEXT_MOST as usize {
                    return Err(self.wrong(index, FieldError::TooLong(TEXT_MOST)));
                }
                if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
                    return Err(self.wrong(index, FieldError::NotPrintable));
                }
                Ok(Some(text))
            }
            Some(_) => Err(self.wrong(index, FieldError::NotText)),
        }
    }

    pub(super) fn text(&self, index: usize) -> Result<Option<String>, RowError> {
        Ok(self.plain_text(index)?.map(Cow::into_owned))
    }

    /// Text that identifies a row.
    pub(super) fn key(&self, index: usize) -> Result<String, RowError> {
        let text = self.required(index, self.text(index)?)?;
        if text.is_empty() { Err(self.wrong(index, FieldError::Blank)) } else { Ok(text) }
    }

    pub(super) fn identity(&self, index: usize) -> Result<Identity, RowError> {
        match self.scalar(index)? {
            None => Err(self.wrong(index, FieldError::Required)),
            Some(Scalar::Text(text)) => Identity::new(&text).map_err(|error| self.wrong(index, error)),
            Some(_) => Err(self.wrong(index, FieldError::NotText)),
        }
    }

    /// A JSON number's text.
    fn number(&self, index: usize, error: FieldError) -> Result<Option<&'a str>, RowError> {
        match self.scalar(index)? {
            None => Ok(None),
            Some(Scalar::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.wrong(index, error)),
        }
    }

    pub(super) fn whole(&self, index: usize, least: i64) -> Result<Option<i32>, RowError> {
        let Some(number) = self.number(index, FieldError::NotWhole)? else { return Ok(None) };
        let most = i64::from(i32::MAX);
        let value = field::whole(number, least..=most).map_err(|error| self.wrong(index, error))?;
        i32::try_from(value).map(Some).map_err(|_| self.wrong(index, FieldError::TooLarge(most)))
    }

    pub(super) fn decimal(&self, index: usize) -> Result<Option<f64>, RowError> {
        self.quantity(index, FieldError::NotDecimal, |number| match decimal::parse_finite(number)? {
            value if value < 0.0 => Err(DecimalError::OutOfRange),
            // A negative zero would be written as -0.0.
            value => Ok(value.abs()),
        })
    }

    pub(super) fn energy(&self, index: usize) -> Result<Option<Energy>, RowError> {
        self.quantity(index, FieldError::TooLarge(Energy::MAX.wh() / 1000), Energy::parse_kwh)
    }

    pub(super) fn minutes(&self, index: usize) -> Result<Option<ChargingTime>, RowError> {
        // Ten digits of minutes is what the domain reads.
        self.quantity(index, FieldError::TooLarge(9_999_999_999), ChargingTime::parse_minutes)
    }

    /// A number of something that cannot be negative.
    fn quantity<T>(
        &self,
        index: usize,
        too_large: FieldError,
        parse: impl Fn(&str) -> Result<T, DecimalError>,
    ) -> Result<Option<T>, RowError> {
        let Some(number) = self.number(index, FieldError::NotDecimal)? else { return Ok(None) };
        parse(number).map(Some).map_err(|error| {
            self.wrong(
                index,
                match error {
                    DecimalError::Malformed => FieldError::NotDecimal,
                    DecimalError::OutOfRange if number.starts_with('-') => FieldError::TooSmall(0),
                    DecimalError::OutOfRange => too_large,
                },
            )
        })
    }

    pub(super) fn time(&self, index: usize) -> Result<Option<LocalTime>, RowError> {
        match self.scalar(index)? {
            None => Ok(None),
            Some(Scalar::Text(text)) => {
                let time = LocalTime::parse(&text).ok_or_else(|| self.wrong(index, FieldError::NotLocalTime))?;
                Ok(Some(time))
            }
            Some(_) => Err(self.wrong(index, FieldError::NotLocalTime)),
        }
    }
}

/// The text of a JSON string.
fn unquoted(raw: &str) -> Result<Cow<'_, str>, FieldError> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(&raw[1..raw.len() - 1]));
    }
    // The reader of raw values lets half a surrogate pair through.
    serde_json::from_str(raw).map(Cow::Owned).map_err(|_| FieldError::NotText)
}
