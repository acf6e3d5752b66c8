//! A machine in a temporary directory, for the tests of this module. They change owners, so they
//! run as root.

#![allow(clippy::unwrap_used)]

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::create::{Owner, create};
use crate::publish::host::Host;

pub(crate) const UID: u32 = 3000;
pub(super) const GID: u32 = 3001;
pub(super) const OWNER: Owner = Owner { uid: UID, gid: GID, mode: 0o700 };

/// Set in the environment of a test that runs itself again in a mount namespace.
const INNER: &str = "ROSTER_TEST_IN_MOUNT_NAMESPACE";

pub(crate) struct Machine {
    pub host: Host,
    root: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests change owners: run as root");
        let root = tempfile::tempdir().unwrap();
        let mut host = Host::system();
        host.root = root.path().canonicalize().unwrap();
        host.passwd = host.root.join("etc/passwd");
        let machine = Self { host, root };
        machine.chmod("", 0o755);
        for dir in ["home", "srv", "etc", "etc/skel", "etc/skel/.config"] {
            std::fs::create_dir(machine.at(dir)).unwrap();
            machine.chmod(dir, 0o755);
        }
        machine.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
        machine.write("etc/skel/.bashrc", "PS1=x\n");
        machine.write("etc/skel/.config/app", "a=1\n");
        machine
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.at(path), text).unwrap();
        self.chmod(path, 0o644);
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap()
    }

    pub fn mkdir(&self, path: &str, uid: u32) {
        std::fs::create_dir_all(self.at(path)).unwrap();
        self.chmod(path, 0o700);
        chown(self.at(path), Some(uid), Some(uid)).unwrap();
    }

    pub fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.at(path)).unwrap();
    }

    pub fn chmod(&self, path: &str, mode: u32) {
        std::fs::set_permissions(self.at(path), Permissions::from_mode(mode)).unwrap();
    }

    /// Whether something, be it a dangling link, is there.
    pub fn has(&self, path: &str) -> bool {
        self.at(path).symlink_metadata().is_ok()
    }

    pub fn owner_and_mode(&self, path: &str) -> (u32, u32, u32) {
        let meta = self.at(path).symlink_metadata().unwrap();
        (meta.uid(), meta.gid(), meta.mode() & 0o7777)
    }

    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(path)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Makes `/home/alice` from the skeleton and puts a file of hers into it.
    pub fn with_alice(self) -> Self {
        create(&self.host, "/home/alice", &OWNER).unwrap();
        self.write("home/alice/letter", "dear bob\n");
        chown(self.at("home/alice/letter"), Some(UID), Some(GID)).unwrap();
        self
    }
}

pub(crate) fn run(program: &str, args: &[&std::ffi::OsStr]) {
    let status = Command::new(program).args(args).status().unwrap();
    assert!(status.success(), "{program} {args:?}");
}

/// Runs the calling test a second time, in a mount namespace of its own; true there.
pub(crate) fn in_mount_namespace() -> bool {
    if std::env::var_os(INNER).is_some() {
        return true;
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--test-threads", "1", "--nocapture"])
        .env(INNER, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let erred = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{erred}");
    false
}
