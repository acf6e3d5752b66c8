//! Buffers of every length at every alignment.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::ffi::{CString, c_char, c_int};

use nss_tests::accounts::{group, publish, varied};
use nss_tests::isolated_tests;
use nss_tests::module::{Answer, Module, Place, ROOMY, Record, status};

/// Goes through all lengths from 0 to beyond what the entry needs, at all alignments: too small until
/// it fits, then always the same answer. Gives what is needed at best.
fn sweep<R: Record>(what: &str, call: impl Fn(Place) -> Answer<R>) -> usize {
    let expected = call(ROOMY).found();
    let mut best = usize::MAX;
    for offset in 0..16 {
        let mut fitted = None;
        for length in 0..700 {
            let answer = call(Place { length, offset });
            if answer.is_too_small() {
                assert_eq!(fitted, None, "{what}: too small again at {length}+{offset}");
            } else {
                assert_eq!(answer.found(), expected, "{what} at {length}+{offset}");
                fitted = fitted.or(Some(length));
            }
            if fitted.is_some_and(|fitted| length > fitted + 40) {
                break;
            }
        }
        best = best.min(fitted.expect("it fits at some length"));
    }
    best
}

fn c(name: &str) -> CString {
    CString::new(name).unwrap()
}

isolated_tests! {
    fn lookups_take_any_buffer() {
        let contents = varied();
        publish(&contents);
        let module = Module::shipped();
        for user in &contents.users {
            let strings = [&user.name, &user.gecos, &user.home, &user.shell];
            let needed = strings.iter().map(|text| text.len() + 1).sum::<usize>() + 2;
            let name = c(&user.name);
            assert_eq!(sweep("getpwnam", |place| module.getpwnam(&name, place)), needed);
            assert_eq!(sweep("getpwuid", |place| module.getpwuid(user.uid, place)), needed);
            let hash = if user.locked { 3 } else { 2 };
            let needed = user.name.len() + 1 + hash;
            assert_eq!(sweep("getspnam", |place| module.getspnam(&name, place)), needed);
        }
        for group in &contents.groups {
            let members: usize = group.members.iter().map(|member| member.len() + 1 + 8).sum();
            let needed = group.name.len() + 1 + 2 + members + 8;
            let name = c(&group.name);
            // Alignment may take up to 7 bytes more; at the best offset it takes none.
            assert_eq!(sweep("getgrnam", |place| module.getgrnam(&name, place)), needed);
            assert_eq!(sweep("getgrgid", |place| module.getgrgid(group.gid, place)), needed);
        }
    }

    fn enumerations_take_any_buffer() {
        publish(&varied());
        let module = Module::shipped();
        // The sweep asks for the first entry again and again.
        sweep("getpwent", |place| {
            module.set("setpwent");
            module.getpwent(place)
        });
        sweep("getgrent", |place| {
            module.set("setgrent");
            module.getgrent(place)
        });
        sweep("getspent", |place| {
            module.set("setspent");
            module.getspent(place)
        });
    }

    fn a_buffer_that_is_too_small_keeps_the_place_in_the_enumeration() {
        let contents = varied();
        publish(&contents);
        let module = Module::shipped();
        for user in &contents.users {
            for length in [0, 1, 9] {
                assert!(module.getpwent(Place { length, offset: 1 }).is_too_small());
                assert!(module.getspent(Place { length: length / 5, offset: 0 }).is_too_small());
            }
            assert_eq!(module.getpwent(ROOMY).found().name, user.name);
            assert_eq!(module.getspent(ROOMY).found().name, user.name);
        }
        for group in contents.groups.iter().filter(|group| !group.external) {
            for length in [0, 1, 9] {
                assert!(module.getgrent(Place { length, offset: 3 }).is_too_small());
            }
            assert_eq!(module.getgrent(ROOMY).found().name, group.name);
        }
        assert!(module.getpwent(ROOMY).is_miss());
        assert!(module.getgrent(ROOMY).is_miss());
        assert!(module.getspent(ROOMY).is_miss());
    }

    fn a_group_of_more_than_a_mebibyte() {
        let members: Vec<_> = (0..100_000).map(|at| format!("member-{at:06}")).collect();
        let members: Vec<_> = members.iter().map(String::as_str).collect();
        let mut contents = varied();
        contents.groups.push(group("crowd", 5000, &members));
        publish(&contents);
        let module = Module::shipped();
        let ask = |length| module.getgrnam(c"crowd", Place { length, offset: 5 });
        let mut length = 1024;
        while ask(length).is_too_small() {
            length *= 2;
        }
        assert!(length > 1 << 20, "{length}");
        assert_eq!(ask(length).found().members, members);
        assert_eq!(module.initgroups(c"member-077777", 0, &[], 1, -1).groups, [5000]);
    }

    fn a_buffer_that_is_not_there_is_too_small() {
        type ByName = unsafe extern "C" fn(*const c_char, *mut libc::passwd, *mut c_char, usize, *mut c_int) -> c_int;
        publish(&varied());
        let function: ByName = Module::shipped().entry("getpwnam_r");
        let mut result = std::mem::MaybeUninit::uninit();
        for length in [0, 1, 4096, usize::MAX] {
            let mut errno = 0;
            let (name, nowhere) = (c"alice".as_ptr(), std::ptr::null_mut());
            // SAFETY: a buffer that is not there is not written to, which is what is tested.
            let status = unsafe { function(name, result.as_mut_ptr(), nowhere, length, &mut errno) };
            assert_eq!((status, errno), (status::TRY_AGAIN, libc::ERANGE), "{length}");
        }
    }
}
