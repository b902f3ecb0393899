//! What charge points say, read leniently: only a required field that is missing or unreadable is an error.
//!
//! In crates with all types of the protocol one value that is none of its type makes the whole message an error, however much of
//! that some of them mend. Such a charge point would repeat its message for ever. So what comes in is read here, as far as the
//! site uses it; what goes out is checked against the protocol's own types, see `bmw_site`.

use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::charger::event::{Boot, Event, Meter, Reading, Start, Status, Stop, Told};
use bmw_domain::decimal::{self, DecimalError};
use bmw_domain::phase::LineCurrents;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Texts of charge points are cut here, characters: longer ones than the protocol allows are common.
const TEXT_MOST: usize = 255;
/// No charge point has more connectors; each that is named is kept.
const CONNECTOR_MOST: i32 = 255;
/// The largest register that is taken for one, Wh.
const REGISTER_MOST: i64 = 1_000_000_000_000_000;

/// Why a call is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRead {
    /// Nobody knows this action.
    Unknown,
    /// The action is one that only we send.
    NotYours,
    /// A required field is missing or cannot be read.
    Field(&'static str),
    /// The payload is no object.
    Payload,
}

/// What charge points ask of us.
const OURS: [&str; 10] = [
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
];

/// What only we ask.
const THEIRS: [&str; 18] = [
    "CancelReservation",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetLocalListVersion",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
];

/// Reads a call of a charge point; its payload is JSON.
///
/// # Errors
/// See [`NotRead`].
pub fn event(action: &str, payload: Option<&str>, arrival: Timestamp) -> Result<Event, NotRead> {
    if !OURS.contains(&action) {
        return Err(if THEIRS.contains(&action) { NotRead::NotYours } else { NotRead::Unknown });
    }
    let mended;
    let fields: Fields<'_> = match payload {
        None => Fields::default(),
        // A list would be read as the fields in their order.
        Some(payload) if !payload.starts_with('{') => return Err(NotRead::Payload),
        Some(payload) => {
            if let Ok(fields) = serde_json::from_str(payload) {
                fields
            } else {
                mended = mend(payload).ok_or(NotRead::Payload)?.to_string();
                serde_json::from_str(&mended).map_err(|_| NotRead::Payload)?
            }
        }
    };
    let event = match action {
        "Authorize" => Event::Authorize(fields.card()?),
        "BootNotification" => Event::Boot(fields.boot()?),
        "DataTransfer" => Event::DataTransfer,
        "DiagnosticsStatusNotification" => Event::Diagnostics(fields.required_text(&fields.status, "status")?),
        "FirmwareStatusNotification" => Event::Firmware(fields.required_text(&fields.status, "status")?),
        "MeterValues" => Event::Meter(fields.meter(arrival)?),
        "StartTransaction" => Event::Start(fields.start(arrival)?),
        "StatusNotification" => fields.status(arrival)?,
        "StopTransaction" => Event::Stop(fields.stop(arrival)?),
        _ => Event::Heartbeat,
    };
    Ok(event)
}

/// A field of any kind: what cannot be read is as good as missing.
#[derive(Debug, Default)]
enum Field<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor;
        impl<'de> Visitor<'de> for FieldVisitor {
            type Value = Field<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(number.to_string())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
                Ok(Field::Text(Cow::Owned(number.to_string())))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
                Ok(Field::Other)
            }
            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Missing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Field<'de>, A::Error> {
                while parts.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Field<'de>, A::Error> {
                while parts.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
        }
        deserializer.deserialize_any(FieldVisitor)
    }
}

