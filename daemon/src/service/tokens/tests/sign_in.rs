//! Logins for tokens, and what comes of the tokens.

use std::sync::Barrier;

use accounts::Subject;
use serde_json::json;

use super::super::super::testing::{Fixture, secret, subject};
use super::super::super::{DeleteOptions, Error, LoginTokens, NewPassword, Which};
use super::{ANYBODY, PASSWORD, house, is_valid, log_in, rows, update};
use crate::authorize::{Action, Caller};
use crate::secret::Secret;
use crate::store::ThrottleKind;

fn refresh(f: &Fixture, token: &Secret) -> Result<LoginTokens, Error> {
    f.service.refresh_tokens(&ANYBODY, token)
}

fn is_refused<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(Error::LoginRefused) => true,
        Err(other) => panic!("another refusal: {other}"),
    }
}

fn failures(f: &Fixture, remote: &str) -> u32 {
    let user = f.service.user(&subject("alice")).unwrap();
    f.service.read(|db| Ok(db.throttle(user.id, ThrottleKind::Password, remote)?.failures)).unwrap()
}

#[test]
fn a_login_gives_tokens_by_name_and_by_address() {
    let f = house();
    for name in ["alice", "alice@example.org"] {
        let tokens = log_in(&f, name, PASSWORD).unwrap();
        assert_eq!(tokens.user.as_str(), "alice");
        assert_eq!(tokens.access_expires_at, f.service.now() + 3600);
        assert_eq!(tokens.refresh_expires_at, f.service.now() + 86400);
        assert!(is_valid(&f, &tokens.access));
        // A refresh token is none to act with, and the other way round.
        assert!(!is_valid(&f, &tokens.refresh));
        assert!(matches!(refresh(&f, &tokens.access), Err(Error::InvalidToken)));
    }
    assert_eq!(f.service.user(&subject("alice")).unwrap().tokens.len(), 2);
}

#[test]
fn an_address_of_two_enabled_users_is_nobodys() {
    let f = house();
    f.create(json!({"name": "bob", "email": "alice@example.org", "uid": 1_987_654_322})).unwrap();
    assert!(is_refused(log_in(&f, "alice@example.org", PASSWORD)));
    let grant = f.root(Action::UserEnable, Some("bob"));
    f.service.disable_user(&grant, &subject("bob")).unwrap();
    log_in(&f, "alice@example.org", PASSWORD).unwrap();
}

#[test]
fn whoever_does_not_get_in_is_refused_alike() {
    let f = house();
    let words = |result: Result<LoginTokens, Error>| result.err().unwrap().to_string();
    let wrong = words(log_in(&f, "alice", "not the password"));
    for name in ["nobody", "", "nobody@example.org", "a\u{1b}[2J", &"x".repeat(5000)] {
        assert_eq!(words(log_in(&f, name, PASSWORD)), wrong);
    }
    for state in [
        json!({"locked": true}),
        json!({"locked": false, "expires_at": "2001-01-01"}),
        json!({"expires_at": null, "email": null, "password_max_age": 0}),
    ] {
        update(&f, state.clone());
        f.clock.forward(100_000);
        assert_eq!(words(log_in(&f, "alice", PASSWORD)), wrong, "{state}");
    }
    // The right password that a rule refused was no guess.
    assert_eq!(failures(&f, "bus:4000"), 1);
    update(&f, json!({"password_max_age": null}));
    log_in(&f, "alice", PASSWORD).unwrap();
    let grant = f.root(Action::PasswordSet, Some("alice"));
    let new = NewPassword::Given(secret("nine brown otters"));
    f.service.set_password(&grant, &subject("alice"), new, true).unwrap();
    assert_eq!(words(log_in(&f, "alice", "nine brown otters")), wrong);
    assert_eq!(rows(&f), 0);
}

#[test]
fn failures_are_throttled_per_user_and_caller() {
    let f = house();
    for _ in 0..5 {
        assert!(is_refused(log_in(&f, "alice", "wrong")));
    }
    assert_eq!(failures(&f, "bus:4000"), 5);
    assert!(is_refused(log_in(&f, "alice", PASSWORD)), "throttled");
    // Another caller is not kept out, and cannot clear what the first one did.
    let other = Caller { uid: 4001, account: None };
    f.service.log_in(&other, "alice", &secret(PASSWORD), None).unwrap();
    assert_eq!(failures(&f, "bus:4000"), 5);
    f.clock.forward(3);
    log_in(&f, "alice", PASSWORD).unwrap();
    assert_eq!(failures(&f, "bus:4000"), 0);
}

#[test]
fn a_second_factor_is_asked_for_and_a_code_counts_once() {
    let f = house();
    let grant = f.root(Action::TwoFactorManage, Some("alice"));
    let enrolment = f.service.enroll_totp(&grant, &subject("alice"), 6, 30).unwrap();
    let totp = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
    let code = || secret(&totp.generate(f.service.now().unsigned_abs()).to_string());
    f.service.confirm_totp(&grant, &subject("alice"), &code()).unwrap();
    f.clock.forward(30);
    let with = |code: Option<&Secret>| f.service.log_in(&ANYBODY, "alice", &secret(PASSWORD), code);
    assert!(is_refused(with(None)));
    assert!(is_refused(with(Some(&secret("000000")))));
    let now = code();
    assert!(is_valid(&f, &with(Some(&now)).unwrap().access));
    assert!(is_refused(with(Some(&now))));
}

