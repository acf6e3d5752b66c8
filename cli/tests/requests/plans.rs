//! `--dry-run`: the same call, on the interface that changes nothing.

use bus::names::{PLAN, READS};
use serde_json::Value;

use crate::calls::cases;
use crate::fake_bus::Bus;

#[test]
fn a_dry_run_makes_the_same_call_of_the_plan_and_no_other() {
    let bus = Bus::start();
    let mut planned = 0;
    for (stdin, words, method, arguments) in cases() {
        if READS.contains(&method) {
            continue;
        }
        // Before what is no flag any more.
        let end = words.iter().position(|word| *word == "--").unwrap_or(words.len());
        let mut dry = words.to_vec();
        dry.insert(end, "--dry-run");
        let outcome = bus.roster(&dry, stdin.as_bytes());
        assert_eq!(outcome.status, 0, "{dry:?}: {outcome:?}");
        let calls = bus.calls();
        assert_eq!(calls.len(), 1, "{dry:?}: {calls:?}");
        assert_eq!((calls[0].method.as_str(), calls[0].interface.as_str()), (method, PLAN));
        assert_eq!(Value::from(calls[0].arguments.clone()), arguments, "{dry:?}");
        assert!(outcome.stdout.starts_with("Nothing is changed"), "{dry:?}: {outcome:?}");
        assert!(outcome.stdout.contains("+ user alice shell: /bin/sh"), "{dry:?}: {outcome:?}");
        planned += 1;
    }
    assert!(planned >= 32, "{planned}");
}

#[test]
fn a_plan_is_there_for_programs_and_its_refusal_is_the_verbs() {
    let bus = Bus::start();
    let outcome = bus.roster(&["user", "lock", "alice", "--dry-run", "--json"], b"");
    let plan = outcome.json();
    assert_eq!((&plan["verb"], &plan["changes"][0]["to"]), (&"LockUser".into(), &"/bin/sh".into()));
    assert_eq!(plan["changes"][0]["from"], Value::Null);
    for (name, status) in [("NoSuchUser", 6), ("NotAuthorized", 10), ("LastAdministrator", 1)] {
        let subject = format!("refuse-{name}");
        let dry = bus.roster(&["user", "lock", &subject, "--dry-run", "--json"], b"");
        let real = bus.roster(&["user", "lock", &subject, "--json"], b"");
        assert_eq!((dry.status, dry.stdout), (status, real.stdout));
    }
}
