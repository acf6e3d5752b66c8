//! Setting, changing and clearing passwords.

use accounts::{Code, FieldErrors, Subject, UserId};
use serde_json::{Value, json};

use super::administrators::need;
use super::change::{Change, EventKind};
use super::login::{Attempt, PasswordTry, Tried};
use super::password_policy::Owner;
use super::{Error, NewPassword, Service, caller};
use crate::authorize::{Action, Grant};
use crate::secret::Secret;
use crate::store::{PasswordRow, ThrottleKind, UserKey, UserRow};

/// Characters of generated passwords: no two that look alike.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl Service {
    /// The password that a user gets; what is wrong with it goes to `errors`.
    pub(super) fn new_password(
        &self,
        password: NewPassword,
        owner: impl Into<Owner>,
        errors: &mut FieldErrors,
    ) -> Option<Secret> {
        let (secret, refusal) = match password {
            NewPassword::None => return None,
            NewPassword::Generate => return generate(self.config.passwords.min_length, errors),
            NewPassword::Given(secret) => {
                let refusal = self.password_refusal(&secret, owner);
                (secret, refusal)
            }
            NewPassword::Imposed(secret) => {
                let refusal = self.impossible_password(&secret);
                (secret, refusal)
            }
        };
        if let Some(reason) = refusal {
            errors.add("password", Code::Invalid, reason);
        }
        Some(secret)
    }

    /// The password that a user gets from somebody else, and what the audit log says of it.
    ///
    /// # Errors
    /// When it is none, or is refused.
    pub(super) fn chosen_password(
        &self,
        grant: &Grant,
        user: &UserRow,
        password: NewPassword,
    ) -> Result<(Secret, Value), Error> {
        let given = matches!(password, NewPassword::Given(_));
        let said = self.weigh(grant, &password, Some(user.id), user)?;
        let mut errors = FieldErrors::default();
        let Some(secret) = self.new_password(password, user, &mut errors) else {
            return Err(Error::field("password", Code::Required, "give a password"));
        };
        if let Some(error) = errors.0.pop() {
            return Err(Error::PasswordPolicy(error.message));
        }
        // A rehearsal that told earlier passwords from others would be a place to guess them.
        if given && !grant.rehearses() {
            self.refuse_used_password(user, &secret)?;
        }
        Ok((secret, said))
    }

    /// What the audit log says of a password that sets the rules aside.
    ///
    /// # Errors
    /// When the caller may not do that.
    pub(super) fn weigh(
        &self,
        grant: &Grant,
        password: &NewPassword,
        target: Option<UserId>,
        owner: impl Into<Owner>,
    ) -> Result<Value, Error> {
        let NewPassword::Imposed(secret) = password else { return Ok(json!({})) };
        need(grant, Action::PasswordOverride, target)?;
        let policy = match self.password_objection(secret, owner) {
            Some(_) => "overridden",
            // Earlier ones are then not compared, so this is all there is to say.
            None => "earlier passwords not compared",
        };
        Ok(json!({ "policy": policy }))
    }

    /// Computes the hash of a new password.
    pub(crate) fn hash_password(&self, password: &Secret) -> Result<String, Error> {
        self.hasher.hash(password).map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Sets a user's password, without the old one; `expire`: to be changed at the next login.
    /// Answers the password when it was generated.
    ///
    /// # Errors
    /// When the password is refused.
    pub fn set_password(
        &self,
        grant: &Grant,
        subject: &Subject,
        password: NewPassword,
        expire: bool,
    ) -> Result<Option<Secret>, Error> {
        let user = self.read(|db| caller::find(db, subject))?;
        need(grant, Action::PasswordSet, Some(user.id))?;
        let generated = matches!(password, NewPassword::Generate);
        let (secret, said) = self.chosen_password(grant, &user, password)?;
        self.store_password(grant, user.id, &secret, expire, &said)?;
        Ok(generated.then_some(secret))
    }

    /// Changes the caller's own password, which takes the old one.
    ///
    /// # Errors
    /// [`Error::WrongPassword`]; when the new one is refused, or is an earlier one; when it is too
    /// early for a change, or too late.
    pub fn change_own_password(
        &self,
        grant: &Grant,
        old: &Secret,
        new: &Secret,
    ) -> Result<(), Error> {
        let uid = grant.actor().uid;
        let (user, password) = self.read(|db| {
            let user = db
                .user(UserKey::Uid(uid))?
                .ok_or_else(|| Error::NoSuchUser(format!("number {uid}")))?;
            let password = db.password(user.id)?;
            Ok((user, password))
        })?;
        need(grant, Action::PasswordChangeOwn, Some(user.id))?;
        // A rehearsal that told right from wrong would be a place to guess passwords.
        if !grant.rehearses() {
            self.check_old_password(&user, password.as_ref(), old)?;
        }
        self.refuse_own_change(&user, password.as_ref())?;
        if let Some(reason) = self.password_refusal(new, &user) {
            return Err(Error::PasswordPolicy(reason));
        }
        if new.as_bytes() == old.as_bytes() {
            return Err(Error::PasswordPolicy("is the old one: take another one".to_owned()));
        }
        if !grant.rehearses() {
            self.refuse_used_password(&user, new)?;
        }
        let stored = self.store_password(grant, user.id, new, false, &json!({}));
        stored.map_err(|error| error.warning("the old password was not checked"))
    }

    /// Checks the old password before a self-made change, under the throttle: without it the bus
    /// would be the place to guess passwords.
    fn check_old_password(
        &self,
        user: &UserRow,
        stored: Option<&PasswordRow>,
        old: &Secret,
    ) -> Result<(), Error> {
        let stored = stored.filter(|_| !user.password_disabled).map(|row| row.phc.as_str());
        let attempt = Attempt { user: user.id, remote: "bus" };
        let matches = self.compare_password(attempt, old, stored)?.matches;
        match self.settle_password(attempt, PasswordTry { matches, welcome: true })? {
            Tried::Accepted => self.forget_failures(attempt, ThrottleKind::Password),
            Tried::Wrong => Err(Error::WrongPassword),
            Tried::TooSoon(seconds) => Err(Error::RateLimited { seconds }),
        }
    }

    fn store_password(
        &self,
        grant: &Grant,
        id: UserId,
        password: &Secret,
        must_change: bool,
        said: &Value,
    ) -> Result<(), Error> {
        let phc = self.hash_password(password)?;
        self.change(grant.actor(), |change| {
            let mut user = change
                .db
                .user(UserKey::Id(id))?
                .ok_or_else(|| Error::NoSuchUser(format!("id {id}")))?;
            self.write_password(change, &mut user, phc, must_change)?;
            change.audit("password-set", user.name.as_str(), &id.to_string(), said)
        })?;
        self.hand_to_samba(grant.actor(), id, password)
    }

    /// Writes a new password's hash inside a change. What stood in for the old one ends with it.
    pub(super) fn write_password(
        &self,
        change: &mut Change<'_>,
        user: &mut UserRow,
        phc: String,
        must_change: bool,
    ) -> Result<(), Error> {
        let changed_at = change.now;
        self.remember_password(change.db, user.id)?;
        change.db.set_password(user.id, &PasswordRow { phc, changed_at, must_change })?;
        user.password_disabled = false;
        user.updated_at = change.now;
        user.generation += 1;
        change.db.update_user(user)?;
        change.announce(EventKind::Changed, user.uid, user.name.as_str());
        Ok(())
    }

    /// Forgets a user's password: password login is disabled from then on.
    ///
    /// # Errors
    /// When it is disabled already, or the user is the last administrator.
    pub fn clear_password(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, Action::PasswordSet, Some(user.id))?;
            if user.password_disabled {
                return Err(Error::AlreadyInState(format!("{} has no password", user.name)));
            }
            self.remember_password(change.db, user.id)?;
            change.db.delete_password(user.id)?;
            user.password_disabled = true;
            Self::leave_samba(change, &mut user);
            user.updated_at = change.now;
            user.generation += 1;
            change.db.update_user(&user)?;
            change.audit("password-clear", user.name.as_str(), &user.id.to_string(), &json!({}))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })
    }
}

/// Twenty characters of an alphabet of 57, 116 bits; more where the rules want more.
fn generate(least: usize, errors: &mut FieldErrors) -> Option<Secret> {
    let length = least.max(20);
    let mut password = Vec::with_capacity(length);
    while password.len() < length {
        let mut bytes = [0u8; 32];
        if getrandom::fill(&mut bytes).is_err() {
            errors.add("password", Code::Unsupported, "the system gives no random numbers");
            return None;
        }
        // Bytes above the largest multiple of the alphabet's length would favour its beginning.
        let fair = 256 - 256 % ALPHABET.len();
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < fair);
        password.extend(
            fair.map(|byte| ALPHABET[usize::from(*byte) % ALPHABET.len()])
                .take(length - password.len()),
        );
    }
    Some(Secret::new(password))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn generated_passwords_differ_and_are_typed_easily() {
        let mut errors = FieldErrors::default();
        let mut made = |least| generate(least, &mut errors).unwrap();
        let (a, b) = (made(8), made(8));
        assert_ne!(a.as_bytes(), b.as_bytes());
        assert_eq!((a.len(), made(40).len()), (20, 40));
        assert!(a.as_bytes().iter().all(u8::is_ascii_alphanumeric));
    }
}
