//! One try to prove who somebody is, under the throttle.
//!
//! Whether a try counts is decided when its result is known, in the transaction that records it:
//! a hundred guesses sent at once get no further than a hundred in a row. A refused try is always
//! written down, whatever the reason, so that the reasons take the same time.

use accounts::UserId;

use super::super::{Error, Service};
use crate::authenticate::{FORGET_AFTER, Failures, Policy, RecoveryCode, Requester, Totp};
use crate::secret::Secret;
use crate::store::{Db, ThrottleKind, ThrottleRow, TotpRow, TotpState};

/// Who tries, from where.
#[derive(Clone, Copy)]
pub(in crate::service) struct Attempt<'a> {
    pub user: UserId,
    /// The remote host, or where else the try comes from: failures are counted apart.
    pub remote: &'a str,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Tried {
    /// It was right and counts.
    Accepted,
    /// It was wrong.
    Wrong,
    /// Right or wrong, it does not count for this many seconds more.
    TooSoon(i64),
}

/// What counts as right for a password.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) struct PasswordTry {
    /// It is the password.
    pub matches: bool,
    /// The account's standing and the service's rules let it in.
    pub welcome: bool,
}

impl Attempt<'_> {
    fn throttle(&self, db: Db<'_>, kind: ThrottleKind) -> Result<Failures, Error> {
        let ThrottleRow { failures, last_failure_at, retry_at } =
            db.throttle(self.user, kind, self.remote)?;
        Ok(Failures { count: failures, last_at: last_failure_at, retry_at })
    }

    /// Writes a refused try down.
    pub(super) fn refuse(
        &self,
        db: Db<'_>,
        kind: ThrottleKind,
        failures: Failures,
    ) -> Result<(), Error> {
        let Failures { count, last_at, retry_at } = failures;
        let row = ThrottleRow { failures: count, last_failure_at: last_at, retry_at };
        let stale = last_at.saturating_sub(FORGET_AFTER);
        db.set_throttle(self.user, kind, self.remote, &row, stale)?;
        let mut login = db.login(self.user)?;
        login.failures_since = login.failures_since.saturating_add(1);
        db.set_login(self.user, &login)?;
        Ok(())
    }
}

impl Service {
    fn throttle_policy(&self) -> Policy {
        let settings = &self.config().authentication;
        Policy { free_failures: settings.free_failures, max_seconds: settings.max_throttle_seconds }
    }

    /// Settles a try with a password. Being refused by a rule with the right password is written
    /// down, and does not count as a guess.
    pub(in crate::service) fn settle_password(
        &self,
        attempt: Attempt<'_>,
        tried: PasswordTry,
    ) -> Result<Tried, Error> {
        let now = self.now();
        let policy = self.throttle_policy();
        self.note(|db| {
            let kind = ThrottleKind::Password;
            let failures = attempt.throttle(db, kind)?;
            let wait = failures.wait(now);
            if wait > 0 {
                attempt.refuse(db, kind, failures)?;
                return Ok(Tried::TooSoon(wait));
            }
            match tried {
                PasswordTry { matches: true, welcome: true } => Ok(Tried::Accepted),
                PasswordTry { matches: true, welcome: false } => {
                    attempt.refuse(db, kind, failures)?;
                    Ok(Tried::Wrong)
                }
                PasswordTry { matches: false, .. } => {
                    attempt.refuse(db, kind, failures.and_one_more(policy, now))?;
                    Ok(Tried::Wrong)
                }
            }
        })
    }

    /// Settles a try with a code of the second factor: a one-time code or a recovery code. An
    /// accepted one is spent in the same transaction.
    pub(in crate::service) fn settle_code(
        &self,
        attempt: Attempt<'_>,
        code: &Secret,
        welcome: bool,
    ) -> Result<Tried, Error> {
        let now = self.now();
        let policy = self.throttle_policy();
        self.note(|db| {
            let kind = ThrottleKind::Code;
            let failures = attempt.throttle(db, kind)?;
            let wait = failures.wait(now);
            if wait > 0 {
                attempt.refuse(db, kind, failures)?;
                return Ok(Tried::TooSoon(wait));
            }
            if welcome && self.spend_code(db, attempt.user, code, now)? {
                return Ok(Tried::Accepted);
            }
            attempt.refuse(db, kind, failures.and_one_more(policy, now))?;
            Ok(Tried::Wrong)
        })
    }

    /// Refuses a try that would not count yet, by any of these throttles.
    pub(in crate::service) fn refuse_too_soon(
        &self,
        attempt: Attempt<'_>,
        kinds: &[ThrottleKind],
    ) -> Result<(), Error> {
        let now = self.now();
        let mut longest = 0;
        for kind in kinds {
            let wait = self.read(|db| Ok(attempt.throttle(db, *kind)?.wait(now)))?;
            longest = longest.max(wait);
        }
        if longest > 0 { Err(Error::RateLimited { seconds: longest }) } else { Ok(()) }
    }

    /// Counts a wrong code that was found out elsewhere.
    pub(in crate::service) fn count_wrong_code(&self, attempt: Attempt<'_>) -> Result<(), Error> {
        let (now, policy) = (self.now(), self.throttle_policy());
        self.note(|db| {
            let kind = ThrottleKind::Code;
            let failures = attempt.throttle(db, kind)?;
            attempt.refuse(db, kind, failures.and_one_more(policy, now))
        })
    }

    /// Spends a one-time code or a recovery code; whether it was good.
    fn spend_code(&self, db: Db<'_>, user: UserId, code: &Secret, now: i64) -> Result<bool, Error> {
        let Some(row) = db.totp(user, TotpState::Active)? else { return Ok(false) };
        let totp = self.open_totp(user, &row)?;
        let window = self.config().authentication.totp_window;
        if let Some(step) = totp.find_step(code.as_bytes(), now, window, row.last_step) {
            return Ok(db.accept_totp_step(user, step)?);
        }
        match RecoveryCode::parse(code.as_bytes()) {
            Some(recovery) if db.recovery_enabled(user)? => {
                Ok(db.use_recovery_code(user, &recovery.hash(user), now)?)
            }
            _ => Ok(false),
        }
    }

    /// Unseals a second factor.
    pub(in crate::service) fn open_totp(&self, user: UserId, row: &TotpRow) -> Result<Totp, Error> {
        let secret = self.sealer.open(user, &row.sealed);
        let secret = secret.map_err(|error| Error::Unavailable(error.to_string()))?;
        Totp::new(secret, row.digits, row.interval)
            .map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Compares a password with a user's stored one, when it is the turn of those who try from
    /// there.
    pub(in crate::service) fn compare_password(
        &self,
        attempt: Attempt<'_>,
        password: &Secret,
        stored: Option<&str>,
    ) -> Result<crate::authenticate::Verification, Error> {
        let name = attempt.user.to_string();
        self.hasher
            .verify(password, stored, Requester { host: attempt.remote, name: &name })
            .map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Forgets the failures with a kind of secret that has been shown to be known. The other kind's
    /// stay: who knows the password alone may not try codes without end.
    pub(in crate::service) fn forget_failures(
        &self,
        attempt: Attempt<'_>,
        kind: ThrottleKind,
    ) -> Result<(), Error> {
        self.note(|db| Ok(db.clear_throttle(attempt.user, kind, attempt.remote)?))
    }
}
