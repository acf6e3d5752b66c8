//! What the account index shows of the tables: row by row of everybody, or of one user.
//!
//! A walk over everybody keeps nothing: the tables that hang on users are walked beside them, in the
//! same order.

use accounts::UserId;
use rusqlite::{OptionalExtension, Row, Rows};

use super::{Db, StoreError, uuid_column};

/// A user as far as the index shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the record's field of that name, see accounts::User")]
pub struct PublishedUser {
    pub id: UserId,
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub full_name: String,
    pub home: String,
    pub shell: String,
    pub locked: bool,
    pub enabled: bool,
    pub ssh_password_enabled: bool,
    pub expires_at: Option<i64>,
    pub password_max_age: Option<u32>,
    pub password_min_age: Option<u32>,
    pub password_warn: Option<u32>,
    pub password_inactive: Option<u32>,
    /// Lines of public keys, and when each ends.
    pub keys: Vec<(String, Option<i64>)>,
    /// When the password was set, and whether it must be changed.
    pub password: Option<(i64, bool)>,
    /// Whether logins ask for a code.
    pub has_code: bool,
}

/// About how much there is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the tables' names say what they are")]
pub struct PublishedCounts {
    pub users: u64,
    pub groups: u64,
    pub members: u64,
    pub local_members: u64,
    pub host_group_members: u64,
}

const COLUMNS: &str = "id, name, uid, gid, full_name, home, shell, locked, enabled, \
    ssh_password_enabled, expires_at, password_max_age, password_min_age, password_warn, \
    password_inactive";

fn read(row: &Row<'_>) -> rusqlite::Result<PublishedUser> {
    Ok(PublishedUser {
        id: UserId(uuid_column(row, 0)?),
        name: row.get(1)?,
        uid: row.get(2)?,
        gid: row.get(3)?,
        full_name: row.get(4)?,
        home: row.get(5)?,
        shell: row.get(6)?,
        locked: row.get(7)?,
        enabled: row.get(8)?,
        ssh_password_enabled: row.get(9)?,
        expires_at: row.get(10)?,
        password_max_age: row.get(11)?,
        password_min_age: row.get(12)?,
        password_warn: row.get(13)?,
        password_inactive: row.get(14)?,
        keys: Vec::new(),
        password: None,
        has_code: false,
    })
}

const KEYS: &str = "SELECT user_id, line, expires_at FROM ssh_keys";
const PASSWORDS: &str = "SELECT user_id, changed_at, must_change FROM passwords";
const CODES: &str = "SELECT user_id, 1 FROM totp WHERE state = 'active' AND enabled = 1";

fn pair<A: rusqlite::types::FromSql, B: rusqlite::types::FromSql>(
    row: &Row<'_>,
) -> rusqlite::Result<(A, B)> {
    Ok((row.get(1)?, row.get(2)?))
}

/// Rows of another table, in the order of their users.
struct Beside<'s, T> {
    rows: Rows<'s>,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    /// The next row, and whose it is.
    ahead: Option<(UserId, T)>,
}

impl<'s, T> Beside<'s, T> {
    fn new(
        rows: Rows<'s>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Self, rusqlite::Error> {
        let mut beside = Self { rows, read, ahead: None };
        beside.step()?;
        Ok(beside)
    }

    fn step(&mut self) -> Result<(), rusqlite::Error> {
        self.ahead = match self.rows.next()? {
            Some(row) => Some((UserId(uuid_column(row, 0)?), (self.read)(row)?)),
            None => None,
        };
        Ok(())
    }

    /// The next row of that user; users are asked for in their order.
    fn of(&mut self, user: UserId) -> Result<Option<T>, rusqlite::Error> {
        while self.ahead.as_ref().is_some_and(|(of, _)| *of < user) {
            self.step()?;
        }
        match self.ahead.take() {
            Some((of, row)) if of == user => {
                self.step()?;
                Ok(Some(row))
            }
            ahead => {
                self.ahead = ahead;
                Ok(None)
            }
        }
    }
}

