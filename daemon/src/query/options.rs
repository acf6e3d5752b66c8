//! The options of a query: which fields, in which order, which page.

use accounts::{Code, FieldErrors};
use bus::names::{DEFAULT_PAGE, MAX_PAGE};
use serde_json::{Map, Value};

use super::{Field, MAX_ORDER, MAX_SELECT, Path, shown};

/// Where records without the value stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Before all others.
    First,
    /// After all others.
    Last,
}

/// One key of the order: `name`, `-uid`, `nulls_last:-last_login`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// A field of one value, or a place in the attributes.
    pub path: Path,
    /// From the last to the first.
    pub descending: bool,
    /// Where absent values stand; unless said otherwise they are the smallest.
    pub nulls: Nulls,
}

/// What of the matching records is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Only these fields; empty: the whole record.
    pub select: Vec<Path>,
    /// The order; what it leaves open is in order of name.
    pub order_by: Vec<Order>,
    /// At most so many records.
    pub limit: u64,
    /// Skips so many records.
    pub offset: u64,
    /// Only how many there are.
    pub count: bool,
    /// Only the first, which must be there.
    pub get: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            select: Vec::new(),
            order_by: Vec::new(),
            limit: DEFAULT_PAGE,
            offset: 0,
            count: false,
            get: false,
        }
    }
}

impl Options {
    /// Parses the options; what is wrong is added to `errors`.
    #[must_use]
    pub fn parse(given: &Map<String, Value>, errors: &mut FieldErrors) -> Self {
        let mut options = Self::default();
        for (key, value) in given {
            match key.as_str() {
                "select" => {
                    let texts = texts(key, value, MAX_SELECT, errors);
                    options.select =
                        texts.into_iter().filter_map(|t| Path::parse(t, errors)).collect();
                }
                "order_by" => {
                    let texts = texts(key, value, MAX_ORDER, errors);
                    options.order_by =
                        texts.into_iter().filter_map(|t| Order::parse(t, errors)).collect();
                }
                "limit" => options.limit = number(key, value, MAX_PAGE, errors),
                "offset" => options.offset = number(key, value, i64::MAX as u64, errors),
                "count" => options.count = flag(key, value, errors),
                "get" => options.get = flag(key, value, errors),
                _ => errors.add(&shown(key), Code::UnknownField, "is no option of a query"),
            }
        }
        if options.count && options.get {
            errors.add("get", Code::Conflict, "asks for a record, and count for a number");
        }
        options
    }
}

impl Order {
    fn parse(text: &str, errors: &mut FieldErrors) -> Option<Self> {
        let (nulls, rest) =
            match (text.strip_prefix("nulls_first:"), text.strip_prefix("nulls_last:")) {
                (Some(rest), _) => (Some(Nulls::First), rest),
                (_, Some(rest)) => (Some(Nulls::Last), rest),
                _ => (None, text),
            };
        let (descending, name) = match rest.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, rest),
        };
        let path = Path::parse(name, errors)?;
        let nulls = nulls.unwrap_or(if descending { Nulls::Last } else { Nulls::First });
        let plain = |step: &String| !step.contains(['"', '\\']) && !step.contains(char::is_control);
        let in_attributes = Field::named("attributes") == Some(path.field)
            && !path.steps.is_empty()
            && path.steps.iter().all(plain);
        if !path.field.is_single() && !in_attributes {
            errors.add(path.field.name, Code::Unsupported, "is nothing to order by");
            return None;
        }
        Some(Self { path, descending, nulls })
    }
}

fn texts<'v>(key: &str, value: &'v Value, limit: usize, errors: &mut FieldErrors) -> Vec<&'v str> {
    let list: Option<Vec<&str>> =
        value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
    match list {
        Some(list) if list.len() <= limit => return list,
        Some(_) => errors.add(key, Code::TooLong, format!("names more than {limit} fields")),
        None => errors.add(key, Code::WrongType, "is not a list of fields"),
    }
    Vec::new()
}

fn number(key: &str, value: &Value, limit: u64, errors: &mut FieldErrors) -> u64 {
    match value.as_u64() {
        Some(number) if number <= limit => return number,
        Some(_) => errors.add(key, Code::TooLong, format!("is at most {limit}")),
        None => errors.add(key, Code::WrongType, "is not a whole number from 0 on"),
    }
    0
}

fn flag(key: &str, value: &Value, errors: &mut FieldErrors) -> bool {
    value.as_bool().unwrap_or_else(|| {
        errors.add(key, Code::WrongType, "is not true or false");
        false
    })
}
