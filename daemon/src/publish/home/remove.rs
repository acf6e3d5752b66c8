//! Removes a workspace of ours with whatever a user has put into it.
//!
//! A user can make a tree deeper than any stack or descriptor limit. So there is no recursion: a
//! directory found inside another is first moved up into the workspace, which only root can
//! enter, and is emptied from there. At most three descriptors are open at a time.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use super::base::{Place, open_dir};
use super::copy::names;
use crate::publish::error::{During, EffectError};

/// Names taken from a directory at once.
const BATCH: usize = 4096;
/// Batches after which a workspace that is still not empty must be being filled by somebody.
const MOST_BATCHES: u64 = 1_000_000;

/// Removes the workspace `name` in the place's base, if it is there.
pub(super) fn workspace(place: &Place, name: &str) -> Result<(), EffectError> {
    let Some(workspace) = place.open_ours(name)? else { return Ok(()) };
    let mut removal =
        Removal { workspace: workspace.as_fd(), path: &place.path, moved: 0, batches: 0 };
    loop {
        let entries = removal.batch(workspace.as_fd())?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            removal.entry(&entry)?;
        }
    }
    match rustix::fs::unlinkat(&place.base, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => place.sync(),
        Err(errno) => Err(errno).during(|| format!("remove {}/{name}", place.base_path)),
    }
}

struct Removal<'a> {
    workspace: BorrowedFd<'a>,
    path: &'a str,
    moved: u64,
    batches: u64,
}

impl Removal<'_> {
    fn batch(&mut self, dir: BorrowedFd<'_>) -> Result<Vec<std::ffi::CString>, EffectError> {
        self.batches += 1;
        if self.batches > MOST_BATCHES {
            return Err(EffectError::Busy(self.path.to_owned()));
        }
        names(dir, BATCH).during(|| format!("read what is left of {}", self.path))
    }

    /// Removes one entry of the workspace. Directories found in it become entries themselves.
    fn entry(&mut self, name: &CStr) -> Result<(), EffectError> {
        if !self.unlink(self.workspace, name)? {
            return Ok(());
        }
        loop {
            match rustix::fs::unlinkat(self.workspace, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(errno) => return Err(self.failed(errno, name)),
            }
            let dir = open_dir(self.workspace, name).map_err(|errno| self.failed(errno, name))?;
            for inside in self.batch(dir.as_fd())? {
                if self.unlink(dir.as_fd(), &inside)? {
                    self.move_up(dir.as_fd(), &inside)?;
                }
            }
        }
    }

    /// Unlinks what is not a directory; true for a directory.
    fn unlink(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<bool, EffectError> {
        match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(false),
            Err(Errno::ISDIR) => Ok(true),
            Err(errno) => Err(self.failed(errno, name)),
        }
    }

    fn move_up(&mut self, dir: BorrowedFd<'_>, name: &CStr) -> Result<(), EffectError> {
        loop {
            self.moved += 1;
            let new = self.moved.to_string();
            let flags = RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(dir, name, self.workspace, &*new, flags) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // Left by an earlier, interrupted removal.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.failed(errno, name)),
            }
        }
    }

    fn failed(&self, errno: Errno, name: &CStr) -> EffectError {
        let what = format!("{}/…/{}", self.path, name.to_string_lossy());
        match errno {
            Errno::XDEV | Errno::BUSY => {
                EffectError::Mounted { path: self.path.to_owned(), mount: what }
            }
            errno => EffectError::Io { what: format!("remove {what}"), source: errno.into() },
        }
    }
}
