//! The files and credentials that the keys of second-factor secrets come from.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::seal::{KEY, Key, SealError};

/// The key of a file; nothing when there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Key>, SealError> {
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
    if whole { Ok(Some(Key::new(key))) } else { Err(refused("must be 32 bytes long")) }
}

/// Makes a key, durably and under its name only when it is whole; never over one that is there.
pub(super) fn create(path: &Path) -> Result<Key, SealError> {
    let mut key = Zeroizing::new([0; KEY]);
    getrandom::fill(&mut *key).map_err(|_| SealError::Randomness)?;
    let draft = path.with_extension("new");
    let written = (|| {
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&key[..])?;
        file.sync_all()?;
        // Never over a key that appeared meanwhile.
        let linked = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft)?;
        linked?;
        sync_parent(path)
    })();
    written.map_err(|error| SealError::File(path.to_owned(), error))?;
    tracing::info!(path = %path.display(), "made a new key for second-factor secrets");
    Ok(Key::new(key))
}

/// Puts a key in the place of another one, durably.
pub(super) fn replace(path: &Path, by: &Path) -> Result<(), SealError> {
    let replaced = std::fs::rename(by, path).and_then(|()| sync_parent(path));
    replaced.map_err(|error| SealError::File(path.to_owned(), error))
}

/// Removes a key that nothing was sealed with.
pub(super) fn remove(path: &Path) -> Result<(), SealError> {
    let removed = std::fs::remove_file(path).and_then(|()| sync_parent(path));
    removed.map_err(|error| SealError::File(path.to_owned(), error))
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}
