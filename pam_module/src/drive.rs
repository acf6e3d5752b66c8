//! Follows the daemon through a conversation: shows what it says, asks what it asks.

use std::path::Path;

use auth_protocol::{
    Code, Conversation, Message, Next, Phase, Prompt, PromptKind, Secret, Start, Style, Timeouts,
    Verdict,
};
use pam::constants::PamResultCode;

use crate::arguments::Arguments;
use crate::outcome;
use crate::person::Person;

/// What our users see when the daemon cannot be asked.
const UNREACHABLE: &str =
    "Roster: accounts cannot be checked right now. Try again in a moment or call an administrator.";

/// Passwords that modules before us have asked for.
#[derive(Default)]
pub(crate) struct Earlier {
    /// `PAM_AUTHTOK`.
    pub password: Option<Secret>,
    /// `PAM_OLDAUTHTOK`.
    pub old_password: Option<Secret>,
}

/// How a conversation ended, and the passwords that modules behind us may want.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For the application.
    pub code: PamResultCode,
    /// The daemon itself said no: a guess that may be slowed down.
    pub refused: bool,
    /// The accepted password.
    pub password: Option<Secret>,
    /// The password it replaces.
    pub old_password: Option<Secret>,
}

impl Outcome {
    fn failed(code: PamResultCode) -> Self {
        Self { code, refused: false, password: None, old_password: None }
    }
}

/// Where the daemon is, and for how long to wait for it.
pub(crate) struct Daemon<'a> {
    pub socket: &'a Path,
    pub timeouts: Timeouts,
}

/// Holds the whole conversation. With `try_first_pass` and an earlier password that was wrong,
/// holds a second one in which the person is asked.
pub(crate) fn converse(
    daemon: &Daemon,
    start: &Start,
    arguments: Arguments,
    earlier: Earlier,
    person: &mut dyn Person,
) -> Outcome {
    let had_earlier = earlier.password.is_some();
    let mut conductor = Conductor { person, arguments, earlier, given: Given::default() };
    let outcome = conductor.run(daemon, start);
    let may_ask = start.phase == Phase::Authenticate && had_earlier && !arguments.only_first;
    if outcome.refused && may_ask && conductor.earlier.password.is_none() {
        conductor.given = Given::default();
        return conductor.run(daemon, start);
    }
    outcome
}

/// Holds one conversation, whatever comes of it.
pub(crate) fn converse_once(
    daemon: &Daemon,
    start: &Start,
    arguments: Arguments,
    earlier: Earlier,
    person: &mut dyn Person,
) -> Outcome {
    Conductor { person, arguments, earlier, given: Given::default() }.run(daemon, start)
}

/// The passwords given in this conversation.
#[derive(Default)]
struct Given {
    password: Option<Secret>,
    old_password: Option<Secret>,
}

struct Conductor<'a> {
    person: &'a mut dyn Person,
    arguments: Arguments,
    earlier: Earlier,
    given: Given,
}

impl Conductor<'_> {
    fn run(&mut self, daemon: &Daemon, start: &Start) -> Outcome {
        let opened = Conversation::open(daemon.socket, start.clone(), daemon.timeouts);
        let Ok((mut conversation, mut step)) = opened else { return self.unreachable(start) };
        loop {
            for message in &step.messages {
                if !self.person.show(message) && message.must_show {
                    return Outcome::failed(PamResultCode::PAM_CONV_ERR);
                }
            }
            let prompt = match &step.next {
                Next::Verdict(verdict) => return self.finish(start.phase, *verdict),
                Next::Prompt(prompt) => prompt,
            };
            let answer = match self.answer(prompt) {
                Ok(answer) => answer,
                Err(code) => return Outcome::failed(code),
            };
            step = match conversation.answer(answer) {
                Ok(step) => step,
                Err(_) => return self.unreachable(start),
            };
        }
    }

    /// The answer to a prompt: from an earlier module or from the person.
    fn answer(&mut self, prompt: &Prompt) -> Result<Secret, PamResultCode> {
        let first = match prompt.kind {
            PromptKind::Password => self.earlier.password.take(),
            PromptKind::CurrentPassword => self.earlier.old_password.take(),
            // Both of them get it; it is spent after the second.
            PromptKind::NewPassword => self.earlier.password.clone(),
            PromptKind::RepeatPassword => self.earlier.password.take(),
            PromptKind::Code => None,
        };
        let answer = match first {
            Some(answer) => answer,
            None if self.arguments.only_first && replaces_first(prompt.kind) => {
                return Err(PamResultCode::PAM_AUTHTOK_RECOVERY_ERR);
            }
            None => self.person.ask(prompt).ok_or(PamResultCode::PAM_CONV_ERR)?,
        };
        match prompt.kind {
            PromptKind::Password | PromptKind::NewPassword => {
                self.given.password = Some(answer.clone());
            }
            PromptKind::CurrentPassword => self.given.old_password = Some(answer.clone()),
            PromptKind::Code | PromptKind::RepeatPassword => {}
        }
        Ok(answer)
    }

    fn finish(&mut self, phase: Phase, verdict: Verdict) -> Outcome {
        let code = outcome::of_verdict(phase, verdict.code);
        let refused = verdict.code == Code::AuthenticationFailed;
        let given = std::mem::take(&mut self.given);
        if verdict.code != Code::Success {
            return Outcome { code, refused, password: None, old_password: None };
        }
        let password = match phase {
            Phase::Authenticate => verdict.password_length.and_then(|length| {
                let length = usize::try_from(length).ok()?;
                Some(Secret::new(given.password?.as_bytes().get(..length)?.to_vec()))
            }),
            _ => given.password,
        };
        Outcome { code, refused, password, old_password: given.old_password }
    }

    fn unreachable(&mut self, start: &Start) -> Outcome {
        if start.phase != Phase::OpenSession {
            self.person.show(&Message::new(Style::Error, UNREACHABLE));
        }
        Outcome::failed(outcome::unavailable(start.phase))
    }
}

/// Whether a prompt may only be answered by an earlier module when the stack says so. The old
/// password is another matter, and a code is nothing that other modules have.
fn replaces_first(kind: PromptKind) -> bool {
    matches!(kind, PromptKind::Password | PromptKind::NewPassword | PromptKind::RepeatPassword)
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
