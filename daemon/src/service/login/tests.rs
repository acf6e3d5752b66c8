//! Whole logins against a real store.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use accounts::Subject;
use serde_json::json;

use super::*;
use crate::authenticate::{Parameters, PasswordHasher};
use crate::authorize::{Action, Decision, Grant, decide};
use crate::service::testing::{Fixture, TestClock, map, secret, subject};
use crate::service::{NewPassword, Provider};
use crate::store::ThrottleKind;

const PASSWORD: &str = "correct horse";

/// A service with a user `alice`, who has a password and may use it over ssh.
struct House {
    clock: Arc<TestClock>,
    service: Arc<Service>,
    directory: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let fixture = Fixture::new();
        let fields = json!({"name": "alice", "ssh_password_enabled": true});
        fixture.create_with(fields, NewPassword::Given(secret(PASSWORD))).unwrap();
        let clock = fixture.clock.clone();
        let (directory, service) = fixture.into_parts();
        Self { clock, service: Arc::new(service), directory }
    }

    fn root(&self, action: Action) -> Grant {
        let target = self.service.target(&subject("alice")).unwrap();
        match decide(&self.service.caller(0).unwrap(), action, Some(&target)) {
            Decision::Allow(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    fn update(&self, fields: serde_json::Value) {
        let grant = self.root(Action::UserUpdate);
        self.service.update_user(&grant, &subject("alice"), &map(fields), None).unwrap();
    }

    /// Enrols and confirms; answers the authenticator and the recovery codes.
    fn enrol(&self, digits: u32) -> (totp_rs::Totp, Vec<Secret>) {
        let grant = self.root(Action::TwoFactorManage);
        let enrolment = self.service.enroll_totp(&grant, &subject("alice"), digits, 30).unwrap();
        let authenticator = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
        let code = self.code(&authenticator);
        let codes = self.service.confirm_totp(&grant, &subject("alice"), &secret(&code)).unwrap();
        // The code that confirmed is spent; the next one comes with the next step.
        self.clock.forward(30);
        (authenticator, codes)
    }

    fn code(&self, authenticator: &totp_rs::Totp) -> String {
        authenticator.generate(self.service.now().unsigned_abs()).to_string()
    }

    fn open(&self, start: Start) -> (Login, Step) {
        Login::open(Arc::clone(&self.service), 0, start).unwrap()
    }

    /// Opens a conversation and gives these answers; what was asked, and the last step.
    fn hold(&self, start: Start, answers: &[&str]) -> (Vec<String>, Step) {
        let (mut login, mut step) = self.open(start);
        let mut asked = Vec::new();
        let mut answers = answers.iter();
        while let Next::Prompt(prompt) = &step.next {
            asked.push(prompt.text.clone());
            let Some(answer) = answers.next() else { return (asked, step) };
            step = login.answer(secret(answer)).unwrap();
        }
        assert!(answers.next().is_none(), "not all answers were wanted: {asked:?}");
        (asked, step)
    }

    fn verdict(&self, start: Start, answers: &[&str]) -> Code {
        code_of(&self.hold(start, answers).1)
    }

    fn failures(&self, kind: ThrottleKind, remote: &str) -> u32 {
        let user = self.service.user(&subject("alice")).unwrap();
        self.service.read(|db| Ok(db.throttle(user.id, kind, remote)?.failures)).unwrap()
    }
}

fn code_of(step: &Step) -> Code {
    match &step.next {
        Next::Verdict(verdict) => verdict.code,
        Next::Prompt(prompt) => panic!("still asked for {prompt:?}"),
    }
}

fn start(phase: Phase, service: &str) -> Start {
    Start {
        phase,
        user: "alice".into(),
        service: service.into(),
        tty: None,
        remote_host: Some("192.0.2.1".into()),
        remote_user: None,
        caller_uid: 0,
        public_key: false,
        only_expired: false,
        silent: false,
    }
}

fn ssh() -> Start {
    start(Phase::Authenticate, "sshd")
}

fn with_key() -> Start {
    Start { public_key: true, ..ssh() }
}

#[test]
fn the_right_password_and_no_other() {
    let house = House::new();
    let (asked, step) = house.hold(ssh(), &[PASSWORD]);
    assert_eq!(asked, ["Password: "]);
    assert_eq!(code_of(&step), Code::Success);
    let Next::Verdict(verdict) = step.next else { unreachable!() };
    assert_eq!(verdict.password_length, Some(13));
    for wrong in ["", "correct hors", "CORRECT HORSE", "correct horse123456"] {
        assert_eq!(house.verdict(ssh(), &[wrong]), Code::AuthenticationFailed, "{wrong:?}");
    }
}

#[test]
fn every_reason_to_refuse_looks_the_same() {
    type Arrange = fn(&House);
    let reasons: [(&str, Arrange); 6] = [
        ("wrong password", |_| {}),
        ("locked", |house| house.update(json!({"locked": true}))),
        ("expired", |house| house.update(json!({"expires_at": "2001-01-01"}))),
        ("not over ssh", |house| house.update(json!({"ssh_password_enabled": false}))),
        ("no password", |house| {
            let grant = house.root(Action::PasswordSet);
            house.service.clear_password(&grant, &subject("alice")).unwrap();
        }),
        ("throttled", |house| {
            for _ in 0..5 {
                house.verdict(ssh(), &["wrong"]);
            }
        }),
    ];
    for (name, arrange) in reasons {
        let house = House::new();
        arrange(&house);
        let answer = if name == "wrong password" { "wrong" } else { PASSWORD };
        let (asked, step) = house.hold(ssh(), &[answer]);
        assert_eq!(asked, ["Password: "], "{name}");
        let expected = super::verdict(Code::AuthenticationFailed);
        assert_eq!(step, expected, "{name}");
    }
}

#[test]
fn failures_cost_a_growing_wait_from_their_host_only_and_success_forgets_them() {
    let house = House::new();
    let elsewhere = || Start { remote_host: Some("198.51.100.7".into()), ..ssh() };
    for _ in 0..4 {
        house.verdict(ssh(), &["wrong"]);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success, "four are free");
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 0);
    for _ in 0..5 {
        house.verdict(ssh(), &["wrong"]);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::AuthenticationFailed, "the fifth costs");
    assert_eq!(house.verdict(elsewhere(), &[PASSWORD]), Code::Success, "from elsewhere");
    // A stranger who keeps trying does not lengthen the wait.
    house.verdict(ssh(), &["wrong"]);
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 5);
    house.clock.forward(2);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn waits_outlast_a_restart() {
    let fixture = Fixture::new();
    let fields = json!({"name": "alice", "ssh_password_enabled": true});
    fixture.create_with(fields, NewPassword::Given(secret(PASSWORD))).unwrap();
    let user = fixture.service.user(&subject("alice")).unwrap();
    let attempt = Attempt { user: user.id, remote: "192.0.2.1" };
    let wrong = PasswordTry { matches: false, welcome: true };
    for _ in 0..5 {
        fixture.service.settle_password(attempt, wrong).unwrap();
    }
    let fixture = fixture.restarted();
    let right = PasswordTry { matches: true, welcome: true };
    assert_eq!(fixture.service.settle_password(attempt, right).unwrap(), Tried::TooSoon(2));
}

#[test]
fn right_passwords_at_the_same_time_never_lock() {
    let house = House::new();
    std::thread::scope(|scope| {
        let logins: Vec<_> =
            (0..16).map(|_| scope.spawn(|| house.verdict(ssh(), &[PASSWORD]))).collect();
        for login in logins {
            assert_eq!(login.join().unwrap(), Code::Success);
        }
    });
}

#[test]
fn what_sshd_sends_for_users_it_refuses_is_not_counted() {
    let house = House::new();
    for _ in 0..10 {
        let refused = house.verdict(ssh(), &["\x08\n\r\x7fINCORRECT"]);
        assert_eq!(refused, Code::AuthenticationFailed);
    }
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn password_then_code_and_the_same_code_never_again() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    let code = house.code(&authenticator);
    let (asked, step) = house.hold(ssh(), &[PASSWORD, &code]);
    assert_eq!(asked, ["Password: ", "Verification code: "]);
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::AuthenticationFailed);
    house.clock.forward(30);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::AuthenticationFailed);
    let next = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &next]), Code::Success);
}

