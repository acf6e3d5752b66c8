//! Each operator on each kind of field, and filters that mean harm.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::convert::Infallible;

use accounts::{Code, FieldErrors};
use serde_json::{Map, Value, json};

use super::{FIELDS, Field, Filter, Needle, Nulls, Query};

fn alice() -> Value {
    json!({
        "id": "0193b3c0-0000-7000-8000-000000000001", "name": "alice", "uid": 3000,
        "full_name": "Alice Ng-Ström", "email": "Alice@Example.org", "home_mode": "700",
        "locked": false, "expires_at": "2030-01-31T00:00:00Z", "password_max_age": null,
        "tags": ["ops", "Berlin"], "groups": [], "last_login": null, "profile": {"phone": "12"},
        "attributes": {"desk": {"floor": 2, "note": "By the window"}, "a.b": [1, "x", null], "n": 1.5},
        "ssh_keys": [{"id": 1, "fingerprint": "SHA256:x"}, {"id": 2, "fingerprint": "SHA256:y"}],
    })
}

fn parse(filters: &Value) -> Result<Vec<Filter>, FieldErrors> {
    Query::parse(&filters.to_string(), &Map::new()).map(|query| query.filters)
}

fn matches(filter: Value) -> bool {
    let record = alice();
    let filters = parse(&json!([filter])).unwrap_or_else(|errors| panic!("{filter}: {errors}"));
    let mut value = |field: Field| {
        Ok::<_, Infallible>(Cow::Borrowed(record.get(field.name).unwrap_or(&Value::Null)))
    };
    filters.iter().all(|filter| filter.matches(&mut value).unwrap())
}

fn wrong(filters: Value) -> Vec<(String, Code)> {
    let errors = parse(&filters).unwrap_err();
    errors.0.into_iter().map(|error| (error.field, error.code)).collect()
}

#[test]
fn every_operator_on_every_kind() {
    let holds = [
        json!(["name", "=", "alice"]),
        json!(["name", "!=", "bob"]),
        json!(["name", ">", "alic"]),
        json!(["name", ">=", "alice"]),
        json!(["name", "<", "bob"]),
        json!(["name", "<=", "alice"]),
        json!(["name", "~", "l.c"]),
        json!(["name", "~", "^a.*e$"]),
        json!(["name", "^", "al"]),
        json!(["name", "^", ""]),
        json!(["name", "!^", "li"]),
        json!(["name", "$", "ice"]),
        json!(["name", "!$", "al"]),
        json!(["name", "in", ["bob", "alice"]]),
        json!(["name", "nin", ["bob"]]),
        json!(["name", "nin", []]),
        json!(["full_name", "rin", "Ng"]),
        json!(["full_name", "rnin", "ng"]),
        json!(["uid", "=", 3000]),
        json!(["uid", ">", 2999]),
        json!(["uid", "in", [1, 3000]]),
        json!(["locked", "=", false]),
        json!(["locked", "!=", true]),
        json!(["locked", "in", [true, false]]),
        json!(["home_mode", "=", "0700"]),
        json!(["expires_at", "=", "2030-01-31"]),
        json!(["expires_at", "<", "2030-01-31T00:00:01Z"]),
        json!(["expires_at", "^", "2030-01"]),
        json!(["last_login", "=", null]),
        json!(["password_max_age", "!=", 7]),
        json!(["tags", "rin", "ops"]),
        json!(["tags", "rnin", "op"]),
        json!(["tags", "=", ["ops", "Berlin"]]),
        json!(["groups", "=", []]),
        json!(["attributes.desk.floor", "=", 2]),
        json!(["attributes.desk.floor", ">=", 1.5]),
        json!(["attributes.desk.note", "~", "window$"]),
        json!(["attributes.desk", "rin", "floor"]),
        json!(["attributes.a\\.b", "rin", null]),
        json!(["attributes.a\\.b", "rin", "x"]),
        json!(["attributes.n", "=", 1.5]),
        json!(["attributes.none", "=", null]),
        json!(["profile.phone", "in", ["12", 12]]),
        json!(["ssh_keys.fingerprint", "rin", "SHA256:y"]),
        json!(["ssh_keys", "!=", []]),
    ];
    for filter in holds {
        assert!(matches(filter.clone()), "{filter}");
    }
    let fails = [
        json!(["name", "=", "Alice"]),
        json!(["name", "~", "^lice"]),
        json!(["name", "in", []]),
        json!(["uid", "<", 3000]),
        json!(["email", "=", null]),
        json!(["attributes.desk.floor", "=", "2"]),
        json!(["attributes.desk.floor", "^", "2"]),
        json!(["attributes.desk.floor.deeper", "!=", null]),
        json!(["ssh_keys.fingerprint", "rin", "SHA256:z"]),
        // What is absent is neither so nor not so.
        json!(["last_login", ">", "2000-01-01"]),
        json!(["last_login", "<", "2000-01-01"]),
        json!(["last_login", "^", "2"]),
        json!(["last_login", "!^", "2"]),
        json!(["attributes.none", "rin", "x"]),
        json!(["attributes.none", "rnin", "x"]),
        json!(["attributes.none", "~", ""]),
    ];
    for filter in fails {
        assert!(!matches(filter.clone()), "{filter}");
    }
}

