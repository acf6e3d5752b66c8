//! Changing the password.

use super::*;

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
