//! The further verbs of an administrator. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Administration.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::BusError;
use zbus::interface;
use zbus::message::Header;

use super::door::Door;
use super::gate::Guarded;
use super::records::subject;
use super::verb::Verb;

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Administration {
    door: Arc<Door>,
}

impl Administration {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Administration {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Administration", introspection_docs = false)]
impl Administration {
    async fn enable_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::EnableUser, Some(&subject)).await?;
        self.door.run(move |service| service.enable_user(&grant, &subject)).await
    }

    async fn disable_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::DisableUser, Some(&subject)).await?;
        self.door.run(move |service| service.disable_user(&grant, &subject)).await
    }
}
