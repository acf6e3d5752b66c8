//! The authentication socket: decodes what PAM modules say, knows who is calling, and lets
//! [`Login`](crate::service::Login) decide. One connection is one conversation.
//!
//! Everything that a caller can grow has a limit: conversations in all and per user, the size of
//! a message, the time until the opening and until each answer, and the computations that wait for
//! a thread. root's logins are never crowded out by others: theirs are the places that are left
//! when every other user's are taken.

mod connection;
mod places;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::service::Service;
use connection::{Connection, Patience};
use places::Places;

/// Calls that may occupy a thread at a time; the rest of the daemon's threads stay free.
const WORKING: usize = 128;

/// How long to wait before accepting again when the process is out of descriptors or memory.
const BREATHER: Duration = Duration::from_millis(100);

/// Serves conversations for ever.
pub async fn serve(service: Arc<Service>, listener: UnixListener) {
    let places = Places::default();
    let working = Arc::new(Semaphore::new(WORKING));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::error!(%error, "a login could not be accepted");
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        let Some(peer_uid) = peer(&stream) else { continue };
        let Some(place) = places.take(peer_uid) else {
            tracing::warn!(peer_uid, "too many logins at a time; one was turned away");
            continue;
        };
        let (service, working) = (Arc::clone(&service), Arc::clone(&working));
        tokio::spawn(async move {
            let connection =
                Connection::new(stream, peer_uid, service, working, Patience::default());
            if let Err(error) = connection.converse().await {
                tracing::debug!(peer_uid, %error, "a conversation broke off");
            }
            drop(place);
        });
    }
}

/// Who is at the other end, as the kernel tells it (`SO_PEERCRED`).
fn peer(stream: &UnixStream) -> Option<u32> {
    match stream.peer_cred() {
        Ok(credentials) => Some(credentials.uid()),
        Err(error) => {
            tracing::error!(%error, "a caller without credentials was turned away");
            None
        }
    }
}

#[cfg(test)]
mod tests;
