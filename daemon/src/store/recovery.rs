//! The tables `recovery_codes` and `two_factor`.

use accounts::UserId;
use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};

impl Db<'_> {
    /// Replaces a user's recovery codes.
    pub(crate) fn set_recovery_codes(
        self,
        user: UserId,
        hashes: &[[u8; 32]],
    ) -> Result<(), StoreError> {
        self.touch_user(user);
        let key = user.0.as_bytes().as_slice();
        self.connection.execute("DELETE FROM recovery_codes WHERE user_id = ?1", [key])?;
        for hash in hashes {
            let sql = "INSERT INTO recovery_codes (user_id, hash) VALUES (?1, ?2)";
            self.connection.prepare_cached(sql)?.execute(params![key, hash.as_slice()])?;
        }
        Ok(())
    }

    /// Spends a recovery code, once: false when there is none such, or it was spent.
    pub(crate) fn use_recovery_code(
        self,
        user: UserId,
        hash: &[u8; 32],
        now: i64,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE recovery_codes SET used_at = ?3 \
                   WHERE user_id = ?1 AND hash = ?2 AND used_at IS NULL";
        let key = params![user.0.as_bytes().as_slice(), hash.as_slice(), now];
        Ok(self.connection.execute(sql, key)? > 0)
    }

    /// The hashes of the recovery codes that are left, in a fixed order.
    pub(crate) fn recovery_codes(self, user: UserId) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql =
            "SELECT hash FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL ORDER BY hash";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Users who have recovery codes, used or not.
    pub(crate) fn users_with_recovery_codes(self) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT DISTINCT user_id FROM recovery_codes";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok(UserId(super::uuid_column(row, 0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many recovery codes are left.
    pub(crate) fn recovery_codes_left(self, user: UserId) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM recovery_codes WHERE user_id = ?1 AND used_at IS NULL";
        Ok(self.connection.query_row(sql, [user.0.as_bytes().as_slice()], |row| row.get(0))?)
    }

    /// Whether recovery codes are taken from a user.
    pub(crate) fn recovery_enabled(self, user: UserId) -> Result<bool, StoreError> {
        let sql = "SELECT recovery_enabled FROM two_factor WHERE user_id = ?1";
        let key = user.0.as_bytes().as_slice();
        Ok(self.connection.query_row(sql, [key], |row| row.get(0)).optional()?.unwrap_or(true))
    }

    /// Turns the taking of recovery codes on or off.
    pub(crate) fn set_recovery_enabled(
        self,
        user: UserId,
        enabled: bool,
    ) -> Result<(), StoreError> {
        self.touch_user(user);
        self.connection.execute(
            "INSERT INTO two_factor (user_id, recovery_enabled) VALUES (?1, ?2) \
             ON CONFLICT (user_id) DO UPDATE SET recovery_enabled = ?2",
            params![user.0.as_bytes().as_slice(), enabled],
        )?;
        Ok(())
    }
}
