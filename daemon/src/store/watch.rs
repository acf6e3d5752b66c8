//! Who is told of a change before it happens: what a record was can only be read until then.
//!
//! Every method that writes something about a user or a group says so first, here, so that no use
//! case has to remember to. What is told is the owner of the row, not the row; but a membership is
//! told of itself, because its owners may have a hundred thousand of them.

use accounts::{GroupId, UserId};
use rusqlite::OptionalExtension;

use super::{Db, HolderKey, StoreError, uuid_column};

/// What is about to change, or to be made or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Touched {
    /// A user of ours, or what hangs on it; not its memberships.
    User(UserId),
    /// A group of ours, or what hangs on it; not its members.
    Group(GroupId),
    /// The sudo rules of a group that is not ours, by its number.
    HostGroup(u32),
    /// One membership, which comes or goes.
    Membership(Membership),
    /// Every membership of a user in groups of ours: they go with the user.
    EveryGroupOf(UserId),
    /// Every member of a group of ours: they go out with the group.
    EveryMemberOf(GroupId),
}

/// Who is in which group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Membership {
    /// A user of ours in a group of ours.
    Ours(GroupId, UserId),
    /// A user of /etc/passwd in a group of ours.
    Local(GroupId, String),
    /// A user of ours in a group of /etc/group.
    Host(String, UserId),
}

/// Hears of changes inside a transaction.
pub trait Watch {
    /// That is about to change. `db` still holds what it was, unless it was touched before.
    fn touches(&self, db: Db<'_>, thing: Touched);
}

impl<'a> Db<'a> {
    /// The same transaction, watched.
    pub(crate) fn watched(self, watch: &'a dyn Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Whether somebody watches.
    pub(super) const fn is_watched(self) -> bool {
        self.watch.is_some()
    }

    /// Tells whoever watches, before the change is made.
    pub(super) fn touch(self, thing: Touched) {
        if let Some(watch) = self.watch {
            watch.touches(Self { watch: None, ..self }, thing);
        }
    }

    /// The same for a user.
    pub(super) fn touch_user(self, user: UserId) {
        self.touch(Touched::User(user));
    }

    /// The same for whoever has a sudo rule.
    pub(super) fn touch_holder(self, holder: HolderKey) -> Result<(), StoreError> {
        match holder {
            HolderKey::User(user) => self.touch_user(user),
            HolderKey::Gid(gid) => match self.group_by_gid(gid)? {
                Some(group) => self.touch(Touched::Group(group.id)),
                None => self.touch(Touched::HostGroup(gid)),
            },
        }
        Ok(())
    }

    /// The same for the holder of a rule.
    pub(super) fn touch_holder_of(self, rule: i64) -> Result<(), StoreError> {
        if self.watch.is_none() {
            return Ok(());
        }
        let holder = self
            .connection
            .prepare_cached("SELECT user_id, gid FROM sudo_rules WHERE id = ?1")?
            .query_row([rule], |row| {
                Ok(match row.get(1)? {
                    Some(gid) => HolderKey::Gid(gid),
                    None => HolderKey::User(UserId(uuid_column(row, 0)?)),
                })
            })
            .optional()?;
        holder.map_or(Ok(()), |holder| self.touch_holder(holder))
    }
}
