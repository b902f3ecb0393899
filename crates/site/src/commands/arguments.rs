//! The payload of a command: what is left out is filled in where there is one sensible value, and all of it is checked by the
//! protocol's own types before it goes out.

use super::fault::Fault;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::charger::ChargePointNow;
use bmw_domain::charger::card::Cards;
use bmw_domain::command::Action;
use bmw_domain::field::FieldError;
use ocpp_kit::decode::{DecodeError, DecodeOptions};
use ocpp_kit::v1_6::{Action as ProtocolAction, CsmsRequest};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// A payload as it came.
pub type Arguments = Map<String, Value>;

/// What the payloads are filled from.
pub(super) struct Known<'a> {
    pub(super) now: &'a ChargePointNow,
    pub(super) cards: &'a Cards,
    /// The card of an operator's start (`BMW_OPERATOR_ID_TAG`).
    pub(super) operator: &'a str,
    pub(super) time: Timestamp,
    /// Where the charge point can upload to, without the permission; `None` while it is not connected.
    pub(super) upload: Option<String>,
}

/// Fills in what was left out.
pub(super) fn fill(action: Action, arguments: &mut Arguments, known: &Known<'_>) {
    let mut set = |name: &str, value: Value| {
        arguments.entry(name).or_insert(value);
    };
    match action {
        Action::RemoteStartTransaction => {
            set("idTag", known.operator.into());
            set("connectorId", 1.into());
        }
        Action::RemoteStopTransaction => {
            if let [only] = known.now.running.as_slice() {
                set("transactionId", only.transaction.id.0.into());
            }
        }
        Action::Reset => set("type", "Soft".into()),
        Action::UnlockConnector | Action::ChangeAvailability => set("connectorId", 1.into()),
        Action::SetChargingProfile => {
            set("connectorId", 1.into());
            name_session(arguments, known.now);
        }
        Action::GetCompositeSchedule => {
            set("connectorId", 1.into());
            set("duration", 86_400.into());
        }
        Action::ReserveNow => {
            set("connectorId", 1.into());
            set("idTag", known.operator.into());
            set("reservationId", number_of(known.time).into());
        }
        Action::SendLocalList => {
            set("listVersion", number_of(known.time).into());
            set("updateType", "Full".into());
            if arguments.get("updateType").is_some_and(|kind| kind == "Full") {
                arguments.entry("localAuthorizationList").or_insert_with(|| local_list(known.cards, known.time));
            }
        }
        Action::UpdateFirmware => set("retrieveDate", written(known.time).into()),
        Action::GetDiagnostics => {
            if let Some(upload) = &known.upload {
                set("location", upload.as_str().into());
            }
        }
        Action::CancelReservation
        | Action::ChangeConfiguration
        | Action::ClearCache
        | Action::ClearChargingProfile
        | Action::DataTransfer
        | Action::GetConfiguration
        | Action::GetLocalListVersion
        | Action::TriggerMessage => {}
    }
}

/// Names the running session of the connector in a profile that is for one session.
fn name_session(arguments: &mut Arguments, now: &ChargePointNow) {
    let connector = arguments.get("connectorId").and_then(Value::as_i64);
    let session = now.running.iter().find(|session| Some(i64::from(session.connector)) == connector);
    let profile = arguments.get_mut("csChargingProfiles").and_then(Value::as_object_mut);
    if let (Some(session), Some(profile)) = (session, profile)
        && profile.get("chargingProfilePurpose").is_some_and(|purpose| purpose == "TxProfile")
    {
        profile.entry("transactionId").or_insert_with(|| session.transaction.id.0.into());
    }
}

/// A positive number that grows with the time, s.
fn number_of(time: Timestamp) -> i32 {
    i32::try_from((time.0 / 1000).rem_euclid(i64::from(i32::MAX))).unwrap_or(1).max(1)
}

fn written(time: Timestamp) -> String {
    format!("{}Z", LocalTime(time.0).with_t())
}

/// The site's cards as a charge point's own list (OCPP 1.6, 7.6 `AuthorizationData`).
fn local_list(cards: &Cards, now: Timestamp) -> Value {
    let entry = |card: &bmw_domain::charger::card::Card| {
        let verdict = cards.judge(card.tag.as_str(), now);
        let mut info = json!({ "status": verdict.permission.name() });
        if let Some(group) = verdict.group {
            info["parentIdTag"] = group.as_str().into();
        }
        if let Some(expiry) = verdict.expires_at {
            info["expiryDate"] = written(expiry).into();
        }
        json!({ "idTag": card.tag.as_str(), "idTagInfo": info })
    };
    Value::Array(cards.sorted().into_iter().map(entry).collect())
}

/// Checks a payload by the protocol's types.
///
/// # Errors
/// The wrong field, as deep as it lies, and what is wrong with it.
pub(super) fn check(action: Action, arguments: &Arguments) -> Result<(), (String, Fault)> {
    let whole = |reason: &str| (WHOLE.to_owned(), Fault::Protocol { reason: reason.to_owned() });
    let protocol = ProtocolAction::from_wire(action.name()).ok_or_else(|| whole("There is no such action."))?;
    let raw: Box<RawValue> = serde_json::value::to_raw_value(arguments).map_err(|_| whole("It cannot be written."))?;
    CsmsRequest::decode(protocol, &raw, &DecodeOptions::pedantic()).map(|_| ()).map_err(|error| told(&error))
}

/// The name of the payload where no field of it is the wrong one.
const WHOLE: &str = "arguments";

