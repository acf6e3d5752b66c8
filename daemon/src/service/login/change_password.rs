//! A new password: with the old one, unless root sets somebody's.

use accounts::Subject;
use auth_protocol::{Code, Step, Style};

use super::super::{Error, NewPassword};
use super::standing::{self, Age};
use super::{Account, Login, PasswordTry, State, Tried, verdict, with_message};
use crate::authorize::{Action, Caller, Decision, Grant, decide};
use crate::secret::Secret;

/// How often somebody may type a new password that is refused, or mistype it.
const TRIES: u32 = 3;

/// What must be remembered while a new password is typed.
pub(super) struct NewPasswordEntry {
    /// The old password; none when root sets somebody's.
    current: Option<Secret>,
    tries_left: u32,
    /// Root goes on with a password that the rules refuse.
    imposed: bool,
}

impl NewPasswordEntry {
    fn begin(current: Option<Secret>) -> Self {
        Self { current, tries_left: TRIES, imposed: false }
    }
}

impl Login {
    /// The first pass of `pam_chauthtok`: nothing is asked, nothing is changed.
    pub(super) fn check_password_change(&self) -> Result<Step, Error> {
        let account = self.account()?;
        Ok(self.change_refusal(&account).unwrap_or_else(|| verdict(Code::Success)))
    }

    pub(super) fn begin_password_change(&mut self) -> Result<Step, Error> {
        let account = self.account()?;
        if let Some(refusal) = self.change_refusal(&account) {
            return Ok(refusal);
        }
        let age = standing::age(&account.user, account.password.as_ref(), self.service.now());
        if self.request.only_expired && matches!(age, Age::Fine | Age::DueIn(_)) {
            return Ok(verdict(Code::Success));
        }
        Ok(if self.is_set_by_root() {
            self.ask(State::NewPassword(NewPasswordEntry::begin(None)))
        } else {
            self.ask(State::CurrentPassword)
        })
    }

    /// As with `pam_unix`: root gives no old password, unless the change is forced on a login that
    /// root only carries out.
    fn is_set_by_root(&self) -> bool {
        self.request.caller_uid == 0 && !self.request.only_expired
    }

    fn change_refusal(&self, account: &Account) -> Option<Step> {
        if self.is_set_by_root() {
            return None;
        }
        let now = self.service.now();
        if !standing::is_good(&account.user, now) {
            return Some(self.refuse(Code::PermissionDenied, "locked, disabled or expired"));
        }
        let age = standing::age(&account.user, account.password.as_ref(), now);
        if age == Age::Expired {
            let step = self.refuse(Code::PasswordExpired, "the password expired");
            let text = "Your password expired and was not changed in time. Call an administrator.";
            return Some(with_message(step, Style::Error, text));
        }
        if self.request.only_expired && matches!(age, Age::Fine | Age::DueIn(_)) {
            // Nothing is going to be changed.
            return None;
        }
        let wait = standing::days_to_wait(&account.user, account.password.as_ref(), now);
        if wait <= 0 {
            return None;
        }
        let step = self.refuse(Code::PasswordUnchanged, "the password is too young");
        let text = format!("Your password {}.", standing::too_young(wait));
        Some(with_message(step, Style::Error, text))
    }

    pub(super) fn take_current_password(&mut self, answer: Secret) -> Result<Step, Error> {
        let account = self.account()?;
        let attempt = self.request.attempt(account.user.id);
        let compared = self.service.compare_password(attempt, &answer, account.phc())?;
        let tried = PasswordTry { matches: compared.matches, welcome: true };
        match self.service.settle_password(attempt, tried)? {
            Tried::Accepted => {
                Ok(self.ask(State::NewPassword(NewPasswordEntry::begin(Some(answer)))))
            }
            Tried::Wrong => Ok(self.refuse(Code::AuthenticationFailed, "wrong old password")),
            Tried::TooSoon(_) => {
                Ok(self.refuse(Code::AuthenticationFailed, "throttled after failures"))
            }
        }
    }

