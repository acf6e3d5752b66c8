//! From contents to a whole image: sizes first, then records.

use std::collections::HashSet;
use std::sync::atomic::AtomicU32;

use super::contents::{Contents, GroupEntry, UserEntry};
use super::error::WriteError;
use super::image::{Image, table_units, units};
use crate::index::word_of;
use crate::layout::{
    self, Kind, Table, anchor, edge, group, header, key, list, member, record, shadow, tag, user,
};

/// The shape of an image: how large it is and how its tables are cut.
pub(super) struct Plan<'c> {
    contents: &'c Contents,
    kind: Kind,
    tables: [u32; layout::TABLES],
    units: u64,
}

/// No table is smaller than two to this power.
const MIN_LOG2: u32 = 4;

/// The length of a table for `records` records: at least one and a quarter buckets each.
fn log2_for(records: usize) -> Result<u32, WriteError> {
    let log2 = (records + records / 4).next_power_of_two().ilog2().max(MIN_LOG2);
    if log2 > layout::MAX_LOG2 { Err(WriteError::TooLarge) } else { Ok(log2) }
}

/// Words of a string and its NUL.
fn string_words(length: usize) -> usize {
    (length + 1).div_ceil(4)
}

/// Words of a key line and its NUL, filled up to a unit.
fn line_words(line: &str) -> usize {
    (line.len() + 1).div_ceil(8) * 2
}

fn user_strings(entry: &UserEntry) -> [&str; 4] {
    [&entry.name, &entry.gecos, &entry.home, &entry.shell]
}

fn user_words(entry: &UserEntry) -> usize {
    let strings: usize = user_strings(entry).iter().map(|string| string.len() + 1).sum();
    let keys = entry.keys.iter().map(|key| key::LINE + line_words(&key.line)).sum::<usize>();
    user::STRINGS + strings.div_ceil(8) * 2 + keys
}

/// The members of a group, each once, in their order.
fn members_once(entry: &GroupEntry) -> impl Iterator<Item = &str> {
    let mut seen = HashSet::new();
    entry.members.iter().map(String::as_str).filter(move |name| seen.insert(*name))
}

impl<'c> Plan<'c> {
    /// Checks the contents and measures the index file.
    pub(super) fn index(contents: &'c Contents) -> Result<Self, WriteError> {
        let mut total = 0_u64;
        let mut members = HashSet::new();
        for entry in &contents.users {
            entry.check()?;
            total += u64::from(units(user_words(entry))?);
        }
        for entry in &contents.groups {
            entry.check()?;
            total += u64::from(units(group::NAME + string_words(entry.name.len()))?);
            total += u64::from(units(anchor::WORDS)?);
            for name in members_once(entry) {
                total += u64::from(units(edge::NAME + string_words(name.len()))?);
                if members.insert(name) {
                    total += u64::from(units(member::NAME + string_words(name.len()))?);
                }
            }
        }
        let users = log2_for(contents.users.len())?;
        let groups = log2_for(contents.groups.len())?;
        let tables = [users, users, groups, groups, log2_for(members.len())?];
        Ok(Self::new(contents, Kind::Index, tables, total))
    }

    /// Checks the contents and measures the shadow file.
    pub(super) fn shadow(contents: &'c Contents) -> Result<Self, WriteError> {
        let mut total = 0_u64;
        for entry in &contents.users {
            entry.check()?;
            total += u64::from(units(shadow::NAME + string_words(entry.name.len()))?);
        }
        let users = log2_for(contents.users.len())?;
        let tables = [users, MIN_LOG2, MIN_LOG2, MIN_LOG2, MIN_LOG2];
        Ok(Self::new(contents, Kind::Shadow, tables, total))
    }

    fn new(
        contents: &'c Contents,
        kind: Kind,
        tables: [u32; layout::TABLES],
        records: u64,
    ) -> Self {
        let before: u64 = tables.iter().map(|log2| u64::from(table_units(*log2))).sum();
        Self { contents, kind, tables, units: header::WORDS as u64 / 2 + before + records }
    }

    /// Length of the file in bytes.
    pub(super) fn length(&self) -> Result<usize, WriteError> {
        let units = u32::try_from(self.units).map_err(|_| WriteError::TooLarge)?;
        (units as usize).checked_mul(8).ok_or(WriteError::TooLarge)
    }

