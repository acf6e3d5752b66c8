//! What was measured.

use std::collections::BTreeMap;

use crate::counts::Counts;

/// An operation, as the measuring program calls it.
pub struct Operation {
    pub name: &'static str,
    pub title: &'static str,
    /// Nanoseconds in the unit of its table, and the unit.
    pub unit: (f64, &'static str),
    /// Rounds, calls in a turn at most, milliseconds in a turn at most.
    pub turns: (u32, u32, u32),
}

const MICROSECOND: (f64, &str) = (1e3, "µs");
const MILLISECOND: (f64, &str) = (1e6, "ms");
/// Turns of the fast sources are long enough for what they read to be in the cache again after those of
/// the others, if it fits there; the slow ones end theirs by the clock.
const LOOKUP: (u32, u32, u32) = (20, 8000, 20);

pub const HIT_NAME: &str = "hit-name";
pub const HIT_UID: &str = "hit-uid";
pub const MISS_NAME: &str = "miss-name";
pub const MISS_UID: &str = "miss-uid";
pub const INITGROUPS: &str = "initgroups";
pub const FIRST: &str = "first";
pub const ENUMERATION: &str = "enumeration";

#[rustfmt::skip]
pub const OPERATIONS: [Operation; 8] = [
    Operation { name: HIT_NAME, title: "getpwnam, a hit", unit: MICROSECOND, turns: LOOKUP },
    Operation { name: HIT_UID, title: "getpwuid, a hit", unit: MICROSECOND, turns: LOOKUP },
    Operation { name: MISS_NAME, title: "getpwnam, a miss", unit: MICROSECOND, turns: LOOKUP },
    Operation { name: MISS_UID, title: "getpwuid, a miss", unit: MICROSECOND, turns: LOOKUP },
    Operation { name: INITGROUPS, title: "initgroups, 20 groups", unit: MICROSECOND, turns: LOOKUP },
    Operation { name: FIRST, title: "the first getpwnam of a new process", unit: MICROSECOND, turns: (40, 10, 40) },
    Operation { name: "id", title: "a whole `id NAME`, 20 groups", unit: MILLISECOND, turns: (40, 5, 40) },
    Operation { name: ENUMERATION, title: "getpwent through all", unit: MILLISECOND, turns: (5, 1, 1) },
];

/// Times of one operation of one source, in nanoseconds above the cost of the clock.
#[derive(Clone, Copy)]
pub struct Times {
    pub calls: usize,
    pub p50: f64,
    pub p99: f64,
}

/// What an enumeration adds to a process, in KiB.
#[derive(Clone, Copy)]
pub struct Growth {
    pub own: i64,
    pub shared: i64,
}

/// Everything, by size, source and operation.
#[derive(Default)]
pub struct Figures {
    pub sizes: Vec<usize>,
    times: BTreeMap<(usize, String, String), Times>,
    pub growth: BTreeMap<(usize, &'static str), Growth>,
    pub counts: BTreeMap<(usize, &'static str, &'static str), Counts>,
}

impl Figures {
    /// None yet.
    pub fn of(sizes: &[usize]) -> Self {
        Self { sizes: sizes.to_vec(), ..Self::default() }
    }

    /// Takes the lines that the measuring program prints: source, operation, calls, p50 and p99 in
    /// nanoseconds.
    pub fn take(&mut self, size: usize, output: &str) {
        for line in output.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [source, operation, calls, quantiles @ ..] = fields.as_slice() else { continue };
            let quantiles: Vec<f64> = quantiles.iter().flat_map(|field| field.parse()).collect();
            let (Ok(calls), [p50, p99]) = (calls.parse(), quantiles.as_slice()) else {
                continue;
            };
            let times = Times { calls, p50: *p50, p99: *p99 };
            self.times.insert((size, (*source).to_owned(), (*operation).to_owned()), times);
        }
    }

    /// The times of one operation of one source.
    pub fn times(&self, size: usize, source: &str, operation: &str) -> Option<Times> {
        self.times.get(&(size, source.to_owned(), operation.to_owned())).copied()
    }

    /// Its median.
    pub fn p50(&self, size: usize, source: &str, operation: &str) -> Option<f64> {
        Some(self.times(size, source, operation)?.p50)
    }

    /// Its median above the floor's.
    pub fn above_floor(&self, size: usize, source: &str, operation: &str) -> Option<f64> {
        let floor = self.p50(size, crate::sources::FLOOR, operation)?;
        Some(self.p50(size, source, operation)? - floor)
    }
}