/// An error by its field.
fn told(error: &DecodeError) -> (String, Fault) {
    let fault = Fault::found(error);
    // What stands behind this sign is how a number is read, and none of the protocol's names.
    let path = error.path.split("/$").next().unwrap_or_default();
    let field = path.trim_start_matches('/').replace('/', ".");
    let missing = matches!(fault, Fault::Field(FieldError::Required)).then(|| error.reason.split('`').nth(1)).flatten();
    let field = match missing {
        Some(name) if field.is_empty() || field.ends_with(name) => name.to_owned(),
        Some(name) => format!("{field}.{name}"),
        None if field.is_empty() => WHOLE.to_owned(),
        None => field,
    };
    (field, fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::record::{ChargePoint, ChargePointKey, Identity};

    fn filled(action: Action, arguments: Value) -> Arguments {
        let now = ChargePointNow::new(ChargePointKey(1), ChargePoint::unknown(Identity::new("A").unwrap()), None);
        let Value::Object(mut arguments) = arguments else { panic!() };
        let known = Known {
            now: &now,
            cards: &Cards::new([], true),
            operator: "OPERATOR",
            time: Timestamp(1_790_000_000_000),
            upload: Some("http://10.0.0.1:8000/ocpp/upload/".to_owned()),
        };
        fill(action, &mut arguments, &known);
        arguments
    }

    #[test]
    fn what_has_one_sensible_value_is_filled_in() {
        for (action, given, expected) in [
            (Action::RemoteStartTransaction, json!({}), json!({"idTag": "OPERATOR", "connectorId": 1})),
            (Action::RemoteStartTransaction, json!({"idTag": "a"}), json!({"idTag": "a", "connectorId": 1})),
            (Action::Reset, json!({}), json!({"type": "Soft"})),
            (Action::UnlockConnector, json!({"connectorId": 2}), json!({"connectorId": 2})),
            (
                Action::UpdateFirmware,
                json!({"location": "http://x/y"}),
                json!({"location": "http://x/y", "retrieveDate": "2026-09-21T14:13:20Z"}),
            ),
            (
                Action::SendLocalList,
                json!({}),
                json!({"listVersion": 1_790_000_000, "updateType": "Full", "localAuthorizationList": []}),
            ),
            (
                Action::GetDiagnostics,
                json!({"retries": 2}),
                json!({"retries": 2, "location": "http://10.0.0.1:8000/ocpp/upload/"}),
            ),
            (Action::GetDiagnostics, json!({"location": "ftp://x/"}), json!({"location": "ftp://x/"})),
            (Action::ClearCache, json!({}), json!({})),
        ] {
            let filled = filled(action, given);
            assert_eq!(Value::Object(filled.clone()), expected);
            assert_eq!(check(action, &filled), Ok(()), "{action:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        use FieldError::{NotAChoice, NotDecimal, NotText, NotWhole, Required, TooLarge, TooLong, TooSmall};
        let profile = |change: Value| {
            let mut profile = json!({
                "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Absolute",
                "chargingSchedule": {
                    "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 10 }],
                },
            });
            for (name, value) in change.as_object().unwrap() {
                profile[name] = value.clone();
            }
            json!({ "csChargingProfiles": profile })
        };
        let schedule = |periods: Value| {
            profile(json!({ "chargingSchedule": { "chargingRateUnit": "A", "chargingSchedulePeriod": periods } }))
        };
        for (action, given, field, fault) in [
            (Action::RemoteStopTransaction, json!({}), "transactionId", Fault::Field(Required)),
            (Action::RemoteStopTransaction, json!({"transactionId": "x"}), "transactionId", Fault::Field(NotWhole)),
            (Action::RemoteStopTransaction, json!({"transactionId": 1.5}), "transactionId", Fault::Field(NotWhole)),
            (
                Action::RemoteStopTransaction,
                json!({"transactionId": 9_999_999_999_i64}),
                "transactionId",
                Fault::Field(TooLarge(2_147_483_647)),
            ),
            (
                Action::RemoteStopTransaction,
                json!({"transactionId": -9_999_999_999_i64}),
                "transactionId",
                Fault::Field(TooSmall(-2_147_483_648)),
            ),
            (Action::Reset, json!({"type": "Gentle"}), "type", Fault::Field(NotAChoice)),
            (Action::Reset, json!({"type": []}), "type", Fault::WrongType),
            (Action::TriggerMessage, json!({}), "requestedMessage", Fault::Field(Required)),
            (Action::GetDiagnostics, json!({"location": 1}), "location", Fault::Field(NotText)),
            (Action::ChangeAvailability, json!({}), "type", Fault::Field(Required)),
            (Action::RemoteStartTransaction, json!({"idTag": "x".repeat(21)}), "idTag", Fault::Field(TooLong(20))),
            (Action::Reset, json!({"typ": "Soft"}), "typ", Fault::NoSuchField),
            (Action::ReserveNow, json!({"expiryDate": "soon"}), "expiryDate", Fault::NotTime),
            (Action::ReserveNow, json!({"expiryDate": 5}), "expiryDate", Fault::NotTime),
            (
                Action::SetChargingProfile,
                json!({"csChargingProfiles": {"chargingProfileId": 1, "stackLevel": 0}}),
                "csChargingProfiles.chargingProfilePurpose",
                Fault::Field(Required),
            ),
            (
                Action::SetChargingProfile,
                profile(json!({"stackLevel": "0"})),
                "csChargingProfiles.stackLevel",
                Fault::Field(NotWhole),
            ),
            (
                Action::SetChargingProfile,
                schedule(json!([{ "startPeriod": 0, "limit": "much" }])),
                "csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit",
                Fault::Field(NotDecimal),
            ),
        ] {
            let error = check(action, &filled(action, given.clone())).unwrap_err();
            assert_eq!(error, (field.to_owned(), fault), "{given}");
        }
    }
}
