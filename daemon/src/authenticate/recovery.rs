//! Recovery codes: single-use stand-ins for the authenticator that was lost.
//!
//! 80 random bits each, as four groups of four characters: too many to guess even with the stored
//! hashes in hand, so that a plain hash is enough, and easy enough to copy from paper. Upper and
//! lower case are the same, and so are the letters that look like digits.

use accounts::UserId;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::alphabet::{READABLE, encode};
use crate::secret::Secret;

/// Characters of a code, dashes not counted.
const LENGTH: usize = 16;

/// A recovery code, as it was made or typed.
pub struct RecoveryCode(Zeroizing<[u8; LENGTH]>);

impl RecoveryCode {
    /// How many a user gets.
    pub const COUNT: usize = 10;

    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; LENGTH * 5 / 8]);
        getrandom::fill(&mut *bytes)?;
        let mut code = Zeroizing::new([0; LENGTH]);
        for (place, character) in code.iter_mut().zip(encode(READABLE, &*bytes).bytes()) {
            *place = character;
        }
        Ok(Self(code))
    }

    /// Reads what somebody typed; nothing when it cannot be a recovery code.
    #[must_use]
    pub fn parse(typed: &[u8]) -> Option<Self> {
        let mut code = Zeroizing::new([0; LENGTH]);
        let mut length = 0;
        for &byte in typed.trim_ascii() {
            let character = match byte.to_ascii_lowercase() {
                b'-' | b' ' => continue,
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            if !READABLE.contains(&character) {
                return None;
            }
            *code.get_mut(length)? = character;
            length += 1;
        }
        (length == LENGTH).then_some(Self(code))
    }

    /// As it is shown, once.
    #[must_use]
    pub fn text(&self) -> Secret {
        let mut text = Vec::with_capacity(LENGTH + LENGTH / 4);
        for (index, group) in self.0.chunks(4).enumerate() {
            if index > 0 {
                text.push(b'-');
            }
            text.extend_from_slice(group);
        }
        Secret::new(text)
    }

    /// As it is stored: bound to its user, so that equal codes of two users do not look equal.
    #[must_use]
    pub fn hash(&self, user: UserId) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"roster recovery code 1\0");
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
    fn a_code_is_known_again_however_it_is_typed() {
        let code = RecoveryCode::generate().unwrap();
        let text = code.text().as_str().unwrap().to_owned();
        assert_eq!(text.len(), 19);
        for typed in [
            text.clone(),
            text.to_uppercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            format!("  {text}\n"),
            text.replace('0', "O").replace('1', "l"),
        ] {
            let read = RecoveryCode::parse(typed.as_bytes()).unwrap();
            assert_eq!(read.hash(user(1)), code.hash(user(1)), "{typed}");
        }
    }

    #[test]
    fn other_things_are_no_recovery_codes() {
        for typed in [
            "",
            "123456",
            "12345678",
            "0000-0000-0000-000",
            "0000-0000-0000-00000",
            "0000-0000-0000-000u",
            "0000-0000-0000-000\u{e9}",
            "----------------",
        ] {
            assert!(RecoveryCode::parse(typed.as_bytes()).is_none(), "{typed}");
        }
        assert!(RecoveryCode::parse(&[0xff; 16]).is_none());
        assert!(RecoveryCode::parse(&[b'0'; 100_000]).is_none());
    }

    #[test]
    fn codes_differ_and_so_do_their_hashes_between_users() {
        let (one, other) = (RecoveryCode::generate().unwrap(), RecoveryCode::generate().unwrap());
        assert_ne!(one.text().as_bytes(), other.text().as_bytes());
        assert_ne!(one.hash(user(1)), one.hash(user(2)));
    }
}
