//! Our accounts beside those of /etc/passwd and /etc/group, when those change.

use roster_tests::Machine;

use crate::people::add_alice;

#[test]
fn what_the_hosts_files_have_become_is_taken_over_or_told() {
    let m = Machine::boot("sync").unwrap();
    m.sh("groupadd --gid 1500 lab && groupadd --gid 1501 shop").ok();
    add_alice(&m);
    m.roster(["user", "update", "alice", "--groups", "lab,shop"]).ok();
    m.roster(["user", "sync", "alice"]).ok().says("alice - nothing to update");
    m.sh("groupdel lab && groupmod --gid 1502 shop").ok();
    m.roster(["user", "sync"]).ok().says("alice - updated");
    m.sh("id alice").ok().says("1502(shop)");
    m.sh("id alice | grep -q lab").fails();
    // Written by hand, as no tool would: it asks NSS, where she is.
    m.sh("echo 'alice:x:1600:100::/home/other:/bin/sh' >>/etc/passwd && mv /home/alice /home/gone")
        .ok();
    let synced = m.roster(["user", "sync", "--all", "--json"]).ok().json();
    let problems = synced["users"][0]["problems"].as_array().unwrap();
    let codes: Vec<_> = problems.iter().map(|problem| problem["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["name_collision", "no_home"], "{synced}");
    m.run_as("daemon", "roster user sync").exits(10);
}
