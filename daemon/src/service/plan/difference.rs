//! Two states of a thing, compared field by field, each value small enough to be kept for good.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Facts;

/// The longest value that is shown whole, in bytes of its text.
const LONGEST: usize = 512;
/// What is shown of a longer one.
const BEGINNING: usize = 256;
/// The most entries that a list is said to have won or lost.
const MOST_ENTRIES: usize = 64;

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// What has the field: `user`, `group`, `uid`, …
    pub kind: String,
    /// Its name, after the change.
    pub name: String,
    /// Its identifier; empty for what has none, and for what does not exist before the change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The field, as in the record; a dot leads into attributes, settings and profile.
    pub field: String,
    /// The value before: null, a truth, a number, a text or a list of texts; JSON as text else.
    pub from: Value,
    /// The value after, likewise.
    pub to: Value,
    /// Of a list: the entries that come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Of a list: the entries that go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// What differs between two states of a thing; `None`: it does not exist.
pub(super) fn difference(before: Option<&Facts>, after: Option<&Facts>) -> Vec<Changed> {
    let Some(thing) = after.or(before) else { return Vec::new() };
    let fields: BTreeSet<&String> =
        [before, after].into_iter().flatten().flat_map(|facts| facts.fields.keys()).collect();
    let differs = fields.into_iter().filter_map(|field| {
        let value = |facts: Option<&Facts>| {
            let value = facts.and_then(|facts| facts.fields.get(field)).cloned();
            value.unwrap_or(Value::Null)
        };
        let (from, mut to) = (value(before), value(after));
        let exists = before.is_some() && after.is_some();
        if from == to {
            let mark = |facts: Option<&Facts>| facts?.marks.get(field.as_str()).copied();
            if mark(before) == mark(after) {
                return None;
            }
            to = format!("{} (new)", to.as_str().unwrap_or_default()).into();
        } else if !exists && is_nothing(&from) && is_nothing(&to) {
            return None;
        }
        let id = before.map(|facts| facts.id.clone()).unwrap_or_default();
        let (kind, name) = (thing.kind.to_owned(), thing.name.clone());
        Some(Changed::new((kind, name, id), field.clone(), &from, &to))
    });
    differs.collect()
}

/// What a new thing has in a field that nobody has filled.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => matches!(text.as_str(), "" | "not set" | "none" | "0 left"),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

/// Entries that a list wins or loses: some of them, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::service) struct Entries {
    pub(super) some: Vec<String>,
    /// Those beyond.
    pub(super) more: u64,
}

impl Entries {
    pub(super) const fn is_empty(&self) -> bool {
        self.some.is_empty() && self.more == 0
    }

    /// As they are shown.
    fn shown(&self) -> Vec<String> {
        let mut shown: Vec<_> = self.some.iter().take(MOST_ENTRIES).map(|text| cut(text)).collect();
        let more = self.more + (self.some.len() - shown.len()) as u64;
        if more > 0 {
            shown.push(format!("… and {more} more"));
        }
        shown
    }
}

impl Changed {
    /// A list that wins and loses entries, and that nobody has read as a whole.
    pub(super) fn of_list(
        (kind, name, id): (String, String, String),
        field: &str,
        added: &Entries,
        removed: &Entries,
    ) -> Self {
        let (field, from, to) = (field.to_owned(), Value::Null, Value::Null);
        let (added, removed) = (added.shown(), removed.shown());
        Self { kind, name, id, field, from, to, added, removed }
    }

    /// A change of a thing, named by kind, name and identifier.
    pub(in crate::service) fn new(
        (kind, name, id): (String, String, String),
        field: String,
        from: &Value,
        to: &Value,
    ) -> Self {
        let entries = |value: &Value| {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let (had, has) = (entries(from), entries(to));
        let beyond = |list: &[String], other: &[String]| {
            let other: BTreeSet<&String> = other.iter().collect();
            let mut beyond: Vec<_> =
                list.iter().filter(|entry| !other.contains(entry)).map(|text| cut(text)).collect();
            if beyond.len() > MOST_ENTRIES {
                let more = format!("… and {} more", beyond.len() - MOST_ENTRIES);
                beyond.truncate(MOST_ENTRIES);
                beyond.push(more);
            }
            beyond
        };
        let (added, removed) = (beyond(&has, &had), beyond(&had, &has));
        let field = cut(&field);
        Self { kind, name, id, field, from: shown(from), to: shown(to), added, removed }
    }
}

/// A value as it is shown and kept.
pub(in crate::service) fn shown(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => cut(text).into(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let json = value.to_string();
            if json.len() <= LONGEST { value.clone() } else { cut(&json).into() }
        }
        Value::Array(_) | Value::Object(_) => cut(&value.to_string()).into(),
    }
}

/// A text, or its beginning with the length and hash of the whole.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=BEGINNING).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let beginning = &text[..end];
    format!("{beginning}… ({} bytes, SHA-256 {})", text.len(), hash(text))
}

/// The hash of a text that is not shown whole.
pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(from: Value, to: Value) -> Changed {
        let thing = ("user".to_owned(), "alice".to_owned(), String::new());
        Changed::new(thing, "x".to_owned(), &from, &to)
    }

    #[test]
    fn small_values_stay_what_they_are_and_objects_become_text() {
        for value in [json!(null), json!(true), json!(7), json!("x"), json!(["a", "b"])] {
            assert_eq!(shown(&value), value);
        }
        assert_eq!(shown(&json!({"a": [1, null]})), json!("{\"a\":[1,null]}"));
        assert_eq!(shown(&json!([1, 2])), json!("[1,2]"));
    }

    #[test]
    fn long_values_are_cut_and_told_apart_by_their_hash() {
        let long = |end: &str| json!(format!("{}{end}", "ä".repeat(40_000)));
        let (a, b) = (shown(&long("a")), shown(&long("b")));
        assert_ne!(a, b);
        for cut in [&a, &b] {
            let text = cut.as_str().unwrap_or_default();
            assert!(text.len() < 400 && text.contains("80001 bytes, SHA-256 "), "{text}");
        }
        let list: Vec<String> = (0..10_000).map(|n| format!("member{n}")).collect();
        let mut more = list.clone();
        more.push("alice".to_owned());
        let members = changed(json!(list), json!(more));
        assert_eq!((members.added, members.removed), (vec!["alice".to_owned()], vec![]));
        assert!(members.from.as_str().is_some_and(|text| text.len() < 400));
        let emptied = changed(json!(more), json!([]));
        assert_eq!(emptied.removed.len(), MOST_ENTRIES + 1);
        assert_eq!(emptied.removed.last().map(String::as_str), Some("… and 9937 more"));
    }
}
