//! Groups and their members.

use super::{increasing, open, terminated};
use crate::index::word_of;
use crate::layout::{self, edge, group, list, record, tag};
use crate::words::Words;

/// A group, as `struct group` has it.
#[derive(Clone, Copy)]
pub struct GroupRef<'m> {
    words: Words<'m>,
    link: u32,
    seq: u32,
    gid: u32,
    flags: u32,
    members: usize,
    name: &'m [u8],
}

impl<'m> GroupRef<'m> {
    #[inline(always)]
    pub(crate) fn parse(words: Words<'m>, link: u32) -> Option<Self> {
        let (at, end) = open(words, link, tag::GROUP)?;
        let gid = words.get(at.checked_add(record::ID)?)?;
        let length = words.get(at.checked_add(group::NAME_LENGTH)?)? as usize;
        if gid > layout::MAX_ID || length == 0 || length > layout::MAX_NAME {
            return None;
        }
        Some(Self {
            words,
            link,
            seq: words.get(at.checked_add(record::SEQ)?)?,
            gid,
            flags: words.get(at.checked_add(record::FLAGS)?)?,
            members: word_of(words.get(at.checked_add(group::MEMBERS)?)?),
            name: terminated(words, at.checked_add(group::NAME)?, end, length)?,
        })
    }

    /// Where the record stands: the cursor of [`Index::group_after`](crate::Index::group_after).
    #[must_use]
    pub fn position(&self) -> u32 {
        self.link
    }

    pub(crate) fn seq(&self) -> u32 {
        self.seq
    }

    /// Group name.
    #[must_use]
    pub fn name(&self) -> &'m [u8] {
        self.name
    }

    /// Group number, at most 2³¹ − 1.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Whether this is a group of /etc/group that has members of ours.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.flags & group::EXTERNAL != 0
    }

    /// The version of the list of members: odd while it is being changed. A list that was walked
    /// between two equal even versions is the list of one moment.
    #[must_use]
    pub fn members_version(&self) -> u32 {
        self.words.link(self.members.wrapping_add(list::VERSION)).unwrap_or(0)
    }

    /// The names of the members.
    #[must_use]
    pub fn members(&self) -> Members<'m> {
        let head = self.words.link(self.members.wrapping_add(list::HEAD)).unwrap_or(0);
        Members { words: self.words, link: head, before: None }
    }
}

/// Iterator over the members of a group; ends early where the file is damaged.
#[derive(Clone)]
pub struct Members<'m> {
    words: Words<'m>,
    link: u32,
    before: Option<u32>,
}

impl<'m> Iterator for Members<'m> {
    type Item = &'m [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'m [u8]> {
        let (at, end) = open(self.words, self.link, tag::EDGE)?;
        self.before = Some(increasing(self.words, at, edge::SEQ, self.before)?);
        let length = self.words.get(at.checked_add(edge::NAME_LENGTH)?)? as usize;
        if length == 0 || length > layout::MAX_NAME {
            return None;
        }
        let name = terminated(self.words, at.checked_add(edge::NAME)?, end, length)?;
        self.link = self.words.link(at.checked_add(edge::GROUP_NEXT)?)?;
        Some(name)
    }
}
