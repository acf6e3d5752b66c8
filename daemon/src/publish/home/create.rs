//! Makes a home from the skeleton.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::base::{Place, open_dir, place, rename, walk};
use super::copy::{self, Keep, Limits};
use super::{refuse_system_uid, remove};
use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// Whose the new home is.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Permission bits of the home itself.
    pub mode: u32,
}

/// What a skeleton may hold: it is copied at a login, while somebody waits.
const SKEL: Limits = Limits { depth: 32, entries: 20_000, bytes: 512 << 20 };

/// Makes the home at `path`. One that exists and belongs to the uid counts as made.
///
/// # Errors
/// An unsafe or missing base or skeleton; something else at `path`; the system's refusals.
pub fn create(host: &Host, path: &str, owner: &Owner) -> Result<(), EffectError> {
    acceptable(owner)?;
    let Some(place) = place(host, path)? else { return Ok(()) };
    let workspace = place.workspace_name("new");
    remove::workspace(&place, &workspace)?;
    if place.home_of(owner.uid)?.is_some() {
        return Ok(());
    }
    let skel = open_skel(host)?;
    let made = make(host, &place, &workspace, &skel, owner);
    // After a success this removes the empty workspace, after a failure what was copied so far.
    let cleared = remove::workspace(&place, &workspace);
    made.and(cleared)
}

/// Whether [`create`] would work. An existing directory is an error unless `adopt` says that it
/// may be there and it belongs to the uid.
///
/// # Errors
/// As [`create`], and [`EffectError::Exists`].
pub fn check(host: &Host, path: &str, owner: &Owner, adopt: bool) -> Result<(), EffectError> {
    acceptable(owner)?;
    let Some(place) = place(host, path)? else { return Ok(()) };
    match place.entry()? {
        Some(_) if adopt => place.home_of(owner.uid).map(|_| ()),
        Some(_) => Err(EffectError::Exists(path.to_owned())),
        None => open_skel(host).map(|_| ()),
    }
}

fn acceptable(owner: &Owner) -> Result<(), EffectError> {
    if owner.mode & !0o755 != 0 {
        return Err(EffectError::BadMode(owner.mode));
    }
    refuse_system_uid(owner.uid)
}

fn open_skel(host: &Host) -> Result<OwnedFd, EffectError> {
    let missing = || EffectError::SkelMissing(host.skel.clone());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(&host.root, flags, Mode::empty()).during(|| "open the root")?;
    let trusted = |dir: &OwnedFd, path: &str| {
        let stat = rustix::fs::fstat(dir).during(|| format!("stat {path}"))?;
        if stat.st_uid == 0 && stat.st_mode & 0o022 == 0 {
            return Ok(());
        }
        let why = "can be changed by others than root";
        Err(EffectError::BaseUnsafe { base: path.to_owned(), why })
    };
    let skel = walk(root, &host.skel, trusted).map_err(|error| match error {
        EffectError::BaseMissing(_) => missing(),
        error => error,
    })?;
    open_dir(&skel, ".").map_err(|_| missing())
}

fn make(
    host: &Host,
    place: &Place,
    workspace: &str,
    skel: &OwnedFd,
    owner: &Owner,
) -> Result<(), EffectError> {
    let what = || format!("make {}", place.path);
    let workspace = place.make_ours(workspace)?;
    rustix::fs::mkdirat(&workspace, "home", Mode::RWXU).during(what)?;
    let home = open_dir(&workspace, "home").during(what)?;
    let keep = Keep::Skeleton { uid: owner.uid, gid: owner.gid };
    copy::tree(skel.as_fd(), home.as_fd(), keep, SKEL, &host.skel)?;
    // The copy gave the home the skeleton's own mode; its ACLs are the skeleton's too.
    rustix::fs::fchown(&home, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
        .during(what)?;
    rustix::fs::fchmod(&home, Mode::from_raw_mode(owner.mode)).during(what)?;
    rustix::fs::fsync(&home).during(what)?;
    rustix::fs::fsync(&workspace).during(what)?;
    match rename((workspace.as_fd(), "home"), (place.base.as_fd(), &place.name)) {
        Ok(()) => place.sync(),
        Err(Errno::EXIST) => Err(EffectError::Exists(place.path.clone())),
        Err(errno) => Err(errno).during(what),
    }
}