#[test]
fn the_code_that_confirmed_an_enrolment_does_not_log_in() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    house.clock.forward(-30);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::AuthenticationFailed);
}

#[test]
fn one_code_at_the_same_time_gets_one_login() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    let code = house.code(&authenticator);
    let accepted = std::thread::scope(|scope| {
        let logins: Vec<_> =
            (0..4).map(|_| scope.spawn(|| house.verdict(ssh(), &[PASSWORD, &code]))).collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect::<Vec<_>>()
    });
    let successes = accepted.iter().filter(|code| **code == Code::Success).count();
    assert_eq!(successes, 1, "{accepted:?}");
}

#[test]
fn a_clock_that_jumps_makes_no_old_code_good() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::Success);
    house.clock.forward(-3600);
    let old = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &old]), Code::AuthenticationFailed);
    house.clock.forward(3600 + 365 * 24 * 3600);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &old]), Code::AuthenticationFailed);
    let new = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &new]), Code::Success);
}

#[test]
fn a_recovery_code_works_once_in_any_spelling() {
    let house = House::new();
    let (_, codes) = house.enrol(6);
    assert_eq!(codes.len(), 10);
    let code = codes[3].as_str().unwrap().to_uppercase().replace('-', " ");
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::Success);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::AuthenticationFailed);
    let state = house.service.two_factor_state(&subject("alice")).unwrap();
    assert_eq!(state.recovery_codes_left, 9);
    let grant = house.root(Action::TwoFactorManage);
    house.service.set_two_factor(&grant, &subject("alice"), Provider::Recovery, false).unwrap();
    let other = codes[4].as_str().unwrap();
    assert_eq!(house.verdict(ssh(), &[PASSWORD, other]), Code::AuthenticationFailed);
}

