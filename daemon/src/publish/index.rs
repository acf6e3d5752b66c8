//! The account index, by the layout of the snapshot crate: whole ones, edits, and the copy on disk.

use std::path::Path;

pub use snapshot::writer::{Edit, Rebuild, Sizes};
use snapshot::writer::{IndexWriter, WriteError};

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

    /// Begins a whole new index of about that size.
    ///
    /// # Errors
    /// When a file cannot be made; what was published before keeps serving.
    pub fn begin(&self, sizes: &Sizes) -> Result<Rebuild, WriteError> {
        self.writer.begin(sizes)
    }

    /// Makes lookups answer from a whole new index.
    ///
    /// # Errors
    /// When a file cannot be written; what was published before keeps serving.
    pub fn finish(&mut self, new: Rebuild, generation: u64) -> Result<(), WriteError> {
        self.writer.finish(new, generation)
    }

    /// Changes what lookups answer from, at the cost of the change.
    ///
    /// # Errors
    /// When a file is full and a larger one cannot be made: what was published before keeps serving.
    /// When the edits do not fit what is published: then everything has to be.
    pub fn apply(&mut self, edits: &[Edit], generation: u64) -> Result<(), WriteError> {
        self.writer.apply(edits, generation)
    }

    /// The writer itself, for the steps of a checkpoint.
    pub(crate) const fn writer(&mut self) -> &mut IndexWriter {
        &mut self.writer
    }
}