impl Field<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::Other => None,
        }
    }

    /// Text without what cannot be seen or stored, cut to a bearable length; `None` when nothing is left.
    fn clean(&self) -> Option<String> {
        let text: String = self.text()?.chars().filter(|c| !c.is_control()).take(TEXT_MOST).collect();
        Some(text).filter(|text| !text.is_empty())
    }

    /// As [`Field::clean`], but empty where it is there and nothing is left.
    fn present(&self) -> Option<String> {
        self.text().map(|_| self.clean().unwrap_or_default())
    }

    /// A whole number, as such, as text, or with a point and nothing behind it. One of more than 64 bits is the nearest.
    fn whole(&self) -> Option<i64> {
        let text = self.text()?.trim();
        text.parse().ok().or_else(|| match decimal::parse_scaled(text, 0) {
            Ok(number) => Some(number),
            Err(DecimalError::OutOfRange) => Some(if text.starts_with('-') { i64::MIN } else { i64::MAX }),
            Err(DecimalError::Malformed) => None,
        })
    }

    fn decimal(&self) -> Option<f64> {
        decimal::parse_finite(self.text()?.trim()).ok()
    }

    fn time(&self) -> Option<Timestamp> {
        time(self.text()?)
    }
}

/// As deep as what is mended may be; what lies deeper is left out. No call of the protocol is half as deep.
const DEEPEST: usize = 16;

/// What cannot be read as it stands, made readable: of names that come twice the last counts, halves of characters are
/// replaced, and numbers become text, however large they are.
fn mend(json: &str) -> Option<Value> {
    loose(&without_halves(json), DEEPEST)
}

fn loose(json: &str, depth: usize) -> Option<Value> {
    let deeper = |part: &RawValue| match depth.checked_sub(1) {
        Some(depth) => loose(part.get(), depth),
        None => Some(Value::Null),
    };
    match json.as_bytes().first()? {
        b'{' => {
            let Pairs(pairs) = serde_json::from_str(json).ok()?;
            let mended = pairs.into_iter().map(|(name, value)| Some((name, deeper(value)?)));
            mended.collect::<Option<serde_json::Map<_, _>>>().map(Value::Object)
        }
        b'[' => {
            let parts: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            parts.into_iter().map(deeper).collect::<Option<_>>().map(Value::Array)
        }
        b'"' | b't' | b'f' | b'n' => serde_json::from_str(json).ok(),
        _ => Some(Value::String(json.to_owned())),
    }
}

/// The names of an object and their values, in the order in which they stand there.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = parts.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Replaces escapes that name half a character: texts that were cut to a length end with them.
fn without_halves(json: &str) -> Cow<'_, str> {
    let unit = |text: &str| text.strip_prefix("\\u").and_then(|rest| u16::from_str_radix(rest.get(..4)?, 16).ok());
    let mut out = String::new();
    let (mut rest, mut whole) = (json, true);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match unit(escape) {
            Some(0xd800..=0xdbff) if matches!(unit(&escape[6..]), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                out.push('\u{fffd}');
                whole = false;
                rest = &escape[6..];
                continue;
            }
            Some(_) => 6,
            // The escape's own character may be one that begins another.
            None => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    out.push_str(rest);
    if whole { Cow::Borrowed(json) } else { Cow::Owned(out) }
}

/// Reads a time as RFC 3339 has it; one without a zone is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (local, offset_ms) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, 0),
        None => split_offset(text),
    };
    let local = LocalTime::parse(local)?;
    Some(Timestamp(local.0).plus(-offset_ms))
}

/// A time and its offset from UTC, ms; without one it is 0.
fn split_offset(text: &str) -> (&str, i64) {
    const MS_PER_MINUTE: i64 = 60_000;
    // The date has signs of its own.
    let sign = text.rfind(['+', '-']).filter(|at| *at > 10);
    let offset = sign.and_then(|at| {
        let digits: String = text[at + 1..].chars().filter(|c| *c != ':').collect();
        let (hours, minutes) = match digits.len() {
            2 => (digits.parse::<i64>().ok()?, 0),
            4 => (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse::<i64>().ok()?),
            _ => return None,
        };
        let ms = (hours * 60 + minutes) * MS_PER_MINUTE;
        Some((&text[..at], if text.as_bytes()[at] == b'-' { -ms } else { ms }))
    });
    offset.unwrap_or((text, 0))
}