#[test]
fn wrong_codes_have_a_throttle_of_their_own() {
    let house = House::new();
    let (authenticator, _) = house.enrol(8);
    for _ in 0..5 {
        assert_eq!(house.verdict(ssh(), &[PASSWORD, "00000000"]), Code::AuthenticationFailed);
    }
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 0);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::AuthenticationFailed);
    house.clock.forward(60);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::Success);
    assert_eq!(house.failures(ThrottleKind::Code, "192.0.2.1"), 0);
}

#[test]
fn password_and_code_in_one_answer() {
    for digits in [6, 7, 8] {
        let house = House::new();
        let (authenticator, _) = house.enrol(digits);
        let both = format!("{PASSWORD}{}", house.code(&authenticator));
        let (asked, step) = house.hold(ssh(), &[&both]);
        assert_eq!(asked, ["Password: "]);
        let Next::Verdict(verdict) = &step.next else { panic!("{step:?}") };
        assert_eq!((verdict.code, verdict.password_length), (Code::Success, Some(13)));
        assert_eq!(house.verdict(ssh(), &[&both]), Code::AuthenticationFailed, "spent");
        let wrong = format!("wrong{}", house.code(&authenticator));
        assert_eq!(house.verdict(ssh(), &[&wrong]), Code::AuthenticationFailed);
        assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 1, "one failure counted");
    }
}

#[test]
fn a_password_that_ends_in_digits_is_a_password() {
    let house = House::new();
    let grant = house.root(Action::PasswordSet);
    let password = "long enough 123456";
    let new = NewPassword::Given(secret(password));
    house.service.set_password(&grant, &subject("alice"), new, false).unwrap();
    assert_eq!(house.verdict(ssh(), &[password]), Code::Success);
    assert_eq!(house.verdict(ssh(), &["long enough "]), Code::AuthenticationFailed);
    let (authenticator, _) = house.enrol(6);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[password, &code]), Code::Success);
}

#[test]
fn sudo_asks_for_the_password_alone() {
    let house = House::new();
    house.enrol(6);
    let sudo = start(Phase::Authenticate, "sudo");
    assert_eq!(house.hold(sudo, &[PASSWORD]).0, ["Password: "]);
    let login = start(Phase::Authenticate, "login");
    assert_eq!(house.hold(login, &[PASSWORD]).0, ["Password: ", "Verification code: "]);
}

