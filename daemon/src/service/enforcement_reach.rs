//! Whom the policy of second factors reaches, in one state of the store.

use std::collections::BTreeSet;

use accounts::UserId;

use super::local_accounts::LocalAccounts;
use super::{Error, Service};
use crate::store::{Db, PolicyRow, PublishedUser, UserRow};

/// A policy, and whom /etc/group names in its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    policy: PolicyRow,
    required: BTreeSet<String>,
    excluded: BTreeSet<String>,
}

/// A user, as far as a policy looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached<'a> {
    id: UserId,
    name: &'a str,
    /// The primary group's number.
    gid: u32,
}

impl<'a> From<&'a UserRow> for Reached<'a> {
    fn from(user: &'a UserRow) -> Self {
        Self { id: user.id, name: user.name.as_str(), gid: user.gid }
    }
}

impl<'a> From<&'a PublishedUser> for Reached<'a> {
    fn from(user: &'a PublishedUser) -> Self {
        Self { id: user.id, name: &user.name, gid: user.gid }
    }
}

impl Reach {
    /// The policy itself.
    pub(super) const fn policy(&self) -> &PolicyRow {
        &self.policy
    }

    /// Whether the user must have a second factor, now or later.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn covers<'a>(
        &self,
        db: Db<'_>,
        user: impl Into<Reached<'a>>,
    ) -> Result<bool, Error> {
        let PolicyRow { enforced, required, excluded, .. } = &self.policy;
        if !enforced || (required.is_empty() && excluded.is_empty()) {
            return Ok(*enforced);
        }
        let Reached { id, name, gid } = user.into();
        let mut gids = db.policy_groups_of(id)?;
        gids.push(gid);
        let is_in = |groups: &[u32], names: &BTreeSet<String>| {
            names.contains(name) || gids.iter().any(|gid| groups.contains(gid))
        };
        Ok((required.is_empty() || is_in(required, &self.required))
            && !is_in(excluded, &self.excluded))
    }

    /// Whether those who must have one must have it at `now`.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.policy.enforced && self.policy.due_at.is_none_or(|at| at <= now)
    }
}

impl Service {
    /// Whom the policy reaches.
    pub(super) fn reach(&self, db: Db<'_>) -> Result<Reach, Error> {
        self.reach_with(db, &self.local_accounts()?)
    }

    /// The same, with what the host's files say.
    pub(super) fn reach_with(&self, db: Db<'_>, host: &LocalAccounts) -> Result<Reach, Error> {
        let policy = db.two_factor_policy()?;
        let names = |gids: &[u32]| -> BTreeSet<String> {
            let groups = host.groups.iter().filter(|group| gids.contains(&group.gid));
            groups.flat_map(|group| group.members.iter().cloned()).collect()
        };
        let (required, excluded) = (names(&policy.required), names(&policy.excluded));
        Ok(Reach { policy, required, excluded })
    }
}
