//! Who may charge, as far as a charge point knows it by itself: its list of cards, and its reservation.

use jiff::Timestamp;
use serde_json::Value;
use std::collections::HashMap;

/// The list of cards that a charge point was sent (OCPP 1.6, 5.15 `SendLocalList`).
#[derive(Debug, Clone, Default)]
pub struct LocalList {
    pub version: i64,
    /// What is known of each card, by its number in small letters.
    cards: HashMap<String, Listed>,
}

/// A card of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    is_accepted: bool,
    parent: Option<String>,
    expires: Option<Timestamp>,
}

impl LocalList {
    /// Takes in what it is sent, and gives the status to be answered.
    pub fn update(&mut self, request: &Value) -> &'static str {
        let Some(version) = request["listVersion"].as_i64() else { return "Failed" };
        match request["updateType"].as_str() {
            Some("Full") => self.cards.clear(),
            Some("Differential") if version > self.version => {}
            Some("Differential") => return "VersionMismatch",
            _ => return "Failed",
        }
        for entry in request["localAuthorizationList"].as_array().into_iter().flatten() {
            let Some(card) = entry["idTag"].as_str().map(str::to_ascii_lowercase) else { continue };
            let info = &entry["idTagInfo"];
            if info.is_null() {
                self.cards.remove(&card);
            } else {
                let listed = Listed {
                    is_accepted: info["status"] == "Accepted",
                    parent: info["parentIdTag"].as_str().map(ToOwned::to_owned),
                    expires: info["expiryDate"].as_str().and_then(|at| at.parse().ok()),
                };
                self.cards.insert(card, listed);
            }
        }
        self.version = version;
        "Accepted"
    }

    /// Whether a card may charge, and its group; `None` when it is not on the list.
    pub fn verdict(&self, card: &str) -> Option<(bool, Option<&str>)> {
        let listed = self.cards.get(&card.to_ascii_lowercase())?;
        let is_expired = listed.expires.is_some_and(|at| at <= Timestamp::now());
        Some((listed.is_accepted && !is_expired, listed.parent.as_deref()))
    }
}

/// A connector that is kept free for somebody (OCPP 1.6, 5.13 `ReserveNow`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub id: i64,
    /// The card that it is for.
    pub card: String,
    /// The group whose cards may use it as well.
    parent: Option<String>,
    expires: Timestamp,
}

impl Reservation {
    /// Reads a request; `None` for what cannot be one.
    pub fn read(request: &Value) -> Option<Self> {
        Some(Self {
            id: request["reservationId"].as_i64()?,
            card: request["idTag"].as_str()?.to_owned(),
            parent: request["parentIdTag"].as_str().map(ToOwned::to_owned),
            expires: request["expiryDate"].as_str()?.parse().ok()?,
        })
    }

    /// Whether it is over. Its end is an instant of the central system's clock, however fast time goes here.
    pub fn is_over(&self) -> bool {
        self.expires <= Timestamp::now()
    }

    /// Whether it is for a card of a group.
    pub fn is_for(&self, card: &str, parent: Option<&str>) -> bool {
        let is_same =
            |ours: &Option<String>, other: &str| ours.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(other));
        self.card.eq_ignore_ascii_case(card) || parent.is_some_and(|parent| is_same(&self.parent, parent))
    }

    /// Whether only the central system can tell whether it is for a card: it may be of the group.
    pub const fn has_group(&self) -> bool {
        self.parent.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_list_is_sent_whole_or_as_what_changed() {
        let mut list = LocalList::default();
        let good = |card: &str| json!({ "idTag": card, "idTagInfo": { "status": "Accepted", "parentIdTag": "FLEET" } });
        let blocked = json!({ "idTag": "B", "idTagInfo": { "status": "Blocked" } });
        let old =
            json!({ "idTag": "OLD", "idTagInfo": { "status": "Accepted", "expiryDate": "2020-01-01T00:00:00Z" } });
        let full = json!({
            "listVersion": 5, "updateType": "Full", "localAuthorizationList": [good("A"), blocked, old],
        });
        assert_eq!(list.update(&full), "Accepted");
        assert_eq!(list.verdict("a"), Some((true, Some("FLEET"))));
        assert_eq!(list.verdict("B"), Some((false, None)));
        assert_eq!(list.verdict("OLD"), Some((false, None)));
        assert_eq!(list.verdict("C"), None);

        let changes = |version: i64| {
            json!({
                "listVersion": version, "updateType": "Differential",
                "localAuthorizationList": [{ "idTag": "A" }, good("C")],
            })
        };
        assert_eq!(list.update(&changes(5)), "VersionMismatch");
        assert_eq!((list.version, list.verdict("C")), (5, None));
        assert_eq!(list.update(&changes(6)), "Accepted");
        assert_eq!((list.version, list.verdict("A"), list.verdict("B")), (6, None, Some((false, None))));
        assert_eq!(list.verdict("C"), Some((true, Some("FLEET"))));

        assert_eq!(list.update(&json!({ "listVersion": 1, "updateType": "Full" })), "Accepted");
        assert_eq!((list.version, list.verdict("C")), (1, None), "an empty list is one as well");
        assert_eq!(list.update(&json!({ "listVersion": 2, "updateType": "Half" })), "Failed");
    }

    #[test]
    fn a_reservation_is_for_a_card_or_its_group() {
        let mut request = json!({ "reservationId": 7, "idTag": "A", "expiryDate": "2020-01-01T00:00:00Z" });
        let alone = Reservation::read(&request).unwrap();
        assert!(alone.is_for("a", None) && !alone.is_for("B", Some("FLEET")) && !alone.has_group());
        assert!(alone.is_over());
        request["parentIdTag"] = "FLEET".into();
        request["expiryDate"] = "2120-01-01T00:00:00Z".into();
        let group = Reservation::read(&request).unwrap();
        assert!(group.is_for("B", Some("fleet")) && !group.is_for("B", Some("OTHER")) && group.has_group());
        assert!(!group.is_over());
        request["expiryDate"] = "soon".into();
        assert_eq!(Reservation::read(&request), None);
    }
}
