//! Whom the policy of second factors reaches, in one state of the store.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use accounts::UserId;

use super::{Error, Service};
use crate::store::{Db, PolicyRow, UserRow};

/// A policy and the members of its groups.
#[derive(Debug)]
pub(super) struct Reach {
    policy: PolicyRow,
    required: Members,
    excluded: Members,
}

/// Members of some groups: those that the store knows of, and those that /etc/group names.
#[derive(Debug, Default)]
struct Members {
    users: HashSet<UserId>,
    names: HashSet<String>,
}

impl Members {
    fn has(&self, user: &UserRow) -> bool {
        self.users.contains(&user.id) || self.names.contains(user.name.as_str())
    }
}

impl Reach {
    /// The policy itself.
    pub(super) const fn policy(&self) -> &PolicyRow {
        &self.policy
    }

    /// Whether the user must have a second factor, now or later.
    pub(super) fn covers(&self, user: &UserRow) -> bool {
        self.policy.enforced
            && (self.policy.required.is_empty() || self.required.has(user))
            && !self.excluded.has(user)
    }

    /// Whether those who must have one must have it at `now`.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.policy.enforced && self.policy.due_at.is_none_or(|at| at <= now)
    }
}

/// When the published groups have to change without anybody changing anything.
#[derive(Debug)]
pub(super) struct NextDue(AtomicI64);

impl Default for NextDue {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Service {
    /// Whom the policy reaches: of all users, or of that one alone.
    pub(super) fn reach(&self, db: Db<'_>, only: Option<UserId>) -> Result<Reach, Error> {
        let policy = db.two_factor_policy()?;
        let (mut required, mut excluded) = (Members::default(), Members::default());
        if policy.required.is_empty() && policy.excluded.is_empty() {
            return Ok(Reach { policy, required, excluded });
        }
        for (user, gid) in db.members_in_policy(only)? {
            let members =
                if policy.required.contains(&gid) { &mut required } else { &mut excluded };
            members.users.insert(user);
        }
        for group in self.local_accounts()?.groups {
            let members = if policy.required.contains(&group.gid) {
                &mut required
            } else if policy.excluded.contains(&group.gid) {
                &mut excluded
            } else {
                continue;
            };
            members.names.extend(group.members);
        }
        Ok(Reach { policy, required, excluded })
    }

    /// Users whose logins ask for a code.
    pub(super) fn enrolled(&self, db: Db<'_>) -> Result<HashSet<UserId>, Error> {
        Ok(db.users_with_totp()?.into_iter().collect())
    }

    /// The users whom sshd must not let in by a key alone: those with a second factor, and those for
    /// whom it is due to have one.
    pub(super) fn asked_for_more(
        &self,
        db: Db<'_>,
        users: &[UserRow],
    ) -> Result<HashSet<UserId>, Error> {
        let now = self.now();
        let mut asked = self.enrolled(db)?;
        let policy = db.two_factor_policy()?;
        let later = policy.due_at.filter(|at| policy.enforced && *at > now);
        self.next_due.0.store(later.unwrap_or(i64::MAX), SeqCst);
        if policy.enforced && later.is_none() {
            let reach = self.reach(db, None)?;
            asked.extend(users.iter().filter(|user| reach.covers(user)).map(|user| user.id));
        }
        Ok(asked)
    }

    /// Publishes anew when the deadline of the policy has passed since it was published.
    ///
    /// # Errors
    /// As [`Service::publish`].
    pub fn publish_when_due(&self) -> Result<(), Error> {
        if self.next_due.0.load(SeqCst) > self.now() {
            return Ok(());
        }
        self.publish()?;
        tracing::info!("second factors are due from now on");
        Ok(())
    }
}
