//! What a token is called, and what it is for.

use serde::{Deserialize, Serialize};

use crate::field_error::{Code, Refused};
use crate::text::check_text;

/// What an app password is called, for its owner to know it again: 1 to 64 bytes of visible text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenName(String);

impl TokenName {
    /// Parses a name given by a caller; white space around it is dropped.
    ///
    /// # Errors
    /// Names the character or the length that is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        check_text(text, 64)?;
        match text.trim() {
            "" => Err(Refused::invalid("is empty: say what the token is for")),
            name => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A PAM service, such as `dovecot`: the name of a file in /etc/pam.d. `pam_start(3)` makes names
/// lower case, and so does this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceName(String);

impl ServiceName {
    /// Parses a name given by a caller.
    ///
    /// # Errors
    /// Says what the form is.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text.len() > 64 {
            return Err(Refused::new(Code::TooLong, "is longer than 64 bytes"));
        }
        let name = text.to_ascii_lowercase();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
        let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if begins_well && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err(Refused::invalid(
                "is no PAM service: the name of a file in /etc/pam.d, of a-z 0-9 _ . -",
            ))
        }
    }

    /// The name.
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
    fn names_are_visible_text() {
        assert_eq!(TokenName::parse(" Backup script ").unwrap().as_str(), "Backup script");
        for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(65)] {
            assert!(TokenName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn services_are_files_of_pam_d() {
        assert_eq!(ServiceName::parse("Dovecot").unwrap().as_str(), "dovecot");
        for good in ["sudo-i", "polkit-1", "systemd-user", "_x", "a.b"] {
            assert!(ServiceName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "../x", "a/b", "a b", "-x", "a\n", "\u{fc}", &"x".repeat(65)] {
            assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