#[test]
fn a_refresh_token_is_good_once_and_its_reuse_ends_the_login() {
    let f = house();
    let (other, first) =
        (log_in(&f, "alice", PASSWORD).unwrap(), log_in(&f, "alice", PASSWORD).unwrap());
    let second = refresh(&f, &first.refresh).unwrap();
    assert!(!is_valid(&f, &first.access), "the earlier pair ends");
    let third = refresh(&f, &second.refresh).unwrap();
    assert!(is_valid(&f, &third.access));
    assert_eq!(rows(&f), 4, "a login is two rows, however often it is refreshed");
    // However long ago it was used: somebody else has it.
    assert!(matches!(refresh(&f, &first.refresh), Err(Error::InvalidToken)));
    assert!(!is_valid(&f, &third.access));
    assert!(matches!(refresh(&f, &third.refresh), Err(Error::InvalidToken)));
    assert!(is_valid(&f, &other.access), "other logins go on");
    let reused = |line: &&String| line.contains("token-reused");
    assert_eq!(f.service.dump().iter().filter(reused).count(), 1);
}

#[test]
fn of_parallel_refreshes_with_one_token_one_succeeds() {
    let f = house();
    let tokens = log_in(&f, "alice", PASSWORD).unwrap();
    let start = Barrier::new(8);
    let successes = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    refresh(&f, &tokens.refresh).is_ok()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(successes, 1);
    assert_eq!(rows(&f), 0, "and what it gave has ended, because the token came again");
}

#[test]
fn tokens_end_at_once_with_what_they_were_for() {
    let f = house();
    let tokens = || log_in(&f, "alice", PASSWORD).unwrap();
    let alice = subject("alice");
    let gone = |tokens: &LoginTokens| {
        assert!(!is_valid(&f, &tokens.access));
        assert!(matches!(refresh(&f, &tokens.refresh), Err(Error::InvalidToken)));
    };

    let given = tokens();
    let enable = f.root(Action::UserEnable, Some("alice"));
    f.service.disable_user(&enable, &alice).unwrap();
    gone(&given);
    f.service.enable_user(&enable, &alice).unwrap();
    gone(&given);

    let given = tokens();
    let set = f.root(Action::PasswordSet, Some("alice"));
    f.service.set_password(&set, &alice, NewPassword::Given(secret(PASSWORD)), false).unwrap();
    gone(&given);

    let given = tokens();
    let revoke = f.root(Action::TokenRevoke, Some("alice"));
    assert_eq!(f.service.revoke_tokens(&revoke, &alice, Which::Every).unwrap(), 1);
    gone(&given);

    // While it is locked or expired none is taken; a name means nothing to them.
    let given = tokens();
    update(&f, json!({"locked": true}));
    gone(&given);
    update(&f, json!({"locked": false, "name": "alicia"}));
    assert_eq!(f.service.verify_token(&given.access).unwrap().user.as_str(), "alicia");
    let id = Subject::parse("alicia").unwrap();
    let delete = f.root(Action::UserDelete, Some("alicia"));
    f.service.delete_user(&delete, &id, DeleteOptions::default()).unwrap();
    gone(&given);
    let restore = f.root(Action::UserCreate, None);
    f.service.restore_user(&restore, &id, &Default::default()).unwrap();
    gone(&given);
    assert_eq!(rows(&f), 0);
}

#[test]
fn time_ends_tokens_and_a_clock_that_jumps_opens_nothing() {
    let f = house();
    let tokens = log_in(&f, "alice", PASSWORD).unwrap();
    f.clock.forward(-3600);
    assert!(is_valid(&f, &tokens.access));
    let tokens = refresh(&f, &tokens.refresh).unwrap();
    f.clock.forward(3600);
    assert!(!is_valid(&f, &tokens.access));
    let tokens = refresh(&f, &tokens.refresh).unwrap();
    f.clock.forward(365 * 86400);
    assert!(!is_valid(&f, &tokens.access));
    assert!(matches!(refresh(&f, &tokens.refresh), Err(Error::InvalidToken)));
    f.service.sweep_tokens().unwrap();
    f.clock.forward(-365 * 86400);
    assert!(!is_valid(&f, &tokens.access));
    assert_eq!(rows(&f), 0);
}

#[test]
fn the_login_that_was_used_longest_ago_makes_room() {
    let f = house();
    let first = log_in(&f, "alice", PASSWORD).unwrap();
    f.clock.forward(1);
    let second = log_in(&f, "alice", PASSWORD).unwrap();
    f.clock.forward(400);
    assert!(is_valid(&f, &first.access));
    for _ in 0..49 {
        f.clock.forward(1);
        log_in(&f, "alice", PASSWORD).unwrap();
    }
    assert!(is_valid(&f, &first.access), "used since");
    assert!(!is_valid(&f, &second.access));
    assert_eq!(f.service.user(&subject("alice")).unwrap().tokens.len(), 50);
}

#[test]
fn neither_the_store_nor_the_audit_log_holds_a_token() {
    let f = house();
    let tokens = log_in(&f, "alice", PASSWORD).unwrap();
    let again = refresh(&f, &tokens.refresh).unwrap();
    let dump = f.service.dump().join("\n");
    for token in [&tokens.access, &tokens.refresh, &again.access, &again.refresh] {
        assert!(!dump.contains(&token.as_str().unwrap()[10..]));
    }
}
