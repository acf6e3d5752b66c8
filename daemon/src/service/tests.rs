//! The use cases against a real store, index and sudoers file, in a directory of their own.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::testing::{Fixture, fields_of, map, secret, subject};
use super::{DeleteOptions, Error, Holder, HomeFate, NewPassword};
use crate::authorize::Action;

#[test]
fn a_user_is_created_with_its_own_group_and_the_next_number() {
    let f = Fixture::new();
    let alice = f.create(json!({"name": "alice", "full_name": "Alice Ng"})).unwrap().user;
    assert_eq!((alice.uid, alice.gid, alice.group.as_str()), (3000, 3000, "alice"));
    assert_eq!(alice.home.as_str(), "/home/alice");
    assert!(alice.password_disabled);
    let bob =
        f.create(json!({"name": "bob", "first_name": "Bob", "last_name": "Lee"})).unwrap().user;
    assert_eq!((bob.uid, bob.full_name.as_str()), (3001, "Bob Lee"));
    assert!(f.path("run/index").exists());
    assert_eq!(f.service.list_users(0, 10).unwrap().total, 2);
}

#[test]
fn a_number_is_never_used_twice_not_even_after_delete_and_restart() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let grant = f.root(Action::UserDelete, Some("alice"));
    f.service.delete_user(&grant, &subject("alice"), DeleteOptions::default()).unwrap();
    let f = f.restarted();
    assert_eq!(f.create(json!({"name": "alice"})).unwrap().user.uid, 3001);
    assert_eq!(fields_of(f.create(json!({"name": "carol", "uid": 3000}))), ["uid"]);
}

#[test]
fn every_wrong_field_is_named_and_nothing_is_written() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let wrong = f.create_with(
        json!({"name": "alice", "uid": 1000, "shell": "/bin/evil", "groups": ["nothere"], "home": "/"}),
        NewPassword::Given(secret("short")),
    );
    assert_eq!(fields_of(wrong), ["groups", "home", "name", "password", "shell", "uid"]);
    assert!(matches!(f.create(json!({"name": "alice"})), Err(Error::UserExists(_))));
    assert!(matches!(f.create(json!({"name": "bob", "uid": 3000})), Err(Error::IdInUse(_))));
    assert_eq!(fields_of(f.create(json!({"name": "local"}))), ["name"]);
    assert_eq!(fields_of(f.create(json!({"name": "docker"}))), ["group"]);
    assert_eq!(fields_of(f.create(json!({"name": "bob", "home": "/home/local"}))), ["home"]);
    assert_eq!(fields_of(f.create(json!({"name": "bob", "home": "/home/alice/bob"}))), ["home"]);
    assert_eq!(fields_of(f.create(json!({"full_name": "x"}))), ["name"]);
    assert_eq!(f.service.list_users(0, 10).unwrap().total, 1);
    assert_eq!(f.service.list_groups("", 0, 10).unwrap().total, 1);
}

#[test]
fn passwords_with_nul_or_without_text_are_refused() {
    let f = Fixture::new();
    for bad in
        [&b"long enough\0x"[..], b"long enough\nx", b"\xff\xfe long enough", b"", b"alice-al"]
    {
        let password = NewPassword::Given(crate::secret::Secret::new(bad.to_vec()));
        let result = f.create_with(json!({"name": "alice-al"}), password);
        assert_eq!(fields_of(result), ["password"], "{bad:?}");
    }
    assert_eq!(f.service.list_users(0, 1).unwrap().total, 0);
}

#[test]
fn lock_and_unlock_change_the_record_and_the_sudoers_file() {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "sudo_commands": ["/usr/bin/id"]})).unwrap();
    assert!(f.sudoers().contains("#3000 ") && f.sudoers().contains("/usr/bin/id"));
    let lock = f.root(Action::UserLock, Some("alice"));
    f.service.lock_user(&lock, &subject("alice")).unwrap();
    assert!(!f.sudoers().contains("#3000"), "a locked user has no rule");
    assert!(matches!(f.service.lock_user(&lock, &subject("alice")), Err(Error::AlreadyInState(_))));
    let unlock = f.root(Action::UserUnlock, Some("alice"));
    f.service.unlock_user(&unlock, &subject("uid:3000")).unwrap();
    assert!(f.sudoers().contains("#3000 "));
    assert!(!f.service.user(&subject("alice")).unwrap().locked);
}

