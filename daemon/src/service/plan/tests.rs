//! What plans warn of, and what audit rows keep.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::testing::{Fixture, map, secret, subject};
use super::super::{DeleteOptions, Error, Holder, HomeFate, NewPassword, Plan};
use crate::authorize::{Action, Grant};

/// A number that nobody has on the machine that runs the tests.
const NOBODYS: u32 = 1_987_654_000;

fn rehearse(f: &Fixture, action: Action, name: Option<&str>) -> Grant {
    f.root(action, name).for_rehearsal()
}

fn plan<T: std::fmt::Debug>(planned: Result<T, Error>) -> Plan {
    match planned {
        Err(Error::Planned(plan)) => *plan,
        other => panic!("no plan: {other:?}"),
    }
}

fn warned(plan: &Plan, words: &str) {
    assert!(plan.warnings.iter().any(|warning| warning.contains(words)), "{words}: {plan:#?}");
}

fn alice(f: &Fixture, more: Value) {
    let mut fields = map(json!({"name": "alice", "uid": NOBODYS}));
    fields.extend(map(more));
    let password = NewPassword::Given(secret("seven violet herons"));
    f.create_with(Value::Object(fields), password).unwrap();
}

fn last_row(f: &Fixture) -> (String, Value) {
    let rows = f.service.read(|db| Ok(db.audit_rows(0, 10_000)?)).unwrap();
    let row = rows.last().unwrap();
    (row.action.clone(), serde_json::from_str(&row.change).unwrap())
}

#[test]
fn who_would_be_locked_out_is_said() {
    let f = Fixture::new();
    alice(&f, json!({}));
    let lock = rehearse(&f, Action::UserLock, Some("alice"));
    let locked = plan(f.service.lock_user(&lock, &subject("alice")));
    warned(&locked, "alice could no longer log in: locked");
    assert_eq!(locked.subject, "alice");
    let change = &locked.changes[0];
    assert_eq!((change.field.as_str(), &change.from), ("locked", &json!(false)));
    assert!(!f.service.user(&subject("alice")).unwrap().locked);
    let set = rehearse(&f, Action::PasswordSet, Some("alice"));
    let cleared = plan(f.service.clear_password(&set, &subject("alice")));
    warned(&cleared, "neither password nor key");
    let disable = rehearse(&f, Action::UserEnable, Some("alice"));
    let disabled = plan(f.service.disable_user(&disable, &subject("alice")));
    warned(&disabled, "the sessions and processes of alice would end");
    let update = rehearse(&f, Action::UserUpdate, Some("alice"));
    let past = map(json!({"expires_at": "2001-01-01"}));
    let expired = plan(f.service.update_user(&update, &subject("alice"), &past, None));
    warned(&expired, "alice could no longer log in: expired");
    let create = rehearse(&f, Action::UserCreate, None);
    let bob = map(json!({"name": "bob"}));
    let created = plan(f.service.create_user(&create, &bob, NewPassword::None));
    warned(&created, "bob could not log in yet");
}

#[test]
fn who_would_gain_or_lose_power_is_said() {
    let f = Fixture::new();
    alice(&f, json!({}));
    let update = |fields: Value| {
        let grant = rehearse(&f, Action::UserUpdate, Some("alice"));
        plan(f.service.update_user(&grant, &subject("alice"), &map(fields), None))
    };
    warned(&update(json!({"groups": ["docker"]})), "alice would join docker");
    warned(&update(json!({"group": "docker"})), "alice would join docker");
    warned(&update(json!({"role": "admin"})), "alice would be an administrator");
    warned(&update(json!({"role": "admin"})), "only one administrator");
    let sudo = update(json!({"sudo_commands_nopasswd": ["ALL"]}));
    warned(&sudo, "alice could run ALL as root, without a password");
    assert_eq!(sudo.files, [f.path("sudoers.d/50-roster").display().to_string()]);
    let line = format!("#{NOBODYS} ALL=(root) NOPASSWD: ALL");
    assert_eq!(sudo.effects[0].added, [line]);
    assert!(f.sudoers().is_empty());
    let holder = Holder::parse("%docker").unwrap();
    let grant = rehearse(&f, Action::SudoManage, None);
    let granted = plan(f.service.grant_sudo(&grant, &holder, "/usr/bin/id", false, None));
    warned(&granted, "members of docker could run /usr/bin/id as root");
}

#[test]
fn what_would_be_gone_is_said() {
    let f = Fixture::new();
    alice(&f, json!({"home_create": true}));
    let grant = rehearse(&f, Action::UserDelete, Some("alice"));
    let options = DeleteOptions { home: HomeFate::Purge, ..DeleteOptions::default() };
    let deleted = plan(f.service.delete_user(&grant, &subject("alice"), options));
    warned(&deleted, "/home/alice and all it holds would be gone for good");
    warned(&deleted, "the account would be gone");
    assert_eq!(deleted.files, ["/home/alice"]);
    let groups = deleted.changes.iter().filter(|change| change.kind == "group");
    assert!(groups.count() > 0, "{deleted:#?}");
    assert!(f.path("home/alice/.profile").exists());
    let grant = rehearse(&f, Action::GroupManage, None);
    f.service
        .create_group(&f.root(Action::GroupManage, None), &map(json!({"name": "dev"})))
        .unwrap();
    f.service.add_member(&f.root(Action::GroupManage, None), "dev", "alice").unwrap();
    let group = plan(f.service.delete_group(&grant, &subject("dev")));
    warned(&group, "who is in dev would lose that group: alice");
}

