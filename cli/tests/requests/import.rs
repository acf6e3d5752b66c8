//! Many accounts at once.

use serde_json::json;

use crate::fake_bus::Bus;

const IMPORT: &str = "org.roster.Accounts1.Import";
const RECORDS: &str = "{\"name\":\"alice\"}\n{\"name\":\"bob\"}\n";

#[test]
fn a_file_or_standard_input_is_handed_over() {
    let bus = Bus::start();
    let file = bus.directory().join("users.jsonl");
    std::fs::write(&file, RECORDS).unwrap();
    let file = file.to_str().unwrap();
    let report = "the writing end of a pipe";
    for (words, stdin, input, options) in [
        (&["import", file][..], "", json!({"file": RECORDS}), json!({"report": report})),
        (
            &["import", "-"],
            RECORDS,
            json!({"secret": RECORDS.trim_end()}),
            json!({"report": report}),
        ),
        (
            &["import", file, "--skip-existing", "--with-sudo"],
            "",
            json!({"file": RECORDS}),
            json!({"report": report, "skip_existing": true, "with_sudo": true}),
        ),
    ] {
        let outcome = bus.roster(words, stdin.as_bytes());
        let done = (outcome.status, outcome.stdout.as_str(), outcome.stderr.as_str());
        assert_eq!(done, (0, "Imported 2 users.\n", ""), "{words:?}");
        let calls = bus.calls();
        assert_eq!(calls.len(), 1, "{words:?}");
        let call = &calls[0];
        assert_eq!((call.interface.as_str(), call.method.as_str()), (IMPORT, "ImportUsers"));
        assert_eq!(call.signature, "ha{sv}");
        assert_eq!(call.arguments, [input, options], "{words:?}");
    }
}

#[test]
fn lines_that_were_left_out_are_told_and_exit_with_1() {
    let bus = Bus::start();
    let outcome = bus.roster(&["import", "-", "--continue-on-error"], RECORDS.as_bytes());
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, "Imported 2 users.\n"));
    assert!(outcome.stderr.contains("line 2: taken\\u{1b}[2J"), "{outcome:?}");
    let words = ["import", "-", "--continue-on-error", "--json"];
    let outcome = bus.roster(&words, RECORDS.as_bytes());
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""));
    let imported = outcome.json();
    assert_eq!((&imported["failed"], &imported["errors"][0]["line"]), (&json!(1), &json!(2)));
    let outcome = bus.roster(&["import", "-", "--json"], RECORDS.as_bytes());
    assert_eq!((outcome.status, &outcome.json()["errors"]), (0, &json!([])));
}

#[test]
fn a_dry_run_asks_for_the_plan() {
    let bus = Bus::start();
    let outcome = bus.roster(&["import", "-", "--dry-run"], RECORDS.as_bytes());
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let calls = bus.calls();
    assert_eq!(calls.len(), 1);
    let call = (calls[0].interface.as_str(), calls[0].method.as_str());
    assert_eq!(call, ("org.roster.Accounts1.Plan", "ImportUsers"));
}

#[test]
fn a_file_that_cannot_be_read_is_not_asked_about() {
    let bus = Bus::start();
    let outcome = bus.roster(&["import", "/nonexistent/users.jsonl"], b"");
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("/nonexistent/users.jsonl cannot be read"), "{outcome:?}");
    assert_eq!(bus.roster(&["import"], b"").status, 2);
    assert_eq!(bus.calls(), []);
}
