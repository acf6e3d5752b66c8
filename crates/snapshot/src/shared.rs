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

#![allow(unsafe_code)]

use core::ffi::CStr;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

use crate::index::Index;
use crate::layout::Kind;
use crate::mapping::{self, Identity, Opened, Reader, Unavailable};

/// Mappings a process can hold at a time: the current one, those of running enumerations, those that
/// a slow thread still reads, and those lost to forks.
const SLOTS: usize = 16;
/// How often a lookup starts again because the mapping was replaced under it.
const ATTEMPTS: usize = 64;

/// What a slot is for at the moment.
mod state {
    /// Nobody's.
    pub const FREE: u32 = 0;
    /// One thread is filling or emptying it.
    pub const CLAIMED: u32 = 1;
    /// Holds a mapping: the current one.
    pub const FILLED: u32 = 2;
    /// Holds a mapping that is not the current one any more.
    pub const RETIRED: u32 = 3;
}

struct Slot {
    state: AtomicU32,
    pins: AtomicU32,
    address: AtomicPtr<AtomicU32>,
    words: AtomicUsize,
    device: AtomicU64,
    inode: AtomicU64,
    /// Whether this is the live file, and not the checkpoint.
    live: AtomicU32,
}

impl Slot {
    const fn empty() -> Self {
        Self {
            state: AtomicU32::new(state::FREE),
            pins: AtomicU32::new(0),
            address: AtomicPtr::new(core::ptr::null_mut()),
            words: AtomicUsize::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            live: AtomicU32::new(0),
        }
    }

    fn identity(&self) -> Identity {
        Identity { device: self.device.load(SeqCst), inode: self.inode.load(SeqCst) }
    }

    /// The slot's mapping, if it has one. Must only be used while the slot is pinned or claimed, and
    /// must not be dropped unless it is claimed.
    fn reader(&self) -> Option<ManuallyDrop<Reader>> {
        let address = NonNull::new(self.address.load(SeqCst))?;
        // SAFETY: address and length were stored together from `Reader::into_raw` while the slot was
        // claimed. The only owner is the slot; ManuallyDrop keeps this copy from unmapping it.
        Some(ManuallyDrop::new(unsafe { Reader::from_raw(address, self.words.load(SeqCst)) }))
    }

    /// Unmaps a retired slot if nobody is in it.
    fn reclaim(&self) {
        // More than once, because the last pin may go while the slot is claimed for looking at it.
        for _ in 0..3 {
            let claim = self.state.compare_exchange(state::RETIRED, state::CLAIMED, SeqCst, SeqCst);
            if claim.is_err() {
                return;
            }
            if self.pins.load(SeqCst) == 0 {
                // The slot stopped being current before it was retired, so whoever counts itself in
                // from here on sees that and backs off. Nobody else has it claimed.
                if let Some(reader) = self.reader() {
                    self.address.store(core::ptr::null_mut(), SeqCst);
                    drop(ManuallyDrop::into_inner(reader));
                }
                self.state.store(state::FREE, SeqCst);
                return;
            }
            self.state.store(state::RETIRED, SeqCst);
            if self.pins.load(SeqCst) != 0 {
                return;
            }
        }
    }
}

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
        self.slots.get(number).is_some_and(|slot| slot.live.load(SeqCst) != 0)
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
        slot.pins.fetch_add(1, SeqCst);
        if held()
            && let Some(reader) = slot.reader()
        {
            return Some(Pinned { place: Place::Slot(self, number), reader });
        }
        self.unpin(number);
        None
    }

    /// Takes a pin back, and unmaps the slot if it was the last one on a retired slot.
    #[inline]
    pub(crate) fn unpin(&self, number: usize) {
        let Some(slot) = self.slots.get(number) else { return };
        if slot.pins.fetch_sub(1, SeqCst) == 1 && slot.state.load(SeqCst) == state::RETIRED {
            slot.reclaim();
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

    /// Makes `reader` the current mapping in place of the slot `before`, or, if there is no slot for
    /// it or another thread was faster, lends it to this one call.
    fn install(&self, reader: Reader, live: bool, before: Option<usize>) -> Pinned<'_> {
        let Some((number, slot)) = self.claim() else { return Pinned::transient(reader) };
        let (address, words, identity) = reader.into_raw();
        slot.address.store(address, SeqCst);
        slot.words.store(words, SeqCst);
        slot.device.store(identity.device, SeqCst);
        slot.inode.store(identity.inode, SeqCst);
        slot.live.store(u32::from(live), SeqCst);
        // Counted in before the slot can be seen, so that it cannot be retired and unmapped first.
        slot.pins.fetch_add(1, SeqCst);
        slot.state.store(state::FILLED, SeqCst);
        let expected = before.map_or(0, |number| number as u32 + 1);
        let swap =
            self.current.compare_exchange(expected, number as u32 + 1, SeqCst, SeqCst).is_ok();
        let retired = if swap { before } else { Some(number) };
        if let Some(retired) = retired.and_then(|retired| self.slots.get(retired)) {
            retired.state.store(state::RETIRED, SeqCst);
        }
        for slot in &self.slots {
            slot.reclaim();
        }
        let address = NonNull::new(address).unwrap_or(NonNull::dangling());
        // SAFETY: the mapping just stored in the slot, which our pin keeps.
        let reader = ManuallyDrop::new(unsafe { Reader::from_raw(address, words) });
        Pinned { place: Place::Slot(self, number), reader }
    }

    fn claim(&self) -> Option<(usize, &Slot)> {
        self.slots.iter().enumerate().find(|(_, slot)| {
            slot.state.compare_exchange(state::FREE, state::CLAIMED, SeqCst, SeqCst).is_ok()
        })
    }

    /// How many mappings the process holds.
    #[must_use]
    pub fn mappings(&self) -> usize {
        self.slots.iter().filter(|slot| slot.state.load(SeqCst) != state::FREE).count()
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

enum Place<'s> {
    Slot(&'s Shared, usize),
    Transient,
}

/// A mapping that stays while this value lives.
pub struct Pinned<'s> {
    place: Place<'s>,
    reader: ManuallyDrop<Reader>,
}

impl Pinned<'_> {
    fn transient(reader: Reader) -> Self {
        Self { place: Place::Transient, reader: ManuallyDrop::new(reader) }
    }

    /// The index.
    #[inline]
    #[must_use]
    pub fn index(&self) -> Index<'_> {
        self.reader.index()
    }

    /// Turns the pin into one that the caller takes back with [`Shared::unpin`], by the number of the
    /// slot. `None`, and nothing is pinned, if the mapping is only lent.
    pub(crate) fn keep(self) -> Option<usize> {
        match self.place {
            Place::Slot(_, number) => {
                core::mem::forget(self);
                Some(number)
            }
            Place::Transient => None,
        }
    }
}

impl Drop for Pinned<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.place {
            Place::Slot(shared, number) => shared.unpin(number),
            // SAFETY: the value is being dropped, so the reader is not used again.
            Place::Transient => unsafe { ManuallyDrop::drop(&mut self.reader) },
        }
    }
}
