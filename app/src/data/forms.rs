//! The forms of commands: what was typed becomes the payload of an OCPP 1.6 action, or comes back with what is wrong at each
//! field.
//!
//! A form's fields are named `Action.field`, so that several commands may share one form: only the fields of the command whose
//! button was pressed count. The button's value may carry fixed fields, as in `Reset?type=Hard`.

use super::Query;
use super::commands::{Problem, WrongForm};
use super::refused::{read, written as as_json};
use super::settings::Typed;
use crate::text::Both;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::charger::card::IdTag;
use bmw_domain::command::Action;
use bmw_domain::decimal;
use bmw_domain::field::{self, FieldError};
use bmw_site::{Arguments, Fault};
use bmw_store::Zone;
use serde_json::{Value, json};

/// A year, in minutes: the longest limit of current that a form sets.
const MINUTES_MOST: i64 = 525_600;
/// The most that a limit may be, in tenths of A or W.
const LIMIT_MOST: i64 = 10_000_000;
/// The most characters of a typed value that comes back by the address; more is accepted nowhere but in `data`.
const TYPED_MOST: usize = 500;

/// A form of a command as it was sent.
pub(super) struct Form {
    /// What the button says.
    pub(super) word: String,
    pub(super) action: Action,
    /// The fields that have a value, by the names of the payload or, where it is built of them, by the form's own.
    fields: Vec<(String, String)>,
}

/// When and where a form is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) now: Timestamp,
    pub(super) zone: &'a Zone,
}

/// Wrong fields.
type Errors = Vec<(String, FieldError)>;

impl Form {
    /// The form whose button says this; `None` when that is no command.
    pub(super) fn of(word: &str, values: &Typed) -> Option<Self> {
        let (name, fixed) = word.split_once('?').unwrap_or((word, ""));
        let action = Action::from_name(name)?;
        let own = |(key, value): (&String, &String)| match key.split_once('.') {
            Some((owner, field)) => (owner == name).then(|| (field.to_owned(), value.clone())),
            None => (!is_about_the_form(key)).then(|| (key.clone(), value.clone())),
        };
        let fixed = Query::parse(fixed);
        let fixed = fixed.pairs().map(|(field, value)| (field.to_owned(), value.to_owned()));
        let typed = values.iter().filter_map(own);
        // A configuration key may be given an empty value; all other fields that are empty are absent.
        let counts = |(field, value): &(String, String)| {
            !value.trim().is_empty() || action == Action::ChangeConfiguration && field == "value"
        };
        Some(Self { word: word.to_owned(), action, fields: fixed.chain(typed).filter(counts).collect() })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The payload.
    ///
    /// # Errors
    /// Every wrong field.
    pub(super) fn payload(&self, around: Around<'_>) -> Result<Arguments, Errors> {
        let mut errors: Errors = required(self.action)
            .iter()
            .filter(|name| self.get(name).is_none())
            .map(|name| ((*name).to_owned(), FieldError::Required))
            .collect();
        let mut read = Arguments::new();
        for (name, text) in &self.fields {
            match value(name, text.trim(), around) {
                Ok(value) => drop(read.insert(name.clone(), value)),
                Err(error) => errors.push((name.clone(), error)),
            }
        }
        // A limit of one session is one of its connector.
        if self.get("purpose") == Some("TxProfile") && read.get("connectorId").is_none_or(|it| it == 0) {
            errors.push(("connectorId".to_owned(), FieldError::TooSmall(1)));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        match self.action {
            Action::SetChargingProfile => Ok(profile(&read, around.now)),
            Action::GetCompositeSchedule => {
                if let Some(minutes) = read.remove("minutes") {
                    read.insert("duration".to_owned(), seconds(&minutes));
                }
                Ok(read)
            }
            _ => Ok(read),
        }
    }

    /// The same form as it comes back: what was typed, and what is wrong.
    pub(super) fn wrong(&self, errors: Vec<(String, Problem)>) -> WrongForm {
        let typed = self.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        WrongForm { form: self.action.name().to_owned(), typed, errors }
    }

    /// What brings the form back by an address: its fields, and what only the command itself found wrong.
    pub(super) fn on(&self, address: Query, found: Option<&(String, Fault)>) -> Query {
        let cut = |text: &str| text.chars().take(TYPED_MOST).collect::<String>();
        let mut address = address.with("wrong", &self.word);
        if let Some((field, fault)) = found {
            address = address.with("at", cut(field)).with("why", as_json(fault));
        }
        // Addresses are remembered by browsers, and stand in logs.
        let is_secret = self.get("key").is_some_and(bmw_site::is_secret_key);
        let fields = self.fields.iter().filter(|(name, _)| !(is_secret && name == "value"));
        fields.fold(address, |address, (name, value)| {
            address.with_raw(&[self.action.name(), ".", name].concat(), cut(&bmw_site::masked(value)))
        })
    }
}

/// The form that an address brings back.
pub(super) fn wrong_in(query: &Query, around: Around<'_>) -> Option<WrongForm> {
    let values: Typed = query
        .pairs()
        .filter(|(name, _)| name.contains('.'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let word = query.get("wrong")?;
    // The fixed fields are among the others.
    let form = Form::of(word.split('?').next()?, &values)?;
    let mut errors: Vec<(String, Problem)> = match form.payload(around) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|(name, error)| (name, Problem::Field(error))).collect(),
    };
    if let (Some(field), Some(fault)) = (query.get("at"), query.get("why").and_then(read::<Fault>)) {
        errors.push((field.to_owned(), told(field, &fault)));
    }
    Some(form.wrong(errors))
}

/// What only the command itself finds wrong.
fn told(field: &str, fault: &Fault) -> Problem {
    Problem::Told(Both::of(|lang| lang.payload_field(field)), Both::of(|lang| lang.fault(fault)))
}

/// Whether a field says something of the form itself, or of whom it is about.
fn is_about_the_form(name: &str) -> bool {
    matches!(name, "command" | "back") || is_charger(name)
}

/// Whether a field names a charge point.
pub(super) fn is_charger(name: &str) -> bool {
    name.strip_prefix('c').is_some_and(|number| !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()))
}

/// The fields that a form cannot do without. Others are filled in, or may be left out.
const fn required(action: Action) -> &'static [&'static str] {
    match action {
        Action::ChangeConfiguration => &["key"],
        Action::UpdateFirmware => &["location"],
        Action::ReserveNow => &["expiryDate"],
        Action::CancelReservation => &["reservationId"],
        Action::SetChargingProfile => &["limit"],
        Action::TriggerMessage => &["requestedMessage"],
        Action::DataTransfer => &["vendorId"],
        _ => &[],
    }
}

