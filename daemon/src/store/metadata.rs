//! The tables `user_settings` and `user_profile`, one value at a time.

use accounts::UserId;
use rusqlite::params;

use super::{Db, StoreError};

impl Db<'_> {
    /// Writes a setting.
    pub(crate) fn set_setting(
        self,
        user: UserId,
        app: &str,
        key: &str,
        value: &str,
    ) -> Result<(), StoreError> {
        self.touch_user(user);
        self.connection
            .prepare_cached(
                "INSERT INTO user_settings (user_id, app, key, value) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(params![user.0.as_bytes().as_slice(), app, key, value])?;
        Ok(())
    }

    /// Deletes a setting; answers whether it was there.
    pub(crate) fn delete_setting(
        self,
        user: UserId,
        app: &str,
        key: &str,
    ) -> Result<bool, StoreError> {
        self.touch_user(user);
        let deleted = self
            .connection
            .prepare_cached(
                "DELETE FROM user_settings WHERE user_id = ?1 AND app = ?2 AND key = ?3",
            )?
            .execute(params![user.0.as_bytes().as_slice(), app, key])?;
        Ok(deleted > 0)
    }

    /// Writes a text of the profile.
    pub(crate) fn set_profile(
        self,
        user: UserId,
        key: &str,
        value: &str,
    ) -> Result<(), StoreError> {
        self.touch_user(user);
        self.connection
            .prepare_cached(
                "INSERT INTO user_profile (user_id, key, value) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(params![user.0.as_bytes().as_slice(), key, value])?;
        Ok(())
    }

    /// Deletes a text of the profile; answers whether it was there.
    pub(crate) fn delete_profile(self, user: UserId, key: &str) -> Result<bool, StoreError> {
        self.touch_user(user);
        let deleted = self
            .connection
            .prepare_cached("DELETE FROM user_profile WHERE user_id = ?1 AND key = ?2")?
            .execute(params![user.0.as_bytes().as_slice(), key])?;
        Ok(deleted > 0)
    }
}
