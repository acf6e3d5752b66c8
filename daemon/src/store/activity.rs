//! Across tables: when users were last let in, and how many there are of each kind.

use rusqlite::params;

use super::logins::LoginRow;
use super::{Db, StoreError};

/// How many users there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "see service::Report")]
pub struct UserCounts {
    pub users: u64,
    pub active: u64,
    pub disabled: u64,
    pub locked: u64,
    pub two_factor: u64,
}

impl Db<'_> {
    /// Names with their logins, in order of name; none is an empty row.
    pub(crate) fn logins(
        self,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<(String, LoginRow)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, first_at, last_at, coalesce(last_service, ''), coalesce(last_remote, ''), \
             coalesce(failures_since, 0) \
             FROM (SELECT id, name FROM users ORDER BY name LIMIT ?1 OFFSET ?2) \
             LEFT JOIN logins ON user_id = id ORDER BY name",
        )?;
        let rows = statement.query_map(params![limit as i64, offset as i64], |row| {
            let login = LoginRow {
                first_at: row.get(1)?,
                last_at: row.get(2)?,
                last_service: row.get(3)?,
                last_remote: row.get(4)?,
                failures_since: row.get(5)?,
            };
            Ok((row.get(0)?, login))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts the users.
    pub(crate) fn count_kinds(self) -> Result<UserCounts, StoreError> {
        let sql = "SELECT count(*), \
                   coalesce(sum(id IN (SELECT user_id FROM logins WHERE last_at IS NOT NULL)), 0), \
                   coalesce(sum(enabled = 0), 0), coalesce(sum(locked <> 0), 0), \
                   coalesce(sum(id IN (SELECT user_id FROM totp \
                                       WHERE state = 'active' AND enabled <> 0)), 0) FROM users";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| {
            let count = |index| row.get::<_, i64>(index).map(|count| count as u64);
            Ok(UserCounts {
                users: count(0)?,
                active: count(1)?,
                disabled: count(2)?,
                locked: count(3)?,
                two_factor: count(4)?,
            })
        })?)
    }

    /// Where users have their homes.
    pub(crate) fn homes(self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT home FROM users WHERE home NOT IN ('/var/empty', '/nonexistent')",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether an administrator could log in now with a password.
    pub(crate) fn has_administrator_with_password(self, now: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND locked = 0 \
                   AND enabled = 1 AND password_disabled = 0 \
                   AND (expires_at IS NULL OR expires_at > ?1) \
                   AND id IN (SELECT user_id FROM passwords))";
        Ok(self.connection.prepare_cached(sql)?.query_row([now], |row| row.get(0))?)
    }
}
