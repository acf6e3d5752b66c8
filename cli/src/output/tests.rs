//! Answers in every format.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

const COLUMNS: &[Column] = &[Column::field("NAME", "name"), Column::field("UID", "uid")];

fn list() -> Answer {
    let users = json!([{"name": "alice", "uid": 3000}, {"name": "b\u{1b}[2J\tb", "uid": 3001}]);
    Answer::new(
        json!({"total": 2, "limit": 500, "offset": 0, "users": users}),
        View::Rows { list: Some("users"), columns: COLUMNS },
    )
}

#[test]
fn a_list_in_every_format() {
    let list = list();
    assert_eq!(
        *list.render(Format::Table, None),
        "NAME           UID\nalice          3000\nb\\u{1b}[2J\\tb  3001\n"
    );
    assert_eq!(*list.render(Format::Plain, None), "alice\t3000\nb\\u{1b}[2J\\tb\t3001\n");
    let jsonl = list.render(Format::Jsonl, None);
    let lines: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"name": "alice", "uid": 3000}));
    assert_eq!(lines.len(), 2);
    let one: Value = serde_json::from_str(&list.render(Format::Json, None)).unwrap();
    let pretty = list.render(Format::JsonPretty, None);
    assert_eq!(one, serde_json::from_str::<Value>(&pretty).unwrap());
    assert!(pretty.contains("\n  \"users\": ["), "{}", *pretty);
    assert!(list.render(Format::Yaml, None).starts_with("limit: 500\n"));
}

#[test]
fn no_format_lets_a_control_character_through() {
    for format in [
        Format::Json,
        Format::JsonPretty,
        Format::Jsonl,
        Format::Yaml,
        Format::Table,
        Format::Plain,
    ] {
        let text = list().render(format, Some(80));
        let control = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!text.contains(control), "{format:?}: {:?}", *text);
    }
}

#[test]
fn what_was_done_is_said_to_people_only() {
    let done = Answer::done("Locked alice.");
    assert_eq!(*done.render(Format::Table, None), "Locked alice.\n");
    assert_eq!(*done.render(Format::Plain, None), "");
    assert_eq!(*done.render(Format::Json, None), "{\"done\":true}\n");
    let noted = Answer::done("x").with_note("note");
    assert_eq!(noted.note(Format::Table), Some("note"));
    assert_eq!(noted.note(Format::Json), None);
}

#[test]
fn errors_for_people_name_each_field_on_a_line() {
    let error = Error::Refused {
        code: "invalid_field".to_owned(),
        message: "2 fields were refused".to_owned(),
        fields: vec![
            crate::error::Field {
                field: "home".to_owned(),
                code: "reserved".to_owned(),
                message: "'/' is nobody's home".to_owned(),
            },
            crate::error::Field {
                field: "na\u{1b}me".to_owned(),
                code: "invalid".to_owned(),
                message: "no\nname".to_owned(),
            },
        ],
    };
    assert_eq!(
        error_for_people(&error),
        "roster: 2 fields were refused\n  home: '/' is nobody's home\n  na\\u{1b}me: no\\nname\n"
    );
}

#[test]
fn a_message_that_lists_the_fields_is_not_said_twice() {
    let error = Error::field("home", "reserved", "'/' is nobody's home");
    assert_eq!(
        error_for_people(&error),
        "roster: refused, nothing was changed\n  home: '/' is nobody's home\n"
    );
}
