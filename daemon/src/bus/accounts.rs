//! The management interface: each verb is decoded, authorised, handed to the service.
//! What the methods mean is in packaging/dbus/org.roster.Accounts1.xml.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::{Code, Subject};
use bus::names::{DEFAULT_PAGE, MAX_PAGE};
use bus::{BusError, Dictionary};
use serde_json::json;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{ObjectPath, OwnedFd, OwnedObjectPath, interface};

use super::door::{Door, give};
use super::errors::bus_error;
use super::gate::Guarded;
use super::groups;
use super::objects::Objects;
use super::options::Options;
use super::records::{fields, give_power, is_powerful, record, records, searched, subject};
use super::two_factor;
use super::user_object::UserObject;
use super::users;
use super::verb::Verb;
use crate::secret::Secret;

use crate::service::{Holder, NewPassword, Service};

/// The object at /org/roster/Accounts1.
pub(super) struct Accounts {
    door: Arc<Door>,
    objects: Arc<Objects<UserObject>>,
}

impl Accounts {
    pub(super) const fn new(door: Arc<Door>, objects: Arc<Objects<UserObject>>) -> Self {
        Self { door, objects }
    }
}

impl Guarded for Accounts {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1", introspection_docs = false)]
impl Accounts {
    #[zbus(out_args("user", "secret"))]
    async fn create_user(
        &self,
        fields: Dictionary,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(Dictionary, Vec<OwnedFd>), BusError> {
        let fields = self::fields(&fields)?;
        let mut options = Options::new(options);
        let (fd, generate, imposed) = users::first_password(&mut options);
        options.finish()?;
        let power = give_power(&fields, &self.door.service().config().accounts.root_groups);
        let grant = self.door.grant_with_power(&call, Verb::CreateUser, power).await?;
        let grant = users::and_override(&self.door, &call, grant, None, imposed).await?;
        let password = match fd {
            Some(fd) => users::given(self.door.secret("password", fd).await?, imposed),
            None if generate => NewPassword::Generate,
            None => NewPassword::None,
        };
        let created =
            self.door.run(move |service| service.create_user(&grant, &fields, password)).await?;
        let secret = created.password.as_ref().map(|password| give(password.as_bytes()));
        let mut user = record(&created.user)?;
        if !created.warnings.is_empty() {
            user.extend(record(&json!({ "warnings": created.warnings }))?);
        }
        Ok((user, secret.transpose()?.into_iter().collect()))
    }

    #[zbus(out_args("user"))]
    async fn update_user(
        &self,
        subject: &str,
        fields: Dictionary,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        users::update(&self.door, &call, self::subject(subject)?, &fields, options).await
    }

    #[zbus(out_args("deleted"))]
    async fn delete_user(
        &self,
        subject: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        users::delete(&self.door, &call, self::subject(subject)?, options).await
    }

    #[zbus(out_args("user"))]
    async fn get_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        users::get(&self.door, &call, self::subject(subject)?).await
    }

    #[zbus(out_args("path"))]
    async fn find_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedObjectPath, BusError> {
        let subject = self::subject(subject)?;
        self.door.grant(&call, Verb::GetUser, Some(&subject)).await?;
        let user = self.door.run(move |service| service.user(&subject)).await?;
        self.objects.register(&self.door, user).await
    }

    #[zbus(out_args("total", "users"))]
    async fn list_users(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, Vec<Dictionary>), BusError> {
        let (offset, limit) = page(options)?;
        self.door.grant(&call, Verb::ListUsers, None).await?;
        let list = move |service: &Service| {
            let page = service.list_users(offset, limit).map_err(|error| bus_error(&error))?;
            Ok((page.total, records(&page.items)?))
        };
        self.door.blocking(list).await
    }

    async fn lock_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        users::lock(&self.door, &call, self::subject(subject)?).await
    }

    async fn unlock_user(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        users::unlock(&self.door, &call, self::subject(subject)?).await
    }

    async fn set_password(
        &self,
        subject: &str,
        password: OwnedFd,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        users::set_password(&self.door, &call, self::subject(subject)?, password, options).await
    }

