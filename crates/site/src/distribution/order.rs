//! What the governor wants to be told, in the words of OCPP 1.6, and what charge points answer.

use crate::commands::accepted_limit;
use crate::links::{Order as Message, Replied, Reply, ReplyTo};
use crate::running::Site;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::event::Accepted;
use bmw_domain::charger::limit::Which;
use bmw_domain::distribution::{Current, LIVE_ID, LIVE_MS, Order, Outcome, Running, SAFE_ID, Way, is_ours};
use bmw_domain::record::ChargePointKey;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long an order may wait to be sent: as long as the one before it may take, and a little more.
const SENT: Duration = Duration::from_secs(45);
/// How long a charge point may take to answer. One that takes longer counts as out of reach before what it was told runs out.
const ANSWERED: Duration = Duration::from_secs(20);
/// For how long a limit is asked about, s: what holds now is all that is looked at.
const ASKED_SECONDS: i64 = 10;

/// The charging profile by which a limit is told (OCPP 1.6, 3.13 and 5.16).
fn profile(order: Order, now: Timestamp) -> Option<Value> {
    let (way, current, id, connector, is_live, running) = match order {
        Order::Safe(way, current) => (way, current, SAFE_ID, 0, false, None),
        Order::Live(way, current, running) => {
            let connector = running.map_or(0, |running| running.connector);
            (way, current, LIVE_ID + connector, connector, true, running)
        }
        Order::Proof(_) | Order::Measure | Order::Clear => return None,
    };
    let purpose = match way {
        Way::ChargePointMax => "ChargePointMaxProfile",
        Way::Tx if is_live => "TxProfile",
        Way::Tx | Way::TxDefault => "TxDefaultProfile",
    };
    let mut schedule = json!({
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": current.amperes() }],
    });
    // The permanent one of sessions counts from their start, and so needs no clock.
    let kind = if is_live || way == Way::ChargePointMax { "Absolute" } else { "Relative" };
    if kind == "Absolute" {
        schedule["startSchedule"] = instant(now).into();
    }
    if is_live {
        schedule["duration"] = (LIVE_MS / 1000).into();
    }
    let mut profile = json!({
        "chargingProfileId": id,
        "stackLevel": i32::from(is_live),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": schedule,
    });
    if let Some(Running { transaction, .. }) = running {
        profile["transactionId"] = transaction.0.into();
    }
    Some(json!({ "connectorId": connector, "csChargingProfiles": profile }))
}

/// A time in whole seconds: some charge points read no others.
fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.0.div_euclid(1000)).map(|at| at.to_string()).unwrap_or_default()
}

/// Sends one message, and waits for its answer to be stored.
async fn send(site: &Site, key: ChargePointKey, action: &'static str, payload: Value, accepted: Accepted) -> Reply {
    let Some(orders) = site.links().orders(key) else { return Reply::TimedOut };
    let (sent, is_sent) = oneshot::channel();
    let (reply, replied) = ReplyTo::new(accepted);
    if orders.hand_in(Box::new(Message { action, payload, sent, reply })).is_err() {
        return Reply::TimedOut;
    }
    if !matches!(timeout(SENT, is_sent).await, Ok(Ok(_))) {
        return Reply::TimedOut;
    }
    let Ok(Ok(Replied { reply, noted })) = timeout(ANSWERED, replied).await else { return Reply::TimedOut };
    if let Some(noted) = noted
        && noted.await.is_err()
    {
        // What is not stored was not heard.
        return Reply::TimedOut;
    }
    reply
}

/// Carries out what the governor wants.
pub(super) async fn carry_out(site: &Site, key: ChargePointKey, order: Order, now: Timestamp) -> Outcome {
    match order {
        Order::Safe(..) | Order::Live(..) => {
            let Some(payload) = profile(order, now) else { return Outcome::Refused };
            let accepted = accepted_limit(&payload).unwrap_or(Accepted::Other("SetChargingProfile"));
            outcome(&send(site, key, "SetChargingProfile", payload, accepted).await)
        }
        Order::Measure => {
            let payload = json!({ "requestedMessage": "MeterValues" });
            outcome(&send(site, key, "TriggerMessage", payload, Accepted::Other("TriggerMessage")).await)
        }
        Order::Proof(connector) => {
            let payload = json!({ "connectorId": connector, "duration": ASKED_SECONDS, "chargingRateUnit": "A" });
            let accepted = Accepted::Other("GetCompositeSchedule");
            let reply = send(site, key, "GetCompositeSchedule", payload, accepted).await;
            match (&reply, limit_now(&reply)) {
                (_, Some(limit)) => Outcome::Accepted(Some(limit)),
                (Reply::TimedOut, _) => Outcome::Silent,
                _ => Outcome::Refused,
            }
        }
        Order::Clear => clear(site, key).await,
    }
}

