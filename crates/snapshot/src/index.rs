//! Lookups and enumeration in one image of the index.

use crate::hash::Key;
use crate::layout::{self, Kind, Table, edge, header, list, member, record, tag};
use crate::records::{GroupRef, ShadowRef, UserRef, increasing, open};
use crate::words::{Span, Words};

/// The first word behind a link.
#[inline(always)]
pub(crate) fn word_of(link: u32) -> usize {
    // Two words to a unit. On 32-bit machines a link beyond the address space wraps to a place
    // where no record stands, which the checks on the record find.
    (link as usize).wrapping_mul(2)
}

/// The words that all records in bucket chains share.
type Common<'m> = Span<'m, { record::WORDS }>;

/// Whether two names are the same. Of those that got here nearly all are, and they are short: no call,
/// and no loop over their bytes.
#[inline(always)]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        // The last eight may have been compared in part already.
        (Some(last), Some(other_last)) => {
            last == other_last && one.as_chunks::<8>().0 == other.as_chunks::<8>().0
        }
        _ => match (one.last_chunk::<4>(), other.last_chunk::<4>()) {
            (Some(last), Some(other_last)) => {
                last == other_last && one.first_chunk::<4>() == other.first_chunk::<4>()
            }
            _ => one.iter().eq(other),
        },
    }
}

/// One image of an index or shadow file.
///
/// Every lookup is bounds-checked and bounded in steps. A damaged record or link is a miss.
#[derive(Clone, Copy)]
pub struct Index<'m> {
    words: Words<'m>,
}

impl<'m> Index<'m> {
    /// Checks the header: magic, version, kind, length and checksum. `None` if it does not fit.
    #[must_use]
    pub fn new(words: Words<'m>, kind: Kind) -> Option<Self> {
        let fits = words.get(header::MAGIC)? == layout::MAGIC[0]
            && words.get(header::MAGIC + 1)? == layout::MAGIC[1]
            && words.get(header::VERSION)? == layout::VERSION
            && words.get(header::KIND)? == kind as u32
            && words.len() >= header::WORDS
            && word_of(words.get(header::LENGTH)?) == words.len()
            && words.get(header::CHECKSUM)? == layout::header_checksum(|at| words.get(at))?;
        fits.then_some(Self { words })
    }

    /// An index whose header has been checked before.
    #[inline(always)]
    pub(crate) fn checked_before(words: Words<'m>) -> Self {
        Self { words }
    }

    /// Whether the writer has marked this file as replaced by a newer one.
    #[inline(always)]
    #[must_use]
    pub fn superseded(&self) -> bool {
        self.words.superseded()
    }

    /// The generation of the content, as the writer counts it.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.words.get_i64(header::GENERATION).unwrap_or(0) as u64
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> Option<Key> {
        let words = self.words.span::<{ header::WORDS }>(0)?;
        Some(Key(words.get_u64(header::KEY)?, words.get_u64(header::KEY + 2)?))
    }

    /// Walks the chain of the bucket for `hash` in `table`, along the links `next` of the records;
    /// gives the first result of `matches`.
    #[inline(always)]
    fn find<T>(
        &self,
        table: Table,
        hash: u64,
        next: usize,
        matches: impl Fn(u32, Common<'m>) -> Option<T>,
    ) -> Option<T> {
        let words = self.words.span::<{ header::WORDS }>(0)?;
        let at = header::TABLES + 2 * table as usize;
        let start = words.get(at)?;
        let log2 = words.get(at + 1)?;
        if start == 0 || log2 > layout::MAX_LOG2 {
            return None;
        }
        let bucket = (hash as usize) & ((1_usize << log2) - 1);
        let mut link = self.words.link(word_of(start).checked_add(bucket)?)?;
        for _ in 0..layout::MAX_CHAIN {
            if link == 0 {
                return None;
            }
            let record = self.words.span(word_of(link))?;
            if let Some(found) = matches(link, record) {
                return Some(found);
            }
            link = record.link(next)?;
        }
        None
    }

    #[inline(always)]
    fn find_name<T>(
        &self,
        table: Table,
        name: &[u8],
        parse: impl Fn(u32) -> Option<T>,
        name_of: impl Fn(&T) -> &'m [u8],
    ) -> Option<T> {
        if name.is_empty() || name.len() > layout::MAX_NAME {
            return None;
        }
        let hash = self.key()?.hash(name);
        let upper = (hash >> 32) as u32;
        self.find(table, hash, record::NAME_NEXT, |link, words| {
            if words.get(record::HASH)? != upper {
                return None;
            }
            parse(link).filter(|found| same(name_of(found), name))
        })
    }

    #[inline(always)]
    fn find_id<T>(&self, table: Table, id: u32, parse: impl Fn(u32) -> Option<T>) -> Option<T> {
        if id > layout::MAX_ID {
            return None;
        }
        let hash = self.key()?.hash_id(id);
        self.find(table, hash, record::ID_NEXT, |link, words| {
            if words.get(record::ID)? != id {
                return None;
            }
            parse(link)
        })
    }

    /// The user of this name. Always inlined, as everything on its way: after a system call the
    /// processor has forgotten most of what it knew of a program, and each jump costs anew.
    #[inline(always)]
    #[must_use]
    pub fn user_by_name(&self, name: &[u8]) -> Option<UserRef<'m>> {
        let words = self.words;
        self.find_name(Table::UserByName, name, |link| UserRef::parse(words, link), UserRef::name)
    }

