//! Where the records come from: a file, a pipe or a socket of the caller's, read line by line. What
//! the caller hands over may stop, never end, or hold one line without an end; nobody but the
//! import's own thread waits for it, and that one looks up often enough.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use accounts::Code;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::Observer;
use crate::service::Error;

/// The longest a record may be, in bytes: the largest that `CreateUser` takes.
pub(super) const MAX_LINE: usize = 512 * 1024;
/// Lines of one import.
pub(super) const MAX_LINES: u64 = 5_000_000;
/// What one import may take in, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// How long the input may take altogether.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// How long nothing may come.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Between looks whether the caller is still there.
const LOOK: Duration = Duration::from_millis(200);
const CHUNK: usize = 64 * 1024;

/// An input that is open.
#[derive(Debug)]
pub struct Input {
    file: OwnedFd,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A read never waits for anybody.
    File,
    /// Opened anew: that it does not block belongs to the open file, which the caller would share.
    Pipe,
    /// Received with MSG_DONTWAIT.
    Socket,
}

/// Takes a caller's descriptor as an input.
///
/// # Errors
/// When it is of another kind, or not open for reading.
pub fn open_input(file: OwnedFd) -> Result<Input, Error> {
    let refused = |message: &str| Error::field("input", Code::Invalid, message);
    let failed = |error: Errno| refused(&format!("cannot be read: {error}"));
    let flags = rustix::fs::fcntl_getfl(&file).map_err(failed)?;
    if flags.contains(OFlags::PATH) || flags & OFlags::RWMODE == OFlags::WRONLY {
        return Err(refused("is not open for reading: open it so, and try again"));
    }
    let mode = rustix::fs::fstat(&file).map_err(failed)?.st_mode;
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => Ok(Input { file, kind: Kind::File }),
        FileType::Socket => Ok(Input { file, kind: Kind::Socket }),
        FileType::Fifo => {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
            Ok(Input { file, kind: Kind::Pipe })
        }
        FileType::Directory => Err(refused("is a directory: name a file in it")),
        _ => Err(refused("is neither a file nor a pipe: put the records into one of those")),
    }
}

impl Input {
    /// A file of our own.
    pub(super) fn of(file: std::fs::File) -> Self {
        Self { file: file.into(), kind: Kind::File }
    }

    fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        match self.kind {
            Kind::File | Kind::Pipe => rustix::io::read(&self.file, into),
            Kind::Socket => {
                rustix::net::recv(&self.file, into, RecvFlags::DONTWAIT).map(|(length, _)| length)
            }
        }
    }

    /// Whether something can be read, after a while at most.
    fn wait(&self) -> Result<bool, Errno> {
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
        match poll(&mut [PollFd::new(&self.file.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'l> {
    /// A line, with its number and without its end.
    Line(u64, &'l [u8]),
    /// A line that is longer than a line may be; it was passed over.
    TooLong(u64),
    /// Nothing yet.
    Idle,
    /// There is no more.
    End,
}

/// An input, line by line.
pub(super) struct Lines<'o> {
    input: Input,
    observer: &'o dyn Observer,
    buffer: Vec<u8>,
    /// What was handed out already, and what was searched for the line's end.
    start: usize,
    searched: usize,
    ended: bool,
    number: u64,
    bytes: u64,
    began: Instant,
    latest: Instant,
}

impl<'o> Lines<'o> {
    pub(super) fn new(input: Input, observer: &'o dyn Observer) -> Self {
        let (buffer, now) = (Vec::with_capacity(CHUNK), Instant::now());
        let (start, searched, ended, number, bytes) = (0, 0, false, 0, 0);
        Self {
            input,
            observer,
            buffer,
            start,
            searched,
            ended,
            number,
            bytes,
            began: now,
            latest: now,
        }
    }

    /// Bytes that came so far.
    #[cfg(test)]
    const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line.
    ///
    /// # Errors
    /// When the input fails, has too much in it or takes too long, or the caller has left.
    pub(super) fn next(&mut self) -> Result<Next<'_>, Error> {
        let mut too_long = false;
        loop {
            let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| self.searched + end) {
                let start = std::mem::replace(&mut self.start, end + 1);
                self.searched = end + 1;
                return self.line(start, end, too_long);
            }
            self.searched = self.buffer.len();
            if self.searched - self.start > MAX_LINE {
                (too_long, self.start) = (true, self.searched);
            }
            if self.ended {
                if self.start == self.searched && !too_long {
                    return Ok(Next::End);
                }
                let start = std::mem::replace(&mut self.start, self.searched);
                return self.line(start, self.searched, too_long);
            }
            // In the midst of a line that is passed over there is nothing to be said.
            if !self.fill()? && !too_long {
                return Ok(Next::Idle);
            }
        }
    }

    fn line(&mut self, start: usize, end: usize, too_long: bool) -> Result<Next<'_>, Error> {
        self.number += 1;
        if self.number > MAX_LINES {
            let message = format!("has more than {MAX_LINES} lines: import it in parts");
            return Err(Error::field("input", Code::TooLong, message));
        }
        Ok(match &self.buffer[start..end] {
            line if too_long || line.len() > MAX_LINE => Next::TooLong(self.number),
            line => Next::Line(self.number, line),
        })
    }

    /// Reads on; whether anything came, be it the end.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.observer.is_cancelled() {
            return Err(cancelled());
        }
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + CHUNK, 0);
        let got = self.input.read(&mut self.buffer[filled..]);
        self.buffer.truncate(filled + got.unwrap_or(0));
        let now = Instant::now();
        let refused = |message: &str| Err(Error::field("input", Code::TooLong, message));
        match got {
            Ok(length) => {
                self.ended = length == 0;
                self.bytes += length as u64;
                self.latest = now;
                if self.bytes > MAX_BYTES {
                    return refused("has more than 4 GiB: import it in parts");
                }
            }
            Err(Errno::AGAIN) => {
                if now - self.latest > LONGEST_PAUSE {
                    return refused("has not ended, and nothing came for a minute: close it");
                }
                if !self.input.wait().map_err(unreadable)? {
                    return Ok(false);
                }
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(unreadable(error)),
        }
        if now - self.began > LONGEST && self.input.kind != Kind::File {
            return refused("takes longer than an hour: put it into a file first");
        }
        Ok(true)
    }
}

