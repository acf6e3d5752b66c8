//! The mapping that a process keeps, and how it follows the file.
//!
//! This runs inside of every process of the system, so it uses no lock (a fork could find it held),
//! no thread-local storage, no allocation and no descriptor. The current mapping stands in one of a
//! few static slots. A thread that looks something up *pins* the slot: it counts itself in, then
//! checks that the slot is still the current one. A slot that has been replaced is unmapped by
//! whoever sees its count at zero; a thread that counts itself in later than that fails the check and
//! touches nothing.
//!
//! A child forked while other threads were pinned inherits counts that nobody will ever take back.
//! Such slots are lost to it. When none is left, lookups map the file, read it and unmap it: slower,
//! and always right.

mod pinned;
mod slot;

use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

pub use pinned::Pinned;

use crate::layout::Kind;
use crate::mapping::{self, Identity, Opened, Reader, Unavailable};
use slot::Slot;

/// Mappings a process can hold at a time: the current one, those of running enumerations, those that
/// a slow thread still reads, and those lost to forks.
const SLOTS: usize = 16;
/// How often a lookup starts again because the mapping was replaced under it.
const ATTEMPTS: usize = 64;

/// The current mapping of a process, kept in a `static`.
pub struct Shared {
    live: &'static CStr,
    checkpoint: &'static CStr,
    kind: Kind,
    owner: u32,
    /// 0, or one more than the number of the current slot.
    current: AtomicU32,
    slots: [Slot; SLOTS],
}

impl Shared {
    /// Nothing mapped yet. `owner` is who the files must belong to: 0 outside of tests.
    #[must_use]
    pub const fn new(
        live: &'static CStr,
        checkpoint: &'static CStr,
        kind: Kind,
        owner: u32,
    ) -> Self {
        let slots = [const { Slot::empty() }; SLOTS];
        Self { live, checkpoint, kind, owner, current: AtomicU32::new(0), slots }
    }

    /// The index as it is now: the live file, and while there is none, the checkpoint.
    ///
    /// In the usual case this costs two atomic additions and one load from the file.
    ///
    /// # Errors
    ///
    /// Neither file can be read. That includes a current mapping that is marked as replaced while its
    /// path cannot be opened (no descriptors, chroot): an answer known to be old is not an answer.
    #[inline]
    pub fn pin(&self) -> Result<Pinned<'_>, Unavailable> {
        let mut seen = None;
        if let Some((number, pinned)) = self.pin_current() {
            if !pinned.index().superseded() && self.is_live(number) {
                return Ok(pinned);
            }
            seen = Some((number, pinned));
        }
        let errno = mapping::errno();
        let result = self.follow(seen);
        // A lookup that succeeds leaves errno alone, whatever failed on the way.
        mapping::set_errno(errno);
        result
    }

    fn is_live(&self, number: usize) -> bool {
        self.slots.get(number).is_some_and(Slot::is_live)
    }

    /// Pins the current slot.
    #[inline]
    fn pin_current(&self) -> Option<(usize, Pinned<'_>)> {
        for _ in 0..ATTEMPTS {
            let current = self.current.load(SeqCst);
            let number = (current as usize).checked_sub(1)?;
            if let Some(pinned) = self.pin_slot(number, || self.current.load(SeqCst) == current) {
                return Some((number, pinned));
            }
        }
        None
    }

    /// Pins the slot `number` if, once this thread is counted in, something else is known to keep it
    /// from being unmapped: that is what `held` says.
    #[inline]
    pub(crate) fn pin_slot(&self, number: usize, held: impl Fn() -> bool) -> Option<Pinned<'_>> {
        let slot = self.slots.get(number)?;
        slot.count_in();
        if held()
            && let Some(reader) = slot.reader()
        {
            return Some(Pinned::in_slot(self, number, reader));
        }
        slot.count_out();
        None
    }

    /// Takes back a pin that was kept.
    #[inline]
    pub(crate) fn unpin(&self, number: usize) {
        if let Some(slot) = self.slots.get(number) {
            slot.count_out();
        }
    }

    /// Looks at the paths and goes over to the file that counts now.
    #[cold]
    fn follow<'s>(&'s self, seen: Option<(usize, Pinned<'s>)>) -> Result<Pinned<'s>, Unavailable> {
        let number = seen.as_ref().map(|(number, _)| *number);
        let identity = number.and_then(|number| Some(self.slots.get(number)?.identity()));
        let live = match self.look(self.live, identity) {
            Ok(Found::Same) => return seen.map(|(_, pinned)| pinned).ok_or(GONE),
            Ok(Found::Other(reader)) => return Ok(self.install(reader, true, number)),
            Err(error) => error,
        };
        if let Some((number, pinned)) = seen {
            if !self.is_live(number) && !pinned.index().superseded() {
                return Ok(pinned);
            }
            // Not dropped before the installation, so that the slot is not reused before it.
            return match self.look(self.checkpoint, identity) {
                Ok(Found::Same) => Ok(pinned),
                Ok(Found::Other(reader)) => Ok(self.install(reader, false, Some(number))),
                Err(_) => Err(live),
            };
        }
        match self.look(self.checkpoint, None) {
            Ok(Found::Other(reader)) => Ok(self.install(reader, false, None)),
            Ok(Found::Same) => Err(GONE),
            // The live file's absence is ordinary; anything else about it is worth telling.
            Err(checkpoint) => Err(if live.errno == libc::ENOENT { checkpoint } else { live }),
        }
    }

    /// Looks at what `path` leads to, and maps it unless it is the file `known`.
    fn look(&self, path: &CStr, known: Option<Identity>) -> Result<Found, Unavailable> {
        let opened = Opened::open(path, self.kind, self.owner)?;
        if Some(opened.identity) == known {
            Ok(Found::Same)
        } else {
            opened.map().map(Found::Other)
        }
    }

    /// Makes `reader` the current mapping in place of the slot `before`. If there is no slot for it, or
    /// another thread was faster, it serves this one call only.
    fn install(&self, reader: Reader, live: bool, before: Option<usize>) -> Pinned<'_> {
        let Some((number, slot)) = self.claim() else { return Pinned::lent(reader) };
        let pinned = Pinned::in_slot(self, number, slot.fill(reader, live));
        let expected = before.map_or(0, |number| number as u32 + 1);
        let after = number as u32 + 1;
        let swapped = self.current.compare_exchange(expected, after, SeqCst, SeqCst).is_ok();
        let retired = if swapped { before } else { Some(number) };
        if let Some(slot) = retired.and_then(|retired| self.slots.get(retired)) {
            slot.retire();
            slot.reclaim();
        }
        pinned
    }

    /// A free slot, which is the caller's now.
    fn claim(&self) -> Option<(usize, &Slot)> {
        let free = || self.slots.iter().enumerate().find(|(_, slot)| slot.claim());
        free().or_else(|| {
            self.slots.iter().for_each(Slot::reclaim);
            free()
        })
    }

    /// How many mappings the process holds.
    #[must_use]
    pub fn mappings(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.is_free()).count()
    }
}

/// There is no index.
const GONE: Unavailable = Unavailable { errno: libc::ENOENT };

/// What a path led to.
enum Found {
    /// The file that is mapped already.
    Same,
    /// Another file.
    Other(Reader),
}
