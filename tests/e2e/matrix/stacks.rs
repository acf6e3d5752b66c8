//! Orders of modules, passwords handed on between them, and a user that changes on the way.

use super::{ALONE, Pam};
use crate::people::{ALICES, BOBS, add_bob};

const ASKED: &str = "asked off Password: ";

#[test]
fn the_order_of_modules_decides_what_a_password_is_good_for() {
    let pam = Pam::boot("matrix-stacks");
    let right = format!("answer {ALICES}");
    let (one, two) = ([right.as_str()], [right.as_str(), right.as_str()]);
    let first_wrong = ["answer x", right.as_str()];
    // The lines, the answers, what is seen.
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("sufficient pam_roster.so\nrequired pam_deny.so", &one, &[ASKED, "SUCCESS"]),
        (
            "sufficient pam_roster.so\nrequired pam_deny.so",
            &["answer x"],
            &[ASKED, "delayed", "AUTH_ERR"],
        ),
        ("required pam_deny.so\nrequired pam_roster.so", &one, &[ASKED, "AUTH_ERR"]),
        ("requisite pam_deny.so\nrequired pam_roster.so", &one, &["AUTH_ERR"]),
        (
            "required pam_permit.so\nrequired pam_roster.so",
            &["answer x"],
            &[ASKED, "delayed", "AUTH_ERR"],
        ),
        ("optional pam_roster.so\nrequired pam_permit.so", &["answer x"], &[ASKED, "SUCCESS"]),
        // Asked twice unless the second may look at what the first was told.
        ("required pam_roster.so\nrequired pam_roster.so", &two, &[ASKED, ASKED, "SUCCESS"]),
        (
            "required pam_roster.so\nrequired pam_roster.so use_first_pass",
            &one,
            &[ASKED, "SUCCESS"],
        ),
        (
            "required pam_roster.so\nrequired pam_roster.so try_first_pass",
            &one,
            &[ASKED, "SUCCESS"],
        ),
        ("optional pam_unix.so\nrequired pam_roster.so use_first_pass", &one, &[ASKED, "SUCCESS"]),
        (
            "optional pam_unix.so\nrequired pam_roster.so use_first_pass",
            &["answer x"],
            &[ASKED, "delayed", "AUTH_ERR"],
        ),
        ("optional pam_unix.so\nrequired pam_roster.so try_first_pass", &one, &[ASKED, "SUCCESS"]),
        // Wrong there, so asked for once more.
        (
            "optional pam_unix.so\nrequired pam_roster.so try_first_pass",
            &first_wrong,
            &[ASKED, ASKED, "SUCCESS"],
        ),
        ("optional pam_unix.so\nrequired pam_roster.so", &two, &[ASKED, ASKED, "SUCCESS"]),
        ("required pam_roster.so use_first_pass", &one, &["AUTHTOK_RECOVERY_ERR"]),
        ("required pam_roster.so use_authtok", &one, &["AUTHTOK_RECOVERY_ERR"]),
        ("required pam_roster.so try_first_pass", &one, &[ASKED, "SUCCESS"]),
        // There is no such thing with us.
        ("required pam_roster.so nullok", &["answer "], &[ASKED, "delayed", "AUTH_ERR"]),
        ("required pam_roster.so unknown", &one, &["AUTH_ERR"]),
    ];
    for (lines, answers, expected) in cases {
        pam.m.roster(["user", "unlock", "alice"]).run();
        let stack: Vec<String> = lines.lines().map(|line| format!("auth {line}\n")).collect();
        pam.stack("case", &stack.concat());
        let mut seen = pam.seen("case", "alice", &[*answers, &["authenticate"]].concat());
        let last = seen.pop().unwrap();
        seen.push(last.trim_start_matches("authenticate ").to_owned());
        assert_eq!(&seen, expected, "{lines}");
    }
}

#[test]
fn an_account_without_a_password_takes_no_empty_one() {
    let pam = Pam::boot("matrix-nullok");
    pam.m.roster(["user", "password", "alice", "--clear"]).ok();
    pam.stack("nullok", "auth required pam_roster.so nullok\n");
    for flags in ["", " nonull"] {
        let script = ["answer ", &format!("authenticate{flags}")];
        pam.sees("nullok", "alice", &script, &[ASKED, "delayed", "authenticate AUTH_ERR"]);
    }
    // Nor does the whole of Debian's stack, where pam_unix says nullok.
    pam.m.sh("cp /etc/pam.d/common-auth /root/pam.d/whole").ok();
    let seen = pam.seen("whole", "alice", &["answer ", "authenticate"]);
    assert_eq!(seen, [ASKED, "delayed", "authenticate AUTH_ERR"]);
}

