//! Who is calling, and whom a verb is about.

use accounts::{GroupRef, Subject, UserId};

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
        let host = self.local_accounts()?;
        self.read(|db| {
            let user = find(db, subject)?;
            let own_rules = !db.sudo_rules_of(HolderKey::User(user.id))?.is_empty();
            let mut group_power =
                db.is_in_powerful_group(user.id, &self.config.accounts.root_groups)?;
            let of_host = db.host_groups_of(user.id)?.into_iter();
            let of_host = of_host.map(|(name, _)| GroupRef::Name(name));
            for group in of_host.chain([GroupRef::Gid(user.gid)]) {
                let joined = self.find_group(db, &host, &group)?;
                let (name, gid) = match (&joined, &group) {
                    (Some(joined), _) => joined.name_and_gid(),
                    (None, GroupRef::Name(name)) => (name.as_str(), None),
                    (None, GroupRef::Gid(gid)) => ("", Some(*gid)),
                };
                group_power |= self.gives_power(db, name, gid)?;
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
