//! Where a token comes from that was mailed.

use super::prompt::{ask, ask_new};
use super::{Lines, Secret, Source};
use crate::error::Error;

const FIELD: &str = "token";
const QUESTION: &str = "Code from the mail";

/// Where a token that was mailed comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct TokenFlags {
    /// Read the mail's code from the first line of standard input, and a new password from the second
    #[arg(long)]
    token_stdin: bool,
}

impl TokenFlags {
    /// The token.
    ///
    /// # Errors
    /// When nothing, or no secret, can be read.
    pub fn read(self) -> Result<Secret, Error> {
        if self.token_stdin {
            return Lines::stdin()?.next(FIELD);
        }
        Source::prompt_or("--token-stdin")?;
        ask(QUESTION, FIELD)
    }

    /// The token, and the new password that it sets.
    ///
    /// # Errors
    /// When nothing, or no secret, can be read.
    pub fn read_with_password(self) -> Result<(Secret, Secret), Error> {
        if self.token_stdin {
            let mut lines = Lines::stdin()?;
            return Ok((lines.next(FIELD)?, lines.next("password")?));
        }
        Source::prompt_or("--token-stdin")?;
        Ok((ask(QUESTION, FIELD)?, ask_new("the account")?))
    }
}
