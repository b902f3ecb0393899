//! Diagnostics that a charge point has uploaded.

use super::Moment;
use serde::{Deserialize, Serialize};

/// A file that a charge point has uploaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiagnosticsLine {
    /// Its number, by which it is downloaded.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When all of it had come.
    pub at: Moment,
    /// The number of the command that asked for it.
    pub command: i64,
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::{DataError, moment};
    use bmw_domain::diagnostics::DiagnosticsFile;
    use bmw_domain::record::ChargePointKey;
    use bmw_site::Caller;
    use bmw_site::Site;

    /// The files of a charge point, newest first.
    pub async fn diagnostics(
        site: &Site,
        charger: ChargePointKey,
        caller: &Caller,
    ) -> Result<Vec<DiagnosticsLine>, DataError> {
        let line = |file: DiagnosticsFile| DiagnosticsLine {
            id: file.id,
            name: file.name.to_string(),
            size: u64::try_from(file.size).unwrap_or(0),
            at: moment(site, file.received_at),
            command: file.command,
        };
        Ok(site.diagnostics_of(charger, caller).await?.into_iter().map(line).collect())
    }
}
