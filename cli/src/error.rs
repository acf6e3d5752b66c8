//! What can go wrong in a command, and what the caller sees of it: a code, a message, the fields,
//! and the exit status (spec: "The CLI's grammar").

use serde_json::{Map, Value, json};

/// A field that was refused, as the daemon (or the command itself) names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The field's name in the record.
    pub field: String,
    /// The reason, for programs.
    pub code: String,
    /// The reason, for people.
    pub message: String,
}

/// Why a command ended without doing what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// The daemon, or a check before it, refused.
    #[error("{message}")]
    Refused {
        /// Stable, snake_case.
        code: String,
        /// For people.
        message: String,
        /// Every field that was refused; may be empty.
        fields: Vec<Field>,
    },
    /// Nobody answered on the bus.
    #[error("the daemon cannot be reached: {0}\nSee: systemctl status rosterd")]
    Unreachable(String),
    /// It was a dry run, and this is the plan: not an error, but where a verb ends.
    #[error("nothing was changed: this was a dry run")]
    Planned(Box<Map<String, Value>>),
    /// The caller's own terminal, pipe or file failed.
    #[error("{0}")]
    Local(String),
}

impl Error {
    /// A refusal that names one field.
    #[must_use]
    pub fn field(field: &str, code: &str, message: &str) -> Self {
        Self::Refused {
            code: "invalid_field".to_owned(),
            message: format!("{field}: {message}"),
            fields: vec![Field {
                field: field.to_owned(),
                code: code.to_owned(),
                message: message.to_owned(),
            }],
        }
    }

    /// A refusal without fields.
    #[must_use]
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), message: message.into(), fields: Vec::new() }
    }

    /// The stable code, for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Usage(_) => "usage",
            Self::Refused { code, .. } => code,
            Self::Unreachable(_) => "unreachable",
            Self::Planned(_) => "planned",
            Self::Local(_) => "failed",
        }
    }

    /// The fields that were refused.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Refused { fields, .. } => fields,
            _ => &[],
        }
    }

    /// The process's exit status.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.code() {
            "usage" => 2,
            "id_in_use" => 4,
            "no_such_user" | "no_such_group" => 6,
            "name_in_use" => 9,
            "not_authorized" => 10,
            "unreachable" => 11,
            "home_directory" => 12,
            _ => 1,
        }
    }

    /// `{"error": {"code", "message", "fields": [{"field", "code", "message"}]}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let fields: Vec<Value> = self
            .fields()
            .iter()
            .map(|f| json!({"field": f.field, "code": f.code, "message": f.message}))
            .collect();
        json!({"error": {"code": self.code(), "message": self.to_string(), "fields": fields}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_its_exit_status() {
        for (code, status) in [
            ("invalid_field", 1),
            ("password_policy", 1),
            ("last_administrator", 1),
            ("already_in_state", 1),
            ("wrong_code", 1),
            ("unavailable", 1),
            ("id_in_use", 4),
            ("no_such_user", 6),
            ("no_such_group", 6),
            ("name_in_use", 9),
            ("not_authorized", 10),
            ("home_directory", 12),
        ] {
            assert_eq!(Error::refused(code, "").exit_code(), status, "{code}");
        }
        assert_eq!(Error::Usage(String::new()).exit_code(), 2);
        assert_eq!(Error::Unreachable(String::new()).exit_code(), 11);
        assert_eq!(Error::Local(String::new()).exit_code(), 1);
    }

    #[test]
    fn programs_get_code_message_and_fields() {
        let error = Error::field("home", "reserved", "'/' is nobody's home");
        assert_eq!(
            error.to_json(),
            json!({"error": {"code": "invalid_field", "message": "home: '/' is nobody's home", "fields":
                [{"field": "home", "code": "reserved", "message": "'/' is nobody's home"}]}})
        );
        assert_eq!(
            Error::Usage("no".to_owned()).to_json(),
            json!({"error": {"code": "usage", "message": "no", "fields": []}})
        );
    }
}
