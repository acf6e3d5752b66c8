//! Copies a directory tree by descriptor: no symbolic link is followed, no mount crossed.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Uid};
use rustix::io::Errno;

use super::base::{STRICT, open_dir};
use super::xattr;
use crate::publish::error::{During, EffectError};

/// What a copy keeps of the original.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// A skeleton's: permission bits without setuid, setgid and sticky, `user.` attributes and
    /// ACLs; the owner is given. Anything but directories, files and symbolic links is left out.
    Skeleton {
        /// The new owner.
        uid: u32,
        /// The new group.
        gid: u32,
    },
    /// A moved home's: owners, all mode bits, times, attributes, FIFOs. Sockets are left out
    /// (they mean nothing without their listener), device nodes are refused.
    All,
}

/// What a copy may grow to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Directories within directories.
    pub depth: usize,
    /// Files, directories and links.
    pub entries: u64,
    /// File contents, in bytes.
    pub bytes: u64,
}

/// Copies what is in the directory `from` into the directory `to`, then gives `to` itself the
/// attributes, owner and mode that `keep` says, in this order. `path` is for messages.
pub(super) fn tree(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    keep: Keep,
    limits: Limits,
    path: &str,
) -> Result<(), EffectError> {
    let mut copy = Copy { keep, left: limits, path };
    copy.contents(from, to, limits.depth)?;
    let stat = rustix::fs::fstat(from).during(|| format!("stat {path}"))?;
    copy.finish(from, to, &stat)
}

struct Copy<'a> {
    keep: Keep,
    left: Limits,
    path: &'a str,
}

impl Copy<'_> {
    fn contents(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        depth: usize,
    ) -> Result<(), EffectError> {
        let entries = Dir::read_from(from).during(|| format!("read {}", self.path))?;
        for entry in entries {
            let entry = entry.during(|| format!("read {}", self.path))?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.left.entries =
                self.left.entries.checked_sub(1).ok_or_else(|| self.too_much("entries"))?;
            self.entry(from, to, name, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        depth: usize,
    ) -> Result<(), EffectError> {
        let what = || format!("copy {}/…/{}", self.path, name.to_string_lossy());
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW).during(what)?;
        match (FileType::from_raw_mode(stat.st_mode), self.keep) {
            (FileType::Directory, _) => {
                let depth = depth.checked_sub(1).ok_or_else(|| self.too_much("levels"))?;
                let source = open_dir(from, name).during(what)?;
                rustix::fs::mkdirat(to, name, Mode::RWXU).during(what)?;
                let target = open_dir(to, name).during(what)?;
                let stat = rustix::fs::fstat(&source).during(what)?;
                self.contents(source.as_fd(), target.as_fd(), depth)?;
                self.finish(source.as_fd(), target.as_fd(), &stat)
            }
            (FileType::RegularFile, _) => self.file(from, to, name),
            (FileType::Symlink, _) => {
                let target = rustix::fs::readlinkat(from, name, Vec::new()).during(what)?;
                rustix::fs::symlinkat(&*target, to, name).during(what)?;
                let (uid, gid) = self.owner(&stat);
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::chownat(to, name, Some(uid), Some(gid), flags).during(what)
            }
            (_, Keep::Skeleton { .. }) | (FileType::Socket, Keep::All) => Ok(()),
            (FileType::Fifo, Keep::All) => {
                rustix::fs::mknodat(to, name, FileType::Fifo, Mode::RUSR, 0).during(what)?;
                let (uid, gid) = self.owner(&stat);
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::chownat(to, name, Some(uid), Some(gid), flags).during(what)?;
                let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
                // `to` is inside a root-only workspace: the name is still the FIFO just made.
                rustix::fs::chmodat(to, name, mode, AtFlags::empty()).during(what)
            }
            (_, Keep::All) => Err(self.too_much("device nodes")),
        }
    }

    fn file(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
    ) -> Result<(), EffectError> {
        let what = || format!("copy {}/…/{}", self.path, name.to_string_lossy());
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = STRICT | ResolveFlags::NO_XDEV;
        // The entry may have been swapped since it was looked at: NONBLOCK, so that a FIFO does
        // not hold us, then look at what was opened.
        let reading = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | flags;
        let source = rustix::fs::openat2(from, name, reading, Mode::empty(), resolve);
        let source = source.during(what)?;
        let stat = rustix::fs::fstat(&source).during(what)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::AGAIN).during(what);
        }
        let writing = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | flags;
        let target = rustix::fs::openat2(to, name, writing, Mode::RUSR | Mode::WUSR, resolve);
        let target = target.during(what)?;

        let limit = self.left.bytes.saturating_add(1);
        let mut reader = File::from(source).take(limit);
        let mut writer = File::from(target);
        let copied = std::io::copy(&mut reader, &mut writer).during(what)?;
        self.left.bytes =
            self.left.bytes.checked_sub(copied).ok_or_else(|| self.too_much("bytes"))?;
        let source: OwnedFd = reader.into_inner().into();
        self.finish(source.as_fd(), writer.as_fd(), &stat)
    }

    /// Owner first (it clears setuid and capabilities), then attributes, mode and times.
    fn finish(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        stat: &Stat,
    ) -> Result<(), EffectError> {
        let what = || format!("set owner and mode of a copy of {}", self.path);
        let (uid, gid) = self.owner(stat);
        rustix::fs::fchown(to, Some(uid), Some(gid)).during(what)?;
        let (bits, capabilities) = match self.keep {
            Keep::Skeleton { .. } => (0o777, false),
            Keep::All => (0o7777, true),
        };
        xattr::copy(from, to, |name| {
            name.starts_with(b"user.")
                || name.starts_with(b"system.posix_acl_")
                || (capabilities && name == b"security.capability")
        })
        .during(what)?;
        rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode & bits)).during(what)?;
        match self.keep {
            // A moved home is synced as a whole at its end.
            Keep::All => rustix::fs::futimens(to, &times(stat)).during(what),
            Keep::Skeleton { .. } => rustix::fs::fsync(to).during(what),
        }
    }

    fn owner(&self, stat: &Stat) -> (Uid, Gid) {
        match self.keep {
            Keep::Skeleton { uid, gid } => (Uid::from_raw(uid), Gid::from_raw(gid)),
            Keep::All => (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid)),
        }
    }

    fn too_much(&self, what: &'static str) -> EffectError {
        EffectError::Limit { path: self.path.to_owned(), what }
    }
}

