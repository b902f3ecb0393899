//! The cards that may charge.

#[cfg(feature = "ssr")]
use super::{DataError, Moment, Query, Told, caller, moment, now, role, site};

/// What the cards page shows.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CardsPage {
    /// The cards, by name; `None` for those who may not see them.
    pub cards: Option<Vec<CardLine>>,
    /// Whether cards that nobody has entered may charge.
    pub accepts_unknown: bool,
    /// What came of a change.
    pub told: Told,
}

/// A card.
#[cfg(feature = "ssr")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CardLine {
    /// Its name.
    pub tag: String,
    /// The group that it belongs to.
    pub group: String,
    /// Whether it may not charge at present.
    pub is_blocked: bool,
    /// From when on it may not charge any more.
    pub expires: Option<Moment>,
    /// Whether that has come.
    pub is_expired: bool,
    /// Whose it is, or what for.
    pub note: String,
}

/// The words of the forms of cards, in the place of a command's.
#[cfg(feature = "ssr")]
pub mod word {
    /// Puts a card in the place of the one of its name.
    pub const PUT: &str = "put-card";
    /// Takes a card away.
    pub const REMOVE: &str = "remove-card";
    /// A card may not charge.
    pub const BLOCK: &str = "block-card";
    /// It may again.
    pub const UNBLOCK: &str = "unblock-card";
    /// Puts all cards of a CSV.
    pub const CSV: &str = "cards-csv";
    /// All of them.
    pub const ALL: [&str; 5] = [PUT, REMOVE, BLOCK, UNBLOCK, CSV];
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::StillPage;
    use crate::data::refused::{CardField, Refused};
    use crate::data::settings::Typed;
    use crate::download::{MARK, guarded, unguarded};
    use crate::text::Both;
    use bmw_domain::account::Right;
    use bmw_domain::calendar::{Day, LocalTime};
    use bmw_domain::charger::card::{Card, Cards, IdTag};
    use bmw_domain::field::{self, FieldError};
    use bmw_site::{Caller, Denied, Site};

    /// The most characters of a note.
    const NOTE_MOST: u32 = 200;
    /// The columns of the CSV.
    pub const COLUMNS: [&str; 5] = ["tag", "group", "blocked", "expires", "note"];

    /// The page, by its query string.
    pub fn page(query: &Query) -> Result<StillPage, DataError> {
        let cards = cards(query)?;
        let role = role();
        Ok(StillPage { page: Both::of(|lang| cards.draw(lang, role).into_string()) })
    }

    /// Everything that the page shows.
    fn cards(query: &Query) -> Result<CardsPage, DataError> {
        let site = site()?;
        let now = now(&site);
        let cards = site.all_cards(&caller()).ok();
        let line = |card: &Card| CardLine {
            tag: card.tag.to_string(),
            group: card.group.as_ref().map(IdTag::to_string).unwrap_or_default(),
            is_blocked: card.is_blocked,
            expires: card.expires_at.map(|at| moment(&site, at)),
            is_expired: card.expires_at.is_some_and(|at| at <= now.at),
            note: card.note.clone(),
        };
        Ok(CardsPage {
            cards: cards.map(|cards| cards.sorted().into_iter().map(line).collect()),
            accepts_unknown: site.card_count().1,
            told: Told::of(query, &site),
        })
    }

