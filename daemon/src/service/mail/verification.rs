//! The proof that mail to an address arrives.

use accounts::{Subject, UserName};

use super::super::administrators::need;
use super::super::{Error, Service, caller};
use super::letters::{self, Terms};
use super::{address_of, with_mail};
use crate::authorize::{Action, Actor, Grant};
use crate::secret::Secret;

impl Service {
    /// Mails a user the token that proves the address. The mail has left when this ends.
    ///
    /// # Errors
    /// When the user has no address, or it is verified; when the user is locked, disabled or
    /// expired; [`Error::RateLimited`]; [`Error::MailUnavailable`].
    pub fn verify_email(&self, grant: &Grant, subject: &Subject) -> Result<(), Error> {
        let user = self.read(|db| caller::find(db, subject))?;
        need(grant, Action::EmailVerify, Some(user.id))?;
        let way = self.mail_way()?;
        let to = address_of(&user)?;
        if !grant.rehearses() && !user.email_verified {
            self.requests.count(self.now(), grant.actor().uid, to.as_str())?;
        }
        let token = self
            .issue_email_token(grant.actor(), user.id)
            .map_err(|error| with_mail(error, "verification", &to, "sent"))?;
        let terms = Terms {
            host: letters::host_name(),
            link: &self.config.mail.verify_link,
            seconds: self.config.tokens.email_seconds,
        };
        self.send_mail(way, &to, letters::verification(&terms, &user.name, &token)?)
    }

    /// Takes the token of a mail for the proof. Answers whose address it is.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], for whatever reason.
    pub fn confirm_email(&self, actor: &Actor, token: &Secret) -> Result<UserName, Error> {
        self.redeem_email_token(actor, token)
    }
}
