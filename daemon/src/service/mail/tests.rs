//! Mails, their tokens, and who gets none.

#![allow(clippy::unwrap_used)]

use mail_protocol::Mail;
use serde_json::json;

use crate::authorize::{Action, Actor, Caller, Grant};
use crate::config::MailTransport;
use crate::publish::mail::MailError;
use crate::secret::Secret;
use crate::service::testing::{Fixture, fields_of, map, secret, subject};
use crate::service::{Changed, Error, NewPassword};

const OLD: &str = "seven violet herons";
const NEW: &str = "nine brown otters swim";
const ALICES: &str = "alice@example.org";

fn with_alice(f: Fixture) -> Fixture {
    f.create_with(json!({"name": "alice", "email": ALICES}), given(OLD)).unwrap();
    f
}

fn given(password: &str) -> NewPassword {
    NewPassword::Given(secret(password))
}

/// A user of the host whom the store does not know.
fn stranger(uid: u32) -> Actor {
    Actor::bearer(&Caller { uid, account: None })
}

fn helpdesk(f: &Fixture, name: &str) -> Grant {
    f.root(Action::PasswordSet, Some(name))
}

/// Has the mails sent that wait, and answers all that were.
fn sent(f: &Fixture) -> Vec<Mail> {
    f.service.send_waiting_mails();
    f.mailer.take()
}

