//! Deleted users: what is left of them, how they come back, and when they cannot any more.

#![allow(clippy::unwrap_used)]

use accounts::{Role, User};
use serde_json::json;

use super::testing::{Fixture, fields_of, map, secret, subject};
use super::{DeleteOptions, Error, Holder, HomeFate, NewPassword, RestoreOptions, Restored};
use crate::authorize::{Action, Caller, Decision, Grant, decide};
use crate::config::Config;
use crate::store::DeletedHome;

const KEY: &str = "ssh-ed25519 \
    AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB alice@home";
const DAY: i64 = 86_400;

fn delete(f: &Fixture, name: &str, home: HomeFate) {
    let grant = f.root(Action::UserDelete, Some(name));
    let options = DeleteOptions { home, ..DeleteOptions::default() };
    f.service.delete_user(&grant, &subject(name), options).unwrap();
}

fn restore(f: &Fixture, who: &str) -> Result<Restored, Error> {
    restore_as(f, &f.root(Action::UserCreate, None), who, RestoreOptions::default())
}

fn restore_as(
    f: &Fixture,
    grant: &Grant,
    who: &str,
    options: RestoreOptions,
) -> Result<Restored, Error> {
    f.service.restore_user(grant, &subject(who), &options)
}

fn named(name: &str) -> RestoreOptions {
    RestoreOptions { name: Some(name.to_owned()), without_sudo: false }
}

/// What somebody may do whom polkit has let create and delete users, and nothing else.
fn polkits(action: Action) -> Grant {
    match decide(&Caller { uid: 1000, account: None }, action, None) {
        Decision::AskPolkit(pending) => pending.granted(),
        other => panic!("{other:?}"),
    }
}

fn purge(f: &Fixture, who: &str) -> Result<(), Error> {
    f.service.purge_user(&f.root(Action::UserDelete, None), &subject(who))
}

/// The record without what a deletion and a restoration are allowed to change.
fn lasting(user: &User) -> serde_json::Value {
    let mut record = serde_json::to_value(user).unwrap();
    for field in ["updated_at", "generation", "password_disabled", "password_changed_at"] {
        record[field] = json!(null);
    }
    for key in record["ssh_keys"].as_array_mut().unwrap() {
        key["id"] = json!(null);
    }
    record
}

#[test]
fn everything_comes_back_but_the_credentials() {
    let f = Fixture::new();
    for group in ["dev", "ops"] {
        f.service
            .create_group(&f.root(Action::GroupManage, None), &map(json!({ "name": group })))
            .unwrap();
    }
    let fields = json!({
        "name": "alice", "full_name": "Alice Ng", "email": "a@b.org", "groups": ["dev", "ops", "docker", "users"],
        "ssh_keys": [KEY], "sudo_commands": ["/usr/bin/id"], "tags": ["x"], "role": "helpdesk",
        "attributes": {"desk": 7}, "locked": true, "password_max_age": 90,
    });
    let password = NewPassword::Given(secret("seven violet herons"));
    f.create_with(fields, password).unwrap();
    let alice = subject("alice");
    let own = f.root(Action::MetadataManage, Some("alice"));
    f.service.set_setting(&own, &alice, ("core", "lang"), "en", false).unwrap();
    f.service.set_profile(&own, &alice, "phone", "1", false).unwrap();
    let before = f.service.user(&alice).unwrap();
    assert!(before.password_changed_at.is_some());

    delete(&f, "alice", HomeFate::Keep);
    assert!(!f.sudoers().contains("#3000"));
    let left = f.service.read(|db| Ok(db.tombstone(before.id)?)).unwrap().unwrap();
    assert!(left.remains.had_password && !left.remains.had_second_factor);
    assert_eq!((left.deleted_at, left.deleted_by.as_str()), (f.service.now(), "root"));
    let text = serde_json::to_string(&left.remains).unwrap();
    assert!(!text.contains("argon2"), "no credential is kept: {text}");

    let f = f.restarted();
    let restored = restore(&f, "alice").unwrap();
    assert_eq!(lasting(&restored.user), lasting(&before));
    assert_eq!(restored.user, f.service.user(&alice).unwrap());
    assert!(restored.user.password_disabled && restored.user.password_changed_at.is_none());
    assert_eq!(restored.credentials_gone, ["password"]);
    assert!(restored.missing_groups.is_empty() && restored.left_out.is_empty());
    assert_eq!(restored.home_state, "missing");
    let locked_users_have_none = f.sudoers();
    assert!(!locked_users_have_none.contains("#3000"));
    f.service.unlock_user(&f.root(Action::UserUnlock, Some("alice")), &alice).unwrap();
    assert!(f.sudoers().contains("#3000"));
    assert_eq!(f.service.group(&subject("alice")).unwrap().gid, before.gid);
    assert!(matches!(restore(&f, "alice"), Err(Error::NoSuchUser(_))), "once");
}

