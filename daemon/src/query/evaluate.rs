//! Whether a record matches, by its values as the record shows them.
//!
//! An absent value (null) equals only null; it is neither above nor below anything, and it neither
//! begins, ends nor holds, nor does it not. The same goes for a value of another type.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{Field, Filter, Op, Operand, Test};

impl Filter {
    /// Whether a record matches; `value` gives its fields, and is asked only for those needed.
    ///
    /// # Errors
    /// What `value` says.
    pub fn matches<'v, E>(
        &self,
        value: &mut impl FnMut(Field) -> Result<Cow<'v, Value>, E>,
    ) -> Result<bool, E> {
        match self {
            Self::Test(test) => test.matches(value),
            Self::Any(filters) => {
                for filter in filters {
                    if filter.matches(value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(filters) => {
                for filter in filters {
                    if !filter.matches(value)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// Every field that the filter looks at.
    pub fn fields(&self, found: &mut Vec<Field>) {
        match self {
            Self::Test(test) if found.contains(&test.path.field) => {}
            Self::Test(test) => found.push(test.path.field),
            Self::Any(filters) | Self::All(filters) => filters.iter().for_each(|f| f.fields(found)),
        }
    }
}

impl Test {
    fn matches<'v, E>(
        &self,
        value: &mut impl FnMut(Field) -> Result<Cow<'v, Value>, E>,
    ) -> Result<bool, E> {
        let found = self.path.follow(value(self.path.field)?);
        Ok(self.holds(found))
    }

    fn holds(&self, found: Cow<'_, Value>) -> bool {
        let found = match &self.operand {
            Operand::Pattern(pattern) => {
                return found.as_str().is_some_and(|t| pattern.is_match(t));
            }
            _ if self.any_case => Cow::Owned(lower(found.into_owned())),
            _ => found,
        };
        let found = found.as_ref();
        let value = match &self.operand {
            Operand::Values(values) => {
                let is_in = values.iter().any(|value| equal(found, value));
                return is_in == (self.op == Op::In);
            }
            Operand::Value(value) => value,
            Operand::Pattern(_) => return false,
        };
        let texts = || found.as_str().zip(value.as_str());
        match self.op {
            Op::Equal => equal(found, value),
            Op::NotEqual => !equal(found, value),
            Op::Above => order(found, value) == Some(Ordering::Greater),
            Op::AtLeast => order(found, value).is_some_and(Ordering::is_ge),
            Op::Below => order(found, value) == Some(Ordering::Less),
            Op::AtMost => order(found, value).is_some_and(Ordering::is_le),
            Op::Begins => texts().is_some_and(|(text, part)| text.starts_with(part)),
            Op::NotBegins => texts().is_some_and(|(text, part)| !text.starts_with(part)),
            Op::Ends => texts().is_some_and(|(text, part)| text.ends_with(part)),
            Op::NotEnds => texts().is_some_and(|(text, part)| !text.ends_with(part)),
            Op::Holds => holds(found, value) == Some(true),
            Op::HoldsNot => holds(found, value) == Some(false),
            // These came with other operands.
            Op::Like | Op::In | Op::NotIn => false,
        }
    }
}

/// Whether a list, a text or an object (by its keys) holds the value; `None` for what holds nothing.
fn holds(found: &Value, value: &Value) -> Option<bool> {
    match found {
        Value::Array(list) => Some(list.iter().any(|entry| equal(entry, value))),
        Value::String(text) => value.as_str().map(|part| text.contains(part)),
        Value::Object(object) => value.as_str().map(|key| object.contains_key(key)),
        _ => None,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// The value with its texts in lower case: itself, or the entries of a list.
pub(super) fn lower(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.to_lowercase()),
        Value::Array(list) => Value::Array(
            list.into_iter()
                .map(|entry| match entry {
                    Value::String(text) => Value::String(text.to_lowercase()),
                    other => other,
                })
                .collect(),
        ),
        other => other,
    }
}

/// What a search looks for: a piece of text, in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle(String);

impl Needle {
    /// A piece of text; every text holds the empty one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    /// Whether the text holds it.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() {
            let (needle, text) = (self.0.as_bytes(), text.as_bytes());
            return needle.is_empty()
                || text.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle));
        }
        text.to_lowercase().contains(&self.0)
    }
}
