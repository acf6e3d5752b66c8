//! App passwords: made, listed, ended.

use accounts::{ServiceName, Timestamp, TokenName};
use serde_json::json;

use super::super::super::testing::{Fixture, fields_of, subject};
use super::super::super::{Error, TokenType, Which};
use super::{PASSWORD, house, log_in, rows};
use crate::authorize::{Action, Grant};
use crate::secret::Secret;

fn create(
    f: &Fixture,
    grant: &Grant,
    scope: &[&str],
    expires_at: Option<i64>,
) -> Result<(i64, Secret), Error> {
    let scope: Vec<_> = scope.iter().map(|name| ServiceName::parse(name).unwrap()).collect();
    let name = TokenName::parse("Backup script").unwrap();
    let expires_at = expires_at.map(Timestamp);
    f.service.create_token(grant, &subject("alice"), &name, &scope, expires_at)
}

#[test]
fn an_app_password_is_listed_and_its_secret_is_not() {
    let f = house();
    let grant = f.root(Action::TokenCreate, Some("alice"));
    let end = f.service.now() + 60;
    let (id, token) = create(&f, &grant, &["smtp", "dovecot", "smtp"], Some(end)).unwrap();
    log_in(&f, "alice", PASSWORD).unwrap();
    let listed = f.service.list_tokens(&subject("alice")).unwrap();
    let [app, login] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((app.id, app.kind, app.name.as_str()), (id, TokenType::App, "Backup script"));
    assert_eq!(app.scope, ["dovecot", "smtp"]);
    assert_eq!((app.expires_at, app.last_used_at), (Some(Timestamp(end)), None));
    assert_eq!((login.kind, login.name.as_str()), (TokenType::Login, "login by bus:4000"));
    assert_eq!(f.service.user(&subject("alice")).unwrap().tokens, [app.id, login.id]);
    let dump = f.service.dump().join("\n");
    assert!(dump.contains("token-create") && dump.contains("Backup script"));
    assert!(!dump.contains(token.as_str().unwrap()));
    f.clock.forward(60);
    assert_eq!(f.service.list_tokens(&subject("alice")).unwrap().len(), 1);
    f.service.sweep_tokens().unwrap();
    assert_eq!(rows(&f), 2);
}

#[test]
fn what_cannot_be_is_refused() {
    let f = house();
    let grant = f.root(Action::TokenCreate, Some("alice"));
    assert_eq!(fields_of(create(&f, &grant, &[], Some(f.service.now()))), ["expires_at"]);
    let many: Vec<String> = (0..33).map(|n| format!("s{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(fields_of(create(&f, &grant, &many, None)), ["scope"]);
    for _ in 0..100 {
        create(&f, &grant, &[], None).unwrap();
    }
    assert_eq!(fields_of(create(&f, &grant, &[], None)), ["name"]);
    let other = f.root(Action::KeyManage, Some("alice"));
    assert!(matches!(create(&f, &other, &[], None), Err(Error::NotAuthorized(_))));
}

#[test]
fn a_user_makes_none_that_passes_sudo() {
    let f = house();
    let uid = f.service.user(&subject("alice")).unwrap().uid;
    let own = f.grant(uid, Action::TokenCreate, Some("alice"));
    for service in ["sudo", "sudo-i", "polkit-1", "doas"] {
        let refused = create(&f, &own, &["dovecot", service], None);
        assert!(matches!(refused, Err(Error::NotAuthorized(_))), "{service}");
    }
    create(&f, &own, &["sshd", "dovecot"], None).unwrap();
    let root = f.root(Action::TokenCreate, Some("alice"));
    create(&f, &root, &["sudo"], None).unwrap();
}

#[test]
fn tokens_end_by_number_by_type_and_by_last_use() {
    let f = house();
    let alice = subject("alice");
    let grant = f.root(Action::TokenCreate, Some("alice"));
    let revoke = |which| {
        let grant = f.root(Action::TokenRevoke, Some("alice"));
        f.service.revoke_tokens(&grant, &alice, which)
    };
    let (one, _) = create(&f, &grant, &[], None).unwrap();
    create(&f, &grant, &[], None).unwrap();
    log_in(&f, "alice", PASSWORD).unwrap();
    assert_eq!(revoke(Which::One(one)).unwrap(), 1);
    assert!(matches!(revoke(Which::One(one)), Err(Error::NoSuchToken(_))));
    let those = |kind, before| Which::Those { kind, before };
    let now = Timestamp(f.service.now());
    assert_eq!(revoke(those(None, Some(now))).unwrap(), 0);
    let later = Some(Timestamp(now.0 + 1));
    assert_eq!(revoke(those(Some(TokenType::App), later)).unwrap(), 1);
    let audited = || f.service.dump().iter().filter(|line| line.contains("token-revoke")).count();
    assert_eq!(audited(), 2, "nothing done is nothing to tell");
    assert_eq!(revoke(those(Some(TokenType::Login), None)).unwrap(), 1);
    assert_eq!((rows(&f), revoke(Which::Every).unwrap()), (0, 0));
    // The number of an access token, or of nobody's, is nobody's business.
    f.create(json!({"name": "bob"})).unwrap();
    let (id, _) = create(&f, &grant, &[], None).unwrap();
    let of_bob = f.root(Action::TokenRevoke, Some("bob"));
    let refused = f.service.revoke_tokens(&of_bob, &subject("bob"), Which::One(id));
    assert!(matches!(refused, Err(Error::NoSuchToken(_))));
}
