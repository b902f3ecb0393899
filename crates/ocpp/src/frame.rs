//! The frames of OCPP-J: calls, results and errors (OCPP-J 1.6, 4).

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A frame as it came.
#[derive(Debug)]
pub enum Frame<'a> {
    /// The peer asks.
    Call {
        /// By which it is answered, as JSON: it goes back as it came. Unique for a socket only.
        id: &'a str,
        /// What it asks.
        action: Cow<'a, str>,
        /// The payload; `None` where it is left out, null, or an empty array.
        payload: Option<&'a RawValue>,
    },
    /// The answer to a call of ours.
    Result {
        /// The call's id.
        id: Cow<'a, str>,
        /// The payload.
        payload: Option<&'a RawValue>,
    },
    /// The refusal of a call of ours.
    Error {
        /// The call's id.
        id: Cow<'a, str>,
        /// The code.
        code: Cow<'a, str>,
        /// What is said of it.
        description: Cow<'a, str>,
    },
}

/// Why a text is no frame.
#[derive(Debug, PartialEq, Eq)]
pub enum NoFrame {
    /// It cannot be answered: nothing says to what.
    Unreadable,
    /// A call that lacks something: it can be answered with an error, by its id as JSON.
    BrokenCall(String),
}

/// A string, borrowed where it has no escapes; a number counts as one.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'a> Frame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// See [`NoFrame`].
    pub fn read(text: &'a str) -> Result<Self, NoFrame> {
        // Some end with the zero of a text in C, or begin with a mark of the order of bytes.
        let text = text.trim_matches(['\0', '\u{feff}']);
        let parts: Parts<'a> = serde_json::from_str(text).map_err(|_| NoFrame::Unreadable)?;
        let text_of = |part: Option<&'a RawValue>| {
            part.and_then(|part| serde_json::from_str::<Text<'a>>(part.get()).ok()).map(|text| text.0)
        };
        let kind = parts.kind.and_then(|kind| kind.get().trim_matches('"').parse::<u8>().ok());
        if kind == Some(2) {
            let id = parts.id.map(RawValue::get).filter(|id| is_scalar(id)).ok_or(NoFrame::Unreadable)?;
            let action = text_of(parts.third).ok_or_else(|| NoFrame::BrokenCall(id.to_owned()))?;
            return Ok(Self::Call { id, action, payload: given(parts.fourth) });
        }
        let id = text_of(parts.id).ok_or(NoFrame::Unreadable)?;
        match kind {
            Some(3) => Ok(Self::Result { id, payload: given(parts.third) }),
            Some(4) => Ok(Self::Error {
                id,
                code: text_of(parts.third).unwrap_or_default(),
                description: text_of(parts.fourth).unwrap_or_default(),
            }),
            _ => Err(NoFrame::Unreadable),
        }
    }
}

/// A call as most are written: its id and its action have no escapes, and nothing stands behind its payload.
///
/// The payload is not looked at, so that it is gone through only once, when it is read. Where that fails, [`Frame::read`] says
/// what the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainCall<'a> {
    /// By which it is answered, as JSON.
    pub id: &'a str,
    /// What it asks.
    pub action: &'a str,
    /// What may be its payload.
    pub payload: &'a str,
}

impl<'a> PlainCall<'a> {
    /// The call in a text; `None` for any other text.
    pub fn of(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("[2,")?.trim_start_matches(' ');
        let (id, rest) = plain_text(rest)?;
        let rest = rest.strip_prefix(',')?.trim_start_matches(' ');
        let (action, rest) = plain_text(rest)?;
        let payload = rest.strip_prefix(',')?.trim_start_matches(' ').strip_suffix(']')?;
        payload.starts_with('{').then(|| Self { id, action: &action[1..action.len() - 1], payload })
    }
}

/// A text in JSON without escapes, with its quotes, and what follows it.
fn plain_text(json: &str) -> Option<(&str, &str)> {
    let end = json.strip_prefix('"')?.find('"')? + 2;
    let (text, rest) = json.split_at(end);
    text.bytes().all(|byte| byte >= b' ' && byte != b'\\').then_some((text, rest))
}

/// Whether this is a text or a number.
fn is_scalar(json: &str) -> bool {
    json.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
}

/// A payload, unless it is as good as none.
fn given(payload: Option<&RawValue>) -> Option<&RawValue> {
    payload.filter(|payload| !matches!(payload.get(), "null" | "[]" | "\"\""))
}

/// The parts of a frame, whatever they are; what follows them is ignored.
struct Parts<'a> {
    kind: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    third: Option<&'a RawValue>,
    fourth: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;
        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Parts<'de>, A::Error> {
                let read = Parts {
                    kind: parts.next_element()?,
                    id: parts.next_element()?,
                    third: parts.next_element()?,
                    fourth: parts.next_element()?,
                };
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                Ok(read)
            }
        }
        deserializer.deserialize_seq(PartsVisitor)
    }
}

/// Why a call is refused (OCPP-J 1.6, 4.2.3, with its errata).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// Nobody knows this action.
    NotImplemented,
    /// The action is none that a charge point sends.
    NotSupported,
    /// The payload cannot be read.
    FormationViolation,
}

