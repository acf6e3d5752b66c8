//! Users and their public keys.

use super::{open, terminated};
use crate::layout::{self, key, record, tag, user};
use crate::words::Words;

/// Cuts a string of `length` bytes and its NUL off the front of `bytes`.
#[inline(always)]
fn cut<'m>(bytes: &mut &'m [u8], length: usize) -> Option<&'m [u8]> {
    let (string, rest) = bytes.split_at_checked(length)?;
    let (nul, rest) = rest.split_first()?;
    *bytes = rest;
    (*nul == 0).then_some(string)
}

/// A user, as `struct passwd` has it, and what logins need to know.
#[derive(Clone, Copy)]
pub struct UserRef<'m> {
    words: Words<'m>,
    at: usize,
    end: usize,
    link: u32,
    seq: u32,
    uid: u32,
    strings: &'m [u8],
    name: &'m [u8],
    gecos: &'m [u8],
    home: &'m [u8],
    shell: &'m [u8],
}

impl<'m> UserRef<'m> {
    #[inline(always)]
    pub(crate) fn parse(words: Words<'m>, link: u32) -> Option<Self> {
        let (at, end) = open(words, link, tag::USER)?;
        let uid = words.get(at.checked_add(record::ID)?)?;
        if uid == 0 || uid > layout::MAX_ID {
            return None;
        }
        let first = words.get(at.checked_add(user::NAME_GECOS)?)?;
        let second = words.get(at.checked_add(user::HOME_SHELL)?)?;
        let [name, gecos, home, shell] =
            [first & 0xffff, first >> 16, second & 0xffff, second >> 16]
                .map(|length| length as usize);
        // Cannot overflow: four 16-bit numbers.
        let total = name + gecos + home + shell + 4;
        let start = at.checked_add(user::STRINGS)?;
        let strings = words.bytes(start, total)?;
        if name == 0 || start.checked_add(total.div_ceil(4))? > end {
            return None;
        }
        let mut rest = strings;
        Some(Self {
            words,
            at,
            end,
            link,
            seq: words.get(at.checked_add(record::SEQ)?)?,
            uid,
            strings,
            name: cut(&mut rest, name)?,
            gecos: cut(&mut rest, gecos)?,
            home: cut(&mut rest, home)?,
            shell: cut(&mut rest, shell)?,
        })
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
    #[must_use]
    pub fn name(&self) -> &'m [u8] {
        self.name
    }

    /// User number, never 0 and at most 2³¹ − 1.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Number of the primary group.
    #[must_use]
    pub fn gid(&self) -> u32 {
        // The record was checked to be longer; the fallback is nobody's group, never root's.
        self.words.get(self.at.wrapping_add(user::GID)).unwrap_or(u32::MAX)
    }

    /// Full name and its companions, comma-separated.
    #[must_use]
    pub fn gecos(&self) -> &'m [u8] {
        self.gecos
    }

    /// Home directory.
    #[must_use]
    pub fn home(&self) -> &'m [u8] {
        self.home
    }

    /// Login shell.
    #[must_use]
    pub fn shell(&self) -> &'m [u8] {
        self.shell
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
