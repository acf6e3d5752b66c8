//! Is it the user? Password, then code; after a public key the code alone.
//!
//! Programs that can ask only one thing (sshd's `password` method) may get both in one answer: the
//! password directly followed by the code. An answer that looks like that is compared as a whole
//! and in parts, for everybody, so that the time does not tell who has a second factor.

use accounts::UserId;
use auth_protocol::{Code, Next, Step, Verdict};

use super::super::Error;
use super::enrolment::Demand;
use super::{Account, Login, PasswordTry, State, Tried, standing, stranger, verdict};
use crate::secret::Secret;
use crate::store::ThrottleKind;

/// Digits that are taken for a code of a user who has none.
const USUAL_DIGITS: usize = 6;

/// What must be remembered until the code is there.
pub(super) struct AwaitedCode {
    user: UserId,
    /// The account's standing was good when the password, or the key, was.
    welcome: bool,
    password_length: Option<u32>,
}

/// The password of an answer, compared.
struct Compared {
    password_length: usize,
    outdated: bool,
    /// The code that came behind the password.
    code: Option<Secret>,
}

impl Login {
    pub(super) fn begin_authentication(&mut self) -> Result<Step, Error> {
        if !self.request.public_key {
            return Ok(self.ask(State::Password));
        }
        let account = self.account()?;
        let welcome = standing::is_good(&account.user, self.service.now());
        let user = account.user.id;
        match self.demand(&account)? {
            Demand::Code => {
                Ok(self.ask(State::Code(AwaitedCode { user, welcome, password_length: None })))
            }
            Demand::Enrolment if welcome => self.begin_enrolment(user, None),
            Demand::Unmet if welcome => Ok(self.refuse_unmet()),
            // sshd has accepted the key; whether the user may in is for the account phase.
            Demand::Nothing | Demand::Enrolment | Demand::Unmet => Ok(verdict(Code::Success)),
        }
    }

    pub(super) fn take_password(&mut self, answer: &Secret) -> Result<Step, Error> {
        let Some(account) = self.find_account()? else { return self.refuse_stranger(answer) };
        if stranger::is_hidden(answer) {
            self.even_out(0, answer)?;
            self.service.settle_nothing()?;
            return Ok(self.refuse(Code::AuthenticationFailed, "refused by sshd"));
        }
        let attempt = self.request.attempt(account.user.id);
        let compared = self.compare(&account, answer)?;
        let app_password = self.app_password(&account, answer)?;
        let welcome = standing::is_good(&account.user, self.service.now());
        let by_ssh = self.request.service != "sshd" || account.user.ssh_password_enabled;
        let matches = compared.is_some() || app_password.is_some();
        let tried = PasswordTry { matches, welcome: welcome && by_ssh };
        let tried = self.service.settle_password(attempt, tried)?;
        if let (Tried::Accepted, None, Some(token)) = (tried, &compared, app_password) {
            return self.accept_app_password(token);
        }
        let (Tried::Accepted, Some(compared)) = (tried, compared) else {
            self.even_out(1 + u32::from(halves(&account, answer).is_some()), answer)?;
            let reason = match tried {
                Tried::TooSoon(_) => "throttled after failures",
                _ if !welcome => "locked, disabled or expired",
                _ if account.phc().is_none() => "no password",
                _ if !by_ssh => "passwords are off over ssh, or wrong password",
                _ => "wrong password",
            };
            return Ok(self.refuse(Code::AuthenticationFailed, reason));
        };
        if compared.outdated {
            self.rehash(&account, answer, compared.password_length);
        }
        let password_length = u32::try_from(compared.password_length).ok();
        let awaited = AwaitedCode { user: account.user.id, welcome, password_length };
        match (compared.code, self.demand(&account)?) {
            (Some(code), _) => self.take_code(awaited, &code),
            (None, Demand::Code) => Ok(self.ask(State::Code(awaited))),
            (None, Demand::Nothing) => self.accept(account.user.id, password_length, false),
            (None, Demand::Enrolment) => self.begin_enrolment(account.user.id, password_length),
            (None, Demand::Unmet) => Ok(self.refuse_unmet()),
        }
    }

    pub(super) fn take_code(&self, awaited: AwaitedCode, code: &Secret) -> Result<Step, Error> {
        let AwaitedCode { user, welcome, password_length } = awaited;
        match self.service.settle_code(self.request.attempt(user), code, welcome)? {
            Tried::Accepted => self.accept(user, password_length, true),
            Tried::Wrong => Ok(self.refuse(Code::AuthenticationFailed, "wrong or spent code")),
            Tried::TooSoon(_) => {
                Ok(self.refuse(Code::AuthenticationFailed, "throttled after wrong codes"))
            }
        }
    }

