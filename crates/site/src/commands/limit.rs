//! What the charging profiles that a charge point accepts limit, in the domain's words.

use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::event::Accepted;
use bmw_domain::charger::limit::{Begin, Limit, Purpose, Which};
use bmw_domain::command::Action;
use bmw_domain::record::TransactionId;
use ocpp_kit::decode::DecodeOptions;
use ocpp_kit::types::DateTime;
use ocpp_kit::v1_6::{
    Action as ProtocolAction, ChargingProfile, ChargingProfileKind, ChargingProfilePurpose, ChargingRateUnit,
    CsmsRequest, RecurrencyKind,
};
use serde_json::Value;

/// The most periods of a limit that are kept; no charge point takes as many.
const PERIODS: usize = 512;

/// What such a command changes; `None` where it says nothing that is known here.
pub(super) fn accepted(action: Action, arguments: &Value) -> Option<Accepted> {
    let raw = serde_json::value::to_raw_value(arguments).ok()?;
    let protocol = ProtocolAction::from_wire(action.name())?;
    // It was checked before it was sent.
    Some(match CsmsRequest::decode(protocol, &raw, &DecodeOptions::pedantic()).ok()? {
        CsmsRequest::SetChargingProfile(request) => {
            Accepted::Limit(Box::new(limit(request.connector_id, &request.cs_charging_profiles)?))
        }
        CsmsRequest::ClearChargingProfile(request) => Accepted::NoLimit(Which {
            id: request.id,
            connector: request.connector_id,
            // One that is not known would match all.
            purpose: request.charging_profile_purpose.map(|it| purpose(&it).ok_or(())).transpose().ok()?,
            stack_level: request.stack_level,
        }),
        _ => return None,
    })
}

fn limit(connector: i32, profile: &ChargingProfile) -> Option<Limit> {
    let schedule = &profile.charging_schedule;
    let start = schedule.start_schedule.map(instant);
    let begin = match (&profile.charging_profile_kind, &profile.recurrency_kind, start) {
        (ChargingProfileKind::Absolute, _, Some(start)) => Begin::At(start),
        (ChargingProfileKind::Recurring, Some(RecurrencyKind::Daily), Some(start)) => Begin::Daily(start),
        (ChargingProfileKind::Recurring, Some(RecurrencyKind::Weekly), Some(start)) => Begin::Weekly(start),
        // Without a time it counts from the start of the session (OCPP 1.6, 7.13 `ChargingSchedule`).
        (ChargingProfileKind::Absolute, _, None) | (ChargingProfileKind::Relative, ..) => Begin::Session,
        _ => return None,
    };
    // How many amperes some watts are depends on the voltage, which is not known here.
    let is_amperes = schedule.charging_rate_unit == ChargingRateUnit::A;
    let periods = schedule.charging_schedule_period.iter().filter(|_| is_amperes).take(PERIODS);
    let mut periods: Vec<(i64, f64)> =
        periods.map(|period| (ms(period.start_period), period.limit.to_f64_lossy().max(0.0))).collect();
    periods.sort_by_key(|(from, _)| *from);
    Some(Limit {
        id: profile.charging_profile_id,
        connector,
        stack_level: profile.stack_level,
        purpose: purpose(&profile.charging_profile_purpose)?,
        transaction: profile.transaction_id.map(TransactionId),
        valid: (profile.valid_from.map(instant), profile.valid_to.map(instant)),
        begin,
        duration: schedule.duration.map(ms),
        periods,
    })
}

fn purpose(purpose: &ChargingProfilePurpose) -> Option<Purpose> {
    Some(match purpose {
        ChargingProfilePurpose::ChargePointMaxProfile => Purpose::ChargePointMax,
        ChargingProfilePurpose::TxDefaultProfile => Purpose::TxDefault,
        ChargingProfilePurpose::TxProfile => Purpose::Tx,
        _ => return None,
    })
}

fn instant(time: DateTime) -> Timestamp {
    Timestamp(time.timestamp().as_millisecond())
}

/// Seconds as ms.
fn ms(seconds: i32) -> i64 {
    i64::from(seconds) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(change: &Value) -> Option<Limit> {
        let mut profile = json!({
            "chargingProfileId": 7, "stackLevel": 2, "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2026-09-21T14:13:20Z", "duration": 3600, "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 10 }, { "startPeriod": 60, "limit": 6.5 }],
            },
        });
        for (name, value) in change.as_object().unwrap() {
            profile[name] = value.clone();
        }
        let arguments = json!({ "connectorId": 1, "csChargingProfiles": profile });
        match accepted(Action::SetChargingProfile, &arguments)? {
            Accepted::Limit(limit) => Some(*limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_profile_is_a_limit_in_amperes() {
        let start = Timestamp(1_790_000_000_000);
        let plain = Limit {
            id: 7,
            connector: 1,
            stack_level: 2,
            purpose: Purpose::TxDefault,
            transaction: None,
            valid: (None, None),
            begin: Begin::At(start),
            duration: Some(3_600_000),
            periods: vec![(0, 10.0), (60_000, 6.5)],
        };
        assert_eq!(set(&json!({})), Some(plain.clone()));
        let recurring = json!({ "chargingProfileKind": "Recurring", "recurrencyKind": "Weekly" });
        assert_eq!(set(&recurring), Some(Limit { begin: Begin::Weekly(start), ..plain.clone() }));
        let of_a_session = json!({
            "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative", "transactionId": 9,
            "validFrom": "2026-09-21T14:13:20Z", "validTo": "2026-09-21T16:13:21+02:00",
        });
        let expected = Limit {
            purpose: Purpose::Tx,
            begin: Begin::Session,
            transaction: Some(TransactionId(9)),
            valid: (Some(start), Some(start.plus(1_000))),
            ..plain.clone()
        };
        assert_eq!(set(&of_a_session), Some(expected));
        assert_eq!(set(&json!({ "chargingProfileKind": "Recurring" })), None, "nobody knows how often");
        let watts = json!({ "chargingSchedule": {
            "chargingRateUnit": "W", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 7000 }],
        } });
        assert_eq!(set(&watts), Some(Limit { begin: Begin::Session, duration: None, periods: vec![], ..plain }));
    }

    #[test]
    fn what_is_cleared_is_what_was_named() {
        let cleared = |arguments: Value| accepted(Action::ClearChargingProfile, &arguments);
        assert_eq!(cleared(json!({})), Some(Accepted::NoLimit(Which::default())));
        let named = json!({ "connectorId": 0, "chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 1 });
        let which =
            Which { id: None, connector: Some(0), purpose: Some(Purpose::ChargePointMax), stack_level: Some(1) };
        assert_eq!(cleared(named), Some(Accepted::NoLimit(which)));
        assert_eq!(cleared(json!({ "id": 3 })), Some(Accepted::NoLimit(Which { id: Some(3), ..Which::default() })));
    }
}
