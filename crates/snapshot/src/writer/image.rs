//! A file of the index while it is written: the operations that keep to the rules of
//! [`crate::layout`].

use std::sync::atomic::{AtomicU32, Ordering};

use super::error::WriteError;
use crate::hash::Key;
use crate::index::{Index, word_of};
use crate::layout::{self, Kind, Table, header, list, record};
use crate::words::Words;

/// The words of a file that this process alone writes.
pub(super) struct Image<'m> {
    words: &'m [AtomicU32],
    key: Key,
}

impl<'m> Image<'m> {
    /// Lays out header and empty bucket arrays in `words`, which are all zero.
    pub(super) fn format(
        words: &'m [AtomicU32],
        kind: Kind,
        tables: &[u32; layout::TABLES],
        generation: u64,
        key: [u32; 4],
    ) -> Result<Self, WriteError> {
        let half = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let image = Self { words, key: Key(half(key[0], key[1]), half(key[2], key[3])) };
        image.set(header::MAGIC, layout::MAGIC[0])?;
        image.set(header::MAGIC + 1, layout::MAGIC[1])?;
        image.set(header::VERSION, layout::VERSION)?;
        image.set(header::KIND, kind as u32)?;
        image.set(header::LENGTH, units(words.len())?)?;
        for (at, word) in key.into_iter().enumerate() {
            image.set(header::KEY + at, word)?;
        }
        image.set_u64(header::GENERATION, generation)?;
        let mut next = units(header::WORDS)?;
        for (table, log2) in tables.iter().enumerate() {
            image.set(header::TABLES + 2 * table, next)?;
            image.set(header::TABLES + 2 * table + 1, *log2)?;
            next += table_units(*log2);
        }
        image.set(header::AREA, next)?;
        image.set(header::USED, next)?;
        image.set(header::NEXT_SEQ, 1)?;
        let sum = layout::header_checksum(|at| Words::new(words).get(at));
        image.set(header::CHECKSUM, sum.ok_or(WriteError::TooLarge)?)?;
        Ok(image)
    }

    pub(super) fn index(&self) -> Index<'m> {
        Index::checked_before(Words::new(self.words))
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    fn word(&self, at: usize) -> Result<&'m AtomicU32, WriteError> {
        self.words.get(at).ok_or(WriteError::TooLarge)
    }

    pub(super) fn get(&self, at: usize) -> Result<u32, WriteError> {
        Ok(self.word(at)?.load(Ordering::Relaxed))
    }

    /// Writes a word that no reader can reach yet, or that readers ignore.
    pub(super) fn set(&self, at: usize, value: u32) -> Result<(), WriteError> {
        self.word(at)?.store(value, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn set_u64(&self, at: usize, value: u64) -> Result<(), WriteError> {
        self.set(at, value as u32)?;
        self.set(at + 1, (value >> 32) as u32)
    }

    /// Stores a link: everything written before is visible to whoever follows it.
    fn publish(&self, at: usize, link: u32) -> Result<(), WriteError> {
        self.word(at)?.store(link, Ordering::Release);
        Ok(())
    }

    /// Writes bytes that no reader can reach yet, from the word `at` on.
    pub(super) fn set_bytes(&self, at: usize, bytes: &[u8]) -> Result<(), WriteError> {
        for (offset, chunk) in bytes.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.set(at + offset, u32::from_ne_bytes(word))?;
        }
        Ok(())
    }

    /// Takes room for a record of `words` words from the reserved space and gives its link.
    pub(super) fn append(&self, tag: u32, words: usize) -> Result<u32, WriteError> {
        let link = self.get(header::USED)?;
        let length = units(words)?;
        let end = link.checked_add(length).ok_or(WriteError::TooLarge)?;
        if word_of(end) > self.words.len() {
            return Err(WriteError::TooLarge);
        }
        self.set(header::USED, end)?;
        let at = word_of(link);
        self.set(at + record::TAG, tag)?;
        self.set(at + record::UNITS, length)?;
        Ok(link)
    }

    /// The next sequence number.
    pub(super) fn next_seq(&self) -> Result<u32, WriteError> {
        let seq = self.get(header::NEXT_SEQ)?;
        self.set(header::NEXT_SEQ, seq.checked_add(1).ok_or(WriteError::TooLarge)?)?;
        Ok(seq)
    }

    /// Puts the record at `link` first into the chain of its bucket.
    pub(super) fn chain(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        link: u32,
    ) -> Result<(), WriteError> {
        let start = word_of(self.get(header::TABLES + 2 * table as usize)?);
        let log2 = self.get(header::TABLES + 2 * table as usize + 1)?;
        let bucket = start + (hash as usize & ((1 << log2) - 1));
        self.set(word_of(link) + next, self.get(bucket)?)?;
        self.publish(bucket, link)
    }

    /// Puts the record at `link` last into the list at the word `at`. `next` and `prev` are the words
    /// of a record that link it in this list.
    pub(super) fn enlist(
        &self,
        at: usize,
        next: usize,
        prev: usize,
        link: u32,
    ) -> Result<(), WriteError> {
        let tail = self.get(at + list::TAIL)?;
        let version = self.get(at + list::VERSION)?;
        self.publish(at + list::VERSION, version.wrapping_add(1))?;
        self.set(word_of(link) + prev, tail)?;
        let last = if tail == 0 { at + list::HEAD } else { word_of(tail) + next };
        self.publish(last, link)?;
        self.set(at + list::TAIL, link)?;
        self.set(at + list::COUNT, self.get(at + list::COUNT)?.wrapping_add(1))?;
        self.publish(at + list::VERSION, version.wrapping_add(2))
    }
}

/// Words as units of eight bytes, rounded up.
pub(super) fn units(words: usize) -> Result<u32, WriteError> {
    u32::try_from(words.div_ceil(2)).map_err(|_| WriteError::TooLarge)
}

/// Units of a bucket array of two to the power of `log2` buckets.
pub(super) fn table_units(log2: u32) -> u32 {
    (1 << log2 as usize) / 2
}
