//! The audit log: who did what, from where and when.
//!
//! Who changes something writes its entry in the same step, see [`Caller::entry`]; here is what remains: what is given out, how the
//! log is looked through. What is secret gets nowhere into it, see `secrets.rs`.

use crate::access::{Caller, NotDone};
use crate::running::Site;
use crate::secrets::masked_value;
use bmw_domain::account::Right;
use bmw_domain::command::{Command, CommandState};
use bmw_store::{AuditEntry, AuditFilter, AuditPlace, StoredAudit};
use serde_json::{Value, json};

/// The most characters of a text by which somebody has asked for a download.
const ASKED_MOST: usize = 200;
/// The most characters of a text in what a charge point is asked; addresses are as long.
pub(crate) const ARGUMENT_MOST: usize = 2_000;

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

    /// Notes that something sensitive is about to be given out: what kind, such as `export.cards`, on what, and what of it. Of texts
    /// that somebody has sent the beginnings are kept, as nothing is ever taken out of the log.
    ///
    /// # Errors
    /// For those who may not have it; the store's. It must not be given out then.
    pub async fn note_download(&self, kind: &str, subject: &str, what: &Value, caller: &Caller) -> Result<(), NotDone> {
        caller.check(Right::ReadSensitive)?;
        let mut what = what.clone();
        // Before they are cut: half of a secret may not be known for one.
        masked_value(&mut what);
        cut_texts(&mut what, ASKED_MOST);
        let entry = caller.entry(kind, "null".to_owned(), what.to_string()).on(cut(subject, ASKED_MOST));
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

/// The texts of a value, each with no more than so many characters.
pub(crate) fn cut_texts(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => *text = cut(text, most),
        Value::Array(parts) => parts.iter_mut().for_each(|part| cut_texts(part, most)),
        Value::Object(parts) => parts.values_mut().for_each(|part| cut_texts(part, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text with no more than so many characters, the last of which says that there were more.
fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_wherever_they_stand() {
        let mut value = json!({ "a": "12345", "b": ["123456", { "c": "桩桩桩桩桩桩" }], "d": 1_234_567, "e": null });
        cut_texts(&mut value, 5);
        assert_eq!(value, json!({ "a": "12345", "b": ["1234…", { "c": "桩桩桩桩…" }], "d": 1_234_567, "e": null }));
    }
}
