//! The users' objects: registered when they are asked for, a bounded number of them, and gone with
//! their users.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use accounts::{Subject, User};
use bus::names::user_path;
use bus::{BusError, ErrorName};
use tokio::sync::Mutex;
use zbus::names::InterfaceName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Variant, fdo};

use super::door::Door;
use super::gate::Gate;
use super::user_object::UserObject;

/// Objects at a time; the one that was asked for longest ago gives way. Whoever still wants it
/// asks for it again.
const MAX_OBJECTS: usize = 1024;

/// The objects that are registered.
#[derive(Default)]
pub(super) struct Objects {
    known: Mutex<Known>,
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

/// The properties that may change, of a record.
pub(super) fn properties(user: &User) -> Vec<Property> {
    fn text(text: &str) -> Variant<'static> {
        Variant::Str(text.to_owned().into())
    }
    let shown = |name, value| Property { name, public: true, value };
    let hidden = |name, value| Property { name, public: false, value };
    vec![
        shown("Name", text(user.name.as_str())),
        shown("Gid", Variant::U32(user.gid)),
        shown("Group", text(&user.group)),
        shown("Groups", Variant::new(user.groups.clone())),
        shown("FullName", text(&user.full_name)),
        shown("Home", text(user.home.as_str())),
        shown("Shell", text(user.shell.as_str())),
        hidden("Email", text(user.email.as_ref().map_or("", |email| email.as_str()))),
        hidden("Role", text(user.role.as_str())),
        hidden("Locked", Variant::Bool(user.locked)),
        hidden("Enabled", Variant::Bool(user.enabled)),
        hidden("PasswordDisabled", Variant::Bool(user.password_disabled)),
        hidden("SshPasswordEnabled", Variant::Bool(user.ssh_password_enabled)),
        hidden("TwofactorAuthConfigured", Variant::Bool(user.twofactor_auth_configured)),
        hidden("Generation", Variant::U64(user.generation)),
    ]
}

impl Objects {
    /// Registers the user's object, if it is not, and gives its path.
    pub(super) async fn register(
        &self,
        door: &Arc<Door>,
        user: User,
    ) -> Result<OwnedObjectPath, BusError> {
        let unavailable = |error: zbus::Error| {
            tracing::error!(%error, "a user's object cannot be registered");
            BusError::new(ErrorName::Unavailable, "the user's object cannot be registered")
        };
        let path = OwnedObjectPath::try_from(user_path(user.uid)).map_err(unavailable)?;
        let mut known = self.known.lock().await;
        known.asked += 1;
        let asked = known.asked;
        if let Some(object) = known.objects.get_mut(&user.uid) {
            object.asked = asked;
            return Ok(path);
        }
        let server = door.connection().object_server();
        if known.objects.len() >= MAX_OBJECTS
            && let Some((&oldest, _)) = known.objects.iter().min_by_key(|(_, o)| o.asked)
        {
            known.objects.remove(&oldest);
            remove(door.connection(), oldest).await;
        }
        let object = Gate::new(Arc::clone(door), UserObject::new(Arc::clone(door), user.uid));
        server.at(&path, object).await.map_err(unavailable)?;
        known.objects.insert(user.uid, Object { asked, shown: properties(&user) });
        Ok(path)
    }

    /// Signals what changed in a user's record since it was shown last.
    pub(super) async fn changed(&self, door: &Door, uid: u32) {
        let mut known = self.known.lock().await;
        let Some(object) = known.objects.get_mut(&uid) else { return };
        match door.run(move |service| service.user(&Subject::Number(uid))).await {
            Ok(user) => {
                let before = std::mem::replace(&mut object.shown, properties(&user));
                let changed = object.shown.iter().zip(&before).filter(|(now, then)| now != then);
                let changed: Vec<_> = changed.map(|(now, _)| now).collect();
                if let Err(error) = signal(door.connection(), uid, &changed).await {
                    tracing::debug!(uid, %error, "a change was not signalled");
                }
            }
            Err(error) if error.name == ErrorName::NoSuchUser => {
                known.objects.remove(&uid);
                remove(door.connection(), uid).await;
            }
            Err(error) => tracing::debug!(uid, %error, "a change was not signalled"),
        }
    }

    /// Signals what changed in any user, after events were missed.
    pub(super) async fn catch_up(&self, door: &Door) {
        let uids: Vec<u32> = self.known.lock().await.objects.keys().copied().collect();
        for uid in uids {
            self.changed(door, uid).await;
        }
    }

    /// Takes a user's object away.
    pub(super) async fn removed(&self, connection: &Connection, uid: u32) {
        if self.known.lock().await.objects.remove(&uid).is_some() {
            remove(connection, uid).await;
        }
    }

    /// Takes all objects away.
    pub(super) async fn clear(&self, connection: &Connection) {
        let objects = std::mem::take(&mut self.known.lock().await.objects);
        for uid in objects.into_keys() {
            remove(connection, uid).await;
        }
    }
}

async fn remove(connection: &Connection, uid: u32) {
    let server = connection.object_server();
    if let Err(error) = server.remove::<Gate<UserObject>, _>(user_path(uid)).await {
        tracing::debug!(uid, %error, "a user's object was not there");
    }
}

async fn signal(connection: &Connection, uid: u32, changed: &[&Property]) -> zbus::Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let path = ObjectPath::try_from(user_path(uid))?;
    let emitter = SignalEmitter::new(connection, path)?;
    let (public, hidden): (Vec<&Property>, Vec<&Property>) =
        changed.iter().partition(|property| property.public);
    let mut values = HashMap::with_capacity(public.len());
    for property in public {
        values.insert(property.name, property.value.try_clone()?);
    }
    let hidden: Vec<&str> = hidden.into_iter().map(|property| property.name).collect();
    let interface = InterfaceName::from_static_str(bus::names::USER_INTERFACE)?;
    fdo::Properties::properties_changed(&emitter, interface, values, Cow::Owned(hidden)).await
}
