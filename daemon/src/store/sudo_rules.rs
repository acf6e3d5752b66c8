//! The table `sudo_rules`.

use accounts::{SudoCommand, UserId};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Db, StoreError, damaged, uuid_column};

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HolderKey {
    /// A user of ours.
    User(UserId),
    /// The members of a group, by its number.
    Gid(u32),
}

/// A row of `sudo_rules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the columns' names say what they are")]
pub struct SudoRuleRow {
    pub id: i64,
    pub holder: HolderKey,
    pub command: SudoCommand,
    pub nopasswd: bool,
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<SudoRuleRow> {
    let holder = match row.get::<_, Option<u32>>(2)? {
        Some(gid) => HolderKey::Gid(gid),
        None => HolderKey::User(UserId(uuid_column(row, 1)?)),
    };
    Ok(SudoRuleRow {
        id: row.get(0)?,
        holder,
        command: SudoCommand::parse(&row.get::<_, String>(3)?).map_err(|e| damaged(3, e))?,
        nopasswd: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
    })
}

const COLUMNS: &str = "id, user_id, gid, command, nopasswd, created_at, expires_at";

impl Db<'_> {
    /// Adds a rule; its `id` is ignored and the new one answered.
    pub(crate) fn insert_sudo_rule(self, rule: &SudoRuleRow) -> Result<i64, StoreError> {
        self.touch_holder(rule.holder)?;
        let SudoRuleRow { id: _, holder, command, nopasswd, created_at, expires_at } = rule;
        let (user, gid) = match holder {
            HolderKey::User(id) => (Some(id.0.as_bytes().as_slice()), None),
            HolderKey::Gid(gid) => (None, Some(gid)),
        };
        let sql = "INSERT INTO sudo_rules (user_id, gid, command, nopasswd, created_at, expires_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let command = command.to_string();
        self.connection
            .prepare_cached(sql)?
            .execute(params![user, gid, command, nopasswd, created_at, expires_at])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// A holder's rules, oldest first.
    pub(crate) fn sudo_rules_of(self, holder: HolderKey) -> Result<Vec<SudoRuleRow>, StoreError> {
        let (clause, key): (&str, &dyn rusqlite::ToSql) = match &holder {
            HolderKey::User(id) => ("user_id = ?1", &id.0.as_bytes().as_slice()),
            HolderKey::Gid(gid) => ("gid = ?1", gid),
        };
        let sql = format!("SELECT {COLUMNS} FROM sudo_rules WHERE {clause} ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([key], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every rule, oldest first.
    pub(crate) fn all_sudo_rules(self) -> Result<Vec<SudoRuleRow>, StoreError> {
        let mut statement =
            self.connection.prepare(&format!("SELECT {COLUMNS} FROM sudo_rules ORDER BY id"))?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes a rule.
    pub(crate) fn delete_sudo_rule(self, id: i64) -> Result<(), StoreError> {
        self.touch_holder_of(id)?;
        self.connection.execute("DELETE FROM sudo_rules WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Removes the rules whose time is over, and says how many there were.
    pub(crate) fn delete_expired_sudo_rules(self, now: i64) -> Result<usize, StoreError> {
        let over = "FROM sudo_rules WHERE expires_at IS NOT NULL AND expires_at <= ?1";
        if self.watch.is_some() {
            let mut statement = self.connection.prepare(&format!("SELECT {COLUMNS} {over}"))?;
            for rule in statement.query_map([now], read)? {
                self.touch_holder(rule?.holder)?;
            }
        }
        Ok(self.connection.execute(&format!("DELETE {over}"), [now])?)
    }

    /// When the next rule, or account that has rules, comes to its end.
    pub(crate) fn next_sudo_expiry(self, now: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(at) FROM ( \
                     SELECT min(expires_at) AS at FROM sudo_rules \
                     UNION ALL SELECT min(expires_at) FROM users \
                       WHERE expires_at > ?1 AND id IN (SELECT user_id FROM sudo_rules))";
        Ok(self.connection.query_row(sql, [now], |row| row.get(0))?)
    }

    /// When the first rule's time is over.
    pub(crate) fn first_sudo_expiry(self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(expires_at) FROM sudo_rules WHERE expires_at IS NOT NULL";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }
}
