//! Every state of an account in every phase.

use super::Pam;
use crate::conversation::{code, enrol};
use crate::people::ALICES;

/// What one state gives.
struct Case {
    /// The account is named after the state.
    name: &'static str,
    password: &'static str,
    /// `pam_authenticate`, with that password.
    authenticate: &'static [&'static str],
    account: &'static [&'static str],
    /// `pam_chauthtok` with `PAM_CHANGE_EXPIRED_AUTHTOK`, no answers given.
    expired: &'static [&'static str],
}

const ASKED: &str = "asked off Password: ";
const IN: &[&str] = &[ASKED, "authenticate SUCCESS"];
const REFUSED: &[&str] = &[ASKED, "delayed", "authenticate AUTH_ERR"];
const FINE: &[&str] = &["acct_mgmt SUCCESS"];
const BARRED: &[&str] = &["acct_mgmt PERM_DENIED"];
const NOT_DUE: &[&str] = &["chauthtok SUCCESS"];
const NO_CHANGE: &[&str] = &["chauthtok PERM_DENIED"];

const CASES: &[Case] = &[
    Case { name: "fine", password: ALICES, authenticate: IN, account: FINE, expired: NOT_DUE },
    Case { name: "wrong", password: "x", authenticate: REFUSED, account: FINE, expired: NOT_DUE },
    Case { name: "empty", password: "", authenticate: REFUSED, account: FINE, expired: NOT_DUE },
    Case {
        name: "locked",
        password: ALICES,
        authenticate: REFUSED,
        account: BARRED,
        expired: NO_CHANGE,
    },
    Case {
        name: "disabled",
        password: ALICES,
        authenticate: REFUSED,
        account: BARRED,
        expired: NO_CHANGE,
    },
    Case {
        name: "expired",
        password: ALICES,
        authenticate: REFUSED,
        account: &["acct_mgmt ACCT_EXPIRED"],
        expired: NO_CHANGE,
    },
    Case {
        name: "nopassword",
        password: "",
        authenticate: REFUSED,
        account: FINE,
        expired: NOT_DUE,
    },
    Case {
        name: "mustchange",
        password: ALICES,
        authenticate: IN,
        account: &["told info Your password must be changed now.", "acct_mgmt NEW_AUTHTOK_REQD"],
        expired: &["asked off Current password: ", "chauthtok CONV_ERR"],
    },
    Case {
        name: "nobody-like-that",
        password: ALICES,
        authenticate: &["authenticate USER_UNKNOWN"],
        account: &["acct_mgmt USER_UNKNOWN"],
        expired: &["chauthtok USER_UNKNOWN"],
    },
    Case {
        name: "root",
        password: ALICES,
        authenticate: &["authenticate USER_UNKNOWN"],
        account: &["acct_mgmt USER_UNKNOWN"],
        expired: &["chauthtok USER_UNKNOWN"],
    },
];

fn populate(pam: &Pam) {
    for case in CASES.iter().filter(|case| !["root", "nobody-like-that"].contains(&case.name)) {
        pam.add(case.name);
    }
    let m = &pam.m;
    m.roster(["user", "lock", "locked"]).ok();
    m.roster(["user", "disable", "disabled"]).ok();
    m.roster(["user", "update", "expired", "--expires", "2001-01-01"]).ok();
    m.roster(["user", "password", "nopassword", "--clear"]).ok();
    m.roster([
        "user",
        "password",
        "mustchange",
        "--password-stdin",
        "--expire",
        "--override-policy",
    ])
    .stdin(format!("{ALICES}\n"))
    .ok();
}

#[test]
fn each_state_has_its_code_in_each_phase() {
    let pam = Pam::boot("matrix-states");
    populate(&pam);
    for flags in ["", " silent", " nonull", " silent nonull"] {
        for Case { name, password, authenticate, account, .. } in CASES {
            let answer = format!("answer {password}");
            let call = format!("authenticate{flags}");
            pam.sees("alone", name, &[&answer, &call], authenticate);
            let account: Vec<&str> = account
                .iter()
                .filter(|line| !(flags.contains("silent") && line.starts_with("told")))
                .copied()
                .collect();
            pam.sees(
                "alone",
                name,
                &[&format!("acct_mgmt{}", flags.replace(" nonull", ""))],
                &account,
            );
        }
    }
    for Case { name, expired, .. } in CASES {
        pam.sees("alone", name, &["chauthtok expired"], expired);
    }
}

