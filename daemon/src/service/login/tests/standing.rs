//! The account phase, and the session.

use super::*;

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
