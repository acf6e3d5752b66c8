//! Dotted paths: a field, and for free JSON the way into it.

use std::borrow::Cow;

use accounts::{Code, FieldErrors};
use serde_json::{Map, Value};

use super::{Field, Kind, MAX_STEPS, MAX_TEXT, shown};

/// A field, or a place in the JSON that it holds: `attributes.desk.floor`. A dot in a key is
/// written `\.`, a backslash `\\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The record's field.
    pub field: Field,
    /// The keys below it.
    pub steps: Vec<String>,
}

impl Path {
    /// Parses a path, or notes under `option` (or the path itself) why there is no such thing.
    pub(super) fn parse(text: &str, errors: &mut FieldErrors) -> Option<Self> {
        if text.len() > MAX_TEXT {
            errors.add(&shown(text), Code::TooLong, format!("is longer than {MAX_TEXT} bytes"));
            return None;
        }
        let mut steps = split(text).into_iter();
        let field = steps.next().and_then(|name| Field::named(&name));
        let steps: Vec<String> = steps.collect();
        match field {
            Some(field) if steps.len() > MAX_STEPS => {
                let message = format!("leads deeper than {MAX_STEPS} keys");
                errors.add(field.name, Code::TooLong, message);
                None
            }
            Some(field) if steps.is_empty() || field.kind == Kind::Free => {
                Some(Self { field, steps })
            }
            _ => {
                errors.add(&shown(text), Code::UnknownField, "is no field of a user's record");
                None
            }
        }
    }

    /// What stands there, in the value of the field. In a list, what stands there in each entry.
    #[must_use]
    pub fn follow<'v>(&self, value: Cow<'v, Value>) -> Cow<'v, Value> {
        follow(&self.steps, value)
    }

    /// Puts a value there, in a record that is being made of selected places.
    pub fn put(&self, record: &mut Map<String, Value>, value: Value) {
        let mut keys =
            std::iter::once(self.field.name).chain(self.steps.iter().map(String::as_str));
        let Some(mut key) = keys.next() else { return };
        let mut at = record;
        for next in keys {
            let below = at.entry(key).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(below) = below else { return };
            at = below;
            key = next;
        }
        at.insert(key.to_owned(), value);
    }
}

fn follow<'v>(steps: &[String], value: Cow<'v, Value>) -> Cow<'v, Value> {
    let Some((step, rest)) = steps.split_first() else { return value };
    match value {
        Cow::Borrowed(Value::Object(object)) => match object.get(step) {
            Some(below) => follow(rest, Cow::Borrowed(below)),
            None => Cow::Owned(Value::Null),
        },
        Cow::Owned(Value::Object(mut object)) => match object.remove(step) {
            Some(below) => follow(rest, Cow::Owned(below)),
            None => Cow::Owned(Value::Null),
        },
        Cow::Borrowed(Value::Array(list)) => {
            let each = list.iter().map(|entry| follow(steps, Cow::Borrowed(entry)).into_owned());
            Cow::Owned(Value::Array(each.collect()))
        }
        Cow::Owned(Value::Array(list)) => {
            let each = list.into_iter().map(|entry| follow(steps, Cow::Owned(entry)).into_owned());
            Cow::Owned(Value::Array(each.collect()))
        }
        _ => Cow::Owned(Value::Null),
    }
}

fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let c = match c {
            '.' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            c => c,
        };
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}
