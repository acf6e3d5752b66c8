//! The audit log over the bus.

use bus::{AuditProxy, ErrorName};
use serde_json::json;
use zbus::Variant;

use super::answers::refused;
use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, record};

#[test]
fn the_log_is_listed_and_verified() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.create(json!({"name": "bob", "role": "auditor"}));
    bus.call_as(3001, |connection| async move {
        let audit = AuditProxy::new(&connection).await.unwrap();
        let (rows, more) = audit.list_audit([("limit", Variant::U8(1))].into()).await.unwrap();
        let row = record(&rows[0]);
        assert!(more);
        for (field, value) in [
            ("id", json!(2)),
            ("actor", json!("root")),
            ("actor_uid", json!(0)),
            ("via", json!("bus")),
            ("action", json!("user-create")),
            ("subject", json!("bob")),
        ] {
            assert_eq!(row[field], value, "{field}");
        }
        assert!(row["change"].as_str().unwrap().starts_with('{'));
        let (rows, more) = audit.list_audit([("after", Variant::U8(0))].into()).await.unwrap();
        assert_eq!((rows.len(), more, &record(&rows[0])["subject"]), (2, false, &json!("alice")));
        let of_alice = [("user", Variant::new("alice")), ("since", Variant::new("2023-01-01"))];
        assert_eq!(audit.list_audit(of_alice.into()).await.unwrap().0.len(), 1);
        let report = record(&audit.verify_audit([].into()).await.unwrap());
        assert_eq!((&report["valid"], &report["rows"]), (&json!(true), &json!(2)));
        assert_eq!((&report["head"]["id"], &report["findings"]), (&json!(2), &json!([])));
        assert_eq!(report["head"]["hash"], row["hash"]);
        let wrong = vec![format!("1:{}", "0".repeat(64))];
        let options = [("known", Variant::new(wrong))];
        let report = record(&audit.verify_audit(options.into()).await.unwrap());
        assert_eq!((&report["valid"], &report["findings"][0]["row"]), (&json!(false), &json!(1)));
        assert_eq!(report["findings"][0]["kind"], "recorded");
    });
}

#[test]
fn it_is_for_auditors_and_administrators() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice"}));
    bus.create(json!({"name": "bob", "role": "helpdesk"}));
    for uid in [STRANGER, ALICE, 3001] {
        bus.call_as(uid, |connection| async move {
            let audit = AuditProxy::new(&connection).await.unwrap();
            let own = audit.list_audit([("user", Variant::new("alice"))].into()).await;
            assert_eq!(refused(own).name, ErrorName::NotAuthorized, "{uid}");
            let verified = audit.verify_audit([].into()).await;
            assert_eq!(refused(verified).name, ErrorName::NotAuthorized, "{uid}");
        });
    }
}

#[test]
fn every_wrong_option_is_named() {
    let bus = PrivateBus::new();
    bus.call_as(ROOT, |connection| async move {
        let audit = AuditProxy::new(&connection).await.unwrap();
        let wrong = [
            ("user", Variant::new("no\nname")),
            ("since", Variant::new("yesterday")),
            ("until", Variant::U8(1)),
            ("before", Variant::U8(1)),
            ("after", Variant::U8(1)),
            ("limit", Variant::U32(10_001)),
            ("nonsense", Variant::Bool(true)),
        ];
        let error = refused(audit.list_audit(wrong.into()).await);
        let mut fields: Vec<_> = error.fields.0.iter().map(|e| e.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["after", "limit", "nonsense", "since", "until", "user"]);
        for known in [
            Variant::new("1:aa"),
            Variant::new(vec!["1:aa"]),
            Variant::new(vec!["x"; 257]),
            Variant::U8(1),
        ] {
            let error = refused(audit.verify_audit([("known", known)].into()).await);
            assert_eq!(error.fields.0[0].field, "known");
        }
        let error = refused(audit.verify_audit([("x", Variant::U8(1))].into()).await);
        assert_eq!(error.fields.0[0].field, "x");
    });
}