    /// Carries out what a form of cards asks: how many cards changed, or what is wrong.
    pub async fn change(site: &Site, word: &str, values: &Typed) -> Result<Result<u32, Refused>, DataError> {
        let caller = caller();
        // Before anything is looked at: who may not is told that first.
        caller.check(Right::Cards)?;
        let named = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
        let cards = match word {
            word::PUT => card(site, [named("tag"), named("group"), named("blocked"), named("expires"), named("note")])
                .map(|card| vec![card])
                .map_err(|(field, error)| wrong(field, error)),
            word::CSV => csv(site, named("csv")),
            word::REMOVE => {
                return Ok(match IdTag::new(named("tag")) {
                    Ok(tag) => Ok(u32::from(site.remove_card(&tag, &caller).await?)),
                    Err(error) => Err(wrong(CardField::Tag, error)),
                });
            }
            _ => match site.all_cards(&caller)?.get(named("tag")) {
                Some(card) => Ok(vec![Card { is_blocked: word == word::BLOCK, ..card.clone() }]),
                None => Err(Refused::NoCard),
            },
        };
        match cards {
            Err(refused) => Ok(Err(refused)),
            Ok(cards) => {
                let count = u32::try_from(cards.len()).unwrap_or(u32::MAX);
                site.put_cards(cards, &caller).await?;
                Ok(Ok(count))
            }
        }
    }

    /// A wrong field of a card that is the only one.
    fn wrong(field: CardField, error: FieldError) -> Refused {
        Refused::Card { line: None, field, error }
    }

    /// Reads a card; else the field that is wrong, and what is wrong with it.
    fn card(site: &Site, [tag, group, blocked, expires, note]: [&str; 5]) -> Result<Card, (CardField, FieldError)> {
        let expires_at = match expires.trim() {
            "" => None,
            text => {
                let day = Day::parse(text).ok_or((CardField::Expires, FieldError::NotDay))?;
                Some(site.clock().zone().instant(LocalTime::midnight(day)))
            }
        };
        let is_blocked = match blocked.trim() {
            "" | "0" | "false" => false,
            "1" | "true" | "on" => true,
            _ => return Err((CardField::Blocked, FieldError::NotFlag)),
        };
        let note = note.trim();
        let note = if note.is_empty() { Ok(String::new()) } else { field::printable(note, NOTE_MOST) };
        let group = group.trim();
        let group = (!group.is_empty()).then(|| IdTag::new(group)).transpose();
        Ok(Card {
            tag: IdTag::new(tag.trim()).map_err(|error| (CardField::Tag, error))?,
            group: group.map_err(|error| (CardField::Group, error))?,
            is_blocked,
            expires_at,
            note: note.map_err(|error| (CardField::Note, error))?,
        })
    }

    /// Reads all cards of a CSV, or says what is wrong with the first line that is.
    fn csv(site: &Site, text: &str) -> Result<Vec<Card>, Refused> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut cards = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let line = index + 1;
            let record = record.map_err(|_| Refused::Line(line))?;
            let value = |column: usize| record.get(column).unwrap_or_default();
            // The heading of an export, with or without its mark of byte order.
            if index == 0 && value(0).trim_start_matches('\u{feff}').eq_ignore_ascii_case(COLUMNS[0]) {
                continue;
            }
            let fields = std::array::from_fn(|column| unguarded(value(column)));
            let wrong = |(field, error)| Refused::Card { line: Some(line), field, error };
            cards.push(card(site, fields).map_err(wrong)?);
        }
        if cards.is_empty() { Err(Refused::NoCards) } else { Ok(cards) }
    }

    /// All cards as a CSV.
    pub fn export(site: &Site, caller: &Caller) -> Result<Result<Vec<u8>, csv::Error>, Denied> {
        let cards = site.all_cards(caller)?;
        Ok(written(site, &cards))
    }

    fn written(site: &Site, cards: &Cards) -> Result<Vec<u8>, csv::Error> {
        let begun = MARK.as_bytes().to_vec();
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(begun);
        writer.write_record(COLUMNS)?;
        for card in cards.sorted() {
            let expires = card.expires_at.map(|at| site.clock().zone().local(at).day().to_string());
            writer.write_record([
                &*guarded(card.tag.as_str()),
                &*guarded(card.group.as_ref().map(IdTag::as_str).unwrap_or_default()),
                if card.is_blocked { "1" } else { "0" },
                expires.as_deref().unwrap_or_default(),
                &*guarded(&card.note),
            ])?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}
