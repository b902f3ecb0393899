//! Objects and lists of JSON as raw values by the names of their fields, and where in the file one is.

use super::super::SiteFileError;
use super::value::{Row, RowError};
use bmw_domain::field::FieldError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::cell::{Cell, RefCell};
use std::fmt;

/// Where reading has come to. Errors of the JSON reader pass through code that cannot carry more than a text, so
/// what is known besides waits here.
#[derive(Default)]
pub(super) struct Context {
    list: Cell<Option<&'static str>>,
    /// From 1; 0 outside rows.
    row: Cell<usize>,
    key: RefCell<Option<String>>,
    /// What the JSON must have at this place.
    expected: Cell<&'static str>,
    /// Our own words for what is wrong.
    note: RefCell<Option<String>>,
}

impl Context {
    pub(super) fn enter(&self, list: &'static str) {
        self.list.set(Some(list));
    }

    pub(super) fn leave(&self) {
        self.list.set(None);
        self.at_row(0, None);
    }

    pub(super) fn at_row(&self, row: usize, key: Option<String>) {
        self.row.set(row);
        *self.key.borrow_mut() = key;
    }

    pub(super) fn expect(&self, what: &'static str) {
        self.expected.set(what);
    }

    /// Keeps our own words, and gives something for the JSON reader's error.
    pub(super) fn note(&self, words: String) -> &'static str {
        *self.note.borrow_mut() = Some(words);
        "noted"
    }

    pub(super) fn fail<E: Error>(&self, field: &str, error: FieldError) -> E {
        E::custom(self.note(format!("{field}: {error}")))
    }

    pub(super) fn wrong<E: Error>(&self, error: RowError) -> E {
        E::custom(self.note(error.to_string()))
    }

    pub(super) fn key<const N: usize>(&self, names: &'static [&'static str; N], next: usize) -> Name<'_, N> {
        Name { context: self, names, next }
    }

    /// The one line about an error.
    pub(super) fn describe(&self, error: &serde_json::Error) -> SiteFileError {
        let list = self.list.get().unwrap_or("site file");
        let place = match (self.row.get(), &*self.key.borrow()) {
            (0, _) => list.to_owned(),
            (row, None) => format!("{list}[{row}]"),
            (row, Some(key)) => format!("{list}[{row}] ({key})"),
        };
        let what = match self.note.borrow_mut().take() {
            Some(words) => words,
            None if error.is_data() => {
                format!("must be {} at line {} column {}", self.expected.get(), error.line(), error.column())
            }
            None => error.to_string(),
        };
        SiteFileError(format!("{place}: {what}"))
    }
}

/// A field's name, read as its place among the known ones.
pub(super) struct Name<'c, const N: usize> {
    context: &'c Context,
    names: &'static [&'static str; N],
    /// The one that is expected: files have their fields in one order.
    next: usize,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Name<'_, N> {
    type Value = usize;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Name<'_, N> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        if self.names.get(self.next) == Some(&name) {
            return Ok(self.next);
        }
        self.names.iter().position(|known| *known == name).ok_or_else(|| {
            let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
            E::custom(self.context.note(format!("{shown}: This field is unknown.")))
        })
    }
}

/// An object with these fields and no others, each at most once: the raw texts of their values.
pub(super) struct Object<'c, const N: usize> {
    pub(super) context: &'c Context,
    pub(super) names: &'static [&'static str; N],
}

impl<'de, const N: usize> DeserializeSeed<'de> for Object<'_, N> {
    type Value = [Option<&'de str>; N];
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        self.context.expect("an object");
        json.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Object<'_, N> {
    type Value = [Option<&'de str>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut values = [None; N];
        let outcome = self.read(map, &mut values);
        if outcome.is_err() {
            *self.context.key.borrow_mut() = Row::new(self.names, &values).shown_key();
        }
        outcome.map(|()| values)
    }
}

impl<const N: usize> Object<'_, N> {
    fn read<'de, A: MapAccess<'de>>(&self, mut map: A, values: &mut [Option<&'de str>; N]) -> Result<(), A::Error> {
        let mut next = 0;
        while let Some(index) = map.next_key_seed(self.context.key(self.names, next))? {
            if values[index].is_some() {
                return Err(self.context.fail(self.names[index], FieldError::Repeated));
            }
            values[index] = Some(map.next_value::<&'de RawValue>()?.get());
            next = index + 1;
        }
        Ok(())
    }
}

/// A list of objects, each read into a row.
pub(super) struct List<'c, const N: usize, F> {
    context: &'c Context,
    names: &'static [&'static str; N],
    read: F,
}

impl<'c, const N: usize, F> List<'c, N, F> {
    pub(super) fn new<T>(context: &'c Context, names: &'static [&'static str; N], read: F) -> Self
    where
        F: FnMut(&Row<'_>) -> Result<T, RowError>,
    {
        Self { context, names, read }
    }
}

impl<'de, const N: usize, T, F: FnMut(&Row<'_>) -> Result<T, RowError>> DeserializeSeed<'de> for List<'_, N, F> {
    type Value = Vec<T>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<T>, D::Error> {
        self.context.expect("a list");
        json.deserialize_seq(self)
    }
}

impl<'de, const N: usize, T, F: FnMut(&Row<'_>) -> Result<T, RowError>> Visitor<'de> for List<'_, N, F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Vec<T>, A::Error> {
        let context = self.context;
        let mut rows = Vec::new();
        context.at_row(1, None);
        while let Some(values) = list.next_element_seed(Object { context, names: self.names })? {
            let row = Row::new(self.names, &values);
            rows.push((self.read)(&row).map_err(|error| {
                *context.key.borrow_mut() = row.shown_key();
                context.wrong::<A::Error>(error)
            })?);
            context.row.set(rows.len() + 1);
        }
        context.at_row(0, None);
        Ok(rows)
    }
}
