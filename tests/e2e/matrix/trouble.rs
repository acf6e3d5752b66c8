//! A daemon that answers strangely or not at all: nobody gets in, nobody waits for ever, and root and
//! local accounts do not notice.

use std::time::Duration;

use super::Pam;
use crate::people::{ALICES, BOBS, add_bob};

const ASKED: &str = "asked off Password: ";
const TOLD: &str = "told error Roster: accounts cannot be checked right now. Try again in a moment \
                    or call an administrator.";

/// The promise for a daemon that does not even open a conversation, with room for a busy machine.
const OPENING: Duration = Duration::from_secs(6);

/// Puts something else into the daemon's place.
fn replace_daemon(pam: &Pam, mode: &str) {
    pam.m.sh("systemctl mask --runtime --now rosterd.socket rosterd.service").ok();
    pam.m
        .sh(&format!(
            "pkill -x false_daemon; /opt/pam/false_daemon {mode} >/dev/null 2>&1 & sleep 0.3"
        ))
        .ok();
}

/// Every phase says unavailable, in time; root and bob are let in by their own module.
fn nobody_of_ours_gets_in(pam: &Pam, what: &str) {
    for (call, code) in [
        ("authenticate", "AUTHINFO_UNAVAIL"),
        ("acct_mgmt", "AUTHINFO_UNAVAIL"),
        ("chauthtok", "AUTHINFO_UNAVAIL"),
        ("open_session", "SESSION_ERR"),
    ] {
        let script = format!("answer {ALICES}\n{call}\n");
        let outcome = pam
            .m
            .command(["/opt/pam/application", super::STACKS, "alone", "alice"])
            .stdin(script)
            .timeout(OPENING)
            .ok();
        let seen: Vec<&str> = outcome.stdout.lines().collect();
        let told = if call == "open_session" { None } else { Some(TOLD) };
        let last = format!("{call} {code}");
        let expected: Vec<&str> = told.into_iter().chain([last.as_str()]).collect();
        assert_eq!(seen, expected, "{what}: {call}");
    }
    // Credentials are from the index alone.
    pam.sees("alone", "alice", &["setcred establish"], &["setcred SUCCESS"]);
    let root = format!("answer {}", pam.m.root_password());
    for (user, answer) in [("root", root), ("bob", format!("answer {BOBS}"))] {
        let script = format!("{answer}\nauthenticate\nacct_mgmt\nsetcred\nopen_session\n");
        let outcome = pam
            .m
            .command(["/opt/pam/application", super::STACKS, "whole", user])
            .stdin(script)
            .timeout(Duration::from_secs(5))
            .ok();
        assert!(
            !outcome.stdout.contains("told") && !outcome.stdout.contains("delayed"),
            "{outcome}"
        );
        assert_eq!(outcome.stdout.matches("SUCCESS").count(), 4, "{what}: {outcome}");
    }
}

fn machine(name: &str) -> Pam {
    let pam = Pam::boot(name);
    add_bob(&pam.m);
    pam.m.sh("for part in auth account password session; do cat /etc/pam.d/common-$part; done >/root/pam.d/whole").ok();
    pam
}

#[test]
fn without_an_answer_nobody_gets_in_and_root_does_not_notice() {
    let pam = machine("matrix-unavailable");
    pam.m.sh("systemctl mask --runtime --now rosterd.socket rosterd.service").ok();
    nobody_of_ours_gets_in(&pam, "nothing listens");
    for mode in ["mute", "drip", "garbage", "hang-up"] {
        replace_daemon(&pam, mode);
        nobody_of_ours_gets_in(&pam, mode);
    }
    pam.m
        .sh("pkill -x false_daemon; systemctl unmask --runtime rosterd.socket rosterd.service; \
              systemctl restart rosterd.socket rosterd.service")
        .ok();
    let right = format!("answer {ALICES}");
    pam.sees("alone", "alice", &[&right, "authenticate"], &[ASKED, "authenticate SUCCESS"]);
}

#[test]
fn a_stopped_daemon_is_not_waited_for() {
    let pam = machine("matrix-stopped");
    pam.m.sh("systemctl kill --signal=STOP rosterd.service").ok();
    nobody_of_ours_gets_in(&pam, "stopped");
    pam.m.sh("systemctl kill --signal=CONT rosterd.service").ok();
}

/// Each verdict is one code, and none that the daemon could invent is a success.
#[test]
fn each_verdict_is_one_code() {
    let pam = machine("matrix-verdicts");
    let calls = ["authenticate", "acct_mgmt", "chauthtok", "open_session"];
    for (verdict, codes) in [
        ("success", ["SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"]),
        ("authentication_failed", ["AUTH_ERR", "AUTH_ERR", "AUTH_ERR", "SESSION_ERR"]),
        ("permission_denied", ["PERM_DENIED", "PERM_DENIED", "PERM_DENIED", "SESSION_ERR"]),
        ("account_expired", ["ACCT_EXPIRED", "ACCT_EXPIRED", "ACCT_EXPIRED", "SESSION_ERR"]),
        (
            "new_password_required",
            ["NEW_AUTHTOK_REQD", "NEW_AUTHTOK_REQD", "NEW_AUTHTOK_REQD", "SESSION_ERR"],
        ),
        (
            "password_expired",
            ["AUTHTOK_EXPIRED", "AUTHTOK_EXPIRED", "AUTHTOK_EXPIRED", "SESSION_ERR"],
        ),
        ("password_unchanged", ["AUTHTOK_ERR", "AUTHTOK_ERR", "AUTHTOK_ERR", "SESSION_ERR"]),
        (
            "unavailable",
            ["AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "SESSION_ERR"],
        ),
        (
            "user_unknown",
            ["AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "SESSION_ERR"],
        ),
        (
            "never_heard_of",
            ["AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "SESSION_ERR"],
        ),
    ] {
        replace_daemon(&pam, &format!("verdict {verdict}"));
        for (call, code) in calls.iter().zip(codes) {
            let seen = pam.seen("alone", "alice", &[call]);
            assert_eq!(seen.last().unwrap(), &format!("{call} {code}"), "{verdict}: {seen:?}");
        }
    }
}
