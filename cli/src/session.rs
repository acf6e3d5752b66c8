//! The conversation with the daemon: one connection to the system bus, made when the first call
//! needs it, and the translation of what comes back.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use bus::names::{INTERFACE, ONCE, PATH, PLAN, READS, SERVICE};
use bus::{CallError, Dictionary, ErrorName, from_dictionary, secret_from_fd, secret_to_fd};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use zbus::proxy::MethodFlags;
use zbus::wire::DynamicDeserialize;
use zbus::{DynamicType, Proxy, Variant};
use zeroize::Zeroizing;

use crate::error::{Error, Field};
use crate::secret::Secret;

/// Options of a call.
pub type Options<'a> = HashMap<&'a str, Variant<'a>>;

/// Longer than any host effect and any polkit dialogue should take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Longer than the daemon lets an import take.
const LONG_PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);
/// What a daemon that was killed takes to be there again (RestartSec= in rosterd.service).
const RESTART: Duration = Duration::from_millis(500);
/// The daemon fills the pipe before it answers.
const SECRET_DEADLINE: Duration = Duration::from_secs(10);

/// One run of the command.
pub struct Session {
    columns: Option<usize>,
    interactive: bool,
    /// Calls that would change something ask for the plan instead.
    dry_run: bool,
    /// How long an answer may take.
    patience: Duration,
    accounts: OnceCell<Proxy<'static>>,
}

impl Session {
    /// A session that is not connected yet.
    #[must_use]
    pub fn new(columns: Option<usize>, dry_run: bool, takes_long: bool) -> Self {
        let interactive = std::io::stdin().is_terminal();
        let patience = if takes_long { LONG_PATIENCE } else { PATIENCE };
        Self { columns, interactive, dry_run, patience, accounts: OnceCell::new() }
    }

    /// The width of the terminal that the answer goes to, if it is one.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Whether the caller must be asked before something is done that is hard to take back.
    #[must_use]
    pub fn must_confirm(&self) -> bool {
        self.is_interactive() && !self.dry_run
    }

    /// Whether somebody can be asked.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Calls a method of the management interface (packaging/dbus/org.roster.Accounts1.xml).
    ///
    /// # Errors
    /// The daemon's refusal, or that nobody answered.
    pub async fn call<B, R>(&self, method: &'static str, body: &B) -> Result<R, Error>
    where
        B: serde::Serialize + DynamicType,
        R: for<'d> DynamicDeserialize<'d>,
    {
        self.call_on(INTERFACE, method, body).await
    }

    /// Calls a method of another interface of the same object. In a dry run, a method that would
    /// change something is planned instead, and the verb ends there.
    ///
    /// # Errors
    /// As [`Session::call`]; [`Error::Planned`].
    pub async fn call_on<B, R>(
        &self,
        interface: &'static str,
        method: &'static str,
        body: &B,
    ) -> Result<R, Error>
    where
        B: serde::Serialize + DynamicType,
        R: for<'d> DynamicDeserialize<'d>,
    {
        let accounts = self.accounts.get_or_try_init(|| connect(self.patience)).await?;
        let connection = accounts.connection();
        let on = |interface| Proxy::new(connection, SERVICE, PATH, interface);
        if self.dry_run && !READS.contains(&method) {
            let plans = on(PLAN).await.map_err(failure)?;
            let plan: Dictionary = self.send(&plans, method, body).await?;
            return Err(Error::Planned(Box::new(to_record(&plan)?)));
        }
        if interface == INTERFACE {
            return self.send(accounts, method, body).await;
        }
        self.send(&on(interface).await.map_err(failure)?, method, body).await
    }

    async fn send<B, R>(
        &self,
        proxy: &Proxy<'_>,
        method: &'static str,
        body: &B,
    ) -> Result<R, Error>
    where
        B: serde::Serialize + DynamicType,
        R: for<'d> DynamicDeserialize<'d>,
    {
        // polkit may ask somebody, if somebody is there.
        let flags = if self.interactive {
            MethodFlags::ALLOW_INTERACTIVE_AUTH
        } else {
            MethodFlags::empty()
        };
        let mut reply = proxy.call_with_flags(method, flags, body).await;
        // The daemon went away under the call, and systemd or the bus starts it anew. What only
        // reads is asked again; what changes something may have been done.
        let again = READS.contains(&method) && !ONCE.contains(&method);
        if again && reply.as_ref().is_err_and(went_away) {
            tokio::time::sleep(RESTART).await;
            reply = proxy.call_with_flags(method, flags, body).await;
        }
        let reply = reply.map_err(failure)?;
        reply.ok_or_else(|| Error::Local(format!("{method} was not answered")))
    }

    /// Calls a method that answers with one record.
    ///
    /// # Errors
    /// As [`Session::call`], or when the record cannot be read.
    pub async fn record<B>(
        &self,
        method: &'static str,
        body: &B,
    ) -> Result<Map<String, Value>, Error>
    where
        B: serde::Serialize + DynamicType,
    {
        to_record(&self.call::<_, Dictionary>(method, body).await?)
    }
}

/// Whether the daemon ended while it was asked.
fn went_away(error: &zbus::Error) -> bool {
    const NAMES: &[&str] = &["ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected"];
    match error {
        zbus::Error::MethodError(name, ..) => name
            .as_str()
            .strip_prefix("org.freedesktop.DBus.Error.")
            .is_some_and(|name| NAMES.contains(&name)),
        zbus::Error::FDO(error) => matches!(
            **error,
            zbus::fdo::Error::ServiceUnknown(_)
                | zbus::fdo::Error::NameHasNoOwner(_)
                | zbus::fdo::Error::NoReply(_)
                | zbus::fdo::Error::Disconnected(_)
        ),
        _ => false,
    }
}

async fn connect(patience: Duration) -> Result<Proxy<'static>, Error> {
    let connection = zbus::connection::Builder::system()
        .method_timeout(patience)
        .build()
        .await
        .map_err(|error| Error::Unreachable(format!("no system bus: {error}")))?;
    Proxy::new_owned(connection, SERVICE, PATH, INTERFACE).await.map_err(failure)
}

