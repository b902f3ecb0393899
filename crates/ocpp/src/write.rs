//! What charge points are answered.

use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::charger::Answer;
use bmw_domain::charger::card::{Permission, Verdict};
use bmw_domain::charger::event::Event;
use serde_json::{Value, json};
use std::time::Duration;

/// What is answered to an event beside what the site says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The time, and how often to give a sign of life.
    Boot,
    /// The time.
    Heartbeat,
    /// That data was taken.
    Data,
    /// What the site says alone.
    Plain,
}

impl Form {
    /// The form of the answer to an event.
    pub const fn of(event: &Event) -> Self {
        match event {
            Event::Boot(_) => Self::Boot,
            Event::Heartbeat => Self::Heartbeat,
            Event::DataTransfer => Self::Data,
            _ => Self::Plain,
        }
    }
}

/// The payload of an answer.
pub fn payload(form: Form, answer: &Answer, now: Timestamp, heartbeat: Duration) -> String {
    match (form, answer) {
        (Form::Boot, _) => {
            format!(r#"{{"status":"Accepted","currentTime":"{}","interval":{}}}"#, time(now), heartbeat.as_secs())
        }
        (Form::Heartbeat, _) => format!(r#"{{"currentTime":"{}"}}"#, time(now)),
        (Form::Data, _) => r#"{"status":"Accepted"}"#.to_owned(),
        (Form::Plain, Answer::Card(verdict) | Answer::Stopped(Some(verdict))) => {
            json!({ "idTagInfo": info(verdict) }).to_string()
        }
        (Form::Plain, Answer::Started(id, verdict)) => match verdict {
            Verdict { permission: Permission::Accepted, group: None, expires_at: None } => {
                format!(r#"{{"transactionId":{},"idTagInfo":{{"status":"Accepted"}}}}"#, id.0)
            }
            verdict => json!({ "transactionId": id.0, "idTagInfo": info(verdict) }).to_string(),
        },
        (Form::Plain, _) => "{}".to_owned(),
    }
}

fn info(verdict: &Verdict) -> Value {
    let mut info = json!({ "status": verdict.permission.name() });
    if let Some(group) = &verdict.group {
        info["parentIdTag"] = group.as_str().into();
    }
    if let Some(expiry) = verdict.expires_at {
        info["expiryDate"] = time(expiry).into();
    }
    info
}

/// An instant as RFC 3339 has it, to the ms: `2026-09-21T12:00:00.000Z`.
pub fn time(at: Timestamp) -> String {
    format!("{}.{:03}Z", LocalTime(at.0).with_t(), at.0.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::charger::card::IdTag;
    use bmw_domain::record::TransactionId;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(time(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(Timestamp(1_790_000_000_042)), "2026-09-21T14:13:20.042Z");
    }

    #[test]
    fn what_is_known_of_a_card_is_told() {
        let plain = Verdict { permission: Permission::Accepted, group: None, expires_at: None };
        let answer = |verdict: &Verdict| {
            let answer = Answer::Started(TransactionId(7), verdict.clone());
            payload(Form::Plain, &answer, Timestamp(0), Duration::ZERO)
        };
        assert_eq!(answer(&plain), r#"{"transactionId":7,"idTagInfo":{"status":"Accepted"}}"#);
        let all = Verdict {
            permission: Permission::Expired,
            group: Some(IdTag::new("fleet").unwrap()),
            expires_at: Some(Timestamp(0)),
        };
        let told: Value = serde_json::from_str(&answer(&all)).unwrap();
        let info = json!({"status": "Expired", "parentIdTag": "fleet", "expiryDate": "1970-01-01T00:00:00.000Z"});
        assert_eq!(told["idTagInfo"], info);
    }
}
