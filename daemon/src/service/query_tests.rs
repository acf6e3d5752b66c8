//! The store and the plain evaluation of a filter say the same, and the forms of an answer.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::cmp::Ordering;
use std::convert::Infallible;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::testing::{Fixture, fields_of, subject};
use super::{Error, Service};
use crate::authorize::Action;
use crate::query::{FIELDS, Field, Kind, Needle, Nulls, Op, Order, Query};
use crate::store::{LoginRow, UserKey};

const TEXTS: &[&str] = &["", "a", "A", "al", "Alice", "alice", "e", "Ö", "ö", "%", "_", "ng", "Ng"];

fn query(filters: &Value, options: &Value) -> Query {
    let options = options.as_object().unwrap();
    Query::parse(&filters.to_string(), options)
        .unwrap_or_else(|e| panic!("{filters} {options:?}: {e}"))
}

fn records(service: &Service) -> Vec<Map<String, Value>> {
    let users = service.list_users(0, 10_000).unwrap().items;
    users
        .iter()
        .map(|user| serde_json::to_value(user).unwrap().as_object().unwrap().clone())
        .collect()
}

/// The same by the plain evaluation, on whole records.
fn expected(records: &[Map<String, Value>], query: &Query) -> Vec<Map<String, Value>> {
    let holds = |record: &&Map<String, Value>| {
        let mut value = |field: Field| Ok::<_, Infallible>(Cow::Borrowed(&record[field.name]));
        query.filters.iter().all(|filter| filter.matches(&mut value).unwrap())
    };
    let mut found: Vec<Map<String, Value>> = records.iter().filter(holds).cloned().collect();
    found.sort_by(|a, b| {
        let keys = query.options.order_by.iter().map(|order| compare(order, a, b));
        keys.fold(Ordering::Equal, Ordering::then).then_with(|| text(a).cmp(&text(b)))
    });
    found
}

fn text(record: &Map<String, Value>) -> String {
    record["name"].as_str().unwrap().to_owned()
}

fn compare(order: &Order, a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
    let key = |record: &Map<String, Value>| {
        order.path.follow(Cow::Owned(record[order.path.field.name].clone())).into_owned()
    };
    let nulls = if order.nulls == Nulls::First { Ordering::Less } else { Ordering::Greater };
    let values = match (key(a), key(b)) {
        (Value::Null, Value::Null) => return Ordering::Equal,
        (Value::Null, _) => return nulls,
        (_, Value::Null) => return nulls.reverse(),
        (Value::String(a), Value::String(b)) => a.cmp(&b),
        (Value::String(_), _) => Ordering::Greater,
        (_, Value::String(_)) => Ordering::Less,
        (a, b) => number(&a).cmp(&number(&b)),
    };
    if order.descending { values.reverse() } else { values }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| i64::from(value.as_bool().unwrap()))
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(TEXTS).prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

/// What a user is created with; the name is added.
fn record() -> impl Strategy<Value = Value> {
    let texts = (select(TEXTS), select(TEXTS), select(TEXTS));
    let choice = (0..3_usize, 0..3_usize, 0..4_usize, any::<bool>(), any::<bool>());
    let lists = (
        prop::collection::btree_set(select(&["a", "A", "al", "Ö", "ng"][..]), 0..3),
        prop::collection::btree_set(select(&["docker", "users"][..]), 0..3),
    );
    (texts, choice, lists, scalar(), scalar()).prop_map(|(texts, choice, lists, x, y)| {
        let email = [Value::Null, json!("a@b.org"), json!("A@b.org")][choice.0].clone();
        let mode = ["700", "750", "755"][choice.1];
        let ages = [json!(30), json!(90), Value::Null, Value::Null];
        let ends = [json!("2040-01-31"), json!("2050-01-31"), Value::Null, Value::Null];
        let role = ["user", "auditor", "helpdesk", "user"][choice.2];
        json!({
            "full_name": texts.0, "first_name": texts.1, "last_name": texts.2,
            "email": email, "home_mode": mode, "expires_at": ends[choice.2].clone(),
            "password_max_age": ages[choice.2].clone(), "role": role,
            "locked": choice.3, "ssh_password_enabled": choice.4, "tags": lists.0, "groups": lists.1,
            "attributes": {"x": x, "y": {"z": [y], "w": texts.0}},
        })
    })
}

