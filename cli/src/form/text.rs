//! A form as text: TOML with a comment above each field, and lines with `#!` that say what is wrong
//! with the one below.

use serde_json::{Map, Value};

use super::Field;
use crate::error::{self, Error};
use crate::output::printable;

/// What begins a line that says what is wrong.
const WRONG: &str = "#! ";

/// The form before anybody has edited it.
pub fn render(preface: &str, fields: &[Field], values: &Map<String, Value>) -> String {
    let mut form = String::new();
    for line in preface.lines() {
        form.extend(["# ", line, "\n"]);
    }
    for Field { name, rule, default } in fields {
        form.extend(["\n# ", rule, "\n"]);
        match values.get(*name).and_then(|value| toml(name, value)) {
            Some(value) => form.extend([*name, " = ", &value, "\n"]),
            None => form.extend(["#", name, " = ", default, "\n"]),
        }
    }
    form
}

/// A value as it stands behind the equals sign; `None` for nothing.
fn toml(name: &str, value: &Value) -> Option<String> {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match value {
        Value::Null => None,
        // Free JSON may hold what TOML has no words for.
        Value::Object(map) if map.is_empty() => None,
        Value::Object(_) if name == "attributes" => Some(text(&value.to_string())),
        Value::Array(items) if items.len() > 1 => {
            let items: Option<Vec<_>> = items.iter().map(|item| toml(name, item)).collect();
            Some(format!("[\n    {},\n]", items?.join(",\n    ")))
        }
        Value::Array(items) => match items.first() {
            Some(item) => Some(format!("[{}]", toml(name, item)?)),
            None => Some("[]".to_owned()),
        },
        Value::String(value) => Some(text(value)),
        other => Some(other.to_string()),
    }
}

/// Whether a form holds nothing but comments.
pub fn says_nothing(form: &str) -> bool {
    form.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// The fields that a form sets.
///
/// # Errors
/// Names the line that is no TOML as the field `line N`, or every field that is unknown.
pub fn parse(form: &str, fields: &[Field]) -> Result<Map<String, Value>, Error> {
    let table: toml::Table = toml::from_str(form).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = form.get(..at).unwrap_or(form).matches('\n').count() + 1;
        Error::field(&format!("line {line}"), "invalid", error.message())
    })?;
    let mut record = Map::new();
    let mut wrong = Vec::new();
    for (name, value) in table {
        let refuse = |code: &str, message: String| error::Field {
            field: name.clone(),
            code: code.to_owned(),
            message,
        };
        if !fields.iter().any(|field| field.name == name) {
            wrong.push(refuse("unknown_field", "is no field of this form".to_owned()));
            continue;
        }
        match (name.as_str(), json(value)) {
            ("attributes", Value::String(text)) => match serde_json::from_str(&text) {
                Ok(value) => drop(record.insert(name, value)),
                Err(error) => wrong.push(refuse("invalid", format!("is no JSON: {error}"))),
            },
            (_, value) => drop(record.insert(name, value)),
        }
    }
    if wrong.is_empty() {
        return Ok(record);
    }
    let message = "the form has fields that are wrong".to_owned();
    Err(Error::Refused { code: "invalid_field".to_owned(), message, fields: wrong })
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        // A date without quotation marks is meant as one with them.
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
    }
}

/// The fields that an error is about, if it is about fields: those a form can be corrected by.
pub fn beside(error: &Error) -> Option<Vec<(String, String)>> {
    let fields = error.fields();
    if !fields.is_empty() {
        let wrong = fields.iter().map(|field| (field.field.clone(), field.message.clone()));
        return Some(wrong.collect());
    }
    let field = match error.code() {
        "name_in_use" => "name",
        "id_in_use" => "uid",
        "home_directory" => "home",
        "no_such_group" => "groups",
        "password_policy" | "last_administrator" | "immutable" => "",
        _ => return None,
    };
    Some(vec![(field.to_owned(), error.to_string())])
}

