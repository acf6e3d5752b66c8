//! The account index follows the store: each change as the few edits that it comes to, and
//! everything at once at the start, after a change of the policy, and whenever something went wrong.
//!
//! What a change comes to is read at the end of its transaction from what it has touched, so that
//! nothing but the edits themselves lies between the commit and the moment at which everybody sees
//! it. A rebuild reads row by row, and keeps few of them.

mod basis;
mod checkpoint;
mod edits;
mod entry;
mod rebuild;
mod rows;

#[cfg(test)]
mod growth_tests;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snapshot::writer::WriteError;
use tokio::sync::Notify;

pub(super) use self::basis::NextDue;

use self::basis::Basis;
use super::{Error, Service};
use crate::publish::index::{Edit, Publisher};
use crate::store::Store;

/// What is published, and what that was made from.
pub(super) struct Index {
    state: Mutex<State>,
    /// Wakes who writes the checkpoint.
    changed: Notify,
    /// Held while it is written: one at a time.
    checkpoint: Mutex<()>,
    /// How long the last change took to be seen, in nanoseconds.
    took: AtomicU64,
}

struct State {
    publisher: Publisher,
    /// What the whole of the last index depends on; `None` while there is none.
    basis: Option<Basis>,
    /// Whether a group of /etc/group could not be shown beside others of its name or number.
    left_out: bool,
}

/// What of a change is to be shown.
#[derive(Debug)]
pub(super) enum Showing {
    /// Nothing.
    Nothing,
    /// These edits, and the store's number of the change.
    Edits(Vec<Edit>, u64),
    /// Everything, anew.
    Everything,
}

impl Index {
    /// An index in those directories.
    pub(super) fn new(live: &Path, checkpoint: &Path) -> Self {
        let publisher = Publisher::new(live, checkpoint);
        let state = State { publisher, basis: None, left_out: false };
        let (changed, checkpoint, took) = (Notify::new(), Mutex::new(()), AtomicU64::new(0));
        Self { state: Mutex::new(state), changed, checkpoint, took }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The writer makes an edit visible by one store, and a rebuild by a rename.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Publishes everything that the store holds now.
    ///
    /// # Errors
    /// When the store cannot be read or the index cannot be written.
    pub fn publish(&self) -> Result<(), Error> {
        match &mut *self.lock_store() {
            Ok(store) => self.publish_from(store, Showing::Everything),
            Err(reason) => Err(Error::Unavailable(reason.clone())),
        }
    }

    /// Publishes while the store is held, so that indexes follow each other as commits do.
    pub(super) fn publish_from(&self, store: &mut Store, showing: Showing) -> Result<(), Error> {
        let committed = Instant::now();
        // What an earlier change could not show is in no edits of this one.
        let behind = self.undone.is_index();
        self.undone.index(true);
        let mut state = self.index.lock();
        match showing {
            Showing::Nothing => {
                self.undone.index(behind);
                return Ok(());
            }
            Showing::Edits(edits, generation) if !behind => {
                match state.publisher.apply(&edits, generation) {
                    Ok(()) => {}
                    Err(error @ WriteError::Io { .. }) => return Err(unseen(&error)),
                    Err(error) => {
                        tracing::warn!(%error, "the account index takes no edits, and is made anew");
                        self.rebuild(store, &mut state)?;
                    }
                }
            }
            Showing::Edits(..) | Showing::Everything => self.rebuild(store, &mut state)?,
        }
        drop(state);
        self.undone.index(false);
        let took = u64::try_from(committed.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.index.took.store(took, SeqCst);
        self.index.changed.notify_one();
        Ok(())
    }

    /// How long it took from the commit of the last change until every lookup saw it. For benchmarks.
    #[must_use]
    pub fn shown_within(&self) -> Duration {
        Duration::from_nanos(self.index.took.load(SeqCst))
    }
}

fn unseen(error: &WriteError) -> Error {
    tracing::error!(%error, "the account index could not be written");
    Error::Unavailable(format!("stored, but not yet visible to lookups: {error}"))
}