#[test]
fn after_a_key_the_code_alone_is_asked_for() {
    let house = House::new();
    let (asked, step) = house.hold(with_key(), &[]);
    assert!(asked.is_empty());
    assert_eq!(code_of(&step), Code::Success);
    let (authenticator, _) = house.enrol(6);
    let code = house.code(&authenticator);
    let (asked, step) = house.hold(with_key(), &[&code]);
    assert_eq!(asked, ["Verification code: "]);
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(house.verdict(with_key(), &[&code]), Code::AuthenticationFailed);
    house.update(json!({"locked": true}));
    house.clock.forward(30);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(with_key(), &[&code]), Code::AuthenticationFailed);
}

#[test]
fn a_code_of_a_locked_user_is_not_spent() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    let code = house.code(&authenticator);
    let (mut login, _) = house.open(ssh());
    login.answer(secret(PASSWORD)).unwrap();
    house.update(json!({"locked": true}));
    assert_eq!(house.verdict(with_key(), &[&code]), Code::AuthenticationFailed);
    house.update(json!({"locked": false}));
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::Success);
}

#[test]
fn a_second_factor_that_is_off_is_not_asked_for() {
    let house = House::new();
    house.enrol(6);
    let grant = house.root(Action::TwoFactorManage);
    house.service.set_two_factor(&grant, &subject("alice"), Provider::Totp, false).unwrap();
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn an_old_hash_is_replaced_at_login_without_touching_its_age() {
    let house = House::new();
    let user = house.service.user(&subject("alice")).unwrap();
    let old = PasswordHasher::new(Parameters { memory_kib: 128, passes: 2, lanes: 1 }, 1024)
        .unwrap()
        .hash(&secret(PASSWORD))
        .unwrap();
    let stored = || house.service.read(|db| Ok(db.password(user.id)?.unwrap())).unwrap();
    let before = stored();
    house.service.note(|db| Ok(db.rehash_password(user.id, &before.phc, &old)?)).unwrap();
    house.clock.forward(1000);
    assert_eq!(house.verdict(ssh(), &["wrong"]), Code::AuthenticationFailed);
    assert_eq!(stored().phc, old, "a wrong password changes nothing");
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
    let after = stored();
    assert!(after.phc.contains("m=64,t=1,p=1"), "the configured costs");
    assert_eq!(after.changed_at, before.changed_at);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn standing_is_judged_without_authentication() {
    let house = House::new();
    let account = || start(Phase::Account, "cron");
    assert_eq!(house.verdict(account(), &[]), Code::Success);
    house.update(json!({"locked": true}));
    assert_eq!(house.verdict(account(), &[]), Code::PermissionDenied);
    house.update(json!({"locked": false, "expires_at": "2001-01-01"}));
    assert_eq!(house.verdict(account(), &[]), Code::AccountExpired);
    house.update(json!({"expires_at": null}));
    assert_eq!(house.verdict(account(), &[]), Code::Success);
}

#[test]
fn an_aging_password_warns_then_must_change_then_is_not_taken() {
    const DAY: i64 = 24 * 60 * 60;
    let house = House::new();
    house.update(json!({
        "password_max_age": 90, "password_warn": 7, "password_inactive": 14,
    }));
    let account = || house.hold(start(Phase::Account, "sshd"), &[]).1;
    assert_eq!(account(), super::verdict(Code::Success));
    house.clock.forward(85 * DAY);
    let step = account();
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(step.messages[0].text, "Your password expires in 5 days.");
    house.clock.forward(6 * DAY);
    assert_eq!(code_of(&account()), Code::NewPasswordRequired);
    house.clock.forward(14 * DAY);
    assert_eq!(code_of(&account()), Code::PasswordExpired);
}

#[test]
fn a_password_that_must_change_is_changed_with_the_old_one() {
    let house = House::new();
    let grant = house.root(Action::PasswordSet);
    let new = NewPassword::Given(secret("temporary secret"));
    house.service.set_password(&grant, &subject("alice"), new, true).unwrap();
    let account = || start(Phase::Account, "sshd");
    assert_eq!(house.verdict(account(), &[]), Code::NewPasswordRequired);
    let change = Start { only_expired: true, ..start(Phase::ChangePassword, "sshd") };
    let answers = ["temporary secret", "my own secret", "my own secret"];
    let (asked, step) = house.hold(change.clone(), &answers);
    assert_eq!(asked, ["Current password: ", "New password: ", "Retype new password: "]);
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(house.verdict(account(), &[]), Code::Success);
    assert_eq!(house.verdict(ssh(), &["my own secret"]), Code::Success);
    // And now nothing is due.
    let (asked, step) = house.hold(change, &[]);
    assert!(asked.is_empty());
    assert_eq!(code_of(&step), Code::Success);
}

fn passwd(caller_uid: u32) -> Start {
    Start { caller_uid, ..start(Phase::ChangePassword, "passwd") }
}

#[test]
fn a_user_changes_the_password_with_the_old_one() {
    let house = House::new();
    let check = Start { phase: Phase::CheckPasswordChange, ..passwd(3000) };
    assert_eq!(house.verdict(check, &[]), Code::Success);
    assert_eq!(house.verdict(passwd(3000), &["wrong"]), Code::AuthenticationFailed);
    let answers = [PASSWORD, "battery staple", "battery staple"];
    assert_eq!(house.verdict(passwd(3000), &answers), Code::Success);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::AuthenticationFailed);
    assert_eq!(house.verdict(ssh(), &["battery staple"]), Code::Success);
}

#[test]
fn root_sets_a_password_without_the_old_one() {
    let house = House::new();
    let (asked, step) = house.hold(passwd(0), &["battery staple", "battery staple"]);
    assert_eq!(asked, ["New password: ", "Retype new password: "]);
    assert_eq!(code_of(&step), Code::Success);
    assert_eq!(house.verdict(ssh(), &["battery staple"]), Code::Success);
}

#[test]
fn new_passwords_are_refused_with_the_reason_three_times() {
    let house = House::new();
    let (mut login, _) = house.open(passwd(3000));
    let mut step = login.answer(secret(PASSWORD)).unwrap();
    for (new, repeated, complaint) in [
        ("short", None, "shorter than 8 characters"),
        ("long enough", Some("long enouhg"), "not the same"),
        (PASSWORD, Some(PASSWORD), "is the old one"),
    ] {
        assert!(matches!(step.next, Next::Prompt(_)), "{step:?}");
        step = login.answer(secret(new)).unwrap();
        if let Some(repeated) = repeated {
            step = login.answer(secret(repeated)).unwrap();
        }
        assert!(step.messages[0].text.contains(complaint), "{:?}", step.messages);
        assert_eq!(step.messages[0].style, Style::Error);
    }
    assert_eq!(code_of(&step), Code::PasswordUnchanged);
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
}

#[test]
fn a_locked_user_changes_nothing_and_guesses_are_throttled() {
    let house = House::new();
    house.update(json!({"locked": true}));
    assert_eq!(house.verdict(passwd(3000), &[]), Code::PermissionDenied);
    house.update(json!({"locked": false}));
    for _ in 0..5 {
        house.verdict(passwd(3000), &["wrong"]);
    }
    assert_eq!(house.verdict(passwd(3000), &[PASSWORD]), Code::AuthenticationFailed);
}

#[test]
fn guessing_the_old_password_over_the_bus_is_throttled() {
    let house = House::new();
    let target = house.service.target(&subject("alice")).unwrap();
    let caller = house.service.caller(3000).unwrap();
    let Decision::Allow(grant) = decide(&caller, Action::PasswordChangeOwn, Some(&target)) else {
        panic!("alice may change her password");
    };
    let change = |old: &str| {
        house.service.change_own_password(&grant, &secret(old), &secret("battery staple"))
    };
    for _ in 0..5 {
        assert!(matches!(change("wrong"), Err(Error::WrongPassword)));
    }
    assert!(matches!(change(PASSWORD), Err(Error::RateLimited { seconds: 2 })));
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success, "logins are apart");
    house.clock.forward(2);
    change(PASSWORD).unwrap();
}