/// A dictionary of the bus as a record.
///
/// # Errors
/// When it holds what no record holds.
pub fn to_record(dictionary: &Dictionary) -> Result<Map<String, Value>, Error> {
    from_dictionary(dictionary)
        .map_err(|error| Error::Local(format!("the answer's field {}: {error}", error.key())))
}

/// A record as a dictionary of the bus.
///
/// # Errors
/// Names the field that is too large or nested too deep.
pub fn to_dictionary(record: &Map<String, Value>) -> Result<Dictionary, Error> {
    bus::to_dictionary(record)
        .map_err(|error| Error::field(error.key(), "invalid", &error.to_string()))
}

/// A pipe that holds a secret, for a call.
///
/// # Errors
/// When the system has none to give.
pub fn to_descriptor(secret: &Secret) -> Result<zbus::wire::OwnedFd, Error> {
    secret_to_fd(secret.as_bytes())
        .map(Into::into)
        .map_err(|error| Error::Local(format!("the secret cannot be passed on: {error}")))
}

/// The secret that the daemon put into a pipe.
///
/// # Errors
/// When it cannot be read or is no text.
pub fn from_descriptor(descriptor: zbus::wire::OwnedFd) -> Result<Zeroizing<String>, Error> {
    let failed = |why: &str| Error::Local(format!("it was done, but the secret was lost: {why}"));
    let descriptor: std::os::fd::OwnedFd = descriptor.into();
    let bytes = secret_from_fd(descriptor, SECRET_DEADLINE).map_err(|e| failed(&e.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn failure(error: zbus::Error) -> Error {
    if let zbus::Error::MethodError(name, detail, _) = &error {
        // systemd was asked to start the daemon, and could not.
        if name.as_str().starts_with("org.freedesktop.systemd1.") {
            return Error::Unreachable(detail.clone().unwrap_or_else(|| name.to_string()));
        }
    }
    match CallError::from(error) {
        CallError::Refused(refused) => Error::Refused {
            code: code(refused.name).to_owned(),
            message: refused.message,
            fields: refused
                .fields
                .0
                .into_iter()
                .map(|field| Field {
                    code: serde_json::to_value(field.code)
                        .ok()
                        .and_then(|code| code.as_str().map(str::to_owned))
                        .unwrap_or_default(),
                    field: field.field,
                    message: field.message,
                })
                .collect(),
        },
        CallError::Unreachable(why) => Error::Unreachable(why),
        CallError::Other(why) => Error::Local(why),
    }
}

/// The code that programs see: as the bus names it, but one for a taken name of either kind.
fn code(name: ErrorName) -> &'static str {
    match name {
        ErrorName::UserExists | ErrorName::GroupExists => "name_in_use",
        other => other.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_of_either_kind_has_one_code() {
        assert_eq!(code(ErrorName::UserExists), "name_in_use");
        assert_eq!(code(ErrorName::GroupExists), "name_in_use");
        assert_eq!(code(ErrorName::IdInUse), "id_in_use");
    }

    #[test]
    fn a_daemon_that_cannot_be_started_is_unreachable() {
        let gone = zbus::fdo::Error::ServiceUnknown("not activatable".to_owned());
        let error = failure(zbus::Error::from(gone));
        assert_eq!((error.code(), error.exit_code()), ("unreachable", 11));
        assert!(error.to_string().contains("systemctl status rosterd"));
    }
}
