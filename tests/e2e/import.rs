//! Many accounts at once, on a booted Debian.

use roster_tests::Machine;

use crate::people::{BOB, add_bob};

/// So many lines of records, from a number on.
fn records(from: u32, count: u32) -> String {
    let line =
        |n| format!("{{\"name\":\"user{n}\",\"full_name\":\"User {n}\",\"groups\":[\"staff\"]}}\n");
    (from..from + count).map(line).collect()
}

/// How many accounts of ours the store and the index have.
fn count(m: &Machine) -> (u64, u64) {
    let stored = m.roster(["--json", "user", "list", "--limit", "1"]).ok().json();
    // getent walks over the index.
    let shown = m.sh("getent -s roster passwd | wc -l").ok().line().parse().unwrap();
    (stored["total"].as_u64().unwrap(), shown)
}

#[test]
fn two_thousand_users_are_there_at_once_or_not_at_all() {
    let m = Machine::boot("import").unwrap();
    m.write("/root/users.jsonl", &records(0, 2000));
    m.roster(["import", "/root/users.jsonl", "--dry-run"]).ok().says("2000 users would be created");
    assert_eq!(count(&m), (0, 0));

    let wrong = records(0, 1000) + "{\"name\":\"user5\"}\n" + &records(1000, 1000);
    m.write("/root/wrong.jsonl", &wrong);
    let refused = m.roster(["import", "/root/wrong.jsonl"]).exits(1);
    refused.says("line 1001: name: the name user5 is taken").says("nothing was changed");
    assert_eq!(count(&m), (0, 0));
    let refused = m.roster(["--json", "import", "/root/wrong.jsonl"]).exits(1).json();
    assert_eq!(refused["error"]["fields"][0]["field"], "line 1001: name");

    m.roster(["import", "/root/users.jsonl"]).ok().says("Imported 2000 users.");
    assert_eq!(count(&m), (2000, 2000));
    let entry = m.sh("getent passwd user1999").ok();
    assert_eq!(entry.line(), "user1999:x:4999:4999:User 1999:/home/user1999:/bin/bash");
    m.sh("id user1234").ok().says("uid=4234(user1234) gid=4234(user1234)").says("(staff)");
    m.sh("getent group user7 staff").ok().says("user7:x:3007:").says("user1999");
    m.sh("roster audit verify").ok();
    m.roster(["audit", "list", "--user", "user42"]).ok().says("user-create");

    // The same again: refused, or left alone.
    m.roster(["import", "/root/users.jsonl"]).exits(1);
    let more = records(1990, 20);
    m.roster(["import", "-", "--skip-existing"])
        .stdin(more.clone())
        .ok()
        .says("Imported 10 users.");
    m.roster(["import", "-"]).stdin(more).exits(1);
    assert_eq!(count(&m), (2010, 2010));
}

#[test]
fn what_is_wrong_can_be_left_out() {
    let m = Machine::boot("import-parts").unwrap();
    let lines = records(0, 1500) + "no JSON\n" + &records(1500, 10) + "{\"name\":\"user3\"}\n";
    m.write("/root/users.jsonl", &lines);
    let words = ["import", "/root/users.jsonl", "--continue-on-error"];
    let outcome = m.roster(words).exits(1);
    outcome.says("Imported 1510 users.").says("line 1501: ").says("line 1512: ");
    assert_eq!(count(&m), (1510, 1510));

    // Not even a hash, and nobody reads it again.
    let secret = "{\"name\":\"carol\",\"password\":\"seven violet herons\"}\n";
    let refused = m.roster(["import", "-"]).stdin(secret).exits(1);
    refused.says("line 1: password").says("roster user password");
    assert!(!refused.all().contains("violet"), "{refused}");
    m.sh("journalctl -u rosterd | grep -c violet").exits(1);

    for (input, said) in [
        ("roster import /", "is a directory"),
        ("roster import /dev/zero", "neither a file nor a pipe"),
        ("roster import - </dev/null", "neither a file nor a pipe"),
        ("roster import /root/nothing", "cannot be read"),
        ("head -c 2000000 /dev/zero | tr '\\0' x | roster import -", "is longer than 512 KiB"),
    ] {
        m.sh(input).exits(1).says(said);
    }
    add_bob(&m);
    m.run_as(BOB, "echo '{\"name\":\"mallory\"}' | roster import -").exits(10);
    assert_eq!(count(&m), (1510, 1510));
}

#[test]
fn a_caller_who_leaves_and_a_daemon_that_is_killed_leave_nothing_half() {
    let m = Machine::boot("import-killed").unwrap();
    m.write("/root/users.jsonl", &records(0, 20_000));
    // It waits for the end of its input, and goes.
    m.sh("mkfifo /root/fifo; (cat /root/users.jsonl; sleep 60) >/root/fifo & \
          timeout 5 roster import - </root/fifo; pkill -x sleep; true")
        .ok();
    assert_eq!(count(&m), (0, 0));
    let import = |options: &str| format!("roster import /root/users.jsonl {options} & import=$!");
    for pause in ["0.2", "0.6", "1.2", "2"] {
        let kill = "systemctl kill -s KILL rosterd; wait $import; true";
        m.sh(&format!("{}; sleep {pause}; {kill}", import(""))).ok();
        let (stored, shown) = count(&m);
        assert!(stored == 0 || stored == 20_000, "{stored}");
        assert_eq!(stored, shown);
        if stored > 0 {
            break;
        }
    }
    let kill = "systemctl kill -s KILL rosterd; wait $import; true";
    m.sh(&format!("{}; sleep 1; {kill}", import("--continue-on-error"))).ok();
    let (stored, shown) = count(&m);
    assert_eq!((stored % 250, stored), (0, shown));
    m.sh("roster audit verify").ok();
    // And it goes on where it was.
    m.roster(["import", "/root/users.jsonl", "--skip-existing"]).ok();
    assert_eq!(count(&m), (20_000, 20_000));
}
