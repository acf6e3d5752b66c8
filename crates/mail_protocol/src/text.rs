//! The parts of a mail, each of which can hold nothing but itself.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest line of a mail, in bytes (RFC 5322, 2.1.1).
const MAX_LINE: usize = 998;
/// The longest body, in bytes.
const MAX_BODY: usize = 32 * 1024;

/// Why a text is no part of a mail. Says nothing of what the text is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(String);

impl TextError {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

fn visible_ascii(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text that is one.
            ///
            /// # Errors
            /// Says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                let check: fn(&str) -> Result<(), TextError> = $parse;
                check(text).map(|()| Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

text! {
    /// A mail address, as [`accounts::Email`] has it: no space, no quoting, no `<` and `>`, no `-`
    /// in front.
    Address, |text| {
        accounts::Email::parse(text).map(|_| ()).map_err(|refused| TextError::new(refused.to_string()))
    }
}

text! {
    /// A subject: 1 to 200 visible ASCII characters.
    Subject, |text| {
        if text.is_empty() || text.len() > 200 || !text.bytes().all(visible_ascii) {
            return Err(TextError::new("a subject is 1 to 200 visible ASCII characters"));
        }
        Ok(())
    }
}

text! {
    /// The name or address of a mail server.
    Host, |text| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
        if text.is_empty() || text.len() > 253 || text.starts_with('-') || !text.bytes().all(fits) {
            return Err(TextError::new("is no name or address of a host"));
        }
        Ok(())
    }
}

text! {
    /// The name that the mail server knows us by.
    Username, |text| {
        if text.is_empty() || text.len() > 254 || text.chars().any(char::is_control) {
            return Err(TextError::new("is empty, longer than 254 bytes, or holds a control character"));
        }
        Ok(())
    }
}

impl Host {
    /// Whether this is the machine itself, and the way there cannot be listened to.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let ip: Result<std::net::IpAddr, _> = self.0.parse();
        self.0.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

/// A body: lines of visible ASCII, each ended by `\n`. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Body(Zeroizing<String>);

impl Body {
    /// Takes a text that is one.
    ///
    /// # Errors
    /// When a line is too long, something in it is not visible, or it is too long by itself.
    pub fn new(text: Zeroizing<String>) -> Result<Self, TextError> {
        if text.len() > MAX_BODY {
            return Err(TextError::new(format!("a body is at most {MAX_BODY} bytes")));
        }
        if !text.ends_with('\n') {
            return Err(TextError::new("a body ends with the end of a line"));
        }
        for line in text.lines() {
            if line.len() > MAX_LINE || !line.bytes().all(visible_ascii) {
                return Err(TextError::new(format!(
                    "a line of a body is at most {MAX_LINE} visible ASCII characters"
                )));
            }
        }
        // `lines` takes the carriage return of a line's end for part of it.
        if text.contains('\r') {
            return Err(TextError::new("a body holds a carriage return"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Body {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        Self::new(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn body(text: &str) -> Result<Body, TextError> {
        Body::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn no_part_can_become_another() {
        for bad in ["a@b\r\nBcc: c@d", "a@b\nX: y", "<a@b>", "a@b>", "a b@c", "", "-f@b", "a@b c@d"]
        {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "Hi\r\nBcc: c@d", "Hi\nX: y", "\u{202e}iH", "Hi\u{7f}", "Zoë", "a\tb"] {
            assert!(Subject::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["no end", "a\r\n.\r\nQUIT\r\n", "a\rb\n", "\u{1b}[2J\n", "Zoë\n", "a\0b\n", ""]
        {
            assert!(body(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "-x", "a b", "a\r\nb", "a/b", "user@host"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Username::parse("a\nb").is_err());
        assert!(Address::parse("layla@example.org").is_ok());
        assert!(Subject::parse("Your account").is_ok());
        assert!(body("Dear layla,\n\n.\nBye\n").is_ok());
    }

    #[test]
    fn a_body_has_its_limits() {
        assert!(body(&format!("{}\n", "x".repeat(MAX_LINE))).is_ok());
        assert!(body(&format!("{}\n", "x".repeat(MAX_LINE + 1))).is_err());
        assert!(body(&"x\n".repeat(MAX_BODY / 2)).is_ok());
        assert!(body(&"x\n".repeat(MAX_BODY / 2 + 1)).is_err());
    }

    #[test]
    fn a_body_is_never_shown() {
        let shown = format!("{:?}", body("the token\n").unwrap());
        assert_eq!(shown, "Body(…)");
        let error = body("the token").unwrap_err();
        assert!(!error.to_string().contains("token"));
    }

    #[test]
    fn the_machine_itself_is_known() {
        for local in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(Host::parse(local).unwrap().is_local(), "{local}");
        }
        for other in ["localhost.example.org", "128.0.0.1", "mail.example.org", "::2"] {
            assert!(!Host::parse(other).unwrap().is_local(), "{other}");
        }
    }
}
