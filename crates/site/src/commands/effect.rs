//! When a command has done what it was to do. "Accepted" is not yet done: the effect must be seen.

use super::limit;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::ChargePointNow;
use bmw_domain::charger::event::Accepted;
use bmw_domain::command::Action;
use bmw_domain::record::TransactionId;
use serde_json::Value;
use std::time::Duration;

/// How long an effect is watched for.
const SOON: Duration = Duration::from_mins(1);
/// A charge point that starts anew takes its time.
const BOOT: Duration = Duration::from_mins(5);
/// So do downloads and uploads.
const TRANSFER: Duration = Duration::from_hours(1);

/// What is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// The answer itself.
    Answer,
    /// A session on a connector that was not there.
    SessionAfter(TransactionId, i32),
    /// That a session runs no more.
    SessionEnded(TransactionId),
    /// A message.
    Heard(String),
    /// A status of a connector; of 0, of all.
    Status(i32, Wanted),
    /// The end of an update.
    Firmware,
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
    /// What is to be seen of a command; `now` is how the charge point is before.
    pub(super) fn of(action: Action, arguments: &Value, now: &ChargePointNow) -> Self {
        let connector = || arguments["connectorId"].as_i64().and_then(|it| i32::try_from(it).ok()).unwrap_or(0);
        match action {
            Action::RemoteStartTransaction => {
                let last = now.running.last().map_or(TransactionId(0), |session| session.transaction.id);
                Self::SessionAfter(last, connector())
            }
            Action::RemoteStopTransaction => {
                let id = arguments["transactionId"].as_i64().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
                Self::SessionEnded(TransactionId(id))
            }
            Action::Reset => Self::Heard("BootNotification".to_owned()),
            Action::TriggerMessage => {
                Self::Heard(arguments["requestedMessage"].as_str().unwrap_or_default().to_owned())
            }
            Action::ChangeAvailability => {
                let is_out = arguments["type"] == "Inoperative";
                Self::Status(connector(), if is_out { Wanted::Unavailable } else { Wanted::Available })
            }
            Action::ReserveNow => Self::Status(connector(), Wanted::Reserved),
            Action::UpdateFirmware => Self::Firmware,
            Action::GetDiagnostics => Self::Diagnostics,
            _ => Self::Answer,
        }
    }

    /// How long it is watched for.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Heard(_) => BOOT,
            Self::Firmware | Self::Diagnostics => TRANSFER,
            _ => SOON,
        }
    }

    /// Whether it is seen in a charge point since a moment; `Some(false)` when it will not come any more.
    pub(super) fn is_seen(&self, now: &ChargePointNow, since: Timestamp) -> Option<bool> {
        let newer = |at: Timestamp| at >= since;
        let after = |status: &Option<(String, Timestamp)>| {
            status.as_ref().filter(|(_, at)| newer(*at)).map(|(status, _)| status.clone())
        };
        let is_there = match self {
            Self::Answer => true,
            Self::SessionAfter(id, connector) => now.running.iter().any(|session| {
                session.transaction.id > *id && session.connector == *connector && newer(session.received.0)
            }),
            Self::SessionEnded(id) => now.running.iter().all(|session| session.transaction.id != *id),
            Self::Heard(name) => now.heard.iter().any(|(heard, at)| heard == name && newer(*at)),
            Self::Status(number, wanted) => {
                // One that never told its status says nothing.
                let told = now.connectors.iter().filter(|it| it.status.is_some());
                let mut connectors = told.filter(|it| *number == 0 || it.number == *number).peekable();
                connectors.peek().is_some() && connectors.all(|it| wanted.is(it.status.as_deref().unwrap_or_default()))
            }
            Self::Firmware => match after(&now.firmware)?.as_str() {
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

impl Wanted {
    fn is(self, status: &str) -> bool {
        match self {
            Self::Unavailable => status == "Unavailable",
            Self::Available => !status.is_empty() && status != "Unavailable",
            Self::Reserved => status == "Reserved",
        }
    }
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

/// Whether a charge point's answer says that it will do what it was asked.
pub(super) fn is_accepted(result: &Value) -> bool {
    match result.get("status").and_then(Value::as_str) {
        None => true,
        Some(status) => matches!(status, "Accepted" | "Scheduled" | "RebootRequired" | "Unlocked"),
    }
}
