//! What can go wrong with the store.

use crate::site_file::SiteFileError;
use sqlx::error::{DatabaseError, ErrorKind};

/// An error of the store. `Display` is one line that can be shown to the person at the terminal; it never holds a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a URL of a database that we know.
    #[error("the database URL {0}")]
    Url(&'static str),
    /// The database was migrated by a newer version of the program.
    #[error("the database is of a newer version of bmw (migration {0} is unknown here); update the program")]
    Newer(i64),
    /// Another process serves or changes this database.
    #[error("the database is in use by another bmw (a running server?); stop it first")]
    InUse,
    /// A zone name that the stored rules do not know.
    #[error("unknown time zone {0:?}")]
    UnknownZone(String),
    /// What was to be added is there.
    #[error("{0} exists already")]
    Exists(String),
    /// What was asked for is not there.
    #[error("{0} does not exist")]
    Unknown(String),
    /// A site file cannot be taken.
    #[error(transparent)]
    SiteFile(#[from] SiteFileError),
    /// The database has a value that cannot be.
    #[error("the database holds an impossible value: {0}")]
    Corrupt(String),
    /// A file could not be made or locked.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database refused or did not answer.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the same would be refused again, however long one waits. Nothing of it is stored then.
    pub fn is_lasting(&self) -> bool {
        use sqlx::Error::{ColumnDecode, ColumnNotFound, Database, Decode, Encode, RowNotFound, TypeNotFound};
        match self {
            Self::Unknown(_) | Self::Exists(_) | Self::Corrupt(_) => true,
            Self::Database(Database(error)) => is_lasting(error.as_ref()),
            Self::Database(error) => matches!(
                error,
                ColumnDecode { .. } | ColumnNotFound(_) | Decode(_) | Encode(_) | RowNotFound | TypeNotFound { .. }
            ),
            _ => false,
        }
    }
}

/// A rule of the schema, or a value that the database cannot hold. What SQLite tells as a plain error (1), a mismatch (20)
/// or out of range (25) is such, and so are PostgreSQL's classes 22 (data) and 42 (statement).
fn is_lasting(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    !matches!(error.kind(), ErrorKind::Other)
        || matches!(code.as_ref(), "1" | "20" | "25")
        || code.len() == 5 && (code.starts_with("22") || code.starts_with("42"))
}
