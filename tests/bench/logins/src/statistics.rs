//! Times, sorted, and what can be said about them.

use std::time::Duration;

/// Times of the same thing, done again and again.
#[derive(Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
        // Kept sorted: there are some thousands at most.
        let at = self.0[..self.0.len() - 1].partition_point(|&other| other <= time);
        self.0[at..].rotate_right(1);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What so many of a thousand stay below.
    pub fn quantile(&self, per_mille: usize) -> Duration {
        let at = (self.0.len() * per_mille / 1000).min(self.0.len() - 1);
        self.0[at]
    }

    pub fn median(&self) -> Duration {
        self.quantile(500)
    }

    /// The largest distance between the two distribution functions (Kolmogorov and Smirnov): 0 for
    /// the same, 1 when a single time tells one from the other.
    pub fn distance(&self, other: &Self) -> f64 {
        let share = |times: &Self, time: Duration| {
            times.0.partition_point(|&one| one <= time) as f64 / times.0.len() as f64
        };
        let both = self.0.iter().chain(&other.0);
        both.map(|&time| (share(self, time) - share(other, time)).abs()).fold(0.0, f64::max)
    }
}

/// Milliseconds with two digits behind the point.
pub fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

/// Microseconds.
pub fn us(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

/// The difference of two times in milliseconds, with its sign.
pub fn difference(time: Duration, from: Duration) -> String {
    format!("{:+.3}", (time.as_secs_f64() - from.as_secs_f64()) * 1e3)
}

/// One time in terms of another.
pub fn ratio(time: Duration, to: Duration) -> String {
    format!("{:.2} x", time.as_secs_f64() / to.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(numbers: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::default();
        numbers.into_iter().for_each(|number| times.push(Duration::from_millis(number)));
        times
    }

    #[test]
    fn quantiles_do_not_depend_on_the_order() {
        let shuffled = times((0..1000).map(|n| n * 7919 % 1000));
        assert_eq!(shuffled.median(), Duration::from_millis(500));
        assert_eq!(shuffled.quantile(990), Duration::from_millis(990));
        assert_eq!(shuffled.quantile(1000), Duration::from_millis(999));
    }

    #[test]
    fn the_distance_is_none_for_the_same_and_one_for_what_never_meets() {
        assert_eq!(times(0..100).distance(&times(0..100)), 0.0);
        assert_eq!(times(0..100).distance(&times(200..300)), 1.0);
        assert_eq!(times([1, 2]).distance(&times([2, 3])), 0.5);
    }
}
