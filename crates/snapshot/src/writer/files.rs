//! Files of the index on their way: built under a temporary name, put in place, copied to disk.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::build::Plan;
use super::error::WriteError;
use super::memory::{Writable, random_key};
use crate::layout::{self, header};
use crate::words::Words;

/// Who may read a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// Everybody: mode 0644.
    Everybody,
    /// Only its owner, root: mode 0600.
    Owner,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Self::Everybody => 0o644,
            Self::Owner => 0o600,
        }
    }
}

/// A temporary name. Whatever still has it when this is dropped is removed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Usually gone by now, renamed. If not, an error came before, and that one is reported.
        let _ = fs::remove_file(&self.0);
    }
}

/// A complete file under a temporary name.
pub(super) struct Draft {
    temporary: Temporary,
    published: Published,
}

/// A file in its place.
pub(super) struct Published {
    path: PathBuf,
    name: &'static str,
    access: Access,
    content: Writable,
    file: File,
}

/// Makes a new file beside the one called `name`. A leftover of an earlier attempt is removed.
fn create(directory: &Path, name: &str, access: Access) -> Result<(Temporary, File), WriteError> {
    let path = directory.join(format!(".{name}.new"));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(WriteError::io("remove", &path)(error));
        }
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .map_err(WriteError::io("create", &path))?;
    let temporary = Temporary(path);
    file.set_permissions(Permissions::from_mode(access.mode()))
        .map_err(WriteError::io("set the mode of", &temporary.0))?;
    Ok((temporary, file))
}

/// Sets the mark of the file at `path`, if there is an index file, to send its readers to the path
/// again.
fn mark_superseded(path: &Path) -> Result<(), WriteError> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(WriteError::io("open", path)(error)),
    };
    let mut magic = [0; 8];
    if file.read_exact_at(&mut magic, 0).is_err() || magic != magic_bytes() {
        // Not an index: nobody has it mapped.
        return Ok(());
    }
    mark(&file, path)
}

/// Sets the mark of an index file.
fn mark(file: &File, path: &Path) -> Result<(), WriteError> {
    // One byte of the word changes, so no reader can see half of it.
    file.write_all_at(&1_u32.to_ne_bytes(), header::SUPERSEDED as u64 * 4)
        .map_err(WriteError::io("mark", path))
}

fn magic_bytes() -> [u8; 8] {
    let mut magic = [0; 8];
    magic[..4].copy_from_slice(&layout::MAGIC[0].to_ne_bytes());
    magic[4..].copy_from_slice(&layout::MAGIC[1].to_ne_bytes());
    magic
}

impl Draft {
    /// Builds a whole file. Nothing is visible yet.
    pub(super) fn create(
        directory: &Path,
        name: &'static str,
        access: Access,
        plan: &Plan<'_>,
    ) -> Result<Self, WriteError> {
        let length = plan.length()?;
        let (temporary, file) = create(directory, name, access)?;
        let content = Writable::reserve(&file, length)
            .map_err(WriteError::io("reserve space for", &temporary.0))?;
        let key = random_key().map_err(WriteError::io("make a key for", &temporary.0))?;
        plan.build(content.words(), key)?;
        let path = directory.join(name);
        Ok(Self { temporary, published: Published { path, name, access, content, file } })
    }

    /// Marks the old file, then takes its place. If the process dies in between, the old one stays
    /// valid, for its path still leads to it.
    ///
    /// `before` is the file that this writer put there last. Somebody may have removed it since; its
    /// readers would then never hear of another one, so it is marked as well.
    pub(super) fn put_in_place(self, before: &mut Option<File>) -> Result<Published, WriteError> {
        let Self { temporary, published } = self;
        let path = &published.path;
        mark_superseded(path)?;
        fs::rename(&temporary.0, path).map_err(WriteError::io("rename to", path))?;
        let this = published.file.try_clone().map_err(WriteError::io("keep open", path))?;
        if let Some(old) = before.replace(this) {
            mark(&old, path)?;
        }
        Ok(published)
    }
}

impl Published {
    /// Writes the same content to disk, into `directory`, durably but for the sync of the directory.
    pub(super) fn checkpoint(&self, directory: &Path) -> Result<(), WriteError> {
        let words = Words::new(self.content.words());
        let bytes = words.bytes(0, words.len() * 4).unwrap_or(&[]);
        let (temporary, mut file) = create(directory, self.name, self.access)?;
        file.write_all(bytes).map_err(WriteError::io("write", &temporary.0))?;
        file.sync_all().map_err(WriteError::io("sync", &temporary.0))?;
        let path = directory.join(self.name);
        mark_superseded(&path)?;
        fs::rename(&temporary.0, &path).map_err(WriteError::io("rename to", &path))
    }
}

/// Makes a directory that everybody may search, unless there is one.
pub(super) fn make_directory(path: &Path) -> Result<(), WriteError> {
    match DirBuilder::new().mode(0o755).create(path) {
        // The umask may have taken bits away that every reader needs.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755))
            .map_err(WriteError::io("set the mode of", path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(WriteError::io("create", path)(error)),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), WriteError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(WriteError::io("sync", path))
}