#[test]
fn sudo_rules_are_granted_listed_revoked_and_expire() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let grant = f.root(Action::SudoManage, None);
    let alice = Holder::parse("alice").unwrap();
    let id = f.service.grant_sudo(&grant, &alice, "/usr/bin/id", false, None).unwrap();
    let short = f.service.grant_sudo(&grant, &alice, "/usr/bin/ls -l", true, Some(60)).unwrap();
    assert!(matches!(
        f.service.grant_sudo(&grant, &alice, "/usr/bin/id", false, None),
        Err(Error::AlreadyInState(_))
    ));
    assert_eq!(f.service.list_sudo(Some(&alice)).unwrap().len(), 2);
    assert_eq!(f.service.expire_sudo_rules().unwrap(), Some(1_700_000_060));
    f.clock.forward(61);
    assert_eq!(f.service.expire_sudo_rules().unwrap(), None);
    assert!(!f.sudoers().contains("/usr/bin/ls"));
    assert!(matches!(
        f.service.revoke_sudo(&grant, &alice, Some(short)),
        Err(Error::NoSuchRule(_))
    ));
    f.service.revoke_sudo(&grant, &alice, Some(id)).unwrap();
    assert!(!f.sudoers().contains("#3000"));
    for bad in ["id", "/usr/bin/id\nALL", "ALL ALL", "/usr/bin/"] {
        assert_eq!(fields_of(f.service.grant_sudo(&grant, &alice, bad, false, None)), ["command"]);
    }
}

#[test]
fn group_rules_speak_of_the_number() {
    let f = Fixture::new();
    f.service
        .create_group(&f.root(Action::GroupManage, None), &map(json!({"name": "dev"})))
        .unwrap();
    let grant = f.root(Action::SudoManage, None);
    f.service.grant_sudo(&grant, &Holder::parse("%dev").unwrap(), "ALL", false, None).unwrap();
    assert!(f.sudoers().contains("%#3000 "));
    let delete = f.root(Action::GroupManage, None);
    f.service.delete_group(&delete, &subject("dev")).unwrap();
    assert!(!f.sudoers().contains("%#3000"));
}

#[test]
fn the_last_administrator_stays() {
    let f = Fixture::new();
    let password = || NewPassword::Given(secret("a good long one"));
    f.create_with(json!({"name": "boss", "role": "admin"}), password()).unwrap();
    let boss = subject("boss");
    let refused =
        |result: Result<(), Error>| assert!(matches!(result, Err(Error::LastAdministrator)));
    refused(f.service.lock_user(&f.root(Action::UserLock, Some("boss")), &boss));
    refused(f.service.clear_password(&f.root(Action::PasswordSet, Some("boss")), &boss));
    let delete = f.root(Action::UserDelete, Some("boss"));
    refused(f.service.delete_user(&delete, &boss, DeleteOptions::default()).map(|_| ()));
    let update = f.root(Action::UserUpdate, Some("boss"));
    for change in
        [json!({"role": "user"}), json!({"expires_at": "2001-01-01"}), json!({"locked": true})]
    {
        refused(f.service.update_user(&update, &boss, &map(change), None).map(|_| ()));
    }
    assert!(!f.service.user(&boss).unwrap().locked);
    f.create_with(json!({"name": "deputy", "role": "admin"}), password()).unwrap();
    f.service.lock_user(&f.root(Action::UserLock, Some("boss")), &boss).unwrap();
}

