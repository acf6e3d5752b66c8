//! The table `password_history`: hashes of earlier passwords, those that may not come again.

use accounts::UserId;
use rusqlite::params;

use super::{Db, StoreError};

impl Db<'_> {
    /// The hashes of a user's earlier passwords, the last one first; so many at most.
    pub(crate) fn earlier_passwords(
        self,
        user: UserId,
        most: u32,
    ) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT phc FROM password_history WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows =
            statement.query_map(params![user.0.as_bytes().as_slice(), most], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Puts a user's password, which is about to be replaced, among the earlier ones, and keeps so
    /// many of those.
    pub(crate) fn remember_password(
        self,
        user: UserId,
        now: i64,
        keep: u32,
    ) -> Result<(), StoreError> {
        let key = user.0.as_bytes().as_slice();
        self.connection.execute(
            "INSERT INTO password_history (user_id, phc, replaced_at) \
             SELECT user_id, phc, ?2 FROM passwords WHERE user_id = ?1",
            params![key, now],
        )?;
        self.connection.execute(
            "DELETE FROM password_history WHERE user_id = ?1 AND id NOT IN \
             (SELECT id FROM password_history WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2)",
            params![key, keep],
        )?;
        Ok(())
    }
}
