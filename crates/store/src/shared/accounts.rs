//! Accounts, sign-ins and tokens, into the database and out of it.

use super::super::Connection;
use super::{add_audit, unknown_parent};
use crate::accounts::sql;
use crate::accounts::{
    AccountInventory, AccountRow, NewAccount, NewSecondFactor, NewSignIn, NewToken, SecretHash, SignInRow,
    StoredAccount, StoredSignIn, StoredToken, TokenRow,
};
use crate::{AuditEntry, Result, StoreError};
use bmw_domain::account::AccountKey;
use bmw_domain::calendar::Timestamp;

pub(super) async fn inventory(connection: &mut Connection) -> Result<AccountInventory> {
    let accounts = sqlx::query_as::<_, AccountRow>(sql::ACCOUNTS).fetch_all(&mut *connection).await?;
    let sign_ins = sqlx::query_as::<_, SignInRow>(sql::SIGN_INS).fetch_all(&mut *connection).await?;
    let tokens = sqlx::query_as::<_, TokenRow>(sql::TOKENS).fetch_all(connection).await?;
    Ok(AccountInventory {
        accounts: accounts.into_iter().map(StoredAccount::try_from).collect::<Result<_>>()?,
        sign_ins: sign_ins.into_iter().map(StoredSignIn::try_from).collect::<Result<_>>()?,
        tokens: tokens.into_iter().map(StoredToken::try_from).collect::<Result<_>>()?,
    })
}

/// Within the transaction that `connection` is in, as all that follow.
pub(super) async fn add(connection: &mut Connection, new: &NewAccount, audit: &AuditEntry) -> Result<AccountKey> {
    let added = sqlx::query_scalar(sql::ADD_ACCOUNT)
        .bind(new.name.key())
        .bind(new.name.as_str())
        .bind(new.role.word())
        .bind(&new.password_hash)
        .bind(new.at.0)
        .fetch_one(&mut *connection)
        .await;
    let id = added.map_err(|error| match error.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::Exists(format!("account {}", new.name)),
        _ => StoreError::Database(error),
    })?;
    add_audit(connection, audit).await?;
    Ok(AccountKey(id))
}

pub(super) async fn change(connection: &mut Connection, stored: &StoredAccount, audit: &AuditEntry) -> Result<()> {
    let account = &stored.account;
    let changed = sqlx::query(sql::CHANGE_ACCOUNT)
        .bind(account.key.0)
        .bind(account.role.word())
        .bind(&stored.password_hash)
        .bind(account.is_disabled)
        .execute(&mut *connection)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Unknown(format!("account {}", account.name)));
    }
    add_audit(connection, audit).await
}

pub(super) async fn set_second_factor(
    connection: &mut Connection,
    account: AccountKey,
    factor: Option<&NewSecondFactor>,
) -> Result<()> {
    // Its recovery codes go with it.
    sqlx::query(sql::REMOVE_SECOND_FACTOR).bind(account.0).execute(&mut *connection).await?;
    let Some(factor) = factor else { return Ok(()) };
    sqlx::query(sql::ADD_SECOND_FACTOR)
        .bind(account.0)
        .bind(&factor.secret.0[..])
        .bind(factor.last_step)
        .execute(&mut *connection)
        .await
        .map_err(|error| unknown_parent(error, "the account"))?;
    set_recovery_codes(connection, account, &factor.codes).await
}

pub(super) async fn set_recovery_codes(
    connection: &mut Connection,
    account: AccountKey,
    codes: &[SecretHash],
) -> Result<()> {
    sqlx::query(sql::REMOVE_RECOVERY_CODES).bind(account.0).execute(&mut *connection).await?;
    for code in codes {
        sqlx::query(sql::ADD_RECOVERY_CODE)
            .bind(account.0)
            .bind(&code.0[..])
            .execute(&mut *connection)
            .await
            .map_err(|error| unknown_parent(error, "the second factor"))?;
    }
    Ok(())
}

/// Whether there was one to take.
pub(super) async fn take_recovery_code(
    connection: &mut Connection,
    account: AccountKey,
    code: SecretHash,
) -> Result<bool> {
    let taken = sqlx::query(sql::TAKE_RECOVERY_CODE).bind(account.0).bind(&code.0[..]).execute(connection).await?;
    Ok(taken.rows_affected() > 0)
}

pub(super) async fn add_sign_in(connection: &mut Connection, new: &NewSignIn, audit: &AuditEntry) -> Result<i64> {
    let id = sqlx::query_scalar(sql::ADD_SIGN_IN)
        .bind(new.account.0)
        .bind(&new.secret.0[..])
        .bind(&new.device.0[..])
        .bind(new.at.0)
        .bind(new.expires_at.0)
        .bind(&new.address)
        .bind(&new.user_agent)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| unknown_parent(error, "the account"))?;
    add_audit(connection, audit).await?;
    Ok(id)
}

pub(super) async fn end_sign_ins(connection: &mut Connection, ids: &[i64], at: Timestamp) -> Result<()> {
    for id in ids {
        sqlx::query(sql::END_SIGN_IN).bind(*id).bind(at.0).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn add_token(connection: &mut Connection, new: &NewToken, audit: &AuditEntry) -> Result<i64> {
    let id = sqlx::query_scalar(sql::ADD_TOKEN)
        .bind(new.account.0)
        .bind(&new.secret.0[..])
        .bind(&new.name)
        .bind(new.role.word())
        .bind(new.at.0)
        .bind(new.expires_at.map(|at| at.0))
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| unknown_parent(error, "the account"))?;
    add_audit(connection, audit).await?;
    Ok(id)
}

pub(super) async fn remove_tokens(connection: &mut Connection, ids: &[i64]) -> Result<()> {
    for id in ids {
        sqlx::query(sql::REMOVE_TOKEN).bind(*id).execute(&mut *connection).await?;
    }
    Ok(())
}
