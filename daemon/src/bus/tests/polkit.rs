//! What polkit adds, with an authority of our own on the bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{AccountsProxy, BusError, ErrorName};
use serde_json::json;
use zbus::{OwnedVariant, interface};

use super::client::{Answer, Call, Client, text};
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, dictionary};

/// What the authority was asked: kind and name of the subject, action, flags.
pub(super) type Question = (String, String, String, u32);
/// What polkit answers.
type Verdict = (bool, bool, HashMap<String, String>);

/// How the authority behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It grants what it is told to.
    Grants,
    /// It says yes as soon as the asker's caller has left the bus.
    WaitsForTheCallerToLeave,
    /// It answers with an error.
    Fails,
    /// It leaves the bus with the question open.
    Leaves,
}

/// polkit, as far as these tests need it.
#[derive(Clone)]
pub(super) struct Authority {
    manner: Manner,
    pub(super) grants: Arc<Mutex<Vec<&'static str>>>,
    pub(super) asked: Arc<Mutex<Vec<Question>>>,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: &str,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation: &str,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> zbus::fdo::Result<Verdict> {
        let (kind, details) = subject;
        let name = details.get("name").map(|name| String::try_from(name.try_clone().unwrap()));
        let name = name.unwrap().unwrap();
        self.asked.lock().unwrap().push((kind, name.clone(), action.to_owned(), flags));
        let short = action.strip_prefix("org.roster.accounts1.").unwrap();
        match self.manner {
            Manner::Grants => {
                let granted = self.grants.lock().unwrap().contains(&short);
                Ok((granted, false, HashMap::new()))
            }
            Manner::WaitsForTheCallerToLeave => {
                let bus = zbus::fdo::DBusProxy::new(connection).await?;
                let caller = zbus::names::BusName::try_from(name).unwrap();
                while bus.name_has_owner(caller.clone()).await? {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok((true, false, HashMap::new()))
            }
            Manner::Fails => Err(zbus::fdo::Error::Failed("no such action".to_owned())),
            Manner::Leaves => {
                connection.clone().close().await.unwrap();
                std::future::pending().await
            }
        }
    }
}

impl Authority {
    fn new(manner: Manner, grants: &[&'static str]) -> Self {
        Self { manner, grants: Arc::new(Mutex::new(grants.to_vec())), asked: Arc::default() }
    }

    /// One that grants what it is told to, on that bus, for as long as that is there.
    pub(super) fn granting(bus: &PrivateBus) -> Self {
        Self::new(Manner::Grants, &[]).on(bus)
    }

    fn on(self, bus: &PrivateBus) -> Self {
        let (address, authority) = (bus.address(), self.clone());
        let connection = bus.runtime.block_on(async move {
            zbus::connection::Builder::address(address.as_str())
                .serve_at("/org/freedesktop/PolicyKit1/Authority", authority)
                .name("org.freedesktop.PolicyKit1")
                .build()
                .await
                .unwrap()
        });
        std::mem::forget(connection);
        self
    }
}

fn with_authority(manner: Manner, grants: &[&'static str]) -> (PrivateBus, Authority) {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    let authority = Authority::new(manner, grants).on(&bus);
    (bus, authority)
}

fn with_polkit(grants: &[&'static str]) -> (PrivateBus, Arc<Mutex<Vec<Question>>>) {
    let (bus, authority) = with_authority(Manner::Grants, grants);
    (bus, authority.asked)
}

fn create(bus: &PrivateBus, uid: u32, fields: serde_json::Value) -> Result<(), BusError> {
    let fields = dictionary(fields);
    bus.accounts_as(uid, |a: AccountsProxy<'static>| async move {
        a.create_user(&fields, [].into()).await.map(|_| ())
    })
}

#[test]
fn polkit_grants_what_the_role_does_not() {
    let (bus, asked) = with_polkit(&["create-user"]);
    let (created, name) = bus.call_as(STRANGER, |connection| async move {
        let accounts = AccountsProxy::new(&connection).await.unwrap();
        let bob = dictionary(json!({"name": "bob"}));
        let created = accounts.create_user(&bob, [].into()).await.map(|_| ());
        (created, connection.unique_name().unwrap().to_string())
    });
    created.unwrap();
    let bus_name = ("system-bus-name".to_owned(), name);
    let question = (bus_name.0, bus_name.1, "org.roster.accounts1.create-user".to_owned(), 1);
    assert_eq!(*asked.lock().unwrap(), [question]);
    let locked = bus.accounts_as(STRANGER, |a| async move { a.lock_user("alice").await });
    assert_eq!(locked.unwrap_err().name, ErrorName::NotAuthorized);
}

#[test]
fn power_over_sudo_is_a_question_of_its_own() {
    let power = json!({"name": "carol", "sudo_commands": ["ALL"]});
    let (bus, asked) = with_polkit(&["create-user"]);
    assert_eq!(create(&bus, STRANGER, power.clone()).unwrap_err().name, ErrorName::NotAuthorized);
    let last = asked.lock().unwrap().last().unwrap().2.clone();
    assert_eq!(last, "org.roster.accounts1.grant-sudo");
    let (bus, _) = with_polkit(&["create-user", "grant-sudo"]);
    create(&bus, STRANGER, power).unwrap();
}

#[test]
fn polkit_is_not_asked_where_the_role_decides_or_nobody_can_grant() {
    let (bus, asked) = with_polkit(&["set-password"]);
    bus.accounts_as(ALICE, |a| async move { a.get_user("alice").await }).unwrap();
    let secret = || bus::secret_to_fd(b"correct horse").unwrap();
    let own = bus.accounts_as(STRANGER, |a| async move {
        a.change_password(secret().into(), secret().into()).await
    });
    assert_eq!(own.unwrap_err().name, ErrorName::NotAuthorized);
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn without_the_callers_leave_nobody_is_asked_for_a_password() {
    let (bus, asked) = with_polkit(&[]);
    let refused = bus.call_as(STRANGER, |connection| async move {
        let destination = Some("org.roster.Accounts1");
        let path = "/org/roster/Accounts1";
        connection.call_method(destination, path, destination, "LockUser", &("alice",)).await
    });
    assert!(refused.is_err());
    assert_eq!(asked.lock().unwrap()[0].3, 0);
}

fn lock_alice() -> Call {
    Call {
        path: "/org/roster/Accounts1".to_owned(),
        interface: "org.roster.Accounts1".to_owned(),
        method: "LockUser".to_owned(),
        arguments: vec![text("alice")],
        interactive: true,
    }
}

#[test]
fn an_authority_that_fails_or_leaves_refuses() {
    for manner in [Manner::Fails, Manner::Leaves] {
        let (bus, authority) = with_authority(manner, &["lock-user"]);
        let before = bus.service.dump();
        let Answer::Refused(error) = Client::new(&bus, STRANGER).call(lock_alice()) else {
            panic!("{manner:?}")
        };
        assert_eq!(error.name, ErrorName::NotAuthorized, "{manner:?}");
        assert_eq!(authority.asked.lock().unwrap().len(), 1);
        assert_eq!(bus.service.dump(), before, "{manner:?}");
        // The service goes on.
        let asked = bus.accounts_as(ROOT, |a| async move { a.lock_user("alice").await });
        asked.unwrap();
    }
}

#[test]
fn a_caller_that_leaves_while_polkit_is_asked_is_refused() {
    let (bus, authority) = with_authority(Manner::WaitsForTheCallerToLeave, &[]);
    let before = bus.service.dump();
    bus.call_as(STRANGER, |connection| async move {
        let call = lock_alice();
        let message = zbus::message::Message::method_call(call.path, call.method)
            .destination("org.roster.Accounts1")
            .interface(call.interface)
            .build(&("alice",))
            .unwrap();
        connection.send(&message).await.unwrap();
        while authority.asked.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connection.close().await.unwrap();
    });
    // polkit has said yes by then, and would have been believed.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(bus.service.dump(), before);
}
