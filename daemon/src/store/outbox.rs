//! The table `outbox`: host effects that a committed change still owes.

use rusqlite::params;

use super::{Db, StoreError};

impl Db<'_> {
    /// Notes an effect, as JSON, in the transaction of its change.
    pub(crate) fn owe(self, effect: &str, now: i64) -> Result<i64, StoreError> {
        let sql = "INSERT INTO outbox (effect, created_at) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![effect, now])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Some of the effects still owed, of those with numbers from `first` to `last`, oldest first.
    pub(crate) fn owed_between(
        self,
        (first, last): (i64, i64),
        limit: u32,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = "SELECT id, effect FROM outbox WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map(params![first, last, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
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
