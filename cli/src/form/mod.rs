//! `--edit`: the fields of a record as a commented form in the caller's editor. What is wrong comes
//! back beside its field, and the editor opens again. A form never holds a secret.

mod editor;
mod fields;
mod text;

use accounts::{FieldErrors, GroupFields, UserFields};
use serde_json::{Map, Value};

use crate::error::Error;

pub use fields::{Field, GROUP_CREATE, GROUP_UPDATE, USER_CREATE, USER_UPDATE};

/// A form: what it says on top, its fields, and what they hold before anybody edits.
#[derive(Debug)]
pub struct Form<'a> {
    /// The file's name, for the editor's title.
    pub name: &'a str,
    /// Lines on top.
    pub preface: &'a str,
    /// The fields that the form has.
    pub fields: &'static [Field],
    /// What they hold.
    pub values: &'a Map<String, Value>,
    /// What is there already: only what differs is checked and sent.
    pub before: Option<&'a Map<String, Value>>,
    /// The rules of the fields, which the daemon applies again.
    pub check: fn(&Map<String, Value>) -> FieldErrors,
}

impl Form<'_> {
    /// Opens the editor until the filled form is taken, or given up.
    ///
    /// # Errors
    /// `cancelled` when the form was left empty or as it was; what `send` answers when that is about
    /// no field.
    pub async fn fill<T>(
        &self,
        mut send: impl AsyncFnMut(&Map<String, Value>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let editor = editor::Editor::open(self.name)?;
        let mut shown = text::render(self.preface, self.fields, self.values);
        let mut refused = None;
        loop {
            let filled = editor.edit(&shown).await?;
            if filled == shown || text::says_nothing(&filled) {
                return Err(refused.unwrap_or_else(nothing));
            }
            let error = match text::parse(&filled, self.fields) {
                Err(wrong) => wrong,
                Ok(record) => {
                    let record = match self.before {
                        Some(before) => changes(before, record),
                        None => record,
                    };
                    match wrong((self.check)(&record)) {
                        _ if record.is_empty() => return Err(nothing()),
                        Some(wrong) => wrong,
                        None => match send(&record).await {
                            Ok(done) => return Ok(done),
                            Err(plan @ Error::Planned(_)) => return Err(plan),
                            Err(error) => error,
                        },
                    }
                }
            };
            let Some(wrong) = text::beside(&error) else {
                editor.keep();
                return Err(error);
            };
            shown = text::annotate(&filled, &wrong);
            refused = Some(error);
        }
    }
}

fn nothing() -> Error {
    Error::refused("cancelled", "the form says nothing new: nothing was changed")
}

/// The fields of a form that the rules refuse, in the order of their names.
fn wrong(errors: FieldErrors) -> Option<Error> {
    let code = |code| match serde_json::to_value(code) {
        Ok(Value::String(code)) => code,
        _ => String::new(),
    };
    let fields: Vec<_> = errors
        .0
        .into_iter()
        .map(|error| crate::error::Field {
            field: error.field,
            code: code(error.code),
            message: error.message,
        })
        .collect();
    if fields.is_empty() {
        return None;
    }
    let message = "the form has fields that are wrong".to_owned();
    Some(Error::Refused { code: "invalid_field".to_owned(), message, fields })
}

/// The rules of a user's fields.
pub fn check_user(record: &Map<String, Value>) -> FieldErrors {
    UserFields::read(record).1
}

/// The rules of a group's fields.
pub fn check_group(record: &Map<String, Value>) -> FieldErrors {
    GroupFields::parse(record).err().unwrap_or_default()
}

/// What a filled form changes of what is there.
fn changes(before: &Map<String, Value>, mut filled: Map<String, Value>) -> Map<String, Value> {
    filled.retain(|name, value| match before.get(name) {
        Some(before) => before != value,
        // Nothing was there, and nothing is asked for.
        None => !matches!(value, Value::String(text) if text.is_empty()),
    });
    filled
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let before = map(json!({"name": "alice", "groups": ["a"]}));
        let filled = map(json!({"name": "alice", "groups": [], "email": "", "shell": "/bin/sh"}));
        let changed = changes(&before, filled);
        assert_eq!(Value::Object(changed), json!({"groups": [], "shell": "/bin/sh"}));
    }

    #[test]
    fn wrong_fields_are_found_before_anything_is_sent() {
        let error = wrong(check_user(&map(json!({"name": "ALL", "home": "/", "locked": true}))));
        let error = error.unwrap();
        let mut names: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["home", "name"]);
        assert!(error.fields().iter().all(|field| !field.code.is_empty()));
        assert_eq!(wrong(check_group(&map(json!({"name": "dev"})))), None);
    }
}
