//! The blocking client: what runs inside sshd, sudo, su and whoever else uses PAM.
//!
//! It must not harm its host: no thread, no signal, no descriptor that outlives the conversation
//! or an `exec`, no wait without an end.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with,
};
use zeroize::Zeroizing;

use crate::message::{Next, PromptKind, Secret, Start, Step};
use crate::{Error, Frames, wire};

/// How long each exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To connect and get the first step. The daemon computes nothing before it, so this only has
    /// to outlast a restart of it.
    pub start: Duration,
    /// To get the step after an answer: a password hash, and the queue in front of it.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { start: Duration::from_millis(2500), answer: Duration::from_secs(30) }
    }
}

/// An answer and the kind of prompt that it answered.
type Given = (PromptKind, Secret);

/// How often one conversation picks up again after the daemon went away.
const RESUMES: u32 = 3;

/// One conversation with the daemon. Dropping it closes the connection and wipes the answers.
pub struct Conversation {
    path: PathBuf,
    start: Start,
    timeouts: Timeouts,
    line: Line,
    /// Answers given so far, for [`Conversation::resume`].
    given: Vec<Given>,
    /// The prompt that waits for an answer.
    asked: Option<PromptKind>,
    resumes_left: u32,
}

impl Conversation {
    /// Connects and opens the conversation.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; all of them mean that nothing is known about the user now.
    pub fn open(path: &Path, start: Start, timeouts: Timeouts) -> Result<(Self, Step), Error> {
        let deadline = Instant::now() + timeouts.start;
        let (line, step) = Line::open(path, &start, deadline)?;
        let conversation = Self {
            path: path.to_owned(),
            start,
            timeouts,
            line,
            given: Vec::new(),
            asked: asked(&step),
            resumes_left: RESUMES,
        };
        Ok((conversation, step))
    }

    /// Answers the prompt of the last step.
    ///
    /// When the daemon has gone away meanwhile (restarted, or tired of waiting for somebody who
    /// stared at a prompt), the conversation is opened again and what was already answered is
    /// answered again.
    ///
    /// An answer that is far too long to be right is sent as far as it takes to be seen as that: it
    /// is refused as wrong, like any other.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; the conversation is of no use then.
    pub fn answer(&mut self, answer: Secret) -> Result<Step, Error> {
        let Some(kind) = self.asked.take() else { return Err(Error::Malformed) };
        let answer = cut(answer);
        let outcome = match self.line.exchange_answer(&answer, self.timeouts.answer) {
            Err(Error::Closed | Error::Io(_)) => self.resume(kind, &answer),
            other => other,
        };
        let step = outcome?;
        self.given.push((kind, answer));
        self.asked = asked(&step);
        Ok(step)
    }

    fn resume(&mut self, kind: PromptKind, answer: &Secret) -> Result<Step, Error> {
        self.resumes_left = self.resumes_left.checked_sub(1).ok_or(Error::Closed)?;
        let deadline = Instant::now() + self.timeouts.start;
        let (line, mut step) = Line::open(&self.path, &self.start, deadline)?;
        self.line = line;
        let pending = (kind, answer.clone());
        for (kind, answer) in self.given.iter().chain([&pending]) {
            if asked(&step) != Some(*kind) {
                return Err(Error::Closed);
            }
            step = self.line.exchange_answer(answer, self.timeouts.answer)?;
        }
        Ok(step)
    }
}

/// More than any answer has that the daemon takes for a password.
const LONGEST_ANSWER: usize = 4096;

fn cut(answer: Secret) -> Secret {
    match answer.as_bytes().get(..LONGEST_ANSWER) {
        Some(beginning) if answer.as_bytes().len() > LONGEST_ANSWER => {
            Secret::new(beginning.to_vec())
        }
        _ => answer,
    }
}

fn asked(step: &Step) -> Option<PromptKind> {
    match &step.next {
        Next::Prompt(prompt) => Some(prompt.kind),
        Next::Verdict(_) => None,
    }
}

/// One connection.
struct Line {
    socket: OwnedFd,
    frames: Frames,
}

impl Line {
    fn open(path: &Path, start: &Start, deadline: Instant) -> Result<(Self, Step), Error> {
        let message = wire::encode_start(start)?;
        let mut line = Self { socket: dial(path, deadline)?, frames: Frames::new() };
        let step = line.exchange(&message, deadline)?;
        Ok((line, step))
    }

    fn exchange_answer(&mut self, answer: &Secret, timeout: Duration) -> Result<Step, Error> {
        let message = wire::encode_answer(answer.as_bytes())?;
        self.exchange(&message, Instant::now() + timeout)
    }

    fn exchange(&mut self, message: &[u8], deadline: Instant) -> Result<Step, Error> {
        // A reply that came before its call is nobody's reply.
        if !self.frames.is_empty() {
            return Err(Error::Malformed);
        }
        self.send(message, deadline)?;
        let reply = self.receive(deadline)?;
        wire::decode_step(&reply)
    }

    fn send(&self, mut bytes: &[u8], deadline: Instant) -> Result<(), Error> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, deadline)?,
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(Error::Closed),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, deadline: Instant) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut piece = Zeroizing::new([0; 4096]);
        loop {
            if let Some(message) = self.frames.take()? {
                return Ok(message);
            }
            match recv(&self.socket, &mut piece[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(Error::Closed),
                Ok((_, length)) => {
                    // Also here: a sender that drips bytes must not keep us for ever.
                    remaining(deadline)?;
                    self.frames.push(piece.get(..length).unwrap_or_default())?;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, deadline)?,
                Err(Errno::CONNRESET) => return Err(Error::Closed),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn wait(&self, readiness: PollFlags, deadline: Instant) -> Result<(), Error> {
        let timeout = Timespec::try_from(remaining(deadline)?).map_err(|_| Error::TimedOut)?;
        match poll(&mut [PollFd::new(&self.socket, readiness)], Some(&timeout)) {
            Ok(0) => Err(Error::TimedOut),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Connects. A Unix socket whose queue is full says so at once instead of letting us wait for
/// readiness, hence the naps.
fn dial(path: &Path, deadline: Instant) -> Result<OwnedFd, Error> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    loop {
        match connect(&socket, &address) {
            Ok(()) | Err(Errno::ISCONN) => return Ok(socket),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let nap = remaining(deadline)?.min(Duration::from_millis(10));
                std::thread::sleep(nap);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn remaining(deadline: Instant) -> Result<Duration, Error> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Error::TimedOut) } else { Ok(left) }
}