/// The right password during the wait is refused like a wrong one, and says nothing of the account.
#[test]
fn guesses_make_the_right_password_wait() {
    let pam = Pam::boot("matrix-throttled");
    let (right, guess) = (format!("answer {ALICES}"), ["answer x", "authenticate"]);
    let mut script = guess.repeat(5);
    for wait in ["run sleep 2", "run sleep 4", "run sleep 8"] {
        script.push(wait);
        script.extend(guess);
    }
    // Sixteen seconds from here.
    script.extend([right.as_str(), "authenticate", right.as_str(), "authenticate silent nonull"]);
    script.push("acct_mgmt");
    let seen = pam.seen("alone", "alice", &script);
    let expected = [REFUSED.repeat(10).as_slice(), FINE].concat();
    assert_eq!(seen, expected);
    let record = pam.m.roster(["user", "show", "alice", "--json"]).ok().json();
    assert_eq!(record["failed_logins"][0]["count"], 8, "{record}");
    assert!(record["failed_logins"][0]["throttled_until"].is_string(), "{record}");
    // From elsewhere it counts at once, and so it does from there after an unlock.
    pam.sees("alone", "alice", &["item rhost 192.0.2.9", &right, "authenticate"], IN);
    pam.sees("alone", "alice", &[&right, "authenticate"], REFUSED);
    pam.m.roster(["user", "unlock", "alice"]).ok();
    pam.sees("alone", "alice", &[&right, "authenticate"], IN);
    pam.m.roster(["user", "unlock", "alice"]).exits(1);
}

#[test]
fn sessions_and_credentials_are_for_our_users_only() {
    let pam = Pam::boot("matrix-sessions");
    let calls = [
        "open_session",
        "setcred establish",
        "setcred reinitialize",
        "setcred delete",
        "close_session",
    ];
    for (user, code) in
        [("alice", "SUCCESS"), ("root", "USER_UNKNOWN"), ("nobody-here", "USER_UNKNOWN")]
    {
        let seen = calls.map(|call| format!("{} {code}", call.split(' ').next().unwrap()));
        let seen = seen.each_ref().map(String::as_str);
        pam.sees("alone", user, &calls, &seen);
    }
    // A session without authentication forgets no failure, and one with the right password does.
    let failures = || {
        let record = pam.m.roster(["user", "show", "alice", "--json"]).ok().json();
        record["failed_logins"].clone()
    };
    pam.seen("alone", "alice", &["item rhost 192.0.2.7", "answer x", "authenticate"]);
    let counted = failures();
    assert_eq!(
        (&counted[0]["from"], &counted[0]["kind"]),
        (&"192.0.2.7".into(), &"password".into())
    );
    assert_eq!((&counted[0]["count"], &counted[0]["throttled_until"]), (&1.into(), &().into()));
    for service in ["cron", "sudo", "sshd", "login"] {
        pam.stack(service, super::ALONE);
        pam.seen(
            service,
            "alice",
            &["item rhost 192.0.2.7", "acct_mgmt", "setcred establish", "open_session"],
        );
    }
    assert_eq!(failures(), counted);
    let answer = format!("answer {ALICES}");
    pam.seen("alone", "alice", &["item rhost 192.0.2.8", &answer, "authenticate", "open_session"]);
    assert_eq!(failures(), counted, "from another host");
    pam.seen("alone", "alice", &["item rhost 192.0.2.7", &answer, "authenticate"]);
    assert_eq!(failures(), serde_json::json!([]));
}

