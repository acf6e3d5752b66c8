//! Buffers of every length at every alignment, against the answers of glibc's own service `files` for
//! the same accounts: the same entry, and never a larger buffer than that service asks for.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::CString;

use nss_tests::accounts::{group, publish, user, varied};
use nss_tests::files::Files;
use nss_tests::isolated_tests;
use nss_tests::module::{Answer, Module, Place, ROOMY, Record};
use snapshot::writer::{Contents, GroupEntry};

/// Buffers are swept up to this length.
const LONGEST: usize = 4096;

/// Goes through all lengths at all alignments. `theirs` is asked at all of them up to a little more
/// than it needs, and then here and there; ours everywhere.
fn sweep<R: Record>(
    what: &str,
    ours: impl Fn(Place) -> Answer<R>,
    theirs: impl Fn(Place) -> Answer<R>,
) {
    let expected = theirs(ROOMY);
    assert_eq!(ours(ROOMY).found(), expected.record.clone().expect(what), "{what}");
    for offset in 0..16 {
        let mut theirs_fitted = None;
        for length in 0..=LONGEST {
            let place = Place { length, offset };
            let our = ours(place);
            if our.is_too_small() {
                assert_eq!(theirs_fitted, None, "{what}: files needs less than ours at {place:?}");
            } else {
                assert_eq!(our.record, expected.record, "{what} at {place:?}");
                our.found();
            }
            if theirs_fitted.is_some_and(|fitted| length > fitted + 20 && length % 509 != 0) {
                continue;
            }
            let their = theirs(place);
            if !their.is_too_small() {
                assert_eq!(their.record, expected.record, "files: {what} at {place:?}");
                assert!(!our.is_too_small(), "{what}: files needs less than ours at {place:?}");
                theirs_fitted = theirs_fitted.or(Some(length));
            }
        }
        assert!(theirs_fitted.is_some(), "{what}");
    }
}

/// One user and one group at a time, so that files has no other line to read into the buffer.
fn alone(user: &snapshot::writer::UserEntry, group: &GroupEntry) -> Contents {
    Contents { users: vec![user.clone()], groups: vec![group.clone()], generation: 1 }
}

fn compare(contents: &Contents) {
    let (ours, theirs) = (Module::shipped(), Files::of(contents));
    publish(contents);
    let c = |name: &str| CString::new(name).unwrap();
    let (user, group) = (&contents.users[0], &contents.groups[0]);
    let (user_name, group_name) = (c(&user.name), c(&group.name));
    sweep(
        "getpwnam",
        |place| ours.getpwnam(&user_name, place),
        |place| theirs.getpwnam(&user_name, place),
    );
    sweep(
        "getpwuid",
        |place| ours.getpwuid(user.uid, place),
        |place| theirs.getpwuid(user.uid, place),
    );
    let first = |entry: &str| assert_eq!(ours.set(entry), 1);
    sweep(
        "getpwent",
        |place| {
            first("setpwent");
            ours.getpwent(place)
        },
        |place| theirs.first_passwd(place),
    );
    sweep(
        "getspnam",
        |place| ours.getspnam(&user_name, place),
        |place| theirs.getspnam(&user_name, place),
    );
    sweep(
        "getspent",
        |place| {
            first("setspent");
            ours.getspent(place)
        },
        |place| theirs.first_shadow(place),
    );
    sweep(
        "getgrnam",
        |place| ours.getgrnam(&group_name, place),
        |place| theirs.getgrnam(&group_name, place),
    );
    sweep(
        "getgrgid",
        |place| ours.getgrgid(group.gid, place),
        |place| theirs.getgrgid(group.gid, place),
    );
    if !group.external {
        sweep(
            "getgrent",
            |place| {
                first("setgrent");
                ours.getgrent(place)
            },
            |place| theirs.first_group(place),
        );
    }
}

isolated_tests! {
    fn ordinary_entries() {
        let all = varied();
        compare(&alone(&all.users[0], &all.groups[1]));
    }

    fn short_entries() {
        // The fewest bytes that any entry takes, and nothing in what may be empty.
        let mut short = user("c", 9);
        short.gecos.clear();
        short.home.clear();
        short.shell.clear();
        compare(&alone(&short, &group("e", 7, &[])));
    }

    fn long_entries_of_locked_users_and_external_groups() {
        let mut all = varied();
        all.users[4].locked = true;
        compare(&alone(&all.users[4], &all.groups[2]));
    }

    fn every_entry_of_every_shape() {
        // In a roomy buffer: all of both databases, in their order.
        let all = varied();
        let (ours, theirs) = (Module::shipped(), Files::of(&all));
        publish(&all);
        for entry in &all.users {
            let name = CString::new(entry.name.as_str()).unwrap();
            assert_eq!(ours.getpwnam(&name, ROOMY).record, theirs.getpwnam(&name, ROOMY).record);
            assert_eq!(ours.getpwuid(entry.uid, ROOMY).record, theirs.getpwuid(entry.uid, ROOMY).record);
            let shadow = ours.getspnam(&name, ROOMY).found();
            assert_eq!(Some(shadow), theirs.getspnam(&name, ROOMY).record);
        }
        for entry in &all.groups {
            let name = CString::new(entry.name.as_str()).unwrap();
            let group = ours.getgrnam(&name, ROOMY).found();
            assert_eq!(Some(&group), theirs.getgrnam(&name, ROOMY).record.as_ref());
            assert_eq!(Some(group), theirs.getgrgid(entry.gid, ROOMY).record);
        }
        for absent in [c"", c"eve", c"Alice", c"\xff"] {
            assert!(ours.getpwnam(absent, ROOMY).is_miss() && theirs.getpwnam(absent, ROOMY).record.is_none());
        }
    }
}
