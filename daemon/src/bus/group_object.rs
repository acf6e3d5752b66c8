//! A group's object: its record as properties, and the verbs about it.
//! What the methods mean is in packaging/dbus/org.roster.Accounts1.Group.xml.

use std::sync::Arc;

use accounts::{Group, Subject};
use bus::names::{GROUP_INTERFACE, group_path};
use bus::{BusError, Dictionary, ErrorName};
use zbus::message::Header;
use zbus::{Variant, interface};

use super::door::Door;
use super::gate::Guarded;
use super::groups;
use super::objects::{Property, Shown, text};
use super::verb::Verb;
use crate::service::{Error, Service};

/// The object at /org/roster/Accounts1/group/GID.
pub(super) struct GroupObject {
    door: Arc<Door>,
    gid: u32,
}

impl Shown for GroupObject {
    type Record = Group;

    const GONE: ErrorName = ErrorName::NoSuchGroup;
    const INTERFACE: &'static str = GROUP_INTERFACE;
    // A hundred thousand names are not copied because one joined.
    const UNREAD: &'static [&'static str] = &["Members"];

    fn new(door: Arc<Door>, gid: u32) -> Self {
        Self { door, gid }
    }

    fn path(gid: u32) -> String {
        group_path(gid)
    }

    fn number(group: &Group) -> u32 {
        group.gid
    }

    fn read(service: &Service, gid: u32) -> Result<Group, Error> {
        service.group_without_members(&Subject::Number(gid))
    }

    fn properties(group: &Group) -> Vec<Property> {
        let commands = Variant::new(group.sudo_commands.clone());
        let nopasswd = Variant::new(group.sudo_commands_nopasswd.clone());
        vec![
            Property::public("Name", text(group.name.as_str())),
            Property::hidden("DisplayName", text(&group.display_name)),
            Property::hidden("SudoCommands", commands),
            Property::hidden("SudoCommandsNopasswd", nopasswd),
        ]
    }
}

impl GroupObject {
    const fn subject(&self) -> Subject {
        Subject::Number(self.gid)
    }

    async fn read<T>(&self, read: impl FnOnce(Group) -> T) -> Result<T, BusError> {
        let subject = self.subject();
        self.door.run(move |service| service.group_without_members(&subject)).await.map(read)
    }

    /// What the group is called: whether that gives power decides what polkit is asked.
    async fn name(&self) -> Result<String, BusError> {
        self.read(|group| group.name.to_string()).await
    }
}

impl Guarded for GroupObject {
    fn shows(&self) -> Option<Subject> {
        None
    }

    fn needs(&self) -> Option<(Verb, Option<Subject>)> {
        Some((Verb::GetGroup, None))
    }
}

// As with users: what NSS shows to everybody is signalled with its value.
#[interface(name = "org.roster.Accounts1.Group", introspection_docs = false)]
impl GroupObject {
    #[zbus(property(emits_changed_signal = "const"))]
    async fn id(&self) -> Result<String, BusError> {
        self.read(|group| group.id.to_string()).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn gid(&self) -> Result<u32, BusError> {
        self.read(|group| group.gid).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn builtin(&self) -> Result<bool, BusError> {
        self.read(|group| group.builtin).await
    }

    #[zbus(property, name = "Name")]
    async fn current_name(&self) -> Result<String, BusError> {
        self.name().await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn members(&self) -> Result<Vec<String>, BusError> {
        let subject = self.subject();
        self.door.run(move |service| service.group(&subject)).await.map(|group| group.members)
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn display_name(&self) -> Result<String, BusError> {
        self.read(|group| group.display_name).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn sudo_commands(&self) -> Result<Vec<String>, BusError> {
        self.read(|group| group.sudo_commands).await
    }

    #[zbus(property(emits_changed_signal = "invalidates"))]
    async fn sudo_commands_nopasswd(&self) -> Result<Vec<String>, BusError> {
        self.read(|group| group.sudo_commands_nopasswd).await
    }

    #[zbus(out_args("group"))]
    async fn get(&self, #[zbus(header)] call: Header<'_>) -> Result<Dictionary, BusError> {
        groups::get(&self.door, &call, self.subject()).await
    }

    #[zbus(out_args("group"))]
    async fn update(
        &self,
        fields: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let name = self.name().await?;
        groups::update(&self.door, &call, &name, self.subject(), &fields).await
    }

    async fn delete(&self, #[zbus(header)] call: Header<'_>) -> Result<(), BusError> {
        groups::delete(&self.door, &call, self.subject()).await
    }

    async fn add_member(
        &self,
        user: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let name = self.name().await?;
        let group = (name.as_str(), format!("gid:{}", self.gid));
        groups::change_member(&self.door, &call, Verb::AddMember, group, user).await
    }

    async fn remove_member(
        &self,
        user: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let name = self.name().await?;
        let group = (name.as_str(), format!("gid:{}", self.gid));
        groups::change_member(&self.door, &call, Verb::RemoveMember, group, user).await
    }
}
