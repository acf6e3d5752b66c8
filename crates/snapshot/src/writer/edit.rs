//! Changes to an index that is in use.

use super::contents::{UserEntry, check_group, check_name};
use super::error::WriteError;
use super::image::{Image, Sizes};
use super::units;

/// One change. Doing it twice is doing it once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a change has a few of them")]
pub enum Edit {
    /// A user is now so: made, or replaced, by its number. With a new name it takes its memberships
    /// along.
    User(UserEntry),
    /// There is no user of that number any more, nor its memberships.
    RemoveUser {
        /// User number.
        uid: u32,
    },
    /// A group is now so: made, or replaced, by its number. It keeps its members.
    Group {
        /// Group name.
        name: String,
        /// Group number.
        gid: u32,
        /// A group of /etc/group, see [`GroupEntry::external`](super::GroupEntry::external).
        external: bool,
    },
    /// There is no group of that number any more, nor its memberships.
    RemoveGroup {
        /// Group number.
        gid: u32,
    },
    /// A user, ours or of /etc/passwd, is a member of a group.
    Join {
        /// Group number.
        gid: u32,
        /// The user's name.
        name: String,
    },
    /// A user is no member of a group any more.
    Leave {
        /// Group number.
        gid: u32,
        /// The user's name.
        name: String,
    },
}

/// What edits may need.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    /// Units in the index.
    pub(super) index: u64,
    /// Units in the shadow file.
    pub(super) shadow: u64,
    /// Further records.
    pub(super) more: Sizes,
}

impl Edit {
    /// Refuses what must not be published.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        match self {
            Self::User(entry) => entry.check(),
            Self::Group { name, gid, external } => check_group(name, *gid, *external),
            Self::Join { name, .. } => check_name("member", name),
            Self::RemoveUser { .. } | Self::RemoveGroup { .. } | Self::Leave { .. } => Ok(()),
        }
    }

    /// Adds what this edit needs at most.
    pub(super) fn add_needs(&self, index: &Image<'_>, to: &mut Needs) -> Result<(), WriteError> {
        match self {
            Self::User(entry) => {
                to.index += units::user_units(entry)?;
                to.shadow += units::shadow_units(&entry.name)?;
                to.more.users += 1;
                let before = index.index().user_by_uid(entry.uid);
                if let Some(before) = before.filter(|user| user.name() != entry.name.as_bytes()) {
                    let moved = index.index().groups_of(before.name());
                    let moved = moved.into_iter().flatten().count();
                    to.index += moved as u64 * units::membership_units(&entry.name)?;
                    to.more.memberships += moved;
                    to.more.members += 1;
                }
            }
            Self::Group { name, .. } => {
                to.index += units::group_units(name)?;
                to.more.groups += 1;
            }
            Self::Join { name, .. } => {
                to.index += units::membership_units(name)?;
                to.more.memberships += 1;
                to.more.members += 1;
            }
            Self::RemoveUser { .. } | Self::RemoveGroup { .. } | Self::Leave { .. } => {}
        }
        Ok(())
    }

    /// Makes the change, in both files.
    pub(super) fn apply(&self, index: &Image<'_>, shadow: &Image<'_>) -> Result<(), WriteError> {
        match self {
            Self::User(entry) => {
                let before = index.put_user(entry)?;
                shadow.put_shadow(before.as_deref(), entry)
            }
            Self::RemoveUser { uid } => match index.remove_user(*uid)? {
                Some(name) => shadow.remove_shadow(&name),
                None => Ok(()),
            },
            Self::Group { name, gid, external } => index.put_group(name, *gid, *external),
            Self::RemoveGroup { gid } => index.remove_group(*gid),
            Self::Join { gid, name } => index.join(*gid, name),
            Self::Leave { gid, name } => index.leave(*gid, name),
        }
    }
}
