//! The module's side of the conversation, against scripted daemons and scripted people.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::spawn;
use std::time::Duration;

use auth_protocol::wire::{Call, Reply, decode_call, encode_reply};
use auth_protocol::{Frames, Step};

use super::*;

/// One exchange of a scripted daemon: the answer it must get (none: the opening), what it says.
type Exchange = (Option<&'static str>, Next);

/// Somebody who has prepared their answers and remembers what they were shown.
#[derive(Default)]
struct Scripted {
    answers: Vec<&'static str>,
    shown: Vec<String>,
    asked: Vec<Prompt>,
    /// The application shows no texts.
    refuses_texts: bool,
}

impl Person for Scripted {
    fn show(&mut self, message: &Message) -> bool {
        self.shown.push(message.text.clone());
        !self.refuses_texts
    }

    fn ask(&mut self, prompt: &Prompt) -> Option<Secret> {
        self.asked.push(prompt.clone());
        if self.answers.is_empty() {
            return None;
        }
        Some(Secret::new(self.answers.remove(0).as_bytes().to_vec()))
    }
}

fn ask(kind: PromptKind, text: &str) -> Next {
    Next::Prompt(Prompt { kind, echo: kind == PromptKind::Code, text: text.into() })
}

fn password() -> Next {
    ask(PromptKind::Password, "Password: ")
}

fn say(code: Code) -> Next {
    Next::Verdict(code.into())
}

fn accepted(length: u32) -> Next {
    Next::Verdict(Verdict { code: Code::Success, password_length: Some(length) })
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

/// Holds a conversation whose first step has a text before it asks.
fn hold_with_text(message: Message, person: &mut Scripted) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("auth");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        assert!(matches!(read_call(&mut stream), Some(Call::Start(_))));
        let next = ask(PromptKind::Code, "Verification code: ");
        let step = Reply::Step(Step { messages: vec![message], next });
        stream.write_all(&encode_reply(&step).unwrap()).unwrap();
        let Some(Call::Answer(_)) = read_call(&mut stream) else { return false };
        let step = Reply::Step(Step { messages: vec![], next: say(Code::Success) });
        stream.write_all(&encode_reply(&step).unwrap()).unwrap();
        true
    });
    let timeouts = Timeouts { start: Duration::from_secs(20), answer: Duration::from_secs(20) };
    let address = Daemon { socket: &socket, timeouts };
    let start = start(Phase::Authenticate);
    let outcome = converse(&address, &start, Arguments::default(), Earlier::default(), person);
    let answered = daemon.join().unwrap();
    assert_eq!(answered, outcome.code == PamResultCode::PAM_SUCCESS);
    outcome
}

#[test]
fn a_text_that_must_be_seen_ends_the_conversation_where_it_is_not() {
    let someone =
        |refuses_texts| Scripted { answers: vec!["123456"], refuses_texts, ..Scripted::default() };
    let (mut blind, mut seeing) = (someone(true), someone(false));
    let outcome = hold_with_text(Message::needed("Secret: …"), &mut blind);
    assert_eq!(outcome.code, PamResultCode::PAM_CONV_ERR);
    assert!(blind.asked.is_empty() && !outcome.refused);
    hold_with_text(Message::new(Style::Info, "Welcome."), &mut blind);
    assert_eq!(blind.asked.len(), 1, "any other text may go unseen");
    let outcome = hold_with_text(Message::needed("Secret: …"), &mut seeing);
    assert_eq!((outcome.code, seeing.asked.len()), (PamResultCode::PAM_SUCCESS, 1));
}

