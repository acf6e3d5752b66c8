//! What is wrong with a request, field by field.

use serde::{Deserialize, Serialize};

/// Why a field was refused; stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The value does not have the form the field asks for.
    Invalid,
    /// The value has another type than the field.
    WrongType,
    /// A field that the record does not have.
    UnknownField,
    /// A field that is needed is missing.
    Required,
    /// Two fields of the request contradict each other.
    Conflict,
    /// The value is taken: a name, a home directory.
    InUse,
    /// The number is taken.
    IdInUse,
    /// The value is well formed, and reserved for something else.
    Reserved,
    /// What the value names does not exist.
    NotFound,
    /// The value is longer or larger than the field takes.
    TooLong,
    /// The value may not be changed.
    Immutable,
    /// The host lacks what the value needs.
    Unsupported,
}

/// One field that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name, as in the record.
    pub field: String,
    /// The reason, for programs.
    pub code: Code,
    /// The reason and what to do, for people. Never holds a secret.
    pub message: String,
}

/// Reasons that one field is refused for.
const MOST_OF_A_FIELD: usize = 16;
/// Reasons that a request is refused for: there are fewer fields than that.
const MOST: usize = 128;

/// Every field of a request that was refused. Nothing was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldErrors(pub Vec<FieldError>);

impl FieldErrors {
    /// Adds a refused field. A request may be wrong in more ways than anybody wants to read: of one
    /// field the first 16 reasons are kept, and 128 in all.
    pub fn add(&mut self, field: &str, code: Code, message: impl Into<String>) {
        let of_field = self.0.iter().filter(|error| error.field == field).count();
        if of_field >= MOST_OF_A_FIELD || self.0.len() >= MOST {
            return;
        }
        self.0.push(FieldError { field: field.to_owned(), code, message: message.into() });
    }

    /// A single refused field.
    #[must_use]
    pub fn one(field: &str, code: Code, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(field, code, message);
        errors
    }

    /// Whether that field was refused.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        self.0.iter().any(|error| error.field == field)
    }

    /// Whether no field was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Err(self)` when any field was refused.
    ///
    /// # Errors
    /// The collected fields, when there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl std::fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

/// What a newtype's parser says of a value it refuses; the caller adds the field's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason, for programs.
    pub code: Code,
    /// The reason, for people.
    pub message: String,
}

impl Refused {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { code: Code::Invalid, message: message.into() }
    }

    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stays_short_enough_to_be_read() {
        let mut errors = FieldErrors::default();
        for n in 0..1000 {
            errors.add("groups", Code::NotFound, format!("there is no group g{n}"));
            errors.add(&format!("key{n}"), Code::UnknownField, "is no field of this request");
        }
        assert_eq!(errors.0.len(), MOST);
        let of_groups = errors.0.iter().filter(|error| error.field == "groups").count();
        assert_eq!(of_groups, MOST_OF_A_FIELD);
    }
}