#[test]
fn a_young_password_is_left_alone_except_by_root() {
    let house = House::new();
    house.update(json!({"password_min_age": 3}));
    let (_, step) = house.hold(passwd(3000), &[]);
    assert_eq!(code_of(&step), Code::PasswordUnchanged);
    assert!(step.messages[0].text.contains("in 3 days"));
    assert_eq!(house.verdict(passwd(0), &["battery staple", "battery staple"]), Code::Success);
}

#[test]
fn a_session_makes_the_home_and_tells_of_failures() {
    let house = House::new();
    house.verdict(ssh(), &["wrong"]);
    house.verdict(ssh(), &["wrong"]);
    let session = |service: &str| house.hold(start(Phase::OpenSession, service), &[]).1;
    assert_eq!(session("cron"), super::verdict(Code::Success), "a job is no login");
    let step = session("sshd");
    assert_eq!(code_of(&step), Code::Success);
    assert!(house.directory.path().join("home/alice/.profile").exists());
    assert_eq!(step.messages.len(), 1);
    assert_eq!(step.messages[0].text, "There were 2 failed attempts to log in since then.");
    let user = house.service.user(&subject("alice")).unwrap();
    assert_eq!(user.last_login.map(|at| at.0), Some(house.service.now()));
    // Told once; and a console tells of the last login as well.
    let step = session("login");
    assert_eq!(step.messages.len(), 1);
    assert_eq!(step.messages[0].text, "Last login: 2023-11-14T22:13:20Z from 192.0.2.1");
    let silent = Start { silent: true, ..start(Phase::OpenSession, "login") };
    assert!(house.hold(silent, &[]).1.messages.is_empty());
}

