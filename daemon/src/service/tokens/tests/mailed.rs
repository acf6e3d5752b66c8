//! Tokens that a mail carries.

use serde_json::json;

use super::super::super::Error;
use super::super::super::testing::{Fixture, secret, subject};
use super::{ANYBODY, house, rows, update};
use crate::authorize::{Action, Actor};
use crate::secret::Secret;

const NEW: &str = "nine brown otters swim";

fn anybody() -> Actor {
    Actor::bearer(&ANYBODY)
}

fn reset_token(f: &Fixture) -> Secret {
    let id = f.service.user(&subject("alice")).unwrap().id;
    f.service.issue_reset_token(&Actor::daemon(), id).unwrap()
}

fn email_token(f: &Fixture) -> Result<Secret, Error> {
    let id = f.service.user(&subject("alice")).unwrap().id;
    f.service.issue_email_token(&Actor::daemon(), id)
}

fn redeem(f: &Fixture, token: &Secret) -> Result<(), Error> {
    f.service.redeem_reset_token(&anybody(), token, &secret(NEW)).map(drop)
}

fn change_own(f: &Fixture, old: &str, new: &str) -> Result<(), Error> {
    let uid = f.service.user(&subject("alice")).unwrap().uid;
    let grant = f.grant(uid, Action::PasswordChangeOwn, Some("alice"));
    f.service.change_own_password(&grant, &secret(old), &secret(new))
}

#[test]
fn a_reset_token_sets_a_password_once() {
    let f = house();
    let token = reset_token(&f);
    assert_eq!(
        f.service.redeem_reset_token(&anybody(), &token, &secret(NEW)).unwrap().as_str(),
        "alice"
    );
    assert!(matches!(redeem(&f, &token), Err(Error::InvalidToken)));
    assert_eq!(rows(&f), 0);
    // Who knows it changes it.
    change_own(&f, NEW, "twelve grey geese fly").unwrap();
}

#[test]
fn a_refused_password_does_not_spend_the_token() {
    let f = house();
    let token = reset_token(&f);
    let refused = f.service.redeem_reset_token(&anybody(), &token, &secret("short"));
    assert!(matches!(refused, Err(Error::PasswordPolicy(_))));
    redeem(&f, &token).unwrap();
}

#[test]
fn the_newest_reset_token_alone_is_good_and_not_for_ever() {
    let f = house();
    let (old, new) = (reset_token(&f), reset_token(&f));
    assert_eq!(rows(&f), 1);
    assert!(matches!(redeem(&f, &old), Err(Error::InvalidToken)));
    f.clock.forward(3600);
    assert!(matches!(redeem(&f, &new), Err(Error::InvalidToken)));
    // A clock that goes back an hour makes nothing worse.
    f.clock.forward(-3600);
    redeem(&f, &new).unwrap();
    reset_token(&f);
    f.clock.forward(365 * 24 * 3600);
    f.service.sweep_tokens().unwrap();
    assert_eq!(rows(&f), 0);
}

#[test]
fn a_reset_token_ends_with_what_it_was_for() {
    let f = house();
    let token = reset_token(&f);
    change_own(&f, "seven violet herons", "five red foxes run").unwrap();
    assert!(matches!(redeem(&f, &token), Err(Error::InvalidToken)));

    let token = reset_token(&f);
    f.service
        .clear_password(&f.root(Action::PasswordSet, Some("alice")), &subject("alice"))
        .unwrap();
    assert!(matches!(redeem(&f, &token), Err(Error::InvalidToken)));

    let token = reset_token(&f);
    let grant = f.root(Action::UserEnable, Some("alice"));
    f.service.disable_user(&grant, &subject("alice")).unwrap();
    f.service.enable_user(&grant, &subject("alice")).unwrap();
    assert!(matches!(redeem(&f, &token), Err(Error::InvalidToken)));
}

#[test]
fn who_may_not_in_gets_no_token_and_cannot_use_one() {
    let f = house();
    let token = reset_token(&f);
    update(&f, json!({"locked": true}));
    assert!(matches!(redeem(&f, &token), Err(Error::InvalidToken)));
    let id = f.service.user(&subject("alice")).unwrap().id;
    let refused = f.service.issue_reset_token(&Actor::daemon(), id).unwrap_err();
    assert!(refused.fields().unwrap().names("name"));
    update(&f, json!({"locked": false}));
    redeem(&f, &token).unwrap();
}

#[test]
fn an_email_token_proves_the_address_it_was_sent_to() {
    let f = house();
    let verified = || f.service.user(&subject("alice")).unwrap().email_verified;
    let token = email_token(&f).unwrap();
    f.service.redeem_email_token(&anybody(), &token).unwrap();
    assert!(verified());
    assert!(matches!(f.service.redeem_email_token(&anybody(), &token), Err(Error::InvalidToken)));
    assert!(matches!(email_token(&f), Err(Error::AlreadyInState(_))));

    update(&f, json!({"email": "alice@example.net"}));
    assert!(!verified());
    let token = email_token(&f).unwrap();
    update(&f, json!({"email": "mallory@example.net"}));
    assert!(matches!(f.service.redeem_email_token(&anybody(), &token), Err(Error::InvalidToken)));
    assert!(!verified());
    update(&f, json!({"email": null}));
    assert!(email_token(&f).unwrap_err().fields().unwrap().names("email"));
}

#[test]
fn one_kind_of_token_is_not_taken_for_another() {
    let f = house();
    let (reset, email) = (reset_token(&f), email_token(&f).unwrap());
    assert!(matches!(redeem(&f, &email), Err(Error::InvalidToken)));
    assert!(matches!(f.service.redeem_email_token(&anybody(), &reset), Err(Error::InvalidToken)));
    let disguised = secret(&reset.as_str().unwrap().replace("_pr_", "_ev_"));
    let disguised = f.service.redeem_email_token(&anybody(), &disguised);
    assert!(matches!(disguised, Err(Error::InvalidToken)));
    for other in ["", "x", "roster_pr_"] {
        assert!(matches!(redeem(&f, &secret(other)), Err(Error::InvalidToken)));
    }
    redeem(&f, &reset).unwrap();
}

#[test]
fn neither_the_store_nor_the_audit_log_holds_a_token() {
    let f = house();
    let (reset, email) = (reset_token(&f), email_token(&f).unwrap());
    let dump = f.service.dump().join("\n");
    for token in [&reset, &email] {
        assert!(!dump.contains(&token.as_str().unwrap()[10..]));
    }
    assert!(dump.contains("reset-token-issue") && dump.contains("email-token-issue"));
}
