//! The state behind `getpwent` and its relatives: one position in one image, shared by all threads.
//!
//! An enumeration stays in the image in which it began, so that a change in the middle neither
//! repeats nor skips anybody. Its whole state is one atomic word, for the same reasons as in
//! [`crate::Shared`]: no lock that a fork could find held.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::index::Index;
use crate::mapping::Unavailable;
use crate::shared::Shared;

/// How often a call starts again because another thread moved the same enumeration on.
const ATTEMPTS: usize = 4096;

/// What a step of an enumeration came to.
pub enum Step<T> {
    /// An entry was taken; the next step goes on after this position.
    Taken(u32, T),
    /// Nothing was taken; the next step comes here again.
    Stay(T),
    /// There is nothing after the position.
    End,
}

/// What [`Enumeration::advance`] came to.
pub enum Advance<T> {
    /// The value of [`Step::Taken`] or [`Step::Stay`].
    Done(T),
    /// The enumeration is over, until it is restarted.
    End,
}

/// One enumeration of a process, kept in a `static` beside the [`Shared`] it walks.
pub struct Enumeration {
    shared: &'static Shared,
    state: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not begun: the next step begins at the first entry.
    Idle,
    /// In the image of this slot, which the enumeration has pinned.
    Running { slot: usize, position: u32 },
    /// Past the last entry; nothing is pinned.
    Over,
}

/// The state word: phase (8 bits), slot (8), count of changes (16), position (32). The count keeps a
/// state from looking unchanged to a thread that slept through others.
#[derive(Clone, Copy)]
struct State(u64);

impl State {
    fn phase(self) -> Phase {
        match self.0 & 0xff {
            1 => Phase::Running {
                slot: (self.0 >> 8 & 0xff) as usize,
                position: (self.0 >> 32) as u32,
            },
            2 => Phase::Over,
            _ => Phase::Idle,
        }
    }

    fn then(self, phase: Phase) -> Self {
        let count = (self.0 >> 16).wrapping_add(1) & 0xffff;
        Self(
            count << 16
                | match phase {
                    Phase::Idle => 0,
                    Phase::Running { slot, position } => {
                        1 | (slot as u64 & 0xff) << 8 | u64::from(position) << 32
                    }
                    Phase::Over => 2,
                },
        )
    }
}

impl Enumeration {
    /// Not begun.
    #[must_use]
    pub const fn new(shared: &'static Shared) -> Self {
        Self { shared, state: AtomicU64::new(0) }
    }

    fn load(&self) -> State {
        State(self.state.load(SeqCst))
    }

    /// Moves from `before` to `phase`. `false` if another thread moved first.
    fn swap(&self, before: State, phase: Phase) -> bool {
        let after = before.then(phase);
        self.state.compare_exchange(before.0, after.0, SeqCst, SeqCst).is_ok()
    }

    /// Moves from `before` to `phase` and lets go of the image that `before` had pinned.
    fn leave(&self, before: State, phase: Phase) -> bool {
        let left = self.swap(before, phase);
        if left && let Phase::Running { slot, .. } = before.phase() {
            self.shared.unpin(slot);
        }
        left
    }

    /// Moves from `before` to the first entry of the image as it is now.
    fn begin(&self, before: State) -> Result<bool, Unavailable> {
        let Some(slot) = self.shared.pin()?.keep() else {
            return Err(Unavailable { errno: libc::EAGAIN });
        };
        let begun = self.leave(before, Phase::Running { slot, position: 0 });
        if !begun {
            self.shared.unpin(slot);
        }
        Ok(begun)
    }

    /// Goes back to the first entry of the image as it is now (`setpwent`).
    ///
    /// # Errors
    ///
    /// There is no index; the next step tries again.
    pub fn restart(&self) -> Result<(), Unavailable> {
        for _ in 0..ATTEMPTS {
            let before = self.load();
            match self.begin(before) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    self.finish();
                    return Err(error);
                }
            }
        }
        Err(Unavailable { errno: libc::EAGAIN })
    }

    /// Ends the enumeration and lets go of its image (`endpwent`). Harmless when there is none.
    pub fn finish(&self) {
        for _ in 0..ATTEMPTS {
            if self.leave(self.load(), Phase::Idle) {
                return;
            }
        }
    }

    /// Takes a step (`getpwent_r`): `step` gets the image and the position of the last entry (0 at
    /// first). It can be called more than once when threads share the enumeration; only the result of
    /// its last call counts.
    ///
    /// # Errors
    ///
    /// There is no index.
    pub fn advance<T>(
        &self,
        mut step: impl FnMut(Index<'_>, u32) -> Step<T>,
    ) -> Result<Advance<T>, Unavailable> {
        for _ in 0..ATTEMPTS {
            let before = self.load();
            let (slot, position) = match before.phase() {
                Phase::Over => return Ok(Advance::End),
                Phase::Idle => {
                    self.begin(before)?;
                    continue;
                }
                Phase::Running { slot, position } => (slot, position),
            };
            // While the state is unchanged, the enumeration's own pin keeps the slot mapped.
            let unchanged = || self.load().0 == before.0;
            let Some(pinned) = self.shared.pin_slot(slot, unchanged) else { continue };
            match step(pinned.index(), position) {
                Step::Stay(value) => return Ok(Advance::Done(value)),
                Step::Taken(position, value) => {
                    if self.swap(before, Phase::Running { slot, position }) {
                        return Ok(Advance::Done(value));
                    }
                }
                Step::End => {
                    if self.leave(before, Phase::Over) {
                        return Ok(Advance::End);
                    }
                }
            }
        }
        Err(Unavailable { errno: libc::EAGAIN })
    }
}
