//! Enumerations that something happens to: changes in place and new files, threads, forks, and a
//! million entries. The ordinary ones are in `answers.rs`.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use nss_tests::accounts::{group, many, publish, user, writer};
use nss_tests::isolated_tests;
use nss_tests::module::{Module, Place, ROOMY, status};
use nss_tests::process::{in_child, private_kib};
use snapshot::writer::{Contents, Edit};

const ALL: u32 = 2000;

fn names(module: &Module) -> Vec<String> {
    module.rest(Module::getpwent).into_iter().map(|user| user.name).collect()
}

/// How often each name was met.
fn counted(names: Vec<String>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    names.into_iter().for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}

fn remove(at: u32) -> Edit {
    Edit::RemoveUser { uid: 10_000 + at }
}

fn changed(at: u32, step: u32) -> Edit {
    let mut entry = user(&format!("user{at}"), 10_000 + at);
    entry.gecos = format!("changed at {step}");
    Edit::User(entry)
}

/// Users below this are left alone or changed, never removed; the others go, in no order.
fn survives(at: u32) -> bool {
    !at.is_multiple_of(3)
}

isolated_tests! {
    fn changes_in_place_neither_repeat_nor_skip_survivors() {
        let mut writer = writer();
        writer.publish(&many(ALL)).unwrap();
        let module = Module::shipped();
        let mut seen = Vec::new();
        for step in 0..ALL {
            let answer = module.getpwent(ROOMY);
            if answer.status != status::SUCCESS {
                break;
            }
            seen.push(answer.found().name);
            // Before, at and behind the entry that the enumeration stands on.
            let here = step.wrapping_mul(7) % ALL;
            let removed: Vec<_> = [here, step, step + 1].into_iter().filter(|at| !survives(*at)).collect();
            let mut edits: Vec<_> = removed.into_iter().map(remove).collect();
            let kept = [here, step, step + 1].into_iter().filter(|at| survives(*at) && *at < ALL);
            edits.extend(kept.map(|at| changed(at, step)));
            edits.push(Edit::User(user(&format!("newcomer{step}"), 100_000 + step)));
            writer.apply(&edits, 2).unwrap();
        }
        seen.extend(names(&module));
        let counts = counted(seen);
        assert!(counts.values().all(|count| *count == 1), "{:?}", counts.iter().find(|(_, n)| **n > 1));
        for at in (0..ALL).filter(|at| survives(*at)) {
            assert!(counts.contains_key(&format!("user{at}")), "user{at} was skipped");
        }
        // From the start again, everything is as it is now.
        module.set("setpwent");
        let now = names(&module);
        assert!(now.iter().any(|name| name == "newcomer1999") && !now.iter().any(|name| name == "user0"));
    }

    fn new_files_in_the_middle_neither_repeat_nor_skip_survivors() {
        let mut contents = many(ALL);
        let mut writer = writer();
        writer.publish(&contents).unwrap();
        let module = Module::shipped();
        let mut seen = Vec::new();
        while seen.len() < 1000 {
            seen.push(module.getpwent(ROOMY).found().name);
            if seen.len() % 40 == 0 {
                // One that has been listed goes, one that has not changes, one comes first of all.
                let gone = format!("user{}", seen.len() / 40);
                contents.users.retain(|user| user.name != gone);
                let last = contents.users.len() - 1;
                contents.users[last].gecos = format!("changed at {}", seen.len());
                contents.users.insert(0, user(&format!("newcomer{}", seen.len()), 100_000 + seen.len() as u32));
                writer.publish(&contents).unwrap();
                // The lookup goes over to the new file; the enumeration does not.
                assert_eq!(module.getpwnam(c"newcomer40", ROOMY).found().uid, 100_040);
            }
        }
        seen.extend(names(&module));
        let counts = counted(seen);
        assert!(counts.values().all(|count| *count == 1));
        assert!((0..ALL).all(|at| counts.contains_key(&format!("user{at}"))));
    }

    fn groups_and_shadow_stand_changes_too() {
        let groups = |count: u32| (0..count).map(|at| group(&format!("g{at}"), 10_000 + at, &["user1"])).collect();
        let mut writer = writer();
        writer.publish(&Contents { groups: groups(300), ..many(300) }).unwrap();
        let module = Module::shipped();
        let (mut gids, mut locked) = (Vec::new(), Vec::new());
        for step in 0..300 {
            let (group, shadow) = (module.getgrent(ROOMY), module.getspent(ROOMY));
            gids.extend(group.record.map(|group| group.gid));
            locked.extend(shadow.record.map(|shadow| shadow.name));
            if step % 3 == 0 {
                let gone = 10_000 + step;
                writer.apply(&[Edit::RemoveGroup { gid: gone }, Edit::RemoveUser { uid: gone }], 2).unwrap();
            }
        }
        gids.extend(module.rest(Module::getgrent).into_iter().map(|group| group.gid));
        locked.extend(module.rest(Module::getspent).into_iter().map(|shadow| shadow.name));
        for at in (0..300).filter(|at| at % 3 != 0) {
            assert_eq!(gids.iter().filter(|gid| **gid == 10_000 + at).count(), 1, "{at}");
            let name = format!("user{at}");
            assert_eq!(locked.iter().filter(|seen| **seen == name).count(), 1, "{name}");
        }
    }

    fn threads_share_one_enumeration_with_buffers_that_are_too_small() {
        publish(&many(ALL));
        let module = Module::shipped();
        let enough = AtomicBool::new(false);
        let all: Vec<String> = std::thread::scope(|scope| {
            // This one never gets anything, and takes nothing away from the others.
            scope.spawn(|| {
                while !enough.load(SeqCst) {
                    let answer = module.getpwent(Place { length: 5, offset: 0 });
                    assert!(answer.is_too_small() || answer.is_miss());
                }
            });
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| names(&module))).collect();
            let all = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
            enough.store(true, SeqCst);
            all
        });
        let counts = counted(all);
        assert_eq!(counts.len(), ALL as usize);
        assert!(counts.values().all(|count| *count == 1));
    }

    fn a_fork_in_the_middle_gives_both_the_rest() {
        let mut writer = writer();
        writer.publish(&many(100)).unwrap();
        let module = Module::shipped();
        let begun: Vec<_> = (0..40).map(|_| module.getpwent(ROOMY).found().name).collect();
        let rest: Vec<_> = (40..100).map(|at| format!("user{at}")).collect();
        in_child(|| {
            assert_eq!(names(&module), rest);
            module.set("setpwent");
            assert_eq!(names(&module).len(), 100);
        });
        // And when the file has been replaced since.
        in_child(|| {
            publish(&many(3));
            assert_eq!(names(&module), rest);
            module.end("endpwent");
            assert_eq!(names(&module).len(), 3);
        });
        assert_eq!(begun.len() + names(&module).len(), 100);
        module.end("endpwent");
        assert_eq!(names(&module).len(), 3);
    }

    fn a_million_entries_in_constant_memory() {
        const MILLION: u32 = 1_000_000;
        // What the writer needs for it is not what is measured.
        in_child(|| publish(&many(MILLION)));
        let module = Module::shipped();
        // One struct and one buffer for all of them: what grows is not the test's own.
        type Next = unsafe extern "C" fn(*mut c_void, *mut c_char, usize, *mut c_int) -> c_int;
        let (mut result, mut buffer) = ([0_u64; 32], [0; 512]);
        for what in ["getpwent_r", "getspent_r"] {
            let function: Next = module.entry(what);
            let mut next = || {
                let (mut errno, result) = (0, result.as_mut_ptr().cast());
                // SAFETY: called as glibc does; either struct is shorter than the array.
                unsafe { function(result, buffer.as_mut_ptr(), buffer.len(), &mut errno) }
            };
            assert_eq!(next(), status::SUCCESS);
            let (before, mut count, mut most) = (private_kib(), 1, 0);
            while next() == status::SUCCESS {
                count += 1;
                if count % 50_000 == 0 {
                    most = most.max(private_kib().saturating_sub(before));
                }
            }
            assert_eq!(count, MILLION, "{what}");
            assert!(most < 512, "{most} KiB for {what}");
        }
    }
}
