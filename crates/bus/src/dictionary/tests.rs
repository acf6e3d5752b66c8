#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

fn encoded(value: Value) -> Dictionary {
    to_dictionary(&object(value)).unwrap()
}

fn signature(dictionary: &Dictionary, key: &str) -> String {
    dictionary[key].value_signature().to_string()
}

#[test]
fn a_record_has_the_documented_types() {
    let record = encoded(json!({
        "name": "alice", "uid": 3000, "gid": 3000, "locked": false, "generation": 7,
        "groups": ["dev"], "tags": [], "email": null, "tokens": [], "recovery_codes_left": 10,
        "ssh_keys": [{"id": 1, "key": "ssh-ed25519 AAAA", "expires_at": null}],
        "attributes": {"uid": 1, "list": [1, "a", null], "none": null, "deep": {"x": [true]}},
        "settings": {"app": {"key": "text"}},
    }));
    for (key, expected) in [
        ("name", "s"),
        ("uid", "u"),
        ("gid", "u"),
        ("locked", "b"),
        ("generation", "x"),
        ("groups", "as"),
        ("tags", "as"),
        ("tokens", "ax"),
        ("recovery_codes_left", "u"),
        ("ssh_keys", "aa{sv}"),
        ("attributes", "a{sv}"),
        ("settings", "a{sv}"),
    ] {
        assert_eq!(signature(&record, key), expected, "{key}");
    }
    assert!(!record.contains_key("email"));
    let back = from_dictionary(&record).unwrap();
    assert_eq!(back["attributes"]["none"], Value::Null);
    assert_eq!(back["attributes"]["list"], json!([1, "a", null]));
    assert_eq!(back["ssh_keys"], json!([{"id": 1, "key": "ssh-ed25519 AAAA"}]));
}

#[test]
fn an_empty_list_of_objects_keeps_its_type() {
    assert_eq!(signature(&encoded(json!({"ssh_keys": []})), "ssh_keys"), "aa{sv}");
}

#[test]
fn every_integer_type_is_taken() {
    let dictionary: Dictionary = [
        ("y", Variant::U8(7)),
        ("n", Variant::I16(7)),
        ("q", Variant::U16(7)),
        ("i", Variant::I32(7)),
        ("u", Variant::U32(7)),
        ("x", Variant::I64(7)),
        ("t", Variant::U64(7)),
        ("v", Variant::Variant(Box::new(Variant::Variant(Box::new(Variant::U16(7)))))),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.try_into_owned().unwrap()))
    .collect();
    for (key, value) in from_dictionary(&dictionary).unwrap() {
        assert_eq!(value, json!(7), "{key}");
    }
}

fn refused(value: Variant<'static>) -> DictionaryError {
    let dictionary = [("key".to_owned(), value.try_into_owned().unwrap())].into();
    from_dictionary(&dictionary).unwrap_err()
}

#[test]
fn types_that_no_field_has_are_refused() {
    let fd = std::fs::File::open("/dev/null").unwrap();
    for value in [
        Variant::F64(f64::NAN),
        Variant::F64(f64::INFINITY),
        Variant::new((1u32, "a")),
        Variant::Fd(std::os::fd::OwnedFd::from(fd).into()),
        Variant::Signature(Signature::Str),
        Variant::new(HashMap::from([(1u32, "a")])),
    ] {
        assert_eq!(refused(value), DictionaryError::Type("key".into()));
    }
}

fn over_the_wire(dictionary: &Dictionary) -> Dictionary {
    use zbus::wire::{LE, serialized::Context, to_bytes};
    to_bytes(Context::new(LE, 0), dictionary).unwrap().deserialize().unwrap().0
}

/// An array in an array, and so on.
fn nested(depth: usize) -> Variant<'static> {
    let mut deep = Variant::Bool(true);
    for _ in 1..depth {
        let mut array = Array::new(deep.value_signature());
        array.append(deep).unwrap();
        deep = Variant::Array(array);
    }
    deep
}

#[test]
fn whatever_is_taken_can_be_given_out() {
    let mut json = json!(true);
    for _ in 2..MAX_DEPTH {
        json = json!({ "x": json });
    }
    let record = object(json!({ "attributes": { "x": json } }));
    let read = from_dictionary(&over_the_wire(&to_dictionary(&record).unwrap())).unwrap();
    assert_eq!(read, record);

    let dictionary = [("attributes".to_owned(), nested(MAX_DEPTH).try_into_owned().unwrap())];
    let taken = from_dictionary(&over_the_wire(&dictionary.into())).unwrap();
    let given = from_dictionary(&over_the_wire(&to_dictionary(&taken).unwrap())).unwrap();
    assert_eq!(given, taken);
}

#[test]
fn depth_and_size_are_limited_both_ways() {
    let mut deep = Variant::Bool(true);
    let mut json = json!(true);
    for _ in 0..20 {
        deep = Variant::Variant(Box::new(deep));
        json = json!([json]);
    }
    assert_eq!(refused(deep), DictionaryError::Depth("key".into()));
    let record = object(json!({ "attributes": json }));
    assert_eq!(to_dictionary(&record), Err(DictionaryError::Depth("attributes".into())));
    let dictionary = [("key".to_owned(), nested(MAX_DEPTH + 1).try_into_owned().unwrap())].into();
    assert_eq!(from_dictionary(&dictionary), Err(DictionaryError::Depth("key".into())));

    let many = vec![1u32; MAX_VALUES + 1];
    assert_eq!(refused(Variant::new(many.clone())), DictionaryError::Size("key".into()));
    let record = object(json!({ "attributes": { "x": many } }));
    assert_eq!(to_dictionary(&record), Err(DictionaryError::Size("attributes".into())));
}

#[test]
fn a_nul_in_free_text_cannot_break_the_message() {
    let record = encoded(json!({"attributes": {"a\0": "b\0"}}));
    assert_eq!(from_dictionary(&record).unwrap()["attributes"], json!({"a\u{fffd}": "b\u{fffd}"}));
}

fn free_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[^\0]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[^\0]{0,6}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn free_json_survives_the_wire(value in free_json()) {
        let record = object(json!({ "attributes": { "value": value } }));
        let read = over_the_wire(&to_dictionary(&record).unwrap());
        prop_assert_eq!(from_dictionary(&read).unwrap(), record);
    }
}
