//! The programs that ask PAM, each as it is: sudo, su, polkit's agent, the manager of user services.

use roster_tests::{Machine, Run};

use crate::logins::{give_key, key_login};
use crate::people::{ALICES, BOB, BOBS, add_alice, add_bob, dialogue};

const AS_ALICE: &str = "setpriv --reuid=alice --regid=alice --init-groups";

/// A shell of alice's on a terminal, answering prompts.
fn alice_types(m: &Machine, script: &str, answers: &[(&str, &str)]) -> Run {
    m.write("/srv/script", script);
    dialogue(m, &format!("{AS_ALICE} sh /srv/script"), answers)
}

#[test]
fn sudo_with_its_own_prompt_its_retries_and_its_memory() {
    let m = Machine::boot("sudo").unwrap();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    let own = "say it: $";
    alice_types(&m, "sudo -k -p 'say it: ' /usr/bin/id -u", &[(own, ALICES)]).ok().says("\n0");
    // Without -p it is sudo's usual one, in place of ours.
    let usual = r"\[sudo\] password for alice: $";
    alice_types(&m, "sudo -k /usr/bin/id -u", &[(usual, ALICES)]).ok().says("\n0");
    // Three wrong ones, and no fourth prompt.
    let wrong = [(own, "one"), (own, "two"), (own, "three")];
    let refused = alice_types(&m, "sudo -k -p 'say it: ' /usr/bin/id -u", &wrong).exits(1);
    refused.says("3 incorrect password attempts");
    m.roster(["user", "unlock", "alice"]).ok();
    // One password is good for a while, until -k; and -n never asks.
    let memory = "sudo -n /usr/bin/id -u && exit 11\n\
                  sudo -p 'say it: ' /usr/bin/id -u || exit 12\n\
                  sudo -n /usr/bin/id -u || exit 13\n\
                  sudo -k\n\
                  sudo -n /usr/bin/id -u && exit 14\n\
                  exit 0";
    alice_types(&m, memory, &[(own, ALICES)]).ok().says("a password is required");
    // Nobody's password but the caller's.
    add_bob(&m);
    alice_types(&m, "sudo -k -p 'say it: ' /usr/bin/id -u", &[(own, BOBS), (own, ALICES)]).ok();
}

#[test]
fn su_asks_for_the_password_of_whom_it_becomes() {
    let m = Machine::boot("su").unwrap();
    add_bob(&m);
    add_alice(&m);
    m.roster(["user", "create", "carol", "--home-create", "--password-stdin"])
        .stdin("eleven copper lanterns waiting\n")
        .ok();
    let su = |who: &str, whom: &str, password: &str| {
        m.run_as(who, &format!("echo '{password}' | su - {whom} -c 'id -un'"))
    };
    su(BOB, "alice", ALICES).ok().says("alice");
    su("alice", BOB, BOBS).ok().says("bob");
    su("alice", "carol", "eleven copper lanterns waiting").ok().says("carol");
    su("alice", "root", m.root_password()).ok().says("root");
    for (who, whom) in [(BOB, "alice"), ("alice", BOB), ("alice", "carol"), ("alice", "root")] {
        su(who, whom, "wrong").fails();
    }
    su("alice", "carol", ALICES).fails();
    // root becomes anybody without a word.
    for whom in ["alice", "carol", BOB] {
        m.sh(&format!("su - {whom} -c 'id -un'")).ok().says(whom);
    }
}

