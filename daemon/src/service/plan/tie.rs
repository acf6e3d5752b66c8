//! One membership at one moment.

use accounts::{GroupId, UserId};

use super::super::Error;
use crate::store::{Db, Membership};

/// A membership, with what its two ends are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Tie {
    /// The group's identifier, when it is one of ours.
    pub(super) group_id: Option<GroupId>,
    /// Its name; `None` when there is no such group of ours.
    pub(in crate::service) group: Option<(String, u32)>,
    /// The member's identifier, when it is a user of ours.
    pub(in crate::service) member_id: Option<UserId>,
    /// Its name; `None` when there is no such user of ours.
    pub(in crate::service) member: Option<String>,
    /// Whether the member is in the group.
    pub(in crate::service) is: bool,
    /// Of a group of /etc/group: the least and greatest number that was noted of it.
    pub(in crate::service) noted: Option<(u32, u32)>,
}

impl Tie {
    /// How it is with a membership.
    pub(super) fn of(db: Db<'_>, membership: &Membership) -> Result<Self, Error> {
        let group_of = |id: &GroupId| -> Result<Option<(String, u32)>, Error> {
            Ok(db.group_by_id(*id)?.map(|group| (group.name.to_string(), group.gid)))
        };
        let (group_id, group, member_id, member, noted) = match membership {
            Membership::Ours(group, user) => {
                (Some(*group), group_of(group)?, Some(*user), db.name_of_user(*user)?, None)
            }
            Membership::Local(group, name) => {
                (Some(*group), group_of(group)?, None, Some(name.clone()), None)
            }
            Membership::Host(group, user) => {
                let noted = db.host_group_numbers(group)?;
                let number = noted.map_or(0, |(least, _)| least);
                let named = Some((group.clone(), number));
                (None, named, Some(*user), db.name_of_user(*user)?, noted)
            }
        };
        let is = db.is_membership(membership)?;
        Ok(Self { group_id, group, member_id, member, is, noted })
    }

    /// What the group is called.
    pub(super) fn group_name(&self) -> Option<&str> {
        self.group.as_ref().map(|(name, _)| name.as_str())
    }
}
