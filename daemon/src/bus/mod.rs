//! The management front door: `org.roster.Accounts1` on the system bus.
//!
//! A call comes in at the [`gate`], which knows its sender and lets it in; the interface
//! ([`accounts`], [`user_object`]) decodes it; the [`door`] has it authorised, asking [`polkit`]
//! where a role is not enough, and runs the use case. Nothing of an account is known here.

mod accounts;
mod administration;
mod audit;
mod callers;
mod door;
mod enforcement;
mod errors;
mod gate;
mod group_object;
mod groups;
mod import;
mod import_report;
mod lifecycle;
mod mail;
mod metadata;
mod objects;
mod options;
mod passwords;
mod plan;
mod polkit;
mod query;
mod records;
mod tokens;
mod two_factor;
mod user_object;
mod users;
mod verb;

use std::sync::Arc;
use std::time::Duration;

use bus::names::{PATH, SERVICE, group_path, user_path};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use zbus::fdo::{RequestNameFlags, RequestNameReply};
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath};

use self::accounts::Accounts;
use self::administration::Administration;
use self::audit::Audit;
use self::door::Door;
use self::enforcement::Enforcement;
use self::gate::Gate;
use self::group_object::GroupObject;
use self::groups::Groups;
use self::import::Import;
use self::lifecycle::Lifecycle;
use self::mail::Mail;
use self::metadata::Metadata;
use self::objects::Objects;
use self::passwords::Passwords;
use self::plan::Plans;
use self::query::Lists;
use self::tokens::Tokens;
use self::user_object::UserObject;
use crate::service::{Event, EventKind, Of, Service};

/// The service on a bus.
pub struct Served {
    door: Arc<Door>,
    users: Arc<Objects<UserObject>>,
    groups: Arc<Objects<GroupObject>>,
    events: Receiver<Event>,
}

/// Puts the service on a bus: first its object, then its name, which nobody may take over.
///
/// # Errors
/// When the name is taken, or the bus refuses it.
pub async fn serve(service: Arc<Service>, connection: Connection) -> zbus::Result<Served> {
    let events = service.subscribe();
    let door = Arc::new(Door::new(service, connection.clone()));
    let (users, groups) = (Arc::new(Objects::default()), Arc::new(Objects::default()));
    let accounts = Accounts::new(Arc::clone(&door), Arc::clone(&users));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), accounts)).await?;
    let administration = Administration::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), administration)).await?;
    let metadata = Metadata::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), metadata)).await?;
    let lists = Lists::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), lists)).await?;
    let audit = Audit::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), audit)).await?;
    let finder = Groups::new(Arc::clone(&door), Arc::clone(&groups));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), finder)).await?;
    let plans = Plans::new(&door, Arc::clone(&users));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), plans)).await?;
    let lifecycle = Lifecycle::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), lifecycle)).await?;
    let enforcement = Enforcement::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), enforcement)).await?;
    let passwords = Passwords::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), passwords)).await?;
    let tokens = Tokens::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), tokens)).await?;
    let import = Import::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), import)).await?;
    let mail = Mail::new(Arc::clone(&door));
    connection.object_server().at(PATH, Gate::new(Arc::clone(&door), mail)).await?;
    let served = Served { door, users, groups, events };
    let claimed = connection.request_name_with_flags(SERVICE, RequestNameFlags::DO_NOT_QUEUE).await;
    match claimed {
        Ok(RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner) => Ok(served),
        Ok(_) => {
            served.end().await;
            Err(zbus::Error::NameTaken)
        }
        Err(error) => {
            served.end().await;
            Err(error)
        }
    }
}

