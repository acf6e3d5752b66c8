//! Whoever sits at the other end of the application: the only way to them is its conversation
//! function, and every application has its own idea of that.

use auth_protocol::{Message, Prompt, Secret, Style};
use pam::constants::{PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_TEXT_INFO};
use pam::conv::Conv;
use pam::module::PamHandle;

/// Longest answer that is passed on, in bytes: the rest of a longer one is cut off. No password is
/// nearly as long, so what is left is wrong too, and is refused as any wrong answer.
const ANSWER_LIMIT: usize = 4096;

/// The two things that can be done with a person.
pub(crate) trait Person {
    /// Shows a text, if the application lets us; whether it did.
    fn show(&mut self, message: &Message) -> bool;
    /// Asks; nothing when the application would not, or the person broke off.
    fn ask(&mut self, prompt: &Prompt) -> Option<Secret>;
}

/// The person behind a PAM handle.
pub(crate) struct Applicant<'a> {
    handle: &'a PamHandle,
    silent: bool,
}

impl<'a> Applicant<'a> {
    /// `silent`: no texts, as the application wishes (`PAM_SILENT`).
    pub fn new(handle: &'a PamHandle, silent: bool) -> Self {
        Self { handle, silent }
    }

    fn conversation(&self) -> Option<Conv<'a>> {
        self.handle.get_item::<Conv>().ok().flatten()
    }
}

impl Person for Applicant<'_> {
    fn show(&mut self, message: &Message) -> bool {
        if self.silent {
            return false;
        }
        let style = match message.style {
            Style::Info => PAM_TEXT_INFO,
            Style::Error => PAM_ERROR_MSG,
        };
        // Applications may refuse texts.
        let shown = self.conversation().map(|conversation| conversation.send(style, &message.text));
        matches!(shown, Some(Ok(_)))
    }

    fn ask(&mut self, prompt: &Prompt) -> Option<Secret> {
        let style = if prompt.echo { PAM_PROMPT_ECHO_ON } else { PAM_PROMPT_ECHO_OFF };
        let answer = self.conversation()?.send(style, &prompt.text).ok()??;
        let bytes = answer.as_bytes();
        Some(Secret::new(bytes.get(..ANSWER_LIMIT).unwrap_or(bytes).to_vec()))
    }
}
