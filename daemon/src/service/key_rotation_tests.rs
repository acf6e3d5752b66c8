//! Exchanges of the key against a real store, and crashes in the midst of them.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::service::testing::{Fixture, secret, subject};

fn rotate(f: &Fixture) -> Result<u64, Error> {
    f.service.rotate_totp_key(&f.root(Action::TotpKeyRotate, None))
}

/// alice with a second factor in force, bob with one that waits.
fn enrolled() -> (Fixture, totp_rs::Totp) {
    let f = Fixture::new();
    for name in ["alice", "bob"] {
        f.create(json!({ "name": name })).unwrap();
    }
    let enrol = |name: &str| {
        let manage = f.root(Action::TwoFactorManage, Some(name));
        let enrolment = f.service.enroll_totp(&manage, &subject(name), 6, 30).unwrap();
        totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap()
    };
    let authenticator = enrol("alice");
    enrol("bob");
    let manage = f.root(Action::TwoFactorManage, Some("alice"));
    let code = authenticator.generate(f.service.now().unsigned_abs()).to_string();
    f.service.confirm_totp(&manage, &subject("alice"), &secret(&code)).unwrap();
    (f, authenticator)
}

/// Whether alice's next code is right.
fn works(f: &Fixture, authenticator: &totp_rs::Totp) -> bool {
    f.clock.forward(30);
    let code = authenticator.generate(f.service.now().unsigned_abs()).to_string();
    let grant = f.root(Action::TwoFactorVerify, Some("alice"));
    f.service.verify_totp(&grant, &subject("alice"), &secret(&code)).unwrap()
}

fn key(f: &Fixture) -> Vec<u8> {
    std::fs::read(f.path("store/totp.key")).unwrap()
}

fn sealed(f: &Fixture) -> Vec<SealedRow> {
    f.service.read(|db| Ok(db.sealed_secrets()?)).unwrap()
}

/// That one key is left, and everything is sealed with it.
fn all_is_settled(f: &Fixture) {
    assert!(!f.path("store/totp.key.next").exists());
    assert!(sealed(f).iter().all(|row| f.service.sealer.is_current(&row.sealed)));
}

#[test]
fn every_secret_is_sealed_anew_and_goes_on_working() {
    let (f, authenticator) = enrolled();
    let (before, rows) = (key(&f), sealed(&f));
    assert_eq!(rotate(&f).unwrap(), 2);
    assert_ne!(key(&f), before);
    assert!(sealed(&f).iter().zip(&rows).all(|(new, old)| new.sealed != old.sealed));
    all_is_settled(&f);
    assert!(works(&f, &authenticator));
    let f = f.restarted();
    assert!(works(&f, &authenticator));
    assert_eq!(rotate(&f).unwrap(), 2, "and again");
    assert!(works(&f, &authenticator));
    let audited = f.service.dump();
    let rows: Vec<_> = audited.iter().filter(|row| row.contains("rotate-key")).collect();
    assert_eq!(rows.len(), 2);
    assert!(!rows[0].contains("user"), "nothing of a user has changed: {rows:?}");
}

#[test]
fn a_rehearsal_makes_no_key() {
    let (f, _) = enrolled();
    let (before, rows) = (key(&f), sealed(&f));
    let grant = f.root(Action::TotpKeyRotate, None).for_rehearsal();
    assert!(matches!(f.service.rotate_totp_key(&grant), Err(Error::Planned(_))));
    assert_eq!((key(&f), sealed(&f)), (before, rows));
    all_is_settled(&f);
}

#[test]
fn a_crash_after_the_new_key_was_written_leaves_the_old_one() {
    let (f, authenticator) = enrolled();
    let before = key(&f);
    f.service.sealer.prepare().unwrap();
    assert!(f.path("store/totp.key.next").exists());
    let f = f.restarted();
    assert_eq!(key(&f), before);
    all_is_settled(&f);
    assert!(works(&f, &authenticator));
    assert_eq!(rotate(&f).unwrap(), 2);
}

