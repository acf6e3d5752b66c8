//! The verbs of the second factor against a real store and index.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::service::testing::{Fixture, secret, subject};

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.create(json!({"name": "alice"})).unwrap();
    fixture
}

fn manage(f: &Fixture) -> Grant {
    f.root(Action::TwoFactorManage, Some("alice"))
}

fn verify(f: &Fixture, code: &str) -> Result<bool, Error> {
    let grant = f.root(Action::TwoFactorVerify, Some("alice"));
    f.service.verify_totp(&grant, &subject("alice"), &secret(code))
}

fn enrol(f: &Fixture) -> totp_rs::Totp {
    let enrolment = f.service.enroll_totp(&manage(f), &subject("alice"), 6, 30).unwrap();
    let authenticator = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
    let typed = totp_rs::Secret::try_from_base32(enrolment.secret.as_str().unwrap()).unwrap();
    assert_eq!(typed.as_bytes(), authenticator.secret().as_bytes());
    authenticator
}

fn code(f: &Fixture, authenticator: &totp_rs::Totp) -> String {
    authenticator.generate(f.service.now().unsigned_abs()).to_string()
}

fn confirm(f: &Fixture, code: &str) -> Result<Vec<Secret>, Error> {
    f.service.confirm_totp(&manage(f), &subject("alice"), &secret(code))
}

fn state(f: &Fixture) -> TwoFactorState {
    f.service.two_factor_state(&subject("alice")).unwrap()
}

/// Whether the published index has alice among those whom sshd asks for a code.
fn is_published(f: &Fixture) -> bool {
    let path = std::ffi::CString::new(f.path("run/index").to_str().unwrap()).unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let reader = snapshot::Reader::open(&path, snapshot::Kind::Index, owner).unwrap();
    let index = reader.index();
    let group = index.group_by_name(b"roster-2fa");
    group.is_some_and(|group| group.members().any(|member| member == b"alice"))
}

#[test]
fn an_enrolment_is_in_force_only_after_its_first_code() {
    let f = fixture();
    let authenticator = enrol(&f);
    assert!(!state(&f).enabled && !is_published(&f));
    assert!(matches!(verify(&f, &code(&f, &authenticator)), Err(Error::NotEnrolled(_))));
    assert!(matches!(confirm(&f, "000000"), Err(Error::WrongCode)));
    assert!(!state(&f).enabled);
    let codes = confirm(&f, &code(&f, &authenticator)).unwrap();
    assert_eq!(codes.len(), 10);
    assert!(state(&f).enabled && is_published(&f));
    assert!(f.service.user(&subject("alice")).unwrap().twofactor_auth_configured);
    assert_eq!(state(&f).recovery_codes_left, 10);
    assert!(matches!(confirm(&f, "000000"), Err(Error::NotEnrolled(_))), "nothing is pending");
}

#[test]
fn a_secret_is_shown_again_until_it_is_confirmed_and_not_after() {
    let f = fixture();
    let again = || f.service.pending_totp(&manage(&f), &subject("alice"));
    assert!(matches!(again(), Err(Error::NotEnrolled(_))));
    let first = f.service.enroll_totp(&manage(&f), &subject("alice"), 8, 60).unwrap();
    let shown = again().unwrap();
    assert_eq!(shown.secret.as_bytes(), first.secret.as_bytes());
    assert_eq!(shown.uri.as_bytes(), first.uri.as_bytes());
    assert_eq!((shown.digits, shown.interval), (8, 60));
    let read_only = f.root(Action::TwoFactorRead, Some("alice"));
    assert!(f.service.pending_totp(&read_only, &subject("alice")).is_err());
    let authenticator = totp_rs::Totp::from_url(first.uri.as_str().unwrap()).unwrap();
    confirm(&f, &code(&f, &authenticator)).unwrap();
    assert!(matches!(again(), Err(Error::NotEnrolled(_))));
}

#[test]
fn verifying_spends_the_code() {
    let f = fixture();
    let authenticator = enrol(&f);
    let first = code(&f, &authenticator);
    let recovery = confirm(&f, &first).unwrap();
    assert!(!verify(&f, &first).unwrap(), "it confirmed the enrolment");
    f.clock.forward(30);
    let second = code(&f, &authenticator);
    assert!(verify(&f, &second).unwrap());
    assert!(!verify(&f, &second).unwrap());
    assert!(verify(&f, recovery[0].as_str().unwrap()).unwrap());
    assert!(!verify(&f, recovery[0].as_str().unwrap()).unwrap());
}

#[test]
fn a_code_that_was_accepted_before_a_crash_is_spent_after_it() {
    let f = fixture();
    let authenticator = enrol(&f);
    let recovery = confirm(&f, &code(&f, &authenticator)).unwrap();
    f.clock.forward(30);
    let typed = code(&f, &authenticator);
    // Accepted, and the daemon is gone before anybody hears of it.
    assert!(verify(&f, &typed).unwrap());
    assert!(verify(&f, recovery[0].as_str().unwrap()).unwrap());
    let f = f.restarted();
    assert!(!verify(&f, &typed).unwrap());
    assert!(!verify(&f, recovery[0].as_str().unwrap()).unwrap());
}

