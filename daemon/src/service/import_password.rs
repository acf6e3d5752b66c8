//! Taking over a password that another system has hashed.

use accounts::{Code, Subject};
use serde::Serialize;
use serde_json::json;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::shadow_line::{Ageing, Imported, ShadowLine};
use super::{Error, Service, caller};
use crate::authorize::{Action, Grant};
use crate::secret::Secret;
use crate::store::{PasswordRow, UserRow};

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedPassword {
    /// The kind of the hash; empty where no password fits, and password login is disabled.
    pub hash: String,
    /// The password was locked, and the account is now.
    pub locked: bool,
    /// The ages came along.
    pub ageing: bool,
}

impl Service {
    /// Takes a line of shadow(5), or its hash alone, over into a user's record: the hash, which
    /// becomes argon2id at the first login, its lock, and the ages.
    ///
    /// # Errors
    /// What is wrong with the line; a hash that no login could verify; when nobody could administer
    /// Roster afterwards.
    pub fn import_password(
        &self,
        grant: &Grant,
        subject: &Subject,
        entry: &Secret,
    ) -> Result<ImportedPassword, Error> {
        let text = entry.as_str().ok_or_else(|| {
            Error::field("entry", Code::Invalid, "is not UTF-8 text: give a line of shadow(5)")
        })?;
        self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, Action::PasswordImport, Some(user.id))?;
            let ShadowLine { password, ageing } = ShadowLine::parse(text, user.name.as_str())?;
            let before = user.clone();
            self.remember_password(change.db, user.id)?;
            let imported = take(change, &mut user, password, ageing)?;
            // Samba's password stays another one: Roster has none to hand over.
            Self::leave_samba(change, &mut user);
            if let Some(ageing) = ageing {
                user.password_min_age = ageing.min_age;
                user.password_max_age = ageing.max_age;
                user.password_warn = ageing.warn;
                user.password_inactive = ageing.inactive;
                user.expires_at = ageing.expires_at;
            }
            user.updated_at = change.now;
            user.generation += 1;
            change.db.update_user(&user)?;
            if (before.locked, before.expires_at) != (user.locked, user.expires_at) {
                self.sudoers_of_locked(change, &user)?;
            }
            let said = json!({ "hash": imported.hash });
            change.audit("password-import", user.name.as_str(), &user.id.to_string(), &said)?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(imported)
        })
    }
}

fn take(
    change: &Change<'_>,
    user: &mut UserRow,
    password: Imported,
    ageing: Option<Ageing>,
) -> Result<ImportedPassword, Error> {
    let Imported::Hash { phc, kind, locked } = password else {
        change.db.delete_password(user.id)?;
        user.password_disabled = true;
        let (hash, locked) = (String::new(), false);
        return Ok(ImportedPassword { hash, locked, ageing: ageing.is_some() });
    };
    let changed_at = ageing.and_then(|ageing| ageing.changed_at);
    let row = PasswordRow {
        phc: phc.to_string(),
        // A date to come would keep the password from ageing until then.
        changed_at: changed_at.map_or(change.now, |at| at.min(change.now)),
        must_change: ageing.is_some_and(|ageing| ageing.must_change),
    };
    change.db.set_password(user.id, &row)?;
    user.password_disabled = false;
    // A lock that is there already stays: it was set for a reason.
    user.locked |= locked;
    Ok(ImportedPassword { hash: kind.to_owned(), locked, ageing: ageing.is_some() })
}

#[cfg(test)]
#[path = "import_password_tests.rs"]
mod tests;
