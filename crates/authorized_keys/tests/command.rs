//! The command as sshd runs it, at the real paths of an isolated process.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use nss_tests::accounts::{publish, user};
use nss_tests::isolated_tests;
use snapshot::writer::{Contents, KeyEntry, UserEntry};

/// What the command prints; it must exit 0 and keep quiet on standard error.
fn run(arguments: &[&str]) -> String {
    // Where nobody can execute it: the build directory may be in somebody's home.
    std::fs::copy(env!("CARGO_BIN_EXE_authorized-keys"), "/run/authorized-keys").unwrap();
    let mut command = Command::new("/run/authorized-keys");
    command.args(arguments).env_clear();
    // sshd runs it as AuthorizedKeysCommandUser, usually nobody. A user namespace has only root.
    if std::fs::read_to_string("/proc/self/uid_map").unwrap().trim_end().ends_with("4294967295") {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn key(line: &str, expires_at: Option<i64>) -> KeyEntry {
    KeyEntry { line: line.to_owned(), expires_at }
}

fn contents() -> Contents {
    let keys = vec![key("ssh-ed25519 AAAA alice@home", None), key("ssh-rsa BBBB", Some(1))];
    let alice = UserEntry { keys: keys.clone(), ..user("alice", 3000) };
    let locked = UserEntry { keys: keys.clone(), locked: true, ..user("locked", 3001) };
    let expired = UserEntry { keys, expires_at: Some(1), ..user("expired", 3002) };
    let keyless = user("keyless", 3003);
    Contents { users: vec![alice, locked, expired, keyless], ..Contents::default() }
}

isolated_tests! {
    fn prints_the_valid_keys_of_those_who_may_log_in() {
        publish(&contents());
        assert_eq!(run(&["alice"]), "ssh-ed25519 AAAA alice@home\n");
        for name in ["locked", "expired", "keyless", "eve", "root", "", "-f", "alice\n"] {
            assert_eq!(run(&[name]), "", "{name:?}");
        }
        std::fs::remove_dir_all("/run/roster").unwrap();
        assert_eq!(run(&["alice"]), "ssh-ed25519 AAAA alice@home\n", "from the checkpoint");
    }

    fn prints_nothing_when_there_is_no_index_or_it_is_damaged() {
        assert_eq!(run(&["alice"]), "");
        publish(&contents());
        for path in ["/run/roster/index", "/var/lib/roster/index/index"] {
            std::fs::write(path, vec![0xff; 4096]).unwrap();
        }
        assert_eq!(run(&["alice"]), "");
    }

    fn prints_nothing_without_exactly_one_name() {
        publish(&contents());
        assert_eq!(run(&[]), "");
        assert_eq!(run(&["alice", "alice"]), "");
    }
}
