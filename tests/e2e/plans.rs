//! `--dry-run`: nothing happens, and what would happen is said.

use roster_tests::Machine;
use serde_json::{Value, json};

use crate::people::{ALICES, add_bob, ssh};

/// Everything that a change could show in: lookups, files with their times, the database and its
/// log (the third file of its is scratch). Not the index's copy on disk, which follows earlier
/// changes.
fn state(m: &Machine) -> String {
    m.sh("getent passwd; getent group; ls -laR --time-style=full-iso /home /etc/sudoers.d; \
          sha256sum /run/roster/index /run/roster/shadow \
          $(ls -d /var/lib/roster/store/* | grep -v shm)")
        .ok()
        .stdout
}

/// Rehearses a command: its plan, and that nothing has changed.
fn plan(m: &Machine, command: &[&str], stdin: &str) -> Value {
    let before = state(m);
    let words = command.iter().copied().chain(["--dry-run", "--json"]);
    let plan = m.roster(words).stdin(stdin).ok().json();
    assert_eq!(state(m), before, "{command:?} --dry-run changed something");
    plan
}

/// What a plan says that a field becomes.
fn becomes<'a>(plan: &'a Value, kind: &str, field: &str) -> &'a Value {
    let changes = plan["changes"].as_array().unwrap().iter();
    let mut of_field = changes.filter(|c| c["kind"] == kind && c["field"] == field);
    &of_field.next().unwrap_or_else(|| panic!("{kind} {field}: {plan}"))["to"]
}

fn warns(plan: &Value, words: &str) {
    assert!(plan["warnings"].to_string().contains(words), "{words}: {plan}");
}

#[test]
fn a_dry_run_changes_nothing_and_the_command_does_what_it_said() {
    let m = Machine::boot("plans").unwrap();
    // Somebody is there already, so that there is something to be left alone.
    m.roster(["user", "create", "carol", "--password-disabled", "--home-create"]).ok();

    let create = ["user", "create", "alice", "--full-name", "Alice Ng", "--home-create"];
    let create = [&create[..], &["--ssh-password", "--password-stdin"]].concat();
    let password = format!("{ALICES}\n");
    let planned = plan(&m, &create, &password);
    assert_eq!((&planned["verb"], &planned["subject"]), (&json!("CreateUser"), &json!("alice")));
    assert_eq!(planned["files"], json!(["/home/alice"]));
    assert!(!planned.to_string().contains(ALICES));
    m.sh("getent passwd alice").exits(2);
    m.roster(create).stdin(password).ok();
    assert_eq!(m.sh("id -u alice").ok().line(), becomes(&planned, "user", "uid").to_string());
    assert_eq!(m.sh("id -g alice").ok().line(), becomes(&planned, "group", "gid").to_string());
    m.sh("test -d /home/alice").ok();

    let grant = ["sudo", "grant", "alice", "/usr/bin/id", "--nopasswd"];
    let planned = plan(&m, &grant, "");
    warns(&planned, "alice could run /usr/bin/id as root, without a password");
    assert_eq!(planned["files"], json!(["/etc/sudoers.d/50-roster"]));
    m.roster(grant).ok();
    let line = planned["effects"][0]["added"][0].as_str().unwrap();
    assert!(m.sh("cat /etc/sudoers.d/50-roster").ok().stdout.lines().any(|l| l == line), "{line}");

    let lock = ["user", "lock", "alice"];
    let planned = plan(&m, &lock, "");
    warns(&planned, "alice could no longer log in: locked");
    assert_eq!(planned["effects"][0]["removed"], json!([line]));
    ssh(&m, "alice", ALICES).ok();
    m.roster(lock).ok();
    ssh(&m, "alice", ALICES).fails();
    m.sh("ls /etc/sudoers.d/50-roster").fails();
    m.roster(["user", "unlock", "alice"]).ok();

    let delete = ["user", "delete", "alice", "--home", "purge"];
    let planned = plan(&m, &delete, "");
    warns(&planned, "alice could no longer log in: the account would be gone");
    warns(&planned, "/home/alice and all it holds would be gone for good");
    assert_eq!(planned["files"], json!(["/etc/sudoers.d/50-roster", "/home/alice"]));
    assert_eq!(becomes(&planned, "group", "name"), &Value::Null);
    m.roster(delete).ok();
    m.sh("getent passwd alice").exits(2);
    m.sh("getent group alice").exits(2);
    m.sh("ls /home/alice /etc/sudoers.d/50-roster").fails();
    m.sh("test -d /home/carol").ok();
}

#[test]
fn a_dry_run_is_refused_as_the_command_would_be() {
    let m = Machine::boot("plans-refused").unwrap();
    add_bob(&m);
    m.roster(["user", "create", "carol", "--password-disabled"]).ok();
    let before = state(&m);
    m.roster(["user", "create", "carol", "--password-disabled", "--dry-run"]).exits(9);
    m.roster(["user", "create", "dave", "--uid", "3000", "--dry-run"]).exits(4);
    m.roster(["user", "lock", "nobody-like-that", "--dry-run"]).exits(6);
    m.roster(["user", "unlock", "carol", "--dry-run"]).exits(1);
    m.run_as("carol", "roster user lock carol --dry-run").exits(10);
    m.sh("mkdir /home/dave").ok();
    m.roster(["user", "create", "dave", "--home-create", "--dry-run"]).exits(12);
    m.sh("rmdir /home/dave").ok();
    m.roster(["user", "show", "carol", "--dry-run"]).exits(2);
    let own = m.run_as("carol", "roster user profile set carol pronouns they/them --dry-run").ok();
    own.says("Nothing is changed").says("+ user carol profile.pronouns: they/them");
    let after = state(&m);
    let of_time = |state: &str| -> Vec<String> {
        // The directory that came and went has left its time on /home.
        let listed = state.lines().filter(|line| !line.ends_with(" .") && !line.ends_with(" .."));
        listed.map(str::to_owned).collect()
    };
    assert_eq!(of_time(&before), of_time(&after));
}
