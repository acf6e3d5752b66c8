//! Lists by filter and by text over the bus.

use bus::{BusError, CallError, ErrorName, QueryProxy};
use serde_json::{Value, json};

use super::private_bus::{ALICE, PrivateBus, ROOT, STRANGER, dictionary, record};

type Listed = (u64, u64, u64, Vec<Value>);

fn query(bus: &PrivateBus, uid: u32, filters: Value, options: Value) -> Result<Listed, BusError> {
    let (filters, options) = (filters.to_string(), dictionary(options));
    let answer = bus.call_as(uid, |connection| async move {
        let lists = QueryProxy::new(&connection).await.unwrap();
        let options =
            options.iter().map(|(key, value)| (key.as_str(), (**value).try_clone().unwrap()));
        lists.query_users(&filters, options.collect()).await
    });
    match answer {
        Ok((total, limit, offset, users)) => {
            Ok((total, limit, offset, users.iter().map(record).collect()))
        }
        Err(error) => match CallError::from(error) {
            CallError::Refused(refused) => Err(refused),
            other => panic!("{other}"),
        },
    }
}

#[test]
fn users_are_queried_with_the_right_to_list_them() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice", "tags": ["ops"], "attributes": {"floor": 2}}));
    bus.create(json!({"name": "bob", "email": "bob@example.org"}));
    let options =
        json!({"select": ["name", "attributes.floor"], "order_by": ["-name"], "limit": 5});
    let (total, limit, offset, users) = query(&bus, ROOT, json!([]), options).unwrap();
    assert_eq!((total, limit, offset, users.len()), (2, 5, 0, 2));
    assert_eq!(users[1], json!({"name": "alice", "attributes": {"floor": 2}}));
    let ops = query(&bus, ROOT, json!([["tags", "rin", "ops"]]), json!({})).unwrap();
    assert_eq!((ops.0, ops.1, &ops.3[0]["uid"]), (1, 500, &json!(3000)));
    let counted = query(&bus, ROOT, json!([]), json!({"count": true})).unwrap();
    assert_eq!((counted.0, counted.3.len()), (2, 0));
    let none = query(&bus, ROOT, json!([["name", "=", "dora"]]), json!({"get": true}));
    assert_eq!(none.unwrap_err().name, ErrorName::NoSuchUser);
    let wrong = json!([["uid", "=", "x"], ["password", "^", "a"]]);
    let wrong = query(&bus, ROOT, wrong, json!({"limit": 10_001})).unwrap_err();
    let mut fields: Vec<_> = wrong.fields.0.iter().map(|e| e.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!((wrong.name, fields), (ErrorName::InvalidField, vec!["limit", "password", "uid"]));
    for uid in [STRANGER, ALICE] {
        let refused = query(&bus, uid, json!([]), json!({})).unwrap_err();
        assert_eq!(refused.name, ErrorName::NotAuthorized);
    }
}

#[test]
fn users_are_searched() {
    let bus = PrivateBus::new();
    bus.create(json!({"name": "alice", "full_name": "Alice Ng"}));
    bus.create(json!({"name": "bob", "tags": ["Hangar"]}));
    bus.create(json!({"name": "carol"}));
    let (found, refused) = bus.call_as(ROOT, |connection| async move {
        let lists = QueryProxy::new(&connection).await.unwrap();
        let found = lists.search_users("NG", [("limit", 1_u32.into())].into()).await.unwrap();
        (found, lists.search_users("ng", [("select", 1_u32.into())].into()).await)
    });
    let (total, limit, offset, users) = found;
    assert_eq!((total, limit, offset, users.len()), (2, 1, 0, 1));
    assert_eq!(record(&users[0])["name"], "alice");
    assert!(refused.is_err());
    let stranger = bus.call_as(STRANGER, |connection| async move {
        QueryProxy::new(&connection).await.unwrap().search_users("a", [].into()).await
    });
    assert!(matches!(
        CallError::from(stranger.unwrap_err()),
        CallError::Refused(refused) if refused.name == ErrorName::NotAuthorized
    ));
}
