//! Which of the safe ways a secret takes.

use std::io::IsTerminal as _;
use std::os::unix::ffi::OsStringExt as _;

use zeroize::Zeroizing;

use super::prompt::{ask, ask_new};
use super::{Lines, Secret};
use crate::error::Error;

/// The environment variable of `--password-from-env`.
pub const VARIABLE: &str = "ROSTER_PASSWORD";

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Typed at the terminal, without echo.
    Prompt,
    /// Lines of standard input.
    Stdin,
    /// Lines of an open descriptor.
    Descriptor(u32),
    /// [`VARIABLE`].
    Environment,
}

impl Source {
    /// A prompt, when somebody sits there to answer it.
    ///
    /// # Errors
    /// A usage error that names the flags, when standard input is no terminal.
    pub fn prompt_or(flags: &str) -> Result<Self, Error> {
        if std::io::stdin().is_terminal() {
            Ok(Self::Prompt)
        } else {
            Err(Error::Usage(format!("standard input is no terminal to ask at: give {flags}")))
        }
    }

    /// A new password for the named account.
    ///
    /// # Errors
    /// When nothing, or no secret, can be read.
    pub fn new_password(self, name: &str) -> Result<Secret, Error> {
        match self {
            Self::Prompt => ask_new(name),
            Self::Stdin => Lines::stdin()?.next("password"),
            Self::Descriptor(number) => Lines::descriptor(number)?.next("password"),
            Self::Environment => from_environment(),
        }
    }

    /// The caller's old password and a new one; on two lines when not typed.
    ///
    /// # Errors
    /// When nothing, or no secret, can be read.
    pub fn old_and_new_password(self, name: &str) -> Result<(Secret, Secret), Error> {
        let mut lines = match self {
            Self::Prompt => {
                return Ok((ask("Your present password", "old_password")?, ask_new(name)?));
            }
            Self::Stdin => Lines::stdin()?,
            Self::Descriptor(number) => Lines::descriptor(number)?,
            Self::Environment => {
                return Err(Error::Usage(
                    "the own password is changed with the old one: use --password-stdin with \
                     the old password on the first line and the new one on the second"
                        .to_owned(),
                ));
            }
        };
        Ok((lines.next("old_password")?, lines.next("password")?))
    }
}

fn from_environment() -> Result<Secret, Error> {
    eprintln!(
        "roster: warning: other programs of this account can read {VARIABLE}; \
         --password-stdin is safer"
    );
    let value = std::env::var_os(VARIABLE)
        .ok_or_else(|| Error::Usage(format!("--password-from-env: {VARIABLE} is not set")))?;
    Secret::parse(Zeroizing::new(value.into_vec()), "password")
}

/// Where a code of the second factor comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct CodeFlags {
    /// Read the code from the first line of standard input
    #[arg(long)]
    pub code_stdin: bool,
}

impl CodeFlags {
    /// The code.
    ///
    /// # Errors
    /// When nothing, or no secret, can be read.
    pub fn read(self, name: &str) -> Result<Secret, Error> {
        if self.code_stdin {
            return Lines::stdin()?.next("code");
        }
        Source::prompt_or("--code-stdin")?;
        ask(&format!("Code for {name}"), "code")
    }
}
