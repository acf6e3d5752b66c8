//! The copy of the index on disk, which lookups are answered from between a boot and the start of the
//! daemon.
//!
//! It follows in the background, and may lag behind the last changes by moments, or where there are
//! very many accounts by a minute. Nothing is lost with it: the store holds every change that was
//! acknowledged, and the daemon publishes from the store when it starts. Who gets in does not hang on
//! it either, because PAM asks the daemon, and waits for it. A daemon that ends in good order leaves
//! it up to date.

use std::sync::PoisonError;

use snapshot::writer::WriteError;

use super::super::{Error, Service};

/// Copies that are begun one after the other, because whole new indexes come between.
const MOST_ATTEMPTS: usize = 3;

impl Service {
    /// Waits until the index has changed since its copy on disk was begun last.
    pub async fn index_changes(&self) {
        self.index.changed.notified().await;
    }

    /// Has the copy on disk written again, because that failed.
    pub fn index_has_changed(&self) {
        self.index.changed.notify_one();
    }

    /// Brings the copy of the index on disk up to date. Changes go on meanwhile; only where it begins
    /// and where it catches up with them they wait.
    ///
    /// # Errors
    /// When it cannot be written: the copy before it stays.
    pub fn checkpoint_index(&self) -> Result<(), Error> {
        let _only = self.index.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        self.copy_index().map_err(|error| {
            Error::Unavailable(format!("the copy of the account index on disk: {error}"))
        })
    }

    fn copy_index(&self) -> Result<(), WriteError> {
        for _ in 0..MOST_ATTEMPTS {
            let mut state = self.index.lock();
            if !state.publisher.writer().is_published() {
                return Ok(());
            }
            let Some(copy) = state.publisher.writer().start_checkpoint()? else { return Ok(()) };
            drop(state);
            let written = copy.write()?;
            let complete = self.index.lock().publisher.writer().finish_checkpoint(written)?;
            let Some(complete) = complete else { continue };
            return complete.commit().inspect_err(|_| {
                self.index.lock().publisher.writer().checkpoint_failed();
            });
        }
        // Too much changes: what comes next tries again.
        self.index.changed.notify_one();
        Ok(())
    }
}
