//! A user's object: its record as properties, and the verbs about it.
//! What the methods mean is in packaging/dbus/org.roster.Accounts1.User.xml.

use std::sync::Arc;

use accounts::{Subject, User};
use bus::names::{USER_INTERFACE, user_path};
use bus::{BusError, Dictionary, ErrorName};
use zbus::message::Header;
use zbus::{OwnedFd, Variant, interface};

use super::door::Door;
use super::gate::Guarded;
use super::objects::{Property, Shown, text};
use super::users;
use crate::service::{Error, Service};

/// The object at /org/roster/Accounts1/user/UID.
pub(super) struct UserObject {
    door: Arc<Door>,
    uid: u32,
}

impl Shown for UserObject {
    type Record = User;

    const GONE: ErrorName = ErrorName::NoSuchUser;
    const INTERFACE: &'static str = USER_INTERFACE;
    const UNREAD: &'static [&'static str] = &[];

    fn new(door: Arc<Door>, uid: u32) -> Self {
        Self { door, uid }
    }

    fn path(uid: u32) -> String {
        user_path(uid)
    }

    fn number(user: &User) -> u32 {
        user.uid
    }

    fn read(service: &Service, uid: u32) -> Result<User, Error> {
        service.user(&Subject::Number(uid))
    }

    fn properties(user: &User) -> Vec<Property> {
        vec![
            Property::public("Name", text(user.name.as_str())),
            Property::public("Gid", Variant::U32(user.gid)),
            Property::public("Group", text(&user.group)),
            Property::public("Groups", Variant::new(user.groups.clone())),
            Property::public("FullName", text(&user.full_name)),
            Property::public("Home", text(user.home.as_str())),
            Property::public("Shell", text(user.shell.as_str())),
            Property::hidden("Email", text(user.email.as_ref().map_or("", |email| email.as_str()))),
            Property::hidden("Role", text(user.role.as_str())),
            Property::hidden("Locked", Variant::Bool(user.locked)),
            Property::hidden("Enabled", Variant::Bool(user.enabled)),
            Property::hidden("PasswordDisabled", Variant::Bool(user.password_disabled)),
            Property::hidden("SshPasswordEnabled", Variant::Bool(user.ssh_password_enabled)),
            Property::hidden(
                "TwofactorAuthConfigured",
                Variant::Bool(user.twofactor_auth_configured),
            ),
            Property::hidden("Generation", Variant::U64(user.generation)),
        ]
    }
}

impl UserObject {
    const fn subject(&self) -> Subject {
        Subject::Number(self.uid)
    }

    async fn read<T>(&self, read: impl FnOnce(User) -> T) -> Result<T, BusError> {
        let subject = self.subject();
        self.door.run(move |service| service.user(&subject)).await.map(read)
    }
}

impl Guarded for UserObject {
    fn shows(&self) -> Option<Subject> {
        Some(self.subject())
    }
}

// What NSS shows to everybody is signalled with its value; of the rest, signals say only that it
// changed, because everybody on the bus hears them.
#[interface(name = "org.roster.Accounts1.User", introspection_docs = false)]
impl UserObject {
    #[zbus(property(emits_changed_signal = "const"))]
    async fn id(&self) -> Result<String, BusError> {
        self.read(|user| user.id.to_string()).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn uid(&self) -> Result<u32, BusError> {
        self.read(|user| user.uid).await
    }

    #[zbus(property)]
    async fn name(&self) -> Result<String, BusError> {
        self.read(|user| user.name.to_string()).await
    }

    #[zbus(property)]
    async fn gid(&self) -> Result<u32, BusError> {
        self.read(|user| user.gid).await
    }

    #[zbus(property)]
    async fn group(&self) -> Result<String, BusError> {
        self.read(|user| user.group).await
    }

    #[zbus(property)]
    async fn groups(&self) -> Result<Vec<String>, BusError> {
        self.read(|user| user.groups).await
    }

    #[zbus(property)]
    async fn full_name(&self) -> Result<String, BusError> {
        self.read(|user| user.full_name).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn email(&self) -> Result<String, BusError> {
        self.read(|user| user.email.map(|email| email.as_str().to_owned()).unwrap_or_default())
            .await
    }

    #[zbus(property)]
    async fn home(&self) -> Result<String, BusError> {
        self.read(|user| user.home.as_str().to_owned()).await
    }

    #[zbus(property)]
    async fn shell(&self) -> Result<String, BusError> {
        self.read(|user| user.shell.as_str().to_owned()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn role(&self) -> Result<String, BusError> {
        self.read(|user| user.role.as_str().to_owned()).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn locked(&self) -> Result<bool, BusError> {
        self.read(|user| user.locked).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn enabled(&self) -> Result<bool, BusError> {
        self.read(|user| user.enabled).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn password_disabled(&self) -> Result<bool, BusError> {
        self.read(|user| user.password_disabled).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn ssh_password_enabled(&self) -> Result<bool, BusError> {
        self.read(|user| user.ssh_password_enabled).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn twofactor_auth_configured(&self) -> Result<bool, BusError> {
        self.read(|user| user.twofactor_auth_configured).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn generation(&self) -> Result<u64, BusError> {
        self.read(|user| user.generation).await
    }

    #[zbus(out_args("user"))]
    async fn get(&self, #[zbus(header)] call: Header<'_>) -> Result<Dictionary, BusError> {
        users::get(&self.door, &call, self.subject()).await
    }

    #[zbus(out_args("user"))]
    async fn update(
        &self,
        fields: Dictionary,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        users::update(&self.door, &call, self.subject(), &fields, options).await
    }

    async fn lock(&self, #[zbus(header)] call: Header<'_>) -> Result<(), BusError> {
        users::lock(&self.door, &call, self.subject()).await
    }

    async fn unlock(&self, #[zbus(header)] call: Header<'_>) -> Result<(), BusError> {
        users::unlock(&self.door, &call, self.subject()).await
    }

    async fn set_password(
        &self,
        password: OwnedFd,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        users::set_password(&self.door, &call, self.subject(), password, options).await
    }

    #[zbus(out_args("deleted"))]
    async fn delete(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        users::delete(&self.door, &call, self.subject(), options).await
    }
}
