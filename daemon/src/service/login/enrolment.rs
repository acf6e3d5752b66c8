//! A second factor that is due and not there: the login leads through setting it up, where it can
//! show how, and ends elsewhere.
//!
//! Whoever knows the password can set it up, a stranger too: that is what setting it up at login
//! means, and a deadline gives the user time to be first (`roster 2fa enroll`). A second factor that
//! is in force is never replaced here.

use accounts::{Subject, Timestamp, UserId};
use auth_protocol::{Code, Message, Step, Style};
use serde_json::json;

use super::super::administrators::need;
use super::super::change::EventKind;
use super::super::two_factor::{audit, recovery_codes, write_recovery_codes};
use super::super::{Error, Service, caller};
use super::{Account, Login, State, standing, with_message};
use crate::authenticate::{RecoveryCode, Totp};
use crate::authorize::{Action, Decision, Grant, decide};
use crate::secret::Secret;
use crate::store::{TotpRow, TotpState};

/// Codes that may be typed in one login: the secret has been shown to whoever types them.
const TRIES: u32 = 3;

/// What a login asks for after the password, or the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing more.
    Nothing,
    /// A code.
    Code,
    /// The first code of a secret that it shows.
    Enrolment,
    /// A second factor, which this service cannot set up.
    Unmet,
}

/// An enrolment that waits for its first code.
pub(super) struct Enrolment {
    user: UserId,
    password_length: Option<u32>,
    totp: Totp,
    tries_left: u32,
}

/// A login that is done, once its recovery codes have been seen.
#[derive(Clone, Copy)]
pub(super) struct Enrolled {
    user: UserId,
    password_length: Option<u32>,
}

impl Login {
    /// What this service asks this user for.
    pub(super) fn demand(&self, account: &Account) -> Result<Demand, Error> {
        if self.is_exempt() {
            return Ok(Demand::Nothing);
        }
        if account.totp.is_some() {
            return Ok(Demand::Code);
        }
        // A program of the user's own, such as a screen locker: the session is the user's already.
        if !self.request.by_root || !self.enrolment_is_due(account)? {
            return Ok(Demand::Nothing);
        }
        let services = &self.service.config().authentication.second_factor_enrolment_services;
        let shows = services.contains(&self.request.service) && !self.request.silent;
        Ok(if shows { Demand::Enrolment } else { Demand::Unmet })
    }

    /// Whether this service asks nobody for a second factor.
    pub(super) fn is_exempt(&self) -> bool {
        let exempt = &self.service.config().authentication.second_factor_exempt_services;
        exempt.contains(&self.request.service)
    }

    /// Whether the user must have a second factor by now, and has none.
    fn enrolment_is_due(&self, account: &Account) -> Result<bool, Error> {
        let (user, now) = (&account.user, self.service.now());
        if account.totp.is_some() {
            return Ok(false);
        }
        self.service.read(|db| {
            let reach = self.service.reach(db)?;
            Ok(reach.is_due(now) && reach.covers(db, user)?)
        })
    }

    /// Whether sshd lets somebody in by a key alone who must have a second factor: its own rules for
    /// the group `roster-2fa` have not been asked.
    pub(super) fn came_without(&self, account: &Account) -> Result<bool, Error> {
        let by_ssh = self.request.service == "sshd" && self.request.by_root && !self.is_exempt();
        Ok(by_ssh && self.enrolment_is_due(account)?)
    }

    /// What a user is told who will have to have a second factor.
    pub(super) fn enrolment_notice(&self, account: &Account) -> Result<Option<String>, Error> {
        let user = &account.user;
        if account.totp.is_some() {
            return Ok(None);
        }
        let now = self.service.now();
        let due_at = self.service.read(|db| {
            let reach = self.service.reach(db)?;
            let later = reach.policy().due_at.filter(|at| *at > now);
            Ok(if later.is_some() && reach.covers(db, user)? { later } else { None })
        })?;
        Ok(due_at.map(|at| {
            let (at, name) = (Timestamp(at), &user.name);
            format!("A second factor must be set up by {at}: roster 2fa enroll {name}")
        }))
    }

    /// Ends a login that needs a second factor which it cannot set up.
    pub(super) fn refuse_unmet(&self) -> Step {
        let reason = "a second factor is due, and this service cannot set it up";
        let step = self.refuse(Code::PermissionDenied, reason);
        let text = "A second factor is required of this account. Log in by ssh or on a console to \
                    set it up, or ask an administrator.";
        with_message(step, Style::Error, text)
    }

    /// Shows a secret and asks for its first code.
    pub(super) fn begin_enrolment(
        &mut self,
        user: UserId,
        password_length: Option<u32>,
    ) -> Result<Step, Error> {
        let (remote, now) = (&self.request.remote, self.service.now());
        let totp = self.service.offers.secret(user, remote, now);
        let totp = totp.map_err(|error| Error::Unavailable(error.to_string()))?;
        tracing::info!(
            user = %self.request.user, service = %self.request.service, remote = %self.request.remote,
            "a second factor is due: the login leads through setting it up"
        );
        let enrolment = Enrolment { user, password_length, totp, tries_left: TRIES };
        let intro = "A second factor is required of this account. Set it up now:";
        Ok(self.ask_first_code(enrolment, intro))
    }

