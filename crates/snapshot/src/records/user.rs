//! Users and their public keys.

use super::terminated;
use crate::index::word_of;
use crate::layout::{self, key, record, tag, user};
use crate::words::Words;

/// A user, as `struct passwd` has it, and what logins need to know.
#[derive(Clone, Copy)]
pub struct UserRef<'m> {
    words: Words<'m>,
    at: usize,
    end: usize,
    link: u32,
    seq: u32,
    uid: u32,
    gid: u32,
    strings: &'m [u8],
    /// Where the NULs behind name, gecos and home are in there; that behind shell is the last byte.
    nuls: [usize; 3],
}

impl<'m> UserRef<'m> {
    #[inline(always)]
    pub(crate) fn parse(words: Words<'m>, link: u32) -> Option<Self> {
        let at = word_of(link);
        let head = words.span::<{ user::STRINGS }>(at)?;
        let uid = head.get(record::ID)?;
        if link == 0 || head.get(record::TAG)? != tag::USER || uid == 0 || uid > layout::MAX_ID {
            return None;
        }
        let end = at.checked_add(word_of(head.get(record::UNITS)?))?;
        let (first, second) = (head.get(user::NAME_GECOS)?, head.get(user::HOME_SHELL)?);
        let [name, gecos, home, shell] =
            [first & 0xffff, first >> 16, second & 0xffff, second >> 16]
                .map(|length| length as usize);
        // None of these can overflow: four 16-bit numbers.
        let nuls = [name, name + gecos + 1, name + gecos + home + 2];
        let last = name + gecos + home + shell + 3;
        // Nor this: the record's first words are inside of the file.
        let start = at.wrapping_add(user::STRINGS);
        let strings = words.bytes(start, last + 1)?;
        if name == 0 || end > words.len() || start.checked_add((last + 1).div_ceil(4))? > end {
            return None;
        }
        let [one, two, three] = nuls;
        let others = *strings.get(one)? | *strings.get(two)? | *strings.get(three)?;
        if others | *strings.get(last)? != 0 {
            return None;
        }
        let (seq, gid) = (head.get(record::SEQ)?, head.get(user::GID)?);
        Some(Self { words, at, end, link, seq, uid, gid, strings, nuls })
    }

    /// The string between two places in the strings.
    #[inline(always)]
    fn string(&self, from: usize, to: usize) -> &'m [u8] {
        // Always inside: `parse` has found a NUL at each of these places.
        self.strings.get(from..to).unwrap_or(&[])
    }

    /// Where the record stands: the cursor of [`Index::user_after`](crate::Index::user_after).
    #[must_use]
    pub fn position(&self) -> u32 {
        self.link
    }

    pub(crate) fn seq(&self) -> u32 {
        self.seq
    }

    /// Login name.
    #[inline]
    #[must_use]
    pub fn name(&self) -> &'m [u8] {
        self.string(0, self.nuls[0])
    }

    /// User number, never 0 and at most 2³¹ − 1.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Number of the primary group.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Full name and its companions, comma-separated.
    #[inline]
    #[must_use]
    pub fn gecos(&self) -> &'m [u8] {
        self.string(self.nuls[0] + 1, self.nuls[1])
    }

    /// Home directory.
    #[inline]
    #[must_use]
    pub fn home(&self) -> &'m [u8] {
        self.string(self.nuls[1] + 1, self.nuls[2])
    }

    /// Login shell.
    #[inline]
    #[must_use]
    pub fn shell(&self) -> &'m [u8] {
        self.string(self.nuls[2] + 1, self.strings.len().wrapping_sub(1))
    }

    /// Name, gecos, home and shell in one piece, each with its NUL.
    #[must_use]
    pub fn strings(&self) -> &'m [u8] {
        self.strings
    }

    /// The bits [`layout::user::LOCKED`] and [`layout::user::HAS_EXPIRY`]. An unreadable word
    /// counts as locked.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.words.get(self.at.wrapping_add(record::FLAGS)).unwrap_or(user::LOCKED)
    }

    /// Whether the account is locked or disabled: no login of any kind.
    #[must_use]
    pub fn locked(&self) -> bool {
        self.flags() & user::LOCKED != 0
    }

    /// When the account expires, in unix seconds; at this second it has expired.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        if self.flags() & user::HAS_EXPIRY == 0 {
            return None;
        }
        // An unreadable date counts as long past.
        Some(self.words.get_i64(self.at.wrapping_add(user::EXPIRES)).unwrap_or(i64::MIN))
    }

    /// Whether the account may log in at `now`, in unix seconds: neither locked nor expired.
    #[must_use]
    pub fn is_active(&self, now: i64) -> bool {
        !self.locked() && self.expires_at().is_none_or(|expiry| now < expiry)
    }

    /// The public keys.
    #[must_use]
    pub fn keys(&self) -> Keys<'m> {
        let after = self.strings.len().div_ceil(8).wrapping_mul(2);
        Keys {
            words: self.words,
            at: self.at.wrapping_add(user::STRINGS).wrapping_add(after),
            end: self.end,
            left: self.words.get(self.at.wrapping_add(user::KEYS)).unwrap_or(0),
        }
    }
}

/// A public key of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef<'m> {
    /// The line as sshd(8) reads it: type, key, comment.
    pub line: &'m [u8],
    /// When the key expires, in unix seconds.
    pub expires_at: Option<i64>,
}

/// Iterator over the keys of a user; ends early where the file is damaged.
#[derive(Clone)]
pub struct Keys<'m> {
    words: Words<'m>,
    at: usize,
    end: usize,
    left: u32,
}

impl<'m> Iterator for Keys<'m> {
    type Item = KeyRef<'m>;

    fn next(&mut self) -> Option<KeyRef<'m>> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        let flags = self.words.get(at.checked_add(key::FLAGS)?)?;
        let expires = self.words.get_i64(at.checked_add(key::EXPIRES)?)?;
        let length = self.words.get(at.checked_add(key::LENGTH)?)? as usize;
        let start = at.checked_add(key::LINE)?;
        let line = terminated(self.words, start, self.end, length)?;
        self.at = start.checked_add(length.checked_add(1)?.div_ceil(8).checked_mul(2)?)?;
        Some(KeyRef { line, expires_at: (flags & key::HAS_EXPIRY != 0).then_some(expires) })
    }
}
