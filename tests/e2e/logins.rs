//! Getting in, by password and by key, and being kept out.

use std::time::Duration;

use roster_tests::Machine;

use crate::people::{
    ALICES, BOB, BOBS, SSH, add_alice, add_bob, change_own_password, login, set_password, ssh,
};

/// Makes a key pair in /root and gives alice the public half.
pub fn give_key(m: &Machine) {
    m.sh("ssh-keygen -q -t ed25519 -N '' -C alice@laptop -f /root/key").ok();
    m.sh("roster key add alice \"$(cat /root/key.pub)\"").ok();
}

/// ssh with the key of [`give_key`] and nothing else.
pub fn key_login(m: &Machine) -> roster_tests::Run {
    m.sh(&format!("{SSH} -o BatchMode=yes -i /root/key alice@127.0.0.1 'echo in as $(id -un)'"))
}

#[test]
fn the_right_password_gets_in_and_no_other() {
    let m = Machine::boot("password").unwrap();
    add_bob(&m);
    add_alice(&m);
    ssh(&m, "alice", ALICES).ok().says("in as alice at /home/alice");
    login(&m, "alice", ALICES);
    ssh(&m, "alice", "not the password").fails();
    ssh(&m, "alice", "").fails();
    ssh(&m, BOB, BOBS).ok().says("in as bob");
    ssh(&m, "nobody-like-that", ALICES).fails().says("Permission denied");
}

/// The record says per account whether sshd takes a password.
#[test]
fn ssh_takes_no_password_unless_the_record_says_so() {
    let m = Machine::boot("ssh-password").unwrap();
    m.roster(["user", "create", "alice", "--home-create", "--password-stdin"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    ssh(&m, "alice", ALICES).fails();
    login(&m, "alice", ALICES);
    give_key(&m);
    key_login(&m).ok().says("in as alice");
}

#[test]
fn a_key_gets_in_until_it_is_removed() {
    let m = Machine::boot("key").unwrap();
    add_alice(&m);
    key_login(&m).fails();
    give_key(&m);
    key_login(&m).ok().says("in as alice");
    let keys = m.roster(["key", "list", "alice", "--json"]).ok().json();
    let id = keys[0]["id"].to_string();
    m.roster(["key", "remove", "alice", &id]).ok();
    key_login(&m).fails();
}

#[test]
fn a_key_gets_in_while_the_daemon_is_down_for_a_restart() {
    let m = Machine::boot("key-restart").unwrap();
    add_alice(&m);
    give_key(&m);
    m.sh("systemctl kill --signal=KILL rosterd.service").ok();
    key_login(&m).ok().says("in as alice");
}

#[test]
fn a_locked_account_gets_in_nowhere_until_it_is_unlocked() {
    let m = Machine::boot("lock").unwrap();
    add_bob(&m);
    add_alice(&m);
    give_key(&m);
    let su = || m.sh("su - alice -c 'id -un'");
    let su_by_bob = || m.run_as(BOB, &format!("echo '{ALICES}' | su - alice -c 'id -un'"));
    let cron = || m.sh("pamtester cron alice acct_mgmt");
    let all_get_in = || {
        ssh(&m, "alice", ALICES).ok();
        key_login(&m).ok();
        su().ok().says("alice");
        su_by_bob().ok().says("alice");
        cron().ok();
    };

    all_get_in();
    m.roster(["user", "lock", "alice"]).ok();
    ssh(&m, "alice", ALICES).fails();
    key_login(&m).fails();
    su().fails();
    su_by_bob().fails();
    cron().fails();
    m.sh("getent passwd alice").ok();
    m.roster(["user", "lock", "alice"]).exits(1);
    m.roster(["user", "unlock", "alice"]).ok();
    all_get_in();
    m.roster(["user", "unlock", "alice"]).exits(1);
}

/// The real cron, minute by minute: bob's job tells that the minute has passed.
#[test]
fn cron_runs_no_job_of_a_locked_account() {
    let m = Machine::boot("cron").unwrap();
    add_bob(&m);
    add_alice(&m);
    m.sh("echo '* * * * * touch /tmp/bobs-job' | crontab -u bob -").ok();
    m.sh("echo '* * * * * touch /tmp/alices-job' | crontab -u alice -").ok();
    let wait_for = |file: &str| {
        m.sh(&format!("while [ ! -e {file} ]; do sleep 0.2; done"))
            .timeout(Duration::from_secs(130))
            .ok();
    };
    m.roster(["user", "lock", "alice"]).ok();
    m.sh("rm -f /tmp/bobs-job /tmp/alices-job").ok();
    wait_for("/tmp/bobs-job");
    m.sh("sleep 1; test ! -e /tmp/alices-job").ok();
    m.roster(["user", "unlock", "alice"]).ok();
    wait_for("/tmp/alices-job");
}

#[test]
fn passwd_changes_the_password() {
    let m = Machine::boot("passwd").unwrap();
    add_bob(&m);
    add_alice(&m);
    let (second, third) = ("eleven copper lanterns waiting", "forty green umbrellas singing");
    change_own_password(&m, "alice", "not the password", second).fails();
    ssh(&m, "alice", second).fails();
    m.roster(["user", "password", "alice", "--password-stdin"]).stdin(format!("{ALICES}\n")).ok();
    change_own_password(&m, "alice", ALICES, second).ok();
    ssh(&m, "alice", second).ok();
    ssh(&m, "alice", ALICES).fails();
    set_password(&m, "alice", third).ok();
    m.sh("sleep 2").ok();
    ssh(&m, "alice", third).ok();
    // As ever, bob changes his own and nobody else's.
    m.run_as(BOB, &format!("printf '{BOBS}\\n{third}\\n{third}\\n' | passwd alice")).fails();
}

#[test]
fn the_last_login_is_told_at_the_next_one() {
    let m = Machine::boot("last-login").unwrap();
    add_alice(&m);
    ssh(&m, "alice", ALICES).ok();
    let record = m.roster(["user", "show", "alice", "--json"]).ok().json();
    assert!(record["last_login"].is_string() || record["last_login"].is_object(), "{record}");
}