impl Db<'_> {
    /// About how much there is to be shown.
    pub(crate) fn published_counts(self) -> Result<PublishedCounts, StoreError> {
        let count = |table: &str| -> Result<u64, rusqlite::Error> {
            let sql = format!("SELECT count(*) FROM {table}");
            Ok(self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))? as u64)
        };
        Ok(PublishedCounts {
            users: self.count_users()?,
            groups: count("groups")?,
            members: count("members")?,
            local_members: count("local_members")?,
            host_group_members: count("host_group_members")?,
        })
    }

    /// One user, if there is one.
    pub(crate) fn published_user(self, id: UserId) -> Result<Option<PublishedUser>, StoreError> {
        let key = [id.0.as_bytes().as_slice()];
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let Some(mut user) = statement.query_row(key, read).optional()? else { return Ok(None) };
        let sql = format!("{KEYS} WHERE user_id = ?1 ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        user.keys = statement.query_map(key, pair)?.collect::<Result<_, _>>()?;
        let sql = format!("{PASSWORDS} WHERE user_id = ?1");
        user.password = self.connection.prepare_cached(&sql)?.query_row(key, pair).optional()?;
        let sql = format!("{CODES} AND user_id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        user.has_code = statement.query_row(key, |_| Ok(())).optional()?.is_some();
        Ok(Some(user))
    }

    /// Every user, one after the other.
    pub(crate) fn each_published_user<E: From<StoreError>>(
        self,
        mut each: impl FnMut(PublishedUser) -> Result<(), E>,
    ) -> Result<(), E> {
        let prepare =
            |sql: &str, order: &str| self.connection.prepare(&format!("{sql} ORDER BY {order}"));
        let mut walk = || -> Result<Result<(), E>, rusqlite::Error> {
            let mut users = prepare(&format!("SELECT {COLUMNS} FROM users"), "id")?;
            let mut keys = prepare(KEYS, "user_id, id")?;
            let mut passwords = prepare(PASSWORDS, "user_id")?;
            let mut codes = prepare(CODES, "user_id")?;
            let mut keys = Beside::new(keys.query([])?, pair)?;
            let mut passwords = Beside::new(passwords.query([])?, pair)?;
            let mut codes = Beside::new(codes.query([])?, |_| Ok(()))?;
            let mut users = users.query([])?;
            while let Some(row) = users.next()? {
                let mut user = read(row)?;
                while let Some(key) = keys.of(user.id)? {
                    user.keys.push(key);
                }
                user.password = passwords.of(user.id)?;
                user.has_code = codes.of(user.id)?.is_some();
                if let Err(error) = each(user) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        };
        walk().map_err(StoreError::from)?
    }

    /// Name and number of every group of ours.
    pub(crate) fn each_group<E: From<StoreError>>(
        self,
        mut each: impl FnMut(String, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(
            "SELECT name, gid FROM groups",
            |row| Ok((row.get(0)?, row.get(1)?)),
            |(n, g)| each(n, g),
        )
    }

    /// Number of the group and name of the member, of every membership in groups of ours. A user of
    /// ours and one of /etc/passwd of the same name are two.
    pub(crate) fn each_member<E: From<StoreError>>(
        self,
        mut each: impl FnMut(u32, String) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT groups.gid, users.name FROM groups \
                   CROSS JOIN members ON group_id = groups.id \
                   CROSS JOIN users ON users.id = user_id \
                   UNION ALL SELECT groups.gid, user_name FROM local_members \
                   CROSS JOIN groups ON groups.id = group_id";
        self.each(sql, |row| Ok((row.get(0)?, row.get(1)?)), |(gid, name)| each(gid, name))
    }

    /// Name and number of the group and name of the member, of every membership of users of ours in
    /// groups of /etc/group: by group, the least number first.
    pub(crate) fn each_host_member<E: From<StoreError>>(
        self,
        mut each: impl FnMut(String, u32, String) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT group_name, host_group_members.gid, name FROM host_group_members \
                   INDEXED BY host_group_members_by_group \
                   CROSS JOIN users ON users.id = user_id ORDER BY 1, 2";
        self.each(
            sql,
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            |(group, gid, name)| each(group, gid, name),
        )
    }

    fn each<T, E: From<StoreError>>(
        self,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        mut each: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self.connection.prepare(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            each(read(row).map_err(StoreError::from)?)?;
        }
        Ok(())
    }
}
