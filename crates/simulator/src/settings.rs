//! What can be set at a charge point, and what it tells of itself as settings (OCPP 1.6, 9).

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is read only.
    Fixed,
    /// Whole seconds, at least one.
    Seconds,
    /// `true` or `false`.
    Flag,
}

/// All settings: each is obeyed, or a fact.
const ALL: [(&str, Kind, &str); 11] = [
    ("AllowOfflineTxForUnknownId", Kind::Flag, "true"),
    ("AuthorizeRemoteTxRequests", Kind::Flag, "false"),
    ("ChargingScheduleAllowedChargingRateUnit", Kind::Fixed, "Current,Power"),
    ("HeartbeatInterval", Kind::Seconds, "60"),
    ("LocalAuthListEnabled", Kind::Flag, "true"),
    ("LocalAuthorizeOffline", Kind::Flag, "true"),
    ("LocalPreAuthorize", Kind::Flag, "false"),
    ("MeterValueSampleInterval", Kind::Seconds, "60"),
    (
        "MeterValuesSampledData",
        Kind::Fixed,
        "Energy.Active.Import.Register,Current.Import,Current.Offered,Power.Active.Import",
    ),
    ("NumberOfConnectors", Kind::Fixed, "1"),
    (
        "SupportedFeatureProfiles",
        Kind::Fixed,
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
    ),
];

/// The settings of a charge point.
#[derive(Debug, Clone)]
pub struct Settings(BTreeMap<&'static str, (Kind, String)>);

impl Default for Settings {
    fn default() -> Self {
        Self(ALL.map(|(key, kind, value)| (key, (kind, value.to_owned()))).into())
    }
}

impl Settings {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|(_, value)| value.as_str())
    }

    /// A time, s.
    pub fn seconds(&self, key: &str) -> u32 {
        self.get(key).and_then(|value| value.parse().ok()).unwrap_or(60)
    }

    /// Whether something is switched on.
    pub fn is_on(&self, key: &str) -> bool {
        self.get(key) == Some("true")
    }

    /// Changes a setting, and gives the status to be answered.
    pub fn change(&mut self, key: &str, value: &str) -> &'static str {
        let Some((kind, known)) = self.0.get_mut(key) else { return "NotSupported" };
        let taken = match kind {
            Kind::Fixed => None,
            Kind::Seconds => value.parse::<u32>().ok().filter(|seconds| *seconds > 0).map(|it| it.to_string()),
            Kind::Flag => value.to_ascii_lowercase().parse::<bool>().ok().map(|it| it.to_string()),
        };
        match taken {
            Some(taken) => {
                *known = taken;
                "Accepted"
            }
            None => "Rejected",
        }
    }

    /// The answer to `GetConfiguration`.
    pub fn told(&self, request: &Value) -> Value {
        let wanted: Vec<&str> = request["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let known: Vec<Value> = self
            .0
            .iter()
            .filter(|(key, _)| wanted.is_empty() || wanted.contains(*key))
            .map(|(key, (kind, value))| json!({ "key": key, "readonly": *kind == Kind::Fixed, "value": value }))
            .collect();
        let unknown: Vec<&str> = wanted.into_iter().filter(|key| !self.0.contains_key(*key)).collect();
        json!({ "configurationKey": known, "unknownKey": unknown })
    }

    /// All, as lines for a person.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(key, (_, value))| format!("{key} = {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_can_be_changed_and_only_to_what_it_may_be() {
        let mut settings = Settings::default();
        for (key, value, status) in [
            ("HeartbeatInterval", "30", "Accepted"),
            ("HeartbeatInterval", "0", "Rejected"),
            ("HeartbeatInterval", "soon", "Rejected"),
            ("LocalPreAuthorize", "True", "Accepted"),
            ("LocalPreAuthorize", "1", "Rejected"),
            ("NumberOfConnectors", "2", "Rejected"),
            ("LightIntensity", "50", "NotSupported"),
        ] {
            assert_eq!(settings.change(key, value), status, "{key} {value}");
        }
        assert_eq!(settings.seconds("HeartbeatInterval"), 30);
        assert!(settings.is_on("LocalPreAuthorize"));
        assert_eq!(settings.get("LightIntensity"), None);
    }

    #[test]
    fn unknown_keys_are_told_as_such() {
        let settings = Settings::default();
        let told = settings.told(&json!({ "key": ["NumberOfConnectors", "LightIntensity"] }));
        let fixed = json!({ "key": "NumberOfConnectors", "readonly": true, "value": "1" });
        assert_eq!(told, json!({ "configurationKey": [fixed], "unknownKey": ["LightIntensity"] }));
        let all = settings.told(&json!({}));
        assert_eq!(all["configurationKey"].as_array().map(Vec::len), Some(ALL.len()));
        assert_eq!(all["unknownKey"], json!([]));
    }
}
