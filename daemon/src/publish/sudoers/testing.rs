//! A sudo configuration in a temporary directory, checked by the machine's own visudo and
//! cvtsudoers.

#![allow(clippy::unwrap_used)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use accounts::SudoCommand;

use super::SudoHost;
use crate::publish::effect::{SudoRule, Who};

pub(super) struct Sudo {
    pub host: SudoHost,
    dir: tempfile::TempDir,
}

impl Sudo {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "sudoers files are root's: run as root");
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let host = SudoHost {
            dir: root.join("sudoers.d"),
            main: Some(root.join("sudoers")),
            ..SudoHost::system()
        };
        std::fs::create_dir(&host.dir).unwrap();
        std::fs::set_permissions(&host.dir, Permissions::from_mode(0o755)).unwrap();
        let sudo = Self { host, dir };
        sudo.main(&format!("root ALL=(ALL) ALL\n@includedir {}\n", sudo.host.dir.display()));
        sudo
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(path)
    }

    pub fn main(&self, text: &str) {
        std::fs::write(self.at("sudoers"), text).unwrap();
    }

    pub fn file(&self) -> Option<String> {
        std::fs::read_to_string(self.at("sudoers.d/50-roster")).ok()
    }

    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.host.dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

pub(super) fn rule(who: Who, command: &str) -> SudoRule {
    let command = SudoCommand::parse(command).unwrap();
    SudoRule { who, command, nopasswd: false, expires_at: None }
}
