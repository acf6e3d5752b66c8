//! Verbs over the bus: what callers of each kind may do, and what they hear when they may not.

use bus::{BusError, ErrorName, secret_from_fd, secret_to_fd};
use serde_json::{Value, json};
use std::time::Duration;
use zbus::{Fd, Variant};

use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, dictionary, record};
use crate::bus::serve;

fn refused<T: std::fmt::Debug>(result: Result<T, BusError>) -> ErrorName {
    result.unwrap_err().name
}

fn secret(text: &str) -> Fd<'static> {
    secret_to_fd(text.as_bytes()).unwrap().into()
}

fn update(bus: &PrivateBus, uid: u32, subject: &str, fields: Value) -> Result<Value, BusError> {
    let fields = dictionary(fields);
    let user = bus.accounts_as(uid, |accounts| async move {
        accounts.update_user(subject, &fields, [].into()).await
    })?;
    Ok(record(&user))
}

#[test]
fn root_creates_reads_and_lists() {
    let bus = PrivateBus::new();
    let created = bus.create(json!({"name": "alice", "full_name": "Alice Ng"}));
    assert_eq!(created["uid"].value_signature().to_string(), "u");
    let created = record(&created);
    assert_eq!((&created["name"], &created["uid"]), (&json!("alice"), &json!(3000)));
    bus.create(json!({"name": "bob"}));
    let read = bus.accounts_as(ROOT, |accounts| async move { accounts.get_user("uid:3000").await });
    assert_eq!(record(&read.unwrap()), created);
    let page = bus.accounts_as(ROOT, |accounts| async move {
        let options = [("limit", Variant::U16(1)), ("offset", Variant::I64(1))];
        accounts.list_users(options.into()).await
    });
    let (total, users) = page.unwrap();
    assert_eq!((total, users.len()), (2, 1));
    assert_eq!(record(&users[0])["name"], "bob");
    let too_many = bus.accounts_as(ROOT, |accounts| async move {
        accounts.list_users([("limit", Variant::U32(10_001))].into()).await
    });
    assert_eq!(refused(too_many), ErrorName::InvalidField);
}

#[test]
fn every_wrong_field_arrives_by_name() {
    let bus = PrivateBus::new();
    let fields = dictionary(json!({"name": "ALL", "home": "/", "nonsense": 1}));
    let error = bus
        .accounts_as(ROOT, |a| async move { a.create_user(&fields, [].into()).await.map(|_| ()) })
        .unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidField);
    let mut names: Vec<_> = error.fields.0.iter().map(|error| error.field.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["home", "name", "nonsense"]);
    let nobody = bus.accounts_as(ROOT, |a| async move { a.get_user("nobody-there").await });
    assert_eq!(refused(nobody), ErrorName::NoSuchUser);
}

#[test]
fn a_stranger_is_refused_by_name() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    let fields = dictionary(json!({"name": "mallory"}));
    let create = bus.accounts_as(STRANGER, |a| async move {
        a.create_user(&fields, [].into()).await.map(|_| ())
    });
    assert_eq!(refused(create), ErrorName::NotAuthorized);
    assert_eq!(
        refused(update(&bus, STRANGER, "alice", json!({"shell": "/bin/sh"}))),
        ErrorName::NotAuthorized
    );
    let (reads, shells, entry, whoami) = bus.call_as(STRANGER, |connection| async move {
        let a = bus::AccountsProxy::new(&connection).await.unwrap();
        let reads = [
            a.get_user("alice").await.map(|_| ()),
            a.list_users([].into()).await.map(|_| ()),
            a.find_user("alice").await.map(|_| ()),
            a.lock_user("alice").await,
            a.delete_user("alice", [].into()).await.map(|_| ()),
            a.set_password("alice", secret("correct horse"), [].into()).await,
            a.change_password(secret("x"), secret("correct horse")).await,
            a.add_key("alice", "ssh-ed25519 AAAA", [].into()).await.map(|_| ()),
            a.grant_sudo("alice", "ALL", [].into()).await.map(|_| ()),
            a.list_sudo("").await.map(|_| ()),
            a.create_group(&dictionary(json!({"name": "dev"}))).await.map(|_| ()),
            a.add_member("sudo", "alice").await,
            a.get_two_factor_state("alice").await.map(|_| ()),
        ];
        let shells = a.list_shells().await.unwrap();
        let entry = a.get_passwd_entry("alice").await.unwrap();
        (reads, shells, record(&entry), a.who_am_i().await.unwrap())
    });
    for (n, result) in reads.into_iter().enumerate() {
        let bus::CallError::Refused(error) = result.unwrap_err().into() else { panic!("{n}") };
        assert_eq!(error.name, ErrorName::NotAuthorized, "{n}");
    }
    assert_eq!(shells["/bin/sh"], "sh");
    assert_eq!((&entry["pw_name"], &entry["pw_uid"]), (&json!("alice"), &json!(ALICE)));
    assert!(whoami.is_empty());
}

