//! The table `ssh_keys`.

use accounts::UserId;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Db, StoreError, uuid_column};

/// A row of `ssh_keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the field of that name, see accounts::SshKeyEntry")]
pub struct KeyRow {
    pub id: i64,
    pub user_id: UserId,
    pub line: String,
    pub fingerprint: String,
    pub added_at: i64,
    pub expires_at: Option<i64>,
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: row.get(0)?,
        user_id: UserId(uuid_column(row, 1)?),
        line: row.get(2)?,
        fingerprint: row.get(3)?,
        added_at: row.get(4)?,
        expires_at: row.get(5)?,
    })
}

const COLUMNS: &str = "id, user_id, line, fingerprint, added_at, expires_at";

impl Db<'_> {
    /// Adds a key; its `id` is ignored and the new one answered.
    pub(crate) fn insert_key(self, key: &KeyRow) -> Result<i64, StoreError> {
        self.touch_user(key.user_id);
        let KeyRow { id: _, user_id, line, fingerprint, added_at, expires_at } = key;
        let sql = "INSERT INTO ssh_keys (user_id, line, fingerprint, added_at, expires_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let user_id = user_id.0.as_bytes().as_slice();
        self.connection.prepare_cached(sql)?.execute(params![
            user_id,
            line,
            fingerprint,
            added_at,
            expires_at
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// A user's keys, oldest first.
    pub(crate) fn keys_of(self, user: UserId) -> Result<Vec<KeyRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM ssh_keys WHERE user_id = ?1 ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes a user's key; whether there was one.
    pub(crate) fn delete_key(self, user: UserId, id: i64) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "DELETE FROM ssh_keys WHERE user_id = ?1 AND id = ?2";
        Ok(self.connection.execute(sql, params![user.0.as_bytes().as_slice(), id])? > 0)
    }
}