    /// The user of this number. 0 and everything above 2³¹ − 1 are misses whatever the file says.
    #[must_use]
    pub fn user_by_uid(&self, uid: u32) -> Option<UserRef<'m>> {
        let words = self.words;
        self.find_id(Table::UserById, uid, |link| UserRef::parse(words, link))
    }

    /// The group of this name.
    #[must_use]
    pub fn group_by_name(&self, name: &[u8]) -> Option<GroupRef<'m>> {
        let words = self.words;
        self.find_name(
            Table::GroupByName,
            name,
            |link| GroupRef::parse(words, link),
            GroupRef::name,
        )
    }

    /// The group of this number.
    #[must_use]
    pub fn group_by_gid(&self, gid: u32) -> Option<GroupRef<'m>> {
        let words = self.words;
        self.find_id(Table::GroupById, gid, |link| GroupRef::parse(words, link))
    }

    /// The shadow record of this name (in a shadow file).
    #[must_use]
    pub fn shadow_by_name(&self, name: &[u8]) -> Option<ShadowRef<'m>> {
        let words = self.words;
        self.find_name(
            Table::UserByName,
            name,
            |link| ShadowRef::parse(words, link),
            ShadowRef::name,
        )
    }

    /// The name in the member record at `link`.
    pub(crate) fn member_name(&self, link: u32) -> Option<&'m [u8]> {
        let (at, end) = open(self.words, link, tag::MEMBER)?;
        let length = self.words.get(at.checked_add(member::NAME_LENGTH)?)? as usize;
        let start = at.checked_add(member::NAME)?;
        let name = self.words.bytes(start, length)?;
        (start.checked_add(length.div_ceil(4))? <= end).then_some(name)
    }

    /// The link of the member record of this name.
    pub(crate) fn member_link(&self, name: &[u8]) -> Option<u32> {
        let parse = |link| Some((link, self.member_name(link)?));
        self.find_name(Table::Member, name, parse, |(_, found)| *found).map(|(link, _)| link)
    }

    /// The supplementary groups of a user, who may be a user of /etc/passwd. `None` if the name is
    /// neither a user of ours nor a member of any group of ours.
    #[must_use]
    pub fn groups_of(&self, name: &[u8]) -> Option<GroupsOf<'m>> {
        match self.member_link(name) {
            Some(link) => {
                let list = self.words.get(word_of(link).checked_add(member::GROUPS)?)?;
                Some(GroupsOf::new(self.words, Some(word_of(list))))
            }
            None => self.has_user(name).then(|| GroupsOf::new(self.words, None)),
        }
    }

    /// On its own for the sake of [`user_by_name`](Self::user_by_name)'s size in here.
    #[inline(never)]
    fn has_user(&self, name: &[u8]) -> bool {
        self.user_by_name(name).is_some()
    }

    /// The link after `position` in the list at the header word `list`, and the sequence number that
    /// the record there must exceed.
    fn after(&self, list: usize, tag: u32, position: u32) -> Option<(u32, Option<u32>)> {
        if position == 0 {
            return Some((self.words.link(list + list::HEAD)?, None));
        }
        let (at, _) = open(self.words, position, tag)?;
        let seq = self.words.get(at.checked_add(record::SEQ)?)?;
        Some((self.words.link(at.checked_add(record::ORDER_NEXT)?)?, Some(seq)))
    }

    /// The user after the one at `position` in the order of enumeration, the first one after 0.
    /// `None` at the end.
    #[must_use]
    pub fn user_after(&self, position: u32) -> Option<UserRef<'m>> {
        let (link, before) = self.after(header::USERS, tag::USER, position)?;
        let user = UserRef::parse(self.words, link)?;
        before.is_none_or(|before| before < user.seq()).then_some(user)
    }

    /// The group after the one at `position` in the order of enumeration, the first one after 0.
    /// Includes external groups.
    #[must_use]
    pub fn group_after(&self, position: u32) -> Option<GroupRef<'m>> {
        let (link, before) = self.after(header::GROUPS, tag::GROUP, position)?;
        let group = GroupRef::parse(self.words, link)?;
        before.is_none_or(|before| before < group.seq()).then_some(group)
    }

    /// The shadow record after the one at `position` (in a shadow file), the first one after 0.
    #[must_use]
    pub fn shadow_after(&self, position: u32) -> Option<ShadowRef<'m>> {
        let (link, before) = self.after(header::USERS, tag::SHADOW, position)?;
        let shadow = ShadowRef::parse(self.words, link)?;
        before.is_none_or(|before| before < shadow.seq()).then_some(shadow)
    }

    /// All users in the order of enumeration.
    #[must_use]
    pub fn users(&self) -> Users<'m> {
        Users { index: *self, position: 0 }
    }

    /// All groups in the order of enumeration, external ones included.
    #[must_use]
    pub fn groups(&self) -> Groups<'m> {
        Groups { index: *self, position: 0 }
    }

    /// All shadow records (of a shadow file).
    #[must_use]
    pub fn shadows(&self) -> Shadows<'m> {
        Shadows { index: *self, position: 0 }
    }
}

