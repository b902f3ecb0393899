//! When a command has done what it was to do. "Accepted" is not yet done: the effect must be seen.

use super::limit;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::event::Accepted;
use bmw_domain::charger::{ChargePointNow, Connector};
use bmw_domain::command::Action;
use bmw_domain::record::TransactionId;
use serde_json::Value;
use std::time::Duration;

/// How long an effect is watched for.
const SOON: Duration = Duration::from_mins(1);
/// A charge point that starts anew takes its time, and so does a driver who plugs in: both within `ConnectionTimeOut`, which is a
/// few minutes (OCPP 1.6, 5.11).
const SLOW: Duration = Duration::from_mins(5);
/// So do downloads and uploads.
const TRANSFER: Duration = Duration::from_hours(1);
/// The longest that anything is watched for, whatever it waits for.
pub(super) const LONGEST: Duration = Duration::from_hours(366 * 24);

/// What is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// The answer itself.
    Answer,
    /// A session that begins on a connector.
    Session(i32),
    /// That a session runs no more.
    SessionEnded(TransactionId),
    /// A message.
    Heard(String),
    /// A start of the charge point itself.
    Boot,
    /// A status of a connector; of 0, of all.
    Status(i32, Wanted),
    /// The end of an update, which begins at this time.
    Firmware(Option<Timestamp>),
    /// The end of an upload.
    Diagnostics,
}

/// A status that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Out of service.
    Unavailable,
    /// In service.
    Available,
    /// Reserved.
    Reserved,
}

impl Effect {
    /// What is to be seen of a command.
    pub(super) fn of(action: Action, arguments: &Value) -> Self {
        let connector = arguments["connectorId"].as_i64().and_then(|it| i32::try_from(it).ok()).unwrap_or(0);
        match action {
            Action::RemoteStartTransaction => Self::Session(connector),
            Action::RemoteStopTransaction => {
                let id = arguments["transactionId"].as_i64().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
                Self::SessionEnded(TransactionId(id))
            }
            Action::Reset => Self::Boot,
            Action::TriggerMessage => {
                Self::Heard(arguments["requestedMessage"].as_str().unwrap_or_default().to_owned())
            }
            Action::ChangeAvailability => {
                let is_out = arguments["type"] == "Inoperative";
                Self::Status(connector, if is_out { Wanted::Unavailable } else { Wanted::Available })
            }
            // Which connector it will be is not known before the card is there: no status changes.
            Action::ReserveNow if connector == 0 => Self::Answer,
            Action::ReserveNow => Self::Status(connector, Wanted::Reserved),
            Action::UpdateFirmware => Self::Firmware(instant(&arguments["retrieveDate"])),
            Action::GetDiagnostics => Self::Diagnostics,
            _ => Self::Answer,
        }
    }

