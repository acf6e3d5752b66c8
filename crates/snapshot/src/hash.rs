//! The keyed hash of names and numbers: SipHash-1-3 (Aumasson and Bernstein, 2012), as in the
//! standard library's maps. The key is random in every file, so that nobody who may choose names
//! can choose which of them share a bucket.

/// A 128-bit key.
#[derive(Clone, Copy)]
pub(crate) struct Key(pub u64, pub u64);

struct State(u64, u64, u64, u64);

impl State {
    #[inline(always)]
    fn round(&mut self) {
        self.0 = self.0.wrapping_add(self.1);
        self.1 = self.1.rotate_left(13) ^ self.0;
        self.0 = self.0.rotate_left(32);
        self.2 = self.2.wrapping_add(self.3);
        self.3 = self.3.rotate_left(16) ^ self.2;
        self.0 = self.0.wrapping_add(self.3);
        self.3 = self.3.rotate_left(21) ^ self.0;
        self.2 = self.2.wrapping_add(self.1);
        self.1 = self.1.rotate_left(17) ^ self.2;
        self.2 = self.2.rotate_left(32);
    }

    #[inline(always)]
    fn absorb(&mut self, word: u64) {
        self.3 ^= word;
        self.round();
        self.0 ^= word;
    }

    #[inline(always)]
    fn finish(mut self, last: u64) -> u64 {
        self.absorb(last);
        self.2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.0 ^ self.1 ^ self.2 ^ self.3
    }
}

/// The last `count` bytes, of which there are at most seven, as a number. Without a loop over them:
/// names differ in length, and mispredicted branches are most of what a hash of so few bytes costs.
#[inline(always)]
fn last_bytes(bytes: &[u8], count: usize) -> u64 {
    let above = |length: usize| 8 * (length as u32);
    if let Some(eight) = bytes.last_chunk::<8>() {
        return u64::from_le_bytes(*eight).unbounded_shr(64 - above(count));
    }
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // These overlap, in bytes that are the same.
        (Some(first), Some(last)) => {
            let last = u64::from(u32::from_le_bytes(*last));
            u64::from(u32::from_le_bytes(*first)) | last.unbounded_shl(above(count) - 32)
        }
        _ => bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

impl Key {
    fn start(self) -> State {
        State(
            self.0 ^ 0x736f_6d65_7073_6575,
            self.1 ^ 0x646f_7261_6e64_6f6d,
            self.0 ^ 0x6c79_6765_6e65_7261,
            self.1 ^ 0x7465_6462_7974_6573,
        )
    }

    /// The hash of a name.
    #[inline(always)]
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        let mut state = self.start();
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            state.absorb(u64::from_le_bytes(*word));
        }
        state.finish((bytes.len() as u64) << 56 | last_bytes(bytes, rest.len()))
    }

    /// The hash of a uid or gid: that of its four bytes.
    pub(crate) fn hash_id(self, id: u32) -> u64 {
        self.start().finish(4 << 56 | u64::from(id))
    }

    /// The hash of a membership: of the link of the member's record and the gid.
    #[cfg(feature = "std")]
    pub(crate) fn hash_pair(self, member: u32, gid: u32) -> u64 {
        self.hash(&(u64::from(member) << 32 | u64::from(gid)).to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hasher;

    /// The standard library's (deprecated) SipHasher is 2-4, its default one 1-3 with a zero key.
    #[test]
    fn agrees_with_the_standard_library() {
        for length in 0..100_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            let mut expected = std::hash::DefaultHasher::new();
            expected.write(&bytes);
            assert_eq!(Key(0, 0).hash(&bytes), expected.finish(), "length {length}");
        }
    }

    #[test]
    fn a_number_hashes_as_its_bytes() {
        for id in [0, 1, 3000, 0x8000_0000, u32::MAX] {
            assert_eq!(Key(3, 4).hash_id(id), Key(3, 4).hash(&id.to_le_bytes()));
        }
    }

    #[test]
    fn depends_on_both_halves_of_the_key() {
        let hashes = [Key(0, 0), Key(1, 0), Key(0, 1)].map(|key| key.hash(b"alice"));
        assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2] && hashes[1] != hashes[2]);
    }
}
