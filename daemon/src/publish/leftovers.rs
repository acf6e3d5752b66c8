//! What an account leaves on the machine that Roster neither made nor takes away: looked for, never
//! touched.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use accounts::UserName;
use serde::Serialize;

use super::host::Host;
use super::sessions;

/// Entries of a directory that are looked at: /tmp is everybody's to fill.
const MOST_ENTRIES: usize = 100_000;
/// Where files are known by the account's name.
const BY_NAME: [(&str, &str); 3] = [
    ("crontab", "/var/spool/cron/crontabs"),
    ("mail", "/var/mail"),
    ("linger", "/var/lib/systemd/linger"),
];
/// Where files are known by their owner.
const BY_OWNER: [(&str, &str); 4] = [
    ("at_jobs", "/var/spool/cron/atjobs"),
    ("temporary_files", "/tmp"),
    ("temporary_files", "/var/tmp"),
    ("temporary_files", "/dev/shm"),
];

/// Something that is left behind, or lies in wait for whoever gets a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// `crontab`, `mail`, `linger` (systemd starts services for the name at boot), `at_jobs`,
    /// `temporary_files`, `processes` or `home`.
    pub kind: &'static str,
    /// The file, or the directory of several; empty for processes.
    pub path: String,
    /// How many there are.
    pub count: u64,
    /// Whose it is.
    pub uid: u32,
}

/// What is there of an account that was deleted, when its processes have been ended.
#[must_use]
pub fn of_deleted(host: &Host, name: &UserName, uid: u32, home: &str) -> Vec<Leftover> {
    let mut found = of_name(host, name);
    for (kind, directory) in BY_OWNER {
        let count = owned(&at(host, directory), uid);
        if count > 0 {
            found.push(Leftover { kind, path: directory.to_owned(), count, uid });
        }
    }
    let processes = sessions::count(host, uid);
    if processes > 0 {
        found.push(Leftover { kind: "processes", path: String::new(), count: processes, uid });
    }
    if host.has_home_of(home, uid) {
        found.push(Leftover { kind: "home", path: home.to_owned(), count: 1, uid });
    }
    found
}

/// What somebody who gets this name would find that is not of `uid`.
#[must_use]
pub fn in_wait(host: &Host, name: &UserName, uid: u32, home: &str) -> Vec<Leftover> {
    let mut found = of_name(host, name);
    found.retain(|leftover| leftover.uid != uid);
    if host.has_home(home)
        && let Ok(meta) = std::fs::symlink_metadata(at(host, home))
        && meta.uid() != uid
    {
        found.push(Leftover { kind: "home", path: home.to_owned(), count: 1, uid: meta.uid() });
    }
    found
}

fn at(host: &Host, path: &str) -> std::path::PathBuf {
    host.root.join(path.trim_start_matches('/'))
}

/// Files that are known by the name: allow-listed, so it leads to nothing else.
fn of_name(host: &Host, name: &UserName) -> Vec<Leftover> {
    let mut found = Vec::new();
    for (kind, directory) in BY_NAME {
        let file = at(host, directory).join(name.as_str());
        if let Ok(meta) = std::fs::symlink_metadata(file) {
            let path = format!("{directory}/{name}");
            found.push(Leftover { kind, path, count: 1, uid: meta.uid() });
        }
    }
    found
}

/// How many entries of a directory, links not followed, belong to `uid`.
fn owned(directory: &Path, uid: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let entries = entries.take(MOST_ENTRIES).flatten();
    // DirEntry::metadata follows no link.
    entries.filter(|entry| entry.metadata().is_ok_and(|meta| meta.uid() == uid)).count() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::publish::home::testing::{Machine, UID};

    fn name() -> UserName {
        UserName::parse("alice").unwrap()
    }

    fn kinds(found: &[Leftover]) -> Vec<(&'static str, &str, u64, u32)> {
        found.iter().map(|l| (l.kind, l.path.as_str(), l.count, l.uid)).collect()
    }

    fn file(machine: &Machine, path: &str, uid: u32) {
        let (directory, _) = path.rsplit_once('/').unwrap();
        std::fs::create_dir_all(machine.at(directory)).unwrap();
        machine.write(path, "x");
        chown(machine.at(path), Some(uid), None).unwrap();
    }

    #[test]
    fn everything_that_is_left_is_told_and_nothing_of_others() {
        let machine = Machine::new().with_alice();
        // Not the processes of other tests, which run as that uid too.
        let mut host = machine.host.clone();
        machine.mkdir("srv/proc", 0);
        host.proc = machine.at("srv/proc");
        assert!(of_deleted(&host, &name(), UID, "/home/nobody").is_empty());
        file(&machine, "var/spool/cron/crontabs/alice", UID);
        file(&machine, "var/spool/cron/crontabs/alicex", UID);
        file(&machine, "var/mail/alice", UID);
        file(&machine, "var/lib/systemd/linger/alice", 0);
        file(&machine, "var/spool/cron/atjobs/a0000101bdc2a4", UID);
        file(&machine, "var/spool/cron/atjobs/a0000201bdc2a5", 1001);
        for n in 0..3 {
            file(&machine, &format!("tmp/{n}"), UID);
        }
        file(&machine, "tmp/other", 1001);
        symlink(machine.at("tmp/0"), machine.at("tmp/link")).unwrap();
        file(&machine, "dev/shm/ring", UID);
        let found = of_deleted(&host, &name(), UID, "/home/alice");
        let expected = [
            ("crontab", "/var/spool/cron/crontabs/alice", 1, UID),
            ("mail", "/var/mail/alice", 1, UID),
            ("linger", "/var/lib/systemd/linger/alice", 1, 0),
            ("at_jobs", "/var/spool/cron/atjobs", 1, UID),
            ("temporary_files", "/tmp", 3, UID),
            ("temporary_files", "/dev/shm", 1, UID),
            ("home", "/home/alice", 1, UID),
        ];
        assert_eq!(kinds(&found), expected);
    }

    #[test]
    fn running_processes_are_counted() {
        let machine = Machine::new();
        let mut host = machine.host.clone();
        for (pid, uid) in [(7001, UID), (7002, UID), (7003, 1001)] {
            let status = format!("Name:\tbash\nState:\tS (sleeping)\nUid:\t{uid}\t0\t0\t0\n");
            let directory = format!("srv/proc/{pid}");
            std::fs::create_dir_all(machine.at(&directory)).unwrap();
            machine.write(&format!("{directory}/status"), &status);
        }
        host.proc = machine.at("srv/proc");
        let found = of_deleted(&host, &name(), UID, "/var/empty");
        assert_eq!(kinds(&found), [("processes", "", 2, UID)]);
    }

    #[test]
    fn who_gets_a_name_is_told_what_is_not_theirs() {
        let machine = Machine::new().with_alice();
        file(&machine, "var/spool/cron/crontabs/alice", UID);
        file(&machine, "var/mail/alice", 4000);
        file(&machine, "tmp/x", UID);
        let found = in_wait(&machine.host, &name(), 4000, "/home/alice");
        let expected = [
            ("crontab", "/var/spool/cron/crontabs/alice", 1, UID),
            ("home", "/home/alice", 1, UID),
        ];
        assert_eq!(kinds(&found), expected);
        let bob = UserName::parse("bob").unwrap();
        assert!(in_wait(&machine.host, &bob, 4000, "/home/bob").is_empty());
    }
}
