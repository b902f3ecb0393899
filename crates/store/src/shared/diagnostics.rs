//! Diagnostics on their way into the database, and out of it.

use super::super::{Connection, Database};
use super::unknown_parent;
use crate::rows::DiagnosticsRow;
use crate::{Result, StoreError, sql};
use bmw_domain::calendar::Timestamp;
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_domain::record::ChargePointKey;
use sqlx::Pool;

pub(super) async fn begin(connection: &mut Connection, charge_point: ChargePointKey, command: i64) -> Result<i64> {
    let begun = sqlx::query_scalar(sql::BEGIN_DIAGNOSTICS).bind(charge_point.0).bind(command);
    begun.fetch_one(connection).await.map_err(|error| unknown_parent(error, &format!("command {command}")))
}

/// Within the transaction that `connection` is in.
pub(super) async fn add_part(connection: &mut Connection, file: i64, number: i32, bytes: &[u8]) -> Result<()> {
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let grown = sqlx::query(sql::GROW_DIAGNOSTICS).bind(file).bind(size).execute(&mut *connection).await?;
    must_be_on_its_way(file, grown.rows_affected())?;
    sqlx::query(sql::ADD_DIAGNOSTICS_PART).bind(file).bind(number).bind(bytes).execute(connection).await?;
    Ok(())
}

pub(super) async fn finish(connection: &mut Connection, file: i64, name: &FileName, at: Timestamp) -> Result<()> {
    let finished = sqlx::query(sql::FINISH_DIAGNOSTICS).bind(file).bind(name.as_str()).bind(at.0);
    must_be_on_its_way(file, finished.execute(connection).await?.rows_affected())
}

fn must_be_on_its_way(file: i64, changed: u64) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Unknown(format!("diagnostics file {file} on its way"))) }
}

/// The files that a statement with one parameter selects.
pub(super) async fn files(
    readers: &Pool<Database>,
    statement: &'static str,
    parameter: i64,
) -> Result<Vec<DiagnosticsFile>> {
    let rows = sqlx::query_as::<_, DiagnosticsRow>(statement).bind(parameter).fetch_all(readers).await?;
    rows.into_iter().map(DiagnosticsFile::try_from).collect()
}

/// Within the transaction that `connection` is in.
pub(super) async fn sweep(connection: &mut Connection, parts: u32) -> Result<bool> {
    sqlx::query(sql::SWEEP_DIAGNOSTICS_PARTS).bind(i64::from(parts)).execute(&mut *connection).await?;
    sqlx::query(sql::SWEEP_DIAGNOSTICS_FILES).execute(&mut *connection).await?;
    Ok(sqlx::query_scalar(sql::DIAGNOSTICS_TO_SWEEP).fetch_one(connection).await?)
}
