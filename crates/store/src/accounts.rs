//! Accounts, sign-ins and tokens as they are stored: what proves somebody is there as a hash alone.

use crate::{Result, StoreError};
use bmw_domain::account::{Account, AccountKey, AccountName, ProgramToken, Role, SignIn};
use bmw_domain::calendar::Timestamp;
use sqlx::FromRow;
use std::fmt;

/// A hash of something secret: SHA-256 of what has 256 random bits, Argon2id of what has fewer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl fmt::Debug for SecretHash {
    /// Without its digits: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

impl SecretHash {
    fn read(bytes: &[u8]) -> Result<Self> {
        let hash = bytes.try_into().map_err(|_| StoreError::Corrupt("a hash of another length".to_owned()))?;
        Ok(Self(hash))
    }
}

/// What the codes of a second factor are computed of: 160 bits, as RFC 4226 recommends. It has to be kept as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FactorSecret(pub [u8; 20]);

impl fmt::Debug for FactorSecret {
    /// Without its digits: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FactorSecret")
    }
}

/// The second factor of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// What its codes are computed of.
    pub secret: FactorSecret,
    /// The last step whose code was taken.
    pub last_step: i64,
    /// How many recovery codes are left.
    pub codes_left: i64,
}

/// A second factor to be set.
#[derive(Debug, Clone)]
pub struct NewSecondFactor {
    /// What its codes are computed of.
    pub secret: FactorSecret,
    /// The step whose code has confirmed it.
    pub last_step: i64,
    /// Hashes of its recovery codes.
    pub codes: Vec<SecretHash>,
}

/// An account with the hash of its password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAccount {
    /// The account.
    pub account: Account,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// Its second factor.
    pub second_factor: Option<SecondFactor>,
}

impl fmt::Debug for StoredAccount {
    /// Without the hash and the second factor: it may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.account.fmt(f)
    }
}

/// An account to be added.
#[derive(Clone)]
pub struct NewAccount {
    /// Its name.
    pub name: AccountName,
    /// What its owner is.
    pub role: Role,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// When.
    pub at: Timestamp,
}

/// A sign-in that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSignIn {
    /// The sign-in.
    pub sign_in: SignIn,
    /// Hash of what the browser holds.
    pub secret: SecretHash,
    /// Hash of what tells the device from others, also after the sign-in has ended.
    pub device: SecretHash,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

/// A sign-in to be added.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// Whose.
    pub account: AccountKey,
    /// Hash of what the browser holds.
    pub secret: SecretHash,
    /// Hash of what tells the device from others.
    pub device: SecretHash,
    /// When it begins.
    pub at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// From where.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
}

/// A token that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// The token.
    pub token: ProgramToken,
    /// Its hash.
    pub secret: SecretHash,
}

/// A token to be added.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose.
    pub account: AccountKey,
    /// Its hash.
    pub secret: SecretHash,
    /// What it is for.
    pub name: String,
    /// The most that it may.
    pub role: Role,
    /// When it is made.
    pub at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Everything about who may do what, in one consistent reading; in the order in which it was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountInventory {
    /// All accounts.
    pub accounts: Vec<StoredAccount>,
    /// All sign-ins that are stored, also those that have ended.
    pub sign_ins: Vec<StoredSignIn>,
    /// All tokens.
    pub tokens: Vec<StoredToken>,
}

#[derive(FromRow)]
pub(crate) struct AccountRow {
    id: i64,
    name: String,
    role: String,
    password_hash: String,
    disabled: bool,
    created_at: i64,
    factor_secret: Option<Vec<u8>>,
    last_step: Option<i64>,
    codes_left: i64,
}

impl AccountRow {
    fn second_factor(&self) -> Result<Option<SecondFactor>> {
        let (Some(secret), Some(last_step)) = (&self.factor_secret, self.last_step) else { return Ok(None) };
        let secret = secret.as_slice().try_into();
        let secret = secret.map_err(|_| StoreError::Corrupt("a second factor of another length".to_owned()))?;
        Ok(Some(SecondFactor { secret: FactorSecret(secret), last_step, codes_left: self.codes_left }))
    }
}

fn role(word: &str) -> Result<Role> {
    Role::from_word(word).ok_or_else(|| StoreError::Corrupt(format!("the role {word:?}")))
}

