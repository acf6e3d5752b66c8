//! Logins of users who must have a second factor and have none.

use super::*;
use crate::service::{Deadline, WantedPolicy};

const INTRO: &str = "A second factor is required of this account. Set it up now:";

fn enforce(house: &House, wanted: WantedPolicy) {
    let caller = house.service.caller(0).unwrap();
    let Decision::Allow(grant) = decide(&caller, Action::TwoFactorEnforce, None) else {
        panic!("root may")
    };
    house.service.set_two_factor_policy(&grant, &wanted).unwrap();
}

fn of_all() -> WantedPolicy {
    WantedPolicy { enforced: true, ..WantedPolicy::default() }
}

fn enforced() -> House {
    let house = House::new();
    enforce(&house, of_all());
    house
}

/// The authenticator that was told by a step's texts.
fn told(step: &Step) -> totp_rs::Totp {
    assert!(step.messages.iter().all(|message| message.must_show), "{step:?}");
    let after = |start: &str| {
        let found = step.messages.iter().find_map(|message| message.text.strip_prefix(start));
        found.unwrap_or_else(|| panic!("no {start}")).to_owned()
    };
    let authenticator = totp_rs::Totp::from_url(after("URI: ")).unwrap();
    let typed = totp_rs::Secret::try_from_base32(after("Secret: ")).unwrap();
    assert_eq!(typed.as_bytes(), authenticator.secret().as_bytes());
    authenticator
}

fn recovery_codes(step: &Step) -> Vec<String> {
    let codes = step.messages.iter().filter_map(|message| message.text.strip_prefix("  "));
    codes.map(str::to_owned).collect()
}

/// Leads alice through it, from the step that shows the secret on.
fn go_through(house: &House, login: &mut Login, step: &Step) -> (totp_rs::Totp, Vec<String>) {
    let authenticator = told(step);
    let step = login.answer(secret(&house.code(&authenticator))).unwrap();
    let codes = recovery_codes(&step);
    assert_eq!(codes.len(), 10);
    let done = login.answer(secret("")).unwrap();
    assert_eq!(code_of(&done), Code::Success);
    (authenticator, codes)
}

#[test]
fn after_the_password_the_login_leads_through_it_and_lets_in() {
    let house = enforced();
    let (mut login, _) = house.open(ssh());
    let step = login.answer(secret(PASSWORD)).unwrap();
    assert_eq!(step.messages[0].text, INTRO);
    let Next::Prompt(prompt) = &step.next else { panic!("{step:?}") };
    assert_eq!((prompt.text.as_str(), prompt.echo), ("Verification code: ", true));
    let authenticator = told(&step);
    assert!(!house.service.two_factor_state(&subject("alice")).unwrap().enabled, "not yet");
    let first = house.code(&authenticator);
    let shown = login.answer(secret(&first)).unwrap();
    assert!(house.service.two_factor_state(&subject("alice")).unwrap().enabled);
    let codes = recovery_codes(&shown);
    let Next::Verdict(verdict) = login.answer(secret("")).unwrap().next else { panic!("asked") };
    assert_eq!((verdict.code, verdict.password_length), (Code::Success, Some(13)));
    // From now on it is a second factor like any other; the code that confirmed it is spent.
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &first]), Code::AuthenticationFailed);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &codes[0]]), Code::Success);
    house.clock.forward(30);
    let next = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &next]), Code::Success);
    let audit = house.service.dump();
    let row = audit.iter().find(|row| row.contains("two-factor-confirm")).unwrap();
    assert!(row.contains("alice") && row.contains("auth") && !row.contains(&codes[0]), "{row}");
}

#[test]
fn after_a_key_too() {
    let house = enforced();
    let (mut login, step) = house.open(with_key());
    go_through(&house, &mut login, &step);
    assert_eq!(house.hold(with_key(), &[]).0, ["Verification code: "]);
    assert_eq!(house.verdict(start(Phase::Account, "sshd"), &[]), Code::Success);
}

