//! Reading beside the writer: connections of their own, each on a consistent state of the database.
//!
//! What may take long, such as a list by a regular expression or a walk over the audit log, keeps
//! neither logins nor changes waiting this way. A reader sees everything that was committed before
//! it began. There are few, what they do ends in time, and SQLite refuses them every write.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{Db, StoreError, open};

/// Reads at a time; further ones wait for their turn.
const CONNECTIONS: usize = 4;
/// SQLite asks after so many of its steps whether to go on: below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 20_000;
/// What a connection may remember of the file, in KiB.
const CACHE_KIB: i32 = 8 * 1024;

/// The reading connections of a store.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    free: Mutex<Free>,
    returned: Condvar,
}

#[derive(Debug)]
struct Free {
    idle: Vec<Connection>,
    /// Connections that are not open yet.
    unopened: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        let free = Free { idle: Vec::new(), unopened: CONNECTIONS };
        Self { path, free: Mutex::new(free), returned: Condvar::new() }
    }

    /// Runs `read` on one consistent state of the database, until then at most.
    ///
    /// # Errors
    /// What `read` says; that it took too long, the wait for a connection included.
    pub fn read<T, E: From<StoreError>>(
        &self,
        until: Instant,
        read: impl FnOnce(Db<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.take(until)?.read(until, read)
    }

    /// A connection, if one is to be had at once.
    pub fn free(&self) -> Option<Place<'_>> {
        let mut place = self.place(&mut self.lock())?;
        place.connection().is_ok().then_some(place)
    }

    /// Waits for a connection.
    fn take(&self, until: Instant) -> Result<Place<'_>, StoreError> {
        let mut free = self.lock();
        loop {
            if let Some(place) = self.place(&mut free) {
                return Ok(place);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::TooSlow);
            }
            let waited = self.returned.wait_timeout(free, left);
            free = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn place(&self, free: &mut Free) -> Option<Place<'_>> {
        let connection = free.idle.pop();
        if connection.is_none() {
            free.unopened = free.unopened.checked_sub(1)?;
        }
        Some(Place { readers: self, connection })
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        // Nothing between taking and putting back can fail halfway.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let connection = open::connect(&self.path)?;
        connection.execute_batch(&format!(
            "PRAGMA query_only = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -{CACHE_KIB};"
        ))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

/// A connection on loan, or the right to open one; goes back when dropped.
pub struct Place<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Place<'_> {
    /// Runs `read` on one consistent state of the database, until then at most.
    ///
    /// # Errors
    /// What `read` says; that it took too long.
    pub fn read<T, E: From<StoreError>>(
        mut self,
        until: Instant,
        read: impl FnOnce(Db<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.connection()?;
        let handler = move || Instant::now() >= until;
        connection
            .progress_handler(STEPS_BETWEEN_LOOKS, Some(handler))
            .map_err(StoreError::from)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(StoreError::from)?;
        read(Db { connection: &transaction, watch: None })
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(self.readers.open()?)),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut free = self.readers.lock();
        match self.connection.take() {
            Some(connection) => free.idle.push(connection),
            None => free.unopened += 1,
        }
        drop(free);
        self.readers.returned.notify_one();
    }
}

/// Whether SQLite has ended a statement because its time was over.
pub(super) fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::super::Store;
    use super::*;

    const FOREVER: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                           SELECT count(*) FROM n";

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn number(readers: &Readers, sql: &str, until: Instant) -> Result<i64, StoreError> {
        readers.read(until, |db| Ok(db.connection.query_row(sql, [], |row| row.get(0))?))
    }

    #[test]
    fn readers_see_what_is_committed_and_keep_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("store")).unwrap();
        let readers = store.readers();
        let count = "SELECT count(*) FROM used_uids";
        let seen = |db: Db<'_>| -> Result<i64, StoreError> {
            Ok(db.connection.query_row(count, [], |row| row.get(0))?)
        };
        let insert = |db: Db<'_>| {
            let insert = "INSERT INTO used_uids SELECT coalesce(max(uid), 0) + 1 FROM used_uids";
            Ok::<_, StoreError>(db.connection.execute(insert, [])?)
        };
        readers
            .read(soon(), |db| {
                assert_eq!(seen(db)?, 0);
                store.change(insert)?;
                // Committed meanwhile, and beside what this reader looks at.
                assert_eq!(seen(db)?, 0);
                assert_eq!(number(&readers, count, soon())?, 1);
                Ok::<_, StoreError>(())
            })
            .unwrap();
        store
            .change(|db| {
                insert(db)?;
                assert_eq!(number(&readers, count, soon())?, 1, "not committed yet");
                Ok::<_, StoreError>(())
            })
            .unwrap();
        assert_eq!(number(&readers, count, soon()).unwrap(), 2);
    }

    #[test]
    fn a_reader_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        for sql in
            ["INSERT INTO used_uids VALUES (1)", "DROP TABLE users", "PRAGMA user_version = 9"]
        {
            let tried = store
                .readers()
                .read(soon(), |db| db.connection.execute_batch(sql).map_err(StoreError::from));
            assert!(tried.is_err(), "{sql}");
        }
    }

    #[test]
    fn what_takes_too_long_ends_and_the_connection_is_as_good_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let readers = store.readers();
        for _ in 0..2 * CONNECTIONS {
            let until = Instant::now() + Duration::from_millis(20);
            assert!(matches!(number(&readers, FOREVER, until), Err(StoreError::TooSlow)));
        }
        assert_eq!(number(&readers, "SELECT 7", soon()).unwrap(), 7);
    }

    #[test]
    fn there_are_only_so_many_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let readers = store.readers();
        let taken: Vec<_> = (0..CONNECTIONS).map(|_| readers.take(soon()).unwrap()).collect();
        let until = Instant::now() + Duration::from_millis(10);
        assert!(matches!(number(&readers, "SELECT 7", until), Err(StoreError::TooSlow)));
        assert!(readers.free().is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| number(&readers, "SELECT 7", soon()));
            drop(taken);
            assert_eq!(waiting.join().unwrap().unwrap(), 7);
        });
        let place = readers.free().unwrap();
        let seven = place.read(soon(), |db| {
            Ok::<i64, StoreError>(db.connection.query_row("SELECT 7", [], |row| row.get(0))?)
        });
        assert_eq!(seven.unwrap(), 7);
    }
}
