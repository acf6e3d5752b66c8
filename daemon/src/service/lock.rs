//! Locking and unlocking: no login of any kind.

use accounts::Subject;
use serde_json::json;

use super::administrators::need;
use super::change::EventKind;
use super::{Error, Service, caller};
use crate::authorize::{Action, Grant};

impl Service {
    /// Locks a user: no password, key, token, cron job or su gets in any more.
    ///
    /// # Errors
    /// When it is locked already, or the last administrator.
    pub fn lock_user(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        self.set_locked(grant, subject, true)
    }

    /// Unlocks a user and forgets its failed tries.
    ///
    /// # Errors
    /// When it is not locked and has no failed tries to forget.
    pub fn unlock_user(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        self.set_locked(grant, subject, false)
    }

    fn set_locked(&self, grant: &Grant, subject: &Subject, locked: bool) -> Result<(), Error> {
        let (action, verb) = if locked {
            (Action::UserLock, "user-lock")
        } else {
            (Action::UserUnlock, "user-unlock")
        };
        self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, action, Some(user.id))?;
            let throttled = !locked && change.db.clear_every_throttle(user.id)?;
            if user.locked == locked && !throttled {
                let state = if locked { "locked" } else { "not locked" };
                return Err(Error::AlreadyInState(format!("{} is {state} already", user.name)));
            }
            if user.locked != locked {
                user.locked = locked;
                user.updated_at = change.now;
                user.generation += 1;
                change.db.update_user(&user)?;
                self.sudoers_of_locked(change, &user)?;
                Self::owe_samba(change, &user);
            }
            change.audit(verb, user.name.as_str(), &user.id.to_string(), &json!({}))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })
    }
}
