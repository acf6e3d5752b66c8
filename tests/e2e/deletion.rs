//! Deleted accounts: what of them is left, how they come back, and that nobody gets their numbers.

use roster_tests::Machine;
use serde_json::{Value, json};

use crate::logins::{give_key, key_login};
use crate::people::{ALICES, add_alice, login, set_password, ssh};

#[test]
fn a_deleted_account_comes_back_with_all_but_its_credentials() {
    let m = Machine::boot("restore").unwrap();
    m.roster(["group", "create", "dev"]).ok();
    add_alice(&m);
    give_key(&m);
    m.roster(["user", "update", "alice", "--groups", "dev,games"]).ok();
    m.roster(["sudo", "grant", "alice", "/usr/bin/id", "--nopasswd"]).ok();
    m.sh("echo 'dear bob' >/home/alice/letter; chown alice: /home/alice/letter").ok();
    let ids = m.sh("id alice").ok().stdout;
    for round in 0..3 {
        m.roster(["user", "delete", "alice", "--home", "archive"]).ok();
        m.sh("getent passwd alice || getent passwd 3000 || getent group alice").fails();
        m.sh("test ! -e /home/alice && ! grep -q '#3000' /etc/sudoers.d/50-roster").ok();
        key_login(&m).fails();
        let list = m.roster(["user", "list", "--deleted", "--json"]).ok().json();
        assert_eq!(
            (&list["total"], &list["users"][0]["home_state"]),
            (&json!(1), &json!("archived"))
        );
        let archive = list["users"][0]["home"].as_str().unwrap().to_owned();
        m.sh(&format!("test -e {archive}/letter")).ok();
        if round == 1 {
            // Until it is there again, the bus may still hand calls to the one that is dying.
            m.sh(
                "systemctl kill --signal=KILL rosterd.service && systemctl restart rosterd.service",
            )
            .ok();
        }
        m.roster(["user", "restore", "alice"]).ok().says("Restored alice: uid 3000");
        assert_eq!(m.sh("id alice").ok().stdout, ids);
        assert_eq!(m.sh("cat /home/alice/letter").ok().line(), "dear bob");
        m.sh("stat -c %U:%G:%a /home/alice").ok().says("alice:alice:700");
        key_login(&m).ok();
        m.run_as("alice", "sudo -n id").ok();
        ssh(&m, "alice", ALICES).fails();
    }
    set_password(&m, "alice", ALICES).ok();
    login(&m, "alice", ALICES);
    m.roster(["user", "restore", "alice"]).exits(6);
}

#[test]
fn a_taken_name_is_no_end_of_it() {
    let m = Machine::boot("taken").unwrap();
    add_alice(&m);
    m.roster(["user", "delete", "alice", "--home", "archive"]).ok();
    add_alice(&m);
    m.roster(["user", "restore", "alice"]).exits(9).says("--name");
    m.roster(["user", "restore", "alice", "--name", "alice2"]).ok().says("uid 3000");
    m.sh("getent passwd alice2").ok().says(":3000:3000:").says(":/home/alice2:");
    m.sh("test $(stat -c %u /home/alice2) = 3000 && test $(stat -c %u /home/alice) = 3001").ok();
    m.roster(["user", "delete", "alice2", "--home", "archive"]).ok();
    m.roster(["user", "purge", "alice2"]).ok();
    m.sh("test -z \"$(ls -A /home/.roster-quarantine)\"").ok();
    m.roster(["user", "create", "eve", "--uid", "3000"]).exits(4);
}

/// A process with its working directory and an open file in the home that is purged.
#[test]
fn sessions_end_before_the_home_goes() {
    let m = Machine::boot("live").unwrap();
    add_alice(&m);
    m.sh("systemd-run --uid=alice --unit=alices --working-directory=/home/alice \
          sh -c 'while :; do date >>log; sleep 0.01; done'")
        .ok();
    m.sh("for n in $(seq 50); do test -s /home/alice/log && exit 0; sleep 0.1; done; exit 1").ok();
    m.sh("su alice -s /bin/sh -c 'cd; setsid sh -c \"trap : TERM HUP; exec sleep 600\" >/dev/null 2>&1 &'")
        .ok();
    m.sh("pgrep -u alice").ok();
    let deleted = m.roster(["user", "delete", "alice", "--home", "purge", "--json"]).ok().json();
    assert_eq!(deleted["leftovers"], json!([]));
    m.sh("pgrep -u 3000").exits(1);
    m.sh("test ! -e /home/alice && ! ls -A /home | grep roster-gone").ok();
    m.roster(["user", "restore", "alice"]).ok().says("is not there");
}

fn kinds(leftovers: &Value) -> Vec<(String, u64)> {
    let text = |leftover: &Value| leftover["kind"].as_str().unwrap().to_owned();
    let leftovers = leftovers.as_array().unwrap().iter();
    leftovers.map(|leftover| (text(leftover), leftover["uid"].as_u64().unwrap())).collect()
}

