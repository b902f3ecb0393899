//! What a charge point does when it is asked.

use crate::car::Car;
use crate::cards::Reservation;
use crate::point::{Later, Point, Tell};
use crate::profile;
use crate::upload::{FILE_NAME, Upload};
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
            Tell::Boot { .. } => {
                let seconds = answer["interval"].as_u64().and_then(|seconds| u32::try_from(seconds).ok());
                self.booted(answer["status"] == "Accepted", seconds);
            }
            Tell::Authorize(card) => {
                self.authorized(card, answer["idTagInfo"]["parentIdTag"].as_str(), is_accepted);
            }
            _ => {}
        }
    }

    /// The number that the running session was given.
    fn running_id(&self) -> Option<i64> {
        self.running.as_ref().and_then(|running| self.given.get(&running.number)).map(|id| i64::from(*id))
    }

    /// Whether a request to start a session can be followed.
    fn may_start(&self, request: &Value) -> bool {
        self.may_begin() && request["idTag"].as_str().is_some_and(|card| !self.is_kept_from(card, None))
    }

    /// Starts the session that it is asked for.
    fn start(&mut self, request: &Value) {
        let card = request["idTag"].as_str().unwrap_or_default().to_owned();
        let car = self.car.get_or_insert_with(|| Car::arriving(&mut self.random, self.unit.phases));
        car.wanted = car.wanted.max(car.taken + 5_000.0);
        if self.settings.is_on("AuthorizeRemoteTxRequests") {
            return self.read(card);
        }
        self.begin(card);
        let profile = &request["chargingProfile"];
        if !profile.is_null() && !self.put_profile(1, profile) {
            tracing::debug!(charge_point = self.unit.identity, %profile, "no profile for a session");
        }
    }

    /// Keeps itself free for somebody, and gives the status to be answered.
    fn reserve(&mut self, request: &Value) -> &'static str {
        let Some(reservation) = Reservation::read(request) else { return "Rejected" };
        // One of the same number takes the place of the one before.
        let is_other = self.reservation.as_ref().is_some_and(|known| known.id != reservation.id);
        if self.is_faulted {
            "Faulted"
        } else if !self.is_available {
            "Unavailable"
        } else if is_other || self.car.is_some() {
            "Occupied"
        } else {
            self.reservation = Some(reservation);
            "Accepted"
        }
    }
}

/// The answer to what it is asked; `None` for what it does not know.
pub(crate) fn answer(point: &mut Point, action: &str, payload: &Value) -> Option<Value> {
    let status = |is_accepted: bool| json!({ "status": if is_accepted { "Accepted" } else { "Rejected" } });
    Some(match action {
        "RemoteStartTransaction" => status(point.may_start(payload)),
        "RemoteStopTransaction" => status(point.running_id().is_some_and(|id| payload["transactionId"] == id)),
        "Reset" | "ClearCache" | "DataTransfer" => status(true),
        "SendLocalList" if !point.settings.is_on("LocalAuthListEnabled") => json!({ "status": "NotSupported" }),
        "SendLocalList" => json!({ "status": point.local_list.update(payload) }),
        "UnlockConnector" => json!({ "status": "Unlocked" }),
        "ChangeAvailability" => json!({ "status": if point.running.is_some() { "Scheduled" } else { "Accepted" } }),
        "TriggerMessage" => {
            let known = [
                "BootNotification",
                "DiagnosticsStatusNotification",
                "FirmwareStatusNotification",
                "Heartbeat",
                "MeterValues",
                "StatusNotification",
            ];
            let is_known = payload["requestedMessage"].as_str().is_some_and(|name| known.contains(&name));
            json!({ "status": if is_known { "Accepted" } else { "NotImplemented" } })
        }
        "ChangeConfiguration" => {
            let (key, value) = (payload["key"].as_str()?, payload["value"].as_str()?);
            // It is written and never told: it is no setting like the others (security whitepaper, A01).
            let is_password = key == "AuthorizationKey";
            json!({ "status": if is_password { take_password(point, value) } else { point.settings.change(key, value) } })
        }
        "GetConfiguration" => point.settings.told(payload),
        "GetLocalListVersion" => json!({ "listVersion": point.local_list.version }),
        "ReserveNow" => json!({ "status": point.reserve(payload) }),
        "CancelReservation" => {
            let id = payload["reservationId"].as_i64();
            status(point.reservation.take_if(|reservation| Some(reservation.id) == id).is_some())
        }
        "SetChargingProfile" => status(set_profile(point, payload)),
        "ClearChargingProfile" => {
            json!({ "status": if point.profiles.clear(payload) { "Accepted" } else { "Unknown" } })
        }
        "GetCompositeSchedule" => {
            let (session, now) = (point.in_session(), point.now());
            profile::composite(&point.profiles, payload, session, now, point.unit.amperes, point.unit.phases)
        }
        "UpdateFirmware" => json!({}),
        "GetDiagnostics" => json!({ "fileName": FILE_NAME }),
        _ => return None,
    })
}

/// Another password: 16 to 40 hexadecimal digits. It comes anew with it, once it has answered.
fn take_password(point: &mut Point, value: &str) -> &'static str {
    let is_one = (16..=40).contains(&value.len()) && value.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_one {
        return "Rejected";
    }
    point.password = Some(value.to_owned());
    point.comes_anew = true;
    "Accepted"
}

fn set_profile(point: &mut Point, payload: &Value) -> bool {
    let connector = payload["connectorId"].as_i64().filter(|connector| *connector >= 0);
    connector.is_some_and(|connector| point.put_profile(connector, &payload["csChargingProfiles"]))
}

/// What it does when its answer has left.
pub(crate) fn after(point: &mut Point, action: &str, payload: &Value) {
    match action {
        "RemoteStartTransaction" if point.may_start(payload) => point.start(payload),
        "RemoteStopTransaction" if point.running_id().is_some_and(|id| payload["transactionId"] == id) => {
            point.end("Remote");
        }
        "Reset" => {
            let is_hard = payload["type"] == "Hard";
            point.restart(if is_hard { "HardReset" } else { "SoftReset" });
            point.later.push((3, Later::Boot));
        }
        "UnlockConnector" => point.end("UnlockCommand"),
        "ChangeAvailability" => {
            point.is_available = payload["type"] != "Inoperative";
        }
        "TriggerMessage" => match payload["requestedMessage"].as_str() {
            Some("BootNotification") => point.tell(Tell::Boot { is_asked: true }),
            Some("DiagnosticsStatusNotification") => point.tell(Tell::Diagnostics(point.diagnostics_status)),
            Some("FirmwareStatusNotification") => point.tell(Tell::Firmware(point.firmware_status)),
            Some("Heartbeat") => point.tell(Tell::Heartbeat),
            Some("MeterValues") => point.measure(),
            Some("StatusNotification") => point.tell(Tell::Status(point.status())),
            _ => {}
        },
        // One that goes on is not begun again.
        "UpdateFirmware" if point.firmware_status == "Idle" => {
            point.firmware_status = "Downloading";
            let steps = [(2, "Downloading"), (10, "Downloaded"), (12, "Installing"), (25, "Installed")];
            point.later.extend(steps.map(|(left, status)| (left, Later::Firmware(status))));
            point.later.push((22, Later::Boot));
        }
        "GetDiagnostics" => {
            point.uploaded("Uploading");
            point.to_upload = Some(Upload::asked(point, payload));
        }
        _ => {}
    }
    point.tell_status();
}
