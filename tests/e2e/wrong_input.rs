//! Bad input: a clear error, and nothing written.

use roster_tests::{Machine, Outcome, Run};

use crate::people::{ALICES, add_alice};

/// Everything that a refused call must leave alone.
fn state(m: &Machine) -> String {
    let list = m.roster(["user", "list", "--json"]).ok().stdout;
    let seen = m.sh("getent passwd; getent group; ls -A /home; cat /etc/sudoers.d/50-roster").run();
    format!("{list}{}", seen.stdout)
}

fn create<'a>(m: &Machine, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    m.command(["roster", "--json", "user", "create"].into_iter().chain(arguments))
}

#[track_caller]
fn refused(m: &Machine, before: &str, run: Run) -> Outcome {
    let outcome = run.fails();
    assert!(!outcome.all().trim().is_empty(), "a refusal says why: {outcome}");
    assert!(!outcome.all().contains("panicked"), "{outcome}");
    assert_eq!(state(m), before, "a refused call wrote something: {outcome}");
    outcome
}

/// The names of the fields that a JSON error lists.
fn fields(outcome: &Outcome) -> Vec<String> {
    let error = outcome.json();
    let fields = error["error"]["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().filter_map(|field| field["field"].as_str().map(str::to_owned)).collect()
}

#[test]
fn names_that_mean_something_elsewhere_are_refused() {
    let m = Machine::boot("names").unwrap();
    add_alice(&m);
    let before = state(&m);
    for name in [
        "ALL",
        "0",
        "3000",
        "x\ny:0:0",
        "%wheel",
        "#0",
        "root",
        "daemon",
        "a:b",
        "a/b",
        "a b",
        "Ärger",
        "..",
        "alice.",
        "a,b",
        "a=b",
        "roster-users",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ] {
        refused(&m, &before, create(&m, ["--password-disabled", "--", name]));
    }
    refused(&m, &before, create(&m, ["-f"]));
    refused(&m, &before, create(&m, ["--password-disabled", "--", "-f"]));
    refused(&m, &before, create(&m, [""]));
}

#[test]
fn wrong_fields_are_refused() {
    let m = Machine::boot("fields").unwrap();
    add_alice(&m);
    let before = state(&m);
    let wrong: [(&str, &[&str]); 8] = [
        ("home", &["--home", "/"]),
        ("home", &["--home", "relative"]),
        ("home", &["--home", "/home/../etc"]),
        ("home", &["--home", "/home/alice"]),
        ("shell", &["--shell", "/usr/bin/python3"]),
        ("full_name", &["--full-name", "a:b"]),
        ("full_name", &["--full-name", "a\nroot::0:0"]),
        ("home_mode", &["--home-mode", "777"]),
    ];
    for (field, arguments) in wrong {
        let all = ["carol", "--password-disabled"].into_iter().chain(arguments.iter().copied());
        let outcome = refused(&m, &before, create(&m, all));
        assert_eq!(fields(&outcome), [field], "{outcome}");
    }
}

#[test]
fn what_is_taken_is_refused() {
    let m = Machine::boot("taken").unwrap();
    add_alice(&m);
    let before = state(&m);
    let taken = refused(&m, &before, create(&m, ["alice", "--password-disabled"]));
    assert_eq!(taken.status, 9, "{taken}");
    for uid in ["3000", "0", "1", "65534", "65535", "4294967295"] {
        refused(&m, &before, create(&m, ["carol", "--password-disabled", "--uid", uid]));
    }
    let uid = create(&m, ["carol", "--password-disabled", "--uid", "3000"]).fails();
    assert_eq!(uid.status, 4, "{uid}");
}

#[test]
fn wrong_secrets_and_keys_are_refused() {
    let m = Machine::boot("secrets-in").unwrap();
    add_alice(&m);
    let before = state(&m);
    let with_password =
        |password: &[u8]| create(&m, ["carol", "--password-stdin"]).stdin(password.to_vec());
    refused(&m, &before, with_password(b"a passphrase with a \0 in it\n"));
    refused(&m, &before, with_password(b"\n"));
    refused(&m, &before, with_password(b"short\n"));
    refused(&m, &before, with_password(b""));
    // A password has no place in the arguments.
    refused(&m, &before, create(&m, ["carol", "--password", ALICES]));

    m.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key").ok();
    let private = m.sh("cat /root/key").ok().stdout;
    let public = m.sh("cat /root/key.pub").ok().line().to_owned();
    for key in [
        private,
        format!("command=\"id\" {public}"),
        format!("{public}\n{public}"),
        "nonsense".into(),
    ] {
        m.command(["roster", "key", "add", "alice", &key]).fails();
        refused(&m, &before, create(&m, ["carol", "--password-disabled", "--ssh-key", &key]));
    }
    assert_eq!(m.roster(["key", "list", "alice", "--json"]).ok().line(), "[]");
}

#[test]
fn several_wrong_fields_are_all_named() {
    let m = Machine::boot("several").unwrap();
    add_alice(&m);
    let before = state(&m);
    let outcome = refused(
        &m,
        &before,
        create(
            &m,
            [
                "carol",
                "--password-disabled",
                "--home",
                "/",
                "--shell",
                "/no/shell",
                "--full-name",
                "a:b",
                "--email",
                "not an address",
                "--uid",
                "0",
            ],
        ),
    );
    let mut named = fields(&outcome);
    named.sort();
    assert_eq!(named, ["email", "full_name", "home", "shell", "uid"], "{outcome}");
    let for_people = m
        .command(["roster", "user", "create", "ALL", "--password-disabled", "--home", "/"])
        .fails();
    for_people.says("name").says("home");
}
