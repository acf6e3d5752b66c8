//! A file's content as the reader sees it: words that may change, checked on every access.

#![allow(unsafe_code)]

use crate::layout::header;
use crate::sync::{AtomicU32, Ordering};

/// The content of a file.
///
/// All words are atomics because some of them change while they are read (see [`crate::layout`]);
/// on every machine we run on, reading one costs what a plain load costs.
#[derive(Clone, Copy)]
pub struct Words<'m>(&'m [AtomicU32]);

impl<'m> Words<'m> {
    /// A view of `words`. The caller promises nothing: any content is read safely.
    #[must_use]
    pub fn new(words: &'m [AtomicU32]) -> Self {
        Self(words)
    }

    /// Length in words.
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    /// A word that is constant once it has been reached through a link.
    #[inline(always)]
    pub(crate) fn get(self, at: usize) -> Option<u32> {
        Some(self.0.get(at)?.load(Ordering::Relaxed))
    }

    /// `N` words in a row, all checked at once.
    #[inline(always)]
    pub(crate) fn span<const N: usize>(self, at: usize) -> Option<Span<'m, N>> {
        Some(Span(self.0.get(at..)?.first_chunk::<N>()?))
    }

    /// A word that may change: a link, a version, a mark. What it leads to is visible after it.
    #[inline(always)]
    pub(crate) fn link(self, at: usize) -> Option<u32> {
        Some(self.0.get(at)?.load(Ordering::Acquire))
    }

    /// Two words as one signed number, low word first.
    pub(crate) fn get_i64(self, at: usize) -> Option<i64> {
        let low = u64::from(self.get(at)?);
        let high = u64::from(self.get(at.checked_add(1)?)?);
        Some((high << 32 | low) as i64)
    }

    /// Whether the writer has marked this file as replaced.
    #[inline(always)]
    pub(crate) fn superseded(self) -> bool {
        self.link(header::SUPERSEDED) != Some(0)
    }

    /// The same in the model, where words are no plain memory. Relaxed: what keeps these bytes from being
    /// read before they were written is the link that led here, and the model shows it if not.
    #[cfg(loom)]
    pub(crate) fn bytes(self, at: usize, length: usize) -> Option<&'m [u8]> {
        let end = at.checked_add(length.div_ceil(4))?;
        let words = self.0.get(at..end)?;
        let load = |word: &AtomicU32| word.load(Ordering::Relaxed).to_ne_bytes();
        let bytes: Vec<u8> = words.iter().flat_map(load).take(length).collect();
        Some(bytes.leak())
    }

    /// `length` bytes from the word `at` on, inside of a published record.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn bytes(self, at: usize, length: usize) -> Option<&'m [u8]> {
        let end = at.checked_add(length.div_ceil(4))?;
        let words = self.0.get(at..end)?;
        // SAFETY: `words` spans at least `length` bytes of memory that lives for 'm and is
        // initialised. Bytes of a published record are never written again (the layout's rule; links,
        // which are, lie outside of the strings), so a plain shared slice may refer to them. If a
        // damaged file leads here with a range that covers links, those are constant too unless the
        // writer is changing that very file, which then is not damaged.
        Some(unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), length) })
    }
}

/// Words in a row, inside of the file. Their number is known when this is compiled, so that reading
/// one of them at a constant place costs no check.
#[derive(Clone, Copy)]
pub(crate) struct Span<'m, const N: usize>(&'m [AtomicU32; N]);

impl<const N: usize> Span<'_, N> {
    /// As [`Words::get`].
    #[inline(always)]
    pub(crate) fn get(self, at: usize) -> Option<u32> {
        Some(self.0.get(at)?.load(Ordering::Relaxed))
    }

    /// As [`Words::link`].
    #[inline(always)]
    pub(crate) fn link(self, at: usize) -> Option<u32> {
        Some(self.0.get(at)?.load(Ordering::Acquire))
    }

    /// Two words as one number, low word first.
    #[inline(always)]
    pub(crate) fn get_u64(self, at: usize) -> Option<u64> {
        Some(u64::from(self.get(at + 1)?) << 32 | u64::from(self.get(at)?))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let content: Vec<AtomicU32> = (0..4).map(AtomicU32::new).collect();
        let words = Words::new(&content);
        assert_eq!(words.get(3), Some(3));
        assert_eq!(words.get(4), None);
        assert_eq!(words.link(usize::MAX), None);
        assert_eq!(words.get_i64(3), None);
        assert_eq!(words.span::<3>(1).and_then(|span| span.get(2)), Some(3));
        assert_eq!(words.span::<3>(1).and_then(|span| span.link(3)), None);
        assert!(words.span::<4>(0).is_some());
        assert!(words.span::<4>(1).is_none());
        assert!(words.span::<1>(4).is_none());
        assert!(words.span::<1>(usize::MAX).is_none());
        assert_eq!(words.bytes(0, 16).map(<[u8]>::len), Some(16));
        assert_eq!(words.bytes(0, 17), None);
        assert_eq!(words.bytes(3, 5), None);
        assert_eq!(words.bytes(usize::MAX, 1), None);
        assert_eq!(words.bytes(1, usize::MAX), None);
        assert_eq!(words.bytes(4, 0), Some(&[][..]));
    }

    #[test]
    fn a_file_without_a_mark_word_counts_as_superseded() {
        assert!(Words::new(&[]).superseded());
    }
}
