//! Cards: who may charge (OCPP 1.6, 7.15 `IdTagInfo`).

use crate::calendar::Timestamp;
use crate::field::{self, FieldError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// The longest idTag, characters (OCPP 1.6, 7.14 `CiString20Type`).
pub const ID_TAG_MOST: u32 = 20;

/// The name of a card (`vchcardid`, OCPP idTag): 1–20 visible characters, equal to others ignoring case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdTag(String);

impl IdTag {
    /// Reads a name.
    ///
    /// # Errors
    /// [`FieldError::Blank`], [`FieldError::TooLong`] or [`FieldError::NotPrintable`].
    pub fn new(text: &str) -> Result<Self, FieldError> {
        field::printable(text, ID_TAG_MOST).map(Self)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two that are equal are the same.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for IdTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for IdTag {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for IdTag {}

impl TryFrom<String> for IdTag {
    type Error = FieldError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<IdTag> for String {
    fn from(tag: IdTag) -> Self {
        tag.0
    }
}

/// A card that is known to the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its name.
    pub tag: IdTag,
    /// The group that it belongs to: each of a group may end a session of another (OCPP parentIdTag).
    pub group: Option<IdTag>,
    /// Whether it may not charge at present.
    pub is_blocked: bool,
    /// From when on it may not charge any more.
    pub expires_at: Option<Timestamp>,
    /// Whose it is, or what for.
    pub note: String,
}

/// Whether a card may charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// It may.
    Accepted,
    /// Not at present.
    Blocked,
    /// Not any more.
    Expired,
    /// It is not known, and unknown ones may not.
    Invalid,
}

impl Permission {
    /// The protocol's name (OCPP 1.6, 7.2 `AuthorizationStatus`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Blocked => "Blocked",
            Self::Expired => "Expired",
            Self::Invalid => "Invalid",
        }
    }
}

/// The answer to a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may charge.
    pub permission: Permission,
    /// The group that it belongs to.
    pub group: Option<IdTag>,
    /// From when on it may not charge any more.
    pub expires_at: Option<Timestamp>,
}

/// All cards, and what is done with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cards {
    by_key: HashMap<String, Card>,
    /// Whether a card that nobody has entered may charge (`BMW_UNKNOWN_CARDS`).
    accepts_unknown: bool,
    /// The card of an operator's start (`BMW_OPERATOR_ID_TAG`): it may charge without being entered.
    operator: Option<IdTag>,
}

impl Cards {
    /// These cards.
    pub fn new(cards: impl IntoIterator<Item = Card>, accepts_unknown: bool) -> Self {
        let by_key = cards.into_iter().map(|card| (card.tag.key(), card)).collect();
        Self { by_key, accepts_unknown, operator: None }
    }

    /// The same with the card of an operator's start: what an operator starts is not refused for want of a card.
    #[must_use]
    pub fn with_operator(self, operator: Option<IdTag>) -> Self {
        Self { operator, ..self }
    }

    /// The card of this name.
    pub fn get(&self, tag: &str) -> Option<&Card> {
        self.by_key.get(&tag.to_ascii_lowercase())
    }

    /// Puts a card in the place of the one of its name.
    pub fn put(&mut self, card: Card) {
        self.by_key.insert(card.tag.key(), card);
    }

    /// Takes a card away.
    pub fn remove(&mut self, tag: &IdTag) {
        self.by_key.remove(&tag.key());
    }

    /// All, by name.
    pub fn sorted(&self) -> Vec<&Card> {
        let mut cards: Vec<&Card> = self.by_key.values().collect();
        cards.sort_by_cached_key(|card| card.tag.key());
        cards
    }

    /// Whether unknown ones may charge.
    pub const fn accepts_unknown(&self) -> bool {
        self.accepts_unknown
    }

    /// Whether a card may charge now.
    pub fn judge(&self, tag: &str, now: Timestamp) -> Verdict {
        let Some(card) = self.get(tag) else {
            let accepts = |tag: &IdTag| self.accepts_unknown || self.operator.as_ref() == Some(tag);
            let is_accepted = IdTag::new(tag).is_ok_and(|tag| accepts(&tag));
            let permission = if is_accepted { Permission::Accepted } else { Permission::Invalid };
            return Verdict { permission, group: None, expires_at: None };
        };
        let permission = if card.is_blocked {
            Permission::Blocked
        } else if card.expires_at.is_some_and(|expiry| expiry <= now) {
            Permission::Expired
        } else {
            Permission::Accepted
        };
        Verdict { permission, group: card.group.clone(), expires_at: card.expires_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn card(tag: &str) -> Card {
        Card { tag: IdTag::new(tag).unwrap(), group: None, is_blocked: false, expires_at: None, note: String::new() }
    }

    #[test]
    fn names_of_cards_are_equal_ignoring_case() {
        let cards = Cards::new([card("AbC")], false);
        assert_eq!(cards.judge("aBc", NOW).permission, Permission::Accepted);
        assert_eq!(cards.judge("abd", NOW).permission, Permission::Invalid);
    }

    #[test]
    fn blocked_and_expired_cards_are_told_apart() {
        let blocked = Card { is_blocked: true, ..card("a") };
        let expired = Card { expires_at: Some(NOW), ..card("b") };
        let valid = Card { expires_at: Some(NOW.plus(1)), ..card("c") };
        let cards = Cards::new([blocked, expired, valid], true);
        let permission = |tag| cards.judge(tag, NOW).permission;
        assert_eq!(permission("a"), Permission::Blocked);
        assert_eq!(permission("b"), Permission::Expired);
        assert_eq!(permission("c"), Permission::Accepted);
    }

    #[test]
    fn the_operators_card_may_charge_unless_one_of_its_name_says_otherwise() {
        let mut cards = Cards::new([], false).with_operator(IdTag::new("OPERATOR").ok());
        assert_eq!(cards.judge("operator", NOW).permission, Permission::Accepted);
        assert_eq!(cards.judge("new", NOW).permission, Permission::Invalid);
        cards.put(Card { is_blocked: true, ..card("Operator") });
        assert_eq!(cards.judge("OPERATOR", NOW).permission, Permission::Blocked);
        cards.remove(&IdTag::new("OPERATOR").unwrap());
        assert_eq!(cards.judge("OPERATOR", NOW).permission, Permission::Accepted);
    }

    #[test]
    fn unknown_cards_follow_the_setting_and_longer_names_are_none() {
        assert_eq!(Cards::new([], true).judge("new", NOW).permission, Permission::Accepted);
        assert_eq!(Cards::new([], false).judge("new", NOW).permission, Permission::Invalid);
        let long = "x".repeat(21);
        for tag in ["", long.as_str()] {
            assert_eq!(Cards::new([], true).judge(tag, NOW).permission, Permission::Invalid);
        }
    }
}
