//! The users' and groups' objects: registered when they are asked for, a bounded number of them,
//! and gone with whom they show.

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use bus::{BusError, ErrorName};
use tokio::sync::Mutex;
use zbus::names::InterfaceName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Variant, fdo};

use super::door::Door;
use super::gate::{Gate, Guarded};
use crate::service::{Error, Service};

/// Objects of a kind at a time; the one that was asked for longest ago gives way. Whoever still
/// wants it asks for it again.
const MAX_OBJECTS: usize = 1024;

/// An object that shows a record.
pub(super) trait Shown: Guarded {
    /// What it shows.
    type Record: Send + 'static;

    /// The error that says that there is no such record (any more).
    const GONE: ErrorName;
    /// Its interface.
    const INTERFACE: &'static str;

    /// The object of the record with that number.
    fn new(door: Arc<Door>, number: u32) -> Self;

    /// Where the object is.
    fn path(number: u32) -> String;

    /// The record's number.
    fn number(record: &Self::Record) -> u32;

    /// Reads the record.
    fn read(service: &Service, number: u32) -> Result<Self::Record, Error>;

    /// The properties that may change.
    fn properties(record: &Self::Record) -> Vec<Property>;

    /// Properties that are too long to be read, kept and compared for each change: that they may
    /// have changed is told by the event.
    const UNREAD: &'static [&'static str];
}

/// The objects of a kind that are registered.
pub(super) struct Objects<T> {
    known: Mutex<Known>,
    kind: PhantomData<fn() -> T>,
}

#[derive(Default)]
struct Known {
    objects: HashMap<u32, Object>,
    asked: u64,
}

struct Object {
    asked: u64,
    shown: Vec<Property>,
}

/// A property as it was shown last.
#[derive(Debug, PartialEq)]
pub(super) struct Property {
    pub(super) name: &'static str,
    /// Whether NSS shows it to everybody, so that a signal may.
    pub(super) public: bool,
    pub(super) value: Variant<'static>,
}

impl Property {
    /// One that NSS shows to everybody.
    pub(super) const fn public(name: &'static str, value: Variant<'static>) -> Self {
        Self { name, public: true, value }
    }

    /// One that only those see who may read the record.
    pub(super) const fn hidden(name: &'static str, value: Variant<'static>) -> Self {
        Self { name, public: false, value }
    }
}

/// A text as a property's value.
pub(super) fn text(text: &str) -> Variant<'static> {
    Variant::Str(text.to_owned().into())
}

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self { known: Mutex::default(), kind: PhantomData }
    }
}

impl<T: Shown> Objects<T> {
    /// Registers the record's object, if it is not, and gives its path.
    pub(super) async fn register(
        &self,
        door: &Arc<Door>,
        record: T::Record,
    ) -> Result<OwnedObjectPath, BusError> {
        let unavailable = |error: zbus::Error| {
            tracing::error!(%error, "an object cannot be registered");
            BusError::new(ErrorName::Unavailable, "the object cannot be registered")
        };
        let number = T::number(&record);
        let path = OwnedObjectPath::try_from(T::path(number)).map_err(unavailable)?;
        let mut known = self.known.lock().await;
        known.asked += 1;
        let asked = known.asked;
        if let Some(object) = known.objects.get_mut(&number) {
            object.asked = asked;
            return Ok(path);
        }
        let server = door.connection().object_server();
        if known.objects.len() >= MAX_OBJECTS
            && let Some((&oldest, _)) = known.objects.iter().min_by_key(|(_, o)| o.asked)
        {
            known.objects.remove(&oldest);
            remove::<T>(door.connection(), oldest).await;
        }
        let object = Gate::new(Arc::clone(door), T::new(Arc::clone(door), number));
        server.at(&path, object).await.map_err(unavailable)?;
        known.objects.insert(number, Object { asked, shown: T::properties(&record) });
        Ok(path)
    }

    /// Signals what changed in a record since it was shown last. `unread`: the properties that are
    /// not read may have, too.
    pub(super) async fn changed(&self, door: &Door, number: u32, unread: bool) {
        let mut known = self.known.lock().await;
        let Some(object) = known.objects.get_mut(&number) else { return };
        match door.run(move |service| T::read(service, number)).await {
            Ok(record) => {
                let before = std::mem::replace(&mut object.shown, T::properties(&record));
                let changed = object.shown.iter().zip(&before).filter(|(now, then)| now != then);
                let changed: Vec<_> = changed.map(|(now, _)| now).collect();
                if let Err(error) = signal::<T>(door.connection(), number, &changed, unread).await {
                    tracing::debug!(number, %error, "a change was not signalled");
                }
            }
            Err(error) if error.name == T::GONE => {
                known.objects.remove(&number);
                remove::<T>(door.connection(), number).await;
            }
            Err(error) => tracing::debug!(number, %error, "a change was not signalled"),
        }
    }

    /// Signals what changed in any record, after events were missed.
    pub(super) async fn catch_up(&self, door: &Door) {
        let numbers: Vec<u32> = self.known.lock().await.objects.keys().copied().collect();
        for number in numbers {
            self.changed(door, number, true).await;
        }
    }

    /// Takes a record's object away.
    pub(super) async fn removed(&self, connection: &Connection, number: u32) {
        if self.known.lock().await.objects.remove(&number).is_some() {
            remove::<T>(connection, number).await;
        }
    }

    /// Takes all objects away.
    pub(super) async fn clear(&self, connection: &Connection) {
        let objects = std::mem::take(&mut self.known.lock().await.objects);
        for number in objects.into_keys() {
            remove::<T>(connection, number).await;
        }
    }
}

async fn remove<T: Shown>(connection: &Connection, number: u32) {
    let server = connection.object_server();
    if let Err(error) = server.remove::<Gate<T>, _>(T::path(number)).await {
        tracing::debug!(number, %error, "an object was not there");
    }
}

async fn signal<T: Shown>(
    connection: &Connection,
    number: u32,
    changed: &[&Property],
    unread: bool,
) -> zbus::Result<()> {
    let unread = if unread { T::UNREAD } else { &[] };
    if changed.is_empty() && unread.is_empty() {
        return Ok(());
    }
    let path = ObjectPath::try_from(T::path(number))?;
    let emitter = SignalEmitter::new(connection, path)?;
    let (public, hidden): (Vec<&Property>, Vec<&Property>) =
        changed.iter().partition(|property| property.public);
    let mut values = HashMap::with_capacity(public.len());
    for property in public {
        values.insert(property.name, property.value.try_clone()?);
    }
    let hidden = hidden.into_iter().map(|property| property.name);
    let hidden: Vec<&str> = unread.iter().copied().chain(hidden).collect();
    let interface = InterfaceName::from_static_str(T::INTERFACE)?;
    fdo::Properties::properties_changed(&emitter, interface, values, Cow::Owned(hidden)).await
}
