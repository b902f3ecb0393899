//! Passwords of charge points as they are stored: as hashes alone.

use crate::{Result, StoreError};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::password::PasswordOrigin;
use bmw_domain::record::ChargePointKey;
use sqlx::FromRow;
use std::fmt;

/// A password of a charge point that is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredChargerPassword {
    /// Its number: newer ones have higher ones.
    pub number: i32,
    /// Argon2id as a PHC string, or of one that the site has made itself `$sha256$` and digits.
    pub hash: String,
    /// Where it comes from.
    pub origin: PasswordOrigin,
    /// When it came to be.
    pub at: Timestamp,
    /// Whether it was sent to the charge point, which has not come with it yet.
    pub is_pending: bool,
}

impl fmt::Debug for StoredChargerPassword {
    /// Without the hash: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredChargerPassword")
            .field("number", &self.number)
            .field("origin", &self.origin)
            .field("is_pending", &self.is_pending)
            .finish_non_exhaustive()
    }
}

#[derive(FromRow)]
pub(crate) struct ChargerPasswordRow {
    charge_point: i32,
    number: i32,
    hash: String,
    origin: String,
    made_at: i64,
    pending: bool,
}

impl TryFrom<ChargerPasswordRow> for (ChargePointKey, StoredChargerPassword) {
    type Error = StoreError;
    fn try_from(row: ChargerPasswordRow) -> Result<Self> {
        let origin = PasswordOrigin::from_word(&row.origin);
        let stored = StoredChargerPassword {
            number: row.number,
            hash: row.hash,
            origin: origin.ok_or_else(|| StoreError::Corrupt(format!("the origin {:?} of a password", row.origin)))?,
            at: Timestamp(row.made_at),
            is_pending: row.pending,
        };
        Ok((ChargePointKey(row.charge_point), stored))
    }
}

/// The text of the queries, which both databases share.
pub(crate) mod sql {
    pub(crate) const CHARGER_PASSWORDS: &str = "SELECT charge_point, number, hash, origin, made_at, pending FROM charger_password ORDER BY charge_point, number";
    pub(crate) const REMOVE_CHARGER_PASSWORDS: &str = "DELETE FROM charger_password WHERE charge_point = $1";
    pub(crate) const ADD_CHARGER_PASSWORD: &str = "INSERT INTO charger_password \
         (charge_point, number, hash, origin, made_at, pending) VALUES ($1, $2, $3, $4, $5, $6)";
}
