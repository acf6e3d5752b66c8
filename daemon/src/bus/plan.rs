//! `org.roster.Accounts1.Plan`: every verb that changes something, rehearsed. Same names, same
//! arguments, same right; the answer is what would change (packaging/dbus/org.roster.Accounts1.Plan.xml).
//!
//! There is no method here. A call is handed to the interface that has the verb, made over a door
//! that gives grants for rehearsals only; what such a grant begins ends in a plan
//! ([`crate::service::Plan`]), which goes out as the answer ([`BusError`](bus::BusError)).
//!
//! So a new verb has its plan: put its interface into [`Plans::new`] if it is a new one, and the
//! method, as the introspection shows it, into the XML. A method without a plan goes into [`READS`]
//! instead; the tests of the introspection tell which is missing.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use accounts::Subject;
use bus::names::{PLAN, READS};
use zbus::export::async_trait::async_trait;
use zbus::message::{Header, Message};
use zbus::names::{InterfaceName, MemberName};
use zbus::object_server::{DispatchResult, Interface, SignalEmitter};
use zbus::{BoxDBusError, Connection, ObjectServer, OwnedVariant, Variant, fdo};

use super::accounts::Accounts;
use super::administration::Administration;
use super::door::Door;
use super::enforcement::Enforcement;
use super::gate::Guarded;
use super::import::Import;
use super::lifecycle::Lifecycle;
use super::mail::Mail;
use super::metadata::Metadata;
use super::objects::Objects;
use super::passwords::Passwords;
use super::tokens::Tokens;
use super::user_object::UserObject;

/// The interface, on the object at /org/roster/Accounts1.
pub(super) struct Plans {
    rehearsed: Vec<Box<dyn Interface>>,
}

impl Plans {
    pub(super) fn new(door: &Door, users: Arc<Objects<UserObject>>) -> Self {
        let door = Arc::new(door.for_rehearsal());
        let rehearsed: Vec<Box<dyn Interface>> = vec![
            Box::new(Accounts::new(Arc::clone(&door), users)),
            Box::new(Administration::new(Arc::clone(&door))),
            Box::new(Enforcement::new(Arc::clone(&door))),
            Box::new(Import::new(Arc::clone(&door))),
            Box::new(Lifecycle::new(Arc::clone(&door))),
            Box::new(Mail::new(Arc::clone(&door))),
            Box::new(Metadata::new(Arc::clone(&door))),
            Box::new(Passwords::new(Arc::clone(&door))),
            Box::new(Tokens::new(door)),
        ];
        Self { rehearsed }
    }
}

impl Guarded for Plans {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[async_trait]
impl Interface for Plans {
    fn name() -> InterfaceName<'static> {
        InterfaceName::from_static_str_unchecked(PLAN)
    }

    async fn get(
        &self,
        _property_name: &str,
        _server: &ObjectServer,
        _connection: &Connection,
        _header: Option<&Header<'_>>,
        _emitter: &SignalEmitter<'_>,
    ) -> Option<Result<OwnedVariant, BoxDBusError>> {
        None
    }

    async fn get_all(
        &self,
        _server: &ObjectServer,
        _connection: &Connection,
        _header: Option<&Header<'_>>,
        _emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<HashMap<String, OwnedVariant>> {
        Ok(HashMap::new())
    }

    async fn set_mut(
        &mut self,
        _property_name: &str,
        _value: &Variant<'_>,
        _server: &ObjectServer,
        _connection: &Connection,
        _header: Option<&Header<'_>>,
        _emitter: &SignalEmitter<'_>,
    ) -> Option<Result<(), BoxDBusError>> {
        None
    }

    fn call<'call>(
        &'call self,
        server: &'call ObjectServer,
        connection: &'call Connection,
        message: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        if READS.contains(&name.as_str()) {
            return DispatchResult::NotFound;
        }
        for interface in &self.rehearsed {
            match interface.call(server, connection, message, name.clone()) {
                DispatchResult::Async(call) => return DispatchResult::Async(call),
                DispatchResult::NotFound | DispatchResult::RequiresMut => {}
            }
        }
        DispatchResult::NotFound
    }

    fn call_mut<'call>(
        &'call mut self,
        _server: &'call ObjectServer,
        _connection: &'call Connection,
        _message: &'call Message,
        _name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        DispatchResult::NotFound
    }

    fn introspect_to_writer(&self, writer: &mut dyn Write, level: usize) {
        let mut text = String::new();
        for interface in &self.rehearsed {
            interface.introspect_to_writer(&mut text, 0);
        }
        let _ = writeln!(writer, "{:level$}<interface name=\"{PLAN}\">", "");
        for line in planned(&text) {
            let _ = writeln!(writer, "{:level$}  {line}", "");
        }
        let _ = writeln!(writer, "{:level$}</interface>", "");
    }
}

/// Of an introspection, the methods that change something, with a plan for an answer.
fn planned(introspection: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in introspection.lines().map(str::trim) {
        if let Some(method) = line.strip_prefix("<method name=\"") {
            let name = method.split('"').next().unwrap_or_default();
            inside = !READS.contains(&name);
            if inside {
                lines.push(format!("<method name=\"{name}\">"));
            }
        }
        if inside && line.starts_with("<arg ") && !line.contains("direction=\"out\"") {
            lines.push(format!("  {line}"));
        }
        let alone = line.starts_with("<method ") && line.ends_with("/>");
        if inside && (alone || line.starts_with("</method")) {
            lines.push("  <arg name=\"plan\" type=\"a{sv}\" direction=\"out\"/>".to_owned());
            lines.push("</method>".to_owned());
            inside = false;
        }
    }
    lines
}
