//! Making, replacing and removing records in an image that may be in use.
//!
//! Each step leaves the image as some reader may find it: complete, and true of a moment before or
//! after the change. Readers of one record see it change by one atomic store.

use super::contents::UserEntry;
use super::encode::{self, Encoded};
use super::error::WriteError;
use super::image::{Image, Links};
use crate::index::word_of;
use crate::layout::{Table, edge, group, header, list, member, record};
use crate::records::{GroupRef, ShadowRef, UserRef};

/// All records of one kind.
const ORDER: Links = Links { next: record::ORDER_NEXT, prev: record::ORDER_PREV };
/// The members of a group.
const MEMBERS: Links = Links { next: edge::GROUP_NEXT, prev: edge::GROUP_PREV };
/// The groups of a user.
const GROUPS: Links = Links { next: edge::USER_NEXT, prev: edge::USER_PREV };
/// Where users are found.
const USER: [Table; 2] = [Table::UserByName, Table::UserById];
/// Where groups are found.
const GROUP: [Table; 2] = [Table::GroupByName, Table::GroupById];

fn duplicate(what: &'static str, of: &str) -> WriteError {
    WriteError::Duplicate { what, of: of.to_owned() }
}

/// A name that a record of ours holds.
fn text(name: &[u8]) -> Result<String, WriteError> {
    String::from_utf8(name.to_vec()).map_err(|_| WriteError::Damaged)
}