#[test]
fn a_new_password_comes_from_the_module_before_when_the_stack_says_so() {
    let pam = Pam::boot("matrix-authtok");
    pam.stack("case", "password required pam_roster.so use_authtok\n");
    pam.sees("case", "alice", &["answer x", "chauthtok"], &["chauthtok AUTHTOK_RECOVERY_ERR"]);
    // Behind another module, it takes what that one has asked for: here, itself.
    pam.stack(
        "case",
        "password required pam_roster.so\npassword required pam_roster.so use_authtok\n",
    );
    let new = "answer eleven copper lanterns waiting";
    let seen = pam.seen("case", "alice", &[new, new, "chauthtok"]);
    assert_eq!(seen.iter().filter(|line| line.starts_with("asked")).count(), 2, "{seen:?}");
}

/// Whom a module before us has made of the user is who is judged, in every phase.
#[test]
fn who_the_user_is_now_is_judged_and_nobody_else() {
    let pam = Pam::boot("matrix-renamed");
    add_bob(&pam.m);
    pam.add("carol");
    pam.m.roster(["user", "lock", "carol"]).ok();
    pam.add("dave");
    let other = "eleven copper lanterns waiting";
    pam.m.roster(["user", "password", "dave", "--password-stdin"]).stdin(format!("{other}\n")).ok();
    let right = format!("answer {ALICES}");
    let rename = |to: &str| format!("/opt/pam/renaming {to}");

    // Alice's password is shown; then the application continues as somebody else.
    for (to, account, credentials) in [
        ("carol", "PERM_DENIED", "SUCCESS"),
        ("dave", "SUCCESS", "SUCCESS"),
        ("root", "USER_UNKNOWN", "USER_UNKNOWN"),
        ("bob", "USER_UNKNOWN", "USER_UNKNOWN"),
        ("nobody-here", "USER_UNKNOWN", "USER_UNKNOWN"),
    ] {
        let script = [&right, "authenticate", &format!("item user {to}"), "acct_mgmt", "setcred"]
            .map(str::to_owned);
        let script = script.each_ref().map(String::as_str);
        let seen = [
            ASKED.to_owned(),
            "authenticate SUCCESS".to_owned(),
            format!("acct_mgmt {account}"),
            format!("setcred {credentials}"),
        ];
        assert_eq!(pam.seen("alone", "alice", &script), seen, "{to}");
    }
    // In mid-stack of the account phase.
    let account = |to: &str| {
        pam.stack(
            "case",
            &format!("account required {}\naccount required pam_roster.so\n", rename(to)),
        );
        pam.seen("case", "alice", &["acct_mgmt"])
    };
    assert_eq!(account("carol"), ["acct_mgmt PERM_DENIED"]);
    assert_eq!(account("dave"), ["acct_mgmt SUCCESS"]);
    // Before us: it takes the other one's password. After us: alice's was right, and that is all.
    let line = rename("dave");
    pam.stack("case", &format!("auth required {line}\nauth required pam_roster.so\n"));
    pam.sees(
        "case",
        "alice",
        &[&right, "authenticate"],
        &[ASKED, "delayed", "authenticate AUTH_ERR"],
    );
    let daves = format!("answer {other}");
    pam.sees("case", "alice", &[&daves, "authenticate"], &[ASKED, "authenticate SUCCESS"]);
    // Between two of us: the password that was right for alice is nothing for dave.
    pam.stack(
        "case",
        &format!(
            "auth required pam_roster.so\nauth required {line}\nauth required pam_roster.so use_first_pass\n"
        ),
    );
    let seen = [ASKED, "delayed", "authenticate AUTH_ERR"];
    pam.sees("case", "alice", &[&right, "authenticate"], &seen);
}

/// Debian's whole stack, for those who are not ours.
#[test]
fn local_accounts_are_judged_by_their_own_module() {
    let pam = Pam::boot("matrix-local");
    add_bob(&pam.m);
    pam.m.sh("for part in auth account password session; do cat /etc/pam.d/common-$part; done >/root/pam.d/whole").ok();
    let right = format!("answer {BOBS}");
    let script = [right.as_str(), "authenticate", "acct_mgmt", "setcred", "open_session"];
    let seen = [
        ASKED,
        "authenticate SUCCESS",
        "acct_mgmt SUCCESS",
        "setcred SUCCESS",
        "open_session SUCCESS",
    ];
    pam.sees("whole", "bob", &script, &seen);
    let alices = format!("answer {ALICES}");
    let script = [alices.as_str(), "authenticate", "acct_mgmt", "setcred", "open_session"];
    pam.sees("whole", "alice", &script, &seen);
    let refused = [ASKED, "delayed", "authenticate AUTH_ERR"];
    for user in ["bob", "alice", "root", "nobody-here"] {
        pam.sees("whole", user, &["answer x", "authenticate"], &refused);
    }
    pam.stack("alone", ALONE);
    pam.sees("alone", "bob", &[&right, "authenticate"], &["authenticate USER_UNKNOWN"]);
}
