//! Tokens against a real store.

#![allow(clippy::unwrap_used)]

mod app;
mod mailed;
mod sign_in;

use serde_json::json;

use super::super::testing::{Fixture, map, secret, subject};
use super::super::{Error, LoginTokens, NewPassword};
use crate::authorize::{Action, Caller};
use crate::secret::Secret;

const PASSWORD: &str = "seven violet herons";
/// A user of the machine, who has no right.
const ANYBODY: Caller = Caller { uid: 4000, account: None };

/// A service with a user `alice`, who has a password and an address.
fn house() -> Fixture {
    let f = Fixture::new();
    let fields = json!({"name": "alice", "email": "alice@example.org", "uid": 1_987_654_321});
    f.create_with(fields, NewPassword::Given(secret(PASSWORD))).unwrap();
    f
}

fn update(f: &Fixture, fields: serde_json::Value) {
    let grant = f.root(Action::UserUpdate, Some("alice"));
    f.service.update_user(&grant, &subject("alice"), &map(fields), None).unwrap();
}

fn log_in(f: &Fixture, name: &str, password: &str) -> Result<LoginTokens, Error> {
    f.service.log_in(&ANYBODY, name, &secret(password), None)
}

fn is_valid(f: &Fixture, access: &Secret) -> bool {
    match f.service.verify_token(access) {
        Ok(verified) => {
            assert_eq!((verified.user.as_str(), verified.kind), ("alice", "access"));
            true
        }
        Err(Error::InvalidToken) => false,
        Err(other) => panic!("{other}"),
    }
}

fn rows(f: &Fixture) -> usize {
    f.service.dump().iter().filter(|line| line.starts_with("tokens ")).count()
}
