//! Mails to users, and what their tokens are good for. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Mail.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary};
use zbus::message::Header;
use zbus::{OwnedFd, interface};

use super::door::Door;
use super::gate::Guarded;
use super::options::Options;
use super::records::subject;
use super::verb::Verb;

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Mail {
    door: Arc<Door>,
}

impl Mail {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Mail {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Mail", introspection_docs = false)]
impl Mail {
    async fn welcome_user(
        &self,
        subject: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let mut options = Options::new(options);
        let reset = options.flag("reset_password");
        options.finish()?;
        let grant = self.door.grant(&call, Verb::WelcomeUser, Some(&subject)).await?;
        self.door.run(move |service| service.welcome_user(&grant, &subject, reset)).await
    }

    async fn request_password_reset(
        &self,
        address: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let address = address.to_owned();
        let actor = self.door.bearer(&call).await?;
        self.door.run(move |service| service.request_password_reset(&actor, &address)).await
    }

    #[zbus(out_args("name"))]
    async fn reset_password(
        &self,
        token: OwnedFd,
        password: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, BusError> {
        let actor = self.door.bearer(&call).await?;
        let token = self.door.secret("token", token.into()).await?;
        let new = self.door.secret("password", password.into()).await?;
        let reset = self.door.run(move |service| service.reset_password(&actor, &token, &new));
        Ok(reset.await?.as_str().to_owned())
    }

    async fn verify_email(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::VerifyEmail, Some(&subject)).await?;
        self.door.run(move |service| service.verify_email(&grant, &subject)).await
    }

    #[zbus(out_args("name"))]
    async fn confirm_email(
        &self,
        token: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, BusError> {
        let actor = self.door.bearer(&call).await?;
        let token = self.door.secret("token", token.into()).await?;
        let name = self.door.run(move |service| service.confirm_email(&actor, &token)).await?;
        Ok(name.as_str().to_owned())
    }
}
