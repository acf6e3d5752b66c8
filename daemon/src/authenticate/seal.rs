//! Seals the secrets of second factors, so that a copy of the database alone is of no use.
//!
//! XChaCha20-Poly1305, with the user's UUID as associated data: a sealed secret moved to another
//! user's row does not open. The key comes from a systemd credential (`totp-key`) or else from a
//! file that only root can read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use accounts::UserId;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce: long enough to be drawn at random for ever.
const NONCE: usize = 24;
/// Format of a sealed secret: version, key's fingerprint, nonce, ciphertext with its tag.
const VERSION: u8 = 1;
const FINGERPRINT: usize = 4;
const HEAD: usize = 1 + FINGERPRINT + NONCE;

/// Name of the systemd credential and, with `.key`, of the file.
const NAME: &str = "totp-key";
const FILE: &str = "totp.key";

/// Why something was not sealed or opened. Never says what it was.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file or credential cannot be read or made.
    #[error("the key {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The key file or credential is not what it must be.
    #[error("the key {0} {1}")]
    Key(PathBuf, &'static str),
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Randomness,
    /// Sealed with another key.
    #[error("sealed with another key")]
    OtherKey,
    /// Damaged, or moved from another user.
    #[error("a sealed secret is damaged")]
    Damaged,
}

/// Seals and opens secrets.
pub struct Sealer {
    key: Zeroizing<[u8; KEY]>,
    fingerprint: [u8; FINGERPRINT],
}

impl Sealer {
    /// With this key.
    #[must_use]
    pub fn new(key: [u8; KEY]) -> Self {
        let hash = Sha256::new().chain_update(b"roster totp key\0").chain_update(key).finalize();
        let mut fingerprint = [0; FINGERPRINT];
        fingerprint.copy_from_slice(&hash[..FINGERPRINT]);
        Self { key: Zeroizing::new(key), fingerprint }
    }

    /// With the credential `totp-key` of `credentials` (systemd's `$CREDENTIALS_DIRECTORY`), else
    /// with the file `totp.key` of the store's directory, which is made at first use.
    ///
    /// # Errors
    /// See [`SealError`]; a key that others could read or that has the wrong length is refused,
    /// never replaced.
    pub fn open_or_create(store: &Path, credentials: Option<&Path>) -> Result<Self, SealError> {
        if let Some(directory) = credentials {
            let path = directory.join(NAME);
            if let Some(key) = read_key(&path)? {
                return Ok(Self::new(*key));
            }
        }
        let path = store.join(FILE);
        if let Some(key) = read_key(&path)? {
            return Ok(Self::new(*key));
        }
        let key = create_key(store, &path)?;
        Ok(Self::new(*key))
    }

    /// Seals a secret of this user.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn seal(&self, owner: UserId, secret: &Secret) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Randomness)?;
        let payload = Payload { msg: secret.as_bytes(), aad: &associated(owner) };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| SealError::Damaged)?;
        let mut bytes = Vec::with_capacity(HEAD + sealed.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.fingerprint);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens a sealed secret of this user.
    ///
    /// # Errors
    /// [`SealError::OtherKey`], [`SealError::Damaged`].
    pub fn open(&self, owner: UserId, sealed: &[u8]) -> Result<Secret, SealError> {
        let (head, ciphertext) = sealed.split_at_checked(HEAD).ok_or(SealError::Damaged)?;
        let (version, head) = head.split_first().ok_or(SealError::Damaged)?;
        let (fingerprint, nonce) = head.split_at(FINGERPRINT);
        if *version != VERSION {
            return Err(SealError::Damaged);
        }
        if fingerprint != self.fingerprint {
            return Err(SealError::OtherKey);
        }
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SealError::Damaged)?;
        let payload = Payload { msg: ciphertext, aad: &associated(owner) };
        let opened = self.cipher().decrypt(&XNonce::from(nonce), payload);
        Ok(Secret::new(opened.map_err(|_| SealError::Damaged)?))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }
}

fn associated(owner: UserId) -> Vec<u8> {
    [b"roster totp secret\0".as_slice(), owner.0.as_bytes()].concat()
}

