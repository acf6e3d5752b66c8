//! Takes a home away: into the quarantine, or for good.

use std::os::fd::AsFd;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::base::{Place, place, rename};
use super::{neighbours, refuse_system_uid, remove};
use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// The directory beside the homes that keeps archived ones; root's, mode 0700.
pub(super) const QUARANTINE: &str = ".roster-quarantine";

/// Moves the home into the quarantine as `<name>.<label>`. A missing home counts as moved.
///
/// # Errors
/// A home that belongs to somebody else, is or holds a mount, or holds another account's home.
pub fn archive(host: &Host, path: &str, uid: u32, label: &str) -> Result<(), EffectError> {
    acceptable_label(label)?;
    let Some(place) = retirable(host, path, uid)? else { return Ok(()) };
    let quarantine = place.make_ours(QUARANTINE)?;
    let kept = format!("{}.{label}", place.name);
    match rename((place.base.as_fd(), &place.name), (quarantine.as_fd(), &kept)) {
        Ok(()) => {}
        // The label is this effect's own: it has been carried out, and the home that is here now
        // is a later one.
        Err(Errno::EXIST) => return Ok(()),
        Err(errno) => return Err(errno).during(|| format!("archive {path}")),
    }
    rustix::fs::fsync(&quarantine).during(|| format!("fsync {}/{QUARANTINE}", place.base_path))?;
    place.sync()
}

/// Whether [`archive`] would work, with a label that no home has been archived under yet.
///
/// # Errors
/// As [`archive`]; [`EffectError::Exists`] for a used label.
pub fn check_archive(host: &Host, path: &str, uid: u32, label: &str) -> Result<(), EffectError> {
    acceptable_label(label)?;
    let Some(place) = retirable(host, path, uid)? else { return Ok(()) };
    let Some(quarantine) = place.open_ours(QUARANTINE)? else { return Ok(()) };
    let kept = format!("{}.{label}", place.name);
    match rustix::fs::statat(&quarantine, &*kept, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno).during(|| format!("look for {kept} in the quarantine")),
        Ok(_) => Err(EffectError::Exists(format!("{}/{QUARANTINE}/{kept}", place.base_path))),
    }
}

/// Removes the home and all in it. A missing home counts as removed.
///
/// It disappears in one step, by a rename into a workspace; a removal that is interrupted or
/// fails later leaves that workspace, which a repetition clears.
///
/// # Errors
/// As [`archive`]; also a tree that cannot be removed (a mount in it, immutable files).
pub fn purge(host: &Host, path: &str, uid: u32) -> Result<(), EffectError> {
    let Some(place) = place_of(host, path, uid)? else { return Ok(()) };
    let workspace = place.workspace_name("gone");
    remove::workspace(&place, &workspace)?;
    if !is_there_and_may_go(host, &place, uid)? {
        return Ok(());
    }
    let gone = place.make_ours(&workspace)?;
    rename((place.base.as_fd(), &place.name), (gone.as_fd(), "home"))
        .during(|| format!("remove {path}"))?;
    place.sync()?;
    remove::workspace(&place, &workspace)
}

/// Whether [`purge`] would work, as far as can be seen without walking the tree.
///
/// # Errors
/// As [`purge`].
pub fn check_purge(host: &Host, path: &str, uid: u32) -> Result<(), EffectError> {
    retirable(host, path, uid).map(|_| ())
}

/// The home's place, when there is a home and it may go.
fn retirable(host: &Host, path: &str, uid: u32) -> Result<Option<Place>, EffectError> {
    let Some(place) = place_of(host, path, uid)? else { return Ok(None) };
    Ok(is_there_and_may_go(host, &place, uid)?.then_some(place))
}

fn place_of(host: &Host, path: &str, uid: u32) -> Result<Option<Place>, EffectError> {
    refuse_system_uid(uid)?;
    match place(host, path) {
        // Where the base is gone, so is the home.
        Err(EffectError::BaseMissing(_)) => Ok(None),
        place => place,
    }
}

fn is_there_and_may_go(host: &Host, place: &Place, uid: u32) -> Result<bool, EffectError> {
    let Some(home) = place.home_of(uid)? else { return Ok(false) };
    neighbours::none_inside(host, place, &home, uid)?;
    Ok(true)
}