fn value_for(field: Field) -> BoxedStrategy<Value> {
    match field.kind {
        Kind::Text => prop_oneof![
            4 => select(TEXTS).prop_map(Value::from),
            1 => Just(Value::Null),
            2 => select(&["u1", "u3", "user", "a@b.org", "A@B.org", "/bin/bash", "auditor"][..])
                .prop_map(Value::from),
        ]
        .boxed(),
        Kind::Time => select(&["2040-01-31", "2023-11-14T22:13:20Z", "2050-01-31"][..])
            .prop_map(Value::from)
            .boxed(),
        Kind::Mode => select(&["700", "0750"][..]).prop_map(Value::from).boxed(),
        Kind::Number => {
            select(&[0_i64, 1, 30, 90, 3001, 3003, -1][..]).prop_map(Value::from).boxed()
        }
        Kind::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Texts => {
            select(&["a", "A", "ng", "docker", "none", "Ö"][..]).prop_map(Value::from).boxed()
        }
        Kind::Free => scalar().boxed(),
    }
}

fn one_filter() -> impl Strategy<Value = Value> {
    (select(FIELDS), select(Op::ALL), any::<bool>())
        .prop_flat_map(|(field, (sign, op), any_case)| {
            let values = prop::collection::vec(value_for(field), 1..4);
            let place =
                select(&["attributes.x", "attributes.y.z", "attributes.y.w", "ssh_keys"][..]);
            (Just((field, sign, op, any_case)), values, place)
        })
        .prop_map(|((field, sign, op, any_case), values, place)| {
            let name = if field.kind == Kind::Free { place } else { field.name };
            let sign = format!("{}{sign}", if any_case { "C" } else { "" });
            let value = match op {
                Op::In | Op::NotIn => Value::Array(values),
                Op::Equal | Op::NotEqual if field.kind == Kind::Texts => Value::Array(values),
                _ => values[0].clone(),
            };
            json!([name, sign, value])
        })
        .prop_filter("takes such a value", |filter| {
            Query::parse(&json!([filter]).to_string(), &Map::new()).is_ok()
        })
}

fn some_filter() -> impl Strategy<Value = Value> {
    let any = || (one_filter(), one_filter(), one_filter());
    prop_oneof![
        4 => one_filter(),
        1 => any().prop_map(|(a, b, c)| json!(["OR", [a, [b, c]]])),
        1 => any().prop_map(|(a, b, c)| json!(["OR", [["OR", [a, b]], c]])),
    ]
}

fn some_options() -> impl Strategy<Value = Value> {
    let singles: Vec<&str> = FIELDS
        .iter()
        .filter(|f| f.is_single())
        .map(|f| f.name)
        .chain(["attributes.x", "attributes.y.w"])
        .collect();
    let key = (
        select(singles),
        select(&["", "-", "nulls_first:", "nulls_last:", "nulls_first:-", "nulls_last:-"][..]),
    )
        .prop_map(|(name, prefix)| format!("{prefix}{name}"));
    (prop::collection::vec(key, 0..3), 0..14_u64, 0..20_u64).prop_map(
        |(order, offset, limit)| json!({"order_by": order, "offset": offset, "limit": limit}),
    )
}

fn some_query() -> impl Strategy<Value = (Value, Value)> {
    (prop::collection::vec(some_filter(), 0..3).prop_map(Value::Array), some_options())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_store_and_the_plain_evaluation_agree(
        users in prop::collection::vec(record(), 1..12),
        queries in prop::collection::vec(some_query(), 150),
        needles in prop::collection::vec(select(TEXTS), 4),
    ) {
        let f = Fixture::new();
        for (i, mut user) in users.into_iter().enumerate() {
            user["name"] = format!("{}{i}", ["u", "al", "ng"][i % 3]).into();
            f.create(user).unwrap();
        }
        let all = records(&f.service);
        for (filters, options) in &queries {
            let query = query(filters, options);
            let expected = expected(&all, &query);
            let answer = f.service.query_users(&query).unwrap();
            prop_assert_eq!(answer.total, expected.len() as u64, "{} {}", filters, options);
            let (skip, take) = (query.options.offset as usize, query.options.limit as usize);
            let page: Vec<_> = expected.iter().skip(skip).take(take).map(text).collect();
            let found: Vec<_> = answer.users.iter().map(text).collect();
            prop_assert_eq!(found, page, "{} {}", filters, options);
        }
        for needle in needles {
            let plain = Needle::new(needle);
            let has = |record: &Map<String, Value>| {
                let texts = ["name", "first_name", "last_name", "full_name", "email", "id"];
                let tags = record["tags"].as_array().unwrap().iter();
                texts.iter().map(|field| &record[*field]).chain(tags)
                    .any(|value| value.as_str().is_some_and(|text| plain.is_in(text)))
            };
            let expected: Vec<_> = all.iter().filter(|record| has(record)).map(text).collect();
            let found = f.service.search_users(needle, 0, 500).unwrap();
            let names: Vec<_> = found.items.iter().map(|user| user.name.to_string()).collect();
            prop_assert_eq!((found.total, names), (expected.len() as u64, expected), "{}", needle);
        }
    }
}

