//! Many users at once: `org.roster.Accounts1.Import`, on the management object. What the method means
//! is in packaging/dbus/org.roster.Accounts1.Import.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary, ErrorName};
use futures_util::StreamExt;
use tokio::sync::oneshot;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedFd, interface};

use super::door::Door;
use super::errors::bus_error;
use super::gate::Guarded;
use super::import_report::Report;
use super::options::Options;
use super::records::record;
use super::verb::Verb;
use crate::service::{ImportOptions, Imported, open_input};

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Import {
    door: Arc<Door>,
}

impl Import {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    /// Hears when the caller leaves the bus.
    async fn leaving(&self, call: &Header<'_>) -> Result<NameOwnerChangedStream, BusError> {
        let sender = self.door.sender(call).await?;
        let failed = |error: zbus::Error| {
            tracing::debug!(%error, "the bus does not tell who leaves it");
            BusError::new(ErrorName::Unavailable, "the bus does not answer: try again")
        };
        let bus = DBusProxy::new(self.door.connection()).await.map_err(failed)?;
        bus.receive_name_owner_changed_with_args(&[(0, sender.name.as_str()), (2, "")])
            .await
            .map_err(failed)
    }
}

impl Guarded for Import {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Import", introspection_docs = false)]
impl Import {
    #[zbus(out_args("imported"))]
    async fn import_users(
        &self,
        input: OwnedFd,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let mut options = Options::new(options);
        let given = ImportOptions {
            continue_on_error: options.flag("continue_on_error"),
            skip_existing: options.flag("skip_existing"),
        };
        let (with_sudo, report) = (options.flag("with_sudo"), options.descriptor("report"));
        options.finish()?;
        let grant = self.door.grant_with_power(&call, Verb::ImportUsers, with_sudo).await?;
        let input = open_input(input.into()).map_err(|error| bus_error(&error))?;
        let report = Arc::new(Report::new(report)?);
        let mut leaving = self.leaving(&call).await?;
        let (sender, mut done) = oneshot::channel::<Result<Imported, BusError>>();
        let (service, observer) = (Arc::clone(self.door.service()), Arc::clone(&report));
        // A thread of its own: it may read, and write, for long.
        let import = move || {
            let imported = service.import_users(&grant, input, given, &*observer);
            drop(observer);
            // Nobody waits any more when the caller has left.
            let _ = sender.send(imported.map_err(|error| bus_error(&error)));
            service.follow_import();
        };
        std::thread::Builder::new().name("import".to_owned()).spawn(import).map_err(|error| {
            tracing::error!(%error, "no thread for an import");
            BusError::new(ErrorName::Unavailable, "the system has no thread for it: try again")
        })?;
        let mut there = true;
        let ended = loop {
            tokio::select! {
                ended = &mut done => break ended,
                _ = leaving.next(), if there => {
                    there = false;
                    report.cancel();
                }
            }
        };
        match ended {
            Ok(imported) => record(&imported?),
            Err(_) => {
                tracing::error!("an import ended early");
                let message = "the account service failed: see its log";
                Err(BusError::new(ErrorName::Unavailable, message))
            }
        }
    }

    #[zbus(signal)]
    pub(super) async fn users_imported(
        emitter: &SignalEmitter<'_>,
        created: u64,
    ) -> zbus::Result<()>;
}
