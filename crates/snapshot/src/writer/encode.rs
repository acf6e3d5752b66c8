//! Records as words, before they have a place. Links, anchors and sequence numbers are still zero.

use super::contents::UserEntry;
use super::error::WriteError;
use super::image::Image;
use crate::hash::Key;
use crate::index::word_of;
use crate::layout::{edge, group, key, member, record, shadow, tag, user};

/// The words of one record, a whole number of units.
pub(super) struct Encoded {
    words: Vec<u32>,
}

/// Words that say where a record stands, not what it says.
const OF_PLACE: [usize; 5] =
    [record::NAME_NEXT, record::ID_NEXT, record::ORDER_NEXT, record::ORDER_PREV, record::SEQ];

impl Encoded {
    fn new(tag: u32, head: usize, body: usize) -> Self {
        let mut words = Vec::with_capacity((head + body).next_multiple_of(2));
        words.resize(head, 0);
        words[record::TAG] = tag;
        Self { words }
    }

    fn put(&mut self, at: usize, value: u32) {
        self.words[at] = value;
    }

    fn put_u64(&mut self, at: usize, value: u64) {
        self.put(at, value as u32);
        self.put(at + 1, (value >> 32) as u32);
    }

    /// Appends bytes, filled up with zeros to a whole number of words.
    fn text(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(4) {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words.push(u32::from_ne_bytes(word));
        }
    }

    fn fill_unit(&mut self) {
        if !self.words.len().is_multiple_of(2) {
            self.words.push(0);
        }
    }

    fn done(mut self) -> Result<Self, WriteError> {
        self.fill_unit();
        let units = u32::try_from(self.words.len() / 2).map_err(|_| WriteError::TooLarge)?;
        self.words[record::UNITS] = units;
        Ok(self)
    }

    /// The words.
    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Length in units of eight bytes.
    pub(super) fn units(&self) -> u64 {
        (self.words.len() / 2) as u64
    }

    /// The words of the record at `link` in an image, without its place in it.
    pub(super) fn copy(image: &Image<'_>, link: u32) -> Result<Self, WriteError> {
        let at = word_of(link);
        let length = word_of(image.get(at + record::UNITS)?);
        let words = (at..at + length).map(|at| image.get(at)).collect::<Result<Vec<_>, _>>()?;
        let mut copy = Self { words };
        OF_PLACE.into_iter().for_each(|word| copy.put(word, 0));
        Ok(copy)
    }

    /// The same record with one word set.
    pub(super) fn with(mut self, at: usize, value: u32) -> Self {
        self.put(at, value);
        self
    }

    /// Whether a record with those words says the same. `of_place` are further words that do not
    /// count.
    pub(super) fn says(&self, other: impl Fn(usize) -> Option<u32>, of_place: &[usize]) -> bool {
        self.words.iter().enumerate().all(|(at, word)| {
            OF_PLACE.contains(&at) || of_place.contains(&at) || other(at) == Some(*word)
        })
    }
}

/// Lengths of two strings in one word. Both were checked to be far below 2¹⁶.
fn pair(low: &str, high: &str) -> u32 {
    (high.len() as u32) << 16 | low.len() as u32
}

/// The upper half of the hash of a name, as records keep it.
pub(super) fn upper(key: Key, name: &[u8]) -> u32 {
    (key.hash(name) >> 32) as u32
}

/// A name with its NUL.
fn name_text(encoded: &mut Encoded, name: &str) {
    let mut text = Vec::with_capacity(name.len() + 1);
    text.extend_from_slice(name.as_bytes());
    text.push(0);
    encoded.text(&text);
}

/// A user with its keys.
pub(super) fn user(hash: Key, entry: &UserEntry) -> Result<Encoded, WriteError> {
    let mut text = Vec::with_capacity(192);
    for string in [&entry.name, &entry.gecos, &entry.home, &entry.shell] {
        text.extend_from_slice(string.as_bytes());
        text.push(0);
    }
    let mut to = Encoded::new(tag::USER, user::STRINGS, text.len() / 4 + 2);
    let locked = if entry.locked { user::LOCKED } else { 0 };
    let expires = if entry.expires_at.is_some() { user::HAS_EXPIRY } else { 0 };
    to.put(record::HASH, upper(hash, entry.name.as_bytes()));
    to.put(record::ID, entry.uid);
    to.put(record::FLAGS, locked | expires);
    to.put(user::GID, entry.gid);
    to.put(user::NAME_GECOS, pair(&entry.name, &entry.gecos));
    to.put(user::HOME_SHELL, pair(&entry.home, &entry.shell));
    to.put(user::KEYS, entry.keys.len() as u32);
    to.put_u64(user::EXPIRES, entry.expires_at.unwrap_or(0) as u64);
    to.text(&text);
    to.fill_unit();
    for line in &entry.keys {
        let at = to.words.len();
        to.words.resize(at + key::LINE, 0);
        to.put_u64(at + key::EXPIRES, line.expires_at.unwrap_or(0) as u64);
        to.put(at + key::FLAGS, if line.expires_at.is_some() { key::HAS_EXPIRY } else { 0 });
        to.put(at + key::LENGTH, line.line.len() as u32);
        name_text(&mut to, &line.line);
        to.fill_unit();
    }
    to.done()
}

/// A user's shadow record.
pub(super) fn shadow(hash: Key, entry: &UserEntry) -> Result<Encoded, WriteError> {
    let ageing = &entry.shadow;
    let mut to = Encoded::new(tag::SHADOW, shadow::NAME, entry.name.len() / 4 + 2);
    let locked = if ageing.locked || entry.locked { shadow::LOCKED } else { 0 };
    to.put(record::HASH, upper(hash, entry.name.as_bytes()));
    to.put(record::FLAGS, locked);
    to.put(shadow::NAME_LENGTH, entry.name.len() as u32);
    let days =
        [ageing.last_change, ageing.min, ageing.max, ageing.warn, ageing.inactive, ageing.expire];
    for (which, days) in days.into_iter().enumerate() {
        to.put_u64(shadow::DAYS + 2 * which, days.unwrap_or(-1) as u64);
    }
    name_text(&mut to, &entry.name);
    to.done()
}

/// A group, whose list of members is still to be given ([`group::MEMBERS`]).
pub(super) fn group(
    hash: Key,
    name: &str,
    gid: u32,
    external: bool,
) -> Result<Encoded, WriteError> {
    let mut to = Encoded::new(tag::GROUP, group::NAME, name.len() / 4 + 2);
    to.put(record::HASH, upper(hash, name.as_bytes()));
    to.put(record::ID, gid);
    to.put(record::FLAGS, if external { group::EXTERNAL } else { 0 });
    to.put(group::NAME_LENGTH, name.len() as u32);
    name_text(&mut to, name);
    to.done()
}

/// A member with an empty list of groups, whose place is still to be given ([`member::GROUPS`]).
pub(super) fn member(hash: Key, name: &str) -> Result<Encoded, WriteError> {
    let mut to = Encoded::new(tag::MEMBER, member::NAME, name.len() / 4 + 2);
    to.put(record::HASH, upper(hash, name.as_bytes()));
    to.put(member::NAME_LENGTH, name.len() as u32);
    name_text(&mut to, name);
    to.done()
}

/// A membership, whose member and list are still to be given.
pub(super) fn edge(gid: u32, name: &str) -> Result<Encoded, WriteError> {
    let mut to = Encoded::new(tag::EDGE, edge::NAME, name.len() / 4 + 2);
    to.put(edge::GID, gid);
    to.put(edge::NAME_LENGTH, name.len() as u32);
    name_text(&mut to, name);
    to.done()
}
