//! What may stand at the paths of the index and is not believed: it is not read, not waited for, and
//! not followed.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;

use nss_tests::accounts::{publish, varied};
use nss_tests::installed::by_root;
use nss_tests::isolated_tests;
use nss_tests::module::{Module, ROOMY, status};

const LIVE: &str = "/run/roster/index";
const SHADOW: &str = "/run/roster/shadow";

fn mode(path: &str, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Makes a node of the file system.
fn node(path: &str, kind: u32, device: u64) {
    let path = CString::new(path).unwrap();
    // SAFETY: a path that outlives the call.
    assert_eq!(unsafe { libc::mknod(path.as_ptr(), kind | 0o644, device) }, 0);
}

/// Puts things in the place of a good file, one after the other, and expects each to be refused.
fn refused(what: &str, errno: i32, make: impl FnOnce()) {
    let _ = fs::remove_file(LIVE).or_else(|_| fs::remove_dir(LIVE));
    make();
    // A module that has nothing mapped yet: each child is a process of its own.
    let module = Module::shipped();
    let answer = module.getpwnam(c"alice", ROOMY);
    assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, errno), "{what}");
    assert_eq!(module.getgrgid(4000, ROOMY).status, status::UNAVAILABLE, "{what}");
    assert_eq!(module.initgroups(c"alice", 0, &[], 4, -1).status, status::UNAVAILABLE, "{what}");
    assert_eq!(module.set("setpwent"), status::UNAVAILABLE, "{what}");
    assert_eq!(module.getpwent(ROOMY).status, status::UNAVAILABLE, "{what}");
}

isolated_tests! {
    fn only_a_regular_file_of_roots_is_read() {
        publish(&varied());
        fs::remove_dir_all("/var/lib/roster/index").unwrap();
        let good = fs::read(LIVE).unwrap();
        let put = |path: &str, bytes: &[u8]| {
            fs::write(path, bytes).unwrap();
            mode(path, 0o644);
        };
        put("/run/good", &good);
        refused("nothing", libc::ENOENT, || ());
        refused("a symbolic link", libc::ELOOP, || symlink("/run/good", LIVE).unwrap());
        refused("a link to nothing", libc::ELOOP, || symlink("/run/nothing", LIVE).unwrap());
        refused("a directory", libc::EPERM, || fs::create_dir(LIVE).unwrap());
        refused("a FIFO without a writer", libc::EPERM, || node(LIVE, libc::S_IFIFO, 0));
        refused("a socket", libc::ENXIO, || drop(UnixListener::bind(LIVE).unwrap()));
        refused("an empty file", libc::EBADMSG, || put(LIVE, b""));
        refused("half a word", libc::EBADMSG, || put(LIVE, &good[..good.len() - 2]));
        refused("text", libc::EBADMSG, || put(LIVE, "root:x:0:0\n".repeat(100).as_bytes()));
        refused("a shadow file", libc::EBADMSG, || {
            fs::copy(SHADOW, LIVE).unwrap();
            mode(LIVE, 0o644);
        });
        for bits in [0o664, 0o646, 0o666, 0o622] {
            refused("a file that others can write", libc::EPERM, || {
                put(LIVE, &good);
                mode(LIVE, bits);
            });
        }
        if by_root() {
            refused("a device", libc::EPERM, || node(LIVE, libc::S_IFCHR, libc::makedev(1, 5)));
            refused("somebody else's file", libc::EPERM, || {
                put(LIVE, &good);
                chown(LIVE, Some(65_534), None).unwrap();
            });
        }
        fs::remove_file(LIVE).unwrap();
        put(LIVE, &good);
        Module::shipped().getpwnam(c"alice", ROOMY).found();
    }

    fn a_shadow_file_that_anybody_else_can_read_is_not_read() {
        publish(&varied());
        fs::remove_dir_all("/var/lib/roster/index").unwrap();
        let module = Module::shipped();
        for bits in [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o601] {
            mode(SHADOW, bits);
            let answer = module.getspnam(c"alice", ROOMY);
            assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::EPERM), "{bits:o}");
            assert_eq!(module.getspent(ROOMY).status, status::UNAVAILABLE);
        }
        mode(SHADOW, 0o600);
        assert_eq!(module.getspnam(c"alice", ROOMY).found().passwd, "*");
    }

    fn what_takes_the_place_of_a_mapped_file_is_not_believed_either() {
        publish(&varied());
        fs::remove_dir_all("/var/lib/roster/index").unwrap();
        let module = Module::shipped();
        module.getpwnam(c"alice", ROOMY).found();
        let good = fs::read(LIVE).unwrap();
        // The old file says that it is replaced, and what replaced it cannot be trusted.
        let mut superseded = good.clone();
        superseded[4 * snapshot::layout::header::SUPERSEDED] = 1;
        fs::write(LIVE, &superseded).unwrap();
        fs::write("/run/roster/evil", &good).unwrap();
        mode("/run/roster/evil", 0o666);
        fs::rename("/run/roster/evil", LIVE).unwrap();
        let answer = module.getpwnam(c"alice", ROOMY);
        assert_eq!((answer.status, answer.errno), (status::UNAVAILABLE, libc::EPERM));
        mode(LIVE, 0o644);
        module.getpwnam(c"alice", ROOMY).found();
    }
}
