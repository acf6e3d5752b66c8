//! Spans of time as people write them: `90s`, `30m`, `1h`, `1h30m`, `2d`, `1w`.

/// Reads a span of time, in seconds.
///
/// # Errors
/// Says the form, when it has another or is nothing.
pub fn parse(text: &str) -> Result<u64, String> {
    let refuse = || "a time is written as 90s, 30m, 1h, 1h30m, 2d or 1w".to_owned();
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
        let number: u64 = rest[..digits].parse().map_err(|_| refuse())?;
        let mut after = rest[digits..].chars();
        let unit = match after.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            _ => return Err(refuse()),
        };
        let part = number.checked_mul(unit).ok_or_else(refuse)?;
        seconds = seconds.checked_add(part).ok_or_else(refuse)?;
        rest = after.as_str();
    }
    if seconds == 0 { Err(refuse()) } else { Ok(seconds) }
}

/// Writes a span of time as [`parse`] reads it.
pub fn written(mut seconds: u64) -> String {
    let mut text = String::new();
    for (unit, length) in [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
        if seconds >= length {
            text.push_str(&format!("{}{unit}", seconds / length));
            seconds %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for seconds in [1, 59, 60, 90, 3600, 5400, 86_399, 86_400, 700_000, 10_000_000] {
            assert_eq!(parse(&written(seconds)), Ok(seconds), "{}", written(seconds));
        }
    }

    #[test]
    fn times_are_read_or_refused() {
        for (text, seconds) in
            [("90s", 90), ("30m", 1800), ("1h", 3600), ("1h30m", 5400), ("2d", 172_800)]
        {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        for bad in ["", "1", "h", "-1h", "1y", "0s", "1.5h", "99999999999999999999s", "1h ", "1é"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("{}w", u64::MAX)).is_err());
    }
}