#[test]
fn deleting_and_restoring_may_be_repeated() {
    assert_eq!(rustix::process::geteuid().as_raw(), 0, "homes change their owner: run as root");
    let f = Fixture::new();
    let first = f.create(json!({"name": "alice", "home_create": true})).unwrap().user;
    std::fs::write(f.path("home/alice/letter"), "dear bob").unwrap();
    for round in 0..4 {
        let fate = if round % 2 == 0 { HomeFate::Archive } else { HomeFate::Keep };
        delete(&f, "alice", fate);
        assert_eq!(f.path("home/alice").exists(), fate == HomeFate::Keep);
        let restored = restore(&f, ["alice", "uid:3000"][round % 2]).unwrap();
        assert_eq!(restored.home_state, if round % 2 == 0 { "restored" } else { "kept" });
        assert_eq!((restored.user.id, restored.user.uid), (first.id, 3000));
        assert_eq!(std::fs::read_to_string(f.path("home/alice/letter")).unwrap(), "dear bob");
    }
    assert_eq!(std::fs::read_dir(f.path("home/.roster-quarantine")).unwrap().count(), 0);
    delete(&f, "alice", HomeFate::Purge);
    assert_eq!(restore(&f, &format!("id:{}", first.id)).unwrap().home_state, "missing");
}

#[test]
fn a_name_that_is_taken_meanwhile_is_refused_and_another_one_taken() {
    let f = Fixture::new();
    let old = f.create(json!({"name": "alice", "home_create": true})).unwrap().user;
    delete(&f, "alice", HomeFate::Archive);
    let new = f.create(json!({"name": "alice", "home_create": true})).unwrap().user;
    assert_eq!((new.uid, new.gid), (3001, 3001));
    let refused = restore(&f, "alice").unwrap_err();
    assert!(matches!(refused, Error::UserExists(_)), "{refused:?}");
    assert!(refused.to_string().contains("--name"), "{refused}");
    let root = f.root(Action::UserCreate, None);
    assert_eq!(fields_of(restore_as(&f, &root, "alice", named("Not a name"))), ["name"]);
    let restored = restore_as(&f, &root, "alice", named("alice2")).unwrap();
    let user = restored.user;
    assert_eq!((user.id, user.uid, user.gid), (old.id, 3000, 3000));
    assert_eq!((user.name.as_str(), user.group.as_str()), ("alice2", "alice2"));
    assert_eq!((user.home.as_str(), restored.home_state), ("/home/alice2", "restored"));
    assert!(f.path("home/alice2/.profile").exists() && f.path("home/alice/.profile").exists());
}

#[test]
fn a_home_that_was_kept_moves_with_the_new_name() {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "home_create": true})).unwrap();
    delete(&f, "alice", HomeFate::Keep);
    // Without home_create, so that the old one stays where it is.
    f.create(json!({"name": "alice"})).unwrap();
    let root = f.root(Action::UserCreate, None);
    let restored = restore_as(&f, &root, "alice", named("alice2")).unwrap();
    assert_eq!((restored.user.home.as_str(), restored.home_state), ("/home/alice2", "moved"));
    assert!(f.path("home/alice2/.profile").exists() && !f.path("home/alice").exists());
}

