//! Whether a home is there.

use rustix::fs::{AtFlags, FileType, statat};

use super::base;
use crate::publish::host::Host;

/// Whether the path leads to a directory where homes may be, without a symbolic link on the way.
#[must_use]
pub fn exists(host: &Host, path: &str) -> bool {
    let Ok(Some(place)) = base::place(host, path) else { return false };
    statat(&place.base, place.name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Whether the path leads to a home directory that belongs to `uid`.
#[must_use]
pub fn belongs(host: &Host, path: &str, uid: u32) -> bool {
    matches!(base::place(host, path), Ok(Some(place)) if matches!(place.home_of(uid), Ok(Some(_))))
}
