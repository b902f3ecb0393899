//! Who did what: the audit log.

use bmw_domain::calendar::Timestamp;
use sqlx::FromRow;

/// Who did what, for the audit log. Nothing secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The real time.
    pub at: Timestamp,
    /// Who: an account's name, with that of its token where it was a program; empty where nobody has proven who he is, and for
    /// the site itself.
    pub actor: String,
    /// From where: an address, or `terminal`; empty for the site itself.
    pub origin: String,
    /// What, such as `settings.save`.
    pub action: String,
    /// On what: a charge point, an account, a card; empty where it is one thing only, or several.
    pub subject: String,
    /// JSON before; `null` where there was nothing.
    pub before: String,
    /// JSON after.
    pub after: String,
}

impl AuditEntry {
    /// The same, on this.
    #[must_use]
    pub fn on(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }
}

/// Where an entry stands in the log: by its time, those of one time by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// Its time.
    pub at: Timestamp,
    /// Its number.
    pub id: i64,
}

/// An entry with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAudit {
    /// The number.
    pub id: i64,
    /// The entry.
    pub entry: AuditEntry,
}

impl StoredAudit {
    /// Where it stands.
    pub const fn place(&self) -> AuditPlace {
        AuditPlace { at: self.entry.at, id: self.id }
    }
}

/// What is asked for of the audit log. Absent parts do not filter; names are equal ignoring case, in ASCII.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// At or after this.
    pub from: Option<Timestamp>,
    /// Before this.
    pub to: Option<Timestamp>,
    /// By this account, by itself and by its tokens; empty: by the site itself, or by nobody who is known.
    pub account: Option<String>,
    /// By exactly this one, such as `name (token)`.
    pub actor: Option<String>,
    /// Of this kind, such as `settings.save`, or of all that begin so: `settings`.
    pub kind: Option<String>,
    /// On this.
    pub subject: Option<String>,
}

impl AuditFilter {
    /// Whether nothing can be found: no entry has a NUL in it, and PostgreSQL knows no such text.
    pub(crate) fn is_in_vain(&self) -> bool {
        [&self.account, &self.actor, &self.kind, &self.subject].into_iter().flatten().any(|text| text.contains('\0'))
    }
}

#[derive(FromRow)]
pub(crate) struct AuditRow {
    id: i64,
    at: i64,
    actor: String,
    origin: String,
    action: String,
    subject: String,
    before: String,
    after: String,
}

impl From<AuditRow> for StoredAudit {
    fn from(row: AuditRow) -> Self {
        let entry = AuditEntry {
            at: Timestamp(row.at),
            actor: row.actor,
            origin: row.origin,
            action: row.action,
            subject: row.subject,
            before: row.before,
            after: row.after,
        };
        Self { id: row.id, entry }
    }
}
