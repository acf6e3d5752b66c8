//! A walk through everything that the reader of the account index offers, over bytes that nobody
//! vouches for. It panics where an answer contradicts itself and where something does not end.
//!
//! The fuzz target and the tests of the committed corpus share this file. An input is a question of
//! [`QUESTION`] bytes, then the image of a file:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | bit 0: a shadow file; bit 1: leave the header as it is |
//! | 1 | length of the name that is asked for |
//! | 2..4 | nothing |
//! | 4..8 | the number that is asked for |
//! | 8..32 | the name that is asked for |

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use snapshot::layout::{self, header};
use snapshot::{GroupRef, Index, Kind, ShadowRef, UserRef, Words};

/// Length of the question before the image.
pub const QUESTION: usize = 32;
/// Question: the image is that of a shadow file.
pub const SHADOW: u8 = 1;
/// Question: the header is not made to fit.
pub const RAW: u8 = 2;

/// Lists of lists are walked this far, so that a walk takes time in proportion to the file.
const NESTED: usize = 32;

/// Walks through one input. `false` if its header was refused.
pub fn input(bytes: &[u8]) -> bool {
    let Some((question, image)) = bytes.split_first_chunk::<QUESTION>() else { return false };
    let kind = if question[0] & SHADOW == 0 { Kind::Index } else { Kind::Shadow };
    let length = usize::from(question[1]) % (QUESTION - 8 + 1);
    let id = u32::from_le_bytes([question[4], question[5], question[6], question[7]]);
    let words: Vec<AtomicU32> = image
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| AtomicU32::new(u32::from_ne_bytes(*word)))
        .collect();
    if question[0] & RAW == 0 {
        mend(&words, kind);
    }
    // An allocation of exactly this length, so that a sanitizer sees a read behind it.
    let words = words.into_boxed_slice();
    let Some(index) = Index::new(Words::new(&words), kind) else { return false };
    Walk { index, units: words.len() / 2 }.everything(&question[8..8 + length], id);
    true
}

/// Makes the constant words of the header fit, so that the rest is read at all.
pub fn mend(words: &[AtomicU32], kind: Kind) {
    if words.len() < header::WORDS {
        return;
    }
    for (at, value) in [
        (header::MAGIC, layout::MAGIC[0]),
        (header::MAGIC + 1, layout::MAGIC[1]),
        (header::VERSION, layout::VERSION),
        (header::KIND, kind as u32),
        (header::LENGTH, (words.len() / 2) as u32),
    ] {
        words[at].store(value, Relaxed);
    }
    let sum = layout::header_checksum(|at| Some(words.get(at)?.load(Relaxed)));
    words[header::CHECKSUM].store(sum.unwrap_or(0), Relaxed);
}

/// An index and the number of places in it where a record can stand.
struct Walk<'m> {
    index: Index<'m>,
    units: usize,
}

impl<'m> Walk<'m> {
    fn everything(&self, name: &[u8], id: u32) {
        black_box((self.index.superseded(), self.index.generation()));
        self.ask(name, id);
        let first = self.index.users().next();
        if let Some(user) = first {
            self.ask(user.name(), user.uid());
        }
        if let Some(group) = self.index.groups().next() {
            self.ask(group.name(), group.gid());
        }
        for name in [&b""[..], b"alice", &[b'x'; layout::MAX_NAME + 1]] {
            self.ask(name, 0);
        }
        self.enumerate();
    }

    /// Every lookup.
    fn ask(&self, name: &[u8], id: u32) {
        if let Some(user) = self.index.user_by_name(name) {
            assert_eq!(user.name(), name);
            self.user(&user);
        }
        if let Some(user) = self.index.user_by_uid(id) {
            assert_eq!(user.uid(), id);
            self.user(&user);
        }
        if let Some(group) = self.index.group_by_name(name) {
            assert_eq!(group.name(), name);
            self.group(&group, true);
        }
        if let Some(group) = self.index.group_by_gid(id) {
            assert_eq!(group.gid(), id);
            self.group(&group, true);
        }
        if let Some(shadow) = self.index.shadow_by_name(name) {
            assert_eq!(shadow.name(), name);
            self.shadow(&shadow);
        }
        if let Some(groups) = self.index.groups_of(name) {
            black_box(groups.version());
            for gid in self.bounded(groups) {
                assert!(gid <= layout::MAX_ID);
            }
        }
    }

    /// Every enumeration, by iterators and by positions.
    fn enumerate(&self) {
        for user in self.bounded(self.index.users()) {
            self.user(&user);
        }
        for (at, group) in self.bounded(self.index.groups()).enumerate() {
            self.group(&group, at < NESTED);
        }
        for shadow in self.bounded(self.index.shadows()) {
            self.shadow(&shadow);
        }
        // A position is the caller's: any is taken.
        for position in [1, 7, self.units as u32, u32::MAX] {
            black_box(self.index.user_after(position).map(|user| user.position()));
            black_box(self.index.group_after(position).map(|group| group.position()));
            black_box(self.index.shadow_after(position).map(|shadow| shadow.position()));
        }
    }

    fn user(&self, user: &UserRef<'m>) {
        assert!(0 < user.uid() && user.uid() <= layout::MAX_ID);
        assert!(!user.name().is_empty());
        // What is copied to a caller in one piece is what the four strings are.
        let parts = [user.name(), user.gecos(), user.home(), user.shell()];
        let whole: Vec<u8> =
            parts.iter().flat_map(|part| part.iter().copied().chain([0])).collect();
        assert_eq!(user.strings(), whole);
        assert!(!(user.locked() && user.is_active(0)));
        black_box((user.gid(), user.flags(), user.expires_at(), user.position()));
        for key in self.bounded(user.keys()) {
            self.touch(key.line);
            black_box(key.expires_at);
        }
    }

    fn group(&self, group: &GroupRef<'m>, deep: bool) {
        assert!(group.gid() <= layout::MAX_ID && !group.name().is_empty());
        self.touch(group.name());
        black_box((group.is_external(), group.members_version(), group.position()));
        if deep {
            for member in self.bounded(group.members()) {
                assert!(!member.is_empty() && member.len() <= layout::MAX_NAME);
                self.touch(member);
            }
        }
    }

    fn shadow(&self, shadow: &ShadowRef<'m>) {
        assert!(!shadow.name().is_empty());
        self.touch(shadow.name());
        black_box((shadow.locked(), shadow.last_change(), shadow.min(), shadow.max()));
        black_box((shadow.warn(), shadow.inactive(), shadow.expire(), shadow.position()));
    }

    /// Reads every byte, as a caller would.
    fn touch(&self, bytes: &[u8]) {
        black_box(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    }

    /// The items of a list, which cannot be more than there are places: otherwise it is a loop.
    fn bounded<I: Iterator>(&self, items: I) -> impl Iterator<Item = I::Item> {
        let most = self.units;
        items.enumerate().map(move |(at, item)| {
            assert!(at < most, "a list without end");
            item
        })
    }
}