/// The gids of a user's supplementary groups; ends early where the file is damaged.
#[derive(Clone)]
pub struct GroupsOf<'m> {
    words: Words<'m>,
    list: Option<usize>,
    link: u32,
    before: Option<u32>,
}

impl<'m> GroupsOf<'m> {
    fn new(words: Words<'m>, list: Option<usize>) -> Self {
        let head = list.and_then(|list| words.link(list.checked_add(list::HEAD)?));
        Self { words, list, link: head.unwrap_or(0), before: None }
    }

    /// The version of the list: odd while it is being changed.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.list.and_then(|list| self.words.link(list.checked_add(list::VERSION)?)).unwrap_or(0)
    }
}

impl Iterator for GroupsOf<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (at, _) = open(self.words, self.link, tag::EDGE)?;
        self.before = Some(increasing(self.words, at, edge::SEQ, self.before)?);
        let gid = self.words.get(at.checked_add(edge::GID)?)?;
        self.link = self.words.link(at.checked_add(edge::USER_NEXT)?)?;
        (gid <= layout::MAX_ID).then_some(gid)
    }
}

macro_rules! enumerate {
    ($(#[$doc:meta])* $name:ident, $item:ident, $after:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<'m> {
            index: Index<'m>,
            position: u32,
        }

        impl<'m> Iterator for $name<'m> {
            type Item = $item<'m>;

            fn next(&mut self) -> Option<$item<'m>> {
                let next = self.index.$after(self.position)?;
                self.position = next.position();
                Some(next)
            }
        }
    };
}

enumerate!(
    /// Iterator over all users.
    Users, UserRef, user_after
);
enumerate!(
    /// Iterator over all groups.
    Groups, GroupRef, group_after
);
enumerate!(
    /// Iterator over all shadow records.
    Shadows, ShadowRef, shadow_after
);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::same;

    /// Every length up to three chunks, and every place at which two names can differ.
    #[test]
    fn names_are_the_same_only_if_every_byte_is() {
        for length in 0..25_usize {
            let name: Vec<u8> = (0..length as u8).collect();
            assert!(same(&name, &name.clone()));
            assert!(!same(&name, &[&name[..], b"x"].concat()));
            for at in 0..length {
                let mut other = name.clone();
                other[at] ^= 0x80;
                assert!(!same(&name, &other), "{length} bytes, a difference at {at}");
            }
        }
    }
}
