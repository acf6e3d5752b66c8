//! A whole new index, written record by record; and the same from the one there is, when that is full.

use std::path::{Path, PathBuf};

use super::contents::{GroupEntry, UserEntry, check_name};
use super::error::WriteError;
use super::files::{self, Draft, INDEX, Name, SHADOW, Target};
use super::image::{Image, Sizes};
use super::units::{group_units, membership_units, shadow_units, user_units};
use crate::layout::{Kind, Table, header, list};

/// Units that a user takes in the index, with a membership and short texts: the first guess.
const USER_UNITS: u64 = 32;
/// The same for a group.
const GROUP_UNITS: u64 = 16;
/// The same for a membership.
const EDGE_UNITS: u64 = 10;
/// The same for a shadow record.
const SHADOW_UNITS: u64 = 16;

/// A whole new index. Nothing of it is visible before
/// [`IndexWriter::finish`](super::IndexWriter::finish), and it is kept in no memory of the process's
/// own: any number of records may be given, one after the other.
#[derive(Debug)]
pub struct Rebuild {
    directory: PathBuf,
    pub(super) index: Draft,
    pub(super) shadow: Draft,
}

impl Rebuild {
    pub(super) fn begin(directory: &Path, sizes: &Sizes) -> Result<Self, WriteError> {
        files::make_directory(directory)?;
        let users = sizes.users as u64;
        let (groups, edges) = (sizes.groups as u64, sizes.memberships as u64);
        let room = users * USER_UNITS + groups * GROUP_UNITS + edges * EDGE_UNITS;
        Ok(Self {
            directory: directory.to_owned(),
            index: Draft::begin(directory, Name::New, INDEX, sizes, room)?,
            shadow: Draft::begin(directory, Name::New, SHADOW, sizes, users * SHADOW_UNITS)?,
        })
    }

    /// Adds a user, with its shadow record.
    ///
    /// # Errors
    ///
    /// [`WriteError::Invalid`] for one that must not be published, [`WriteError::Duplicate`] for a
    /// second one of that name or number; [`WriteError::Io`] when there is no space.
    pub fn user(&mut self, entry: &UserEntry) -> Result<(), WriteError> {
        entry.check()?;
        self.make_room(user_units(entry)?)?;
        self.index.image()?.add_user(entry)?;
        self.make_shadow_room(shadow_units(&entry.name)?)?;
        self.shadow.image()?.put_shadow(None, entry)
    }

    /// Adds a group, with the members that the entry names.
    ///
    /// # Errors
    ///
    /// As for [`Rebuild::user`].
    pub fn group(&mut self, entry: &GroupEntry) -> Result<(), WriteError> {
        entry.check()?;
        self.make_room(group_units(&entry.name)?)?;
        self.index.image()?.add_group(&entry.name, entry.gid, entry.external)?;
        entry.members.iter().try_for_each(|name| self.member(entry.gid, name))
    }

    /// Adds a member to a group that was added before, unless it is one.
    ///
    /// # Errors
    ///
    /// As for [`Rebuild::user`]; [`WriteError::Invalid`] too if there is no group of that number.
    pub fn member(&mut self, gid: u32, name: &str) -> Result<(), WriteError> {
        check_name("member", name)?;
        self.make_room(membership_units(name)?)?;
        self.index.image()?.join(gid, name)
    }

    fn make_room(&mut self, units: u64) -> Result<(), WriteError> {
        if let Some(longer) = with_longer_tables(&self.directory, &self.index)? {
            self.index = longer;
        }
        self.index.make_room(units)
    }

    fn make_shadow_room(&mut self, units: u64) -> Result<(), WriteError> {
        if let Some(longer) = with_longer_tables(&self.directory, &self.shadow)? {
            self.shadow = longer;
        }
        self.shadow.make_room(units)
    }
}

/// The same draft with tables for twice as much, if they are too short for what there is.
fn with_longer_tables(directory: &Path, draft: &Draft) -> Result<Option<Draft>, WriteError> {
    let image = draft.image()?;
    let sizes = sizes_of(&image)?;
    if suits(&image, &sizes)? {
        return Ok(None);
    }
    let twice = Sizes {
        users: sizes.users * 2,
        groups: sizes.groups * 2,
        members: sizes.members * 2,
        memberships: sizes.memberships * 2,
    };
    let name = if draft.name == Name::New { Name::Again } else { Name::New };
    compact(directory, &image, name, draft.target(), &twice, 0).map(Some)
}

/// How many records an image holds.
pub(super) fn sizes_of(image: &Image<'_>) -> Result<Sizes, WriteError> {
    let count = |at| Ok::<_, WriteError>(image.get(at)? as usize);
    Ok(Sizes {
        users: count(header::USERS + list::COUNT)?,
        groups: count(header::GROUPS + list::COUNT)?,
        members: count(header::MEMBERS)?,
        memberships: count(header::EDGES)?,
    })
}

/// Whether the tables are long enough for so many records: at two to a bucket, chains stay short.
pub(super) fn suits(image: &Image<'_>, sizes: &Sizes) -> Result<bool, WriteError> {
    let of =
        |table, records: usize| Ok::<_, WriteError>(image.buckets(table)? * 2 >= records as u64);
    Ok(of(Table::UserByName, sizes.users)?
        && of(Table::GroupByName, sizes.groups)?
        && of(Table::Member, sizes.members)?
        && of(Table::Edge, sizes.memberships)?)
}

/// Copies what is linked in `from` into a new file with tables for so many records and `more` units of
/// room, under a new key of the hash.
pub(super) fn compact(
    directory: &Path,
    from: &Image<'_>,
    name: Name,
    target: Target,
    sizes: &Sizes,
    more: u64,
) -> Result<Draft, WriteError> {
    files::make_directory(directory)?;
    let taken = u64::from(from.get(header::USED)?.saturating_sub(from.get(header::DEAD)?));
    let draft = Draft::begin(directory, name, target, sizes, taken + more)?;
    let to = draft.image()?;
    match target.kind {
        Kind::Index => {
            from.index().users().try_for_each(|user| to.copy_user(from, &user))?;
            from.index().groups().try_for_each(|group| to.copy_group(from, &group))?;
        }
        Kind::Shadow => {
            from.index().shadows().try_for_each(|shadow| to.copy_shadow(from, &shadow))?;
        }
    }
    // Where a list does not hold together, walking it ends early.
    if sizes_of(from)? == sizes_of(&to)? { Ok(draft) } else { Err(WriteError::Damaged) }
}
