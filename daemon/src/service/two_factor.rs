//! The second factor as its verbs: enrol, confirm, verify, recovery codes, on and off.

use accounts::{Code, Subject, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;

use super::administrators::need;
use super::change::{Change, EventKind};
use super::login::{Attempt, Tried};
use super::{Error, Service, caller};
use crate::authenticate::{RecoveryCode, Totp, TotpError};
use crate::authorize::{Action, Grant};
use crate::secret::Secret;
use crate::store::{ThrottleKind, TotpRow, TotpState, UserRow};

/// Where tries over D-Bus come from, for the throttle.
const REMOTE: &str = "bus";
/// What the plan of a verb with a code says.
const NOT_CHECKED: &str = "the code was not checked";

/// A new secret, shown once. It is in force after its first code (`confirm`).
#[derive(Debug)]
pub struct Enrolment {
    /// The secret in base32, to be typed.
    pub secret: Secret,
    /// The `otpauth://` URI, to be shown as a QR code.
    pub uri: Secret,
    /// Digits of a code.
    pub digits: u32,
    /// Seconds for which a code is shown.
    pub interval: u32,
}

/// A kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// One-time codes of an authenticator.
    Totp,
    /// Recovery codes.
    Recovery,
}

impl Provider {
    /// Its name in requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Totp, Self::Recovery].into_iter().find(|provider| provider.as_str() == name)
    }
}

/// What a user has of a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TwoFactorState {
    /// A code is asked for at login.
    pub enabled: bool,
    /// The policy demands a second factor.
    pub enforced: bool,
    /// From when on, if that is not at once.
    pub due_at: Option<Timestamp>,
    /// An authenticator is confirmed and on.
    pub totp: bool,
    /// Recovery codes are taken.
    pub recovery: bool,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u32,
}

impl Service {
    /// Makes a new secret; the one in force, if any, stays so until the new one is confirmed.
    ///
    /// # Errors
    /// [`Error::InvalidField`] for `digits` other than 6 to 8, `interval` other than 5 to 300 s.
    pub fn enroll_totp(
        &self,
        grant: &Grant,
        subject: &Subject,
        digits: u32,
        interval: u32,
    ) -> Result<Enrolment, Error> {
        let totp = Totp::generate(digits, interval).map_err(totp_error)?;
        let user = self.change(grant.actor(), |change| {
            let user = caller::find(change.db, subject)?;
            need(grant, Action::TwoFactorManage, Some(user.id))?;
            let row = TotpRow {
                sealed: self.seal_totp(user.id, &totp)?,
                digits,
                interval,
                last_step: -1,
                enabled: true,
                created_at: change.now,
            };
            change.db.set_totp(user.id, TotpState::Pending, &row)?;
            let shown = json!({ "digits": digits, "interval": interval });
            audit(change, "two-factor-enroll", &user, &shown)?;
            Ok(user)
        })?;
        Ok(Enrolment {
            secret: totp.base32(),
            uri: self.provisioning_uri(&totp, user.name.as_str()),
            digits,
            interval,
        })
    }

    /// The secret that waits for its first code, once more: a QR code that was not read in time need
    /// not be made anew. One that is in force is never shown.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`] when there is none that waits.
    pub fn pending_totp(&self, grant: &Grant, subject: &Subject) -> Result<Enrolment, Error> {
        let (user, pending) = self.read(|db| {
            let user = caller::find(db, subject)?;
            need(grant, Action::TwoFactorManage, Some(user.id))?;
            let pending = db.totp(user.id, TotpState::Pending)?;
            Ok((user, pending))
        })?;
        let pending = pending.ok_or_else(|| {
            let name = &user.name;
            Error::NotEnrolled(format!(
                "{name} has no enrolment that waits for its first code: roster 2fa enroll {name}"
            ))
        })?;
        let totp = self.open_totp(user.id, &pending)?;
        Ok(Enrolment {
            secret: totp.base32(),
            uri: self.provisioning_uri(&totp, user.name.as_str()),
            digits: pending.digits,
            interval: pending.interval,
        })
    }

    /// The URI that tells an app everything about a user's secret.
    pub(super) fn provisioning_uri(&self, totp: &Totp, user: &str) -> Secret {
        let host = rustix::system::uname();
        let account = match host.nodename().to_str() {
            Ok(host) if !host.is_empty() => format!("{user}@{host}"),
            _ => user.to_owned(),
        };
        totp.uri(&self.config().authentication.issuer, &account)
    }