fn times(stat: &Stat) -> rustix::fs::Timestamps {
    let at = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.try_into().unwrap_or(0),
    };
    rustix::fs::Timestamps {
        last_access: at(stat.st_atime as _, stat.st_atime_nsec as _),
        last_modification: at(stat.st_mtime as _, stat.st_mtime_nsec as _),
    }
}

/// Up to `most` names in a directory, without `.` and `..`.
pub(super) fn names(dir: BorrowedFd<'_>, most: usize) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
            if names.len() == most {
                break;
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::publish::home::testing::{GID, Machine, UID};

    fn copied(machine: &Machine, limits: Limits) -> Result<(), EffectError> {
        let open = |path: &str| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            rustix::fs::open(machine.at(path), flags, Mode::empty()).unwrap()
        };
        let _ = std::fs::remove_dir_all(machine.at("srv/copy"));
        machine.mkdir("srv/copy", 0);
        let keep = Keep::Skeleton { uid: UID, gid: GID };
        tree(open("etc/skel").as_fd(), open("srv/copy").as_fd(), keep, limits, "/etc/skel")
    }

    #[test]
    fn limits_are_met_exactly() {
        // .bashrc (6 bytes), .config and .config/app (4 bytes).
        let machine = Machine::new();
        let enough = Limits { depth: 1, entries: 3, bytes: 10 };
        copied(&machine, enough).unwrap();
        for (limits, exceeded) in [
            (Limits { depth: 0, ..enough }, "levels"),
            (Limits { entries: 2, ..enough }, "entries"),
            (Limits { bytes: 9, ..enough }, "bytes"),
        ] {
            let error = copied(&machine, limits).unwrap_err();
            assert!(matches!(error, EffectError::Limit { what, .. } if what == exceeded));
        }
    }
}
