//! The text form of a password hash: `$argon2id$v=19$m=65536,t=3,p=1$salt$hash`.
//!
//! A stored hash says how much memory and time to spend on it. What it says is bounded here,
//! before anything is allocated: a damaged or planted row costs no more than a real one.

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};

/// Most memory that a stored hash may ask for, in KiB.
pub(super) const MAX_MEMORY_KIB: u32 = 1024 * 1024;
/// Most passes over the memory.
pub(super) const MAX_PASSES: u32 = 32;
/// Most lanes.
pub(super) const MAX_LANES: u32 = 16;
/// Most memory times passes: what bounds the time.
const MAX_WORK: u64 = 4 * 1024 * 1024;
/// Longest salt and longest output, in bytes.
const MAX_BYTES: usize = 64;

/// What a computation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Parameters {
    /// As argon2 takes them; nothing when they are out of bounds.
    pub(super) fn argon2(self, output: usize) -> Option<Argon2<'static>> {
        let Self { memory_kib, passes, lanes } = self;
        let work = u64::from(memory_kib) * u64::from(passes);
        if memory_kib > MAX_MEMORY_KIB
            || passes > MAX_PASSES
            || lanes > MAX_LANES
            || work > MAX_WORK
        {
            return None;
        }
        let params = Params::new(memory_kib, passes, lanes, Some(output)).ok()?;
        Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// A hash that can be verified. No `Debug`: it is the next best thing to a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub parameters: Parameters,
    pub salt: Vec<u8>,
    pub output: Vec<u8>,
}

impl Stored {
    /// Reads the text form; nothing for any other algorithm or version, anything out of bounds,
    /// anything malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$")?;
        let mut parts = rest.split('$');
        let (costs, salt, output) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let mut costs = costs.split(',');
        let parameters = Parameters {
            memory_kib: number(costs.next()?, "m=")?,
            passes: number(costs.next()?, "t=")?,
            lanes: number(costs.next()?, "p=")?,
        };
        let (salt, output) = (bytes(salt)?, bytes(output)?);
        if costs.next().is_some() || salt.len() < 8 || output.len() < 16 {
            return None;
        }
        parameters.argon2(output.len())?;
        Some(Self { parameters, salt, output })
    }
}

impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Parameters { memory_kib, passes, lanes } = self.parameters;
        let salt = Base64Unpadded::encode_string(&self.salt);
        let output = Base64Unpadded::encode_string(&self.output);
        write!(f, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${output}")
    }
}

fn number(text: &str, name: &str) -> Option<u32> {
    let digits = text.strip_prefix(name)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = Base64Unpadded::decode_vec(text).ok()?;
    (bytes.len() <= MAX_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str =
        "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn the_text_form_survives() {
        assert_eq!(Stored::parse(GOOD).unwrap().to_string(), GOOD);
    }

    #[test]
    fn what_costs_too_much_or_makes_no_sense_is_not_verifiable() {
        for (from, to) in [
            // 4 TiB
            ("m=65536", "m=4294967295"),
            ("m=65536", "m=1048577"),
            ("m=65536", "m=99999999999999999999"),
            ("m=65536", "m=1"),
            ("m=65536", "m=+65536"),
            ("m=65536", "m=-1"),
            ("t=3", "t=0"),
            ("t=3", "t=4294967295"),
            ("t=3", "t=33"),
            ("m=65536,t=3", "m=1048576,t=5"),
            ("p=1", "p=0"),
            ("p=1", "p=17"),
            ("p=1", "p=1,x=1"),
            ("v=19", "v=16"),
            ("argon2id", "argon2i"),
            ("$c29tZXNhbHQ$", "$$"),
            ("$c29tZXNhbHQ$", "$c2E$"),
            ("$c29tZXNhbHQ$", "$%%%%$"),
            ("Hh8", "Hh8$"),
            ("$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "$AAEC"),
            ("$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", ""),
        ] {
            let damaged = GOOD.replacen(from, to, 1);
            assert_ne!(damaged, GOOD);
            assert!(Stored::parse(&damaged).is_none(), "{damaged}");
        }
        for other in ["", "!", "x", "$6$salt$hash", "$argon2id$v=19$"] {
            assert!(Stored::parse(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "\\PC{0,120}") {
            let _ = Stored::parse(&text);
        }
    }
}
