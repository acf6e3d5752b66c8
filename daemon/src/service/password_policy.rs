//! The rules for new passwords.
//!
//! What no login could carry is never a password. The rest are the administrators' rules: length,
//! strength, leaked passwords, earlier ones, age; they may be set aside for one password, and the
//! audit log tells of it.

use accounts::{UserFields, UserId};

use super::login::{Attempt, standing};
use super::{Error, Service};
use crate::authenticate::{LeakedList, MAX_PASSWORD, weakness};
use crate::secret::Secret;
use crate::store::{PasswordRow, UserRow};

/// What is known of the one whose password it is to be: the name, then other texts.
pub(crate) struct Owner(Vec<String>);

impl From<&str> for Owner {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl From<&UserRow> for Owner {
    fn from(user: &UserRow) -> Self {
        let email = user.email.as_ref().map(|email| email.as_str().to_owned());
        let names = [&user.full_name, &user.first_name, &user.last_name].map(Clone::clone);
        Self(std::iter::once(user.name.to_string()).chain(names).chain(email).collect())
    }
}

impl From<&UserFields> for Owner {
    fn from(fields: &UserFields) -> Self {
        let name = fields.name.as_ref().map(ToString::to_string).unwrap_or_default();
        let names = [&fields.full_name, &fields.first_name, &fields.last_name];
        let names = names.into_iter().flatten().map(|text| text.as_str().to_owned());
        let email = fields.email.iter().flatten().map(|email| email.as_str().to_owned());
        Self(std::iter::once(name).chain(names).chain(email).collect())
    }
}

impl Service {
    /// Why a password may not be that owner's, if so: what it can never be, and what the rules
    /// refuse. Earlier passwords are not compared here.
    pub(crate) fn password_refusal(
        &self,
        password: &Secret,
        owner: impl Into<Owner>,
    ) -> Option<String> {
        self.impossible_password(password).or_else(|| self.password_objection(password, owner))
    }

    /// Why that can be nobody's password, whatever the rules, if so.
    pub(super) fn impossible_password(&self, password: &Secret) -> Option<String> {
        if password.len() > MAX_PASSWORD {
            return Some(format!("is longer than {MAX_PASSWORD} bytes: take a shorter one"));
        }
        let Some(text) = password.as_str() else {
            return Some(
                "is not UTF-8 text: type it in a terminal that is set to UTF-8".to_owned(),
            );
        };
        if text.is_empty() {
            return Some("is empty: to have none, disable password login".to_owned());
        }
        if text.chars().any(char::is_control) {
            return Some("holds a control character: take one without".to_owned());
        }
        None
    }

    /// Why the rules refuse a password, if they do.
    pub(super) fn password_objection(
        &self,
        password: &Secret,
        owner: impl Into<Owner>,
    ) -> Option<String> {
        let text = password.as_str()?;
        let Owner(owner) = owner.into();
        let settings = &self.config.passwords;
        let least = settings.min_length;
        if text.chars().count() < least {
            return Some(format!("is shorter than {least} characters: take a longer one"));
        }
        if owner.first().is_some_and(|name| !name.is_empty() && text.to_lowercase() == *name) {
            return Some("is the user's name: take another one".to_owned());
        }
        let owner: Vec<&str> = owner.iter().map(String::as_str).collect();
        weakness(text, &owner, settings.min_strength).or_else(|| {
            let leaked = self.has_leaked(password);
            leaked.then(|| "is in the list of leaked passwords: take another one".to_owned())
        })
    }

    /// Whether a password is in the configured list. A list that cannot be read refuses nobody.
    fn has_leaked(&self, password: &Secret) -> bool {
        let path = &self.config.passwords.leaked_list;
        if path.as_os_str().is_empty() {
            return false;
        }
        let found = LeakedList::open(path).and_then(|list| list.holds(password.as_bytes()));
        found.unwrap_or_else(|error| {
            tracing::error!(path = %path.display(), %error, "the list of leaked passwords was not searched");
            false
        })
    }

    /// Tells the log at the start when the configured list cannot be used.
    pub fn check_leaked_list(&self) {
        let path = &self.config.passwords.leaked_list;
        if path.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = LeakedList::open(path).and_then(|list| list.check()) {
            tracing::error!(
                path = %path.display(), %error,
                "passwords.leaked_list cannot be used: no password is refused for having leaked"
            );
        }
    }

    /// Refuses one of the user's earlier passwords: a hash is computed for each. The present one may
    /// be given again by others, as `smb` wants it to be; its user gives another one.
    pub(super) fn refuse_used_password(
        &self,
        user: &UserRow,
        password: &Secret,
    ) -> Result<(), Error> {
        let history = self.config.passwords.history;
        let earlier = history.saturating_sub(1);
        let (present, used) =
            self.read(|db| Ok((db.password(user.id)?, db.earlier_passwords(user.id, earlier)?)))?;
        let line = Attempt { user: user.id, remote: "history" };
        let is =
            |phc: &str| Ok::<_, Error>(self.compare_password(line, password, Some(phc))?.matches);
        for phc in used {
            if is(&phc)? {
                if let Some(present) = &present
                    && is(&present.phc)?
                {
                    return Ok(());
                }
                let reason = format!("is one of the last {history}: take another one");
                return Err(Error::PasswordPolicy(reason));
            }
        }
        Ok(())
    }

    /// Puts the present password, which is about to be replaced or taken away, among the earlier
    /// ones. Every change of a password does so.
    pub(super) fn remember_password(
        &self,
        db: crate::store::Db<'_>,
        user: UserId,
    ) -> Result<(), Error> {
        let keep = self.config.passwords.history.saturating_sub(1);
        Ok(db.remember_password(user, self.now(), keep)?)
    }

    /// Refuses a change by the user itself that comes too early, or too late.
    pub(super) fn refuse_own_change(
        &self,
        user: &UserRow,
        password: Option<&PasswordRow>,
    ) -> Result<(), Error> {
        let now = self.now();
        if standing::age(user, password, now) == standing::Age::Expired {
            let message = "your password expired and was not changed in time: ask an administrator \
                           for a new one";
            return Err(Error::NotAuthorized(message.to_owned()));
        }
        match standing::days_to_wait(user, password, now) {
            0 => Ok(()),
            days => Err(Error::PasswordPolicy(standing::too_young(days))),
        }
    }
}

#[cfg(test)]
#[path = "password_policy_tests.rs"]
mod tests;
