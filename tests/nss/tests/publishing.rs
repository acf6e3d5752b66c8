//! What readers see when publishing meets a full disk or a strict umask.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nss_tests::accounts::{many, publish, varied, writer};
use nss_tests::isolated_tests;
use nss_tests::module::{Module, ROOMY};
use snapshot::writer::WriteError;

/// A file system of this size at `path`.
fn mount_small(path: &str, size: &str) {
    let options = format!("mode=755,size={size}");
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs", path]).status();
    assert!(mounted.unwrap().success());
}

fn is_disk_full(error: &WriteError) -> bool {
    matches!(error, WriteError::Io { source, .. } if source.raw_os_error() == Some(libc::ENOSPC))
}

isolated_tests! {
    fn a_full_file_system_leaves_the_old_index_in_service() {
        mount_small("/run/roster", "320k");
        publish(&varied());
        let module = Module::shipped();
        let alice = module.getpwnam(c"alice", ROOMY).found();
        let mut writer = writer();
        for _ in 0..10 {
            let error = writer.publish(&many(1000)).unwrap_err();
            assert!(is_disk_full(&error), "{error}");
            assert_eq!(module.getpwnam(c"alice", ROOMY).found(), alice);
            assert!(module.getpwnam(c"user1", ROOMY).is_miss());
        }
        let mut left: Vec<_> = std::fs::read_dir("/run/roster")
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["index", "shadow"]);
        // A small change still fits.
        publish(&many(3));
        assert_eq!(module.getpwnam(c"user1", ROOMY).found().uid, 10_001);
    }

    fn a_full_disk_under_the_checkpoint_is_reported_and_the_change_is_visible() {
        mount_small("/var/lib/roster/index", "64k");
        publish(&varied());
        let module = Module::shipped();
        module.getpwnam(c"alice", ROOMY).found();
        let error = writer().publish(&many(1000)).unwrap_err();
        assert!(is_disk_full(&error), "{error}");
        assert!(error.to_string().contains("/var/lib/roster/index"), "{error}");
        assert_eq!(module.getpwnam(c"user999", ROOMY).found().uid, 10_999);
        // The old checkpoint is whole, for the next boot.
        std::fs::remove_dir_all("/run/roster").unwrap();
        let after_reboot = Module::reference();
        after_reboot.getpwnam(c"alice", ROOMY).record.unwrap();
    }

    fn a_strict_umask_hides_nothing_from_readers() {
        for directory in ["/run/roster", "/var/lib/roster/index"] {
            std::fs::remove_dir(directory).unwrap();
        }
        // SAFETY: changes this process, which runs one test.
        unsafe { libc::umask(0o077) };
        publish(&varied());
        for (path, mode) in [
            ("/run/roster", 0o755),
            ("/run/roster/index", 0o644),
            ("/run/roster/shadow", 0o600),
            ("/var/lib/roster/index", 0o755),
            ("/var/lib/roster/index/index", 0o644),
            ("/var/lib/roster/index/shadow", 0o600),
        ] {
            let found = std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, mode, "{path}: {found:o}");
        }
    }
}
