//! Public SSH keys of users.

use accounts::{Code, SshKeyEntry, SshPublicKey, Subject, Timestamp, UserId};
use serde_json::json;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::{Error, Service, caller, record};
use crate::authorize::{Action, Grant};
use crate::store::KeyRow;

/// Keys a user may have.
const LIMIT: usize = 64;

/// Adds a key inside a change.
pub(super) fn insert(
    change: &mut Change<'_>,
    user_id: UserId,
    key: &SshPublicKey,
    expires_at: Option<i64>,
) -> Result<i64, Error> {
    let fingerprint = key.fingerprint();
    let keys = change.db.keys_of(user_id)?;
    if keys.iter().any(|known| known.fingerprint == fingerprint) {
        return Err(Error::field("ssh_keys", Code::InUse, "the user has that key already"));
    }
    if keys.len() >= LIMIT {
        return Err(Error::field("ssh_keys", Code::TooLong, format!("has more than {LIMIT} keys")));
    }
    let added_at = change.now;
    change.shows();
    let row = KeyRow { id: 0, user_id, line: key.line(), fingerprint, added_at, expires_at };
    Ok(change.db.insert_key(&row)?)
}

impl Service {
    /// Adds a public key, which sshd takes from then on until `expires_at`.
    ///
    /// # Errors
    /// When the text is no plain public key, or the user has it.
    pub fn add_key(
        &self,
        grant: &Grant,
        subject: &Subject,
        key: &str,
        expires_at: Option<&str>,
    ) -> Result<i64, Error> {
        let key = SshPublicKey::parse(key)
            .map_err(|refused| Error::field("key", refused.code, refused.message))?;
        let expires_at = expires_at
            .filter(|text| !text.is_empty())
            .map(Timestamp::parse)
            .transpose()
            .map_err(|refused| Error::field("expires_at", refused.code, refused.message))?;
        self.change(grant.actor(), |change| {
            let user = caller::find(change.db, subject)?;
            need(grant, Action::KeyManage, Some(user.id))?;
            let id = insert(change, user.id, &key, expires_at.map(|Timestamp(at)| at))?;
            let shown = json!({ "id": id, "fingerprint": key.fingerprint() });
            change.audit("key-add", user.name.as_str(), &user.id.to_string(), &shown)?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(id)
        })
    }

    /// A user's keys.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn list_keys(&self, subject: &Subject) -> Result<Vec<SshKeyEntry>, Error> {
        self.read(|db| {
            let user = caller::find(db, subject)?;
            Ok(db.keys_of(user.id)?.into_iter().map(record::key).collect())
        })
    }

    /// Removes a key by its id.
    ///
    /// # Errors
    /// When the user has no such key.
    pub fn remove_key(&self, grant: &Grant, subject: &Subject, id: i64) -> Result<(), Error> {
        self.change(grant.actor(), |change| {
            let user = caller::find(change.db, subject)?;
            need(grant, Action::KeyManage, Some(user.id))?;
            if !change.db.delete_key(user.id, id)? {
                return Err(Error::NoSuchKey(id));
            }
            change.audit(
                "key-remove",
                user.name.as_str(),
                &user.id.to_string(),
                &json!({ "id": id }),
            )?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })
    }
}
