//! The module on damaged files: it answers something, inside of the caller's buffers, and goes on.
//!
//! The reader itself is put through more of this in the tests of the crate `snapshot`; here it is the
//! code between it and C.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::FileExt;

use nss_tests::accounts::{group, publish, trimmed, user};
use nss_tests::isolated_tests;
use nss_tests::module::{Module, Place, ROOMY, Record, UNTOUCHED, status};
use snapshot::layout::{header, header_checksum};
use snapshot::writer::Contents;

const FILES: [&str; 2] = ["/run/roster/index", "/run/roster/shadow"];

fn contents() -> Contents {
    Contents {
        users: vec![user("alice", 3000), user("bob", 3001)],
        groups: vec![group("team", 4000, &["alice", "bob"]), group("e", 4001, &["alice"])],
        generation: 1,
    }
}

/// Puts `bytes` in the place of the live file, as the writer would.
fn replace(path: &str, bytes: &[u8]) {
    let temporary = format!("{path}.new");
    fs::write(&temporary, bytes).unwrap();
    let mode = if path.ends_with("shadow") { 0o600 } else { 0o644 };
    fs::set_permissions(&temporary, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    let old = fs::OpenOptions::new().write(true).open(path).unwrap();
    old.write_all_at(&1_u32.to_ne_bytes(), header::SUPERSEDED as u64 * 4).unwrap();
    fs::rename(&temporary, path).unwrap();
}

/// Makes the checksum of the header fit, so that damage to the header gets further.
fn mend(bytes: &mut [u8]) {
    let word = |at: usize| Some(u32::from_ne_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap()));
    let sum = header_checksum(word).unwrap();
    bytes[4 * header::CHECKSUM..4 * header::CHECKSUM + 4].copy_from_slice(&sum.to_ne_bytes());
}

/// All entries, but no more than a damaged list could hold.
fn count<R: Record>(next: impl Fn(Place) -> nss_tests::module::Answer<R>) {
    for _ in 0..1000 {
        let answer = next(ROOMY);
        if answer.status != status::SUCCESS {
            assert_ne!(answer.errno, UNTOUCHED);
            return;
        }
    }
    panic!("an enumeration without end");
}

fn ask_everything(module: &Module) {
    for name in [c"alice", c"bob", c"team", c"e"] {
        for place in [ROOMY, Place { length: 40, offset: 3 }] {
            module.getpwnam(name, place);
            module.getgrnam(name, place);
            module.getspnam(name, place);
        }
        module.initgroups(name, 0, &[], 1, -1);
    }
    for id in [3000, 3001, 4000, 4001] {
        module.getpwuid(id, ROOMY);
        module.getgrgid(id, ROOMY);
    }
    for set in ["setpwent", "setgrent", "setspent"] {
        module.set(set);
    }
    count(|place| module.getpwent(place));
    count(|place| module.getgrent(place));
    count(|place| module.getspent(place));
}

isolated_tests! {
    fn every_byte_of_a_file_damaged() {
        publish(&contents());
        // Without it, the module would turn to it from what it refuses, and be fine.
        fs::remove_dir_all("/var/lib/roster/index").unwrap();
        let module = Module::shipped();
        for path in FILES {
            let whole = trimmed(fs::read(path).unwrap());
            for at in 0..whole.len() {
                for flip in [0x01, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= flip;
                    mend(&mut damaged);
                    replace(path, &damaged);
                    ask_everything(&module);
                }
            }
            replace(path, &whole);
        }
        assert_eq!(module.getpwnam(c"alice", ROOMY).found().uid, 3000);
        assert_eq!(module.getspnam(c"alice", ROOMY).found().passwd, "*");
    }

    fn a_file_cut_off_anywhere() {
        publish(&contents());
        fs::remove_dir_all("/var/lib/roster/index").unwrap();
        let module = Module::shipped();
        for path in FILES {
            let whole = trimmed(fs::read(path).unwrap());
            let ask = || {
                if path.ends_with("shadow") {
                    let answer = module.getspnam(c"alice", ROOMY);
                    (answer.status, answer.errno)
                } else {
                    let answer = module.getpwnam(c"alice", ROOMY);
                    (answer.status, answer.errno)
                }
            };
            for length in 0..whole.len() {
                replace(path, &whole[..length]);
                assert_eq!(ask(), (status::UNAVAILABLE, libc::EBADMSG), "{path} {length}");
                // The same with a header that says that it is so.
                let mut mended = whole[..length / 8 * 8].to_vec();
                if mended.len() >= 4 * header::WORDS {
                    let units = (mended.len() / 8) as u32;
                    mended[4 * header::LENGTH..][..4].copy_from_slice(&units.to_ne_bytes());
                    mend(&mut mended);
                    replace(path, &mended);
                    ask_everything(&module);
                }
            }
            replace(path, &whole);
            assert_eq!(ask(), (status::SUCCESS, UNTOUCHED));
        }
    }
}