/// The form with what is wrong above the lines of the fields, and no longer what was wrong before.
pub fn annotate(form: &str, wrong: &[(String, String)]) -> String {
    let lines: Vec<&str> = form.lines().collect();
    let mut above: Vec<Vec<String>> = vec![Vec::new(); lines.len() + 1];
    for (field, message) in wrong {
        let message = format!("{WRONG}{}: {}", printable(field), printable(message));
        let message = message.trim_start_matches("#! : ");
        let message = if message.starts_with(WRONG) {
            message.to_owned()
        } else {
            format!("{WRONG}{message}")
        };
        let numbered = field.strip_prefix("line ").and_then(|number| number.parse::<usize>().ok());
        let at = match numbered {
            Some(number) => Some(number.saturating_sub(1).min(lines.len())),
            None => line_of(&lines, field),
        };
        above[at.unwrap_or(0)].push(message);
    }
    let mut annotated = String::new();
    for (i, messages) in above.iter().enumerate() {
        for message in messages {
            annotated.extend([message.as_str(), "\n"]);
        }
        if let Some(line) = lines.get(i).filter(|line| !line.starts_with(WRONG)) {
            annotated.extend([*line, "\n"]);
        }
    }
    annotated
}

/// The line that sets a field, or else the one that shows its default.
fn line_of(lines: &[&str], field: &str) -> Option<usize> {
    let sets = |line: &str| {
        line.trim_start().strip_prefix(field).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let shows = |line: &str| line.strip_prefix('#').is_some_and(sets);
    lines.iter().position(|line| sets(line)).or_else(|| lines.iter().position(|line| shows(line)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{GROUP_CREATE, GROUP_UPDATE, USER_CREATE, USER_UPDATE};
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_a_form_shows_is_what_it_says() {
        let values = map(json!({
            "name": "alice", "uid": 3000, "full_name": "Alice \"Al\" \\ Ng", "email": null,
            "groups": ["dev", "ops"], "tags": [], "ssh_keys": ["ssh-ed25519 AAAA a"],
            "attributes": {"a": {"b": null}}, "locked": false, "password_max_age": 90,
        }));
        let form = render("A user.\nTwo lines.", USER_CREATE, &values);
        assert!(form.starts_with("# A user.\n# Two lines.\n\n# Login name"), "{form}");
        assert!(form.contains("\n#shell = \"/bin/bash\"\n"), "{form}");
        let mut said = values.clone();
        said.remove("email");
        assert_eq!(parse(&form, USER_CREATE).unwrap(), said);
    }

    #[test]
    fn every_default_is_toml_once_its_comment_sign_is_gone() {
        for fields in [USER_CREATE, USER_UPDATE, GROUP_CREATE, GROUP_UPDATE] {
            let form = render("", fields, &Map::new());
            assert!(says_nothing(&form));
            let lines = form.lines().map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => rest,
                _ => line,
            });
            let form: String = lines.map(|line| format!("{line}\n")).collect();
            assert_eq!(parse(&form, fields).unwrap().len(), fields.len());
        }
    }

    #[test]
    fn what_is_wrong_stands_above_its_line_until_it_is_right() {
        let form = "# top\nname = \"alice\"\n#uid = 3000\nshell=\"x\"\n";
        let wrong = [
            ("shell".to_owned(), "is no path\u{1b}[2J".to_owned()),
            ("uid".to_owned(), "is taken".to_owned()),
            (String::new(), "last administrator".to_owned()),
            ("line 2".to_owned(), "odd".to_owned()),
        ];
        let annotated = annotate(form, &wrong);
        assert_eq!(
            annotated,
            "#! last administrator\n# top\n#! line 2: odd\nname = \"alice\"\n#! uid: is taken\n\
             #uid = 3000\n#! shell: is no path\\u{1b}[2J\nshell=\"x\"\n"
        );
        assert_eq!(annotate(&annotated, &[]), form);
    }

    #[test]
    fn unknown_fields_and_bad_lines_are_named() {
        let error = parse("nmae = 1\nname = 'a'\nshall = 2\n", USER_CREATE).unwrap_err();
        let names: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        assert_eq!(names, ["nmae", "shall"]);
        let error = parse("name = 'a'\nuid = = 3\n", USER_CREATE).unwrap_err();
        assert_eq!(error.fields()[0].field, "line 2");
        let error = parse("attributes = '{'\n", USER_CREATE).unwrap_err();
        assert_eq!(error.fields()[0].field, "attributes");
        let date = parse("expires_at = 2030-01-31\n", USER_CREATE).unwrap();
        assert_eq!(date["expires_at"], "2030-01-31");
    }
}
