//! The account index: written after each commit, by the layout of the snapshot crate.

use std::path::Path;

use snapshot::writer::{Contents, IndexWriter, WriteError};

/// Writes the live index and its checkpoint.
#[derive(Debug)]
pub struct Publisher {
    writer: IndexWriter,
}

impl Publisher {
    /// A publisher into those directories.
    #[must_use]
    pub fn new(live: &Path, checkpoint: &Path) -> Self {
        Self { writer: IndexWriter::new(live, checkpoint) }
    }

    /// Makes lookups answer from `contents`.
    ///
    /// # Errors
    /// When a file cannot be written; what was published before keeps serving.
    pub fn publish(&mut self, contents: &Contents) -> Result<(), WriteError> {
        self.writer.publish(contents)
    }
}
