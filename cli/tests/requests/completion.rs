//! What a shell is offered at TAB.

use serde_json::json;

use crate::fake_bus::Bus;

/// The words that bash is offered for the last of these.
fn offered(bus: &Bus, words: &[&str]) -> Vec<String> {
    let index = (words.len() - 1).to_string();
    let variables =
        [("_ROSTER_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &*index), ("_CLAP_IFS", "\n")];
    let outcome = bus.roster_with(&[&["--"], words].concat(), b"", &variables);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{words:?}: {outcome:?}");
    outcome.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn verbs_and_flags_come_from_the_grammar() {
    let bus = Bus::start();
    assert_eq!(offered(&bus, &["roster", "gr"]), ["group"]);
    assert_eq!(offered(&bus, &["roster", "user", "pass"]), ["password", "passwd-entry"]);
    assert_eq!(offered(&bus, &["roster", "user", "create", "--home-c"]), ["--home-create"]);
    assert_eq!(
        offered(&bus, &["roster", "user", "create", "x", "--role", "a"]),
        ["auditor", "admin"]
    );
    assert_eq!(bus.calls(), []);
}

#[test]
fn names_come_from_the_daemon_which_nobody_is_asked_to_allow() {
    let bus = Bus::start();
    assert_eq!(offered(&bus, &["roster", "user", "show", "al"]), ["alice"]);
    let calls = bus.calls();
    assert_eq!(calls[0].method, "QueryUsers");
    assert_eq!(calls[0].arguments[0], json!("[[\"name\",\"^\",\"al\"]]"));
    assert!(!calls[0].interactive);
    assert!(offered(&bus, &["roster", "user", "show", "bo"]).is_empty());
    assert_eq!(offered(&bus, &["roster", "group", "show", "d"]), ["dev"]);
    assert_eq!(offered(&bus, &["roster", "group", "add-member", "dev", "a"]), ["alice"]);
    assert_eq!(offered(&bus, &["roster", "sudo", "grant", "%d"]), ["%dev"]);
    assert_eq!(
        offered(&bus, &["roster", "user", "create", "x", "--groups", "root,de"]),
        ["root,dev"]
    );
    assert_eq!(offered(&bus, &["roster", "key", "remove", "alice", ""])[0], "4");
    assert_eq!(offered(&bus, &["roster", "sudo", "revoke", "--json", "alice", "4"]), ["4"]);
}

#[test]
fn without_a_daemon_a_shell_is_not_kept_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bus");
    // It takes the connection, and never says a word.
    let _silent = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_roster"))
        .args(["--", "roster", "user", "show", "nobody-has-this-name"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", path.display()))
        .env("_ROSTER_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "3")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
}
