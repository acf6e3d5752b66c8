//! The table `logins`: when a user was last let in, and failures since.

use accounts::UserId;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Db, StoreError};

/// A row of `logins`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the columns' names say what they are; times in unix seconds")]
pub struct LoginRow {
    pub first_at: Option<i64>,
    pub last_at: Option<i64>,
    pub last_service: String,
    pub last_remote: String,
    pub failures_since: u32,
}

impl Db<'_> {
    /// A user's logins; none is an empty row.
    pub(crate) fn login(self, user: UserId) -> Result<LoginRow, StoreError> {
        let sql = "SELECT first_at, last_at, last_service, last_remote, failures_since \
                   FROM logins WHERE user_id = ?1";
        let row =
            self.connection.prepare_cached(sql)?.query_row([user.0.as_bytes().as_slice()], |row| {
                Ok(LoginRow {
                    first_at: row.get(0)?,
                    last_at: row.get(1)?,
                    last_service: row.get(2)?,
                    last_remote: row.get(3)?,
                    failures_since: row.get(4)?,
                })
            });
        Ok(row.optional()?.unwrap_or_default())
    }

    /// Writes a user's logins.
    pub(crate) fn set_login(self, user: UserId, row: &LoginRow) -> Result<(), StoreError> {
        let LoginRow { first_at, last_at, last_service, last_remote, failures_since } = row;
        self.connection.execute(
            "INSERT OR REPLACE INTO logins \
             (user_id, first_at, last_at, last_service, last_remote, failures_since) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                user.0.as_bytes().as_slice(),
                first_at,
                last_at,
                last_service,
                last_remote,
                failures_since
            ],
        )?;
        Ok(())
    }

    /// Forgets a user's logins.
    pub(crate) fn clear_login(self, user: UserId) -> Result<(), StoreError> {
        let sql = "DELETE FROM logins WHERE user_id = ?1";
        self.connection.execute(sql, [user.0.as_bytes().as_slice()])?;
        Ok(())
    }
}
