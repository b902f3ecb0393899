//! The audit log: who did what, from where and when.
//!
//! Who changes something writes its entry in the same step, see [`Caller::entry`]; here is what remains: what is given out, how the
//! log is looked through, and that nothing secret gets into it.

use crate::access::{Caller, NotDone};
use crate::diagnostics::without_tokens;
use crate::running::Site;
use bmw_domain::account::Right;
use bmw_domain::command::{Action, Command, CommandState};
use bmw_store::{AuditEntry, AuditFilter, AuditPlace, StoredAudit};
use serde_json::{Value, json};
use std::borrow::Cow;

/// In the place of what is left out.
const LEFT_OUT: &str = "…";
/// Keys of a configuration whose names have one of these in them have values that are nobody's business.
const SECRET_KEYS: [&str; 8] =
    ["authorizationkey", "password", "passwd", "passphrase", "secret", "token", "credential", "psk"];

impl Site {
    /// The entries of the audit log that a filter lets through, newest first: `limit` of them below a place.
    ///
    /// # Errors
    /// For those who may not see them; the store's.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<AuditPlace>,
        limit: u32,
        caller: &Caller,
    ) -> Result<Vec<StoredAudit>, NotDone> {
        caller.check(Right::Audit)?;
        Ok(self.store().audit_log_page(filter, before, limit).await?)
    }

    /// Notes that something sensitive is about to be given out: what kind, such as `export.cards`, on what, and what of it.
    ///
    /// # Errors
    /// For those who may not have it; the store's. It must not be given out then.
    pub async fn note_download(&self, kind: &str, subject: &str, what: &Value, caller: &Caller) -> Result<(), NotDone> {
        caller.check(Right::ReadSensitive)?;
        let entry = caller.entry(kind, "null".to_owned(), what.to_string()).on(subject);
        let _step = self.step().await;
        Ok(self.store().add_audit(&entry).await?)
    }

    /// The entry for the end of a command, where this is one. It is the site that sees it, whoever gave the command.
    pub(crate) fn outcome(&self, command: &Command) -> Option<AuditEntry> {
        use CommandState::{Effective, Failed, NoEffect, Offline, Rejected, TimedOut};
        if !matches!(command.state, Rejected | Failed | TimedOut | Offline | Effective | NoEffect) {
            return None;
        }
        let mut after = json!({ "command": command.action.name(), "id": command.id, "state": command.state.word() });
        // Of the reply the one word alone: the rest may be anything.
        let result: Value = command.result.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        for word in ["status", "error"] {
            if let Some(text) = result[word].as_str() {
                after[word] = text.into();
            }
        }
        let charger = self.present().get(command.charge_point).map(|now| now.charge_point.identity.to_string());
        let entry = Caller::default().entry("command.outcome", "null".to_owned(), after.to_string());
        Some(entry.on(charger.unwrap_or_default()))
    }
}

/// What the audit log keeps of a command's payload.
pub(crate) fn told_of_command(action: Action, arguments: &Value) -> Value {
    let mut told = arguments.clone();
    if action == Action::ChangeConfiguration {
        let key = told["key"].as_str().unwrap_or_default().to_ascii_lowercase();
        if SECRET_KEYS.iter().any(|secret| key.contains(secret)) {
            told["value"] = LEFT_OUT.into();
        }
    }
    told
}

/// A text without what is secret in its addresses: permissions to upload, who signs in where, and what stands in queries.
pub(crate) fn without_secrets(text: String) -> String {
    const AFTER_SCHEME: &str = "://";
    let text = match without_tokens(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => clean,
    };
    let mut clean = String::new();
    let mut rest = text.as_str();
    while let Some(place) = rest.find(AFTER_SCHEME) {
        let (before, after) = rest.split_at(place + AFTER_SCHEME.len());
        // It stands in a text of JSON.
        let end = after.find(|sign: char| sign.is_whitespace() || ['"', '\\'].contains(&sign)).unwrap_or(after.len());
        let (address, behind) = after.split_at(end);
        clean.push_str(before);
        // A password may have any sign in it, also one that should have been written otherwise.
        let address = match address.rsplit_once('@') {
            Some((_, address)) => {
                clean.push_str(LEFT_OUT);
                clean.push('@');
                address
            }
            None => address,
        };
        match address.split_once('?') {
            Some((address, _)) => {
                clean.push_str(address);
                clean.push('?');
                clean.push_str(LEFT_OUT);
            }
            None => clean.push_str(address),
        }
        rest = behind;
    }
    if clean.is_empty() {
        return text;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_secret_stands_in_an_address() {
        for (before, after) in [
            (r#"{"location":"ftp://me:pa@ss/w?d@host/a.bin"}"#, r#"{"location":"ftp://…@host/a.bin"}"#),
            (r#"{"a":"http://h/x?key=1&b=2","b":"https://u@h/"}"#, r#"{"a":"http://h/x?…","b":"https://…@h/"}"#),
            (r#"{"a":"see http://h/ and mail a@b \"x\""}"#, r#"{"a":"see http://h/ and mail a@b \"x\""}"#),
            (r#"{"a":"http://u:p@h\"?x"}"#, r#"{"a":"http://…@h\"?x"}"#),
            ("://", "://"),
            ("null", "null"),
        ] {
            assert_eq!(without_secrets(before.to_owned()), after);
        }
    }

    #[test]
    fn values_of_secret_keys_are_left_out() {
        let told = |key: &str| told_of_command(Action::ChangeConfiguration, &json!({ "key": key, "value": "v" }));
        for key in ["AuthorizationKey", "authorizationkey", "WifiPassword", "ApiToken"] {
            assert_eq!(told(key), json!({ "key": key, "value": "…" }));
        }
        assert_eq!(told("HeartbeatInterval"), json!({ "key": "HeartbeatInterval", "value": "v" }));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_json_as_before(text in ".{0,40}", name in "[a-z@?:/]{0,20}") {
            let json = json!({ "a": text, "b": format!("http://{name}") }).to_string();
            let clean = without_secrets(json);
            prop_assert!(serde_json::from_str::<Value>(&clean).is_ok(), "{clean}");
        }
    }
}
