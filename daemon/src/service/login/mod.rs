//! The conversation of a login, from the daemon's side: what to ask, what to say, the verdict.
//!
//! [`Login::open`] takes the PAM module's opening, [`Login::answer`] each answer. Which calls are
//! legal follows from the state, and there are few: an answer is legal when something was asked.
//! Refusals say nothing about their reason; the log does.
//!
//! | file | subject |
//! | --- | --- |
//! | `request` | who logs in, as far as the peer may be believed |
//! | `authenticate` | is it the user? |
//! | `enrolment` | a second factor that is due and not there |
//! | `offers` | the secrets that enrolments show |
//! | `standing` | may the user in, and is the password's change due? |
//! | `change_password` | a new password |
//! | `session` | home directory, last login |
//! | `app_password` | what a program has instead of the password |
//! | `attempts` | one try, under the throttle |
//! | `stranger` | refusals that must not be told apart by the time they take |

mod app_password;
mod attempts;
mod authenticate;
mod change_password;
mod enrolment;
mod offers;
mod request;
mod session;
pub(in crate::service) mod standing;
mod stranger;

use std::sync::Arc;

use auth_protocol::{Code, Message, Next, Phase, Prompt, PromptKind, Start, Step, Style};

pub(in crate::service) use attempts::{Attempt, PasswordTry, Tried};
use authenticate::AwaitedCode;
use change_password::NewPasswordEntry;
use enrolment::{Enrolled, Enrolment};
pub(in crate::service) use offers::Offers;
pub use request::NotPermitted;
use request::Request;
pub(in crate::service) use standing::{is_current, is_good};

use super::{Error, Service};
use crate::secret::Secret;
use crate::store::{Db, PasswordRow, TotpRow, TotpState, UserKey, UserRow};

/// A login that is under way.
pub struct Login {
    service: Arc<Service>,
    request: Request,
    state: State,
}

/// What was asked, and what must be remembered until the answer is there.
enum State {
    /// Nothing: it is over.
    Ended,
    /// The password.
    Password,
    /// A code of the second factor.
    Code(AwaitedCode),
    /// The first code of a secret that was shown.
    FirstCode(Enrolment),
    /// A sign that the recovery codes were seen.
    RecoveryCodesShown(Enrolled),
    /// The password that is to be replaced.
    CurrentPassword,
    /// The password that replaces it.
    NewPassword(NewPasswordEntry),
    /// The same once more.
    RepeatPassword(NewPasswordEntry, Secret),
}

/// A call that may not come now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfTurn;

/// What the store knows of the user.
pub(in crate::service) struct Account {
    pub(in crate::service) user: UserRow,
    pub(in crate::service) password: Option<PasswordRow>,
    /// The second factor, if logins ask for one.
    pub(in crate::service) totp: Option<TotpRow>,
}

impl Account {
    /// What hangs on a user.
    pub(in crate::service) fn read(db: Db<'_>, user: UserRow) -> Result<Self, Error> {
        let password = db.password(user.id)?;
        let totp = db.totp(user.id, TotpState::Active)?.filter(|totp| totp.enabled);
        Ok(Self { user, password, totp })
    }

    /// The stored hash, unless passwords are off for this user.
    pub(in crate::service) fn phc(&self) -> Option<&str> {
        let usable = self.password.as_ref().filter(|_| !self.user.password_disabled);
        usable.map(|password| password.phc.as_str())
    }
}

impl Login {
    /// Opens the conversation for a peer with that uid. Blocks.
    ///
    /// # Errors
    /// When the peer may not ask that about that user.
    pub fn open(
        service: Arc<Service>,
        peer_uid: u32,
        start: Start,
    ) -> Result<(Self, Step), NotPermitted> {
        let name = start.user.clone();
        let found = service.read(|db| Ok(db.user(UserKey::Name(&name))?));
        let user = match &found {
            Ok(user) => user.as_ref(),
            Err(_) => None,
        };
        let request = Request::believed(peer_uid, start, user.map(|user| user.uid))?;
        let mut login = Self { service, request, state: State::Ended };
        let step = match found {
            Ok(Some(_)) => login.first_step(),
            // Nobody is told which names there are: it goes on as with anybody.
            Ok(None) if login.request.phase == Phase::Authenticate && !login.request.public_key => {
                Ok(login.ask(State::Password))
            }
            Ok(None) => Ok(verdict(Code::UserUnknown)),
            Err(error) => Err(error),
        };
        let step = login.settle(step);
        Ok((login, step))
    }

