//! The table `outbox`: host effects that a committed change still owes.

use rusqlite::params;

use super::{Db, StoreError};

impl Db<'_> {
    /// Notes an effect, as JSON, in the transaction of its change.
    pub(crate) fn owe(self, effect: &str, now: i64) -> Result<i64, StoreError> {
        self.connection.execute(
            "INSERT INTO outbox (effect, created_at) VALUES (?1, ?2)",
            params![effect, now],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The effects still owed, oldest first.
    pub(crate) fn owed(self) -> Result<Vec<(i64, String)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, effect FROM outbox ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ticks an effect off.
    pub(crate) fn settle(self, id: i64) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM outbox WHERE id = ?1", [id])?;
        Ok(())
    }
}
