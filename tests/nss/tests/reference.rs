//! Every answer of ours beside that of the reference module, which serves the same index through
//! libnss's macros.
//!
//! Known differences, each asserted below and not left out:
//!
//! - On success libnss sets errno to 0; we leave it alone, as nss.h's callers expect.
//! - On a miss libnss leaves errno as it was; we set ENOENT.
//! - libnss has no `getpwent` without `setpwent` (UNAVAIL); ours begins at the first entry.
//! - libnss's `gr_mem` is not aligned, and it takes 7 bytes less for that.
//! - libnss's initgroups resizes the array to fit, downwards too, does not look for duplicates, and
//!   takes its limit as unsigned and never as "none".

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::{CStr, CString};

use nss_tests::accounts::{group, publish, user, varied};
use nss_tests::isolated_tests;
use nss_tests::module::{Answer, Group, Module, Place, ROOMY, Record, UNTOUCHED, status};
use snapshot::writer::Contents;

/// Compares status and entry, and holds both sides to what is known about errno.
fn same<R: Record>(what: &str, ours: &Answer<R>, theirs: &Answer<R>) {
    assert_eq!(ours.status, theirs.status, "{what}");
    assert_eq!(ours.record, theirs.record, "{what}");
    let (our_errno, their_errno) = match ours.status {
        status::SUCCESS => (UNTOUCHED, 0),
        status::NOT_FOUND => (libc::ENOENT, UNTOUCHED),
        status::TRY_AGAIN => (libc::ERANGE, libc::ERANGE),
        other => panic!("{what}: status {other}"),
    };
    assert_eq!((ours.errno, theirs.errno), (our_errno, their_errno), "{what}");
}

/// One of the ways to ask a module for a group.
type AskForGroup<'a> = &'a dyn Fn(&Module, Place) -> Answer<Group>;

fn c(name: &str) -> CString {
    CString::new(name).unwrap()
}

fn compare_all(contents: &Contents) {
    let (ours, theirs) = (Module::shipped(), Module::reference());
    let names = contents.users.iter().map(|user| user.name.as_str());
    let names = names.chain(contents.groups.iter().map(|group| group.name.as_str()));
    let members = contents.groups.iter().flat_map(|group| &group.members).map(String::as_str);
    let odd = ["", "root", "nobody", "ALICE", "pam_unix_non_existent:"];
    let mut names: Vec<_> = names.chain(members).chain(odd).map(c).collect();
    names.push(CString::new(vec![b'y'; 4096]).unwrap());
    names.push(CString::new(vec![0xc3]).unwrap());
    names.sort();
    names.dedup();
    for name in &names {
        let what = format!("{name:?}");
        same(&what, &ours.getpwnam(name, ROOMY), &theirs.getpwnam(name, ROOMY));
        same(&what, &ours.getgrnam(name, ROOMY), &theirs.getgrnam(name, ROOMY));
        same(&what, &ours.getspnam(name, ROOMY), &theirs.getspnam(name, ROOMY));
        compare_groups_of(&ours, &theirs, name);
    }
    let ids = contents.users.iter().map(|user| user.uid);
    let ids = ids.chain(contents.groups.iter().map(|group| group.gid));
    for id in ids.chain([0, 1, 65_534, 0x7fff_ffff, 0x8000_0000, u32::MAX]) {
        same(&id.to_string(), &ours.getpwuid(id, ROOMY), &theirs.getpwuid(id, ROOMY));
        same(&id.to_string(), &ours.getgrgid(id, ROOMY), &theirs.getgrgid(id, ROOMY));
    }
    // Known difference: ours would not need this.
    for entry in ["setpwent", "setgrent", "setspent"] {
        assert_eq!(ours.set(entry), theirs.set(entry));
    }
    loop {
        let answer = ours.getpwent(ROOMY);
        same("getpwent", &answer, &theirs.getpwent(ROOMY));
        if answer.status != status::SUCCESS {
            break;
        }
    }
    loop {
        let answer = ours.getgrent(ROOMY);
        same("getgrent", &answer, &theirs.getgrent(ROOMY));
        if answer.status != status::SUCCESS {
            break;
        }
    }
    loop {
        let answer = ours.getspent(ROOMY);
        same("getspent", &answer, &theirs.getspent(ROOMY));
        if answer.status != status::SUCCESS {
            break;
        }
    }
    for entry in ["endpwent", "endgrent", "endspent"] {
        assert_eq!(ours.end(entry), theirs.end(entry));
    }
}

