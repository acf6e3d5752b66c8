//! Instants in records: RFC 3339 text outside, whole seconds since 1970 inside.

use serde::{Deserialize, Serialize};

use crate::field_error::Refused;

/// An instant, in whole seconds since 1970-01-01T00:00:00Z; shown as `2026-01-31T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

const DAY: i64 = 86_400;

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl Timestamp {
    /// Parses `2026-01-31` (its first second, UTC) or `2026-01-31T12:00:00Z` (RFC 3339, UTC only).
    ///
    /// # Errors
    /// Refuses other forms and dates that do not exist.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = || Refused::invalid("is no date such as 2026-01-31 or 2026-01-31T12:00:00Z");
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, time.strip_suffix('Z').ok_or_else(refuse)?),
            None => (text, "00:00:00"),
        };
        let numbers = |text: &str, separator: char, lengths: [usize; 3]| -> Option<[i64; 3]> {
            let mut parts = text.split(separator);
            let mut numbers = [0; 3];
            for (number, length) in numbers.iter_mut().zip(lengths) {
                let part = parts.next().filter(|part| part.len() == length)?;
                *number = part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())??;
            }
            parts.next().is_none().then_some(numbers)
        };
        let [year, month, day] = numbers(date, '-', [4, 2, 2]).ok_or_else(refuse)?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2]).ok_or_else(refuse)?;
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
            return Err(refuse());
        }
        Ok(Self(days * DAY + hour * 3600 + minute * 60 + second))
    }

    /// Whole days since 1970-01-01, as shadow(5) counts.
    #[must_use]
    pub const fn days(self) -> i64 {
        self.0.div_euclid(DAY)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = civil_from_days(self.days());
        let second = self.0.rem_euclid(DAY);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_instants() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_709_210_096).to_string(), "2024-02-29T12:34:56Z");
        assert_eq!(Timestamp::parse("2024-02-29T12:34:56Z").unwrap().0, 1_709_210_096);
        assert_eq!(Timestamp::parse("1970-01-02").unwrap().days(), 1);
        for bad in
            ["", "2023-02-29", "2024-13-01", "2024-1-1", "2024-01-01T24:00:00Z", "+024-01-01", "x"]
        {
            assert!(Timestamp::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back(seconds in 0i64..253_402_300_799) {
            let instant = Timestamp(seconds);
            prop_assert_eq!(Timestamp::parse(&instant.to_string()).unwrap(), instant);
        }
    }
}
