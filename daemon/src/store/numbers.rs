//! The tables `used_uids` and `used_gids`: a number is handed out once, ever.

use rusqlite::OptionalExtension;

use super::{Db, Numbers, StoreError};

/// From where on the first free number is kept, as the schema says: the first that users and groups
/// are given.
const FIRST: u32 = 3000;

impl Db<'_> {
    /// Whether a uid was ever given out.
    pub(crate) fn uid_used(self, uid: u32) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM used_uids WHERE uid = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row([uid], |_| Ok(())).optional()?.is_some())
    }

    /// Whether a gid was ever given out.
    pub(crate) fn gid_used(self, gid: u32) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM used_gids WHERE gid = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row([gid], |_| Ok(())).optional()?.is_some())
    }

    // OR FAIL: as where users are written.

    /// Notes that a uid is given out. Through [`crate::service`]'s change alone, which notes it in
    /// the journal of numbers too.
    pub(crate) fn use_uid(self, uid: u32) -> Result<(), StoreError> {
        let sql = "INSERT OR FAIL INTO used_uids (uid) VALUES (?1)";
        self.connection.prepare_cached(sql)?.execute([uid])?;
        Ok(())
    }

    /// Notes that a gid is given out.
    pub(crate) fn use_gid(self, gid: u32) -> Result<(), StoreError> {
        let sql = "INSERT OR FAIL INTO used_gids (gid) VALUES (?1)";
        self.connection.prepare_cached(sql)?.execute([gid])?;
        Ok(())
    }

    /// Every number that was ever given out.
    pub(crate) fn used_numbers(self) -> Result<Numbers, StoreError> {
        let mut numbers = Numbers::default();
        for (sql, spans) in [
            ("SELECT uid FROM used_uids ORDER BY uid", &mut numbers.uids),
            ("SELECT gid FROM used_gids ORDER BY gid", &mut numbers.gids),
        ] {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                spans.insert(row.get(0)?);
            }
        }
        Ok(numbers)
    }

    /// Notes that numbers were given out, where that is not known.
    pub(crate) fn use_numbers(self, numbers: &Numbers) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO used_uids (uid) VALUES (?1)";
        let mut statement = self.connection.prepare(sql)?;
        for uid in numbers.uids.iter() {
            statement.execute([uid])?;
        }
        let sql = "INSERT OR IGNORE INTO used_gids (gid) VALUES (?1)";
        let mut statement = self.connection.prepare(sql)?;
        for gid in numbers.gids.iter() {
            statement.execute([gid])?;
        }
        Ok(())
    }

    /// The first number from `from` on that was never a uid.
    pub(crate) fn free_uid(self, from: u32) -> Result<u32, StoreError> {
        self.first_free("used_uids", "uid", from)
    }

    /// The first number from `from` on that was never a gid.
    pub(crate) fn free_gid(self, from: u32) -> Result<u32, StoreError> {
        self.first_free("used_gids", "gid", from)
    }

    fn first_free(self, table: &str, column: &str, from: u32) -> Result<u32, StoreError> {
        // Triggers keep the first free number from the first of ours on.
        let sql = format!("SELECT number FROM counts WHERE what = 'free_{column}'");
        let free: u32 = self.connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
        if (FIRST..=free).contains(&from) {
            return Ok(free);
        }
        // Either `from` itself is free, or the end of the run of used numbers that holds it.
        let sql = format!(
            "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?1) THEN ?1 ELSE \
             (SELECT {column} + 1 FROM {table} AS a WHERE {column} >= ?1 AND NOT EXISTS \
              (SELECT 1 FROM {table} AS b WHERE b.{column} = a.{column} + 1) \
              ORDER BY {column} LIMIT 1) END"
        );
        Ok(self.connection.prepare_cached(&sql)?.query_row([from], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Store, StoreError};

    #[test]
    fn the_first_free_number_is_kept_and_a_change_that_comes_to_nothing_takes_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("s")).unwrap();
        assert_eq!((accounts::Uid::FIRST, accounts::Gid::FIRST), (super::FIRST, super::FIRST));
        let kept = |store: &mut Store| {
            store.read(|db| Ok::<_, StoreError>((db.free_uid(3000)?, db.free_gid(3000)?))).unwrap()
        };
        let undone = store.change(|db| {
            db.use_uid(3000)?;
            assert_eq!(db.free_uid(3000)?, 3001);
            Err::<(), _>(StoreError::TooSlow)
        });
        assert!(undone.is_err());
        assert_eq!(kept(&mut store), (3000, 3000));
        store
            .change(|db| {
                for gid in [3001, 3002, 3004, 3000] {
                    db.use_gid(gid)?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
        assert_eq!(kept(&mut store), (3000, 3003));
        let mut numbers = super::Numbers::default();
        for uid in [3000, 3001, 2_000_000_000] {
            numbers.uids.insert(uid);
        }
        store.change(|db| db.use_numbers(&numbers)).unwrap();
        store.change(|db| db.use_numbers(&numbers)).unwrap();
        assert_eq!(kept(&mut store), (3002, 3003));
        assert_eq!(store.read(|db| db.used_numbers()).unwrap().uids, numbers.uids);
    }

    #[test]
    fn the_first_gap_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("s")).unwrap();
        store
            .change(|db| {
                assert_eq!(db.free_uid(3000)?, 3000);
                for uid in [3000, 3001, 3003, 10] {
                    db.use_uid(uid)?;
                }
                assert_eq!(db.free_uid(3000)?, 3002);
                assert_eq!(db.free_uid(3003)?, 3004);
                assert!(db.use_uid(3001).is_err(), "a number is given out once");
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}
