//! Between records (JSON objects) and D-Bus dictionaries (`a{sv}`).
//!
//! Towards the bus: text is `s`, truth `b`, whole numbers `x` (the ids and small counts listed in
//! [`UNSIGNED`] are `u`), lists of texts `as`, lists of objects `aa{sv}`, objects `a{sv}`. A value
//! that is absent (`null`) is left out. `attributes` is the callers' own JSON: there whole numbers
//! are always `x`, mixed lists are `av`, and a `null` is kept, as the empty signature.
//!
//! From the bus every integer type is taken, and variants in variants are unwrapped.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use zbus::wire::{Array, Dict, Signature};
use zbus::{OwnedVariant, Type, Variant};

/// A dictionary of the bus, `a{sv}`.
pub type Dictionary = HashMap<String, OwnedVariant>;

/// Numbers that travel as `u`.
const UNSIGNED: &[&str] = &["uid", "gid", "pw_uid", "pw_gid", "recovery_codes_left"];
/// The field that holds free JSON.
const FREE: &str = "attributes";
/// Lists whose element type cannot be seen when they are empty.
const OBJECT_LISTS: &[&str] = &["ssh_keys", "changes", "effects", "findings"];
const NUMBER_LISTS: &[&str] = &["tokens"];
/// Containers within containers. D-Bus allows 64 levels, and an object takes three of them.
const MAX_DEPTH: usize = 16;
/// Variants directly within variants.
const MAX_WRAPS: usize = 4;
/// Values in one dictionary, all levels together: more than a record's attributes can hold, so
/// that what was taken can be given out.
const MAX_VALUES: usize = 100_000;

/// Why a dictionary or a record could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DictionaryError {
    /// A value of a type that no field has (a structure, a descriptor, a number that is none).
    #[error("holds a value of a type that no field takes")]
    Type(String),
    /// Nested too deep.
    #[error("is nested deeper than {MAX_DEPTH}")]
    Depth(String),
    /// Too many values.
    #[error("the dictionary holds more than {MAX_VALUES} values")]
    Size(String),
}

impl DictionaryError {
    /// The dictionary's key under which the trouble is.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Type(key) | Self::Depth(key) | Self::Size(key) => key,
        }
    }
}

/// A record as a dictionary.
///
/// # Errors
/// When it is nested too deep or too large.
pub fn to_dictionary(record: &Map<String, Value>) -> Result<Dictionary, DictionaryError> {
    let mut budget = MAX_VALUES;
    let mut dictionary = Dictionary::with_capacity(record.len());
    for (key, value) in record {
        let mut out = Encode { key, budget: &mut budget, free: key == FREE };
        if let Some(variant) = out.value(key, value, 1)? {
            let owned = variant.try_into_owned().map_err(|_| DictionaryError::Type(key.clone()))?;
            dictionary.insert(key.clone(), owned);
        }
    }
    Ok(dictionary)
}

struct Encode<'a> {
    key: &'a str,
    budget: &'a mut usize,
    free: bool,
}

