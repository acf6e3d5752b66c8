//! The writer of one system's index: whole indexes, changes, the checkpoint.

use std::path::{Path, PathBuf};

use super::checkpoint::{Complete, Copy, Written};
use super::contents::Contents;
use super::edit::{Edit, Needs};
use super::error::WriteError;
use super::files::{self, Draft, Live, Name};
use super::image::Sizes;
use super::rebuild::{self, Rebuild};
use crate::layout::header;

/// When so many sequence numbers are left, a new file is due, in which they begin at one again.
const LAST_SEQ: u32 = u32::MAX - (1 << 24);

/// Publishes the index of one system. There must be only one at a time for a pair of directories.
#[derive(Debug)]
pub struct IndexWriter {
    live: PathBuf,
    checkpoint: PathBuf,
    index: Option<Live>,
    shadow: Option<Live>,
    /// Whether the live files are what the last call made of them.
    whole: bool,
    /// Counts what was published, and what of it is on disk.
    changes: u64,
    saved: u64,
}

impl IndexWriter {
    /// A writer into these directories (`/run/roster` and `/var/lib/roster/index`). A directory that
    /// is missing is made at the first publishing, its parent is not.
    #[must_use]
    pub fn new(live_dir: &Path, checkpoint_dir: &Path) -> Self {
        let (live, checkpoint) = (live_dir.to_owned(), checkpoint_dir.to_owned());
        let (index, shadow) = (None, None);
        Self { live, checkpoint, index, shadow, whole: false, changes: 0, saved: 0 }
    }

    /// Replaces what is published by `contents`, on disk too.
    ///
    /// # Errors
    ///
    /// As [`Rebuild::user`], [`IndexWriter::finish`] and [`IndexWriter::checkpoint`].
    pub fn publish(&mut self, contents: &Contents) -> Result<(), WriteError> {
        let mut new = self.begin(&contents.sizes())?;
        contents.users.iter().try_for_each(|user| new.user(user))?;
        contents.groups.iter().try_for_each(|group| new.group(group))?;
        self.finish(new, contents.generation)?;
        self.checkpoint()
    }

    /// Begins a whole new index for about so many records; a wrong guess costs time, nothing else.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`] if the files cannot be made, a full file system included.
    pub fn begin(&self, sizes: &Sizes) -> Result<Rebuild, WriteError> {
        Rebuild::begin(&self.live, sizes)
    }

    /// Puts a whole new index in the place of the one there is. When this returns, every lookup that
    /// begins afterwards sees it.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`] if a file cannot be written: each is then the old one or the new one, whole,
    /// and everything may be repeated.
    pub fn finish(&mut self, new: Rebuild, generation: u64) -> Result<(), WriteError> {
        let Rebuild { mut index, mut shadow, .. } = new;
        index.complete(generation, 0)?;
        shadow.complete(generation, 0)?;
        self.whole = false;
        self.changes += 1;
        index.put_in_place(&mut self.index)?;
        shadow.put_in_place(&mut self.shadow)?;
        self.whole = true;
        Ok(())
    }

