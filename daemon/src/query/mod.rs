//! The filter language of lists: parsed here into types, and evaluated here on a record.
//!
//! A filter is `[field, op, value]`, or `["OR", [filter, …]]` where each entry is a filter or a list
//! of filters that must all hold. Nothing here does I/O. The store evaluates what it can with its
//! indexes and comes back to [`Filter::matches`] for the rest; both must say the same.
//!
//! Everything a caller can grow has a limit, fields that the record does not show do not exist
//! here, and regular expressions run in linear time (the `regex` crate).

mod evaluate;
mod field;
mod filter;
mod options;
mod parse;
mod path;
#[cfg(test)]
mod tests;

pub use evaluate::Needle;
pub use field::{FIELDS, Field, Kind};
pub use filter::{Filter, Op, Operand, Test};
pub use options::{Nulls, Options, Order};
pub use parse::filters;
pub use path::Path;

use accounts::FieldErrors;

/// The largest text of filters, in bytes.
pub const MAX_FILTERS_TEXT: usize = 64 * 1024;
/// How deep alternatives may be nested.
pub const MAX_DEPTH: usize = 8;
/// Filters in one query, those in alternatives included.
pub const MAX_FILTERS: usize = 128;
/// Values in the lists of one query.
pub const MAX_VALUES: usize = 2000;
/// The longest text in a filter, in bytes.
pub const MAX_TEXT: usize = 1024;
/// The longest regular expression, in bytes.
pub const MAX_PATTERN: usize = 256;
/// Regular expressions in one query.
pub const MAX_PATTERNS: usize = 8;
/// What one regular expression may grow to when it is compiled, in bytes.
pub const MAX_COMPILED: usize = 256 * 1024;
/// Steps of a dotted path after the field.
pub const MAX_STEPS: usize = 8;
/// Fields in `select`.
pub const MAX_SELECT: usize = 64;
/// Keys in `order_by`.
pub const MAX_ORDER: usize = 8;

/// Which users, and what of them.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Paging, order and selection.
    pub options: Options,
}

impl Query {
    /// Parses a query: the filters as JSON text, the options as a record.
    ///
    /// # Errors
    /// Everything that is wrong with either, by field.
    pub fn parse(
        filters: &str,
        options: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let filters = self::filters(filters, &mut errors);
        let options = Options::parse(options, &mut errors);
        errors.into_result().map(|()| Self { filters, options })
    }
}

/// A caller's own text, fit to be shown in an error.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}