#[test]
fn a_user_changes_the_own_shell_and_nothing_more() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.create(json!({"name": "bob"}));
    let changed = update(&bus, ALICE, "alice", json!({"shell": "/bin/sh"})).unwrap();
    assert_eq!(changed["shell"], "/bin/sh");
    for more in [
        json!({"uid": 3009}),
        json!({"groups": ["docker"]}),
        json!({"role": "admin"}),
        json!({"sudo_commands": ["ALL"]}),
        json!({"home": "/home/bob"}),
        json!({"shell": "/bin/bash", "locked": false}),
    ] {
        assert_eq!(refused(update(&bus, ALICE, "alice", more)), ErrorName::NotAuthorized);
    }
    assert_eq!(
        refused(update(&bus, ALICE, "bob", json!({"shell": "/bin/sh"}))),
        ErrorName::NotAuthorized
    );
    let unchanged = bus.accounts_as(ROOT, |a| async move { a.get_user("alice").await }).unwrap();
    assert_eq!(record(&unchanged)["shell"], "/bin/sh");
    let whoami = bus.accounts_as(ALICE, |a| async move { a.who_am_i().await }).unwrap();
    assert_eq!(record(&whoami)["name"], "alice");
    let other = bus.accounts_as(ALICE, |a| async move { a.get_user("bob").await });
    assert_eq!(refused(other), ErrorName::NotAuthorized);
}

#[test]
fn passwords_pass_through_descriptors() {
    let bus = PrivateBus::new();
    let fields = dictionary(json!({"name": "alice"}));
    let secrets = bus
        .accounts_as(ROOT, |a| async move {
            let options = [("generate_password", Variant::Bool(true))];
            a.create_user(&fields, options.into()).await.map(|(_, secrets)| secrets)
        })
        .unwrap();
    assert_eq!(secrets.len(), 1);
    let generated = secret_from_fd(&secrets[0], Duration::from_secs(5)).unwrap();
    assert!(generated.len() >= 8);
    let old = String::from_utf8(generated.to_vec()).unwrap();
    let wrong = bus.accounts_as(ALICE, |a| async move {
        a.change_password(secret("not that"), secret("correct horse battery")).await
    });
    assert_eq!(refused(wrong), ErrorName::WrongPassword);
    bus.accounts_as(ALICE, |a| async move {
        a.change_password(secret(&old), secret("correct horse battery\n")).await
    })
    .unwrap();
    let short =
        bus.accounts_as(
            ROOT,
            |a| async move { a.set_password("alice", secret("x"), [].into()).await },
        );
    assert_eq!(refused(short), ErrorName::PasswordPolicy);
    let no_secret = bus.accounts_as(ROOT, |a| async move {
        let fd = std::fs::File::open("/dev/zero").unwrap();
        a.set_password("alice", std::os::fd::OwnedFd::from(fd).into(), [].into()).await
    });
    assert_eq!(refused(no_secret), ErrorName::InvalidField);
}