impl Encode<'_> {
    fn value(
        &mut self,
        name: &str,
        value: &Value,
        depth: usize,
    ) -> Result<Option<Variant<'static>>, DictionaryError> {
        spend(self.key, self.budget, depth)?;
        Ok(Some(match value {
            Value::Null if self.free => Variant::Signature(Signature::Unit),
            Value::Null => return Ok(None),
            Value::Bool(truth) => Variant::Bool(*truth),
            // D-Bus text holds no NUL; only free JSON could.
            Value::String(text) => Variant::Str(text.replace('\0', "\u{fffd}").into()),
            Value::Number(number) => self.number(name, number),
            Value::Array(list) => Variant::Array(self.list(name, list, depth)?),
            Value::Object(object) => Variant::Dict(self.object(object, depth)?),
        }))
    }

    fn number(&self, name: &str, number: &Number) -> Variant<'static> {
        let small = number.as_u64().and_then(|n| u32::try_from(n).ok());
        match (small, number.as_i64(), number.as_u64()) {
            (Some(small), ..) if !self.free && UNSIGNED.contains(&name) => Variant::U32(small),
            (_, Some(whole), _) => Variant::I64(whole),
            (_, None, Some(large)) => Variant::U64(large),
            _ => Variant::F64(number.as_f64().unwrap_or_default()),
        }
    }

    fn list(
        &mut self,
        name: &str,
        list: &[Value],
        depth: usize,
    ) -> Result<Array<'static>, DictionaryError> {
        let element = if list.is_empty() {
            match name {
                _ if self.free => Signature::Variant,
                _ if OBJECT_LISTS.contains(&name) => Dictionary::SIGNATURE.clone(),
                _ if NUMBER_LISTS.contains(&name) => Signature::I64,
                _ => Signature::Str,
            }
        } else if list.iter().all(Value::is_string) {
            Signature::Str
        } else if list.iter().all(Value::is_object) {
            Dictionary::SIGNATURE.clone()
        } else if list.iter().all(Value::is_i64) {
            Signature::I64
        } else {
            Signature::Variant
        };
        let mut array = Array::new(&element);
        for value in list {
            // The name is the list's: a number in a list is never an id.
            let Some(mut variant) = self.value("", value, depth + 1)? else { continue };
            if element == Signature::Variant {
                variant = Variant::Variant(Box::new(variant));
            }
            array.append(variant).map_err(|_| DictionaryError::Type(self.key.to_owned()))?;
        }
        Ok(array)
    }

    fn object(
        &mut self,
        object: &Map<String, Value>,
        depth: usize,
    ) -> Result<Dict<'static, 'static>, DictionaryError> {
        let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
        for (name, value) in object {
            let Some(variant) = self.value(name, value, depth + 1)? else { continue };
            let name = Variant::Str(name.replace('\0', "\u{fffd}").into());
            dict.append(name, Variant::Variant(Box::new(variant)))
                .map_err(|_| DictionaryError::Type(self.key.to_owned()))?;
        }
        Ok(dict)
    }
}

/// A dictionary as a record.
///
/// # Errors
/// When it holds a type that no field has, is nested too deep, or too large.
pub fn from_dictionary(dictionary: &Dictionary) -> Result<Map<String, Value>, DictionaryError> {
    let mut budget = MAX_VALUES;
    let mut record = Map::new();
    for (key, value) in dictionary {
        record.insert(key.clone(), decode(key, value, &mut budget, 1)?);
    }
    Ok(record)
}

fn decode(
    key: &str,
    variant: &Variant<'_>,
    budget: &mut usize,
    depth: usize,
) -> Result<Value, DictionaryError> {
    spend(key, budget, depth)?;
    let wrong_type = || DictionaryError::Type(key.to_owned());
    let mut variant = variant;
    for _ in 0..MAX_WRAPS {
        if let Variant::Variant(inner) = variant {
            variant = inner;
        }
    }
    Ok(match variant {
        Variant::U8(n) => (*n).into(),
        Variant::I16(n) => (*n).into(),
        Variant::U16(n) => (*n).into(),
        Variant::I32(n) => (*n).into(),
        Variant::U32(n) => (*n).into(),
        Variant::I64(n) => (*n).into(),
        Variant::U64(n) => (*n).into(),
        Variant::F64(n) => Number::from_f64(*n).ok_or_else(wrong_type)?.into(),
        Variant::Bool(truth) => (*truth).into(),
        Variant::Str(text) => text.as_str().into(),
        Variant::ObjectPath(path) => path.as_str().into(),
        Variant::Signature(Signature::Unit) => Value::Null,
        Variant::Variant(_) => return Err(DictionaryError::Depth(key.to_owned())),
        Variant::Array(array) => {
            let mut list = Vec::with_capacity(array.len().min(*budget));
            for element in array.inner() {
                list.push(decode(key, element, budget, depth + 1)?);
            }
            list.into()
        }
        Variant::Dict(dict) => {
            let mut object = Map::new();
            for (name, value) in dict.iter() {
                let Variant::Str(name) = name else { return Err(wrong_type()) };
                object.insert(name.as_str().to_owned(), decode(key, value, budget, depth + 1)?);
            }
            object.into()
        }
        Variant::Signature(_) | Variant::Structure(_) | Variant::Fd(_) => return Err(wrong_type()),
    })
}

fn spend(key: &str, budget: &mut usize, depth: usize) -> Result<(), DictionaryError> {
    if depth > MAX_DEPTH {
        return Err(DictionaryError::Depth(key.to_owned()));
    }
    *budget = budget.checked_sub(1).ok_or_else(|| DictionaryError::Size(key.to_owned()))?;
    Ok(())
}

#[cfg(test)]
mod tests;
