//! Deleted users: listed, restored, purged; and users reconciled with the host's files. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Lifecycle.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary};
use zbus::interface;
use zbus::message::Header;

use super::accounts::page;
use super::door::Door;
use super::errors::{bus_error, invalid};
use super::gate::Guarded;
use super::options::Options;
use super::records::{record, records, subject};
use super::verb::Verb;
use crate::service::{MAX_NAMED, RestoreOptions, Service};

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Lifecycle {
    door: Arc<Door>,
}

impl Lifecycle {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Lifecycle {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Lifecycle", introspection_docs = false)]
impl Lifecycle {
    #[zbus(out_args("total", "users"))]
    async fn list_deleted_users(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, Vec<Dictionary>), BusError> {
        let (offset, limit) = page(options)?;
        self.door.grant(&call, Verb::ListDeletedUsers, None).await?;
        let list = move |service: &Service| {
            let page =
                service.list_deleted_users(offset, limit).map_err(|error| bus_error(&error))?;
            Ok((page.total, records(&page.items)?))
        };
        self.door.blocking(list).await
    }

    #[zbus(out_args("user", "restored"))]
    async fn restore_user(
        &self,
        subject: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(Dictionary, Dictionary), BusError> {
        let subject = self::subject(subject)?;
        let mut options = Options::new(options);
        let given = RestoreOptions {
            name: options.text("name"),
            without_sudo: options.flag("without_sudo"),
        };
        options.finish()?;
        // What gives root is asked about only once the caller may know of the user at all.
        let mut grant = self.door.grant(&call, Verb::RestoreUser, None).await?;
        if !given.without_sudo {
            let whose = subject.clone();
            let power = self.door.run(move |service| service.restoring_gives_power(&whose)).await?;
            grant = self.door.and_power(&call, grant, power).await?;
        }
        let restore = move |service: &Service| service.restore_user(&grant, &subject, &given);
        let restored = self.door.run(restore).await?;
        Ok((record(&restored.user)?, record(&restored)?))
    }

    #[zbus(out_args("total", "users"))]
    async fn sync_users(
        &self,
        subjects: Vec<String>,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, Vec<Dictionary>), BusError> {
        if subjects.len() > MAX_NAMED {
            return Err(invalid("subjects", &format!("are more than {MAX_NAMED}")));
        }
        let subjects = subjects.iter().map(|text| subject(text)).collect::<Result<Vec<_>, _>>()?;
        let (offset, limit) = page(options)?;
        let grant = self.door.grant(&call, Verb::SyncUsers, None).await?;
        let sync = move |service: &Service| {
            let page = service
                .sync_users(&grant, &subjects, offset, limit)
                .map_err(|error| bus_error(&error))?;
            Ok((page.total, records(&page.items)?))
        };
        self.door.blocking(sync).await
    }

    async fn purge_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::PurgeUser, None).await?;
        self.door.run(move |service| service.purge_user(&grant, &subject)).await
    }
}
