//! Homes in the quarantine: taken out of it again, or removed for good.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::base::{Place, place, rename};
use super::retire::{QUARANTINE, acceptable_label};
use super::{neighbours, refuse_system_uid, remove};
use crate::publish::error::{During, EffectError};
use crate::publish::host::Host;

/// Where the home that was at `path` is kept, for messages.
#[must_use]
pub fn path(path: &str, label: &str) -> String {
    let (base, name) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{base}/{QUARANTINE}/{name}.{label}")
}

/// Whether something is kept there, be it a home that cannot be restored.
#[must_use]
pub fn is_kept(host: &Host, path: &str, uid: u32, label: &str) -> bool {
    match archived(host, path, uid, label) {
        Ok(Some(kept)) => !matches!(kept.entry(), Ok(None)),
        Ok(None) => false,
        Err(_) => true,
    }
}

/// Moves the archived home of `path` to `to`. One that is not in the quarantine counts as moved.
///
/// # Errors
/// A home that belongs to somebody else, or is or holds a mount; [`EffectError::Exists`] when
/// something is at `to` already.
pub fn restore(
    host: &Host,
    path: &str,
    to: &str,
    uid: u32,
    label: &str,
) -> Result<(), EffectError> {
    let Some((kept, new)) = restorable(host, path, to, uid, label)? else { return Ok(()) };
    match rename((kept.base.as_fd(), &kept.name), (new.base.as_fd(), &new.name)) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(EffectError::Exists(new.path)),
        Err(errno) => return Err(errno).during(|| format!("move {} to {to}", kept.path)),
    }
    new.sync()?;
    kept.sync()
}

/// Whether [`restore`] would work.
///
/// # Errors
/// As [`restore`].
pub fn check_restore(
    host: &Host,
    path: &str,
    to: &str,
    uid: u32,
    label: &str,
) -> Result<(), EffectError> {
    restorable(host, path, to, uid, label).map(|_| ())
}

/// Removes the archived home of `path`. One that is not in the quarantine counts as removed.
///
/// # Errors
/// A home that belongs to somebody else, or is or holds a mount.
pub fn erase(host: &Host, path: &str, uid: u32, label: &str) -> Result<(), EffectError> {
    let Some(kept) = archived(host, path, uid, label)? else { return Ok(()) };
    let workspace = kept.workspace_name("gone");
    remove::workspace(&kept, &workspace)?;
    if !is_there_and_may_go(host, &kept, uid)? {
        return Ok(());
    }
    let gone = kept.make_ours(&workspace)?;
    rename((kept.base.as_fd(), &kept.name), (gone.as_fd(), "home"))
        .during(|| format!("remove {}", kept.path))?;
    kept.sync()?;
    remove::workspace(&kept, &workspace)
}

/// Whether [`erase`] would work, as far as can be seen without walking the tree.
///
/// # Errors
/// As [`erase`].
pub fn check_erase(host: &Host, path: &str, uid: u32, label: &str) -> Result<(), EffectError> {
    match archived(host, path, uid, label)? {
        Some(kept) => is_there_and_may_go(host, &kept, uid).map(|_| ()),
        None => Ok(()),
    }
}

/// The archived home and its new place, when it is there.
fn restorable(
    host: &Host,
    path: &str,
    to: &str,
    uid: u32,
    label: &str,
) -> Result<Option<(Place, Place)>, EffectError> {
    let Some(kept) = archived(host, path, uid, label)? else { return Ok(None) };
    if !is_there_and_may_go(host, &kept, uid)? {
        return Ok(None);
    }
    let Some(new) = place(host, to)? else { return Ok(None) };
    match new.entry()? {
        Some(_) => Err(EffectError::Exists(new.path)),
        None => Ok(Some((kept, new))),
    }
}

/// The place of an archived home, in the quarantine. `None` where there is no quarantine.
fn archived(host: &Host, home: &str, uid: u32, label: &str) -> Result<Option<Place>, EffectError> {
    refuse_system_uid(uid)?;
    acceptable_label(label)?;
    let beside = match place(host, home) {
        Err(EffectError::BaseMissing(_)) => return Ok(None),
        place => place?,
    };
    let Some(beside) = beside else { return Ok(None) };
    let Some(base) = beside.open_ours(QUARANTINE)? else { return Ok(None) };
    Ok(Some(Place {
        base,
        name: format!("{}.{label}", beside.name),
        path: path(home, label),
        base_path: format!("{}/{QUARANTINE}", beside.base_path.trim_end_matches('/')),
    }))
}