#[test]
fn a_crash_after_the_commit_ends_with_the_new_key() {
    let (f, authenticator) = enrolled();
    let before = key(&f);
    f.service.sealer.prepare().unwrap();
    let prepared = std::fs::read(f.path("store/totp.key.next")).unwrap();
    f.service.reseal_with_next(&Actor::daemon()).unwrap();
    assert_eq!(key(&f), before, "not yet in its place");
    let f = f.restarted();
    assert_eq!(key(&f), prepared);
    all_is_settled(&f);
    assert!(works(&f, &authenticator));
}

#[test]
fn a_commit_that_fails_leaves_both_keys_until_the_next_time() {
    let (f, authenticator) = enrolled();
    let before = key(&f);
    f.service.note(|db| Ok(db.refuse_audit(true)?)).unwrap();
    assert!(rotate(&f).is_err());
    assert_eq!(key(&f), before);
    assert!(works(&f, &authenticator));
    // Who enrols in that moment may have been given the new key: it is still there.
    assert!(f.path("store/totp.key.next").exists());
    f.service.note(|db| Ok(db.refuse_audit(false)?)).unwrap();
    assert_eq!(rotate(&f).unwrap(), 2);
    assert_ne!(key(&f), before);
    all_is_settled(&f);
    assert!(works(&f, &authenticator));
}

#[test]
fn enrolments_during_the_exchange_open_afterwards() {
    let (f, _) = enrolled();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                rotate(&f).unwrap();
            }
        });
        for _ in 0..20 {
            let manage = f.root(Action::TwoFactorManage, Some("bob"));
            f.service.enroll_totp(&manage, &subject("bob"), 6, 30).unwrap();
        }
    });
    all_is_settled(&f);
    let f = f.restarted();
    for row in sealed(&f) {
        f.service.sealer.open(row.user, &row.sealed).unwrap();
    }
}

#[test]
fn a_secret_that_no_key_opens_stops_nothing() {
    let (f, authenticator) = enrolled();
    let bob = f.service.user(&subject("bob")).unwrap().id;
    f.service
        .note(|db| {
            let rows = db.sealed_secrets()?;
            let row = rows.into_iter().find(|row| row.user == bob).unwrap();
            Ok(db.reseal(&SealedRow { sealed: vec![0; row.sealed.len()], ..row })?)
        })
        .unwrap();
    assert_eq!(rotate(&f).unwrap(), 1);
    assert!(works(&f, &authenticator));
    let f = f.restarted();
    assert!(works(&f, &authenticator));
}

#[test]
fn a_credential_takes_over_at_the_start_and_is_not_exchanged_here() {
    use std::os::unix::fs::PermissionsExt;
    let (f, authenticator) = enrolled();
    let credentials = tempfile::tempdir().unwrap();
    let give = |name: &str, byte: u8| {
        let path = credentials.path().join(name);
        std::fs::write(&path, [byte; 32]).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    };
    // From the file to a credential.
    give("totp-key", 1);
    let f = f.restarted_with_credentials(credentials.path());
    assert!(sealed(&f).iter().all(|row| f.service.sealer.is_current(&row.sealed)));
    assert!(works(&f, &authenticator));
    let Err(Error::Immutable(how)) = rotate(&f) else { panic!("exchanged") };
    assert!(how.contains("roster.totp-key-previous") && how.contains("restart"));
    // From one credential to the next.
    give("totp-key", 2);
    give("totp-key-previous", 1);
    let f = f.restarted_with_credentials(credentials.path());
    assert!(sealed(&f).iter().all(|row| f.service.sealer.is_current(&row.sealed)));
    std::fs::remove_file(credentials.path().join("totp-key-previous")).unwrap();
    let f = f.restarted_with_credentials(credentials.path());
    assert!(works(&f, &authenticator));
}