    /// How long it is watched for.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Session(_) | Self::Boot | Self::Heard(_) => SLOW,
            Self::Firmware(_) | Self::Diagnostics => TRANSFER,
            Self::Answer | Self::SessionEnded(_) | Self::Status(..) => SOON,
        }
    }

    /// How much of that is left of a command that was accepted at a moment. What is done later has its time from then on; what
    /// was accepted long ago, when the site was last at work, is given a little: the charge point may have something to tell.
    pub(super) fn time_left(&self, patience: Duration, accepted: Timestamp, now: Timestamp) -> Duration {
        let from = match self {
            Self::Firmware(Some(begins)) => accepted.max(*begins),
            _ => accepted,
        };
        let waited = now.since(from);
        let distance = Duration::from_millis(waited.unsigned_abs());
        let left = if waited < 0 { patience + distance } else { patience.saturating_sub(distance) };
        left.max(patience.min(SOON)).min(LONGEST)
    }

    /// Whether it can only come when a session has ended that still runs.
    pub(super) fn is_held(&self, now: &ChargePointNow) -> bool {
        let Self::Status(number, _) = self else { return false };
        now.running.iter().any(|session| *number == 0 || session.connector == *number)
    }

    /// Whether it is seen in a charge point since a moment; `Some(false)` when it will not come any more.
    pub(super) fn is_seen(&self, now: &ChargePointNow, since: Timestamp) -> Option<bool> {
        let newer = |at: Timestamp| at >= since;
        let after = |status: &Option<(String, Timestamp)>| {
            status.as_ref().filter(|(_, at)| newer(*at)).map(|(status, _)| status.clone())
        };
        let is_there = match self {
            Self::Answer => true,
            Self::Session(connector) => {
                now.running.iter().any(|session| session.connector == *connector && newer(session.received.0))
            }
            Self::SessionEnded(id) => now.running.iter().all(|session| session.transaction.id != *id),
            Self::Heard(name) => now.heard.iter().any(|(heard, at)| heard == name && newer(*at)),
            Self::Boot => now.booted_at.is_some_and(newer),
            Self::Status(number, wanted) => is_told(now, *number, *wanted),
            Self::Firmware(_) => match after(&now.firmware)?.as_str() {
                "Installed" => true,
                "DownloadFailed" | "InstallationFailed" => return Some(false),
                _ => false,
            },
            Self::Diagnostics => match after(&now.diagnostics)?.as_str() {
                "Uploaded" => true,
                "UploadFailed" => return Some(false),
                _ => false,
            },
        };
        is_there.then_some(true)
    }
}

/// Whether a connector has told a status; of 0, whether all have.
fn is_told(now: &ChargePointNow, number: i32, wanted: Wanted) -> bool {
    // One that never told its status says nothing.
    let told = || now.connectors.iter().filter(|it| it.status.is_some());
    let is_so = |it: &Connector| wanted.is(it.status.as_deref().unwrap_or_default());
    let all = |which: &dyn Fn(&&Connector) -> bool| {
        let mut connectors = told().filter(which).peekable();
        connectors.peek().is_some() && connectors.all(is_so)
    };
    match (number, wanted) {
        // The whole is out of service where it says so itself, and where nothing of it is left.
        (0, Wanted::Unavailable) => all(&|it| it.number == 0) || all(&|it| it.number > 0),
        (0, _) => all(&|_| true),
        _ => all(&|it| it.number == number),
    }
}

impl Wanted {
    fn is(self, status: &str) -> bool {
        match self {
            Self::Unavailable => status == "Unavailable",
            Self::Available => !status.is_empty() && status != "Unavailable",
            Self::Reserved => status == "Reserved",
        }
    }
}

/// A time as the protocol has it.
fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_millisecond()))
}

/// What the acceptance of a charging profile changes; `None` where it says nothing that is known here.
pub(crate) fn accepted_limit(profile: &Value) -> Option<Accepted> {
    limit::accepted(Action::SetChargingProfile, profile)
}