#[test]
fn who_is_not_ours_is_unknown_in_every_phase() {
    let house = House::new();
    for phase in [Phase::Authenticate, Phase::Account, Phase::ChangePassword, Phase::OpenSession] {
        for user in ["root", "bob", "", "alice\0", "ALICE", "3000", "*"] {
            let start = Start { user: user.into(), ..start(phase, "login") };
            assert_eq!(house.verdict(start, &[]), Code::UserUnknown, "{user:?}");
        }
    }
}

#[test]
fn nobody_asks_about_others() {
    let house = House::new();
    let open = |uid| Login::open(Arc::clone(&house.service), uid, ssh());
    assert!(open(3000).is_ok());
    assert!(matches!(open(3001), Err(NotPermitted)));
    let unknown = Start { user: "bob".into(), ..ssh() };
    assert!(matches!(Login::open(Arc::clone(&house.service), 3000, unknown), Err(NotPermitted)));
}

#[test]
fn an_answer_nobody_asked_for_is_out_of_turn() {
    let house = House::new();
    let (mut login, _) = house.open(start(Phase::Account, "login"));
    assert!(login.is_over());
    assert_eq!(login.answer(secret("x")), Err(OutOfTurn));
    let (mut login, _) = house.open(ssh());
    login.answer(secret("wrong")).unwrap();
    assert_eq!(login.answer(secret(PASSWORD)), Err(OutOfTurn));
}

#[test]
fn without_a_store_nobody_is_let_in_and_nobody_is_unknown() {
    let fixture = Fixture::new();
    fixture.create(json!({"name": "alice"})).unwrap();
    let database = fixture.path("store/roster.db");
    let fixture = fixture.restarted();
    drop(fixture.service);
    std::fs::write(&database, vec![0x55; 8192]).unwrap();
    let house = House::new();
    let config = {
        let mut config = house.service.config().clone();
        config.places.store = database.parent().unwrap().to_owned();
        config
    };
    let parts = crate::service::Parts {
        config,
        clock: house.clock.clone(),
        hasher: PasswordHasher::new(Parameters { memory_kib: 64, passes: 1, lanes: 1 }, 64)
            .unwrap(),
        sealer: crate::authenticate::Sealer::new([0; 32]),
        host: crate::publish::host::Host::system(),
    };
    let broken = Arc::new(Service::start(parts));
    for phase in [Phase::Authenticate, Phase::Account, Phase::ChangePassword, Phase::OpenSession] {
        let (_, step) = Login::open(Arc::clone(&broken), 0, start(phase, "sshd")).unwrap();
        assert_eq!(code_of(&step), Code::Unavailable, "{phase:?}");
    }
}

#[test]
fn a_sealed_secret_that_does_not_open_lets_nobody_in() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    let user = house.service.user(&Subject::Name("alice".into())).unwrap();
    house
        .service
        .note(|db| {
            let mut row = db.totp(user.id, TotpState::Active)?.unwrap();
            row.sealed = vec![0; row.sealed.len()];
            Ok(db.set_totp(user.id, TotpState::Active, &row)?)
        })
        .unwrap();
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::Unavailable);
}
