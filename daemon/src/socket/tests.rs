//! The socket with the real client at the other end, and with clients that misbehave.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth_protocol::{Code, Conversation, Error, Next, Phase, Secret, Start, Step, Timeouts, wire};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::connection::{Connection, Patience};
use crate::service::testing::{Fixture, secret};
use crate::service::{NewPassword, Service};

const PASSWORD: &str = "correct horse";

fn service() -> (tempfile::TempDir, Arc<Service>) {
    let fixture = Fixture::new();
    let password = NewPassword::Given(secret(PASSWORD));
    fixture.create_with(json!({"name": "alice"}), password).unwrap();
    let (directory, service) = fixture.into_parts();
    (directory, Arc::new(service))
}

/// Serves on a socket in the directory of the service.
fn served() -> (tempfile::TempDir, PathBuf) {
    let (directory, service) = service();
    let path = directory.path().join("auth");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(super::serve(service, listener));
    (directory, path)
}

fn start(phase: Phase) -> Start {
    Start {
        phase,
        user: "alice".into(),
        service: "login".into(),
        tty: None,
        remote_host: None,
        remote_user: None,
        caller_uid: 0,
        public_key: false,
        only_expired: false,
        silent: false,
    }
}

fn code(step: &Step) -> Option<Code> {
    match &step.next {
        Next::Verdict(verdict) => Some(verdict.code),
        Next::Prompt(_) => None,
    }
}

async fn log_in(path: PathBuf, password: &'static str) -> Result<Option<Code>, Error> {
    log_in_with(path, password.as_bytes().to_vec()).await
}

async fn log_in_with(path: PathBuf, password: Vec<u8>) -> Result<Option<Code>, Error> {
    let patient = Duration::from_secs(30);
    let timeouts = Timeouts { start: patient, answer: patient };
    tokio::task::spawn_blocking(move || {
        let (mut conversation, _) =
            Conversation::open(&path, start(Phase::Authenticate), timeouts)?;
        let step = conversation.answer(Secret::new(password))?;
        Ok(code(&step))
    })
    .await
    .unwrap()
}

/// Sends bytes and reads until the server hangs up.
async fn say(stream: &mut UnixStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    String::from_utf8(reply).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_and_the_socket_understand_each_other() {
    let (_directory, path) = served();
    assert_eq!(log_in(path.clone(), PASSWORD).await.unwrap(), Some(Code::Success));
    assert_eq!(log_in(path, "wrong").await.unwrap(), Some(Code::AuthenticationFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_could_type_are_wrong() {
    let (_directory, path) = served();
    let odd: [&[u8]; 6] = [
        b"",
        b"\0",
        b"correct horse\0",
        b"\xff\xfe\xfd",
        &[b'x'; 32 * 1024],
        &[PASSWORD.as_bytes(), &[b'x'; 1024 * 1024]].concat(),
    ];
    for password in odd {
        let refused = log_in_with(path.clone(), password.to_vec()).await;
        assert!(matches!(refused, Ok(Some(Code::AuthenticationFailed))), "{refused:?}");
    }
    // As the protocol has it, with nobody to cut it: the connection ends, and no other.
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(&wire::encode_start(&start(Phase::Authenticate)).unwrap()).await.unwrap();
    let whole = wire::encode_answer(&[b'x'; 32 * 1024]).unwrap();
    assert!(say(&mut stream, &whole).await.contains("authentication_failed"));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(&wire::encode_start(&start(Phase::Authenticate)).unwrap()).await.unwrap();
    let _ = stream.write_all(&vec![b'x'; 1024 * 1024]).await;
    drop(stream);
    // The failures cost a wait by now; another user's login does not.
    assert_eq!(log_in(path, "wrong").await.unwrap(), Some(Code::AuthenticationFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_conversations_keep_nobody_out() {
    let (_directory, path) = served();
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(UnixStream::connect(&path).await.unwrap());
    }
    assert_eq!(log_in(path, PASSWORD).await.unwrap(), Some(Code::Success));
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_logins_at_once_all_get_in() {
    let (_directory, path) = served();
    let logins: Vec<_> = (0..60).map(|_| tokio::spawn(log_in(path.clone(), PASSWORD))).collect();
    for login in logins {
        assert_eq!(login.await.unwrap().unwrap(), Some(Code::Success));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_out_of_turn_end_the_conversation() {
    let (_directory, path) = served();
    let opening = wire::encode_start(&start(Phase::Authenticate)).unwrap();
    let answer = wire::encode_answer(b"x").unwrap();
    // An answer before anything was asked; a second opening.
    let mut stream = UnixStream::connect(&path).await.unwrap();
    assert!(say(&mut stream, &answer).await.contains("OutOfTurn"));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let twice = [&opening[..], &opening[..]].concat();
    assert!(say(&mut stream, &twice).await.contains("OutOfTurn"));
    // An answer after the verdict: the connection is closed already.
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let over = [&opening[..], &answer[..]].concat();
    let reply = say(&mut stream, &over).await;
    assert_eq!(reply.matches('\0').count(), 2, "{reply}");
    assert!(reply.contains("authentication_failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_methods_are_named_and_the_interface_describes_itself() {
    let (_directory, path) = served();
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let reply = say(&mut stream, b"{\"method\":\"org.roster.Authentication1.Skip\"}\0").await;
    assert!(reply.contains("org.varlink.service.MethodNotFound") && reply.contains("Skip"));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"{\"method\":\"org.varlink.service.GetInfo\"}\0").await.unwrap();
    let question = "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\
                    \"parameters\":{\"interface\":\"org.roster.Authentication1\"}}\0";
    stream.write_all(question.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.contains("rosterd") && reply.contains("method Start("), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_floods_are_hung_up_on() {
    let (_directory, path) = served();
    for bytes in [&b"hello\0"[..], b"\0", b"{}\0", &[b'x'; 70_000], &[0xff; 100]] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        // The server may hang up while we are still talking.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        assert!(reply.is_empty(), "{}", String::from_utf8_lossy(&reply));
    }
    assert_eq!(log_in(path, PASSWORD).await.unwrap(), Some(Code::Success));
}

/// One end of a connection whose other end is served with very little patience.
fn impatient(service: Arc<Service>) -> (UnixStream, tokio::task::JoinHandle<Result<(), Error>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let moment = Duration::from_millis(50);
    let patience = Patience { opening: moment, answer: moment, reply: moment };
    let working = Arc::new(Semaphore::new(1));
    let connection = Connection::new(theirs, 0, service, working, patience);
    (ours, tokio::spawn(connection.converse()))
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_conversation_at_every_point() {
    let (_directory, service) = service();
    let opening = wire::encode_start(&start(Phase::Authenticate)).unwrap();
    let half = &opening[..20];
    for said in [&b""[..], half, &opening[..]] {
        let (mut ours, served) = impatient(Arc::clone(&service));
        ours.write_all(said).await.unwrap();
        assert!(matches!(served.await.unwrap(), Err(Error::TimedOut)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_ends_the_conversation() {
    let (_directory, service) = service();
    let opening = wire::encode_start(&start(Phase::Account)).unwrap();
    for (said, cleanly) in [(&b""[..], true), (&opening[..20], false)] {
        let (mut ours, served) = impatient(Arc::clone(&service));
        ours.write_all(said).await.unwrap();
        drop(ours);
        assert_eq!(served.await.unwrap().is_ok(), cleanly);
    }
}
