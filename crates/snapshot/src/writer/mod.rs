//! Building and publishing the index. The daemon's side.
//!
//! [`IndexWriter::publish`] writes both files whole, under a temporary name, then puts them in place by
//! the supersede protocol (see [`crate::layout`]). The live files come first, so that nobody waits
//! for a disk to see a change; the checkpoint follows by write, fsync, rename, fsync of the directory.

mod build;
mod contents;
mod error;
mod files;
mod image;
mod memory;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use contents::{Contents, GroupEntry, KeyEntry, ShadowEntry, UserEntry};
pub use error::WriteError;

use build::Plan;
use files::{Access, Draft};

/// Publishes the index of one system. There must be only one at a time for a pair of directories.
#[derive(Debug)]
pub struct IndexWriter {
    live: PathBuf,
    checkpoint: PathBuf,
    index: Option<File>,
    shadow: Option<File>,
}

impl IndexWriter {
    /// A writer into these directories (`/run/roster` and `/var/lib/roster/index`). A directory that
    /// is missing is made at the first [`publish`](Self::publish), its parent is not.
    #[must_use]
    pub fn new(live_dir: &Path, checkpoint_dir: &Path) -> Self {
        let (live, checkpoint) = (live_dir.to_owned(), checkpoint_dir.to_owned());
        Self { live, checkpoint, index: None, shadow: None }
    }

    /// Replaces what is published by `contents`. When this returns, every lookup that begins afterwards
    /// sees it, and it survives a loss of power.
    ///
    /// # Errors
    ///
    /// [`WriteError::Invalid`] and its neighbours for contents that must not be published, in which
    /// case nothing has changed. [`WriteError::Io`] if a file cannot be written, a full disk included:
    /// each file is then the old one or the new one, whole, and the call may be repeated. Nothing is
    /// replaced before both live files have been written.
    pub fn publish(&mut self, contents: &Contents) -> Result<(), WriteError> {
        let (index, shadow) = (Plan::index(contents)?, Plan::shadow(contents)?);
        files::make_directory(&self.live)?;
        files::make_directory(&self.checkpoint)?;
        let index = Draft::create(&self.live, "index", Access::Everybody, &index)?;
        let shadow = Draft::create(&self.live, "shadow", Access::Owner, &shadow)?;
        let index = index.put_in_place(&mut self.index)?;
        let shadow = shadow.put_in_place(&mut self.shadow)?;
        index.checkpoint(&self.checkpoint)?;
        shadow.checkpoint(&self.checkpoint)?;
        files::sync_directory(&self.checkpoint)
    }
}
