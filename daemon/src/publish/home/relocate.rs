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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::OsStr;

    use super::*;
    use crate::publish::home::testing::{GID, Machine, UID, in_mount_namespace, run};

    const OLD: &str = "/home/alice";
    const NEW: &str = "/srv/alice";

    fn moved(machine: &Machine) {
        assert_eq!(machine.read("srv/alice/letter"), "dear bob\n");
        assert_eq!(machine.owner_and_mode("srv/alice"), (UID, GID, 0o700));
        assert!(machine.names("home").is_empty());
        assert_eq!(machine.names("srv"), ["alice"]);
    }

    #[test]
    fn on_one_file_system_it_is_a_rename() {
        let machine = Machine::new().with_alice();
        check(&machine.host, OLD, NEW, UID).unwrap();
        relocate(&machine.host, OLD, NEW, UID).unwrap();
        moved(&machine);
        relocate(&machine.host, OLD, NEW, UID).unwrap();
        moved(&machine);
    }

    #[test]
    fn what_is_at_the_new_place_stays() {
        let machine = Machine::new().with_alice();
        machine.mkdir("srv/alice", UID);
        for answer in [check(&machine.host, OLD, NEW, UID), relocate(&machine.host, OLD, NEW, UID)]
        {
            assert!(matches!(answer, Err(EffectError::Exists(path)) if path == NEW));
        }
        assert!(machine.has("home/alice/letter") && machine.names("srv/alice").is_empty());
    }

    #[test]
    fn a_home_that_may_not_go_stays() {
        let machine = Machine::new().with_alice();
        assert!(matches!(
            relocate(&machine.host, OLD, NEW, 1234),
            Err(EffectError::NotOwned { .. })
        ));
        assert!(matches!(relocate(&machine.host, OLD, NEW, 0), Err(EffectError::RefusedUid(0))));
        let inside = relocate(&machine.host, OLD, "/home/alice/inner", UID);
        assert!(matches!(inside, Err(EffectError::BaseUnsafe { .. })));
        let missing = relocate(&machine.host, OLD, "/export/alice", UID);
        assert!(matches!(missing, Err(EffectError::BaseMissing(_))));
        relocate(&machine.host, OLD, "/nonexistent", UID).unwrap();
        relocate(&machine.host, OLD, OLD, UID).unwrap();
        assert!(machine.has("home/alice/letter"));
    }

    #[test]
    fn a_home_that_was_never_made_counts_as_moved() {
        let machine = Machine::new();
        relocate(&machine.host, OLD, NEW, UID).unwrap();
        relocate(&machine.host, "/export/alice", NEW, UID).unwrap();
        relocate(&machine.host, "/var/empty", NEW, UID).unwrap();
        assert!(machine.names("srv").is_empty());
    }

    #[test]
    fn to_another_file_system_it_is_a_faithful_copy() {
        if !in_mount_namespace() {
            return;
        }
        let machine = Machine::new().with_alice();
        let srv = machine.at("srv");
        let tmpfs = ["-t", "tmpfs", "-o", "mode=755", "tmpfs"].map(OsStr::new);
        run("mount", &[&tmpfs[..], &[srv.as_os_str()]].concat());
        machine.link("/etc/passwd", "home/alice/link");
        machine.mkdir("home/alice/theirs", 1234);
        machine.write("home/alice/theirs/tool", "#!/bin/sh\n");
        machine.chmod("home/alice/theirs/tool", 0o6751);
        let fifo = machine.at("home/alice/fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let letter = machine.at("home/alice/letter");
        let before = letter.metadata().unwrap().modified().unwrap();
        // What an interrupted copy has left is no part of the next one.
        machine.mkdir("srv/.roster-moving.alice", 0);
        machine.mkdir("srv/.roster-moving.alice/home/half", UID);

        relocate(&machine.host, OLD, NEW, UID).unwrap();

        moved(&machine);
        assert_eq!(
            machine.names("srv/alice"),
            [".bashrc", ".config", "fifo", "letter", "link", "theirs"]
        );
        assert_eq!(machine.owner_and_mode("srv/alice/theirs"), (1234, 1234, 0o700));
        assert_eq!(machine.owner_and_mode("srv/alice/theirs/tool").2, 0o6751);
        assert_eq!(machine.at("srv/alice/letter").metadata().unwrap().modified().unwrap(), before);
        assert!(machine.at("srv/alice/link").symlink_metadata().unwrap().is_symlink());
        relocate(&machine.host, OLD, NEW, UID).unwrap();
        moved(&machine);
        run("umount", &[srv.as_os_str()]);
    }

    /// The states a crash leaves after the original has left its place.
    #[test]
    fn an_interrupted_move_is_finished() {
        let left = "home/.roster-moved.alice";
        let copied = "srv/.roster-moving.alice";
        let rename = |machine: &Machine, from: &str, to: &str| {
            std::fs::rename(machine.at(from), machine.at(to)).unwrap();
        };
        for copy_in_place in [false, true] {
            let machine = Machine::new().with_alice();
            for workspace in [left, copied] {
                machine.mkdir(workspace, 0);
            }
            machine.mkdir(&format!("{left}/home"), UID);
            machine.write(&format!("{left}/home/letter"), "the original\n");
            let to = if copy_in_place { "srv/alice".into() } else { format!("{copied}/home") };
            rename(&machine, "home/alice", &to);
            relocate(&machine.host, OLD, NEW, UID).unwrap();
            moved(&machine);
        }
        // No copy at all, which only tampering can bring about: the original goes back.
        let machine = Machine::new().with_alice();
        machine.mkdir(left, 0);
        rename(&machine, "home/alice", &format!("{left}/home"));
        assert!(relocate(&machine.host, OLD, NEW, UID).is_err());
        assert!(machine.has("home/alice/letter") && machine.names("srv").is_empty());
    }
}
