//! What is wrong with a field of a command's payload.

use bmw_domain::field::FieldError;
use ocpp_kit::decode::{DecodeError, DecodeErrorKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a field of a payload is not accepted. `Display` is the English message of the HTTP interface; the pages have their own texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// By the rules that hold for fields of all kinds.
    Field(FieldError),
    /// The protocol has no such field.
    NoSuchField,
    /// It is of another type, such as a list where a text belongs.
    WrongType,
    /// Not a time as RFC 3339 has it.
    NotTime,
    /// It is the charge point's password, which an administrator sends in another way.
    Password,
    /// The site's current is distributed: no other limit is set for sessions.
    Distributed,
    /// It cannot be filled in while nobody knows where the charge point reaches this site.
    NotReached,
    /// Anything else that the protocol forbids.
    Protocol {
        /// In the words of who has found it; addresses do not tell it.
        #[serde(skip)]
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::NoSuchField => f.write_str("There is no such field."),
            Self::WrongType => f.write_str("Not a value of the right type."),
            Self::NotTime => f.write_str("Time has wrong format. Use RFC 3339, such as 2015-11-24T15:09:47Z."),
            Self::Password => f.write_str(
                "The charge point's password is sent by an administrator, at the page or the route for that.",
            ),
            Self::Distributed => f.write_str(
                "The site's current is distributed: what a charger may draw at most is said at its distribution, or by a \
                 ChargePointMaxProfile.",
            ),
            Self::NotReached => f.write_str(
                "This field is required while it is not known where the charge point reaches this site: it must be \
                 connected for that.",
            ),
            Self::Protocol { reason } => f.write_str(reason),
        }
    }
}

impl Fault {
    /// What the protocol's types have found. They tell it in words, which are read here.
    pub(super) fn found(error: &DecodeError) -> Self {
        let reason = error.reason.as_str();
        let most = || reason.strip_prefix("maxLength ")?.split(' ').next()?.parse().ok();
        let read = match error.kind {
            DecodeErrorKind::UnknownField => Some(Self::NoSuchField),
            DecodeErrorKind::Type => Some(Self::of_type(reason)),
            DecodeErrorKind::Occurrence if reason.starts_with("missing field") => {
                Some(Self::Field(FieldError::Required))
            }
            DecodeErrorKind::Property if reason.contains("is not a defined value") => {
                Some(Self::Field(FieldError::NotAChoice))
            }
            DecodeErrorKind::Property if reason.contains("RFC 3339") => Some(Self::NotTime),
            DecodeErrorKind::Property if reason.contains("decimal") => Some(Self::Field(FieldError::NotDecimal)),
            DecodeErrorKind::Property if reason.ends_with("expected i32") => {
                let is_negative = reason.contains("`-");
                let (least, most) = (FieldError::TooSmall(i32::MIN.into()), FieldError::TooLarge(i32::MAX.into()));
                Some(Self::Field(if is_negative { least } else { most }))
            }
            DecodeErrorKind::Property => most().map(FieldError::TooLong).map(Self::Field),
            _ => None,
        };
        read.unwrap_or_else(|| Self::Protocol { reason: reason.to_owned() })
    }

    /// A value of another type than this reason expects.
    fn of_type(reason: &str) -> Self {
        let expected = reason.rsplit("expected ").next().unwrap_or_default();
        match expected {
            "i32" | "i64" | "u32" | "u64" => Self::Field(FieldError::NotWhole),
            "a string" => Self::Field(FieldError::NotText),
            _ if expected.contains("number") => Self::Field(FieldError::NotDecimal),
            _ if expected.contains("RFC 3339") => Self::NotTime,
            _ => Self::WrongType,
        }
    }
}