    /// Lets the user in, who has shown the password, a code, or both.
    pub(super) fn accept(
        &self,
        user: UserId,
        password_length: Option<u32>,
        by_code: bool,
    ) -> Result<Step, Error> {
        let attempt = self.request.attempt(user);
        if password_length.is_some() {
            self.service.forget_failures(attempt, ThrottleKind::Password)?;
        }
        if by_code {
            self.service.forget_failures(attempt, ThrottleKind::Code)?;
        }
        tracing::info!(
            user = %self.request.user, service = %self.request.service,
            remote = %self.request.remote, "authenticated"
        );
        let verdict = Verdict { code: Code::Success, password_length };
        Ok(Step { messages: Vec::new(), next: Next::Verdict(verdict) })
    }

    /// Whether this service asks this user for a code.
    fn needs_code(&self, account: &Account) -> bool {
        account.totp.is_some() && !self.is_exempt()
    }

    /// Compares an answer with the stored password, as a whole and, if it could be both, as
    /// password and code.
    fn compare(&self, account: &Account, answer: &Secret) -> Result<Option<Compared>, Error> {
        let attempt = self.request.attempt(account.user.id);
        let phc = account.phc();
        let whole = self.service.compare_password(attempt, answer, phc)?;
        let parts = match halves(account, answer) {
            None => None,
            Some((password, code)) => {
                let compared = self.service.compare_password(attempt, &password, phc)?;
                let taken = compared.matches && self.needs_code(account);
                taken.then_some((password.len(), compared.outdated, code))
            }
        };
        Ok(match (whole.matches, parts) {
            (true, _) => Some(Compared {
                password_length: answer.len(),
                outdated: whole.outdated,
                code: None,
            }),
            (false, Some((password_length, outdated, code))) => {
                Some(Compared { password_length, outdated, code: Some(code) })
            }
            (false, None) => None,
        })
    }

    /// Computes the hash anew with the configured costs, while the password is known. Whoever
    /// changes the password at the same moment wins.
    fn rehash(&self, account: &Account, answer: &Secret, length: usize) {
        let Some(old) = account.phc() else { return };
        let password = Secret::new(answer.as_bytes().get(..length).unwrap_or_default().to_vec());
        let rehashed = self.service.hash_password(&password).and_then(|new| {
            self.service.note(|db| Ok(db.rehash_password(account.user.id, old, &new)?))
        });
        if let Err(error) = rehashed {
            tracing::warn!(user = %self.request.user, %error, "a password was not hashed anew");
        }
    }
}

/// An answer as a password and the code of this user behind it, if it may be both.
fn halves(account: &Account, answer: &Secret) -> Option<(Secret, Secret)> {
    let digits = match &account.totp {
        Some(totp) => usize::try_from(totp.digits).ok()?,
        None => USUAL_DIGITS,
    };
    split(answer, digits)
}

/// Cuts an answer into a password and the code behind it, if it ends in that many digits.
fn split(answer: &Secret, digits: usize) -> Option<(Secret, Secret)> {
    let bytes = answer.as_bytes();
    let at = bytes.len().checked_sub(digits).filter(|&at| at > 0)?;
    let (password, code) = bytes.split_at_checked(at)?;
    code.iter()
        .all(u8::is_ascii_digit)
        .then(|| (Secret::new(password.to_vec()), Secret::new(code.to_vec())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_an_answer_that_ends_in_a_code_has_two_parts() {
        let parts = |answer: &str, digits| {
            split(&Secret::from(answer.to_owned()), digits).map(|(password, code)| {
                (password.as_str().unwrap().to_owned(), code.as_str().unwrap().to_owned())
            })
        };
        assert_eq!(parts("secret123456", 6), Some(("secret".into(), "123456".into())));
        assert_eq!(parts("secret7123456", 6), Some(("secret7".into(), "123456".into())));
        assert_eq!(parts("secret12345678", 8), Some(("secret".into(), "12345678".into())));
        for none in ["", "123456", "secret", "secret12345", "secret12345x", "secret 12345"] {
            assert_eq!(parts(none, 6), None, "{none}");
        }
        assert_eq!(parts("ü\u{fc}123456", 7), None);
    }
}
