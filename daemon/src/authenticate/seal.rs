//! Seals the secrets of second factors, so that a copy of the database alone is of no use.
//!
//! XChaCha20-Poly1305, with the user's UUID as associated data: a sealed secret moved to another
//! user's row does not open. Where the keys come from is the [`sealer`](super::sealer)'s part.

use std::path::PathBuf;

use accounts::UserId;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bytes of a key.
pub(super) const KEY: usize = 32;
/// Bytes of a nonce: long enough to be drawn at random for ever.
const NONCE: usize = 24;
/// Format of a sealed secret: version, key's fingerprint, nonce, ciphertext with its tag.
const VERSION: u8 = 1;
const FINGERPRINT: usize = 4;
const HEAD: usize = 1 + FINGERPRINT + NONCE;

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

/// One key.
pub(super) struct Key {
    bytes: Zeroizing<[u8; KEY]>,
    fingerprint: [u8; FINGERPRINT],
}

impl Key {
    /// The key of those bytes.
    pub fn new(bytes: Zeroizing<[u8; KEY]>) -> Self {
        let hash = Sha256::new().chain_update(b"roster totp key\0").chain_update(*bytes).finalize();
        let mut fingerprint = [0; FINGERPRINT];
        fingerprint.copy_from_slice(&hash[..FINGERPRINT]);
        Self { bytes, fingerprint }
    }

    /// Whether it is the same key.
    pub fn is(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// Whether that was sealed with this key, as far as it says so itself.
    pub fn has_sealed(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=FINGERPRINT) == Some(self.fingerprint.as_slice())
    }

    /// Seals a secret of this user.
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
    pub fn open(&self, owner: UserId, sealed: &[u8]) -> Result<Secret, SealError> {
        let (head, ciphertext) = sealed.split_at_checked(HEAD).ok_or(SealError::Damaged)?;
        let (version, head) = head.split_first().ok_or(SealError::Damaged)?;
        let (_, nonce) = head.split_at(FINGERPRINT);
        if *version != VERSION {
            return Err(SealError::Damaged);
        }
        if !self.has_sealed(sealed) {
            return Err(SealError::OtherKey);
        }
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SealError::Damaged)?;
        let payload = Payload { msg: ciphertext, aad: &associated(owner) };
        let opened = self.cipher().decrypt(&XNonce::from(nonce), payload);
        Ok(Secret::new(opened.map_err(|_| SealError::Damaged)?))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

fn associated(owner: UserId) -> Vec<u8> {
    [b"roster totp secret\0".as_slice(), owner.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn secret() -> Secret {
        Secret::from("a secret".to_owned())
    }

    fn key(byte: u8) -> Key {
        Key::new(Zeroizing::new([byte; KEY]))
    }

    #[test]
    fn what_was_sealed_opens_for_its_user_and_key_only() {
        let sealed = key(1).seal(user(1), &secret()).unwrap();
        assert_eq!(key(1).open(user(1), &sealed).unwrap().as_bytes(), secret().as_bytes());
        assert!(matches!(key(1).open(user(2), &sealed), Err(SealError::Damaged)));
        assert!(matches!(key(2).open(user(1), &sealed), Err(SealError::OtherKey)));
        assert!(key(1).has_sealed(&sealed) && !key(2).has_sealed(&sealed));
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let sealed = key(1).seal(user(1), &secret()).unwrap();
        assert_ne!(sealed, key(1).seal(user(1), &secret()).unwrap());
        assert!(!sealed.windows(8).any(|window| window == b"a secret"));
    }

    proptest! {
        #[test]
        fn no_damage_goes_unnoticed(at in 0usize..61, bit in 0u8..8) {
            let mut sealed = key(1).seal(user(1), &secret()).unwrap();
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert!(key(1).open(user(1), &sealed).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(key(1).open(user(1), &bytes).is_err());
        }
    }
}
