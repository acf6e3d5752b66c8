//! Applications that answer strangely or not at all.

use super::Pam;
use crate::people::ALICES;

const ASKED: &str = "asked off Password: ";

#[test]
fn an_application_that_does_not_answer_fails_the_conversation() {
    let pam = Pam::boot("matrix-silence");
    for answer in ["null", "abort", "fail", "# none at all"] {
        let script: &[&str] =
            if answer.starts_with('#') { &["authenticate"] } else { &[answer, "authenticate"] };
        pam.sees("alone", "alice", script, &[ASKED, "authenticate CONV_ERR"]);
        let script: Vec<&str> = script
            .iter()
            .map(|line| if *line == "authenticate" { "chauthtok" } else { line })
            .collect();
        pam.sees("alone", "alice", &script, &["asked off New password: ", "chauthtok CONV_ERR"]);
    }
    // Nothing of it was counted.
    let record = pam.m.roster(["user", "show", "alice", "--json"]).ok().json();
    assert_eq!(record["failed_logins"], serde_json::json!([]));
}

#[test]
fn texts_that_are_refused_change_nothing() {
    let pam = Pam::boot("matrix-deaf");
    pam.m
        .roster(["user", "password", "alice", "--password-stdin", "--expire", "--override-policy"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    let told = "told info Your password must be changed now.";
    pam.sees("alone", "alice", &["deaf", "acct_mgmt"], &[told, "acct_mgmt NEW_AUTHTOK_REQD"]);
    let old = format!("answer {ALICES}");
    let new = "answer eleven copper lanterns waiting";
    let script = ["deaf", &old, "answer x", new, new, "chauthtok expired"];
    let seen = pam.seen("alone", "alice", &script);
    assert_eq!(seen.last().unwrap(), "chauthtok SUCCESS", "{seen:?}");
    assert!(seen.iter().any(|line| line.starts_with("told error")), "{seen:?}");
    // A login that has something to tell goes on all the same.
    pam.stack("login", super::ALONE);
    pam.seen("login", "alice", &["answer x", "authenticate", "open_session"]);
    let seen = pam.seen("login", "alice", &["deaf", "open_session"]);
    assert!(seen[0].starts_with("told info Last login: "), "{seen:?}");
    assert_eq!(seen.last().unwrap(), "open_session SUCCESS", "{seen:?}");
    pam.sees("login", "alice", &["open_session silent"], &["open_session SUCCESS"]);
}

#[test]
fn answers_of_any_size_and_any_bytes_are_wrong_passwords() {
    let pam = Pam::boot("matrix-bytes");
    let refused = [ASKED, "delayed", "authenticate AUTH_ERR"];
    for answer in [
        "hex ff",
        "hex c3",
        "hex eda080",
        "hex 01020304",
        "long 512",
        "long 1025",
        "long 40000",
        "long 1048576",
    ] {
        pam.m.roster(["user", "unlock", "alice"]).run();
        pam.sees("alone", "alice", &[answer, "authenticate"], &refused);
    }
    let seen = pam.seen("alone", "alice", &["long 1048576", "chauthtok"]);
    assert!(seen.iter().any(|line| line.starts_with("told error")), "{seen:?}");
    // And the daemon is none the worse for it.
    let right = format!("answer {ALICES}");
    pam.m.roster(["user", "unlock", "alice"]).run();
    pam.sees("alone", "alice", &[&right, "authenticate"], &[ASKED, "authenticate SUCCESS"]);
}

/// An old terminal's bytes would be another password on the next one.
#[test]
fn a_new_password_that_is_no_text_is_refused_with_a_reason() {
    let pam = Pam::boot("matrix-latin");
    let latin = "hex 6eff66fc6e20677265656e20756d6272656c6c6173";
    let seen = pam.seen("alone", "alice", &[latin, latin, latin, "chauthtok"]);
    assert_eq!(seen.last().unwrap(), "chauthtok AUTHTOK_ERR", "{seen:?}");
    assert!(seen.iter().any(|line| line.contains("not UTF-8")), "{seen:?}");
    let right = format!("answer {ALICES}");
    pam.sees("alone", "alice", &[&right, "authenticate"], &[ASKED, "authenticate SUCCESS"]);
}

#[test]
fn names_that_cannot_be_names_are_not_ours() {
    let pam = Pam::boot("matrix-names");
    let long = "a".repeat(10_000);
    for name in ["", "ALICE", "alice ", "../alice", "alice:x", "a\nb", "\u{e9}", &long] {
        if name.is_empty() {
            // libpam itself asks for a name then, and gets none.
            continue;
        }
        pam.sees("alone", name, &["answer x", "authenticate"], &["authenticate USER_UNKNOWN"]);
        pam.sees("alone", name, &["acct_mgmt"], &["acct_mgmt USER_UNKNOWN"]);
    }
    pam.sees("alone", "alice", &["item user \u{fffd}", "acct_mgmt"], &["acct_mgmt USER_UNKNOWN"]);
}