/// Reads a field by its name, which means the same in every action.
fn value(name: &str, text: &str, around: Around<'_>) -> Result<Value, FieldError> {
    let whole = |range| field::whole(text, range).map(Value::from);
    let printable = |most| field::printable(text, most).map(Value::from);
    match name {
        "connectorId" => whole(0..=10_000),
        "transactionId" | "reservationId" | "chargingProfileId" | "id" | "listVersion" => whole(0..=i32::MAX.into()),
        "numberPhases" => whole(1..=3),
        "minutes" => whole(1..=MINUTES_MOST),
        "retries" | "retryInterval" => whole(0..=86_400),
        "limit" => limit(text),
        "expiryDate" => moment(text, around)
            .and_then(|at| if at > around.now { Ok(written(at)) } else { Err(FieldError::NotFuture) }),
        "retrieveDate" | "startTime" | "stopTime" => moment(text, around).map(written),
        "location" => {
            let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
            let is_url = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_url && !text.contains(char::is_whitespace) { printable(2_000) } else { Err(FieldError::NotUrl) }
        }
        "idTag" => IdTag::new(text).map(|tag| tag.as_str().into()),
        "key" | "messageId" => printable(50),
        "value" => {
            if text.is_empty() {
                Ok(text.into())
            } else {
                printable(500)
            }
        }
        "vendorId" => printable(255),
        _ => Ok(text.into()),
    }
}

/// A limit of A or W, in tenths: the protocol has no more (OCPP 1.6, 7.13 `ChargingSchedulePeriod`).
fn limit(text: &str) -> Result<Value, FieldError> {
    let tenths = decimal::parse_scaled(text, 1).map_err(|_| FieldError::NotDecimal)?;
    match tenths {
        ..0 => Err(FieldError::TooSmall(0)),
        0..=LIMIT_MOST if tenths % 10 == 0 => Ok((tenths / 10).into()),
        #[allow(clippy::cast_precision_loss)] // far fewer digits
        0..=LIMIT_MOST => Ok((tenths as f64 / 10.0).into()),
        _ => Err(FieldError::TooLarge(LIMIT_MOST / 10)),
    }
}

