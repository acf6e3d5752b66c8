//! Logins straight through the daemon's socket, as the PAM module holds them.

use std::path::Path;
use std::time::{Duration, Instant};

use auth_protocol::{Code, Conversation, Next, Phase, PromptKind, SOCKET, Secret, Start, Timeouts};

/// How a login ended: the prompts that were shown, and the verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub prompts: Vec<String>,
    pub code: String,
}

/// Tries a password. Whatever else is asked gets a wrong code.
pub fn log_in(user: &str, password: &str, remote: &str) -> (Seen, Duration) {
    let start = Start {
        phase: Phase::Authenticate,
        user: user.to_owned(),
        service: "login-bench".to_owned(),
        tty: None,
        remote_host: Some(remote.to_owned()),
        remote_user: None,
        caller_uid: 0,
        public_key: false,
        only_expired: false,
        silent: true,
    };
    let patient = Duration::from_secs(120);
    let timeouts = Timeouts { start: patient, answer: patient };
    let mut prompts = Vec::new();
    let started = Instant::now();
    let opened = Conversation::open(Path::new(SOCKET), start, timeouts);
    let (mut conversation, mut step) = opened.expect("rosterd answers");
    loop {
        match &step.next {
            Next::Verdict(verdict) => {
                let code = format!("{:?}", verdict.code);
                return (Seen { prompts, code }, started.elapsed());
            }
            Next::Prompt(prompt) => {
                let answer = match prompt.kind {
                    PromptKind::Code => "000000",
                    _ => password,
                };
                prompts.push(prompt.text.clone());
                let answer = Secret::new(answer.as_bytes().to_vec());
                step = conversation.answer(answer).expect("rosterd answers");
            }
        }
    }
}

/// A login that has to succeed.
pub fn must_log_in(user: &str, password: &str, remote: &str) -> Duration {
    let (seen, time) = log_in(user, password, remote);
    assert_eq!(seen.code, format!("{:?}", Code::Success), "{user} should get in");
    time
}
