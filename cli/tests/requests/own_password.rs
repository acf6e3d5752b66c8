//! A plain user's own password, which takes the old one.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::json;

use crate::fake_bus::Bus;

/// The user of /etc/passwd who stands in for a plain user when the tests run as root.
const NOBODY: u32 = 65_534;

#[test]
fn the_own_password_takes_the_old_one_and_others_do_not() {
    let bus = Bus::start();
    // The build directory may be closed to other users.
    let program = bus.directory().join("roster");
    std::fs::copy(env!("CARGO_BIN_EXE_roster"), &program).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let uid = nix::unistd::geteuid();
    let plain = if uid.is_root() { NOBODY.into() } else { uid };
    let name = nix::unistd::User::from_uid(plain).unwrap().unwrap().name;
    let numbered = format!("uid:{plain}");
    let run = |words: &[&str], stdin: &[u8]| {
        let mut command = Command::new(&program);
        command.args(words);
        if uid.is_root() {
            command.gid(NOBODY).uid(NOBODY);
        }
        bus.run(command, stdin)
    };
    let both = [json!({"secret": "old one"}), json!({"secret": "new one"})];
    for words in [
        &["user", "password", "--password-stdin"][..],
        &["user", "password", &name, "--password-stdin"],
        &["user", "password", &numbered, "--password-fd", "0"],
    ] {
        let outcome = run(words, b"old one\nnew one\n");
        assert_eq!(outcome.stdout, "Your password is changed.\n", "{outcome:?}");
        let calls = bus.calls();
        assert_eq!(
            (calls[0].method.as_str(), &calls[0].arguments[..]),
            ("ChangePassword", &both[..])
        );
        assert_eq!(calls[0].signature, "hh");
    }
    let outcome = run(&["user", "password", "--password-stdin", "--json"], b"old one\n");
    assert_eq!(outcome.json()["error"]["fields"][0]["field"], "password");
    assert_eq!(bus.calls(), []);
    run(&["user", "password", "alice", "--password-stdin"], b"new one\n");
    assert_eq!(bus.calls()[0].method, "SetPassword");
}

#[test]
fn root_names_the_account() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let bus = Bus::start();
    let outcome = bus.roster(&["user", "password", "--password-stdin"], b"x\n");
    assert_eq!(outcome.status, 2);
    assert!(outcome.stderr.contains("roster user password NAME"), "{}", outcome.stderr);
    assert_eq!(bus.calls(), []);
}
