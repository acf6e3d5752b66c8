//! The client against servers that behave, and against servers that do not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use auth_protocol::wire::{Call, Reply, decode_call, encode_reply};
use auth_protocol::{
    Code, Conversation, Error, Frames, MAX_MESSAGE, Next, Phase, Prompt, PromptKind, Secret, Start,
    Step, Timeouts,
};

/// Long enough for any machine; only the tests that wait for it on purpose use a short one.
const PATIENT: Timeouts =
    Timeouts { start: Duration::from_secs(20), answer: Duration::from_secs(20) };
const HASTY: Timeouts =
    Timeouts { start: Duration::from_millis(100), answer: Duration::from_millis(100) };

fn start() -> Start {
    Start {
        phase: Phase::Authenticate,
        user: "alice".into(),
        service: "test".into(),
        tty: None,
        remote_host: None,
        remote_user: None,
        caller_uid: 0,
        public_key: false,
        only_expired: false,
        silent: false,
    }
}

fn prompt(kind: PromptKind) -> Reply {
    let text = "Password: ".to_owned();
    Reply::Step(Step { messages: vec![], next: Next::Prompt(Prompt { kind, echo: false, text }) })
}

fn verdict(code: Code) -> Reply {
    Reply::Step(Step { messages: vec![], next: Next::Verdict(code.into()) })
}

/// A server for one test: what to do with each connection, in the order in which they come.
struct Server {
    directory: tempfile::TempDir,
    thread: Option<JoinHandle<()>>,
}

type Script = Box<dyn FnOnce(UnixStream) + Send>;

impl Server {
    fn scripted(scripts: Vec<Script>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("auth")).unwrap();
        let thread = spawn(move || {
            for script in scripts {
                script(listener.accept().unwrap().0);
            }
        });
        Self { directory, thread: Some(thread) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("auth")
    }

    /// Ends the test: the server must have got through its script.
    fn finish(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

fn read_call(stream: &mut UnixStream) -> Option<Call> {
    let mut frames = Frames::new();
    let mut byte = [0];
    loop {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        frames.push(&byte).unwrap();
        if let Some(message) = frames.take().unwrap() {
            return Some(decode_call(&message).unwrap());
        }
    }
}

fn expect_start(stream: &mut UnixStream) {
    assert!(matches!(read_call(stream), Some(Call::Start(_))));
}

fn expect_answer(stream: &mut UnixStream, expected: &[u8]) {
    let Some(Call::Answer(answer)) = read_call(stream) else { panic!("no answer") };
    assert_eq!(answer.as_bytes(), expected);
}

fn say(stream: &mut UnixStream, reply: &Reply) {
    stream.write_all(&encode_reply(reply).unwrap()).unwrap();
}

fn opened(path: &Path, timeouts: Timeouts) -> Result<(Conversation, Step), Error> {
    Conversation::open(path, start(), timeouts)
}

fn code(step: &Step) -> Option<Code> {
    match &step.next {
        Next::Verdict(verdict) => Some(verdict.code),
        Next::Prompt(_) => None,
    }
}

#[test]
fn a_whole_conversation_with_an_answer_that_is_no_utf8() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        say(&mut stream, &prompt(PromptKind::Password));
        expect_answer(&mut stream, b"p\xff\x00w");
        say(&mut stream, &verdict(Code::Success));
    })]);
    let (mut conversation, step) = opened(&server.path(), PATIENT).unwrap();
    assert_eq!(code(&step), None);
    let step = conversation.answer(Secret::new(b"p\xff\x00w".to_vec())).unwrap();
    assert_eq!(code(&step), Some(Code::Success));
    // There is nothing left to answer.
    assert!(matches!(conversation.answer(Secret::new(vec![])), Err(Error::Malformed)));
    server.finish();
}

#[test]
fn a_reply_may_come_in_single_bytes() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        for byte in encode_reply(&verdict(Code::PermissionDenied)).unwrap().iter() {
            stream.write_all(&[*byte]).unwrap();
        }
    })]);
    let (_, step) = opened(&server.path(), PATIENT).unwrap();
    assert_eq!(code(&step), Some(Code::PermissionDenied));
    server.finish();
}

#[test]
fn nobody_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("auth");
    assert!(matches!(opened(&path, PATIENT), Err(Error::Io(_))));
    // A socket file whose owner is gone.
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(opened(&path, PATIENT), Err(Error::Io(_))));
}

#[test]
fn a_server_that_never_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("auth");
    let _listener = UnixListener::bind(&path).unwrap();
    assert!(matches!(opened(&path, HASTY), Err(Error::TimedOut)));
}

#[test]
fn a_server_whose_queue_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("auth");
    let listener = UnixListener::bind(&path).unwrap();
    // The queue cannot be made shorter after the fact in std; rustix can ask again.
    rustix::net::listen(&listener, 0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    assert!(matches!(opened(&path, HASTY), Err(Error::TimedOut)));
}

#[test]
fn a_server_that_accepts_and_never_answers() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        // Until the client gives up.
        assert!(read_call(&mut stream).is_none());
    })]);
    assert!(matches!(opened(&server.path(), HASTY), Err(Error::TimedOut)));
    server.finish();
}

#[test]
fn a_server_that_sends_half_a_reply_and_waits() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        stream.write_all(b"{\"parameters\":{").unwrap();
        assert!(read_call(&mut stream).is_none());
    })]);
    assert!(matches!(opened(&server.path(), HASTY), Err(Error::TimedOut)));
    server.finish();
}