/// The key of a file; nothing when there is no file.
fn read_key(path: &Path) -> Result<Option<Zeroizing<[u8; KEY]>>, SealError> {
    let failed = |error| SealError::File(path.to_owned(), error);
    let refused = |reason| SealError::Key(path.to_owned(), reason);
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(refused("is not a file"));
    }
    let owner = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o077 != 0 || (metadata.uid() != owner && metadata.uid() != 0) {
        return Err(refused("can be read by others than root"));
    }
    let mut key = Zeroizing::new([0; KEY]);
    let mut more = [0; 1];
    let whole = file.read_exact(&mut key[..]).is_ok() && matches!(file.read(&mut more), Ok(0));
    if whole { Ok(Some(key)) } else { Err(refused("must be 32 bytes long")) }
}

/// Makes a key, durably and under its name only when it is whole.
fn create_key(directory: &Path, path: &Path) -> Result<Zeroizing<[u8; KEY]>, SealError> {
    let mut key = Zeroizing::new([0; KEY]);
    getrandom::fill(&mut *key).map_err(|_| SealError::Randomness)?;
    let draft = directory.join(format!("{FILE}.new"));
    let written = (|| {
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&key[..])?;
        file.sync_all()?;
        // Never over a key that appeared meanwhile.
        std::fs::hard_link(&draft, path)?;
        std::fs::remove_file(&draft)?;
        File::open(directory)?.sync_all()
    })();
    written.map_err(|error| SealError::File(path.to_owned(), error))?;
    tracing::info!(path = %path.display(), "made a new key for second-factor secrets");
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn secret() -> Secret {
        Secret::from("a secret".to_owned())
    }

    #[test]
    fn what_was_sealed_opens_for_its_user_and_key_only() {
        let sealer = Sealer::new([1; KEY]);
        let sealed = sealer.seal(user(1), &secret()).unwrap();
        assert_eq!(sealer.open(user(1), &sealed).unwrap().as_bytes(), secret().as_bytes());
        assert!(matches!(sealer.open(user(2), &sealed), Err(SealError::Damaged)));
        let other = Sealer::new([2; KEY]);
        assert!(matches!(other.open(user(1), &sealed), Err(SealError::OtherKey)));
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let sealer = Sealer::new([1; KEY]);
        let sealed = sealer.seal(user(1), &secret()).unwrap();
        assert_ne!(sealed, sealer.seal(user(1), &secret()).unwrap());
        assert!(!sealed.windows(8).any(|window| window == b"a secret"));
    }

    #[test]
    fn the_key_is_made_once_and_only_root_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let sealed = Sealer::open_or_create(directory.path(), None)
            .unwrap()
            .seal(user(1), &secret())
            .unwrap();
        let again = Sealer::open_or_create(directory.path(), None).unwrap();
        assert_eq!(again.open(user(1), &sealed).unwrap().as_bytes(), secret().as_bytes());
        let metadata = std::fs::metadata(directory.path().join(FILE)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.len()), (0o600, 32));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_draft_left_by_a_crash_is_no_key() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("totp.key.new"), b"half").unwrap();
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
            let refused = Sealer::open_or_create(directory.path(), None);
            assert!(matches!(refused, Err(SealError::Key(..))), "{mode:o} {length}");
            assert_eq!(std::fs::read(&path).unwrap(), vec![7; length]);
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(Sealer::open_or_create(directory.path(), None).is_err());
    }

    #[test]
    fn a_credential_comes_first() {
        let (store, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = credentials.path().join(NAME);
        std::fs::write(&path, [9; KEY]).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        let sealer = Sealer::open_or_create(store.path(), Some(credentials.path())).unwrap();
        let sealed = Sealer::new([9; KEY]).seal(user(1), &secret()).unwrap();
        assert!(sealer.open(user(1), &sealed).is_ok());
        assert!(!store.path().join(FILE).exists());
        // A directory without the credential is as good as none.
        let empty = tempfile::tempdir().unwrap();
        assert!(Sealer::open_or_create(store.path(), Some(empty.path())).is_ok());
        assert!(store.path().join(FILE).exists());
    }

    proptest! {
        #[test]
        fn no_damage_goes_unnoticed(at in 0usize..61, bit in 0u8..8) {
            let sealer = Sealer::new([1; KEY]);
            let mut sealed = sealer.seal(user(1), &secret()).unwrap();
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert!(sealer.open(user(1), &sealed).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(Sealer::new([1; KEY]).open(user(1), &bytes).is_err());
        }
    }
}
