//! The audit log, into the database and out of it.

use super::super::{Connection, Database};
use crate::audit::{AuditEntry, AuditFilter, AuditPlace, AuditRow, StoredAudit};
use crate::{Result, sql};
use sqlx::QueryBuilder;

/// Within the transaction that `connection` is in.
pub(super) async fn add(connection: &mut Connection, audit: &AuditEntry) -> Result<()> {
    sqlx::query(sql::ADD_AUDIT)
        .bind(audit.at.0)
        .bind(&audit.actor)
        .bind(&audit.origin)
        .bind(&audit.action)
        .bind(&audit.subject)
        .bind(&audit.before)
        .bind(&audit.after)
        .execute(connection)
        .await?;
    Ok(())
}

/// The entries of a page.
pub(super) async fn page(
    connection: &mut Connection,
    filter: &AuditFilter,
    before: Option<AuditPlace>,
    limit: u32,
) -> Result<Vec<StoredAudit>> {
    if filter.is_in_vain() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("");
    push_page(&mut query, filter, before, limit);
    let rows = query.build_query_as::<AuditRow>().fetch_all(connection).await?;
    Ok(rows.into_iter().map(StoredAudit::from).collect())
}

/// Asks for a page. Each part of the filter has an index that also has the order, so that a page costs what it shows.
pub(super) fn push_page(
    query: &mut QueryBuilder<Database>,
    filter: &AuditFilter,
    before: Option<AuditPlace>,
    limit: u32,
) {
    query.push(sql::AUDIT_LOG_PAGE);
    if let Some(account) = &filter.account {
        query.push(" AND account = ").push_bind(account.to_ascii_lowercase());
    }
    if let Some(actor) = &filter.actor {
        let (account, _) = actor.split_once(" (").unwrap_or((actor, ""));
        query.push(" AND account = ").push_bind(account.to_ascii_lowercase());
        query.push(" AND actor = ").push_bind(actor.clone());
    }
    if let Some(kind) = &filter.kind {
        query.push(if kind.contains('.') { " AND action = " } else { " AND area = " }).push_bind(kind.clone());
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND lower(subject) = ").push_bind(subject.to_ascii_lowercase());
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(to.0);
    }
    if let Some(AuditPlace { at, id }) = before {
        query.push(" AND (at, id) < (").push_bind(at.0).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
}

#[cfg(test)]
mod tests {
    use super::super::super::ThisStore;
    use super::super::super::testing::database;
    use super::super::Store;
    use super::*;
    use crate::{OpenOptions, Role, Zone};
    use bmw_domain::calendar::Timestamp;

    /// An entry about something.
    fn entry(subject: &str) -> AuditEntry {
        AuditEntry {
            at: Timestamp(1),
            actor: "boss".to_owned(),
            origin: "::1".to_owned(),
            action: "card.put".to_owned(),
            subject: String::new(),
            before: "null".to_owned(),
            after: "{}".to_owned(),
        }
        .on(subject)
    }

    #[test]
    fn no_entry_is_changed_or_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let Some(url) = database(folder.path()) else { return };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
            let (store, _) = ThisStore::open(&options).await.unwrap();
            for subject in ["one", "two"] {
                store.add_audit(&entry(subject)).await.unwrap();
            }
            for statement in [
                "UPDATE audit SET actor = 'nobody'",
                "UPDATE audit SET at = 2 WHERE subject = 'one'",
                "DELETE FROM audit",
                "DELETE FROM audit WHERE subject = 'two'",
                // Those of one database alone: the other one does not understand them.
                "TRUNCATE audit",
                "INSERT OR REPLACE INTO audit (id, at, actor, origin, action, before, after) VALUES (1, 2, '', '', '', '', '')",
                "REPLACE INTO audit (id, at, actor, origin, action, before, after) VALUES (2, 2, '', '', '', '', '')",
            ] {
                let refused = sqlx::query(statement).execute(&store.writer).await.unwrap_err().to_string();
                assert!(refused.contains("append-only") || refused.contains("syntax error"), "{statement}: {refused}");
            }
            assert_eq!(store.audit_log(10).await.unwrap(), [entry("two"), entry("one")]);
            store.close().await;
        });
    }
}
