//! `roster login` and `roster refresh`: tokens for a program that acts as the user.

use bus::names::TOKENS;
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use zbus::Variant;
use zbus::wire::OwnedFd;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::output::{Answer, printable};
use crate::secret::{Lines, Secret, Source, ask, ask_optional};
use crate::session::{Options, Session, from_descriptor, to_descriptor};
use crate::user::own;

/// Who logs in; the password is typed when asked, unless it comes by standard input.
#[derive(Debug, Args)]
pub struct Login {
    /// The account, by name or mail address [default: the own]
    name: Option<String>,
    /// Where a password does not belong
    #[arg(hide = true)]
    misplaced: Option<std::ffi::OsString>,
    /// Read the password from the first line of standard input, and the code, if there is one, from the
    /// second
    #[arg(long)]
    password_stdin: bool,
}

/// A token that comes by standard input.
#[derive(Debug, Clone, Copy, Args)]
pub struct TokenFlags {
    /// Read the token from the first line of standard input
    #[arg(long)]
    pub token_stdin: bool,
}

/// What a login gives.
#[derive(Deserialize)]
struct Tokens {
    user: String,
    access_token: Zeroizing<String>,
    refresh_token: Zeroizing<String>,
    access_expires_at: String,
    refresh_expires_at: String,
}

impl Login {
    /// Logs in.
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        if self.misplaced.is_some() {
            return Err(Error::Usage(
                "a password on the command line is seen by every user of this host and stays in \
                 the shell's history: use --password-stdin, or type it when asked"
                    .to_owned(),
            ));
        }
        let name = self
            .name
            .or_else(own::name)
            .ok_or_else(|| Error::Usage("name the account: roster login NAME".to_owned()))?;
        let (password, code) = if self.password_stdin {
            let mut lines = Lines::stdin()?;
            (lines.next("password")?, lines.next_if_any("code")?)
        } else {
            Source::prompt_or("--password-stdin")?;
            let password = ask(&format!("Password of {name}"), "password")?;
            (password, ask_optional("Code of the second factor, if there is one", "code")?)
        };
        let mut options = Options::new();
        if let Some(code) = code {
            options.insert("code", Variant::Fd(to_descriptor(&code)?.into()));
        }
        let body = (name.as_str(), to_descriptor(&password)?, options);
        shown(session.call_on(TOKENS, "LogIn", &body).await?)
    }
}

impl TokenFlags {
    /// The token, in a pipe.
    ///
    /// # Errors
    /// When nothing, or no secret, can be read.
    pub fn read(self) -> Result<OwnedFd, Error> {
        let token: Secret = if self.token_stdin {
            Lines::stdin()?.next("token")?
        } else {
            Source::prompt_or("--token-stdin")?;
            ask("Token", "token")?
        };
        to_descriptor(&token)
    }

    /// Takes a refresh token for the next pair.
    pub async fn refresh(self, session: &Session) -> Result<Answer, Error> {
        shown(session.call_on(TOKENS, "RefreshTokens", &(self.read()?,)).await?)
    }
}

fn shown(tokens: OwnedFd) -> Result<Answer, Error> {
    let text = from_descriptor(tokens)?;
    // Its message could quote the secret.
    let tokens: Tokens = serde_json::from_str(&text)
        .map_err(|_| Error::Local("it was done, but the answer cannot be read".to_owned()))?;
    let value = json!({
        "user": tokens.user,
        "access_token": tokens.access_token.as_str(),
        "refresh_token": tokens.refresh_token.as_str(),
        "access_expires_at": tokens.access_expires_at,
        "refresh_expires_at": tokens.refresh_expires_at,
    });
    let line = |what: &str, token: &str, until: &str| {
        Zeroizing::new(format!(
            "{what} token of {}, until {}: {}",
            printable(&tokens.user),
            printable(until),
            printable(token)
        ))
    };
    let access = line("Access", &tokens.access_token, &tokens.access_expires_at);
    let refresh = line("Refresh", &tokens.refresh_token, &tokens.refresh_expires_at);
    Ok(Answer::lines(value, &[&access, &refresh]))
}
