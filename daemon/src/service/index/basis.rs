//! What the whole index depends on beside the rows of users and groups. While it stays the same, a
//! change comes to edits of what it touches; when it becomes another, everything is published anew.

use std::sync::atomic::Ordering::SeqCst;

use super::super::administrators::OWN_GROUPS;
use super::super::enforcement_reach::{Reach, Reached};
use super::super::local_accounts::LocalAccounts;
use super::super::{Error, Service};
use crate::store::{Db, PublishedUser};

/// The groups that Roster fills, and whom the policy of second factors reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Basis {
    /// The numbers of Roster's own groups on this host.
    own: [Option<u32>; 3],
    reach: Reach,
    /// Whether those who must have a second factor must have it by now.
    due: bool,
}

impl Basis {
    /// As it is now.
    pub(super) fn read(service: &Service, db: Db<'_>) -> Result<Self, Error> {
        let host = service.local_accounts()?;
        let reach = service.reach_with(db, &host)?;
        let due = reach.is_due(service.now());
        Ok(Self { own: own_groups(&host), reach, due })
    }

    /// Has the groups published anew once the deadline of the policy is over.
    pub(super) fn remember_deadline(&self, service: &Service) {
        let policy = self.reach.policy();
        let later = policy.due_at.filter(|_| policy.enforced && !self.due);
        service.next_due.set(later.unwrap_or(i64::MAX));
    }

    /// Name and number of each of Roster's own groups that this host has.
    pub(super) fn own(&self) -> impl Iterator<Item = (&'static str, u32)> {
        OWN_GROUPS.into_iter().zip(self.own).filter_map(|(name, gid)| Some((name, gid?)))
    }

    /// The number of each of Roster's own groups that this host has, and whether the user is in it.
    pub(super) fn own_of(
        &self,
        db: Db<'_>,
        user: &PublishedUser,
    ) -> Result<impl Iterator<Item = (u32, bool)> + use<>, Error> {
        // Whom sshd must not let in by a key alone: those with a second factor, and those for whom
        // it is due to have one.
        let coded = user.has_code || (self.due && self.reach.covers(db, Reached::from(user))?);
        let is = [true, coded, coded && user.ssh_password_enabled];
        Ok(self.own.into_iter().zip(is).filter_map(|(gid, is)| Some((gid?, is))))
    }

    /// Whether the policy speaks of that group.
    pub(super) fn rules(&self, gid: u32) -> bool {
        let policy = self.reach.policy();
        self.due && (policy.required.contains(&gid) || policy.excluded.contains(&gid))
    }
}

fn own_groups(host: &LocalAccounts) -> [Option<u32>; 3] {
    OWN_GROUPS.map(|name| host.group_by_name(name).map(|group| group.gid))
}

/// When the published groups have to change without anybody changing anything.
#[derive(Debug)]
pub(in crate::service) struct NextDue(std::sync::atomic::AtomicI64);

impl Default for NextDue {
    fn default() -> Self {
        Self(std::sync::atomic::AtomicI64::new(i64::MAX))
    }
}

impl NextDue {
    fn set(&self, at: i64) {
        self.0.store(at, SeqCst);
    }
}

impl Service {
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
