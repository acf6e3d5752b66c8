//! How long to wait after failures in a row.
//!
//! The first few cost nothing: people mistype. Each one after them doubles the wait, up to a
//! limit, so that guessing becomes useless while the account is never locked for good. A try
//! during the wait is refused, right or wrong, and does not lengthen it: a stranger who keeps
//! trying cannot keep the owner out.

/// After this long without a failure, in seconds, counting starts anew.
pub const FORGET_AFTER: i64 = 24 * 60 * 60;

/// What failures cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Failures in a row that cost nothing.
    pub free_failures: u32,
    /// The longest wait, in seconds.
    pub max_seconds: u32,
}

/// Failures in a row. Times are unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last_at: i64,
    /// From when on a try counts again.
    pub retry_at: i64,
}

impl Failures {
    /// Seconds until a try counts; 0 when it does. A clock that was set back to before the last
    /// failure makes nobody wait.
    #[must_use]
    pub fn wait(self, now: i64) -> i64 {
        if self.count == 0 || now < self.last_at { 0 } else { (self.retry_at - now).max(0) }
    }

    /// With one more failure, at `now`.
    #[must_use]
    pub fn and_one_more(self, policy: Policy, now: i64) -> Self {
        let old = now < self.last_at || now - self.last_at > FORGET_AFTER;
        let count = if old { 1 } else { self.count.saturating_add(1) };
        Self { count, last_at: now, retry_at: now.saturating_add(delay(policy, count)) }
    }
}

fn delay(policy: Policy, count: u32) -> i64 {
    let Some(beyond) = count.checked_sub(policy.free_failures).filter(|&beyond| beyond > 0) else {
        return 0;
    };
    let seconds = 1i64.checked_shl(beyond.min(31)).unwrap_or(i64::MAX);
    seconds.min(i64::from(policy.max_seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy { free_failures: 4, max_seconds: 900 };

    fn after(count: u32) -> Failures {
        (0..count).fold(Failures::default(), |failures, _| failures.and_one_more(POLICY, 1000))
    }

    #[test]
    fn the_first_failures_are_free_and_then_the_wait_doubles_up_to_a_limit() {
        let waits: Vec<i64> = (0..=15).map(|count| after(count).wait(1000)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn the_wait_ends() {
        let failures = after(8);
        assert_eq!(failures.wait(1000), 16);
        assert_eq!(failures.wait(1015), 1);
        assert_eq!(failures.wait(1016), 0);
    }

    #[test]
    fn a_day_of_peace_starts_anew() {
        let failures = after(20).and_one_more(POLICY, 1000 + FORGET_AFTER + 1);
        assert_eq!(failures.count, 1);
        assert_eq!(failures.wait(failures.last_at), 0);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let failures = after(20);
        assert_eq!(failures.wait(999 - 3600), 0);
        assert_eq!(failures.and_one_more(POLICY, 10).count, 1);
    }

    proptest! {
        #[test]
        fn never_longer_than_the_limit(
            count in any::<u32>(), last_at in 0..i64::MAX / 2, free in any::<u32>(), max in any::<u32>(),
            later in 0i64..1000,
        ) {
            let policy = Policy { free_failures: free, max_seconds: max };
            let failures = Failures { count, last_at, retry_at: last_at };
            let next = failures.and_one_more(policy, last_at + later);
            prop_assert!(next.wait(last_at + later) <= i64::from(max));
        }
    }
}
