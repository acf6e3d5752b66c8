//! The records of the index, each parsed once with every length checked.

mod group;
mod shadow;
mod user;

pub use group::{GroupRef, Members};
pub use shadow::ShadowRef;
pub use user::{KeyRef, Keys, UserRef};

use crate::index::word_of;
use crate::layout::record;
use crate::words::Words;

/// Checks that a record of `tag` stands at `link`; gives its first word and the word after its last.
#[inline(always)]
pub(crate) fn open(words: Words<'_>, link: u32, tag: u32) -> Option<(usize, usize)> {
    if link == 0 {
        return None;
    }
    let at = word_of(link);
    if words.get(at.checked_add(record::TAG)?)? != tag {
        return None;
    }
    let length = word_of(words.get(at.checked_add(record::UNITS)?)?);
    let end = at.checked_add(length)?;
    (end <= words.len()).then_some((at, end))
}

/// `length` bytes and the NUL after them, from the word `at` on and before the word `end`.
#[inline(always)]
fn terminated<'m>(words: Words<'m>, at: usize, end: usize, length: usize) -> Option<&'m [u8]> {
    let with_nul = words.bytes(at, length.checked_add(1)?)?;
    if at.checked_add(with_nul.len().div_ceil(4))? > end {
        return None;
    }
    let (last, string) = with_nul.split_last()?;
    (*last == 0).then_some(string)
}

/// The sequence number at the word `seq` of the record `at`, if it is above the one `before` it.
#[inline(always)]
pub(crate) fn increasing(
    words: Words<'_>,
    at: usize,
    seq: usize,
    before: Option<u32>,
) -> Option<u32> {
    let this = words.get(at.checked_add(seq)?)?;
    before.is_none_or(|before| before < this).then_some(this)
}