/// The only mail that was sent.
fn one(f: &Fixture) -> Mail {
    let mut mails = sent(f);
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

/// The tokens of a mail.
fn tokens(mail: &Mail, prefix: &str) -> Vec<Secret> {
    let words = mail.body.as_str().split_whitespace();
    words.filter(|word| word.starts_with(prefix)).map(secret).collect()
}

fn token(mail: &Mail, prefix: &str) -> Secret {
    let mut found = tokens(mail, prefix);
    assert_eq!(found.len(), 1, "{}", mail.body.as_str());
    found.remove(0)
}

fn request(f: &Fixture, address: &str) -> Result<(), Error> {
    // Each asks once, and nobody's limit is reached.
    f.clock.forward(3600);
    f.service.request_password_reset(&stranger(1000), address)
}

fn update(f: &Fixture, name: &str, fields: serde_json::Value) {
    let grant = f.root(Action::UserUpdate, Some(name));
    f.service.update_user(&grant, &subject(name), &map(fields), None).unwrap();
}

fn knows_password(f: &Fixture, name: &str, password: &str) -> bool {
    let uid = f.service.user(&subject(name)).unwrap().uid;
    let grant = f.grant(uid, Action::PasswordChangeOwn, Some(name));
    let changed = f.service.change_own_password(&grant, &secret(password), &secret("x1 y2 z3 w4"));
    match changed {
        Ok(()) => true,
        Err(Error::WrongPassword) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_welcome_lets_its_reader_choose_a_password_once() {
    let f = with_alice(Fixture::new());
    f.service.welcome_user(&helpdesk(&f, "alice"), &subject("alice"), true).unwrap();
    let mail = one(&f);
    assert_eq!((mail.to.as_str(), mail.from.as_str()), (ALICES, "roster@example.org"));
    let token = token(&mail, "roster_pr_");
    assert!(f.service.dump().iter().all(|row| !row.contains(token.as_str().unwrap())));
    let choose = |new: &str| f.service.reset_password(&stranger(1000), &token, &secret(new));
    assert!(matches!(choose("short"), Err(Error::PasswordPolicy(_))));
    assert_eq!(choose(NEW).unwrap().as_str(), "alice");
    assert!(matches!(choose(NEW), Err(Error::InvalidToken)));
    assert!(knows_password(&f, "alice", NEW));
}

#[test]
fn what_went_to_an_address_that_was_wrong_opens_nothing_once_it_is_put_right() {
    let f = with_alice(Fixture::new());
    f.service.welcome_user(&helpdesk(&f, "alice"), &subject("alice"), true).unwrap();
    let token = token(&one(&f), "roster_pr_");
    update(&f, "alice", json!({"email": "alice@example.net"}));
    let chosen = f.service.reset_password(&stranger(1000), &token, &secret(NEW));
    assert!(matches!(chosen, Err(Error::InvalidToken)));
}

#[test]
fn a_welcome_without_a_token_leaves_the_password_alone() {
    let f = with_alice(Fixture::new());
    f.service.welcome_user(&helpdesk(&f, "alice"), &subject("alice"), false).unwrap();
    assert!(tokens(&one(&f), "roster_").is_empty());
    assert!(knows_password(&f, "alice", OLD));
}

#[test]
fn what_keeps_a_welcome_from_leaving_is_named() {
    let f = with_alice(Fixture::with(|config| config.mail.transport = MailTransport::None));
    let welcome = |f: &Fixture, name: &str, reset| {
        f.service.welcome_user(&helpdesk(f, name), &subject(name), reset)
    };
    let before = f.service.dump();
    let error = welcome(&f, "alice", true).unwrap_err();
    assert_eq!(error.code(), "mail_unavailable");
    assert!(error.to_string().contains("[mail]"), "{error}");
    assert!(f.service.dump() == before, "no token is made that nobody gets");

    let f = with_alice(Fixture::new());
    f.create(json!({"name": "bob"})).unwrap();
    let error = welcome(&f, "bob", false).unwrap_err();
    assert!(error.to_string().contains("roster user update bob --email"), "{error}");
    assert_eq!(fields_of(welcome(&f, "bob", true)), ["email"]);
    update(&f, "alice", json!({"locked": true}));
    assert_eq!(fields_of(welcome(&f, "alice", true)), ["name"]);
    assert!(sent(&f).is_empty());

    let f = with_alice(Fixture::new());
    f.mailer.fail(Some(MailError::Refused("550 no such user".to_owned())));
    let error = welcome(&f, "alice", true).unwrap_err();
    assert!(matches!(&error, Error::MailUnavailable(why) if why.contains("550")), "{error}");
    assert!(knows_password(&f, "alice", OLD));
}

#[test]
fn a_rehearsal_sends_nothing_and_tells_where_the_mail_would_go() {
    let f = with_alice(Fixture::new());
    let before = f.service.dump();
    let welcome = helpdesk(&f, "alice").for_rehearsal();
    let verify = f.root(Action::EmailVerify, Some("alice")).for_rehearsal();
    for planned in [
        f.service.welcome_user(&welcome, &subject("alice"), true),
        f.service.welcome_user(&welcome, &subject("alice"), false),
        f.service.verify_email(&verify, &subject("alice")),
    ] {
        let Error::Planned(plan) = planned.unwrap_err() else { panic!("a plan") };
        let mail =
            |change: &Changed| (change.kind.as_str(), change.name.as_str()) == ("mail", ALICES);
        assert!(plan.changes.iter().any(mail), "{plan:?}");
    }
    let actor = stranger(1000).for_rehearsal();
    let mut plans = Vec::new();
    for address in [ALICES, "nobody@example.org"] {
        let Err(Error::Planned(plan)) = f.service.request_password_reset(&actor, address) else {
            panic!("a plan")
        };
        plans.push(format!("{plan:?}").replace(address, "ADDRESS"));
    }
    assert_eq!(plans[0], plans[1], "a plan tells nobody whose address it is");
    assert!(sent(&f).is_empty());
    assert!(f.service.dump() == before);
}

#[test]
fn whoever_reads_the_mail_chooses_the_password() {
    let f = with_alice(Fixture::new());
    request(&f, "Alice@Example.org").unwrap();
    assert!(f.mailer.take().is_empty(), "nothing happens before the answer");
    let mail = one(&f);
    assert_eq!(mail.to.as_str(), ALICES, "as it was stored");
    let token = token(&mail, "roster_pr_");
    f.service.reset_password(&stranger(1001), &token, &secret(NEW)).unwrap();
    assert!(knows_password(&f, "alice", NEW));
    let issued = f.service.dump().into_iter().find(|row| row.contains("reset-token-issue"));
    assert!(issued.unwrap().contains("actor_uid=Integer(1000)"), "who asked is in the log");
}

#[test]
fn an_unknown_address_is_answered_like_a_known_one() {
    let f = with_alice(Fixture::new());
    let before = f.service.dump();
    for address in ["nobody@example.org", ALICES] {
        assert!(request(&f, address).is_ok());
        assert!(f.service.dump() == before, "{address}: nothing is done before the answer");
    }
    f.service.send_waiting_mails();
    let handed_over: Vec<bool> =
        f.mailer.requests().iter().map(|request| request.mail.is_some()).collect();
    assert_eq!(handed_over, [false, true], "the mailer is at work both times");
    let asked = f.service.dump().into_iter().filter(|row| row.contains("password-reset-ask"));
    assert_eq!(asked.count(), 2, "and so is the audit log");
    for address in ["nobody@example.org", ALICES] {
        f.clock.forward(3600);
        let ask = || f.service.request_password_reset(&stranger(1000), address);
        (0..3).for_each(|_| ask().unwrap());
        let error = ask().unwrap_err();
        assert!(matches!(error, Error::RateLimited { seconds: 3600 }), "{address}: {error}");
    }
    assert_eq!(fields_of(request(&f, "no address")), ["address"]);
}

#[test]
fn accounts_that_may_not_be_used_get_no_mail() {
    for fields in [
        json!({"locked": true}),
        json!({"expires_at": "2020-01-01"}),
        json!({"password_disabled": true}),
    ] {
        let f = with_alice(Fixture::new());
        update(&f, "alice", fields.clone());
        request(&f, ALICES).unwrap();
        assert!(sent(&f).is_empty(), "{fields}");
    }
    let f = with_alice(Fixture::new());
    let grant = f.root(Action::UserEnable, Some("alice"));
    f.service.disable_user(&grant, &subject("alice")).unwrap();
    request(&f, ALICES).unwrap();
    assert!(sent(&f).is_empty(), "disabled");
}

#[test]
fn one_mail_names_all_accounts_of_an_address_and_no_other() {
    let f = with_alice(Fixture::new());
    f.create_with(json!({"name": "ops", "email": ALICES}), given(OLD)).unwrap();
    // Where upper and lower case make two mailboxes of it, this is somebody else's.
    f.create_with(json!({"name": "mallory", "email": "ALICE@example.org"}), given(OLD)).unwrap();
    request(&f, ALICES).unwrap();
    let mails = sent(&f);
    let of = |address: &str| mails.iter().find(|mail| mail.to.as_str() == address).unwrap();
    assert_eq!(mails.len(), 2);
    let (both, other) = (of(ALICES), of("ALICE@example.org"));
    for name in ["alice", "ops"] {
        assert!(both.body.as_str().contains(&format!("User name: {name}\n")));
        assert!(!other.body.as_str().contains(&format!("User name: {name}\n")));
    }
    let tokens = tokens(both, "roster_pr_");
    assert_eq!(tokens.len(), 2);
    let whose = |token: &Secret| {
        let name = f.service.reset_password(&stranger(1000), token, &secret(NEW)).unwrap();
        name.as_str().to_owned()
    };
    assert_eq!((whose(&tokens[0]), whose(&tokens[1])), ("alice".to_owned(), "ops".to_owned()));
}

#[test]
fn where_no_mail_can_be_sent_everybody_is_told_so_alike() {
    for f in [
        Fixture::with(|config| config.mail.transport = MailTransport::None),
        Fixture::with(|config| config.mail.password_reset = false),
    ] {
        let f = with_alice(f);
        let refused = |address| request(&f, address).unwrap_err().to_string();
        assert_eq!(refused(ALICES), refused("nobody@example.org"));
        assert!(sent(&f).is_empty());
    }
}

#[test]
fn a_mail_that_does_not_leave_keeps_no_other_from_leaving() {
    let f = with_alice(Fixture::new());
    f.mailer.fail(Some(MailError::Unavailable("451".to_owned())));
    request(&f, ALICES).unwrap();
    f.service.send_waiting_mails();
    f.mailer.fail(None);
    assert!(sent(&f).is_empty(), "it was tried once");
    request(&f, ALICES).unwrap();
    assert_eq!(one(&f).to.as_str(), ALICES);
}

#[test]
fn an_address_is_verified_by_the_token_that_went_there() {
    let f = with_alice(Fixture::new());
    let uid = f.service.user(&subject("alice")).unwrap().uid;
    let own = || f.grant(uid, Action::EmailVerify, Some("alice"));
    f.service.verify_email(&own(), &subject("alice")).unwrap();
    let outdated = token(&one(&f), "roster_ev_");
    update(&f, "alice", json!({"email": "alice@example.net"}));
    let confirm = |token: &Secret| f.service.confirm_email(&stranger(1000), token);
    assert!(matches!(confirm(&outdated), Err(Error::InvalidToken)), "of another address");
    f.service.verify_email(&own(), &subject("alice")).unwrap();
    let mail = one(&f);
    assert_eq!(mail.to.as_str(), "alice@example.net");
    let token = token(&mail, "roster_ev_");
    let as_password = f.service.reset_password(&stranger(1000), &token, &secret(NEW));
    assert!(matches!(as_password, Err(Error::InvalidToken)), "it proves, and opens nothing");
    assert!(!f.service.user(&subject("alice")).unwrap().email_verified);
    assert_eq!(confirm(&token).unwrap().as_str(), "alice");
    assert!(f.service.user(&subject("alice")).unwrap().email_verified);
    assert!(matches!(confirm(&token), Err(Error::InvalidToken)), "spent");
    let again = f.service.verify_email(&own(), &subject("alice"));
    assert!(matches!(again, Err(Error::AlreadyInState(_))));
}

#[test]
fn nobody_fills_a_mailbox_with_proofs() {
    let f = with_alice(Fixture::new());
    let uid = f.service.user(&subject("alice")).unwrap().uid;
    let verify = || {
        let own = f.grant(uid, Action::EmailVerify, Some("alice"));
        f.service.verify_email(&own, &subject("alice"))
    };
    (0..3).for_each(|_| verify().unwrap());
    assert!(matches!(verify(), Err(Error::RateLimited { .. })));
    assert_eq!(sent(&f).len(), 3);
}

#[test]
fn new_users_are_welcomed_where_the_settings_say_so() {
    let f = with_alice(Fixture::new());
    assert!(sent(&f).is_empty(), "not by default");
    let f = with_alice(Fixture::with(|config| config.mail.welcome_new_users = true));
    assert!(tokens(&one(&f), "roster_").is_empty(), "she has a password");
    f.create(json!({"name": "bob", "email": "bob@example.org"})).unwrap();
    let mail = one(&f);
    assert_eq!(mail.to.as_str(), "bob@example.org");
    let token = token(&mail, "roster_pr_");
    f.service.reset_password(&stranger(1000), &token, &secret(NEW)).unwrap();
    f.create(json!({"name": "carol"})).unwrap();
    f.create(json!({"name": "dave", "email": "dave@example.org", "locked": true})).unwrap();
    assert!(tokens(&one(&f), "roster_").is_empty(), "no way in for who is locked");
    let grant = f.root(Action::UserCreate, None).for_rehearsal();
    let fields = map(json!({"name": "erin", "email": "erin@example.org"}));
    assert!(f.service.create_user(&grant, &fields, NewPassword::None).is_err());
    assert!(sent(&f).is_empty(), "a rehearsal");
}
