//! Mail addresses.

use accounts::UserId;

use super::{Db, StoreError, uuid_column};

impl Db<'_> {
    /// The first users, by name, with that address; upper and lower case are the same.
    pub(crate) fn users_with_email(
        self,
        address: &str,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT id FROM users WHERE email = ?1 COLLATE NOCASE ORDER BY name LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let ids = statement.query_map((address, limit), |row| Ok(UserId(uuid_column(row, 0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}
