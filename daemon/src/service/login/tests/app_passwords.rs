//! App passwords at PAM's door.

use accounts::{ServiceName, TokenName};

use super::*;

fn app_password(house: &House, scope: &[&str]) -> String {
    let grant = house.root(Action::TokenCreate);
    let scope: Vec<_> = scope.iter().map(|name| ServiceName::parse(name).unwrap()).collect();
    let name = TokenName::parse("mail").unwrap();
    let made = house.service.create_token(&grant, &subject("alice"), &name, &scope, None);
    made.unwrap().1.as_str().unwrap().to_owned()
}

fn by(service: &str) -> Start {
    start(Phase::Authenticate, service)
}

const REFUSED: Code = Code::AuthenticationFailed;

#[test]
fn it_is_for_the_services_of_its_scope() {
    let house = House::new();
    let scoped = app_password(&house, &["dovecot", "sudo"]);
    assert_eq!(house.verdict(by("dovecot"), &[&scoped]), Code::Success);
    assert_eq!(house.verdict(by("sudo"), &[&scoped]), Code::Success);
    for other in ["smtp", "sshd", "su", "login"] {
        assert_eq!(house.verdict(by(other), &[&scoped]), REFUSED, "{other}");
    }
    house.clock.forward(86_401);
    let open = app_password(&house, &[]);
    assert_eq!(house.verdict(by("smtp"), &[&open.to_uppercase()]), Code::Success);
    for named_only in ["sudo", "sudo-i", "su", "su-l"] {
        assert_eq!(house.verdict(by(named_only), &[&open]), REFUSED, "{named_only}");
    }
    house.clock.forward(86_401);
    for named_only in ["login", "sshd", "passwd", "polkit-1"] {
        assert_eq!(house.verdict(by(named_only), &[&open]), REFUSED, "{named_only}");
    }
    let listed = house.service.list_tokens(&subject("alice")).unwrap();
    assert!(listed.iter().all(|token| token.last_used_at.is_some()), "{listed:?}");
}

#[test]
fn it_stands_for_the_code_too_and_the_password_does_not() {
    let house = House::new();
    let app = app_password(&house, &["dovecot"]);
    house.enrol(6);
    let (asked, step) = house.hold(by("dovecot"), &[&app]);
    assert_eq!((asked.as_slice(), code_of(&step)), (&["Password: ".to_owned()][..], Code::Success));
    let (asked, _) = house.hold(by("dovecot"), &[PASSWORD]);
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[test]
fn ssh_takes_it_by_scope_where_it_takes_passwords() {
    let house = House::new();
    let app = app_password(&house, &["sshd"]);
    assert_eq!(house.verdict(ssh(), &[&app]), Code::Success);
    house.update(json!({"ssh_password_enabled": false}));
    assert_eq!(house.verdict(ssh(), &[&app]), REFUSED);
}

#[test]
fn rules_and_throttle_hold_for_it() {
    let house = House::new();
    let app = app_password(&house, &[]);
    house.update(json!({"locked": true}));
    assert_eq!(house.verdict(by("dovecot"), &[&app]), REFUSED);
    house.update(json!({"locked": false}));
    for _ in 0..5 {
        assert_eq!(house.verdict(by("dovecot"), &["wrong"]), REFUSED);
    }
    assert_eq!(house.verdict(by("dovecot"), &[&app]), REFUSED, "throttled");
    house.clock.forward(3);
    assert_eq!(house.verdict(by("dovecot"), &[&app]), Code::Success);
    // Whoever has it may not guess the password without end.
    assert_eq!(house.failures(ThrottleKind::Password, "192.0.2.1"), 5);
}

#[test]
fn it_neither_changes_the_password_nor_outlives_it() {
    let house = House::new();
    let app = app_password(&house, &["passwd"]);
    let by_user = Start { caller_uid: 3000, ..start(Phase::ChangePassword, "passwd") };
    assert_eq!(house.verdict(by_user, &[&app]), REFUSED);
    let grant = house.root(Action::PasswordSet);
    let new = NewPassword::Given(secret("nine brown otters"));
    let app = app_password(&house, &[]);
    assert_eq!(house.verdict(by("dovecot"), &[&app]), Code::Success);
    house.service.set_password(&grant, &subject("alice"), new, false).unwrap();
    assert_eq!(house.verdict(by("dovecot"), &[&app]), REFUSED);
}

#[test]
fn it_ends_in_time_and_is_its_users_alone() {
    let house = House::new();
    let grant = house.root(Action::TokenCreate);
    let end = Some(accounts::Timestamp(house.service.now() + 60));
    let name = TokenName::parse("mail").unwrap();
    let made = house.service.create_token(&grant, &subject("alice"), &name, &[], end).unwrap();
    let app = made.1.as_str().unwrap().to_owned();
    assert_eq!(house.verdict(by("dovecot"), &[&app]), Code::Success);
    let create = match decide(&house.service.caller(0).unwrap(), Action::UserCreate, None) {
        Decision::Allow(grant) => grant,
        other => panic!("{other:?}"),
    };
    let bob = crate::service::testing::map(json!({"name": "bob"}));
    house.service.create_user(&create, &bob, NewPassword::Given(secret(PASSWORD))).unwrap();
    let as_bob = Start { user: "bob".into(), ..by("dovecot") };
    assert_eq!(house.verdict(as_bob, &[&app]), REFUSED);
    house.clock.forward(60);
    assert_eq!(house.verdict(by("dovecot"), &[&app]), REFUSED);
}
