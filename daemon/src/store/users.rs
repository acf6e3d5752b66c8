//! The table `users`, and its tags, settings and profile texts.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use accounts::{Email, HomeMode, HomePath, Role, ShellPath, UserId, UserName};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Db, Membership, StoreError, Touched, damaged, uuid_column};

/// A row of `users`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the record's field of that name, see accounts::User")]
pub struct UserRow {
    pub id: UserId,
    pub name: UserName,
    pub uid: u32,
    pub gid: u32,
    pub full_name: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<Email>,
    pub email_verified: bool,
    pub home: HomePath,
    pub home_mode: HomeMode,
    pub shell: ShellPath,
    pub password_disabled: bool,
    pub locked: bool,
    pub enabled: bool,
    pub ssh_password_enabled: bool,
    pub smb: bool,
    pub expires_at: Option<i64>,
    pub password_max_age: Option<u32>,
    pub password_min_age: Option<u32>,
    pub password_warn: Option<u32>,
    pub password_inactive: Option<u32>,
    pub role: Role,
    pub attributes: serde_json::Map<String, serde_json::Value>,
    pub builtin: bool,
    pub immutable: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub generation: u64,
}

const COLUMNS: &str = "id, name, uid, gid, full_name, first_name, last_name, email, email_verified, \
    home, home_mode, shell, password_disabled, locked, enabled, ssh_password_enabled, smb, expires_at, \
    password_max_age, password_min_age, password_warn, password_inactive, role, attributes, builtin, \
    immutable, created_at, updated_at, generation";

fn read(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    let email: Option<String> = row.get(7)?;
    let attributes: String = row.get(23)?;
    Ok(UserRow {
        id: UserId(uuid_column(row, 0)?),
        name: UserName::parse(&row.get::<_, String>(1)?).map_err(|e| damaged(1, e))?,
        uid: row.get(2)?,
        gid: row.get(3)?,
        full_name: row.get(4)?,
        first_name: row.get(5)?,
        last_name: row.get(6)?,
        email: email.map(|e| Email::parse(&e)).transpose().map_err(|e| damaged(7, e))?,
        email_verified: row.get(8)?,
        home: HomePath::parse(&row.get::<_, String>(9)?).map_err(|e| damaged(9, e))?,
        home_mode: HomeMode::stored(row.get(10)?),
        shell: ShellPath::parse(&row.get::<_, String>(11)?).map_err(|e| damaged(11, e))?,
        password_disabled: row.get(12)?,
        locked: row.get(13)?,
        enabled: row.get(14)?,
        ssh_password_enabled: row.get(15)?,
        smb: row.get(16)?,
        expires_at: row.get(17)?,
        password_max_age: row.get(18)?,
        password_min_age: row.get(19)?,
        password_warn: row.get(20)?,
        password_inactive: row.get(21)?,
        role: Role::parse(&row.get::<_, String>(22)?).map_err(|e| damaged(22, e))?,
        attributes: serde_json::from_str(&attributes).map_err(|e| damaged(23, e))?,
        builtin: row.get(24)?,
        immutable: row.get(25)?,
        created_at: row.get(26)?,
        updated_at: row.get(27)?,
        generation: row.get::<_, i64>(28)? as u64,
    })
}

/// Homes of those who have none.
const SHARED_HOMES: [&str; 2] = ["/var/empty", "/nonexistent"];

/// The statement that writes a new row.
///
/// `OR FAIL`, because the table has a trigger: otherwise SQLite copies every page of the statement
/// first, to be able to take back the one row, a seventh of what a large import costs. Who cannot
/// insert a user takes back everything: the transaction, or the part of it that was begun for this.
fn insertion() -> &'static str {
    static SQL: OnceLock<String> = OnceLock::new();
    SQL.get_or_init(|| {
        let places = (1..=29).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
        format!("INSERT OR FAIL INTO users ({COLUMNS}) VALUES ({places})")
    })
}

/// How one user is picked.
#[derive(Debug, Clone, Copy)]
pub enum UserKey<'a> {
    /// By identifier.
    Id(UserId),
    /// By login name.
    Name(&'a str),
    /// By number.
    Uid(u32),
}

