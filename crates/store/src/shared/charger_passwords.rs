//! Passwords of charge points, into the database and out of it.

use super::super::{Connection, ThisStore};
use super::{add_audit, unknown_parent};
use crate::charger_passwords::{ChargerPasswordRow, sql};
use crate::{AuditEntry, Result, StoredChargerPassword};
use bmw_domain::record::ChargePointKey;

pub(super) async fn all(store: &ThisStore) -> Result<Vec<(ChargePointKey, StoredChargerPassword)>> {
    let rows = sqlx::query_as::<_, ChargerPasswordRow>(sql::CHARGER_PASSWORDS).fetch_all(&store.readers).await?;
    rows.into_iter().map(TryFrom::try_from).collect()
}

/// Within the transaction that `connection` is in.
pub(super) async fn put(
    connection: &mut Connection,
    charge_point: ChargePointKey,
    passwords: &[StoredChargerPassword],
    audit: &AuditEntry,
) -> Result<()> {
    sqlx::query(sql::REMOVE_CHARGER_PASSWORDS).bind(charge_point.0).execute(&mut *connection).await?;
    for password in passwords {
        sqlx::query(sql::ADD_CHARGER_PASSWORD)
            .bind(charge_point.0)
            .bind(password.number)
            .bind(&password.hash)
            .bind(password.origin.word())
            .bind(password.at.0)
            .bind(password.is_pending)
            .execute(&mut *connection)
            .await
            .map_err(|error| unknown_parent(error, "the charge point"))?;
    }
    add_audit(connection, audit).await
}
