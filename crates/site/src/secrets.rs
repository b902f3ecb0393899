//! What nobody sees, whoever he is: passwords in configurations, and those in addresses. What is stored, logged and shown has `…` in
//! their place.

use crate::diagnostics::without_tokens;
use bmw_domain::charger::password::AUTHORIZATION_KEY;
use bmw_domain::command::Command;
use serde_json::Value;
use std::borrow::Cow;

/// What stands in the place of a secret.
const MASK: &str = "…";
/// Parts of the names of configuration keys that hold secrets, in lower case. The first is the protocol's, the others are
/// vendors': of access points, mobile networks and servers.
const PARTS: [&str; 9] =
    ["authorizationkey", "password", "passwd", "passphrase", "secret", "privatekey", "credential", "token", "psk"];
/// Fields of payloads that hold the name of a configuration key, and its value.
const KEY: &str = "key";
const VALUE: &str = "value";

/// Whether a configuration key holds a secret. Their names are equal ignoring case.
pub fn is_secret_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
}

/// Whether a configuration key is the one that holds the charge point's password.
pub(crate) fn is_authorization_key(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(AUTHORIZATION_KEY)
}

/// A payload without its secrets.
pub(crate) fn masked_value(payload: &mut Value) {
    match payload {
        Value::Object(map) => {
            let is_secret = map.get(KEY).and_then(Value::as_str).is_some_and(is_secret_key);
            for (name, value) in map {
                // An empty value says that there is none.
                if is_secret && name == VALUE && *value != Value::Null && *value != "" {
                    *value = MASK.into();
                } else {
                    masked_value(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(masked_value),
        Value::String(text) => {
            if let Cow::Owned(clean) = without_user_info(text) {
                *text = clean;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether something may have been taken out of a payload.
pub(crate) fn has_mask(masked: &Value) -> bool {
    masked.to_string().contains(MASK)
}

/// A text that may be JSON, without its secrets.
pub fn masked(text: &str) -> Cow<'_, str> {
    let clean = if may_have_secret_key(text) { rewritten(text) } else { without_user_info(text) };
    match without_tokens(&clean) {
        Cow::Borrowed(_) => clean,
        Cow::Owned(clean) => Cow::Owned(clean),
    }
}

/// A text of the audit log, which lasts: also without what stands behind the `?` of addresses, as that may be a permission.
pub(crate) fn masked_in_audit(text: &str) -> String {
    let masked = masked(text);
    let mut clean = String::with_capacity(masked.len());
    let mut rest = masked.as_ref();
    while let Some(begin) = authority(rest) {
        let address = &rest[begin..];
        let end = address.find(|sign: char| matches!(sign, '"' | '\\') || sign.is_whitespace());
        let address = &address[..end.unwrap_or(address.len())];
        let kept = address.find('?').map_or(address.len(), |place| place + 1);
        clean.push_str(&rest[..begin + kept]);
        if kept < address.len() {
            clean.push_str(MASK);
        }
        rest = &rest[begin + address.len()..];
    }
    clean.push_str(rest);
    clean
}

/// A line of the log of frames, as it is kept. What charge points tell by themselves has no configuration in it, and what they are
/// answered neither: of that nearly all of the log consists.
pub(crate) fn masked_line(line: &str) -> Cow<'_, str> {
    let Some(place) = line.find(['<', '>']) else { return masked(line) };
    let (text, is_in) = (&line[place + 1..], line.as_bytes()[place] == b'<');
    let kind = text.trim_start().strip_prefix('[').and_then(|rest| rest.trim_start().chars().next());
    if matches!((is_in, kind), (true, Some('2')) | (false, Some('3' | '4'))) {
        return Cow::Borrowed(line);
    }
    match masked(text) {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(clean) => {
            // A line keeps its end.
            let end = if line.ends_with('\n') && !clean.ends_with('\n') { "\n" } else { "" };
            Cow::Owned([&line[..=place], &clean, end].concat())
        }
    }
}

/// A command as it is shown: what an earlier version has stored may still have secrets in it.
pub(crate) fn masked_command(mut command: Command) -> Command {
    for text in [Some(&mut command.arguments), command.result.as_mut()].into_iter().flatten() {
        if let Cow::Owned(clean) = masked(text) {
            *text = clean;
        }
    }
    command
}

fn may_have_secret_key(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
}

/// JSON, written anew without its secrets where it has some. What cannot be read and may have one is cut off where it may begin.
fn rewritten(text: &str) -> Cow<'_, str> {
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        let before = value.clone();
        masked_value(&mut value);
        return if value == before { Cow::Borrowed(text) } else { Cow::Owned(value.to_string()) };
    }
    let lower = text.to_ascii_lowercase();
    let begin = PARTS.iter().filter_map(|part| lower.find(part).map(|place| place + part.len())).min();
    let kept = text.get(..begin.unwrap_or_default()).unwrap_or_default();
    Cow::Owned([&without_user_info(kept), MASK].concat())
}

/// A text without what stands before the host in the addresses in it: `ftp://user:password@host/` (RFC 3986, 3.2.1).
fn without_user_info(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(begin) = authority(rest) {
        let (before, after) = rest.split_at(begin);
        let end =
            after.find(|sign: char| matches!(sign, '/' | '?' | '#' | '"' | '\\' | '<' | '>') || sign.is_whitespace());
        let authority = &after[..end.unwrap_or(after.len())];
        clean.push_str(before);
        match authority.rfind('@') {
            Some(place) => {
                clean.push_str(MASK);
                clean.push_str(&authority[place..]);
            }
            None => clean.push_str(authority),
        }
        rest = &after[authority.len()..];
    }
    if clean.is_empty() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    if clean == text { Cow::Borrowed(text) } else { Cow::Owned(clean) }
}

/// Where the next address's authority begins. Some write the slashes of JSON with backslashes before them.
fn authority(text: &str) -> Option<usize> {
    text.match_indices(':').find_map(|(place, _)| {
        let rest = &text[place + 1..];
        let slashes = ["//", "\\/\\/"].into_iter().find(|slashes| rest.starts_with(slashes))?;
        Some(place + 1 + slashes.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stands_before_a_host_is_masked() {
        for (text, expected) in [
            ("ftp://user:pass@host/path", "ftp://…@host/path"),
            ("ftp://user@host", "ftp://…@host"),
            ("sftp://a:b@c@host:22/x@y", "sftp://…@host:22/x@y"),
            (r#"{"location":"ftp:\/\/u:p@h\/f"}"#, r#"{"location":"ftp:\/\/…@h\/f"}"#),
            (r#"{"a":"http://h/x","b":"ftp://u:p@h"}"#, r#"{"a":"http://h/x","b":"ftp://…@h"}"#),
            ("http://host/a@b?c@d", "http://host/a@b?c@d"),
            ("https://[::1]:80/", "https://[::1]:80/"),
            ("mail a@b, time 12:/x", "mail a@b, time 12:/x"),
            ("http://", "http://"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn the_audit_log_keeps_no_query_of_an_address() {
        for (text, expected) in [
            (r#"{"a":"http://h/x?key=1&b=2","b":"https://u@h/"}"#, r#"{"a":"http://h/x?…","b":"https://…@h/"}"#),
            (r#"{"a":"see http://h/ and? \"x\""}"#, r#"{"a":"see http://h/ and? \"x\""}"#),
            (r#"{"key":"AuthorizationKey","value":"x"}"#, r#"{"key":"AuthorizationKey","value":"…"}"#),
            ("ftp://h/a?", "ftp://h/a?"),
            ("null", "null"),
        ] {
            assert_eq!(masked_in_audit(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_the_audit_log_keeps_is_json_as_before(text in ".{0,40}", name in "[a-z@?:/]{0,20}") {
            let json = serde_json::json!({ "a": text, "b": format!("http://{name}") }).to_string();
            let clean = masked_in_audit(&json);
            prop_assert!(serde_json::from_str::<Value>(&clean).is_ok(), "{clean}");
        }
    }

    #[test]
    fn values_of_secret_keys_are_masked_in_either_case_and_wherever_they_are() {
        for (text, expected) in [
            (
                r#"[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"00ff"}]"#,
                r#"[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"…"}]"#,
            ),
            (
                r#"[3,"1",{"configurationKey":[{"key":"AUTHORIZATIONKEY","readonly":false,"value":"00ff"},{"key":"A","value":"b"}]}]"#,
                r#"[3,"1",{"configurationKey":[{"key":"AUTHORIZATIONKEY","readonly":false,"value":"…"},{"key":"A","value":"b"}]}]"#,
            ),
            (r#"{"key":"WifiPassword","value":"x"}"#, r#"{"key":"WifiPassword","value":"…"}"#),
            (r#"{"key":"WifiPassword","value":""}"#, r#"{"key":"WifiPassword","value":""}"#),
            (r#"{"key":["AuthorizationKey"]}"#, r#"{"key":["AuthorizationKey"]}"#),
            (r#"{ "value": "a password is needed" }"#, r#"{ "value": "a password is needed" }"#),
            (r#"{"key":"Interval","value":"5"}"#, r#"{"key":"Interval","value":"5"}"#),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
        // What cannot be read is cut off before it may tell.
        assert_eq!(
            masked(r#"[2,"1","X",{"key":"AuthorizationKey","value":"00f"#),
            r#"[2,"1","X",{"key":"AuthorizationKey…"#
        );
    }

    #[test]
    fn lines_of_the_log_are_masked_where_a_secret_can_be() {
        let secret = r#"{"key":"AuthorizationKey","value":"00ff"}"#;
        for (line, is_masked) in [
            (format!("5>[2,\"1\",\"ChangeConfiguration\",{secret}]\n"), true),
            (format!("5<[3,\"1\",{{\"configurationKey\":[{secret}]}}]\n"), true),
            (format!("5< [ 3 ,\"1\",{secret}]\n"), true),
            (format!("5<nonsense {secret}\n"), true),
            ("5>[2,\"1\",\"GetDiagnostics\",{\"location\":\"ftp://u:00ff@h\"}]\n".to_owned(), true),
            ("5<[2,\"1\",\"Heartbeat\",{}]\n".to_owned(), false),
        ] {
            let masked = masked_line(&line);
            assert!(!masked.contains("00ff"), "{masked}");
            assert_eq!(masked != line, is_masked, "{masked}");
            assert!(masked.starts_with(&line[..2]) && masked.ends_with('\n'), "{masked}");
        }
    }

    #[test]
    fn a_payload_without_secrets_stays_as_it_is() {
        let mut payload = serde_json::json!({ "key": "A", "value": "x", "list": [1, null, "http://h/"] });
        let before = payload.clone();
        masked_value(&mut payload);
        assert_eq!(payload, before);
    }
}
