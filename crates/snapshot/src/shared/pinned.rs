//! A mapping that somebody is reading.

use core::mem::ManuallyDrop;

use super::Shared;
use crate::index::Index;
use crate::mapping::Reader;

enum Place<'s> {
    /// In a slot, which owns it; the reader here is a copy that is never dropped.
    Slot(&'s Shared, usize, ManuallyDrop<Reader>),
    /// Lent to one call.
    Lent(Reader),
}

/// A mapping that stays while this value lives.
pub struct Pinned<'s> {
    place: Place<'s>,
}

impl<'s> Pinned<'s> {
    /// In the slot `number`, in which the caller is counted in.
    #[inline]
    pub(super) fn in_slot(shared: &'s Shared, number: usize, reader: ManuallyDrop<Reader>) -> Self {
        Self { place: Place::Slot(shared, number, reader) }
    }

    /// In no slot.
    pub(super) fn lent(reader: Reader) -> Self {
        Self { place: Place::Lent(reader) }
    }

    /// The index.
    #[inline]
    #[must_use]
    pub fn index(&self) -> Index<'_> {
        match &self.place {
            Place::Slot(_, _, reader) => reader.index(),
            Place::Lent(reader) => reader.index(),
        }
    }

    /// Turns the pin into one that the caller takes back with [`Shared::unpin`], by the number of the
    /// slot. `None`, and nothing is pinned, if the mapping is only lent.
    pub(crate) fn keep(self) -> Option<usize> {
        match self.place {
            Place::Slot(_, number, _) => {
                core::mem::forget(self);
                Some(number)
            }
            Place::Lent(_) => None,
        }
    }
}

impl Drop for Pinned<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Slot(shared, number, _) = &self.place {
            shared.unpin(*number);
        }
    }
}
