//! The tables `two_factor_policy` and `two_factor_policy_groups`: who must have a second factor.

use accounts::UserId;
use rusqlite::params;

use super::{Db, StoreError, uuid_column};

/// Who must have a second factor. Groups by number, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyRow {
    /// Whether anybody must.
    pub enforced: bool,
    /// From when on; none: at once. In unix seconds.
    pub due_at: Option<i64>,
    /// The groups whose members must; none: everybody.
    pub required: Vec<u32>,
    /// The groups whose members need not, whatever else they are in.
    pub excluded: Vec<u32>,
}

impl Db<'_> {
    /// The policy in force.
    pub(crate) fn two_factor_policy(self) -> Result<PolicyRow, StoreError> {
        let sql = "SELECT enforced, due_at FROM two_factor_policy WHERE id = 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (enforced, due_at) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut policy = PolicyRow { enforced, due_at, ..PolicyRow::default() };
        if !enforced {
            return Ok(policy);
        }
        let sql = "SELECT gid, rule = 'required' FROM two_factor_policy_groups ORDER BY gid";
        let mut statement = self.connection.prepare_cached(sql)?;
        for row in statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (gid, required) = row?;
            if required { &mut policy.required } else { &mut policy.excluded }.push(gid);
        }
        Ok(policy)
    }

    /// Puts another policy in force.
    pub(crate) fn set_two_factor_policy(self, policy: &PolicyRow) -> Result<(), StoreError> {
        let PolicyRow { enforced, due_at, required, excluded } = policy;
        let sql = "UPDATE two_factor_policy SET enforced = ?1, due_at = ?2 WHERE id = 1";
        self.connection.execute(sql, params![enforced, due_at])?;
        self.connection.execute("DELETE FROM two_factor_policy_groups", [])?;
        for (gids, rule) in [(required, "required"), (excluded, "excluded")] {
            for gid in gids {
                let sql = "INSERT INTO two_factor_policy_groups (gid, rule) VALUES (?1, ?2)";
                self.connection.execute(sql, params![gid, rule])?;
            }
        }
        Ok(())
    }

    /// Which users are in which group of the policy, as a primary group or a further one: all of
    /// them, or that user.
    pub(crate) fn members_in_policy(
        self,
        only: Option<UserId>,
    ) -> Result<Vec<(UserId, u32)>, StoreError> {
        let sql = "SELECT user_id, gid FROM ( \
                     SELECT id AS user_id, gid FROM users \
                     UNION SELECT user_id, groups.gid FROM members \
                       JOIN groups ON groups.id = group_id \
                     UNION SELECT user_id, gid FROM host_group_members) \
                   WHERE gid IN (SELECT gid FROM two_factor_policy_groups) \
                     AND (?1 IS NULL OR user_id = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let only = only.as_ref().map(|user| user.0.as_bytes().as_slice());
        let rows =
            statement.query_map([only], |row| Ok((UserId(uuid_column(row, 0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
