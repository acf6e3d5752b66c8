//! Shadow records.

use super::{open, terminated};
use crate::layout::{self, record, shadow, tag};
use crate::words::Words;

/// A shadow record, as `struct spwd` has it, without any hash.
#[derive(Clone, Copy)]
pub struct ShadowRef<'m> {
    words: Words<'m>,
    at: usize,
    link: u32,
    seq: u32,
    name: &'m [u8],
}

impl<'m> ShadowRef<'m> {
    pub(crate) fn parse(words: Words<'m>, link: u32) -> Option<Self> {
        let (at, end) = open(words, link, tag::SHADOW)?;
        let length = words.get(at.checked_add(shadow::NAME_LENGTH)?)? as usize;
        if length == 0 || length > layout::MAX_NAME {
            return None;
        }
        let name = terminated(words, at.checked_add(shadow::NAME)?, end, length)?;
        let seq = words.get(at.checked_add(record::SEQ)?)?;
        Some(Self { words, at, link, seq, name })
    }

    /// Where the record stands: the cursor of [`Index::shadow_after`](crate::Index::shadow_after).
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

    /// Whether the account is locked. An unreadable word counts as locked.
    #[must_use]
    pub fn locked(&self) -> bool {
        let flags = self.words.get(self.at.wrapping_add(record::FLAGS));
        flags.unwrap_or(shadow::LOCKED) & shadow::LOCKED != 0
    }

    fn days(&self, which: usize) -> i64 {
        self.words.get_i64(self.at.wrapping_add(shadow::DAYS).wrapping_add(2 * which)).unwrap_or(-1)
    }

    /// Day of the last password change since 1970-01-01, −1 for none.
    #[must_use]
    pub fn last_change(&self) -> i64 {
        self.days(0)
    }

    /// Days before which the password may not be changed again, −1 for none.
    #[must_use]
    pub fn min(&self) -> i64 {
        self.days(1)
    }

    /// Days after which the password must be changed, −1 for none.
    #[must_use]
    pub fn max(&self) -> i64 {
        self.days(2)
    }

    /// Days of warning before that, −1 for none.
    #[must_use]
    pub fn warn(&self) -> i64 {
        self.days(3)
    }

    /// Days after that in which the password still works, −1 for none.
    #[must_use]
    pub fn inactive(&self) -> i64 {
        self.days(4)
    }

    /// Day on which the account expires since 1970-01-01, −1 for none.
    #[must_use]
    pub fn expire(&self) -> i64 {
        self.days(5)
    }
}