    /// A user's secret, sealed for the store.
    pub(super) fn seal_totp(&self, user: UserId, totp: &Totp) -> Result<Vec<u8>, Error> {
        let sealed = self.sealer.seal(user, totp.secret());
        sealed.map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Puts the pending secret in force, given a code of it, and answers fresh recovery codes. That
    /// code is spent.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`] without a pending secret, [`Error::WrongCode`],
    /// [`Error::RateLimited`].
    pub fn confirm_totp(
        &self,
        grant: &Grant,
        subject: &Subject,
        code: &Secret,
    ) -> Result<Vec<Secret>, Error> {
        let user = self.read(|db| caller::find(db, subject))?;
        need(grant, Action::TwoFactorManage, Some(user.id))?;
        let attempt = Attempt { user: user.id, remote: REMOTE };
        self.refuse_too_soon(attempt, &[ThrottleKind::Code])?;
        let codes = recovery_codes()?;
        let window = self.config().authentication.totp_window;
        let confirmed = self.change(grant.actor(), |change| {
            let user = caller::find(change.db, subject)?;
            let pending = change.db.totp(user.id, TotpState::Pending)?.ok_or_else(|| {
                Error::NotEnrolled(format!("{} has no enrolment to confirm", user.name))
            })?;
            let totp = self.open_totp(user.id, &pending)?;
            let step = totp.find_step(code.as_bytes(), change.now, window, pending.last_step);
            // A rehearsal that told right from wrong would be a place to guess codes.
            let step = step.or_else(|| grant.rehearses().then_some(0)).ok_or(Error::WrongCode)?;
            let active = TotpRow { last_step: step, enabled: true, ..pending };
            change.db.set_totp(user.id, TotpState::Active, &active)?;
            change.db.delete_totp(user.id, TotpState::Pending)?;
            write_recovery_codes(change, user.id, &codes)?;
            audit(change, "two-factor-confirm", &user, &json!({}))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        });
        match confirmed {
            Ok(()) => {
                self.forget_failures(attempt, ThrottleKind::Code)?;
                Ok(codes.iter().map(RecoveryCode::text).collect())
            }
            Err(Error::WrongCode) => {
                self.count_wrong_code(attempt)?;
                Err(Error::WrongCode)
            }
            Err(other) => Err(other.warning(NOT_CHECKED)),
        }
    }

    /// Checks a one-time or recovery code for another program, and spends it.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], [`Error::RateLimited`].
    pub fn verify_totp(
        &self,
        grant: &Grant,
        subject: &Subject,
        code: &Secret,
    ) -> Result<bool, Error> {
        let user = self.read(|db| {
            let user = caller::find(db, subject)?;
            need(grant, Action::TwoFactorVerify, Some(user.id))?;
            match db.totp(user.id, TotpState::Active)? {
                Some(totp) if totp.enabled => Ok(user),
                _ => Err(not_enrolled(&user)),
            }
        })?;
        let welcome = user.enabled && !user.locked;
        let attempt = Attempt { user: user.id, remote: REMOTE };
        // Who has just guessed at the password does not go on with the code.
        self.refuse_too_soon(attempt, &[ThrottleKind::Password, ThrottleKind::Code])?;
        if grant.rehearses() {
            let planned = self.change(grant.actor(), |change| {
                let (from, to) = (json!("unused"), json!("spent"));
                change.planned("user", user.name.as_str(), "code", &from, &to);
                audit(change, "two-factor-verify", &user, &json!({}))?;
                Ok(false)
            });
            return planned.map_err(|error| error.warning(NOT_CHECKED));
        }
        match self.settle_code(attempt, code, welcome)? {
            Tried::Accepted => {
                self.forget_failures(attempt, ThrottleKind::Code)?;
                Ok(true)
            }
            Tried::Wrong => Ok(false),
            Tried::TooSoon(seconds) => Err(Error::RateLimited { seconds }),
        }
    }

    /// Replaces a user's recovery codes and answers the new ones.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`] without a confirmed authenticator: they only stand in for one.
    pub fn generate_recovery_codes(
        &self,
        grant: &Grant,
        subject: &Subject,
    ) -> Result<Vec<Secret>, Error> {
        let codes = recovery_codes()?;
        self.change(grant.actor(), |change| {
            let user = caller::find(change.db, subject)?;
            need(grant, Action::TwoFactorManage, Some(user.id))?;
            if change.db.totp(user.id, TotpState::Active)?.is_none() {
                return Err(not_enrolled(&user));
            }
            write_recovery_codes(change, user.id, &codes)?;
            audit(change, "two-factor-recovery-codes", &user, &json!({}))
        })?;
        Ok(codes.iter().map(RecoveryCode::text).collect())
    }

    /// What a user has of a second factor. Whether the caller may see it is the front door's part.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn two_factor_state(&self, subject: &Subject) -> Result<TwoFactorState, Error> {
        self.read(|db| {
            let user = caller::find(db, subject)?;
            let totp = db.totp(user.id, TotpState::Active)?.is_some_and(|totp| totp.enabled);
            let left = db.recovery_codes_left(user.id)?;
            let reach = self.reach(db)?;
            let enforced = reach.covers(db, &user)?;
            Ok(TwoFactorState {
                enabled: totp,
                enforced,
                due_at: reach.policy().due_at.filter(|_| enforced).map(Timestamp),
                totp,
                recovery: left > 0 && db.recovery_enabled(user.id)?,
                recovery_codes_left: left,
            })
        })
    }

