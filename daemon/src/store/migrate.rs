//! Schema versions: one .sql file each, applied in order, each in a transaction of its own.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// The schema's history; the number of a migration is its place here, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_reserved_uids.sql"),
    include_str!("migrations/0003_tombstones.sql"),
    include_str!("migrations/0004_lists.sql"),
    include_str!("migrations/0005_password_history.sql"),
    include_str!("migrations/0006_two_factor_policy.sql"),
    include_str!("migrations/0007_tokens.sql"),
    include_str!("migrations/0008_constant_cost.sql"),
];

/// Brings the database to the present version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    migrate_with(connection, MIGRATIONS)
}

fn migrate_with(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = migrations.len();
    let Some(done) = usize::try_from(version).ok().filter(|done| *done <= known) else {
        return Err(StoreError::Unusable(format!(
            "its schema has version {version}, this program knows {known}: install a newer Roster"
        )));
    };
    for (index, sql) in migrations.iter().enumerate().skip(done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn schema(connection: &Connection) -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY 1").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_older_version_becomes_the_present_one() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh).unwrap();
        for older in 0..=MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate_with(&mut connection, &MIGRATIONS[..older]).unwrap();
            migrate(&mut connection).unwrap();
            assert_eq!(schema(&connection), schema(&fresh), "from version {older}");
        }
    }

    #[test]
    fn what_an_older_version_has_stored_is_kept() {
        for older in 1..MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate_with(&mut connection, &MIGRATIONS[..older]).unwrap();
            let rows = "INSERT INTO used_uids VALUES (3000); \
                        INSERT INTO meta (key, value) VALUES ('x', 'kept')";
            connection.execute_batch(rows).unwrap();
            migrate(&mut connection).unwrap();
            let count = "SELECT (SELECT count(*) FROM used_uids) \
                         + (SELECT count(*) FROM meta WHERE value = 'kept')";
            let kept: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
            assert_eq!(kept, 2, "from version {older}");
            let free = "INSERT INTO reserved_uids (uid, until) VALUES (3001, 1)";
            assert_eq!(connection.execute(free, []).unwrap(), 1);
            let nobody = "SELECT count(*) FROM tombstones";
            let deleted: i64 = connection.query_row(nobody, [], |row| row.get(0)).unwrap();
            assert_eq!(deleted, 0);
        }
    }

    #[test]
    fn the_users_there_are_are_counted() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_with(&mut connection, &MIGRATIONS[..1]).unwrap();
        let add = "INSERT INTO users (id, name, uid, gid, home, home_mode, shell, created_at, \
                   updated_at) VALUES (randomblob(16), 'u' || ?1, ?1, ?1, '/', 0, '', 0, 0)";
        for uid in 1..4 {
            connection.execute(add, [uid]).unwrap();
        }
        migrate(&mut connection).unwrap();
        let count = |connection: &Connection| -> i64 {
            let sql = "SELECT number FROM counts WHERE what = 'users'";
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(count(&connection), 3);
        connection.execute(add, [4]).unwrap();
        connection.execute("DELETE FROM users WHERE uid < 3", []).unwrap();
        connection.execute("UPDATE users SET uid = uid + 10", []).unwrap();
        assert_eq!(count(&connection), 2);
        let transaction = connection.transaction().unwrap();
        transaction.execute("DELETE FROM users", []).unwrap();
        assert_eq!(count(&transaction), 0);
        drop(transaction);
        assert_eq!(count(&connection), 2);
    }

    #[test]
    fn a_newer_version_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Unusable(_))));
        let version: i64 = connection.query_row("PRAGMA user_version", [], |r| r.get(0)).unwrap();
        assert_eq!(version, 99);
    }

    #[test]
    fn a_failing_migration_leaves_the_version_before_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = ["CREATE TABLE a (x) STRICT", "CREATE TABLE b (x INTEGER) STRICT; nonsense"];
        assert!(migrate_with(&mut connection, &broken[1..]).is_err());
        assert!(schema(&connection).is_empty());
    }
}
