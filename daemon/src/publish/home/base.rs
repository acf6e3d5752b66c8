//! From a home's path to descriptors: the base it lies in, checked component by component, and
//! the directory itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use accounts::HomePath;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, StatxAttributes, StatxFlags,
};
use rustix::io::Errno;

use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// How every step of a walk is opened (openat2(2)).
pub(super) const STRICT: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Names that start so are ours, never a home's.
const OURS: &str = ".roster-";

/// Where a home is or will be: its name within an opened, checked base.
pub(super) struct Place {
    /// The base, opened for reading and syncing. Only root can change its entries.
    pub base: OwnedFd,
    /// The home's name in it.
    pub name: String,
    /// The whole path, for messages.
    pub path: String,
    /// The base's path, for messages.
    pub base_path: String,
}

/// Opens the base of `path`. `None` when the path means "no home".
pub(super) fn place(host: &Host, path: &str) -> Result<Option<Place>, EffectError> {
    let bad = |why: String| EffectError::BadPath { path: path.to_owned(), why };
    let home = HomePath::parse(path).map_err(|refused| bad(refused.message))?;
    if home.is_none() {
        return Ok(None);
    }
    let Some((base_path, name)) = path.rsplit_once('/') else {
        return Err(bad("is not an absolute path".to_owned()));
    };
    // Workspaces and quarantined homes are named after the home: leave room in NAME_MAX.
    if name.len() > 128 {
        return Err(bad("its last part is longer than 128 bytes".to_owned()));
    }
    if path.split('/').any(|part| part.starts_with(OURS)) {
        return Err(bad(format!("names that start with {OURS} are Roster's own")));
    }
    let base = open_base(host, base_path)?;
    Ok(Some(Place {
        base,
        name: name.to_owned(),
        path: path.to_owned(),
        base_path: if base_path.is_empty() { "/" } else { base_path }.to_owned(),
    }))
}

fn open_base(host: &Host, base_path: &str) -> Result<OwnedFd, EffectError> {
    let root = rustix::fs::open(&host.root, OFlags::PATH | DIRECTORY, Mode::empty())
        .during(|| "open the root directory")?;
    only_root_can_change(&root, "/")?;
    let base = walk(root, base_path, only_root_can_change)?;
    rustix::fs::openat2(&base, ".", OFlags::RDONLY | DIRECTORY, Mode::empty(), STRICT)
        .during(|| format!("open {base_path}"))
}

/// Opens a directory below `root`, no component of the way being a symbolic link and each
/// passing `check` (which gets its path so far).
pub(super) fn walk(
    root: OwnedFd,
    path: &str,
    check: impl Fn(&OwnedFd, &str) -> Result<(), EffectError>,
) -> Result<OwnedFd, EffectError> {
    let mut here = root;
    let mut so_far = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        so_far = format!("{so_far}/{part}");
        here =
            match rustix::fs::openat2(&here, part, OFlags::PATH | DIRECTORY, Mode::empty(), STRICT)
            {
                Ok(next) => next,
                Err(Errno::NOENT) => return Err(EffectError::BaseMissing(so_far)),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let why = "is a symbolic link or not a directory";
                    return Err(EffectError::BaseUnsafe { base: so_far, why });
                }
                Err(errno) => return Err(errno).during(|| format!("open {so_far}")),
            };
        check(&here, &so_far)?;
    }
    Ok(here)
}

fn only_root_can_change(dir: &OwnedFd, path: &str) -> Result<(), EffectError> {
    let stat = rustix::fs::fstat(dir).during(|| format!("stat {path}"))?;
    let at_fault = |why| Err(EffectError::BaseUnsafe { base: path.to_owned(), why });
    if stat.st_uid != 0 {
        return at_fault("does not belong to root");
    }
    // A POSIX ACL that lets somebody else write shows in the group bits (its mask) too.
    if stat.st_mode & 0o022 != 0 {
        return at_fault("is group- or other-writable");
    }
    Ok(())
}

impl Place {
    /// What stands at the home's place, not followed; `None` when nothing does.
    pub fn entry(&self) -> Result<Option<(OwnedFd, Stat)>, EffectError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = rustix::fs::openat2(&self.base, &*self.name, flags, Mode::empty(), STRICT);
        let fd = match found {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno).during(|| format!("open {}", self.path)),
        };
        let stat = rustix::fs::fstat(&fd).during(|| format!("stat {}", self.path))?;
        Ok(Some((fd, stat)))
    }

    /// The home, when it is there: a directory that belongs to `uid`, anything else is refused.
    pub fn home_of(&self, uid: u32) -> Result<Option<OwnedFd>, EffectError> {
        let Some((fd, stat)) = self.entry()? else { return Ok(None) };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(EffectError::NotADirectory(self.path.clone()));
        }
        if stat.st_uid != uid {
            let path = self.path.clone();
            return Err(EffectError::NotOwned { path, owner: stat.st_uid, uid });
        }
        Ok(Some(fd))
    }

    /// The name of a workspace for this home.
    pub fn workspace_name(&self, purpose: &str) -> String {
        format!("{OURS}{purpose}.{}", self.name)
    }

    /// Makes the changes to the base's entries durable.
    pub fn sync(&self) -> Result<(), EffectError> {
        rustix::fs::fsync(&self.base).during(|| format!("fsync {}", self.base_path))
    }

    /// Opens a directory of ours in the base; `None` when it is not there.
    pub fn open_ours(&self, name: &str) -> Result<Option<OwnedFd>, EffectError> {
        let what = || format!("{}/{name}", self.base_path);
        let resolve = STRICT | ResolveFlags::NO_XDEV;
        let flags = OFlags::RDONLY | DIRECTORY;
        let dir = match rustix::fs::openat2(&self.base, name, flags, Mode::empty(), resolve) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(EffectError::NotADirectory(what())),
            Err(errno) => return Err(errno).during(|| format!("open {}", what())),
        };
        let stat = rustix::fs::fstat(&dir).during(|| format!("stat {}", what()))?;
        if stat.st_uid != 0 || stat.st_mode & 0o077 != 0 {
            let why = "is not a directory for root alone";
            return Err(EffectError::BaseUnsafe { base: what(), why });
        }
        Ok(Some(dir))
    }

    /// Makes, or opens when it is there, a directory of ours in the base: root's, mode 0700.
    pub fn make_ours(&self, name: &str) -> Result<OwnedFd, EffectError> {
        let what = || format!("{}/{name}", self.base_path);
        match rustix::fs::mkdirat(&self.base, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).during(|| format!("make {}", what())),
        }
        let gone = || EffectError::BaseMissing(what());
        self.open_ours(name)?.ok_or_else(gone)
    }
}

/// Opens a directory within another one of the same mount, for reading.
pub(super) fn open_dir(parent: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let resolve = STRICT | ResolveFlags::NO_XDEV;
    rustix::fs::openat2(parent, name, OFlags::RDONLY | DIRECTORY, Mode::empty(), resolve)
}

/// Renames within one file system; what stands at the new name is never replaced.
pub(super) fn rename(
    from: (BorrowedFd<'_>, &str),
    to: (BorrowedFd<'_>, &str),
) -> Result<(), Errno> {
    rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE)
}

/// Whether a mount's root is what `fd` refers to (statx(2), Linux 5.8).
pub(super) fn is_mount_root(fd: &OwnedFd) -> Result<bool, Errno> {
    let stat = rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::empty())?;
    if !stat.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) {
        return Err(Errno::OPNOTSUPP);
    }
    Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}
