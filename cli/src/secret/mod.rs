//! Passwords and codes on their way from the caller to the daemon: typed at a prompt, from standard
//! input or a descriptor; never from the command line. Wiped from memory after use.

mod keyboard;
mod lines;
mod prompt;
mod source;
mod token;

use zeroize::Zeroizing;

use crate::error::Error;

pub use lines::Lines;
pub use prompt::{ask, ask_optional, confirm};
pub use source::{CodeFlags, Source};
pub use token::TokenFlags;

/// The longest secret that is taken, in bytes.
pub const LIMIT: usize = 1024;

/// A password or a code: UTF-8 without NUL, 1 to 1024 bytes.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Checks what was read. `field` is what an error calls it.
    ///
    /// # Errors
    /// When it is empty, too long, no UTF-8, or holds a NUL, which would end it early elsewhere.
    pub fn parse(bytes: Zeroizing<Vec<u8>>, field: &str) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(Error::field(field, "required", "is empty"));
        }
        if bytes.len() > LIMIT {
            let message = format!("is longer than {LIMIT} bytes");
            return Err(Error::field(field, "too_long", &message));
        }
        if bytes.contains(&0) {
            return Err(Error::field(field, "invalid", "holds a NUL character"));
        }
        if std::str::from_utf8(&bytes).is_err() {
            return Err(Error::field(field, "invalid", "is not UTF-8 text"));
        }
        Ok(Self(bytes))
    }

    /// The secret itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Secret, Error> {
        Secret::parse(Zeroizing::new(bytes.to_vec()), "password")
    }

    #[test]
    fn what_no_login_could_type_is_refused_by_field() {
        let long = vec![b'x'; LIMIT + 1];
        for (bad, code) in [
            (&b"a\0b"[..], "invalid"),
            (b"\xff", "invalid"),
            (b"", "required"),
            (&long, "too_long"),
        ] {
            let error = parse(bad).unwrap_err();
            assert_eq!((error.code(), error.exit_code()), ("invalid_field", 1));
            assert_eq!(error.fields()[0].field, "password");
            assert_eq!(error.fields()[0].code, code);
        }
        assert_eq!(parse("pässword ".as_bytes()).unwrap().as_bytes(), "pässword ".as_bytes());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", parse(b"hunter2").unwrap()), "Secret(…)");
    }
}
