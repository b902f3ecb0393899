//! Writing.
use super::SiteFile;

pub(super) fn site_file(_file: &SiteFile, _out: impl std::io::Write) -> std::io::Result<()> {
    Err(std::io::Error::other("writing is not there yet"))
}