impl Image<'_> {
    fn name_hash(&self, name: &str) -> u64 {
        self.key().hash(name.as_bytes())
    }

    /// Adds a user of another image, where no other has its name or number.
    pub(super) fn copy_user(&self, from: &Self, user: &UserRef<'_>) -> Result<(), WriteError> {
        let hash = encode::upper(self.key(), user.name());
        let new = Encoded::copy(from, user.position())?.with(record::HASH, hash);
        self.insert(USER, header::USERS, &text(user.name())?, user.uid(), &new)
    }

    /// Adds a group of another image with its members, where no other has its name or number.
    pub(super) fn copy_group(&self, from: &Self, group: &GroupRef<'_>) -> Result<(), WriteError> {
        let hash = encode::upper(self.key(), group.name());
        let new = Encoded::copy(from, group.position())?.with(record::HASH, hash);
        self.insert_group(&text(group.name())?, group.gid(), new)?;
        group.members().try_for_each(|name| self.join(group.gid(), &text(name)?))
    }

    /// Adds a shadow record of another image, where no other has its name.
    pub(super) fn copy_shadow(
        &self,
        from: &Self,
        shadow: &ShadowRef<'_>,
    ) -> Result<(), WriteError> {
        let hash = encode::upper(self.key(), shadow.name());
        let new = Encoded::copy(from, shadow.position())?.with(record::HASH, hash);
        let link = self.append(&new)?;
        self.set(word_of(link) + record::SEQ, self.next_seq()?)?;
        self.chain(Table::UserByName, self.key().hash(shadow.name()), record::NAME_NEXT, link)?;
        self.enlist(header::USERS, ORDER, link)
    }

    /// Whether the record at `link` says what `new` says already.
    fn has(&self, link: u32, new: &Encoded, of_place: &[usize]) -> bool {
        new.says(|at| self.get(word_of(link) + at).ok(), of_place)
    }

    /// Puts a new record into both chains and the list; it is visible then.
    fn insert(
        &self,
        tables: [Table; 2],
        list: usize,
        name: &str,
        id: u32,
        new: &Encoded,
    ) -> Result<(), WriteError> {
        let link = self.append(new)?;
        self.set(word_of(link) + record::SEQ, self.next_seq()?)?;
        self.chain(tables[0], self.name_hash(name), record::NAME_NEXT, link)?;
        self.chain(tables[1], self.key().hash_id(id), record::ID_NEXT, link)?;
        self.enlist(list, ORDER, link)
    }

    /// Puts a new record into the place of `old`, which was called `before`.
    fn replace(
        &self,
        tables: [Table; 2],
        list: usize,
        (old, before): (u32, &str),
        (name, id): (&str, u32),
        new: &Encoded,
    ) -> Result<(), WriteError> {
        let link = self.append(new)?;
        self.set(word_of(link) + record::SEQ, self.get(word_of(old) + record::SEQ)?)?;
        let hash = self.name_hash(name);
        if name == before {
            self.rechain(tables[0], hash, record::NAME_NEXT, old, link)?;
        } else {
            self.chain(tables[0], hash, record::NAME_NEXT, link)?;
        }
        self.rechain(tables[1], self.key().hash_id(id), record::ID_NEXT, old, link)?;
        self.relist(list, ORDER, old, link)?;
        if name != before {
            self.unchain(tables[0], self.name_hash(before), record::NAME_NEXT, old)?;
        }
        self.bury(old)
    }

    /// Takes a record out of both chains and the list.
    fn remove(
        &self,
        tables: [Table; 2],
        list: usize,
        link: u32,
        name: &str,
        id: u32,
    ) -> Result<(), WriteError> {
        self.unchain(tables[0], self.name_hash(name), record::NAME_NEXT, link)?;
        self.unchain(tables[1], self.key().hash_id(id), record::ID_NEXT, link)?;
        self.unlist(list, ORDER, link)?;
        self.bury(link)
    }

    /// Makes a user; another of that name or number must not be there.
    pub(super) fn add_user(&self, entry: &UserEntry) -> Result<(), WriteError> {
        if self.index().user_by_uid(entry.uid).is_some() {
            return Err(duplicate("uid", &entry.name));
        }
        if self.index().user_by_name(entry.name.as_bytes()).is_some() {
            return Err(duplicate("name", &entry.name));
        }
        let new = encode::user(self.key(), entry)?;
        self.insert(USER, header::USERS, &entry.name, entry.uid, &new)
    }

    /// Makes a user, or replaces the one of that number. Gives its name before, if it was there.
    pub(super) fn put_user(&self, entry: &UserEntry) -> Result<Option<String>, WriteError> {
        let old = self.index().user_by_uid(entry.uid);
        let named = self.index().user_by_name(entry.name.as_bytes());
        if named.is_some_and(|named| old.is_none_or(|old| old.position() != named.position())) {
            return Err(duplicate("name", &entry.name));
        }
        let new = encode::user(self.key(), entry)?;
        let Some(old) = old else {
            self.insert(USER, header::USERS, &entry.name, entry.uid, &new)?;
            return Ok(None);
        };
        let before = text(old.name())?;
        if self.has(old.position(), &new, &[]) {
            return Ok(Some(before));
        }
        // The new name has its groups before it has its user, so that no rule for a group is missed.
        if before != entry.name {
            for gid in self.gids_of(&before) {
                self.join(gid, &entry.name)?;
            }
        }
        let place = (old.position(), before.as_str());
        self.replace(USER, header::USERS, place, (&entry.name, entry.uid), &new)?;
        if before != entry.name {
            self.leave_all(&before)?;
        }
        Ok(Some(before))
    }

    /// Removes the user of that number, with its memberships. Gives its name, if it was there.
    pub(super) fn remove_user(&self, uid: u32) -> Result<Option<String>, WriteError> {
        let Some(old) = self.index().user_by_uid(uid) else { return Ok(None) };
        let name = text(old.name())?;
        self.remove(USER, header::USERS, old.position(), &name, uid)?;
        self.leave_all(&name)?;
        Ok(Some(name))
    }

    /// Makes a group without members; another of that name or number must not be there.
    pub(super) fn add_group(&self, name: &str, gid: u32, external: bool) -> Result<(), WriteError> {
        if self.index().group_by_gid(gid).is_some() {
            return Err(duplicate("gid", name));
        }
        if self.index().group_by_name(name.as_bytes()).is_some() {
            return Err(duplicate("group name", name));
        }
        let new = encode::group(self.key(), name, gid, external)?;
        self.insert_group(name, gid, new)
    }

    fn insert_group(&self, name: &str, gid: u32, new: Encoded) -> Result<(), WriteError> {
        let new = new.with(group::MEMBERS, self.append_anchor()?);
        self.insert(GROUP, header::GROUPS, name, gid, &new)
    }

    /// Makes a group, or replaces the one of that number, which keeps its members.
    pub(super) fn put_group(&self, name: &str, gid: u32, external: bool) -> Result<(), WriteError> {
        let old = self.index().group_by_gid(gid);
        let named = self.index().group_by_name(name.as_bytes());
        if named.is_some_and(|named| old.is_none_or(|old| old.position() != named.position())) {
            return Err(duplicate("group name", name));
        }
        let new = encode::group(self.key(), name, gid, external)?;
        let Some(old) = old else { return self.insert_group(name, gid, new) };
        let link = old.position();
        if self.has(link, &new, &[group::MEMBERS]) {
            return Ok(());
        }
        let new = new.with(group::MEMBERS, self.get(word_of(link) + group::MEMBERS)?);
        let before = text(old.name())?;
        self.replace(GROUP, header::GROUPS, (link, &before), (name, gid), &new)
    }

    /// Removes the group of that number, with its memberships.
    pub(super) fn remove_group(&self, gid: u32) -> Result<(), WriteError> {
        let Some(old) = self.index().group_by_gid(gid) else { return Ok(()) };
        let name = text(old.name())?;
        self.remove(GROUP, header::GROUPS, old.position(), &name, gid)?;
        // Who stands on the group goes on along its list, which stays as it is.
        for member in old.members().map(text).collect::<Result<Vec<_>, _>>()? {
            let Some((link, member)) = self.edge(gid, &member)? else { continue };
            self.drop_edge(member, gid, link)?;
            self.drop_member_without_groups(member)?;
        }
        Ok(())
    }

    fn gids_of(&self, name: &str) -> Vec<u32> {
        self.index().groups_of(name.as_bytes()).into_iter().flatten().collect()
    }

    /// The membership of `name` in the group, with the link of the member.
    fn edge(&self, gid: u32, name: &str) -> Result<Option<(u32, u32)>, WriteError> {
        let Some(member) = self.index().member_link(name.as_bytes()) else { return Ok(None) };
        let found =
            self.find(Table::Edge, self.key().hash_pair(member, gid), edge::PAIR_NEXT, |at| {
                Ok(self.get(at + edge::MEMBER)? == member && self.get(at + edge::GID)? == gid)
            })?;
        Ok(found.map(|link| (link, member)))
    }

    /// Makes `name` a member of the group of that number, unless it is one.
    pub(super) fn join(&self, gid: u32, name: &str) -> Result<(), WriteError> {
        let Some(group) = self.index().group_by_gid(gid) else {
            return Err(WriteError::Invalid { what: "group of the member", of: name.to_owned() });
        };
        if self.edge(gid, name)?.is_some() {
            return Ok(());
        }
        let members = self.get(word_of(group.position()) + group::MEMBERS)?;
        let known = self.index().member_link(name.as_bytes());
        let member = match known {
            Some(link) => link,
            None => {
                let link = self.append(&encode::member(self.key(), name)?)?;
                let groups = link + (member::LIST / 2) as u32;
                self.set(word_of(link) + member::GROUPS, groups)?;
                self.count(header::MEMBERS, |count| count.wrapping_add(1))?;
                link
            }
        };
        let new = encode::edge(gid, name)?.with(edge::MEMBER, member).with(edge::ANCHOR, members);
        let link = self.append(&new)?;
        self.set(word_of(link) + edge::SEQ, self.next_seq()?)?;
        let hash = self.key().hash_pair(member, gid);
        self.chain(Table::Edge, hash, edge::PAIR_NEXT, link)?;
        self.count(header::EDGES, |count| count.wrapping_add(1))?;
        self.enlist(word_of(member) + member::LIST, GROUPS, link)?;
        if known.is_none() {
            self.chain(Table::Member, self.name_hash(name), record::NAME_NEXT, member)?;
        }
        self.enlist(word_of(members), MEMBERS, link)
    }

    /// Ends the membership of `name` in the group of that number, if there is one.
    pub(super) fn leave(&self, gid: u32, name: &str) -> Result<(), WriteError> {
        let Some((link, member)) = self.edge(gid, name)? else { return Ok(()) };
        self.unlist(word_of(self.get(word_of(link) + edge::ANCHOR)?), MEMBERS, link)?;
        self.drop_edge(member, gid, link)?;
        self.drop_member_without_groups(member)
    }

    fn leave_all(&self, name: &str) -> Result<(), WriteError> {
        self.gids_of(name).into_iter().try_for_each(|gid| self.leave(gid, name))
    }

    /// Takes a membership from its member; the group's list is not touched.
    fn drop_edge(&self, member: u32, gid: u32, link: u32) -> Result<(), WriteError> {
        self.unlist(word_of(member) + member::LIST, GROUPS, link)?;
        let hash = self.key().hash_pair(member, gid);
        self.unchain(Table::Edge, hash, edge::PAIR_NEXT, link)?;
        self.count(header::EDGES, |count| count.wrapping_sub(1))?;
        self.bury(link)
    }

    /// A name that is in no group any more is unknown, unless it is a user's.
    fn drop_member_without_groups(&self, member: u32) -> Result<(), WriteError> {
        if self.get(word_of(member) + member::LIST + list::HEAD)? != 0 {
            return Ok(());
        }
        let name = self.index().member_name(member).ok_or(WriteError::Damaged)?;
        let hash = self.key().hash(name);
        self.unchain(Table::Member, hash, record::NAME_NEXT, member)?;
        self.count(header::MEMBERS, |count| count.wrapping_sub(1))?;
        self.bury(member)
    }

    /// Makes the shadow record of a user, or replaces that of `before`.
    pub(super) fn put_shadow(
        &self,
        before: Option<&str>,
        entry: &UserEntry,
    ) -> Result<(), WriteError> {
        let before = before.unwrap_or(&entry.name);
        let old = self.index().shadow_by_name(before.as_bytes()).map(|old| old.position());
        let named =
            self.index().shadow_by_name(entry.name.as_bytes()).map(|named| named.position());
        if named.is_some() && named != old {
            return Err(duplicate("name", &entry.name));
        }
        let new = encode::shadow(self.key(), entry)?;
        let hash = self.name_hash(&entry.name);
        let Some(old) = old else {
            let link = self.append(&new)?;
            self.set(word_of(link) + record::SEQ, self.next_seq()?)?;
            self.chain(Table::UserByName, hash, record::NAME_NEXT, link)?;
            return self.enlist(header::USERS, ORDER, link);
        };
        if self.has(old, &new, &[]) {
            return Ok(());
        }
        let link = self.append(&new)?;
        self.set(word_of(link) + record::SEQ, self.get(word_of(old) + record::SEQ)?)?;
        if before == entry.name {
            self.rechain(Table::UserByName, hash, record::NAME_NEXT, old, link)?;
        } else {
            self.chain(Table::UserByName, hash, record::NAME_NEXT, link)?;
        }
        self.relist(header::USERS, ORDER, old, link)?;
        if before != entry.name {
            self.unchain(Table::UserByName, self.name_hash(before), record::NAME_NEXT, old)?;
        }
        self.bury(old)
    }

    /// Removes the shadow record of that name, if there is one.
    pub(super) fn remove_shadow(&self, name: &str) -> Result<(), WriteError> {
        let Some(old) = self.index().shadow_by_name(name.as_bytes()) else { return Ok(()) };
        let link = old.position();
        self.unchain(Table::UserByName, self.name_hash(name), record::NAME_NEXT, link)?;
        self.unlist(header::USERS, ORDER, link)?;
        self.bury(link)
    }
}

const _: () = {
    use crate::layout::anchor;
    assert!(anchor::LIST.is_multiple_of(2) && anchor::LIST + list::WORDS == anchor::WORDS);
    assert!(member::LIST.is_multiple_of(2) && member::LIST + list::WORDS == member::NAME);
    assert!(header::USERS.is_multiple_of(2) && header::GROUPS == header::USERS + list::WORDS);
};
