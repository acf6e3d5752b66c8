//! One connection: reads calls, hands them to the login, writes the steps.

use std::sync::Arc;
use std::time::Duration;

use auth_protocol::wire::{Call, Reply, decode_call, encode_reply};
use auth_protocol::{Error, Frames, Start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::service::{Login, Service};

/// How long to wait for the other end.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// For the opening.
    pub opening: Duration,
    /// For an answer: somebody is typing. The client comes back by itself when this was too short.
    pub answer: Duration,
    /// For a reply to be taken.
    pub reply: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            opening: Duration::from_secs(5),
            answer: Duration::from_secs(180),
            reply: Duration::from_secs(5),
        }
    }
}

/// Calls without an opening (who are you, what do you offer) that one connection may make.
const QUESTIONS: u32 = 16;

/// One connection.
pub(super) struct Connection {
    stream: UnixStream,
    frames: Frames,
    peer_uid: u32,
    service: Arc<Service>,
    working: Arc<Semaphore>,
    patience: Patience,
    login: Option<Login>,
    questions_left: u32,
}

/// Whether the connection goes on after a reply.
enum Then {
    Listen,
    HangUp,
}

impl Connection {
    pub fn new(
        stream: UnixStream,
        peer_uid: u32,
        service: Arc<Service>,
        working: Arc<Semaphore>,
        patience: Patience,
    ) -> Self {
        let (frames, login) = (Frames::new(), None);
        let questions_left = QUESTIONS;
        Self { stream, frames, peer_uid, service, working, patience, login, questions_left }
    }

    /// Holds the conversation to its end.
    pub async fn converse(mut self) -> Result<(), Error> {
        let opening = Instant::now() + self.patience.opening;
        loop {
            let deadline = match self.login {
                None => opening,
                Some(_) => Instant::now() + self.patience.answer,
            };
            let Some(message) = self.receive(deadline).await? else { return Ok(()) };
            let call = decode_call(&message)?;
            drop(message);
            let (reply, then) = self.dispatch(call).await?;
            let bytes = encode_reply(&reply)?;
            let deadline = Instant::now() + self.patience.reply;
            timeout_at(deadline, self.stream.write_all(&bytes))
                .await
                .map_err(|_| Error::TimedOut)??;
            if matches!(then, Then::HangUp) {
                return Ok(());
            }
        }
    }

    /// The next message; nothing when the other end has hung up between two.
    async fn receive(&mut self, deadline: Instant) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let mut piece = Zeroizing::new([0; 4096]);
        loop {
            if let Some(message) = self.frames.take()? {
                return Ok(Some(message));
            }
            let read = timeout_at(deadline, self.stream.read(&mut piece[..])).await;
            match read.map_err(|_| Error::TimedOut)?? {
                0 if self.frames.is_empty() => return Ok(None),
                0 => return Err(Error::Closed),
                length => self.frames.push(piece.get(..length).unwrap_or_default())?,
            }
        }
    }

    async fn dispatch(&mut self, call: Call) -> Result<(Reply, Then), Error> {
        Ok(match call {
            Call::Start(_) if self.login.is_some() => (Reply::OutOfTurn, Then::HangUp),
            Call::Start(start) => self.open(*start).await?,
            Call::Answer(answer) => match self.login.take() {
                Some(login) => self.answer(login, Secret::new(answer.as_bytes().to_vec())).await?,
                None => (Reply::OutOfTurn, Then::HangUp),
            },
            Call::GetInfo => self.about_us(Reply::Info),
            Call::GetInterfaceDescription(name) => self.about_us(Reply::Description(name)),
            Call::Unknown(method) => (Reply::MethodNotFound(method), Then::HangUp),
            Call::InvalidParameters => (Reply::InvalidParameters, Then::HangUp),
        })
    }

    fn about_us(&mut self, reply: Reply) -> (Reply, Then) {
        match self.questions_left.checked_sub(1) {
            Some(left) if self.login.is_none() => {
                self.questions_left = left;
                (reply, Then::Listen)
            }
            _ => (Reply::OutOfTurn, Then::HangUp),
        }
    }

    async fn open(&mut self, start: Start) -> Result<(Reply, Then), Error> {
        let (service, peer_uid) = (Arc::clone(&self.service), self.peer_uid);
        let opened = self.work(move || Login::open(service, peer_uid, start)).await?;
        Ok(match opened {
            Ok((login, step)) => self.went(login, step),
            Err(_) => {
                tracing::warn!(peer_uid, "asked for somebody else's login; refused");
                (Reply::NotPermitted, Then::HangUp)
            }
        })
    }

    async fn answer(&mut self, mut login: Login, answer: Secret) -> Result<(Reply, Then), Error> {
        let answered = self.work(move || {
            let step = login.answer(answer);
            (login, step)
        });
        Ok(match answered.await? {
            (login, Ok(step)) => self.went(login, step),
            (_, Err(_)) => (Reply::OutOfTurn, Then::HangUp),
        })
    }

    fn went(&mut self, login: Login, step: auth_protocol::Step) -> (Reply, Then) {
        let then = if login.is_over() { Then::HangUp } else { Then::Listen };
        self.login = Some(login);
        (Reply::Step(step), then)
    }

    /// Runs what blocks on a thread for that. When the daemon stops meanwhile, the conversation
    /// ends without an answer, and the client opens it again with the next daemon.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let working = Arc::clone(&self.working);
        let permit = working.acquire_owned().await.map_err(|_| Error::Closed)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(|_| Error::Closed)
    }
}
