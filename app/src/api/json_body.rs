//! Bodies that are JSON objects: no key twice, not too deep, and whole.

use super::error::ApiError;
use http::StatusCode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// How deep a JSON body may be nested.
const MOST_DEPTH: usize = 64;

/// The members of a body, as they stand.
///
/// # Errors
/// 400 for what is no JSON object, has a key twice, or is nested too deeply.
pub(super) fn object(bytes: &[u8]) -> Result<Vec<(String, &RawValue)>, ApiError> {
    let bad = |text: &'static str| ApiError::detail(StatusCode::BAD_REQUEST, text);
    let text = std::str::from_utf8(bytes).map_err(|_| bad("JSON parse error: not UTF-8."))?;
    check_depth(text).map_err(bad)?;
    let malformed =
        |error: serde_json::Error| ApiError::detail(StatusCode::BAD_REQUEST, format!("JSON parse error: {error}."));
    let whole: &RawValue = serde_json::from_str(text).map_err(malformed)?;
    if !whole.get().starts_with('{') {
        return Err(bad("The body must be a JSON object."));
    }
    check_keys(text).map_err(bad)?;
    let object: Object<'_> = serde_json::from_str(text).map_err(malformed)?;
    Ok(object.0)
}

/// A JSON string as text; `None` for what is none.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json).ok().map(|text| text.0)
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a JSON object as they stand.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Whether brackets are nested no deeper than [`MOST_DEPTH`], in text that need not be JSON.
fn check_depth(text: &str) -> Result<(), &'static str> {
    let mut depth = 0_usize;
    for token in tokens(text) {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::String(_) | Token::Comma => {}
        }
        if depth > MOST_DEPTH {
            return Err("JSON parse error: nested too deeply.");
        }
    }
    Ok(())
}

/// Whether no object has a key twice, at any depth, in text that is JSON.
fn check_keys(text: &str) -> Result<(), &'static str> {
    /// The keys of an object; `None` in a list.
    type Keys<'a> = Option<HashSet<Cow<'a, str>>>;
    let mut open: Vec<Keys<'_>> = Vec::new();
    // A string is a key when it is the first thing after `{` or, in an object, after a comma.
    let mut key_is_next = false;
    for token in tokens(text) {
        let at_key = std::mem::replace(&mut key_is_next, false);
        match token {
            Token::Open(b'{') => {
                open.push(Some(HashSet::new()));
                key_is_next = true;
            }
            Token::Open(_) => open.push(None),
            Token::Close => drop(open.pop()),
            Token::Comma => key_is_next = matches!(open.last(), Some(Some(_))),
            Token::String(json) => {
                let Some(Some(keys)) = open.last_mut().filter(|_| at_key) else {
                    continue;
                };
                let key = serde_json::from_str::<Text<'_>>(json).map_err(|_| "JSON parse error: a key is no text.")?;
                if !keys.insert(key.0) {
                    return Err("JSON parse error: a key is there twice.");
                }
            }
        }
    }
    Ok(())
}

/// What matters for the structure of JSON.
enum Token<'a> {
    Open(u8),
    Close,
    Comma,
    /// With its quotes.
    String(&'a str),
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            at += 1;
            match byte {
                b'{' | b'[' => return Some(Token::Open(byte)),
                b'}' | b']' => return Some(Token::Close),
                b',' => return Some(Token::Comma),
                b'"' => {
                    while let Some(&inner) = bytes.get(at) {
                        at += if inner == b'\\' { 2 } else { 1 };
                        if inner == b'"' {
                            break;
                        }
                    }
                    // Both ends are quotes, or the text ends within the string and is no JSON.
                    return text.get(start..at.min(bytes.len())).map(Token::String);
                }
                _ => {}
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_are_checked_like_serde_reads_them(text in r#"[\[\]{}",:\\a1]{0,14}"#) {
            // Whatever serde takes for JSON without doubles has as many keys as it says.
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
                let count = count_keys(&value);
                let colons = serde_json::from_str::<&RawValue>(&text).map(|_| key_count(&text)).unwrap_or_default();
                prop_assert_eq!(check_keys(&text).is_ok(), count == colons, "{}", text);
            }
        }
    }

    fn count_keys(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Object(map) => map.len() + map.values().map(count_keys).sum::<usize>(),
            serde_json::Value::Array(list) => list.iter().map(count_keys).sum(),
            _ => 0,
        }
    }

    /// Colons outside strings: one for each key.
    fn key_count(text: &str) -> usize {
        let strings: usize =
            tokens(text).map(|token| if let Token::String(text) = token { text.matches(':').count() } else { 0 }).sum();
        text.matches(':').count() - strings
    }
}
