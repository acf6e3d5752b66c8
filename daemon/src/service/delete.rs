//! Deleting a user.

use accounts::Subject;
use serde::Serialize;
use serde_json::json;

use super::administrators::need;
use super::change::EventKind;
use super::{Error, Service, caller};
use crate::authorize::{Action, Grant};
use crate::publish::effect::Effect;
use crate::publish::leftovers::{self, Leftover};
use crate::store::{Db, DeletedHome, GroupRow, HolderKey, Remains, Tombstone, TotpState, UserRow};

/// What becomes of a deleted user's home directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HomeFate {
    /// It stays where it is.
    #[default]
    Keep,
    /// It is moved into a root-only quarantine beside it.
    Archive,
    /// It is removed with all it holds.
    Purge,
}

/// How a user is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Delete the primary group too, when nobody else uses it.
    pub delete_group: bool,
    /// What becomes of the home directory.
    pub home: HomeFate,
}

/// What a deletion leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// What is still on the machine, of that name or that number.
    pub leftovers: Vec<Leftover>,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self { delete_group: true, home: HomeFate::Keep }
    }
}

impl Service {
    /// Deletes a user, ends its sessions, and leaves its uid used up for good. What can be restored
    /// of it is kept as a tombstone: no credential.
    ///
    /// # Errors
    /// When the user is the caller, Roster's own, or the last administrator, or its home cannot be
    /// archived or purged; nothing is written then.
    pub fn delete_user(
        &self,
        grant: &Grant,
        subject: &Subject,
        options: DeleteOptions,
    ) -> Result<Deleted, Error> {
        let (name, uid, home) = self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, Action::UserDelete, Some(user.id))?;
            if grant.actor().uid == user.uid {
                return Err(Error::NotAuthorized("nobody deletes the own account".to_owned()));
            }
            if user.builtin {
                return Err(Error::Immutable(format!("{} is Roster's own", user.name)));
            }
            let group = change.db.group_by_gid(user.gid)?;
            let mut remains = remains(change.db, &user, group.clone())?;
            if !change.db.sudo_rules_of(HolderKey::User(user.id))?.is_empty() {
                change.owe_sudoers();
            }
            change.owe(Effect::EndSessions { uid: user.uid });
            Self::leave_samba(change, &mut user);
            let path = user.home.as_str().to_owned();
            let home = match options.home {
                HomeFate::Keep => DeletedHome::Kept,
                HomeFate::Archive => {
                    // Another one each time: the user may come back, and be deleted again.
                    let label = uuid::Uuid::now_v7().to_string();
                    let (uid, kept) = (user.uid, label.clone());
                    change.owe(Effect::ArchiveHome { path, uid, label });
                    DeletedHome::Archived(kept)
                }
                HomeFate::Purge => {
                    change.owe(Effect::PurgeHome { path, uid: user.uid });
                    DeletedHome::Purged
                }
            };
            change.announce_members_of(user.id)?;
            change.db.delete_user(user.id)?;
            if options.delete_group
                && let Some(group) = group
                && !group.builtin
                && change.db.users_with_gid(group.gid)?.is_empty()
                && !change.db.has_members(group.id)?
            {
                remains.sudo_rules.extend(change.db.sudo_rules_of(HolderKey::Gid(group.gid))?);
                self.remove_group(grant, change, &group)?;
            }
            // The record's own fields are told beside it: "home" is one of them.
            let shown = json!({ "home_fate": format!("{:?}", options.home).to_lowercase() });
            change.audit("user-delete", user.name.as_str(), &user.id.to_string(), &shown)?;
            change.announce(EventKind::Removed, user.uid, user.name.as_str());
            let gone = (user.name.clone(), user.uid, user.home.as_str().to_owned());
            change.db.insert_tombstone(&Tombstone {
                user,
                deleted_at: change.now,
                deleted_by: grant.actor().name.clone(),
                home,
                remains,
            })?;
            Ok(gone)
        })?;
        Ok(Deleted { leftovers: leftovers::of_deleted(&self.host, &name, uid, &home) })
    }
}

/// What hangs on a user, as far as it can come back.
fn remains(db: Db<'_>, user: &UserRow, primary_group: Option<GroupRow>) -> Result<Remains, Error> {
    let id = user.id;
    Ok(Remains {
        primary_group,
        groups: db.own_groups_of(id)?,
        host_groups: db.host_groups_of(id)?.into_iter().map(|(name, _)| name).collect(),
        keys: db.keys_of(id)?,
        sudo_rules: db.sudo_rules_of(HolderKey::User(id))?,
        tags: db.tags(id)?,
        settings: db.settings(id)?,
        profile: db.profile(id)?,
        login: db.login(id)?,
        had_password: db.password(id)?.is_some(),
        had_second_factor: db.totp(id, TotpState::Active)?.is_some(),
    })
}
