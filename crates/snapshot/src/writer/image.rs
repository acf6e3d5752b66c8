//! A file of the index while it is written: the operations that keep to the rules of
//! [`crate::layout`].

use std::cell::RefCell;

use super::encode::Encoded;
use super::error::WriteError;
use crate::hash::Key;
use crate::index::{Index, word_of};
use crate::layout::{self, Kind, Table, header, list, record, tag};
use crate::sync::{AtomicU32, Ordering};
use crate::words::Words;

/// No table is smaller than two to this power.
const MIN_LOG2: u32 = 4;
/// A bucket chain that is longer than this is damaged.
const MAX_STEPS: usize = 1 << 20;

/// The words that change below a limit, for whoever copies the file meanwhile.
#[derive(Debug, Default)]
pub(super) struct Log(RefCell<Option<Changes>>);

#[derive(Debug)]
struct Changes {
    below: usize,
    words: Vec<usize>,
}

impl Log {
    /// From now on, notes changes of words before that one.
    pub(super) fn start(&self, below: usize) {
        *self.0.borrow_mut() = Some(Changes { below, words: Vec::new() });
    }

    /// The words that have changed since the start, each perhaps more than once.
    pub(super) fn stop(&self) -> Vec<usize> {
        self.0.borrow_mut().take().map_or_else(Vec::new, |changes| changes.words)
    }

    fn note(&self, at: usize) {
        if let Some(changes) = &mut *self.0.borrow_mut()
            && at < changes.below
        {
            changes.words.push(at);
        }
    }
}

/// How many records of each kind the tables are cut for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Users.
    pub users: usize,
    /// Groups, those of /etc/group that have members of ours included.
    pub groups: usize,
    /// Different names that are members of a group.
    pub members: usize,
    /// Memberships.
    pub memberships: usize,
}

impl Sizes {
    fn tables(&self, kind: Kind) -> Result<[u32; layout::TABLES], WriteError> {
        let users = log2_for(self.users)?;
        let groups = log2_for(self.groups)?;
        Ok(match kind {
            Kind::Index => {
                [users, users, groups, groups, log2_for(self.members)?, log2_for(self.memberships)?]
            }
            Kind::Shadow => [users, MIN_LOG2, MIN_LOG2, MIN_LOG2, MIN_LOG2, MIN_LOG2],
        })
    }

    /// Units of header and tables.
    pub(super) fn head(&self, kind: Kind) -> Result<u64, WriteError> {
        let tables = self.tables(kind)?;
        let tables: u64 = tables.iter().map(|log2| u64::from(table_units(*log2))).sum();
        Ok(header::WORDS as u64 / 2 + tables)
    }
}

/// The length of a table for `records` records: two to four buckets each.
fn log2_for(records: usize) -> Result<u32, WriteError> {
    let log2 = (2 * records).next_power_of_two().ilog2().max(MIN_LOG2);
    if log2 > layout::MAX_LOG2 { Err(WriteError::TooLarge) } else { Ok(log2) }
}

/// Units of a bucket array of two to the power of `log2` buckets.
fn table_units(log2: u32) -> u32 {
    (1 << log2 as usize) / 2
}

/// The words of a file that this process alone writes.
#[derive(Clone, Copy)]
pub(super) struct Image<'m> {
    words: &'m [AtomicU32],
    log: &'m Log,
    key: Key,
}

/// The words by which a list links its records.
#[derive(Clone, Copy)]
pub(super) struct Links {
    pub(super) next: usize,
    pub(super) prev: usize,
}

impl<'m> Image<'m> {
    /// Lays out header and empty bucket arrays in `words`, which are all zero.
    pub(super) fn format(
        words: &'m [AtomicU32],
        log: &'m Log,
        kind: Kind,
        sizes: &Sizes,
        key: [u32; 4],
    ) -> Result<Self, WriteError> {
        let image = Self { words, log, key: key_of(key) };
        image.set(header::MAGIC, layout::MAGIC[0])?;
        image.set(header::MAGIC + 1, layout::MAGIC[1])?;
        image.set(header::VERSION, layout::VERSION)?;
        image.set(header::KIND, kind as u32)?;
        for (at, word) in key.into_iter().enumerate() {
            image.set(header::KEY + at, word)?;
        }
        let mut next = (header::WORDS / 2) as u32;
        for (table, log2) in sizes.tables(kind)?.into_iter().enumerate() {
            image.set(header::TABLES + 2 * table, next)?;
            image.set(header::TABLES + 2 * table + 1, log2)?;
            next += table_units(log2);
        }
        image.set(header::AREA, next)?;
        image.set(header::USED, next)?;
        image.set(header::NEXT_SEQ, 1)?;
        Ok(image)
    }

