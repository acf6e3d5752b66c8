//! The next free uid or gid, found without a walk over those that are used up.
//!
//! Numbers are never given out again, so those below the last one found stay used up. What is only
//! kept by somebody else for now (a reservation, an account of the host) may become free again: it is
//! passed over within one operation, and looked at again by the next.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use super::Error;

/// From where on one operation looks for a free number.
#[derive(Debug, Clone, Default)]
pub(super) struct Next {
    /// Those below are taken, or somebody else's.
    from: Cell<u32>,
    /// Those below are used up for good.
    floor: Cell<u32>,
    passed: Cell<bool>,
}

impl Next {
    /// Beginning at what is known to be the floor.
    pub(super) fn at(floor: u32) -> Self {
        Self { from: Cell::new(floor), floor: Cell::new(floor), passed: Cell::new(false) }
    }

    /// The first number from `first` on that may be given out (`allowed`: the first such one from a
    /// number on), was not (`unused`, likewise) and is nobody else's. `None` if there is none.
    pub(super) fn find(
        &self,
        first: u32,
        allowed: impl Fn(u32) -> Option<u32>,
        unused: impl Fn(u32) -> Result<u32, Error>,
        is_free: impl Fn(u32) -> Result<bool, Error>,
    ) -> Result<Option<u32>, Error> {
        let mut from = first.max(self.from.get());
        loop {
            let Some(begin) = allowed(from) else { return Ok(None) };
            let number = unused(begin)?;
            if allowed(number) != Some(number) {
                // The end of a run of used numbers, and the beginning of a range that is not ours.
                from = number;
                continue;
            }
            if is_free(number)? {
                self.from.set(number);
                if !self.passed.get() {
                    self.floor.set(number);
                }
                return Ok(Some(number));
            }
            self.passed.set(true);
            from = number + 1;
        }
    }
}

/// What operations have found: uids and gids below these are used up for good.
#[derive(Debug, Default)]
pub(super) struct Floors([AtomicU32; 2]);

impl Floors {
    /// From where on an operation looks for numbers.
    pub(super) fn next(&self) -> [Next; 2] {
        [0, 1].map(|which| Next::at(self.0[which].load(SeqCst)))
    }

    /// Learns from an operation that is committed.
    pub(super) fn learn(&self, next: &[Next; 2]) {
        for (floor, next) in self.0.iter().zip(next) {
            floor.fetch_max(next.floor.get(), SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use accounts::Uid;

    use super::*;

    struct Numbers {
        used: BTreeSet<u32>,
        held: BTreeSet<u32>,
        looks: Cell<u32>,
    }

    impl Numbers {
        fn find(&self, next: &Next) -> Option<u32> {
            let unused = |from: u32| {
                self.looks.set(self.looks.get() + 1);
                Ok((from..).find(|number| !self.used.contains(number)).unwrap())
            };
            next.find(Uid::FIRST, Uid::allowed_from, unused, |number| {
                Ok(!self.held.contains(&number))
            })
            .unwrap()
        }
    }

    /// A million users do not fit below the range for containers: the search jumps over it.
    #[test]
    fn ranges_that_are_not_ours_are_jumped_over() {
        let mut numbers =
            Numbers { used: BTreeSet::new(), held: BTreeSet::new(), looks: Cell::new(0) };
        numbers.used.extend((3000..524_288).filter(|number| Uid::parse((*number).into()).is_ok()));
        assert_eq!(numbers.find(&Next::at(0)), Some(1_879_048_192));
        assert!(numbers.looks.get() < 20, "{} looks", numbers.looks.get());
        numbers.used.insert(1_879_048_192);
        assert_eq!(numbers.find(&Next::at(0)), Some(1_879_048_193));
        assert_eq!(Uid::allowed_from(60_001), Some(60_706));
        assert_eq!(Uid::allowed_from(0), Some(1000));
        assert_eq!(Uid::allowed_from(65_534), Some(65_536));
        assert_eq!(Uid::allowed_from(i32::MAX as u32), Some(i32::MAX as u32));
        assert_eq!(Uid::allowed_from(i32::MAX as u32 + 1), None);
        let next = Next::at(i32::MAX as u32);
        numbers.held.insert(i32::MAX as u32);
        assert_eq!(numbers.find(&next), None);
    }

    #[test]
    fn what_is_only_held_is_looked_at_again_by_the_next_operation() {
        let held = BTreeSet::from([3002]);
        let mut numbers = Numbers { used: (3000..3002).collect(), held, looks: Cell::new(0) };
        let floors = Floors::default();
        let next = floors.next();
        assert_eq!(numbers.find(&next[0]), Some(3003));
        numbers.used.insert(3003);
        assert_eq!(numbers.find(&next[0]), Some(3004), "passed over in one operation");
        floors.learn(&next);
        numbers.held.clear();
        assert_eq!(numbers.find(&floors.next()[0]), Some(3002));
        floors.learn(&floors.next());
        let next = floors.next();
        assert_eq!(numbers.find(&next[0]), Some(3002));
        numbers.used.insert(3002);
        floors.learn(&next);
        numbers.looks.set(0);
        assert_eq!(numbers.find(&floors.next()[0]), Some(3004));
        assert_eq!(numbers.looks.get(), 1, "the floor is known");
    }
}
