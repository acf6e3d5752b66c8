//! Attributes, settings, profiles, and the verbs of an administrator, on the bus.

use bus::{AdministrationProxy, ErrorName, MetadataProxy};
use serde_json::json;
use zbus::Variant;
use zbus::wire::Signature;

use super::answers::refused;
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, record};

#[test]
fn attributes_keep_their_types() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.call_as(ROOT, |connection| async move {
        let m = MetadataProxy::new(&connection).await.unwrap();
        assert!(m.set_attribute("alice", "floor", Variant::U8(2)).await.unwrap());
        let null = Variant::Signature(Signature::Unit);
        assert!(m.set_attribute("alice", "none", null).await.unwrap());
        let list = Variant::new(vec!["a", "b"]);
        assert!(m.set_attribute("alice", "list", list).await.unwrap());
        let all = m.get_metadata("alice").await.unwrap();
        assert_eq!(
            record(&all),
            json!({"attributes": {"floor": 2, "none": null, "list": ["a", "b"]},
                "settings": {}, "profile": {}})
        );
        assert!(m.pop_attribute("alice", "floor").await.unwrap());
        assert!(!m.pop_attribute("alice", "floor").await.unwrap());
        let odd = Variant::new((1_u8, 2_u8));
        let error = refused(m.set_attribute("alice", "odd", odd).await);
        assert_eq!((error.name, &*error.fields.0[0].field), (ErrorName::InvalidField, "value"));
        // As deep as it gets: a record that could not be shown would hide all others.
        for depth in 1..20 {
            let deep = (1..depth).fold(Variant::U8(1), |inner, _| Variant::new(vec![inner]));
            let taken = m.set_attribute("alice", "deep", deep).await.is_ok();
            assert!(m.get_metadata("alice").await.is_ok(), "{depth}");
            assert!(taken || depth > 10, "{depth}");
        }
        let nobody = m.set_attribute("nobody-there", "a", Variant::U8(2)).await;
        assert_eq!(refused(nobody).name, ErrorName::NoSuchUser);
    });
}

#[test]
fn everybody_keeps_the_own_settings_and_profile() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.create(json!({"name": "bob"}));
    bus.call_as(ALICE, |connection| async move {
        let m = MetadataProxy::new(&connection).await.unwrap();
        m.set_setting("alice", "core", "lang", "en", [].into()).await.unwrap();
        m.set_profile("alice", "pronouns", "she/her", [].into()).await.unwrap();
        let only = [("update_only", Variant::Bool(true))];
        let error = refused(m.set_profile("alice", "role", "x", only.into()).await);
        assert_eq!((error.name, &*error.fields.0[0].field), (ErrorName::InvalidField, "key"));
        let unknown = [("upd\u{1b}", Variant::Bool(true))];
        let error = refused(m.set_setting("alice", "a", "b", "c", unknown.into()).await);
        assert_eq!(error.fields.0[0].field, "upd\\u{1b}");
        let own = record(&m.get_metadata("alice").await.unwrap());
        assert_eq!(own["settings"], json!({"core": {"lang": "en"}}));
        assert_eq!(own["profile"], json!({"pronouns": "she/her"}));
        let beyond = [
            m.set_attribute("alice", "a", Variant::U8(1)).await.map(|_| ()),
            m.pop_attribute("alice", "a").await.map(|_| ()),
            m.get_metadata("bob").await.map(|_| ()),
            m.set_setting("bob", "core", "lang", "en", [].into()).await,
            m.delete_setting("bob", "core", "lang").await.map(|_| ()),
            m.set_profile("bob", "role", "x", [].into()).await,
            m.delete_profile("bob", "role").await.map(|_| ()),
        ];
        for (n, result) in beyond.into_iter().enumerate() {
            assert_eq!(refused(result).name, ErrorName::NotAuthorized, "{n}");
        }
        assert!(m.delete_setting("alice", "core", "lang").await.unwrap());
        assert!(m.delete_profile("alice", "pronouns").await.unwrap());
    });
}

#[test]
fn disabling_is_for_administrators() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    for caller in [ALICE, STRANGER] {
        bus.call_as(caller, |connection| async move {
            let a = AdministrationProxy::new(&connection).await.unwrap();
            for result in [a.disable_user("alice").await, a.enable_user("alice").await] {
                assert_eq!(refused(result).name, ErrorName::NotAuthorized);
            }
        });
    }
    bus.call_as(ROOT, |connection| async move {
        let a = AdministrationProxy::new(&connection).await.unwrap();
        assert_eq!(refused(a.enable_user("alice").await).name, ErrorName::AlreadyInState);
        assert_eq!(refused(a.disable_user("bob").await).name, ErrorName::NoSuchUser);
    });
}