#[test]
fn what_is_left_behind_is_told_and_does_nothing_any_more() {
    let m = Machine::boot("leftovers").unwrap();
    add_alice(&m);
    m.sh("systemctl start cron.service").ok();
    m.run_as("alice", "echo '* * * * * echo ran >>/tmp/alices-cron' | crontab -").ok();
    m.sh("install -o alice -g mail -m 660 /dev/null /var/mail/alice").ok();
    m.sh("mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/alice").ok();
    m.run_as("alice", "touch /tmp/hers /var/tmp/hers /dev/shm/hers").ok();
    m.sh("for n in $(seq 75); do test -s /tmp/alices-cron && exit 0; sleep 1; done; exit 1")
        .timeout(std::time::Duration::from_secs(90))
        .ok();
    let deleted = m.roster(["user", "delete", "alice", "--json"]).ok().json();
    let expected = [
        ("crontab", 3000),
        ("mail", 3000),
        ("linger", 0),
        ("temporary_files", 3000),
        ("temporary_files", 3000),
        ("temporary_files", 3000),
        ("home", 3000),
    ];
    let expected: Vec<_> = expected.map(|(kind, uid)| (kind.to_owned(), uid)).to_vec();
    assert_eq!(kinds(&deleted["leftovers"]), expected);
    m.sh("rm /tmp/alices-cron").ok();
    m.sh("sleep 65; test ! -e /tmp/alices-cron").timeout(std::time::Duration::from_secs(90)).ok();

    // A new user of that name is another one.
    let created =
        m.roster(["user", "create", "alice", "--password-disabled", "--json"]).ok().json();
    assert_eq!(created["uid"], 3001);
    let expected = [("crontab", 3000), ("mail", 3000), ("linger", 0), ("home", 3000)];
    let expected: Vec<_> = expected.map(|(kind, uid)| (kind.to_owned(), uid)).to_vec();
    assert_eq!(kinds(&created["warnings"]), expected);
    m.run_as("alice", "cat /var/mail/alice").fails();
    // Touched, so that cron reads it again.
    m.sh("touch /var/spool/cron/crontabs; sleep 65; test ! -e /tmp/alices-cron")
        .timeout(std::time::Duration::from_secs(90))
        .ok();
}

#[test]
fn an_older_database_gives_no_number_out_again() {
    let m = Machine::boot("backup").unwrap();
    add_alice(&m);
    m.sh(
        "systemctl stop rosterd.socket rosterd.service && cp -a /var/lib/roster/store /root/backup",
    )
    .ok();
    m.sh("systemctl start rosterd.socket rosterd.service").ok();
    m.roster(["user", "create", "bob2", "--password-disabled"]).ok();
    m.sh("test $(id -u bob2) = 3001 && test $(stat -c %a /var/lib/roster/numbers) = 600").ok();
    m.sh("systemctl stop rosterd.socket rosterd.service && rm -r /var/lib/roster/store && \
          cp -a /root/backup /var/lib/roster/store && systemctl start rosterd.socket rosterd.service")
        .ok();
    m.sh("getent passwd alice && ! getent passwd bob2").ok();
    m.roster(["user", "create", "carol", "--password-disabled"]).ok();
    assert_eq!(m.sh("id -u carol; id -g carol").ok().stdout, "3002\n3002\n");
    m.roster(["user", "create", "eve", "--uid", "3001"]).exits(4);
}

#[test]
fn a_lost_database_is_not_begun_afresh() {
    let mut m = Machine::boot("lost").unwrap();
    add_alice(&m);
    m.sh("systemctl stop rosterd.socket rosterd.service && cp -a /var/lib/roster/store /root/backup && \
          rm /var/lib/roster/store/roster.db* && systemctl start rosterd.socket rosterd.service")
        .ok();
    m.sh("getent passwd alice && id alice").ok();
    m.roster(["user", "create", "eve"]).exits(1).says("begin-afresh");
    ssh(&m, "alice", ALICES).fails();
    m.reboot().unwrap();
    m.sh("getent passwd alice && id alice && test ! -e /var/lib/roster/store/roster.db").ok();
    m.sh(
        "cp -a /root/backup/roster.db /var/lib/roster/store/ && systemctl restart rosterd.service",
    )
    .ok();
    ssh(&m, "alice", ALICES).ok();
    m.sh("systemctl stop rosterd.service && rm /var/lib/roster/store/roster.db* && \
          touch /var/lib/roster/store/begin-afresh && systemctl start rosterd.service")
        .ok();
    m.sh("getent passwd alice").exits(2);
    m.roster(["user", "create", "eve", "--password-disabled"]).ok();
    assert_eq!(m.sh("id -u eve").ok().line(), "3001");
}
