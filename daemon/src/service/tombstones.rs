//! Deleted users: listed, and purged by hand or when their time is over.

use accounts::{Code, Subject, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Value, json};

use super::administrators::need;
use super::change::Change;
use super::{Error, Page, Service};
use crate::authorize::{Action, Actor, Grant};
use crate::publish::effect::Effect;
use crate::publish::home;
use crate::store::{Db, DeletedHome, Tombstone};

/// Deleted users that are purged before others get a turn.
const AT_ONCE: u64 = 64;
const DAY: i64 = 86_400;

/// A deleted user, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletedUser {
    /// Identifier; names may repeat among the deleted ones.
    pub id: UserId,
    /// Login name.
    pub name: String,
    /// User number, which nobody else is given.
    pub uid: u32,
    /// Full name.
    pub full_name: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Who deleted it.
    pub deleted_by: String,
    /// When it is purged: then it cannot be restored any more.
    pub purge_at: Timestamp,
    /// `kept`, `archived` or `purged`.
    pub home_state: &'static str,
    /// Where the home directory is now, or was.
    pub home: String,
}

/// Finds the deleted user that is meant.
pub(super) fn find(db: Db<'_>, subject: &Subject) -> Result<Tombstone, Error> {
    let found = match subject {
        Subject::Id(id) => db.tombstone(UserId(*id))?,
        Subject::Number(uid) => db.tombstone_of_uid(*uid)?,
        Subject::Name(name) => match db.tombstones_named(name)? {
            (0 | 1, last) => last,
            (count, _) => {
                let message = format!(
                    "{count} deleted users were named {name}: say which one as id:UUID or uid:N \
                     (roster user list --deleted shows both)"
                );
                return Err(Error::field("subject", Code::Conflict, message));
            }
        },
    };
    found.ok_or_else(|| Error::NoSuchUser(format!("{subject} among the deleted ones")))
}

impl Service {
    fn retention(&self) -> i64 {
        i64::from(self.config.accounts.deleted_retention_days) * DAY
    }

    /// Deleted users by name, from `offset` on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_deleted_users(&self, offset: u64, limit: u64) -> Result<Page<DeletedUser>, Error> {
        let (total, tombstones) = self.read(|db| Ok(db.tombstones(offset, limit)?))?;
        let items = tombstones.into_iter().map(|tombstone| {
            let Tombstone { user, deleted_at, deleted_by, home, remains: _ } = tombstone;
            let path = user.home.as_str();
            let (home_state, home) = match home {
                DeletedHome::Kept => ("kept", path.to_owned()),
                DeletedHome::Archived(label) => ("archived", home::archived_path(path, &label)),
                DeletedHome::Purged => ("purged", path.to_owned()),
            };
            DeletedUser {
                id: user.id,
                name: user.name.to_string(),
                uid: user.uid,
                full_name: user.full_name,
                deleted_at: Timestamp(deleted_at),
                deleted_by,
                purge_at: Timestamp(deleted_at + self.retention()),
                home_state,
                home,
            }
        });
        Ok(Page { total, items: items.collect() })
    }

    /// Forgets a deleted user and erases its archived home. Its uid stays used.
    ///
    /// # Errors
    /// When there is no such deleted user, or the archived home cannot be erased; nothing is
    /// written then.
    pub fn purge_user(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        need(grant, Action::UserDelete, None)?;
        self.change(grant.actor(), |change| {
            let tombstone = find(change.db, subject)?;
            purge(change, tombstone)
        })
    }

    /// Purges the deleted users whose time is over.
    ///
    /// # Errors
    /// The first one that cannot be purged; the others are, all the same.
    pub fn purge_expired_users(&self) -> Result<(), Error> {
        let until = self.now() - self.retention();
        let mut failure = None;
        for id in self.read(|db| Ok(db.tombstones_until(until, AT_ONCE)?))? {
            let purged = self.change(&Actor::daemon(), |change| match change.db.tombstone(id)? {
                Some(tombstone) => purge(change, tombstone),
                None => Ok(()),
            });
            if let Err(error) = purged {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

fn purge(change: &mut Change<'_>, tombstone: Tombstone) -> Result<(), Error> {
    let Tombstone { user, home, deleted_at, .. } = tombstone;
    if let DeletedHome::Archived(label) = home {
        let (path, uid) = (user.home.as_str().to_owned(), user.uid);
        change.owe(Effect::PurgeArchive { path, uid, label });
    }
    change.db.delete_tombstone(user.id)?;
    let (from, to) = (json!("kept"), Value::Null);
    change.planned("deleted user", user.name.as_str(), "tombstone", &from, &to);
    let shown = json!({
        "uid": user.uid, "deleted_at": Timestamp(deleted_at), "tombstone": { "from": from },
    });
    change.audit("user-purge", user.name.as_str(), &user.id.to_string(), &shown)
}