#[test]
fn a_wrong_password_is_shown_no_secret() {
    let house = enforced();
    let (asked, step) = house.hold(ssh(), &["wrong"]);
    assert_eq!((asked.len(), step.messages.len()), (1, 0));
    assert_eq!(code_of(&step), Code::AuthenticationFailed);
}

#[test]
fn a_wrong_code_shows_the_same_secret_again_and_the_third_one_ends_it() {
    let house = enforced();
    let (mut login, _) = house.open(ssh());
    let first = login.answer(secret(PASSWORD)).unwrap();
    let second = login.answer(secret("000000")).unwrap();
    assert!(second.messages[0].text.starts_with("That was no code of this secret."));
    assert_eq!(told(&first).secret().as_bytes(), told(&second).secret().as_bytes());
    login.answer(secret("")).unwrap();
    assert_eq!(code_of(&login.answer(secret("000000")).unwrap()), Code::AuthenticationFailed);
    let (mut login, _) = house.open(ssh());
    let again = login.answer(secret(PASSWORD)).unwrap();
    assert_eq!(told(&first).secret().as_bytes(), told(&again).secret().as_bytes(), "same place");
    go_through(&house, &mut login, &again);
    assert_eq!(house.failures(ThrottleKind::Code, "192.0.2.1"), 0);
}

#[test]
fn what_somebody_else_was_shown_is_never_what_the_user_confirms() {
    let house = enforced();
    let stranger = Start { remote_host: Some("198.51.100.9".into()), ..ssh() };
    let (mut peeking, _) = house.open(stranger);
    let peeked = told(&peeking.answer(secret(PASSWORD)).unwrap());
    let (mut login, _) = house.open(ssh());
    let step = login.answer(secret(PASSWORD)).unwrap();
    assert_ne!(told(&step).secret().as_bytes(), peeked.secret().as_bytes());
    go_through(&house, &mut login, &step);
    // And who comes second finds it taken.
    let late = peeking.answer(secret(&house.code(&peeked))).unwrap();
    assert_eq!(code_of(&late), Code::AuthenticationFailed);
    assert!(recovery_codes(&late).is_empty());
}