#[test]
fn a_second_factor_is_asked_for_visibly_and_after_a_key_alone() {
    let pam = Pam::boot("matrix-codes");
    let secret = enrol(&pam.m, "alice");
    let (password, wrong) = (format!("answer {ALICES}"), "answer 000000");
    let asked = [ASKED, "asked on Verification code: ", "delayed", "authenticate AUTH_ERR"];
    pam.sees("alone", "alice", &[&password, wrong, "authenticate"], &asked);
    pam.sees("alone", "alice", &["answer x", wrong, "authenticate"], REFUSED);
    let right = format!("answer {}", code(&pam.m, &secret, "30 seconds"));
    let asked =
        [ASKED, "asked on Verification code: ", "authenticate SUCCESS", "acct_mgmt SUCCESS"];
    pam.sees("alone", "alice", &[&password, &right, "authenticate", "acct_mgmt"], &asked);
    // Spent.
    let asked = [ASKED, "asked on Verification code: ", "delayed", "authenticate AUTH_ERR"];
    pam.sees("alone", "alice", &[&password, &right, "authenticate"], &asked);

    pam.stack("sshd", super::ALONE);
    let key = "environment SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA";
    let asked = ["asked on Verification code: ", "delayed", "authenticate AUTH_ERR"];
    pam.sees("sshd", "alice", &[key, wrong, "authenticate"], &asked);
    // Only sshd is believed.
    pam.sees("alone", "alice", &[key, "answer x", "authenticate"], REFUSED);
    let by_password = "environment SSH_AUTH_INFO_0=password";
    pam.sees("sshd", "alice", &[by_password, "answer x", "authenticate"], REFUSED);
}

#[test]
fn passwords_change_in_two_passes() {
    let pam = Pam::boot("matrix-changes");
    let (second, third) = ("eleven copper lanterns waiting", "forty green umbrellas singing");
    let new = |text: &str| format!("answer {text}");
    let old = new(ALICES);
    let asked =
        ["asked off New password: ", "asked off Retype new password: ", "chauthtok SUCCESS"];
    pam.sees("alone", "alice", &[&new(second), &new(second), "chauthtok"], &asked);
    // An empty one is a change of mind, and nothing changes.
    let seen = pam.seen("alone", "alice", &["answer ", "chauthtok"]);
    assert_eq!(seen.last().unwrap(), "chauthtok AUTHTOK_ERR", "{seen:?}");
    // Three mistypes end it.
    let typed = ["answer a password that is fine", "answer another one"].repeat(3);
    let seen = pam.seen("alone", "alice", &[typed.as_slice(), &["chauthtok"]].concat());
    assert_eq!(seen.last().unwrap(), "chauthtok AUTHTOK_ERR", "{seen:?}");
    assert_eq!(seen.iter().filter(|line| line.starts_with("asked")).count(), 6, "{seen:?}");

    pam.m
        .roster(["user", "password", "alice", "--password-stdin", "--expire", "--override-policy"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    let wrong = ["asked off Current password: ", "chauthtok AUTH_ERR"];
    pam.sees("alone", "alice", &[&new("x"), "chauthtok expired"], &wrong);
    let script = [&old, "authenticate", "acct_mgmt", &old, &new(third), &new(third)];
    let script = [&script.map(|line: &str| line)[..], &["chauthtok expired", "acct_mgmt"]].concat();
    let seen = pam.seen("alone", "alice", &script);
    assert_eq!(seen.last().unwrap(), "acct_mgmt SUCCESS", "{seen:?}");
    assert!(seen.contains(&"acct_mgmt NEW_AUTHTOK_REQD".to_owned()), "{seen:?}");
    pam.sees("alone", "alice", &[&new(third), "authenticate"], IN);
}

#[test]
fn who_is_deleted_on_the_way_is_not_let_in() {
    let pam = Pam::boot("matrix-deleted");
    let answer = format!("answer {ALICES}");
    let delete = "run roster user delete alice --yes >/dev/null";
    let seen = pam.seen(
        "alone",
        "alice",
        &[&answer, "authenticate", delete, "acct_mgmt", "setcred", "open_session"],
    );
    let expected = [
        ASKED,
        "authenticate SUCCESS",
        "acct_mgmt USER_UNKNOWN",
        "setcred USER_UNKNOWN",
        "open_session USER_UNKNOWN",
    ];
    assert_eq!(seen, expected);
}
