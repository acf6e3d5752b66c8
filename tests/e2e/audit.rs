//! The audit log on a running system: in the journal, and against those who change the database.

use roster_tests::Machine;

use crate::people::add_alice;

#[test]
fn a_change_is_in_the_journal_with_its_fields_and_no_value_forges_another() {
    let m = Machine::boot("audit-journal").unwrap();
    add_alice(&m);
    m.sh("journalctl --sync").ok();
    let entry = m.sh("journalctl -o json ROSTER_ACTION=user-create").ok().json();
    for (field, value) in [
        ("ROSTER_SUBJECT", "alice"),
        ("ROSTER_ACTOR", "root"),
        ("ROSTER_ACTOR_UID", "0"),
        ("ROSTER_VIA", "bus"),
        ("MESSAGE_ID", "ac4ef2bbc4654d40ac1091ac8ecdf662"),
        ("PRIORITY", "5"),
        ("SYSLOG_IDENTIFIER", "rosterd"),
        ("_SYSTEMD_UNIT", "rosterd.service"),
        ("_UID", "0"),
    ] {
        assert_eq!(entry[field], value, "{field}: {entry}");
    }
    let rows = m.roster(["audit", "list", "--user", "alice", "--after", "0", "--json"]).ok().json();
    assert_eq!(rows["rows"][0]["hash"], entry["ROSTER_AUDIT_HASH"]);
    assert_eq!(rows["rows"][0]["id"].to_string(), entry["ROSTER_AUDIT_ID"]);
    assert_eq!(rows["rows"][0]["subject_id"], entry["ROSTER_SUBJECT_ID"]);

    // Refused, or stored as it is: no entry is another's.
    let evil = "x\\nROSTER_ACTOR=mallory\\nROSTER_ACTION=user-forged\\n";
    m.sh(&format!("roster user create \"$(printf '{evil}')\"")).fails();
    m.sh(&format!("roster user attr set alice key \"$(printf '{evil}')\"")).run();
    m.sh(&format!("roster user update alice --full-name \"$(printf '{evil}')\"")).fails();
    m.sh("journalctl --sync").ok();
    m.sh("journalctl -q -o cat ROSTER_ACTION=user-forged + ROSTER_ACTOR=mallory | grep .").fails();
    // What was refused has left no entry.
    let created = m.sh("journalctl -q -o cat ROSTER_ACTION=user-create").ok();
    assert_eq!(created.line(), "root: user-create alice");
}

#[test]
fn an_auditor_reads_and_verifies_and_others_do_not() {
    let m = Machine::boot("audit-roles").unwrap();
    add_alice(&m);
    m.run_as("alice", "roster audit list").exits(10);
    m.run_as("alice", "roster audit verify").exits(10);
    m.roster(["user", "update", "alice", "--role", "auditor"]).ok();
    m.run_as("alice", "roster audit list --actor root --since 1h").ok().says("user-create");
    let report = m.run_as("alice", "roster audit verify --json").ok().json();
    assert_eq!(report["valid"], true);
    assert_eq!(report["rows"], report["head"]["id"]);
}

#[test]
fn an_older_copy_of_the_database_is_found_and_so_is_what_its_user_did_to_it() {
    let m = Machine::boot("audit-copy").unwrap();
    add_alice(&m);
    let known = m.roster(["audit", "verify", "--json"]).ok().json()["head"].clone();
    m.sh("systemctl stop rosterd.socket rosterd; cp -a /var/lib/roster/store /root/older").ok();
    m.roster(["user", "lock", "alice"]).ok();
    m.roster(["audit", "verify"]).ok();
    m.sh("systemctl stop rosterd.socket rosterd; rm -r /var/lib/roster/store; \
          cp -a /root/older /var/lib/roster/store")
        .ok();
    m.roster(["audit", "verify"]).exits(1).says("before row");
    m.roster(["group", "create", "dev"]).ok();
    m.roster(["audit", "verify"]).exits(1).says("recorded: ");
    // What is known from before that is still there.
    let known = format!("{}:{}", known["id"], known["hash"].as_str().unwrap());
    m.sh("systemctl stop rosterd.socket rosterd; rm /var/lib/roster/audit-head").ok();
    m.roster(["audit", "verify", "--known", &known]).ok();
    let forged = format!("{}:{}", known.split(':').next().unwrap(), "0".repeat(64));
    m.roster(["audit", "verify", "--known", &forged]).exits(1);
}

#[test]
fn what_was_not_mirrored_before_a_crash_is_mirrored_after_it() {
    let m = Machine::boot("audit-crash").unwrap();
    add_alice(&m);
    m.sh("cp /var/lib/roster/audit-head /root/before").ok();
    m.roster(["user", "lock", "alice"]).ok();
    m.sh("systemctl kill -s KILL rosterd; cp /root/before /var/lib/roster/audit-head; \
          systemctl restart rosterd; journalctl --sync")
        .ok();
    let locks = m.sh("journalctl -q -o cat ROSTER_ACTION=user-lock | wc -l").ok();
    assert!(["1", "2"].contains(&locks.line()), "{}", locks.line());
    m.roster(["audit", "verify"]).ok();
}