fn unreadable(error: Errno) -> Error {
    let error = io::Error::from(error);
    Error::field("input", Code::Invalid, format!("cannot be read to its end: {error}"))
}

/// The caller has left.
pub(super) fn cancelled() -> Error {
    Error::Unavailable("the import was cancelled: its caller has gone".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::super::tests::Watching;
    use super::*;

    fn all(lines: &mut Lines<'_>) -> Vec<(u64, Option<String>)> {
        let mut all = Vec::new();
        loop {
            match lines.next().unwrap() {
                Next::Line(number, line) => {
                    all.push((number, Some(String::from_utf8(line.to_vec()).unwrap())));
                }
                Next::TooLong(number) => all.push((number, None)),
                Next::Idle => {}
                Next::End => return all,
            }
        }
    }

    fn file(content: &[u8]) -> OwnedFd {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        file.into()
    }

    #[test]
    fn lines_are_counted_and_long_ones_passed_over() {
        let long = "x".repeat(MAX_LINE + 1);
        let content = format!("a\n\n{long}\n{}\nlast", "y".repeat(MAX_LINE));
        let observer = Watching::default();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let (socket, mut peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let sent = content.clone();
        let writers = std::thread::spawn(move || {
            writer.write_all(sent.as_bytes()).unwrap();
            drop(writer);
            peer.write_all(sent.as_bytes()).unwrap();
        });
        for input in [file(content.as_bytes()), reader.into(), socket.into()] {
            let mut lines = Lines::new(open_input(input).unwrap(), &observer);
            let all = all(&mut lines);
            assert_eq!(all.len(), 5);
            assert_eq!(all[0], (1, Some("a".to_owned())));
            assert_eq!(all[1], (2, Some(String::new())));
            assert_eq!(all[2], (3, None));
            assert_eq!(all[3].1.as_ref().unwrap().len(), MAX_LINE);
            assert_eq!(all[4], (5, Some("last".to_owned())));
            assert_eq!(lines.bytes(), content.len() as u64);
        }
        writers.join().unwrap();
    }

    #[test]
    fn what_holds_no_records_is_refused_by_its_kind() {
        let refused = |file: OwnedFd| open_input(file).unwrap_err().to_string();
        let open = |path: &str| OwnedFd::from(std::fs::File::open(path).unwrap());
        assert!(refused(open("/")).contains("is a directory"));
        assert!(refused(open("/dev/zero")).contains("neither a file nor a pipe"));
        let (_reader, writer) = std::io::pipe().unwrap();
        assert!(refused(writer.into()).contains("not open for reading"));
        let writing = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        assert!(refused(writing.into()).contains("not open for reading"));
    }

    #[test]
    fn a_pipe_that_never_ends_keeps_nobody() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"{}\n").unwrap();
        let observer = Watching::default();
        let mut lines = Lines::new(open_input(reader.into()).unwrap(), &observer);
        assert_eq!(lines.next().unwrap(), Next::Line(1, b"{}"));
        assert_eq!(lines.next().unwrap(), Next::Idle);
        observer.cancel();
        assert!(matches!(lines.next(), Err(Error::Unavailable(_))));
    }
}
