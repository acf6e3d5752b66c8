//! What a change of a million rows needs beside the change itself.

use super::{Db, Store, StoreError};

/// What the connection may remember of the file while many rows are written, in KiB: rows of any
/// order find their pages there, and none is written twice.
const ROOM_KIB: i32 = 48 * 1024;

impl Store {
    /// Gives many rows room in memory, or takes it back. Only ever makes things faster: failing is
    /// no error.
    pub(crate) fn make_room(&self, room: bool) {
        // SQLite's own is 2000 KiB.
        let kib = if room { ROOM_KIB } else { 2000 };
        let set = self.connection.pragma_update(None, "cache_size", -kib);
        if let Err(error) = set {
            tracing::debug!(%error, "the database's cache keeps its size");
        }
        if !room {
            let _ = self.connection.execute_batch("PRAGMA shrink_memory");
        }
    }
}

impl Db<'_> {
    /// Begins a part of the transaction that can be taken back by itself.
    pub(crate) fn begin_part(self) -> Result<(), StoreError> {
        Ok(self.connection.prepare_cached("SAVEPOINT part")?.execute([]).map(|_| ())?)
    }

    /// Keeps the part, or takes it back.
    pub(crate) fn end_part(self, keep: bool) -> Result<(), StoreError> {
        if !keep {
            self.connection.prepare_cached("ROLLBACK TO part")?.execute([])?;
        }
        Ok(self.connection.prepare_cached("RELEASE part")?.execute([]).map(|_| ())?)
    }
}
