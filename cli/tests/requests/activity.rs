//! Last logins, totals and the first administrator as people and programs get them.

use serde_json::{Value, json};

use crate::fake_bus::Bus;

#[test]
fn the_last_logins_are_sentences_and_rows() {
    let bus = Bus::start();
    let said = bus.roster(&["user", "lastseen", "alice"], b"").stdout;
    assert_eq!(said, "alice's last login: 2026-01-31T12:00:00Z (sshd from 192.0.2.7)\n");
    let all = bus.roster(&["user", "lastseen", "--all", "--limit", "2"], b"");
    assert_eq!(
        all.stdout,
        "alice's last login: 2026-01-31T12:00:00Z\nbob\\u{1b}[2J has never logged in.\n"
    );
    assert_eq!(all.stderr, "2 of 3; the next: --offset 2\n");
    let all = bus.roster(&["user", "lastseen", "--all", "--limit", "2", "--json"], b"").json();
    assert_eq!((&all["total"], &all["limit"]), (&json!(3), &json!(2)));
    let never = json!({"name": "bob\u{1b}[2J", "last_login": null, "service": null, "from": null});
    assert_eq!(all["users"][1], never);
    for odd in [&["user", "lastseen"][..], &["user", "lastseen", "alice", "--all"]] {
        assert_eq!(bus.roster(odd, b"").status, 2, "{odd:?}");
    }
}

#[test]
fn programs_get_totals_reservations_and_the_state_of_the_first_administrator() {
    let bus = Bus::start();
    let json = |words: &[&str]| -> Value {
        let outcome = bus.roster(&[words, &["--json"]].concat(), b"seven violet herons\n");
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{words:?}: {outcome:?}");
        outcome.json()
    };
    assert_eq!(json(&["user", "next-uid", "--reserve"]), json!({"uid": 3002}));
    let report = json(&["user", "report"]);
    assert_eq!((&report["total"], &report["two_factor"]), (&json!(5), &json!(2)));
    assert_eq!(json(&["admin", "status"]), json!({"local_administrator_set_up": true}));
    let admin = json(&["admin", "setup", "admin", "--password-stdin"]);
    assert_eq!((&admin["uid"], &admin["email"]), (&json!(3000), &Value::Null));
    assert_eq!(json(&["group", "update", "dev", "--name", "dev"])["gid"], 3001);
    let shown = bus.roster(&["user", "report"], b"").stdout;
    assert!(shown.starts_with("total ") && shown.contains("two factor  2"), "{shown}");
    assert_eq!(bus.roster(&["group", "update", "dev"], b"").status, 2);
}
