//! The table `throttle`: consecutive failures and when the next try counts.

use accounts::UserId;
use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};

/// Which secret was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottleKind {
    /// The password.
    Password,
    /// The second factor's code.
    Code,
}

impl ThrottleKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
        }
    }
}

/// A row of `throttle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the columns' names say what they are; times in unix seconds")]
pub struct ThrottleRow {
    pub failures: u32,
    pub last_failure_at: i64,
    pub retry_at: i64,
}

/// Rows kept for one user and kind: remote names are chosen by strangers.
const ROWS_PER_USER: i64 = 64;

impl Db<'_> {
    /// The failures of a user from `remote`; none is a row of zeroes.
    pub(crate) fn throttle(
        self,
        user: UserId,
        kind: ThrottleKind,
        remote: &str,
    ) -> Result<ThrottleRow, StoreError> {
        let sql = "SELECT failures, last_failure_at, retry_at FROM throttle \
                   WHERE user_id = ?1 AND kind = ?2 AND remote = ?3";
        let key = params![user.0.as_bytes().as_slice(), kind.as_str(), remote];
        let row = self.connection.prepare_cached(sql)?.query_row(key, |row| {
            Ok(ThrottleRow {
                failures: row.get(0)?,
                last_failure_at: row.get(1)?,
                retry_at: row.get(2)?,
            })
        });
        Ok(row.optional()?.unwrap_or_default())
    }

    /// Notes failures of a user from `remote`; the oldest remotes beyond the limit are forgotten.
    pub(crate) fn set_throttle(
        self,
        user: UserId,
        kind: ThrottleKind,
        remote: &str,
        row: &ThrottleRow,
    ) -> Result<(), StoreError> {
        let ThrottleRow { failures, last_failure_at, retry_at } = row;
        let user = user.0.as_bytes().as_slice();
        self.connection.execute(
            "INSERT OR REPLACE INTO throttle \
             (user_id, kind, remote, failures, last_failure_at, retry_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![user, kind.as_str(), remote, failures, last_failure_at, retry_at],
        )?;
        self.connection.execute(
            "DELETE FROM throttle WHERE user_id = ?1 AND kind = ?2 AND remote NOT IN \
             (SELECT remote FROM throttle WHERE user_id = ?1 AND kind = ?2 \
              ORDER BY last_failure_at DESC LIMIT ?3)",
            params![user, kind.as_str(), ROWS_PER_USER],
        )?;
        Ok(())
    }

    /// Forgets the failures of a user with one kind of secret from `remote`.
    pub(crate) fn clear_throttle(
        self,
        user: UserId,
        kind: ThrottleKind,
        remote: &str,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM throttle WHERE user_id = ?1 AND kind = ?2 AND remote = ?3",
            params![user.0.as_bytes().as_slice(), kind.as_str(), remote],
        )?;
        Ok(())
    }

    /// How many failures of a user are remembered.
    pub(crate) fn failures_of(self, user: UserId) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(failures), 0) FROM throttle WHERE user_id = ?1";
        let key = user.0.as_bytes().as_slice();
        let failures =
            self.connection.prepare_cached(sql)?.query_row([key], |row| row.get::<_, i64>(0));
        Ok(failures? as u64)
    }

    /// Forgets all failures of a user; whether there were any.
    pub(crate) fn clear_every_throttle(self, user: UserId) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "DELETE FROM throttle WHERE user_id = ?1";
        Ok(self.connection.execute(sql, [user.0.as_bytes().as_slice()])? > 0)
    }
}
