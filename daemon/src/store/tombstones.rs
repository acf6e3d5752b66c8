//! The table `tombstones`: deleted users, until they are restored or purged.
//!
//! A tombstone holds the rows that hung on the user as JSON: they are read and written as one, and
//! nothing else looks into them. Rows of credentials (passwords, second factors, recovery codes)
//! have no JSON form and cannot get in.

use std::collections::BTreeMap;

use accounts::{GroupId, UserId};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{
    Db, GroupRow, KeyRow, LoginRow, StoreError, SudoRuleRow, UserRow, damaged, uuid_column,
};

/// What became of a deleted user's home directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletedHome {
    /// It stayed where it was.
    Kept,
    /// It is in the quarantine, under a name that ends with this label.
    Archived(String),
    /// It was erased.
    Purged,
}

/// What hung on a deleted user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remains {
    /// The primary group, when it was one of ours.
    pub primary_group: Option<GroupRow>,
    /// Our groups that the user was in: identifier, and name at that time.
    pub groups: Vec<(GroupId, String)>,
    /// Groups of /etc/group that the user was in.
    pub host_groups: Vec<String>,
    /// Public keys.
    pub keys: Vec<KeyRow>,
    /// The user's sudo rules, and those of the primary group if that went with the user.
    pub sudo_rules: Vec<SudoRuleRow>,
    /// Labels.
    pub tags: Vec<String>,
    /// `app` → `key` → text.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// `key` → text.
    pub profile: BTreeMap<String, String>,
    /// When the user was last let in.
    pub login: LoginRow,
    /// Whether there was a password. It is gone.
    pub had_password: bool,
    /// Whether there was a second factor. It is gone.
    pub had_second_factor: bool,
}

/// A row of `tombstones`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tombstone {
    /// The user as it was.
    pub user: UserRow,
    /// When it was deleted, in unix seconds.
    pub deleted_at: i64,
    /// Who deleted it, as the audit log names them.
    pub deleted_by: String,
    /// What became of the home directory.
    pub home: DeletedHome,
    /// What hung on the user.
    pub remains: Remains,
}

const COLUMNS: &str = "record, deleted_at, deleted_by, home, label, remains";

fn read(row: &Row<'_>) -> rusqlite::Result<Tombstone> {
    let (record, remains): (String, String) = (row.get(0)?, row.get(5)?);
    let home: String = row.get(3)?;
    Ok(Tombstone {
        user: serde_json::from_str(&record).map_err(|e| damaged(0, e))?,
        deleted_at: row.get(1)?,
        deleted_by: row.get(2)?,
        home: match (home.as_str(), row.get(4)?) {
            ("kept", None) => DeletedHome::Kept,
            ("purged", None) => DeletedHome::Purged,
            ("archived", Some(label)) => DeletedHome::Archived(label),
            _ => return Err(damaged(3, format!("{home:?} is no fate of a home"))),
        },
        remains: serde_json::from_str(&remains).map_err(|e| damaged(5, e))?,
    })
}

impl Db<'_> {
    /// Notes what is left of a user.
    pub(crate) fn insert_tombstone(self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let Tombstone { user, deleted_at, deleted_by, home, remains } = tombstone;
        let (home, label) = match home {
            DeletedHome::Kept => ("kept", None),
            DeletedHome::Archived(label) => ("archived", Some(label)),
            DeletedHome::Purged => ("purged", None),
        };
        let json = |error: serde_json::Error| StoreError::Damaged(error.to_string());
        self.connection.execute(
            "INSERT INTO tombstones \
             (id, name, uid, deleted_at, deleted_by, home, label, record, remains) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                user.id.0.as_bytes().as_slice(),
                user.name.as_str(),
                user.uid,
                deleted_at,
                deleted_by,
                home,
                label,
                serde_json::to_string(user).map_err(json)?,
                serde_json::to_string(remains).map_err(json)?,
            ],
        )?;
        Ok(())
    }

    /// The deleted user of that identifier.
    pub(crate) fn tombstone(self, id: UserId) -> Result<Option<Tombstone>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tombstones WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([id.0.as_bytes().as_slice()], read).optional()?)
    }

    /// The deleted user that had that uid.
    pub(crate) fn tombstone_of_uid(self, uid: u32) -> Result<Option<Tombstone>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tombstones WHERE uid = ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([uid], read).optional()?)
    }

    /// Deleted users that had that name: how many there are, and the one deleted last.
    pub(crate) fn tombstones_named(
        self,
        name: &str,
    ) -> Result<(u64, Option<Tombstone>), StoreError> {
        let count = "SELECT count(*) FROM tombstones WHERE name = ?1";
        let count: i64 =
            self.connection.prepare_cached(count)?.query_row([name], |row| row.get(0))?;
        let sql = format!(
            "SELECT {COLUMNS} FROM tombstones WHERE name = ?1 ORDER BY deleted_at DESC LIMIT 1"
        );
        let last = self.connection.prepare_cached(&sql)?.query_row([name], read).optional()?;
        Ok((count as u64, last))
    }

    /// Deleted users by name, from `offset` on, and how many there are in all.
    pub(crate) fn tombstones(
        self,
        offset: u64,
        limit: u64,
    ) -> Result<(u64, Vec<Tombstone>), StoreError> {
        let count: i64 =
            self.connection.query_row("SELECT count(*) FROM tombstones", [], |row| row.get(0))?;
        let sql = format!(
            "SELECT {COLUMNS} FROM tombstones ORDER BY name, deleted_at, id LIMIT ?1 OFFSET ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![limit as i64, offset as i64], read)?;
        Ok((count as u64, rows.collect::<Result<_, _>>()?))
    }

    /// Identifiers of users that were deleted at `before` or earlier, the oldest first.
    pub(crate) fn tombstones_until(
        self,
        before: i64,
        limit: u64,
    ) -> Result<Vec<UserId>, StoreError> {
        let sql =
            "SELECT id FROM tombstones WHERE deleted_at <= ?1 ORDER BY deleted_at, id LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map(params![before, limit as i64], |row| Ok(UserId(uuid_column(row, 0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets a deleted user.
    pub(crate) fn delete_tombstone(self, id: UserId) -> Result<(), StoreError> {
        let sql = "DELETE FROM tombstones WHERE id = ?1";
        self.connection.execute(sql, [id.0.as_bytes().as_slice()])?;
        Ok(())
    }

    /// Identifiers and names of the groups of ours that a user is in, by name.
    pub(crate) fn own_groups_of(self, user: UserId) -> Result<Vec<(GroupId, String)>, StoreError> {
        let sql = "SELECT groups.id, name FROM members JOIN groups ON groups.id = group_id \
                   WHERE user_id = ?1 ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], |row| {
            Ok((GroupId(uuid_column(row, 0)?), row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Names and noted numbers of the groups of /etc/group that a user is in, by name.
    pub(crate) fn host_groups_of(self, user: UserId) -> Result<Vec<(String, u32)>, StoreError> {
        let sql = "SELECT group_name, gid FROM host_group_members WHERE user_id = ?1 ORDER BY 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([user.0.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
