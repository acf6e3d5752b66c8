//! Deleted users over the bus.

use bus::{AccountsProxy, ErrorName, LifecycleProxy};
use serde_json::json;
use zbus::Variant;

use super::answers::refused;
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, record};

#[test]
fn a_deleted_user_is_listed_restored_and_purged() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice", "sudo_commands": ["ALL"]}));
    bus.call_as(ROOT, |connection| async move {
        let accounts = AccountsProxy::new(&connection).await.unwrap();
        let deleted = LifecycleProxy::new(&connection).await.unwrap();
        let nobody = deleted.restore_user("alice", [].into()).await;
        assert_eq!(refused(nobody).name, ErrorName::NoSuchUser);
        accounts.delete_user("alice", [].into()).await.unwrap();
        let (total, page) = deleted.list_deleted_users([].into()).await.unwrap();
        let listed = record(&page[0]);
        assert_eq!((total, &listed["name"], &listed["uid"]), (1, &json!("alice"), &json!(ALICE)));
        assert_eq!(
            (&listed["deleted_by"], &listed["home_state"]),
            (&json!("root"), &json!("kept"))
        );
        let options = [("nme", Variant::new("alice2"))];
        assert_eq!(refused(deleted.restore_user("alice", options.into()).await).fields.0.len(), 1);
        let options = [("name", Variant::new("alice2")), ("without_sudo", true.into())];
        let (user, restored) = deleted.restore_user("alice", options.into()).await.unwrap();
        assert_eq!(
            (&record(&user)["name"], &record(&user)["uid"]),
            (&json!("alice2"), &json!(ALICE))
        );
        let expected = json!({"missing_groups": [], "left_out": ["sudo ALL"],
            "credentials_gone": [], "home_state": "missing"});
        assert_eq!(record(&restored), expected);
        accounts.delete_user("alice2", [].into()).await.unwrap();
        deleted.purge_user("uid:3000").await.unwrap();
        assert_eq!(refused(deleted.purge_user("uid:3000").await).name, ErrorName::NoSuchUser);
    });
}

#[test]
fn deleted_users_are_for_administrators_and_their_list_for_auditors() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.create(json!({"name": "bob", "role": "auditor"}));
    bus.create(json!({"name": "carol"}));
    bus.accounts_as(ROOT, |a| async move { a.delete_user("carol", [].into()).await }).unwrap();
    for (uid, may_list) in [(STRANGER, false), (ALICE, false), (3001, true)] {
        bus.call_as(uid, |connection| async move {
            let deleted = LifecycleProxy::new(&connection).await.unwrap();
            let listed = deleted.list_deleted_users([].into()).await;
            assert_eq!(listed.is_ok(), may_list, "{uid}");
            for subject in ["carol", "nobody"] {
                let beyond = [
                    deleted.restore_user(subject, [].into()).await.map(|_| ()),
                    deleted.purge_user(subject).await,
                ];
                for result in beyond {
                    // Not even whether there is one.
                    assert_eq!(refused(result).name, ErrorName::NotAuthorized, "{uid}");
                }
            }
        });
    }
}

#[test]
fn what_is_left_of_a_name_is_told_when_it_goes_and_when_it_comes() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    let crontab = bus.dir.path().join("var/spool/cron/crontabs/alice");
    std::fs::create_dir_all(crontab.parent().unwrap()).unwrap();
    std::fs::write(&crontab, "").unwrap();
    std::os::unix::fs::chown(&crontab, Some(ALICE), None).unwrap();
    let expected = json!([{"kind": "crontab", "path": "/var/spool/cron/crontabs/alice",
        "count": 1, "uid": ALICE}]);
    let deleted = bus.accounts_as(ROOT, |a| async move { a.delete_user("alice", [].into()).await });
    assert_eq!(record(&deleted.unwrap()), json!({ "leftovers": expected }));
    assert_eq!(record(&bus.create(json!({"name": "alice"})))["warnings"], expected);
    assert!(record(&bus.create(json!({"name": "bob"}))).get("warnings").is_none());
}

#[test]
fn users_are_reconciled_with_the_hosts_files() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice", "groups": ["docker"]}));
    let group = bus.dir.path().join("group");
    let text = std::fs::read_to_string(&group).unwrap();
    std::fs::write(&group, text.replace("docker:x:990:\n", "")).unwrap();
    bus.call_as(ROOT, |connection| async move {
        let bus = LifecycleProxy::new(&connection).await.unwrap();
        let (total, users) = bus.sync_users(&["alice"], [].into()).await.unwrap();
        let alice = record(&users[0]);
        assert_eq!((total, &alice["result"]), (1, &json!("updated")));
        assert_eq!(alice["problems"][0]["code"], "no_home");
        let (_, users) = bus.sync_users(&[], [("limit", 1_u32.into())].into()).await.unwrap();
        assert_eq!(record(&users[0])["result"], "nothing to update");
        let many = vec!["alice"; 1001];
        assert_eq!(refused(bus.sync_users(&many, [].into()).await).fields.0[0].field, "subjects");
        let nobody = bus.sync_users(&["nobody"], [].into()).await;
        assert_eq!(refused(nobody).name, ErrorName::NoSuchUser);
    });
    bus.call_as(ALICE, |connection| async move {
        let bus = LifecycleProxy::new(&connection).await.unwrap();
        assert_eq!(refused(bus.sync_users(&[], [].into()).await).name, ErrorName::NotAuthorized);
    });
}
