//! A record's values as text for one cell or line.

use serde_json::Value;

use super::text::printable;

/// Where a cell's text comes from.
#[derive(Debug, Clone, Copy)]
pub enum Cell {
    /// The entry's field of that name.
    Field(&'static str),
    /// What the function makes of the entry; made printable afterwards.
    Of(fn(&Value) -> String),
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The heading.
    pub heading: &'static str,
    /// The content.
    pub cell: Cell,
    /// How early a narrow terminal does without it: the highest goes first.
    pub rank: u8,
}

impl Column {
    /// A column that shows a field.
    #[must_use]
    pub const fn field(heading: &'static str, name: &'static str) -> Self {
        Self { heading, cell: Cell::Field(name), rank: 0 }
    }

    /// A column that shows something derived from the entry.
    #[must_use]
    pub const fn of(heading: &'static str, derive: fn(&Value) -> String) -> Self {
        Self { heading, cell: Cell::Of(derive), rank: 0 }
    }

    /// The same column, done without that early.
    #[must_use]
    pub const fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    /// The text for an entry.
    #[must_use]
    pub fn text(&self, entry: &Value) -> String {
        match self.cell {
            Cell::Field(name) => entry.get(name).map(text).unwrap_or_default(),
            Cell::Of(derive) => printable(&derive(entry)).into_owned(),
        }
    }
}

/// A value as people read it.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => printable(text).into_owned(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        Value::Object(map) if map.values().all(|value| !value.is_object() && !value.is_array()) => {
            let pairs: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", printable(key), text(value)))
                .collect();
            pairs.join(", ")
        }
        other => printable(&other.to_string()).into_owned(),
    }
}

/// A record's filled fields for people: the named ones first, then the others by name. An empty name
/// is an empty line, where there is something above and below it.
#[must_use]
pub fn people(record: &Value, first: &[&str]) -> Vec<(String, String)> {
    let Some(map) = record.as_object() else { return Vec::new() };
    let others = map.keys().map(String::as_str).filter(|key| !first.contains(key));
    let mut shown = Vec::new();
    let mut parted = false;
    for key in first.iter().copied().chain(others) {
        if key.is_empty() {
            parted = !shown.is_empty();
        } else if let Some(value) = map.get(key).filter(|value| !is_empty(value)) {
            if std::mem::take(&mut parted) {
                shown.push((String::new(), String::new()));
            }
            shown.extend(lines(key, value));
        }
    }
    shown
}

/// A record's fields, one a line, values as programs want them.
#[must_use]
pub fn plain(record: &Value) -> Vec<(String, String)> {
    let Some(map) = record.as_object() else { return Vec::new() };
    map.iter()
        .map(|(key, value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => printable(text).into_owned(),
                other => printable(&other.to_string()).into_owned(),
            };
            (printable(key).into_owned(), text)
        })
        .collect()
}

/// A list of objects takes a line per object.
fn lines(key: &str, value: &Value) -> Vec<(String, String)> {
    let name = printable(&key.replace('_', " ")).into_owned();
    match value.as_array() {
        Some(items) if items.iter().any(Value::is_object) => {
            items.iter().map(|item| (name.clone(), text(item))).collect()
        }
        _ => vec![(name, text(value))],
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_well() {
        assert_eq!(text(&json!(true)), "yes");
        assert_eq!(text(&json!(["a", "b\n"])), "a, b\\n");
        assert_eq!(text(&json!({"totp": true, "recovery": false})), "recovery: no, totp: yes");
        assert_eq!(text(&json!({"a": {"b": "\u{1b}"}})), "{\"a\":{\"b\":\"\\u001b\"}}");
        assert_eq!(text(&json!(null)), "");
    }

    #[test]
    fn records_show_what_is_filled_in_the_order_asked_for() {
        let record = json!({"name": "alice", "uid": 3000, "email": null, "tags": [], "a_b": "x"});
        let shown = people(&record, &["uid", "name", "missing"]);
        let shown: Vec<_> = shown.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(shown, [("uid", "3000"), ("name", "alice"), ("a b", "x")]);
        let shown = people(&record, &["", "uid", "", "tags", "", "name", "a_b", ""]);
        let shown: Vec<_> = shown.iter().map(|(a, _)| a.as_str()).collect();
        assert_eq!(shown, ["uid", "", "name", "a b"]);
    }
}
