//! Passwords that come from elsewhere. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Passwords.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary};
use zbus::message::Header;
use zbus::{OwnedFd, interface};

use super::door::Door;
use super::gate::Guarded;
use super::records::{record, subject};
use super::verb::Verb;

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Passwords {
    door: Arc<Door>,
}

impl Passwords {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Passwords {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Passwords", introspection_docs = false)]
impl Passwords {
    #[zbus(out_args("imported"))]
    async fn import_password(
        &self,
        subject: &str,
        entry: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::ImportPassword, Some(&subject)).await?;
        let entry = self.door.secret("entry", entry.into()).await?;
        let import = move |service: &crate::service::Service| {
            service.import_password(&grant, &subject, &entry)
        };
        record(&self.door.run(import).await?)
    }
}
