//! Who is found, who is not, and in which order: the contract of the entry points.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::ffi::CString;

use nss_tests::accounts::{group, many, publish, user, varied};
use nss_tests::isolated_tests;
use nss_tests::module::{Module, ROOMY, UNTOUCHED, status};
use nss_tests::process::virtual_kib;
use snapshot::writer::{Contents, GroupEntry};

fn names(module: &Module) -> Vec<String> {
    module.rest(Module::getpwent).into_iter().map(|user| user.name).collect()
}

isolated_tests! {
    fn a_user_is_found_by_name_and_by_number() {
        publish(&varied());
        let module = Module::shipped();
        let alice = module.getpwnam(c"alice", ROOMY).found();
        assert_eq!(alice, module.getpwuid(3000, ROOMY).found());
        assert_eq!((alice.name.as_str(), alice.passwd.as_str()), ("alice", "x"));
        assert_eq!((alice.uid, alice.gid, alice.gecos.as_str()), (3000, 3000, "User alice"));
        assert_eq!((alice.home.as_str(), alice.shell.as_str()), ("/home/alice", "/bin/bash"));
        // A locked or an expired user cannot log in, but has files.
        assert_eq!(module.getpwnam(c"bob", ROOMY).found().uid, 3001);
        assert_eq!(module.getpwuid(3002, ROOMY).found().name, "c");
    }

    fn a_group_is_found_by_name_and_by_number() {
        publish(&varied());
        let module = Module::shipped();
        let team = module.getgrnam(c"team", ROOMY).found();
        assert_eq!(team, module.getgrgid(4000, ROOMY).found());
        assert_eq!(team.members, ["alice", "bob", "root", "nobody-knows"]);
        assert!(module.getgrnam(c"alice", ROOMY).found().members.is_empty());
        assert_eq!(module.getgrgid(27, ROOMY).found().members, ["alice", "bob"]);
    }

    fn shadow_never_holds_a_usable_hash() {
        publish(&varied());
        let module = Module::shipped();
        let alice = module.getspnam(c"alice", ROOMY).found();
        assert_eq!(alice.passwd, "*");
        assert_eq!(alice.days, [20_000, 1, 90, 7, 30, 30_000]);
        assert_eq!(alice.flag, u64::MAX);
        let bob = module.getspnam(c"bob", ROOMY).found();
        assert_eq!((bob.passwd.as_str(), bob.days), ("!*", [-1; 6]));
    }

    fn what_is_not_ours_is_a_plain_miss() {
        publish(&varied());
        let module = Module::shipped();
        let mut wrong: Vec<CString> = ["", "Alice", "alice ", "root", "pam_unix_non_existent:", "%s"]
            .into_iter()
            .map(|name| CString::new(name).unwrap())
            .collect();
        wrong.push(CString::new(vec![b'x'; 4096]).unwrap());
        wrong.push(CString::new(vec![b'x'; 199]).unwrap());
        wrong.push(CString::new(vec![b'x'; 201]).unwrap());
        wrong.push(CString::new(vec![b'x'; 255]).unwrap());
        wrong.push(CString::new(vec![b'x'; 256]).unwrap());
        wrong.push(CString::new(vec![0xff, 0xfe]).unwrap());
        for name in wrong {
            assert!(module.getpwnam(&name, ROOMY).is_miss(), "{name:?}");
            assert!(module.getgrnam(&name, ROOMY).is_miss(), "{name:?}");
            assert!(module.getspnam(&name, ROOMY).is_miss(), "{name:?}");
            if name.as_bytes() != b"root" {
                let answer = module.initgroups(&name, 0, &[], 4, -1);
                assert_eq!((answer.status, answer.errno), (status::NOT_FOUND, libc::ENOENT));
            }
        }
        for id in [0, 1, 2999, 0x7fff_fffe, 0x8000_0000, 0xffff_fffe, u32::MAX] {
            assert!(module.getpwuid(id, ROOMY).is_miss(), "{id}");
            assert!(module.getgrgid(id, ROOMY).is_miss(), "{id}");
        }
    }

    fn without_any_index_the_service_is_unavailable() {
        let module = Module::shipped();
        let answer = module.getpwnam(c"alice", ROOMY);
        assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::ENOENT));
        assert_eq!(module.getpwuid(3000, ROOMY).status, status::UNAVAILABLE);
        assert_eq!(module.getgrnam(c"team", ROOMY).status, status::UNAVAILABLE);
        assert_eq!(module.getgrgid(4000, ROOMY).status, status::UNAVAILABLE);
        assert_eq!(module.getspnam(c"alice", ROOMY).status, status::UNAVAILABLE);
        assert_eq!(module.initgroups(c"alice", 0, &[], 4, -1).status, status::UNAVAILABLE);
        for database in ["pw", "gr", "sp"] {
            assert_eq!(module.set(&format!("set{database}ent")), status::UNAVAILABLE);
            assert_eq!(module.end(&format!("end{database}ent")), status::SUCCESS);
        }
        assert_eq!(module.getpwent(ROOMY).status, status::UNAVAILABLE);
        assert_eq!(module.getgrent(ROOMY).status, status::UNAVAILABLE);
        assert_eq!(module.getspent(ROOMY).status, status::UNAVAILABLE);
        // It is looked for again on each call.
        publish(&varied());
        module.getpwnam(c"alice", ROOMY).found();
        module.getpwent(ROOMY).found();
    }

    fn an_index_that_others_could_have_written_is_not_read() {
        use std::os::unix::fs::{PermissionsExt, chown};
        publish(&varied());
        for path in ["/run/roster/index", "/var/lib/roster/index/index"] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o666)).unwrap();
        }
        let module = Module::shipped();
        let answer = module.getpwnam(c"alice", ROOMY);
        assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::EPERM));
        for path in ["/run/roster/index", "/var/lib/roster/index/index"] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
        }
        module.getpwnam(c"alice", ROOMY).found();
        // In a user namespace of one user there is nobody to give a file to.
        if chown("/run/roster/shadow", Some(65_534), None).is_ok() {
            std::fs::remove_file("/var/lib/roster/index/shadow").unwrap();
            let answer = module.getspnam(c"alice", ROOMY);
            assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::EPERM));
        }
    }

    fn enumeration_begins_by_itself_ends_and_can_be_restarted() {
        publish(&varied());
        let all: Vec<_> = varied().users.into_iter().map(|user| user.name).collect();
        let module = Module::shipped();
        assert_eq!(names(&module), all, "without setpwent");
        assert!(module.getpwent(ROOMY).is_miss(), "past the end");
        assert!(module.getpwent(ROOMY).is_miss(), "past the end again");
        assert_eq!(module.set("setpwent"), status::SUCCESS);
        assert_eq!(names(&module), all, "after setpwent");
        assert_eq!(module.end("endpwent"), status::SUCCESS);
        assert_eq!(module.end("endpwent"), status::SUCCESS);
        assert_eq!(names(&module), all, "after endpwent twice");
        module.set("setpwent");
        assert_eq!(module.getpwent(ROOMY).found().name, all[0]);
        assert_eq!(module.getpwent(ROOMY).found().name, all[1]);
        module.set("setpwent");
        assert_eq!(names(&module), all, "setpwent in the middle");
        module.set("setpwent");
        assert_eq!(module.getpwent(ROOMY).found().name, all[0]);
        module.end("endpwent");
        assert_eq!(names(&module), all, "endpwent in the middle");
    }

    fn enumerations_of_different_databases_do_not_disturb_each_other() {
        publish(&varied());
        let module = Module::shipped();
        assert_eq!(module.getpwent(ROOMY).found().name, "alice");
        assert_eq!(module.getgrent(ROOMY).found().name, "alice");
        assert_eq!(module.getspent(ROOMY).found().name, "alice");
        module.end("endgrent");
        module.set("setspent");
        assert_eq!(module.getpwent(ROOMY).found().name, "bob");
        assert_eq!(module.getgrent(ROOMY).found().name, "alice");
        assert_eq!(module.getspent(ROOMY).found().name, "alice");
        module.getpwuid(3000, ROOMY).found();
        assert_eq!(module.getpwent(ROOMY).found().name, "c");
    }

    fn groups_of_etc_group_are_not_enumerated() {
        let mut contents = varied();
        // First and last as well.
        contents.groups.insert(0, GroupEntry { external: true, ..group("adm", 4, &["alice"]) });
        contents.groups.push(GroupEntry { external: true, ..group("audio", 29, &["alice"]) });
        publish(&contents);
        let module = Module::shipped();
        let listed: Vec<_> = module.rest(Module::getgrent).into_iter().map(|group| group.gid).collect();
        assert_eq!(listed, [3000, 4000, 4001, 4002]);
        assert_eq!(module.getgrnam(c"adm", ROOMY).found().gid, 4);
    }

    fn an_empty_index_has_nothing_and_is_available() {
        publish(&Contents::default());
        let module = Module::shipped();
        assert!(module.getpwent(ROOMY).is_miss());
        assert!(module.getgrent(ROOMY).is_miss());
        assert!(module.getspent(ROOMY).is_miss());
        assert!(module.getpwnam(c"alice", ROOMY).is_miss());
        assert_eq!(module.initgroups(c"alice", 0, &[], 4, -1).status, status::NOT_FOUND);
    }

    fn a_change_in_the_middle_neither_repeats_nor_skips_anybody() {
        let mut contents = many(20);
        publish(&contents);
        let module = Module::shipped();
        let mut seen: Vec<_> = (0..10).map(|_| module.getpwent(ROOMY).found().name).collect();
        // One that has been listed goes, one that has not changes, one comes.
        contents.users.remove(3);
        contents.users[15].gecos = "changed".to_owned();
        contents.users.insert(0, user("newcomer", 9_999));
        publish(&contents);
        assert_eq!(module.getpwnam(c"newcomer", ROOMY).found().uid, 9_999);
        seen.extend(names(&module));
        seen.retain(|name| name != "newcomer");
        let expected: Vec<_> = (0..20).map(|at| format!("user{at}")).collect();
        assert_eq!(seen, expected);
        module.end("endpwent");
        assert_eq!(names(&module)[0], "newcomer");
    }

    fn threads_share_one_enumeration() {
        publish(&many(2000));
        let module = Module::shipped();
        let mut all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| names(&module))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort();
        let mut expected: Vec<_> = (0..2000).map(|at| format!("user{at}")).collect();
        expected.sort();
        assert_eq!(all, expected);
    }

    fn initgroups_lists_each_group_once_and_not_the_primary_one() {
        publish(&varied());
        let module = Module::shipped();
        let ask = |user, skip, already: &[u32], limit| module.initgroups(user, skip, already, 8, limit);
        let all = ask(c"alice", 3000, &[], -1);
        assert_eq!((all.status, all.errno), (status::SUCCESS, UNTOUCHED));
        assert_eq!(all.groups, [4000, 27, 4002]);
        assert_eq!(ask(c"alice", 27, &[], -1).groups, [4000, 4002]);
        assert_eq!(ask(c"alice", 3000, &[3000, 4002, 9], 0).groups, [3000, 4002, 9, 4000, 27]);
        // Local users, and names that nobody has, can be members of our groups.
        assert_eq!(ask(c"root", 0, &[0], -1).groups, [0, 4000]);
        assert_eq!(ask(c"nobody-knows", 0, &[], -1).groups, [4000]);
        // A user of ours without groups is known, and that is the answer.
        let none = ask(c"asa", 0, &[5], -1);
        assert_eq!((none.status, none.groups), (status::SUCCESS, vec![5]));
        let unknown = ask(c"eve", 0, &[5], -1);
        assert_eq!((unknown.status, unknown.groups), (status::NOT_FOUND, vec![5]));
    }

    fn initgroups_keeps_to_the_limit() {
        publish(&varied());
        let module = Module::shipped();
        for (limit, expected) in [
            (-1, &[7, 4000, 27, 4002][..]),
            (0, &[7, 4000, 27, 4002]),
            (1, &[7]),
            (2, &[7, 4000]),
            (3, &[7, 4000, 27]),
            (4, &[7, 4000, 27, 4002]),
            (5, &[7, 4000, 27, 4002]),
        ] {
            for size in [1, 2, 3, 4, 5, 64] {
                let answer = module.initgroups(c"alice", 3000, &[7], size, limit);
                assert_eq!(answer.status, status::SUCCESS, "{limit} {size}");
                assert_eq!(answer.groups, expected, "{limit} {size}");
                assert!(answer.size >= size, "the array was made smaller");
                let most = usize::try_from(limit).unwrap_or(0).max(size);
                assert!(limit <= 0 || answer.size <= most, "{limit} {size}: {}", answer.size);
            }
        }
    }

    fn initgroups_with_more_than_the_limit_already_takes_none_and_gives_none_back() {
        publish(&varied());
        let module = Module::shipped();
        for limit in [1, 2] {
            let answer = module.initgroups(c"alice", 3000, &[7, 8, 9], 3, limit);
            assert_eq!((answer.status, answer.groups, answer.size), (status::SUCCESS, vec![7, 8, 9], 3));
        }
    }

    fn initgroups_of_a_user_in_ten_thousand_groups() {
        let mut contents = varied();
        contents.groups =
            (0..10_000).map(|at| group(&format!("g{at}"), 20_000 + at, &["alice"])).collect();
        publish(&contents);
        let answer = Module::shipped().initgroups(c"alice", 3000, &[3000], 1, -1);
        assert_eq!(answer.groups[0], 3000);
        assert!(answer.groups[1..].iter().copied().eq(20_000..30_000));
        assert!(answer.size < 4 * 10_000, "grown to {}", answer.size);
    }

    fn initgroups_without_memory_says_so_and_keeps_what_was_there() {
        publish(&varied());
        let module = Module::shipped();
        // A full array of 64 MiB cannot be doubled, also not inside of malloc's arenas.
        let already = vec![1_u32; 16 << 20];
        let limit = |bytes| {
            let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: limits this process, which runs this test alone.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        };
        module.initgroups(c"alice", 3000, &[], 1, -1);
        let answer =
            module.initgroups_within(c"alice", 3000, &already, already.len(), -1, |call| {
                limit((virtual_kib() + 16 * 1024) * 1024);
                call();
                limit(libc::RLIM_INFINITY);
            });
        assert_eq!((answer.status, answer.errno), (status::TRY_AGAIN, libc::ENOMEM));
        assert_eq!((answer.groups.len(), answer.size), (already.len(), already.len()));
    }

    fn a_success_leaves_errno_alone_even_when_the_live_file_is_missing() {
        publish(&varied());
        std::fs::remove_file("/run/roster/index").unwrap();
        // In glibc, errnop points to errno itself.
        let module = Module::shipped();
        // SAFETY: this thread's errno.
        let errno = || unsafe { &mut *libc::__errno_location() };
        for _ in 0..2 {
            *errno() = UNTOUCHED;
            module.getpwnam(c"alice", ROOMY).found();
            assert_eq!(*errno(), UNTOUCHED);
        }
    }
}
