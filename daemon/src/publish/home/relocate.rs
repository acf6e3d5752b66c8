//! Moves a home: a rename on one file system, else a copy that takes the original's place.
//!
//! The copy is made in a workspace beside the new place. The original then leaves its place into
//! a workspace of its own (the point of no return), the copy takes the new one, and the original
//! is removed. Whatever a crash interrupts, the home is whole at the old place, or its copy is
//! whole in the workspace or at the new one, and the repetition can tell which.

use std::os::fd::AsFd;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::base::{Place, open_dir, place, rename};
use super::copy::{self, Keep, Limits};
use super::{neighbours, refuse_system_uid, remove};
use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// Two descriptors are open per level.
const MOST: Limits = Limits { depth: 200, entries: u64::MAX, bytes: u64::MAX - 1 };

/// Moves the home. A missing home counts as moved.
///
/// # Errors
/// As for archiving; [`EffectError::Exists`] when something is at the new place already.
pub fn relocate(host: &Host, from: &str, to: &str, uid: u32) -> Result<(), EffectError> {
    let Some((old, new)) = places(host, from, to, uid)? else { return Ok(()) };
    let (copied, leaving) = (new.workspace_name("moving"), old.workspace_name("moved"));
    if old.entry()?.is_none() {
        return finish(&old, &new, uid, &copied, &leaving);
    }
    movable(host, &old, &new, uid)?;
    match rename((old.base.as_fd(), &old.name), (new.base.as_fd(), &new.name)) {
        Ok(()) => {
            new.sync()?;
            return old.sync();
        }
        Err(Errno::XDEV) => {}
        Err(Errno::EXIST) => return Err(EffectError::Exists(new.path)),
        Err(errno) => return Err(errno).during(|| format!("move {from} to {to}")),
    }
    remove::workspace(&new, &copied)?;
    if let Err(error) = copy_whole(&old, &new, &copied) {
        // The original is untouched; what was copied so far is of no use.
        remove::workspace(&new, &copied)?;
        return Err(error);
    }
    let left = old.make_ours(&leaving)?;
    rename((old.base.as_fd(), &old.name), (left.as_fd(), "home"))
        .during(|| format!("move {from} away"))?;
    old.sync()?;
    finish(&old, &new, uid, &copied, &leaving)
}

/// Whether [`relocate`] would work, as far as can be seen without copying.
///
/// # Errors
/// As [`relocate`].
pub fn check(host: &Host, from: &str, to: &str, uid: u32) -> Result<(), EffectError> {
    let Some((old, new)) = places(host, from, to, uid)? else { return Ok(()) };
    if old.entry()?.is_none() {
        return Ok(());
    }
    movable(host, &old, &new, uid)
}

fn places(
    host: &Host,
    from: &str,
    to: &str,
    uid: u32,
) -> Result<Option<(Place, Place)>, EffectError> {
    refuse_system_uid(uid)?;
    if from == to {
        return Ok(None);
    }
    let old = match place(host, from) {
        Err(EffectError::BaseMissing(_)) => None,
        old => old?,
    };
    Ok(old.zip(place(host, to)?))
}

fn movable(host: &Host, old: &Place, new: &Place, uid: u32) -> Result<(), EffectError> {
    if let Some(home) = old.home_of(uid)? {
        neighbours::none_inside(host, old, &home, uid)?;
    }
    match new.entry()? {
        Some(_) => Err(EffectError::Exists(new.path.clone())),
        None => Ok(()),
    }
}

fn copy_whole(old: &Place, new: &Place, workspace: &str) -> Result<(), EffectError> {
    let what = || format!("copy {} to {}", old.path, new.path);
    let workspace = new.make_ours(workspace)?;
    let source = open_dir(&old.base, &*old.name).during(what)?;
    rustix::fs::mkdirat(&workspace, "home", Mode::RWXU).during(what)?;
    let target = open_dir(&workspace, "home").during(what)?;
    copy::tree(source.as_fd(), target.as_fd(), Keep::All, MOST, &old.path)?;
    rustix::fs::syncfs(&target).during(what)
}

/// What is left to do once nothing stands at the old place any more.
fn finish(
    old: &Place,
    new: &Place,
    uid: u32,
    copied: &str,
    leaving: &str,
) -> Result<(), EffectError> {
    let Some(left) = old.open_ours(leaving)? else {
        // Moved by a rename, moved completely, or never there.
        return remove::workspace(new, copied);
    };
    if new.home_of(uid)?.is_none() {
        let what = || format!("move the copy of {} to {}", old.path, new.path);
        let Some(workspace) = new.open_ours(copied)? else {
            // Nothing was copied, so nothing may be removed: put the original back.
            rename((left.as_fd(), "home"), (old.base.as_fd(), &old.name)).during(what)?;
            remove::workspace(old, leaving)?;
            return Err(Errno::NOENT).during(what);
        };
        rename((workspace.as_fd(), "home"), (new.base.as_fd(), &new.name)).during(what)?;
        rustix::fs::fsync(&workspace).during(what)?;
        new.sync()?;
    }
    remove::workspace(new, copied)?;
    remove::workspace(old, leaving)
}