#[test]
fn a_server_that_drips_for_ever_does_not_get_more_time() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    })]);
    assert!(matches!(opened(&server.path(), HASTY), Err(Error::TimedOut)));
    server.finish();
}

#[test]
fn a_server_that_hangs_up_in_the_middle_of_a_reply() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        stream.write_all(b"{\"parameters\":").unwrap();
    })]);
    assert!(matches!(opened(&server.path(), PATIENT), Err(Error::Closed)));
    server.finish();
}

#[test]
fn replies_that_are_garbage_or_too_long() {
    let too_long = vec![b'x'; MAX_MESSAGE + 1];
    for (reply, too_much) in [
        (&b"\0"[..], false),
        (b"hello\0", false),
        (b"{\"parameters\":{\"verdict\":{\"code\":\"success\",\"code\":\"success\"}}}\0", false),
        (b"\xff\xff\0", false),
        (&too_long, true),
    ] {
        let reply = reply.to_vec();
        let server = Server::scripted(vec![Box::new(move |mut stream| {
            expect_start(&mut stream);
            // The client may hang up in the middle of the flood.
            let _ = stream.write_all(&reply);
        })]);
        match opened(&server.path(), PATIENT) {
            Err(Error::TooLong) => assert!(too_much),
            Err(Error::Malformed) => assert!(!too_much),
            other => panic!("{:?}", other.map(|_| ()).err()),
        }
        server.finish();
    }
}

#[test]
fn a_second_reply_that_nobody_asked_for_is_not_taken_for_the_next_answer() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        let mut both = encode_reply(&prompt(PromptKind::Password)).unwrap().to_vec();
        both.extend_from_slice(&encode_reply(&verdict(Code::Success)).unwrap());
        stream.write_all(&both).unwrap();
        let _ = read_call(&mut stream);
    })]);
    let (mut conversation, _) = opened(&server.path(), PATIENT).unwrap();
    assert!(matches!(conversation.answer(Secret::new(b"x".to_vec())), Err(Error::Malformed)));
    drop(conversation);
    server.finish();
}

#[test]
fn a_daemon_restarted_between_two_prompts_is_told_again_what_it_knew() {
    let server = Server::scripted(vec![
        Box::new(|mut stream| {
            expect_start(&mut stream);
            say(&mut stream, &prompt(PromptKind::Password));
            expect_answer(&mut stream, b"secret");
            say(&mut stream, &prompt(PromptKind::Code));
        }),
        Box::new(|mut stream| {
            expect_start(&mut stream);
            say(&mut stream, &prompt(PromptKind::Password));
            expect_answer(&mut stream, b"secret");
            say(&mut stream, &prompt(PromptKind::Code));
            expect_answer(&mut stream, b"123456");
            say(&mut stream, &verdict(Code::Success));
        }),
    ]);
    let (mut conversation, _) = opened(&server.path(), PATIENT).unwrap();
    conversation.answer(Secret::new(b"secret".to_vec())).unwrap();
    let step = conversation.answer(Secret::new(b"123456".to_vec())).unwrap();
    assert_eq!(code(&step), Some(Code::Success));
    server.finish();
}

#[test]
fn a_restarted_daemon_that_asks_something_else_is_not_given_the_old_answer() {
    let server = Server::scripted(vec![
        Box::new(|mut stream| {
            expect_start(&mut stream);
            say(&mut stream, &prompt(PromptKind::Password));
        }),
        Box::new(|mut stream| {
            expect_start(&mut stream);
            say(&mut stream, &prompt(PromptKind::Code));
            assert!(read_call(&mut stream).is_none());
        }),
    ]);
    let (mut conversation, _) = opened(&server.path(), PATIENT).unwrap();
    assert!(matches!(conversation.answer(Secret::new(b"secret".to_vec())), Err(Error::Closed)));
    drop(conversation);
    server.finish();
}

#[test]
fn a_daemon_that_hangs_up_on_every_answer_is_given_up() {
    fn hang_up(mut stream: UnixStream) {
        expect_start(&mut stream);
        say(&mut stream, &prompt(PromptKind::Password));
        expect_answer(&mut stream, b"secret");
    }
    let server = Server::scripted(vec![Box::new(hang_up), Box::new(hang_up)]);
    let (mut conversation, _) = opened(&server.path(), PATIENT).unwrap();
    assert!(matches!(conversation.answer(Secret::new(b"secret".to_vec())), Err(Error::Closed)));
    server.finish();
}

#[test]
fn the_socket_is_not_inherited_by_programs_that_are_started() {
    let server = Server::scripted(vec![Box::new(|mut stream| {
        expect_start(&mut stream);
        say(&mut stream, &prompt(PromptKind::Password));
        let _ = read_call(&mut stream);
    })]);
    let (conversation, _) = opened(&server.path(), PATIENT).unwrap();
    let listing = std::process::Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    // Its own standard streams may be sockets of the test runner; compare with the highest of them.
    let inherited = listing.lines().filter(|line| line.contains("socket:")).count();
    let standard = (0..3)
        .filter(|fd| {
            std::fs::read_link(format!("/proc/self/fd/{fd}"))
                .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
        })
        .count();
    assert!(inherited <= standard, "{listing}");
    drop(conversation);
    server.finish();
}
