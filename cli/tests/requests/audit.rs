//! The audit log as people and programs get it.

use serde_json::{Value, json};

use crate::fake_bus::Bus;

fn ids(answer: &Value) -> Vec<i64> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

#[test]
fn rows_come_newest_first_and_pages_are_put_together() {
    let bus = Bus::start();
    let list = |words: &[&str]| {
        let outcome = bus.roster(&[&["audit", "list"], words, &["--json"]].concat(), b"");
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        outcome.json()
    };
    let all = list(&[]);
    assert_eq!((ids(&all), &all["next"]), (vec![5, 4, 3, 2, 1], &Value::Null));
    assert_eq!(all["rows"][0]["change"], json!({"n": null}));
    assert_eq!(all["rows"][1]["change"], "no JSON");
    let some = list(&["--limit", "3"]);
    assert_eq!((ids(&some), &some["next"]), (vec![5, 4, 3], &json!(3)));
    assert_eq!(ids(&list(&["--before", "3"])), [2, 1]);
    let forwards = list(&["--after", "0", "--limit", "4"]);
    assert_eq!((ids(&forwards), &forwards["next"]), (vec![1, 2, 3, 4], &json!(4)));
    let shown = bus.roster(&["audit", "list", "--limit", "1"], b"");
    assert!(shown.stdout.starts_with("ID  AT "), "{shown:?}");
    assert!(shown.stdout.contains("a\\u{1b}[2J  {\"n\":null}\n"), "{shown:?}");
    assert_eq!(shown.stderr, "there is more; the next: --before 5\n");
    let lines = bus.roster(&["audit", "list", "--output", "jsonl"], b"").stdout;
    assert_eq!(lines.lines().count(), 5);
}

#[test]
fn what_is_looked_for_is_passed_on() {
    let bus = Bus::start();
    let words = ["audit", "list", "--user", "alice", "--actor", "uid:0", "--action", "user-lock"];
    let times = ["--since", "2026-01-31", "--until", "2026-02-01T00:00:00Z", "--limit", "2"];
    bus.roster(&[&words[..], &times].concat(), b"");
    let expected = json!([{"user": "alice", "actor": "uid:0", "action": "user-lock",
        "since": "2026-01-31T00:00:00Z", "until": "2026-02-01T00:00:00Z", "limit": 2}]);
    assert_eq!(json!(bus.calls()[0].arguments), expected);
    for odd in [
        &["audit", "list", "--user", "a", "--group", "b"][..],
        &["audit", "list", "--before", "1", "--after", "1"],
        &["audit", "list", "--since", "yesterday"],
        &["audit", "list", "--limit", "0"],
        &["audit"],
    ] {
        assert_eq!(bus.roster(odd, b"").status, 2, "{odd:?}");
    }
}

#[test]
fn a_log_that_was_tampered_with_is_exit_status_1() {
    let bus = Bus::start();
    let good = bus.roster(&["audit", "verify"], b"");
    assert_eq!(good.status, 0);
    assert!(good.stdout.starts_with("All 5 rows are what was written.\n"), "{good:?}");
    let json = bus.roster(&["audit", "verify", "--json"], b"").json();
    assert_eq!(json["head"], json!({"id": 5, "hash": "aa"}));
    let bad = bus.roster(&["audit", "verify", "--known", "6:bb", "--known", "7:cc"], b"");
    assert_eq!(bad.status, 1);
    assert!(bad.stdout.contains("\nrecorded: the log ends with row 0\n"), "{bad:?}");
    let bad = bus.roster(&["audit", "verify", "--known", "6:bb", "--json"], b"");
    assert_eq!((bad.status, &bad.json()["head"]), (1, &Value::Null));
    assert_eq!(bad.json()["findings"][0]["row"], 6);
    let calls = bus.calls();
    assert_eq!(json!(calls[2].arguments), json!([{"known": ["6:bb", "7:cc"]}]));
}
