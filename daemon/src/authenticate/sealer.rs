//! The keys in use: one that seals, and those that can still open.
//!
//! The key comes from a systemd credential (`totp-key`) or else from a file that only root can
//! read. It is exchanged in three steps, and after a crash between any two of them every secret
//! opens: the new key is written beside the old one (`totp.key.next`); every secret is sealed anew
//! in one transaction; the new key takes the old one's place. At start the secrets themselves tell
//! by their key's fingerprint how far that had got ([`Sealer::choose`]).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use accounts::UserId;

use super::key_files;
use super::seal::{Key, SealError};
use crate::secret::Secret;

/// Names of the systemd credentials.
const CREDENTIAL: &str = "totp-key";
const PREVIOUS: &str = "totp-key-previous";
/// Names of the files.
const FILE: &str = "totp.key";
const NEXT: &str = "totp.key.next";

/// Seals and opens secrets.
pub struct Sealer {
    ring: RwLock<Ring>,
    /// The store's directory, where the files are.
    store: PathBuf,
    from_credential: bool,
    rotating: Mutex<()>,
}

struct Ring {
    /// Seals.
    current: Arc<Key>,
    /// From `totp.key.next`, while there is such a file.
    next: Option<Arc<Key>>,
    /// Open only.
    earlier: Vec<Arc<Key>>,
}

impl Ring {
    fn all(&self) -> impl Iterator<Item = &Arc<Key>> {
        std::iter::once(&self.current).chain(&self.next).chain(&self.earlier)
    }
}

impl Sealer {
    /// With the credential `totp-key` of `credentials` (systemd's `$CREDENTIALS_DIRECTORY`), else
    /// with the file `totp.key` of the store's directory, which is made at first use. What was
    /// sealed with the credential `totp-key-previous`, or with the file while there is the
    /// credential, still opens.
    ///
    /// # Errors
    /// See [`SealError`]; a key that others could read or that has the wrong length is refused,
    /// never replaced.
    pub fn open_or_create(store: &Path, credentials: Option<&Path>) -> Result<Self, SealError> {
        let credential = |name: &str| match credentials {
            Some(directory) => key_files::read(&directory.join(name)),
            None => Ok(None),
        };
        let (given, previous) = (credential(CREDENTIAL)?, credential(PREVIOUS)?);
        let from_credential = given.is_some();
        let file = key_files::read(&store.join(FILE))?;
        let next = key_files::read(&store.join(NEXT))?;
        let mut earlier: Vec<Key> = previous.into_iter().collect();
        let current = match (given, file) {
            (Some(given), file) => {
                earlier.extend(file);
                given
            }
            (None, Some(file)) => file,
            (None, None) => key_files::create(&store.join(FILE))?,
        };
        let earlier = earlier.into_iter().map(Arc::new).collect();
        let ring = Ring { current: Arc::new(current), next: next.map(Arc::new), earlier };
        let (ring, store) = (RwLock::new(ring), store.to_owned());
        Ok(Self { ring, store, from_credential, rotating: Mutex::new(()) })
    }

    /// Whether the key is given to the daemon, which then cannot exchange it.
    #[must_use]
    pub const fn is_from_credential(&self) -> bool {
        self.from_credential
    }

    /// Seals a secret of this user.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn seal(&self, owner: UserId, secret: &Secret) -> Result<Vec<u8>, SealError> {
        self.read(|ring| ring.current.seal(owner, secret))
    }

    /// Opens a sealed secret of this user.
    ///
    /// # Errors
    /// [`SealError::OtherKey`], [`SealError::Damaged`].
    pub fn open(&self, owner: UserId, sealed: &[u8]) -> Result<Secret, SealError> {
        self.read(|ring| {
            let mut outcome = Err(SealError::OtherKey);
            for key in ring.all() {
                match key.open(owner, sealed) {
                    Err(SealError::OtherKey) => {}
                    Err(error) => outcome = Err(error),
                    opened => return opened,
                }
            }
            outcome
        })
    }

    /// Whether that was sealed with the key that seals now.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        self.read(|ring| ring.current.has_sealed(sealed))
    }

    /// Settles which key seals, at start: the next one when an exchange got so far that secrets
    /// were sealed with it.
    pub fn choose<'a>(&self, mut sealed: impl Iterator<Item = &'a [u8]>) {
        let next = self.read(|ring| ring.next.clone());
        if let Some(next) = next
            && !self.from_credential
            && sealed.any(|sealed| next.has_sealed(sealed))
        {
            self.switch();
        }
    }

    /// Only one exchange at a time.
    pub fn begin_rotation(&self) -> MutexGuard<'_, ()> {
        self.rotating.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// First step: a new key, durably beside the one in use.
    ///
    /// # Errors
    /// When it cannot be written, or there is one already.
    pub fn prepare(&self) -> Result<(), SealError> {
        let next = Arc::new(key_files::create(&self.store.join(NEXT))?);
        self.write(|ring| ring.next = Some(next));
        Ok(())
    }

    /// From now on the prepared key seals; the one before still opens.
    pub fn switch(&self) {
        self.write(|ring| {
            if let Some(next) = ring.next.take() {
                let before = std::mem::replace(&mut ring.current, next);
                ring.next = Some(before);
            }
        });
    }

    /// Last step, once everything is sealed with the key that seals now: it becomes the only one.
    ///
    /// # Errors
    /// When the files cannot be changed; every key then stays what it was.
    pub fn finish(&self) -> Result<(), SealError> {
        if self.from_credential {
            // The files are an administrator's to remove.
            self.write(|ring| ring.earlier.clear());
            return Ok(());
        }
        let next = self.store.join(NEXT);
        if let Some(prepared) = key_files::read(&next)? {
            if self.read(|ring| ring.current.is(&prepared)) {
                key_files::replace(&self.store.join(FILE), &next)?;
            } else {
                key_files::remove(&next)?;
            }
        }
        self.write(|ring| {
            ring.next = None;
            ring.earlier.clear();
        });
        Ok(())
    }

    fn read<T>(&self, read: impl FnOnce(&Ring) -> T) -> T {
        read(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut Ring)) {
        write(&mut self.ring.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
#[path = "sealer_tests.rs"]
mod tests;