impl Db<'_> {
    /// One user.
    pub(crate) fn user(self, key: UserKey<'_>) -> Result<Option<UserRow>, StoreError> {
        let get = |column: &str, value: &dyn rusqlite::ToSql| {
            self.connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE {column} = ?1"))?
                .query_row([value], read)
                .optional()
        };
        Ok(match key {
            UserKey::Id(id) => get("id", &id.0.as_bytes().as_slice()),
            UserKey::Name(name) => get("name", &name),
            UserKey::Uid(uid) => get("uid", &uid),
        }?)
    }

    /// The name of a user.
    pub(crate) fn name_of_user(self, id: UserId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT name FROM users WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([id.0.as_bytes().as_slice()], |row| row.get(0)).optional()?)
    }

    /// The enabled user with that mail address, if there is exactly one.
    pub(crate) fn enabled_user_with_address(
        self,
        address: &str,
    ) -> Result<Option<UserRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE email = ?1 AND enabled = 1 LIMIT 2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([address], read)?;
        let mut rows: Vec<UserRow> = rows.collect::<Result<_, _>>()?;
        Ok(if rows.len() == 1 { rows.pop() } else { None })
    }

    /// Users by name, from `offset` on.
    pub(crate) fn users_in_order(
        self,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<UserRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users WHERE id IN \
             (SELECT id FROM users ORDER BY name LIMIT ?2 OFFSET ?1) ORDER BY name"
        ))?;
        let page = [offset, limit].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let rows = statement.query_map(page, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many users there are.
    pub(crate) fn count_users(self) -> Result<u64, StoreError> {
        let sql = "SELECT number FROM counts WHERE what = 'users'";
        let count = self.connection.prepare_cached(sql)?.query_row([], |r| r.get::<_, i64>(0));
        Ok(count? as u64)
    }

    /// How many administrators could log in now: none, one, or two for more of them.
    pub(crate) fn count_administrators(self, now: i64) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM users WHERE role = 'admin' AND locked = 0 \
                   AND enabled = 1 AND (expires_at IS NULL OR expires_at > ?1) AND ( \
                     (password_disabled = 0 \
                       AND EXISTS (SELECT 1 FROM passwords WHERE user_id = users.id)) \
                     OR EXISTS (SELECT 1 FROM ssh_keys WHERE user_id = users.id \
                                AND (expires_at IS NULL OR expires_at > ?1))) LIMIT 2)";
        let count = self.connection.prepare_cached(sql)?.query_row([now], |r| r.get::<_, i64>(0));
        Ok(count? as u64)
    }

    /// Writes a new row.
    pub(crate) fn insert_user(self, user: &UserRow) -> Result<(), StoreError> {
        self.write_user("INSERT", user)
    }

    /// Writes a changed row over the one with its id.
    pub(crate) fn update_user(self, user: &UserRow) -> Result<(), StoreError> {
        self.write_user("UPDATE", user)
    }

    fn write_user(self, verb: &str, user: &UserRow) -> Result<(), StoreError> {
        self.touch_user(user.id);
        let UserRow {
            id,
            name,
            uid,
            gid,
            full_name,
            first_name,
            last_name,
            email,
            email_verified,
            home,
            home_mode,
            shell,
            password_disabled,
            locked,
            enabled,
            ssh_password_enabled,
            smb,
            expires_at,
            password_max_age,
            password_min_age,
            password_warn,
            password_inactive,
            role,
            attributes,
            builtin,
            immutable,
            created_at,
            updated_at,
            generation,
        } = user;
        let sql = if verb == "INSERT" {
            insertion().to_owned()
        } else {
            let sets: Vec<String> = COLUMNS
                .split(", ")
                .enumerate()
                .skip(1)
                .map(|(i, column)| format!("{} = ?{}", column.trim(), i + 1))
                .collect();
            format!("UPDATE users SET {} WHERE id = ?1", sets.join(", "))
        };
        self.connection.prepare_cached(&sql)?.execute(params![
            id.0.as_bytes().as_slice(),
            name.as_str(),
            uid,
            gid,
            full_name,
            first_name,
            last_name,
            email.as_ref().map(Email::as_str),
            email_verified,
            home.as_str(),
            home_mode.bits(),
            shell.as_str(),
            password_disabled,
            locked,
            enabled,
            ssh_password_enabled,
            smb,
            expires_at,
            password_max_age,
            password_min_age,
            password_warn,
            password_inactive,
            role.as_str(),
            serde_json::Value::Object(attributes.clone()).to_string(),
            builtin,
            immutable,
            created_at,
            updated_at,
            *generation as i64,
        ])?;
        Ok(())
    }

    /// Deletes a user and all that hangs on it.
    pub(crate) fn delete_user(self, id: UserId) -> Result<(), StoreError> {
        self.touch_user(id);
        self.touch(Touched::EveryGroupOf(id));
        if self.is_watched() {
            for (group, _) in self.host_groups_of(id)? {
                self.touch(Touched::Membership(Membership::Host(group, id)));
            }
        }
        self.connection.execute("DELETE FROM users WHERE id = ?1", [id.0.as_bytes().as_slice()])?;
        Ok(())
    }

    /// The name of a user, other than `id`, whose home is `home`, above it, or below it.
    pub(crate) fn user_with_home(
        self,
        home: &HomePath,
        id: UserId,
    ) -> Result<Option<String>, StoreError> {
        if home.is_none() {
            return Ok(None);
        }
        let id = id.0.as_bytes().as_slice();
        let mut exactly = self
            .connection
            .prepare_cached("SELECT name FROM users WHERE home = ?1 AND id <> ?2 LIMIT 1")?;
        // The home itself, and each directory above it.
        let above = home.as_str().match_indices('/').skip(1).map(|(end, _)| &home.as_str()[..end]);
        let above = above.filter(|place| !SHARED_HOMES.contains(place));
        for place in std::iter::once(home.as_str()).chain(above) {
            if let Some(name) =
                exactly.query_row(params![place, id], |row| row.get(0)).optional()?
            {
                return Ok(Some(name));
            }
        }
        // '0' follows '/'.
        let sql = "SELECT name FROM users WHERE home > ?1 || '/' AND home < ?1 || '0' AND id <> ?2 \
                   AND home NOT IN ('/var/empty', '/nonexistent') LIMIT 1";
        let mut below = self.connection.prepare_cached(sql)?;
        Ok(below.query_row(params![home.as_str(), id], |row| row.get(0)).optional()?)
    }

    /// Names of some users whose primary group has the number.
    pub(crate) fn users_with_gid(self, gid: u32) -> Result<Vec<String>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT name FROM users WHERE gid = ?1 LIMIT 100")?;
        let rows = statement.query_map([gid], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A user's tags, sorted.
    pub(crate) fn tags(self, id: UserId) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT tag FROM user_tags WHERE user_id = ?1 ORDER BY tag")?;
        let rows = statement.query_map([id.0.as_bytes().as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Replaces a user's tags.
    pub(crate) fn set_tags(self, id: UserId, tags: &[String]) -> Result<(), StoreError> {
        self.touch_user(id);
        let key = id.0.as_bytes().as_slice();
        self.connection
            .prepare_cached("DELETE FROM user_tags WHERE user_id = ?1")?
            .execute([key])?;
        for tag in tags {
            self.connection
                .prepare_cached("INSERT INTO user_tags (user_id, tag) VALUES (?1, ?2)")?
                .execute(params![key, tag])?;
        }
        Ok(())
    }

    /// A user's settings: `app` → `key` → text.
    pub(crate) fn settings(
        self,
        id: UserId,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT app, key, value FROM user_settings WHERE user_id = ?1")?;
        let rows = statement
            .query_map([id.0.as_bytes().as_slice()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        let mut settings: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for row in rows {
            let (app, key, value): (String, String, String) = row?;
            settings.entry(app).or_default().insert(key, value);
        }
        Ok(settings)
    }

    /// A user's profile texts.
    pub(crate) fn profile(self, id: UserId) -> Result<BTreeMap<String, String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT key, value FROM user_profile WHERE user_id = ?1")?;
        let rows =
            statement.query_map([id.0.as_bytes().as_slice()], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::service::testing::Fixture;

    #[test]
    fn a_row_that_is_refused_leaves_nothing() {
        let f = Fixture::new();
        f.create(json!({"name": "alice"})).unwrap();
        let alice = f.service.read(|db| Ok(db.user(UserKey::Uid(3000))?)).unwrap().unwrap();
        let before = f.service.dump();
        let id = UserId(uuid::Uuid::from_u128(7));
        let name = |name| accounts::UserName::parse(name).unwrap();
        let refused = [
            UserRow { uid: 3001, name: name("bob"), ..alice.clone() },
            UserRow { id, uid: 3001, ..alice.clone() },
            UserRow { id, name: name("bob"), ..alice },
        ];
        // What is written is committed: nobody takes it back.
        f.service
            .note(|db| {
                for row in &refused {
                    assert!(db.insert_user(row).is_err());
                }
                assert!(db.use_uid(3000).is_err() && db.use_gid(3000).is_err());
                Ok(())
            })
            .unwrap();
        assert_eq!(f.service.dump(), before);
    }
}
