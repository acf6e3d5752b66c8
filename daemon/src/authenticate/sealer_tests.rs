//! Keys from files and credentials, and their exchange.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::super::seal::KEY;
use super::*;

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn secret() -> Secret {
    Secret::from("a secret".to_owned())
}

fn opened(sealer: &Sealer) -> Sealer {
    Sealer::open_or_create(&sealer.store, None).unwrap()
}

fn give(directory: &Path, name: &str, byte: u8) {
    let path = directory.join(name);
    std::fs::write(&path, [byte; KEY]).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
}

fn sealed_by(byte: u8) -> Vec<u8> {
    Key::new(Zeroizing::new([byte; KEY])).seal(user(1), &secret()).unwrap()
}

#[test]
fn the_key_is_made_once_and_only_root_can_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let sealer = Sealer::open_or_create(directory.path(), None).unwrap();
    let sealed = sealer.seal(user(1), &secret()).unwrap();
    let again = opened(&sealer);
    assert_eq!(again.open(user(1), &sealed).unwrap().as_bytes(), secret().as_bytes());
    let metadata = std::fs::metadata(directory.path().join(FILE)).unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.len()), (0o600, 32));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_draft_left_by_a_crash_is_no_key() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("totp.new"), b"half").unwrap();
    assert!(Sealer::open_or_create(directory.path(), None).is_ok());
}

#[test]
fn a_key_that_is_not_right_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let modes = [(0o644, 32), (0o640, 32), (0o600, 31), (0o600, 33), (0o600, 0)];
    for (mode, length) in modes {
        std::fs::write(&path, vec![7; length]).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let refused = Sealer::open_or_create(directory.path(), None).map(|_| ());
        assert!(matches!(refused, Err(SealError::Key(..))), "{mode:o} {length}");
        assert_eq!(std::fs::read(&path).unwrap(), vec![7; length]);
    }
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(Sealer::open_or_create(directory.path(), None).is_err());
}

#[test]
fn a_credential_comes_first_and_the_keys_before_it_still_open() {
    let (store, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A directory without the credential is as good as none.
    let file = Sealer::open_or_create(store.path(), Some(credentials.path())).unwrap();
    assert!(!file.is_from_credential());
    let by_file = file.seal(user(1), &secret()).unwrap();
    give(credentials.path(), CREDENTIAL, 9);
    give(credentials.path(), PREVIOUS, 8);
    let sealer = Sealer::open_or_create(store.path(), Some(credentials.path())).unwrap();
    assert!(sealer.is_from_credential() && sealer.is_current(&sealed_by(9)));
    for earlier in [&by_file, &sealed_by(8)] {
        assert!(sealer.open(user(1), earlier).is_ok());
        assert!(!sealer.is_current(earlier));
    }
    assert!(matches!(sealer.open(user(1), &sealed_by(7)), Err(SealError::OtherKey)));
    sealer.finish().unwrap();
    assert!(sealer.open(user(1), &by_file).is_err());
    assert!(store.path().join(FILE).exists(), "it is an administrator's to remove");
}

#[test]
fn without_a_file_a_credential_makes_none() {
    let (store, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    give(credentials.path(), CREDENTIAL, 9);
    Sealer::open_or_create(store.path(), Some(credentials.path())).unwrap();
    assert!(!store.path().join(FILE).exists());
}

#[test]
fn after_a_crash_at_any_step_what_was_sealed_tells_which_key_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let sealer = Sealer::open_or_create(directory.path(), None).unwrap();
    let old = sealer.seal(user(1), &secret()).unwrap();
    sealer.prepare().unwrap();
    // Before anything was sealed with it, the new key is none.
    let crashed = opened(&sealer);
    crashed.choose([old.as_slice()].into_iter());
    assert!(crashed.is_current(&old));
    sealer.switch();
    let new = sealer.seal(user(1), &secret()).unwrap();
    assert!(!sealer.is_current(&old) && sealer.open(user(1), &old).is_ok());
    // Afterwards it is the one.
    let crashed = opened(&sealer);
    assert!(crashed.is_current(&old) && crashed.open(user(1), &new).is_ok());
    crashed.choose([old.as_slice(), new.as_slice()].into_iter());
    assert!(crashed.is_current(&new) && crashed.open(user(1), &old).is_ok());
    crashed.finish().unwrap();
    assert!(crashed.open(user(1), &old).is_err());
    assert!(opened(&sealer).is_current(&new));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn an_exchange_that_came_to_nothing_leaves_the_old_key() {
    let directory = tempfile::tempdir().unwrap();
    let sealer = Sealer::open_or_create(directory.path(), None).unwrap();
    let old = sealer.seal(user(1), &secret()).unwrap();
    sealer.prepare().unwrap();
    assert!(sealer.prepare().is_err(), "never over a key that secrets may need");
    sealer.switch();
    sealer.switch();
    assert!(sealer.is_current(&old));
    sealer.finish().unwrap();
    assert!(opened(&sealer).is_current(&old));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}
