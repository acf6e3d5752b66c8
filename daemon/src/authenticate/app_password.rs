//! App passwords: what a program gets instead of the user's password, typed by hand perhaps.
//!
//! 125 random bits, as five groups of five characters: too many to guess even with the stored hash
//! in hand, so that a plain hash is enough. Upper and lower case are the same, and so are the letters
//! that look like digits; dashes and spaces do not matter.

use accounts::UserId;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::alphabet::{READABLE, encode};
use crate::secret::Secret;

/// Characters of an app password, dashes not counted.
const LENGTH: usize = 25;
/// Longest text that is read: the characters and as much again between them.
const LONGEST_TEXT: usize = 2 * LENGTH;

/// An app password, as it was made or typed.
pub struct AppPassword(Zeroizing<[u8; LENGTH]>);

impl AppPassword {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; (LENGTH * 5).div_ceil(8)]);
        getrandom::fill(&mut *bytes)?;
        let mut password = Zeroizing::new([0; LENGTH]);
        for (place, character) in password.iter_mut().zip(encode(READABLE, &*bytes).bytes()) {
            *place = character;
        }
        Ok(Self(password))
    }

    /// Reads what somebody typed; nothing when it cannot be an app password.
    #[must_use]
    pub fn parse(typed: &[u8]) -> Option<Self> {
        if typed.len() > LONGEST_TEXT {
            return None;
        }
        let mut password = Zeroizing::new([0; LENGTH]);
        let mut length = 0;
        for &byte in typed {
            let character = match byte.to_ascii_lowercase() {
                b'-' | b' ' => continue,
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            if !READABLE.contains(&character) {
                return None;
            }
            *password.get_mut(length)? = character;
            length += 1;
        }
        (length == LENGTH).then_some(Self(password))
    }

    /// As it is shown, once.
    #[must_use]
    pub fn text(&self) -> Secret {
        let mut text = Vec::with_capacity(LENGTH + LENGTH / 5);
        for (index, group) in self.0.chunks(5).enumerate() {
            if index > 0 {
                text.push(b'-');
            }
            text.extend_from_slice(group);
        }
        Secret::new(text)
    }

    /// As it is stored: bound to its user.
    #[must_use]
    pub fn hash(&self, user: UserId) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"roster app password 1\0");
        hash.update(user.0.as_bytes());
        hash.update(&self.0[..]);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn an_app_password_is_known_again_however_it_is_typed() {
        let made = AppPassword::generate().unwrap();
        let text = made.text().as_str().unwrap().to_owned();
        assert_eq!(text.len(), 29);
        for typed in [
            text.clone(),
            text.to_uppercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            format!(" {text} "),
            text.replace('0', "O").replace('1', "l"),
        ] {
            let read = AppPassword::parse(typed.as_bytes()).unwrap();
            assert_eq!(read.hash(user(1)), made.hash(user(1)), "{typed}");
        }
        assert_ne!(made.hash(user(1)), made.hash(user(2)));
        assert_ne!(made.hash(user(1)), AppPassword::generate().unwrap().hash(user(1)));
    }

    #[test]
    fn other_things_are_no_app_passwords() {
        let zeroes = "0".repeat(LENGTH);
        assert!(AppPassword::parse(zeroes.as_bytes()).is_some());
        for typed in [
            "",
            "correct horse",
            "-------------------------",
            &zeroes[1..],
            &format!("{zeroes}0"),
            &format!("{}u", &zeroes[1..]),
            &format!("{zeroes}\n"),
            &format!("{zeroes}{}", "-".repeat(LENGTH + 1)),
        ] {
            assert!(AppPassword::parse(typed.as_bytes()).is_none(), "{typed}");
        }
        assert!(AppPassword::parse(&[0xff; LENGTH]).is_none());
        assert!(AppPassword::parse(&vec![b'0'; 1 << 20]).is_none());
    }
}
