//! Reading: the text of each row is taken apart first, then each field is read by its own rule, so that every error
//! knows its place.

mod object;
mod value;

use self::object::{Context, List, Object};
use self::value::{Row, RowError, Scalar};
use super::{
    CHARGE_POINT_FIELDS, LISTS, MODEL_FIELDS, SESSION_FIELDS, SETTING_FIELDS, STATE_FIELDS, SessionRow, SiteFile,
    SiteFileError, StateRow,
};
use bmw_domain::field::FieldError;
use bmw_domain::record::{ChargePoint, ChargePointState, Identity, Model, TransactionId};
use bmw_domain::settings::Settings;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Reads and checks a whole file.
pub(super) fn site_file(bytes: &[u8]) -> Result<SiteFile, SiteFileError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        SiteFileError(format!("site file: {} (byte {})", FieldError::NotUtf8, error.valid_up_to() + 1))
    })?;
    // What some editors put at the beginning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let context = Context::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let file = Root { context: &context, texts: RefCell::default() }.deserialize(&mut json);
    file.and_then(|file| json.end().map(|()| file)).map_err(|error| context.describe(&error))
}

/// Texts that are shared between rows.
#[derive(Default)]
struct Texts {
    identities: HashMap<String, Arc<Identity>>,
    tags: HashSet<Arc<str>>,
}

impl Texts {
    /// The identity in a field; it is checked and made only once.
    fn identity(&mut self, row: &Row<'_>, index: usize) -> Result<Arc<Identity>, RowError> {
        let text = row.required(index, row.plain_text(index)?)?;
        if let Some(identity) = self.identities.get(&*text) {
            return Ok(Arc::clone(identity));
        }
        let identity = Arc::new(row.identity(index)?);
        self.identities.insert(text.into_owned(), Arc::clone(&identity));
        Ok(identity)
    }
}

/// The file's outermost object.
struct Root<'c> {
    context: &'c Context,
    texts: RefCell<Texts>,
}

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = SiteFile;
    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<SiteFile, D::Error> {
        self.context.expect("an object");
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = SiteFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SiteFile, A::Error> {
        let context = self.context;
        let mut file = SiteFile::default();
        let mut seen = [false; LISTS.len()];
        let mut next = 0;
        while let Some(list) = map.next_key_seed(context.key(&LISTS, next))? {
            if std::mem::replace(&mut seen[list], true) {
                return Err(context.fail(LISTS[list], FieldError::Repeated));
            }
            next = list + 1;
            context.enter(LISTS[list]);
            match list {
                0 => {
                    let values = map.next_value_seed(Object { context, names: &SETTING_FIELDS })?;
                    let read = settings(&Row::new(&SETTING_FIELDS, &values));
                    file.settings = Some(read.map_err(|error| context.wrong(error))?);
                }
                1 => {
                    let list = List::new(context, &MODEL_FIELDS, model);
                    file.models =
                        Some(unique(context, MODEL_FIELDS[0], map.next_value_seed(list)?, |model| model.id.clone())?);
                }
                2 => {
                    let list = List::new(context, &CHARGE_POINT_FIELDS, charge_point);
                    let rows = map.next_value_seed(list)?;
                    file.charge_points =
                        Some(unique(context, CHARGE_POINT_FIELDS[0], rows, |row| row.identity.to_string())?);
                }
                3 => {
                    let list = List::new(context, &STATE_FIELDS, state);
                    let rows = map.next_value_seed(list)?;
                    file.states = Some(unique(context, STATE_FIELDS[0], rows, |row| row.charge_point.to_string())?);
                }
                _ => {
                    let list = List::new(context, &SESSION_FIELDS, |row| session(row, &mut self.texts.borrow_mut()));
                    file.sessions =
                        Some(unique(context, SESSION_FIELDS[0], map.next_value_seed(list)?, |row| row.id.0)?);
                }
            }
            context.leave();
        }
        Ok(file)
    }
}

/// Refuses two rows with the same key.
fn unique<T, K: Ord + fmt::Display, E: serde::de::Error>(
    context: &Context,
    name: &str,
    rows: Vec<T>,
    key: impl Fn(&T) -> K,
) -> Result<Vec<T>, E> {
    if rows.is_sorted_by(|left, right| key(left) < key(right)) {
        return Ok(rows);
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // Stable: of two with the same key, the later one of the file is the later one here.
    order.sort_by_cached_key(|row| key(&rows[*row]));
    let twice = order.windows(2).filter(|pair| key(&rows[pair[0]]) == key(&rows[pair[1]])).min_by_key(|pair| pair[1]);
    match twice {
        Some(pair) => {
            context.at_row(pair[1] + 1, Some(format!("{name} {}", key(&rows[pair[1]]))));
            Err(E::custom(context.note(format!("This row was given more than once, first as row {}.", pair[0] + 1))))
        }
        None => Ok(rows),
    }
}

fn settings(row: &Row<'_>) -> Result<Settings, RowError> {
    let scalars = row.scalars()?;
    let input = |field| scalars.get(field as usize)?.as_ref().map(Scalar::input);
    Settings::from_inputs(input).map_err(|errors| {
        let first = errors.into_iter().next();
        first.map_or_else(
            || RowError::new("settings", FieldError::Required),
            |(field, error)| RowError::new(SETTING_FIELDS[field as usize], error),
        )
    })
}

fn model(row: &Row<'_>) -> Result<Model, RowError> {
    Ok(Model { id: row.key(0)?, max_current: row.decimal(1)?, min_current: row.decimal(2)?, phases: row.whole(3, 0)? })
}

fn charge_point(row: &Row<'_>) -> Result<ChargePoint, RowError> {
    Ok(ChargePoint {
        identity: row.identity(0)?,
        model_id: row.required(1, row.text(1)?)?,
        vendor: row.text(2)?,
        serial_number: row.text(3)?,
        firmware_version: row.text(4)?,
        total_energy: row.energy(5)?,
        total_time: row.minutes(6)?,
        ip: row.text(7)?,
        mac: row.text(8)?,
    })
}

fn state(row: &Row<'_>) -> Result<StateRow, RowError> {
    Ok(StateRow {
        charge_point: row.identity(0)?,
        state: ChargePointState {
            state: row.text(1)?,
            command: row.text(2)?,
            socket: row.text(3)?,
            current_offered: row.whole(4, 0)?,
            current_limit: row.whole(5, 0)?,
            current: row.whole(6, 0)?,
            session_energy: row.whole(7, 0)?,
            session_minutes: row.whole(8, 0)?,
            phases: row.whole(9, 0)?,
            last_contact: None,
        },
        last_contact: row.time(10)?,
    })
}

fn session(row: &Row<'_>, texts: &mut Texts) -> Result<SessionRow, RowError> {
    Ok(SessionRow {
        id: TransactionId(row.required(0, row.whole(0, 1)?)?),
        cycle: row.whole(1, 0)?,
        charge_point: texts.identity(row, 2)?,
        queued_at: row.time(3)?,
        started_at: row.time(4)?,
        planned_finish: row.time(5)?,
        finished_at: row.time(6)?,
        energy: row.required(7, row.energy(7)?)?,
        id_tag: row.plain_text(8)?.map(|tag| super::shared(&mut texts.tags, &tag)),
    })
}