    /// Whether there is an index of this writer's that [`apply`](Self::apply) can change.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.whole && self.index.is_some() && self.shadow.is_some()
    }

    fn both(&self) -> Result<[&Live; 2], WriteError> {
        match (&self.index, &self.shadow) {
            (Some(index), Some(shadow)) if self.whole => Ok([index, shadow]),
            _ => Err(WriteError::NotPublished),
        }
    }

    /// Changes the published index. When this returns, every lookup that begins afterwards sees the
    /// changes. They become visible in their order, each by itself: give a group before its members,
    /// memberships before the user whom they restrict, and removals of users before what else goes.
    /// The cost is that of the changes, whatever else the index holds; only when a file is full does
    /// its content move to a larger one.
    ///
    /// # Errors
    ///
    /// [`WriteError::Invalid`] for what must not be published, [`WriteError::Io`] when a file is full
    /// and no larger one can be made: nothing has changed then. [`WriteError::NotPublished`] as long
    /// as no whole index has been. [`WriteError::Duplicate`], [`WriteError::Damaged`] and
    /// [`WriteError::TooLarge`] when the edits do not fit what is there: then a part of them may be
    /// visible, and a whole index must be published next.
    pub fn apply(&mut self, edits: &[Edit], generation: u64) -> Result<(), WriteError> {
        edits.iter().try_for_each(Edit::check)?;
        self.make_room(edits)?;
        self.changes += 1;
        let done = self.apply_all(edits, generation);
        self.whole = done.is_ok();
        done
    }

    fn apply_all(&self, edits: &[Edit], generation: u64) -> Result<(), WriteError> {
        let [index, shadow] = self.both()?;
        let (index, shadow) = (index.image()?, shadow.image()?);
        edits.iter().try_for_each(|edit| edit.apply(&index, &shadow))?;
        index.set_generation(generation)?;
        shadow.set_generation(generation)
    }

    /// Moves to larger files if these do not hold the edits, and to new ones if they are gone.
    fn make_room(&mut self, edits: &[Edit]) -> Result<(), WriteError> {
        let [index, shadow] = self.both()?;
        let (image, mut needs) = (index.image()?, Needs::default());
        edits.iter().try_for_each(|edit| edit.add_needs(&image, &mut needs))?;
        let now = rebuild::sizes_of(&image)?;
        let sizes = Sizes {
            users: now.users + needs.more.users,
            groups: now.groups + needs.more.groups,
            members: now.members + needs.more.members,
            memberships: now.memberships + needs.more.memberships,
        };
        let index = larger(index, &sizes, needs.index)?;
        // That file has users alone.
        let users = Sizes { users: sizes.users, ..Sizes::default() };
        let shadow = larger(shadow, &users, needs.shadow)?;
        // Both or none: what fails above has changed nothing.
        if let Some(index) = index {
            index.put_in_place(&mut self.index)?;
        }
        if let Some(shadow) = shadow {
            shadow.put_in_place(&mut self.shadow)?;
        }
        Ok(())
    }

    /// Brings the checkpoint up to date, durably.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`], a full disk included: each file on disk is the old one or the new one.
    pub fn checkpoint(&mut self) -> Result<(), WriteError> {
        while let Some(copy) = self.start_checkpoint()? {
            let Some(complete) = self.finish_checkpoint(copy.write()?)? else { continue };
            complete.commit().inspect_err(|_| self.checkpoint_failed())?;
        }
        Ok(())
    }

    /// Begins to bring the checkpoint up to date: `None` if it is. The caller goes on with
    /// [`Copy::write`], which may take long, then [`finish_checkpoint`](Self::finish_checkpoint), then
    /// [`Complete::commit`]; changes may be made between these steps. One at a time.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`] if the files cannot be made.
    pub fn start_checkpoint(&mut self) -> Result<Option<Copy>, WriteError> {
        if self.saved == self.changes {
            return Ok(None);
        }
        Copy::begin(&self.checkpoint, self.both()?).map(Some)
    }

    /// Adds to a copy what has changed since it was begun. `None` if a new index has been published
    /// meanwhile, or too much has changed: then another copy must be begun. The checkpoint counts as
    /// up to date from here on: after a failing [`Complete::commit`] call
    /// [`checkpoint_failed`](Self::checkpoint_failed).
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`], a full disk included.
    pub fn finish_checkpoint(&mut self, copy: Written) -> Result<Option<Complete>, WriteError> {
        let complete = copy.complete(self.both()?)?;
        if complete.is_some() {
            self.saved = self.changes;
        }
        Ok(complete)
    }

    /// The checkpoint is not up to date after all.
    pub fn checkpoint_failed(&mut self) {
        self.saved = 0;
        self.changes += 1;
    }
}

/// A larger file with the same content, if this one is not the place for so much more.
///
/// Where only room is missing, the words are copied as they are, which takes about half the time; where
/// the tables are too short, or too much of the file is of records that are gone, it is written anew.
fn larger(live: &Live, sizes: &Sizes, units: u64) -> Result<Option<Draft>, WriteError> {
    let image = live.image()?;
    let used = u64::from(image.get(header::USED)?);
    let dead = u64::from(image.get(header::DEAD)?);
    let serves = image.get(header::NEXT_SEQ)? < LAST_SEQ && rebuild::suits(&image, sizes)?;
    if serves && image.free()? >= units && live.is_in_place() {
        return Ok(None);
    }
    let generation = image.index().generation();
    let mut draft = if serves && dead * 4 <= used {
        files::make_directory(live.directory())?;
        Draft::copy_of(live, Name::Larger, units)?
    } else {
        rebuild::compact(live.directory(), &image, Name::Larger, live.target, sizes, units)?
    };
    draft.complete(generation, units)?;
    Ok(Some(draft))
}
