//! The tables `two_factor_policy` and `two_factor_policy_groups`: who must have a second factor.

use accounts::UserId;
use rusqlite::params;

use super::{Db, StoreError};

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

    /// The groups of the policy that a user is in, other than by its primary group. By the policy's
    /// groups, of which there are few.
    pub(crate) fn policy_groups_of(self, user: UserId) -> Result<Vec<u32>, StoreError> {
        let sql = "SELECT policy.gid FROM two_factor_policy_groups AS policy \
                     CROSS JOIN groups ON groups.gid = policy.gid \
                     CROSS JOIN members ON group_id = groups.id AND user_id = ?1 \
                   UNION ALL SELECT policy.gid FROM host_group_members AS host \
                     CROSS JOIN two_factor_policy_groups AS policy ON policy.gid = host.gid \
                     WHERE host.user_id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
