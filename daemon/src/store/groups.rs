//! The table `groups`.

use accounts::{GroupId, GroupName};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Db, StoreError, Touched, damaged, uuid_column};

/// A row of `groups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the record's field of that name, see accounts::Group")]
pub struct GroupRow {
    pub id: GroupId,
    pub name: GroupName,
    pub gid: u32,
    pub display_name: String,
    pub builtin: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub generation: u64,
}

const COLUMNS: &str = "id, name, gid, display_name, builtin, created_at, updated_at, generation";

/// Whether a group has the text ?1 in its name or display name; the empty text is in all.
const MATCHES: &str =
    "(?1 = '' OR instr(name, lower(?1)) > 0 OR instr(lower(display_name), lower(?1)) > 0)";

fn read(row: &Row<'_>) -> rusqlite::Result<GroupRow> {
    Ok(GroupRow {
        id: GroupId(uuid_column(row, 0)?),
        name: GroupName::parse(&row.get::<_, String>(1)?).map_err(|e| damaged(1, e))?,
        gid: row.get(2)?,
        display_name: row.get(3)?,
        builtin: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        generation: row.get::<_, i64>(7)? as u64,
    })
}

impl Db<'_> {
    fn group_where(
        self,
        column: &str,
        value: &dyn rusqlite::ToSql,
    ) -> Result<Option<GroupRow>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM groups WHERE {column} = ?1"))?
            .query_row([value], read)
            .optional()?)
    }

    /// The group of that name.
    pub(crate) fn group_by_name(self, name: &str) -> Result<Option<GroupRow>, StoreError> {
        self.group_where("name", &name)
    }

    /// The group of that number.
    pub(crate) fn group_by_gid(self, gid: u32) -> Result<Option<GroupRow>, StoreError> {
        self.group_where("gid", &gid)
    }

    /// The group of that identifier.
    pub(crate) fn group_by_id(self, id: GroupId) -> Result<Option<GroupRow>, StoreError> {
        self.group_where("id", &id.0.as_bytes().as_slice())
    }

    /// Groups by name, from `offset` on; all of them have `search` in a name of theirs.
    pub(crate) fn groups(
        self,
        search: &str,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<GroupRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM groups WHERE {MATCHES} ORDER BY name LIMIT ?2 OFFSET ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![search, limit as i64, offset as i64], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many groups have `search` in a name of theirs.
    pub(crate) fn count_groups(self, search: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM groups WHERE {MATCHES}");
        let count =
            self.connection.prepare_cached(&sql)?.query_row([search], |r| r.get::<_, i64>(0));
        Ok(count? as u64)
    }

    /// Writes a changed row over the one with its id.
    pub(crate) fn update_group(self, group: &GroupRow) -> Result<(), StoreError> {
        self.touch(Touched::Group(group.id));
        let GroupRow { id, name, gid, display_name, builtin, created_at, updated_at, generation } =
            group;
        self.connection
            .prepare_cached(
                "UPDATE groups SET name = ?2, gid = ?3, display_name = ?4, builtin = ?5, \
                 created_at = ?6, updated_at = ?7, generation = ?8 WHERE id = ?1",
            )?
            .execute(params![
                id.0.as_bytes().as_slice(),
                name.as_str(),
                gid,
                display_name,
                builtin,
                created_at,
                updated_at,
                *generation as i64
            ])?;
        Ok(())
    }

    /// Writes a new row.
    pub(crate) fn insert_group(self, group: &GroupRow) -> Result<(), StoreError> {
        self.touch(Touched::Group(group.id));
        let GroupRow { id, name, gid, display_name, builtin, created_at, updated_at, generation } =
            group;
        let sql = format!("INSERT INTO groups ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        self.connection.prepare_cached(&sql)?.execute(params![
            id.0.as_bytes().as_slice(),
            name.as_str(),
            gid,
            display_name,
            builtin,
            created_at,
            updated_at,
            *generation as i64
        ])?;
        Ok(())
    }

    /// Deletes a group, its memberships and its sudo rules.
    pub(crate) fn delete_group(self, group: &GroupRow) -> Result<(), StoreError> {
        self.touch(Touched::Group(group.id));
        self.touch(Touched::EveryMemberOf(group.id));
        self.connection.execute("DELETE FROM sudo_rules WHERE gid = ?1", [group.gid])?;
        self.connection
            .execute("DELETE FROM groups WHERE id = ?1", [group.id.0.as_bytes().as_slice()])?;
        Ok(())
    }
}
