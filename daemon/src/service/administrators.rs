//! Who may administer: the rules for groups that give root.

use accounts::UserId;

use super::{Error, Service};
use crate::authorize::{Action, Grant};
use crate::store::{Db, HolderKey};

/// Groups whose members Roster itself decides.
pub(super) const OWN_GROUPS: [&str; 3] = ["roster-users", "roster-2fa", "roster-2fa-password"];

impl Service {
    /// Refuses what gives root to a caller without the sudo-management right.
    pub(super) fn need_sudo_right(
        &self,
        grant: &Grant,
        target: Option<UserId>,
        what: &str,
    ) -> Result<(), Error> {
        if grant.permits(Action::SudoManage, target) {
            Ok(())
        } else {
            Err(Error::NotAuthorized(format!("{what} needs the right to manage sudo")))
        }
    }

    /// Whether membership of the group gives root.
    pub(super) fn gives_root(&self, group: &str, gid: u32) -> bool {
        gid == 0 || self.config.accounts.root_groups.iter().any(|name| name == group)
    }
}

impl Service {
    /// Whether membership of the group, as primary or supplementary, gives root: by what it is, or
    /// by its sudo rules. A group that is yet to be made has no number.
    pub(super) fn gives_power(
        &self,
        db: Db<'_>,
        group: &str,
        gid: Option<u32>,
    ) -> Result<bool, Error> {
        let rules = match gid {
            Some(gid) => !db.sudo_rules_of(HolderKey::Gid(gid))?.is_empty(),
            None => false,
        };
        Ok(rules || self.gives_root(group, gid.unwrap_or(u32::MAX)))
    }
}

/// Refuses a grant that was given for something else.
pub(super) fn need(grant: &Grant, action: Action, target: Option<UserId>) -> Result<(), Error> {
    if grant.permits(action, target) {
        Ok(())
    } else {
        Err(Error::NotAuthorized("the caller may not do that".to_owned()))
    }
}
