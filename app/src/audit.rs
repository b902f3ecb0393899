//! What is asked for of the audit log, as addresses say it: those of the page, of its CSV, and of the documented route.

use crate::data::Query;
use bmw_domain::calendar::{Day, LocalTime, Timestamp};
use bmw_site::Clock;
use bmw_store::{AuditFilter, AuditPlace};

/// The account of what the site itself did, and of those of whom nothing is known. No name has such signs in it.
pub(crate) const NOBODY: &str = "()";

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    /// By this account, or by one of its tokens: `name (token)`.
    pub account: String,
    /// Of this kind, or of all kinds that begin so.
    pub kind: String,
    /// On this.
    pub subject: String,
    /// On or after this day.
    pub from: Option<Day>,
    /// On or before this day.
    pub to: Option<Day>,
    /// Below this place.
    pub before: Option<AuditPlace>,
}

impl Question {
    /// Reads the query string of a page: what cannot be understood is as good as absent.
    pub fn read(query: &Query) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default().trim().to_owned();
        let day = |name: &str| query.get(name).and_then(Day::parse);
        Self {
            account: text("account"),
            kind: text("kind"),
            subject: text("subject"),
            from: day("from"),
            to: day("to"),
            before: query.get("before").and_then(place),
        }
    }

    /// The filter as an address says it, without a place.
    pub fn address(&self) -> Query {
        let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
        Query::default()
            .with("account", &self.account)
            .with("kind", &self.kind)
            .with("subject", &self.subject)
            .with("from", day(self.from))
            .with("to", day(self.to))
    }

    /// Whether all is asked for.
    pub fn is_open(&self) -> bool {
        self.address() == Query::default()
    }

    /// What the store is asked for. Days are those of the site.
    pub fn filter(&self, clock: &Clock) -> AuditFilter {
        // The other way round is meant the right way round.
        let (from, to) = match (self.from, self.to) {
            (Some(from), Some(to)) => (Some(from.min(to)), Some(from.max(to))),
            days => days,
        };
        let begin = |day: Day| clock.zone().instant(LocalTime::midnight(day));
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let is_token = self.account.contains(" (");
        AuditFilter {
            from: from.map(begin),
            to: to.map(|day| begin(day.plus(1))),
            account: text(&self.account)
                .filter(|_| !is_token)
                .map(|account| if account == NOBODY { String::new() } else { account }),
            actor: text(&self.account).filter(|_| is_token),
            kind: text(&self.kind),
            subject: text(&self.subject),
        }
    }
}

/// Reads a place: its time and its number.
pub(crate) fn place(text: &str) -> Option<AuditPlace> {
    let (at, id) = text.split_once('-')?;
    Some(AuditPlace { at: Timestamp(at.parse().ok()?), id: id.parse().ok()? })
}

/// A place as addresses say it.
pub(crate) fn place_text(place: AuditPlace) -> String {
    format!("{}-{}", place.at.0, place.id)
}

/// Who: the account, and the token where it was a program.
pub(crate) fn account_and_token(actor: &str) -> (&str, Option<&str>) {
    let token = actor.split_once(" (").and_then(|(account, rest)| Some((account, rest.strip_suffix(')')?)));
    token.map_or((actor, None), |(account, token)| (account, Some(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let query = Query::parse("account=boss+(meter)&kind=card&subject=A&from=2025-01-02&to=x&before=5-7");
        let question = Question::read(&query);
        assert_eq!(question.before, Some(AuditPlace { at: Timestamp(5), id: 7 }));
        assert_eq!((question.from, question.to), (Day::parse("2025-01-02"), None));
        let address = question.address().on("/audit/");
        assert_eq!(address, "/audit/?account=boss%20%28meter%29&kind=card&subject=A&from=2025-01-02");
        assert_eq!(question.before.map(place_text).as_deref(), Some("5-7"));
        for wrong in ["", "5", "-", "5-", "-5-7", "a-b", "99999999999999999999-1"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn programs_are_told_from_people() {
        for (actor, expected) in [
            ("boss", ("boss", None)),
            ("boss (meter)", ("boss", Some("meter"))),
            ("boss (a (b))", ("boss", Some("a (b)"))),
            ("", ("", None)),
        ] {
            assert_eq!(account_and_token(actor), expected);
        }
    }
}
