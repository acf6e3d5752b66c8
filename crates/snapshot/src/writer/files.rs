//! Files of the index on their way: written under a temporary name, put in place.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::error::WriteError;
use super::image::{Image, Log, Sizes};
use super::memory::{Writable, random_key};
use crate::index::word_of;
use crate::layout::{self, Kind, header};

/// The least room for changes in a new file, in units of eight bytes.
const LEAST_ROOM: u64 = 8 * 1024;

/// Which of the two files, and who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    mode: u32,
}

/// Everybody reads it.
pub(super) const INDEX: Target = Target { name: "index", kind: Kind::Index, mode: 0o644 };
/// Only its owner, root, reads it.
pub(super) const SHADOW: Target = Target { name: "shadow", kind: Kind::Shadow, mode: 0o600 };

/// A temporary name. Whatever still has it when this is dropped is removed.
#[derive(Debug)]
pub(super) struct Temporary(pub(super) PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Usually gone by now, renamed. If not, an error came before, and that one is reported.
        let _ = fs::remove_file(&self.0);
    }
}

/// Under which temporary name: more than one may be under way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A file with content of its own.
    New,
    /// The same, begun again with longer tables.
    Again,
    /// A larger file for the content of the one in place.
    Larger,
}

/// Makes a new file for `target` in `directory`. A leftover of an earlier attempt is removed.
pub(super) fn create(
    directory: &Path,
    name: Name,
    target: Target,
) -> Result<(Temporary, File), WriteError> {
    let suffix = match name {
        Name::New => "new",
        Name::Again => "again",
        Name::Larger => "larger",
    };
    let path = directory.join(format!(".{}.{suffix}", target.name));
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
    file.set_permissions(Permissions::from_mode(target.mode))
        .map_err(WriteError::io("set the mode of", &temporary.0))?;
    Ok((temporary, file))
}

/// Sets the mark of the file at `path`, if there is an index file, to send its readers to the path
/// again.
pub(super) fn mark_superseded(path: &Path) -> Result<(), WriteError> {
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

/// A file that nobody reads yet, under a temporary name.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: Name,
    temporary: Temporary,
    path: PathBuf,
    target: Target,
    file: File,
    content: Writable,
    log: Log,
}

impl Draft {
    /// Begins a file for so many records, with room for `units` of them.
    pub(super) fn begin(
        directory: &Path,
        name: Name,
        target: Target,
        sizes: &Sizes,
        units: u64,
    ) -> Result<Self, WriteError> {
        let length = bytes(sizes.head(target.kind)? + units)?;
        let (temporary, file) = create(directory, name, target)?;
        let content = Writable::reserve(&file, length)
            .map_err(WriteError::io("reserve space for", &temporary.0))?;
        let key = random_key().map_err(WriteError::io("make a key for", &temporary.0))?;
        let log = Log::default();
        Image::format(content.words(), &log, target.kind, sizes, key)?;
        let path = directory.join(target.name);
        Ok(Self { name, temporary, path, target, file, content, log })
    }

    /// Begins a file with all that `live` holds, word for word, and room for `units` more. Links are
    /// offsets, so they lead to the same records there.
    pub(super) fn copy_of(live: &Live, name: Name, units: u64) -> Result<Self, WriteError> {
        let used = live.image()?.get(header::USED)?;
        let (temporary, file) = create(live.directory(), name, live.target)?;
        let content = Writable::reserve(&file, bytes(u64::from(used) + units)?)
            .map_err(WriteError::io("reserve space for", &temporary.0))?;
        let words = live.content.words().get(..word_of(used)).ok_or(WriteError::Damaged)?;
        for (to, from) in content.words().iter().zip(words) {
            to.store(from.load(Relaxed), Relaxed);
        }
        let (path, target, log) = (live.path.clone(), live.target, Log::default());
        let draft = Self { name, temporary, path, target, file, content, log };
        draft.image()?.set(header::SUPERSEDED, 0)?;
        Ok(draft)
    }

    pub(super) fn image(&self) -> Result<Image<'_>, WriteError> {
        Image::open(self.content.words(), &self.log)
    }

    /// Which of the two files it will be.
    pub(super) fn target(&self) -> Target {
        self.target
    }

    fn resize(&mut self, length: usize) -> Result<(), WriteError> {
        // The old mapping goes when the new one is there.
        self.content = Writable::reserve(&self.file, length)
            .map_err(WriteError::io("reserve space for", &self.temporary.0))?;
        Ok(())
    }

    /// Sees to room for a further record of so many units.
    pub(super) fn make_room(&mut self, units: u64) -> Result<(), WriteError> {
        if self.image()?.free()? >= units {
            return Ok(());
        }
        let now = self.content.words().len() as u64 / 2;
        self.resize(bytes(now + now / 2 + units)?)
    }

    /// Completes the file: its length leaves room for changes, of a quarter of what there is and of
    /// `more` units at least.
    pub(super) fn complete(&mut self, generation: u64, more: u64) -> Result<(), WriteError> {
        let used = u64::from(self.image()?.get(header::USED)?);
        let length = bytes(used + more + LEAST_ROOM.max(used / 4))?;
        self.resize(length)?;
        // Nobody has it mapped but ourselves, so it may still become shorter.
        let length_now = u64::try_from(length).map_err(|_| WriteError::TooLarge)?;
        self.file.set_len(length_now).map_err(WriteError::io("cut", &self.temporary.0))?;
        let image = self.image()?;
        image.set_generation(generation)?;
        image.seal(length / 4)
    }

    /// Marks the old file, then takes its place. If the process dies in between, the old one stays
    /// valid, for its path still leads to it.
    ///
    /// `before` is the file that this writer put there last. Somebody may have removed it since; its
    /// readers would then never hear of another one, so it is marked as well.
    pub(super) fn put_in_place(self, before: &mut Option<Live>) -> Result<(), WriteError> {
        let Self { name: _, temporary, path, target, file, content, log } = self;
        let place = Place::of(&file).map_err(WriteError::io("look at", &temporary.0))?;
        mark_superseded(&path)?;
        fs::rename(&temporary.0, &path).map_err(WriteError::io("rename to", &path))?;
        let content = Arc::new(content);
        let live = Live { path: path.clone(), target, file, content, log, place };
        match before.replace(live) {
            Some(old) => mark(&old.file, &path),
            None => Ok(()),
        }
    }
}

/// Units as bytes of a file.
fn bytes(units: u64) -> Result<usize, WriteError> {
    let units = u32::try_from(units).map_err(|_| WriteError::TooLarge)?;
    (units as usize).checked_mul(8).ok_or(WriteError::TooLarge)
}

/// Which file something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    device: u64,
    inode: u64,
}

impl Place {
    fn of(file: &File) -> std::io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self { device: meta.dev(), inode: meta.ino() })
    }
}

/// A file in its place, which is changed under its readers.
#[derive(Debug)]
pub(super) struct Live {
    path: PathBuf,
    pub(super) target: Target,
    file: File,
    pub(super) content: Arc<Writable>,
    pub(super) log: Log,
    place: Place,
}

impl Live {
    pub(super) fn image(&self) -> Result<Image<'_>, WriteError> {
        Image::open(self.content.words(), &self.log)
    }

    /// Whether the path still leads to this file.
    pub(super) fn is_in_place(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|meta| Place { device: meta.dev(), inode: meta.ino() } == self.place)
    }

    /// The directory it stands in.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
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
