//! What polkit adds, with an authority of our own on the bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bus::{AccountsProxy, BusError, ErrorName};
use serde_json::json;
use zbus::{OwnedVariant, interface};

use super::private_bus::{ALICE, PrivateBus, STRANGER, dictionary};

/// What the authority was asked: kind and name of the subject, action, flags.
type Question = (String, String, String, u32);

struct Authority {
    grants: Vec<&'static str>,
    asked: Arc<Mutex<Vec<Question>>>,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: &str,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation: &str,
    ) -> (bool, bool, HashMap<String, String>) {
        let (kind, details) = subject;
        let name = details.get("name").map(|name| String::try_from(name.try_clone().unwrap()));
        let name = name.unwrap().unwrap();
        self.asked.lock().unwrap().push((kind, name, action.to_owned(), flags));
        let short = action.strip_prefix("org.roster.accounts1.").unwrap();
        (self.grants.contains(&short), false, HashMap::new())
    }
}

fn with_polkit(grants: &[&'static str]) -> (PrivateBus, Arc<Mutex<Vec<Question>>>) {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let authority = Authority { grants: grants.to_vec(), asked: Arc::clone(&asked) };
    let address = bus.address();
    let connection = bus.runtime.block_on(async move {
        zbus::connection::Builder::address(address.as_str())
            .serve_at("/org/freedesktop/PolicyKit1/Authority", authority)
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap()
    });
    // It lives as long as the bus.
    std::mem::forget(connection);
    (bus, asked)
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