    /// Fills `words`, which are zero and [`Plan::length`] long.
    pub(super) fn build(&self, words: &[AtomicU32], key: [u32; 4]) -> Result<(), WriteError> {
        let image = Image::format(words, self.kind, &self.tables, self.contents.generation, key)?;
        match self.kind {
            Kind::Index => {
                self.contents.users.iter().try_for_each(|entry| add_user(&image, entry))?;
                self.contents.groups.iter().try_for_each(|entry| add_group(&image, entry))
            }
            Kind::Shadow => {
                self.contents.users.iter().try_for_each(|entry| add_shadow(&image, entry))
            }
        }
    }
}

/// Refuses a second record under the same name or number.
fn unless_taken(taken: bool, what: &'static str, of: &str) -> Result<(), WriteError> {
    if taken { Err(WriteError::Duplicate { what, of: of.to_owned() }) } else { Ok(()) }
}

/// Lengths of two strings in one word. Both were checked to be far below 2¹⁶.
fn pair(low: &str, high: &str) -> u32 {
    (high.len() as u32) << 16 | low.len() as u32
}

fn add_user(image: &Image<'_>, entry: &UserEntry) -> Result<(), WriteError> {
    unless_taken(image.index().user_by_name(entry.name.as_bytes()).is_some(), "name", &entry.name)?;
    unless_taken(image.index().user_by_uid(entry.uid).is_some(), "uid", &entry.name)?;
    let link = image.append(tag::USER, user_words(entry))?;
    let at = word_of(link);
    let hash = image.key().hash(entry.name.as_bytes());
    let locked = if entry.locked { user::LOCKED } else { 0 };
    let expires = if entry.expires_at.is_some() { user::HAS_EXPIRY } else { 0 };
    image.set(at + record::SEQ, image.next_seq()?)?;
    image.set(at + record::HASH, (hash >> 32) as u32)?;
    image.set(at + record::ID, entry.uid)?;
    image.set(at + record::FLAGS, locked | expires)?;
    image.set(at + user::GID, entry.gid)?;
    image.set(at + user::NAME_GECOS, pair(&entry.name, &entry.gecos))?;
    image.set(at + user::HOME_SHELL, pair(&entry.home, &entry.shell))?;
    image.set(at + user::KEYS, entry.keys.len() as u32)?;
    image.set_u64(at + user::EXPIRES, entry.expires_at.unwrap_or(0) as u64)?;
    let mut strings = Vec::with_capacity(256);
    for string in user_strings(entry) {
        strings.extend_from_slice(string.as_bytes());
        strings.push(0);
    }
    image.set_bytes(at + user::STRINGS, &strings)?;
    let mut next = at + user::STRINGS + strings.len().div_ceil(8) * 2;
    for key in &entry.keys {
        image.set_u64(next + key::EXPIRES, key.expires_at.unwrap_or(0) as u64)?;
        image.set(next + key::FLAGS, if key.expires_at.is_some() { key::HAS_EXPIRY } else { 0 })?;
        image.set(next + key::LENGTH, key.line.len() as u32)?;
        image.set_bytes(next + key::LINE, key.line.as_bytes())?;
        next += key::LINE + line_words(&key.line);
    }
    image.chain(Table::UserByName, hash, record::NAME_NEXT, link)?;
    image.chain(Table::UserById, image.key().hash_id(entry.uid), record::ID_NEXT, link)?;
    image.enlist(header::USERS, record::ORDER_NEXT, record::ORDER_PREV, link)
}

fn add_shadow(image: &Image<'_>, entry: &UserEntry) -> Result<(), WriteError> {
    let taken = image.index().shadow_by_name(entry.name.as_bytes()).is_some();
    unless_taken(taken, "name", &entry.name)?;
    let link = image.append(tag::SHADOW, shadow::NAME + string_words(entry.name.len()))?;
    let at = word_of(link);
    let hash = image.key().hash(entry.name.as_bytes());
    let ageing = &entry.shadow;
    let locked = if ageing.locked || entry.locked { shadow::LOCKED } else { 0 };
    image.set(at + record::SEQ, image.next_seq()?)?;
    image.set(at + record::HASH, (hash >> 32) as u32)?;
    image.set(at + record::FLAGS, locked)?;
    image.set(at + shadow::NAME_LENGTH, entry.name.len() as u32)?;
    let days =
        [ageing.last_change, ageing.min, ageing.max, ageing.warn, ageing.inactive, ageing.expire];
    for (which, days) in days.into_iter().enumerate() {
        image.set_u64(at + shadow::DAYS + 2 * which, days.unwrap_or(-1) as u64)?;
    }
    image.set_bytes(at + shadow::NAME, entry.name.as_bytes())?;
    image.chain(Table::UserByName, hash, record::NAME_NEXT, link)?;
    image.enlist(header::USERS, record::ORDER_NEXT, record::ORDER_PREV, link)
}