/// All fields of all calls: each call has its part of them.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    id_tag: Field<'a>,
    #[serde(borrow)]
    connector_id: Field<'a>,
    #[serde(borrow)]
    status: Field<'a>,
    #[serde(borrow)]
    error_code: Field<'a>,
    #[serde(borrow)]
    vendor_error_code: Field<'a>,
    #[serde(borrow)]
    info: Field<'a>,
    #[serde(borrow)]
    timestamp: Field<'a>,
    #[serde(borrow)]
    meter_start: Field<'a>,
    #[serde(borrow)]
    meter_stop: Field<'a>,
    #[serde(borrow)]
    transaction_id: Field<'a>,
    #[serde(borrow)]
    reason: Field<'a>,
    #[serde(borrow)]
    charge_point_vendor: Field<'a>,
    #[serde(borrow)]
    charge_point_model: Field<'a>,
    #[serde(borrow)]
    charge_point_serial_number: Field<'a>,
    #[serde(borrow)]
    charge_box_serial_number: Field<'a>,
    #[serde(borrow)]
    firmware_version: Field<'a>,
    #[serde(borrow)]
    meter_value: List<Moment<'a>>,
    #[serde(borrow)]
    transaction_data: List<Moment<'a>>,
}

impl Fields<'_> {
    #[allow(clippy::unused_self)] // reads like the others
    fn required_text(&self, field: &Field<'_>, name: &'static str) -> Result<String, NotRead> {
        field.clean().ok_or(NotRead::Field(name))
    }

    fn boot(&self) -> Result<Boot, NotRead> {
        let serial = self.charge_point_serial_number.clean().or_else(|| self.charge_box_serial_number.clean());
        Ok(Boot {
            // There, and empty: nothing is said, and nothing is wrong.
            vendor: self.charge_point_vendor.present().ok_or(NotRead::Field("chargePointVendor"))?,
            model: self.charge_point_model.present().ok_or(NotRead::Field("chargePointModel"))?,
            serial_number: serial,
            firmware_version: self.firmware_version.clean(),
            is_triggered: false,
        })
    }

    /// A card that is there, but empty, is no card of ours: nothing is missing.
    fn card(&self) -> Result<String, NotRead> {
        self.id_tag.present().ok_or(NotRead::Field("idTag"))
    }

    fn connector(&self) -> Result<i32, NotRead> {
        let number = self.connector_id.whole().and_then(|number| i32::try_from(number).ok());
        number.filter(|number| (0..=CONNECTOR_MOST).contains(number)).ok_or(NotRead::Field("connectorId"))
    }

    /// The connector, or for what is none the nearest: what is told of sessions is always answered with a result.
    fn nearest_connector(&self, least: i32) -> Result<i32, NotRead> {
        let number = self.connector_id.whole().ok_or(NotRead::Field("connectorId"))?;
        let number = number.clamp(least.into(), CONNECTOR_MOST.into());
        i32::try_from(number).map_err(|_| NotRead::Field("connectorId"))
    }

    fn status(&self, arrival: Timestamp) -> Result<Event, NotRead> {
        let name = self.required_text(&self.status, "status")?;
        let said = [&self.vendor_error_code, &self.info].into_iter().filter_map(Field::clean);
        let info = said.collect::<Vec<_>>().join(", ");
        let status = Status {
            name,
            error: self.error_code.clean().filter(|code| code != "NoError"),
            info: Some(info).filter(|info| !info.is_empty()),
            // It may be left out: then it is now.
            time: self.timestamp.time().map_or(Told::ours(arrival), |time| Told::judge(time, arrival)),
        };
        Ok(Event::Status(self.connector()?, status))
    }

    fn told(&self, arrival: Timestamp) -> Result<Told, NotRead> {
        let time = self.timestamp.time().ok_or(NotRead::Field("timestamp"))?;
        Ok(Told::judge(time, arrival))
    }

    fn start(&self, arrival: Timestamp) -> Result<Start, NotRead> {
        Ok(Start {
            // A session is on a connector: who says 0 has only one.
            connector: self.nearest_connector(1)?,
            id_tag: self.card()?,
            register: register(&self.meter_start).ok_or(NotRead::Field("meterStart"))?,
            time: self.told(arrival)?,
        })
    }

    fn stop(&self, arrival: Timestamp) -> Result<Stop, NotRead> {
        Ok(Stop {
            transaction: self.transaction_id.whole().ok_or(NotRead::Field("transactionId"))?,
            id_tag: self.id_tag.clean(),
            register: register(&self.meter_stop).ok_or(NotRead::Field("meterStop"))?,
            time: self.told(arrival)?,
            reason: self.reason.clean(),
            readings: readings(&self.transaction_data, arrival).unwrap_or_default(),
        })
    }

    fn meter(&self, arrival: Timestamp) -> Result<Meter, NotRead> {
        let values = readings(&self.meter_value, arrival);
        Ok(Meter {
            connector: self.nearest_connector(0)?,
            transaction: self.transaction_id.whole(),
            readings: values.ok_or(NotRead::Field("meterValue"))?,
        })
    }
}

