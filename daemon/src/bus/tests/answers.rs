//! What each verb answers, in the types of the interface.

use std::future::Future;
use std::time::Duration;

use bus::{AccountsProxy, BusError, CallError, ErrorName, secret_from_fd, secret_to_fd};
use serde_json::{Value, json};
use zbus::{Fd, OwnedFd, Variant};

use super::private_bus::{PrivateBus, ROOT, dictionary, record};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

fn secret(text: &str) -> Fd<'static> {
    secret_to_fd(text.as_bytes()).unwrap().into()
}

fn json_of(fd: &OwnedFd) -> Value {
    serde_json::from_slice(&secret_from_fd(fd, Duration::from_secs(5)).unwrap()).unwrap()
}

pub(super) fn refused<T: std::fmt::Debug>(result: zbus::Result<T>) -> BusError {
    match result.unwrap_err().into() {
        CallError::Refused(error) => error,
        other => panic!("{other}"),
    }
}

fn as_root<T: Send, F: Future<Output = T>>(
    bus: &PrivateBus,
    call: impl FnOnce(AccountsProxy<'static>) -> F + Send,
) -> T {
    bus.call_as(ROOT, |connection| async move {
        call(AccountsProxy::new(&connection).await.unwrap()).await
    })
}

#[test]
fn second_factors() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    as_root(&bus, |a| async move {
        let options = [("digits", Variant::U8(8)), ("interval", Variant::I64(60))];
        let enrolment = json_of(&a.enroll_totp("alice", options.into()).await.unwrap());
        assert_eq!((&enrolment["digits"], &enrolment["interval"]), (&json!(8), &json!(60)));
        let secret_text = enrolment["secret"].as_str().unwrap();
        let uri = enrolment["uri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://totp/") && uri.contains(secret_text));
        let wrong = a.confirm_totp("alice", secret("00000000")).await;
        assert_eq!(refused(wrong).name, ErrorName::WrongCode);
        let state = a.get_two_factor_state("alice").await.unwrap();
        assert_eq!(state["providers"].value_signature().to_string(), "a{sb}");
        assert_eq!(state["recovery_codes_left"].value_signature().to_string(), "u");
        assert_eq!(record(&state)["providers"], json!({"totp": false, "recovery": false}));
        let odd = a.enable_two_factor("alice", "sms").await;
        assert_eq!(refused(odd).fields.0[0].field, "provider");
        let odd = a.enroll_totp("alice", [("digits", Variant::U64(u64::MAX))].into()).await;
        assert_eq!(refused(odd).name, ErrorName::InvalidField);
    });
}

#[test]
fn keys_and_sudo_rules() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    as_root(&bus, |a| async move {
        let options = [("expires_at", Variant::new("2090-01-01T00:00:00Z"))];
        let id = a.add_key("alice", KEY, options.into()).await.unwrap();
        let keys = a.list_keys("alice").await.unwrap();
        let key = record(&keys[0]);
        assert_eq!((&key["id"], &key["key"]), (&json!(id), &json!(KEY)));
        assert!(key["expires_at"].as_str().unwrap().starts_with("2090-01-01"));
        a.remove_key("alice", id).await.unwrap();
        assert_eq!(refused(a.remove_key("alice", id).await).name, ErrorName::NoSuchKey);
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----";
        let error = refused(a.add_key("alice", private, [].into()).await);
        assert_eq!(error.name, ErrorName::InvalidField);

        let options = [("nopasswd", Variant::Bool(true)), ("for", Variant::U32(3600))];
        let id = a.grant_sudo("alice", "/bin/id", options.into()).await.unwrap();
        let rules = a.list_sudo("alice").await.unwrap();
        let rule = record(&rules[0]);
        assert_eq!(rule["holder"], "alice");
        assert_eq!((&rule["id"], &rule["nopasswd"]), (&json!(id), &json!(true)));
        assert!(rule.get("expires_at").is_some());
        a.revoke_sudo("alice", 0).await.unwrap();
        assert!(a.list_sudo("").await.unwrap().is_empty());
        assert_eq!(refused(a.revoke_sudo("alice", id).await).name, ErrorName::NoSuchRule);
        let odd = a.grant_sudo("alice", "id", [("fro", Variant::U8(1))].into()).await;
        assert_eq!(refused(odd).fields.0[0].field, "fro");
    });
}