/// Runs `converse` against a daemon that holds these conversations, in this order.
fn hold(
    phase: Phase,
    conversations: Vec<Vec<Exchange>>,
    words: &[&std::ffi::CStr],
    earlier: Earlier,
    person: &mut Scripted,
) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("auth");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = spawn(move || {
        for exchanges in conversations {
            let mut stream = listener.accept().unwrap().0;
            for (expected, next) in exchanges {
                let answer = match read_call(&mut stream).expect("the module hung up early") {
                    Call::Start(_) => None,
                    Call::Answer(answer) => {
                        Some(String::from_utf8(answer.as_bytes().to_vec()).unwrap())
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(answer.as_deref(), expected);
                let reply = Reply::Step(Step { messages: vec![], next });
                stream.write_all(&encode_reply(&reply).unwrap()).unwrap();
            }
            assert!(read_call(&mut stream).is_none(), "the module went on after the end");
        }
    });
    let timeouts = Timeouts { start: Duration::from_secs(20), answer: Duration::from_secs(20) };
    let start = start(phase);
    let daemon_address = Daemon { socket: &socket, timeouts };
    let outcome = converse(&daemon_address, &start, Arguments::parse(words), earlier, person);
    daemon.join().unwrap();
    outcome
}

fn start(phase: Phase) -> Start {
    Start {
        phase,
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

fn earlier(password: &str) -> Earlier {
    Earlier { password: Some(Secret::new(password.as_bytes().to_vec())), old_password: None }
}

fn text(secret: Option<&Secret>) -> Option<&str> {
    secret.map(|secret| std::str::from_utf8(secret.as_bytes()).unwrap())
}

#[test]
fn password_then_code() {
    let mut person = Scripted { answers: vec!["secret", "123456"], ..Scripted::default() };
    let script = vec![vec![
        (None, password()),
        (Some("secret"), ask(PromptKind::Code, "Verification code: ")),
        (Some("123456"), accepted(6)),
    ]];
    let outcome = hold(Phase::Authenticate, script, &[], Earlier::default(), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_SUCCESS);
    assert_eq!(text(outcome.password.as_ref()), Some("secret"));
    assert_eq!(person.asked[0].text, "Password: ");
    assert!(!person.asked[0].echo && person.asked[1].echo);
}

#[test]
fn a_code_sent_with_the_password_is_not_left_for_other_modules() {
    let mut person = Scripted { answers: vec!["secret123456"], ..Scripted::default() };
    let script = vec![vec![(None, password()), (Some("secret123456"), accepted(6))]];
    let outcome = hold(Phase::Authenticate, script, &[], Earlier::default(), &mut person);
    assert_eq!(text(outcome.password.as_ref()), Some("secret"));
}

#[test]
fn a_length_beyond_the_answer_leaves_no_password() {
    let mut person = Scripted { answers: vec!["x"], ..Scripted::default() };
    let script = vec![vec![(None, password()), (Some("x"), accepted(2))]];
    let outcome = hold(Phase::Authenticate, script, &[], Earlier::default(), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_SUCCESS);
    assert!(outcome.password.is_none());
}

#[test]
fn a_refusal_leaves_no_password() {
    let mut person = Scripted { answers: vec!["wrong"], ..Scripted::default() };
    let script = vec![vec![(None, password()), (Some("wrong"), say(Code::AuthenticationFailed))]];
    let outcome = hold(Phase::Authenticate, script, &[], Earlier::default(), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_AUTH_ERR);
    assert!(outcome.refused && outcome.password.is_none());
}

#[test]
fn somebody_who_breaks_off_is_a_failed_conversation() {
    let mut person = Scripted::default();
    let script = vec![vec![(None, password())]];
    let outcome = hold(Phase::Authenticate, script, &[], Earlier::default(), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_CONV_ERR);
}

#[test]
fn use_first_pass_never_asks_for_a_password() {
    let words = [c"use_first_pass"];
    let mut person = Scripted { answers: vec!["asked"], ..Scripted::default() };
    let script = vec![vec![(None, password()), (Some("first"), say(Code::AuthenticationFailed))]];
    let outcome = hold(Phase::Authenticate, script, &words, earlier("first"), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_AUTH_ERR);

    let script = vec![vec![(None, password())]];
    let outcome = hold(Phase::Authenticate, script, &words, Earlier::default(), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_AUTHTOK_RECOVERY_ERR);
    assert!(person.asked.is_empty());
}

#[test]
fn use_first_pass_still_asks_for_the_code() {
    let mut person = Scripted { answers: vec!["123456"], ..Scripted::default() };
    let script = vec![vec![
        (None, password()),
        (Some("first"), ask(PromptKind::Code, "Verification code: ")),
        (Some("123456"), accepted(5)),
    ]];
    let words = [c"use_first_pass"];
    let outcome = hold(Phase::Authenticate, script, &words, earlier("first"), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_SUCCESS);
}

#[test]
fn try_first_pass_asks_when_the_earlier_password_was_wrong() {
    let mut person = Scripted { answers: vec!["mine"], ..Scripted::default() };
    let script = vec![
        vec![(None, password()), (Some("other"), say(Code::AuthenticationFailed))],
        vec![(None, password()), (Some("mine"), accepted(4))],
    ];
    let words = [c"try_first_pass"];
    let outcome = hold(Phase::Authenticate, script, &words, earlier("other"), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_SUCCESS);
    assert_eq!(text(outcome.password.as_ref()), Some("mine"));
    assert_eq!(person.asked.len(), 1);
}

#[test]
fn try_first_pass_does_not_ask_when_the_earlier_password_was_right() {
    let mut person = Scripted::default();
    let script = vec![vec![(None, password()), (Some("right"), accepted(5))]];
    let words = [c"try_first_pass"];
    let outcome = hold(Phase::Authenticate, script, &words, earlier("right"), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_SUCCESS);
    assert!(person.asked.is_empty());
}

#[test]
fn a_changed_password_is_left_for_other_modules_with_the_old_one() {
    let mut person = Scripted { answers: vec!["old", "new", "new"], ..Scripted::default() };
    let script = vec![vec![
        (None, ask(PromptKind::CurrentPassword, "Current password: ")),
        (Some("old"), ask(PromptKind::NewPassword, "New password: ")),
        (Some("new"), ask(PromptKind::RepeatPassword, "Retype new password: ")),
        (Some("new"), say(Code::Success)),
    ]];
    let outcome = hold(Phase::ChangePassword, script, &[], Earlier::default(), &mut person);
    assert_eq!(text(outcome.password.as_ref()), Some("new"));
    assert_eq!(text(outcome.old_password.as_ref()), Some("old"));
}

#[test]
fn a_new_password_from_a_module_before_us_is_used_for_both_prompts_once() {
    let mut person = Scripted { answers: vec!["better", "better"], ..Scripted::default() };
    let script = vec![vec![
        (None, ask(PromptKind::NewPassword, "New password: ")),
        (Some("weak"), ask(PromptKind::RepeatPassword, "Retype new password: ")),
        (Some("weak"), ask(PromptKind::NewPassword, "New password: ")),
        (Some("better"), ask(PromptKind::RepeatPassword, "Retype new password: ")),
        (Some("better"), say(Code::Success)),
    ]];
    let words = [c"try_first_pass"];
    let outcome = hold(Phase::ChangePassword, script, &words, earlier("weak"), &mut person);
    assert_eq!(text(outcome.password.as_ref()), Some("better"));
}

#[test]
fn a_daemon_that_is_gone_is_one_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("auth");
    for phase in [Phase::Authenticate, Phase::Account, Phase::ChangePassword] {
        let daemon = Daemon { socket: &socket, timeouts: Timeouts::default() };
        let mut person = Scripted::default();
        let arguments = Arguments::default();
        let outcome = converse(&daemon, &start(phase), arguments, Earlier::default(), &mut person);
        assert_eq!(outcome.code, PamResultCode::PAM_AUTHINFO_UNAVAIL);
        assert!(!outcome.refused);
        assert_eq!(person.shown.len(), 1);
        assert!(person.shown[0].contains("cannot be checked right now"));
        assert!(person.asked.is_empty());
    }
}

#[test]
fn silence_from_the_daemon_does_not_open_a_session() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("auth");
    let daemon = Daemon { socket: &socket, timeouts: Timeouts::default() };
    let mut person = Scripted::default();
    let arguments = Arguments::default();
    let start = start(Phase::OpenSession);
    let outcome = converse(&daemon, &start, arguments, Earlier::default(), &mut person);
    assert_eq!(outcome.code, PamResultCode::PAM_SESSION_ERR);
}
