//! Free text that people write: full names, mail addresses, tags.

use serde::{Deserialize, Serialize};

use crate::field_error::{Code, Refused};

/// Characters that reorder or hide other text: bidi controls (UAX #9), zero-width and other
/// invisible format characters, line and paragraph separators.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

pub(crate) fn check_text(text: &str, limit: usize) -> Result<(), Refused> {
    if text.len() > limit {
        return Err(Refused::new(Code::TooLong, format!("is longer than {limit} bytes")));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(Refused::invalid(format!("holds the control character U+{:04X}", c as u32)));
    }
    if let Some(c) = text.chars().find(|c| is_deceptive(*c)) {
        return Err(Refused::invalid(format!("holds the invisible character U+{:04X}", c as u32)));
    }
    Ok(())
}

/// A line of text that may stand in GECOS: no `:`, no control, bidi or invisible characters,
/// 255 bytes at most. May be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DisplayText(String);

impl DisplayText {
    /// Parses text given by a caller; white space around it is dropped.
    ///
    /// # Errors
    /// Names the character or the length that is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        check_text(text, 255)?;
        if text.contains(':') {
            return Err(Refused::invalid("holds ':', which separates the fields of passwd"));
        }
        Ok(Self(text.trim().to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A mail address (the `addr-spec` of RFC 5322 without quoting, comments or literals).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Parses an address given by a caller.
    ///
    /// # Errors
    /// Refuses text that is no plain `local@domain`.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = || Refused::invalid("is no mail address of the form name@domain");
        if text.len() > 254 {
            return Err(Refused::new(Code::TooLong, "is longer than 254 bytes"));
        }
        let (local, domain) = text.split_once('@').ok_or_else(refuse)?;
        let local_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.bytes().all(local_byte)
            && !local.starts_with(['.', '-'])
            && !local.ends_with('.')
            && !local.contains("..");
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if local_ok && domain.split('.').all(label_ok) {
            Ok(Self(text.to_owned()))
        } else {
            Err(refuse())
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A short label on a user: 1 to 64 bytes of visible text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// Parses a tag given by a caller.
    ///
    /// # Errors
    /// Names the character or the length that is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        check_text(text, 64)?;
        match text.trim() {
            "" => Err(Refused::invalid("is empty")),
            tag => Ok(Self(tag.to_owned())),
        }
    }

    /// The tag.
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
    fn text_that_could_break_a_line_is_refused() {
        for bad in
            ["a:b", "a\nb", "a\0b", "a\tb", "\u{202e}abc", "a\u{200b}b", "a\u{9b}31m", "\u{7f}"]
        {
            assert!(DisplayText::parse(bad).is_err(), "{bad:?}");
        }
        assert!(DisplayText::parse(&"x".repeat(256)).is_err());
        assert_eq!(DisplayText::parse(" Zoë Ng, M.D. ").unwrap().as_str(), "Zoë Ng, M.D.");
        assert_eq!(DisplayText::parse("").unwrap().as_str(), "");
    }

    #[test]
    fn mail_addresses() {
        for good in ["a@b", "layla@example.tld", "a.b+c@x-y.example"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@-b", "-f@x", "a\n@b", ".a@b"]
        {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
