//! Logging in with a second factor.

use super::*;

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
fn one_recovery_code_at_the_same_time_gets_one_login() {
    let house = House::new();
    let (_, codes) = house.enrol(6);
    let code = codes[0].as_str().unwrap();
    let accepted = std::thread::scope(|scope| {
        let logins: Vec<_> =
            (0..4).map(|_| scope.spawn(|| house.verdict(ssh(), &[PASSWORD, code]))).collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect::<Vec<_>>()
    });
    let successes = accepted.iter().filter(|code| **code == Code::Success).count();
    assert_eq!(successes, 1, "{accepted:?}");
}

#[test]
fn a_code_of_an_earlier_step_of_the_window_is_spent_by_a_later_one() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    house.clock.forward(30);
    let earlier = authenticator.generate(house.service.now().unsigned_abs() - 30).to_string();
    let present = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &present]), Code::Success);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &earlier]), Code::AuthenticationFailed);
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
fn a_password_alone_does_not_forgive_wrong_codes() {
    let house = House::new();
    let (authenticator, _) = house.enrol(6);
    let sudo = start(Phase::Authenticate, "sudo");
    let remote = "192.0.2.1";
    house.verdict(ssh(), &[PASSWORD, "000000"]);
    house.verdict(ssh(), &["not the password"]);
    assert_eq!(house.verdict(sudo, &[PASSWORD]), Code::Success);
    assert_eq!(house.failures(ThrottleKind::Password, remote), 0);
    assert_eq!(house.failures(ThrottleKind::Code, remote), 1);
    let code = house.code(&authenticator);
    assert_eq!(house.verdict(ssh(), &[PASSWORD, &code]), Code::Success);
    assert_eq!(house.failures(ThrottleKind::Code, remote), 0);
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
