//! From JSON to filters; everything that is wrong is named at once.

use accounts::{Code, FieldErrors, HomeMode, Timestamp};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::evaluate::lower;
use super::{
    Filter, Kind, MAX_COMPILED, MAX_DEPTH, MAX_FILTERS, MAX_FILTERS_TEXT, MAX_PATTERN,
    MAX_PATTERNS, MAX_TEXT, MAX_VALUES, Op, Operand, Path, Test, shown,
};

/// What errors about the whole are filed under.
const FILTERS: &str = "filters";

/// Parses the filters of a query, a JSON list; what is wrong is added to `errors`.
pub fn filters(text: &str, errors: &mut FieldErrors) -> Vec<Filter> {
    if text.len() > MAX_FILTERS_TEXT {
        errors.add(FILTERS, Code::TooLong, format!("are longer than {MAX_FILTERS_TEXT} bytes"));
        return Vec::new();
    }
    // Refuses what is nested too deep for the stack, too.
    let parsed: Value = match serde_json::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            errors.add(FILTERS, Code::Invalid, format!("are no JSON: {error}"));
            return Vec::new();
        }
    };
    let Value::Array(list) = parsed else {
        errors.add(FILTERS, Code::WrongType, "are no list of filters");
        return Vec::new();
    };
    let mut reader = Reader {
        errors,
        filters: MAX_FILTERS,
        values: MAX_VALUES,
        patterns: MAX_PATTERNS,
        exhausted: false,
    };
    // A single filter without a list around it is taken as it is meant.
    if list.first().is_some_and(Value::is_string) {
        return reader.filter(&list, 0).into_iter().collect();
    }
    reader.list(&list, 0)
}

struct Reader<'e> {
    errors: &'e mut FieldErrors,
    filters: usize,
    values: usize,
    patterns: usize,
    exhausted: bool,
}

impl Reader<'_> {
    /// Takes from a budget, and says once that it is spent.
    fn spend(&mut self, budget: fn(&mut Self) -> &mut usize, what: &str, limit: usize) -> bool {
        let left = budget(self);
        if *left > 0 {
            *left -= 1;
            return true;
        }
        if !self.exhausted {
            self.exhausted = true;
            self.errors.add(FILTERS, Code::TooLong, format!("hold more than {limit} {what}"));
        }
        false
    }

    fn list(&mut self, list: &[Value], depth: usize) -> Vec<Filter> {
        let mut filters = Vec::new();
        for entry in list {
            if self.exhausted {
                break;
            }
            match entry {
                Value::Array(parts) if parts.first().is_some_and(Value::is_array) && depth > 0 => {
                    if self.goes_deeper(depth) {
                        let all = self.list(parts, depth + 1);
                        filters.push(Filter::All(all));
                    }
                }
                Value::Array(parts) => filters.extend(self.filter(parts, depth)),
                _ => self.errors.add(
                    FILTERS,
                    Code::WrongType,
                    "hold something else than [field, operator, value]",
                ),
            }
        }
        filters
    }

    fn goes_deeper(&mut self, depth: usize) -> bool {
        if depth >= MAX_DEPTH {
            self.exhausted = true;
            self.errors.add(FILTERS, Code::TooLong, format!("are nested deeper than {MAX_DEPTH}"));
        }
        depth < MAX_DEPTH
    }

    fn filter(&mut self, parts: &[Value], depth: usize) -> Option<Filter> {
        if !self.spend(|reader| &mut reader.filters, "filters", MAX_FILTERS) {
            return None;
        }
        match parts {
            [Value::String(or), Value::Array(any)] if or == "OR" => {
                if !self.goes_deeper(depth) {
                    return None;
                }
                if any.is_empty() {
                    self.errors.add(FILTERS, Code::Invalid, "hold an OR of nothing");
                }
                Some(Filter::Any(self.list(any, depth + 1)))
            }
            [Value::String(field), Value::String(op), value] => {
                self.test(field, op, value).map(Filter::Test)
            }
            _ => {
                let message =
                    "hold a list that is neither [field, operator, value] nor [\"OR\", […]]";
                self.errors.add(FILTERS, Code::WrongType, message);
                None
            }
        }
    }

    fn test(&mut self, field: &str, sign: &str, value: &Value) -> Option<Test> {
        let path = Path::parse(field, self.errors);
        let named = |sign: &str| Op::ALL.iter().find(|(name, _)| *name == sign).map(|(_, op)| *op);
        let (op, any_case) = match (named(sign), sign.strip_prefix('C').and_then(named)) {
            (Some(op), _) => (op, false),
            (None, Some(op)) => (op, true),
            (None, None) => {
                let message = format!("{} is no operator", shown(sign));
                self.errors.add(&shown(field), Code::Invalid, message);
                return None;
            }
        };
        let path = path?;
        // Below a field that is free JSON, and only there, the types are the caller's own.
        let kind = path.field.kind;
        // Instants and modes are written in one way only, and compared as what they are.
        let parts = matches!(
            op,
            Op::Like
                | Op::Begins
                | Op::NotBegins
                | Op::Ends
                | Op::NotEnds
                | Op::Holds
                | Op::HoldsNot
        );
        let any_case = any_case && (parts || !matches!(kind, Kind::Time | Kind::Mode));
        let operand = match self.operand(kind, op, any_case, value) {
            Ok(operand) => operand,
            Err((code, message)) => {
                self.errors.add(path.field.name, code, message);
                return None;
            }
        };
        Some(Test { path, op, any_case, operand })
    }

    fn operand(
        &mut self,
        kind: Kind,
        op: Op,
        any_case: bool,
        value: &Value,
    ) -> Result<Operand, (Code, String)> {
        let wrong = |wanted: &str| Err((Code::WrongType, format!("is not compared with {wanted}")));
        let value = match (op, kind) {
            (Op::Like, Kind::Number | Kind::Flag | Kind::Texts) => {
                return wrong("a regular expression");
            }
            (Op::Like, _) => {
                let Value::String(pattern) = value else {
                    return wrong("anything but a text by ~");
                };
                return self.pattern(pattern, any_case).map(Operand::Pattern);
            }
            (Op::In | Op::NotIn, Kind::Texts) => {
                return wrong("in and nin: it is a list, take rin");
            }
            (Op::In | Op::NotIn, _) => {
                let Value::Array(values) = value else { return wrong("anything but a list by in") };
                let mut list = Vec::with_capacity(values.len().min(MAX_VALUES));
                for value in values {
                    if !self.spend(|reader| &mut reader.values, "values", MAX_VALUES) {
                        break;
                    }
                    list.push(one(kind, value, any_case)?);
                }
                return Ok(Operand::Values(list));
            }
            (Op::Above | Op::AtLeast | Op::Below | Op::AtMost, Kind::Flag | Kind::Texts) => {
                return wrong("greater or less");
            }
            (Op::Above | Op::AtLeast | Op::Below | Op::AtMost, _) => {
                if !value.is_string() && !value.is_number() {
                    return wrong("anything but a number or a text by that");
                }
                one(kind, value, any_case)?
            }
            (Op::Begins | Op::NotBegins | Op::Ends | Op::NotEnds, Kind::Number | Kind::Flag)
            | (Op::Begins | Op::NotBegins | Op::Ends | Op::NotEnds, Kind::Texts)
            | (Op::Holds | Op::HoldsNot, Kind::Number | Kind::Flag) => return wrong("parts of it"),
            (Op::Begins | Op::NotBegins | Op::Ends | Op::NotEnds, _) => {
                if !value.is_string() {
                    return wrong("anything but a text by that");
                }
                one(Kind::Text, value, any_case)?
            }
            // What a list or a text holds; free JSON may hold anything that is single.
            (Op::Holds | Op::HoldsNot, Kind::Free) => one(kind, value, any_case)?,
            (Op::Holds | Op::HoldsNot, _) => {
                if !value.is_string() {
                    return wrong("anything but a text by that");
                }
                one(Kind::Text, value, any_case)?
            }
            (Op::Equal | Op::NotEqual, _) => one(kind, value, any_case)?,
        };
        Ok(Operand::Value(value))
    }

    fn pattern(&mut self, pattern: &str, any_case: bool) -> Result<Regex, (Code, String)> {
        if pattern.len() > MAX_PATTERN {
            let message = format!("takes a regular expression of at most {MAX_PATTERN} bytes");
            return Err((Code::TooLong, message));
        }
        if !self.spend(|reader| &mut reader.patterns, "regular expressions", MAX_PATTERNS) {
            return Err((Code::TooLong, "is tested by too many regular expressions".to_owned()));
        }
        RegexBuilder::new(pattern)
            .case_insensitive(any_case)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .nest_limit(32)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => {
                    (Code::TooLong, "takes a smaller regular expression".to_owned())
                }
                _ => (Code::Invalid, "takes a regular expression, and that is none".to_owned()),
            })
    }
}

