//! What was not done, and why, as addresses tell it. The words are made where the page is: nobody's address says more than
//! what this program can say.

use super::Query;
use bmw_domain::command::Action;
use bmw_domain::field::FieldError;
use bmw_site::Fault;
use serde::{Deserialize, Serialize};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Refused {
    /// The role of who asked is too low.
    Role,
    /// A field of a command's payload is wrong, for a charge point.
    Field {
        /// The charge point.
        charger: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A command of this kind is on its way to a charge point.
    Pending(String, Action),
    /// A charge point of this name belongs to the site already.
    Exists(String),
    /// No charge point is called so.
    Identity(String, FieldError),
    /// A field of a card is wrong.
    Card {
        /// The line, where it is one of several.
        line: Option<usize>,
        /// The field.
        field: CardField,
        /// What is wrong with it.
        error: FieldError,
    },
    /// A line is no CSV.
    Line(usize),
    /// There is no such card.
    NoCard,
    /// There is no card in a CSV.
    NoCards,
    /// It is not said which alerts are acknowledged.
    NoAlert,
    /// A field of the distribution is wrong.
    Distribution {
        /// The field.
        field: String,
        /// What is wrong with it.
        error: FieldError,
    },
}

/// A field of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // as in `Card`
pub(crate) enum CardField {
    Tag,
    Group,
    Blocked,
    Expires,
    Note,
}

/// The most reasons that an address tells; of the others it tells how many there are.
const MOST: usize = 8;
/// The most characters of a name in it.
const NAME_MOST: usize = 64;

/// A name that is short enough for an address.
fn cut(name: &str) -> String {
    name.chars().take(NAME_MOST).collect()
}

impl Refused {
    /// A field of a command's payload, for a charge point.
    pub fn field(charger: &str, field: &str, fault: &Fault) -> Self {
        Self::Field { charger: cut(charger), field: cut(field), fault: fault.clone() }
    }

    /// The name of a charge point that is none.
    pub fn identity(identity: &str, error: FieldError) -> Self {
        Self::Identity(cut(identity), error)
    }

    /// The same address, telling of these.
    pub fn tell(address: Query, refused: &[Self]) -> Query {
        let first = &refused[..refused.len().min(MOST)];
        let more = refused.len() - first.len();
        let address = address.with("refused", if first.is_empty() { String::new() } else { written(&first) });
        address.with("more", if more == 0 { String::new() } else { more.to_string() })
    }

    /// What an address tells: the reasons, and how many more there are.
    pub fn told(query: &Query) -> (Vec<Self>, u32) {
        let refused: Vec<Self> = query.get("refused").and_then(read).unwrap_or_default();
        (refused, query.number("more", 1..=100_000).unwrap_or(0))
    }
}

/// A value as an address has it.
pub(super) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an address");
        String::new()
    })
}

/// A value of an address; `None` for what is none.
pub(super) fn read<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_comes_back_by_the_address_and_nothing_else_does() {
        let refused = [
            Refused::Role,
            Refused::field("A b", "idTag", &Fault::Field(FieldError::TooLong(20))),
            Refused::field("A", "arguments", &Fault::Protocol { reason: "forgotten".to_owned() }),
            Refused::Pending("A".to_owned(), Action::Reset),
            Refused::Card { line: Some(3), field: CardField::Expires, error: FieldError::NotDay },
        ];
        let address = Refused::tell(Query::default(), &refused).on("/devices/");
        let (told, more) = Refused::told(&Query::parse(address.split_once('?').unwrap().1));
        assert_eq!((told[..2].to_vec(), told[3..].to_vec(), more), (refused[..2].to_vec(), refused[3..].to_vec(), 0));
        assert_eq!(told[2], Refused::field("A", "arguments", &Fault::Protocol { reason: String::new() }));
        for forged in ["refused=Call%20this%20number", "refused=[%22Call%22]", "refused=&more=x", "more=0"] {
            assert_eq!(Refused::told(&Query::parse(forged)), (Vec::new(), 0), "{forged}");
        }
    }

    #[test]
    fn an_address_stays_short() {
        let one = Refused::field(&"x".repeat(900), &"y".repeat(900), &Fault::NoSuchField);
        let address = Refused::tell(Query::default(), &vec![one; 500]).on("/devices/");
        assert!(address.len() < 4_000, "{}", address.len());
        let (told, more) = Refused::told(&Query::parse(address.split_once('?').unwrap().1));
        assert_eq!((told.len(), more), (8, 492));
    }
}
