//! What people and programs get to see.

use serde_json::json;

use crate::fake_bus::Bus;

#[test]
fn programs_get_the_documented_shapes() {
    let bus = Bus::start();
    let json = |words: &[&str], stdin: &str| {
        let outcome = bus.roster(&[words, &["--json"]].concat(), stdin.as_bytes());
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{words:?}: {outcome:?}");
        outcome.json()
    };
    let user = json(&["user", "show", "alice"], "");
    assert_eq!(user["uid"], 3000);
    assert_eq!(user["attributes"], json!({"a": {"b": null}}));
    for absent in ["email", "sid", "last_login"] {
        assert!(user.as_object().unwrap().contains_key(absent) && user[absent].is_null());
    }
    let created = json(&["user", "create", "alice", "--generate-password"], "");
    assert_eq!((&created["name"], &created["password"]), (&json!("alice"), &json!("made up")));
    let created = json(&["user", "create", "alice", "--password-stdin"], "hunter2 hunter2");
    assert!(created.get("password").is_none());
    assert_eq!(
        json(&["user", "password", "alice", "--generate-password"], ""),
        json!({"password": "made up"})
    );
    let query = |options: &str| json(&["user", "query", "--options", options], "");
    let listed = query("{\"offset\":1}");
    assert_eq!((&listed["total"], &listed["limit"]), (&json!(5), &json!(500)));
    assert_eq!((&listed["offset"], listed["users"].as_array().unwrap().len()), (&json!(1), 4));
    assert_eq!(listed["users"][0]["email"], json!(null));
    assert_eq!(query("{\"count\":true}"), json!(5));
    assert_eq!(query("{\"get\":true}")["name"], "alice");
    assert_eq!(json(&["user", "search", "al", "--limit", "2"], "")["users"][1]["uid"], 3000);
    assert_eq!(json(&["user", "next-uid"], ""), json!({"uid": 3001}));
    assert_eq!(json(&["user", "shells"], ""), json!({"/bin/bash": "bash"}));
    assert_eq!(
        json(&["user", "passwd-entry", "alice"], ""),
        json!({"pw_name": "alice", "pw_uid": 3000, "pw_gid": 3000, "pw_gecos": "Alice Ng",
            "pw_dir": "/home/alice", "pw_shell": "/bin/bash"})
    );
    assert_eq!(
        json(&["2fa", "enroll", "alice"], ""),
        json!({"secret": "JBSWY3DPEHPK3PXP", "digits": 6, "interval": 30,
            "uri": "otpauth://totp/h:alice?secret=JBSWY3DPEHPK3PXP"})
    );
    assert_eq!(
        json(&["2fa", "confirm", "alice", "--code-stdin"], "123456"),
        json!({"recovery_codes": ["aaaa-bbbb", "cccc-dddd"]})
    );
    assert_eq!(json(&["2fa", "verify", "alice", "--code-stdin"], "1"), json!({"valid": true}));
    assert_eq!(
        json(&["2fa", "state", "alice"], ""),
        json!({"enabled": true, "enforced": false, "due_at": null, "recovery_codes_left": 9,
            "providers": {"totp": true, "recovery": true}})
    );
    assert_eq!(
        json(&["2fa", "enforce"], ""),
        json!({"enforced": true, "groups": ["dev"], "excluded": [], "due_at": null})
    );
    assert_eq!(
        json(&["2fa", "cleanup", "recovery"], ""),
        json!({"provider": "recovery", "users": 5})
    );
    assert_eq!(json(&["2fa", "rotate-key"], ""), json!({"secrets": 5}));
    assert_eq!(json(&["key", "add", "alice", "ssh-ed25519 AAAA"], ""), json!({"id": 4}));
    assert_eq!(json(&["key", "list", "alice"], "")[0]["expires_at"], json!(null));
    assert_eq!(json(&["sudo", "grant", "alice", "/usr/bin/id"], ""), json!({"id": 4}));
    assert_eq!(json(&["sudo", "list"], "")[0]["command"], "/usr/bin/id");
    assert_eq!(json(&["user", "lock", "alice"], ""), json!({"done": true}));
    assert_eq!(json(&["group", "list"], "")["groups"][0]["members"], json!(["alice", "bob"]));
}

#[test]
fn a_wrong_code_is_an_answer_and_exit_status_1() {
    let bus = Bus::start();
    let outcome = bus.roster(&["2fa", "verify", "bob", "--code-stdin", "--json"], b"000000\n");
    assert_eq!((outcome.status, outcome.json()), (1, json!({"valid": false})));
    let outcome = bus.roster(&["2fa", "verify", "bob", "--code-stdin"], b"000000\n");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, "The code is wrong.\n"));
}