    fn ask_first_code(&mut self, enrolment: Enrolment, intro: &str) -> Step {
        let Enrolment { totp, .. } = &enrolment;
        let (secret, uri) =
            (totp.base32(), self.service.provisioning_uri(totp, &self.request.user));
        let line = |text: &str, secret: &Secret| {
            let mut line = String::with_capacity(text.len() + secret.len());
            line.push_str(text);
            line.push_str(secret.as_str().unwrap_or_default());
            Message::needed(line)
        };
        let messages = vec![
            Message::needed(intro),
            Message::needed(
                "give this secret to an authenticator app, then type the code it shows.",
            ),
            line("Secret: ", &secret),
            line("URI: ", &uri),
        ];
        let step = self.ask(State::FirstCode(enrolment));
        Step { messages, ..step }
    }

    pub(super) fn take_first_code(
        &mut self,
        enrolment: Enrolment,
        code: &Secret,
    ) -> Result<Step, Error> {
        let Enrolment { user, password_length, .. } = enrolment;
        match self.service.enrol_at_login(self.request.user.as_str(), &enrolment.totp, code) {
            Ok(codes) => {
                self.service.offers.forget(user);
                Ok(self.show_recovery_codes(Enrolled { user, password_length }, &codes))
            }
            Err(Error::WrongCode) => match enrolment.tries_left.checked_sub(1) {
                Some(tries_left @ 1..) => {
                    let enrolment = Enrolment { tries_left, ..enrolment };
                    let intro = "That was no code of this secret. Check the app's clock, and";
                    Ok(self.ask_first_code(enrolment, intro))
                }
                _ => Ok(self.refuse(Code::AuthenticationFailed, "no right code at enrolment")),
            },
            Err(Error::AlreadyInState(_)) => {
                let reason = "a second factor was set up meanwhile";
                Ok(self.refuse(Code::AuthenticationFailed, reason))
            }
            Err(Error::NotAuthorized(reason)) => {
                Ok(self.refuse(Code::AuthenticationFailed, &reason))
            }
            Err(error) => Err(error),
        }
    }

    /// The recovery codes, in front of a prompt: applications hold back what comes after the last.
    fn show_recovery_codes(&mut self, enrolled: Enrolled, codes: &[Secret]) -> Step {
        let intro = "The second factor is in force. Recovery codes, each good for one login, shown \
                     only now:";
        let mut messages = vec![Message::new(Style::Info, intro)];
        for code in codes {
            let code = code.as_str().unwrap_or_default();
            let mut line = String::with_capacity(2 + code.len());
            line.push_str("  ");
            line.push_str(code);
            messages.push(Message::needed(line));
        }
        let step = self.ask(State::RecoveryCodesShown(enrolled));
        Step { messages, ..step }
    }

    pub(super) fn end_enrolment(&self, enrolled: Enrolled) -> Result<Step, Error> {
        self.accept(enrolled.user, enrolled.password_length, true)
    }
}

impl Service {
    /// Puts a secret in force that a login has shown, given a code of it, which is spent; answers
    /// the recovery codes.
    ///
    /// # Errors
    /// [`Error::WrongCode`]; [`Error::AlreadyInState`] when the user has a second factor;
    /// [`Error::NotAuthorized`] when the account may not be used any more.
    fn enrol_at_login(&self, user: &str, totp: &Totp, code: &Secret) -> Result<Vec<Secret>, Error> {
        let subject = Subject::Name(user.to_owned());
        let grant = self.own_grant(&subject)?;
        let codes = recovery_codes()?;
        let window = self.config().authentication.totp_window;
        self.change(grant.actor(), |change| {
            let user = caller::find(change.db, &subject)?;
            need(&grant, Action::TwoFactorManage, Some(user.id))?;
            if !standing::is_good(&user, change.now) {
                return Err(Error::NotAuthorized("locked, disabled or expired".to_owned()));
            }
            let db = change.db;
            if db.totp(user.id, TotpState::Active)?.is_some_and(|totp| totp.enabled) {
                return Err(Error::AlreadyInState("there is a second factor".to_owned()));
            }
            let step = totp.find_step(code.as_bytes(), change.now, window, -1);
            let row = TotpRow {
                last_step: step.ok_or(Error::WrongCode)?,
                sealed: self.seal_totp(user.id, totp)?,
                digits: totp.digits(),
                interval: totp.interval(),
                enabled: true,
                created_at: change.now,
            };
            db.set_totp(user.id, TotpState::Active, &row)?;
            db.delete_totp(user.id, TotpState::Pending)?;
            write_recovery_codes(change, user.id, &codes)?;
            audit(change, "two-factor-confirm", &user, &json!({ "at_login": true }))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(())
        })?;
        Ok(codes.iter().map(RecoveryCode::text).collect())
    }

    /// What a user may do to the own second factor, having come by a login.
    fn own_grant(&self, subject: &Subject) -> Result<Grant, Error> {
        let target = self.target(subject)?;
        match decide(&self.caller(target.uid)?, Action::TwoFactorManage, Some(&target)) {
            Decision::Allow(grant) => Ok(grant.via("auth")),
            _ => Err(Error::NotAuthorized("locked, disabled or expired".to_owned())),
        }
    }
}
