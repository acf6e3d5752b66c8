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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::chown;

    use super::*;
    use crate::publish::home::testing::{GID, Machine, OWNER, UID};

    const HOME: &str = "/home/alice";

    #[test]
    fn a_home_is_the_skeleton_with_another_owner() {
        let machine = Machine::new();
        machine.link("/etc/passwd", "etc/skel/link");
        machine.write("etc/skel/tool", "#!/bin/sh\n");
        machine.chmod("etc/skel/tool", 0o6755);
        machine.chmod("etc/skel/.config", 0o3750);
        let skel = machine.at("etc/skel");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            skel.join("fifo"),
            rustix::fs::FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(skel.join(".bashrc"), "user.note", b"kept", flags).unwrap();

        create(&machine.host, HOME, &OWNER).unwrap();

        assert_eq!(machine.names("home"), ["alice"]);
        assert_eq!(machine.names("home/alice"), [".bashrc", ".config", "link", "tool"]);
        assert_eq!(machine.owner_and_mode("home/alice"), (UID, GID, 0o700));
        assert_eq!(machine.owner_and_mode("home/alice/.bashrc"), (UID, GID, 0o644));
        assert_eq!(machine.owner_and_mode("home/alice/.config"), (UID, GID, 0o750));
        assert_eq!(machine.owner_and_mode("home/alice/tool"), (UID, GID, 0o755));
        assert_eq!(machine.read("home/alice/.config/app"), "a=1\n");
        let link = machine.at("home/alice/link");
        assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some("/etc/passwd"));
        assert_eq!(machine.owner_and_mode("home/alice/link").0, UID);
        let mut note = [0; 16];
        let copy = machine.at("home/alice/.bashrc");
        assert_eq!(rustix::fs::getxattr(copy, "user.note", &mut note[..]).unwrap(), 4);
        // The link's target was neither copied nor given away.
        assert_eq!(machine.owner_and_mode("etc/passwd").0, 0);
    }

    #[test]
    fn an_acl_on_the_skeleton_opens_no_home() {
        let machine = Machine::new();
        // u::rwx u:1234:rwx g::r-x m::rwx o::---, in the kernel's form (posix_acl_xattr.h).
        let entries: [(u16, u16, u32); 5] = [
            (0x01, 7, u32::MAX),
            (0x02, 7, 1234),
            (0x04, 5, u32::MAX),
            (0x10, 7, u32::MAX),
            (0x20, 0, u32::MAX),
        ];
        let mut acl = 2_u32.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            acl.extend(tag.to_le_bytes());
            acl.extend(bits.to_le_bytes());
            acl.extend(id.to_le_bytes());
        }
        let flags = rustix::fs::XattrFlags::empty();
        let config = machine.at("etc/skel/.config");
        rustix::fs::setxattr(&config, "system.posix_acl_access", &acl, flags).unwrap();
        create(&machine.host, HOME, &OWNER).unwrap();
        let mut copied = [0; 256];
        let copy = machine.at("home/alice/.config");
        let length =
            rustix::fs::getxattr(copy, "system.posix_acl_access", &mut copied[..]).unwrap();
        assert_eq!(&copied[..length], acl);
        assert_eq!(machine.owner_and_mode("home/alice"), (UID, GID, 0o700));
    }

    #[test]
    fn a_repetition_changes_nothing() {
        let machine = Machine::new().with_alice();
        machine.write("home/alice/.bashrc", "PS1=mine\n");
        create(&machine.host, HOME, &OWNER).unwrap();
        assert_eq!(machine.read("home/alice/.bashrc"), "PS1=mine\n");
        assert_eq!(machine.read("home/alice/letter"), "dear bob\n");
    }

    #[test]
    fn an_existing_directory_is_an_error_unless_it_is_adopted() {
        let machine = Machine::new();
        machine.mkdir("home/alice", UID);
        let check = |adopt| check(&machine.host, HOME, &OWNER, adopt);
        assert!(matches!(check(false), Err(EffectError::Exists(_))));
        check(true).unwrap();

        chown(machine.at("home/alice"), Some(1234), None).unwrap();
        assert!(matches!(check(true), Err(EffectError::NotOwned { owner: 1234, .. })));
        let created = create(&machine.host, HOME, &OWNER);
        assert!(matches!(created, Err(EffectError::NotOwned { owner: 1234, .. })));
        assert!(machine.names("home/alice").is_empty());
    }

    #[test]
    fn a_file_or_link_at_the_place_is_left_alone() {
        let machine = Machine::new();
        machine.mkdir("srv/trap", UID);
        machine.link(machine.at("srv/trap"), "home/alice");
        let created = create(&machine.host, HOME, &OWNER);
        assert!(matches!(created, Err(EffectError::NotADirectory(_))));
        assert!(check(&machine.host, HOME, &OWNER, true).is_err());
        assert!(machine.names("srv/trap").is_empty());

        machine.link("/nowhere", "home/dangling");
        let created = create(&machine.host, "/home/dangling", &OWNER);
        assert!(matches!(created, Err(EffectError::NotADirectory(_))));
        machine.write("home/file", "x");
        let created = create(&machine.host, "/home/file", &OWNER);
        assert!(matches!(created, Err(EffectError::NotADirectory(_))));
    }

    #[test]
    fn a_base_that_others_can_change_is_refused() {
        let machine = Machine::new();
        let both = |path: &str| {
            let checked = check(&machine.host, path, &OWNER, false).unwrap_err();
            let created = create(&machine.host, path, &OWNER).unwrap_err();
            assert_eq!(checked.to_string(), created.to_string());
            created
        };
        let missing = both("/export/home/alice");
        assert!(matches!(&missing, EffectError::BaseMissing(base) if base == "/export"));

        for (mode, uid) in [(0o775, 0), (0o757, 0), (0o1777, 0), (0o755, 1234)] {
            machine.mkdir("srv/a/b", 0);
            machine.chmod("srv/a", mode);
            chown(machine.at("srv/a"), Some(uid), None).unwrap();
            for path in ["/srv/a/alice", "/srv/a/b/alice"] {
                let error = both(path);
                let at_fault =
                    matches!(&error, EffectError::BaseUnsafe { base, .. } if base == "/srv/a");
                assert!(at_fault, "{mode:o} {uid} {path}: {error}");
            }
        }
        machine.link("home", "homes");
        machine.link(machine.at("home"), "srv/homes");
        assert!(matches!(both("/homes/alice"), EffectError::BaseUnsafe { .. }));
        assert!(matches!(both("/srv/homes/alice"), EffectError::BaseUnsafe { .. }));
        assert!(machine.names("home").is_empty());
    }

    #[test]
    fn an_interrupted_creation_is_started_anew() {
        let machine = Machine::new();
        machine.mkdir("home/.roster-new.alice", 0);
        machine.mkdir("home/.roster-new.alice/home/half/made", UID);
        machine.link(machine.at("etc"), "home/.roster-new.alice/home/link");
        create(&machine.host, HOME, &OWNER).unwrap();
        assert_eq!(machine.names("home"), ["alice"]);
        assert_eq!(machine.names("home/alice"), [".bashrc", ".config"]);
        assert_eq!(machine.read("etc/skel/.bashrc"), "PS1=x\n");

        // Interrupted between the rename and the removal of the workspace.
        machine.mkdir("home/.roster-new.alice", 0);
        create(&machine.host, HOME, &OWNER).unwrap();
        assert_eq!(machine.names("home"), ["alice"]);
    }

    #[test]
    fn a_workspace_that_is_not_ours_is_not_used() {
        let machine = Machine::new();
        machine.mkdir("home/.roster-new.alice", UID);
        assert!(matches!(create(&machine.host, HOME, &OWNER), Err(EffectError::BaseUnsafe { .. })));
        std::fs::remove_dir(machine.at("home/.roster-new.alice")).unwrap();
        machine.mkdir("srv/trap", 0);
        machine.link(machine.at("srv/trap"), "home/.roster-new.alice");
        assert!(create(&machine.host, HOME, &OWNER).is_err());
        assert!(machine.names("srv/trap").is_empty());
    }

    #[test]
    fn a_missing_or_unsafe_skeleton_is_a_clear_error() {
        let machine = Machine::new();
        machine.chmod("etc/skel", 0o777);
        let created = create(&machine.host, HOME, &OWNER);
        assert!(matches!(created, Err(EffectError::BaseUnsafe { .. })));
        std::fs::remove_dir_all(machine.at("etc/skel")).unwrap();
        for answer in
            [create(&machine.host, HOME, &OWNER), check(&machine.host, HOME, &OWNER, false)]
        {
            assert!(matches!(answer, Err(EffectError::SkelMissing(_))));
        }
        assert!(machine.names("home").is_empty());
    }

    #[test]
    fn a_skeleton_without_end_is_refused_and_leaves_nothing() {
        let machine = Machine::new();
        machine.mkdir(&format!("etc/skel/{}", "d/".repeat(40)), 0);
        let created = create(&machine.host, HOME, &OWNER);
        assert!(matches!(created, Err(EffectError::Limit { what: "levels", .. })), "{created:?}");
        assert!(machine.names("home").is_empty());
    }

    #[test]
    fn no_home_means_nothing_to_do() {
        let machine = Machine::new();
        for path in ["/var/empty", "/nonexistent"] {
            check(&machine.host, path, &OWNER, false).unwrap();
            create(&machine.host, path, &OWNER).unwrap();
        }
        assert_eq!(machine.names(""), ["etc", "home", "srv"]);
    }

    #[test]
    fn paths_modes_and_uids_that_no_home_has_are_refused() {
        let machine = Machine::new();
        let long = format!("/home/{}", "x".repeat(129));
        for path in ["/", "", "home/a", "/home/../a", "/etc/a", "/home/.roster-x", &long] {
            let created = create(&machine.host, path, &OWNER);
            assert!(matches!(created, Err(EffectError::BadPath { .. })), "{path}");
        }
        for mode in [0o777, 0o720, 0o4700, 0o1700] {
            let created = create(&machine.host, HOME, &Owner { mode, ..OWNER });
            assert!(matches!(created, Err(EffectError::BadMode(_))), "{mode:o}");
        }
        let created = create(&machine.host, HOME, &Owner { uid: 0, ..OWNER });
        assert!(matches!(created, Err(EffectError::RefusedUid(0))));
    }
}
