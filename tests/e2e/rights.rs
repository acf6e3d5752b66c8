//! What sudo lets an account do.

use roster_tests::{Machine, Run};

use crate::people::{ALICES, add_alice};

/// sudo by alice, who types her password if asked.
fn sudo(m: &Machine, command: &str) -> Run {
    m.run_as("alice", &format!("echo '{ALICES}' | sudo -S -k {command}"))
}

/// sudo that may not ask.
fn sudo_unasked(m: &Machine, command: &str) -> Run {
    m.run_as("alice", &format!("sudo -n -k {command}"))
}

#[test]
fn a_grant_covers_its_command_until_it_is_revoked() {
    let m = Machine::boot("sudo").unwrap();
    add_alice(&m);
    sudo(&m, "/usr/bin/id -un").fails();
    let id =
        m.roster(["sudo", "grant", "alice", "/usr/bin/id", "--json"]).ok().json()["id"].to_string();
    m.sh("visudo -c").ok();
    m.sh("stat -c '%a %U %G' /etc/sudoers.d/50-roster").ok().says("440 root root");
    assert_eq!(sudo(&m, "id -un").ok().line(), "root");
    m.run_as("alice", "echo 'not the password' | sudo -S -k id").fails();
    sudo(&m, "ls /root").fails();
    sudo_unasked(&m, "id").fails();
    m.roster(["sudo", "revoke", "alice", &id]).ok();
    m.sh("sleep 3").ok();
    sudo(&m, "id -un").fails();
    m.sh("visudo -c").ok();
}

#[test]
fn arguments_and_nopasswd_mean_what_they_say() {
    let m = Machine::boot("sudo-arguments").unwrap();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id", "-un", "--nopasswd"]).run();
    m.roster(["sudo", "grant", "--nopasswd", "alice", "--", "/usr/bin/id", "-un"]).ok();
    assert_eq!(sudo_unasked(&m, "id -un").ok().line(), "root");
    sudo_unasked(&m, "id -u").fails();
    sudo_unasked(&m, "id").fails();
    m.roster(["sudo", "grant", "--nopasswd", "alice", "/usr/bin/whoami", ""]).ok();
    sudo_unasked(&m, "whoami").ok();
    sudo_unasked(&m, "whoami --version").fails();
}

#[test]
fn a_group_can_hold_a_rule() {
    let m = Machine::boot("sudo-group").unwrap();
    add_alice(&m);
    m.roster(["group", "create", "operators"]).ok();
    m.roster(["sudo", "grant", "%operators", "/usr/bin/id"]).ok();
    sudo(&m, "id -un").fails();
    m.roster(["group", "add-member", "operators", "alice"]).ok();
    m.sh("sleep 3").ok();
    assert_eq!(sudo(&m, "id -un").ok().line(), "root");
}

#[test]
fn a_rule_ends_when_its_time_is_over() {
    let m = Machine::boot("sudo-for").unwrap();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id", "--nopasswd", "--for", "5s"]).ok();
    sudo_unasked(&m, "id -un").ok();
    m.sh("for i in $(seq 100); do grep -q '#3000' /etc/sudoers.d/50-roster || break; sleep 0.2; done").ok();
    sudo_unasked(&m, "id -un").fails();
    m.sh("visudo -c").ok();
}

#[test]
fn a_locked_account_has_no_rule() {
    let m = Machine::boot("sudo-locked").unwrap();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id", "--nopasswd"]).ok();
    sudo_unasked(&m, "id").ok();
    m.roster(["user", "lock", "alice"]).ok();
    m.sh("grep '#3000' /etc/sudoers.d/50-roster").fails();
    sudo_unasked(&m, "id").fails();
    m.roster(["user", "unlock", "alice"]).ok();
    sudo_unasked(&m, "id").ok();
}

#[test]
fn what_could_mean_something_else_in_sudoers_is_refused() {
    let m = Machine::boot("sudo-refused").unwrap();
    add_alice(&m);
    let before = m.sh("cat /etc/sudoers.d/50-roster").run().stdout;
    for command in
        ["id", "../bin/id", "/bin/id\nALL ALL=(ALL) ALL", "", "sudoedit /etc/passwd", "!/bin/sh"]
    {
        m.command(["roster", "sudo", "grant", "alice", command]).fails();
    }
    m.roster(["sudo", "grant", "nobody-like-that", "/usr/bin/id"]).exits(6);
    assert_eq!(m.sh("cat /etc/sudoers.d/50-roster").run().stdout, before);
    m.sh("visudo -c").ok();
}