#[test]
fn a_request_that_is_too_large_is_refused_unread() {
    let bus = PrivateBus::new();
    let result = bus.accounts_as(ROOT, |a| async move {
        let body = vec![0_u8; 1024 * 1024];
        let fields = [("x".to_owned(), Variant::new(body).try_into_owned().unwrap())].into();
        a.create_user(&fields, [].into()).await.map(|_| ())
    });
    let error = result.unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidField);
    assert!(error.message.contains("KiB"), "{error}");
}

#[test]
fn the_name_cannot_be_taken_over() {
    let bus = PrivateBus::new();
    let service = std::sync::Arc::clone(&bus.service);
    let (second, replaced) = bus.call_as(ROOT, |connection| async move {
        use zbus::fdo::RequestNameFlags as Flags;
        let second = serve(service, connection.clone()).await.map(|_| ());
        let flags = Flags::REPLACE_EXISTING | Flags::DO_NOT_QUEUE;
        let replaced = connection.request_name_with_flags("org.roster.Accounts1", flags).await;
        (second, replaced)
    });
    assert_eq!(second, Err(zbus::Error::NameTaken));
    assert_eq!(replaced.unwrap_err(), zbus::Error::NameTaken);
}

#[test]
fn roles_reach_as_far_as_they_say() {
    let bus = PrivateBus::new();
    let hold = |name: &str, role: &str| {
        let user = record(&bus.create(json!({"name": name, "role": role})));
        u32::try_from(user["uid"].as_u64().unwrap()).unwrap()
    };
    // dbus-daemon knows two users beside root and the stranger: they change their roles.
    let (first, second) = (hold("alice", "admin"), hold("bob", "user"));
    let carol = dictionary(json!({"name": "carol", "sudo_commands": ["ALL"]}));
    bus.accounts_as(first, |a| async move { a.create_user(&carol, [].into()).await.map(|_| ()) })
        .unwrap();
    bus.accounts_as(first, |a| async move { a.grant_sudo("%docker", "/bin/id", [].into()).await })
        .unwrap();

    update(&bus, ROOT, "bob", json!({"role": "auditor"})).unwrap();
    let listed = bus.accounts_as(second, |a| async move { a.list_users([].into()).await });
    assert_eq!(listed.unwrap().0, 3);
    let rules = bus.accounts_as(second, |a| async move { a.list_sudo("").await }).unwrap();
    assert_eq!(rules.len(), 2);
    let locked = bus.accounts_as(second, |a| async move { a.lock_user("carol").await });
    assert_eq!(refused(locked), ErrorName::NotAuthorized);

    update(&bus, ROOT, "bob", json!({"role": "helpdesk"})).unwrap();
    bus.create(json!({"name": "dave"}));
    let reset = |subject: &'static str| {
        bus.accounts_as(second, move |a| async move {
            a.set_password(subject, secret("correct horse battery"), [].into()).await
        })
    };
    reset("dave").unwrap();
    for beyond in ["carol", "alice", "bob"] {
        assert_eq!(refused(reset(beyond)), ErrorName::NotAuthorized, "{beyond}");
    }

    // A locked administrator is none.
    bus.accounts_as(ROOT, |a| async move {
        a.create_user(&dictionary(json!({"name": "erin", "role": "admin"})), [].into())
            .await
            .map(|_| ())
    })
    .unwrap();
    bus.accounts_as(ROOT, |a| async move { a.lock_user("alice").await }).unwrap();
    let unlock = bus.accounts_as(first, |a| async move { a.unlock_user("alice").await });
    assert_eq!(refused(unlock), ErrorName::NotAuthorized);
}

#[test]
fn no_property_takes_a_value() {
    let bus = PrivateBus::new();
    let result = bus.call_as(ROOT, |connection| async move {
        let builder = zbus::fdo::PropertiesProxy::builder(&connection);
        let proxy = builder.destination("org.roster.Accounts1").path("/org/roster/Accounts1");
        let interface =
            zbus::names::InterfaceName::from_static_str("org.roster.Accounts1").unwrap();
        proxy.build().await.unwrap().set(interface, "Version", &Variant::new("9")).await
    });
    // The shipped bus policy stops it before the daemon sees it.
    assert!(matches!(result, Err(zbus::fdo::Error::AccessDenied(_))), "{result:?}");
}