/// Keeps the service on the system bus for good, across restarts of the bus. Logins and lookups do
/// not need it, so nobody has to wait for this.
pub async fn keep_serving(service: Arc<Service>) {
    let mut wait = Duration::from_millis(250);
    loop {
        let connected = match listening().await {
            Ok(connection) => serve(Arc::clone(&service), connection).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(served) => {
                tracing::info!("serving {SERVICE} on the system bus");
                wait = Duration::from_millis(250);
                served.until_closed().await;
                tracing::warn!("the system bus has gone");
            }
            Err(error) => tracing::warn!(%error, "not on the system bus; trying again"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(15));
    }
}

/// A connection that already hears calls. zbus hears them from a task that the first object starts, and
/// loses what comes before that task is at work, such as the call for which the bus has started us.
/// Only the builder waits for it, so it is given an object, which goes again.
async fn listening() -> zbus::Result<Connection> {
    const PLACE: &str = "/org/roster";
    let builder = zbus::connection::Builder::system();
    let connection = builder.serve_at(PLACE, Placeholder).build().await?;
    connection.object_server().remove::<Placeholder, _>(PLACE).await?;
    Ok(connection)
}

/// See [`listening`].
struct Placeholder;

#[zbus::interface(name = "org.roster.Placeholder")]
impl Placeholder {}

impl Served {
    /// Signals changes until the connection ends.
    pub async fn until_closed(mut self) {
        let connection = self.door.connection().clone();
        loop {
            let event = tokio::select! {
                event = self.events.recv() => event,
                () = connection.closed() => break,
            };
            match event {
                Ok(event) => {
                    if let Err(error) = self.signal(&event).await {
                        tracing::debug!(%error, "a change was not signalled");
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "changes came faster than they could be signalled");
                    self.users.catch_up(&self.door).await;
                    self.groups.catch_up(&self.door).await;
                }
                Err(RecvError::Closed) => {
                    connection.closed().await;
                    break;
                }
            }
        }
        self.end().await;
    }

    async fn signal(&self, event: &Event) -> zbus::Result<()> {
        let connection = self.door.connection();
        let emitter = SignalEmitter::new(connection, PATH)?;
        let name = &event.name;
        match (event.of, event.kind) {
            (Of::User(uid), kind) => {
                let path = ObjectPath::try_from(user_path(uid))?;
                match kind {
                    EventKind::Added => Accounts::user_added(&emitter, path, name).await,
                    EventKind::Changed => {
                        self.users.changed(&self.door, uid, false).await;
                        Accounts::user_changed(&emitter, path, name).await
                    }
                    EventKind::Removed => {
                        self.users.removed(connection, uid).await;
                        Accounts::user_removed(&emitter, path, name).await
                    }
                }
            }
            (Of::Group(gid), kind) => {
                let path = ObjectPath::try_from(group_path(gid))?;
                match kind {
                    EventKind::Added => Groups::group_added(&emitter, path, name).await,
                    EventKind::Changed => {
                        self.groups.changed(&self.door, gid, event.members).await;
                        Groups::group_changed(&emitter, path, name).await
                    }
                    EventKind::Removed => {
                        self.groups.removed(connection, gid).await;
                        Groups::group_removed(&emitter, path, name).await
                    }
                }
            }
            (Of::Many(created), _) => {
                // Groups that were there have new members.
                self.groups.catch_up(&self.door).await;
                Import::users_imported(&emitter, created).await
            }
        }
    }

    /// The objects hold the connection that holds them: they are taken away for it to end.
    async fn end(self) {
        let connection = self.door.connection();
        self.users.clear(connection).await;
        self.groups.clear(connection).await;
        if let Err(error) = connection.object_server().remove::<Gate<Accounts>, _>(PATH).await {
            tracing::debug!(%error, "the service's object was not there");
        }
        // These are on the bus only when all of it is.
        let _ = connection.object_server().remove::<Gate<Administration>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Metadata>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Groups>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Plans>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Lifecycle>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Enforcement>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Passwords>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Import>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Mail>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Audit>, _>(PATH).await;
        let _ = connection.object_server().remove::<Gate<Tokens>, _>(PATH).await;
        if let Err(error) = connection.object_server().remove::<Gate<Lists>, _>(PATH).await {
            tracing::debug!(%error, "the lists' object was not there");
        }
    }
}

#[cfg(test)]
mod tests;
