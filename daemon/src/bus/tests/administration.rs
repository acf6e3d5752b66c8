//! The further verbs of an administrator, on the bus.

use bus::{AdministrationProxy, ErrorName, secret_to_fd};
use serde_json::json;
use zbus::{Fd, Variant};

use super::answers::refused;
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, dictionary, record};

fn secret(text: &str) -> Fd<'static> {
    secret_to_fd(text.as_bytes()).unwrap().into()
}

#[test]
fn logins_and_totals_are_for_those_who_read_all() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.create(json!({"name": "bob", "role": "auditor"}));
    bus.call_as(3001, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        let (total, page) = a.list_last_seen([("limit", Variant::U8(1))].into()).await.unwrap();
        assert_eq!((total, record(&page[0])), (2, json!({"name": "alice"})));
        let report = record(&a.get_report().await.unwrap());
        assert_eq!((&report["ours"], &report["files"]), (&json!(2), &json!(2)));
        assert_eq!(refused(a.reserve_uid().await).name, ErrorName::NotAuthorized);
    });
    bus.call_as(ALICE, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        assert_eq!(record(&a.get_last_seen("alice").await.unwrap()), json!({"name": "alice"}));
        let beyond = [
            a.get_last_seen("bob").await.map(|_| ()),
            a.list_last_seen([].into()).await.map(|_| ()),
            a.get_report().await.map(|_| ()),
            a.reserve_uid().await.map(|_| ()),
            a.update_group("alice", &dictionary(json!({"name": "mine"}))).await.map(|_| ()),
        ];
        for (n, result) in beyond.into_iter().enumerate() {
            assert_eq!(refused(result).name, ErrorName::NotAuthorized, "{n}");
        }
    });
}

#[test]
fn a_reserved_uid_is_passed_over() {
    let bus = PrivateBus::new();
    let uid = bus.call_as(ROOT, |connection| async move {
        AdministrationProxy::new(&connection).await.unwrap().reserve_uid().await.unwrap()
    });
    assert_eq!(uid, 3000);
    assert_eq!(record(&bus.create(json!({"name": "alice"})))["uid"], 3001);
    assert_eq!(record(&bus.create(json!({"name": "bob", "uid": 3000})))["uid"], 3000);
}

#[test]
fn groups_are_searched_and_renamed() {
    let bus = PrivateBus::new();
    let groups = [
        json!({"name": "dev", "display_name": "Engineers"}),
        json!({"name": "ops", "display_name": "DEVelopers' friends"}),
        json!({"name": "sales"}),
    ];
    bus.accounts_as(ROOT, |a| async move {
        for group in groups {
            a.create_group(&dictionary(group)).await?;
        }
        let search = |text: &'static str| [("search", Variant::new(text))];
        let (total, found) = a.list_groups(search("Dev").into()).await?;
        assert_eq!((total, found.len()), (2, 2));
        assert_eq!(a.list_groups(search("%").into()).await?.0, 0);
        assert_eq!(a.list_groups(search("").into()).await?.0, 3);
        let odd = a.list_groups([("search", Variant::U8(1))].into()).await;
        assert_eq!(refused(odd).fields.0[0].field, "search");
        Ok(())
    })
    .unwrap();
    bus.call_as(ROOT, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        let group = a.update_group("dev", &dictionary(json!({"name": "eng"}))).await.unwrap();
        assert_eq!(record(&group)["display_name"], "Engineers");
        let taken = a.update_group("eng", &dictionary(json!({"name": "ops"}))).await;
        assert_eq!(refused(taken).name, ErrorName::GroupExists);
    });
}

#[test]
fn the_first_administrator_is_roots_to_set_up_and_anybodys_to_ask_about() {
    let bus = PrivateBus::new();
    bus.call_as(STRANGER, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        assert!(!a.has_local_administrator_set_up().await.unwrap());
        let tried = a.set_up_local_administrator("admin", secret("seven violet herons")).await;
        assert_eq!(refused(tried).name, ErrorName::NotAuthorized);
    });
    bus.call_as(ROOT, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        let root = a.set_up_local_administrator("root", secret("seven violet herons")).await;
        assert_eq!(refused(root).fields.0[0].field, "name");
        let set_up = a.set_up_local_administrator("admin", secret("seven violet herons\n")).await;
        assert_eq!(record(&set_up.unwrap())["role"], "admin");
        let again = a.set_up_local_administrator("admin", secret("seven violet herons")).await;
        let again = refused(again);
        assert_eq!(again.name, ErrorName::AlreadyInState);
        assert_eq!(again.message, "Local administrator is already set up.");
    });
    bus.call_as(STRANGER, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        assert!(a.has_local_administrator_set_up().await.unwrap());
    });
}
