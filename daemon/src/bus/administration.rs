//! The further verbs of an administrator. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Administration.xml.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary};
use zbus::message::Header;
use zbus::{OwnedFd, interface};

use super::accounts::page;
use super::door::Door;
use super::errors::bus_error;
use super::gate::Guarded;
use super::groups;
use super::records::{record, records, subject};
use super::verb::Verb;
use crate::service::Service;

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

    #[zbus(out_args("uid"))]
    async fn reserve_uid(&self, #[zbus(header)] call: Header<'_>) -> Result<u32, BusError> {
        let grant = self.door.grant(&call, Verb::ReserveUid, None).await?;
        self.door.run(move |service| service.reserve_uid(&grant)).await
    }

    #[zbus(out_args("seen"))]
    async fn get_last_seen(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let subject = self::subject(subject)?;
        self.door.grant(&call, Verb::GetLastSeen, Some(&subject)).await?;
        record(&self.door.run(move |service| service.last_seen(&subject)).await?)
    }

    #[zbus(out_args("total", "users"))]
    async fn list_last_seen(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, Vec<Dictionary>), BusError> {
        let (offset, limit) = page(options)?;
        self.door.grant(&call, Verb::ListLastSeen, None).await?;
        let list = move |service: &Service| {
            let page = service.list_last_seen(offset, limit).map_err(|error| bus_error(&error))?;
            Ok((page.total, records(&page.items)?))
        };
        self.door.blocking(list).await
    }

    #[zbus(out_args("report"))]
    async fn get_report(&self, #[zbus(header)] call: Header<'_>) -> Result<Dictionary, BusError> {
        self.door.grant(&call, Verb::GetReport, None).await?;
        record(&self.door.run(Service::report).await?)
    }

    #[zbus(out_args("shells"))]
    async fn list_user_shells(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<BTreeMap<String, String>, BusError> {
        let subject = self::subject(subject)?;
        self.door.grant(&call, Verb::GetUser, Some(&subject)).await?;
        self.door.run(move |service| service.shells_of(&subject)).await
    }

    #[zbus(out_args("group"))]
    async fn update_group(
        &self,
        subject: &str,
        fields: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        groups::update(&self.door, &call, subject, self::subject(subject)?, &fields).await
    }

    #[zbus(out_args("set_up"))]
    async fn has_local_administrator_set_up(&self) -> Result<bool, BusError> {
        self.door.run(Service::is_administrator_set_up).await
    }

    #[zbus(out_args("user"))]
    async fn set_up_local_administrator(
        &self,
        name: String,
        password: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let grant = self.door.grant_set_up(&call).await?;
        let password = self.door.secret("password", password.into()).await?;
        let set_up = move |service: &Service| service.set_up_administrator(&grant, &name, password);
        record(&self.door.run(set_up).await?)
    }
}