#[test]
fn case_counts_unless_c_says_otherwise() {
    for filter in [
        json!(["name", "C=", "ALICE"]),
        json!(["email", "C=", "alice@example.ORG"]),
        json!(["full_name", "C^", "ALICE"]),
        json!(["full_name", "C$", "strÖM"]),
        json!(["full_name", "C~", "ng-STRÖM$"]),
        json!(["full_name", "Crin", "NG"]),
        json!(["tags", "Crin", "BERLIN"]),
        json!(["name", "Cin", ["ALICE"]]),
        json!(["uid", "C=", 3000]),
    ] {
        assert!(matches(filter.clone()), "{filter}");
    }
    assert!(!matches(json!(["email", "=", "alice@example.org"])));
    assert!(!matches(json!(["full_name", "C!^", "alice"])));
    assert!(!matches(json!(["tags", "Crnin", "OPS"])));
}

#[test]
fn one_of_several_and_lists_within() {
    assert!(matches(json!(["OR", [["name", "=", "bob"], ["uid", "=", 3000]]])));
    assert!(!matches(json!(["OR", [["name", "=", "bob"], ["uid", "=", 1]]])));
    assert!(matches(json!([
        "OR",
        [["name", "=", "bob"], [["uid", "=", 3000], ["locked", "=", false]]]
    ])));
    assert!(!matches(json!([
        "OR",
        [[["uid", "=", 3000], ["locked", "=", true]], ["uid", "=", 1]]
    ])));
    assert!(matches(json!(["OR", [["OR", [["uid", "=", 3000]]]]])));
    // A single filter needs no list around it.
    assert_eq!(parse(&json!(["name", "=", "alice"])).unwrap().len(), 1);
}