#[test]
fn every_page_of_every_order_is_that_of_the_plain_evaluation() {
    let f = Fixture::new();
    for i in 0_usize..36 {
        let email = [Value::Null, json!(format!("{}@b.org", i % 3)), Value::Null][i % 3].clone();
        let tags = if i % 12 == 5 { json!(["few"]) } else { json!([]) };
        f.clock.forward(i as i64 % 2);
        f.create(json!({"name": format!("u{}", i * 7 % 36), "email": email, "tags": tags,
            "locked": i % 2 == 0, "full_name": TEXTS[i % TEXTS.len()]}))
            .unwrap();
    }
    for i in (0_i64..36).filter(|i| i % 5 > 1) {
        let login = LoginRow { last_at: Some(i % 4), first_at: Some(i), ..LoginRow::default() };
        // Some have only failed so far.
        let login =
            if i % 5 == 4 { LoginRow { failures_since: 1, ..LoginRow::default() } } else { login };
        let note = |db: crate::store::Db<'_>| {
            let user = db.user(UserKey::Name(&format!("u{i}")))?.unwrap();
            Ok(db.set_login(user.id, &login)?)
        };
        f.service.note(note).unwrap();
    }
    let all = records(&f.service);
    let singles = FIELDS.iter().filter(|field| field.is_single()).map(|field| field.name);
    let prefixes = ["", "-", "nulls_last:", "nulls_first:-"];
    for (n, name) in singles.chain(["attributes.x"]).enumerate() {
        for prefix in prefixes {
            let order = json!([format!("{prefix}{name}"), name, "-locked", "uid", "email"]);
            for filters in
                [json!([]), json!([["locked", "=", true]]), json!([["tags", "rin", "few"]])]
            {
                for offset in [0, 1, 17 - n as u64 % 3, 19, 35, 36, 37, u64::MAX >> 1] {
                    let order = &order.as_array().unwrap()[..1 + (n + offset as usize) % 5];
                    let options = json!({"order_by": order, "offset": offset, "limit": 3,
                        "select": ["name"]});
                    let query = query(&filters, &options);
                    let expected = expected(&all, &query);
                    let answer = f.service.query_users(&query).unwrap();
                    let skip = usize::try_from(offset).unwrap();
                    let page: Vec<_> = expected.iter().skip(skip).take(3).map(text).collect();
                    let found: Vec<_> = answer.users.iter().map(text).collect();
                    assert_eq!(
                        (answer.total, found),
                        (expected.len() as u64, page),
                        "{filters} {options}"
                    );
                }
            }
        }
    }
    let listed = |offset| f.service.list_users(offset, 5).unwrap().items;
    let names: Vec<_> =
        (0..40).step_by(5).flat_map(listed).map(|user| user.name.to_string()).collect();
    assert_eq!(names, all.iter().map(text).collect::<Vec<_>>());
}

type Read<'a> = &'a dyn Fn(crate::store::Db<'_>) -> Result<u64, Error>;

fn read_by_all(
    f: &Fixture,
    until: std::time::Instant,
    readers: u32,
    read: Read<'_>,
) -> Result<u64, Error> {
    f.service.read_beside(until, |db| match readers {
        1 => read(db),
        _ => read_by_all(f, until, readers - 1, read),
    })
}

#[test]
fn a_list_keeps_no_change_waiting_and_sees_none_of_it() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // As many at a time as there may be.
    let seen = read_by_all(&f, until, 4, &|db| {
        assert_eq!(db.count_users()?, 1);
        f.create(json!({"name": "bob"}))?;
        let grant = f.root(Action::UserDelete, Some("alice"));
        f.service.delete_user(&grant, &subject("alice"), super::DeleteOptions::default())?;
        f.create(json!({"name": "carol"}))?;
        Ok(db.count_users()?)
    });
    assert_eq!(seen.unwrap(), 1);
    assert_eq!(f.service.list_users(0, 10).unwrap().total, 2);
}