#[test]
fn groups_that_are_gone_are_told() {
    let f = Fixture::new();
    let manage = f.root(Action::GroupManage, None);
    for group in ["dev", "ops"] {
        f.service.create_group(&manage, &map(json!({ "name": group }))).unwrap();
    }
    f.create(json!({"name": "alice", "groups": ["dev", "ops", "docker", "users"]})).unwrap();
    delete(&f, "alice", HomeFate::Keep);
    f.service.delete_group(&manage, &subject("dev")).unwrap();
    // Another group of that name is not the one that she was in.
    f.service.create_group(&manage, &map(json!({"name": "dev"}))).unwrap();
    f.service.update_group(&manage, &subject("ops"), &map(json!({"name": "sre"}))).unwrap();
    let group = std::fs::read_to_string(f.path("group")).unwrap();
    std::fs::write(f.path("group"), group.replace("docker:x:990:\n", "")).unwrap();
    let restored = restore(&f, "alice").unwrap();
    assert_eq!(restored.missing_groups, ["dev", "docker"]);
    assert_eq!(restored.user.groups, ["sre", "users"]);
}

#[test]
fn the_primary_group_is_made_again_with_its_number() {
    let f = Fixture::new();
    let manage = f.root(Action::GroupManage, None);
    f.service.create_group(&manage, &map(json!({"name": "staff", "gid": 4000}))).unwrap();
    for name in ["alice", "bob"] {
        f.create(json!({"name": name, "group": "staff"})).unwrap();
    }
    delete(&f, "alice", HomeFate::Keep);
    delete(&f, "bob", HomeFate::Keep);
    assert!(f.service.group(&subject("staff")).is_err(), "the last one took it along");
    assert_eq!(restore(&f, "alice").unwrap().user.gid, 4000);
    assert_eq!(restore(&f, "bob").unwrap().user.group, "staff");
    assert_eq!(f.service.group(&subject("uid:4000")).unwrap().name.as_str(), "staff");
    delete(&f, "alice", HomeFate::Keep);
    delete(&f, "bob", HomeFate::Keep);
    f.service.create_group(&manage, &map(json!({"name": "staff"}))).unwrap();
    assert_eq!(fields_of(restore(&f, "bob")), ["group"]);
    f.service.delete_group(&manage, &subject("staff")).unwrap();
    let group = std::fs::read_to_string(f.path("group")).unwrap();
    std::fs::write(f.path("group"), format!("{group}other:x:4000:\n")).unwrap();
    assert_eq!(fields_of(restore(&f, "bob")), ["group"]);
}

#[test]
fn a_number_that_is_somebodys_on_the_host_is_refused() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    delete(&f, "alice", HomeFate::Keep);
    let passwd = std::fs::read_to_string(f.path("passwd")).unwrap();
    std::fs::write(f.path("passwd"), format!("{passwd}eve:x:3000:100::/home/eve:/bin/sh\n"))
        .unwrap();
    assert!(matches!(restore(&f, "alice"), Err(Error::IdInUse(_))));
    std::fs::write(f.path("passwd"), passwd).unwrap();
    restore(&f, "alice").unwrap();
}

