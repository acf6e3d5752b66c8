//! What is refused, by the daemon or before it, and how the caller learns of it.

use bus::ErrorName;
use serde_json::json;

use crate::fake_bus::Bus;

#[test]
fn every_refusal_has_its_code_and_exit_status() {
    let bus = Bus::start();
    for name in ErrorName::ALL {
        let short = name.full().rsplit('.').next().unwrap();
        let outcome = bus.roster(&["user", "show", &format!("refuse-{short}"), "--json"], b"");
        let (code, status) = match name {
            ErrorName::UserExists | ErrorName::GroupExists => ("name_in_use", 9),
            ErrorName::NoSuchUser | ErrorName::NoSuchGroup => (name.code(), 6),
            ErrorName::IdInUse => (name.code(), 4),
            ErrorName::NotAuthorized => (name.code(), 10),
            ErrorName::HomeDirectory => (name.code(), 12),
            _ => (name.code(), 1),
        };
        assert_eq!(outcome.status, status, "{short}");
        assert_eq!(
            outcome.json()["error"],
            json!({"code": code, "message": "refused\u{1b}[2J", "fields": [
                {"field": "home", "code": "reserved", "message": "'/' is nobody's home"},
                {"field": "uid", "code": "reserved", "message": "0 is root's"},
            ]}),
        );
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn people_get_each_field_on_a_line_of_standard_error() {
    let bus = Bus::start();
    let outcome = bus.roster(&["user", "show", "refuse-InvalidField"], b"");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    assert_eq!(
        outcome.stderr,
        "roster: refused\\u{1b}[2J\n  home: '/' is nobody's home\n  uid: 0 is root's\n"
    );
}

#[test]
fn a_bad_secret_is_named_by_field_and_nothing_is_asked_of_the_daemon() {
    let bus = Bus::start();
    let long = [b'x'; 2000];
    for (stdin, code) in [
        (&b"a\0b\n"[..], "invalid"),
        (b"\xff\xfe\n", "invalid"),
        (b"", "required"),
        (b"\n", "required"),
        (&long, "too_long"),
    ] {
        for words in [
            &["user", "create", "x", "--password-stdin"][..],
            &["user", "password", "x", "--password-stdin"],
        ] {
            let outcome = bus.roster(&[words, &["--json"]].concat(), stdin);
            assert_eq!(outcome.status, 1, "{outcome:?}");
            let error = &outcome.json()["error"];
            assert_eq!(error["code"], "invalid_field");
            assert_eq!(
                (&error["fields"][0]["field"], &error["fields"][0]["code"]),
                (&json!("password"), &json!(code))
            );
        }
    }
    assert_eq!(bus.calls(), []);
}

#[test]
fn secrets_as_arguments_are_refused_and_not_repeated() {
    let bus = Bus::start();
    for words in [
        &["user", "create", "alice", "--password", "hunter2"][..],
        &["user", "create", "alice", "--password=hunter2", "--json"],
        &["user", "password", "alice", "hunter2"],
        &["2fa", "confirm", "alice", "hunter2"],
        &["2fa", "verify", "alice", "--code=hunter2"],
    ] {
        let outcome = bus.roster(words, b"");
        assert_eq!(outcome.status, 2, "{words:?}: {outcome:?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains("-stdin") && !said.contains("hunter2"), "{said}");
    }
    assert_eq!(bus.calls(), []);
}

#[test]
fn without_a_terminal_a_missing_secret_is_a_usage_error() {
    let bus = Bus::start();
    for (words, flag) in [
        (&["user", "password", "alice"][..], "--password-stdin"),
        (&["2fa", "confirm", "alice"], "--code-stdin"),
    ] {
        let outcome = bus.roster(&[words, &["--json"]].concat(), b"");
        assert_eq!(outcome.status, 2, "{words:?}: {outcome:?}");
        let error = &outcome.json()["error"];
        assert_eq!(error["code"], "usage");
        assert!(error["message"].as_str().unwrap().contains(flag), "{error}");
    }
    assert_eq!(bus.calls(), []);
}

#[test]
fn without_a_terminal_and_a_password_an_account_has_none_and_that_is_said() {
    let bus = Bus::start();
    let outcome = bus.roster(&["user", "create", "alice"], b"not read");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("password login is disabled"), "{outcome:?}");
    assert_eq!(bus.calls()[0].arguments[0], json!({"name": "alice"}));
}

#[test]
fn a_private_key_does_not_reach_the_daemon() {
    let bus = Bus::start();
    let key = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n";
    assert_eq!(bus.roster(&["key", "add", "alice", "--file", "-"], key).status, 0);
    let text = std::str::from_utf8(key).unwrap();
    let words = ["user", "create", "x", "--password-disabled", "--ssh-key", text];
    assert_eq!(bus.roster(&words, b"").status, 0);
    let outcome = bus.roster(&["key", "add", "alice", text], b"");
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("private key") && !outcome.stderr.contains("b3Bl"));
    // The daemon is told enough to refuse it, in its own words.
    let calls = bus.calls();
    assert_eq!(calls[0].arguments[1], "PRIVATE KEY");
    assert_eq!(calls[1].arguments[0]["ssh_keys"], json!(["PRIVATE KEY"]));
}

#[test]
fn a_password_from_the_environment_comes_with_a_warning() {
    let bus = Bus::start();
    let words = ["user", "create", "x", "--password-from-env"];
    let outcome = bus.roster_with(&words, b"", &[("ROSTER_PASSWORD", "hunter2 hunter2")]);
    assert_eq!(outcome.status, 0);
    assert!(outcome.stderr.contains("--password-stdin is safer"));
    assert_eq!(bus.calls()[0].arguments[1], json!({"password": {"secret": "hunter2 hunter2"}}));
    assert_eq!(bus.roster(&words, b"").status, 2);
}

#[test]
fn an_update_of_nothing_is_a_usage_error() {
    let bus = Bus::start();
    assert_eq!(bus.roster(&["user", "update", "alice"], b"").status, 2);
    assert_eq!(bus.calls(), []);
}

#[test]
fn without_a_bus_the_status_is_11_and_says_what_to_do() {
    let bus = Bus::start();
    let nowhere = [("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")];
    let outcome = bus.roster_with(&["user", "list"], b"", &nowhere);
    assert_eq!(outcome.status, 11);
    assert!(outcome.stderr.contains("systemctl status rosterd"), "{}", outcome.stderr);
    let outcome = bus.roster_with(&["user", "list", "--json"], b"", &nowhere);
    assert_eq!((outcome.status, &outcome.json()["error"]["code"]), (11, &json!("unreachable")));
}

#[test]
fn usage_errors_are_json_too_when_json_is_asked_for() {
    let bus = Bus::start();
    let outcome = bus.roster(&["user", "frobnicate", "--json"], b"");
    assert_eq!((outcome.status, &outcome.json()["error"]["code"]), (2, &json!("usage")));
    let outcome = bus.roster(&["user", "frobnicate"], b"");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""));
    let outcome = bus.roster(&["user", "--help", "--json"], b"");
    assert_eq!(outcome.status, 0);
    assert!(outcome.stdout.contains("passwd-entry"));
}