#[test]
fn wrong_types_are_named_by_field() {
    for (filter, field, code) in [
        (json!(["uid", "=", "3000"]), "uid", Code::WrongType),
        (json!(["uid", "=", 1.5]), "uid", Code::WrongType),
        (json!(["uid", ">", null]), "uid", Code::WrongType),
        (json!(["uid", "~", "3"]), "uid", Code::WrongType),
        (json!(["uid", "^", "3"]), "uid", Code::WrongType),
        (json!(["locked", "=", "no"]), "locked", Code::WrongType),
        (json!(["locked", ">", false]), "locked", Code::WrongType),
        (json!(["name", "=", 7]), "name", Code::WrongType),
        (json!(["name", "in", "alice"]), "name", Code::WrongType),
        (json!(["name", "in", ["alice", {}]]), "name", Code::WrongType),
        (json!(["name", "~", 7]), "name", Code::WrongType),
        (json!(["name", "~", "("]), "name", Code::Invalid),
        (json!(["name", "like", "a"]), "name", Code::Invalid),
        (json!(["name", "CC=", "a"]), "name", Code::Invalid),
        (json!(["name", "=", "a\u{0}"]), "name", Code::Invalid),
        (json!(["expires_at", ">", "soon"]), "expires_at", Code::Invalid),
        (json!(["home_mode", "=", "rwx"]), "home_mode", Code::Invalid),
        (json!(["tags", "=", "ops"]), "tags", Code::WrongType),
        (json!(["tags", "in", ["ops"]]), "tags", Code::WrongType),
        (json!(["tags", "rin", 1]), "tags", Code::WrongType),
        (json!(["name.x", "=", "a"]), "name.x", Code::UnknownField),
        (json!(["", "=", "a"]), "", Code::UnknownField),
        (json!(["name", "="]), "filters", Code::WrongType),
        (json!(["OR", []]), "filters", Code::Invalid),
        (json!([1, 2, 3]), "filters", Code::WrongType),
        (json!([]), "filters", Code::WrongType),
        (json!("name"), "filters", Code::WrongType),
    ] {
        assert_eq!(wrong(json!([filter.clone()])), [(field.to_owned(), code)], "{filter}");
    }
    let all = wrong(json!([["uid", "=", "x"], ["nonsense", "=", 1], ["name", "~", "("]]));
    assert_eq!(all.len(), 3);
    for text in ["", "{}", "null", "[", "\"name\""] {
        assert!(Query::parse(text, &Map::new()).is_err(), "{text}");
    }
}

#[test]
fn secrets_have_no_name_here() {
    for name in [
        "password",
        "phc",
        "password_hash",
        "unixhash",
        "smbhash",
        "sealed",
        "totp",
        "secret",
        "twofactor_secret",
        "recovery_codes",
        "hash",
        "throttle",
        "passwords.phc",
        "rowid",
        "attributes) OR 1=1 --",
        "name\" --",
        "name; DROP TABLE users",
    ] {
        let filter = wrong(json!([[name, "=", "x"]]));
        assert_eq!(filter[0].1, Code::UnknownField, "{name}");
        for option in [json!({"select": [name]}), json!({"order_by": [format!("-{name}")]})] {
            let errors = Query::parse("[]", option.as_object().unwrap()).unwrap_err();
            assert_eq!(errors.0[0].code, Code::UnknownField, "{option}");
        }
    }
    for field in FIELDS {
        for word in ["phc", "hash", "secret", "sealed"] {
            assert!(!field.name.contains(word), "{}", field.name);
        }
    }
}

#[test]
fn what_is_too_much_is_refused_before_it_costs_anything() {
    let deep = |depth: usize| {
        let start = json!(["name", "=", "a"]);
        (0..depth).fold(start, |inner, _| json!(["OR", [inner]]))
    };
    assert!(parse(&json!([deep(8)])).is_ok());
    assert_eq!(wrong(json!([deep(9)])), [("filters".to_owned(), Code::TooLong)]);
    let lists = (0..40).fold(json!(["name", "=", "a"]), |inner, _| json!([inner]));
    assert!(parse(&json!([["OR", [lists]]])).is_err());
    // Deeper than a stack would bear.
    let text = "[".repeat(60_000);
    assert!(Query::parse(&text, &Map::new()).is_err());
    let many: Vec<Value> = (0..129).map(|uid| json!(["uid", "=", uid])).collect();
    assert_eq!(wrong(json!(many)), [("filters".to_owned(), Code::TooLong)]);
    assert!(parse(&json!(many[..128])).is_ok());
    let values: Vec<u32> = (0..2001).collect();
    assert_eq!(wrong(json!([["uid", "in", values]])), [("filters".to_owned(), Code::TooLong)]);
    let long = "x".repeat(1025);
    for filter in [
        json!(["name", "=", long]),
        json!(["attributes.a", "=", long]),
        json!(["attributes.a", "=", {"x": long}]),
        json!(["name", "in", [long]]),
        json!([format!("attributes.{long}"), "=", 1]),
        json!(["attributes.a.b.c.d.e.f.g.h.i", "=", 1]),
    ] {
        assert_eq!(wrong(json!([filter.clone()]))[0].1, Code::TooLong, "{filter}");
    }
    let huge = json!([["name", "=", "x".repeat(70_000)]]);
    assert_eq!(wrong(huge), [("filters".to_owned(), Code::TooLong)]);
    let regexes: Vec<Value> = (0..9).map(|_| json!(["name", "~", "a"])).collect();
    assert!(wrong(json!(regexes)).iter().all(|(_, code)| *code == Code::TooLong));
}