fn register(field: &Field<'_>) -> Option<i64> {
    field.whole().map(|register| register.clamp(-1, REGISTER_MOST))
}

/// One moment's values.
#[derive(Debug, Default)]
struct Moment<'a> {
    timestamp: Field<'a>,
    sampled_value: List<Sample<'a>>,
}

impl<'de: 'a, 'a> Object<'de> for Moment<'a> {
    fn put<A: MapAccess<'de>>(&mut self, name: &str, parts: &mut A) -> Result<(), A::Error> {
        match name {
            "timestamp" => self.timestamp = parts.next_value()?,
            "sampledValue" => self.sampled_value = parts.next_value()?,
            _ => drop(parts.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// One value.
#[derive(Debug, Default)]
struct Sample<'a> {
    value: Field<'a>,
    measurand: Field<'a>,
    unit: Field<'a>,
    phase: Field<'a>,
    location: Field<'a>,
}

impl<'de: 'a, 'a> Object<'de> for Sample<'a> {
    fn put<A: MapAccess<'de>>(&mut self, name: &str, parts: &mut A) -> Result<(), A::Error> {
        let field = match name {
            "value" => &mut self.value,
            "measurand" => &mut self.measurand,
            "unit" => &mut self.unit,
            "phase" => &mut self.phase,
            "location" => &mut self.location,
            _ => return parts.next_value::<IgnoredAny>().map(drop),
        };
        *field = parts.next_value()?;
        Ok(())
    }
}

/// An object that is read name by name, in one pass over the text; what has another form makes no error.
trait Object<'de>: Default {
    fn put<A: MapAccess<'de>>(&mut self, name: &str, parts: &mut A) -> Result<(), A::Error>;
}

/// A list of objects, or one alone where a list belongs; what is no object is left out.
#[derive(Debug, Default)]
enum List<T> {
    Of(Vec<T>),
    /// It is missing, or anything else.
    #[default]
    None,
}

impl<T> List<T> {
    fn items(&self) -> &[T] {
        match self {
            Self::Of(items) => items,
            Self::None => &[],
        }
    }
}

/// What stands where a list or an object of one belongs.
enum Read<T> {
    List(Vec<T>),
    Object(T),
    Other,
}

impl<'de, T: Object<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Read::deserialize(deserializer)? {
            Read::List(list) => Self::Of(list),
            Read::Object(object) => Self::Of(vec![object]),
            Read::Other => Self::None,
        })
    }
}

