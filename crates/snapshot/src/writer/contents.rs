//! What is published, and the checks that keep it from meaning something else to a reader.

use std::collections::HashSet;

use super::error::WriteError;
use super::image::Sizes;
use crate::layout::{MAX_ID, MAX_NAME};

/// A key line is at most this long, in bytes.
const MAX_KEY_LINE: usize = 16 * 1024;
/// A user has at most this many keys.
const MAX_KEYS: usize = 1024;
/// gecos, home and shell are at most this long, in bytes.
const MAX_FIELD: usize = 4096;

/// All that an index holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The users, in the order of enumeration.
    pub users: Vec<UserEntry>,
    /// The groups, in the order of enumeration.
    pub groups: Vec<GroupEntry>,
    /// A number that grows with every change of the store.
    pub generation: u64,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserEntry {
    /// Login name.
    pub name: String,
    /// User number, from 1 to 2³¹ − 1.
    pub uid: u32,
    /// Number of the primary group, from 1 to 2³¹ − 1.
    pub gid: u32,
    /// Full name and its companions.
    pub gecos: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// Locked or disabled: no login of any kind.
    pub locked: bool,
    /// When the account expires, in unix seconds.
    pub expires_at: Option<i64>,
    /// Public keys.
    pub keys: Vec<KeyEntry>,
    /// What goes into the shadow file.
    pub shadow: ShadowEntry,
}

/// A public key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyEntry {
    /// `ssh-ed25519 AAAA… comment`, one line without its end.
    pub line: String,
    /// When the key expires, in unix seconds.
    pub expires_at: Option<i64>,
}

/// What `struct spwd` has beside name and hash. Days as in shadow(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowEntry {
    /// Locked.
    pub locked: bool,
    /// Day of the last password change since 1970-01-01.
    pub last_change: Option<i64>,
    /// Days before which the password may not be changed again.
    pub min: Option<i64>,
    /// Days after which it must be changed.
    pub max: Option<i64>,
    /// Days of warning before that.
    pub warn: Option<i64>,
    /// Days after that in which it still works.
    pub inactive: Option<i64>,
    /// Day on which the account expires since 1970-01-01.
    pub expire: Option<i64>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupEntry {
    /// Group name.
    pub name: String,
    /// Group number, at most 2³¹ − 1.
    pub gid: u32,
    /// Names of the members, ours or of /etc/passwd. A name that stands twice counts once.
    pub members: Vec<String>,
    /// A group of /etc/group that has members of ours: found by lookup and initgroups, left out of
    /// enumeration so that it is not listed twice.
    pub external: bool,
}

/// Text that fits into a field of passwd(5).
fn check_field(what: &'static str, of: &str, text: &str) -> Result<(), WriteError> {
    if text.len() > MAX_FIELD || text.contains(|c: char| c == ':' || c.is_control()) {
        return Err(WriteError::Invalid { what, of: of.to_owned() });
    }
    Ok(())
}

/// Refuses a name that a reader could take for something else.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), WriteError> {
    let refused = |c: char| matches!(c, ':' | ',' | '/') || c.is_control() || c.is_whitespace();
    if name.is_empty() || name.len() > MAX_NAME || name.contains(refused) {
        return Err(WriteError::Invalid { what, of: name.to_owned() });
    }
    Ok(())
}

impl UserEntry {
    pub(super) fn check(&self) -> Result<(), WriteError> {
        check_name("user name", &self.name)?;
        check_field("gecos", &self.name, &self.gecos)?;
        check_field("home", &self.name, &self.home)?;
        check_field("shell", &self.name, &self.shell)?;
        let numbers = [self.uid, self.gid];
        if numbers.iter().any(|id| *id == 0 || *id > MAX_ID) {
            return Err(WriteError::Invalid { what: "uid or gid", of: self.name.clone() });
        }
        let bad = |key: &KeyEntry| {
            key.line.is_empty()
                || key.line.len() > MAX_KEY_LINE
                || key.line.contains(|c: char| c.is_control())
        };
        if self.keys.len() > MAX_KEYS || self.keys.iter().any(bad) {
            return Err(WriteError::Invalid { what: "public key", of: self.name.clone() });
        }
        Ok(())
    }
}

impl GroupEntry {
    pub(super) fn check(&self) -> Result<(), WriteError> {
        check_group(&self.name, self.gid, self.external)?;
        self.members.iter().try_for_each(|member| check_name("member", member))
    }
}

/// Refuses a group that must not be published.
pub(super) fn check_group(name: &str, gid: u32, external: bool) -> Result<(), WriteError> {
    check_name("group name", name)?;
    if gid > MAX_ID || (gid == 0 && !external) {
        return Err(WriteError::Invalid { what: "gid", of: name.to_owned() });
    }
    Ok(())
}

impl Contents {
    /// How large an index of this is.
    pub(super) fn sizes(&self) -> Sizes {
        let members = || self.groups.iter().flat_map(|group| &group.members);
        Sizes {
            users: self.users.len(),
            groups: self.groups.len(),
            members: members().collect::<HashSet<_>>().len(),
            memberships: members().count(),
        }
    }
}
