//! The first mail to a user.

use accounts::{Subject, UserId};
use serde_json::json;

use super::super::administrators::need;
use super::super::{Error, Service, caller};
use super::letters::{self, Terms};
use super::requests::Owed;
use super::{Way, address_of, with_mail};
use crate::authorize::{Action, Actor, Grant};
use crate::store::{UserKey, UserRow};

impl Service {
    /// Mails a user the welcome, with a token to choose a password with if asked. The mail has left
    /// when this ends.
    ///
    /// # Errors
    /// When the user has no address; when it may not be used, and so gets no token;
    /// [`Error::MailUnavailable`].
    pub fn welcome_user(
        &self,
        grant: &Grant,
        subject: &Subject,
        reset_password: bool,
    ) -> Result<(), Error> {
        let user = self.read(|db| caller::find(db, subject))?;
        need(grant, Action::PasswordSet, Some(user.id))?;
        let way = self.mail_way()?;
        let to = address_of(&user)?;
        self.welcome(way, &user, grant.actor(), reset_password)
            .map_err(|error| with_mail(error, "welcome", &to, "sent"))
    }

    fn welcome(
        &self,
        way: Way,
        user: &UserRow,
        actor: &Actor,
        reset_password: bool,
    ) -> Result<(), Error> {
        let to = address_of(user)?;
        let token = match reset_password {
            true => Some(self.issue_reset_token(actor, user.id)?),
            false => None,
        };
        self.change(actor, |change| {
            let said = json!({ "reset_password": reset_password });
            change.audit("user-welcome", user.name.as_str(), &user.id.to_string(), &said)
        })?;
        let terms = Terms {
            host: letters::host_name(),
            link: &self.config.mail.reset_link,
            seconds: self.config.tokens.reset_seconds,
        };
        self.send_mail(way, &to, letters::welcome(&terms, &user.name, token.as_ref())?)
    }

    /// Has a new user welcomed by and by, where the settings say so.
    pub(in crate::service) fn welcome_new_user(&self, actor: &Actor, id: UserId) {
        if !self.config.mail.welcome_new_users {
            return;
        }
        if !self.requests.owe(Owed::Welcome { id, by: actor.clone() }) {
            tracing::warn!("too many new users wait for their welcome: one gets no mail");
        }
    }

    /// Mails a new user the welcome, if there is an address; with a token if it has no password.
    pub(super) fn send_welcome(&self, id: UserId, by: &Actor) -> Result<(), Error> {
        let (user, has_password) =
            self.read(|db| Ok((db.user(UserKey::Id(id))?, db.password(id)?.is_some())))?;
        let Some(user) = user.filter(|user| user.email.is_some()) else { return Ok(()) };
        let reset = !has_password && super::super::login::is_good(&user, self.now());
        self.welcome(self.mail_way()?, &user, by, reset)
    }
}