fn is_there_and_may_go(host: &Host, kept: &Place, uid: u32) -> Result<bool, EffectError> {
    let Some(home) = kept.home_of(uid)? else { return Ok(false) };
    neighbours::none_inside(host, kept, &home, uid)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::ffi::OsStr;
    use std::os::unix::fs::chown;

    use super::super::archive;
    use super::*;
    use crate::publish::home::testing::{Machine, UID, in_mount_namespace, run};

    const HOME: &str = "/home/alice";
    const LABEL: &str = "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000";

    fn archived_alice() -> Machine {
        let machine = Machine::new().with_alice();
        archive(&machine.host, HOME, UID, LABEL).unwrap();
        machine
    }

    #[test]
    fn a_home_comes_back_whole_and_once() {
        let machine = archived_alice();
        let kept = path(HOME, LABEL);
        assert_eq!(kept, format!("/home/.roster-quarantine/alice.{LABEL}"));
        assert!(machine.has(kept.trim_start_matches('/')));
        check_restore(&machine.host, HOME, HOME, UID, LABEL).unwrap();
        restore(&machine.host, HOME, HOME, UID, LABEL).unwrap();
        assert_eq!(machine.read("home/alice/letter"), "dear bob\n");
        assert_eq!(machine.owner_and_mode("home/alice").0, UID);
        assert!(machine.names("home/.roster-quarantine").is_empty());
        // Again, after a crash before it was ticked off: the home that is there is the one meant.
        restore(&machine.host, HOME, HOME, UID, LABEL).unwrap();
        assert_eq!(machine.read("home/alice/letter"), "dear bob\n");
    }

    #[test]
    fn a_home_may_come_back_under_another_name() {
        let machine = archived_alice();
        restore(&machine.host, HOME, "/home/alice2", UID, LABEL).unwrap();
        assert_eq!(machine.read("home/alice2/letter"), "dear bob\n");
        assert!(!machine.has("home/alice"));
    }

    #[test]
    fn what_stands_at_the_homes_place_stays() {
        let machine = archived_alice();
        machine.mkdir("home/alice", 1001);
        machine.write("home/alice/mine", "hers no more");
        for answer in [
            check_restore(&machine.host, HOME, HOME, UID, LABEL),
            restore(&machine.host, HOME, HOME, UID, LABEL),
        ] {
            assert!(matches!(answer, Err(EffectError::Exists(_))), "{answer:?}");
        }
        assert_eq!(machine.names("home/alice"), ["mine"]);
        assert_eq!(machine.names("home/.roster-quarantine").len(), 1);
    }

    #[test]
    fn an_erased_archive_leaves_everything_else() {
        let machine = archived_alice();
        let machine = machine.with_alice();
        let other = LABEL.replace('a', "f");
        archive(&machine.host, HOME, UID, &other).unwrap();
        machine.write("srv/outside", "stays");
        let kept = format!("home/.roster-quarantine/alice.{LABEL}");
        machine.link(machine.at("srv"), &format!("{kept}/srv"));
        machine.mkdir(&format!("{kept}/a/b/c"), UID);
        check_erase(&machine.host, HOME, UID, LABEL).unwrap();
        erase(&machine.host, HOME, UID, LABEL).unwrap();
        assert_eq!(machine.names("home/.roster-quarantine"), [format!("alice.{other}")]);
        assert_eq!(machine.read("srv/outside"), "stays");
        erase(&machine.host, HOME, UID, LABEL).unwrap();
    }

    #[test]
    fn an_interrupted_erasure_is_finished() {
        let machine = archived_alice();
        let workspace = format!("home/.roster-quarantine/.roster-gone.alice.{LABEL}");
        machine.mkdir("home/.roster-quarantine", 0);
        machine.mkdir(&workspace, 0);
        let kept = format!("home/.roster-quarantine/alice.{LABEL}");
        std::fs::rename(machine.at(&kept), machine.at(&format!("{workspace}/home"))).unwrap();
        erase(&machine.host, HOME, UID, LABEL).unwrap();
        assert!(machine.names("home/.roster-quarantine").is_empty());
    }

    #[test]
    fn archives_of_others_and_odd_names_are_refused() {
        let machine = archived_alice();
        let kept = format!("home/.roster-quarantine/alice.{LABEL}");
        chown(machine.at(&kept), Some(1001), None).unwrap();
        for answer in [
            restore(&machine.host, HOME, HOME, UID, LABEL),
            erase(&machine.host, HOME, UID, LABEL),
            check_erase(&machine.host, HOME, UID, LABEL),
        ] {
            assert!(matches!(answer, Err(EffectError::NotOwned { owner: 1001, .. })), "{answer:?}");
        }
        for label in ["", "../../x", "a/b"] {
            let erased = erase(&machine.host, HOME, UID, label);
            assert!(matches!(erased, Err(EffectError::BadLabel(_))));
        }
        assert!(matches!(erase(&machine.host, HOME, 33, LABEL), Err(EffectError::RefusedUid(33))));
        assert!(machine.has(&kept));
    }

    #[test]
    fn nothing_archived_is_nothing_to_do() {
        let machine = Machine::new();
        for home in [HOME, "/var/empty", "/export/home/alice"] {
            restore(&machine.host, home, home, UID, LABEL).unwrap();
            erase(&machine.host, home, UID, LABEL).unwrap();
        }
        assert!(machine.names("home").is_empty());
    }

    #[test]
    fn a_mount_in_an_archive_is_not_emptied() {
        if !in_mount_namespace() {
            return;
        }
        let machine = archived_alice();
        let inside = format!("home/.roster-quarantine/alice.{LABEL}/in");
        machine.mkdir(&inside, UID);
        machine.write("srv/outside", "stays");
        let (outside, inside) = (machine.at("srv"), machine.at(&inside));
        run("mount", &[OsStr::new("--bind"), outside.as_os_str(), inside.as_os_str()]);
        let erased = erase(&machine.host, HOME, UID, LABEL);
        assert!(matches!(erased, Err(EffectError::Mounted { .. })), "{erased:?}");
        assert_eq!(machine.read("srv/outside"), "stays");
        run("umount", &[inside.as_os_str()]);
        erase(&machine.host, HOME, UID, LABEL).unwrap();
    }
}
