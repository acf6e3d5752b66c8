//! The options of a call: a dictionary with a few known keys, each of one type.

use std::os::fd::OwnedFd;

use accounts::{Code, FieldErrors};
use bus::{BusError, Dictionary, ErrorName};
use zbus::Variant;

/// The options that a caller gave, taken out one by one; what remains is unknown.
pub(super) struct Options {
    given: Dictionary,
    errors: FieldErrors,
}

impl Options {
    /// The options of a call.
    pub(super) fn new(given: Dictionary) -> Self {
        Self { given, errors: FieldErrors::default() }
    }

    fn take<T>(
        &mut self,
        key: &str,
        kind: &str,
        read: impl FnOnce(Variant<'static>) -> Option<T>,
    ) -> Option<T> {
        let mut variant = Variant::from(self.given.remove(key)?);
        while let Variant::Variant(inner) = variant {
            variant = *inner;
        }
        let value = read(variant);
        if value.is_none() {
            self.errors.add(key, Code::WrongType, format!("the option is {kind}"));
        }
        value
    }

    /// A truth; false when it is not given.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.truth(key).unwrap_or(false)
    }

    /// A truth, if it is given.
    pub(super) fn truth(&mut self, key: &str) -> Option<bool> {
        self.take(key, "true or false", |variant| match variant {
            Variant::Bool(truth) => Some(truth),
            _ => None,
        })
    }

    /// A whole number from 0 on, of any integer type.
    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        self.take(key, "a whole number from 0 on", |variant| match variant {
            Variant::U8(n) => Some(n.into()),
            Variant::U16(n) => Some(n.into()),
            Variant::U32(n) => Some(n.into()),
            Variant::U64(n) => Some(n),
            Variant::I16(n) => n.try_into().ok(),
            Variant::I32(n) => n.try_into().ok(),
            Variant::I64(n) => n.try_into().ok(),
            _ => None,
        })
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, "a text", |variant| match variant {
            Variant::Str(text) => Some(text.as_str().to_owned()),
            _ => None,
        })
    }

    /// Texts.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        self.take(key, "a list of texts", |variant| match variant {
            Variant::Array(list) => list.try_into().ok(),
            _ => None,
        })
    }

    /// A descriptor.
    pub(super) fn descriptor(&mut self, key: &str) -> Option<OwnedFd> {
        self.take(key, "a descriptor", |variant| match variant {
            Variant::Fd(fd) => fd.try_into().ok(),
            _ => None,
        })
    }

    /// Notes an option that is wrong for another reason than its type.
    pub(super) fn refuse(&mut self, key: &str, code: Code, message: &str) {
        self.errors.add(key, code, message);
    }

    /// Refuses the options that were wrong, or that nobody asked for.
    pub(super) fn finish(mut self) -> Result<(), BusError> {
        let mut unknown: Vec<&String> = self.given.keys().collect();
        unknown.sort();
        for key in unknown.into_iter().take(16) {
            let shown: String = key.escape_debug().take(64).collect();
            self.errors.add(&shown, Code::UnknownField, "is no option of this call");
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(BusError::with_fields(ErrorName::InvalidField, self.errors))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(given: Vec<(&str, Variant<'static>)>) -> Options {
        let given = given.into_iter();
        Options::new(given.map(|(k, v)| (k.to_owned(), v.try_into_owned().unwrap())).collect())
    }

    #[test]
    fn options_are_read_by_type() {
        let mut given = options(vec![
            ("limit", Variant::I32(7)),
            ("offset", Variant::Variant(Box::new(Variant::U8(3)))),
            ("expire", Variant::Bool(true)),
            ("home", Variant::new("purge")),
        ]);
        assert_eq!(given.number("limit"), Some(7));
        assert_eq!(given.number("offset"), Some(3));
        assert!(given.flag("expire") && !given.flag("other"));
        assert_eq!(given.text("home").as_deref(), Some("purge"));
        given.finish().unwrap();
    }

    #[test]
    fn wrong_and_unknown_options_are_all_named() {
        let mut given = options(vec![
            ("limit", Variant::I32(-1)),
            ("expire", Variant::new("yes")),
            ("no\u{1b}sense", Variant::U8(1)),
        ]);
        assert_eq!(given.number("limit"), None);
        assert!(!given.flag("expire"));
        let error = given.finish().unwrap_err();
        let fields: Vec<_> = error.fields.0.iter().map(|e| (e.field.as_str(), e.code)).collect();
        let expected = [
            ("limit", Code::WrongType),
            ("expire", Code::WrongType),
            ("no\\u{1b}sense", Code::UnknownField),
        ];
        assert_eq!(fields, expected);
    }
}