#[test]
fn a_restart_of_the_daemon_is_not_seen_by_who_only_reads() {
    let bus = Bus::start();
    // One test, because every other call fails.
    let outcome = bus.roster(&["user", "show", "restarting", "--json"], b"");
    assert_eq!((outcome.status, &outcome.json()["name"]), (0, &json!("alice")));
    assert_eq!(bus.calls().len(), 2);
    let outcome = bus.roster(&["user", "lock", "restarting"], b"");
    assert_eq!((outcome.status, bus.calls().len()), (11, 1), "{outcome:?}");
}

#[test]
fn what_is_no_number_or_role_is_refused_with_the_other_fields() {
    let bus = Bus::start();
    let words = ["user", "create", "alice", "--uid", "x", "--role", "king", "--home", "/"];
    let ages = ["--password-max-age", "none", "--password-warn", "soon"];
    bus.roster(&[&words[..], &ages].concat(), b"");
    let calls = bus.calls();
    let fields = json!({"name": "alice", "uid": "x", "role": "king", "home": "/",
        "password_max_age": -1, "password_warn": "soon"});
    assert_eq!(calls[0].arguments[0], fields);
    let refused = accounts::UserFields::read(fields.as_object().unwrap()).1;
    let mut refused: Vec<_> = refused.0.iter().map(|error| error.field.as_str()).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["home", "password_warn", "role", "uid"]);
}
