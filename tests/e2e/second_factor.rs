//! The second factor, with codes computed by another program.

use roster_tests::Machine;

use crate::logins::{give_key, key_login};
use crate::people::{ALICES, CODE_PROMPT, PASSWORD_PROMPT, add_alice, ssh, ssh_dialogue};

/// Seconds that a code is shown in these tests. They are short so that a test can wait for the next.
const INTERVAL: u32 = 5;

struct Authenticator<'a> {
    m: &'a Machine,
    secret: String,
}

impl Authenticator<'_> {
    /// Enrols alice and confirms; with the recovery codes.
    fn enroll(m: &Machine) -> (Authenticator<'_>, Vec<String>) {
        let interval = INTERVAL.to_string();
        let answer =
            m.roster(["2fa", "enroll", "alice", "--interval", &interval, "--json"]).ok().json();
        let secret = answer["secret"].as_str().unwrap().to_owned();
        assert!(answer["uri"].as_str().unwrap().starts_with("otpauth://totp/"), "{answer}");
        let app = Authenticator { m, secret };
        let confirmed = m
            .roster(["2fa", "confirm", "alice", "--code-stdin", "--json"])
            .stdin(format!("{}\n", app.code()))
            .ok()
            .json();
        let codes = confirmed["recovery_codes"].as_array().unwrap();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        (app, codes)
    }

    /// The code that is shown now.
    fn code(&self) -> String {
        let tool = format!("oathtool --totp --base32 --time-step-size={INTERVAL}s -");
        self.m.sh(&tool).stdin(format!("{}\n", self.secret)).ok().line().to_owned()
    }

    /// A code of a later step than any that was used before.
    fn next_code(&self) -> String {
        self.m.sh(&format!("sleep {}", 2 * INTERVAL + 1)).ok();
        self.code()
    }
}

/// After the password comes one more prompt.
fn password_is_not_enough(m: &Machine) {
    ssh_dialogue(m, "alice", "", &[(PASSWORD_PROMPT, ALICES)]).exits(98);
}

#[test]
fn ssh_asks_password_and_code_and_takes_a_code_once() {
    let m = Machine::boot("totp").unwrap();
    add_alice(&m);
    m.roster(["2fa", "enroll", "alice"]).ok();
    ssh(&m, "alice", ALICES).ok();
    let (app, _) = Authenticator::enroll(&m);
    m.sh("getent group roster-2fa").ok().says("alice");
    let state = m.roster(["2fa", "state", "alice", "--json"]).ok().json();
    assert_eq!(state["providers"]["totp"], true);

    let code = app.next_code();
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    ssh_dialogue(&m, "alice", "", &answers).ok().says("in as alice at /home/alice");
    // Not by sshd's other method, which would ask for both once more.
    let asked = "-o PreferredAuthentications=keyboard-interactive";
    ssh_dialogue(&m, "alice", asked, &answers).fails().says("denied");
    let wrong = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, "000000")];
    ssh_dialogue(&m, "alice", asked, &wrong).fails().says("denied");
    password_is_not_enough(&m);
}

#[test]
fn a_recovery_code_works_once() {
    let m = Machine::boot("recovery").unwrap();
    add_alice(&m);
    let (_, recovery) = Authenticator::enroll(&m);
    assert_eq!(recovery.len(), 10);
    let first = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, recovery[0].as_str())];
    let second = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, recovery[1].as_str())];
    ssh_dialogue(&m, "alice", "", &first).ok().says("in as alice");
    ssh_dialogue(&m, "alice", "", &second).ok().says("in as alice");
    ssh_dialogue(&m, "alice", "", &first).fails();
}

#[test]
fn after_a_key_only_the_code_is_asked() {
    let m = Machine::boot("key-and-code").unwrap();
    add_alice(&m);
    give_key(&m);
    key_login(&m).ok();
    let (app, _) = Authenticator::enroll(&m);
    key_login(&m).fails();
    let code = app.next_code();
    ssh_dialogue(&m, "alice", "-i /root/key", &[(CODE_PROMPT, &code)]).ok().says("in as alice");
    ssh_dialogue(&m, "alice", "-i /root/key", &[(CODE_PROMPT, &code)]).fails();
}

#[test]
fn a_switched_off_second_factor_is_not_asked_for() {
    let m = Machine::boot("totp-off").unwrap();
    add_alice(&m);
    let (app, _) = Authenticator::enroll(&m);
    password_is_not_enough(&m);
    m.roster(["2fa", "disable", "alice"]).ok();
    m.roster(["2fa", "disable", "alice", "recovery"]).run();
    m.sh("sleep 3").ok();
    ssh(&m, "alice", ALICES).ok();
    m.roster(["2fa", "enable", "alice"]).ok();
    let code = app.next_code();
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    ssh_dialogue(&m, "alice", "", &answers).ok();
}

#[test]
fn an_unconfirmed_enrolment_locks_nobody_out() {
    let m = Machine::boot("unconfirmed").unwrap();
    add_alice(&m);
    m.roster(["2fa", "enroll", "alice"]).ok();
    m.roster(["2fa", "confirm", "alice", "--code-stdin"]).stdin("000000\n").exits(1);
    ssh(&m, "alice", ALICES).ok();
    let state = m.roster(["2fa", "state", "alice", "--json"]).ok().json();
    assert_eq!(state["enabled"], false);
}

/// Neither the journal nor the list of processes ever shows a secret of a login or an enrolment.
#[test]
fn no_secret_reaches_the_journal() {
    let m = Machine::boot("secrets").unwrap();
    add_alice(&m);
    let (app, recovery) = Authenticator::enroll(&m);
    let code = app.next_code();
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    ssh_dialogue(&m, "alice", "", &answers).ok();
    let journal = m.sh("journalctl --no-pager --output=verbose").ok().stdout;
    for secret in [ALICES, &app.secret, &recovery[0], "$argon2"] {
        assert!(!journal.contains(secret), "the journal shows a secret");
    }
}
