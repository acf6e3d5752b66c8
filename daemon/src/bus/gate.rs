//! What stands before every object: nothing of a call is decoded before its sender is known and
//! let in, and no property is read without the right to read the record.
//!
//! A method call's body would otherwise be decoded first, and a decoded body takes many times the
//! memory of the message; and property getters run without any question asked.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use accounts::Subject;
use bus::BusError;
use zbus::export::async_trait::async_trait;
use zbus::message::{Header, Message};
use zbus::names::{InterfaceName, MemberName};
use zbus::object_server::{DispatchResult, Interface, SignalEmitter};
use zbus::{BoxDBusError, Connection, ObjectServer, OwnedVariant, Variant, fdo};

use super::door::Door;
use super::errors::not_authorized;
use super::verb::Verb;

/// An interface that can stand behind the gate.
pub(super) trait Guarded: Interface {
    /// The user whose record the properties show; `None` when they are for everybody.
    fn shows(&self) -> Option<Subject>;

    /// What reading the properties needs the right to, about whom; nothing when they are for
    /// everybody.
    fn needs(&self) -> Option<(Verb, Option<Subject>)> {
        self.shows().map(|subject| (Verb::GetUser, Some(subject)))
    }
}

/// An interface behind the gate.
pub(super) struct Gate<I> {
    door: Arc<Door>,
    inner: I,
}

impl<I: Guarded> Gate<I> {
    pub(super) const fn new(door: Arc<Door>, inner: I) -> Self {
        Self { door, inner }
    }

    /// polkit is not asked here: the object server is locked while a property is read, and nobody
    /// may hold it up until they have typed a password. `Get` and `GetUser` ask.
    async fn may_read(&self, header: Option<&Header<'_>>) -> Result<(), BusError> {
        let header = header.ok_or_else(not_authorized)?;
        let _admitted = self.door.admit(header).await?;
        match self.inner.needs() {
            Some((verb, subject)) => self.door.role_allows(header, verb, subject.as_ref()).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl<I: Guarded> Interface for Gate<I> {
    fn name() -> InterfaceName<'static> {
        I::name()
    }

    async fn get(
        &self,
        property_name: &str,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<Result<OwnedVariant, BoxDBusError>> {
        if let Err(error) = self.may_read(header).await {
            return Some(Err(Box::new(error)));
        }
        self.inner.get(property_name, server, connection, header, emitter).await
    }

    async fn get_all(
        &self,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<HashMap<String, OwnedVariant>> {
        if let Err(error) = self.may_read(header).await {
            return Err(fdo::Error::AccessDenied(error.message));
        }
        self.inner.get_all(server, connection, header, emitter).await
    }

    async fn set_mut(
        &mut self,
        property_name: &str,
        value: &Variant<'_>,
        server: &ObjectServer,
        connection: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<Result<(), BoxDBusError>> {
        self.inner.set_mut(property_name, value, server, connection, header, emitter).await
    }

    fn call<'call>(
        &'call self,
        server: &'call ObjectServer,
        connection: &'call Connection,
        message: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        match self.inner.call(server, connection, message, name) {
            DispatchResult::Async(call) => DispatchResult::Async(Box::pin(async move {
                let admitted = self.door.admit(&message.header()).await;
                let _admitted = admitted.map_err(|error| Box::new(error) as BoxDBusError)?;
                call.await
            })),
            other => other,
        }
    }

    fn call_mut<'call>(
        &'call mut self,
        _server: &'call ObjectServer,
        _connection: &'call Connection,
        _message: &'call Message,
        _name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        // No method of ours changes the object itself.
        DispatchResult::NotFound
    }

    fn introspect_to_writer(&self, writer: &mut dyn Write, level: usize) {
        self.inner.introspect_to_writer(writer, level);
    }
}
