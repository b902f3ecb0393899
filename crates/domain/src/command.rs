//! What can be asked of a charge point, and what becomes of it.

use crate::calendar::Timestamp;
use crate::record::ChargePointKey;
use serde::{Deserialize, Serialize};

/// What can be asked of a charge point, by the protocol's names (OCPP 1.6, 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // the protocol's own names
pub enum Action {
    CancelReservation,
    ChangeAvailability,
    ChangeConfiguration,
    ClearCache,
    ClearChargingProfile,
    DataTransfer,
    GetCompositeSchedule,
    GetConfiguration,
    GetDiagnostics,
    GetLocalListVersion,
    RemoteStartTransaction,
    RemoteStopTransaction,
    ReserveNow,
    Reset,
    SendLocalList,
    SetChargingProfile,
    TriggerMessage,
    UnlockConnector,
    UpdateFirmware,
}

impl Action {
    /// All, with their names.
    pub const ALL: [(Self, &'static str); 19] = [
        (Self::CancelReservation, "CancelReservation"),
        (Self::ChangeAvailability, "ChangeAvailability"),
        (Self::ChangeConfiguration, "ChangeConfiguration"),
        (Self::ClearCache, "ClearCache"),
        (Self::ClearChargingProfile, "ClearChargingProfile"),
        (Self::DataTransfer, "DataTransfer"),
        (Self::GetCompositeSchedule, "GetCompositeSchedule"),
        (Self::GetConfiguration, "GetConfiguration"),
        (Self::GetDiagnostics, "GetDiagnostics"),
        (Self::GetLocalListVersion, "GetLocalListVersion"),
        (Self::RemoteStartTransaction, "RemoteStartTransaction"),
        (Self::RemoteStopTransaction, "RemoteStopTransaction"),
        (Self::ReserveNow, "ReserveNow"),
        (Self::Reset, "Reset"),
        (Self::SendLocalList, "SendLocalList"),
        (Self::SetChargingProfile, "SetChargingProfile"),
        (Self::TriggerMessage, "TriggerMessage"),
        (Self::UnlockConnector, "UnlockConnector"),
        (Self::UpdateFirmware, "UpdateFirmware"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(action, _)| *action == self).map_or("", |(_, name)| name)
    }

    /// The action of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(action, _)| action)
    }
}

/// How far a command is (reading guide, "Commands").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandState {
    /// It waits to be sent.
    Queued,
    /// It is on its way.
    Sent,
    /// The charge point will do it.
    Accepted,
    /// The charge point will not do it.
    Rejected,
    /// The charge point could not make anything of it, or the connection was lost.
    Failed,
    /// The charge point said nothing.
    TimedOut,
    /// The charge point is not connected.
    Offline,
    /// The charge point has done it: that was seen.
    Effective,
    /// The charge point said that it would, and nothing was seen of it.
    NoEffect,
}

impl CommandState {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Queued, "queued"),
        (Self::Sent, "sent"),
        (Self::Accepted, "accepted"),
        (Self::Rejected, "rejected"),
        (Self::Failed, "failed"),
        (Self::TimedOut, "timed_out"),
        (Self::Offline, "offline"),
        (Self::Effective, "effective"),
        (Self::NoEffect, "no_effect"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(state, _)| state)
    }

    /// Whether nothing more will come of it.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent | Self::Accepted)
    }
}

/// A command and its life so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its number.
    pub id: i64,
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// What is asked.
    pub action: Action,
    /// The payload, JSON.
    pub arguments: String,
    /// How far it is.
    pub state: CommandState,
    /// What the charge point replied, JSON.
    pub result: Option<String>,
    /// Its states, and since when.
    pub history: Vec<(CommandState, Timestamp)>,
}

impl Command {
    /// It has come further.
    pub fn enter(&mut self, state: CommandState, at: Timestamp) {
        self.state = state;
        self.history.push((state, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_words_come_back() {
        for (action, name) in Action::ALL {
            assert_eq!((Action::from_name(name), action.name()), (Some(action), name));
        }
        for (state, word) in CommandState::ALL {
            assert_eq!((CommandState::from_word(word), state.word()), (Some(state), word));
        }
        assert_eq!(Action::from_name("reset"), None);
    }
}
