//! Who is calling, and whom a verb is about.

use accounts::{Subject, UserId};

use super::{Error, Service};
use crate::authorize::{Caller, CallerAccount, Target};
use crate::store::{Db, HolderKey, UserKey, UserRow};

/// Finds the user that is meant.
pub(super) fn find(db: Db<'_>, subject: &Subject) -> Result<UserRow, Error> {
    let key = match subject {
        Subject::Name(name) => UserKey::Name(name),
        Subject::Number(uid) => UserKey::Uid(*uid),
        Subject::Id(id) => UserKey::Id(UserId(*id)),
    };
    db.user(key)?.ok_or_else(|| Error::NoSuchUser(subject.to_string()))
}

impl Service {
    /// Who calls with that uid.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn caller(&self, uid: u32) -> Result<Caller, Error> {
        if uid == 0 {
            return Ok(Caller { uid, account: None });
        }
        let now = self.now();
        let user = self.read(|db| Ok(db.user(UserKey::Uid(uid))?))?;
        let account = user.map(|user| {
            let active = user.enabled && !user.locked && user.expires_at.is_none_or(|at| at > now);
            CallerAccount {
                id: user.id,
                name: user.name.as_str().to_owned(),
                role: user.role,
                active,
            }
        });
        Ok(Caller { uid, account })
    }

    /// Whom a verb is about.
    ///
    /// # Errors
    /// When there is no such user, or the store cannot be read.
    pub fn target(&self, subject: &Subject) -> Result<Target, Error> {
        self.read(|db| {
            let user = find(db, subject)?;
            let own_rules = !db.sudo_rules_of(HolderKey::User(user.id))?.is_empty();
            let groups = db.groups_of(user.id)?;
            let mut group_power = self.gives_root("", user.gid);
            for name in groups {
                let gid = db.group_by_name(&name)?.map(|group| group.gid);
                group_power |= self.gives_root(&name, gid.unwrap_or(u32::MAX));
                if let Some(gid) = gid {
                    group_power |= !db.sudo_rules_of(HolderKey::Gid(gid))?.is_empty();
                }
            }
            Ok(Target {
                id: user.id,
                uid: user.uid,
                role: user.role,
                has_sudo: own_rules || group_power,
            })
        })
    }
}
