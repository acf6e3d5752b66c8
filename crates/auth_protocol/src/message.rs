//! The messages of a conversation, as the interface description declares them.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// Which PAM function is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// `pam_authenticate(3)`: is it the user?
    Authenticate,
    /// `pam_acct_mgmt(3)`: may the user in at this time, however they proved who they are?
    Account,
    /// `pam_chauthtok(3)`, first pass (`PAM_PRELIM_CHECK`): would a change be possible?
    CheckPasswordChange,
    /// `pam_chauthtok(3)`, second pass (`PAM_UPDATE_AUTHTOK`).
    ChangePassword,
    /// `pam_open_session(3)`.
    OpenSession,
}

/// The opening of a conversation: who logs in where, as the PAM application tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Which PAM function is running.
    pub phase: Phase,
    /// `PAM_USER`.
    pub user: String,
    /// `PAM_SERVICE`: `sshd`, `sudo`, `login`, …
    pub service: String,
    /// `PAM_TTY`.
    #[serde(default)]
    pub tty: Option<String>,
    /// `PAM_RHOST`.
    #[serde(default)]
    pub remote_host: Option<String>,
    /// `PAM_RUSER`.
    #[serde(default)]
    pub remote_user: Option<String>,
    /// Real uid of the process that uses PAM. The daemon believes it only from root: it tells a
    /// setuid program started by a user from one started by root.
    pub caller_uid: u32,
    /// sshd has already accepted a public key (`SSH_AUTH_INFO_0`). Believed only from root.
    #[serde(default)]
    pub public_key: bool,
    /// `PAM_CHANGE_EXPIRED_AUTHTOK`: change the password only if its change is due.
    #[serde(default)]
    pub only_expired: bool,
    /// `PAM_SILENT`: no texts, please.
    #[serde(default)]
    pub silent: bool,
}

/// How a text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `PAM_TEXT_INFO`.
    Info,
    /// `PAM_ERROR_MSG`.
    Error,
}

/// A text for the person at the other end. Wiped when dropped: it may hold a secret that is shown
/// once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// How it is meant.
    pub style: Style,
    /// One line, without its end.
    pub text: String,
    /// The conversation has no sense when this is not seen: where it cannot be shown, it ends.
    #[serde(default, skip_serializing_if = "is_false")]
    pub must_show: bool,
}

impl Message {
    /// A text that may go unseen.
    #[must_use]
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into(), must_show: false }
    }

    /// A text without which the conversation has no sense.
    #[must_use]
    pub fn needed(text: impl Into<String>) -> Self {
        Self { style: Style::Info, text: text.into(), must_show: true }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = if self.must_show { "…" } else { &self.text };
        formatter.debug_tuple("Message").field(&self.style).field(&text).finish()
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(truth: &bool) -> bool {
    !truth
}

/// What a prompt asks for; the module keeps an accepted password for modules after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// The password, on the way in.
    Password,
    /// A code of the second factor.
    Code,
    /// The password that is to be replaced.
    CurrentPassword,
    /// The password that replaces it.
    NewPassword,
    /// The same once more.
    RepeatPassword,
}

/// A question for the person at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What is asked for.
    pub kind: PromptKind,
    /// Whether the answer may be seen while it is typed.
    pub echo: bool,
    /// The words to show, with the space behind them.
    pub text: String,
}

/// How a phase ended. The PAM module turns each into one `PAM_*` code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// `PAM_SUCCESS`.
    Success,
    /// `PAM_AUTH_ERR`: wrong, locked, disabled, expired or throttled; nobody is told which.
    AuthenticationFailed,
    /// `PAM_PERM_DENIED`: an administrator has locked the account.
    PermissionDenied,
    /// `PAM_ACCT_EXPIRED`.
    AccountExpired,
    /// `PAM_NEW_AUTHTOK_REQD`: in, once the password has been changed.
    NewPasswordRequired,
    /// `PAM_AUTHTOK_EXPIRED`: the password's change was due too long ago.
    PasswordExpired,
    /// `PAM_AUTHINFO_UNAVAIL`: the store cannot be read now.
    Unavailable,
    /// Not in the store (any more). Never `PAM_USER_UNKNOWN`: the module has found the user in the
    /// index, and other modules are not to judge whom the two disagree about.
    UserUnknown,
    /// `PAM_AUTHTOK_ERR`: the new password was not taken.
    PasswordUnchanged,
}

/// The end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it ended.
    pub code: Code,
    /// How many bytes of the answer to the password prompt were the password; the rest was a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_length: Option<u32>,
}

impl From<Code> for Verdict {
    fn from(code: Code) -> Self {
        Self { code, password_length: None }
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Put this to the user and send the answer.
    Prompt(Prompt),
    /// It is over.
    Verdict(Verdict),
}

/// The daemon's answer to every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StepFields", try_from = "StepFields")]
pub struct Step {
    /// To be shown first, in order.
    pub messages: Vec<Message>,
    /// Then this.
    pub next: Next,
}

/// [`Step`] on the wire: varlink has no sum types with content.
#[derive(Serialize, Deserialize)]
struct StepFields {
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt: Option<Prompt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

impl From<Step> for StepFields {
    fn from(step: Step) -> Self {
        let (prompt, verdict) = match step.next {
            Next::Prompt(prompt) => (Some(prompt), None),
            Next::Verdict(verdict) => (None, Some(verdict)),
        };
        Self { messages: step.messages, prompt, verdict }
    }
}

impl TryFrom<StepFields> for Step {
    type Error = &'static str;

    fn try_from(fields: StepFields) -> Result<Self, Self::Error> {
        let next = match (fields.prompt, fields.verdict) {
            (Some(prompt), None) => Next::Prompt(prompt),
            (None, Some(verdict)) => Next::Verdict(verdict),
            _ => return Err("neither or both of a prompt and a verdict"),
        };
        Ok(Self { messages: fields.messages, next })
    }
}

/// The bytes of an answer. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Keeps these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
