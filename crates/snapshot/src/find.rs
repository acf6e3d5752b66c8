//! The one-shot lookup of programs that are not NSS modules: the PAM module, authorized-keys.

use std::ffi::CStr;

use crate::mapping::{Reader, Unavailable};
use crate::records::UserRef;
use crate::{CHECKPOINT_INDEX, Kind, LIVE_INDEX};

/// A user, copied out of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUser {
    /// Login name.
    pub name: Vec<u8>,
    /// User number.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// Full name and its companions.
    pub gecos: Vec<u8>,
    /// Home directory.
    pub home: Vec<u8>,
    /// Login shell.
    pub shell: Vec<u8>,
    /// Locked or disabled: no login of any kind.
    pub locked: bool,
    /// When the account expires, in unix seconds; at this second it has expired.
    pub expires_at: Option<i64>,
    /// The public keys.
    pub keys: Vec<FoundKey>,
}

/// A public key of a [`FoundUser`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The line as sshd(8) reads it: type, key, comment.
    pub line: Vec<u8>,
    /// When the key expires, in unix seconds; at this second it has expired.
    pub expires_at: Option<i64>,
}

impl FoundUser {
    /// Whether the account may log in at `now`, in unix seconds: neither locked nor expired.
    #[must_use]
    pub fn is_active(&self, now: i64) -> bool {
        !self.locked && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// The keys that have not expired at `now`, in unix seconds.
    pub fn keys_at(&self, now: i64) -> impl Iterator<Item = &FoundKey> {
        self.keys.iter().filter(move |key| key.expires_at.is_none_or(|expiry| now < expiry))
    }
}

impl From<UserRef<'_>> for FoundUser {
    fn from(user: UserRef<'_>) -> Self {
        Self {
            name: user.name().to_vec(),
            uid: user.uid(),
            gid: user.gid(),
            gecos: user.gecos().to_vec(),
            home: user.home().to_vec(),
            shell: user.shell().to_vec(),
            locked: user.locked(),
            expires_at: user.expires_at(),
            keys: user
                .keys()
                .map(|key| FoundKey { line: key.line.to_vec(), expires_at: key.expires_at })
                .collect(),
        }
    }
}

/// The user of this name in the system's index: the live one, else the checkpoint.
///
/// Maps the file, reads it and unmaps it: nothing stays in the process, so that it suits a PAM module.
///
/// # Errors
///
/// Neither file can be read.
pub fn find_user(name: &[u8]) -> Result<Option<FoundUser>, Unavailable> {
    find_user_in(LIVE_INDEX, CHECKPOINT_INDEX, 0, name)
}

/// [`find_user`] in other files, which must belong to `owner`.
///
/// # Errors
///
/// Neither file can be read.
pub fn find_user_in(
    live: &CStr,
    checkpoint: &CStr,
    owner: u32,
    name: &[u8],
) -> Result<Option<FoundUser>, Unavailable> {
    let reader = Reader::open(live, Kind::Index, owner).or_else(|live| {
        Reader::open(checkpoint, Kind::Index, owner)
            .map_err(|checkpoint| if live.errno == libc::ENOENT { checkpoint } else { live })
    })?;
    Ok(reader.index().user_by_name(name).map(FoundUser::from))
}