#[test]
fn homes_are_made_kept_archived_and_purged() {
    assert_eq!(rustix::process::geteuid().as_raw(), 0, "homes change their owner: run as root");
    let f = Fixture::new();
    for name in ["keep", "archive", "purge"] {
        f.create(json!({"name": name, "home_create": true})).unwrap();
        assert!(f.path(&format!("home/{name}/.profile")).exists());
    }
    let taken = f.path("home/taken");
    std::fs::create_dir(&taken).unwrap();
    let refused = f.create(json!({"name": "taken", "home_create": true}));
    assert!(matches!(refused, Err(Error::HomeDirectory(_))), "{refused:?}");
    assert!(matches!(f.service.user(&subject("taken")), Err(Error::NoSuchUser(_))));
    for (name, home) in
        [("keep", HomeFate::Keep), ("archive", HomeFate::Archive), ("purge", HomeFate::Purge)]
    {
        let grant = f.root(Action::UserDelete, Some(name));
        let options = DeleteOptions { home, ..DeleteOptions::default() };
        f.service.delete_user(&grant, &subject(name), options).unwrap();
        assert_eq!(f.path(&format!("home/{name}")).exists(), name == "keep");
    }
    let quarantine = std::fs::read_dir(f.path("home/.roster-quarantine")).unwrap();
    assert_eq!(quarantine.count(), 1);
}

#[test]
fn updates_are_checked_as_a_whole_and_against_the_generation() {
    let f = Fixture::new();
    let alice = f.create(json!({"name": "alice"})).unwrap().user;
    f.create(json!({"name": "bob"})).unwrap();
    let grant = f.root(Action::UserUpdate, Some("alice"));
    let update = |fields, generation| {
        f.service.update_user(
            &grant,
            &subject(&format!("id:{}", alice.id)),
            &map(fields),
            generation,
        )
    };
    assert_eq!(
        fields_of(update(json!({"name": "bob", "uid": 7000, "email": "x"}), None)),
        ["email", "name", "uid"]
    );
    let renamed = update(json!({"name": "alicia", "tags": ["b", "a"]}), Some(1)).unwrap();
    assert_eq!((renamed.uid, renamed.id, renamed.generation), (3000, alice.id, 2));
    assert_eq!(renamed.tags, ["a", "b"]);
    assert!(matches!(
        update(json!({"full_name": "A"}), Some(1)),
        Err(Error::StaleGeneration { expected: 1, is: 2 })
    ));
    assert!(matches!(f.service.user(&subject("alice")), Err(Error::NoSuchUser(_))));
}

#[test]
fn a_user_changes_its_own_fields_and_no_others() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let own = f.grant(3000, Action::UserUpdateOwn, Some("alice"));
    let alice = subject("alice");
    let update = |fields| f.service.update_user(&own, &alice, &map(fields), None);
    assert_eq!(update(json!({"shell": "/bin/sh"})).unwrap().shell.as_str(), "/bin/sh");
    for other in [
        json!({"uid": 0}),
        json!({"groups": ["docker"]}),
        json!({"role": "admin"}),
        json!({"sudo_commands": ["ALL"]}),
        json!({"full_name": "A", "locked": false}),
    ] {
        assert!(matches!(update(other), Err(Error::NotAuthorized(_))));
    }
    f.create(json!({"name": "bob"})).unwrap();
    let theirs =
        f.service.update_user(&own, &subject("bob"), &map(json!({"shell": "/bin/sh"})), None);
    assert!(matches!(theirs, Err(Error::NotAuthorized(_))));
    assert_eq!(fields_of(update(json!({"shell": "/bin/zsh"}))), ["shell"]);
}

#[test]
fn memberships_reach_ours_and_the_hosts_groups() {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "groups": ["docker", "dev"], "create_groups": true})).unwrap();
    assert_eq!(f.service.user(&subject("alice")).unwrap().groups, ["dev", "docker"]);
    let grant = f.root(Action::GroupManage, None);
    f.service.add_member(&grant, "dev", "local").unwrap();
    assert!(matches!(f.service.add_member(&grant, "dev", "alice"), Err(Error::AlreadyInState(_))));
    assert!(matches!(f.service.add_member(&grant, "dev", "nobodyhere"), Err(Error::NoSuchUser(_))));
    assert!(matches!(f.service.add_member(&grant, "nothere", "alice"), Err(Error::NoSuchGroup(_))));
    assert!(matches!(
        f.service.add_member(&grant, "roster-2fa", "alice"),
        Err(Error::Immutable(_))
    ));
    assert_eq!(f.service.group(&subject("dev")).unwrap().members, ["alice", "local"]);
    f.service.remove_member(&grant, "docker", "alice").unwrap();
    assert_eq!(f.service.user(&subject("alice")).unwrap().groups, ["dev"]);
    assert!(matches!(f.service.delete_group(&grant, &subject("alice")), Err(Error::Immutable(_))));
}

