#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::super::NewPassword;
use super::super::testing::{Fixture, fields_of, secret, subject};
use super::*;

const DAY: i64 = 24 * 60 * 60;
/// Of "Hello world!".
const HASH: &str = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$42RgPIrXdXSEEs77lDi/4IqKVqFBAVaHJkzw5uD1r57";

fn import(f: &Fixture, entry: &str) -> Result<ImportedPassword, Error> {
    let grant = f.root(Action::PasswordImport, Some("alice"));
    f.service.import_password(&grant, &subject("alice"), &secret(entry))
}

fn row(f: &Fixture) -> (UserRow, Option<PasswordRow>) {
    f.service
        .read(|db| {
            let user = caller::find(db, &subject("alice"))?;
            let password = db.password(user.id)?;
            Ok((user, password))
        })
        .unwrap()
}

#[test]
fn a_line_brings_hash_lock_and_ages() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let line = format!("alice:!{HASH}:19000:1:90:7:14:29000:");
    let imported = import(&f, &line).unwrap();
    assert_eq!(imported, ImportedPassword { hash: "yescrypt".into(), locked: true, ageing: true });
    let (user, password) = row(&f);
    let password = password.unwrap();
    assert_eq!((password.phc.as_str(), password.changed_at), (HASH, 19_000 * DAY));
    assert!(user.locked && !user.password_disabled && !password.must_change);
    assert_eq!((user.password_min_age, user.password_max_age), (Some(1), Some(90)));
    assert_eq!((user.password_warn, user.password_inactive), (Some(7), Some(14)));
    assert_eq!(user.expires_at, Some(29_000 * DAY));
    // The hash is in no audit row.
    let audited = f.service.dump().into_iter().filter(|row| row.starts_with("audit "));
    let audited: Vec<_> = audited.filter(|row| row.contains("password-import")).collect();
    assert!(audited.len() == 1 && audited[0].contains("yescrypt"), "{audited:?}");
    assert!(!audited[0].contains("42RgPIrXdXSEEs77"), "{audited:?}");
}

#[test]
fn a_hash_alone_changes_nothing_else() {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "password_max_age": 30, "locked": true})).unwrap();
    import(&f, HASH).unwrap();
    let (user, password) = row(&f);
    assert!(user.locked, "a lock that is there stays");
    assert_eq!(user.password_max_age, Some(30));
    assert_eq!(password.unwrap().changed_at, f.service.now());
}

#[test]
fn a_date_of_zero_or_of_the_future_is_understood() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    import(&f, &format!("alice:{HASH}:0:0:99999:7:::")).unwrap();
    let password = row(&f).1.unwrap();
    assert!(password.must_change);
    assert_eq!(password.changed_at, f.service.now());
    import(&f, &format!("alice:{HASH}:99999:0:99999:7:::")).unwrap();
    assert_eq!(row(&f).1.unwrap().changed_at, f.service.now());
}

#[test]
fn where_no_password_fits_password_login_is_disabled() {
    let f = Fixture::new();
    let password = NewPassword::Given(secret("seven violet herons"));
    f.create_with(json!({"name": "alice"}), password).unwrap();
    let imported = import(&f, "alice:!!:19000:0:99999:7:::").unwrap();
    assert_eq!(imported.hash, "");
    let (user, password) = row(&f);
    assert!(user.password_disabled && password.is_none() && !user.locked);
}

#[test]
fn what_cannot_be_verified_is_refused_and_changes_nothing() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let before = f.service.dump();
    for entry in ["", "alice::19000:0:99999:7:::", "$1$salt$qJH7.N4xYta3aEG/dfqo/0", "x", "\n"] {
        assert_eq!(fields_of(import(&f, entry)), ["entry"], "{entry:?}");
    }
    let grant = f.root(Action::PasswordImport, Some("alice"));
    let bytes = Secret::new(b"\xff\xfe".to_vec());
    let refused = f.service.import_password(&grant, &subject("alice"), &bytes);
    assert_eq!(fields_of(refused), ["entry"]);
    assert_eq!(f.service.dump(), before);
}

#[test]
fn the_last_administrator_is_not_locked_by_an_import() {
    let f = Fixture::new();
    let password = NewPassword::Given(secret("seven violet herons"));
    f.create_with(json!({"name": "alice", "role": "admin"}), password).unwrap();
    for entry in [format!("!{HASH}"), format!("alice:{HASH}:19000:0:99999:7::1:")] {
        assert!(matches!(import(&f, &entry), Err(Error::LastAdministrator)), "{entry}");
    }
    import(&f, HASH).unwrap();
}

#[test]
fn only_who_administers_users_may() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let other = f.root(Action::PasswordSet, Some("alice"));
    let refused = f.service.import_password(&other, &subject("alice"), &secret(HASH));
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
}