/// A time as the site's clock shows it.
fn moment(text: &str, around: Around<'_>) -> Result<Timestamp, FieldError> {
    LocalTime::parse(text).map(|local| around.zone.instant(local)).ok_or(FieldError::NotLocalTime)
}

/// A time as the protocol has it.
fn written(at: Timestamp) -> Value {
    [LocalTime(at.0).with_t().as_str(), "Z"].concat().into()
}

fn seconds(minutes: &Value) -> Value {
    (minutes.as_i64().unwrap_or(0) * 60).into()
}

/// A limit as a charging profile: from now on, for good or for some minutes. The next one of that purpose on that connector
/// takes its place, as it has the same number.
fn profile(read: &Arguments, now: Timestamp) -> Arguments {
    let purpose = read.get("purpose").and_then(Value::as_str).unwrap_or("TxDefaultProfile");
    // The whole charge point is connector 0 (OCPP 1.6, 3.13.1).
    let connector = if purpose == "ChargePointMaxProfile" {
        0
    } else {
        read.get("connectorId").and_then(Value::as_i64).unwrap_or(0)
    };
    let block = match purpose {
        "ChargePointMaxProfile" => 1,
        "TxDefaultProfile" => 2,
        _ => 3,
    };
    let mut period = json!({ "startPeriod": 0, "limit": read.get("limit") });
    if let Some(phases) = read.get("numberPhases") {
        period["numberPhases"] = phases.clone();
    }
    let mut schedule = json!({
        "startSchedule": written(now),
        "chargingRateUnit": read.get("unit").and_then(Value::as_str).unwrap_or("A"),
        "chargingSchedulePeriod": [period],
    });
    let mut profile = json!({
        "chargingProfileId": block * 100_000 + connector,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
    });
    if let Some(minutes) = read.get("minutes") {
        schedule["duration"] = seconds(minutes);
        profile["validTo"] = written(now.plus(minutes.as_i64().unwrap_or(0) * 60_000));
    }
    profile["chargingSchedule"] = schedule;
    Arguments::from_iter([("connectorId".to_owned(), connector.into()), ("csChargingProfiles".to_owned(), profile)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn typed(fields: &[(&str, &str)]) -> Typed {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn payload(word: &str, fields: &[(&str, &str)]) -> Result<Value, Errors> {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        Form::of(word, &typed(fields)).unwrap().payload(Around { now: NOW, zone: &zone }).map(Value::Object)
    }

    #[test]
    fn only_the_fields_of_the_command_that_was_pressed_count() {
        let fields =
            [("c0", "A"), ("back", "/devices/"), ("UpdateFirmware.location", "http://x/y"), ("command", "Reset")];
        assert_eq!(payload("Reset?type=Hard", &fields), Ok(json!({"type": "Hard"})));
        assert_eq!(payload("UpdateFirmware", &fields), Ok(json!({"location": "http://x/y"})));
        assert!(Form::of("put-card", &typed(&fields)).is_none());
    }

    #[test]
    fn fields_are_read_by_what_they_mean() {
        assert_eq!(
            payload("DataTransfer", &[("DataTransfer.vendorId", "5"), ("DataTransfer.data", "7")]),
            Ok(json!({"vendorId": "5", "data": "7"}))
        );
        assert_eq!(
            payload("ChangeConfiguration", &[("ChangeConfiguration.key", "K"), ("ChangeConfiguration.value", "")]),
            Ok(json!({"key": "K", "value": ""}))
        );
        // The site's clock is 8 hours ahead.
        assert_eq!(
            payload(
                "ReserveNow",
                &[
                    ("ReserveNow.expiryDate", "2026-09-22T08:00"),
                    ("ReserveNow.connectorId", "2"),
                    ("ReserveNow.idTag", "")
                ]
            ),
            Ok(json!({"expiryDate": "2026-09-22T00:00:00Z", "connectorId": 2}))
        );
        assert_eq!(
            payload("GetCompositeSchedule", &[("GetCompositeSchedule.minutes", "90")]),
            Ok(json!({"duration": 5400}))
        );
    }

    #[test]
    fn a_limit_becomes_a_profile() {
        let fields = [
            ("SetChargingProfile.limit", "10.5"),
            ("SetChargingProfile.purpose", "TxDefaultProfile"),
            ("SetChargingProfile.connectorId", "2"),
            ("SetChargingProfile.numberPhases", "1"),
            ("SetChargingProfile.minutes", "60"),
            ("SetChargingProfile.unit", "A"),
        ];
        let expected = json!({
            "connectorId": 2,
            "csChargingProfiles": {
                "chargingProfileId": 200_002,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Absolute",
                "validTo": "2026-09-21T15:13:20Z",
                "chargingSchedule": {
                    "startSchedule": "2026-09-21T14:13:20Z",
                    "duration": 3600,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.5, "numberPhases": 1}],
                },
            },
        });
        assert_eq!(payload("SetChargingProfile", &fields), Ok(expected));
        let whole = payload(
            "SetChargingProfile",
            &[
                ("SetChargingProfile.limit", "32"),
                ("SetChargingProfile.purpose", "ChargePointMaxProfile"),
                ("SetChargingProfile.connectorId", "2"),
            ],
        )
        .unwrap();
        assert_eq!(whole["connectorId"], 0);
        assert_eq!(whole["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"], 32);
    }

    #[test]
    fn every_wrong_field_is_named() {
        for (word, field, text, error) in [
            ("ReserveNow", "expiryDate", "", FieldError::Required),
            ("ReserveNow", "expiryDate", "tomorrow", FieldError::NotLocalTime),
            ("ReserveNow", "expiryDate", "2026-09-21T22:13:20", FieldError::NotFuture),
            ("ReserveNow", "idTag", "123456789012345678901", FieldError::TooLong(20)),
            ("UpdateFirmware", "location", "firmware.bin", FieldError::NotUrl),
            ("SetChargingProfile", "limit", "much", FieldError::NotDecimal),
            ("SetChargingProfile", "limit", "-1", FieldError::TooSmall(0)),
            ("SetChargingProfile", "limit", "1e9", FieldError::TooLarge(1_000_000)),
            ("SetChargingProfile", "numberPhases", "4", FieldError::TooLarge(3)),
            ("SetChargingProfile", "minutes", "0", FieldError::TooSmall(1)),
            ("UnlockConnector", "connectorId", "x", FieldError::NotWhole),
            ("DataTransfer", "vendorId", " ", FieldError::Required),
            ("ChangeConfiguration", "key", "", FieldError::Required),
        ] {
            let errors = payload(word, &[(&format!("{word}.{field}"), text)]).unwrap_err();
            assert!(errors.contains(&(field.to_owned(), error)), "{word} {field}: {errors:?}");
        }
    }

    #[test]
    fn a_wrong_form_comes_back_by_the_address() {
        let zone = Zone::named("UTC").unwrap();
        let around = Around { now: NOW, zone: &zone };
        let fields = typed(&[("SetChargingProfile.limit", "<b>"), ("SetChargingProfile.minutes", "60")]);
        let form = Form::of("SetChargingProfile", &fields).unwrap();
        let found = ("unit".to_owned(), Fault::NoSuchField);
        let address = form.on(Query::from([("charger_id", "a")]), Some(&found)).on("/details/");
        let back = wrong_in(&Query::parse(address.split_once('?').unwrap().1), around).unwrap();
        assert_eq!(back.form, "SetChargingProfile");
        assert!(back.typed.contains(&("limit".to_owned(), "<b>".to_owned())));
        let limit = ("limit".to_owned(), Problem::Field(FieldError::NotDecimal));
        assert_eq!(back.errors, [limit, ("unit".to_owned(), told("unit", &Fault::NoSuchField))]);
        let forged = wrong_in(&Query::parse("wrong=Reset&at=type&why=Call+this+number"), around).unwrap();
        assert_eq!(forged.errors, [], "nobody else's words come back");
        assert_eq!(wrong_in(&Query::parse("wrong=Dance&Dance.a=1"), around), None);
        assert_eq!(wrong_in(&Query::parse("Reset.type=Hard"), around), None);
    }
}
