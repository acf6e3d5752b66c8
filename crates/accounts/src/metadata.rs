//! What people and programs keep beside the record proper: free attributes, settings of programs,
//! and the texts of a profile.

use crate::field_error::{Code, Refused};
use crate::text::check_text;

/// The most bytes that a user's attributes take as JSON; settings, with their keys, as many.
pub const MAX_METADATA: usize = 64 * 1024;

/// The texts that a profile may hold.
pub const PROFILE_KEYS: &[&str] = &[
    "address",
    "biography",
    "birthdate",
    "displayname",
    "fediverse",
    "headline",
    "organisation",
    "phone",
    "profile_enabled",
    "pronouns",
    "role",
    "twitter",
    "website",
];

/// The name of an attribute, of a setting, or of the program it belongs to: 1 to 64 bytes of visible
/// text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataKey(String);

impl MetadataKey {
    /// Parses a key given by a caller.
    ///
    /// # Errors
    /// Names the character or the length that is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        check_text(text, 64)?;
        if text.is_empty() || text != text.trim() {
            return Err(Refused::invalid("is empty, or has white space around it"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of [`PROFILE_KEYS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileKey(&'static str);

impl ProfileKey {
    /// Parses a key given by a caller.
    ///
    /// # Errors
    /// Lists the keys there are when it is none of them.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        match PROFILE_KEYS.iter().find(|key| **key == text) {
            Some(key) => Ok(Self(key)),
            None => {
                let keys = PROFILE_KEYS.join(", ");
                Err(Refused::new(Code::NotFound, format!("is none of a profile's keys: {keys}")))
            }
        }
    }

    /// The key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The value of a setting or of a profile's key: one line of at most 4 KiB, without control, bidi or
/// invisible characters. May be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataText(String);

impl MetadataText {
    /// Parses a value given by a caller.
    ///
    /// # Errors
    /// Names the character or the length that is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        check_text(text, 4096)?;
        Ok(Self(text.to_owned()))
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_short_and_visible() {
        for good in ["lang", "core.theme", "favorite_color", "Zoë", "a b"] {
            assert_eq!(MetadataKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", " a", "a\n", "a\0b", "\u{202e}a", "a\u{200b}"] {
            assert!(MetadataKey::parse(bad).is_err(), "{bad:?}");
        }
        assert!(MetadataKey::parse(&"x".repeat(64)).is_ok());
        assert_eq!(MetadataKey::parse(&"x".repeat(65)).unwrap_err().code, Code::TooLong);
    }

    #[test]
    fn a_profile_has_its_own_keys() {
        assert_eq!(ProfileKey::parse("pronouns").unwrap().as_str(), "pronouns");
        let refused = ProfileKey::parse("email").unwrap_err();
        assert!(refused.message.contains("website"), "{refused}");
        assert!(ProfileKey::parse("").is_err() && ProfileKey::parse("Role").is_err());
    }

    #[test]
    fn values_are_one_line() {
        assert_eq!(MetadataText::parse(" they: them ").unwrap().as_str(), " they: them ");
        assert!(MetadataText::parse("").is_ok());
        for bad in ["a\nb", "\u{1b}[2J", "\u{2066}x", "a\0"] {
            assert!(MetadataText::parse(bad).is_err(), "{bad:?}");
        }
        assert!(MetadataText::parse(&"x".repeat(4097)).is_err());
    }
}
