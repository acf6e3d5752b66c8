//! A list of passwords that have leaked, in a sorted file, searched without reading it all.
//!
//! Two forms are known by the first line: passwords, one a line, in the order of bytes
//! (`LC_ALL=C sort`); and SHA-1 sums in hexadecimal with a count behind them (`HEX:count`), in the
//! order of the sums, as the well known collections are given out.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// Longest line, in bytes.
const MAX_LINE: usize = 4096;
/// Places at which the order of a list is looked at.
const PROBES: u64 = 64;
/// Hexadecimal digits of a sum.
const SUM: usize = 40;

/// The file, open.
pub struct LeakedList {
    file: File,
    size: u64,
    sums: bool,
}

/// A line and where the next one begins.
struct Line {
    start: u64,
    text: Zeroizing<Vec<u8>>,
    next: u64,
}

impl LeakedList {
    /// Opens a list.
    ///
    /// # Errors
    /// When it cannot be read, or is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut list = Self { file, size: metadata.len(), sums: false };
        list.sums = list.line_from(0)?.is_some_and(|line| is_sum(&line.text));
        Ok(list)
    }

    /// Looks at some places whether it is sorted.
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn check(&self) -> io::Result<()> {
        let mut before: Option<Line> = None;
        for probe in 0..PROBES {
            let Some(line) = self.line_from(self.size / PROBES * probe)? else { break };
            if self.sums && !is_sum(&line.text) {
                return Err(io::Error::other("it begins with SHA-1 sums and goes on without them"));
            }
            let sorted = before.as_ref().is_none_or(|before| {
                before.start >= line.start || self.compare(&before.text, &line.text).is_le()
            });
            if !sorted {
                return Err(io::Error::other("it is not sorted: use LC_ALL=C sort"));
            }
            before = Some(line);
        }
        Ok(())
    }

    /// Whether a password is in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn holds(&self, password: &[u8]) -> io::Result<bool> {
        let wanted = if self.sums { sum(password) } else { Zeroizing::new(password.to_vec()) };
        // The line, if there is one, begins at `low` or after it, and before `high`.
        let (mut low, mut high) = (0, self.size);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(line) = self.line_from(middle)?.filter(|line| line.start < high) else {
                high = middle;
                continue;
            };
            match self.compare(&line.text, &wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = line.next,
                Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }

    fn compare(&self, left: &[u8], right: &[u8]) -> Ordering {
        if self.sums {
            let digits = |line: &[u8]| line.iter().take(SUM).map(u8::to_ascii_uppercase).collect();
            let (left, right): (Vec<u8>, Vec<u8>) = (digits(left), digits(right));
            left.cmp(&right)
        } else {
            left.cmp(right)
        }
    }

    /// The first line that begins at `from` or after it.
    fn line_from(&self, from: u64) -> io::Result<Option<Line>> {
        let start = match from {
            0 => 0,
            // One that begins here follows a line break.
            from => match self.end_of_line(from - 1)? {
                Some(end) => end + 1,
                None => return Ok(None),
            },
        };
        if start >= self.size {
            return Ok(None);
        }
        let end = self.end_of_line(start)?.unwrap_or(self.size);
        let length = usize::try_from(end - start).map_err(io::Error::other)?;
        let mut text = Zeroizing::new(vec![0; length]);
        self.file.read_exact_at(&mut text, start)?;
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Ok(Some(Line { start, text, next: end + 1 }))
    }

    /// Where the first line break is at `from` or after it.
    fn end_of_line(&self, from: u64) -> io::Result<Option<u64>> {
        let mut buffer = Zeroizing::new([0; 512]);
        let mut at = from;
        while at < self.size {
            if at - from > MAX_LINE as u64 {
                return Err(io::Error::other(format!(
                    "it has a line of more than {MAX_LINE} bytes"
                )));
            }
            let count = self.file.read_at(&mut buffer[..], at)?;
            if count == 0 {
                break;
            }
            if let Some(found) = buffer[..count].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(at + found as u64));
            }
            at += count as u64;
        }
        Ok(None)
    }
}