#[test]
fn two_at_the_same_time_set_up_one() {
    let house = enforced();
    let shown = (0..4).map(|n| {
        let remote = Some(format!("192.0.2.{n}"));
        let (mut login, _) = house.open(Start { remote_host: remote, ..ssh() });
        let step = login.answer(secret(PASSWORD)).unwrap();
        (login, house.code(&told(&step)))
    });
    let shown: Vec<_> = shown.collect();
    let enter = |mut login: Login, code: String| match login.answer(secret(&code)).unwrap().next {
        Next::Prompt(_) => code_of(&login.answer(secret("")).unwrap()),
        Next::Verdict(verdict) => verdict.code,
    };
    let entered: Vec<Code> = std::thread::scope(|scope| {
        let logins = shown.into_iter().map(|(login, code)| scope.spawn(move || enter(login, code)));
        let logins: Vec<_> = logins.collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    assert_eq!(entered.iter().filter(|code| **code == Code::Success).count(), 1, "{entered:?}");
}

#[test]
fn a_second_factor_that_waits_or_is_off_is_replaced_and_one_in_force_never() {
    let house = enforced();
    let manage = house.root(Action::TwoFactorManage);
    house.service.enroll_totp(&manage, &subject("alice"), 8, 60).unwrap();
    let (mut login, _) = house.open(ssh());
    let step = login.answer(secret(PASSWORD)).unwrap();
    go_through(&house, &mut login, &step);
    let refused = house.service.confirm_totp(&manage, &subject("alice"), &secret("000000"));
    assert!(matches!(refused, Err(Error::NotEnrolled(_))), "nothing waits any more");
    house.service.set_two_factor(&manage, &subject("alice"), Provider::Totp, false).unwrap();
    let (mut login, _) = house.open(ssh());
    let step = login.answer(secret(PASSWORD)).unwrap();
    // Switched on again while somebody is led through: that one stays.
    house.service.set_two_factor(&manage, &subject("alice"), Provider::Totp, true).unwrap();
    let late = login.answer(secret(&house.code(&told(&step)))).unwrap();
    assert_eq!(code_of(&late), Code::AuthenticationFailed);
}

#[test]
fn a_service_that_cannot_show_it_refuses_and_shows_nothing() {
    let house = enforced();
    let silent = Start { silent: true, ..ssh() };
    for start in [start(Phase::Authenticate, "vsftpd"), silent] {
        let (asked, step) = house.hold(start, &[PASSWORD]);
        assert_eq!(asked, ["Password: "]);
        assert_eq!(code_of(&step), Code::PermissionDenied);
        assert_eq!(step.messages.len(), 1);
        assert!(step.messages[0].text.contains("Log in by ssh or on a console"));
    }
    let (_, step) = house.hold(start(Phase::Authenticate, "vsftpd"), &["wrong"]);
    assert!(step.messages.is_empty(), "only who knows the password is told");
    assert_eq!(code_of(&step), Code::AuthenticationFailed);
}

#[test]
fn exempt_services_and_the_users_own_programs_take_the_password() {
    let house = enforced();
    assert_eq!(house.verdict(start(Phase::Authenticate, "sudo"), &[PASSWORD]), Code::Success);
    let uid = house.service.user(&subject("alice")).unwrap().uid;
    let locker = start(Phase::Authenticate, "locker");
    let (mut login, _) = Login::open(Arc::clone(&house.service), uid, locker).unwrap();
    assert_eq!(code_of(&login.answer(secret(PASSWORD)).unwrap()), Code::Success);
}

#[test]
fn a_key_that_sshd_took_alone_is_stopped_and_jobs_are_not() {
    let house = enforced();
    let account = |service| house.hold(start(Phase::Account, service), &[]).1;
    let stopped = account("sshd");
    assert_eq!(code_of(&stopped), Code::PermissionDenied);
    assert!(stopped.messages[0].text.contains("second factor"));
    for service in ["cron", "systemd-user", "sudo", "su"] {
        assert_eq!(code_of(&account(service)), Code::Success, "{service}");
    }
}

#[test]
fn a_locked_user_with_a_key_is_led_nowhere() {
    let house = enforced();
    house.update(json!({"locked": true}));
    let (_, step) = house.open(with_key());
    assert!(step.messages.is_empty());
    let account = start(Phase::Account, "sshd");
    assert_eq!(house.verdict(account, &[]), Code::PermissionDenied);
    let (mut login, step) = {
        house.update(json!({"locked": false}));
        house.open(with_key())
    };
    house.update(json!({"locked": true}));
    let late = login.answer(secret(&house.code(&told(&step)))).unwrap();
    assert_eq!(code_of(&late), Code::AuthenticationFailed);
}

#[test]
fn before_the_deadline_the_user_is_told_and_after_it_led() {
    let house = House::new();
    enforce(&house, WantedPolicy { deadline: Some(Deadline::In(600)), ..of_all() });
    assert_eq!(house.verdict(ssh(), &[PASSWORD]), Code::Success);
    assert_eq!(house.verdict(start(Phase::Account, "sshd"), &[]), Code::Success);
    let news = |house: &House| {
        let (_, step) = house.hold(start(Phase::OpenSession, "sshd"), &[]);
        step.messages.iter().map(|message| message.text.clone()).collect::<Vec<_>>().join("\n")
    };
    let told = "A second factor must be set up by 2023-11-14T22:23:20Z: roster 2fa enroll alice";
    assert!(news(&house).contains(told), "{}", news(&house));
    house.clock.forward(600);
    assert!(!news(&house).contains("second factor"));
    assert_eq!(house.hold(ssh(), &[PASSWORD]).0, ["Password: ", "Verification code: "]);
    assert_eq!(house.verdict(start(Phase::Account, "sshd"), &[]), Code::PermissionDenied);
}

#[test]
fn who_has_one_hears_nothing_of_the_policy() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    enforce(&house, of_all());
    let code = house.code(&authenticator);
    let (asked, step) = house.hold(ssh(), &[PASSWORD, &code]);
    assert_eq!((asked.len(), step.messages.len()), (2, 0));
    assert_eq!(code_of(&step), Code::Success);
}