#[test]
fn power_comes_back_only_by_the_hand_of_who_may_give_it() {
    let f = Fixture::new();
    let manage = f.root(Action::GroupManage, None);
    f.service.create_group(&manage, &map(json!({"name": "dev"}))).unwrap();
    let fields = json!({"name": "alice", "role": "admin", "sudo_commands": ["ALL"], "groups": ["dev", "docker"]});
    for powerful in [
        fields.clone(),
        json!({"name": "alice", "role": "helpdesk"}),
        json!({"name": "alice", "sudo_commands_nopasswd": ["/usr/bin/id"]}),
        json!({"name": "alice", "groups": ["docker"]}),
    ] {
        f.create(powerful).unwrap();
        delete(&f, "alice", HomeFate::Keep);
        let who = subject("alice");
        assert!(f.service.restoring_gives_power(&who).unwrap());
        let grant = polkits(Action::UserCreate);
        let refused = restore_as(&f, &grant, "alice", RestoreOptions::default()).unwrap_err();
        assert!(matches!(refused, Error::NotAuthorized(_)), "{refused:?}");
        assert!(refused.to_string().contains("--without-sudo"), "{refused}");
        purge(&f, "alice").unwrap();
    }
    f.create(fields.clone()).unwrap();
    delete(&f, "alice", HomeFate::Keep);
    let without = RestoreOptions { name: None, without_sudo: true };
    let plain = restore_as(&f, &polkits(Action::UserCreate), "alice", without).unwrap();
    assert_eq!(plain.left_out, ["role admin", "sudo ALL", "group docker"]);
    assert_eq!((plain.user.role, plain.user.groups), (Role::User, vec!["dev".to_owned()]));
    assert!(plain.user.sudo_commands.is_empty() && !f.sudoers().contains("ALL\n"));
    delete(&f, "alice", HomeFate::Keep);
    assert!(!f.service.restoring_gives_power(&subject("alice")).unwrap());
    let nobody = polkits(Action::UserDelete);
    let refused = restore_as(&f, &nobody, "alice", RestoreOptions::default());
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
}

#[test]
fn rules_of_a_group_that_went_along_come_back_and_ended_ones_do_not() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let grant = f.root(Action::SudoManage, None);
    let sudo = |holder: &str, command: &str, lasts| {
        let holder = Holder::parse(holder).unwrap();
        f.service.grant_sudo(&grant, &holder, command, false, lasts).unwrap();
    };
    sudo("%alice", "/usr/bin/id", None);
    sudo("alice", "/usr/bin/who", Some(60));
    sudo("alice", "/usr/bin/w", Some(6000));
    delete(&f, "alice", HomeFate::Keep);
    assert!(!f.sudoers().contains("/usr/bin"));
    f.clock.forward(100);
    restore(&f, "alice").unwrap();
    let rules = f.sudoers();
    assert!(rules.contains("%#3000") && rules.contains("/usr/bin/w\n"), "{rules}");
    assert!(!rules.contains("/usr/bin/who"), "{rules}");
}

#[test]
fn deleted_users_of_one_name_are_told_apart() {
    let f = Fixture::new();
    for _ in 0..2 {
        f.create(json!({"name": "alice"})).unwrap();
        delete(&f, "alice", HomeFate::Keep);
    }
    f.create(json!({"name": "bob", "home": "/var/empty"})).unwrap();
    delete(&f, "bob", HomeFate::Keep);
    let refused = restore(&f, "alice").unwrap_err();
    assert!(refused.to_string().contains("2 deleted users were named alice"), "{refused}");
    assert!(purge(&f, "alice").is_err());
    let page = f.service.list_deleted_users(0, 2).unwrap();
    let names: Vec<_> = page.items.iter().map(|user| user.name.as_str()).collect();
    assert_eq!((page.total, names), (3, vec!["alice", "alice"]));
    let second = &page.items[1];
    assert_eq!((second.home_state, second.home.as_str()), ("kept", "/home/alice"));
    assert_eq!(second.purge_at.0, second.deleted_at.0 + 30 * DAY);
    assert_eq!(f.service.list_deleted_users(2, 10).unwrap().items[0].name, "bob");
    assert_eq!(restore(&f, &format!("id:{}", second.id)).unwrap().user.uid, second.uid);
    purge(&f, "alice").unwrap();
    assert!(matches!(purge(&f, "alice"), Err(Error::NoSuchUser(_))));
    let denied = f.service.purge_user(&polkits(Action::UserCreate), &subject("bob"));
    assert!(matches!(denied, Err(Error::NotAuthorized(_))));
}

