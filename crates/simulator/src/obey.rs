//! What a charge point does when it is asked.

use crate::car::Car;
use crate::point::{Later, Point, Tell};
use jiff::Timestamp;
use serde_json::{Value, json};

impl Point {
    /// A message was answered.
    pub(crate) fn told(&mut self, tell: &Tell, answer: &Value) {
        let is_accepted = answer["idTagInfo"]["status"] == "Accepted";
        match tell {
            Tell::Start { session, .. } => {
                if let Some(id) = answer["transactionId"].as_i64().and_then(|id| i32::try_from(id).ok()) {
                    self.given.insert(*session, id);
                }
                if let Some(running) =
                    self.running.as_mut().filter(|running| running.number == *session && !is_accepted)
                {
                    running.is_to_stop = Some("DeAuthorized");
                }
            }
            Tell::Stop { session, .. } => {
                self.given.remove(session);
            }
            Tell::Boot => {
                if let Some(seconds) = answer["interval"].as_u64().filter(|seconds| *seconds > 0) {
                    self.configuration.insert("HeartbeatInterval".to_owned(), seconds.to_string());
                }
            }
            _ => {}
        }
    }

    /// The number that the running session was given.
    fn running_id(&self) -> Option<i64> {
        self.running.as_ref().and_then(|running| self.given.get(&running.number)).map(|id| i64::from(*id))
    }
}

/// The answer to what it is asked; `None` for what it does not know.
pub(crate) fn answer(point: &mut Point, action: &str, payload: &Value) -> Option<Value> {
    let status = |is_accepted: bool| json!({ "status": if is_accepted { "Accepted" } else { "Rejected" } });
    Some(match action {
        "RemoteStartTransaction" => status(point.running.is_none() && !point.is_faulted && point.is_available),
        "RemoteStopTransaction" => status(point.running_id().is_some_and(|id| payload["transactionId"] == id)),
        "Reset" | "ClearCache" | "DataTransfer" | "SendLocalList" => {
            if let Some(version) = payload["listVersion"].as_i64() {
                point.local_list_version = version;
            }
            status(true)
        }
        "UnlockConnector" => json!({ "status": "Unlocked" }),
        "ChangeAvailability" => json!({ "status": if point.running.is_some() { "Scheduled" } else { "Accepted" } }),
        "TriggerMessage" => {
            let known = ["BootNotification", "Heartbeat", "MeterValues", "StatusNotification"];
            let is_known = payload["requestedMessage"].as_str().is_some_and(|name| known.contains(&name));
            json!({ "status": if is_known { "Accepted" } else { "NotImplemented" } })
        }
        "ChangeConfiguration" => {
            let (key, value) = (payload["key"].as_str()?, payload["value"].as_str()?);
            point.configuration.insert(key.to_owned(), value.to_owned());
            status(true)
        }
        "GetConfiguration" => configuration(point, payload),
        "GetLocalListVersion" => json!({ "listVersion": point.local_list_version }),
        "ReserveNow" => {
            let is_free = point.car.is_none() && point.is_available && !point.is_faulted;
            point.is_reserved |= is_free;
            json!({ "status": if is_free { "Accepted" } else { "Occupied" } })
        }
        "CancelReservation" => status(std::mem::take(&mut point.is_reserved)),
        "SetChargingProfile" => set_profile(point, &payload["csChargingProfiles"]),
        "ClearChargingProfile" => {
            match payload["id"].as_i64() {
                Some(id) => drop(point.limits.remove(&id)),
                None => point.limits.clear(),
            }
            status(true)
        }
        "GetCompositeSchedule" => json!({
            "status": "Accepted", "connectorId": payload["connectorId"], "scheduleStart": Timestamp::now().to_string(),
            "chargingSchedule": {
                "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": point.offered() }],
            },
        }),
        "UpdateFirmware" => json!({}),
        "GetDiagnostics" => json!({ "fileName": "diagnostics.log" }),
        _ => return None,
    })
}

fn configuration(point: &Point, payload: &Value) -> Value {
    let wanted: Vec<&str> = payload["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_wanted = |key: &str| wanted.is_empty() || wanted.contains(&key);
    let known: Vec<Value> = point
        .configuration
        .iter()
        .filter(|(key, _)| is_wanted(key))
        .map(|(key, value)| json!({ "key": key, "readonly": key == "NumberOfConnectors", "value": value }))
        .collect();
    let unknown: Vec<&str> = wanted.into_iter().filter(|key| !point.configuration.contains_key(*key)).collect();
    json!({ "configurationKey": known, "unknownKey": unknown })
}

/// Takes over the limit that holds now; in W it is shared by the phases.
fn set_profile(point: &mut Point, profile: &Value) -> Value {
    let schedule = &profile["chargingSchedule"];
    let limit = schedule["chargingSchedulePeriod"][0]["limit"].as_f64();
    let (Some(id), Some(limit)) = (profile["chargingProfileId"].as_i64(), limit) else {
        return json!({ "status": "Rejected" });
    };
    let is_watts = schedule["chargingRateUnit"] == "W";
    let amperes = if is_watts { limit / crate::car::VOLTS / f64::from(point.unit.phases) } else { limit };
    point.limits.insert(id, amperes);
    json!({ "status": "Accepted" })
}

/// What it does when its answer has left.
pub(crate) fn after(point: &mut Point, action: &str, payload: &Value) {
    match action {
        "RemoteStartTransaction" if point.running.is_none() && !point.is_faulted && point.is_available => {
            let card = payload["idTag"].as_str().unwrap_or_default().to_owned();
            if point.car.is_none() {
                point.car = Some(Car::arriving(&mut point.random, point.unit.phases));
            }
            if let Some(car) = &mut point.car {
                car.wanted = car.wanted.max(car.taken + 5_000.0);
            }
            point.is_reserved = false;
            point.begin(card);
        }
        "RemoteStopTransaction" if point.running_id().is_some_and(|id| payload["transactionId"] == id) => {
            point.end("Remote");
        }
        "Reset" => {
            let is_hard = payload["type"] == "Hard";
            point.end(if is_hard { "HardReset" } else { "SoftReset" });
            point.later.push((3, Later::Boot));
        }
        "UnlockConnector" => point.end("UnlockCommand"),
        "ChangeAvailability" => {
            point.is_available = payload["type"] != "Inoperative";
        }
        "TriggerMessage" => match payload["requestedMessage"].as_str() {
            Some("BootNotification") => point.tell(Tell::Boot),
            Some("Heartbeat") => point.tell(Tell::Heartbeat),
            Some("MeterValues") => point.measure(),
            _ => point.tell(Tell::Status),
        },
        "UpdateFirmware" => {
            let steps = [(2, "Downloading"), (10, "Downloaded"), (12, "Installing"), (25, "Installed")];
            point.later.extend(steps.map(|(left, status)| (left, Later::Tell(Tell::Firmware(status)))));
            point.later.push((22, Later::Boot));
        }
        "GetDiagnostics" => {
            let steps = [(1, "Uploading"), (5, "UploadFailed")];
            point.later.extend(steps.map(|(left, status)| (left, Later::Tell(Tell::Diagnostics(status)))));
        }
        _ => {}
    }
    point.tell_status();
}
