//! Whole logins against a real store.

#![allow(clippy::unwrap_used)]

mod ageing;
mod app_passwords;
mod changes;
mod codes;
mod doors;
mod enrolment;
mod imported;
mod odd_passwords;
mod passwords;
mod standing;

use std::sync::Arc;

use accounts::Subject;
use serde_json::json;

use super::*;
use crate::authenticate::{Parameters, PasswordHasher};
use crate::authorize::{Action, Decision, Grant, decide};
use crate::service::testing::{Fixture, TestClock, map, secret, subject};
use crate::service::{NewPassword, Provider};
use crate::store::ThrottleKind;

const PASSWORD: &str = "correct horse";

/// A service with a user `alice`, who has a password and may use it over ssh.
struct House {
    clock: Arc<TestClock>,
    service: Arc<Service>,
    directory: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let fixture = Fixture::new();
        let fields = json!({"name": "alice", "ssh_password_enabled": true});
        fixture.create_with(fields, NewPassword::Given(secret(PASSWORD))).unwrap();
        let clock = fixture.clock.clone();
        let (directory, service) = fixture.into_parts();
        Self { clock, service: Arc::new(service), directory }
    }

    fn root(&self, action: Action) -> Grant {
        let target = self.service.target(&subject("alice")).unwrap();
        match decide(&self.service.caller(0).unwrap(), action, Some(&target)) {
            Decision::Allow(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    fn update(&self, fields: serde_json::Value) {
        let grant = self.root(Action::UserUpdate);
        self.service.update_user(&grant, &subject("alice"), &map(fields), None).unwrap();
    }

    /// Enrols and confirms; answers the authenticator and the recovery codes.
    fn enrol(&self, digits: u32) -> (totp_rs::Totp, Vec<Secret>) {
        let grant = self.root(Action::TwoFactorManage);
        let enrolment = self.service.enroll_totp(&grant, &subject("alice"), digits, 30).unwrap();
        let authenticator = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
        let code = self.code(&authenticator);
        let codes = self.service.confirm_totp(&grant, &subject("alice"), &secret(&code)).unwrap();
        // The code that confirmed is spent; the next one comes with the next step.
        self.clock.forward(30);
        (authenticator, codes)
    }

    fn code(&self, authenticator: &totp_rs::Totp) -> String {
        authenticator.generate(self.service.now().unsigned_abs()).to_string()
    }

    fn open(&self, start: Start) -> (Login, Step) {
        Login::open(Arc::clone(&self.service), 0, start).unwrap()
    }

    /// Opens a conversation and gives these answers; what was asked, and the last step.
    fn hold(&self, start: Start, answers: &[&str]) -> (Vec<String>, Step) {
        let (mut login, mut step) = self.open(start);
        let mut asked = Vec::new();
        let mut answers = answers.iter();
        while let Next::Prompt(prompt) = &step.next {
            asked.push(prompt.text.clone());
            let Some(answer) = answers.next() else { return (asked, step) };
            step = login.answer(secret(answer)).unwrap();
        }
        assert!(answers.next().is_none(), "not all answers were wanted: {asked:?}");
        (asked, step)
    }

    fn verdict(&self, start: Start, answers: &[&str]) -> Code {
        code_of(&self.hold(start, answers).1)
    }

    fn failures(&self, kind: ThrottleKind, remote: &str) -> u32 {
        let user = self.service.user(&subject("alice")).unwrap();
        self.service.read(|db| Ok(db.throttle(user.id, kind, remote)?.failures)).unwrap()
    }
}

fn code_of(step: &Step) -> Code {
    match &step.next {
        Next::Verdict(verdict) => verdict.code,
        Next::Prompt(prompt) => panic!("still asked for {prompt:?}"),
    }
}

fn start(phase: Phase, service: &str) -> Start {
    Start {
        phase,
        user: "alice".into(),
        service: service.into(),
        tty: None,
        remote_host: Some("192.0.2.1".into()),
        remote_user: None,
        caller_uid: 0,
        public_key: false,
        only_expired: false,
        silent: false,
    }
}

fn ssh() -> Start {
    start(Phase::Authenticate, "sshd")
}

fn with_key() -> Start {
    Start { public_key: true, ..ssh() }
}
