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
    /// Its name in the table and in the user's record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
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

/// Where somebody failed with what, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns' names say what they are")]
pub struct ThrottledFrom {
    pub kind: ThrottleKind,
    pub remote: String,
    pub row: ThrottleRow,
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

    /// Where a user's tries failed, the latest first.
    pub(crate) fn throttles(self, user: UserId) -> Result<Vec<ThrottledFrom>, StoreError> {
        let sql = "SELECT kind, remote, failures, last_failure_at, retry_at FROM throttle \
                   WHERE user_id = ?1 ORDER BY last_failure_at DESC, remote, kind";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], |row| {
            let kind = match row.get_ref(0)?.as_str()? {
                "code" => ThrottleKind::Code,
                _ => ThrottleKind::Password,
            };
            let (remote, failures) = (row.get(1)?, row.get(2)?);
            let (last_failure_at, retry_at) = (row.get(3)?, row.get(4)?);
            let row = ThrottleRow { failures, last_failure_at, retry_at };
            Ok(ThrottledFrom { kind, remote, row })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes failures of a user from `remote`. Other remotes are forgotten when their last failure
    /// was before `stale`, and the oldest when there are too many.
    pub(crate) fn set_throttle(
        self,
        user: UserId,
        kind: ThrottleKind,
        remote: &str,
        row: &ThrottleRow,
        stale: i64,
    ) -> Result<(), StoreError> {
        let ThrottleRow { failures, last_failure_at, retry_at } = row;
        let user = user.0.as_bytes().as_slice();
        self.connection.execute(
            "INSERT OR REPLACE INTO throttle \
             (user_id, kind, remote, failures, last_failure_at, retry_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![user, kind.as_str(), remote, failures, last_failure_at, retry_at],
        )?;
        // Never the row itself: a clock that was set back makes it older than all others.
        self.connection.execute(
            "DELETE FROM throttle WHERE user_id = ?1 AND kind = ?2 AND remote <> ?3 AND \
             (last_failure_at < ?4 OR remote NOT IN \
              (SELECT remote FROM throttle WHERE user_id = ?1 AND kind = ?2 AND remote <> ?3 \
               ORDER BY last_failure_at DESC LIMIT ?5))",
            params![user, kind.as_str(), remote, stale, ROWS_PER_USER - 1],
        )?;
        Ok(())
    }

    /// From here to the end of the transaction, rows may belong to a user that does not exist.
    pub(crate) fn allow_nobody(self) -> Result<(), StoreError> {
        Ok(self.connection.pragma_update(None, "defer_foreign_keys", true)?)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::service::testing::{Fixture, subject};

    fn row(last_failure_at: i64) -> ThrottleRow {
        ThrottleRow { failures: 1, last_failure_at, retry_at: last_failure_at }
    }

    #[test]
    fn strangers_from_everywhere_leave_so_many_rows_and_the_old_ones_go() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        let user = f.service.user(&subject("alice")).unwrap().id;
        let note = |remote: &str, at: i64, stale: i64| {
            let kind = ThrottleKind::Password;
            f.service.note(|db| Ok(db.set_throttle(user, kind, remote, &row(at), stale)?)).unwrap();
        };
        let remotes = || {
            let rows = f.service.read(|db| Ok(db.throttles(user)?)).unwrap();
            rows.into_iter().map(|row| row.remote).collect::<Vec<_>>()
        };
        for n in 0..1000 {
            note(&format!("host{n}"), 5000 + n, 0);
        }
        let kept = remotes();
        assert_eq!((kept.len(), kept[0].as_str()), (64, "host999"));
        // The clock was set back: the newest failure is kept although it looks oldest.
        note("now", 100, 0);
        assert!(remotes().contains(&"now".to_owned()) && remotes().len() == 64);
        note("later", 6000, 5990);
        assert_eq!(remotes()[..2], ["later", "host999"]);
        assert_eq!(remotes().len(), 11);
    }
}