#[test]
fn groups() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    as_root(&bus, |a| async move {
        let dev = a.create_group(&dictionary(json!({"name": "dev"}))).await.unwrap();
        assert_eq!(dev["gid"].value_signature().to_string(), "u");
        a.add_member("dev", "alice").await.unwrap();
        let dev = record(&a.get_group("dev").await.unwrap());
        assert_eq!(dev["members"], json!(["alice"]));
        let (total, page) = a.list_groups([("limit", Variant::U8(1))].into()).await.unwrap();
        assert_eq!((total, page.len()), (2, 1));
        let taken = a.create_group(&dictionary(json!({"name": "dev"}))).await;
        assert_eq!(refused(taken).name, ErrorName::GroupExists);
        a.remove_member("dev", "alice").await.unwrap();
        a.delete_group("dev").await.unwrap();
        assert_eq!(refused(a.get_group("dev").await).name, ErrorName::NoSuchGroup);
    });
}

#[test]
fn users_are_locked_updated_and_deleted() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    as_root(&bus, |a| async move {
        a.lock_user("alice").await.unwrap();
        assert_eq!(refused(a.lock_user("alice").await).name, ErrorName::AlreadyInState);
        a.unlock_user("alice").await.unwrap();
        let fields = dictionary(json!({"attributes": {"a": [1, null, {"b": true}]}}));
        let stale = [("expect_generation", Variant::U64(999))];
        let stale = a.update_user("alice", &fields, stale.into()).await;
        assert_eq!(refused(stale).name, ErrorName::StaleGeneration);
        let alice = a.update_user("alice", &fields, [].into()).await.unwrap();
        assert_eq!(record(&alice)["attributes"], json!({"a": [1, null, {"b": true}]}));
        let password =
            a.generate_password("alice", [("expire", true.into())].into()).await.unwrap();
        assert!(!secret_from_fd(&password, Duration::from_secs(5)).unwrap().is_empty());
        a.clear_password("alice").await.unwrap();
        assert_eq!(a.get_next_uid().await.unwrap(), 3001);
        assert_eq!(a.version().await.unwrap(), env!("CARGO_PKG_VERSION"));
        let odd = a.delete_user("alice", [("home", Variant::new("burn"))].into()).await;
        assert_eq!(refused(odd).fields.0[0].field, "home");
        a.delete_user("alice", [("home", Variant::new("keep"))].into()).await.unwrap();
        assert_eq!(refused(a.get_user("alice").await).name, ErrorName::NoSuchUser);
    });
}

#[test]
fn a_users_object_has_the_same_verbs() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.call_as(ROOT, |connection| async move {
        let accounts = AccountsProxy::new(&connection).await.unwrap();
        let path = accounts.find_user("alice").await.unwrap();
        let alice = bus::UserProxy::builder(&connection).path(path).build().await.unwrap();
        assert_eq!(record(&alice.get().await.unwrap())["name"], "alice");
        let fields = dictionary(json!({"full_name": "Alice Ng"}));
        let updated = alice.update(&fields, [].into()).await.unwrap();
        assert_eq!(record(&updated)["full_name"], "Alice Ng");
        alice.lock().await.unwrap();
        assert!(alice.locked().await.unwrap());
        alice.unlock().await.unwrap();
        alice.set_password(secret("correct horse battery"), [].into()).await.unwrap();
        alice.delete([].into()).await.unwrap();
        let gone = accounts.get_user("alice").await;
        assert_eq!(refused(gone).name, ErrorName::NoSuchUser);
    });
}