#[test]
fn keys_are_added_once_and_removed() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
    let grant = f.root(Action::KeyManage, Some("alice"));
    let alice = subject("alice");
    let id = f.service.add_key(&grant, &alice, key, None).unwrap();
    assert_eq!(fields_of(f.service.add_key(&grant, &alice, key, None)), ["ssh_keys"]);
    assert_eq!(f.service.list_keys(&alice).unwrap()[0].key, key);
    f.service.remove_key(&grant, &alice, id).unwrap();
    assert!(matches!(f.service.remove_key(&grant, &alice, id), Err(Error::NoSuchKey(_))));
}

#[test]
fn a_damaged_store_refuses_everything_and_keeps_the_index() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let f = f.restarted();
    let index = std::fs::read(f.path("run/index")).unwrap();
    let damage = vec![0x5a; 16_384];
    std::fs::write(f.path("store/roster.db"), &damage).unwrap();
    for log in ["store/roster.db-wal", "store/roster.db-shm"] {
        // Whichever of them is there.
        let _ = std::fs::remove_file(f.path(log));
    }
    let f = f.restarted();
    assert!(matches!(f.create(json!({"name": "bob"})), Err(Error::Unavailable(_))));
    assert!(matches!(f.service.user(&subject("alice")), Err(Error::Unavailable(_))));
    assert!(std::fs::read(f.path("run/index")).unwrap() == index);
    assert!(std::fs::read(f.path("store/roster.db")).unwrap() == damage);
}

#[test]
fn a_primary_group_that_gives_root_makes_its_user_powerful() {
    let f = Fixture::new();
    let users = || f.root(Action::UserUpdate, Some("alice"));
    f.create(json!({"name": "alice"})).unwrap();
    f.create(json!({"name": "ops", "groups": []})).unwrap();
    assert!(!f.service.target(&subject("alice")).unwrap().has_sudo);
    let join = |group: &str| {
        f.service.update_user(&users(), &subject("alice"), &map(json!({ "group": group })), None)
    };
    join("docker").unwrap();
    assert!(f.service.target(&subject("alice")).unwrap().has_sudo, "a group of the host");
    join("users").unwrap();
    assert!(!f.service.target(&subject("alice")).unwrap().has_sudo);
    for group in ["%users", "%ops"] {
        let grant = f.root(Action::SudoManage, None);
        let holder = Holder::parse(group).unwrap();
        join(&group[1..]).unwrap();
        f.service.grant_sudo(&grant, &holder, "/usr/bin/id", false, None).unwrap();
        assert!(f.service.target(&subject("alice")).unwrap().has_sudo, "{group} has a rule");
        f.service.revoke_sudo(&grant, &holder, None).unwrap();
        assert!(!f.service.target(&subject("alice")).unwrap().has_sudo);
    }
}

#[test]
fn who_only_reads_does_not_wait_for_a_change_under_way() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let (sender, answered) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let mut held = f.service.lock_store();
        let store = held.as_mut().unwrap();
        store
            .change(|db| {
                db.next_generation()?;
                let service = &f.service;
                scope.spawn(move || sender.send(service.user(&subject("alice"))).unwrap());
                // As long as a change may take; the answer comes meanwhile or never.
                let answer = answered.recv_timeout(std::time::Duration::from_secs(60));
                assert_eq!(answer.unwrap().unwrap().name.as_str(), "alice");
                Ok::<_, crate::store::StoreError>(())
            })
            .unwrap();
    });
}

#[test]
fn who_reads_waits_for_a_change_when_too_many_read_beside_it() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let readers = f.service.readers().unwrap();
    let taken: Vec<_> = std::iter::from_fn(|| readers.free()).collect();
    assert!(!taken.is_empty());
    std::thread::scope(|scope| {
        let held = f.service.lock_store();
        let waiting = scope.spawn(|| f.service.user(&subject("alice")));
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!waiting.is_finished());
        drop(held);
        assert_eq!(waiting.join().unwrap().unwrap().name.as_str(), "alice");
    });
}
