//! Reading.
use super::{SiteFile, SiteFileError};

pub(super) fn site_file(_bytes: &[u8]) -> Result<SiteFile, SiteFileError> {
    Err(SiteFileError("reading is not there yet".to_owned()))
}