    /// An image that was laid out before.
    pub(super) fn open(words: &'m [AtomicU32], log: &'m Log) -> Result<Self, WriteError> {
        let mut image = Self { words, log, key: Key(0, 0) };
        let at = |word| image.get(header::KEY + word);
        image.key = key_of([at(0)?, at(1)?, at(2)?, at(3)?]);
        Ok(image)
    }

    /// Gives the header its length and checksum: it is complete. `length` is in words.
    pub(super) fn seal(&self, length: usize) -> Result<(), WriteError> {
        self.set(header::LENGTH, units(length)?)?;
        let sum = layout::header_checksum(|at| Words::new(self.words).get(at));
        self.set(header::CHECKSUM, sum.ok_or(WriteError::TooLarge)?)
    }

    pub(super) fn set_generation(&self, generation: u64) -> Result<(), WriteError> {
        self.set(header::GENERATION + 1, (generation >> 32) as u32)?;
        self.set(header::GENERATION, generation as u32)
    }

    pub(super) fn index(&self) -> Index<'m> {
        Index::checked_before(Words::new(self.words))
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    fn word(&self, at: usize) -> Result<&'m AtomicU32, WriteError> {
        // Not ok_or, whose error is made, and dropped, for each word of a million records.
        match self.words.get(at) {
            Some(word) => Ok(word),
            None => Err(WriteError::TooLarge),
        }
    }

    pub(super) fn get(&self, at: usize) -> Result<u32, WriteError> {
        Ok(self.word(at)?.load(Ordering::Relaxed))
    }

    /// Writes a word that no reader can reach yet, or that readers ignore.
    pub(super) fn set(&self, at: usize, value: u32) -> Result<(), WriteError> {
        self.log.note(at);
        self.word(at)?.store(value, Ordering::Relaxed);
        Ok(())
    }

    /// Stores a link: everything written before is visible to whoever follows it.
    pub(super) fn publish(&self, at: usize, link: u32) -> Result<(), WriteError> {
        self.log.note(at);
        self.word(at)?.store(link, Ordering::Release);
        Ok(())
    }

    /// Units that are not taken yet.
    pub(super) fn free(&self) -> Result<u64, WriteError> {
        let used = u64::from(self.get(header::USED)?);
        Ok((self.words.len() as u64 / 2).saturating_sub(used))
    }

    fn take(&self, units: u64) -> Result<u32, WriteError> {
        let link = self.get(header::USED)?;
        if units > self.free()? {
            return Err(WriteError::TooLarge);
        }
        let end = u64::from(link) + units;
        self.set(header::USED, u32::try_from(end).map_err(|_| WriteError::TooLarge)?)?;
        Ok(link)
    }

    /// Puts a record into the reserved space and gives its link. Nobody can reach it yet.
    pub(super) fn append(&self, record: &Encoded) -> Result<u32, WriteError> {
        let link = self.take(record.units())?;
        for (offset, word) in record.words().iter().enumerate() {
            self.set(word_of(link) + offset, *word)?;
        }
        Ok(link)
    }

    /// Takes room for an empty list of members; gives the link of the list in it.
    pub(super) fn append_anchor(&self) -> Result<u32, WriteError> {
        let length = (layout::anchor::WORDS / 2) as u32;
        let link = self.take(u64::from(length))?;
        self.set(word_of(link) + record::TAG, tag::ANCHOR)?;
        self.set(word_of(link) + record::UNITS, length)?;
        Ok(link + (layout::anchor::LIST / 2) as u32)
    }

    /// The next sequence number.
    pub(super) fn next_seq(&self) -> Result<u32, WriteError> {
        let seq = self.get(header::NEXT_SEQ)?;
        self.set(header::NEXT_SEQ, seq.checked_add(1).ok_or(WriteError::TooLarge)?)?;
        Ok(seq)
    }

    /// Counts units that a record leaves behind.
    pub(super) fn bury(&self, link: u32) -> Result<(), WriteError> {
        let units = self.get(word_of(link) + record::UNITS)?;
        self.count(header::DEAD, |dead| dead.saturating_add(units))
    }

    /// Changes a number of the writer's.
    pub(super) fn count(&self, at: usize, to: impl Fn(u32) -> u32) -> Result<(), WriteError> {
        self.set(at, to(self.get(at)?))
    }

    /// The head of the bucket for `hash`.
    fn bucket(&self, table: Table, hash: u64) -> Result<usize, WriteError> {
        let start = word_of(self.get(header::TABLES + 2 * table as usize)?);
        let log2 = self.get(header::TABLES + 2 * table as usize + 1)?;
        Ok(start + (hash as usize & ((1 << log2) - 1)))
    }

    /// How many buckets a table has.
    pub(super) fn buckets(&self, table: Table) -> Result<u64, WriteError> {
        Ok(1 << self.get(header::TABLES + 2 * table as usize + 1)?)
    }

    /// The first record in the bucket for `hash` of which `is` says yes, by its first word.
    pub(super) fn find(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        is: impl Fn(usize) -> Result<bool, WriteError>,
    ) -> Result<Option<u32>, WriteError> {
        let mut link = self.get(self.bucket(table, hash)?)?;
        for _ in 0..MAX_STEPS {
            if link == 0 {
                return Ok(None);
            }
            if is(word_of(link))? {
                return Ok(Some(link));
            }
            link = self.get(word_of(link) + next)?;
        }
        Err(WriteError::Damaged)
    }

    /// Puts the record at `link` first into the chain of its bucket.
    pub(super) fn chain(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        link: u32,
    ) -> Result<(), WriteError> {
        let bucket = self.bucket(table, hash)?;
        self.set(word_of(link) + next, self.get(bucket)?)?;
        self.publish(bucket, link)
    }

    /// The word that leads to the record at `link` in the chain of its bucket.
    fn leading_to(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        link: u32,
    ) -> Result<usize, WriteError> {
        let mut from = self.bucket(table, hash)?;
        for _ in 0..MAX_STEPS {
            match self.get(from)? {
                0 => break,
                found if found == link => return Ok(from),
                other => from = word_of(other) + next,
            }
        }
        Err(WriteError::Damaged)
    }

    /// Takes the record at `link` out of the chain of its bucket.
    pub(super) fn unchain(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        link: u32,
    ) -> Result<(), WriteError> {
        let from = self.leading_to(table, hash, next, link)?;
        self.publish(from, self.get(word_of(link) + next)?)
    }

    /// Puts the record `new` into the place of `old` in the chain of their bucket.
    pub(super) fn rechain(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        old: u32,
        new: u32,
    ) -> Result<(), WriteError> {
        let from = self.leading_to(table, hash, next, old)?;
        self.set(word_of(new) + next, self.get(word_of(old) + next)?)?;
        self.publish(from, new)
    }

    /// Changes the list at the word `at`, with its version odd meanwhile.
    fn change_list(
        &self,
        at: usize,
        change: impl FnOnce() -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let version = self.get(at + list::VERSION)?;
        self.publish(at + list::VERSION, version.wrapping_add(1))?;
        let changed = change();
        self.publish(at + list::VERSION, version.wrapping_add(2))?;
        changed
    }

    /// The word that leads to what comes after the record `link`, 0 being the list's own.
    fn after(at: usize, links: Links, link: u32) -> usize {
        if link == 0 { at + list::HEAD } else { word_of(link) + links.next }
    }

    /// Notes that `link` comes before the record `of`, 0 being the end of the list.
    fn set_before(&self, at: usize, links: Links, of: u32, link: u32) -> Result<(), WriteError> {
        let word = if of == 0 { at + list::TAIL } else { word_of(of) + links.prev };
        self.set(word, link)
    }

    /// Puts the record at `link` last into the list at the word `at`.
    pub(super) fn enlist(&self, at: usize, links: Links, link: u32) -> Result<(), WriteError> {
        self.change_list(at, || {
            let tail = self.get(at + list::TAIL)?;
            self.set(word_of(link) + links.prev, tail)?;
            self.publish(Self::after(at, links, tail), link)?;
            self.set(at + list::TAIL, link)?;
            self.count(at + list::COUNT, |count| count.wrapping_add(1))
        })
    }

    /// Takes the record at `link` out of the list at the word `at`.
    pub(super) fn unlist(&self, at: usize, links: Links, link: u32) -> Result<(), WriteError> {
        self.change_list(at, || {
            let before = self.get(word_of(link) + links.prev)?;
            let after = self.get(word_of(link) + links.next)?;
            self.publish(Self::after(at, links, before), after)?;
            self.set_before(at, links, after, before)?;
            self.count(at + list::COUNT, |count| count.wrapping_sub(1))
        })
    }

    /// Puts the record `new` into the place of `old` in the list at the word `at`.
    pub(super) fn relist(
        &self,
        at: usize,
        links: Links,
        old: u32,
        new: u32,
    ) -> Result<(), WriteError> {
        self.change_list(at, || {
            let before = self.get(word_of(old) + links.prev)?;
            let after = self.get(word_of(old) + links.next)?;
            self.set(word_of(new) + links.prev, before)?;
            self.set(word_of(new) + links.next, after)?;
            self.publish(Self::after(at, links, before), new)?;
            self.set_before(at, links, after, new)
        })
    }
}

fn key_of(key: [u32; 4]) -> Key {
    let half = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    Key(half(key[0], key[1]), half(key[2], key[3]))
}

/// Words as units of eight bytes, rounded up.
pub(super) fn units(words: usize) -> Result<u32, WriteError> {
    u32::try_from(words.div_ceil(2)).map_err(|_| WriteError::TooLarge)
}
