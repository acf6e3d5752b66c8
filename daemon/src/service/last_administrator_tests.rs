//! The last administrator stays, whatever is tried.

#![allow(clippy::unwrap_used)]

use std::sync::Barrier;

use serde_json::json;

use super::testing::{Fixture, fields_of, map, secret, subject};
use super::{DeleteOptions, Error, NewPassword, Service};
use crate::authorize::{Action, Grant};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4g b@c";

/// Adds an administrator with that way in: a password, or a key.
fn admin(f: &Fixture, name: &str, with_password: bool) {
    let password = match with_password {
        true => NewPassword::Given(secret("correct horse battery")),
        false => NewPassword::None,
    };
    let keys: &[&str] = if with_password { &[] } else { &[KEY] };
    f.create_with(json!({"name": name, "role": "admin", "ssh_keys": keys}), password).unwrap();
}

/// A way to take an administrator's rights or ways in, as root.
type Path = (&'static str, Action, fn(&Service, &Grant, &str) -> Result<(), Error>);

fn update(
    service: &Service,
    grant: &Grant,
    name: &str,
    fields: serde_json::Value,
) -> Result<(), Error> {
    service.update_user(grant, &subject(name), &map(fields), None).map(|_| ())
}

/// Those that work on everybody.
const PATHS: &[Path] = &[
    ("lock", Action::UserLock, |s, g, n| s.lock_user(g, &subject(n))),
    ("disable", Action::UserEnable, |s, g, n| s.disable_user(g, &subject(n))),
    ("delete", Action::UserDelete, |s, g, n| {
        s.delete_user(g, &subject(n), DeleteOptions::default()).map(drop)
    }),
    ("role", Action::UserUpdate, |s, g, n| update(s, g, n, json!({"role": "helpdesk"}))),
    ("locked", Action::UserUpdate, |s, g, n| update(s, g, n, json!({"locked": true}))),
    ("expired", Action::UserUpdate, |s, g, n| update(s, g, n, json!({"expires_at": "2001-01-01"}))),
    ("expires", Action::UserUpdate, |s, g, n| update(s, g, n, json!({"expires_at": "2100-01-01"}))),
];

/// Those that take a password away.
const PASSWORD_PATHS: &[Path] = &[
    ("clear", Action::PasswordSet, |s, g, n| s.clear_password(g, &subject(n))),
    ("password_disabled", Action::UserUpdate, |s, g, n| {
        update(s, g, n, json!({"password_disabled": true}))
    }),
];

/// Those that take a key away.
const KEY_PATHS: &[Path] = &[
    ("ssh_keys", Action::UserUpdate, |s, g, n| update(s, g, n, json!({"ssh_keys": []}))),
    ("key", Action::KeyManage, |s, g, n| {
        let id = s.list_keys(&subject(n))?[0].id;
        s.remove_key(g, &subject(n), id)
    }),
];

fn paths(with_password: bool) -> impl Iterator<Item = &'static Path> {
    PATHS.iter().chain(if with_password { PASSWORD_PATHS } else { KEY_PATHS })
}

fn tried(f: &Fixture, path: &Path, name: &str) -> Result<(), Error> {
    let (_, action, act) = path;
    act(&f.service, &f.root(*action, Some(name)), name)
}

#[test]
fn every_path_is_refused_on_the_only_one_and_open_on_one_of_two() {
    for with_password in [true, false] {
        for path in paths(with_password) {
            let f = Fixture::in_memory();
            admin(&f, "boss", with_password);
            let before = f.service.dump();
            let refused = tried(&f, path, "boss");
            assert!(matches!(refused, Err(Error::LastAdministrator)), "{}: {refused:?}", path.0);
            assert_eq!(f.service.dump(), before, "{}", path.0);
            admin(&f, "deputy", true);
            tried(&f, path, "boss").unwrap_or_else(|error| panic!("{}: {error}", path.0));
            for path in paths(true) {
                let refused = tried(&f, path, "deputy");
                assert!(matches!(refused, Err(Error::LastAdministrator)), "{}", path.0);
            }
        }
    }
}

#[test]
fn what_takes_nothing_away_is_open() {
    let f = Fixture::in_memory();
    admin(&f, "boss", true);
    let boss = || f.root(Action::UserUpdate, Some("boss"));
    update(&f.service, &boss(), "boss", json!({"groups": ["docker"]})).unwrap();
    update(&f.service, &boss(), "boss", json!({"name": "chief", "groups": []})).unwrap();
    let keys = f.root(Action::KeyManage, Some("chief"));
    f.service.add_key(&keys, &subject("chief"), KEY, None).unwrap();
    // The key is a way in of its own.
    let passwords = f.root(Action::PasswordSet, Some("chief"));
    f.service.clear_password(&passwords, &subject("chief")).unwrap();
    let chief = f.root(Action::UserUpdate, Some("chief"));
    let other = json!({"ssh_keys": [OTHER_KEY]});
    update(&f.service, &chief, "chief", other).unwrap();
    assert_eq!(
        fields_of(update(&f.service, &chief, "chief", json!({"password_disabled": false}))),
        ["password_disabled"]
    );
}

#[test]
fn a_key_that_ends_is_no_lasting_way_in() {
    let f = Fixture::in_memory();
    admin(&f, "boss", true);
    let keys = f.root(Action::KeyManage, Some("boss"));
    f.service.add_key(&keys, &subject("boss"), KEY, Some("2100-01-01")).unwrap();
    let passwords = f.root(Action::PasswordSet, Some("boss"));
    let cleared = f.service.clear_password(&passwords, &subject("boss"));
    assert!(matches!(cleared, Err(Error::LastAdministrator)), "{cleared:?}");
    f.service.add_key(&keys, &subject("boss"), OTHER_KEY, None).unwrap();
    f.service.clear_password(&passwords, &subject("boss")).unwrap();
}

/// Two administrators that act on each other at the same moment: one of them stays.
#[test]
fn of_two_who_remove_each_other_one_wins() {
    for path in paths(true) {
        let f = Fixture::in_memory();
        admin(&f, "boss", true);
        admin(&f, "deputy", true);
        let uid = |name: &str| f.service.user(&subject(name)).unwrap().uid;
        let (_, action, act) = path;
        let grants = [("boss", "deputy"), ("deputy", "boss")]
            .map(|(by, about)| (f.grant(uid(by), *action, Some(about)), about));
        let barrier = Barrier::new(grants.len());
        let done = std::thread::scope(|scope| {
            let calls = grants.map(|(grant, about)| {
                let (service, barrier) = (&f.service, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    act(service, &grant, about)
                })
            });
            calls.map(|call| call.join().unwrap())
        });
        let won = done.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "{}: {done:?}", path.0);
        let lost = done.into_iter().find_map(Result::err);
        assert!(matches!(lost, Some(Error::LastAdministrator)), "{}: {lost:?}", path.0);
    }
}
