//! The table `reserved_uids`: numbers that are held for somebody for a while.

use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};

impl Db<'_> {
    /// Holds a uid until a time.
    pub(crate) fn reserve_uid(self, uid: u32, until: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO reserved_uids (uid, until) VALUES (?1, ?2)")?
            .execute(params![uid, until])?;
        Ok(())
    }

    /// Whether a uid is held.
    pub(crate) fn uid_reserved(self, uid: u32, now: i64) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM reserved_uids WHERE uid = ?1 AND until > ?2";
        let row = self.connection.prepare_cached(sql)?.query_row([i64::from(uid), now], |_| Ok(()));
        Ok(row.optional()?.is_some())
    }

    /// Ends a reservation, because the number is given out.
    pub(crate) fn release_uid(self, uid: u32) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM reserved_uids WHERE uid = ?1")?
            .execute([uid])?;
        Ok(())
    }

    /// Forgets reservations that are over. Answers how many are left, and when the first of them is
    /// over.
    pub(crate) fn end_reservations(self, now: i64) -> Result<(u64, Option<i64>), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM reserved_uids WHERE until <= ?1")?
            .execute([now])?;
        Ok(self.connection.query_row(
            "SELECT count(*), min(until) FROM reserved_uids",
            [],
            |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)),
        )?)
    }
}
