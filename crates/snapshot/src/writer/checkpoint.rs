//! The copy on disk, made while the live files change.
//!
//! The bulk is copied without stopping the writer, which notes the words that it changes meanwhile;
//! these and what was appended follow in a second, short step.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::WriteError;
use super::files::{self, Live, Name, Target, Temporary};
use super::memory::Writable;
use crate::index::word_of;
use crate::layout::header;

/// Words that are written at once.
const CHUNK: usize = 64 * 1024;
/// After so many changed words a fresh copy is cheaper.
const MAX_CHANGES: usize = 1 << 20;

/// A copy under way, of both files.
#[derive(Debug)]
pub struct Copy {
    directory: PathBuf,
    files: [Part; 2],
}

/// A copy whose bulk is written.
#[derive(Debug)]
pub struct Written(Copy);

/// A complete copy, to be made durable and put in place.
#[derive(Debug)]
pub struct Complete(Copy);

#[derive(Debug)]
struct Part {
    target: Target,
    temporary: Temporary,
    file: File,
    content: Arc<Writable>,
    /// The words from here on were not used at the start.
    used: usize,
}

fn used(live: &Live) -> Result<usize, WriteError> {
    Ok(word_of(live.image()?.get(header::USED)?))
}

impl Part {
    fn begin(directory: &Path, live: &Live) -> Result<Self, WriteError> {
        let (temporary, file) = files::create(directory, Name::New, live.target)?;
        let content = live.content.clone();
        let used = used(live)?;
        live.log.start(used);
        Ok(Self { target: live.target, temporary, file, content, used })
    }

    /// Writes the words of that range as they are now.
    fn copy(&self, mut from: usize, to: usize) -> Result<(), WriteError> {
        let mut bytes = Vec::with_capacity(CHUNK.min(to.saturating_sub(from)) * 4);
        while from < to {
            let until = to.min(from + CHUNK);
            let words = self.content.words().get(from..until).ok_or(WriteError::TooLarge)?;
            bytes.clear();
            let load = |word: &AtomicU32| word.load(Ordering::Relaxed).to_ne_bytes();
            bytes.extend(words.iter().flat_map(load));
            self.file
                .write_all_at(&bytes, from as u64 * 4)
                .map_err(WriteError::io("write", &self.temporary.0))?;
            from = until;
        }
        Ok(())
    }

    fn write(&self) -> Result<(), WriteError> {
        // What is beyond reads as zero, which is what it is.
        let length = self.content.words().len() as u64 * 4;
        self.file.set_len(length).map_err(WriteError::io("write", &self.temporary.0))?;
        self.copy(0, self.used)
    }

    /// Whether the copy could be completed: not if a new file has come since, or too much changed.
    fn complete(&self, live: &Live) -> Result<bool, WriteError> {
        if !Arc::ptr_eq(&self.content, &live.content) {
            return Ok(false);
        }
        let mut changed = live.log.stop();
        if changed.len() > MAX_CHANGES {
            return Ok(false);
        }
        changed.sort_unstable();
        changed.dedup();
        for at in changed {
            self.copy(at, at + 1)?;
        }
        self.copy(self.used, used(live)?)?;
        Ok(true)
    }
}

impl Copy {
    /// Begins a copy of both live files. From now on their changes are noted.
    pub(super) fn begin(directory: &Path, live: [&Live; 2]) -> Result<Self, WriteError> {
        files::make_directory(directory)?;
        let [index, shadow] = live;
        let files = [Part::begin(directory, index)?, Part::begin(directory, shadow)?];
        Ok(Self { directory: directory.to_owned(), files })
    }

    /// Writes the bulk. Takes long for large files; the writer is not needed for it.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`], a full disk included. What was on disk stays.
    pub fn write(self) -> Result<Written, WriteError> {
        self.files.iter().try_for_each(Part::write)?;
        Ok(Written(self))
    }
}

impl Written {
    /// Adds what has changed since the start. `None` if another copy must be begun.
    pub(super) fn complete(self, live: [&Live; 2]) -> Result<Option<Complete>, WriteError> {
        for (part, live) in self.0.files.iter().zip(live) {
            if !part.complete(live)? {
                return Ok(None);
            }
        }
        Ok(Some(Complete(self.0)))
    }
}

impl Complete {
    /// Makes the copy durable and puts it in place. Takes as long as the disk does; the writer is not
    /// needed for it.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`]; each file is then the old one or the new one, whole.
    pub fn commit(self) -> Result<(), WriteError> {
        let Copy { directory, files } = self.0;
        for Part { target, temporary, file, .. } in files {
            file.sync_all().map_err(WriteError::io("sync", &temporary.0))?;
            let path = directory.join(target.name);
            files::mark_superseded(&path)?;
            fs::rename(&temporary.0, &path).map_err(WriteError::io("rename to", &path))?;
        }
        files::sync_directory(&directory)
    }
}