impl ErrorCode {
    const fn name(self) -> &'static str {
        match self {
            Self::NotImplemented => "NotImplemented",
            Self::NotSupported => "NotSupported",
            Self::FormationViolation => "FormationViolation",
        }
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    // Text always can be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// A call.
pub fn call(id: &str, action: &str, payload: &str) -> String {
    format!("[2,{},{},{payload}]", quoted(id), quoted(action))
}

/// The answer to the call of this id, which is JSON.
pub fn result(id: &str, payload: &str) -> String {
    format!("[3,{id},{payload}]")
}

/// The refusal of the call of this id, which is JSON.
pub fn error(id: &str, code: ErrorCode, description: &str) -> String {
    format!("[4,{id},\"{}\",{},{{}}]", code.name(), quoted(description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_null_payload_is_accepted_where_an_empty_object_belongs() {
        for text in [
            r#"[2,"1","Heartbeat",null]"#,
            r#"[2,"1","Heartbeat"]"#,
            r#"[2,"1","Heartbeat",[]]"#,
            r#" [ 2 , "1" , "Heartbeat" , "" , 5 ] "#,
            r#"["2","1","Heartbeat"]"#,
            "\u{feff}[2,\"1\",\"Heartbeat\",{}]\0\0",
        ] {
            let Ok(Frame::Call { id, action, payload }) = Frame::read(text) else { panic!("{text}") };
            assert_eq!((id, action.as_ref()), (r#""1""#, "Heartbeat"), "{text}");
            assert!(payload.is_none_or(|payload| payload.get() == "{}"), "{text}");
        }
    }

    #[test]
    fn results_and_errors_are_told_apart() {
        let Ok(Frame::Result { id, payload }) = Frame::read(r#"[3,"a\"b",{"status":"Accepted"}]"#) else { panic!() };
        assert_eq!((id.as_ref(), payload.map(RawValue::get)), ("a\"b", Some(r#"{"status":"Accepted"}"#)));
        let Ok(Frame::Error { id, code, description }) = Frame::read(r#"[4,"x","NotSupported"]"#) else { panic!() };
        assert_eq!((id.as_ref(), code.as_ref(), description.as_ref()), ("x", "NotSupported", ""));
    }

    #[test]
    fn what_is_no_frame_is_said_to_be_none() {
        for text in ["", "x", "{}", "[]", "[2]", "[9,\"a\",\"b\",{}]", "[2,{},\"b\",{}]", "[2,\"a\",\"b\",{}", "null"] {
            assert_eq!(Frame::read(text).unwrap_err(), NoFrame::Unreadable, "{text}");
        }
        assert_eq!(Frame::read(r#"[2,"a"]"#).unwrap_err(), NoFrame::BrokenCall(r#""a""#.to_owned()));
        assert_eq!(Frame::read(r#"[2,"a",{},{}]"#).unwrap_err(), NoFrame::BrokenCall(r#""a""#.to_owned()));
    }

    #[test]
    fn ids_come_back_as_they_came() {
        for odd in [r#""a\"\\\u0001充""#, "17", "-1", "12345678901234567890123", r#""\ud800""#] {
            let text = format!(r#"[2,{odd},"Heartbeat",{{}}]"#);
            let Ok(Frame::Call { id, .. }) = Frame::read(&text) else { panic!("{text}") };
            assert_eq!(result(id, "{}"), format!("[3,{odd},{{}}]"));
        }
        let Ok(Frame::Result { id, .. }) = Frame::read("[3,1,{}]") else { panic!() };
        assert_eq!(id, "1", "a call of ours that is answered by a number");
        assert_eq!(error("\"1\"", ErrorCode::NotImplemented, "no"), r#"[4,"1","NotImplemented","no",{}]"#);
        assert_eq!(call("1", "Reset", "{}"), r#"[2,"1","Reset",{}]"#);
    }

    #[test]
    fn a_plain_call_is_what_it_would_be_read_as() {
        for text in
            [r#"[2,"1","Heartbeat",{}]"#, r#"[2, "a-b", "Authorize", {"idTag": "充"}]"#, r#"[2,"","X",{"a":"]"}]"#]
        {
            let plain = PlainCall::of(text).unwrap();
            let Ok(Frame::Call { id, action, payload }) = Frame::read(text) else { panic!("{text}") };
            assert_eq!((plain.id, plain.action), (id, action.as_ref()), "{text}");
            assert_eq!(Some(plain.payload), payload.map(RawValue::get), "{text}");
        }
        for text in [
            "",
            "[2,",
            r#"[2,"1"]"#,
            r#"[2,"1","Heartbeat"]"#,
            r#"[2,"1","Heartbeat",null]"#,
            r#"[2,"1\"","Heartbeat",{}]"#,
            r#"[2,"1","Heart\u0062eat",{}]"#,
            r#"[2,1,"Heartbeat",{}]"#,
            r#"["2","1","Heartbeat",{}]"#,
            r#"[3,"1",{}]"#,
            "[2,\"1\t\",\"Heartbeat\",{}]",
            "[2,\"1\",\"Heartbeat\",{}]\0",
        ] {
            assert_eq!(PlainCall::of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_call_that_can_be_read_is_read_alike(
            id in "[ -~充]{0,4}",
            action in "[A-Za-z\"\\\\]{0,4}",
            payload in "[\\[\\]{}\",:0-9a-z \\\\]{0,20}",
        ) {
            let text = format!("[2,\"{id}\",\"{action}\",{{{payload}}}]");
            if let Some(plain) = PlainCall::of(&text)
                && serde_json::from_str::<&RawValue>(plain.payload).is_ok()
            {
                let Ok(Frame::Call { id, action, payload }) = Frame::read(&text) else { panic!("{text}") };
                prop_assert_eq!((plain.id, plain.action), (id, action.as_ref()));
                prop_assert_eq!(Some(plain.payload), payload.map(RawValue::get));
            }
        }

        #[test]
        fn reading_never_panics(text in "[\\[\\]{}\",:0-9a-z \\\\]{0,80}") {
            let _outcome = (Frame::read(&text), PlainCall::of(&text));
        }
    }
}
