//! Sets of numbers that mostly follow each other: a million of them are a few bytes.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// A set of numbers, kept as runs from a first to a last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans {
    /// First → last. Neither touching nor overlapping each other.
    runs: BTreeMap<u32, u32>,
}

impl Spans {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.runs.iter().map(|(first, last)| (last - first) as usize + 1).sum()
    }

    /// Whether that number is one of them.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        self.runs.range(..=number).next_back().is_some_and(|(_, last)| number <= *last)
    }

    /// Adds a number; whether it is new.
    pub fn insert(&mut self, number: u32) -> bool {
        let before = self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let grows = match before {
            Some((_, last)) if number <= last => return false,
            Some((first, last)) => (last.checked_add(1) == Some(number)).then_some(first),
            None => None,
        };
        let next = number.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(grows.unwrap_or(number), next.unwrap_or(number));
        true
    }

    /// The numbers in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|(first, last)| *first..=*last)
    }
}

impl Extend<u32> for Spans {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, numbers: I) {
        for number in numbers {
            self.insert(number);
        }
    }
}

impl FromIterator<u32> for Spans {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut spans = Self::default();
        spans.extend(numbers);
        spans
    }
}

/// Numbers that were given out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Of users.
    pub uids: Spans,
    /// Of groups.
    pub gids: Spans,
}

impl Numbers {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty() && self.gids.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.uids.count() + self.gids.count()
    }

    /// Adds those of another set.
    pub fn extend(&mut self, other: &Self) {
        self.uids.extend(other.uids.iter());
        self.gids.extend(other.gids.iter());
    }

    /// Those that the other set has not.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        Self {
            uids: self.uids.iter().filter(|uid| !other.uids.contains(*uid)).collect(),
            gids: self.gids.iter().filter(|gid| !other.gids.contains(*gid)).collect(),
        }
    }

    /// Writes them as the journal has them, a line each.
    ///
    /// # Errors
    /// When that fails.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        self.uids.iter().try_for_each(|uid| writeln!(to, "u {uid}"))?;
        self.gids.iter().try_for_each(|gid| writeln!(to, "g {gid}"))
    }

    /// Takes in what a line says; whether it is a line of ours.
    pub(super) fn read(&mut self, line: &[u8]) -> bool {
        let (of, number) = match line {
            [b'u', b' ', number @ ..] => (&mut self.uids, number),
            [b'g', b' ', number @ ..] => (&mut self.gids, number),
            _ => return false,
        };
        let plain = number.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(number).ok().filter(|_| plain);
        number.and_then(|number| number.parse().ok()).map(|number| of.insert(number)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_sets(
            numbers in proptest::collection::vec(prop_oneof![0..40_u32, u32::MAX - 3..=u32::MAX], 0..60)
        ) {
            let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(spans.contains(number), set.contains(&number));
                prop_assert_eq!(spans.insert(number), set.insert(number));
            }
            prop_assert_eq!(spans.count(), set.len());
            prop_assert!(spans.iter().eq(set.iter().copied()));
            let touching = spans.runs.iter().zip(spans.runs.iter().skip(1));
            prop_assert!(touching.into_iter().all(|((_, last), (first, _))| last + 1 < *first));
        }
    }

    #[test]
    fn a_million_in_a_row_are_one_run() {
        let spans: Spans = (3000..1_003_000).rev().collect();
        assert_eq!((spans.runs.len(), spans.count()), (1, 1_000_000));
    }
}
