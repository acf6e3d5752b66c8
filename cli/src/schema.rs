//! `roster schema`: the shapes of what `--json` answers, as JSON Schema.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::output::{Answer, Column, View};

macro_rules! documents {
    ($($name:literal,)*) => {
        /// Every document, by name.
        const DOCUMENTS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../schema/", $name, ".json"))),)*];
    };
}

documents! {
    "administrator-status",
    "audit-rows",
    "audit-verified",
    "code-verified",
    "deleted",
    "deleted-user",
    "deleted-users",
    "done",
    "error",
    "group",
    "groups",
    "id",
    "imported",
    "key",
    "key-verified",
    "keys",
    "last-seen",
    "last-seen-all",
    "leftover",
    "next-uid",
    "passwd-entry",
    "password",
    "plan",
    "recovery-codes",
    "report",
    "shells",
    "sudo-rules",
    "synced-users",
    "time",
    "token",
    "token-created",
    "token-verified",
    "tokens",
    "tokens-given",
    "tokens-revoked",
    "two-factor-cleaned",
    "two-factor-enrolment",
    "two-factor-key",
    "two-factor-policy",
    "two-factor-state",
    "user",
    "users",
}

const COLUMNS: &[Column] = &[Column::field("NAME", "name"), Column::field("WHAT", "title")];

/// Which document.
#[derive(Debug, Args)]
pub struct Schema {
    /// The document [default: a list of them]
    name: Option<String>,
}

impl Schema {
    /// The document, whole: what it refers to is in it.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn run(&self) -> Result<Answer, Error> {
        let Some(name) = &self.name else {
            let mut rows = Vec::with_capacity(DOCUMENTS.len());
            for (name, text) in DOCUMENTS {
                rows.push(json!({"name": name, "title": parse(text)?["title"]}));
            }
            return Ok(Answer::new(rows.into(), View::Rows { list: None, columns: COLUMNS }));
        };
        let text = text(name).ok_or_else(|| {
            Error::field("name", "invalid", "is no schema: roster schema lists them")
        })?;
        let mut document = parse(text)?;
        let mut definitions = Map::new();
        define(&document, &mut definitions)?;
        if !definitions.is_empty() {
            document["$defs"] = Value::Object(definitions);
        }
        let shown = format!("{document:#}");
        Ok(Answer::new(document, View::Verbatim(shown)))
    }
}

fn text(name: &str) -> Option<&'static str> {
    DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::Local(format!("a schema cannot be read: {error}")))
}

/// Collects what a part of a document refers to, and what that refers to.
fn define(part: &Value, definitions: &mut Map<String, Value>) -> Result<(), Error> {
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| define(item, definitions)),
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str);
            if let Some(name) = name.and_then(|name| name.strip_prefix("#/$defs/"))
                && !definitions.contains_key(name)
                && let Some(text) = text(name)
            {
                let mut definition = parse(text)?;
                if let Some(definition) = definition.as_object_mut() {
                    // It is a part of this document now.
                    definition.remove("$schema");
                    definition.remove("$id");
                }
                definitions.insert(name.to_owned(), definition.clone());
                define(&definition, definitions)?;
            }
            map.values().try_for_each(|value| define(value, definitions))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::output::Format;
    use crate::user::record::ALL;

    fn shown(name: Option<&str>) -> Value {
        let answer = Schema { name: name.map(str::to_owned) }.run().unwrap();
        serde_json::from_str(&answer.render(Format::Json, None)).unwrap()
    }

    #[test]
    fn every_document_is_whole_and_named() {
        fn references(part: &Value, found: &mut Vec<String>) {
            match part {
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|value| references(value, found));
                }
                _ => {}
            }
        }
        for (name, _) in DOCUMENTS {
            let document = shown(Some(name));
            assert_eq!(document["$id"], format!("urn:roster:schema:{name}"));
            assert!(document["title"].is_string() && document["$schema"].is_string(), "{name}");
            let mut found = Vec::new();
            references(&document, &mut found);
            for reference in found {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{name}: {reference}");
            }
        }
        assert_eq!(shown(None).as_array().unwrap().len(), DOCUMENTS.len());
        assert!(shown(Some("users"))["$defs"]["time"].is_object());
        assert!(Schema { name: Some("nonsense".to_owned()) }.run().is_err());
    }

    #[test]
    fn no_document_is_left_out() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/schema")).unwrap();
        assert_eq!(files.count(), DOCUMENTS.len());
    }

    #[test]
    fn the_user_has_the_fields_of_the_record() {
        let user = shown(Some("user"));
        let mut required: Vec<_> = user["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let mut all = ALL.to_vec();
        required.sort_unstable();
        all.sort_unstable();
        assert_eq!(required, all);
    }
}