pub(super) fn acceptable_label(label: &str) -> Result<(), EffectError> {
    let uuid = label.len() == 36 && label.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if uuid { Ok(()) } else { Err(EffectError::BadLabel(label.to_owned())) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::OsStr;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::chown;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{Mode, OFlags};

    use super::*;
    use crate::publish::home::testing::{Machine, UID, in_mount_namespace, run};

    const HOME: &str = "/home/alice";
    const LABEL: &str = "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000";

    #[test]
    fn an_archived_home_is_whole_and_only_roots() {
        let machine = Machine::new().with_alice();
        check_archive(&machine.host, HOME, UID, LABEL).unwrap();
        archive(&machine.host, HOME, UID, LABEL).unwrap();
        assert_eq!(machine.names("home"), [".roster-quarantine"]);
        assert_eq!(machine.owner_and_mode("home/.roster-quarantine"), (0, 0, 0o700));
        let kept = format!("home/.roster-quarantine/alice.{LABEL}");
        assert_eq!(machine.read(&format!("{kept}/letter")), "dear bob\n");
        assert_eq!(machine.owner_and_mode(&kept).0, UID);

        archive(&machine.host, HOME, UID, LABEL).unwrap();
        let machine = machine.with_alice();
        let used = check_archive(&machine.host, HOME, UID, LABEL);
        assert!(matches!(used, Err(EffectError::Exists(_))));
        archive(&machine.host, HOME, UID, LABEL).unwrap();
        assert!(machine.has("home/alice"), "a later home is not the effect's");
        archive(&machine.host, HOME, UID, &LABEL.replace('a', "f")).unwrap();
        assert_eq!(machine.names("home/.roster-quarantine").len(), 2);
    }

    #[test]
    fn a_quarantine_that_others_can_enter_is_not_used() {
        let machine = Machine::new().with_alice();
        machine.mkdir("home/.roster-quarantine", 0);
        machine.chmod("home/.roster-quarantine", 0o755);
        let archived = archive(&machine.host, HOME, UID, LABEL);
        assert!(matches!(archived, Err(EffectError::BaseUnsafe { .. })));
        assert!(machine.has("home/alice/letter"));
        for label in ["", "../../etc/cron.d/x", "a/b", "x"] {
            let archived = archive(&machine.host, HOME, UID, label);
            assert!(matches!(archived, Err(EffectError::BadLabel(_))));
        }
    }

    #[test]
    fn a_purge_removes_the_home_and_nothing_that_it_points_to() {
        let machine = Machine::new().with_alice();
        machine.write("srv/outside", "stays");
        machine.mkdir("srv/dir/inner", 0);
        machine.link(machine.at("srv"), "home/alice/dir");
        machine.link(machine.at("srv/outside"), "home/alice/.config/file");
        machine.link("..", "home/alice/up");
        machine.mkdir("home/alice/a/b/c", UID);
        machine.chmod("home/alice/a", 0);
        check_purge(&machine.host, HOME, UID).unwrap();
        purge(&machine.host, HOME, UID).unwrap();
        assert!(machine.names("home").is_empty());
        assert_eq!(machine.names("srv"), ["dir", "outside"]);
        assert_eq!(machine.names("srv/dir"), ["inner"]);
        purge(&machine.host, HOME, UID).unwrap();
    }

    #[test]
    fn a_tree_deeper_than_any_path_or_descriptor_limit_is_removed() {
        let machine = Machine::new().with_alice();
        let top = machine.at("home/alice");
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut here: OwnedFd = rustix::fs::open(&top, flags, Mode::empty()).unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
            here = rustix::fs::openat(&here, "d", flags, Mode::empty()).unwrap();
        }
        drop(here);
        for wide in 0..5_000 {
            std::fs::write(top.join(wide.to_string()), "").unwrap();
        }
        purge(&machine.host, HOME, UID).unwrap();
        assert!(machine.names("home").is_empty());
    }

    #[test]
    fn an_interrupted_purge_is_finished() {
        let machine = Machine::new();
        machine.mkdir("home/.roster-gone.alice", 0);
        machine.mkdir("home/.roster-gone.alice/home/left", UID);
        machine.mkdir("home/.roster-gone.alice/1/deep/deeper", UID);
        purge(&machine.host, HOME, UID).unwrap();
        assert!(machine.names("home").is_empty());
    }

    #[test]
    fn homes_that_must_stay_are_refused() {
        let machine = Machine::new().with_alice();
        let refused = |why: &dyn Fn(&EffectError) -> bool| {
            for answer in [
                check_purge(&machine.host, HOME, UID),
                purge(&machine.host, HOME, UID),
                check_archive(&machine.host, HOME, UID, LABEL),
                archive(&machine.host, HOME, UID, LABEL),
            ] {
                let error = answer.unwrap_err();
                assert!(why(&error), "{error}");
            }
            assert!(machine.has("home/alice/letter"));
        };
        machine.write("etc/passwd", "bob:x:1001:1001::/home/alice/bob:/bin/sh\n");
        refused(&|error| matches!(error, EffectError::HoldsOtherHome { .. }));
        machine.write("etc/passwd", "bob:x:1001:1001::/home/alice:/bin/sh\n");
        refused(&|error| matches!(error, EffectError::HoldsOtherHome { .. }));
        machine.write("etc/passwd", "bob:x:1001:1001::/home/alicebob:/bin/sh\n");
        check_purge(&machine.host, HOME, UID).unwrap();

        chown(machine.at("home/alice"), Some(1001), None).unwrap();
        refused(&|error| matches!(error, EffectError::NotOwned { owner: 1001, .. }));
        machine.chmod("home", 0o777);
        refused(&|error| matches!(error, EffectError::BaseUnsafe { .. }));

        for uid in [0, 33, 999] {
            let purged = purge(&machine.host, HOME, uid);
            assert!(matches!(purged, Err(EffectError::RefusedUid(_))));
        }
        for path in ["/", "/etc", "/home", "/home/../etc", "/root"] {
            let purged = purge(&machine.host, path, UID);
            assert!(matches!(purged, Err(EffectError::BadPath { .. })), "{path}");
        }
    }

    #[test]
    fn a_link_at_the_homes_place_is_refused() {
        let machine = Machine::new();
        machine.mkdir("srv/victim", UID);
        machine.link(machine.at("srv/victim"), "home/alice");
        let purged = purge(&machine.host, HOME, UID);
        assert!(matches!(purged, Err(EffectError::NotADirectory(_))));
        assert!(machine.has("srv/victim") && machine.has("home/alice"));
    }

    #[test]
    fn no_home_and_a_missing_one_are_gone_already() {
        let machine = Machine::new();
        for path in ["/var/empty", "/nonexistent", HOME, "/export/home/alice"] {
            purge(&machine.host, path, UID).unwrap();
            archive(&machine.host, path, UID, LABEL).unwrap();
        }
        assert!(machine.names("home").is_empty());
    }

    /// Somebody still in the home swaps a directory for a link to another place, over and over.
    #[test]
    fn a_link_swapped_in_during_a_purge_is_not_followed() {
        let machine = Machine::new();
        let outside = machine.at("srv/outside");
        machine.mkdir("srv/outside", 0);
        for keep in 0..50 {
            std::fs::write(outside.join(keep.to_string()), "").unwrap();
        }
        for _ in 0..20 {
            machine.mkdir("home/alice", UID);
            machine.mkdir("home/alice/work", UID);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let work =
                rustix::fs::open(machine.at("home/alice/work"), flags, Mode::empty()).unwrap();
            for dir in 0..30 {
                machine.mkdir(&format!("home/alice/work/{dir}/x"), UID);
            }
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        for dir in 0..30 {
                            let name = dir.to_string();
                            let _ = rustix::fs::renameat(&work, &*name, &work, "swap");
                            let _ = rustix::fs::symlinkat(&outside, &work, &*name);
                            let _ = rustix::fs::unlinkat(&work, &*name, AtFlags::empty());
                            let _ = rustix::fs::renameat(&work, "swap", &work, &*name);
                        }
                    }
                });
                let purged = purge(&machine.host, HOME, UID);
                stop.store(true, Ordering::Relaxed);
                purged.unwrap();
            });
            assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 50);
        }
    }

    #[test]
    fn mounts_are_neither_moved_nor_emptied() {
        if !in_mount_namespace() {
            return;
        }
        let machine = Machine::new().with_alice();
        let (outside, inside) = (machine.at("srv"), machine.at("home/alice/in side"));
        machine.write("srv/outside", "stays");
        machine.mkdir("home/alice/in side", UID);
        run("mount", &[OsStr::new("--bind"), outside.as_os_str(), inside.as_os_str()]);
        for answer in [
            purge(&machine.host, HOME, UID),
            archive(&machine.host, HOME, UID, LABEL),
            check_purge(&machine.host, HOME, UID),
        ] {
            assert!(matches!(answer, Err(EffectError::Mounted { .. })), "{answer:?}");
        }
        assert!(machine.has("home/alice/letter"));

        // A mount that the list does not show, as one of another namespace would be.
        let mut blind = machine.host.clone();
        machine.mkdir("srv/proc/self", 0);
        machine.write("srv/proc/self/mountinfo", "");
        blind.proc = machine.at("srv/proc");
        let purged = purge(&blind, HOME, UID);
        assert!(matches!(purged, Err(EffectError::Mounted { .. })), "{purged:?}");
        assert_eq!(machine.read("srv/outside"), "stays");
        // Once it is unmounted, the repetition finishes what was begun.
        let moved = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let moved = moved.lines().filter_map(|line| line.split(' ').nth(4));
        let moved = moved.map(|path| path.replace("\\040", " "));
        let moved = moved.filter(|path| path.ends_with("in side")).collect::<Vec<_>>();
        assert_eq!(moved.len(), 1, "still mounted, where the purge has left it");
        run("umount", &[OsStr::new(&moved[0])]);
        purge(&blind, HOME, UID).unwrap();
        assert!(machine.names("home").is_empty());
        assert_eq!(machine.read("srv/outside"), "stays");
    }

    #[test]
    fn a_home_that_is_a_mount_is_refused() {
        if !in_mount_namespace() {
            return;
        }
        let machine = Machine::new().with_alice();
        machine.mkdir("home/bob", UID);
        let (alice, bob) = (machine.at("home/alice"), machine.at("home/bob"));
        run("mount", &[OsStr::new("--bind"), alice.as_os_str(), bob.as_os_str()]);
        let purged = purge(&machine.host, "/home/bob", UID);
        assert!(matches!(purged, Err(EffectError::Mounted { .. })), "{purged:?}");
        assert!(machine.has("home/alice/letter"));
        run("umount", &[bob.as_os_str()]);
    }
}