/// What an accepted command changes in the documented state.
pub(super) fn accepted(action: Action, arguments: &Value) -> Accepted {
    let whole = |name: &str| arguments[name].as_i64();
    match action {
        Action::RemoteStartTransaction => {
            Accepted::RemoteStart(whole("connectorId").and_then(|it| i32::try_from(it).ok()).unwrap_or(1).max(1))
        }
        Action::RemoteStopTransaction => Accepted::RemoteStop(whole("transactionId").unwrap_or(-1)),
        Action::Reset => Accepted::Reset,
        Action::SetChargingProfile | Action::ClearChargingProfile => {
            limit::accepted(action, arguments).unwrap_or(Accepted::Other(action.name()))
        }
        other => Accepted::Other(other.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::record::{ChargePoint, ChargePointKey, Identity};
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const HOUR_MS: i64 = 3_600_000;

    fn left(action: Action, arguments: &Value, accepted: Timestamp) -> Duration {
        let effect = Effect::of(action, arguments);
        effect.time_left(effect.patience(), accepted, NOW)
    }

    #[test]
    fn an_update_for_later_is_watched_until_an_hour_after_it_begins() {
        for (retrieve, hours) in [
            ("2026-09-21T14:13:20Z", 1),
            ("2026-09-21T10:13:20Z", 1),
            ("2026-09-21T16:13:20Z", 3),
            ("2026-09-21T16:13:20.000+02:00", 1),
            ("2026-09-28T14:13:20Z", 7 * 24 + 1),
            ("9999-01-01T00:00:00Z", 366 * 24),
        ] {
            let arguments = json!({ "location": "http://x/y", "retrieveDate": retrieve });
            assert_eq!(left(Action::UpdateFirmware, &arguments, NOW), Duration::from_hours(hours), "{retrieve}");
        }
    }

    #[test]
    fn a_driver_has_five_minutes_to_plug_in() {
        let start = json!({ "connectorId": 1, "idTag": "a" });
        assert_eq!(left(Action::RemoteStartTransaction, &start, NOW), Duration::from_mins(5));
    }

    #[test]
    fn the_time_that_has_passed_counts_but_for_the_last_minute() {
        let start = json!({ "connectorId": 1, "idTag": "a" });
        let accepted = |ago: i64| left(Action::RemoteStartTransaction, &start, NOW.plus(-ago));
        assert_eq!(accepted(120_000), Duration::from_mins(3));
        assert_eq!(accepted(24 * HOUR_MS), Duration::from_mins(1));
        // The clock was put back.
        assert_eq!(accepted(-500_000 * HOUR_MS), LONGEST);
    }

    fn charger(statuses: &[(i32, &str)]) -> ChargePointNow {
        let point = ChargePoint::unknown(Identity::new("A").unwrap());
        let mut now = ChargePointNow::new(ChargePointKey(1), point, None);
        for (number, status) in statuses {
            now.connector_mut(*number).status = Some((*status).to_owned());
        }
        now
    }

    #[test]
    fn the_whole_charge_point_is_out_of_service_where_it_or_all_of_it_says_so() {
        let out = Effect::of(Action::ChangeAvailability, &json!({ "connectorId": 0, "type": "Inoperative" }));
        let back = Effect::of(Action::ChangeAvailability, &json!({ "connectorId": 0, "type": "Operative" }));
        for (statuses, is_out, is_back) in [
            (&[][..], false, false),
            (&[(0, "Unavailable")], true, false),
            (&[(0, "Unavailable"), (1, "Available")], true, false),
            (&[(0, "Available"), (1, "Unavailable")], true, false),
            (&[(1, "Unavailable"), (2, "Unavailable")], true, false),
            (&[(1, "Unavailable"), (2, "Available")], false, false),
            (&[(0, "Available"), (1, "Available"), (2, "Charging")], false, true),
        ] {
            let now = charger(statuses);
            assert_eq!(out.is_seen(&now, NOW).is_some(), is_out, "{statuses:?}");
            assert_eq!(back.is_seen(&now, NOW).is_some(), is_back, "{statuses:?}");
        }
        let one = Effect::of(Action::ChangeAvailability, &json!({ "connectorId": 2, "type": "Inoperative" }));
        assert_eq!(one.is_seen(&charger(&[(0, "Unavailable"), (2, "Available")]), NOW), None);
        assert_eq!(one.is_seen(&charger(&[(1, "Available"), (2, "Unavailable")]), NOW), Some(true));
    }

    #[test]
    fn a_reservation_of_any_connector_changes_no_status() {
        let any = json!({ "connectorId": 0, "idTag": "a", "expiryDate": "2026-09-21T16:13:20Z", "reservationId": 1 });
        assert_eq!(Effect::of(Action::ReserveNow, &any), Effect::Answer);
        let mut one = any;
        one["connectorId"] = 1.into();
        assert_eq!(Effect::of(Action::ReserveNow, &one), Effect::Status(1, Wanted::Reserved));
    }
}