#[test]
fn evil_regular_expressions_are_refused_or_quick() {
    for pattern in
        ["(a{1000}){1000}", "((a{100}){100}){100}", r"\pL{1000}", "(?:(?:(?:x{50}){50}){50}){50}"]
    {
        let found = wrong(json!([["name", "~", pattern]]));
        assert_eq!(found[0].1, Code::TooLong, "{pattern}");
    }
    assert_eq!(wrong(json!([["name", "~", "(".repeat(200)]]))[0].1, Code::Invalid);
    assert_eq!(wrong(json!([["name", "~", "a".repeat(257)]]))[0].1, Code::TooLong);
    // Backtracking would take longer than the universe lasts.
    let text = format!("{}!", "a".repeat(60_000));
    let record = json!({"x": text});
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let filters = parse(&json!([["attributes.x", "~", pattern]])).unwrap();
        let mut value = |_: Field| Ok::<_, Infallible>(Cow::Borrowed(&record));
        assert!(!filters[0].matches(&mut value).unwrap(), "{pattern}");
    }
}

#[test]
fn options_are_read_and_every_wrong_one_is_named() {
    let options = json!({"select": ["name", "attributes.desk"], "limit": 10000, "offset": 3,
        "order_by": ["-uid", "nulls_last:last_login", "nulls_first:-email", "attributes.desk.floor"]});
    let query = Query::parse("[]", options.as_object().unwrap()).unwrap();
    let order: Vec<_> = query.options.order_by.iter().map(|o| (o.descending, o.nulls)).collect();
    let expected =
        [(true, Nulls::Last), (false, Nulls::Last), (true, Nulls::First), (false, Nulls::First)];
    assert_eq!(order, expected);
    assert_eq!((query.options.limit, query.options.offset), (10_000, 3));
    assert_eq!(Query::parse("[]", &Map::new()).unwrap().options.limit, 500);
    let options = json!({"limit": 10001, "offset": -1, "count": "yes", "get": true, "select": "name",
        "order_by": ["tags", "attributes", "settings.a.b", "attributes.a\"b"], "extra\u{1b}": {}});
    let errors = Query::parse("[]", options.as_object().unwrap()).unwrap_err();
    let mut found: Vec<_> = errors.0.iter().map(|e| (e.field.as_str(), e.code)).collect();
    found.sort_by_key(|(field, _)| *field);
    let expected = [
        ("attributes", Code::Unsupported),
        ("attributes", Code::Unsupported),
        ("count", Code::WrongType),
        ("extra\\u{1b}", Code::UnknownField),
        ("limit", Code::TooLong),
        ("offset", Code::WrongType),
        ("select", Code::WrongType),
        ("settings", Code::Unsupported),
        ("tags", Code::Unsupported),
    ];
    assert_eq!(found, expected);
    let both = json!({"count": true, "get": true});
    assert!(Query::parse("[]", both.as_object().unwrap()).is_err());
    let many = json!({ "select": vec!["name"; 65], "order_by": vec!["name"; 9] });
    assert_eq!(Query::parse("[]", many.as_object().unwrap()).unwrap_err().0.len(), 2);
}

#[test]
fn a_needle_is_found_in_either_case() {
    for (needle, text) in
        [("ng", "Alice NG"), ("STRÖM", "Ng-Ström"), ("", ""), ("", "x"), ("É", "é")]
    {
        assert!(Needle::new(needle).is_in(text), "{needle} {text}");
    }
    for (needle, text) in [("ngg", "Alice Ng"), ("x", ""), ("o", "Ström")] {
        assert!(!Needle::new(needle).is_in(text), "{needle} {text}");
    }
}
