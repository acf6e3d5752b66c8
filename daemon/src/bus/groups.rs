//! The verbs that the management interface and a group's object share, and the interface that finds
//! those objects. What its methods mean is in packaging/dbus/org.roster.Accounts1.Groups.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{ObjectPath, OwnedObjectPath, interface};

use super::door::Door;
use super::gate::Guarded;
use super::group_object::GroupObject;
use super::objects::Objects;
use super::records::{fields, give_power, is_powerful, record};
use super::verb::Verb;
use crate::service::Service;

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Groups {
    door: Arc<Door>,
    objects: Arc<Objects<GroupObject>>,
}

impl Groups {
    pub(super) const fn new(door: Arc<Door>, objects: Arc<Objects<GroupObject>>) -> Self {
        Self { door, objects }
    }
}

impl Guarded for Groups {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Groups", introspection_docs = false)]
impl Groups {
    #[zbus(out_args("path"))]
    async fn find_group(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedObjectPath, BusError> {
        let subject = super::records::subject(subject)?;
        self.door.grant(&call, Verb::GetGroup, None).await?;
        let read = move |service: &Service| service.group_without_members(&subject);
        let group = self.door.run(read).await?;
        self.objects.register(&self.door, group).await
    }

    #[zbus(signal)]
    pub(super) async fn group_added(
        emitter: &SignalEmitter<'_>,
        path: ObjectPath<'_>,
        name: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn group_changed(
        emitter: &SignalEmitter<'_>,
        path: ObjectPath<'_>,
        name: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn group_removed(
        emitter: &SignalEmitter<'_>,
        path: ObjectPath<'_>,
        name: &str,
    ) -> zbus::Result<()>;
}

/// `GetGroup`.
pub(super) async fn get(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<Dictionary, BusError> {
    door.grant(call, Verb::GetGroup, None).await?;
    record(&door.run(move |service| service.group(&subject)).await?)
}

/// `UpdateGroup`, of the group that is called `name` there.
pub(super) async fn update(
    door: &Arc<Door>,
    call: &Header<'_>,
    name: &str,
    subject: Subject,
    fields: &Dictionary,
) -> Result<Dictionary, BusError> {
    let fields = self::fields(fields)?;
    let root_groups = &door.service().config().accounts.root_groups;
    let powerful = |name: &str| is_powerful(name, root_groups);
    let power = powerful(name)
        || give_power(&fields, root_groups)
        || fields.get("name").is_some_and(|name| name.as_str().is_none_or(powerful));
    let grant = door.grant_with_power(call, Verb::UpdateGroup, power).await?;
    let update = move |service: &Service| service.update_group(&grant, &subject, &fields);
    record(&door.run(update).await?)
}

/// `DeleteGroup`.
pub(super) async fn delete(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<(), BusError> {
    let grant = door.grant(call, Verb::DeleteGroup, None).await?;
    door.run(move |service| service.delete_group(&grant, &subject)).await
}

/// `AddMember` and `RemoveMember`: of the group that is meant, and called `name` there.
pub(super) async fn change_member(
    door: &Arc<Door>,
    call: &Header<'_>,
    verb: Verb,
    (name, group): (&str, String),
    user: String,
) -> Result<(), BusError> {
    let power = is_powerful(name, &door.service().config().accounts.root_groups);
    let grant = door.grant_with_power(call, verb, power).await?;
    let change = move |service: &Service| match verb {
        Verb::RemoveMember => service.remove_member(&grant, &group, &user),
        _ => service.add_member(&grant, &group, &user),
    };
    door.run(change).await
}
