//! One of the places for mappings that a process has.

#![allow(unsafe_code)]

use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

use crate::mapping::{Identity, Reader};

/// What a slot is for at the moment.
mod state {
    /// Nobody's.
    pub const FREE: u32 = 0;
    /// One thread is filling or emptying it.
    pub const CLAIMED: u32 = 1;
    /// Holds a mapping: the current one, or one that is about to be.
    pub const FILLED: u32 = 2;
    /// Holds a mapping that is not the current one any more, and never will be again.
    pub const RETIRED: u32 = 3;
}

/// A place for a mapping, and the count of those who read it.
pub(super) struct Slot {
    state: AtomicU32,
    pins: AtomicU32,
    address: AtomicPtr<AtomicU32>,
    words: AtomicUsize,
    device: AtomicU64,
    inode: AtomicU64,
    live: AtomicU32,
}

impl Slot {
    pub(super) const fn empty() -> Self {
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

    pub(super) fn is_free(&self) -> bool {
        self.state.load(SeqCst) == state::FREE
    }

    /// Whether the mapping is of the live file, and not of the checkpoint.
    #[inline]
    pub(super) fn is_live(&self) -> bool {
        self.live.load(SeqCst) != 0
    }

    /// Which file is mapped.
    pub(super) fn identity(&self) -> Identity {
        Identity { device: self.device.load(SeqCst), inode: self.inode.load(SeqCst) }
    }

    /// Makes a free slot the caller's to fill. `false` if it is not free.
    pub(super) fn claim(&self) -> bool {
        self.state.compare_exchange(state::FREE, state::CLAIMED, SeqCst, SeqCst).is_ok()
    }

    /// Gives a claimed slot its mapping, with the caller counted in: nobody can retire and unmap it
    /// before the caller has used it.
    pub(super) fn fill(&self, reader: Reader, live: bool) -> ManuallyDrop<Reader> {
        let (address, words, identity) = reader.into_raw();
        self.address.store(address.as_ptr(), SeqCst);
        self.words.store(words, SeqCst);
        self.device.store(identity.device, SeqCst);
        self.inode.store(identity.inode, SeqCst);
        self.live.store(u32::from(live), SeqCst);
        self.count_in();
        self.state.store(state::FILLED, SeqCst);
        // SAFETY: the mapping just stored, whose owner is the slot from here on; ManuallyDrop keeps
        // this copy from unmapping it.
        ManuallyDrop::new(unsafe { Reader::from_raw(address, words) })
    }

    /// Says that the slot is not the current one any more. Only whoever made it so, or failed to make
    /// it current, may say this, and only once.
    pub(super) fn retire(&self) {
        self.state.store(state::RETIRED, SeqCst);
    }

    /// Counts a reader in. Whether the slot may be used must be checked after this, not before.
    #[inline]
    pub(super) fn count_in(&self) {
        self.pins.fetch_add(1, SeqCst);
    }

    /// Counts a reader out, and unmaps a retired slot after its last one.
    #[inline]
    pub(super) fn count_out(&self) {
        if self.pins.fetch_sub(1, SeqCst) == 1 && self.state.load(SeqCst) == state::RETIRED {
            self.reclaim();
        }
    }

    /// The slot's mapping, if it has one. To be used only by who is counted in and has then seen that
    /// the slot is in use; never to be dropped.
    #[inline]
    pub(super) fn reader(&self) -> Option<ManuallyDrop<Reader>> {
        let address = NonNull::new(self.address.load(SeqCst))?;
        // SAFETY: address and length were stored together by `fill`, and whoever may use the result
        // keeps `reclaim` from changing either. ManuallyDrop keeps this copy from unmapping it.
        Some(ManuallyDrop::new(unsafe { Reader::from_raw(address, self.words.load(SeqCst)) }))
    }

    /// Unmaps a retired slot if nobody is counted in.
    #[cold]
    #[inline(never)]
    pub(super) fn reclaim(&self) {
        // More than once, because the last reader may go while the slot is claimed for looking at it.
        for _ in 0..3 {
            let claim = self.state.compare_exchange(state::RETIRED, state::CLAIMED, SeqCst, SeqCst);
            if claim.is_err() {
                return;
            }
            if self.pins.load(SeqCst) == 0 {
                // The slot stopped being in use before it was retired, so whoever counts itself in
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
