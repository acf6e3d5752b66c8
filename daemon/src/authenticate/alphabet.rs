//! Five bits a character, in an alphabet of 32.

use zeroize::Zeroizing;

/// RFC 4648, section 6: what authenticator programs read.
pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Without the letters that people take for digits (Crockford's choice).
pub(super) const READABLE: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Writes `bytes` without padding. Never more than one buffer, and that is wiped.
pub(super) fn encode(alphabet: &[u8; 32], bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    let (mut bits, mut pending) = (0u32, 0u32);
    for &byte in bytes {
        bits = (bits << 8 | u32::from(byte)) & 0xfff;
        pending += 8;
        while pending >= 5 {
            pending -= 5;
            text.push(char::from(alphabet[(bits >> pending & 31) as usize]));
        }
    }
    if pending > 0 {
        text.push(char::from(alphabet[(bits << (5 - pending) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*encode(BASE32, plain.as_bytes()), text);
        }
    }
}