impl<'de, T: Object<'de>> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadVisitor<T>(PhantomData<T>);
        impl<'de, T: Object<'de>> Visitor<'de> for ReadVisitor<T> {
            type Value = Read<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Read<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(part) = parts.next_element::<Read<T>>()? {
                    if let Read::Object(object) = part {
                        items.push(object);
                    }
                }
                Ok(Read::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Read<T>, A::Error> {
                let mut object = T::default();
                while let Some(name) = parts.next_key::<Field<'de>>()? {
                    object.put(name.text().unwrap_or_default(), &mut parts)?;
                }
                Ok(Read::Object(object))
            }
            fn visit_str<E>(self, _: &str) -> Result<Read<T>, E> {
                Ok(Read::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Read<T>, E> {
                Ok(Read::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Read<T>, E> {
                Ok(Read::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Read<T>, E> {
                Ok(Read::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Read<T>, E> {
                Ok(Read::Other)
            }
            fn visit_unit<E>(self) -> Result<Read<T>, E> {
                Ok(Read::Other)
            }
        }
        deserializer.deserialize_any(ReadVisitor(PhantomData))
    }
}

/// Reads values; `None` when they are none. A moment without a readable time is that of the arrival.
fn readings(moments: &List<Moment<'_>>, arrival: Timestamp) -> Option<Vec<Reading>> {
    let List::Of(moments) = moments else { return None };
    Some(moments.iter().map(|moment| reading(moment, arrival)).collect())
}

fn reading(moment: &Moment<'_>, arrival: Timestamp) -> Reading {
    let time = moment.timestamp.time().map_or(Told::ours(arrival), |time| Told::judge(time, arrival));
    let mut reading = Reading { time, register: None, currents: LineCurrents::default(), offered: None, power: None };
    let mut phases = ByPhase::default();
    for sample in moment.sampled_value.items() {
        take(&mut reading, &mut phases, sample);
    }
    reading.register = reading.register.or(phases.register);
    reading.power = reading.power.or(phases.power);
    reading
}

/// Sums of what was given for each phase, where there is no whole.
#[derive(Default)]
struct ByPhase {
    register: Option<i64>,
    power: Option<f64>,
}

fn take(reading: &mut Reading, sums: &mut ByPhase, sample: &Sample<'_>) {
    // What flows inside the car or was measured elsewhere is not what the site gives.
    if matches!(sample.location.text(), Some("EV" | "Body" | "Cable")) {
        return;
    }
    let line = sample.phase.text().and_then(line);
    match sample.measurand.text().unwrap_or("Energy.Active.Import.Register") {
        "Energy.Active.Import.Register" => {
            let Some(register) = energy(sample) else { return };
            match line {
                None => reading.register = reading.register.or(Some(register)),
                Some(_) => sums.register = Some(sums.register.unwrap_or(0).saturating_add(register)),
            }
        }
        "Current.Import" => {
            let slot = &mut reading.currents.0[line.unwrap_or(0)];
            *slot = slot.or_else(|| sample.value.decimal());
        }
        "Current.Offered" => reading.offered = reading.offered.or_else(|| sample.value.decimal()),
        "Power.Active.Import" => {
            let Some(power) = sample.value.decimal() else { return };
            let power = if is_kilo(sample) { power * 1000.0 } else { power };
            match line {
                None => reading.power = reading.power.or(Some(power)),
                Some(_) => sums.power = Some(sums.power.unwrap_or(0.0) + power),
            }
        }
        _ => {}
    }
}

/// The line of a phase: L1, L1-N, or between two lines the first.
fn line(phase: &str) -> Option<usize> {
    match phase.get(..2)? {
        "L1" => Some(0),
        "L2" => Some(1),
        "L3" => Some(2),
        _ => None,
    }
}

fn is_kilo(sample: &Sample<'_>) -> bool {
    sample.unit.text().is_some_and(|unit| unit.starts_with(['k', 'K']))
}

/// A register of energy, to the nearest Wh.
fn energy(sample: &Sample<'_>) -> Option<i64> {
    let text = sample.value.text()?.trim();
    let wh = decimal::parse_scaled(text, if is_kilo(sample) { 3 } else { 0 }).ok()?;
    Some(wh.clamp(-1, REGISTER_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn read(action: &str, payload: &str) -> Result<Event, NotRead> {
        let raw = RawValue::from_string(payload.to_owned()).unwrap();
        event(action, Some(raw.get()), NOW)
    }

    fn samples(samples: &str) -> Reading {
        let payload = format!(
            r#"{{"connectorId":1,"meterValue":[{{"timestamp":"2026-09-21T12:00:00Z","sampledValue":[{samples}]}}]}}"#
        );
        match read("MeterValues", &payload) {
            Ok(Event::Meter(meter)) => meter.readings[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn times_with_and_without_a_zone() {
        let noon = LocalTime::parse("2026-09-21T12:00:00").unwrap().0;
        for (text, ms) in [
            ("2026-09-21T12:00:00Z", noon),
            ("2026-09-21T12:00:00.250Z", noon + 250),
            ("2026-09-21T12:00:00", noon),
            ("2026-09-21 12:00:00", noon),
            ("2026-09-21T20:00:00+08:00", noon),
            ("2026-09-21T20:00:00+0800", noon),
            ("2026-09-21T09:00:00.000-03", noon),
            ("2026-09-21T12:00:00z", noon),
        ] {
            assert_eq!(time(text), Some(Timestamp(ms)), "{text}");
        }
        for text in ["", "now", "2026-09-21T25:00:00Z", "2026-09-21T12:00:00+8h", "2026-09-21T12:00:00+1é1"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn no_measurand_is_the_register_of_energy_and_no_unit_is_wh() {
        assert_eq!(samples(r#"{"value":"1234"}"#).register, Some(1234));
        assert_eq!(samples(r#"{"value":1234.4}"#).register, Some(1234));
        assert_eq!(samples(r#"{"value":"1.2345","unit":"kWh"}"#).register, Some(1235));
        assert_eq!(samples(r#"{"value":"-1"}"#).register, Some(-1));
        assert_eq!(samples(r#"{"value":"OCMF|{}","format":"SignedData"}"#).register, None);
    }

    #[test]
    fn phases_come_as_l1_or_l1_n_or_not_at_all() {
        let current = r#""measurand":"Current.Import","unit":"A""#;
        let three = samples(&format!(
            r#"{{"value":"1.5",{current},"phase":"L1"}},{{"value":"2",{current},"phase":"L2-N"}},{{"value":3,{current},"phase":"L3"}}"#
        ));
        assert_eq!(three.currents.0, [Some(1.5), Some(2.0), Some(3.0)]);
        assert_eq!(samples(&format!(r#"{{"value":"7",{current}}}"#)).currents.0, [Some(7.0), None, None]);
    }

    #[test]
    fn what_is_given_for_each_phase_is_summed_where_there_is_no_whole() {
        let power = r#""measurand":"Power.Active.Import","unit":"kW""#;
        let by_phase = samples(&format!(
            r#"{{"value":"1.5",{power},"phase":"L1"}},{{"value":"2",{power},"phase":"L2"}},{{"value":"50","phase":"L1"}},{{"value":"60","phase":"L2"}}"#
        ));
        assert_eq!((by_phase.power, by_phase.register), (Some(3_500.0), Some(110)));
        let whole = samples(&format!(r#"{{"value":"1.5",{power},"phase":"L1"}},{{"value":"4",{power}}}"#));
        assert_eq!(whole.power, Some(4_000.0));
    }

    #[test]
    fn unknown_measurands_units_locations_and_names_are_no_error() {
        let odd = samples(
            r#"{"value":"20","measurand":"Temperature","unit":"Celcius"},{"value":"21","measurand":"Temperature","unit":"Celsius"},{"value":"1","measurand":"X.Y","unit":"Z","context":"Never","phase":"L9"},{"value":"9","location":"EV"}"#,
        );
        assert_eq!((odd.register, odd.currents), (None, LineCurrents::default()));
        let Ok(Event::Status(2, status)) =
            read("StatusNotification", r#"{"connectorId":2,"status":"Dreaming","errorCode":"Foo","info":""}"#)
        else {
            panic!()
        };
        assert_eq!(
            (status.name.as_str(), status.error.as_deref(), status.time),
            ("Dreaming", Some("Foo"), Told::ours(NOW))
        );
    }

    #[test]
    fn long_serial_numbers_are_kept() {
        let serial = "S".repeat(60);
        let payload =
            format!(r#"{{"chargePointVendor":"V","chargePointModel":"M","chargePointSerialNumber":"{serial}"}}"#);
        let Ok(Event::Boot(boot)) = read("BootNotification", &payload) else { panic!() };
        assert_eq!(boot.serial_number, Some(serial));
    }

    #[test]
    fn numbers_may_be_text_and_ids_are_read_as_64_bit() {
        let payload = r#"{"transactionId":"9007199254740993","meterStop":"100.0","timestamp":"2026-09-21T12:00:00Z"}"#;
        let Ok(Event::Stop(stop)) = read("StopTransaction", payload) else { panic!() };
        assert_eq!((stop.transaction, stop.register), (9_007_199_254_740_993, 100));
    }

    #[test]
    fn only_a_required_field_that_is_missing_or_unreadable_is_an_error() {
        let start = r#"{"connectorId":1,"idTag":"a","meterStart":0,"timestamp":"2026-09-21T12:00:00Z"}"#;
        assert!(read("StartTransaction", start).is_ok());
        for (field, broken) in [
            ("connectorId", start.replace("\"connectorId\":1", "\"connectorId\":\"one\"")),
            ("idTag", start.replace("\"a\"", "[\"a\"]")),
            ("idTag", start.replace("\"a\"", "null")),
            ("meterStart", start.replace(":0,", ":{},")),
            ("timestamp", start.replace("2026-09-21", "yesterday")),
        ] {
            assert_eq!(read("StartTransaction", &broken), Err(NotRead::Field(field)), "{broken}");
        }
        assert_eq!(read("StartTransaction", "[1]"), Err(NotRead::Payload));
        assert_eq!(event("Heartbeat", None, NOW), Ok(Event::Heartbeat));
        assert_eq!(event("Reset", None, NOW), Err(NotRead::NotYours));
        assert_eq!(event("Dance", None, NOW), Err(NotRead::Unknown));
    }

    #[test]
    fn what_is_told_of_sessions_is_read_wherever_it_can_be() {
        let start = r#"{"connectorId":1,"idTag":"a","meterStart":0,"timestamp":"2026-09-21T12:00:00Z"}"#;
        let of = |from: &str, to: &str| match read("StartTransaction", &start.replace(from, to)) {
            Ok(Event::Start(start)) => (start.connector, start.id_tag),
            other => panic!("{other:?}"),
        };
        for (tag, read) in [("\"\"", ""), (r#""\u0000\u0007""#, ""), ("7", "7")] {
            assert_eq!(of("\"a\"", tag), (1, read.to_owned()), "{tag}");
        }
        assert_eq!(read("Authorize", r#"{"idTag":""}"#), Ok(Event::Authorize(String::new())));
        for (number, connector, whole) in
            [("-1", 1, 0), ("0", 1, 0), ("256", 255, 255), ("99999999999999999999", 255, 255)]
        {
            assert_eq!(of("\"connectorId\":1", &format!("\"connectorId\":{number}")).0, connector, "{number}");
            let values = format!(r#"{{"connectorId":{number},"meterValue":[]}}"#);
            let Ok(Event::Meter(meter)) = read("MeterValues", &values) else { panic!("{values}") };
            assert_eq!(meter.connector, whole, "{number}");
        }
        let status = r#"{"connectorId":256,"status":"Available"}"#;
        assert_eq!(read("StatusNotification", status), Err(NotRead::Field("connectorId")));
    }

    #[test]
    fn what_is_broken_in_one_place_is_read_in_the_others() {
        let long = format!(
            r#"{{"idTag":"old","idTag":"A\ud83dB\ud83d\ude00\\ud83d","x":{}1{}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        assert_eq!(read("Authorize", &long), Ok(Event::Authorize("A\u{fffd}B😀\\ud83d".to_owned())));
        let odd =
            samples(r#"{"value":1e999},{"value":"5","value":"7"},null,{"value":"2","measurand":"Current.Import"}"#);
        assert_eq!((odd.register, odd.currents.0[0]), (Some(7), Some(2.0)));
        let stop = r#"{"transactionId":99999999999999999999,"meterStop":-1e30,"timestamp":"2026-09-21T12:00:00Z"}"#;
        let Ok(Event::Stop(stop)) = read("StopTransaction", stop) else { panic!() };
        assert_eq!((stop.transaction, stop.register), (i64::MAX, -1));
    }

    #[test]
    fn nothing_that_cannot_be_stored_gets_in() {
        let Ok(Event::Authorize(tag)) = read("Authorize", r#"{"idTag":"a\u0000b"}"#) else { panic!() };
        assert_eq!(tag, "ab");
    }

    proptest! {
        #[test]
        fn reading_never_panics(payload in "\\{(\"(timestamp|connectorId|status|idTag|meterValue|meterStart)\":(\"[0-9TZ:+.-]{0,25}\"|[0-9.e-]{1,20}|null|\\[\\]|\\{\\}),?){0,5}\\}") {
            for action in OURS {
                if let Ok(raw) = RawValue::from_string(payload.clone()) {
                    let _outcome = event(action, Some(raw.get()), NOW);
                }
            }
        }
    }
}