#[test]
fn after_the_retention_a_user_is_purged_with_its_archive_and_the_uid_stays_used() {
    let f = Fixture::new();
    assert_eq!(Config::default().accounts.deleted_retention_days, 30);
    for name in ["alice", "bob"] {
        f.create(json!({ "name": name, "home_create": true })).unwrap();
        delete(&f, name, HomeFate::Archive);
        f.clock.forward(10 * DAY);
    }
    let kept = || std::fs::read_dir(f.path("home/.roster-quarantine")).unwrap().count();
    f.service.purge_expired_users().unwrap();
    assert_eq!((f.service.list_deleted_users(0, 9).unwrap().total, kept()), (2, 2));
    f.clock.forward(10 * DAY - 1);
    f.service.purge_expired_users().unwrap();
    assert_eq!(kept(), 2);
    f.clock.forward(1);
    f.service.purge_expired_users().unwrap();
    let left = f.service.list_deleted_users(0, 9).unwrap();
    assert_eq!((left.total, left.items[0].name.as_str(), kept()), (1, "bob", 1));
    assert!(matches!(restore(&f, "alice"), Err(Error::NoSuchUser(_))));
    assert_eq!(f.create(json!({"name": "alice"})).unwrap().user.uid, 3002);
    assert!(matches!(f.create(json!({"name": "x", "uid": 3000})), Err(Error::IdInUse(_))));
}

#[test]
fn an_archive_that_cannot_be_erased_keeps_its_user_and_holds_nobody_up() {
    let f = Fixture::new();
    for name in ["alice", "bob"] {
        f.create(json!({ "name": name, "home_create": true })).unwrap();
        delete(&f, name, HomeFate::Archive);
    }
    let alice = f.service.read(|db| Ok(db.tombstones_named("alice")?.1)).unwrap().unwrap();
    let DeletedHome::Archived(label) = alice.home else { panic!("{:?}", alice.home) };
    let archive = f.path(&format!("home/.roster-quarantine/alice.{label}"));
    std::os::unix::fs::chown(&archive, Some(1001), None).unwrap();
    f.clock.forward(31 * DAY);
    assert!(matches!(f.service.purge_expired_users(), Err(Error::HomeDirectory(_))));
    let left = f.service.list_deleted_users(0, 9).unwrap();
    assert_eq!((left.total, left.items[0].name.as_str()), (1, "alice"));
    assert!(matches!(restore(&f, "alice"), Err(Error::HomeDirectory(_))));
    std::os::unix::fs::chown(&archive, Some(3000), None).unwrap();
    f.service.purge_expired_users().unwrap();
    assert!(!archive.exists());
}

#[test]
fn what_a_deletion_has_left_undone_is_not_done_to_who_is_back() {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "home_create": true})).unwrap();
    delete(&f, "alice", HomeFate::Keep);
    let owed = |effect: serde_json::Value| {
        let text = json!({ "effect": effect }).to_string();
        f.service.note(|db| Ok(db.owe(&text, 0)?)).unwrap()
    };
    let home = owed(json!({"kind": "purge_home", "path": "/home/alice", "uid": 3000}));
    let others = owed(json!({"kind": "purge_home", "path": "/home/bob", "uid": 3001}));
    owed(json!({"kind": "end_sessions", "uid": 3000}));
    let refused = restore(&f, "alice").unwrap_err();
    assert!(matches!(refused, Error::HomeDirectory(_)), "{refused:?}");
    f.service.note(|db| Ok(db.settle(home)?)).unwrap();
    restore(&f, "alice").unwrap();
    let left = f.service.read(|db| Ok(db.owed()?)).unwrap();
    assert_eq!(left.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [others]);
    let f = f.restarted();
    f.service.replay_outbox().unwrap();
    assert!(f.path("home/alice/.profile").exists());
}
