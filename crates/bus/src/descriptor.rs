//! Secrets in descriptors: the only way a secret crosses the bus.
//!
//! Whoever gives one writes it into a pipe and passes the reading end. Whoever takes one trusts
//! nothing about the descriptor: nothing done with it here can block past the deadline, whatever
//! the other side passes, changes or does at the same time. So the kind is asked of the kernel
//! (never of a file system, which may be the caller's own FUSE), and reads never wait in the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::pipe::{PipeFlags, SpliceFlags};
use zeroize::{Zeroize, Zeroizing};

/// The most bytes a secret may have. A pipe always holds that many without a reader (pipe(7):
/// at least one page).
pub const MAX_SECRET: usize = 4096;

/// Why a secret could not be passed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// More than [`MAX_SECRET`] bytes.
    #[error("the secret is longer than {MAX_SECRET} bytes")]
    TooLong,
    /// The writing side neither wrote nor closed in time.
    #[error("the secret did not arrive in time: close the writing end of the pipe")]
    TimedOut,
    /// The descriptor is no pipe, socket or memfd.
    #[error("a secret comes through a pipe, a socket or a memfd")]
    WrongKind,
    /// The system refused.
    #[error("the secret's descriptor cannot be used: {0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for SecretError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Puts a secret into a pipe and gives its reading end. Never blocks.
///
/// # Errors
/// When it is longer than [`MAX_SECRET`], or the system has no pipe to give.
pub fn secret_to_fd(secret: &[u8]) -> Result<OwnedFd, SecretError> {
    if secret.len() > MAX_SECRET {
        return Err(SecretError::TooLong);
    }
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let mut rest = secret;
    while !rest.is_empty() {
        let written = rustix::io::write(&writer, rest)?;
        rest = &rest[written..];
    }
    Ok(reader)
}