#[test]
fn the_same_again_plans_nothing() {
    let f = Fixture::new();
    alice(&f, json!({}));
    let grant = f.root(Action::MetadataManage, Some("alice"));
    f.service.set_profile(&grant, &subject("alice"), "role", "x", false).unwrap();
    let again =
        f.service.set_profile(&grant.for_rehearsal(), &subject("alice"), "role", "x", false);
    let again = plan(again);
    assert!(again.changes.is_empty() && again.effects.is_empty() && again.warnings.is_empty());
}

#[test]
fn an_audit_row_keeps_values_before_and_after() {
    let f = Fixture::new();
    alice(&f, json!({"shell": "/bin/bash"}));
    let (action, created) = last_row(&f);
    assert_eq!(action, "user-create");
    assert_eq!(created["shell"], json!({"from": null, "to": "/bin/bash"}));
    assert_eq!(created["password"], json!({"from": null, "to": "set"}));
    assert_eq!(created["group alice"]["gid"]["to"], NOBODYS);
    assert!(created.get("locked").is_none(), "what nobody has filled");
    let update = f.root(Action::UserUpdate, Some("alice"));
    let fields = map(json!({"shell": "/bin/sh", "attributes": {"desk": {"floor": 2}}}));
    f.service.update_user(&update, &subject("alice"), &fields, None).unwrap();
    let (_, updated) = last_row(&f);
    let expected = json!({
        "shell": {"from": "/bin/bash", "to": "/bin/sh"},
        "attributes.desk": {"from": null, "to": "{\"floor\":2}"},
    });
    assert_eq!(updated, expected);
    f.service.add_member(&f.root(Action::GroupManage, None), "docker", "alice").unwrap();
    let (_, joined) = last_row(&f);
    assert_eq!(joined["user alice"]["groups"], json!({"added": ["docker"]}));
    let holder = Holder::parse("alice").unwrap();
    let grant = f.root(Action::SudoManage, None);
    f.service.grant_sudo(&grant, &holder, "/usr/bin/id", false, Some(60)).unwrap();
    let (_, granted) = last_row(&f);
    let to = granted["sudo_commands"]["to"][0].as_str().unwrap();
    assert_eq!(to, "/usr/bin/id until 2023-11-14T22:14:20Z");
    f.clock.forward(61);
    f.service.expire_sudo_rules().unwrap();
    let (action, expired) = last_row(&f);
    assert_eq!(
        (action.as_str(), &expired["user alice"]["sudo_commands"]["to"]),
        ("sudo-expire", &json!([]))
    );
}

#[test]
fn a_new_password_is_told_by_its_state_alone() {
    let f = Fixture::new();
    alice(&f, json!({}));
    let grant = f.root(Action::PasswordSet, Some("alice"));
    let new = || NewPassword::Given(secret("nine amber otters"));
    f.service.set_password(&grant, &subject("alice"), new(), false).unwrap();
    assert_eq!(last_row(&f).1, json!({"password": {"from": "set", "to": "set (new)"}}));
    f.service.set_password(&grant, &subject("alice"), new(), true).unwrap();
    let to = "set, to be changed at the next login";
    assert_eq!(last_row(&f).1["password"]["to"], to);
    f.service.clear_password(&grant, &subject("alice")).unwrap();
    let (_, cleared) = last_row(&f);
    assert_eq!(cleared["password"]["to"], "not set");
    assert_eq!(cleared["password_disabled"]["to"], true);
}

#[test]
fn an_audit_row_has_a_size() {
    let f = Fixture::new();
    alice(&f, json!({}));
    let update = f.root(Action::UserUpdate, Some("alice"));
    let one = map(json!({"attributes": {"a": "x".repeat(60_000)}}));
    f.service.update_user(&update, &subject("alice"), &one, None).unwrap();
    let (_, row) = last_row(&f);
    assert!(row["attributes.a"]["to"].as_str().unwrap().contains("60000 bytes, SHA-256 "));
    let many: serde_json::Map<_, _> =
        (0..2000).map(|n| (format!("attribute{n}"), json!("x".repeat(10)))).collect();
    let many = map(json!({ "attributes": many }));
    f.service.update_user(&update, &subject("alice"), &many, None).unwrap();
    let (_, row) = last_row(&f);
    assert!(row.to_string().len() <= 16 * 1024);
    assert_eq!(row["cut"]["fields"], 2001);
    assert_eq!(row["cut"]["sha256"].as_str().unwrap().len(), 64);
}
