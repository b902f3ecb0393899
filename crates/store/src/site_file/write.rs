//! Writing: the fields by name in the order of the format, one space of indent, and a line feed at the end.

use super::{
    CHARGE_POINT_FIELDS, LISTS, MODEL_FIELDS, SESSION_FIELDS, SETTING_FIELDS, STATE_FIELDS, SessionRow, SiteFile,
    StateRow,
};
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::record::{ChargePoint, Model};
use bmw_domain::settings::Settings;
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::ser::PrettyFormatter;
use std::io::Write;

pub(super) fn site_file(file: &SiteFile, mut out: impl Write) -> std::io::Result<()> {
    let mut json = serde_json::Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b" "));
    Root(file).serialize(&mut json)?;
    out.write_all(b"\n")?;
    out.flush()
}

struct Root<'a>(&'a SiteFile);

impl Serialize for Root<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let file = self.0;
        let mut map = json.serialize_map(None)?;
        if let Some(settings) = &file.settings {
            map.serialize_entry(LISTS[0], &Row(settings))?;
        }
        if let Some(models) = &file.models {
            map.serialize_entry(LISTS[1], &Rows(models))?;
        }
        if let Some(charge_points) = &file.charge_points {
            map.serialize_entry(LISTS[2], &Rows(charge_points))?;
        }
        if let Some(states) = &file.states {
            map.serialize_entry(LISTS[3], &Rows(states))?;
        }
        if let Some(sessions) = &file.sessions {
            map.serialize_entry(LISTS[4], &Rows(sessions))?;
        }
        map.end()
    }
}

/// A type with a row in the file: the names of its fields, and their values in the same order.
trait Fields {
    const NAMES: &'static [&'static str];
    fn write<W: Put>(&self, out: &mut W) -> Result<(), W::Error>;
}

/// Takes the values of a row one after the other.
trait Put {
    type Error;
    fn put(&mut self, value: &impl Serialize) -> Result<(), Self::Error>;
}

struct NamedValues<M> {
    map: M,
    names: std::slice::Iter<'static, &'static str>,
}

impl<M: SerializeMap> Put for NamedValues<M> {
    type Error = M::Error;
    fn put(&mut self, value: &impl Serialize) -> Result<(), M::Error> {
        let name = self.names.next().ok_or_else(|| M::Error::custom("a row with more values than names"))?;
        self.map.serialize_entry(name, value)
    }
}

struct Row<'a, T>(&'a T);

impl<T: Fields> Serialize for Row<'_, T> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut out = NamedValues { map: json.serialize_map(Some(T::NAMES.len()))?, names: T::NAMES.iter() };
        self.0.write(&mut out)?;
        out.map.end()
    }
}

struct Rows<'a, T>(&'a [T]);

impl<T: Fields> Serialize for Rows<'_, T> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(self.0.iter().map(Row))
    }
}

fn time(time: Option<LocalTime>) -> Option<String> {
    time.map(LocalTime::exact)
}

impl Fields for Settings {
    const NAMES: &'static [&'static str] = &SETTING_FIELDS;
    fn write<W: Put>(&self, out: &mut W) -> Result<(), W::Error> {
        out.put(&self.card_reader_port)?;
        out.put(&self.installation_year.to_string())?;
        out.put(&self.installation_month)?;
        out.put(&u8::from(self.current_distribution))?;
        out.put(&self.meter_port)?;
        out.put(&self.phase_sequence)?;
        out.put(&self.currency)?;
        out.put(&self.energy_step)?;
        out.put(&self.time_step)?;
        out.put(&self.priority_per_energy_step)?;
        out.put(&self.priority_per_time_step)?;
        out.put(&self.energy_per_count)?;
        out.put(&u8::from(self.internal_testing))?;
        self.max_current.iter().try_for_each(|limit| out.put(limit))
    }
}

impl Fields for Model {
    const NAMES: &'static [&'static str] = &MODEL_FIELDS;
    fn write<W: Put>(&self, out: &mut W) -> Result<(), W::Error> {
        out.put(&self.id)?;
        out.put(&self.max_current)?;
        out.put(&self.min_current)?;
        out.put(&self.phases)
    }
}

impl Fields for ChargePoint {
    const NAMES: &'static [&'static str] = &CHARGE_POINT_FIELDS;
    fn write<W: Put>(&self, out: &mut W) -> Result<(), W::Error> {
        out.put(&self.identity)?;
        out.put(&self.model_id)?;
        out.put(&self.vendor)?;
        out.put(&self.serial_number)?;
        out.put(&self.firmware_version)?;
        out.put(&self.total_energy.map(Energy::kwh))?;
        out.put(&self.total_time.map(ChargingTime::minutes))?;
        out.put(&self.ip)?;
        out.put(&self.mac)
    }
}

impl Fields for StateRow {
    const NAMES: &'static [&'static str] = &STATE_FIELDS;
    fn write<W: Put>(&self, out: &mut W) -> Result<(), W::Error> {
        let state = &self.state;
        out.put(&self.charge_point)?;
        out.put(&state.state)?;
        out.put(&state.command)?;
        out.put(&state.socket)?;
        out.put(&state.current_offered)?;
        out.put(&state.current_limit)?;
        out.put(&state.current)?;
        out.put(&state.session_energy)?;
        out.put(&state.session_minutes)?;
        out.put(&state.phases)?;
        out.put(&time(self.last_contact))
    }
}

impl Fields for SessionRow {
    const NAMES: &'static [&'static str] = &SESSION_FIELDS;
    fn write<W: Put>(&self, out: &mut W) -> Result<(), W::Error> {
        out.put(&self.id)?;
        out.put(&self.cycle)?;
        out.put(&self.charge_point.as_str())?;
        out.put(&time(self.queued_at))?;
        out.put(&time(self.started_at))?;
        out.put(&time(self.planned_finish))?;
        out.put(&time(self.finished_at))?;
        out.put(&self.energy.kwh())?;
        out.put(&self.id_tag.as_deref())
    }
}