    async fn change_password(
        &self,
        old: OwnedFd,
        new: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let grant = self.door.grant_own_password(&call).await?;
        let old = self.door.secret("old", old.into()).await?;
        let new = self.door.secret("new", new.into()).await?;
        self.door.run(move |service| service.change_own_password(&grant, &old, &new)).await
    }

    #[zbus(out_args("password"))]
    async fn generate_password(
        &self,
        subject: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        let subject = self::subject(subject)?;
        let mut options = Options::new(options);
        let expire = options.flag("expire");
        options.finish()?;
        let grant = self.door.grant(&call, Verb::GeneratePassword, Some(&subject)).await?;
        let set = move |service: &Service| {
            service.set_password(&grant, &subject, NewPassword::Generate, expire)
        };
        let password = self.door.run(set).await?;
        give(password.as_ref().map_or(&[], Secret::as_bytes))
    }

    async fn clear_password(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::ClearPassword, Some(&subject)).await?;
        self.door.run(move |service| service.clear_password(&grant, &subject)).await
    }

    #[zbus(out_args("enrolment"))]
    async fn enroll_totp(
        &self,
        subject: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        two_factor::enroll(&self.door, &call, self::subject(subject)?, options).await
    }

    #[zbus(out_args("recovery_codes"))]
    async fn confirm_totp(
        &self,
        subject: &str,
        code: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        two_factor::confirm(&self.door, &call, self::subject(subject)?, code).await
    }

    #[zbus(out_args("valid"))]
    async fn verify_totp(
        &self,
        subject: &str,
        code: OwnedFd,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<bool, BusError> {
        two_factor::verify(&self.door, &call, self::subject(subject)?, code).await
    }

    #[zbus(out_args("recovery_codes"))]
    async fn generate_recovery_codes(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<OwnedFd, BusError> {
        two_factor::recovery_codes(&self.door, &call, self::subject(subject)?).await
    }

    #[zbus(out_args("state"))]
    async fn get_two_factor_state(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        two_factor::state(&self.door, &call, self::subject(subject)?).await
    }

    async fn enable_two_factor(
        &self,
        subject: &str,
        provider: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        two_factor::set(&self.door, &call, self::subject(subject)?, provider, true).await
    }

    async fn disable_two_factor(
        &self,
        subject: &str,
        provider: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        two_factor::set(&self.door, &call, self::subject(subject)?, provider, false).await
    }

    #[zbus(out_args("id"))]
    async fn add_key(
        &self,
        subject: &str,
        key: String,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<i64, BusError> {
        let subject = self::subject(subject)?;
        let mut options = Options::new(options);
        let expires_at = options.text("expires_at");
        options.finish()?;
        let grant = self.door.grant(&call, Verb::AddKey, Some(&subject)).await?;
        let add =
            move |service: &Service| service.add_key(&grant, &subject, &key, expires_at.as_deref());
        self.door.run(add).await
    }

    #[zbus(out_args("keys"))]
    async fn list_keys(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Vec<Dictionary>, BusError> {
        let subject = self::subject(subject)?;
        self.door.grant(&call, Verb::ListKeys, Some(&subject)).await?;
        records(&self.door.run(move |service| service.list_keys(&subject)).await?)
    }

    async fn remove_key(
        &self,
        subject: &str,
        id: i64,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::RemoveKey, Some(&subject)).await?;
        self.door.run(move |service| service.remove_key(&grant, &subject, id)).await
    }

    #[zbus(out_args("id"))]
    async fn grant_sudo(
        &self,
        holder: &str,
        command: String,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<i64, BusError> {
        let holder = self::holder(holder)?;
        let mut options = Options::new(options);
        let (nopasswd, lasts) = (options.flag("nopasswd"), options.number("for"));
        options.finish()?;
        let grant = self.door.grant(&call, Verb::GrantSudo, None).await?;
        let give =
            move |service: &Service| service.grant_sudo(&grant, &holder, &command, nopasswd, lasts);
        self.door.run(give).await
    }

    async fn revoke_sudo(
        &self,
        holder: &str,
        id: i64,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let holder = self::holder(holder)?;
        let id = Some(id).filter(|id| *id != 0);
        let grant = self.door.grant(&call, Verb::RevokeSudo, None).await?;
        self.door.run(move |service| service.revoke_sudo(&grant, &holder, id)).await
    }

    #[zbus(out_args("rules"))]
    async fn list_sudo(
        &self,
        holder: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Vec<Dictionary>, BusError> {
        let holder = if holder.is_empty() { None } else { Some(self::holder(holder)?) };
        let subject = match &holder {
            Some(Holder::User(subject)) => Some(subject),
            _ => None,
        };
        self.door.grant(&call, Verb::ListSudo, subject).await?;
        records(&self.door.run(move |service| service.list_sudo(holder.as_ref())).await?)
    }

    #[zbus(out_args("group"))]
    async fn create_group(
        &self,
        fields: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let fields = self::fields(&fields)?;
        let root_groups = &self.door.service().config().accounts.root_groups;
        let named = fields.get("name").and_then(serde_json::Value::as_str);
        let power = give_power(&fields, root_groups)
            || named.is_some_and(|name| is_powerful(name, root_groups));
        let grant = self.door.grant_with_power(&call, Verb::CreateGroup, power).await?;
        record(&self.door.run(move |service| service.create_group(&grant, &fields)).await?)
    }

    #[zbus(out_args("group"))]
    async fn get_group(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        groups::get(&self.door, &call, self::subject(subject)?).await
    }

    #[zbus(out_args("total", "groups"))]
    async fn list_groups(
        &self,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, Vec<Dictionary>), BusError> {
        let (search, options) = searched(options)?;
        let (offset, limit) = page(options)?;
        self.door.grant(&call, Verb::ListGroups, None).await?;
        let list = move |service: &Service| {
            let page =
                service.list_groups(&search, offset, limit).map_err(|error| bus_error(&error))?;
            Ok((page.total, records(&page.items)?))
        };
        self.door.blocking(list).await
    }

    async fn delete_group(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        groups::delete(&self.door, &call, self::subject(subject)?).await
    }

    async fn add_member(
        &self,
        group: String,
        user: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let name = group.clone();
        groups::change_member(&self.door, &call, Verb::AddMember, (&name, group), user).await
    }

    async fn remove_member(
        &self,
        group: String,
        user: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let name = group.clone();
        groups::change_member(&self.door, &call, Verb::RemoveMember, (&name, group), user).await
    }

    #[zbus(out_args("entry"))]
    async fn get_passwd_entry(&self, subject: &str) -> Result<Dictionary, BusError> {
        let subject = self::subject(subject)?;
        record(&self.door.run(move |service| service.passwd_entry(&subject)).await?)
    }

    #[zbus(out_args("uid"))]
    async fn get_next_uid(&self) -> Result<u32, BusError> {
        self.door.run(Service::next_uid).await
    }

    #[zbus(out_args("shells"))]
    async fn list_shells(&self) -> Result<BTreeMap<String, String>, BusError> {
        self.door.run(|service| Ok(service.shells())).await
    }

    #[zbus(name = "WhoAmI", out_args("user"))]
    async fn who_am_i(&self, #[zbus(header)] call: Header<'_>) -> Result<Dictionary, BusError> {
        users::who_am_i(&self.door, &call).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    #[zbus(signal)]
    pub(super) async fn user_added(
        emitter: &SignalEmitter<'_>,
        path: ObjectPath<'_>,
        name: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn user_changed(
        emitter: &SignalEmitter<'_>,
        path: ObjectPath<'_>,
        name: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(super) async fn user_removed(
        emitter: &SignalEmitter<'_>,
        path: ObjectPath<'_>,
        name: &str,
    ) -> zbus::Result<()>;
}

pub(super) fn page(options: Dictionary) -> Result<(u64, u64), BusError> {
    let mut options = Options::new(options);
    let limit = options.number("limit").unwrap_or(DEFAULT_PAGE);
    let offset = options.number("offset").unwrap_or(0);
    if limit > MAX_PAGE {
        options.refuse("limit", Code::TooLong, "a page has at most 10000 entries");
    }
    if i64::try_from(offset).is_err() {
        options.refuse("offset", Code::TooLong, "is beyond any list");
    }
    options.finish()?;
    Ok((offset, limit))
}

fn holder(text: &str) -> Result<Holder, BusError> {
    Holder::parse(text).map_err(|error| bus_error(&error))
}