/// One value of a field's type, in the form the record shows it in.
fn one(kind: Kind, value: &Value, any_case: bool) -> Result<Value, (Code, String)> {
    let wrong = |wanted: &str| Err((Code::WrongType, format!("is compared with {wanted}")));
    let value = match (kind, value) {
        (Kind::Texts, Value::Array(list)) => {
            if !list.iter().all(Value::is_string) {
                return wrong("texts");
            }
            if list.len() > MAX_FILTERS {
                return Err((Code::TooLong, "is compared with a shorter list".to_owned()));
            }
            value.clone()
        }
        (Kind::Texts, _) => return wrong("a list of texts; rin asks for one of them"),
        (Kind::Free, _) => {
            if value.to_string().len() > MAX_TEXT {
                let message = format!("is compared with at most {MAX_TEXT} bytes");
                return Err((Code::TooLong, message));
            }
            value.clone()
        }
        (_, Value::Null) => Value::Null,
        (Kind::Text, Value::String(_)) => value.clone(),
        (Kind::Text, _) => return wrong("a text"),
        (Kind::Number, Value::Number(number)) if number.is_i64() => value.clone(),
        (Kind::Number, _) => return wrong("a whole number"),
        (Kind::Flag, Value::Bool(_)) => value.clone(),
        (Kind::Flag, _) => return wrong("true or false"),
        (Kind::Time, Value::String(text)) => match Timestamp::parse(text) {
            Ok(instant) => Value::String(instant.to_string()),
            Err(refused) => return Err((refused.code, refused.message)),
        },
        (Kind::Time, _) => return wrong("a date"),
        (Kind::Mode, Value::String(text)) => match HomeMode::parse(text) {
            Ok(mode) => Value::String(mode.to_string()),
            Err(refused) => return Err((refused.code, refused.message)),
        },
        (Kind::Mode, _) => return wrong("an octal mode, as text"),
    };
    if let Value::String(text) = &value {
        if text.len() > MAX_TEXT {
            return Err((Code::TooLong, format!("is compared with at most {MAX_TEXT} bytes")));
        }
        if kind != Kind::Free && text.contains('\0') {
            return Err((Code::Invalid, "holds no NUL".to_owned()));
        }
    }
    Ok(if any_case { lower(value) } else { value })
}
