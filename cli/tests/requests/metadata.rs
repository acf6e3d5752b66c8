//! Attributes, settings and profiles as people and programs get them.

use serde_json::json;

use crate::fake_bus::Bus;

#[test]
fn values_are_shown_one_by_one_or_together() {
    let bus = Bus::start();
    let json = |words: &[&str]| {
        let outcome = bus.roster(&[words, &["--json"]].concat(), b"");
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{words:?}: {outcome:?}");
        outcome.json()
    };
    let all = json(&["user", "attr", "get", "alice"]);
    assert_eq!(all, json!({"desk": {"floor": [2, null]}, "color": "blue"}));
    assert_eq!(json(&["user", "attr", "get", "alice", "color"]), "blue");
    assert_eq!(json(&["user", "attr", "set", "alice", "color", "red"]), true);
    assert_eq!(json(&["user", "attr", "pop", "alice", "color"]), true);
    assert_eq!(json(&["user", "attr", "pop", "bob", "color"]), false);
    assert_eq!(json(&["user", "setting", "get", "alice"]), json!({"core": {"lang": "en"}}));
    assert_eq!(json(&["user", "setting", "get", "alice", "core"]), json!({"core": {"lang": "en"}}));
    assert_eq!(json(&["user", "setting", "get", "alice", "mail"]), json!({"mail": {}}));
    assert_eq!(json(&["user", "setting", "get", "alice", "core", "lang"]), "en");
    let words = ["user", "profile", "get", "alice", "phone", "--default-value", "none"];
    assert_eq!(json(&words), "none");
    let said = bus.roster(&["user", "profile", "get", "alice", "role"], b"").stdout;
    assert_eq!(said, "Boss\\u{1b}[2J\n");
    let said = bus.roster(&["user", "attr", "get", "alice", "desk"], b"").stdout;
    assert_eq!(said, "{\"floor\":[2,null]}\n");
    let said = bus.roster(&["user", "attr", "pop", "bob", "color"], b"");
    assert_eq!((said.status, said.stdout.as_str()), (0, "false\n"));
}

#[test]
fn what_is_not_set_is_an_error_where_it_matters() {
    let bus = Bus::start();
    for words in [
        &["user", "attr", "get", "alice", "height"][..],
        &["user", "setting", "get", "alice", "core", "theme"],
        &["user", "setting", "get", "alice", "mail", "lang"],
        &["user", "profile", "get", "alice", "phone"],
        &["user", "setting", "delete", "bob", "core", "lang", "--error-if-not-exists"],
        &["user", "profile", "delete", "bob", "phone", "--error-if-not-exists"],
    ] {
        let outcome = bus.roster(&[words, &["--json"]].concat(), b"");
        assert_eq!(outcome.status, 1, "{words:?}: {outcome:?}");
        let error = outcome.json()["error"].clone();
        assert_eq!(error["fields"][0]["code"], "not_found", "{words:?}");
    }
    let outcome = bus.roster(&["user", "setting", "delete", "bob", "core", "lang"], b"");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "core lang was not set for bob.\n"));
}