/// Whether that is a SHA-1 sum, with or without a count.
fn is_sum(line: &[u8]) -> bool {
    line.get(..SUM).is_some_and(|sum| sum.iter().all(u8::is_ascii_hexdigit))
        && line[SUM..].first().is_none_or(|byte| *byte == b':')
        && line[SUM..].iter().skip(1).all(u8::is_ascii_digit)
}

fn sum(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let digits = b"0123456789ABCDEF";
    let sum = Sha1::digest(password);
    let digit = |half: u8| digits[usize::from(half)];
    Zeroizing::new(sum.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn list(text: &[u8]) -> LeakedList {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        LeakedList::open(file.path()).unwrap()
    }

    #[test]
    fn passwords_are_found_and_others_are_not() {
        for end in ["\n", "\r\n"] {
            let mut words = ["123456", "correct horse", "hunter2", "pass", "password", "zzz", "ß"];
            words.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            for last in ["", end] {
                let list = list(format!("{}{last}", words.join(end)).as_bytes());
                list.check().unwrap();
                for word in words {
                    assert!(list.holds(word.as_bytes()).unwrap(), "{word}");
                }
                for other in ["", "1", "12345", "1234567", "hunter", "passwor", "zzzz", "ü"] {
                    assert!(!list.holds(other.as_bytes()).unwrap(), "{other}");
                }
            }
        }
    }

    #[test]
    fn sums_are_found_in_either_case_and_with_or_without_a_count() {
        // printf %s password | sha1sum
        let sums = [
            "1111111111111111111111111111111111111111:7",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824",
            "F3BBBD66A63D4BF1747940578EC3D0103530E21D:17",
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:1",
        ];
        for text in [sums.join("\r\n"), sums.join("\n").to_lowercase()] {
            let list = list(text.as_bytes());
            list.check().unwrap();
            assert!(
                list.sums && list.holds(b"password").unwrap() && list.holds(b"hunter2").unwrap()
            );
            assert!(!list.holds(b"Password").unwrap());
            assert!(!list.holds(sums[1].as_bytes()).unwrap());
        }
        let bare: Vec<_> = sums.iter().map(|sum| &sum[..SUM]).collect();
        assert!(list(bare.join("\n").as_bytes()).holds(b"password").unwrap());
    }

    #[test]
    fn an_empty_list_holds_nothing() {
        for text in [&b""[..], b"\n", b"\n\n\n"] {
            let list = list(text);
            list.check().unwrap();
            assert!(!list.holds(b"password").unwrap());
        }
    }

    #[test]
    fn what_is_no_list_is_said() {
        let unsorted: Vec<String> = (0..1000).map(|n| format!("{}", n * 7919 % 1000)).collect();
        let error = list(unsorted.join("\n").as_bytes()).check().unwrap_err().to_string();
        assert!(error.contains("sort"), "{error}");
        let endless = list(&[&b"a\n"[..], &[b'x'; 3 * MAX_LINE]].concat());
        assert!(endless.check().is_err() && endless.holds(b"password").is_err());
        assert!(LeakedList::open(Path::new("/")).is_err());
        assert!(LeakedList::open(Path::new("/nonexistent")).is_err());
    }

    proptest! {
        #[test]
        fn finds_what_is_there(words in proptest::collection::btree_set("[a-c]{0,4}", 0..40), other in "[a-d]{0,4}") {
            let text: Vec<&str> = words.iter().map(String::as_str).collect();
            let list = list(format!("{}\n", text.join("\n")).as_bytes());
            for word in words.iter().filter(|word| !word.is_empty()) {
                prop_assert!(list.holds(word.as_bytes()).unwrap());
            }
            if !other.is_empty() {
                prop_assert_eq!(list.holds(other.as_bytes()).unwrap(), words.contains(&other));
            }
        }
    }
}