impl TryFrom<AccountRow> for StoredAccount {
    type Error = StoreError;
    fn try_from(row: AccountRow) -> Result<Self> {
        let name = AccountName::new(&row.name);
        let second_factor = row.second_factor()?;
        Ok(Self {
            account: Account {
                key: AccountKey(row.id),
                name: name.map_err(|_| StoreError::Corrupt(format!("the account name {:?}", row.name)))?,
                role: role(&row.role)?,
                is_disabled: row.disabled,
                has_second_factor: second_factor.is_some(),
                created_at: Timestamp(row.created_at),
            },
            password_hash: row.password_hash,
            second_factor,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct SignInRow {
    id: i64,
    account_id: i64,
    secret_hash: Vec<u8>,
    device_hash: Vec<u8>,
    created_at: i64,
    last_seen: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    address: String,
    user_agent: String,
}

impl TryFrom<SignInRow> for StoredSignIn {
    type Error = StoreError;
    fn try_from(row: SignInRow) -> Result<Self> {
        Ok(Self {
            sign_in: SignIn {
                id: row.id,
                account: AccountKey(row.account_id),
                created_at: Timestamp(row.created_at),
                last_seen: Timestamp(row.last_seen),
                expires_at: Timestamp(row.expires_at),
                address: row.address,
                user_agent: row.user_agent,
            },
            secret: SecretHash::read(&row.secret_hash)?,
            device: SecretHash::read(&row.device_hash)?,
            ended_at: row.ended_at.map(Timestamp),
        })
    }
}

#[derive(FromRow)]
pub(crate) struct TokenRow {
    id: i64,
    account_id: i64,
    secret_hash: Vec<u8>,
    name: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used: Option<i64>,
}

impl TryFrom<TokenRow> for StoredToken {
    type Error = StoreError;
    fn try_from(row: TokenRow) -> Result<Self> {
        Ok(Self {
            token: ProgramToken {
                id: row.id,
                account: AccountKey(row.account_id),
                name: row.name,
                role: role(&row.role)?,
                created_at: Timestamp(row.created_at),
                expires_at: row.expires_at.map(Timestamp),
                last_used: row.last_used.map(Timestamp),
            },
            secret: SecretHash::read(&row.secret_hash)?,
        })
    }
}

/// The text of the queries, which both databases share.
pub(crate) mod sql {
    macro_rules! select_accounts {
        ($rest:literal) => {
            concat!(
                "SELECT a.id, a.name, a.role, a.password_hash, a.disabled, a.created_at, f.secret AS factor_secret, \
                 f.last_step, (SELECT COUNT(*) FROM recovery_code c WHERE c.account_id = a.id) AS codes_left \
                 FROM account a LEFT JOIN second_factor f ON f.account_id = a.id ",
                $rest
            )
        };
    }
    pub(crate) const ACCOUNTS: &str = select_accounts!("ORDER BY a.id");
    pub(crate) const ACCOUNT: &str = select_accounts!("WHERE a.key = $1");
    pub(crate) const ADD_ACCOUNT: &str = "INSERT INTO account (key, name, role, password_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5) RETURNING id";
    pub(crate) const CHANGE_ACCOUNT: &str =
        "UPDATE account SET role = $2, password_hash = $3, disabled = $4 WHERE id = $1";

    pub(crate) const ADD_SECOND_FACTOR: &str =
        "INSERT INTO second_factor (account_id, secret, last_step) VALUES ($1, $2, $3)";
    pub(crate) const REMOVE_SECOND_FACTOR: &str = "DELETE FROM second_factor WHERE account_id = $1";
    pub(crate) const TAKE_STEP: &str =
        "UPDATE second_factor SET last_step = $2 WHERE account_id = $1 AND last_step < $2";
    pub(crate) const ADD_RECOVERY_CODE: &str = "INSERT INTO recovery_code (account_id, code_hash) VALUES ($1, $2)";
    pub(crate) const REMOVE_RECOVERY_CODES: &str = "DELETE FROM recovery_code WHERE account_id = $1";
    pub(crate) const TAKE_RECOVERY_CODE: &str = "DELETE FROM recovery_code WHERE account_id = $1 AND code_hash = $2";

    pub(crate) const SIGN_INS: &str = "SELECT id, account_id, secret_hash, device_hash, created_at, last_seen, \
         expires_at, ended_at, address, user_agent FROM sign_in ORDER BY id";
    pub(crate) const ADD_SIGN_IN: &str = "INSERT INTO sign_in (account_id, secret_hash, device_hash, created_at, \
         last_seen, expires_at, address, user_agent) VALUES ($1, $2, $3, $4, $4, $5, $6, $7) RETURNING id";
    pub(crate) const TOUCH_SIGN_IN: &str = "UPDATE sign_in SET last_seen = $2 WHERE id = $1 AND last_seen < $2";
    pub(crate) const END_SIGN_IN: &str = "UPDATE sign_in SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    pub(crate) const FORGET_SIGN_IN: &str = "DELETE FROM sign_in WHERE id = $1";

    pub(crate) const TOKENS: &str = "SELECT id, account_id, secret_hash, name, role, created_at, expires_at, last_used \
         FROM program_token ORDER BY id";
    pub(crate) const ADD_TOKEN: &str = "INSERT INTO program_token (account_id, secret_hash, name, role, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    pub(crate) const TOUCH_TOKEN: &str = "UPDATE program_token SET last_used = $2 WHERE id = $1";
    pub(crate) const REMOVE_TOKEN: &str = "DELETE FROM program_token WHERE id = $1";
}
