//! The query string of a page: read tolerantly, written canonically.

use std::fmt::Write;

/// Names and values of a query string. Empty values count as absent; of repeated names the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string without its `?`.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// The value of a name, unless it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of a name, also when it is empty.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All names with their values, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a name as a number of a range.
    pub fn number(&self, name: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        self.get(name)?.parse().ok().filter(|number| range.contains(number))
    }

    /// The same with another value of a name; an empty one takes it out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        self.0.retain(|(key, _)| key != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
        self
    }

    /// The same without a name.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.with(name, "")
    }

    /// The same without names that have no value.
    #[must_use]
    pub fn filled(mut self) -> Self {
        self.0.retain(|(_, value)| !value.is_empty());
        self
    }

    /// The same with another value of a name, kept also when it is empty.
    #[must_use]
    pub fn with_raw(mut self, name: &str, value: impl ToString) -> Self {
        self.0.retain(|(key, _)| key != name);
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// `path?name=value&…`
    pub fn on(&self, path: &str) -> String {
        let mut out = path.to_owned();
        let mut separator = '?';
        for (name, value) in &self.0 {
            out.push(separator);
            encode(&mut out, name);
            out.push('=');
            encode(&mut out, value);
            separator = '&';
        }
        out
    }
}

impl<N: ToString, V: ToString, const L: usize> From<[(N, V); L]> for Query {
    fn from(pairs: [(N, V); L]) -> Self {
        pairs.iter().fold(Self::default(), |query, (name, value)| query.with(&name.to_string(), value.to_string()))
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| Some(hex(*tail.first()?)? << 4 | hex(*tail.get(1)?)?)).flatten();
        match (first, escaped) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes a text into an address.
pub(crate) fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ok = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_forms_send() {
        let query = Query::parse("a=1&b=x+y%2Fz&c=&d&a=2&%E7%94%B5=%e6%a1%a9");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some("x y/z"));
        assert_eq!(query.get("c"), None);
        assert_eq!(query.raw("c"), Some(""));
        assert_eq!(query.raw("d"), Some(""));
        assert_eq!(query.get("电"), Some("桩"));
        assert_eq!(query.number("a", 1..=9), Some(1));
        assert_eq!(query.number("a", 2..=9), None);
        assert_eq!(query.number("b", 1..=9), None);
    }

    #[test]
    fn writes_only_what_has_a_value() {
        let query = Query::from([("charger_id", "a b&c"), ("date", "")]);
        assert_eq!(query.on("/details/"), "/details/?charger_id=a%20b%26c");
        assert_eq!(query.with("charger_id", "").on("/details/"), "/details/");
        assert_eq!(Query::parse("a=&b=1&c").filled().on("/"), "/?b=1");
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_what_is_written_is_read(text in ".{0,40}", name in "[a-z]{1,8}") {
            let _query = Query::parse(&text);
            let written = Query::from([(name.as_str(), text.as_str())]).on("");
            let read = Query::parse(written.trim_start_matches('?'));
            prop_assert_eq!(read.get(&name), Some(text.as_str()).filter(|text| !text.is_empty()));
        }
    }
}
