//! Parameters of the query, by the rules of the reading guide: an empty optional one is an absent one, a repeated one
//! is wrong, unknown names are ignored, and what is wrong is said by name, all of it at once.

use super::error::ApiError;
use bmw_domain::calendar::Day;
use bmw_domain::field::{self, FieldError};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// Reads the parameters of one request. Ask for each, then [`Params::finish`].
pub(super) struct Params<'a> {
    query: &'a str,
    errors: Vec<(&'static str, FieldError)>,
}

impl<'a> Params<'a> {
    pub(super) fn new(uri: &'a http::Uri) -> Self {
        Self { query: uri.query().unwrap_or_default(), errors: Vec::new() }
    }

    /// Tells what was wrong. Values that were read before are meaningless when this fails.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::Fields(self.errors)) }
    }

    pub(super) fn wrong(&mut self, name: &'static str, error: FieldError) {
        self.errors.push((name, error));
    }

    /// Text; `None` when it is absent, empty or wrong.
    pub(super) fn text(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        match find(self.query, name) {
            Ok(value) => value.filter(|text| !text.is_empty()),
            Err(error) => {
                self.wrong(name, error);
                None
            }
        }
    }

    /// Reads a value out of text.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let text = self.text(name)?;
        read(&text).map_err(|error| self.wrong(name, error)).ok()
    }

    /// Complains when a parameter was neither given nor complained about.
    pub(super) fn require<T>(&mut self, name: &'static str, value: Option<&T>) {
        if value.is_none() && !self.errors.iter().any(|(wrong, _)| *wrong == name) {
            self.wrong(name, FieldError::Required);
        }
    }

    /// A whole number.
    pub(super) fn whole(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.read(name, |text| field::whole(text, range))
    }

    /// A day as `YYYY-MM-DD`.
    pub(super) fn day(&mut self, name: &'static str) -> Option<Day> {
        self.read(name, |text| Day::parse(text).ok_or(FieldError::NotDay))
    }

    /// `true` or `1`, `false` or `0`; absent is false.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.read(name, |text| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(FieldError::NotAChoice),
        })
        .unwrap_or_default()
    }
}

/// The value of a name in a query or in the body of a form.
fn find<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
    let mut found = None;
    for (key, value) in pairs(query) {
        if is_name(key, name) {
            if found.is_some() {
                return Err(FieldError::Repeated);
            }
            found = Some(value);
        }
    }
    found.map(decode).transpose()
}

/// Names and values of `application/x-www-form-urlencoded` as they stand.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn is_name(key: &str, name: &str) -> bool {
    key == name || (key.contains(['%', '+']) && decode(key).is_ok_and(|key| key == name))
}

/// Decodes `+` and `%41`. A `%` that begins nothing stands for itself.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, FieldError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| Some((hex(*bytes.get(at + 1)?)?, hex(*bytes.get(at + 2)?)?))).flatten();
        match (byte, escaped) {
            (_, Some((high, low))) => {
                decoded.push(high << 4 | low);
                at += 2;
            }
            (b'+', None) => decoded.push(b' '),
            (other, None) => decoded.push(other),
        }
        at += 1;
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| FieldError::NotUtf8)
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_found_by_their_names() {
        assert_eq!(find("a=1&b=2&c", "b"), Ok(Some("2".into())));
        assert_eq!(find("a=1&b=2&c", "c"), Ok(Some("".into())));
        assert_eq!(find("a=1&b=2&c", "d"), Ok(None));
        assert_eq!(find("%61=%31+%2B%zz%4", "a"), Ok(Some("1 +%zz%4".into())));
        assert_eq!(find("a=1&%61=2", "a"), Err(FieldError::Repeated));
        assert_eq!(find("a=&a=", "a"), Err(FieldError::Repeated));
        assert_eq!(find("a=%ff", "a"), Err(FieldError::NotUtf8));
        assert_eq!(find("%ff=1&a=2", "a"), Ok(Some("2".into())));
        assert_eq!(find("a=b=c", "a"), Ok(Some("b=c".into())));
    }

    proptest! {
        #[test]
        fn reading_never_panics(query in ".{0,60}") {
            let _outcome = find(&query, "a");
        }
    }
}
