//! App passwords and logins: command lines, and the calls they become.

use serde_json::{Value, json};

use crate::fake_bus::Bus;

const XML: &str = include_str!("../../../packaging/dbus/org.roster.Accounts1.Tokens.xml");

/// The types of a method's arguments, as the shipped XML has them.
fn signature(method: &str) -> String {
    let (_, rest) = XML.split_once(&format!("<method name=\"{method}\">")).unwrap();
    let (body, _) = rest.split_once("</method>").unwrap();
    let arguments = body.lines().filter(|line| line.contains("direction=\"in\""));
    arguments.map(|line| line.split("type=\"").nth(1).unwrap().split('"').next().unwrap()).collect()
}

#[test]
fn each_command_line_becomes_the_documented_call() {
    let secret = |text: &str| json!({ "secret": text });
    let cases: Vec<(&str, &[&str], &str, Value)> = vec![
        (
            "",
            &["token", "create", "alice", "--name", "Mail", "--scope", "imap", "--scope", "smtp"],
            "CreateToken",
            json!(["alice", "Mail", {"scope": ["imap", "smtp"]}]),
        ),
        (
            "",
            &["token", "create", "alice", "--name", "Mail", "--expires", "2030-01-31"],
            "CreateToken",
            json!(["alice", "Mail", {"expires_at": "2030-01-31"}]),
        ),
        ("", &["token", "list", "alice"], "ListTokens", json!(["alice"])),
        ("", &["token", "revoke", "alice", "4"], "RevokeToken", json!(["alice", 4])),
        ("", &["token", "revoke", "alice", "--all"], "RevokeTokens", json!(["alice", {}])),
        (
            "",
            &["token", "revoke", "alice", "--last-used-before", "2024-01-01", "--type", "login"],
            "RevokeTokens",
            json!(["alice", {"last_used_before": "2024-01-01", "type": "login"}]),
        ),
        (
            "hunter2 hunter2\n",
            &["login", "a@example.org", "--password-stdin"],
            "LogIn",
            json!(["a@example.org", secret("hunter2 hunter2"), {}]),
        ),
        (
            "hunter2 hunter2\n123456\n",
            &["login", "alice", "--password-stdin"],
            "LogIn",
            json!(["alice", secret("hunter2 hunter2"), {"code": secret("123456")}]),
        ),
        (
            "roster_rt_x\n",
            &["refresh", "--token-stdin"],
            "RefreshTokens",
            json!([secret("roster_rt_x")]),
        ),
        (
            "roster_at_x\n",
            &["whoami", "--token-stdin"],
            "VerifyToken",
            json!([secret("roster_at_x")]),
        ),
    ];
    let bus = Bus::start();
    for (stdin, words, method, arguments) in cases {
        let outcome = bus.roster(words, stdin.as_bytes());
        assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
        let calls = bus.calls();
        assert_eq!(calls.len(), 1, "{words:?}: {calls:?}");
        assert_eq!((calls[0].method.as_str(), &calls[0].signature), (method, &signature(method)));
        assert_eq!(calls[0].interface, "org.roster.Accounts1.Tokens");
        assert_eq!(Value::from(calls[0].arguments.clone()), arguments, "{words:?}");
    }
}

#[test]
fn tokens_are_shown_once_for_people_and_for_programs() {
    let bus = Bus::start();
    let create = ["token", "create", "alice", "--name", "Mail"];
    let outcome = bus.roster(&create, b"");
    assert!(outcome.stdout.contains("abcde-fghjk"), "{outcome:?}");
    let outcome = bus.roster(&[&create[..], &["--json"]].concat(), b"");
    assert_eq!(outcome.json(), json!({"id": 4, "token": "abcde-fghjk"}));
    let outcome = bus.roster(&["login", "alice", "--password-stdin", "--json"], b"hunter2\n");
    assert_eq!(outcome.json()["access_token"], "roster_at_x");
    let planned = bus.roster(&[&create[..], &["--dry-run"]].concat(), b"");
    assert!(planned.status == 0 && !planned.stdout.contains("abcde-fghjk"), "{planned:?}");
    let listed = bus.roster(&["token", "list", "alice", "--json"], b"").json();
    assert_eq!(listed[0]["last_used_at"], Value::Null);
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let bus = Bus::start();
    for words in [&["login", "alice", "hunter2"][..], &["whoami", "--token", "hunter2"]] {
        let outcome = bus.roster(words, b"");
        assert_eq!(outcome.status, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("-stdin"), "{outcome:?}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
        assert!(bus.calls().is_empty());
    }
}
