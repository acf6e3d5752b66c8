//! A line as a record: what `CreateUser` takes, in the same words, without a password.

use accounts::{Code, FieldErrors, Role, SshPublicKey, UserFields};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::service::{Error, plan};

/// What people call a secret in records of other systems. None is taken here, and none is repeated.
const SECRETS: &[&str] = &[
    "crypt",
    "hash",
    "nt_hash",
    "pass",
    "passwd",
    "password",
    "password_hash",
    "phc",
    "recovery_codes",
    "secret",
    "shadow",
    "smbhash",
    "totp",
    "totp_secret",
    "unixhash",
    "userPassword",
];

/// What a record is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see whether it is right in itself.
    Checking,
    /// To be written, with its audit row.
    Writing,
    /// To be written and shown in a plan.
    Planning,
}

/// A line that is a record.
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) fields: UserFields,
    /// For the audit row: its first fields are the line and the number, these follow.
    pub(super) audited: String,
    /// For a plan: the fields that were given, as they are shown.
    pub(super) shown: Vec<(String, Value)>,
}

/// A line that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its number, from 1 on.
    pub line: u64,
    /// The reason, for programs, as of a user that is created.
    pub code: &'static str,
    /// The reason, for people.
    pub message: String,
    /// The fields that are wrong; none when it is about something else.
    pub fields: FieldErrors,
}

impl Refusal {
    /// The refusal of a line for that reason.
    pub(super) fn new(line: u64, reason: &Error) -> Self {
        let fields = reason.fields().cloned().unwrap_or_default();
        Self { line, code: reason.code(), message: reason.to_string(), fields }
    }

    pub(super) fn of(line: u64, code: Code, message: &str) -> Self {
        Self::new(line, &Error::field("record", code, message))
    }
}

impl Record {
    /// Whether the record makes more of the user than a user.
    pub(super) fn gives_power(&self) -> bool {
        let UserFields { role, sudo_commands, sudo_commands_nopasswd, .. } = &self.fields;
        let some = |list: &Option<Vec<_>>| list.as_ref().is_some_and(|list| !list.is_empty());
        role.is_some_and(|role| role != Role::User)
            || some(sudo_commands)
            || some(sudo_commands_nopasswd)
    }
}

/// Reads a line; `None` when there is nothing on it.
pub(super) fn read(line: u64, text: &[u8], purpose: Purpose) -> Result<Option<Record>, Refusal> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    // What serde_json says of an error may repeat what stands there.
    let map: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
        let message = match error.is_data() {
            true => "is no JSON object: a record is one, in one line".to_owned(),
            false => format!("is no JSON, from column {} on", error.column()),
        };
        Refusal::of(line, Code::Invalid, &message)
    })?;
    let (fields, mut errors) = UserFields::read(&map);
    for error in &mut errors.0 {
        if SECRETS.contains(&error.field.as_str()) {
            error.code = Code::Unsupported;
            error.message = "no secrets are imported: leave it out, and set it afterwards (roster \
                user password NAME; with --shadow-stdin it takes a hash)"
                .to_owned();
        }
    }
    if let Err(errors) = errors.into_result() {
        return Err(Refusal::new(line, &errors.into()));
    }
    let shown = || {
        map.iter().filter(|(name, _)| *name != "name" && *name != "uid").map(|(name, value)| {
            let value = match (name.as_str(), &fields.ssh_keys) {
                ("ssh_keys", Some(keys)) => plan::shown(&json!(fingerprints(keys))),
                _ => plan::shown(value),
            };
            (name.clone(), value)
        })
    };
    let mut audited = String::new();
    if purpose != Purpose::Checking {
        audited.reserve(2 * text.len());
        for (name, value) in shown() {
            let name = Value::String(name);
            audited.push_str(&format!(",{name}:{{\"from\":null,\"to\":{value}}}"));
        }
    }
    let shown = if purpose == Purpose::Planning { shown().collect() } else { Vec::new() };
    Ok(Some(Record { line, fields, audited, shown }))
}

fn fingerprints(keys: &[SshPublicKey]) -> Vec<String> {
    keys.iter().map(SshPublicKey::fingerprint).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str) -> Refusal {
        match read(7, text.as_bytes(), Purpose::Writing) {
            Err(refusal) => refusal,
            Ok(_) => panic!("{text}"),
        }
    }

    #[test]
    fn a_record_is_what_a_created_user_is_given() {
        let text = r#"{"name":"alice","uid":3005,"tags":["x"],"email":null,"role":"helpdesk"}"#;
        let record = read(3, text.as_bytes(), Purpose::Planning).unwrap().unwrap();
        assert_eq!(record.fields.name.as_ref().unwrap().as_str(), "alice");
        assert!(record.gives_power());
        let audited: Value =
            serde_json::from_str(&format!("{{\"line\":3{}}}", record.audited)).unwrap();
        assert_eq!(audited["tags"], json!({"from": null, "to": ["x"]}));
        assert!(audited.get("name").is_none() && audited.get("uid").is_none());
        assert_eq!(record.shown.len(), 3);
        for blank in ["", " \t\r"] {
            assert!(read(1, blank.as_bytes(), Purpose::Checking).unwrap().is_none());
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_field() {
        let refusal = refused(r#"{"name":"ALL","nonsense":1,"created_at":"now","shell":"bash"}"#);
        let fields: Vec<_> = refusal.fields.0.iter().map(|error| error.field.as_str()).collect();
        assert_eq!((refusal.line, refusal.code), (7, "invalid_field"));
        for field in ["name", "nonsense", "created_at", "shell"] {
            assert!(fields.contains(&field), "{field}: {fields:?}");
        }
    }

    #[test]
    fn no_secret_is_taken_and_none_is_repeated() {
        for text in [
            r#"{"name":"alice","password":"hunter2"}"#,
            r#"{"name":"alice","unixhash":"hunter2"}"#,
            r#""hunter2""#,
            r#"{"name":"alice","tags":["a"],"x":hunter2}"#,
            r#"["hunter2"]"#,
            r#"{"name":"alice","password":"hunter2""#,
        ] {
            let refusal = refused(text);
            let said = format!("{} {:?}", refusal.message, refusal.fields);
            assert!(!said.contains("hunter2"), "{said}");
        }
        let refusal = refused(r#"{"name":"alice","password":"hunter2"}"#);
        assert_eq!(refusal.fields.0[0].code, Code::Unsupported);
        assert!(refusal.message.contains("roster user password"), "{}", refusal.message);
    }

    #[test]
    fn a_line_that_is_nested_too_deep_is_refused() {
        let text = format!("{{\"attributes\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(refused(&text).code, "invalid_field");
    }
}
