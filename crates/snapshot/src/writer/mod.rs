//! Writing and publishing the index. The daemon's side.
//!
//! A whole index (`IndexWriter::begin`, `IndexWriter::finish`) is written under a temporary name
//! and put in place by the supersede protocol; from then on `IndexWriter::apply` changes it under its
//! readers, at the cost of the change (see [`crate::layout`] for both). The live files are in memory.
//! The checkpoint, a copy on disk that serves until the daemon has started after a boot, follows
//! beside the changes, and may lag behind them.

#[cfg(not(loom))]
mod checkpoint;
mod contents;
#[cfg(not(loom))]
mod edit;
mod encode;
mod error;
#[cfg(not(loom))]
mod files;
mod image;
#[cfg(not(loom))]
mod index_writer;
#[cfg(not(loom))]
mod memory;
#[cfg(all(loom, test))]
mod model;
#[cfg(not(loom))]
mod rebuild;
mod records;
#[cfg(not(loom))]
mod units;

#[cfg(not(loom))]
pub use checkpoint::{Complete, Copy, Written};
pub use contents::{Contents, GroupEntry, KeyEntry, ShadowEntry, UserEntry};
#[cfg(not(loom))]
pub use edit::Edit;
pub use error::WriteError;
pub use image::Sizes;
#[cfg(not(loom))]
pub use index_writer::IndexWriter;
#[cfg(not(loom))]
pub use rebuild::Rebuild;