#[test]
fn every_field_of_the_record_can_be_selected_and_no_other() {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "email": "a@b.org", "tags": ["x"], "groups": ["docker"],
        "attributes": {"desk": {"floor": 2}}, "expires_at": "2040-01-31"}))
        .unwrap();
    let record = records(&f.service).remove(0);
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    let mut keys: Vec<&str> = record.keys().map(String::as_str).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    keys.sort_unstable();
    assert_eq!(keys, sorted);
    let selected = f.service.query_users(&query(&json!([]), &json!({"select": names}))).unwrap();
    assert_eq!(selected.users, [record]);
    let some = json!({"select": ["attributes.desk.floor", "uid", "attributes.none"]});
    let selected = f.service.query_users(&query(&json!([]), &some)).unwrap();
    let expected = json!({"uid": 3000, "attributes": {"desk": {"floor": 2}, "none": null}});
    assert_eq!(Value::Object(selected.users[0].clone()), expected);
}

#[test]
fn counts_and_single_records() {
    let f = Fixture::new();
    for name in ["alice", "bob", "carol"] {
        f.create(json!({ "name": name })).unwrap();
    }
    let ask = |filters: Value, options: Value| f.service.query_users(&query(&filters, &options));
    let counted = ask(json!([["name", "~", "o"]]), json!({"count": true})).unwrap();
    assert_eq!((counted.total, counted.users.len()), (2, 0));
    assert_eq!(ask(json!([]), json!({"count": true})).unwrap().total, 3);
    let got = ask(json!([["name", ">", "alice"]]), json!({"get": true})).unwrap();
    assert_eq!((got.users.len(), &got.users[0]["name"]), (1, &json!("bob")));
    let none = ask(json!([["name", "=", "dora"]]), json!({"get": true}));
    assert!(matches!(none, Err(Error::NoSuchUser(_))));
    let beyond = ask(json!([]), json!({"offset": i64::MAX})).unwrap();
    assert_eq!((beyond.total, beyond.users.len()), (3, 0));
    let beyond = ask(json!([["name", "~", ""]]), json!({"offset": i64::MAX})).unwrap();
    assert_eq!((beyond.total, beyond.users.len()), (3, 0));
}

#[test]
fn lists_are_looked_into() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    f.create(json!({"name": "bob", "group": "alice"})).unwrap();
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
    let grant = f.root(Action::KeyManage, Some("bob"));
    f.service.add_key(&grant, &subject("bob"), key, None).unwrap();
    let names = |filter: Value| {
        let answer = f.service.query_users(&query(&json!([filter]), &json!({}))).unwrap();
        answer.users.iter().map(text).collect::<Vec<_>>()
    };
    let fingerprint = records(&f.service)[1]["ssh_keys"][0]["fingerprint"].clone();
    assert_eq!(names(json!(["ssh_keys.fingerprint", "rin", fingerprint])), ["bob"]);
    assert_eq!(names(json!(["ssh_keys", "=", []])), ["alice"]);
    assert_eq!(names(json!(["group", "=", "alice"])), ["alice", "bob"]);
    assert_eq!(names(json!(["settings.core.lang", "=", null])), ["alice", "bob"]);
    let id = records(&f.service)[0]["id"].clone();
    assert_eq!(names(json!(["id", "=", id])), ["alice"]);
    assert!(names(json!(["id", "=", id.as_str().unwrap().to_uppercase()])).is_empty());
    assert_eq!(names(json!(["id", "C=", id.as_str().unwrap().to_uppercase()])), ["alice"]);
}

#[test]
fn a_search_has_limits() {
    let f = Fixture::new();
    let long = "x".repeat(super::MAX_SEARCH + 1);
    assert_eq!(fields_of(f.service.search_users(&long, 0, 10)), ["text"]);
}
