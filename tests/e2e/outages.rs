//! The daemon killed, stopped, not started yet; the machine crashed.

use std::time::Duration;

use roster_tests::Machine;

use crate::logins::{give_key, key_login};
use crate::people::{ALICES, BOB, BOBS, add_alice, add_bob, login, ssh};

#[test]
fn no_lookup_fails_and_logins_wait_while_the_daemon_is_killed() {
    let m = Machine::boot("killed").unwrap();
    add_alice(&m);
    m.sh("while [ ! -e /run/enough ]; do getent passwd alice >/dev/null || echo failed; echo looked; done \
          >/run/lookups 2>&1 &")
        .ok();
    for _ in 0..5 {
        m.sh("systemctl kill --signal=KILL rosterd.service").ok();
        ssh(&m, "alice", ALICES).ok().says("in as alice");
    }
    m.sh("touch /run/enough").ok();
    let lookups = m.sh("sort /run/lookups | uniq -c").ok();
    assert!(lookups.stdout.contains("looked") && !lookups.stdout.contains("failed"), "{lookups}");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let m = Machine::boot("acknowledged").unwrap();
    for number in 0..5 {
        let name = format!("user{number}");
        m.roster(["user", "create", &name, "--home-create", "--password-disabled"]).ok();
        m.sh("systemctl kill --signal=KILL rosterd.service").ok();
        m.sh(&format!("getent passwd {name}")).ok();
    }
    let list = m.roster(["user", "list", "--json"]).ok().json();
    assert_eq!(list["total"], 5);
    m.sh("for n in 0 1 2 3 4; do test -d /home/user$n || exit 1; done").ok();
}

/// Lookups still show her, and sshd still takes her key: only the daemon knows better. It wants new
/// files, because those in place are not its own, and there is no space for them.
#[test]
fn a_deletion_that_lookups_do_not_show_yet_closes_the_door_all_the_same() {
    let m = Machine::boot("invisible").unwrap();
    add_alice(&m);
    give_key(&m);
    key_login(&m).ok().says("in as alice");
    m.sh(
        "cp -a /run/roster /root/run && mount -t tmpfs -o size=640k,mode=755 tmpfs /run/roster && \
          cp -a /root/run/index /root/run/shadow /run/roster/ && \
          systemctl restart rosterd.socket && systemctl restart rosterd.service && \
          cd /run/roster && for file in index shadow; do cp -a $file copy && mv copy $file || exit; done && \
          ! dd if=/dev/zero of=/run/roster/fill bs=4k",
    )
    .ok();
    m.roster(["user", "delete", "alice"]).fails().says("not yet visible");
    m.sh("getent passwd alice").ok();
    key_login(&m).fails();
    m.sh("su alice -c true").fails();
    // And with space there again, lookups catch up by themselves.
    m.sh("rm /run/roster/fill; for n in $(seq 100); do getent passwd alice || exit 0; sleep 0.2; done; exit 1")
        .ok();
}

#[test]
fn without_the_daemon_names_resolve_root_gets_in_and_alice_is_told() {
    let m = Machine::boot("stopped").unwrap();
    add_bob(&m);
    add_alice(&m);
    // For good: not even a call on the bus starts it again.
    m.sh("systemctl mask --runtime --now rosterd.socket rosterd.service").ok();
    m.sh("getent passwd alice && getent group alice && id alice").ok();
    login(&m, "root", m.root_password());
    ssh(&m, BOB, BOBS).ok();
    // Three seconds are the promise, which is why they are the limit here.
    m.run_as(BOB, &format!("echo '{ALICES}' | su - alice -c true"))
        .timeout(Duration::from_secs(3))
        .fails()
        .says("annot");
    // Not the service of login: pam_faildelay adds three seconds of its own there.
    m.sh("pamtester sshd alice authenticate")
        .stdin(format!("{ALICES}\n"))
        .timeout(Duration::from_secs(3))
        .fails();
    ssh(&m, "alice", ALICES).fails();
    m.run_as("alice", "roster user list").exits(11);
    m.sh("systemctl unmask --runtime rosterd.socket rosterd.service").ok();
    m.sh("systemctl start rosterd.socket rosterd.service").ok();
    ssh(&m, "alice", ALICES).ok();
}

/// A daemon that neither works nor dies.
#[test]
fn a_hanging_daemon_costs_root_nothing() {
    let m = Machine::boot("hanging").unwrap();
    add_bob(&m);
    add_alice(&m);
    m.sh("systemctl kill --signal=STOP rosterd.service").ok();
    m.sh("getent passwd alice").timeout(Duration::from_secs(3)).ok();
    login(&m, "root", m.root_password());
    ssh(&m, BOB, BOBS).ok();
    m.sh("pamtester login alice authenticate").stdin(format!("{ALICES}\n")).fails();
    m.sh("systemctl kill --signal=CONT rosterd.service").ok();
}

#[test]
fn a_reboot_changes_nothing() {
    let mut m = Machine::boot("reboot").unwrap();
    add_alice(&m);
    give_key(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id", "--nopasswd"]).ok();
    m.reboot().unwrap();
    assert_eq!(m.sh("systemctl is-active rosterd.service").ok().line(), "active");
    m.sh("getent passwd alice && getent group alice && test -d /home/alice").ok();
    ssh(&m, "alice", ALICES).ok();
    key_login(&m).ok();
    m.run_as("alice", "sudo -n id").ok();
}

#[test]
fn accounts_resolve_before_the_daemon_has_started() {
    let mut m = Machine::boot("early").unwrap();
    add_alice(&m);
    m.sh("systemctl disable rosterd.service rosterd.socket").ok();
    m.reboot().unwrap();
    m.sh("getent passwd alice && getent passwd 3000 && id alice && getent shadow alice").ok();
    assert_eq!(m.sh("systemctl is-active rosterd.service").run().line(), "inactive");
    m.sh("systemctl start rosterd.socket rosterd.service").ok();
    ssh(&m, "alice", ALICES).ok();
}

#[test]
fn a_crash_of_everything_loses_nothing_acknowledged() {
    let mut m = Machine::boot("crash").unwrap();
    add_alice(&m);
    m.roster(["user", "update", "alice", "--shell", "/bin/sh"]).ok();
    m.crash().unwrap();
    m.sh("getent passwd alice").ok().says(":/bin/sh");
    ssh(&m, "alice", ALICES).ok();
}