fn add_group(image: &Image<'_>, entry: &GroupEntry) -> Result<(), WriteError> {
    let index = image.index();
    unless_taken(index.group_by_name(entry.name.as_bytes()).is_some(), "group name", &entry.name)?;
    unless_taken(index.group_by_gid(entry.gid).is_some(), "gid", &entry.name)?;
    let members = image.append(tag::ANCHOR, anchor::WORDS)? + anchor::LIST as u32 / 2;
    let link = image.append(tag::GROUP, group::NAME + string_words(entry.name.len()))?;
    let at = word_of(link);
    let hash = image.key().hash(entry.name.as_bytes());
    image.set(at + record::SEQ, image.next_seq()?)?;
    image.set(at + record::HASH, (hash >> 32) as u32)?;
    image.set(at + record::ID, entry.gid)?;
    image.set(at + record::FLAGS, if entry.external { group::EXTERNAL } else { 0 })?;
    image.set(at + group::MEMBERS, members)?;
    image.set(at + group::NAME_LENGTH, entry.name.len() as u32)?;
    image.set_bytes(at + group::NAME, entry.name.as_bytes())?;
    for name in members_once(entry) {
        add_membership(image, members, entry.gid, name)?;
    }
    image.chain(Table::GroupByName, hash, record::NAME_NEXT, link)?;
    image.chain(Table::GroupById, image.key().hash_id(entry.gid), record::ID_NEXT, link)?;
    image.enlist(header::GROUPS, record::ORDER_NEXT, record::ORDER_PREV, link)
}

/// The member record of `name`, made if there is none.
fn member_of(image: &Image<'_>, name: &str) -> Result<u32, WriteError> {
    if let Some(link) = image.index().member_link(name.as_bytes()) {
        return Ok(link);
    }
    let link = image.append(tag::MEMBER, member::NAME + string_words(name.len()))?;
    let at = word_of(link);
    let hash = image.key().hash(name.as_bytes());
    image.set(at + record::HASH, (hash >> 32) as u32)?;
    image.set(at + member::GROUPS, link + member::LIST as u32 / 2)?;
    image.set(at + member::NAME_LENGTH, name.len() as u32)?;
    image.set_bytes(at + member::NAME, name.as_bytes())?;
    image.chain(Table::Member, hash, record::NAME_NEXT, link)?;
    Ok(link)
}

fn add_membership(image: &Image<'_>, members: u32, gid: u32, name: &str) -> Result<(), WriteError> {
    let member = member_of(image, name)?;
    let groups = word_of(member) + member::LIST;
    let link = image.append(tag::EDGE, edge::NAME + string_words(name.len()))?;
    let at = word_of(link);
    image.set(at + edge::SEQ, image.next_seq()?)?;
    image.set(at + edge::MEMBER, member)?;
    image.set(at + edge::GID, gid)?;
    image.set(at + edge::ANCHOR, members)?;
    image.set(at + edge::NAME_LENGTH, name.len() as u32)?;
    image.set_bytes(at + edge::NAME, name.as_bytes())?;
    image.enlist(word_of(members), edge::GROUP_NEXT, edge::GROUP_PREV, link)?;
    image.enlist(groups, edge::USER_NEXT, edge::USER_PREV, link)
}

const _: () =
    assert!(anchor::LIST.is_multiple_of(2) && anchor::LIST + list::WORDS == anchor::WORDS);
const _: () = assert!(member::LIST.is_multiple_of(2) && member::LIST + list::WORDS == member::NAME);
const _: () =
    assert!(header::USERS.is_multiple_of(2) && header::GROUPS == header::USERS + list::WORDS);