    /// Turns a kind of second factor on or off; what was enrolled stays.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], [`Error::AlreadyInState`]; [`Error::Immutable`] for users who turn
    /// their own authenticator off while the policy demands one.
    pub fn set_two_factor(
        &self,
        grant: &Grant,
        subject: &Subject,
        provider: Provider,
        on: bool,
    ) -> Result<(), Error> {
        self.change(grant.actor(), |change| {
            let user = caller::find(change.db, subject)?;
            need(grant, Action::TwoFactorManage, Some(user.id))?;
            let db = change.db;
            let active = db.totp(user.id, TotpState::Active)?.ok_or_else(|| not_enrolled(&user))?;
            let (name, is_on) = match provider {
                Provider::Totp => (provider.as_str(), active.enabled),
                Provider::Recovery => (provider.as_str(), db.recovery_enabled(user.id)?),
            };
            let own = grant.actor().uid == user.uid;
            if own && !on && provider == Provider::Totp && self.reach(db)?.covers(db, &user)? {
                return Err(Error::Immutable(format!(
                    "a second factor is required of {0}: renew it (roster 2fa renew {0}), or ask \
                     another administrator",
                    user.name
                )));
            }
            if is_on == on {
                let state = if on { "on" } else { "off" };
                let message = format!("{name} of {} is {state} already", user.name);
                return Err(Error::AlreadyInState(message));
            }
            match provider {
                Provider::Totp => {
                    db.set_totp_enabled(user.id, on)?;
                }
                Provider::Recovery => db.set_recovery_enabled(user.id, on)?,
            }
            audit(change, "two-factor-set", &user, &json!({ "provider": name, "on": on }))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })
    }
}

pub(super) fn audit(
    change: &Change<'_>,
    action: &str,
    user: &UserRow,
    shown: &serde_json::Value,
) -> Result<(), Error> {
    change.audit(action, user.name.as_str(), &user.id.to_string(), shown)
}

fn not_enrolled(user: &UserRow) -> Error {
    Error::NotEnrolled(format!("{} has no second factor", user.name))
}

pub(super) fn recovery_codes() -> Result<Vec<RecoveryCode>, Error> {
    (0..RecoveryCode::COUNT)
        .map(|_| RecoveryCode::generate().map_err(|error| Error::Unavailable(error.to_string())))
        .collect()
}

pub(super) fn write_recovery_codes(
    change: &Change<'_>,
    user: UserId,
    codes: &[RecoveryCode],
) -> Result<(), Error> {
    let hashes: Vec<[u8; 32]> = codes.iter().map(|code| code.hash(user)).collect();
    change.db.set_recovery_codes(user, &hashes)?;
    Ok(())
}

fn totp_error(error: TotpError) -> Error {
    match error {
        TotpError::Digits => Error::field("digits", Code::Invalid, error.to_string()),
        TotpError::Interval => Error::field("interval", Code::Invalid, error.to_string()),
        TotpError::Secret | TotpError::Randomness => Error::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
#[path = "two_factor_tests.rs"]
mod tests;
