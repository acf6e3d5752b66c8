//! Secrets that come as lines of a pipe or file.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use zeroize::Zeroizing;

use super::prompt::unless_missing;
use super::{LIMIT, Secret};
use crate::error::Error;

/// Reads secrets one line at a time, keeping nothing of them in other buffers.
pub struct Lines<R> {
    reader: R,
    /// Read and not yet returned; allocated once, so that no copy stays behind.
    buffer: Zeroizing<Vec<u8>>,
}

impl Lines<File> {
    /// Standard input, without the standard library's buffer.
    ///
    /// # Errors
    /// When it is closed.
    pub fn stdin() -> Result<Self, Error> {
        let stdin = io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|error| Error::Local(format!("standard input cannot be read: {error}")))?;
        Ok(Self::new(File::from(stdin)))
    }

    /// An open descriptor of this process.
    ///
    /// # Errors
    /// When it is not open or cannot be read.
    pub fn descriptor(number: u32) -> Result<Self, Error> {
        duplicate(number)
            .map(Self::new)
            .map_err(|error| Error::Local(format!("descriptor {number} cannot be read: {error}")))
    }
}

/// A descriptor of this process by its number. `/proc/self/fd` alone would not do: it opens anew,
/// which a pipe made by another user refuses.
fn duplicate(number: u32) -> io::Result<File> {
    let raw = i32::try_from(number).map_err(|_| io::Error::from(Errno::BADF))?;
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    match pidfd_getfd(this, raw, PidfdGetfdFlags::empty()) {
        Ok(descriptor) => Ok(descriptor.into()),
        Err(Errno::BADF) => Err(Errno::BADF.into()),
        // A sandbox may not know this call.
        Err(_) => File::open(format!("/proc/self/fd/{number}")),
    }
}

impl<R: Read> Lines<R> {
    /// Reads from here.
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: Zeroizing::new(Vec::with_capacity(4 * LIMIT)) }
    }

    /// The next line, if there is one and it is not empty.
    ///
    /// # Errors
    /// When it cannot be read, or it is no secret.
    pub fn next_if_any(&mut self, field: &str) -> Result<Option<Secret>, Error> {
        unless_missing(self.next(field))
    }

    /// The next line without its end. The last one may lack it.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or it is no secret (see [`Secret::parse`]).
    pub fn next(&mut self, field: &str) -> Result<Secret, Error> {
        let mut chunk = Zeroizing::new([0u8; LIMIT]);
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = Zeroizing::new(self.buffer[..end].to_vec());
                self.buffer.drain(..=end);
                return Secret::parse(line, field);
            }
            if self.buffer.len() > LIMIT {
                return Secret::parse(std::mem::take(&mut self.buffer), field);
            }
            match self.reader.read(&mut chunk[..]) {
                Ok(0) => return Secret::parse(std::mem::take(&mut self.buffer), field),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::Local(format!("the {field} cannot be read: {error}")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(bytes: &[u8]) -> Lines<&[u8]> {
        Lines::new(bytes)
    }

    #[test]
    fn each_line_is_one_secret() {
        let mut lines = lines(b"old one\nnew one");
        assert_eq!(lines.next("old").unwrap().as_bytes(), b"old one");
        assert_eq!(lines.next("new").unwrap().as_bytes(), b"new one");
        assert_eq!(lines.next("more").unwrap_err().fields()[0].code, "required");
        assert!(lines.next_if_any("more").unwrap().is_none());
    }

    #[test]
    fn what_follows_the_first_line_is_not_part_of_it() {
        assert_eq!(lines(b"one\ntwo\n").next("password").unwrap().as_bytes(), b"one");
    }

    #[test]
    fn an_endless_line_ends_the_reading() {
        let mut lines = Lines::new(io::repeat(b'x'));
        assert_eq!(lines.next("password").unwrap_err().fields()[0].code, "too_long");
    }

    #[test]
    fn a_nul_is_refused_and_not_an_end() {
        let error = lines(b"a\0b\n").next("password").unwrap_err();
        assert_eq!(error.fields()[0].message, "holds a NUL character");
    }

    #[test]
    fn a_closed_descriptor_is_a_clear_error() {
        let Err(error) = Lines::descriptor(4_000_000) else { panic!("no such descriptor") };
        assert!(error.to_string().contains("descriptor 4000000"));
    }
}