/// By an agent of alice's own: that of pkexec finds no session on a machine without seats.
#[test]
fn polkit_asks_an_administrator_of_ours() {
    let m = Machine::boot("polkit").unwrap();
    add_alice(&m);
    m.roster(["group", "add-member", "sudo", "alice"]).ok();
    let check = "pkcheck --enable-internal-agent --allow-user-interaction --process $$ \
                 --action-id org.freedesktop.policykit.exec && echo authorized";
    m.write("/srv/script", check);
    // The agent throws away what was typed before it switched the echo off, after its prompt.
    let answer = |password: &str| {
        m.expect(&format!(
            "spawn -noecho {AS_ALICE} sh /srv/script\n\
             expect -re {{Password: $}} {{ sleep 1; send {{{password}}}; send \"\\r\" }} timeout {{ exit 97 }}\n\
             expect eof {{}} timeout {{ exit 97 }}\nlassign [wait] pid id error status\nexit $status"
        ))
    };
    answer(ALICES).ok().says("authorized");
    answer("wrong").fails();
    m.roster(["user", "lock", "alice"]).ok();
    answer(ALICES).fails();
}

/// No password is asked for anywhere here: only the account's standing keeps somebody out.
#[test]
fn the_account_phase_alone_stops_who_may_not_in() {
    let m = Machine::boot("standing").unwrap();
    add_bob(&m);
    add_alice(&m);
    give_key(&m);
    // The administrator's own rule: ours for a locked account go away anyhow.
    m.write("/etc/sudoers.d/60-site", "alice ALL=(ALL) NOPASSWD: ALL\n");
    m.sh("chmod 440 /etc/sudoers.d/60-site").ok();
    let doors: [(&str, &dyn Fn() -> Run); 6] = [
        ("ssh with a key", &|| key_login(&m)),
        ("sudo without a password", &|| m.run_as("alice", "sudo -n /usr/bin/id -u")),
        ("su by root", &|| m.sh("su - alice -c true")),
        ("cron", &|| m.sh("pamtester cron alice acct_mgmt")),
        ("at", &|| m.sh("pamtester atd alice acct_mgmt")),
        ("the manager of user services", &|| {
            // So many starts in so short a time would be refused by systemd itself.
            m.sh("systemctl stop user@3000; systemctl reset-failed; \
                  systemctl start user@3000 && systemctl is-active user@3000")
        }),
    ];
    m.write("/etc/pam.d/atd", "@include common-auth\n@include common-account\n");
    let all_open = || doors.iter().for_each(|(_, door)| drop(door().ok()));
    all_open();
    for (close, open) in [
        (["user", "lock", "alice"].as_slice(), ["user", "unlock", "alice"].as_slice()),
        (&["user", "disable", "alice"], &["user", "enable", "alice"]),
        (
            &["user", "update", "alice", "--expires", "2001-01-01"],
            &["user", "update", "alice", "--no-expires"],
        ),
    ] {
        m.roster(close.iter().copied()).ok();
        for (name, door) in &doors {
            let outcome = door().run();
            assert!(!outcome.success(), "{name} after {close:?}: {outcome}");
        }
        m.sh("su - bob -c true").ok();
        m.roster(open.iter().copied()).ok();
        all_open();
    }
}

/// Lingering: services of a user without a login, from the boot on.
#[test]
fn user_services_run_for_who_may_in_and_stop_with_a_disabled_account() {
    let mut m = Machine::boot("linger").unwrap();
    add_alice(&m);
    m.sh("loginctl enable-linger alice").ok();
    let wait = |m: &Machine, state: &str| {
        m.sh(&format!(
            "for n in $(seq 100); do [ \"$(systemctl is-active user@3000)\" = {state} ] && exit 0; \
             sleep 0.2; done; systemctl status user@3000; exit 1"
        ))
        .ok();
    };
    wait(&m, "active");
    let own = "XDG_RUNTIME_DIR=/run/user/3000 systemctl --user show-environment";
    m.run_as("alice", own).ok().says("HOME=/home/alice");
    m.reboot().unwrap();
    wait(&m, "active");
    m.roster(["user", "disable", "alice"]).ok();
    wait(&m, "inactive");
    m.sh("systemctl start user@3000").fails();
    m.reboot().unwrap();
    m.sh("test \"$(systemctl is-active user@3000)\" != active").ok();
}
