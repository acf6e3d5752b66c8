//! Who is in which group: our users in ours, local users in ours, our users in local groups.

use accounts::{GroupId, UserId};
use rusqlite::params;

use super::{Db, StoreError, Touched};

/// A group of /etc/group that has users of ours in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostGroup {
    /// The group's name.
    pub name: String,
    /// The group's number when the membership was made.
    pub gid: u32,
    /// Our users in it, sorted.
    pub members: Vec<String>,
}

impl Db<'_> {
    /// Puts a user of ours into a group of ours; whether it was not in it before.
    pub(crate) fn add_member(self, group: GroupId, user: UserId) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "INSERT OR IGNORE INTO members (group_id, user_id) VALUES (?1, ?2)";
        let key = params![group.0.as_bytes().as_slice(), user.0.as_bytes().as_slice()];
        Ok(self.connection.prepare_cached(sql)?.execute(key)? > 0)
    }

    /// Takes a user of ours out of a group of ours; whether it was in it.
    pub(crate) fn remove_member(self, group: GroupId, user: UserId) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "DELETE FROM members WHERE group_id = ?1 AND user_id = ?2";
        let key = params![group.0.as_bytes().as_slice(), user.0.as_bytes().as_slice()];
        Ok(self.connection.prepare_cached(sql)?.execute(key)? > 0)
    }

    /// Puts a user of /etc/passwd into a group of ours; whether it was not in it before.
    pub(crate) fn add_local_member(self, group: GroupId, name: &str) -> Result<bool, StoreError> {
        self.touch(Touched::Group(group));
        let sql = "INSERT OR IGNORE INTO local_members (group_id, user_name) VALUES (?1, ?2)";
        Ok(self.connection.execute(sql, params![group.0.as_bytes().as_slice(), name])? > 0)
    }

    /// Takes a user of /etc/passwd out of a group of ours; whether it was in it.
    pub(crate) fn remove_local_member(
        self,
        group: GroupId,
        name: &str,
    ) -> Result<bool, StoreError> {
        self.touch(Touched::Group(group));
        let sql = "DELETE FROM local_members WHERE group_id = ?1 AND user_name = ?2";
        Ok(self.connection.execute(sql, params![group.0.as_bytes().as_slice(), name])? > 0)
    }

    /// Puts a user of ours into a group of /etc/group; whether it was not in it before.
    pub(crate) fn add_host_group_member(
        self,
        group: &str,
        gid: u32,
        user: UserId,
    ) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "INSERT OR IGNORE INTO host_group_members (group_name, gid, user_id) VALUES (?1, ?2, ?3)";
        Ok(self.connection.execute(sql, params![group, gid, user.0.as_bytes().as_slice()])? > 0)
    }

    /// Takes a user of ours out of a group of /etc/group; whether it was in it.
    pub(crate) fn remove_host_group_member(
        self,
        group: &str,
        user: UserId,
    ) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "DELETE FROM host_group_members WHERE group_name = ?1 AND user_id = ?2";
        Ok(self.connection.execute(sql, params![group, user.0.as_bytes().as_slice()])? > 0)
    }

    /// Names of the groups, ours and the host's, that a user is in, sorted.
    pub(crate) fn groups_of(self, user: UserId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM members JOIN groups ON groups.id = group_id WHERE user_id = ?1 \
                   UNION SELECT group_name FROM host_group_members WHERE user_id = ?1 ORDER BY 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Names of a group's members, ours and local, sorted.
    pub(crate) fn members_of(self, group: GroupId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM members JOIN users ON users.id = user_id WHERE group_id = ?1 \
                   UNION SELECT user_name FROM local_members WHERE group_id = ?1 ORDER BY 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([group.0.as_bytes().as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every group of the host with users of ours in it.
    pub(crate) fn host_groups(self) -> Result<Vec<HostGroup>, StoreError> {
        let sql = "SELECT group_name, host_group_members.gid, name FROM host_group_members \
                   JOIN users ON users.id = user_id ORDER BY 1, 3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut groups: Vec<HostGroup> = Vec::new();
        for row in rows {
            let (name, gid, member): (String, u32, String) = row?;
            match groups.last_mut() {
                Some(last) if last.name == name => last.members.push(member),
                _ => groups.push(HostGroup { name, gid, members: vec![member] }),
            }
        }
        Ok(groups)
    }

    /// (group, member) of every membership in groups of ours, ordered by group.
    pub(crate) fn all_members(self) -> Result<Vec<(GroupId, String)>, StoreError> {
        let sql = "SELECT group_id, name FROM members JOIN users ON users.id = user_id \
                   UNION SELECT group_id, user_name FROM local_members ORDER BY 1, 2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([], |row| Ok((GroupId(super::uuid_column(row, 0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
