//! A new password for whoever reads the mail.

use std::time::{Duration, Instant};

use accounts::{Email, UserName};
use serde_json::json;

use super::super::login::is_good;
use super::super::{Error, Service};
use super::letters::{self, Terms};
use super::requests::Owed;
use super::with_mail;
use crate::authorize::Actor;
use crate::secret::Secret;
use crate::store::UserKey;

/// Accounts with one address that one mail speaks of.
const ACCOUNTS: usize = 8;
/// How long looking for an address may take.
const LOOKING: Duration = Duration::from_secs(10);

impl Service {
    /// Has a token to choose a new password with mailed to the accounts with that address, by and
    /// by. Nobody is told whether there are any: the answer is the same, and comes before anybody has
    /// looked.
    ///
    /// An account that is locked, disabled or expired gets none, and one whose password login is
    /// disabled neither: an administrator has decided that.
    ///
    /// # Errors
    /// When it is no address; [`Error::RateLimited`]; [`Error::MailUnavailable`] when no mail can be
    /// sent to anybody.
    pub fn request_password_reset(&self, actor: &Actor, address: &str) -> Result<(), Error> {
        let address = Email::parse(address)
            .map_err(|refused| Error::field("address", refused.code, refused.message))?;
        self.mail_way()?;
        if !self.config.mail.password_reset {
            let message = "nobody chooses a new password by mail here: ask an administrator";
            return Err(Error::MailUnavailable(message.to_owned()));
        }
        if actor.rehearses() {
            let says = "sent, if accounts that may be used have this address";
            let planned = self.change(actor, |_| Ok(()));
            return planned.map_err(|error| with_mail(error, "password reset", &address, says));
        }
        self.requests.count(self.now(), actor.uid, address.as_str())?;
        let address = address.as_str().to_ascii_lowercase();
        if self.requests.owe(Owed::Reset { address, by: actor.clone() }) {
            Ok(())
        } else {
            Err(Error::RateLimited { seconds: 60 })
        }
    }

    /// Chooses a new password with the token of a mail, which is spent by that. Answers whose
    /// password it is.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], for whatever reason; [`Error::PasswordPolicy`], and the token is
    /// still good then.
    pub fn reset_password(
        &self,
        actor: &Actor,
        token: &Secret,
        new: &Secret,
    ) -> Result<UserName, Error> {
        self.redeem_reset_token(actor, token, new)
    }

    /// Mails the accounts with that address a token each: one mail that names them all. The audit log
    /// and the mailer get something to do also when there are none: whoever watches them from
    /// outside sees no difference.
    pub(super) fn send_reset(&self, address: &str, by: &Actor) -> Result<(), Error> {
        let way = self.mail_way()?;
        let now = self.now();
        self.change(by, |change| change.audit("password-reset-ask", address, "", &json!({})))?;
        let users = self.read_beside(Instant::now() + LOOKING, |db| {
            let mut users = Vec::new();
            for id in db.users_with_email(address, ACCOUNTS)? {
                let user = db.user(UserKey::Id(id))?;
                users.extend(user.filter(|user| is_good(user, now) && !user.password_disabled));
            }
            Ok(users)
        })?;
        // A mail goes to the address as it was stored, not as a stranger has typed it; and of accounts
        // whose addresses differ in upper and lower case, each address hears of its own only.
        let mut mails: Vec<(Email, Vec<(UserName, Secret)>)> = Vec::new();
        for user in users {
            let Some(to) = user.email else { continue };
            let account = (user.name, self.issue_reset_token(by, user.id)?);
            match mails.iter_mut().find(|(address, _)| *address == to) {
                Some((_, accounts)) => accounts.push(account),
                None => mails.push((to, vec![account])),
            }
        }
        let terms = Terms {
            host: letters::host_name(),
            link: &self.config.mail.reset_link,
            seconds: self.config.tokens.reset_seconds,
        };
        if mails.is_empty() {
            return self.send_nothing(way);
        }
        for (to, accounts) in &mails {
            self.send_mail(way.clone(), to, letters::reset(&terms, accounts)?)?;
        }
        Ok(())
    }
}
