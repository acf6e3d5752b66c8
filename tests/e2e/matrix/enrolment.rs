//! A second factor that is to be set up at login, in applications that show texts and in those that
//! do not.

use super::{ALONE, Pam};
use crate::people::ALICES;

const ASKED: &str = "asked off Password: ";

fn is_enabled(pam: &Pam) -> bool {
    let state = pam.m.roster(["2fa", "state", "alice", "--json"]).ok().json();
    state["enabled"] == true
}

#[test]
fn a_secret_that_nobody_sees_ends_the_login() {
    let pam = Pam::boot("matrix-enrolment");
    pam.stack("login", ALONE);
    pam.m.roster(["2fa", "enforce", "--on"]).ok();
    let right = format!("answer {ALICES}");
    // Texts are refused: no secret is shown after the first one, and no code is asked for.
    let intro = "told info A second factor is required of this account. Set it up now:";
    let script = ["deaf", &right, "authenticate"];
    pam.sees("login", "alice", &script, &[ASKED, intro, "authenticate CONV_ERR"]);
    // Texts are not wanted, or the service is none that shows them.
    let silent = [right.as_str(), "authenticate silent"];
    pam.sees("login", "alice", &silent, &[ASKED, "authenticate PERM_DENIED"]);
    let elsewhere = "told error A second factor is required of this account. Log in by ssh or on a \
                     console to set it up, or ask an administrator.";
    let script = [right.as_str(), "authenticate"];
    pam.sees("alone", "alice", &script, &[ASKED, elsewhere, "authenticate PERM_DENIED"]);
    // Somebody who was shown it and goes away has set up nothing.
    let seen = pam.seen("login", "alice", &[&right, "abort", "authenticate"]);
    assert!(seen.iter().any(|line| line.starts_with("told info Secret: ")), "{seen:?}");
    assert_eq!(seen.last().unwrap(), "authenticate CONV_ERR", "{seen:?}");
    assert!(!is_enabled(&pam));
    // The wrong password is shown nothing.
    let wrong = ["answer wrong", "authenticate"];
    pam.sees("login", "alice", &wrong, &[ASKED, "delayed", "authenticate AUTH_ERR"]);
}
