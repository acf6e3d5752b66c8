//! Who is in which group: our users in ours, local users in ours, our users in local groups.

use accounts::{GroupId, UserId};
use rusqlite::{OptionalExtension, params};

use super::{Db, Membership, StoreError, Touched};

/// The first of some names, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The first, sorted.
    pub first: Vec<String>,
    /// All of them.
    pub total: u64,
}

impl Db<'_> {
    fn touch_membership(self, membership: impl FnOnce() -> Membership) {
        if self.is_watched() {
            self.touch(Touched::Membership(membership()));
        }
    }

    /// Puts a user of ours into a group of ours; whether it was not in it before.
    pub(crate) fn add_member(self, group: GroupId, user: UserId) -> Result<bool, StoreError> {
        self.touch_membership(|| Membership::Ours(group, user));
        let sql = "INSERT OR IGNORE INTO members (group_id, user_id) VALUES (?1, ?2)";
        let key = params![group.0.as_bytes().as_slice(), user.0.as_bytes().as_slice()];
        Ok(self.connection.prepare_cached(sql)?.execute(key)? > 0)
    }

    /// Takes a user of ours out of a group of ours; whether it was in it.
    pub(crate) fn remove_member(self, group: GroupId, user: UserId) -> Result<bool, StoreError> {
        self.touch_membership(|| Membership::Ours(group, user));
        let sql = "DELETE FROM members WHERE group_id = ?1 AND user_id = ?2";
        let key = params![group.0.as_bytes().as_slice(), user.0.as_bytes().as_slice()];
        Ok(self.connection.prepare_cached(sql)?.execute(key)? > 0)
    }

    /// Puts a user of /etc/passwd into a group of ours; whether it was not in it before.
    pub(crate) fn add_local_member(self, group: GroupId, name: &str) -> Result<bool, StoreError> {
        self.touch_membership(|| Membership::Local(group, name.to_owned()));
        let sql = "INSERT OR IGNORE INTO local_members (group_id, user_name) VALUES (?1, ?2)";
        Ok(self.connection.execute(sql, params![group.0.as_bytes().as_slice(), name])? > 0)
    }

    /// Takes a user of /etc/passwd out of a group of ours; whether it was in it.
    pub(crate) fn remove_local_member(
        self,
        group: GroupId,
        name: &str,
    ) -> Result<bool, StoreError> {
        self.touch_membership(|| Membership::Local(group, name.to_owned()));
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
        self.touch_membership(|| Membership::Host(group.to_owned(), user));
        let sql = "INSERT OR IGNORE INTO host_group_members (group_name, gid, user_id) VALUES (?1, ?2, ?3)";
        Ok(self.connection.execute(sql, params![group, gid, user.0.as_bytes().as_slice()])? > 0)
    }

    /// Takes a user of ours out of a group of /etc/group; whether it was in it.
    pub(crate) fn remove_host_group_member(
        self,
        group: &str,
        user: UserId,
    ) -> Result<bool, StoreError> {
        self.touch_membership(|| Membership::Host(group.to_owned(), user));
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

    /// Whether a group of ours has any member.
    pub(crate) fn has_members(self, group: GroupId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM members WHERE group_id = ?1) \
                   OR EXISTS (SELECT 1 FROM local_members WHERE group_id = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([group.0.as_bytes().as_slice()], |row| row.get(0))?)
    }

    /// Whether that membership is.
    pub(crate) fn is_membership(self, membership: &Membership) -> Result<bool, StoreError> {
        let exists = |sql: &str, group: &dyn rusqlite::ToSql, member: &dyn rusqlite::ToSql| {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_row([group, member], |_| Ok(())).optional().map(|row| row.is_some())
        };
        Ok(match membership {
            Membership::Ours(group, user) => exists(
                "SELECT 1 FROM members WHERE group_id = ?1 AND user_id = ?2",
                &group.0.as_bytes().as_slice(),
                &user.0.as_bytes().as_slice(),
            ),
            Membership::Local(group, name) => exists(
                "SELECT 1 FROM local_members WHERE group_id = ?1 AND user_name = ?2",
                &group.0.as_bytes().as_slice(),
                name,
            ),
            Membership::Host(group, user) => exists(
                "SELECT 1 FROM host_group_members WHERE group_name = ?1 AND user_id = ?2",
                group,
                &user.0.as_bytes().as_slice(),
            ),
        }?)
    }

    /// Names of a group's members, ours and local: the first, and how many there are.
    pub(crate) fn some_members_of(self, group: GroupId, most: u32) -> Result<Names, StoreError> {
        let list = "SELECT name FROM members JOIN users ON users.id = user_id WHERE group_id = ?1 \
                    UNION SELECT user_name FROM local_members WHERE group_id = ?1 \
                    ORDER BY 1 LIMIT ?2";
        let count = "SELECT (SELECT count(*) FROM members WHERE group_id = ?1) \
                     + (SELECT count(*) FROM local_members WHERE group_id = ?1)";
        self.some_names(list, count, group.0.as_bytes(), most)
    }

    /// Names of the groups of ours that a user is in: the first, and how many there are.
    pub(crate) fn some_groups_of(self, user: UserId, most: u32) -> Result<Names, StoreError> {
        let list = "SELECT name FROM members JOIN groups ON groups.id = group_id \
                    WHERE user_id = ?1 ORDER BY 1 LIMIT ?2";
        let count = "SELECT count(*) FROM members WHERE user_id = ?1";
        self.some_names(list, count, user.0.as_bytes(), most)
    }

    fn some_names(
        self,
        list: &str,
        count: &str,
        of: &[u8],
        most: u32,
    ) -> Result<Names, StoreError> {
        let mut statement = self.connection.prepare_cached(list)?;
        let rows = statement.query_map(params![of, most], |row| row.get(0))?;
        let first = rows.collect::<Result<_, _>>()?;
        let mut statement = self.connection.prepare_cached(count)?;
        let total: i64 = statement.query_row([of], |row| row.get(0))?;
        Ok(Names { first, total: total as u64 })
    }

    /// Numbers and names of the groups of ours that a user is in.
    pub(crate) fn own_group_numbers_of(
        self,
        user: UserId,
    ) -> Result<Vec<(u32, String)>, StoreError> {
        let sql = "SELECT groups.gid, name FROM members JOIN groups ON groups.id = group_id \
                   WHERE user_id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([user.0.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Numbers of the groups of ours that have that user of /etc/passwd in them.
    pub(crate) fn groups_of_local(self, name: &str) -> Result<Vec<(GroupId, u32)>, StoreError> {
        let sql = "SELECT groups.id, groups.gid FROM local_members \
                   JOIN groups ON groups.id = group_id WHERE user_name = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([name], |row| Ok((GroupId(super::uuid_column(row, 0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The least and the greatest number that was noted of a group of /etc/group with users of ours
    /// in it: two, when it got another one meanwhile.
    pub(crate) fn host_group_numbers(self, name: &str) -> Result<Option<(u32, u32)>, StoreError> {
        let sql = "SELECT (SELECT min(gid) FROM host_group_members WHERE group_name = ?1), \
                   (SELECT max(gid) FROM host_group_members WHERE group_name = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (least, greatest): (Option<u32>, Option<u32>) =
            statement.query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(least.zip(greatest))
    }

    /// How many names of groups of /etc/group with users of ours in them have that number.
    pub(crate) fn host_groups_numbered(self, gid: u32) -> Result<u64, StoreError> {
        let sql = "SELECT (SELECT min(group_name) FROM host_group_members WHERE gid = ?1), \
                   (SELECT max(group_name) FROM host_group_members WHERE gid = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (first, last): (Option<String>, Option<String>) =
            statement.query_row([gid], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(u64::from(first.is_some()) + u64::from(first != last))
    }

    /// Whether users of ours are in a group of /etc/group of that name, or that number.
    pub(crate) fn is_host_group(self, name: &str, gid: u32) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM host_group_members WHERE group_name = ?1) \
                   OR EXISTS (SELECT 1 FROM host_group_members WHERE gid = ?2)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![name, gid], |row| row.get(0))?)
    }

    /// Whether a user is in a group of ours that has sudo rules, or one of these names.
    pub(crate) fn is_in_powerful_group(
        self,
        user: UserId,
        names: &[String],
    ) -> Result<bool, StoreError> {
        let key = user.0.as_bytes().as_slice();
        // By the rules and the names, of which there are few: the user may be in ten thousand groups.
        let sql = "SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT gid FROM sudo_rules WHERE gid IS NOT NULL) \
                   AS ruled CROSS JOIN groups ON groups.gid = ruled.gid \
                   CROSS JOIN members ON group_id = groups.id AND user_id = ?1)";
        let ruled: bool =
            self.connection.prepare_cached(sql)?.query_row([key], |row| row.get(0))?;
        if ruled {
            return Ok(true);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM groups CROSS JOIN members ON group_id = groups.id \
                   AND user_id = ?1 WHERE name = ?2)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for name in names {
            if statement.query_row(params![key, name], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