#[test]
fn verifying_waits_for_the_throttle_of_the_password_too() {
    let f = fixture();
    let authenticator = enrol(&f);
    confirm(&f, &code(&f, &authenticator)).unwrap();
    f.clock.forward(30);
    let alice = f.service.user(&subject("alice")).unwrap().id;
    let attempt = Attempt { user: alice, remote: REMOTE };
    let wrong = crate::service::login::PasswordTry { matches: false, welcome: true };
    for _ in 0..5 {
        f.service.settle_password(attempt, wrong).unwrap();
    }
    let right = code(&f, &authenticator);
    assert!(matches!(verify(&f, &right), Err(Error::RateLimited { .. })));
    f.clock.forward(2);
    assert!(verify(&f, &right).unwrap(), "and then it counts");
}

#[test]
fn wrong_codes_are_limited_and_the_wait_is_told() {
    let f = fixture();
    let authenticator = enrol(&f);
    confirm(&f, &code(&f, &authenticator)).unwrap();
    f.clock.forward(30);
    for _ in 0..5 {
        assert!(!verify(&f, "000000").unwrap());
    }
    let right = code(&f, &authenticator);
    assert!(matches!(verify(&f, &right), Err(Error::RateLimited { seconds: 2 })));
    f.clock.forward(2);
    assert!(verify(&f, &right).unwrap());
}

#[test]
fn confirming_is_limited_too() {
    let f = fixture();
    let authenticator = enrol(&f);
    for _ in 0..5 {
        assert!(matches!(confirm(&f, "000000"), Err(Error::WrongCode)));
    }
    let right = code(&f, &authenticator);
    assert!(matches!(confirm(&f, &right), Err(Error::RateLimited { .. })));
    f.clock.forward(2);
    confirm(&f, &code(&f, &authenticator)).unwrap();
}

#[test]
fn a_new_enrolment_leaves_the_old_one_in_force_until_it_is_confirmed() {
    let f = fixture();
    let old = enrol(&f);
    let old_recovery = confirm(&f, &code(&f, &old)).unwrap();
    f.clock.forward(30);
    let new = enrol(&f);
    assert!(verify(&f, &code(&f, &old)).unwrap());
    assert!(!verify(&f, &code(&f, &new)).unwrap());
    f.clock.forward(30);
    confirm(&f, &code(&f, &new)).unwrap();
    f.clock.forward(30);
    assert!(!verify(&f, &code(&f, &old)).unwrap());
    assert!(!verify(&f, old_recovery[0].as_str().unwrap()).unwrap(), "codes are fresh too");
    assert!(verify(&f, &code(&f, &new)).unwrap());
}

#[test]
fn what_is_off_is_not_asked_for_and_comes_back_as_it_was() {
    let f = fixture();
    let set = |provider, on| f.service.set_two_factor(&manage(&f), &subject("alice"), provider, on);
    assert!(matches!(set(Provider::Totp, false), Err(Error::NotEnrolled(_))));
    let authenticator = enrol(&f);
    confirm(&f, &code(&f, &authenticator)).unwrap();
    set(Provider::Totp, false).unwrap();
    assert!(!state(&f).enabled && !is_published(&f));
    assert!(matches!(set(Provider::Totp, false), Err(Error::AlreadyInState(_))));
    set(Provider::Totp, true).unwrap();
    assert!(state(&f).enabled && is_published(&f));
    f.clock.forward(30);
    assert!(verify(&f, &code(&f, &authenticator)).unwrap());
}

#[test]
fn recovery_codes_stand_in_for_an_authenticator_only() {
    let f = fixture();
    let generate = || f.service.generate_recovery_codes(&manage(&f), &subject("alice"));
    assert!(matches!(generate(), Err(Error::NotEnrolled(_))));
    let authenticator = enrol(&f);
    let old = confirm(&f, &code(&f, &authenticator)).unwrap();
    let new = generate().unwrap();
    assert!(!verify(&f, old[0].as_str().unwrap()).unwrap());
    assert!(verify(&f, new[0].as_str().unwrap()).unwrap());
}

#[test]
fn settings_out_of_bounds_name_their_field() {
    let f = fixture();
    for (digits, interval, field) in [(5, 30, "digits"), (9, 30, "digits"), (6, 4, "interval")] {
        match f.service.enroll_totp(&manage(&f), &subject("alice"), digits, interval) {
            Err(Error::InvalidField(errors)) => assert_eq!(errors.0[0].field, field),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_grant_for_one_user_is_of_no_use_for_another() {
    let f = fixture();
    f.create(json!({"name": "bob"})).unwrap();
    let alices = manage(&f);
    let bob = subject("bob");
    assert!(matches!(f.service.enroll_totp(&alices, &bob, 6, 30), Err(Error::NotAuthorized(_))));
    let refused = f.service.confirm_totp(&alices, &bob, &secret("000000"));
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    let refused = f.service.generate_recovery_codes(&alices, &bob);
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    let refused = f.service.verify_totp(&alices, &bob, &secret("000000"));
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
}

#[test]
fn the_store_holds_no_secret_in_the_clear() {
    let f = fixture();
    let authenticator = enrol(&f);
    let recovery = confirm(&f, &code(&f, &authenticator)).unwrap();
    let base32 = authenticator.secret().to_base32();
    for entry in std::fs::read_dir(f.path("store")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(authenticator.secret().as_bytes()));
        assert!(!holds(base32.as_bytes()));
        for code in &recovery {
            assert!(!holds(code.as_bytes()));
            assert!(!holds(code.as_str().unwrap().replace('-', "").as_bytes()));
        }
    }
}
