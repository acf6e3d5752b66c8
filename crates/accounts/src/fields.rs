//! Reads a request's fields one by one and collects everything that is wrong with them.

use serde_json::{Map, Value};

use crate::field_error::{Code, FieldErrors, Refused};

/// A request's fields, and what was found wrong with them so far.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
    pub(crate) errors: FieldErrors,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, known: Vec::new(), errors: FieldErrors::default() }
    }

    fn get(&mut self, field: &'static str) -> Option<&'a Value> {
        self.known.push(field);
        self.map.get(field)
    }

    fn wrong_type(&mut self, field: &str, wanted: &str) {
        self.errors.add(field, Code::WrongType, format!("is not {wanted}"));
    }

    fn keep<T>(&mut self, field: &str, parsed: Result<T, Refused>) -> Option<T> {
        parsed.map_err(|r| self.errors.add(field, r.code, r.message)).ok()
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Option<bool> {
        match self.get(field)? {
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.wrong_type(field, "true or false");
                None
            }
        }
    }

    pub(crate) fn text<T>(
        &mut self,
        field: &'static str,
        parse: impl Fn(&str) -> Result<T, Refused>,
    ) -> Option<T> {
        match self.get(field)? {
            Value::String(text) => {
                let parsed = parse(text);
                self.keep(field, parsed)
            }
            _ => {
                self.wrong_type(field, "text");
                None
            }
        }
    }

    /// Text where null or the empty text means "none".
    pub(crate) fn optional_text<T>(
        &mut self,
        field: &'static str,
        parse: impl Fn(&str) -> Result<T, Refused>,
    ) -> Option<Option<T>> {
        match self.map.get(field) {
            Some(Value::Null) => {
                self.known.push(field);
                Some(None)
            }
            Some(Value::String(text)) if text.is_empty() => {
                self.known.push(field);
                Some(None)
            }
            _ => self.text(field, parse).map(Some),
        }
    }

    pub(crate) fn number<T>(
        &mut self,
        field: &'static str,
        parse: impl Fn(u64) -> Result<T, Refused>,
    ) -> Option<T> {
        match self.get(field)? {
            Value::Number(number) => match number.as_u64() {
                Some(number) => {
                    let parsed = parse(number);
                    self.keep(field, parsed)
                }
                None => {
                    self.errors.add(field, Code::Invalid, "is not a whole number from 0 up");
                    None
                }
            },
            _ => {
                self.wrong_type(field, "a whole number");
                None
            }
        }
    }

    /// A number of days where null or a negative number means "none".
    pub(crate) fn optional_days(&mut self, field: &'static str) -> Option<Option<u32>> {
        match self.map.get(field) {
            Some(Value::Null) => {
                self.known.push(field);
                Some(None)
            }
            Some(Value::Number(n)) if n.as_i64().is_some_and(|n| n < 0) => {
                self.known.push(field);
                Some(None)
            }
            _ => self
                .number(field, |days| match u32::try_from(days) {
                    Ok(days) if days <= 99_999 => Ok(days),
                    _ => Err(Refused::invalid("is more than 99999 days")),
                })
                .map(Some),
        }
    }

    pub(crate) fn list<T: PartialEq>(
        &mut self,
        field: &'static str,
        limit: usize,
        parse: impl Fn(&str) -> Result<T, Refused>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.get(field)? else {
            self.wrong_type(field, "a list of texts");
            return None;
        };
        if items.len() > limit {
            self.errors.add(field, Code::TooLong, format!("has more than {limit} entries"));
            return None;
        }
        let mut list = Vec::with_capacity(items.len());
        let before = self.errors.0.len();
        for item in items {
            let Value::String(text) = item else {
                self.wrong_type(field, "a list of texts");
                return None;
            };
            let parsed = parse(text);
            match self.keep(field, parsed) {
                Some(item) if list.contains(&item) => {
                    self.errors.add(field, Code::Conflict, format!("names {text:?} twice"));
                }
                Some(item) => list.push(item),
                None => {}
            }
        }
        (self.errors.0.len() == before).then_some(list)
    }

    pub(crate) fn object(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Option<Map<String, Value>> {
        match self.get(field)? {
            Value::Object(object) => {
                if Value::Object(object.clone()).to_string().len() > limit {
                    self.errors.add(field, Code::TooLong, format!("is larger than {limit} bytes"));
                    return None;
                }
                Some(object.clone())
            }
            _ => {
                self.wrong_type(field, "an object");
                None
            }
        }
    }

    /// The fields that were asked for.
    pub(crate) fn into_names(self) -> Vec<&'static str> {
        self.known
    }

    /// Names every key that no reader asked for, and gives the collected errors back.
    pub(crate) fn finish(mut self) -> FieldErrors {
        for key in self.map.keys() {
            if !self.known.contains(&key.as_str()) {
                let shown: String = key.chars().take(64).collect();
                let shown = shown.escape_debug().to_string();
                self.errors.add(&shown, Code::UnknownField, "is no field of this request");
            }
        }
        self.errors
    }
}