/// Takes away each limit of ours that the charge point has accepted.
async fn clear(site: &Site, key: ChargePointKey) -> Outcome {
    let present = site.present().clone();
    let ids = present.get(key).map(|now| now.limits.iter().map(|limit| limit.id).filter(|id| is_ours(*id)).collect());
    let ids: Vec<i32> = ids.unwrap_or_default();
    for id in ids {
        let which = Which { id: Some(id), ..Which::default() };
        let reply = send(site, key, "ClearChargingProfile", json!({ "id": id }), Accepted::NoLimit(which)).await;
        if matches!(reply, Reply::TimedOut) {
            return Outcome::Silent;
        }
    }
    Outcome::Accepted(None)
}

fn outcome(reply: &Reply) -> Outcome {
    match reply {
        Reply::TimedOut => Outcome::Silent,
        reply if reply.is_accepted() => Outcome::Accepted(None),
        _ => Outcome::Refused,
    }
}

/// The limit that holds now, as a composite schedule tells it (OCPP 1.6, 5.7).
fn limit_now(reply: &Reply) -> Option<Current> {
    let Reply::Result(result) = reply else { return None };
    let schedule = &result["chargingSchedule"];
    let is_amperes = schedule["chargingRateUnit"] == "A";
    let first = schedule["chargingSchedulePeriod"].as_array().filter(|_| is_amperes)?.first()?;
    first["limit"].as_f64().map(Current::at_least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::record::TransactionId;

    const NOW: Timestamp = Timestamp(1_790_000_000_500);

    #[test]
    fn limits_are_told_as_each_kind_of_profile_has_them() {
        let running = Running { transaction: TransactionId(7), connector: 2 };
        let safe = profile(Order::Safe(Way::Tx, Current::tenths(60)), NOW).unwrap();
        assert_eq!(
            safe,
            json!({ "connectorId": 0, "csChargingProfiles": {
                "chargingProfileId": SAFE_ID, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6.0 }],
                },
            } })
        );
        let live = profile(Order::Live(Way::Tx, Current::tenths(123), Some(running)), NOW).unwrap();
        assert_eq!(
            live,
            json!({ "connectorId": 2, "csChargingProfiles": {
                "chargingProfileId": LIVE_ID + 2, "stackLevel": 1, "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Absolute", "transactionId": 7,
                "chargingSchedule": {
                    "chargingRateUnit": "A", "startSchedule": "2026-09-21T14:13:20Z", "duration": 120,
                    "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 12.3 }],
                },
            } })
        );
        for (order, purpose, kind) in [
            (Order::Live(Way::TxDefault, Current::ZERO, None), "TxDefaultProfile", "Absolute"),
            (Order::Live(Way::ChargePointMax, Current::ZERO, None), "ChargePointMaxProfile", "Absolute"),
            (Order::Safe(Way::ChargePointMax, Current::ZERO), "ChargePointMaxProfile", "Absolute"),
        ] {
            let payload = profile(order, NOW).unwrap();
            let profile = &payload["csChargingProfiles"];
            assert_eq!(
                (&profile["chargingProfilePurpose"], &profile["chargingProfileKind"]),
                (&purpose.into(), &kind.into())
            );
            // What goes out is what a charge point may be sent, and is known for what it is when it is accepted.
            assert!(matches!(accepted_limit(&payload), Some(Accepted::Limit(limit)) if is_ours(limit.id)), "{order:?}");
        }
    }

    #[test]
    fn what_holds_now_is_read_in_amperes_alone() {
        let told = |unit: &str| {
            Reply::Result(json!({ "status": "Accepted", "chargingSchedule": {
                "chargingRateUnit": unit, "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6.04 }],
            } }))
        };
        assert_eq!(limit_now(&told("A")), Some(Current::tenths(61)), "what may be drawn is rounded up");
        assert_eq!(limit_now(&told("W")), None);
        assert_eq!(limit_now(&Reply::Result(json!({ "status": "Rejected" }))), None);
    }
}
