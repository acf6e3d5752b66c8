//! Attributes, settings and profile of a user. What the methods mean is in
//! packaging/dbus/org.roster.Accounts1.Metadata.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary};
use serde_json::{Value, json};
use zbus::message::Header;
use zbus::{OwnedVariant, interface};

use super::door::Door;
use super::errors::invalid;
use super::gate::Guarded;
use super::options::Options;
use super::records::{fields, record, subject};
use super::verb::Verb;
use crate::service::Service;

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Metadata {
    door: Arc<Door>,
}

impl Metadata {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Metadata {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

/// A value that the record can be shown with: in it, the value is a level deeper.
fn attribute(key: &str, value: OwnedVariant) -> Result<Value, BusError> {
    let mut given = fields(&Dictionary::from([("value".to_owned(), value)]))?;
    let value = given.remove("value").unwrap_or(Value::Null);
    let shown = json!({ "attributes": { key: &value } });
    let shown = shown.as_object().map(bus::to_dictionary);
    match shown {
        Some(Err(error)) => Err(invalid("value", &error.to_string())),
        _ => Ok(value),
    }
}

fn update_only(options: Dictionary) -> Result<bool, BusError> {
    let mut options = Options::new(options);
    let update_only = options.flag("update_only");
    options.finish()?;
    Ok(update_only)
}

#[interface(name = "org.roster.Accounts1.Metadata", introspection_docs = false)]
impl Metadata {
    #[zbus(out_args("metadata"))]
    async fn get_metadata(
        &self,
        subject: &str,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<Dictionary, BusError> {
        let subject = self::subject(subject)?;
        self.door.grant(&call, Verb::GetUser, Some(&subject)).await?;
        record(&self.door.run(move |service| service.metadata(&subject)).await?)
    }

    #[zbus(out_args("set"))]
    async fn set_attribute(
        &self,
        subject: &str,
        key: String,
        value: OwnedVariant,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<bool, BusError> {
        let subject = self::subject(subject)?;
        let value = attribute(&key, value)?;
        let grant = self.door.grant(&call, Verb::SetAttribute, Some(&subject)).await?;
        let set = move |service: &Service| service.set_attribute(&grant, &subject, &key, value);
        self.door.run(set).await.map(|()| true)
    }

    #[zbus(out_args("popped"))]
    async fn pop_attribute(
        &self,
        subject: &str,
        key: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<bool, BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::PopAttribute, Some(&subject)).await?;
        self.door.run(move |service| service.pop_attribute(&grant, &subject, &key)).await
    }

    async fn set_setting(
        &self,
        subject: &str,
        app: String,
        key: String,
        value: String,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let update_only = update_only(options)?;
        let grant = self.door.grant(&call, Verb::SetSetting, Some(&subject)).await?;
        let set = move |service: &Service| {
            service.set_setting(&grant, &subject, (&app, &key), &value, update_only)
        };
        self.door.run(set).await
    }

    #[zbus(out_args("deleted"))]
    async fn delete_setting(
        &self,
        subject: &str,
        app: String,
        key: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<bool, BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::DeleteSetting, Some(&subject)).await?;
        let delete =
            move |service: &Service| service.delete_setting(&grant, &subject, (&app, &key));
        self.door.run(delete).await
    }

    async fn set_profile(
        &self,
        subject: &str,
        key: String,
        value: String,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), BusError> {
        let subject = self::subject(subject)?;
        let update_only = update_only(options)?;
        let grant = self.door.grant(&call, Verb::SetProfile, Some(&subject)).await?;
        let set = move |service: &Service| {
            service.set_profile(&grant, &subject, &key, &value, update_only)
        };
        self.door.run(set).await
    }

    #[zbus(out_args("deleted"))]
    async fn delete_profile(
        &self,
        subject: &str,
        key: String,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<bool, BusError> {
        let subject = self::subject(subject)?;
        let grant = self.door.grant(&call, Verb::DeleteProfile, Some(&subject)).await?;
        self.door.run(move |service| service.delete_profile(&grant, &subject, &key)).await
    }
}
