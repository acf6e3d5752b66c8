//! The table `passwords`: hashes, apart from the public record.

use accounts::UserId;
use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};

/// A row of `passwords`.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns' names say what they are")]
pub struct PasswordRow {
    pub phc: String,
    pub changed_at: i64,
    pub must_change: bool,
}

impl std::fmt::Debug for PasswordRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordRow").field("changed_at", &self.changed_at).finish_non_exhaustive()
    }
}

impl Db<'_> {
    /// A user's password, if there is one.
    pub(crate) fn password(self, user: UserId) -> Result<Option<PasswordRow>, StoreError> {
        let sql = "SELECT phc, changed_at, must_change FROM passwords WHERE user_id = ?1";
        Ok(self
            .connection
            .prepare_cached(sql)?
            .query_row([user.0.as_bytes().as_slice()], |row| {
                Ok(PasswordRow {
                    phc: row.get(0)?,
                    changed_at: row.get(1)?,
                    must_change: row.get(2)?,
                })
            })
            .optional()?)
    }

    /// Sets a user's password. What stood in for the old one ends with it.
    pub(crate) fn set_password(
        self,
        user: UserId,
        password: &PasswordRow,
    ) -> Result<(), StoreError> {
        self.touch_user(user);
        let PasswordRow { phc, changed_at, must_change } = password;
        self.connection.execute(
            "INSERT INTO passwords (user_id, phc, changed_at, must_change) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (user_id) DO UPDATE SET phc = ?2, changed_at = ?3, must_change = ?4",
            params![user.0.as_bytes().as_slice(), phc, changed_at, must_change],
        )?;
        self.delete_every_token(user)
    }

    /// Replaces the hash of the same password; only if it is still `old`.
    pub(crate) fn rehash_password(
        self,
        user: UserId,
        old: &str,
        new: &str,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE passwords SET phc = ?3 WHERE user_id = ?1 AND phc = ?2";
        Ok(self.connection.execute(sql, params![user.0.as_bytes().as_slice(), old, new])? > 0)
    }

    /// Forgets a user's password, and what stood in for it.
    pub(crate) fn delete_password(self, user: UserId) -> Result<(), StoreError> {
        self.touch_user(user);
        let key = user.0.as_bytes().as_slice();
        self.connection.execute("DELETE FROM passwords WHERE user_id = ?1", [key])?;
        self.delete_every_token(user)
    }
}
