//! `roster user welcome | forgot-password | reset-password | verify-email | confirm-email`.

use bus::names::MAIL;
use clap::Args;

use super::Subject;
use crate::error::Error;
use crate::output::Answer;
use crate::secret::TokenFlags;
use crate::session::{Options, Session, to_descriptor};

/// Whom to welcome, and with what.
#[derive(Debug, Args)]
pub struct Welcome {
    #[command(flatten)]
    user: Subject,
    /// With a link or code to choose a password with, good once
    #[arg(long)]
    reset_password: bool,
}

impl Welcome {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let subject = self.user.subject.as_str();
        let options: Options<'_> =
            self.reset_password.then(|| ("reset_password", true.into())).into_iter().collect();
        session.call_on::<_, ()>(MAIL, "WelcomeUser", &(subject, options)).await?;
        Ok(Answer::done(&format!("A welcome mail to {subject} has left.")))
    }
}

/// Whose password is forgotten.
#[derive(Debug, Args)]
pub struct ForgotPassword {
    /// The account's mail address
    address: String,
}

impl ForgotPassword {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        session.call_on::<_, ()>(MAIL, "RequestPasswordReset", &(self.address.as_str(),)).await?;
        Ok(Answer::done(
            "If accounts that may be used have this address, a mail with a link or code is on its way.",
        ))
    }
}

/// The mail's token, and a new password.
#[derive(Debug, Args)]
pub struct ResetPassword {
    #[command(flatten)]
    token: TokenFlags,
}

impl ResetPassword {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let (token, password) = self.token.read_with_password()?;
        let body = (to_descriptor(&token)?, to_descriptor(&password)?);
        let name: String = session.call_on(MAIL, "ResetPassword", &body).await?;
        Ok(Answer::done(&format!("The new password of {name} is set.")))
    }
}

/// The mail's token.
#[derive(Debug, Args)]
pub struct ConfirmEmail {
    #[command(flatten)]
    token: TokenFlags,
}

impl ConfirmEmail {
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let token = to_descriptor(&self.token.read()?)?;
        let name: String = session.call_on(MAIL, "ConfirmEmail", &(token,)).await?;
        Ok(Answer::done(&format!("The mail address of {name} is verified.")))
    }
}

/// Has the token mailed that proves an address.
pub async fn verify(subject: &str, session: &Session) -> Result<Answer, Error> {
    session.call_on::<_, ()>(MAIL, "VerifyEmail", &(subject,)).await?;
    Ok(Answer::done(&format!("A mail to {subject}'s address has left: confirm it with its code.")))
}