    /// Takes the answer to what was asked last. Blocks, for as long as a password hash takes.
    ///
    /// # Errors
    /// When nothing was asked.
    pub fn answer(&mut self, answer: Secret) -> Result<Step, OutOfTurn> {
        let step = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Err(OutOfTurn),
            State::Password => self.take_password(&answer),
            State::Code(awaited) => self.take_code(awaited, &answer),
            State::FirstCode(enrolment) => self.take_first_code(enrolment, &answer),
            State::RecoveryCodesShown(enrolled) => self.end_enrolment(enrolled),
            State::CurrentPassword => self.take_current_password(answer),
            State::NewPassword(entry) => self.take_new_password(entry, answer),
            State::RepeatPassword(entry, new) => self.take_repeated_password(entry, new, &answer),
        };
        Ok(self.settle(step))
    }

    /// Whether the verdict was given.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn first_step(&mut self) -> Result<Step, Error> {
        match self.request.phase {
            Phase::Authenticate => self.begin_authentication(),
            Phase::Account => self.judge_standing(),
            Phase::CheckPasswordChange => self.check_password_change(),
            Phase::ChangePassword => self.begin_password_change(),
            Phase::OpenSession => self.open_session(),
        }
    }

    /// Trouble of our own is never success, and never the user's fault.
    fn settle(&mut self, step: Result<Step, Error>) -> Step {
        match step {
            Ok(step) => step,
            Err(error) => {
                self.state = State::Ended;
                tracing::error!(
                    user = %self.shown_user(), service = %self.request.service,
                    phase = ?self.request.phase, %error, "a login could not be decided"
                );
                verdict(Code::Unavailable)
            }
        }
    }

    /// The user as the store knows it now; one that was deleted meanwhile is an error.
    fn account(&self) -> Result<Account, Error> {
        self.find_account()?.ok_or_else(|| Error::NoSuchUser(self.request.user.clone()))
    }

    /// The user as the store knows it now, if it does.
    fn find_account(&self) -> Result<Option<Account>, Error> {
        self.service.read(|db| {
            let user = db.user(UserKey::Name(&self.request.user))?;
            user.map(|user| Account::read(db, user)).transpose()
        })
    }

    fn ask(&mut self, state: State) -> Step {
        let prompt = match &state {
            State::Password => prompt(PromptKind::Password, false, "Password: "),
            State::Code(_) | State::FirstCode(_) => {
                prompt(PromptKind::Code, true, "Verification code: ")
            }
            State::RecoveryCodesShown(_) => {
                prompt(PromptKind::Code, true, "Press Enter when you have kept them. ")
            }
            State::CurrentPassword => {
                prompt(PromptKind::CurrentPassword, false, "Current password: ")
            }
            State::NewPassword(_) => prompt(PromptKind::NewPassword, false, "New password: "),
            State::RepeatPassword(..) => {
                prompt(PromptKind::RepeatPassword, false, "Retype new password: ")
            }
            State::Ended => return verdict(Code::Unavailable),
        };
        self.state = state;
        Step { messages: Vec::new(), next: Next::Prompt(prompt) }
    }

    /// The user's name for the log, if it is one: people type their password there by mistake.
    fn shown_user(&self) -> &str {
        let known = self.find_account().is_ok_and(|account| account.is_some());
        if known { &self.request.user } else { "(unknown)" }
    }

    /// Writes to the log why somebody was refused, and says no more than that.
    fn refuse(&self, code: Code, reason: &str) -> Step {
        tracing::warn!(
            user = %self.request.user, service = %self.request.service,
            remote = %self.request.remote, phase = ?self.request.phase, reason, "login refused"
        );
        verdict(code)
    }
}

fn prompt(kind: PromptKind, echo: bool, text: &str) -> Prompt {
    Prompt { kind, echo, text: text.to_owned() }
}

fn verdict(code: Code) -> Step {
    Step { messages: Vec::new(), next: Next::Verdict(code.into()) }
}

fn with_message(mut step: Step, style: Style, text: impl Into<String>) -> Step {
    step.messages.push(Message::new(style, text));
    step
}

#[cfg(test)]
mod tests;
