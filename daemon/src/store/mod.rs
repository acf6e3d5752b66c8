//! The account store: SQLite, one writer, every change one transaction.
//!
//! This is the only place that knows rusqlite. A [`Db`] is the open database inside a
//! transaction; its methods, one file per table, are all that the service sees.

mod activity;
mod addresses;
mod audit;
mod bulk;
#[cfg(test)]
mod dump;
mod find;
mod groups;
mod keys;
mod logins;
mod members;
mod metadata;
mod migrate;
mod number_journal;
mod numbers;
mod open;
mod outbox;
mod password_history;
mod passwords;
mod published;
mod readers;
mod recovery;
mod reservations;
mod spans;
mod sudo_rules;
mod throttle;
mod tokens;
mod tombstones;
mod totp;
mod two_factor_policy;
mod users;
mod watch;

pub use audit::{
    AuditAbout, AuditEntry, AuditFilter, AuditFinding, AuditFrom, AuditHead, AuditKind, AuditPage,
    AuditReport, AuditRow, AuditTail,
};
pub use find::{Found, Wanted};
pub use groups::GroupRow;
pub use keys::KeyRow;
pub use logins::LoginRow;
pub use members::Names;
pub use number_journal::NumberJournal;
pub use open::prepare_directory;
pub use passwords::PasswordRow;
pub use published::{PublishedCounts, PublishedUser};
pub use readers::Readers;
pub use spans::{Numbers, Spans};
pub use sudo_rules::{HolderKey, SudoRuleRow};
pub use throttle::{ThrottleKind, ThrottleRow, ThrottledFrom};
pub use tokens::{TokenKind, TokenRow};
pub use tombstones::{DeletedHome, Remains, Tombstone};
pub use totp::{SealedRow, TotpRow, TotpState};
pub use two_factor_policy::PolicyRow;
pub use users::{UserKey, UserRow};
pub use watch::{Membership, Touched, Watch};

use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused or failed; the transaction was rolled back.
    #[error("the account database: {0}")]
    Sqlite(rusqlite::Error),
    /// The database's directory or files cannot be used.
    #[error("{0}: {1}")]
    Files(String, std::io::Error),
    /// The database is not ours, damaged, or newer than this program. It is left as it is.
    #[error("the account database is left untouched: {0}")]
    Unusable(String),
    /// A row holds what no version of this program writes.
    #[error("the account database is damaged: {0}")]
    Damaged(String),
    /// A query took longer than a query may.
    #[error("the query takes too long: ask for less")]
    TooSlow,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if readers::is_interrupted(&error) { Self::TooSlow } else { Self::Sqlite(error) }
    }
}

impl StoreError {
    /// Whether the reason may go away by itself: a full disk, a file system that is not there yet.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::Files(..))
    }
}

/// The open database.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    readers: Arc<Readers>,
}

/// The database inside one transaction.
#[derive(Clone, Copy)]
pub struct Db<'a> {
    connection: &'a Connection,
    watch: Option<&'a dyn Watch>,
}

impl Store {
    /// Those who read without keeping the writer waiting.
    #[must_use]
    pub fn readers(&self) -> Arc<Readers> {
        Arc::clone(&self.readers)
    }

    /// Counts the steps that SQLite takes from now on: what a change costs, whatever else the machine
    /// is doing.
    #[cfg(test)]
    pub(crate) fn count_steps(&mut self) -> Arc<std::sync::atomic::AtomicU64> {
        let steps = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        let count = move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            false
        };
        // A connection in use takes a handler.
        drop(self.connection.progress_handler(1, Some(count)));
        steps
    }

    /// Runs `change` in one transaction and commits it durably, or leaves everything as it was.
    ///
    /// # Errors
    /// What `change` says, or that the commit failed.
    pub fn change<T, E: From<StoreError>>(
        &mut self,
        change: impl FnOnce(Db<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let done = change(Db { connection: &transaction, watch: None })?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Runs `read` on one consistent state of the database.
    ///
    /// # Errors
    /// What `read` says.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        read: impl FnOnce(Db<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(StoreError::from)?;
        read(Db { connection: &transaction, watch: None })
    }
}

impl Db<'_> {
    /// Counts the store's changes; the published index carries it.
    pub(crate) fn next_generation(self) -> Result<u64, StoreError> {
        self.connection.execute(
            "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'generation'",
            [],
        )?;
        self.generation()
    }

    /// The number of the last change.
    pub(crate) fn generation(self) -> Result<u64, StoreError> {
        Ok(self.connection.query_row(
            "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'",
            [],
            |row| row.get::<_, i64>(0),
        )? as u64)
    }
}

/// Reads a UUID column.
fn uuid_column(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<uuid::Uuid> {
    Ok(uuid::Uuid::from_bytes(row.get::<_, [u8; 16]>(index)?))
}

/// `rusqlite`'s way to say that a column's text is not what its type takes.
fn damaged(index: usize, message: impl std::fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        index,
        rusqlite::types::Type::Text,
        message.to_string().into(),
    )
}