fn compare_groups_of(ours: &Module, theirs: &Module, name: &CStr) {
    for skip in [0, 3000, 4000] {
        // Known difference: a negative limit is a very large one to libnss, and 0 is not "none"; so
        // none is asked for by −1 here. The place that is filled already is one that is no group.
        for limit in [-1, 1, 2, 3, 100] {
            let our = ours.initgroups(name, skip, &[77], 1, limit);
            let their = theirs.initgroups(name, skip, &[77], 1, limit);
            assert_eq!(our.status, their.status, "{name:?} {skip} {limit}");
            assert_eq!(our.groups, their.groups, "{name:?} {skip} {limit}");
            let expected = if our.status == status::SUCCESS { UNTOUCHED } else { libc::ENOENT };
            assert_eq!((our.errno, their.errno), (expected, expected), "{name:?}");
        }
    }
}

isolated_tests! {
    fn every_answer_is_that_of_the_reference() {
        let contents = varied();
        publish(&contents);
        compare_all(&contents);
    }

    fn also_with_a_thousand_users_in_a_hundred_groups() {
        let names: Vec<_> = (0..1000).map(|at| format!("u{at}")).collect();
        let users = (0..).zip(&names).map(|(at, name)| user(name, 3000 + at)).collect();
        let groups = (0..100_usize).map(|at| {
            let members: Vec<_> = names.iter().skip(at).step_by(at + 1).take(50).map(String::as_str).collect();
            group(&format!("g{at}"), 9000 + at as u32, &members)
        });
        let contents = Contents { users, groups: groups.collect(), generation: 1 };
        publish(&contents);
        compare_all(&contents);
    }

    fn also_from_the_checkpoint_alone() {
        let contents = varied();
        publish(&contents);
        std::fs::remove_dir_all("/run/roster").unwrap();
        compare_all(&contents);
    }

    fn buffers_that_are_too_small_are_so_for_both() {
        publish(&varied());
        let (ours, theirs) = (Module::shipped(), Module::reference());
        for length in 0..300 {
            let place = Place { length, offset: 0 };
            same("getpwnam", &ours.getpwnam(c"alice", place), &theirs.getpwnam(c"alice", place));
            same("getpwuid", &ours.getpwuid(3001, place), &theirs.getpwuid(3001, place));
            same("getspnam", &ours.getspnam(c"bob", place), &theirs.getspnam(c"bob", place));
            for set in ["setpwent", "setspent"] {
                assert_eq!((ours.set(set), theirs.set(set)), (status::SUCCESS, status::SUCCESS));
            }
            // Twice: a buffer that is too small keeps the place, on both sides.
            for _ in 0..2 {
                same("getpwent", &ours.getpwent(place), &theirs.getpwent(place));
                same("getspent", &ours.getspent(place), &theirs.getspent(place));
            }
            // Known difference: our gr_mem is aligned, which can take up to 7 bytes.
            let by_name = |module: &Module, place| module.getgrnam(c"team", place);
            let by_gid = |module: &Module, place| module.getgrgid(4000, place);
            let asks: [AskForGroup<'_>; 2] = [&by_name, &by_gid];
            for ask in asks {
                let (our, their) = (ask(&ours, place), ask(&theirs, place));
                if our.status == their.status {
                    same("a group", &our, &their);
                } else {
                    assert!(our.is_too_small());
                    let more = Place { length: length + 7, offset: 0 };
                    assert_eq!(ask(&ours, more).found(), their.record.unwrap());
                }
            }
        }
    }

    fn the_known_differences_are_still_there() {
        publish(&varied());
        let (ours, theirs) = (Module::shipped(), Module::reference());
        assert_eq!(theirs.getpwent(ROOMY).status, status::UNAVAILABLE);
        assert_eq!(ours.getpwent(ROOMY).found().name, "alice");
        let (our, their) = (
            ours.initgroups(c"alice", 0, &[4000], 64, -1),
            theirs.initgroups(c"alice", 0, &[4000], 64, -1),
        );
        assert_eq!(their.groups, [4000, 4000, 27, 4002], "libnss repeats a group");
        assert_eq!(our.groups, [4000, 27, 4002]);
        assert_eq!((our.size, their.size), (64, 4), "libnss makes the array smaller");
    }

    fn without_an_index_both_are_unavailable() {
        let (ours, theirs) = (Module::shipped(), Module::reference());
        assert_eq!(ours.getpwnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        assert_eq!(theirs.getpwnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        assert_eq!(ours.getspnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        assert_eq!(theirs.getspnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        assert_eq!(ours.initgroups(c"alice", 0, &[], 1, -1).status, status::UNAVAILABLE);
        assert_eq!(theirs.initgroups(c"alice", 0, &[], 1, -1).status, status::UNAVAILABLE);
        assert_eq!(ours.getpwuid(3000, ROOMY).status, theirs.getpwuid(3000, ROOMY).status);
        assert_eq!(ours.getgrnam(c"team", ROOMY).status, theirs.getgrnam(c"team", ROOMY).status);
        assert_eq!(ours.getgrgid(4000, ROOMY).status, theirs.getgrgid(4000, ROOMY).status);
    }
}