#[test]
fn old_names_of_verbs_work_and_name_the_new_ones() {
    let bus = Bus::start();
    let outcome = bus.roster(&["admin", "has-root-password", "--json"], b"");
    assert_eq!(outcome.json(), json!({"local_administrator_set_up": true}));
    assert!(outcome.stderr.contains("use roster admin status"), "{outcome:?}");
    let outcome =
        bus.roster(&["admin", "set-root-password", "--password-stdin"], b"seven herons\n");
    assert!(outcome.stderr.contains("use roster admin setup"), "{outcome:?}");
    let calls = bus.calls();
    assert_eq!(calls[1].method, "SetUpLocalAdministrator");
    assert_eq!(calls[1].arguments, [json!("root"), json!({"secret": "seven herons"})]);
    let help = bus.roster(&["admin", "--help"], b"").stdout;
    assert!(!help.contains("root-password"), "{help}");
}

#[test]
fn a_private_key_is_compared_here_and_not_sent() {
    let bus = Bus::start();
    let path = bus.directory().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&path)
        .status();
    // Not every machine that builds has it.
    if made.is_err() {
        return;
    }
    let path = path.to_str().unwrap();
    let words = ["key", "verify", "alice", "--private-key", path];
    let outcome = bus.roster(&[&words[..], &["--json"]].concat(), b"");
    let answer = outcome.json();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""));
    assert_eq!((&answer["matches"], &answer["id"]), (&json!(false), &json!(null)));
    assert_eq!((&answer["type"], &answer["bits"]), (&json!("ssh-ed25519"), &json!(256)));
    assert!(answer["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    let calls = bus.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].method.as_str(), &calls[0].arguments[0]), ("ListKeys", &json!("alice")));
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let outcome = bus.roster(&words, b"");
    assert!(outcome.stderr.contains("chmod 600"), "{outcome:?}");
    assert!(outcome.stdout.starts_with("No stored public key of alice matches"), "{outcome:?}");
}

#[test]
fn people_get_sentences_and_tables_without_control_characters() {
    let bus = Bus::start();
    let said = |words: &[&str]| {
        let outcome = bus.roster(words, b"");
        assert_eq!(outcome.status, 0, "{words:?}: {outcome:?}");
        outcome.stdout
    };
    assert_eq!(
        said(&["user", "create", "alice", "--generate-password"]),
        "Created alice: uid 3000, group alice, home /home/alice, shell /bin/bash.\n\
         Password, shown only now: made up\n"
    );
    assert_eq!(said(&["user", "lock", "alice"]), "Locked alice.\n");
    assert_eq!(said(&["user", "lock", "a\u{1b}[2J"]), "Locked a\\u{1b}[2J.\n");
    let shown = said(&["user", "show", "alice"]);
    assert!(shown.starts_with("name ") && shown.contains("Alice\\u{1b}[2J Ng\n"), "{shown}");
    let list = said(&["user", "list", "--limit", "1"]);
    assert_eq!(
        list,
        "NAME   UID   GROUP  FULL NAME          ROLE  STATE   2FA  SHELL\n\
         alice  3000  alice  Alice\\u{1b}[2J Ng  user  active  no   /bin/bash\n"
    );
    let list = bus.roster(&["user", "list", "--limit", "2"], b"");
    assert_eq!(list.stderr, "2 of 5; the next: --offset 2\n");
    let enrolled = bus.roster(&["2fa", "enroll", "alice"], b"");
    assert!(enrolled.stdout.contains("JBSWY3DPEHPK3PXP") && !enrolled.stdout.contains('█'));
    assert!(enrolled.stderr.contains("roster 2fa confirm alice"));
    assert!(said(&["sudo", "list"]).contains("4   alice   /usr/bin/id  asked"));
    assert!(said(&["key", "list", "alice"]).contains("ssh-ed25519  SHA256:x     alice@home"));
}

#[test]
fn other_formats_are_written_too() {
    let bus = Bus::start();
    let said = |format: &str, words: &[&str]| {
        bus.roster(&[words, &["--output", format]].concat(), b"").stdout
    };
    assert_eq!(said("plain", &["user", "next-uid"]), "uid\t3001\n");
    assert_eq!(said("plain", &["user", "shells"]), "/bin/bash\tbash\n");
    assert_eq!(said("yaml", &["user", "next-uid"]), "uid: 3001\n");
    assert_eq!(said("json-pretty", &["user", "next-uid"]), "{\n  \"uid\": 3001\n}\n");
    assert_eq!(said("jsonl", &["user", "list", "--limit", "4"]).lines().count(), 4);
}