    pub(super) fn take_new_password(
        &mut self,
        mut entry: NewPasswordEntry,
        new: Secret,
    ) -> Result<Step, Error> {
        if new.is_empty() {
            // Somebody who just presses return has changed their mind.
            let step = self.refuse(Code::PasswordUnchanged, "no new password was given");
            return Ok(with_message(step, Style::Error, "The password was not changed."));
        }
        if let Some(reason) = self.service.impossible_password(&new) {
            return Ok(self.ask_again(entry, &format!("The password {reason}.")));
        }
        let user = self.account()?.user;
        let objection = self.service.password_objection(&new, &user);
        Ok(match objection {
            None => self.ask(State::RepeatPassword(entry, new)),
            // As with pam_unix and pam_pwquality: root is told, and knows better.
            Some(reason) if entry.current.is_none() => {
                entry.imposed = true;
                let step = self.ask(State::RepeatPassword(entry, new));
                with_message(step, Style::Error, format!("BAD PASSWORD: it {reason}."))
            }
            Some(reason) => self.ask_again(entry, &format!("The password {reason}.")),
        })
    }

    pub(super) fn take_repeated_password(
        &mut self,
        entry: NewPasswordEntry,
        new: Secret,
        repeated: &Secret,
    ) -> Result<Step, Error> {
        if new.as_bytes() != repeated.as_bytes() {
            return Ok(self.ask_again(entry, "The two passwords are not the same."));
        }
        match self.set_new_password(&entry, new.clone()) {
            Ok(()) => Ok(verdict(Code::Success)),
            Err(Error::PasswordPolicy(reason)) if entry.current.is_none() && !entry.imposed => {
                let entry = NewPasswordEntry { imposed: true, ..entry };
                let step = self.take_repeated_password(entry, new, repeated)?;
                Ok(with_message(step, Style::Error, format!("BAD PASSWORD: it {reason}.")))
            }
            Err(Error::PasswordPolicy(reason)) => {
                Ok(self.ask_again(entry, &format!("The password {reason}.")))
            }
            Err(Error::WrongPassword) => {
                Ok(self.refuse(Code::AuthenticationFailed, "the password changed meanwhile"))
            }
            Err(Error::RateLimited { .. }) => {
                Ok(self.refuse(Code::AuthenticationFailed, "throttled after failures"))
            }
            Err(Error::NotAuthorized(reason)) => Ok(self.refuse(Code::PermissionDenied, &reason)),
            Err(error) => Err(error),
        }
    }

    /// Shows what was wrong and asks for another one, as long as there are tries left.
    fn ask_again(&mut self, entry: NewPasswordEntry, complaint: &str) -> Step {
        let NewPasswordEntry { current, tries_left, imposed: _ } = entry;
        let step = match tries_left.checked_sub(1) {
            Some(tries_left @ 1..) => {
                let imposed = false;
                self.ask(State::NewPassword(NewPasswordEntry { current, tries_left, imposed }))
            }
            _ => self.refuse(Code::PasswordUnchanged, "no acceptable new password was given"),
        };
        with_message(step, Style::Error, complaint)
    }

    fn set_new_password(&self, entry: &NewPasswordEntry, new: Secret) -> Result<(), Error> {
        let subject = Subject::Name(self.request.user.clone());
        let target = self.service.target(&subject)?;
        let grant = |caller: &Caller, action| -> Result<Grant, Error> {
            match decide(caller, action, Some(&target)) {
                Decision::Allow(grant) => Ok(grant.via("auth")),
                _ => Err(Error::NotAuthorized("the password may not be changed".to_owned())),
            }
        };
        match &entry.current {
            // With the old password it is the user who acts, whoever runs the program.
            Some(old) => {
                let grant = grant(&self.service.caller(target.uid)?, Action::PasswordChangeOwn)?;
                self.service.change_own_password(&grant, old, &new)
            }
            None => {
                let root = self.service.caller(0)?;
                let mut right = grant(&root, Action::PasswordSet)?;
                let password = if entry.imposed {
                    right = right.and(grant(&root, Action::PasswordOverride)?);
                    NewPassword::Imposed(new)
                } else {
                    NewPassword::Given(new)
                };
                self.service.set_password(&right, &subject, password, false).map(drop)
            }
        }
    }
}