/// Reads the secret that a descriptor carries, until its end, and drops one line break there.
/// Blocks until then or until the deadline; call it where that is allowed.
///
/// # Errors
/// When the descriptor is of another kind, the secret too long, or the deadline passes.
pub fn secret_from_fd(
    fd: impl AsFd,
    deadline: Duration,
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let fd = fd.as_fd();
    let mut source = Source::of(fd)?;
    let deadline = Instant::now() + deadline;
    // Sized once: a vector that grows would leave copies behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(MAX_SECRET + 1));
    let mut chunk = Zeroizing::new([0_u8; MAX_SECRET + 1]);
    loop {
        let room = MAX_SECRET + 1 - secret.len();
        match source.read(fd, &mut chunk[..room], secret.len()) {
            Ok(0) => break,
            Ok(length) => secret.extend_from_slice(&chunk[..length]),
            Err(Errno::AGAIN) => wait(fd, deadline)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if secret.len() > MAX_SECRET {
            return Err(SecretError::TooLong);
        }
        if Instant::now() >= deadline {
            return Err(SecretError::TimedOut);
        }
    }
    chunk.zeroize();
    if secret.last() == Some(&b'\n') {
        secret.pop();
    }
    Ok(secret)
}

/// A descriptor's kind, and how to read from it without waiting.
enum Source {
    /// Spliced into a pipe of our own: O_NONBLOCK belongs to the open file, which the other side
    /// shares and may change at any moment; SPLICE_F_NONBLOCK is ours.
    Pipe { reader: OwnedFd, writer: OwnedFd },
    /// Received with MSG_DONTWAIT.
    Socket,
    /// In memory: a read does not wait. Read from its start, wherever its offset stands.
    Memory,
}

impl Source {
    fn of(fd: BorrowedFd<'_>) -> Result<Self, SecretError> {
        if rustix::pipe::fcntl_getpipe_size(fd).is_ok() {
            let (reader, writer) =
                rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            Ok(Self::Pipe { reader, writer })
        } else if rustix::net::sockopt::socket_type(fd).is_ok() {
            Ok(Self::Socket)
        } else if rustix::fs::fcntl_get_seals(fd).is_ok() {
            Ok(Self::Memory)
        } else {
            Err(SecretError::WrongKind)
        }
    }

    fn read(
        &mut self,
        fd: BorrowedFd<'_>,
        chunk: &mut [u8],
        offset: usize,
    ) -> Result<usize, Errno> {
        match self {
            Self::Pipe { reader, writer } => {
                let flags = SpliceFlags::NONBLOCK;
                let moved = rustix::pipe::splice(fd, None, &*writer, None, chunk.len(), flags)?;
                // The own pipe was empty before, so this is what was moved, in one or more reads.
                let mut filled = 0;
                while filled < moved {
                    match rustix::io::read(&*reader, &mut chunk[filled..moved])? {
                        0 => break,
                        length => filled += length,
                    }
                }
                Ok(filled)
            }
            Self::Socket => rustix::net::recv(fd, chunk, RecvFlags::DONTWAIT).map(|(n, _)| n),
            Self::Memory => rustix::io::pread(fd, chunk, offset as u64),
        }
    }
}

fn wait(fd: BorrowedFd<'_>, deadline: Instant) -> Result<(), SecretError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout =
        Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
    match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&timeout)) {
        Ok(0) => Err(SecretError::TimedOut),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const NOW: Duration = Duration::from_millis(20);

    fn memfd(content: &[u8]) -> OwnedFd {
        let fd = rustix::fs::memfd_create("secret", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&fd, content).unwrap();
        fd
    }

    #[test]
    fn a_secret_passes_whole_and_loses_one_line_break() {
        for (given, taken) in
            [("", ""), ("x", "x"), ("x\n", "x"), ("x\n\n", "x\n"), ("\n", ""), ("a\r\n", "a\r")]
        {
            let fd = secret_to_fd(given.as_bytes()).unwrap();
            assert_eq!(secret_from_fd(fd, SOON).unwrap().as_slice(), taken.as_bytes());
            let fd = memfd(given.as_bytes());
            assert_eq!(secret_from_fd(fd, SOON).unwrap().as_slice(), taken.as_bytes());
        }
        let long = vec![b'x'; MAX_SECRET];
        assert_eq!(*secret_from_fd(secret_to_fd(&long).unwrap(), SOON).unwrap(), long);
    }

    #[test]
    fn a_secret_may_come_in_pieces_and_from_a_socket() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let writers = std::thread::spawn(move || {
            let mut theirs = theirs;
            for piece in ["one ", "two ", "three"] {
                rustix::io::write(&writer, piece.as_bytes()).unwrap();
                theirs.write_all(piece.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        assert_eq!(secret_from_fd(reader, SOON).unwrap().as_slice(), b"one two three");
        assert_eq!(secret_from_fd(ours, SOON).unwrap().as_slice(), b"one two three");
        writers.join().unwrap();
    }

    #[test]
    fn a_secret_that_is_too_long_is_refused_without_reading_on() {
        let long = vec![b'x'; MAX_SECRET + 1];
        assert!(matches!(secret_to_fd(&long), Err(SecretError::TooLong)));
        assert!(matches!(secret_from_fd(memfd(&long), SOON), Err(SecretError::TooLong)));
        // /dev/zero's kind of stream: it never ends.
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&writer, &long).unwrap();
        assert!(matches!(secret_from_fd(reader, SOON), Err(SecretError::TooLong)));
    }

    #[test]
    fn a_writer_that_never_closes_runs_into_the_deadline() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        assert!(matches!(secret_from_fd(&reader, NOW), Err(SecretError::TimedOut)));
        rustix::io::write(&writer, b"half").unwrap();
        assert!(matches!(secret_from_fd(&reader, NOW), Err(SecretError::TimedOut)));
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert!(matches!(secret_from_fd(ours, NOW), Err(SecretError::TimedOut)));
    }

    #[test]
    fn other_kinds_of_descriptors_are_refused() {
        for path in ["/", "/dev/zero", "/dev/null", "/etc/passwd", "/proc/self/status"] {
            let fd = std::fs::File::open(path).unwrap();
            assert!(matches!(secret_from_fd(fd, SOON), Err(SecretError::WrongKind)), "{path}");
        }
        let (_reader, writer) = rustix::pipe::pipe().unwrap();
        assert!(matches!(secret_from_fd(writer, SOON), Err(SecretError::Io(_))));
    }
}
